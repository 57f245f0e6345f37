//! Waiting until a guest has done all that it was told.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;

use super::deed::{Deed, deeds};
use crate::cloudinit::{InstanceId, Sentinel};
use crate::provisioning::error::ProvisioningError;
use crate::provisioning::guest::Guest;
use crate::provisioning::wait::{is_off, may_pass, until};
use crate::provisioning::world::Provisioning;

deeds! { AwaitReady }

/// What cloud-init writes when it has ended, well or not (cloud-init's documentation, "Boot stages").
const RESULT: &str = "/run/cloud-init/result.json";

/// What cloud-init and its commands write.
const LOGS: [&str; 2] = ["/var/log/cloud-init.log", "/var/log/cloud-init-output.log"];

/// How long a small program in a guest may take, in seconds.
pub(super) const SMALL_PROGRAM_SECONDS: u32 = 30;

/// Waits until a guest has the sentinel of this instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwaitReady {
    /// The guest.
    pub guest: HostLabel,
    /// The instance.
    pub instance: InstanceId,
}

impl Deed for AwaitReady {
    fn title(&self) -> String {
        format!("wait until {} has done what it was told", self.guest)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let guest = world.guest(&self.guest)?;
        let begun = Instant::now();
        let deadline = world.deadline().at_most(world.waits.ready);
        let asked = guest.until(deadline);
        let not_ready = |what: String| ProvisioningError::NotReady {
            guest: guest.id(),
            what,
            said: tail(&*guest, &LOGS),
        };
        let mut console = guest.console();
        let found = until(deadline, || {
            console.look();
            let progress = self.look(&*asked);
            console.look();
            match progress {
                Ok(Progress::Ready) => Ok(Some(())),
                Ok(Progress::UnderWay) => Ok(None),
                Ok(Progress::Failed) => Err(not_ready("ended, and not well".into())),
                // The agent may start again while the guest sets itself up.
                Err(error) if may_pass(&error) => Ok(None),
                Err(error) if is_off(&error) => Err(ProvisioningError::Ended {
                    guest: guest.id(),
                    said: console.tail(),
                }),
                Err(error) => Err(error),
            }
        })?;
        let late = || {
            let seconds = begun.elapsed().as_secs();
            not_ready(format!("has not ended within {seconds} s"))
        };
        found.map(|()| Change::Unchanged).ok_or_else(late)
    }
}

/// How far cloud-init is.
enum Progress {
    /// It has done everything.
    Ready,
    /// It works.
    UnderWay,
    /// It has ended without doing everything.
    Failed,
}

impl AwaitReady {
    fn look(&self, guest: &dyn Guest) -> Result<Progress, ProvisioningError> {
        let read = |path| guest.execute(&["/bin/cat", path], None, SMALL_PROGRAM_SECONDS);
        // In this order: what ends cloud-init comes after what makes the sentinel.
        let has_ended = read(RESULT)?.status == 0;
        let sentinel = read(Sentinel::PATH)?;
        let is_ready = sentinel.status == 0
            && Sentinel::new(self.instance.clone()).is_in(sentinel.output.as_bytes());
        Ok(match (is_ready, has_ended) {
            (true, _) => Progress::Ready,
            (false, false) => Progress::UnderWay,
            (false, true) => Progress::Failed,
        })
    }
}

/// The ends of files of a guest, or nothing where they cannot be had: it is for an error, which stands by itself.
pub(super) fn tail(guest: &dyn Guest, files: &[&str]) -> String {
    // The time that was waited is over, and may be all there was.
    let guest = guest.until(smbgw_core::deadline::Deadline::after(TIME_FOR_LOGS));
    let words = ["/usr/bin/tail", "-c", "1500", "--"];
    let words: Vec<&str> = words.iter().chain(files).copied().collect();
    match guest.execute(&words, None, SMALL_PROGRAM_SECONDS) {
        Ok(ended) => ended.output.trim().to_owned(),
        Err(_) => String::new(),
    }
}

/// How long the ends of logs are waited for.
const TIME_FOR_LOGS: std::time::Duration = std::time::Duration::from_secs(60);
