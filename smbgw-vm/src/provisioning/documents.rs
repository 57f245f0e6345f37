//! What a new guest is told.

use smbgw_core::mac::Mac;

use super::request::{DataRequest, GuestRequest};
use crate::cloudinit::{
    CloudInitError, DataDisk, Documents, GuestName, InstanceId, Interface, NetworkConfig, User,
};

/// What the guest of `request` is told, which is this instance and has a card with this address on the link.
pub(super) fn documents(
    request: &GuestRequest,
    instance: InstanceId,
    mac: Mac,
) -> Result<Documents, CloudInitError> {
    let mut documents = Documents::new(instance, GuestName::from(request.name.clone()));
    let settings = &mut documents.user_data;
    if !request.ssh_keys.is_empty() {
        settings.users.push(User::root(request.ssh_keys.clone()));
    }
    let users = request.users.iter().cloned().map(User::of_files);
    settings.users.extend(users);
    if let Some(data) = &request.data {
        settings.data_disks.push(DataDisk::new(
            DataRequest::serial(),
            data.filesystem,
            DataRequest::NAME,
            DataRequest::MOUNT_POINT.parse()?,
        )?);
    }
    documents.network = Some(NetworkConfig::of(Interface {
        name_servers: request.name_servers.clone(),
        ..Interface::new(mac, request.address)
    }));
    Ok(documents)
}
