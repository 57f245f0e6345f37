//! The names of the machine's services: in the directory, in the keytab, and in our record.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::gateway::Gateway;
use crate::join_error::step;
use crate::krb::keytab::Entry;
use crate::ldap::account::{Previous, compare, restore, update};
use crate::membership::{FILE, Membership};
use crate::name::{ComputerName, Guid, Principal, Spn};
use crate::samba::Member;
use crate::steps::keytab;

/// Gives the account exactly these names of services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetServices {
    /// The account.
    pub account: Guid,
    /// The computer.
    pub computer: ComputerName,
    /// All names that it is to have.
    pub services: Vec<Spn>,
}

impl Action<Gateway<'_>> for SetServices {
    type Undo = Previous;

    fn title(&self) -> String {
        format!("set the services of {}", self.computer.account())
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<Previous>, StepError> {
        let previous = gateway.in_directory(|connection| {
            let deadline = gateway.deadline;
            Ok(compare(
                connection,
                self.account,
                &self.attribute(),
                deadline,
            )?)
        })?;
        Ok((!previous.is_empty()).then_some(previous))
    }

    fn apply(&self, gateway: &Gateway<'_>, _: &Previous) -> Result<Change, StepError> {
        gateway.in_directory(|connection| {
            let deadline = gateway.deadline;
            let updated = update(connection, self.account, &self.attribute(), deadline)?;
            Ok(updated.change)
        })
    }

    fn undo(&self, gateway: &Gateway<'_>, previous: &Previous) -> Result<(), StepError> {
        gateway.in_directory(|connection| {
            restore(connection, self.account, previous, gateway.deadline)?;
            Ok(())
        })
    }

    fn left_behind(&self, _: &Previous) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("changed services of {}", self.computer.account()),
            commands: vec![format!("samba-tool spn list {}", self.computer.account())],
        }]
    }
}

impl SetServices {
    fn attribute(&self) -> [(&'static str, Vec<String>); 1] {
        let texts = self.services.iter().map(|spn| spn.as_str().to_string());
        [("servicePrincipalName", texts.collect())]
    }
}

/// Has the keytab name the services whose keys are those of the account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NameKeys {
    /// The keytab.
    pub keytab: PathBuf,
    /// The member.
    pub member: Member,
    /// Services that get all keys that the account has.
    pub add: Vec<Spn>,
    /// Services that lose theirs.
    pub remove: Vec<Spn>,
}

/// What was named, and what was not any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Named {
    added: Vec<Spn>,
    removed: Vec<Spn>,
}

impl Action<Gateway<'_>> for NameKeys {
    type Undo = Named;

    fn title(&self) -> String {
        format!("name the services in {}", self.keytab.display())
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<Named>, StepError> {
        let there = keytab::read(gateway.host, &self.keytab)
            .map_err(step)?
            .principals();
        let is_there = |spn: &Spn| there.contains(&self.principal(spn));
        let named = Named {
            added: self
                .add
                .iter()
                .filter(|spn| !is_there(spn))
                .cloned()
                .collect(),
            removed: self
                .remove
                .iter()
                .filter(|spn| is_there(spn))
                .cloned()
                .collect(),
        };
        let is_nothing = named.added.is_empty() && named.removed.is_empty();
        Ok((!is_nothing).then_some(named))
    }

    fn apply(&self, gateway: &Gateway<'_>, named: &Named) -> Result<Change, StepError> {
        self.change(gateway, &named.added, &named.removed)
    }

    fn undo(&self, gateway: &Gateway<'_>, named: &Named) -> Result<(), StepError> {
        self.change(gateway, &named.removed, &named.added)?;
        Ok(())
    }

    fn left_behind(&self, _: &Named) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("changed services in {}", self.keytab.display()),
            commands: vec!["pve-smbgateway ad-keytab --refresh".into()],
        }]
    }
}

impl NameKeys {
    fn principal(&self, spn: &Spn) -> Principal {
        Principal::of_spn(spn, self.member.realm.clone())
    }

    fn change(
        &self,
        gateway: &Gateway<'_>,
        add: &[Spn],
        remove: &[Spn],
    ) -> Result<Change, StepError> {
        gateway.host.remove_temporary(&self.keytab)?;
        let mut keytab = keytab::read(gateway.host, &self.keytab).map_err(step)?;
        for spn in remove {
            keytab.remove(&self.principal(spn));
        }
        let account = self.member.principal();
        let keys: Vec<Entry> = keytab
            .entries()
            .iter()
            .filter(|entry| entry.is_of(&account))
            .cloned()
            .collect();
        for spn in add {
            for entry in &keys {
                if let Some(key) = entry.key() {
                    let principal = self.principal(spn);
                    keytab.insert(Entry::new(
                        &principal,
                        entry.kvno(),
                        entry.timestamp(),
                        &key,
                    ));
                }
            }
        }
        keytab::write(gateway.host, &self.keytab, &keytab).map_err(step)
    }
}

/// Writes down the services of the membership.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordServices {
    /// All of them.
    pub services: Vec<Spn>,
}

impl Action<Gateway<'_>> for RecordServices {
    /// Those of before.
    type Undo = Vec<Spn>;

    fn title(&self) -> String {
        format!("write the services to {FILE}")
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<Vec<Spn>>, StepError> {
        let known = Membership::load(gateway.host)?.map(|known| known.services);
        Ok(known.filter(|services| *services != self.services))
    }

    fn apply(&self, gateway: &Gateway<'_>, _: &Vec<Spn>) -> Result<Change, StepError> {
        record(gateway, &self.services)
    }

    fn undo(&self, gateway: &Gateway<'_>, before: &Vec<Spn>) -> Result<(), StepError> {
        record(gateway, before)?;
        Ok(())
    }

    fn left_behind(&self, _: &Vec<Spn>) -> Vec<LeftBehind> {
        Vec::new()
    }
}

fn record(gateway: &Gateway<'_>, services: &[Spn]) -> Result<Change, StepError> {
    let Some(mut known) = Membership::load(gateway.host)? else {
        return Ok(Change::Unchanged);
    };
    known.services = services.to_vec();
    Ok(known.store(gateway.host)?)
}
