//! The machine whose membership an operation changes, put together from its parts.

use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Host, Lock, LockError};
use smbgw_core::progress::Progress;
use smbgw_core::secret::Secret;
use smbgw_core::service::SmbService;
use smbgw_core::step_error::StepError;
use smbgw_core::transaction::World;

use crate::clock::Clock;
use crate::discover::{Discovery, Options, discover};
use crate::dns::Resolver;
use crate::join_error::{JoinError, step};
use crate::ldap::Connection;
use crate::membership::Membership;
use crate::name::DomainName;
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
    /// The servers to ask for names; those of the machine if not given.
    pub resolver: Option<&'a Resolver>,
    /// The machine's clock.
    pub clock: Clock,
    /// When all of it has to be over.
    pub deadline: Deadline,
}

impl<'a> Gateway<'a> {
    /// The domain, as somebody who may change the account.
    ///
    /// # Errors
    /// [`JoinError::CredentialsNeeded`] where nobody is logged in.
    pub fn logged_in(&self) -> Result<&'a Session, JoinError> {
        self.session.ok_or(JoinError::CredentialsNeeded)
    }

    /// Does the `work` of a step in the directory.
    ///
    /// # Errors
    /// Where nobody is logged in, the directory cannot be reached, and those of `work`.
    pub fn in_directory<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, JoinError>,
    ) -> Result<T, StepError> {
        let session = self.logged_in().map_err(step)?;
        session
            .directory(self.deadline, |directory| work(&mut directory.connection))
            .map_err(step)
    }

    /// Takes the lock that an operation on the membership holds from beginning to end.
    ///
    /// # Errors
    /// Where another operation holds it for too long.
    pub fn lock(&self, purpose: &str) -> Result<Lock, LockError> {
        self.host.lock("domain", purpose, self.deadline)
    }

    /// The controller of `domain` to talk to, which takes changes: `server`, or the closest.
    ///
    /// # Errors
    /// Where none is found.
    pub fn find(&self, domain: &DomainName, server: Option<&str>) -> Result<Discovery, JoinError> {
        let servers = match server {
            Some(server) => vec![server.parse()?],
            None => Vec::new(),
        };
        let options = Options {
            servers,
            site: Membership::load(self.host)?.and_then(|known| known.site),
            writable: true,
            ..Options::default()
        };
        self.resolve(|resolver| Ok(discover(domain, resolver, &options, self.deadline)?))
    }

    /// Does `work` with the servers that are asked for names.
    ///
    /// # Errors
    /// Where the machine names none, and those of `work`.
    pub fn resolve<T>(
        &self,
        work: impl FnOnce(&Resolver) -> Result<T, JoinError>,
    ) -> Result<T, JoinError> {
        match self.resolver {
            Some(resolver) => work(resolver),
            None => work(&Resolver::of_host(self.host)?),
        }
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
