//! Why addresses were not moved.

use std::net::IpAddr;

use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;
use crate::ctl::CtlError;
use crate::forecast::ForecastError;
use crate::placement::PlacementError;

/// Why an address was not moved, or a node not drained or resumed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelocateError {
    /// The cluster has no such address.
    #[error("{address} is no address of the cluster")]
    NoSuchAddress {
        /// The address.
        address: IpAddr,
    },
    /// The node can have no address now.
    #[error("{node} is {}", listed(.states))]
    NotServing {
        /// The node.
        node: String,
        /// Its states.
        states: Vec<String>,
    },
    /// The node may not have the address, or has no working interface for it.
    #[error("{node} cannot have {address}")]
    CannotHave {
        /// The address.
        address: IpAddr,
        /// The node.
        node: String,
    },
    /// The address is somewhere else than it was to be.
    #[error("{address} did not come to {node}")]
    NotMoved {
        /// The address.
        address: IpAddr,
        /// The node.
        node: String,
        /// What ctdb said, where it said something.
        source: Option<CtlError>,
    },
    /// Nobody else can have the addresses of a node.
    #[error("without {node} no node could have {}", listed(.addresses))]
    Nowhere {
        /// The node.
        node: String,
        /// Those addresses.
        addresses: Vec<IpAddr>,
    },
    /// The addresses did not leave the node in time.
    #[error("{} did not leave {node} in time", listed(.addresses))]
    Stuck {
        /// The node.
        node: String,
        /// The addresses it had.
        addresses: Vec<IpAddr>,
    },
    /// The node does not take part although it was told to.
    #[error("{node} was told to take part again, and does not")]
    StillHeld {
        /// The node.
        node: String,
    },
    /// No node was given to be asked.
    #[error("there is no node that could be asked")]
    NobodyAsked,
    /// The cluster cannot be looked at.
    #[error(transparent)]
    Forecast(#[from] ForecastError),
    /// ctdb cannot be told or asked something.
    #[error(transparent)]
    Ctl(#[from] CtlError),
    /// It cannot be told where addresses go.
    #[error(transparent)]
    Placement(#[from] PlacementError),
}

fn listed<T: ToString>(all: &[T]) -> String {
    let texts: Vec<_> = all.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

impl RelocateError {
    fn reason(&self) -> Result<Code, &dyn Coded> {
        Ok(match self {
            Self::NoSuchAddress { .. } => Code::NoAddress,
            Self::NotServing { .. } => Code::NodeNotServing,
            Self::CannotHave { .. } => Code::NodeCannotHave,
            Self::NotMoved { .. } | Self::Stuck { .. } | Self::StillHeld { .. } => Code::NotMoved,
            Self::Nowhere { .. } => Code::NowhereElse,
            Self::NobodyAsked => Code::NobodyAnswers,
            Self::Forecast(error) => return Err(error),
            Self::Ctl(error) => return Err(error),
            Self::Placement(error) => return Err(error),
        })
    }
}

impl Coded for RelocateError {
    fn code(&self) -> &'static str {
        self.reason().map_or_else(Coded::code, Code::as_str)
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchAddress { .. } => ErrorKind::NotFound,
            Self::NotServing { .. } | Self::CannotHave { .. } | Self::Nowhere { .. } => {
                ErrorKind::Conflict
            }
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
