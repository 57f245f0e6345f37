//! Why the state of alerts, or the queue of messages, could not be used.

use std::io;
use std::path::PathBuf;

use super::reading::Kind;
use super::scope::Scope;
use crate::error::{Coded, ErrorKind};
use crate::host::{FileError, LockError};

/// Why something could not be done with alerts.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another process uses the file.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file is not in its form.
    #[error("`{}` does not hold {what}", path.display())]
    Malformed {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A file was written by a newer version of this program.
    #[error("`{}` holds {what} of version {version}, which this program does not know yet", path.display())]
    TooNew {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// There is no such alert.
    #[error("no alert is raised for {scope}")]
    NotRaised {
        /// What was asked for.
        scope: Scope,
    },
    /// There is nothing to take back.
    #[error("no silence is set for {scope}")]
    NotSilenced {
        /// What was asked for.
        scope: Scope,
    },
    /// A silence would be over already.
    #[error("the silence for {scope} would have ended already")]
    SilenceOver {
        /// What was to be silenced.
        scope: Scope,
    },
    /// The thread of a channel could not be started.
    #[error("cannot start the delivery by `{channel}`")]
    Thread {
        /// The channel.
        channel: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Coded for AlertError {
    fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Lock(error) => error.code(),
            Self::Malformed { .. } => "alert.malformed",
            Self::TooNew { .. } => "alert.too-new",
            Self::NotRaised { .. } => "alert.not-raised",
            Self::NotSilenced { .. } => "alert.not-silenced",
            Self::SilenceOver { .. } => "alert.silence-over",
            Self::Thread { .. } => "alert.thread",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Lock(error) => error.kind(),
            Self::NotRaised { .. } | Self::NotSilenced { .. } => ErrorKind::NotFound,
            Self::SilenceOver { .. } => ErrorKind::Invalid,
            Self::Malformed { .. } | Self::TooNew { .. } | Self::Thread { .. } => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::File(error) => error.remedy(),
            Self::Lock(error) => error.remedy(),
            Self::Malformed { path, .. } => Some(format!(
                "move {} away; what it held is then forgotten",
                path.display()
            )),
            Self::TooNew { .. } => Some("use the newer version of this program".into()),
            Self::NotRaised { scope } => Some(match scope.kind {
                Some(Kind::Test) => "a test is no alert".into(),
                _ => "`alert list` shows what is raised".into(),
            }),
            Self::NotSilenced { .. } => Some("`alert list` shows what is silenced".into()),
            Self::SilenceOver { .. } => Some("give a time in the future".into()),
            Self::Thread { .. } => None,
        }
    }
}
