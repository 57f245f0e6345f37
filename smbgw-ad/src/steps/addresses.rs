//! The addresses of the machine in the DNS of the domain.
//!
//! They are registered with the machine's own keys, so that the record is the machine's and it can
//! change it later.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::error::Coded;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::code::Code;
use crate::dns::update;
use crate::gateway::Gateway;
use crate::join_error::{JoinError, step};
use crate::name::{DomainName, HostName};
use crate::samba::Member;
use crate::session::Session;

/// Whose addresses they are, and who may change them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The name that has them.
    pub host_name: HostName,
    /// The domain.
    pub domain: DomainName,
    /// The controller to use instead of looking for one.
    pub server: Option<String>,
    /// The member.
    pub member: Member,
    /// The keytab with its keys.
    pub keytab: PathBuf,
}

/// Registers addresses; others that the name has go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegisterAddresses {
    /// Where.
    pub record: Record,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
}

impl Action<Gateway<'_>> for RegisterAddresses {
    /// The addresses of before.
    type Undo = Vec<IpAddr>;

    fn title(&self) -> String {
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        format!(
            "register {} as {} in the DNS",
            self.record.host_name,
            addresses.join(", ")
        )
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<Vec<IpAddr>>, StepError> {
        let mut present = self.record.present(gateway).map_err(step)?;
        let mut wanted = self.addresses.clone();
        present.sort_unstable();
        wanted.sort_unstable();
        Ok((present != wanted).then_some(present))
    }

    fn apply(&self, gateway: &Gateway<'_>, _: &Vec<IpAddr>) -> Result<Change, StepError> {
        self.record.set(gateway, &self.addresses).map_err(step)
    }

    fn undo(&self, gateway: &Gateway<'_>, before: &Vec<IpAddr>) -> Result<(), StepError> {
        self.record.restore(gateway, before).map_err(step)
    }

    fn left_behind(&self, _: &Vec<IpAddr>) -> Vec<LeftBehind> {
        self.record.left_behind()
    }
}

/// Takes the addresses out that a join registered; those that somebody added stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoveAddresses {
    /// Where.
    pub record: Record,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
}

impl Action<Gateway<'_>> for RemoveAddresses {
    type Undo = Vec<IpAddr>;

    fn title(&self) -> String {
        format!("take {} out of the DNS", self.record.host_name)
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<Vec<IpAddr>>, StepError> {
        let present = self.record.present(gateway).map_err(step)?;
        let is_ours = |address: &IpAddr| self.addresses.contains(address);
        Ok(present.iter().any(is_ours).then_some(present))
    }

    fn apply(&self, gateway: &Gateway<'_>, present: &Vec<IpAddr>) -> Result<Change, StepError> {
        let mut rest = present.clone();
        rest.retain(|address| !self.addresses.contains(address));
        let change = self.record.set(gateway, &rest).map_err(step)?;
        Ok(match rest.is_empty() {
            true => Change::Removed,
            false => change,
        })
    }

    fn undo(&self, gateway: &Gateway<'_>, present: &Vec<IpAddr>) -> Result<(), StepError> {
        self.record.restore(gateway, present).map_err(step)
    }

    fn left_behind(&self, _: &Vec<IpAddr>) -> Vec<LeftBehind> {
        self.record.left_behind()
    }
}

impl Record {
    fn present(&self, gateway: &Gateway<'_>) -> Result<Vec<IpAddr>, JoinError> {
        gateway.resolve(|resolver| {
            Ok(resolver.registered_addresses(&self.host_name, gateway.deadline)?)
        })
    }

    /// Has the name have the addresses of before, unless it has. Undoing may run again when the keys are
    /// gone that it was done with.
    fn restore(&self, gateway: &Gateway<'_>, before: &[IpAddr]) -> Result<(), JoinError> {
        let present = self.present(gateway)?;
        let is_as_before =
            present.len() == before.len() && present.iter().all(|address| before.contains(address));
        if !is_as_before {
            self.set(gateway, before)?;
        }
        Ok(())
    }

    /// Has the name have exactly `addresses`.
    fn set(&self, gateway: &Gateway<'_>, addresses: &[IpAddr]) -> Result<Change, JoinError> {
        let (discovery, clock) = match gateway.session {
            Some(session) => (session.discovery().clone(), session.clock()),
            None => (
                gateway.find(&self.domain, self.server.as_deref())?,
                gateway.clock,
            ),
        };
        let own = Session::of_machine(gateway.host, &self.member, &self.keytab, discovery, clock)
            .and_then(|own| {
                own.log_in(gateway.deadline)?;
                Ok(own)
            });
        let done = own.and_then(|own| self.set_as(gateway, &own, addresses));
        match (done, gateway.session) {
            // Its account or its keys are gone, or the record is that of an account that had the name
            // before. Who may change accounts often may change records.
            (Err(error), Some(session)) if error.code() != Code::DnsUpdateFailed.as_str() => {
                tracing::debug!(%error, "the machine may not change its record");
                self.set_as(gateway, session, addresses)
            }
            (done, _) => done,
        }
    }

    fn set_as(
        &self,
        gateway: &Gateway<'_>,
        session: &Session,
        addresses: &[IpAddr],
    ) -> Result<Change, JoinError> {
        let tgt = session.log_in(gateway.deadline)?.ticket;
        let requester = update::Requester {
            tgt: &tgt,
            finder: session.kdcs(),
            clock: session.clock(),
        };
        let (host, deadline) = (&self.host_name, gateway.deadline);
        gateway.resolve(|resolver| {
            Ok(update::register(
                resolver, host, addresses, &requester, deadline,
            )?)
        })
    }

    fn left_behind(&self) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("the addresses of {} in the DNS", self.host_name),
            commands: vec![format!(
                "samba-tool dns delete SERVER {} {} A ADDRESS",
                self.domain, self.host_name
            )],
        }]
    }
}
