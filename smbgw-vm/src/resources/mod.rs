//! Whether a node has what a guest is to have.
//!
//! Everything that is wrong with a request is told at once, before anything is touched: [`Facts::collect`] asks the
//! node, and [`check`] is a pure function of what it said. What is asked may change until it is used; so what takes
//! place later still tells each of these apart by itself.

mod check;
mod disks;
mod facts;
mod policy;
mod request;
#[cfg(test)]
mod tests;

pub use check::check;
pub(crate) use disks::disk_room;
pub use facts::Facts;
pub use policy::{CountedMemory, Policy};
pub use request::{GuestRequest, Origin};
