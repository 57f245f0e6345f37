//! Waiting for a guest, which tells nobody when it is ready: looks with rests between them.

use std::thread;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::CommandError;

use super::error::ProvisioningError;
use crate::libvirt::LibvirtError;
use crate::proxmox::ProxmoxError;

/// How long to wait between two looks. Each is a process on the node that takes up to a second.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Looks again and again until `look` finds something; `None` where the time was over first. It looks once at
/// least.
pub(super) fn until<T, E>(
    deadline: Deadline,
    mut look: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    loop {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        if deadline.has_passed() {
            return Ok(None);
        }
        thread::sleep(BETWEEN_LOOKS.min(deadline.remaining()));
    }
}

/// Whether another look may find that the agent answers.
pub(super) fn may_pass(error: &ProvisioningError) -> bool {
    match error {
        ProvisioningError::Proxmox(ProxmoxError::AgentSilent { .. })
        | ProvisioningError::Libvirt(LibvirtError::AgentSilent { .. }) => true,
        ProvisioningError::Proxmox(ProxmoxError::Command(error))
        | ProvisioningError::Libvirt(LibvirtError::Command(error)) => {
            matches!(error, CommandError::TimedOut { .. })
        }
        _ => false,
    }
}

/// Whether the guest does not run.
pub(super) fn is_off(error: &ProvisioningError) -> bool {
    matches!(
        error,
        ProvisioningError::Proxmox(ProxmoxError::NotRunning { .. })
            | ProvisioningError::Libvirt(LibvirtError::NotRunning { .. })
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_once_at_least_and_ends_at_the_deadline() {
        let mut looks = 0;
        let over = Deadline::after(Duration::ZERO);
        let found = until(over, || {
            looks += 1;
            Ok::<Option<()>, ()>(None)
        });
        assert_eq!((found, looks), (Ok(None), 1));
        let mut left = 2;
        let soon = Deadline::after(Duration::from_secs(60));
        let found = until(soon, || {
            left -= 1;
            Ok::<_, ()>((left == 0).then_some("found"))
        });
        assert_eq!(found, Ok(Some("found")));
        assert_eq!(
            until(soon, || Err::<Option<()>, _>("broken")),
            Err("broken")
        );
    }
}
