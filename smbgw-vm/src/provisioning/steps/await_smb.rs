//! Waiting until a guest answers to SMB.

use std::net::IpAddr;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;
use smbgw_core::host::Host;
use smbgw_core::host_label::HostLabel;
use smbgw_core::probe::{Login, ProbeError, SMB_PORT, ShareProbe};
use smbgw_core::share::ShareName;

use super::await_ready::tail;
use super::deed::{Deed, deeds};
use crate::guest_interface::GuestInterface;
use crate::provisioning::error::ProvisioningError;
use crate::provisioning::guest::Guest;
use crate::provisioning::record::GuestRecord;
use crate::provisioning::wait::{is_off, may_pass, until};
use crate::provisioning::world::Provisioning;

deeds! { AwaitSmb }

/// The log of smbd.
const LOG: &str = "/var/log/samba/log.smbd";

/// A share that no guest has. That a server says so proves that it negotiates, takes a session and looks for shares.
const NO_SHARE: &str = "smbgw-is-there";

/// Waits until a guest answers to SMB, and writes down where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwaitSmb {
    /// The guest.
    pub guest: HostLabel,
}

impl Deed for AwaitSmb {
    fn title(&self) -> String {
        format!("wait until {} answers to SMB", self.guest)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let mut record = world.record(&self.guest)?;
        let guest = world.guest(&self.guest)?;
        let begun = Instant::now();
        let deadline = world.deadline().at_most(world.waits.smb);
        let asked = guest.until(deadline);
        let mut why = None;
        let mut console = guest.console();
        let answered = until(deadline, || {
            console.look();
            if let Some(address) = address_of(&*asked, &record)? {
                match answers(world.machine(), deadline, address) {
                    Ok(()) => return Ok(Some(address)),
                    // Without a client on the node nothing would be found later either.
                    Err(ProbeError::Command(error)) => return Err(error.into()),
                    // What was cut off by the end of the time says nothing new.
                    Err(ProbeError::TimedOut { .. }) if why.is_some() && deadline.has_passed() => {}
                    Err(error) => why = Some(format!("at {address}: {}", chain_text(&error))),
                }
            }
            let is_there = asked.ping();
            console.look();
            match is_there {
                Err(error) if is_off(&error) => Err(ProvisioningError::Ended {
                    guest: guest.id(),
                    said: console.tail(),
                }),
                _ => Ok(None),
            }
        })?;
        let Some(address) = answered else {
            return Err(ProvisioningError::NoSmb {
                guest: guest.id(),
                seconds: begun.elapsed().as_secs(),
                why: why.unwrap_or_else(|| "it has no address".into()),
                said: tail(&*guest, &[LOG]),
            });
        };
        record.answered_at = Some(address);
        record.store(world.machine())?;
        Ok(Change::Unchanged)
    }
}

/// The address of a guest: the one it was given, or what its agent tells of the card that it was given.
pub(in crate::provisioning) fn address_of(
    guest: &dyn Guest,
    record: &GuestRecord,
) -> Result<Option<IpAddr>, ProvisioningError> {
    if let Some(address) = record.address.address() {
        return Ok(Some(address));
    }
    let interfaces = match guest.interfaces() {
        Ok(interfaces) => interfaces,
        Err(error) if may_pass(&error) || is_off(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let is_its = |interface: &&GuestInterface| {
        let mac = interface.mac.as_deref().and_then(|mac| mac.parse().ok());
        mac == Some(record.mac)
    };
    let mut addresses = interfaces
        .iter()
        .filter(is_its)
        .flat_map(|of| &of.addresses);
    Ok(addresses.next().copied())
}

/// Whether an SMB server answers the machine `host` at `address`.
pub(in crate::provisioning) fn answers(
    host: &dyn Host,
    deadline: Deadline,
    address: IpAddr,
) -> Result<(), ProbeError> {
    let share: ShareName = NO_SHARE.parse().expect("it is a plain name");
    let probe = ShareProbe {
        address,
        port: SMB_PORT,
        share: &share,
        login: Login::Anonymous,
    };
    match probe.once(host, deadline) {
        Ok(_) | Err(ProbeError::NotFound { .. } | ProbeError::AnonymousRefused { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
