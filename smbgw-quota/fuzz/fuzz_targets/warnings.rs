//! Any datagram is read or refused, each of its messages once, and what is read was in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smbgw_quota::watch::{Owner, warnings};

const FAMILY: u16 = 17;

fuzz_target!(|input: (bool, &[u8])| {
    let (raw, bytes) = input;
    let datagram = match raw {
        true => bytes.to_vec(),
        // With a header that fits, so that the inside is reached soon.
        false => {
            let length = u32::try_from(16 + bytes.len()).unwrap();
            let header = [&length.to_ne_bytes()[..], &FAMILY.to_ne_bytes(), &[0; 10]];
            [&header.concat(), bytes].concat()
        }
    };
    let mut count = 0;
    for event in warnings(&datagram, FAMILY) {
        count += 1;
        if let Ok(event) = event {
            let (Owner::User(id) | Owner::Group(id) | Owner::Project(id)) = event.owner;
            for number in [id, event.caused_by, event.device.major, event.device.minor] {
                let bytes = number.to_ne_bytes();
                assert!(datagram.windows(4).any(|window| window == bytes));
            }
            assert!(!event.warning.to_string().is_empty());
        }
    }
    assert!(count <= datagram.len() / 16 + 1);
    assert!(raw || count >= 1);
});
