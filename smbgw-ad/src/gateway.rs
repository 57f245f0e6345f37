//! The machine whose membership an operation changes, put together from its parts.

use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Host, Lock, LockError};
use smbgw_core::progress::Progress;
use smbgw_core::secret::Secret;
use smbgw_core::service::SmbService;
use smbgw_core::transaction::World;

use crate::session::Session;

/// The parts that operations on a membership work with, and the time they have.
#[derive(Clone, Copy)]
pub struct Gateway<'a> {
    /// Commands, files and locks.
    pub host: &'a dyn Host,
    /// The smbd that serves the shares.
    pub service: &'a dyn SmbService,
    /// Who is told what happens.
    pub progress: &'a dyn Progress,
    /// The domain, as somebody who may change the account; `None` where nobody is logged in.
    pub session: Option<&'a Session>,
    /// The password that the machine's account is given.
    pub password: Option<&'a Secret>,
    /// When all of it has to be over.
    pub deadline: Deadline,
}

impl Gateway<'_> {
    /// Takes the lock that an operation on the membership holds from beginning to end.
    ///
    /// # Errors
    /// Where another operation holds it for too long.
    pub fn lock(&self, purpose: &str) -> Result<Lock, LockError> {
        self.host.lock("domain", purpose, self.deadline)
    }
}

impl World for Gateway<'_> {
    fn host(&self) -> &dyn Host {
        self.host
    }

    fn progress(&self) -> &dyn Progress {
        self.progress
    }

    fn for_undo(&self) -> Self {
        Self {
            deadline: Deadline::after(TIME_TO_UNDO),
            ..*self
        }
    }

    fn lock_journals(&self) -> Result<Lock, LockError> {
        // The lock of the membership is held by whoever carries out a plan; there is one journal only.
        self.host
            .lock("domain-journal", "removing the journal", self.deadline)
    }
}

/// How long undoing may take.
const TIME_TO_UNDO: Duration = Duration::from_secs(120);
