//! What Samba knows of the domain: the machine's secret.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::gateway::Gateway;
use crate::join_error::{JoinError, step};
use crate::samba::blob::{Controller, Provision};
use crate::samba::{Member, tell};

/// Tells Samba that this machine is a member, and the secret of its account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TellSamba {
    /// The member.
    pub member: Member,
}

impl Action<Gateway<'_>> for TellSamba {
    type Undo = tell::Undo;

    fn title(&self) -> String {
        format!(
            "tell Samba that {} is in {}",
            self.member.computer, self.member.netbios
        )
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<tell::Undo>, StepError> {
        tell::inspect(gateway.host, &self.member, gateway.deadline)
            .map(Some)
            .map_err(step)
    }

    fn apply(&self, gateway: &Gateway<'_>, undo: &tell::Undo) -> Result<Change, StepError> {
        let provision = provision(gateway, &self.member).map_err(step)?;
        tell::join(gateway.host, &provision, undo, gateway.deadline).map_err(step)
    }

    fn undo(&self, gateway: &Gateway<'_>, undo: &tell::Undo) -> Result<(), StepError> {
        tell::undo(gateway.host, undo, gateway.deadline).map_err(step)
    }

    fn left_behind(&self, _: &tell::Undo) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("the secret of {} in Samba's database", self.member.computer),
            commands: vec!["pve-smbgateway ad-leave --host-only".into()],
        }]
    }
}

/// What a machine has to know to be the member that has the account of `member`.
pub(super) fn provision(gateway: &Gateway<'_>, member: &Member) -> Result<Provision, JoinError> {
    let session = gateway.logged_in()?;
    let password = gateway.password.ok_or(JoinError::PasswordGone)?;
    let account = session.account(&member.computer, gateway.deadline)?;
    let discovery = session.discovery();
    let domain = &discovery.domain;
    let controller = &discovery.controller;
    Ok(Provision {
        domain: domain.name.clone(),
        forest: domain.forest.clone(),
        netbios: member.netbios.clone(),
        guid: domain.guid,
        sid: account
            .sid
            .domain()
            .ok_or_else(|| JoinError::AccountUnreadable {
                computer: member.computer.clone(),
                attribute: "objectSid",
            })?,
        computer: member.computer.clone(),
        password: password.clone(),
        rid: account.sid.rid(),
        controller: Controller {
            host: controller.host.clone(),
            address: controller.address.to_string(),
            site: controller.site.as_ref().map(ToString::to_string),
            client_site: discovery.client_site.as_ref().map(ToString::to_string),
            flags: controller.flags.0,
        },
    })
}

/// Removes the copy of what Samba knew before it was told, for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DropKept {
    /// The member.
    pub member: Member,
}

impl Action<Gateway<'_>> for DropKept {
    type Undo = ();

    fn title(&self) -> String {
        "remove the copy of the former secret".into()
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<()>, StepError> {
        let keeps = tell::keeps(gateway.host, &self.member).map_err(step)?;
        Ok(keeps.then_some(()))
    }

    fn apply(&self, gateway: &Gateway<'_>, (): &()) -> Result<Change, StepError> {
        tell::drop_kept(gateway.host, &self.member).map_err(step)
    }

    fn undo(&self, _: &Gateway<'_>, (): &()) -> Result<(), StepError> {
        Err(step(JoinError::NoWayBack))
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!(
                "a copy of the former secret of {} beside Samba's database",
                self.member.netbios
            ),
            commands: vec!["pve-smbgateway ad-recover".into()],
        }]
    }
}

/// Makes Samba forget the domain, for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForgetSecret {
    /// The member.
    pub member: Member,
}

impl Action<Gateway<'_>> for ForgetSecret {
    type Undo = tell::Undo;

    fn title(&self) -> String {
        format!("have Samba forget the domain {}", self.member.netbios)
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<tell::Undo>, StepError> {
        tell::inspect(gateway.host, &self.member, gateway.deadline)
            .map(Some)
            .map_err(step)
    }

    fn apply(&self, gateway: &Gateway<'_>, undo: &tell::Undo) -> Result<Change, StepError> {
        let change = tell::leave(gateway.host, undo, gateway.deadline).map_err(step)?;
        tell::settle(gateway.host, undo).map_err(step)?;
        Ok(change)
    }

    fn undo(&self, gateway: &Gateway<'_>, undo: &tell::Undo) -> Result<(), StepError> {
        tell::undo(gateway.host, undo, gateway.deadline).map_err(step)
    }

    fn left_behind(&self, _: &tell::Undo) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("the secret of {} in Samba's database", self.member.computer),
            commands: vec!["pve-smbgateway ad-leave --host-only".into()],
        }]
    }
}
