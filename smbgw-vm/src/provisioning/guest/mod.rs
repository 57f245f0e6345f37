//! A guest, whatever runs it.

mod on_libvirt;
mod on_node;

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::secret::Secret;

pub(super) use on_libvirt::{DomainGuest, mark_of};
pub(super) use on_node::NodeGuest;

use super::console::Console;
use super::error::ProvisioningError;
use crate::guest_interface::GuestInterface;
use crate::proxmox::{Executed, Mark, RunState};

/// A guest that was made: what is done with it once its hypervisor has it.
pub(super) trait Guest {
    /// What its hypervisor knows it by: its number, or its name.
    fn id(&self) -> String;

    /// The same guest, where all has to be over by `deadline`.
    fn until(&self, deadline: Deadline) -> Box<dyn Guest + '_>;

    /// Starts it; one that runs is left alone. It may take a moment until it runs where high availability keeps it.
    fn start(&self) -> Result<Change, ProvisioningError>;

    /// Asks it to end by itself, and may wait for that until its deadline. One that high availability keeps stays
    /// off from then on.
    fn ask_to_end(&self) -> Result<(), ProvisioningError>;

    /// Switches it off, as if power was lost.
    fn switch_off(&self) -> Result<(), ProvisioningError>;

    /// How it stands, where it is there and has this mark.
    fn standing(&self, mark: &Mark) -> Result<Standing, ProvisioningError>;

    /// Asks its agent whether it is there.
    fn ping(&self) -> Result<(), ProvisioningError>;

    /// Has its agent run a program with `input` on its standard input, and waits for its end for so many seconds.
    /// The input is never shown.
    fn execute(
        &self,
        words: &[&str],
        input: Option<Secret>,
        within_seconds: u32,
    ) -> Result<Executed, ProvisioningError>;

    /// Its network interfaces that others can reach it by, as its agent tells them.
    fn interfaces(&self) -> Result<Vec<GuestInterface>, ProvisioningError>;

    /// What it writes while it boots.
    fn console(&self) -> Console<'_>;
}

/// How a guest stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Whether it runs.
    pub(super) state: RunState,
    /// Whether high availability keeps it.
    pub(super) kept_available: bool,
}
