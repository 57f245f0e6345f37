//! The account of the machine in the domain.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::secret::Secret;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::gateway::Gateway;
use crate::join_error::{JoinError, step};
use crate::krb::kpasswd;
use crate::ldap::account::{
    self, Computer, Details, NewComputer, Previous, delete, find_marked, restore, set_enabled,
    set_password, update, writable_missing,
};
use crate::ldap::{Connection, Dn};
use crate::name::{ComputerName, Guid, HostName, Principal, Spn};
use crate::rotate::is_wrong_password;
use crate::session::{Session, Who};

/// Makes the account, or takes over one that is there, and gives it its password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MakeAccount {
    /// The computer.
    pub computer: ComputerName,
    /// The container in which it is made.
    pub container: Dn,
    /// The account to take over, if there is one.
    pub existing: Option<Guid>,
    /// What the account says of the computer.
    pub about: About,
    /// A text that tells the account that this operation makes from others.
    pub mark: String,
}

/// What an account says of its computer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Its full DNS name.
    pub host_name: HostName,
    /// Its services.
    pub services: Vec<Spn>,
    /// Its operating system.
    pub operating_system: Option<String>,
    /// Its version.
    pub operating_system_version: Option<String>,
}

impl About {
    fn details(&self) -> Details {
        Details {
            host: Some(self.host_name.clone()),
            spns: self.services.clone(),
            encryption_types: Some(ENCRYPTION),
            operating_system: self.operating_system.clone(),
            operating_system_version: self.operating_system_version.clone(),
        }
    }
}

/// The encryption types of the account: AES with 128 and 256 bits (MS-KILE 2.2.7).
pub const ENCRYPTION: u32 = 0x18;

/// What taking the account back needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Former {
    /// There was none: what has the mark is removed.
    None,
    /// One was taken over.
    Taken {
        /// It.
        guid: Guid,
        /// What its attributes were.
        previous: Previous,
        /// Whether it could log in.
        enabled: bool,
    },
}

impl Action<Gateway<'_>> for MakeAccount {
    type Undo = Former;

    fn title(&self) -> String {
        match self.existing {
            None => format!(
                "make the account {} in {}",
                self.computer.account(),
                self.container
            ),
            Some(_) => format!("take over the account {}", self.computer.account()),
        }
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<Former>, StepError> {
        let Some(guid) = self.existing else {
            return Ok(Some(Former::None));
        };
        gateway.in_directory(|connection| {
            let wanted = self.wanted(connection, guid, gateway.deadline)?;
            let account = account::read(connection, guid, gateway.deadline)?
                .ok_or_else(|| JoinError::NoAccount(self.computer.account()))?;
            Ok(Some(Former::Taken {
                guid,
                previous: account::compare(connection, guid, &wanted, gateway.deadline)?,
                enabled: account.is_enabled(),
            }))
        })
    }

    fn apply(&self, gateway: &Gateway<'_>, former: &Former) -> Result<Change, StepError> {
        let password = gateway
            .password
            .ok_or(JoinError::PasswordGone)
            .map_err(step)?;
        let deadline = gateway.deadline;
        let Former::Taken { guid, .. } = former else {
            let details = self.about.details();
            return gateway.in_directory(|connection| {
                let new = NewComputer {
                    name: &self.computer,
                    container: &self.container,
                    password,
                    details: &details,
                    mark: Some(&self.mark),
                };
                account::create(connection, new, deadline)?;
                Ok(Change::Created)
            });
        };
        let session = gateway.logged_in().map_err(step)?;
        let is_itself = is_itself(session, &self.computer);
        if is_itself {
            let ticket = session.ticket_for_password(deadline).map_err(step)?;
            let servers = [session.socket(kpasswd::PORT)];
            kpasswd::change(&ticket, password, &servers, session.clock(), deadline)
                .map_err(step)?;
        }
        gateway.in_directory(|connection| {
            if !is_itself {
                set_enabled(connection, *guid, true, deadline)?;
                set_password(connection, *guid, password, deadline)?;
            }
            let wanted = self.wanted(connection, *guid, deadline)?;
            update(connection, *guid, &wanted, deadline)?;
            Ok(Change::Updated)
        })
    }

    fn undo(&self, gateway: &Gateway<'_>, former: &Former) -> Result<(), StepError> {
        let deadline = gateway.deadline;
        let session = gateway.logged_in().map_err(step)?;
        if is_itself(session, &self.computer) {
            give_back_password(gateway, session).map_err(step)?;
        }
        let root = session.root().map_err(JoinError::from).map_err(step)?;
        gateway.in_directory(|connection| {
            match former {
                Former::None => {
                    let made =
                        find_marked(connection, &root, &self.computer, &self.mark, deadline)?;
                    if let Some(made) = made {
                        delete(connection, made.guid, deadline)?;
                    }
                }
                Former::Taken {
                    guid,
                    previous,
                    enabled,
                } => {
                    restore(connection, *guid, previous, deadline)?;
                    if !enabled {
                        set_enabled(connection, *guid, false, deadline)?;
                    }
                }
            }
            Ok(())
        })
    }

    fn left_behind(&self, former: &Former) -> Vec<LeftBehind> {
        let account = self.computer.account();
        vec![match former {
            Former::None => LeftBehind {
                what: format!("the account {account} in {}", self.container),
                commands: vec![format!("samba-tool computer delete {}", self.computer)],
            },
            Former::Taken { .. } => LeftBehind {
                what: format!("changes to the account {account}"),
                commands: vec![format!("samba-tool computer show {}", self.computer)],
            },
        }]
    }
}

impl MakeAccount {
    /// The attributes that are to be, as far as they may be written: who takes an account over with its
    /// own password may write few.
    fn wanted(
        &self,
        connection: &mut Connection,
        guid: Guid,
        deadline: Deadline,
    ) -> Result<Vec<(&'static str, Vec<String>)>, JoinError> {
        let mut wanted = self.about.details().attributes();
        let names: Vec<&str> = wanted.iter().map(|(name, _)| *name).collect();
        let missing = writable_missing(connection, guid, &names, deadline)?;
        let needed = ["dNSHostName", "servicePrincipalName"];
        wanted.retain(|(name, _)| needed.contains(name) || !missing.contains(name));
        Ok(wanted)
    }
}

/// Disables or deletes the account, for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GiveUpAccount {
    /// The account.
    pub account: Guid,
    /// The computer.
    pub computer: ComputerName,
    /// Whether it is deleted, and not only disabled.
    pub delete: bool,
}

impl Action<Gateway<'_>> for GiveUpAccount {
    /// Whether it could log in, as far as that was seen.
    type Undo = Option<bool>;

    fn title(&self) -> String {
        let verb = if self.delete { "delete" } else { "disable" };
        format!("{verb} the account {}", self.computer.account())
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<Option<bool>>, StepError> {
        let account = gateway.in_directory(|connection| {
            Ok(account::read(connection, self.account, gateway.deadline)?)
        })?;
        Ok(account
            .map(|account: Computer| account.is_enabled())
            .filter(|enabled| *enabled || self.delete)
            .map(Some))
    }

    fn apply(&self, gateway: &Gateway<'_>, _: &Option<bool>) -> Result<Change, StepError> {
        gateway.in_directory(|connection| {
            Ok(match self.delete {
                true => delete(connection, self.account, gateway.deadline)?,
                false => set_enabled(connection, self.account, false, gateway.deadline)?.change,
            })
        })
    }

    fn undo(&self, gateway: &Gateway<'_>, was_enabled: &Option<bool>) -> Result<(), StepError> {
        gateway.in_directory(|connection| {
            if account::read(connection, self.account, gateway.deadline)?.is_none() {
                return Err(JoinError::NoWayBack);
            }
            set_enabled(
                connection,
                self.account,
                was_enabled.unwrap_or(true),
                gateway.deadline,
            )?;
            Ok(())
        })
    }

    fn left_behind(&self, _: &Option<bool>) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("the account {}", self.computer.account()),
            commands: vec![format!("samba-tool computer delete {}", self.computer)],
        }]
    }
}

/// Gives the account back the one-time password that the computer logged in with, if it was changed.
fn give_back_password(gateway: &Gateway<'_>, session: &Session) -> Result<(), JoinError> {
    let Who::Password(principal, former) = session.who() else {
        return Ok(());
    };
    let log_in = |password: &Secret| {
        let who = Who::Password(principal.clone(), password.clone());
        let session = Session::new(session.discovery().clone(), who, session.clock());
        session.log_in(gateway.deadline)?;
        Ok::<_, JoinError>(session)
    };
    match log_in(former) {
        Ok(_) => return Ok(()),
        Err(JoinError::Session(error)) if is_wrong_password(&error) => {}
        Err(error) => return Err(error),
    }
    let changed = log_in(gateway.password.ok_or(JoinError::PasswordGone)?)?;
    let ticket = changed.ticket_for_password(gateway.deadline)?;
    let (servers, clock) = ([changed.socket(kpasswd::PORT)], changed.clock());
    let deadline = gateway.deadline;
    Ok(kpasswd::change(&ticket, former, &servers, clock, deadline)?)
}

/// Whether the computer itself is logged in.
fn is_itself(session: &Session, computer: &ComputerName) -> bool {
    let realm = session.discovery().domain.realm.clone();
    let principal: &Principal = match session.who() {
        Who::Password(principal, _) | Who::Keys(principal, _) => principal,
    };
    *principal == Principal::computer(computer, realm)
}
