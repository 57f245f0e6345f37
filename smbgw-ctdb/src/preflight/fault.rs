//! What can be wrong with machines that are to be a cluster.

use std::net::IpAddr;
use std::path::PathBuf;

use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;

/// One thing that is wrong on a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Two nodes have the same name or address.
    #[error("{what} is also that of node {other} of the request")]
    Twice {
        /// `the name n1`, `the address 10.0.0.1`.
        what: String,
        /// The place of the other one, from 0.
        other: usize,
    },
    /// Commands do not run as root.
    #[error("commands run there as user {uid}, not as root")]
    NotRoot {
        /// The number of the user.
        uid: u32,
    },
    /// Root may not do there what ctdb has to.
    #[error("root is not allowed to {to} there ({capability})")]
    NotAllowed {
        /// What ctdb has to do.
        to: &'static str,
        /// The capability that is missing (capabilities(7)).
        capability: &'static str,
    },
    /// The versions of two nodes differ.
    #[error("{program} is {version} there, and {others} on {other}")]
    Version {
        /// `Samba` or `ctdb`.
        program: &'static str,
        /// That of this node.
        version: String,
        /// That of the other.
        others: String,
        /// The other node.
        other: String,
    },
    /// A ctdbd runs that is none of this cluster.
    #[error("ctdbd runs there already")]
    Runs,
    /// ctdb is set up.
    #[error("ctdb is set up there already: {}", path.display())]
    IsSetUp {
        /// The file that says so.
        path: PathBuf,
    },
    /// The node does not have its private address.
    #[error("no interface there has the private address {address}")]
    NoAddress {
        /// The address.
        address: IpAddr,
    },
    /// Another program listens on a port that is needed.
    #[error("port {port} is taken there by {by}")]
    PortTaken {
        /// The port.
        port: u16,
        /// Whom it is taken by.
        by: String,
    },
    /// A node cannot be reached from another.
    #[error("{to} is not reached from there at {address} port {port}: {why}")]
    NoWay {
        /// The other node.
        to: String,
        /// Its private address.
        address: IpAddr,
        /// The port.
        port: u16,
        /// What came instead of an answer.
        why: String,
    },
    /// Two clocks differ.
    #[error(
        "the clock is {:.1} s {} that of {other}",
        ahead_milliseconds.unsigned_abs() as f64 / 1000.0,
        if *ahead_milliseconds < 0 { "behind" } else { "ahead of" }
    )]
    Clock {
        /// How far this node's clock is ahead; below zero for behind.
        ahead_milliseconds: i64,
        /// The other node.
        other: String,
    },
    /// The shared folder is not there.
    #[error("there is no folder {}", path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The shared folder cannot be written to.
    #[error("nothing can be written to {} ({kind} on {target})", path.display())]
    ReadOnly {
        /// The folder.
        path: PathBuf,
        /// Its filesystem.
        kind: String,
        /// Where that is mounted.
        target: String,
    },
    /// The shared folder is another one than on the first node.
    #[error("{} is not the folder that {other} has there ({kind} on {target})", path.display())]
    OtherFolder {
        /// The folder.
        path: PathBuf,
        /// The other node.
        other: String,
        /// Its filesystem.
        kind: String,
        /// Where that is mounted.
        target: String,
    },
    /// The shared folder is on a filesystem of one machine.
    #[error("{} is on a filesystem of this machine alone ({kind} on {target})", path.display())]
    LocalFolder {
        /// The folder.
        path: PathBuf,
        /// Its filesystem.
        kind: String,
        /// Where that is mounted.
        target: String,
    },
    /// Locks or data in the shared folder are not the same for all nodes.
    #[error("locks or data in {} do not hold between the nodes: {why}", path.display())]
    Incoherent {
        /// The folder.
        path: PathBuf,
        /// What was seen.
        why: String,
    },
}

impl Coded for Fault {
    fn code(&self) -> &'static str {
        self.reason().as_str()
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Twice { .. } => ErrorKind::Invalid,
            Self::Runs | Self::IsSetUp { .. } | Self::PortTaken { .. } => ErrorKind::Conflict,
            Self::NoAddress { .. } | Self::NoFolder { .. } => ErrorKind::NotFound,
            Self::NoWay { .. } => ErrorKind::Failed,
            _ => ErrorKind::Unsupported,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(self.reason().fix().into())
    }
}

impl Fault {
    fn reason(&self) -> Code {
        match self {
            Self::Twice { .. } => Code::NodeTwice,
            Self::NotRoot { .. } | Self::NotAllowed { .. } => Code::NotAllowed,
            Self::Version { .. } => Code::VersionsDiffer,
            Self::Runs | Self::IsSetUp { .. } => Code::AlreadyClustered,
            Self::NoAddress { .. } => Code::NoPrivateAddress,
            Self::PortTaken { .. } => Code::PortTaken,
            Self::NoWay { .. } => Code::NoWayBetweenNodes,
            Self::Clock { .. } => Code::ClocksDiffer,
            Self::NoFolder { .. } => Code::NoSharedFolder,
            Self::ReadOnly { .. } => Code::SharedFolderReadOnly,
            Self::OtherFolder { .. } => Code::SharedFolderDiffers,
            Self::LocalFolder { .. } => Code::SharedFolderLocal,
            Self::Incoherent { .. } => Code::SharedFolderIncoherent,
        }
    }
}
