//! Virtual machines for SMB gateways.
//!
//! Every machine that runs guests is reached through [`Host`](smbgw_core::host::Host).
//!
//! ```
//! use smbgw_vm::vmid::Vmid;
//!
//! let vmid: Vmid = "105".parse()?;
//! assert_eq!(vmid.number(), 105);
//! assert!("99".parse::<Vmid>().is_err(), "Proxmox VE keeps those for itself");
//! # Ok::<(), smbgw_vm::vmid::VmidError>(())
//! ```

pub mod address_setting;
pub mod agent;
pub mod cloudinit;
pub mod code;
pub mod domain_xml;
pub mod guest_interface;
pub mod image;
pub mod libvirt;
pub mod mac;
pub mod provisioning;
pub mod proxmox;
pub mod resources;
pub mod seed;
pub mod template;
pub mod vmid;
