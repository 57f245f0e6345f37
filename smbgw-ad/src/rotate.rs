//! Giving the machine's account a new password.
//!
//! The order makes it safe to be killed anywhere. The keys of the new password are added to the keytab,
//! where nobody uses them yet; then Samba is told, which keeps the former password, too; then the domain
//! is. Whatever was reached, Samba knows the password that the domain has, and the keytab has its keys.
//! The next rotation sees by logging in how far the last one came, and finishes it.

mod by_keytab;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::secret::Secret;

use crate::clock::Clock;
use crate::discover::Discovery;
use crate::join::{Parts, find};
use crate::join_error::JoinError;
use crate::joined::joined;
use crate::krb::error::KrbError;
use crate::krb::kpasswd;
use crate::name::Principal;
use crate::password;
use crate::samba::globals::{Rotation as Rotator, who_rotates};
use crate::samba::{Member, tell, trust};
use crate::session::Session;
use crate::steps::keytab;

/// When to rotate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RotateOptions {
    /// Only where the password is older than so many days, and winbindd does not change it itself: for
    /// timers.
    pub if_older_than_days: Option<u32>,
}

/// What became of a rotation that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum RotateReport {
    /// The account has a new password.
    Rotated(Rotated),
    /// The password is younger than it may be.
    NotDue {
        /// How old it is.
        age_seconds: i64,
    },
    /// winbindd changes the password by itself.
    LeftToWinbind {
        /// How often.
        every_seconds: u64,
    },
    /// Samba was not told of the membership: whoever has joined this machine changes the password, such as
    /// sssd.
    LeftToOthers,
    /// There is nothing to rotate: this machine is in no domain. It is an error where nothing was said
    /// of when to rotate.
    NotJoined,
}

impl RotateReport {
    /// What was done, if anything was.
    pub fn rotated(self) -> Option<Rotated> {
        match self {
            Self::Rotated(rotated) => Some(rotated),
            _ => None,
        }
    }
}

/// Gives the account of this machine a new password, whoever has joined it, where it is due.
///
/// # Errors
/// Where this machine is in no domain, or as those of [`Rotation::run`].
pub fn rotate(parts: &Parts<'_>, options: RotateOptions) -> Result<RotateReport, JoinError> {
    let _lock = parts
        .host
        .lock("domain", "rotating the password", parts.deadline)?;
    let known = match joined(parts.host, parts.deadline)? {
        Some(known) => known,
        None if options.if_older_than_days.is_some() => return Ok(RotateReport::NotJoined),
        None => return Err(JoinError::NotJoined),
    };
    if let Some(days) = options.if_older_than_days {
        if let Rotator::Winbind(every_seconds) = who_rotates(parts.host)? {
            return Ok(match known.trust {
                Some(_) => RotateReport::LeftToWinbind { every_seconds },
                None => RotateReport::LeftToOthers,
            });
        }
        let changed = known.trust.as_ref().and_then(|trust| trust.changed_at);
        let age = changed.map(|changed| parts.host.now().saturating_sub(changed));
        if let Some(age_seconds) = age.filter(|age| *age <= i64::from(days) * 86_400) {
            return Ok(RotateReport::NotDue { age_seconds });
        }
    }
    let discovery = find(parts, &known.domain, known.server())?;
    let rotation = Rotation {
        host: parts.host,
        member: known.member,
        keytab: known.keytab,
        discovery,
        clock: parts.clock,
        deadline: parts.deadline,
    };
    rotation.run().map(RotateReport::Rotated)
}

/// What a rotation works on.
pub struct Rotation<'a> {
    /// The machine.
    pub host: &'a dyn Host,
    /// The member whose password it is.
    pub member: Member,
    /// The keytab with its keys.
    pub keytab: PathBuf,
    /// The domain.
    pub discovery: Discovery,
    /// The machine's clock.
    pub clock: Clock,
    /// When it has to be over.
    pub deadline: Deadline,
}

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rotated {
    /// The version of the keys that the domain has now.
    pub key_version: u32,
    /// Whether it only finished what an earlier rotation had begun.
    pub finished_earlier: bool,
    /// The controller that was told.
    pub controller: String,
}

impl Rotation<'_> {
    /// Does it, or finishes one that was interrupted.
    ///
    /// # Errors
    /// Where neither Samba nor the keytab has what the domain takes, and where one of those who have to be told
    /// cannot be: what was told before is taken back then.
    pub fn run(&self) -> Result<Rotated, JoinError> {
        let known = trust::passwords(self.host, &self.member, self.deadline)?;
        let Some(known) = known else {
            return self.run_by_keytab();
        };
        match self.log_in(&known.current) {
            Ok(session) => self.change(&session, &known.current),
            Err(JoinError::Session(error)) if is_wrong_password(&error) => {
                let old = known.old.ok_or(JoinError::Session(error))?;
                let session = self.log_in(&old)?;
                // Samba was told, and the domain was not.
                self.tell_domain(&session, &known.current)?;
                self.finish(&known.current, true)
            }
            Err(error) => Err(error),
        }
    }

    fn change(&self, session: &Session, former: &Secret) -> Result<Rotated, JoinError> {
        let new = password::random()?;
        let version = self.version(session)?.wrapping_add(1);
        self.add_keys(&new, version)?;
        let told = tell::change_password(self.host, &self.member, &new, self.deadline)
            .map_err(JoinError::from)
            .and_then(|_| self.tell_domain(session, &new));
        match told {
            Ok(()) => self.finish(&new, false),
            // Samba has both, and the keytab, too.
            Err(error @ JoinError::Undecided(_)) => Err(error),
            Err(error) => {
                // Does nothing where Samba was not told.
                tell::change_password(
                    self.host,
                    &self.member,
                    former,
                    Deadline::after(TIME_TO_UNDO),
                )?;
                self.remove_keys(version)?;
                Err(error)
            }
        }
    }

    /// Tells the domain, and where its answer is lost asks it whether it has heard.
    fn tell_domain(&self, session: &Session, new: &Secret) -> Result<(), JoinError> {
        let ticket = session.ticket_for_password(self.deadline)?;
        let servers = [session.socket(KPASSWD)];
        match kpasswd::change(&ticket, new, &servers, session.clock(), self.deadline) {
            Err(error) if error.is_unsure() => match self.log_in(new) {
                Ok(_) => Ok(()),
                Err(JoinError::Session(refused)) if is_wrong_password(&refused) => {
                    Err(error.into())
                }
                // Nobody knows: the next rotation finds out.
                Err(_) => Err(JoinError::Undecided(Box::new(error))),
            },
            told => Ok(told?),
        }
    }

    /// Brings the keytab in line with what the domain has now.
    fn finish(&self, password: &Secret, finished_earlier: bool) -> Result<Rotated, JoinError> {
        let session = self.log_in(password)?;
        let version = self.version(&session)?;
        self.add_keys(password, version)?;
        let mut keytab = keytab::read(self.host, &self.keytab)?;
        for principal in self.principals() {
            keytab.prune(&principal, GENERATIONS);
        }
        keytab::write(self.host, &self.keytab, &keytab)?;
        Ok(Rotated {
            key_version: version,
            finished_earlier,
            controller: session.controller().to_string(),
        })
    }

    fn log_in(&self, password: &Secret) -> Result<Session, JoinError> {
        let discovery = self.discovery.clone();
        let session = Session::with_password(discovery, &self.member, password, self.clock);
        session.log_in(self.deadline)?;
        Ok(session)
    }

    /// The version of the keys that the domain has.
    fn version(&self, session: &Session) -> Result<u32, JoinError> {
        Ok(session
            .account(&self.member.computer, self.deadline)?
            .key_version)
    }

    fn add_keys(&self, password: &Secret, version: u32) -> Result<(), JoinError> {
        let keys = keytab::keys(password, &self.member.realm, &self.member.computer)?;
        let mut keytab = keytab::read(self.host, &self.keytab)?;
        let now = self.host.now();
        keytab::insert(&mut keytab, &self.principals(), version, &keys, now);
        keytab::write(self.host, &self.keytab, &keytab)?;
        Ok(())
    }

    fn remove_keys(&self, version: u32) -> Result<(), JoinError> {
        let mut keytab = keytab::read(self.host, &self.keytab)?;
        for principal in self.principals() {
            keytab.remove_version(&principal, version);
        }
        keytab::write(self.host, &self.keytab, &keytab)?;
        Ok(())
    }

    /// Those of the machine in the keytab: its account, and what has the keys of it.
    fn principals(&self) -> Vec<Principal> {
        let account = self.member.principal();
        let keytab = keytab::read(self.host, &self.keytab).unwrap_or_default();
        let services = keytab::of_the_account(&keytab, &account);
        std::iter::once(account).chain(services).collect()
    }
}

pub(crate) fn is_wrong_password(error: &crate::session_error::SessionError) -> bool {
    matches!(
        error,
        crate::session_error::SessionError::Kerberos(
            KrbError::WrongPassword { .. } | KrbError::WrongKey { .. }
        )
    )
}

/// The port for changes of passwords (RFC 3244).
const KPASSWD: u16 = 464;

/// So many versions of keys stay: tickets that were given out with the former one hold for hours.
pub(crate) const GENERATIONS: usize = 2;

const TIME_TO_UNDO: std::time::Duration = std::time::Duration::from_secs(60);
