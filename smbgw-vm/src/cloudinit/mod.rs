//! What a guest is told when it boots for the first time, as cloud-init reads it.
//!
//! [`Documents`] has all of it; [`Documents::render`] makes the texts. Each is JSON, which is YAML too, so no
//! text that is put in can become something else.
//!
//! None of it stays secret: the documents stay on a disk of the guest, and every process of the guest can
//! read part of them. So there is no way for a [`Secret`](smbgw_core::secret::Secret) to get in:
//!
//! ```compile_fail
//! use smbgw_core::secret::Secret;
//! use smbgw_vm::cloudinit::{GuestPath, WriteFile};
//!
//! let path: GuestPath = "/etc/key".parse().unwrap();
//! WriteFile::new(path, Secret::from("hunter2".to_string()));
//! ```
//!
//! ```compile_fail
//! use smbgw_core::secret::Secret;
//! use smbgw_vm::cloudinit::Argv;
//!
//! Argv::new([Secret::from("hunter2".to_string())]);
//! ```
//!
//! With a text in its place, both are right:
//!
//! ```
//! use smbgw_vm::cloudinit::{Argv, GuestPath, WriteFile};
//!
//! let path: GuestPath = "/etc/motd".parse()?;
//! WriteFile::new(path, "a gateway\n");
//! Argv::new(["true"])?;
//! # Ok::<(), smbgw_vm::cloudinit::CloudInitError>(())
//! ```

mod argv;
mod check;
mod cloud_config;
mod data_disk;
mod error;
mod guest_name;
mod meta_data;
mod network;
mod path;
pub mod schema;
mod sentinel;
mod text;
mod user;
mod write_file;

pub use argv::Argv;
pub use check::{Schemas, SchemasError};
pub use cloud_config::CloudConfig;
pub use data_disk::{DataDisk, DataFilesystem, DiskSerial};
pub use error::CloudInitError;
pub use guest_name::GuestName;
pub use meta_data::{InstanceId, MetaData};
pub use network::{Interface, InterfaceName, NetworkConfig, NetworkVersion};
pub use path::GuestPath;
pub use sentinel::Sentinel;
pub use user::{LoginName, PublicKey, User};
pub use write_file::{Content, WriteFile};

/// Everything that a guest is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documents {
    /// What is to be done in the guest.
    pub user_data: CloudConfig,
    /// Which guest it is.
    pub meta_data: MetaData,
    /// Its network; what the template has for a default where there is none.
    pub network: Option<NetworkConfig>,
    /// What comes before `user_data` and gives way to it.
    pub vendor_data: Option<CloudConfig>,
}

/// The texts of [`Documents`], as they are put on a seed or into snippets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// `user-data`.
    pub user_data: String,
    /// `meta-data`.
    pub meta_data: String,
    /// `network-config`.
    pub network_config: Option<String>,
    /// `vendor-data`.
    pub vendor_data: Option<String>,
}

impl Documents {
    /// What the guest `name` is told, and nothing else yet.
    pub fn new(instance: InstanceId, name: GuestName) -> Self {
        Self {
            user_data: CloudConfig::new(name.clone()),
            meta_data: MetaData::new(instance, name),
            network: None,
            vendor_data: None,
        }
    }

    /// The texts. `user-data` ends with what makes the [`Sentinel`] of this instance.
    pub fn render(&self) -> Rendered {
        let user_data = Sentinel::new(self.meta_data.instance_id.clone()).added_to(&self.user_data);
        Rendered {
            user_data: user_data.render(),
            meta_data: text::yaml(&self.meta_data),
            network_config: self.network.as_ref().map(text::yaml),
            vendor_data: self.vendor_data.as_ref().map(CloudConfig::render),
        }
    }
}

impl Rendered {
    /// Each text with the name of its file on a NoCloud seed.
    pub fn files(&self) -> Vec<(&'static str, &[u8])> {
        let all = [
            ("meta-data", Some(&self.meta_data)),
            ("network-config", self.network_config.as_ref()),
            ("user-data", Some(&self.user_data)),
            ("vendor-data", self.vendor_data.as_ref()),
        ];
        all.into_iter()
            .filter_map(|(name, text)| Some((name, text?.as_bytes())))
            .collect()
    }
}
