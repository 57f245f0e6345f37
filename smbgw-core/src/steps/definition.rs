//! What Samba is told of a share.

use serde::{Deserialize, Serialize};

use crate::catalog::{self, ShareRecord, Snapshot};
use crate::change::Change;
use crate::definition::{Accepted, synchronise, synchronise_with};
use crate::layout::{SHARES_CONF, catalog_file};
use crate::machine::Machine;
use crate::service::ServiceState;
use crate::sessions;
use crate::share::ShareName;
use crate::step::{Action, LeftBehind};
use crate::step_error::StepError;
use crate::steps::announce::reload_if_running;

/// Enters a share into the records and into Samba's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Publish {
    /// The share.
    pub record: ShareRecord,
    /// The configuration with the share that Samba accepted just before. An interrupted step is
    /// undone and never done again from the journal, which does not keep this.
    #[serde(skip)]
    pub accepted: Option<Accepted>,
    /// The other shares' records as they were read just before, which the journal does not keep
    /// either.
    #[serde(skip)]
    pub others: Option<Snapshot>,
}

impl Action<Machine<'_>> for Publish {
    type Undo = ();

    fn title(&self) -> String {
        format!("define [{}] in {SHARES_CONF}", self.record.name())
    }

    fn check(&self, _: &Machine<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, machine: &Machine<'_>, (): &()) -> Result<Change, StepError> {
        let check = Check::Candidate(self.accepted.as_ref());
        put(machine, &self.record, self.others.as_ref(), check)?;
        Ok(Change::Created)
    }

    fn undo(&self, machine: &Machine<'_>, (): &()) -> Result<(), StepError> {
        take_away(machine, self.record.name())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![leftover(self.record.name())]
    }
}

/// Takes a share out of the records and out of Samba's configuration, and ends its sessions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Withdraw {
    /// The share as it was.
    pub record: ShareRecord,
}

impl Action<Machine<'_>> for Withdraw {
    type Undo = ();

    fn title(&self) -> String {
        format!("remove [{}] from {SHARES_CONF}", self.record.name())
    }

    fn check(&self, _: &Machine<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, machine: &Machine<'_>, (): &()) -> Result<Change, StepError> {
        take_away(machine, self.record.name())?;
        Ok(Change::Removed)
    }

    fn undo(&self, machine: &Machine<'_>, (): &()) -> Result<(), StepError> {
        put(machine, &self.record, None, Check::Nothing)
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![leftover(self.record.name())]
    }
}

/// Changes what the records say of a share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeRecord {
    /// The share as it was.
    pub before: Box<ShareRecord>,
    /// The share as it will be.
    pub after: Box<ShareRecord>,
}

impl Action<Machine<'_>> for ChangeRecord {
    type Undo = ();

    fn title(&self) -> String {
        format!("record the change of {}", self.after.name())
    }

    fn check(&self, _: &Machine<'_>) -> Result<Option<()>, StepError> {
        Ok((self.before != self.after).then_some(()))
    }

    fn apply(&self, machine: &Machine<'_>, (): &()) -> Result<Change, StepError> {
        let _lock = machine.lock_configuration()?;
        Ok(catalog::store(machine.host, &self.after)?)
    }

    fn undo(&self, machine: &Machine<'_>, (): &()) -> Result<(), StepError> {
        let _lock = machine.lock_configuration()?;
        catalog::store(machine.host, &self.before)?;
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![leftover(self.after.name())]
    }
}

/// Changes the records and what Samba is told of a share, and ends the sessions of those who are not
/// let in any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Redefine {
    /// The share as it was.
    pub before: Box<ShareRecord>,
    /// The share as it will be.
    pub after: Box<ShareRecord>,
}

impl Action<Machine<'_>> for Redefine {
    type Undo = ();

    fn title(&self) -> String {
        let (name, auth) = (self.after.name(), self.after.spec.auth);
        format!("define [{name}] in {SHARES_CONF} with `{auth}` authentication")
    }

    fn check(&self, _: &Machine<'_>) -> Result<Option<()>, StepError> {
        Ok((self.before != self.after).then_some(()))
    }

    fn apply(&self, machine: &Machine<'_>, (): &()) -> Result<Change, StepError> {
        put(machine, &self.after, None, Check::Candidate(None))?;
        end_sessions(machine, &self.after)?;
        Ok(Change::Updated)
    }

    fn undo(&self, machine: &Machine<'_>, (): &()) -> Result<(), StepError> {
        put(machine, &self.before, None, Check::Nothing)?;
        end_sessions(machine, &self.before)
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!(
                "`{}` authentication of {}, which was `{}` before",
                self.after.spec.auth,
                self.after.name(),
                self.before.spec.auth
            ),
            commands: vec!["pve-smbgateway recover".into()],
        }]
    }
}

fn end_sessions(machine: &Machine<'_>, record: &ShareRecord) -> Result<(), StepError> {
    let is_running =
        machine.host.is_live() && machine.service.state(machine.deadline)? == ServiceState::Running;
    if !is_running {
        return Ok(());
    }
    sessions::end_those_not_let_in(
        machine.host,
        machine.service,
        record.name().as_str(),
        record.spec.auth,
        machine.deadline,
    )
}

/// Whether Samba is asked about a share before it is defined.
enum Check<'a> {
    /// It is, unless it accepted that very configuration before.
    Candidate(Option<&'a Accepted>),
    Nothing,
}

fn put(
    machine: &Machine<'_>,
    record: &ShareRecord,
    others: Option<&Snapshot>,
    check: Check<'_>,
) -> Result<(), StepError> {
    let (checked, accepted) = match check {
        Check::Candidate(accepted) => (Some(record.name()), accepted),
        Check::Nothing => (None, None),
    };
    {
        let _lock = machine.lock_configuration()?;
        let records = Snapshot::store(others, machine.host, record)?;
        synchronise_with(machine.host, &records, checked, accepted, machine.deadline)?;
    }
    reload_if_running(machine)
}

fn take_away(machine: &Machine<'_>, name: &ShareName) -> Result<(), StepError> {
    let changed = {
        let _lock = machine.lock_configuration()?;
        catalog::remove(machine.host, name)?;
        synchronise(machine.host, None, machine.deadline)?
    };
    if changed.happened() && machine.host.is_live() {
        machine
            .service
            .close_share(name.as_str(), machine.deadline)?;
    }
    reload_if_running(machine)
}

fn leftover(name: &ShareName) -> LeftBehind {
    LeftBehind {
        what: format!("the definition [{name}] in {SHARES_CONF} and its record"),
        commands: vec![
            format!(
                "rm -f {}",
                crate::host::cmd::quote_for_shell(&catalog_file(&name.key()).to_string_lossy())
            ),
            "pve-smbgateway recover".into(),
        ],
    }
}
