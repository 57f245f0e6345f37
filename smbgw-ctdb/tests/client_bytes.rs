//! Bytes of anybody are read or refused, and never more is made of them than they are.

use proptest::collection::vec;
use proptest::prelude::*;
use smbgw_ctdb::client::reply;
use smbgw_ctdb::client::wire::{self, LONGEST, Packet, Reply, Request};

/// Bytes that begin as a list does, or a packet, so that more than the first number is looked at.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![0_u32..4, any::<u32>(), Just(0x4354_4442), Just(2), Just(10)];
    let list =
        (0_u32..5, 0_usize..10, vec(any::<u8>(), 0..200)).prop_map(|(count, size, mut rest)| {
            let entry = [4, 8, 32, 36][size % 4];
            rest.resize(entry * count as usize, 0);
            [&count.to_ne_bytes()[..], &rest].concat()
        });
    let numbers = vec(number, 0..24);
    let numbers = numbers.prop_map(|all| all.into_iter().flat_map(u32::to_ne_bytes).collect());
    prop_oneof![vec(any::<u8>(), 0..200), numbers, list]
}

/// The packet of a reply, as a ctdbd writes it.
fn packet(reply: &Reply, padding: usize) -> Vec<u8> {
    let sizes = [reply.data.len(), reply.error.len()].map(|size| u32::try_from(size).unwrap());
    let length = 44 + reply.data.len() + reply.error.len() + padding;
    let header = [
        u32::try_from(length).unwrap(),
        0x4354_4442,
        1,
        0,
        8,
        0,
        0,
        reply.id,
    ];
    let mut packet: Vec<u8> = header.into_iter().flat_map(u32::to_ne_bytes).collect();
    packet.extend(reply.status.to_ne_bytes());
    packet.extend(sizes.into_iter().flat_map(u32::to_ne_bytes));
    packet.extend(&reply.data);
    packet.extend(reply.error.bytes());
    packet.resize(length, 0);
    packet
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(data in bytes()) {
        if let Ok(Some(length)) = wire::length(&data) {
            prop_assert!((32..=LONGEST).contains(&length));
        }
        if let Ok(packet) = Packet::read(&data) {
            prop_assert_eq!(wire::length(&data), Ok(Some(data.len())));
            match packet {
                Packet::Reply(reply) => {
                    prop_assert!(reply.data.len() + 44 <= data.len());
                    prop_assert!(!reply.error.contains(char::is_control));
                }
                Packet::Message { data: said, .. } => prop_assert!(said.len() + 44 <= data.len()),
                Packet::Other => {}
            }
        }
        let lists = [
            reply::nodes(&data).map(|list| list.len() * 36),
            reply::public_addresses(&data).map(|list| list.len() * 32),
            reply::databases(&data).map(|list| list.len() * 8),
            reply::members(&data).map(|members| members.nodes.len() * 4),
            reply::tunable_names(&data).map(|names| names.join(":").len()),
            reply::text(&data).map(str::len),
            reply::uptime(&data).map(|_| 64),
            reply::run_state(&data).map(|_| 4),
            reply::only_number(&data).map(|_| 4),
        ];
        for size in lists.into_iter().flatten() {
            prop_assert!(size <= data.len());
        }
    }

    #[test]
    fn a_reply_is_what_was_sent(
        id: u32,
        status: i32,
        data in vec(any::<u8>(), 0..300),
        error in "[a-z ]{0,40}",
        padding in 0_usize..8,
    ) {
        let reply = Reply { id, status, data, error };
        let bytes = packet(&reply, padding);
        prop_assert_eq!(Packet::read(&bytes), Ok(Packet::Reply(reply)));
        for end in 0..bytes.len() {
            prop_assert!(Packet::read(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn a_request_has_the_length_it_says(data in vec(any::<u8>(), 0..300), node: Option<u32>) {
        let mut out = vec![7];
        Request { node, data: &data, ..Request::default() }.write(&mut out);
        prop_assert_eq!(wire::length(&out[1..]), Ok(Some(out.len() - 1)));
        prop_assert_eq!(out.len() % 8, 1);
        // ctdbd reads a request as it comes, and no client takes one for a reply.
        prop_assert_eq!(Packet::read(&out[1..]), Ok(Packet::Other));
    }
}
