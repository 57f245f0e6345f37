//! Alerts: what is wrong with a share, told once, to those who asked for it.
//!
//! A program that watches something reports [`Reading`]s. [`observe`] compares them with the
//! [`RuleBook`] and the [`State`] of alerts, and says what has to be told: [`Notice`]s, which
//! [`Delivery`] brings to each [`Channel`]. The state is kept by an [`AlertStore`], so that nothing
//! is told twice, and who knows of an alert can say so.

pub mod channel;
pub mod cluster;
pub mod delivery;
pub mod document;
pub mod engine;
pub mod error;
pub mod message;
pub mod notice;
pub mod outbox;
pub mod reading;
pub mod scope;
pub mod settings;
pub mod state;
pub mod store;
pub mod trial;
mod versioned;

pub use channel::{Channel, ChannelError};
pub use cluster::ClusterSettings;
pub use delivery::{Delivery, DeliveryStatus, Running};
pub use document::{Acknowledged, Overview, Silenced, Unsilenced};
pub use engine::{Transition, observe};
pub use error::AlertError;
pub use message::{Message, Messages};
pub use notice::{Event, Facts, Notice};
pub use outbox::{ChannelStatus, Pace};
pub use reading::{Kind, Measure, Reading, Severity};
pub use scope::{Scope, Subject};
pub use settings::{AlertSettings, RuleBook, Rules};
pub use state::{Acknowledgement, Alert, Silence, State};
pub use store::{AlertStore, Damage, Update};
pub use trial::{Trial, Tried};
