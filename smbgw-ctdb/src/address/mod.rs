//! Addresses that a cluster serves under, as an administrator writes them, and whether they can be used.
//!
//! `10.0.0.100/24%eth0` is one address, `10.0.0.100-10.0.0.120/24%eth0` a pool. The interface may be left out.

mod check;
mod error;
mod interface;
mod pool;
mod subnet;
mod virtual_address;

pub use check::{Interface, Surroundings};
pub use error::AddressError;
pub use interface::InterfaceName;
pub use pool::{Pool, Range};
pub use subnet::Subnet;
pub use virtual_address::VirtualAddress;

#[cfg(test)]
mod tests;
