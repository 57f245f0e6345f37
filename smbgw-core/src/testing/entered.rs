//! A machine made of namespaces, as seen by a process outside of it.

use std::path::{Path, PathBuf};

use crate::change::Change;
use crate::deadline::Deadline;
use crate::host::cmd::Program;
use crate::host::{
    Command, CommandError, FileError, FileStatus, Host, LocalHost, Lock, LockError, Output,
};

/// The running machine that a process is in: its files by way of `/proc`, its commands run in all of
/// its namespaces.
///
/// For tests that stay outside of the throwaway host which they work on. The caller is root, and in
/// the process namespace that the number belongs to.
#[derive(Debug)]
pub struct EnteredHost {
    name: String,
    pid: u32,
    files: LocalHost,
}

impl EnteredHost {
    /// The machine that process `pid` is in, called `name` in messages.
    pub fn new(name: impl Into<String>, pid: u32) -> Self {
        Self {
            name: name.into(),
            pid,
            files: LocalHost::with_root(format!("/proc/{pid}/root")),
        }
    }

    /// What enters the machine and runs `command` there.
    fn entering(&self, command: &Command) -> Result<Command, CommandError> {
        let program = match &command.program {
            Program::Tool(name) => self.tool(name)?,
            Program::At(path) => path.clone(),
        };
        let entering = Command::new("nsenter")
            .args(["--mount", "--net", "--uts", "--ipc", "--pid", "--wdns=/"])
            .arg(format!("--target={}", self.pid))
            // The program ends with `nsenter`, and that with the caller.
            .args(["--", "setpriv", "--pdeathsig=KILL", "--"])
            .arg(program)
            .args(command.args.iter().cloned());
        Ok(Command {
            stdin: command.stdin.clone(),
            accepted: command.accepted.clone(),
            timeout: command.timeout,
            ..entering
        })
    }
}

impl Host for EnteredHost {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_live(&self) -> bool {
        true
    }

    fn local_path(&self, path: &Path) -> Option<PathBuf> {
        self.files.local_path(path)
    }

    fn tool(&self, name: &'static str) -> Result<PathBuf, CommandError> {
        self.files.tool(name).map_err(|error| match error {
            CommandError::NotInstalled { program, .. } => CommandError::NotInstalled {
                program,
                host: self.name.clone(),
            },
            other => other,
        })
    }

    fn run(&self, command: &Command, deadline: Deadline) -> Result<Output, CommandError> {
        let ran = self.files.run(&self.entering(command)?, deadline);
        // Errors show what was asked for, not the way in.
        let asked = command.to_string();
        ran.map_err(|error| match error {
            CommandError::Start { source, .. } => CommandError::Start {
                command: asked,
                source,
            },
            CommandError::Failed { status, stderr, .. } => CommandError::Failed {
                command: asked,
                status,
                stderr,
            },
            CommandError::TimedOut { after, .. } => CommandError::TimedOut {
                command: asked,
                after,
            },
            CommandError::TooMuchOutput { .. } => CommandError::TooMuchOutput { command: asked },
            other => other,
        })
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        self.files.read(path)
    }

    fn status(&self, path: &Path) -> Result<Option<FileStatus>, FileError> {
        self.files.status(path)
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, FileError> {
        self.files.list(path)
    }

    fn write(&self, path: &Path, content: &[u8], mode: u32) -> Result<Change, FileError> {
        self.files.write(path, content, mode)
    }

    fn append(&self, path: &Path, line: &[u8], mode: u32) -> Result<(), FileError> {
        self.files.append(path, line, mode)
    }

    fn remove(&self, path: &Path) -> Result<Change, FileError> {
        self.files.remove(path)
    }

    fn remove_temporary(&self, path: &Path) -> Result<Change, FileError> {
        self.files.remove_temporary(path)
    }

    fn create_dir(&self, path: &Path, mode: u32) -> Result<Change, FileError> {
        self.files.create_dir(path, mode)
    }

    fn remove_dir(&self, path: &Path) -> Result<Change, FileError> {
        self.files.remove_dir(path)
    }

    fn empty_dir(&self, path: &Path, deadline: Deadline) -> Result<Change, FileError> {
        self.files.empty_dir(path, deadline)
    }

    fn set_owner(&self, path: &Path, uid: u32, gid: u32) -> Result<Change, FileError> {
        self.files.set_owner(path, uid, gid)
    }

    fn set_mode(&self, path: &Path, mode: u32) -> Result<Change, FileError> {
        self.files.set_mode(path, mode)
    }

    fn xattr(&self, path: &Path, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        self.files.xattr(path, name)
    }

    fn set_xattr(
        &self,
        path: &Path,
        name: &str,
        value: Option<&[u8]>,
    ) -> Result<Change, FileError> {
        self.files.set_xattr(path, name, value)
    }

    fn lock(&self, name: &str, purpose: &str, deadline: Deadline) -> Result<Lock, LockError> {
        self.files.lock(name, purpose, deadline)
    }
}
