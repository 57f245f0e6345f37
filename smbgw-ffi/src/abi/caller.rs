//! The state of the calling thread, which a call leaves as it was.

mod cancellation;
mod errno;
mod sigpipe;

pub(super) use cancellation::Cancellation;
pub(super) use errno::Errno;
pub(super) use sigpipe::Sigpipe;
