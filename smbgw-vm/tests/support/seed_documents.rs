//! What is on the seeds of the tests.

use smbgw_vm::cloudinit::{CloudConfig, Documents, Interface, NetworkConfig, Rendered, WriteFile};

pub(crate) fn documents() -> Rendered {
    let mut documents = Documents::new("vault-1".parse().unwrap(), "vault".parse().unwrap());
    documents.network = Some(NetworkConfig::of(Interface::new(
        "52:54:00:12:34:56".parse().unwrap(),
        "dhcp".parse().unwrap(),
    )));
    // More than one sector.
    let long = "x".repeat(5000);
    let file = WriteFile::new("/srv/long".parse().unwrap(), long);
    documents.user_data.write_files.push(file);
    documents.vendor_data = Some(CloudConfig::nothing());
    documents.render()
}
