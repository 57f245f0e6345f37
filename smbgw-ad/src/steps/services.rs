//! smbd and winbindd, which read their settings and the machine's secret.
//!
//! winbindd looks for its domain once, when it starts. So it is stopped before anything of the
//! membership changes on the machine and started when all is there. smbd has clients: it only reads
//! its configuration again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::service::ServiceState;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::gateway::Gateway;
use crate::join_error::step;
use crate::winbind::{self, WinbindError};

/// Stops winbindd for the time of the operation. Taking it back brings both services to the
/// configuration of before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldServices {}

impl Action<Gateway<'_>> for HoldServices {
    /// Whether winbindd ran.
    type Undo = bool;

    fn title(&self) -> String {
        "stop winbindd until its settings are there".into()
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<bool>, StepError> {
        is_winbind_running(gateway).map(Some)
    }

    fn apply(&self, gateway: &Gateway<'_>, runs: &bool) -> Result<Change, StepError> {
        match runs {
            true => winbind::stop(gateway.host, gateway.deadline).map_err(step),
            false => Ok(Change::Unchanged),
        }
    }

    fn undo(&self, gateway: &Gateway<'_>, ran: &bool) -> Result<(), StepError> {
        reload_smbd(gateway)?;
        if *ran {
            winbind::start(gateway.host, gateway.deadline).map_err(step)?;
        }
        Ok(())
    }

    fn left_behind(&self, ran: &bool) -> Vec<LeftBehind> {
        match ran {
            true => vec![LeftBehind {
                what: "winbindd, which was running and is stopped".into(),
                commands: vec!["systemctl start winbind".into()],
            }],
            false => Vec::new(),
        }
    }
}

/// Starts winbindd, and has smbd read its configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartServices {
    /// Whether winbindd is started.
    pub winbind: bool,
}

impl Action<Gateway<'_>> for StartServices {
    type Undo = ();

    fn title(&self) -> String {
        match self.winbind {
            true => "have smbd read its configuration, and start winbindd".into(),
            false => "have smbd read its configuration".into(),
        }
    }

    fn check(&self, _: &Gateway<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, gateway: &Gateway<'_>, (): &()) -> Result<Change, StepError> {
        reload_smbd(gateway)?;
        match self.winbind {
            true => winbind::start(gateway.host, gateway.deadline).map_err(step),
            false => Ok(Change::Unchanged),
        }
    }

    /// Holding them, which came before, is taken back after this, and starts them as they were.
    fn undo(&self, gateway: &Gateway<'_>, (): &()) -> Result<(), StepError> {
        if self.winbind && is_winbind_running(gateway)? {
            winbind::stop(gateway.host, gateway.deadline).map_err(step)?;
        }
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        match self.winbind {
            true => vec![LeftBehind {
                what: "winbindd, with the settings of the domain".into(),
                commands: vec!["systemctl restart winbind".into()],
            }],
            false => Vec::new(),
        }
    }
}

/// Has winbindd prove the machine's secret to the domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProveTrust {}

impl Action<Gateway<'_>> for ProveTrust {
    type Undo = ();

    fn title(&self) -> String {
        "have winbindd prove the machine's secret to the domain".into()
    }

    fn check(&self, _: &Gateway<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, gateway: &Gateway<'_>, (): &()) -> Result<Change, StepError> {
        let limit = gateway.deadline.at_most(LONGEST_SEARCH);
        loop {
            match winbind::check_secret(gateway.host, gateway.deadline) {
                Ok(()) => return Ok(Change::Unchanged),
                // It has just been started, and looks for a controller first.
                Err(WinbindError::Channel { .. }) if !limit.has_passed() => {
                    std::thread::sleep(PAUSE.min(limit.remaining()));
                }
                Err(error) => return Err(step(error)),
            }
        }
    }

    fn undo(&self, _: &Gateway<'_>, (): &()) -> Result<(), StepError> {
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        Vec::new()
    }
}

/// Whether winbindd runs; where it is not installed it does not.
pub(crate) fn is_winbind_running(gateway: &Gateway<'_>) -> Result<bool, StepError> {
    if gateway.host.tool("wbinfo").is_err() {
        return Ok(false);
    }
    let state = winbind::state(gateway.host, gateway.deadline).map_err(step)?;
    Ok(state == ServiceState::Running)
}

fn reload_smbd(gateway: &Gateway<'_>) -> Result<(), StepError> {
    if gateway.service.state(gateway.deadline)? == ServiceState::Running {
        gateway.service.reload(gateway.deadline)?;
    }
    Ok(())
}

/// winbindd finds its domain within moments, and again after some seconds where a controller does not
/// answer at once.
const LONGEST_SEARCH: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(50);
