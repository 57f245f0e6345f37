//! The ways by which people are told.

use std::fmt::Debug;

use super::notice::Notice;
use crate::deadline::Deadline;

/// One way by which people are told.
pub trait Channel: Debug + Send + Sync {
    /// The name in the settings, such as `mail`.
    fn name(&self) -> &str;

    /// Delivers one message, and returns when whoever takes it over has confirmed that.
    ///
    /// # Errors
    /// Where it was not taken over. [`ChannelError::is_permanent`] says whether trying again is of
    /// use.
    fn deliver(&self, notice: &Notice, deadline: Deadline) -> Result<(), ChannelError>;
}

/// Why a message was not delivered.
#[derive(Debug, thiserror::Error)]
#[error("{channel}: {message}")]
pub struct ChannelError {
    /// The channel.
    pub channel: String,
    /// What happened, as a lower-case sentence without secrets.
    pub message: String,
    /// Whether the same message will be refused again (a mail server's 5xx, HTTP 4xx).
    pub permanent: bool,
}

impl ChannelError {
    /// Whether trying again is of no use.
    pub fn is_permanent(&self) -> bool {
        self.permanent
    }
}
