//! Moving addresses by hand: one of them to a node, all of them off a node, and back.
//!
//! Each operation may be done again and then says that nothing was to do. What it tells is what was seen
//! afterwards, not what was asked for.

mod address;
mod clients;
mod error;
mod node;

use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use smbgw_core::deadline::Deadline;

pub use address::{Moved, Stay, move_address};
pub use clients::Client;
pub use error::RelocateError;
pub use node::{Drained, Resumed, drain, resume};

use crate::ctl::Ctl;
use crate::node::Member;

/// How often it is looked whether something has happened.
const PAUSE: Duration = Duration::from_millis(200);

/// How long ctdb may take to place addresses after it was told something.
const PLACING: Duration = Duration::from_secs(60);

/// `ctdb` on the node with that private address, or else on any other.
fn ctl<'a>(members: &[Member<'a>], address: Option<IpAddr>, deadline: Deadline) -> Option<Ctl<'a>> {
    let is_it = |member: &&Member<'_>| Some(member.spec.address) == address;
    let member = members.iter().find(is_it).or(members.first())?;
    Some(Ctl::new(member.host, deadline))
}

/// Looks until there is something, or the time is over.
fn look_until<T>(deadline: Deadline, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if deadline.has_passed() {
            return None;
        }
        thread::sleep(PAUSE.min(deadline.remaining()));
    }
}
