//! Frames that ask for an address, and what is read of those that are heard.
//!
//! Whatever is heard may be malformed: nothing here panics, and what is not exactly as it has to be is
//! passed over.

pub(super) mod arp;
pub(super) mod neighbor;

use std::net::{IpAddr, Ipv6Addr};

use super::{Mac, Sign};

/// The most of a frame that is read. Longer ones are none of ours.
pub(super) const LONGEST: usize = 2048;

/// The length of an Ethernet header: two addresses and a type.
const ETHERNET: usize = 14;

/// Somebody who was heard about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// The address it is about.
    pub(super) about: IpAddr,
    /// Who spoke.
    pub(super) mac: Mac,
    /// What it said.
    pub(super) sign: Sign,
}

/// The frame that asks for `address` on behalf of the adapter `from`: for IPv6, from one of its `own`
/// addresses or from none.
pub(super) fn probe(address: IpAddr, from: Mac, own: Option<Ipv6Addr>) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => arp::probe(address, from),
        IpAddr::V6(address) => neighbor::probe(address, from, own),
    }
}

/// What a frame with its Ethernet header tells of addresses of the family of `like`.
pub(super) fn heard(frame: &[u8], like: IpAddr) -> Vec<Heard> {
    match like {
        IpAddr::V4(_) => arp::heard(frame).into_iter().collect(),
        IpAddr::V6(_) => neighbor::heard(frame),
    }
}

fn ethernet(to: Mac, from: Mac, kind: u16) -> Vec<u8> {
    [&to.0[..], &from.0, &kind.to_be_bytes()].concat()
}

/// The sender of a frame of that type, and what is in it.
fn content(frame: &[u8], kind: u16) -> Option<(Mac, &[u8])> {
    let (header, content) = frame.split_at_checked(ETHERNET)?;
    let sender = Mac(*header.get(6..)?.first_chunk()?);
    (header.ends_with(&kind.to_be_bytes()) && sender.is_of_one()).then_some((sender, content))
}
