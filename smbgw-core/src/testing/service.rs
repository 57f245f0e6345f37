//! A file server whose calls can go wrong.

use super::faults::{Faults, Kind};
use crate::change::Change;
use crate::deadline::Deadline;
use crate::service::{ServiceError, ServiceState, SmbService};

/// A file server that does what another one does, unless its [`Faults`] say otherwise.
#[derive(Clone, Copy)]
pub struct FaultyService<'a> {
    inner: &'a dyn SmbService,
    faults: &'a Faults,
}

impl<'a> FaultyService<'a> {
    /// `inner`, with the faults of `faults`.
    pub fn new(inner: &'a dyn SmbService, faults: &'a Faults) -> Self {
        Self { inner, faults }
    }

    fn call<T>(
        &self,
        kind: Kind,
        action: &'static str,
        work: impl FnOnce() -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        self.faults.around(
            kind,
            || format!("service: {action}"),
            || ServiceError::TimedOut {
                service: self.describe().into(),
                action,
            },
            || {},
            work,
        )
    }
}

impl SmbService for FaultyService<'_> {
    fn state(&self, deadline: Deadline) -> Result<ServiceState, ServiceError> {
        self.call(Kind::Looks, "tell its state", || self.inner.state(deadline))
    }

    fn start(&self, deadline: Deadline) -> Result<Change, ServiceError> {
        self.call(Kind::Changes, "start", || self.inner.start(deadline))
    }

    fn stop(&self, deadline: Deadline) -> Result<Change, ServiceError> {
        self.call(Kind::Changes, "stop", || self.inner.stop(deadline))
    }

    fn reload(&self, deadline: Deadline) -> Result<(), ServiceError> {
        self.call(Kind::Changes, "reload", || self.inner.reload(deadline))
    }

    fn close_share(&self, name: &str, deadline: Deadline) -> Result<(), ServiceError> {
        self.call(Kind::Changes, "close a share", || {
            self.inner.close_share(name, deadline)
        })
    }

    fn describe(&self) -> &str {
        self.inner.describe()
    }
}
