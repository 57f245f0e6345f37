//! What happened in a cluster, written down where it happened and told in order.
//!
//! Every node has a log of its own, `/var/lib/smbgw/cluster-events.jsonl`: one [`ClusterEvent`] a line, only
//! ever added to, and bounded. ctdb itself has [`hook`] write into it when the health of its node changes;
//! whoever looks at a cluster writes what is different from the last time. [`read`] puts the logs of several
//! nodes together.
//!
//! ```no_run
//! use smbgw_core::host::LocalHost;
//! use smbgw_ctdb::events::{self, Filter};
//!
//! let past = events::read(&[&LocalHost::new()], None, None, &Filter::default());
//! for event in &past.events {
//!     println!("{event}");
//! }
//! ```

mod difference;
mod event;
pub mod hook;
mod log;
mod past;

pub use difference::{NodeView, View};
pub use event::{ClusterEvent, Source, What, now_milliseconds};
pub use log::{LOG, LogError, append};
pub(crate) use past::newest;
pub use past::{Filter, Past, UnreadLog, merge, read};
