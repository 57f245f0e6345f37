//! What holds for any answer of a controller, be it one or not.

mod discover_servers;

use discover_servers::Controller;
use proptest::prelude::*;
use smbgw_ad::discover::cldap::{self, Answer};
use smbgw_ad::discover::netlogon::{self, Flags, Reply};

/// What Samba 4.17 answers to the question that is asked here.
const ANSWER: &str = "306e020101646904003065306304086e65746c6f676f6e3157045517000000bd110000\
    a5cc6cbd21b90d4b807020db59797d03026164047465737400c018026463c018034c41420002444300001744656661\
    756c742d46697273742d536974652d4e616d6500c03205000000ffffffff300c02010165070a010004000400";

/// What it answers where its address is asked for, too.
const WITH_ADDRESS: &str = "307f020101647a04003076307404086e65746c6f676f6e3168046617000000bd1100\
    00a5cc6cbd21b90d4b807020db59797d03026164047465737400c018026463c018034c414200024443000017446566\
    61756c742d46697273742d536974652d4e616d6500c03210020000000a63000a00000000000000000d000000ffffff\
    ff300c02010165070a010004000400";

/// What it answers to the question for another domain.
const OTHER_DOMAIN: &str = "300c02010165070a010004000400";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn recorded_answers_are_understood() {
    for recorded in [ANSWER, WITH_ADDRESS] {
        let answer = cldap::decode(1, &bytes(recorded)).unwrap();
        let Some(Answer::Reply(Reply::Controller(reply))) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(reply.domain.as_str(), "ad.test");
        assert_eq!(reply.forest.as_str(), "ad.test");
        assert_eq!(reply.host.as_str(), "dc.ad.test");
        assert_eq!(reply.netbios_domain, "LAB");
        assert_eq!(reply.netbios_name, "DC");
        assert_eq!(
            reply.guid.to_string(),
            "bd6ccca5-b921-4b0d-8070-20db59797d03"
        );
        for site in [reply.site, reply.client_site] {
            assert_eq!(site.unwrap().as_str(), "Default-First-Site-Name");
        }
        assert_eq!(reply.next_closest_site, None);
        assert_eq!(reply.flags, Flags(0x11bd));
        assert!(reply.flags.is_writable() && reply.flags.has(Flags::PDC | Flags::KDC));
        // The number of another question.
        assert_eq!(cldap::decode(2, &bytes(recorded)).unwrap(), None);
    }
    assert_eq!(
        cldap::decode(1, &bytes(OTHER_DOMAIN)).unwrap(),
        Some(Answer::OtherDomain)
    );
}

#[test]
fn the_nearest_site_but_one_is_read() {
    let said = Controller {
        next_closest_site: "Beside",
        ..Controller::default()
    };
    let answer = netlogon::decode(&said.netlogon()).unwrap();
    let Reply::Controller(reply) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(reply.next_closest_site.unwrap().as_str(), "Beside");
}

fn good() -> impl Strategy<Value = Vec<u8>> {
    let mut packets = [ANSWER, WITH_ADDRESS].map(bytes).to_vec();
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
