//! Who else has an address: asked on the link itself, before an address is used and while it is.
//!
//! For IPv4 that is an ARP probe ([RFC 5227](https://www.rfc-editor.org/rfc/rfc5227)), for IPv6 duplicate
//! address detection ([RFC 4862, section 5.4](https://www.rfc-editor.org/rfc/rfc4862#section-5.4)). Both are
//! sent from no address, so no neighbour learns anything wrong by them. An address of IPv6 that is in use is
//! asked for as a neighbour does, from an address of the link: a node that is just taking it over would take a
//! question from nobody for a conflict, and fail ([`Pace::Quick`]).
//!
//! * [`probe`] asks from one machine, whatever the way to it.
//! * [`check_free`] asks from all nodes, before addresses are used.
//! * [`holders`] tells which of the nodes have an address, and whether anybody else has.
//!
//! **What could not be asked is never taken for free**: it is [`Verdict::Unknown`], with the reason.
//!
//! A machine on whose network this process can be is asked by packet sockets; others run
//! `pve-smbgateway ha-probe ADDRESS/PREFIX%INTERFACE… --pace PACE --json` and print a [`ProbeDocument`].

mod check;
mod document;
mod error;
mod frame;
mod holders;
mod interfaces;
mod local;
mod pace;
mod verdict;

pub use check::{Seen, check_free, probe, probe_from};
pub use document::{ProbeDocument, answer};
pub use error::ConflictError;
pub use holders::{Holder, Holding, Unseen, holders};
pub use interfaces::{InterfaceError, NodeInterface, interfaces};
pub use pace::{Pace, PaceError};
pub use smbgw_core::mac::{Mac, MacError};
pub use verdict::{Probed, Sighting, Sign, Verdict};
