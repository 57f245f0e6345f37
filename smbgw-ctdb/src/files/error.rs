//! Why a file of a cluster cannot be read, or not be changed as it is asked for.

use std::net::IpAddr;

use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;
use thiserror::Error;

/// What is wrong with a file, or with a change to it. Lines are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FileError {
    /// A line is not what the file is made of.
    #[error("line {line} of {file}: '{text}' is not {wanted}")]
    Line {
        /// The name of the file.
        file: &'static str,
        /// The number of the line.
        line: usize,
        /// What is there.
        text: String,
        /// What should be there.
        wanted: &'static str,
    },
    /// Two nodes, or two public addresses, have one address.
    #[error("{file} has {address} in line {first} and in line {second}")]
    Twice {
        /// The name of the file.
        file: &'static str,
        /// The address.
        address: IpAddr,
        /// The line in which it is first.
        first: usize,
        /// The line in which it is again.
        second: usize,
    },
    /// The node is there already.
    #[error("{address} is node {pnn} already")]
    NodeIsThere {
        /// The address.
        address: IpAddr,
        /// The number of that node.
        pnn: u32,
    },
    /// There is no node of this number.
    #[error("there is no node {pnn}; the nodes file has {count}, counted from 0")]
    NoNode {
        /// The number.
        pnn: u32,
        /// How many lines stand for nodes.
        count: usize,
    },
    /// The node is removed already.
    #[error("node {pnn} is removed already")]
    NodeIsGone {
        /// The number.
        pnn: u32,
    },
    /// It would be a cluster without nodes.
    #[error("node {pnn} is the last one")]
    LastNode {
        /// The number.
        pnn: u32,
    },
    /// A value that the setting cannot have.
    #[error("'{value}' cannot be the value of {name}, which is {wanted}")]
    Value {
        /// The name of the setting.
        name: String,
        /// What was given or is there.
        value: String,
        /// What it has to be.
        wanted: &'static str,
    },
    /// A name that no option of event scripts can have.
    #[error("'{name}' cannot be the name of an option of event scripts")]
    OptionName {
        /// What was given.
        name: String,
    },
}

impl Coded for FileError {
    fn code(&self) -> &'static str {
        let code = match self {
            Self::Line { .. } => Code::FileMalformed,
            Self::Twice { .. } => Code::FileAddressTwice,
            Self::NodeIsThere { .. } => Code::NodeIsThere,
            Self::NoNode { .. } => Code::NoNode,
            Self::NodeIsGone { .. } => Code::NodeIsGone,
            Self::LastNode { .. } => Code::LastNode,
            Self::Value { .. } => Code::SettingInvalid,
            Self::OptionName { .. } => Code::OptionInvalid,
        };
        code.as_str()
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NodeIsThere { .. } | Self::NodeIsGone { .. } | Self::LastNode { .. } => {
                ErrorKind::Conflict
            }
            Self::NoNode { .. } => ErrorKind::NotFound,
            _ => ErrorKind::Invalid,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Line { file, line, .. } => format!("put line {line} of {file} right, on all nodes"),
            Self::Twice { file: "nodes", second, .. } => format!(
                "comment line {second} of nodes out on all nodes; do not delete it, as the lines after \
                 it would change their numbers"
            ),
            Self::Twice { file, second, .. } => format!("delete line {second} of {file}"),
            Self::NodeIsThere { .. } => "give another address".into(),
            Self::NoNode { .. } => "give a number that `ctdb listnodes -v` shows".into(),
            Self::NodeIsGone { .. } => "nothing is left to do".into(),
            Self::LastNode { .. } => "add another node first, or take the cluster apart".into(),
            Self::Value { wanted, .. } => format!("give {wanted}"),
            Self::OptionName { .. } => {
                "give a name of letters, digits and underscores, such as CTDB_SAMBA_SKIP_SHARE_CHECK"
                    .into()
            }
        })
    }
}
