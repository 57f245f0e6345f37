//! CTDB high availability for SMB gateways: clusters set up, planned, watched, and tried.
//!
//! Every node is reached through [`Host`](smbgw_core::host::Host), so that the same code works on this machine, by
//! ssh, in containers and in guests. [`members`] opens the nodes of a cluster; [`setup`], [`membership`],
//! [`teardown`] and [`adopt`] change it, [`recover`] settles what was interrupted; [`status`] and [`events`]
//! tell, [`health`] watches, [`drill`] tries. What needs no machine is apart: [`placement`], [`address`],
//! [`files`], [`objective`].
//!
//! ```
//! use smbgw_ctdb::placement::{predict, Known, Node, NodeFlags, Settings};
//!
//! // Two nodes with one address each.
//! let mut nodes = Vec::new();
//! for pnn in 0..2 {
//!     let known = |last, held| Known::new([10, 0, 0, last], held);
//!     nodes.push(Node::healthy(vec![known(100, pnn == 0), known(101, pnn == 1)]));
//! }
//!
//! // What happens when node 1 is cut off?
//! nodes[1].flags = NodeFlags::DISCONNECTED;
//! let placement = predict(&nodes, &Settings::default())?;
//! let moved: Vec<_> = placement.moves().collect();
//! assert_eq!(moved.len(), 1);
//! assert_eq!(moved[0].address, std::net::IpAddr::from([10, 0, 0, 101]));
//! assert_eq!((moved[0].from, moved[0].to), (Some(1), Some(0)));
//! # Ok::<(), smbgw_ctdb::placement::PlacementError>(())
//! ```

pub mod address;
pub mod adopt;
pub mod allocate;
pub mod announce;
pub mod before;
pub mod client;
pub mod cluster_error;
pub mod cluster_lock;
pub mod code;
pub mod conflict;
pub mod content;
pub mod ctl;
mod databases;
pub mod draft;
pub mod drill;
pub mod events;
pub mod files;
pub mod forecast;
pub mod health;
pub mod members;
pub mod membership;
pub mod node;
pub mod objective;
mod on_each;
pub mod outcome;
mod own_addresses;
pub mod placement;
pub mod plan;
pub mod preflight;
pub mod ready;
pub mod record;
pub mod recover;
pub mod relocate;
mod service;
pub mod settled;
pub mod setup;
pub mod smb;
pub mod standing;
pub mod status;
pub mod steps;
pub mod teardown;
mod way_back;
pub mod world;
