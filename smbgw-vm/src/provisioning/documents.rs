//! What a new guest is told.

use std::net::IpAddr;

use smbgw_core::host_label::HostLabel;
use smbgw_core::mac::Mac;

use super::request::{DataRequest, GuestRequest};
use crate::address_setting::AddressSetting;
use crate::cloudinit::{
    CloudInitError, DataDisk, DataFilesystem, Documents, GuestName, InstanceId, Interface,
    LoginName, NetworkConfig, PublicKey, User,
};

/// What a guest is told of itself.
pub(super) struct Told<'a> {
    /// What it calls itself.
    pub(super) name: &'a HostLabel,
    /// Who may log in as its administrator by ssh.
    pub(super) ssh_keys: &'a [PublicKey],
    /// Its users for SMB.
    pub(super) users: &'a [LoginName],
    /// What its disk for data is formatted with, where it has one.
    pub(super) data: Option<DataFilesystem>,
    /// How it gets its address.
    pub(super) address: AddressSetting,
    /// Servers for names.
    pub(super) name_servers: &'a [IpAddr],
}

/// What the guest of `request` is told, which is this instance and has a card with this address on the link.
pub(super) fn documents(
    request: &GuestRequest,
    instance: InstanceId,
    mac: Mac,
) -> Result<Documents, CloudInitError> {
    let told = Told {
        name: &request.name,
        ssh_keys: &request.ssh_keys,
        users: &request.users,
        data: request.data.as_ref().map(|data| data.filesystem),
        address: request.address,
        name_servers: &request.name_servers,
    };
    told.documents(instance, mac)
}

impl Told<'_> {
    /// The documents for it, which is this instance and has a card with this address on the link.
    pub(super) fn documents(
        &self,
        instance: InstanceId,
        mac: Mac,
    ) -> Result<Documents, CloudInitError> {
        let mut documents = Documents::new(instance, GuestName::from(self.name.clone()));
        let settings = &mut documents.user_data;
        if !self.ssh_keys.is_empty() {
            settings.users.push(User::root(self.ssh_keys.to_vec()));
        }
        let users = self.users.iter().cloned().map(User::of_files);
        settings.users.extend(users);
        if let Some(filesystem) = self.data {
            settings.data_disks.push(DataDisk::new(
                DataRequest::serial(),
                filesystem,
                DataRequest::NAME,
                DataRequest::MOUNT_POINT.parse()?,
            )?);
        }
        documents.network = Some(NetworkConfig::of(Interface {
            name_servers: self.name_servers.to_vec(),
            ..Interface::new(mac, self.address)
        }));
        Ok(documents)
    }
}
