//! How to reach a machine, as a text that can be kept.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::deadline::Deadline;
use crate::error::{Coded, ErrorKind};
use crate::host::remote::{Inside, LinkError, RemoteHost, SshTarget, Way, is_plain_name};
use crate::host::{Host, LocalHost, NamespaceHost};

/// The way to a machine.
///
/// As text it is one of
///
/// * `local`: this machine;
/// * `pid:1234`: the machine that a process of this one is in;
/// * `ssh:[user@]host[:port]`: a machine on the network, by OpenSSH's client and its settings;
/// * `ct:105`: a container of Proxmox VE on this machine, by `pct exec`;
/// * `lxc:name`: a container of plain LXC on this machine, by `lxc-attach`;
/// * `vm:106`: a virtual machine of Proxmox VE on this machine, by its QEMU guest agent;
/// * `ssh:[user@]host[:port]/ct:105`, and so for `lxc` and `vm`: one on a machine behind ssh.
///
/// An IPv6 address with a port is written in brackets: `ssh:[fd00::1]:2222`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
#[serde(try_from = "String", into = "String")]
pub enum Reach {
    /// The machine that this program runs on.
    Local,
    /// The machine that a process of this one is in, as [`NamespaceHost`] reaches it.
    Process(u32),
    /// A machine behind ssh.
    Ssh(SshTarget),
    /// A container of Proxmox VE on this machine, by its number.
    Container(u32),
    /// A container of plain LXC on this machine, by its name.
    Lxc(String),
    /// A virtual machine of Proxmox VE on this machine, by its number.
    Guest(u32),
    /// A container or virtual machine of a machine behind ssh.
    Through(SshTarget, Inside),
}

/// How long a machine may take to answer for the first time.
const OPENING: Duration = Duration::from_secs(30);

/// The numbers that Proxmox VE gives to containers and virtual machines (`pve-vmid`).
const VMIDS: std::ops::RangeInclusive<u32> = 100..=999_999_999;

/// Why a machine cannot be reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReachError {
    /// The text is none.
    #[error("`{0}` is no way to a machine")]
    Malformed(String),
    /// The process cannot be looked at.
    #[error("the machine of the process {pid} cannot be entered")]
    Process {
        /// The process.
        pid: u32,
        /// Why not.
        source: io::Error,
    },
    /// The other machine does not do what it is told.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl Reach {
    /// The machine, called `name` in messages.
    ///
    /// # Errors
    /// Where there is none, or it cannot be reached.
    pub fn open(&self, name: &str) -> Result<Box<dyn Host>, ReachError> {
        match self {
            Self::Local => Ok(Box::new(LocalHost::new())),
            Self::Process(pid) => NamespaceHost::of_process(name, *pid)
                .map(|host| Box::new(host) as Box<dyn Host>)
                .map_err(|source| ReachError::Process { pid: *pid, source }),
            Self::Ssh(target) => open_remote(name, Way::Ssh(target.clone().into())),
            Self::Container(number) => open_remote(name, Way::Inside(Inside::Container(*number))),
            Self::Lxc(container) => open_remote(name, Way::Inside(Inside::Lxc(container.clone()))),
            Self::Guest(number) => open_remote(name, Way::Inside(Inside::Guest(*number))),
            Self::Through(target, inside) => {
                let way = Way::Through(target.clone().into(), inside.clone());
                open_remote(name, way)
            }
        }
    }
}

fn open_remote(name: &str, way: Way) -> Result<Box<dyn Host>, ReachError> {
    let host = RemoteHost::open(name, way, Deadline::after(OPENING))?;
    Ok(Box::new(host))
}

impl FromStr for Reach {
    type Err = ReachError;

    fn from_str(text: &str) -> Result<Self, ReachError> {
        let reach = match text.split_once(':') {
            None => (text == "local").then_some(Self::Local),
            Some(("pid", number)) => decimal(number).filter(|pid| *pid > 0).map(Self::Process),
            Some(("ssh", way)) => behind_ssh(way),
            Some(_) => inside(text).map(|inside| match inside {
                Inside::Container(number) => Self::Container(number),
                Inside::Lxc(name) => Self::Lxc(name),
                Inside::Guest(number) => Self::Guest(number),
            }),
        };
        reach.ok_or_else(|| ReachError::Malformed(text.to_owned()))
    }
}

/// The number that `text` is, written with digits alone.
fn decimal(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// What follows `ssh:`.
fn behind_ssh(way: &str) -> Option<Reach> {
    match way.split_once('/') {
        None => way.parse().ok().map(Reach::Ssh),
        Some((target, rest)) => Some(Reach::Through(target.parse().ok()?, inside(rest)?)),
    }
}

fn inside(text: &str) -> Option<Inside> {
    match text.split_once(':')? {
        ("ct", number) => vmid(number).map(Inside::Container),
        ("vm", number) => vmid(number).map(Inside::Guest),
        ("lxc", name) => is_plain_name(name).then(|| Inside::Lxc(name.to_owned())),
        _ => None,
    }
}

fn vmid(text: &str) -> Option<u32> {
    decimal(text).filter(|number| VMIDS.contains(number))
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.pad("local"),
            Self::Process(pid) => write!(f, "pid:{pid}"),
            Self::Ssh(target) => write!(f, "ssh:{target}"),
            Self::Container(number) => write!(f, "ct:{number}"),
            Self::Lxc(name) => write!(f, "lxc:{name}"),
            Self::Guest(number) => write!(f, "vm:{number}"),
            Self::Through(target, inside) => write!(f, "ssh:{target}/{inside}"),
        }
    }
}

impl TryFrom<String> for Reach {
    type Error = ReachError;

    fn try_from(text: String) -> Result<Self, ReachError> {
        text.parse()
    }
}

impl From<Reach> for String {
    fn from(reach: Reach) -> Self {
        reach.to_string()
    }
}

impl Coded for ReachError {
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "host.reach-malformed",
            Self::Process { .. } => "host.unreachable",
            Self::Link(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Malformed(_) => ErrorKind::Invalid,
            Self::Link(error) => error.kind(),
            Self::Process { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => ErrorKind::NotFound,
                io::ErrorKind::Unsupported => ErrorKind::Unsupported,
                _ => ErrorKind::Failed,
            },
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Malformed(_) => "give `local`, `ssh:[user@]host[:port]`, `ct:N`, `vm:N`, \
                                   `lxc:NAME`, or `pid:N` with the number of a process"
                .into(),
            Self::Link(error) => return error.remedy(),
            Self::Process { .. } => {
                "give a process of a running, privileged container, and run as root".into()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_texts() {
        for text in [
            "local",
            "pid:1",
            "ct:100",
            "vm:999999999",
            "lxc:web-1.test",
            "ssh:node2",
            "ssh:root@node2.example.org:2222",
            "ssh:10.0.0.12",
            "ssh:[fd00::12]",
            "ssh:root@[fe80::1%eth0]:22",
            "ssh:root@node2:2222/ct:105",
            "ssh:[fd00::12]/vm:106",
        ] {
            let reach: Reach = text.parse().unwrap();
            assert_eq!(reach.to_string(), text);
            assert_eq!(
                serde_json::to_string(&reach).unwrap(),
                format!("\"{text}\"")
            );
        }
        let bare: Reach = "ssh:fd00::12".parse().unwrap();
        assert_eq!(bare.to_string(), "ssh:[fd00::12]");
    }

    #[test]
    fn what_is_no_way_is_refused() {
        for wrong in [
            "",
            "Local",
            "pid:",
            "pid:0",
            "pid:-1",
            "pid:+1",
            "pid:x",
            "local:1",
            "ct:99",
            "ct:1000000000",
            "ct:+105",
            "vm:",
            "lxc:",
            "lxc:-n",
            "lxc:a b",
            "lxc:../a",
            "ssh:",
            "ssh:-oProxyCommand=x",
            "ssh:root@-x",
            "ssh:-l@host",
            "ssh:@host",
            "ssh:a@b@c",
            "ssh:host:0",
            "ssh:host:65536",
            "ssh:host:",
            "ssh:host:x",
            "ssh:ho st",
            "ssh:ho;st",
            "ssh:$(x)",
            "ssh:[fd00::1",
            "ssh:[host]",
            "ssh:[fd00::1]2222",
            "ssh:fd00::x",
            "ssh:[fe80::1%-x]",
            "ssh:node2/",
            "ssh:node2/local",
            "ssh:node2/ct:1",
            "ssh:node2/ct:105/ct:106",
            "ct:105/ct:106",
        ] {
            let error = wrong.parse::<Reach>().unwrap_err();
            assert_eq!(error.code(), "host.reach-malformed", "{wrong}");
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }

    #[test]
    fn a_process_that_is_not_there_is_told() {
        let error = Reach::Process(u32::MAX).open("ghost").unwrap_err();
        assert_eq!(error.code(), "host.unreachable");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(Reach::Local.open("here").unwrap().name(), "this machine");
    }
}
