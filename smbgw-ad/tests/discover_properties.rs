//! What holds for any answer of a controller, be it one or not.

mod discover_servers;

use discover_servers::Controller;
use proptest::prelude::*;
use smbgw_ad::discover::{cldap, netlogon};

/// Answers of real controllers: Samba 4.17, by UDP.
const RECORDED: [&[u8]; 0] = [];

fn good() -> impl Strategy<Value = Vec<u8>> {
    let mut packets: Vec<Vec<u8>> = RECORDED.iter().map(|packet| packet.to_vec()).collect();
    packets.push(Controller::default().packet(1));
    prop::sample::select(packets)
}

proptest! {
    #[test]
    fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        // Most are refused, and none does harm.
        let shown = format!("{:?}", cldap::decode(1, &bytes));
        prop_assert!(!shown.is_empty());
        let shown = format!("{:?}", netlogon::decode(&bytes));
        prop_assert!(!shown.is_empty());
    }

    #[test]
    fn damaged_answers_are_taken(
        mut bytes in good(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        let shown = format!("{:?}", cldap::decode(1, &bytes));
        prop_assert!(!shown.is_empty());
    }

    #[test]
    fn names_that_point_anywhere_end(
        head in prop::collection::vec(any::<u8>(), 20),
        tail in prop::collection::vec(prop_oneof![Just(0xc0_u8), 0_u8..64, any::<u8>()], 0..120),
    ) {
        let bytes = [&[23, 0, 0, 0][..], &head, &tail].concat();
        if let Ok(netlogon::Reply::Controller(reply)) = netlogon::decode(&bytes) {
            prop_assert!(!reply.netbios_domain.is_empty());
        }
    }
}
