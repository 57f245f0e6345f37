//! A command to run on a host, and what came of it.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::error::{Coded, ErrorKind};
use crate::host::remote::LinkError;
use crate::secret::Secret;

/// The most a command may print to one of its streams, in bytes; more is an error.
pub const LARGEST_OUTPUT: usize = 64 << 20;

/// A program with its arguments and what it reads from its standard input.
///
/// There is no shell: each argument arrives as it is. A secret goes in by
/// [`stdin_secret`](Command::stdin_secret) and by no other way, so arguments may be shown.
#[derive(Clone)]
pub struct Command {
    pub(crate) program: Program,
    pub(crate) args: Vec<OsString>,
    pub(crate) stdin: Stdin,
    pub(crate) accepted: Vec<i32>,
    pub(crate) timeout: Duration,
}

#[derive(Clone)]
pub(crate) enum Program {
    /// One of the system's, looked for in the tool directories.
    Tool(&'static str),
    /// One of the administrator's, at its absolute path.
    At(PathBuf),
}

#[derive(Clone)]
pub(crate) enum Stdin {
    Empty,
    Bytes(Vec<u8>),
    Secret(Secret),
}

impl Command {
    /// A command that runs `program` (a plain name, looked for in the tool directories).
    pub fn new(program: &'static str) -> Self {
        Self::running(Program::Tool(program))
    }

    /// A command that runs the administrator's own program at the absolute path `program`.
    ///
    /// It runs under the same rules as a tool, and only where nobody but root and the user that
    /// runs it can change or replace it: [`CommandError::Untrusted`] otherwise.
    pub fn at(program: impl Into<PathBuf>) -> Self {
        Self::running(Program::At(program.into()))
    }

    fn running(program: Program) -> Self {
        Self {
            program,
            args: Vec::new(),
            stdin: Stdin::Empty,
            accepted: vec![0],
            timeout: Duration::from_secs(60),
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments in order.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// What the program reads from its standard input, a file that it may also open as
    /// `/proc/self/fd/0`.
    #[must_use]
    pub fn stdin(mut self, content: Vec<u8>) -> Self {
        self.stdin = Stdin::Bytes(content);
        self
    }

    /// The secret that the program reads from its standard input; never shown.
    #[must_use]
    pub fn stdin_secret(mut self, secret: Secret) -> Self {
        self.stdin = Stdin::Secret(secret);
        self
    }

    /// Exit statuses beside 0 that are an answer and no failure.
    #[must_use]
    pub fn accept(mut self, statuses: &[i32]) -> Self {
        self.accepted.extend_from_slice(statuses);
        self
    }

    /// The longest the command may take, if the deadline is not nearer (60 s if not set).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The program's name, or its path where it has one.
    pub fn program(&self) -> Cow<'_, str> {
        match &self.program {
            Program::Tool(name) => Cow::Borrowed(name),
            Program::At(path) => path.to_string_lossy(),
        }
    }
}

impl fmt::Display for Command {
    /// The command as one could type it, quoted for a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote_for_shell(&self.program()))?;
        for arg in &self.args {
            write!(f, " {}", quote_for_shell(&arg.to_string_lossy()))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({self})")
    }
}

/// What a command that ended printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The exit status: 0 or one of those accepted.
    pub status: i32,
    /// All of standard output.
    pub stdout: Vec<u8>,
    /// All of standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Standard output as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text; bytes that are no UTF-8 are replaced.
    pub fn error_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// Why a command gave no result.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The program is in none of the tool directories.
    #[error("the program `{program}` is not installed on {host}")]
    NotInstalled {
        /// The program.
        program: &'static str,
        /// The machine.
        host: String,
    },
    /// Others than root and the user that was to run the program could change it.
    #[error("the program `{}` was not run, because {why}", program.display())]
    Untrusted {
        /// The program.
        program: PathBuf,
        /// What is wrong, such as `others may write to \`/srv\``.
        why: String,
        /// What is to be done about it.
        remedy: String,
    },
    /// The program could not be started.
    #[error("`{command}` could not be started")]
    Start {
        /// The command as one could type it.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// The program ended with a status that stands for failure.
    #[error("`{command}` failed with {status}{}", tail(stderr))]
    Failed {
        /// The command as one could type it.
        command: String,
        /// `exit status 1`, `signal 9`.
        status: String,
        /// The end of what it wrote to standard error (or to standard output, where that is empty).
        stderr: String,
    },
    /// The command was still running at the deadline and was killed.
    #[error("`{command}` was stopped because it took longer than {} s", after.as_secs())]
    TimedOut {
        /// The command as one could type it.
        command: String,
        /// How long it had.
        after: Duration,
    },
    /// The command printed more than [`LARGEST_OUTPUT`] and was killed.
    #[error("`{command}` was stopped because it printed more than {LARGEST_OUTPUT} bytes")]
    TooMuchOutput {
        /// The command as one could type it.
        command: String,
    },
    /// The machine that it was to run on did not say what came of it.
    #[error("`{command}` has no result")]
    NoResult {
        /// The command as one could type it.
        command: String,
        /// Why not.
        source: Box<LinkError>,
    },
    /// The command printed something that is not in the form its program documents.
    #[error("`{command}` printed something unexpected: {what}")]
    Unexpected {
        /// The command as one could type it.
        command: String,
        /// What was expected and what came.
        what: String,
    },
}

impl CommandError {
    /// The error for output of `command` that could not be understood.
    pub fn unexpected(command: &Command, what: impl Into<String>) -> Self {
        Self::Unexpected {
            command: command.to_string(),
            what: what.into(),
        }
    }

    /// The error for `command` that ended with `status` after it had written this.
    pub(super) fn failed(
        command: &Command,
        status: ExitStatus,
        stdout: &[u8],
        stderr: &[u8],
    ) -> Self {
        let said = if stderr.is_empty() { stdout } else { stderr };
        let start = said.len().saturating_sub(2000);
        Self::Failed {
            command: command.to_string(),
            status: status.to_string(),
            stderr: String::from_utf8_lossy(&said[start..]).trim().into(),
        }
    }

    /// What a failed command wrote to standard error; empty for every other error.
    pub fn stderr(&self) -> &str {
        match self {
            Self::Failed { stderr, .. } => stderr,
            _ => "",
        }
    }
}

impl Coded for CommandError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotInstalled { .. } => "host.tool-missing",
            Self::Untrusted { .. } => "host.program-untrusted",
            Self::Start { .. } => "host.command-not-started",
            Self::Failed { .. } => "host.command-failed",
            Self::TimedOut { .. } => "host.command-timed-out",
            Self::TooMuchOutput { .. } => "host.command-output-too-large",
            Self::NoResult { source, .. } => source.code(),
            Self::Unexpected { .. } => "host.command-output-unexpected",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotInstalled { .. } | Self::Untrusted { .. } => ErrorKind::Unsupported,
            Self::NoResult { source, .. } => source.kind(),
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::NotInstalled { program, .. } => {
                package_of(program).map(|package| format!("run `apt-get install {package}`"))
            }
            Self::Untrusted { remedy, .. } => Some(remedy.clone()),
            Self::NoResult { source, .. } => source.remedy(),
            _ => None,
        }
    }
}

/// `text` quoted so that a POSIX shell takes it as one word.
pub fn quote_for_shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+^".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The Debian package that holds `program`.
fn package_of(program: &str) -> Option<&'static str> {
    Some(match program {
        "smbd" => "samba",
        "testparm" | "smbcontrol" | "smbpasswd" | "pdbedit" | "net" => "samba-common-bin samba",
        "smbclient" => "smbclient",
        "winbindd" | "wbinfo" => "winbind",
        "tdbtool" | "tdbdump" => "tdb-tools",
        "ctdb" | "ctdbd" => "ctdb",
        "ethtool" => "ethtool",
        "ip" | "ss" => "iproute2",
        "zfs" | "zpool" => "zfsutils-linux",
        "btrfs" => "btrfs-progs",
        "useradd" | "userdel" => "passwd",
        "ssh" => "openssh-client",
        "virsh" => "libvirt-clients",
        "lxc-attach" => "lxc",
        _ => return None,
    })
}

fn tail(stderr: &str) -> String {
    match stderr.trim() {
        "" => String::new(),
        text => format!(": {text}"),
    }
}
