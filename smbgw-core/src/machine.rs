//! The machine an operation works on, put together from its parts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::account::UserName;
use crate::deadline::Deadline;
use crate::host::{Host, Lock, LockError};
use crate::ports::{Storage, Traces};
use crate::progress::Progress;
use crate::secret::Secret;
use crate::service::SmbService;
use crate::share::ShareName;
use crate::transaction::World;

/// The parts that the share life cycle works with, and the time it has.
pub struct Machine<'a> {
    /// Commands, files and locks.
    pub host: &'a dyn Host,
    /// Places for data, with limits.
    pub storage: &'a dyn Storage,
    /// The smbd that serves the shares.
    pub service: &'a dyn SmbService,
    /// What is remembered of shares, and forgotten with them.
    pub traces: &'a [&'a dyn Traces],
    /// Who is told what happens.
    pub progress: &'a dyn Progress,
    /// SMB passwords for accounts that are to be made, by name.
    pub passwords: BTreeMap<String, Secret>,
    /// The program that tells Samba the free space of a share on btrfs, if it is installed.
    pub free_space_command: Option<PathBuf>,
    /// When all of it has to be over.
    pub deadline: Deadline,
}

impl Machine<'_> {
    /// Takes the lock under which records, `smb.conf` and reservations change.
    pub(crate) fn lock_configuration(&self) -> Result<Lock, LockError> {
        self.host
            .lock("configuration", "changing the configuration", self.deadline)
    }

    /// Takes the lock of one share, which its operations hold from beginning to end.
    pub(crate) fn lock_share(
        &self,
        name: &ShareName,
        purpose: &str,
        deadline: Deadline,
    ) -> Result<Lock, LockError> {
        lock_share(self.host, name, purpose, deadline)
    }

    pub(crate) fn password_of(&self, user: &UserName) -> Option<&Secret> {
        self.passwords.get(user.as_str())
    }
}

/// Takes the lock of the share `name` of `host`.
pub(crate) fn lock_share(
    host: &dyn Host,
    name: &ShareName,
    purpose: &str,
    deadline: Deadline,
) -> Result<Lock, LockError> {
    host.lock(&format!("share-{}", name.key()), purpose, deadline)
}

impl World for Machine<'_> {
    fn host(&self) -> &dyn Host {
        self.host
    }

    fn progress(&self) -> &dyn Progress {
        self.progress
    }

    fn for_undo(&self) -> Self {
        Machine {
            host: self.host,
            storage: self.storage,
            service: self.service,
            traces: self.traces,
            progress: self.progress,
            passwords: BTreeMap::new(),
            free_space_command: self.free_space_command.clone(),
            deadline: Deadline::after(TIME_TO_UNDO),
        }
    }

    fn lock_journals(&self) -> Result<Lock, LockError> {
        self.lock_configuration()
    }
}

/// How long undoing may take.
const TIME_TO_UNDO: Duration = Duration::from_secs(300);
