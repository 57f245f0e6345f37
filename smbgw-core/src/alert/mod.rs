//! Alerts: what is wrong with a share, told once, to those who asked for it.
//!
//! A program that watches something reports [`Reading`]s. What has to be told about them comes out
//! as [`Notice`]s, which a [`Channel`] delivers.

pub mod channel;
pub mod notice;
pub mod reading;

pub use channel::{Channel, ChannelError};
pub use notice::{Event, Facts, Notice};
pub use reading::{Kind, Measure, Reading, Severity};
