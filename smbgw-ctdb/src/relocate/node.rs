//! All addresses off a node, and a node that takes some again.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;

use super::clients::clients;
use super::{Client, PLACING, RelocateError, ctl, look_until};
use crate::ctl::Ctl;
use crate::forecast::{Expected, Live, What};
use crate::node::Member;
use crate::placement::NodeFlags;

/// A node that was drained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Drained {
    /// The number of the node.
    pub node: u32,
    /// Whether it had to be told.
    pub change: Change,
    /// The addresses it had, and where they are now.
    pub moved: Vec<Expected>,
    /// Who is still connected to it: by its own address, as connections by a virtual one end when that moves.
    pub clients: Vec<Client>,
    /// Whether all clients are gone.
    pub is_empty: bool,
    /// How long was waited for clients, in milliseconds.
    pub waited_milliseconds: u64,
    /// What an administrator should know beside it.
    pub notes: Vec<String>,
}

/// A node that takes addresses again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Resumed {
    /// The number of the node.
    pub node: u32,
    /// Whether it had to be told.
    pub change: Change,
    /// The addresses that it has now.
    pub addresses: Vec<IpAddr>,
    /// Whether it is healthy. One that is not gets no address before it is.
    pub is_healthy: bool,
    /// What an administrator should know beside it.
    pub notes: Vec<String>,
}

/// Has the node with that number give its addresses away, and waits up to `patience` until nobody is connected
/// to it. It stays in the cluster, and takes no address before [`resume`].
///
/// # Errors
/// [`RelocateError::Nowhere`] before anything is touched, where no other node can take all its addresses;
/// where ctdb cannot be told, or the addresses do not go in time.
pub fn drain(
    members: &[Member<'_>],
    number: u32,
    patience: Duration,
    deadline: Deadline,
) -> Result<Drained, RelocateError> {
    let live = Live::read(members, deadline)?;
    let node = live.node(number)?;
    let is_drained = node.flags.any(NodeFlags::DISABLED);
    let had: Vec<_> = live
        .addresses()
        .filter(|address| live.holder(*address) == Some(number))
        .collect();
    if !is_drained {
        refuse_where_nowhere(&live, number, &had)?;
    }
    let own = live.private_address(number);
    let ctl = ctl(members, own, deadline).ok_or(RelocateError::NobodyAsked)?;
    if !is_drained {
        ctl.disable(Some(number))?;
    }
    let places = look_until(deadline.at_most(PLACING), || {
        let places = ctl.addresses().ok()?;
        let is_off = places.iter().all(|(_, on)| *on != Some(number));
        is_off.then_some(places)
    });
    let places = places.ok_or_else(|| RelocateError::Stuck {
        node: live.title(number),
        addresses: had.clone(),
    })?;
    let mut drained = Drained {
        node: number,
        change: if is_drained {
            Change::Unchanged
        } else {
            Change::Updated
        },
        moved: had
            .iter()
            .map(|address| went(*address, number, &places))
            .collect(),
        clients: Vec::new(),
        is_empty: false,
        waited_milliseconds: 0,
        notes: Vec::new(),
    };
    drained.wait_for_clients(&ctl, deadline.at_most(patience));
    Ok(drained)
}

fn went(address: IpAddr, from: u32, places: &[(IpAddr, Option<u32>)]) -> Expected {
    let found = places.iter().find(|(placed, _)| *placed == address);
    Expected {
        address,
        from: Some(from),
        to: found.and_then(|(_, on)| *on),
    }
}

/// That other nodes can have all of what it has.
fn refuse_where_nowhere(live: &Live, number: u32, had: &[IpAddr]) -> Result<(), RelocateError> {
    let others = live.nodes().iter().zip(0..);
    let mut serving =
        others.filter(|(node, other)| *other != number && node.running && node.flags.is_healthy());
    let stranded: Vec<_> = if serving.next().is_none() {
        had.to_vec()
    } else {
        let what = What {
            without: vec![number],
            with: Vec::new(),
        };
        let nowhere = live.forecast(&what)?.nowhere;
        let own = nowhere.into_iter().filter(|address| had.contains(address));
        own.collect()
    };
    if stranded.is_empty() {
        return Ok(());
    }
    Err(RelocateError::Nowhere {
        node: live.title(number),
        addresses: stranded,
    })
}

impl Drained {
    fn wait_for_clients(&mut self, ctl: &Ctl<'_>, deadline: Deadline) {
        let began = Instant::now();
        let gone = look_until(deadline, || {
            match clients(ctl.host, self.node, ctl.deadline.at_most(PLACING)) {
                Ok(left) => {
                    let is_empty = left.is_empty();
                    self.clients = left;
                    is_empty.then_some(true)
                }
                // Asking again would tell the same.
                Err(error) => {
                    let why = chain_text(&error);
                    self.notes
                        .push(format!("nobody says who is connected: {why}"));
                    Some(false)
                }
            }
        });
        self.is_empty = gone == Some(true);
        self.waited_milliseconds = began.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    }
}

/// Has the node with that number take addresses again: after [`drain`], `ctdb disable` or `ctdb stop`.
///
/// # Errors
/// [`RelocateError::NotServing`] for one that is banned or does not answer; where ctdb cannot be told.
pub fn resume(
    members: &[Member<'_>],
    number: u32,
    deadline: Deadline,
) -> Result<Resumed, RelocateError> {
    let live = Live::read(members, deadline)?;
    let flags = live.node(number)?.flags;
    if flags.any(NodeFlags::BANNED | NodeFlags::DISCONNECTED) {
        return Err(RelocateError::NotServing {
            node: live.title(number),
            states: live.states(number),
        });
    }
    let own = live.private_address(number);
    let ctl = ctl(members, own, deadline).ok_or(RelocateError::NobodyAsked)?;
    let held = NodeFlags::DISABLED | NodeFlags::STOPPED;
    if flags.any(NodeFlags::STOPPED) {
        ctl.proceed(Some(number))?;
    }
    if flags.any(NodeFlags::DISABLED) {
        ctl.enable(Some(number))?;
    }
    let state = || {
        let nodes = ctl.nodes().ok()?;
        nodes.into_iter().find(|node| node.pnn == number)
    };
    // One that was stopped is unhealthy until its event scripts have run once more.
    let healthy = look_until(deadline.at_most(PLACING), || {
        state().filter(|node| node.flags.is_healthy())
    });
    if healthy.is_none() && state().is_none_or(|node| node.flags.any(held)) {
        return Err(RelocateError::StillHeld {
            node: live.title(number),
        });
    }
    let mut notes = Vec::new();
    if healthy.is_none() {
        let title = live.title(number);
        notes.push(format!(
            "{title} is not healthy, and gets no address before it is"
        ));
    }
    let places = ctl.addresses()?;
    let own = places.into_iter().filter(|(_, on)| *on == Some(number));
    Ok(Resumed {
        node: number,
        change: if flags.any(held) {
            Change::Updated
        } else {
            Change::Unchanged
        },
        addresses: own.map(|(address, _)| address).collect(),
        is_healthy: healthy.is_some(),
        notes,
    })
}
