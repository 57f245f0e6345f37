//! What leads to a machine: the program to start here, and what its complaints mean.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::error::LinkError;
use super::ssh::SshTarget;
use crate::host::cmd::{Command, quote_for_shell};

/// How long the network may take to connect; ssh would wait for minutes.
const CONNECT: Duration = Duration::from_secs(10);

/// What leads from this machine to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// By ssh to a machine.
    Ssh(Ssh),
    /// Into a container or virtual machine of this machine.
    Inside(Inside),
    /// By ssh to a machine, and from there into one of its containers or virtual machines.
    Through(Ssh, Inside),
}

/// A machine behind ssh, with what ssh is told beside its own settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssh {
    target: SshTarget,
    identity: Option<PathBuf>,
    known_hosts: Option<PathBuf>,
}

/// A container or virtual machine, as the machine that it runs on enters it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Inside {
    /// A container of Proxmox VE, by its number: `pct exec`.
    Container(u32),
    /// A container of plain LXC, by its name: `lxc-attach`.
    Lxc(String),
    /// A virtual machine of Proxmox VE, by its number: `qm guest exec`, which asks its QEMU guest agent.
    Guest(u32),
}

impl Ssh {
    /// The machine `target`, with the keys and known hosts that ssh finds by itself.
    pub fn new(target: SshTarget) -> Self {
        Self {
            target,
            identity: None,
            known_hosts: None,
        }
    }

    /// Logs in with the key in this file and no other.
    #[must_use]
    pub fn identity(mut self, file: impl Into<PathBuf>) -> Self {
        self.identity = Some(file.into());
        self
    }

    /// Knows the hosts in this file and no others.
    #[must_use]
    pub fn known_hosts(mut self, file: impl Into<PathBuf>) -> Self {
        self.known_hosts = Some(file.into());
        self
    }

    /// The command that runs `words` there: sshd hands them to the user's shell, so they are quoted.
    ///
    /// Neither passwords nor unknown keys are asked about; a connection that says nothing for 15 seconds
    /// is given up; and no connection is shared with other ssh clients, as it would end with them.
    fn entering(&self, words: &[String], time: Duration) -> Command {
        let connect = time.min(CONNECT).as_secs().max(1);
        let mut options = vec![
            "BatchMode=yes".to_owned(),
            "StrictHostKeyChecking=yes".into(),
            format!("ConnectTimeout={connect}"),
            "ServerAliveInterval=5".into(),
            "ServerAliveCountMax=3".into(),
            "ControlMaster=no".into(),
            "ControlPath=none".into(),
            "ClearAllForwardings=yes".into(),
            "ForwardAgent=no".into(),
            "ForwardX11=no".into(),
            "PermitLocalCommand=no".into(),
            "RemoteCommand=none".into(),
            "RequestTTY=no".into(),
            "EscapeChar=none".into(),
            "LogLevel=ERROR".into(),
        ];
        if let Some(file) = &self.known_hosts {
            let file = quote_for_ssh(file);
            options.push(format!("UserKnownHostsFile={file}"));
            options.push("GlobalKnownHostsFile=/dev/null".into());
        }
        if let Some(file) = &self.identity {
            options.push(format!("IdentityFile={}", quote_for_ssh(file)));
            options.push("IdentitiesOnly=yes".into());
        }
        let mut command = Command::new("ssh");
        for option in options {
            command = command.arg("-o").arg(option);
        }
        if let Some(user) = self.target.user() {
            command = command.args(["-l", user]);
        }
        if let Some(port) = self.target.port() {
            command = command.arg("-p").arg(port.to_string());
        }
        command
            .args(["--", self.target.host()])
            .args(words.iter().map(|word| quote_for_shell(word)))
    }
}

impl From<SshTarget> for Ssh {
    fn from(target: SshTarget) -> Self {
        Self::new(target)
    }
}

impl Inside {
    /// The words of the command that runs `words` there, the program of the system among them.
    fn entering(&self, words: &[&str], time: Duration) -> (&'static str, Vec<String>) {
        let (program, way) = match self {
            Self::Container(number) => ("pct", vec!["exec".to_owned(), number.to_string()]),
            Self::Lxc(name) => (
                "lxc-attach",
                vec!["--clear-env".into(), "-n".into(), name.clone()],
            ),
            Self::Guest(number) => {
                let seconds = time.as_secs().saturating_add(1).to_string();
                let options = ["--pass-stdin", "1", "--timeout", &seconds].map(str::to_owned);
                let mut way = vec!["guest".to_owned(), "exec".into(), number.to_string()];
                way.extend(options);
                ("qm", way)
            }
        };
        let all = way.into_iter().chain(["--".to_owned()]);
        let all = all.chain(words.iter().map(|word| (*word).to_owned()));
        (program, all.collect())
    }
}

impl Way {
    /// Whether what is started there can be talked with; the guest agent only takes one message
    /// and gives one back.
    pub(super) fn can_talk(&self) -> bool {
        !matches!(self.inside(), Some(Inside::Guest(_)))
    }

    fn ssh(&self) -> Option<&Ssh> {
        match self {
            Self::Ssh(ssh) | Self::Through(ssh, _) => Some(ssh),
            Self::Inside(_) => None,
        }
    }

    fn inside(&self) -> Option<&Inside> {
        match self {
            Self::Inside(inside) | Self::Through(_, inside) => Some(inside),
            Self::Ssh(_) => None,
        }
    }

    /// The command that runs `words` there, none of which needs more time than `time`.
    pub(super) fn entering(&self, words: &[&str], time: Duration) -> Command {
        match self {
            Self::Ssh(ssh) => {
                let plain: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
                ssh.entering(&plain, time)
            }
            Self::Inside(inside) => {
                let (program, rest) = inside.entering(words, time);
                Command::new(program).args(rest)
            }
            Self::Through(ssh, inside) => {
                let (program, mut rest) = inside.entering(words, time);
                rest.insert(0, path_of(program).into());
                ssh.entering(&rest, time)
            }
        }
    }

    /// What it means that the program that leads there ended with `status` and this on its standard
    /// error before anything was done.
    pub(super) fn explain(&self, machine: &str, status: Option<i32>, stderr: &str) -> LinkError {
        let machine = machine.to_owned();
        let said = last_lines(stderr);
        let has = |parts: &[&str]| parts.iter().any(|part| stderr.contains(part));
        if self.ssh().is_some() {
            if has(&["REMOTE HOST IDENTIFICATION HAS CHANGED"]) {
                return LinkError::KeyChanged { machine };
            }
            if has(&["Host key verification failed", "host key is known for"]) {
                return LinkError::KeyUnknown { machine, said };
            }
            if has(&[
                "Permission denied (",
                "Too many authentication failures",
                "no more authentication methods",
                "This account is",
            ]) {
                return LinkError::LoginRefused { machine, said };
            }
        }
        if self.inside().is_some() {
            if has(&["Configuration file '", "' does not exist"]) && has(&["does not exist"]) {
                return LinkError::Absent { machine, said };
            }
            if has(&[
                "guest agent is not running",
                "No QEMU guest agent configured",
            ]) {
                return LinkError::NoGuestAgent { machine, said };
            }
            if has(&["not running", "Failed to get init pid"]) {
                return LinkError::NotRunning { machine, said };
            }
        }
        // What ssh(1) ends with for its own part.
        if status == Some(255) && self.ssh().is_some() && !lacks_perl(status, stderr) {
            return LinkError::Unreachable { machine, said };
        }
        unopened(machine, status, stderr)
    }
}

/// What it means that what was to be run in a machine ended with `status` before anything was done.
pub(super) fn unopened(machine: String, status: Option<i32>, stderr: &str) -> LinkError {
    if lacks_perl(status, stderr) {
        return LinkError::NoPerl { machine };
    }
    LinkError::Refused {
        machine,
        status: match status {
            Some(status) => format!("exit status {status}"),
            None => "no exit status".into(),
        },
        said: last_lines(stderr),
    }
}

fn lacks_perl(status: Option<i32>, stderr: &str) -> bool {
    let has = |part: &str| stderr.contains(part);
    let is_missing = has("No such file or directory") || has("not found");
    status == Some(127) || has("/usr/bin/perl") && is_missing
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ssh(ssh) => write!(f, "ssh:{}", ssh.target),
            Self::Inside(inside) => inside.fmt(f),
            Self::Through(ssh, inside) => write!(f, "ssh:{}/{inside}", ssh.target),
        }
    }
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container(number) => write!(f, "ct:{number}"),
            Self::Lxc(name) => write!(f, "lxc:{name}"),
            Self::Guest(number) => write!(f, "vm:{number}"),
        }
    }
}

/// Where Debian and Proxmox VE have a program that enters.
fn path_of(program: &str) -> &'static str {
    match program {
        "pct" => "/usr/sbin/pct",
        "qm" => "/usr/sbin/qm",
        _ => "/usr/bin/lxc-attach",
    }
}

/// A file as ssh reads it in an option: several may be named, with blanks between them, and `%` begins
/// what it puts in (ssh_config(5)).
fn quote_for_ssh(file: &std::path::Path) -> String {
    format!("\"{}\"", file.display().to_string().replace('%', "%%"))
}

/// The last lines of what a program said, as one.
fn last_lines(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).collect();
    let told: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    let last = &told[told.len().saturating_sub(3)..];
    last.join("; ").chars().take(500).collect()
}
