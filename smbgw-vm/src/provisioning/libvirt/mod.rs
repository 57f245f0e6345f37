//! Guests of libvirt that serve SMB: what is done otherwise than with Proxmox VE.
//!
//! The first disk of a guest is a volume: a layer over the volume of its template, which is brought to the pool once, or
//! a copy of it. Its documents are on a volume, too, which stays: cloud-init looks for it whenever the guest starts, and
//! nothing in it is secret. Every volume has the mark of its guest in its name, so that none of somebody else's can be
//! taken for it.

mod check;
mod draft;
mod pool_template;
mod provision;
mod request;
pub(super) mod steps;
mod sweep;

pub use pool_template::PoolTemplate;
pub use provision::{problems, provision};
pub use request::{DataRequest, GuestRequest};
pub use sweep::remove_unused_templates;
