//! A cluster watched: what is wrong with it, told once it lasts.
//!
//! [`look`] asks all nodes once: how the cluster stands, whether SMB is served through every public address
//! as seen from every node, which connections nodes know of, how many recoveries there were. It compares that
//! with the [`HealthState`] of the looks before, so that what passes by is not told, and what flaps is told as
//! one thing. [`readings`] are the alerts that come of it, for the channels that quotas use too. [`duty`] is all
//! of that as a program does it once in a while on every node.
//!
//! Looking changes nothing about a cluster.

mod damping;
mod duty;
mod look;
mod readings;
mod round;
mod sight;
mod state;
mod trouble;

pub use smbgw_core::alert::ClusterSettings as Settings;

pub use duty::{Duty, Watch, duty};
pub use look::{Around, Look, look};
pub use readings::readings;
pub use round::round;
pub use sight::{AddressProbe, RecoveryCount, TickleCount};
pub use state::{FILE, HealthState};
pub use trouble::Trouble;
