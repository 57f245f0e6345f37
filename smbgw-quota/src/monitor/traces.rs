//! What a monitor knows of a share, forgotten with it.

use std::path::Path;

use smbgw_core::alert::AlertStore;
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Host, Lock, LockError};
use smbgw_core::layout;
use smbgw_core::ports::{PortError, Traces};
use smbgw_core::share::ShareName;

use crate::error::QuotaError;
use crate::history::{History, HistoryError};

/// The history of shares on a host, as [`Traces`].
#[derive(Clone, Copy, Debug)]
pub struct HistoryTraces<'a> {
    /// The host.
    pub host: &'a dyn Host,
}

/// The alerts of shares on a host, as [`Traces`].
#[derive(Clone, Copy, Debug)]
pub struct AlertTraces<'a> {
    /// The host.
    pub host: &'a dyn Host,
}

impl Traces for HistoryTraces<'_> {
    fn what(&self) -> &str {
        "the history of usage"
    }

    fn forget(
        &self,
        share: &ShareName,
        keep: bool,
        deadline: Deadline,
    ) -> Result<Change, PortError> {
        let Some(path) = self.host.local_path(Path::new(layout::HISTORY)) else {
            return Ok(Change::Unchanged);
        };
        let _lock = lock_history(self.host, deadline).map_err(QuotaError::from)?;
        let missing = self
            .host
            .status(Path::new(layout::HISTORY))
            .map_err(QuotaError::from)?
            .is_none();
        if missing {
            return Ok(Change::Unchanged);
        }
        let change = History::open(path).and_then(|opened| {
            let mut history = opened.history;
            let change = match keep {
                true => history.archive(&share.key(), self.host.now()),
                false => history.forget(&share.key()),
            };
            match change {
                // Damage that did not show at once: it is no reason for a share to stay.
                Err(HistoryError::Corrupt { reason, .. }) => {
                    tracing::error!(reason, "the history is damaged, begun anew");
                    history.start_over().map(|_| Change::Removed)
                }
                other => other,
            }
        });
        change.map_err(|error: HistoryError| PortError::new(error))
    }
}

impl Traces for AlertTraces<'_> {
    fn what(&self) -> &str {
        "alerts"
    }

    fn forget(&self, share: &ShareName, _: bool, deadline: Deadline) -> Result<Change, PortError> {
        AlertStore::new(self.host)
            .forget(share, deadline)
            .map_err(PortError::new)
    }
}

/// The lock under which usage is remembered and forgotten: a share that is deleted while it is
/// looked at must not come back to the history.
pub(super) fn lock_history(host: &dyn Host, deadline: Deadline) -> Result<Lock, LockError> {
    host.lock("history", "using the history", deadline)
}
