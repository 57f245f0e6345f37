//! What a ctdbd sends is read or refused. The answers in a reply are looked at as those to every question.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smbgw_ctdb::client::reply;
use smbgw_ctdb::client::wire::{self, LONGEST, Packet};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some(length)) = wire::length(bytes) {
        assert!((32..=LONGEST).contains(&length));
    }
    let data = match Packet::read(bytes) {
        Ok(Packet::Reply(reply)) => {
            assert!(reply.data.len() + 44 <= bytes.len());
            reply.data
        }
        // So that lists are found soon.
        _ => bytes.to_vec(),
    };
    let sizes = [
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
    for size in sizes.into_iter().flatten() {
        assert!(size <= data.len());
    }
});
