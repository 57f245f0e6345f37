//! A rotation on a machine that Samba knows no password of, such as one that `adcli` has joined.
//!
//! The keys in the keytab log in instead. Those of the new password are added before the domain is told, so
//! that a rotation that is killed leaves keys that the domain takes: the new or the former ones.

use super::{Rotated, Rotation};
use crate::join_error::JoinError;
use crate::password;
use crate::session::Session;
use crate::steps::keytab;

impl Rotation<'_> {
    /// Gives the account a new password with the keys alone.
    pub(super) fn run_by_keytab(&self) -> Result<Rotated, JoinError> {
        let session = self.log_in_by_keytab()?;
        let new = password::random()?;
        let version = self.version(&session)?.wrapping_add(1);
        self.add_keys(&new, version)?;
        match self.tell_domain(&session, &new) {
            Ok(()) => self.finish(&new, false),
            Err(error @ JoinError::Undecided(_)) => Err(error),
            Err(error) => {
                self.remove_keys(version)?;
                Err(error)
            }
        }
    }

    fn log_in_by_keytab(&self) -> Result<Session, JoinError> {
        let account = self.member.principal();
        let keytab = keytab::read(self.host, &self.keytab)?;
        let (discovery, clock) = (&self.discovery, self.clock);
        let session = Session::by_keytab(discovery, &keytab, &account, clock, self.deadline)?;
        session.ok_or(JoinError::NotJoined)
    }
}
