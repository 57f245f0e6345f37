//! What the share life cycle needs from the outside, as traits that other crates implement.
//!
//! Core knows shares, not quota interfaces or directory protocols. A port's errors arrive as
//! [`PortError`]: text, code and remedy, with the implementing crate's own error as their source.

pub mod deviation;
pub mod storage;
pub mod traces;

use std::fmt;

use crate::error::{Coded, ErrorKind};

pub use deviation::{Depth, Deviation, Meant, Repair, Stray};
pub use storage::{Filesystem, Handle, Limits, Origin, QuotaState, Storage, Survey, Usage, Volume};
pub use traces::Traces;

/// An error that came through a port.
#[derive(Debug)]
pub struct PortError(Box<dyn Coded + Send + Sync + 'static>);

impl PortError {
    /// Wraps the error of an implementation.
    pub fn new(error: impl Coded + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for PortError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl Coded for PortError {
    fn code(&self) -> &'static str {
        self.0.code()
    }

    fn kind(&self) -> ErrorKind {
        self.0.kind()
    }

    fn remedy(&self) -> Option<String> {
        self.0.remedy()
    }
}
