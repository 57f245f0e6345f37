//! CTDB high availability for SMB gateways: which addresses may be used, and where they go.
//!
//! Nothing here touches a machine: these are pure functions on what was read from one, or on what is
//! asked for.
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
pub mod files;
pub mod placement;
