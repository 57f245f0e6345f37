//! Machines on which every operation is carried out by a program that was sent there.
//!
//! A [`Way`] leads to the machine: ssh, `pct exec`, `lxc-attach` or the QEMU guest agent. What runs there
//! is a short program in the Perl that every Debian has (`agent.pl`). It is told what to do on its standard
//! input, so nothing but its own name and a few lines of ours ever pass a shell; it does a whole operation at
//! one message, with the system's own errors; and it leaves no file behind.

mod agent;
mod error;
mod execute;
pub mod guest;
mod link;
mod ssh;
mod way;
mod wire;

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use rustix::fs::FileType;
use rustix::io::Errno;

use agent::{Agent, Answer, Call};
use wire::Fields;

use super::cmd::{Command, CommandError, LARGEST_OUTPUT, Output, Program, Stdin};
use super::files::{FileError, FileKind, FileStatus, LARGEST_FILE};
use super::local::relative;
use super::lock::{Held, Lock, LockError};
use super::{Host, trusted};
use crate::change::Change;
use crate::deadline::Deadline;

pub use error::LinkError;
pub use execute::{Execute, Executed};
pub use ssh::{SshTarget, SshTargetError};
pub use way::{Inside, Ssh, Way};

pub(crate) use link::Link;
pub(crate) use ssh::is_plain_name;

/// How long an operation on files may take that has no deadline of its own.
const FILE_TIME: Duration = Duration::from_secs(60);

/// Where locks are.
const LOCK_DIR: &str = "/run/smbgw";

/// A running machine that a [`Way`] leads to.
///
/// Connections are kept while this value lives, one for each thread that works on the machine at the same time,
/// and end with it. What is being done there ends when its deadline passes, when this process ends, or (after
/// some seconds of silence) when the network fails. Where the way is the QEMU guest agent, each operation is
/// a program of its own there and takes about a second; files and output are bounded by what the agent
/// carries, and there are no locks.
///
/// The user logged in as needs the rights for what is asked; mostly that is root.
#[derive(Debug)]
pub struct RemoteHost {
    name: String,
    agent: Agent,
}

impl RemoteHost {
    /// The machine that `way` leads to, called `name` in messages, after it has answered.
    ///
    /// # Errors
    /// Where it does not answer before the deadline, or is not what is expected there.
    pub fn open(name: impl Into<String>, way: Way, deadline: Deadline) -> Result<Self, LinkError> {
        let name = name.into();
        let agent = Agent::new(&name, way);
        agent.greet(deadline)?;
        Ok(Self { name, agent })
    }

    /// The machine in which `execute` runs programs, called `name` in messages, after it has answered. Each operation
    /// is a program of its own there, and there are no locks.
    ///
    /// # Errors
    /// Where it does not answer before the deadline, or is not what is expected there.
    pub fn behind(
        name: impl Into<String>,
        execute: Box<dyn Execute>,
        deadline: Deadline,
    ) -> Result<Self, LinkError> {
        let name = name.into();
        let agent = Agent::behind(&name, execute);
        agent.greet(deadline)?;
        Ok(Self { name, agent })
    }

    /// What a machine is asked that concerns the file at `path`, and its answer.
    fn on_file(
        &self,
        action: &'static str,
        path: &Path,
        what: &'static str,
        rest: &[&[u8]],
    ) -> Result<Fields, FileError> {
        let fail = |source: io::Error| FileError::new(action, path, source);
        let plain = plain_path(path).map_err(|error| fail(error.into()))?;
        let mut arguments = vec![plain.as_os_str().as_bytes()];
        arguments.extend(rest);
        let call = Call::new(what, &arguments);
        let answer = self
            .agent
            .ask(Deadline::after(FILE_TIME), &|_| call.message());
        done(answer).map_err(fail)
    }

    /// The same where it is a change.
    fn change(
        &self,
        action: &'static str,
        path: &Path,
        what: &'static str,
        rest: &[&[u8]],
    ) -> Result<Change, FileError> {
        let fields = self.on_file(action, path, what, rest)?;
        change_of(&fields).ok_or_else(|| FileError::new(action, path, self.garbled()))
    }

    fn garbled(&self) -> io::Error {
        io::Error::other(self.agent.garbled("its fields are not the expected ones"))
    }

    /// The program to run there: its name or its path, after a look at who could have changed it.
    fn program(&self, command: &Command) -> Result<(&'static str, PathBuf), CommandError> {
        match &command.program {
            Program::Tool(name) => Ok(("tool", name.into())),
            Program::At(path) => {
                let own = self
                    .agent
                    .user(Deadline::after(FILE_TIME))
                    .map_err(|error| no_result(command, error))?;
                let look = |path: &Path| self.look(path);
                Ok(("path", trusted::program(path, command, own, &look)?))
            }
        }
    }

    fn look(&self, path: &Path) -> io::Result<trusted::Seen> {
        let fields = self
            .on_file("look at", path, "status", &[])
            .map_err(|error| error.source)?;
        let target = fields.get(9).filter(|target| !target.is_empty());
        Ok(trusted::Seen {
            mode: number(&fields, 0).ok_or_else(|| io::Error::from(Errno::NOENT))?,
            uid: number(&fields, 1).ok_or_else(|| self.garbled())?,
            target: target.map(|target| std::ffi::OsStr::from_bytes(target).into()),
        })
    }
}

impl Host for RemoteHost {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_live(&self) -> bool {
        true
    }

    fn local_path(&self, _path: &Path) -> Option<PathBuf> {
        None
    }

    fn tool(&self, name: &'static str) -> Result<PathBuf, CommandError> {
        let command = Command::new(name);
        let call = Call::new("tool", &[name.as_bytes()]);
        let answer = self
            .agent
            .ask(Deadline::after(FILE_TIME), &|_| call.message());
        let fields = done(answer).map_err(|error| unasked(&command, error))?;
        match optional(&fields) {
            Some(Some(path)) => Ok(std::ffi::OsStr::from_bytes(path).into()),
            Some(None) => Err(CommandError::NotInstalled {
                program: name,
                host: self.name.clone(),
            }),
            None => Err(no_result(&command, self.agent.garbled("no path"))),
        }
    }

    fn run(&self, command: &Command, deadline: Deadline) -> Result<Output, CommandError> {
        let (kind, program) = self.program(command)?;
        let deadline = deadline.at_most(command.timeout);
        let after = deadline.remaining();
        let timed_out = || CommandError::TimedOut {
            command: command.to_string(),
            after,
        };
        tracing::debug!(%command, host = self.name, "run");
        let input: &[u8] = match &command.stdin {
            Stdin::Empty => &[],
            Stdin::Bytes(content) => content,
            Stdin::Secret(secret) => secret.expose(),
        };
        let limit = LARGEST_OUTPUT.to_string();
        let answer = self.agent.ask(deadline, &|time| {
            let time = milliseconds(time);
            let program = program.as_os_str().as_bytes();
            let mut arguments: Vec<&[u8]> = vec![
                kind.as_bytes(),
                program,
                time.as_bytes(),
                limit.as_bytes(),
                input,
            ];
            arguments.extend(command.args.iter().map(|argument| argument.as_bytes()));
            Call::changing("run", &arguments).message()
        });
        let fields = match answer {
            Err(LinkError::NoAnswer { .. }) if deadline.has_passed() => return Err(timed_out()),
            answer => done(answer).map_err(|error| unasked(command, error))?,
        };
        let mut fields = fields.into_iter();
        match fields.next().as_deref() {
            Some(b"exited") => {}
            Some(b"timed-out") => return Err(timed_out()),
            Some(b"too-much") => {
                return Err(CommandError::TooMuchOutput {
                    command: command.to_string(),
                });
            }
            Some(b"missing") => {
                return Err(match command.program {
                    Program::Tool(program) => CommandError::NotInstalled {
                        program,
                        host: self.name.clone(),
                    },
                    Program::At(_) => no_result(command, self.agent.garbled("no program")),
                });
            }
            Some(b"not-started") => {
                let errno = fields.next().and_then(|field| parsed(&field));
                return Err(CommandError::Start {
                    command: command.to_string(),
                    source: io::Error::from_raw_os_error(errno.unwrap_or(0)),
                });
            }
            _ => return Err(no_result(command, self.agent.garbled("no way to end"))),
        }
        let status = fields.next().and_then(|field| parsed(&field));
        let (Some(status), Some(stdout), Some(stderr)) = (status, fields.next(), fields.next())
        else {
            return Err(no_result(command, self.agent.garbled("no exit status")));
        };
        let status = ExitStatus::from_raw(status);
        let code = status.code().unwrap_or(-1);
        if command.accepted.contains(&code) {
            return Ok(Output {
                status: code,
                stdout,
                stderr,
            });
        }
        Err(CommandError::failed(command, status, &stdout, &stderr))
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        let limit = LARGEST_FILE.to_string();
        let mut fields = self.on_file("read", path, "read", &[limit.as_bytes()])?;
        match optional(&fields) {
            Some(Some(_)) => Ok(fields.pop()),
            Some(None) => Ok(None),
            None => Err(FileError::new("read", path, self.garbled())),
        }
    }

    fn read_files(&self, path: &Path, suffix: &str) -> Result<Vec<(String, Vec<u8>)>, FileError> {
        let limit = LARGEST_FILE.to_string();
        let rest = [suffix.as_bytes(), limit.as_bytes()];
        let fields = self.on_file("read the files in", path, "read_files", &rest)?;
        let mut files = Vec::with_capacity(fields.len() / 2);
        let mut fields = fields.into_iter();
        while let (Some(name), Some(content)) = (fields.next(), fields.next()) {
            files.push((String::from_utf8_lossy(&name).into_owned(), content));
        }
        files.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(files)
    }

    fn status(&self, path: &Path) -> Result<Option<FileStatus>, FileError> {
        let fields = self.on_file("look at", path, "status", &[])?;
        if fields.is_empty() {
            return Ok(None);
        }
        status_of(&fields)
            .map(Some)
            .ok_or_else(|| FileError::new("look at", path, self.garbled()))
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, FileError> {
        let fields = self.on_file("list", path, "list", &[])?;
        let names = fields.iter().map(|name| String::from_utf8_lossy(name));
        let mut names: Vec<String> = names.map(std::borrow::Cow::into_owned).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn write(&self, path: &Path, content: &[u8], mode: u32) -> Result<Change, FileError> {
        let (mode, limit) = (mode.to_string(), LARGEST_FILE.to_string());
        let rest = [mode.as_bytes(), limit.as_bytes(), content];
        self.change("write", path, "write", &rest)
    }

    fn append(&self, path: &Path, line: &[u8], mode: u32) -> Result<(), FileError> {
        let mode = mode.to_string();
        self.on_file("append to", path, "append", &[mode.as_bytes(), line])
            .map(drop)
    }

    fn remove(&self, path: &Path) -> Result<Change, FileError> {
        self.change("remove", path, "remove", &[])
    }

    fn remove_temporary(&self, path: &Path) -> Result<Change, FileError> {
        self.change("remove", path, "remove_temporary", &[])
    }

    fn create_dir(&self, path: &Path, mode: u32) -> Result<Change, FileError> {
        let mode = mode.to_string();
        self.change("make directory", path, "create_dir", &[mode.as_bytes()])
    }

    fn remove_dir(&self, path: &Path) -> Result<Change, FileError> {
        self.change("remove directory", path, "remove_dir", &[])
    }

    fn empty_dir(&self, path: &Path, deadline: Deadline) -> Result<Change, FileError> {
        let fail = |source: io::Error| FileError::new("empty", path, source);
        let plain = plain_path(path).map_err(|error| fail(error.into()))?;
        let answer = self.agent.ask(deadline, &|time| {
            let time = milliseconds(time);
            Call::changing(
                "empty_dir",
                &[plain.as_os_str().as_bytes(), time.as_bytes()],
            )
            .message()
        });
        let fields = done(answer).map_err(fail)?;
        change_of(&fields).ok_or_else(|| fail(self.garbled()))
    }

    fn set_owner(&self, path: &Path, uid: u32, gid: u32) -> Result<Change, FileError> {
        let (uid, gid) = (uid.to_string(), gid.to_string());
        let rest = [uid.as_bytes(), gid.as_bytes()];
        self.change("change the owner of", path, "set_owner", &rest)
    }

    fn set_mode(&self, path: &Path, mode: u32) -> Result<Change, FileError> {
        let mode = mode.to_string();
        self.change("change the mode of", path, "set_mode", &[mode.as_bytes()])
    }

    fn xattr(&self, path: &Path, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        let action = "read the attributes of";
        let mut fields = self.on_file(action, path, "xattr", &[name.as_bytes()])?;
        match optional(&fields) {
            Some(Some(_)) => Ok(fields.pop()),
            Some(None) => Ok(None),
            None => Err(FileError::new(action, path, self.garbled())),
        }
    }

    fn set_xattr(
        &self,
        path: &Path,
        name: &str,
        value: Option<&[u8]>,
    ) -> Result<Change, FileError> {
        let mut rest = vec![name.as_bytes()];
        rest.extend(value);
        self.change("change the attributes of", path, "set_xattr", &rest)
    }

    fn lock(&self, name: &str, purpose: &str, deadline: Deadline) -> Result<Lock, LockError> {
        let path = Path::new(LOCK_DIR).join(format!("{name}.lock"));
        let fail = |source: io::Error| LockError::from(FileError::new("lock", &path, source));
        let text = format!(
            "process {} of {}, {purpose}\n",
            std::process::id(),
            this_machine()
        );
        let file_name = format!("{name}.lock");
        let asked = self.agent.hold(deadline, &|time| {
            let time = milliseconds(time);
            let arguments = [LOCK_DIR, &file_name, &text, &time];
            Call::changing("lock", &arguments.map(str::as_bytes)).message()
        });
        let (link, answer) = asked.map_err(|error| fail(io::Error::other(error)))?;
        let fields = done(Ok(answer)).map_err(fail)?;
        match fields.first().map(Vec::as_slice) {
            Some(b"taken") => Ok(Lock {
                _held: Held::There(link),
            }),
            Some(b"held") => {
                let holder = fields.get(1).map(|text| String::from_utf8_lossy(text));
                Err(LockError::Held {
                    holder: holder.unwrap_or_default().trim().into(),
                    path,
                })
            }
            _ => Err(fail(self.garbled())),
        }
    }

    /// By the clock of that machine; by this one's where it does not answer.
    fn now(&self) -> i64 {
        let call = Call::new("now", &[]);
        let answer = self
            .agent
            .ask(Deadline::after(FILE_TIME), &|_| call.message());
        let told = done(answer).ok().and_then(|fields| number(&fields, 0));
        told.unwrap_or_else(|| jiff::Timestamp::now().as_second())
    }
}

/// The fields of an answer that says it was done; what went wrong otherwise.
fn done(answer: Result<Answer, LinkError>) -> Result<Fields, io::Error> {
    match answer {
        Ok(Answer::Done(fields)) => Ok(fields),
        Ok(Answer::Errno(errno)) => Err(io::Error::from_raw_os_error(errno)),
        Ok(Answer::Problem(text)) => Err(io::Error::other(text)),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// The error of a command whose question was not answered.
fn unasked(command: &Command, error: io::Error) -> CommandError {
    match error.downcast::<LinkError>() {
        Ok(error) => no_result(command, error),
        Err(source) => CommandError::Start {
            command: command.to_string(),
            source,
        },
    }
}

fn no_result(command: &Command, error: LinkError) -> CommandError {
    CommandError::NoResult {
        command: command.to_string(),
        source: Box::new(error),
    }
}

/// An absolute path as it is said to the other machine: no `..`, no empty parts.
fn plain_path(path: &Path) -> Result<PathBuf, Errno> {
    let plain = Path::new("/").join(relative(path)?);
    let plain: PathBuf = plain.components().collect();
    let has_zero = plain.as_os_str().as_bytes().contains(&0);
    (!has_zero).then_some(plain).ok_or(Errno::INVAL)
}

fn milliseconds(time: Duration) -> String {
    time.as_millis().to_string()
}

fn this_machine() -> String {
    let names = rustix::system::uname();
    names.nodename().to_string_lossy().into_owned()
}

fn parsed<T: std::str::FromStr>(field: &[u8]) -> Option<T> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

fn number<T: std::str::FromStr>(fields: &[Vec<u8>], index: usize) -> Option<T> {
    parsed(fields.get(index)?)
}

/// What is there, if something is; `None` where the answer is not about that.
fn optional(fields: &[Vec<u8>]) -> Option<Option<&Vec<u8>>> {
    match fields {
        [word] if word == b"none" => Some(None),
        [word, content] if word == b"some" => Some(Some(content)),
        _ => None,
    }
}

fn change_of(fields: &[Vec<u8>]) -> Option<Change> {
    Some(match fields.first()?.as_slice() {
        b"unchanged" => Change::Unchanged,
        b"created" => Change::Created,
        b"updated" => Change::Updated,
        b"removed" => Change::Removed,
        _ => return None,
    })
}

fn status_of(fields: &[Vec<u8>]) -> Option<FileStatus> {
    let mode: u32 = number(fields, 0)?;
    Some(FileStatus {
        kind: match FileType::from_raw_mode(mode) {
            FileType::RegularFile => FileKind::File,
            FileType::Directory => FileKind::Directory,
            FileType::Symlink => FileKind::Symlink,
            _ => FileKind::Special,
        },
        mode: mode & 0o7777,
        uid: number(fields, 1)?,
        gid: number(fields, 2)?,
        size: number(fields, 3)?,
        device: rustix::fs::makedev(number(fields, 4)?, number(fields, 5)?),
        inode: number(fields, 6)?,
        changed_at: (number(fields, 7)?, number(fields, 8)?),
    })
}
