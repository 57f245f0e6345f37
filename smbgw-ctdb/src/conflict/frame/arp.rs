//! ARP on Ethernet: [RFC 826](https://www.rfc-editor.org/rfc/rfc826), and what
//! [RFC 5227](https://www.rfc-editor.org/rfc/rfc5227) makes of it.

use std::net::Ipv4Addr;

use super::super::{Mac, Sign};
use super::{Heard, content, ethernet};

/// The type of a frame with ARP.
pub(in super::super) const ETHER_TYPE: u16 = 0x0806;

/// Ethernet, IPv4, and the lengths of their addresses.
const KIND: [u8; 6] = [0, 1, 8, 0, 6, 4];

const REQUEST: u16 = 1;
const REPLY: u16 = 2;

/// What is shorter is no frame on a wire.
const SHORTEST: usize = 60;

/// A probe (RFC 5227, section 2.1.1): a request with no address of the sender's own.
pub(super) fn probe(address: Ipv4Addr, from: Mac) -> Vec<u8> {
    let mut frame = ethernet(Mac::EVERYBODY, from, ETHER_TYPE);
    frame.extend(KIND);
    frame.extend(REQUEST.to_be_bytes());
    frame.extend(from.0);
    frame.extend(Ipv4Addr::UNSPECIFIED.octets());
    frame.extend([0; 6]);
    frame.extend(address.octets());
    frame.resize(SHORTEST, 0);
    frame
}

/// Who speaks as an address, or asks for one to take it (RFC 5227, section 2.1.1).
pub(super) fn heard(frame: &[u8]) -> Option<Heard> {
    let (_, packet) = content(frame, ETHER_TYPE)?;
    let packet = packet.strip_prefix(&KIND)?;
    let (operation, packet) = packet.split_first_chunk()?;
    let operation = u16::from_be_bytes(*operation);
    let (hardware, packet) = packet.split_first_chunk()?;
    let (sender, packet) = packet.split_first_chunk::<4>()?;
    let (_, packet) = packet.split_first_chunk::<6>()?;
    let target: &[u8; 4] = packet.first_chunk()?;
    let (sender, target) = (Ipv4Addr::from(*sender), Ipv4Addr::from(*target));
    let mac = Mac(*hardware);
    let (about, sign) = match operation {
        REQUEST if sender.is_unspecified() => (target, Sign::Asks),
        REQUEST | REPLY => (sender, Sign::Speaks),
        _ => return None,
    };
    (mac.is_of_one() && !about.is_unspecified()).then_some(Heard {
        about: about.into(),
        mac,
        sign,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 61);
    const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const OTHER: Mac = Mac([2, 0, 0, 0, 0, 2]);

    /// An answer as Linux gives one, up to its padding.
    fn reply() -> Vec<u8> {
        let mut frame = ethernet(OWN, OTHER, ETHER_TYPE);
        frame.extend(KIND);
        frame.extend([0, 2]);
        frame.extend(OTHER.0);
        frame.extend(ADDRESS.octets());
        frame.extend(OWN.0);
        frame.extend([0; 4]);
        frame
    }

    fn about(sign: Sign, mac: Mac) -> Option<Heard> {
        let about = ADDRESS.into();
        Some(Heard { about, mac, sign })
    }

    #[test]
    fn an_answer_tells_who_has_the_address() {
        assert_eq!(heard(&reply()), about(Sign::Speaks, OTHER));
        let mut announcement = reply();
        announcement[21] = 1;
        assert_eq!(heard(&announcement), about(Sign::Speaks, OTHER));
    }

    #[test]
    fn a_probe_has_no_address_of_its_own() {
        let frame = probe(ADDRESS, OWN);
        assert_eq!(frame.len(), SHORTEST);
        assert_eq!(frame[28..32], [0; 4]);
        assert_eq!(heard(&frame), about(Sign::Asks, OWN));
    }

    #[test]
    fn what_is_not_as_it_has_to_be_is_passed_over() {
        let whole = reply();
        for length in 0..whole.len() {
            assert_eq!(heard(&whole[..length]), None, "{length} bytes");
        }
        // The type of the frame, hardware, protocol, lengths, operation, a group as the sender.
        for at in [12, 15, 16, 18, 19, 20, 21, 22] {
            let mut frame = whole.clone();
            frame[at] ^= 0x81;
            assert_eq!(heard(&frame), None, "byte {at}");
        }
        let mut from_nowhere = whole;
        from_nowhere[28..32].fill(0);
        assert_eq!(heard(&from_nowhere), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(frame: Vec<u8>) {
            prop_assert!(frame.len() >= 42 || heard(&frame).is_none());
        }

        #[test]
        fn any_change_is_another_answer_or_none(at in 0_usize..42, by in 1_u8..) {
            let mut frame = reply();
            frame[at] ^= by;
            if let Some(heard) = heard(&frame) {
                prop_assert!(heard.mac.is_of_one());
            }
        }

        #[test]
        fn every_probe_is_understood(bits in 1_u32.., mac: [u8; 6]) {
            let from = Mac([mac[0] & 0xfe | 2, mac[1], mac[2], mac[3], mac[4], mac[5]]);
            let address = Ipv4Addr::from_bits(bits);
            let told = heard(&probe(address, from)).unwrap();
            prop_assert_eq!((told.about, told.mac), (address.into(), from));
        }
    }
}
