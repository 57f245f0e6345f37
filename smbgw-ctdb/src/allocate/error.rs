//! Why no address was kept.

use std::net::IpAddr;

use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::LockError;
use smbgw_core::state_error::StateError;

use crate::address::AddressError;
use crate::cluster_error::ClusterError;
use crate::code::Code;
use crate::conflict::{ConflictError, InterfaceError};

/// Why no address was kept, or none given back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AllocateError {
    /// The holder has an address.
    #[error("`{holder}` has {address} already")]
    HasAnother {
        /// Who.
        holder: String,
        /// What it has.
        address: IpAddr,
    },
    /// The address is kept for somebody else.
    #[error("{address} is kept for `{holder}`")]
    KeptFor {
        /// The address.
        address: IpAddr,
        /// For whom.
        holder: String,
    },
    /// There is nothing to take an address from.
    #[error("the cluster has no pool of addresses, and none of its own that nobody keeps")]
    NoPool,
    /// No node that is reached has a record of a cluster.
    #[error("no node that is reached has a record of a cluster")]
    NoCluster,
    /// Others could keep the same address elsewhere.
    #[error("{reached} of {all} nodes are reached, which are not more than half")]
    TooFew {
        /// How many are reached.
        reached: usize,
        /// How many there are.
        all: usize,
    },
    /// A record could be neither written nor put back.
    #[error("{cause}; it may be on some nodes all the same: {why}")]
    LeftBehind {
        /// What failed first.
        cause: Box<AllocateError>,
        /// Why it was not put back.
        why: String,
    },
    /// The address cannot be used, or the pool has none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Somebody has the address, or it could not be asked.
    #[error(transparent)]
    Conflict(#[from] ConflictError),
    /// The interfaces of a node cannot be read.
    #[error(transparent)]
    Interfaces(#[from] InterfaceError),
    /// A lock was not taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A record cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The cluster cannot be changed.
    #[error(transparent)]
    Cluster(Box<ClusterError>),
}

impl From<ClusterError> for AllocateError {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(Box::new(error))
    }
}

impl AllocateError {
    fn reason(&self) -> Result<Code, &dyn Coded> {
        Ok(match self {
            Self::HasAnother { .. } | Self::KeptFor { .. } => Code::AddressKept,
            Self::NoPool => Code::NoPool,
            Self::NoCluster => Code::NoCluster,
            Self::TooFew { .. } => Code::TooFewNodes,
            Self::LeftBehind { cause, .. } => return Err(cause.as_ref()),
            Self::Address(error) => return Err(error),
            Self::Conflict(error) => return Err(error),
            Self::Interfaces(error) => return Err(error),
            Self::Lock(error) => return Err(error),
            Self::State(error) => return Err(error),
            Self::Cluster(error) => return Err(error.as_ref()),
        })
    }
}

impl Coded for AllocateError {
    fn code(&self) -> &'static str {
        self.reason().map_or_else(Coded::code, Code::as_str)
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::HasAnother { .. } | Self::KeptFor { .. } => ErrorKind::Conflict,
            Self::NoPool | Self::NoCluster => ErrorKind::NotFound,
            _ => self.reason().err().map_or(ErrorKind::Failed, Coded::kind),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self.reason() {
            Ok(reason) => Some(reason.fix().into()),
            Err(part) => part.remedy(),
        }
    }
}
