//! Why a failover time cannot be an objective.

use std::time::Duration;

use smbgw_core::error::{Coded, ErrorKind};

use super::{Objective, duration_text};
use crate::code::Code;

/// Why a failover time cannot be an objective, or tunables not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectiveError {
    /// The text is none.
    #[error("`{0}` is no failover time such as 10s")]
    Malformed(String),
    /// It is too short to be kept.
    #[error("a failover within {} cannot be promised", duration_text(*asked))]
    TooShort {
        /// What was asked for.
        asked: Duration,
        /// What can be promised.
        smallest: Objective,
    },
    /// It is longer than makes sense.
    #[error("a failover within {} is slower than ctdb's own settings are", duration_text(*asked))]
    TooLong {
        /// What was asked for.
        asked: Duration,
        /// The longest.
        largest: Objective,
    },
    /// A line of tunables is none.
    #[error("`{0}` is no tunable with its value")]
    Line(String),
}

impl Coded for ObjectiveError {
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => Code::ObjectiveMalformed,
            Self::TooShort { .. } => Code::ObjectiveTooShort,
            Self::TooLong { .. } => Code::ObjectiveTooLong,
            Self::Line(_) => Code::TunableMalformed,
        }
        .as_str()
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Line(_) => ErrorKind::Failed,
            _ => ErrorKind::Invalid,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Malformed(_) => "write it like 10s, 1m or 12500ms".into(),
            Self::TooShort { smallest, .. } => format!("ask for {smallest} or more"),
            Self::TooLong { largest, .. } => format!("ask for {largest} or less"),
            Self::Line(_) => "write `NAME=NUMBER` on lines of their own (ctdb-tunables(7))".into(),
        })
    }
}
