//! A guest of libvirt's.

use std::path::PathBuf;
use std::time::Duration;

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::host_label::HostLabel;
use smbgw_core::secret::Secret;

use super::{Guest, Standing};
use crate::agent::Ended;
use crate::cloudinit::Argv;
use crate::domain_xml;
use crate::guest_interface::GuestInterface;
use crate::libvirt::{DomainState, Name, Virsh};
use crate::provisioning::console::Console;
use crate::provisioning::error::ProvisioningError;
use crate::proxmox::{Executed, Mark, RunState};

/// How long an agent that is there may take to say so.
const LONGEST_PING: Duration = Duration::from_secs(5);

/// A guest of libvirt's.
pub(in crate::provisioning) struct DomainGuest<'a> {
    /// The libvirt.
    pub(in crate::provisioning) virsh: Virsh<'a>,
    /// What the guest calls itself.
    pub(in crate::provisioning) name: HostLabel,
    /// Its virtual machine.
    pub(in crate::provisioning) domain: Name,
    /// The file with what it writes to its console.
    pub(in crate::provisioning) console: PathBuf,
}

/// The mark in the XML of the guest `name`.
pub(in crate::provisioning) fn mark_of(name: &HostLabel, mark: &Mark) -> domain_xml::Mark {
    domain_xml::Mark {
        share: name.to_string(),
        run: mark.to_string(),
    }
}

impl Guest for DomainGuest<'_> {
    fn id(&self) -> String {
        self.domain.to_string()
    }

    fn until(&self, deadline: Deadline) -> Box<dyn Guest + '_> {
        Box::new(Self {
            virsh: self.virsh.until(deadline),
            name: self.name.clone(),
            domain: self.domain.clone(),
            console: self.console.clone(),
        })
    }

    fn start(&self) -> Result<Change, ProvisioningError> {
        Ok(self.virsh.start(&self.domain)?)
    }

    fn ask_to_end(&self) -> Result<(), ProvisioningError> {
        self.virsh.shut_down(&self.domain)?;
        Ok(())
    }

    fn switch_off(&self) -> Result<(), ProvisioningError> {
        self.virsh.power_off(&self.domain)?;
        Ok(())
    }

    fn standing(&self, mark: &Mark) -> Result<Standing, ProvisioningError> {
        self.virsh.prove(&self.domain, &mark_of(&self.name, mark))?;
        let state = match self.virsh.state(&self.domain)? {
            DomainState::Running | DomainState::ShuttingDown => RunState::Running,
            DomainState::Paused | DomainState::Suspended => RunState::Paused,
            DomainState::Off | DomainState::Crashed => RunState::Stopped,
        };
        Ok(Standing {
            state,
            kept_available: false,
        })
    }

    fn ping(&self) -> Result<(), ProvisioningError> {
        let deadline = self.virsh.deadline.at_most(LONGEST_PING);
        Ok(self.virsh.until(deadline).ping_agent(&self.domain)?)
    }

    fn execute(
        &self,
        words: &[&str],
        input: Option<Secret>,
        within_seconds: u32,
    ) -> Result<Executed, ProvisioningError> {
        let time = Duration::from_secs(within_seconds.max(1).into());
        let virsh = self.virsh.until(self.virsh.deadline.at_most(time));
        let command = Argv::new(words.iter().copied())?;
        let Ended {
            status,
            output,
            errors,
            ..
        } = virsh.execute(&self.domain, &command, input.as_ref())?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Executed {
            status: status.unwrap_or(-1),
            output: text(output),
            errors: text(errors),
        })
    }

    fn interfaces(&self) -> Result<Vec<GuestInterface>, ProvisioningError> {
        Ok(self.virsh.interfaces(&self.domain)?)
    }

    fn console(&self) -> Console<'_> {
        Console::of_file(self.virsh.host, self.console.clone())
    }
}
