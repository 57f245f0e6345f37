//! The share of a guest.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smbgw_core::account::UserName;
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;
use smbgw_core::host_label::HostLabel;
use smbgw_core::probe::{Login, ProbeError, SMB_PORT, ShareProbe};
use smbgw_core::share::ShareName;

use super::deed::{Deed, deeds};
use crate::cloudinit::{DataFilesystem, LoginName};
use crate::provisioning::error::ProvisioningError;
use crate::provisioning::share_inside::ShareInside;
use crate::provisioning::share_request::ShareRequest;
use crate::provisioning::world::Provisioning;

deeds! { MakeShare, ProveShare }

/// Makes the share of a guest: its directory with its limit, and its definition for Samba.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MakeShare {
    /// The guest.
    pub guest: HostLabel,
    /// The share.
    pub share: ShareRequest,
    /// Who may use it.
    pub users: Vec<LoginName>,
    /// What the disk for data is formatted with.
    pub filesystem: DataFilesystem,
}

impl Deed for MakeShare {
    fn title(&self) -> String {
        format!("make the share {} in {}", self.share.name, self.guest)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let guest = &self.guest;
        let inside = ShareInside { world, guest };
        inside.make_directory(&self.share, &self.users)?;
        inside.publish(&self.share, &self.users, self.filesystem)?;
        Ok(Change::Created)
    }
}

/// Connects to the share of a guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProveShare {
    /// The guest.
    pub guest: HostLabel,
    /// The share.
    pub share: ShareName,
    /// Who may use it.
    pub users: Vec<LoginName>,
}

impl Deed for ProveShare {
    fn title(&self) -> String {
        format!("connect to the share {} of {}", self.share, self.guest)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let silent = |why: String| ProvisioningError::ShareSilent {
            guest: self.guest.clone(),
            share: self.share.clone(),
            why,
        };
        let address = world.record(&self.guest)?.answered_at;
        let address = address.ok_or_else(|| silent("its address is not known".into()))?;
        let deadline = world.deadline().at_most(TIME_TO_ANSWER);
        let proven = prove(world, address, &self.share, &self.users, deadline);
        proven.map_err(|error| silent(chain_text(&error)))?;
        Ok(Change::Unchanged)
    }
}

/// Connects to `share` at `address`: as one of `users` whose password is at hand, or else as nobody, who is refused at
/// a share that is there in another way than at one that is not.
pub(in crate::provisioning) fn prove(
    world: &Provisioning<'_>,
    address: IpAddr,
    share: &ShareName,
    users: &[LoginName],
    deadline: Deadline,
) -> Result<(), ProbeError> {
    let mut known = world.passwords.iter();
    let known = known.find_map(|(user, password)| {
        let name: UserName = user.as_str().parse().ok()?;
        users.contains(user).then_some((name, password))
    });
    let login = match &known {
        Some((name, password)) => Login::User { name, password },
        None => Login::Anonymous,
    };
    let probe = ShareProbe {
        address,
        port: SMB_PORT,
        share,
        login,
    };
    match probe.wait_until_there(world.machine(), deadline) {
        Ok(_) | Err(ProbeError::AnonymousRefused { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// How long smbd may take until it has read its new configuration.
const TIME_TO_ANSWER: Duration = Duration::from_secs(60);
