//! A machine made of namespaces, such as a container, worked on by a process outside of it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::change::Change;
use crate::deadline::Deadline;
use crate::host::cmd::Program;
use crate::host::spawn::TOOL_PATH;
use crate::host::{
    Command, CommandError, FileError, FileStatus, Host, LocalHost, Lock, LockError, Output,
};

/// The running machine that a process is in: its files by way of `/proc`, its commands run in all of
/// its namespaces (namespaces(7)). For privileged containers, and hosts made of namespaces alone.
///
/// What was opened in the beginning is what is worked on to the end: a process that ends meanwhile, and
/// whose number another one gets, changes nothing. The caller is root.
#[derive(Debug)]
pub struct NamespaceHost {
    name: String,
    files: LocalHost,
    // The path of `files` leads over it.
    root: File,
    spaces: Vec<(&'static str, File)>,
    network: File,
}

/// What nsenter(1) enters beside the network, by its options and the names in `/proc`.
const SPACES: [(&str, &str); 4] = [
    ("--mount", "mnt"),
    ("--uts", "uts"),
    ("--ipc", "ipc"),
    ("--pid", "pid"),
];

impl NamespaceHost {
    /// The machine that the process `pid` is in, called `name` in messages.
    ///
    /// # Errors
    /// Where there is no such process, it cannot be looked at, or its users are other ones than those of
    /// this machine, as in an unprivileged container: files would belong to the wrong ones.
    pub fn of_process(name: impl Into<String>, pid: u32) -> io::Result<Self> {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let users = |of: &Path| std::fs::read_link(of.join("ns/user"));
        if users(&process)? != users(Path::new("/proc/self"))? {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "its users are not those of this machine (an unprivileged container)",
            ));
        }
        let open = |name: &str| File::open(process.join("ns").join(name));
        let root = File::open(process.join("root"))?;
        let spaces = SPACES
            .iter()
            .map(|(option, name)| Ok((*option, open(name)?)))
            .collect::<io::Result<_>>()?;
        Ok(Self {
            name: name.into(),
            files: LocalHost::with_root(format!("/proc/self/fd/{}", root.as_raw_fd())),
            root,
            spaces,
            network: open("net")?,
        })
    }

    /// Has this thread, for good, be on the network of the machine.
    ///
    /// # Errors
    /// Where the caller is not root.
    pub fn enter_network(&self) -> io::Result<()> {
        let space = Some(LinkNameSpaceType::Network);
        Ok(move_into_link_name_space(self.network.as_fd(), space)?)
    }

    /// Whether the machine has a program there; links are its own.
    fn is_program(&self, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix("/") else {
            return false;
        };
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        openat2(
            &self.root,
            below,
            flags,
            Mode::empty(),
            ResolveFlags::IN_ROOT,
        )
        .and_then(fstat)
        .is_ok_and(|file| {
            FileType::from_raw_mode(file.st_mode) == FileType::RegularFile
                && file.st_mode & 0o111 != 0
        })
    }

    /// What enters the machine and runs `command` there.
    fn entering(&self, command: &Command) -> Result<Command, CommandError> {
        let program = match &command.program {
            Program::Tool(name) => self.tool(name)?,
            Program::At(path) => path.clone(),
        };
        // The program that enters has no copies of these, and opens ours.
        let own = std::process::id();
        let handle = |file: &File| format!("/proc/{own}/fd/{}", file.as_raw_fd());
        let spaces = self.spaces.iter();
        let entering = Command::new("nsenter")
            .arg(format!("--net={}", handle(&self.network)))
            .args(spaces.map(|(option, file)| format!("{option}={}", handle(file))))
            .arg("--wdns=/")
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

impl Host for NamespaceHost {
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
        TOOL_PATH
            .split(':')
            .map(|dir| Path::new(dir).join(name))
            .find(|path| self.is_program(path))
            .ok_or_else(|| CommandError::NotInstalled {
                program: name,
                host: self.name.clone(),
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

    fn on_network(&self, work: &mut (dyn FnMut() + Send)) -> io::Result<()> {
        thread::scope(|scope| {
            let entered = thread::Builder::new().spawn_scoped(scope, || {
                self.enter_network()?;
                work();
                Ok(())
            })?;
            // The scope waits for what the thread does, this for its end.
            entered.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }
}
