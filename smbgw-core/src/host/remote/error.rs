//! Why a machine cannot be worked on from here.

use std::io;
use std::time::Duration;

use crate::error::{Coded, ErrorKind};
use crate::host::CommandError;

/// Why nothing could be done on another machine, or no answer came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// What leads there cannot be run on this machine.
    #[error(transparent)]
    Way(#[from] Box<CommandError>),
    /// What leads there cannot be started or spoken with.
    #[error("what leads to {machine} cannot be used")]
    Process {
        /// The machine.
        machine: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing answers there.
    #[error("{machine} cannot be reached{}", said_of(said))]
    Unreachable {
        /// The machine.
        machine: String,
        /// What ssh said.
        said: String,
    },
    /// Its sshd lets nobody in with the keys that there are.
    #[error("{machine} does not let this user log in{}", said_of(said))]
    LoginRefused {
        /// The machine.
        machine: String,
        /// What ssh said.
        said: String,
    },
    /// The key of its sshd has never been seen.
    #[error("the host key of {machine} is not known{}", said_of(said))]
    KeyUnknown {
        /// The machine.
        machine: String,
        /// What ssh said.
        said: String,
    },
    /// Its sshd has another key than the one that is known.
    #[error("{machine} has another host key than the one that is known")]
    KeyChanged {
        /// The machine.
        machine: String,
    },
    /// There is no such container or virtual machine.
    #[error("{machine} does not exist{}", said_of(said))]
    Absent {
        /// The machine.
        machine: String,
        /// What the tool said.
        said: String,
    },
    /// The container or virtual machine is not running.
    #[error("{machine} is not running{}", said_of(said))]
    NotRunning {
        /// The machine.
        machine: String,
        /// What the tool said.
        said: String,
    },
    /// Nothing in the virtual machine answers to its host.
    #[error("the QEMU guest agent of {machine} does not answer{}", said_of(said))]
    NoGuestAgent {
        /// The machine.
        machine: String,
        /// What the tool said.
        said: String,
    },
    /// The Perl that each Debian has is not there.
    #[error("{machine} has no /usr/bin/perl")]
    NoPerl {
        /// The machine.
        machine: String,
    },
    /// The way there ended before it led anywhere, for another reason.
    #[error("nothing can be done on {machine} ({status}){}", said_of(said))]
    Refused {
        /// The machine.
        machine: String,
        /// How the program that leads there ended.
        status: String,
        /// What it said.
        said: String,
    },
    /// No answer came in time.
    #[error("{machine} did not answer within {} s", after.as_secs())]
    NoAnswer {
        /// The machine.
        machine: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection ended while something was being done there.
    #[error(
        "the connection to {machine} ended before the answer came{}",
        said_of(said)
    )]
    Lost {
        /// The machine.
        machine: String,
        /// What was said last.
        said: String,
    },
    /// Something came that is no answer.
    #[error("the answer of {machine} is not understood: {what}")]
    Garbled {
        /// The machine.
        machine: String,
        /// What is wrong with it.
        what: String,
    },
    /// More than the way there can carry.
    #[error("{what} is more than can be carried to or from {machine} at once")]
    TooLarge {
        /// The machine.
        machine: String,
        /// What is too large.
        what: &'static str,
    },
    /// Locks last only as long as somebody stays there.
    #[error("no lock can be held on {machine}, as its guest agent ends all that it starts")]
    NoLocks {
        /// The machine.
        machine: String,
    },
}

impl Coded for LinkError {
    fn code(&self) -> &'static str {
        match self {
            Self::Way(error) => error.code(),
            Self::Process { .. } => "host.way-unusable",
            Self::Unreachable { .. } => "host.unreachable",
            Self::LoginRefused { .. } => "host.login-refused",
            Self::KeyUnknown { .. } => "host.key-unknown",
            Self::KeyChanged { .. } => "host.key-changed",
            Self::Absent { .. } => "host.absent",
            Self::NotRunning { .. } => "host.not-running",
            Self::NoGuestAgent { .. } => "host.guest-agent-silent",
            Self::NoPerl { .. } => "host.perl-missing",
            Self::Refused { .. } => "host.entry-refused",
            Self::NoAnswer { .. } => "host.no-answer",
            Self::Lost { .. } => "host.connection-lost",
            Self::Garbled { .. } => "host.answer-garbled",
            Self::TooLarge { .. } => "host.too-large-to-carry",
            Self::NoLocks { .. } => "host.no-locks",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Way(error) => error.kind(),
            Self::Absent { .. } => ErrorKind::NotFound,
            Self::NoPerl { .. } | Self::TooLarge { .. } | Self::NoLocks { .. } => {
                ErrorKind::Unsupported
            }
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Way(error) => return error.remedy(),
            Self::Unreachable { .. } => {
                "see that it runs, that its name and address are right, and that its sshd listens"
                    .into()
            }
            Self::LoginRefused { .. } => {
                "put the public key of this user into `authorized_keys` there (`ssh-copy-id`); \
                 passwords are not asked for"
                    .into()
            }
            Self::KeyUnknown { .. } => {
                "log in once with `ssh` and compare the key's fingerprint with the one that \
                 `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` shows there"
                    .into()
            }
            Self::KeyChanged { .. } => {
                "find out why: the machine was installed anew, or another one has its address; then \
                 remove the known key with `ssh-keygen -R` and log in once"
                    .into()
            }
            Self::Absent { .. } => {
                "look at its number, and run this on the node that it is on".into()
            }
            Self::NotRunning { .. } => "start it and try again".into(),
            Self::NoGuestAgent { .. } => {
                "install `qemu-guest-agent` in it, and switch it on with `qm set VMID --agent 1`"
                    .into()
            }
            Self::NoPerl { .. } => "run `apt-get install perl-base` there".into(),
            Self::NoAnswer { .. } | Self::Lost { .. } => {
                "see whether it still runs and can be reached, and what was done there; then try \
                 again"
                    .into()
            }
            Self::TooLarge { .. } | Self::NoLocks { .. } => {
                "reach the machine by `ssh:` instead".into()
            }
            Self::Process { .. } | Self::Refused { .. } | Self::Garbled { .. } => return None,
        })
    }
}

fn said_of(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!(": {said}"),
    }
}
