//! Neighbour discovery: [RFC 4861](https://www.rfc-editor.org/rfc/rfc4861), and the detection of duplicate
//! addresses that [RFC 4862](https://www.rfc-editor.org/rfc/rfc4862) makes of it.

use std::net::Ipv6Addr;

use super::super::{Mac, Sign};
use super::{Heard, content, ethernet};

/// The type of a frame with IPv6.
pub(in super::super) const ETHER_TYPE: u16 = 0x86dd;

/// Messages of ICMPv6.
pub(in super::super) const SOLICITATION: u8 = 135;
pub(in super::super) const ADVERTISEMENT: u8 = 136;
pub(in super::super) const ICMPV6: u8 = 58;

const IPV6_HEADER: usize = 40;

/// A packet with another one came through a router (RFC 4861, section 7.1).
const HOP_LIMIT: u8 = 255;

/// The length of a message without options: header, flags and target.
const MESSAGE: usize = 24;

/// The option with the address of the sender's, or the target's, adapter.
const SOURCE_LINK: u8 = 1;
const TARGET_LINK: u8 = 2;

/// The group that everybody is in who has `address` (RFC 4291, section 2.7.1).
pub(in super::super) fn group_of(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::new(
        0xff02,
        0,
        0,
        0,
        0,
        1,
        0xff00 | u16::from(a),
        u16::from_be_bytes([b, c]),
    )
}

/// A question who has `address`.
///
/// From nobody it is that of somebody who wants it (RFC 4862, section 5.4.2): who is about to take the
/// address then does not. From an own address, it is only answered by who has it (RFC 4861, section 7.2.2).
pub(super) fn probe(address: Ipv6Addr, from: Mac, own: Option<Ipv6Addr>) -> Vec<u8> {
    let group = group_of(address);
    let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    message.extend(address.octets());
    if own.is_some() {
        message.extend([SOURCE_LINK, 1]);
        message.extend(from.0);
    }
    let source = own.unwrap_or(Ipv6Addr::UNSPECIFIED);
    packet(from, source, group, message)
}

/// A message in its packet and frame, with its checksum.
fn packet(from: Mac, source: Ipv6Addr, group: Ipv6Addr, mut message: Vec<u8>) -> Vec<u8> {
    let checksum = !checksum(source, group, &message);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    let [.., a, b, c, d] = group.octets();
    // RFC 2464, section 7.
    let mut frame = ethernet(Mac([0x33, 0x33, a, b, c, d]), from, ETHER_TYPE);
    let length = message.len() as u16;
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([ICMPV6, HOP_LIMIT]);
    frame.extend(source.octets());
    frame.extend(group.octets());
    frame.extend(message);
    frame
}

/// What a neighbour says of addresses: of the one that the message is about, and of the one it comes from.
pub(super) fn heard(frame: &[u8]) -> Vec<Heard> {
    let read = read(frame);
    let Some(message) = read else {
        return Vec::new();
    };
    let speaks = |about: Ipv6Addr| Heard {
        about: about.into(),
        mac: message.adapter,
        sign: Sign::Speaks,
    };
    let mut heard = Vec::new();
    if !message.source.is_unspecified() {
        heard.push(Heard {
            mac: message.sender,
            ..speaks(message.source)
        });
    }
    if !message.is_question {
        heard.push(speaks(message.target));
    } else if message.source.is_unspecified() {
        heard.push(Heard {
            sign: Sign::Asks,
            ..speaks(message.target)
        });
    }
    heard
}

/// A message of a neighbour that is as it has to be.
struct Message {
    is_question: bool,
    source: Ipv6Addr,
    target: Ipv6Addr,
    /// Who sent the frame.
    sender: Mac,
    /// Who has the target, or asks for it: by an option, or else the sender.
    adapter: Mac,
}

/// Reads a message after the checks of RFC 4861, sections 7.1.1 and 7.1.2.
fn read(frame: &[u8]) -> Option<Message> {
    let (sender, packet) = content(frame, ETHER_TYPE)?;
    let (header, rest) = packet.split_first_chunk::<IPV6_HEADER>()?;
    let length = u16::from_be_bytes([header[4], header[5]]);
    // A short frame is filled up on the wire.
    let message = rest.get(..usize::from(length))?;
    let address = |at: usize| -> Option<Ipv6Addr> {
        let octets: &[u8; 16] = header.get(at..)?.first_chunk()?;
        Some(Ipv6Addr::from(*octets))
    };
    let (source, destination) = (address(8)?, address(24)?);
    let (fixed, options) = message.split_first_chunk::<MESSAGE>()?;
    let [kind, code, _, _, flags, ..] = *fixed;
    let octets: &[u8; 16] = fixed.last_chunk()?;
    let target = Ipv6Addr::from(*octets);
    let is_question = kind == SOLICITATION;
    let is_valid = header[0] >> 4 == 6
        && header[6] == ICMPV6
        && header[7] == HOP_LIMIT
        && (is_question || kind == ADVERTISEMENT)
        && code == 0
        && !target.is_multicast()
        && !target.is_unspecified()
        && !source.is_multicast()
        && checksum(source, destination, message) == 0xffff;
    let wanted = if is_question {
        SOURCE_LINK
    } else {
        TARGET_LINK
    };
    let option = link_option(options, wanted)?;
    let is_from_nobody = source.is_unspecified();
    let is_fitting = match is_question {
        // Who has no address asks the group, and has nothing to be answered at.
        true => !is_from_nobody || (destination == group_of(target) && option.is_none()),
        // What goes to everybody was not asked for by one.
        false => !(is_from_nobody || destination.is_multicast() && flags & 0x40 != 0),
    };
    (is_valid && is_fitting).then_some(Message {
        is_question,
        source,
        target,
        sender,
        adapter: option.filter(|mac| mac.is_of_one()).unwrap_or(sender),
    })
}

/// The adapter in the option of that kind, if there is one; nothing where an option is malformed.
fn link_option(mut options: &[u8], wanted: u8) -> Option<Option<Mac>> {
    let mut found = None;
    while let Some((kind, rest)) = options.split_first() {
        // In units of 8 bytes; one without a length would never end.
        let length = usize::from(*rest.first()?) * 8;
        let (option, after) = options.split_at_checked(length)?;
        if length == 0 {
            return None;
        }
        if *kind == wanted && found.is_none() {
            found = option.get(2..)?.first_chunk().copied().map(Mac);
        }
        options = after;
    }
    Some(found)
}

/// The sum of RFC 1071 over a message and what stands before it (RFC 8200, section 8.1). It is 0xffff for
/// one with the right checksum.
fn checksum(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> u16 {
    let length = (message.len() as u32).to_be_bytes();
    let pseudo = [0, 0, 0, ICMPV6];
    let parts: [&[u8]; 5] = [
        &source.octets(),
        &destination.octets(),
        &length,
        &pseudo,
        message,
    ];
    let mut sum = 0_u64;
    for pair in parts.iter().flat_map(|part| part.chunks(2)) {
        let word = [pair[0], pair.get(1).copied().unwrap_or(0)];
        sum += u64::from(u16::from_be_bytes(word));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ADDRESS: Ipv6Addr = Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0x12, 0x3456);
    const HOST: Ipv6Addr = Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 0x10);
    const EVERYBODY: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const OTHER: Mac = Mac([2, 0, 0, 0, 0, 2]);
    const VIRTUAL: Mac = Mac([0, 0, 0x5e, 0, 2, 7]);

    fn advertisement(flags: u8, options: &[u8]) -> Vec<u8> {
        let mut message = vec![ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0];
        message.extend(ADDRESS.octets());
        message.extend(options);
        packet(OTHER, HOST, EVERYBODY, message)
    }

    fn link(kind: u8, mac: Mac) -> Vec<u8> {
        [&[kind, 1][..], &mac.0].concat()
    }

    fn is(about: Ipv6Addr, mac: Mac, sign: Sign) -> Heard {
        let about = about.into();
        Heard { about, mac, sign }
    }

    #[test]
    fn the_group_is_that_of_the_last_three_bytes() {
        let group = "ff02::1:ff12:3456".parse::<Ipv6Addr>().unwrap();
        assert_eq!(group_of(ADDRESS), group);
        let frame = probe(ADDRESS, OWN, None);
        assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
        assert_eq!(heard(&frame), [is(ADDRESS, OWN, Sign::Asks)]);
        let from_own = probe(ADDRESS, OWN, Some(HOST));
        assert_eq!(heard(&from_own), [is(HOST, OWN, Sign::Speaks)]);
    }

    #[test]
    fn an_answer_tells_who_has_the_address() {
        let speaks = |about, mac| is(about, mac, Sign::Speaks);
        assert_eq!(
            heard(&advertisement(0x20, &[])),
            [speaks(HOST, OTHER), speaks(ADDRESS, OTHER)]
        );
        let by_option = advertisement(0x20, &link(TARGET_LINK, VIRTUAL));
        assert_eq!(
            heard(&by_option),
            [speaks(HOST, OTHER), speaks(ADDRESS, VIRTUAL)]
        );
        // A frame that is filled up.
        let mut padded = advertisement(0x20, &[]);
        padded.extend([0; 9]);
        assert_eq!(heard(&padded).len(), 2);
    }

    #[test]
    fn who_looks_for_a_neighbour_does_not_have_its_address() {
        let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
        message.extend(ADDRESS.octets());
        message.extend(link(SOURCE_LINK, OTHER));
        let frame = packet(OTHER, HOST, group_of(ADDRESS), message);
        assert_eq!(heard(&frame), [is(HOST, OTHER, Sign::Speaks)]);
    }

    #[test]
    fn what_is_not_as_it_has_to_be_is_passed_over() {
        let nothing: [Heard; 0] = [];
        let whole = advertisement(0x20, &link(TARGET_LINK, VIRTUAL));
        for length in 0..whole.len() {
            assert_eq!(heard(&whole[..length]), nothing, "{length} bytes");
        }
        // Type of the frame, version, next header, hop limit, and anything that the checksum is about.
        for at in [12, 14, 20, 21, 22, 40, 54, 55, 56, 58, 62, 80] {
            let mut frame = whole.clone();
            frame[at] ^= 0x10;
            assert_eq!(heard(&frame), nothing, "byte {at}");
        }
        // Solicited although to everybody, an option without a length, one that goes on after the end.
        assert_eq!(heard(&advertisement(0x60, &[])), nothing);
        assert_eq!(
            heard(&advertisement(0x20, &[2, 0, 0, 0, 0, 0, 0, 0])),
            nothing
        );
        assert_eq!(
            heard(&advertisement(0x20, &[2, 2, 0, 0, 0, 0, 0, 0])),
            nothing
        );
        assert_eq!(heard(&advertisement(0x20, &[2])), nothing);
        // From nobody with an address to answer at, and from nobody to one.
        let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
        message.extend(ADDRESS.octets());
        let frame = packet(OTHER, Ipv6Addr::UNSPECIFIED, EVERYBODY, message.clone());
        assert_eq!(heard(&frame), nothing);
        message.extend(link(SOURCE_LINK, OTHER));
        let frame = packet(OTHER, Ipv6Addr::UNSPECIFIED, group_of(ADDRESS), message);
        assert_eq!(heard(&frame), nothing);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(frame: Vec<u8>) {
            prop_assert!(frame.len() >= 78 || heard(&frame).is_empty());
        }

        #[test]
        fn any_options_are_read(options in prop::collection::vec(any::<u8>(), 0..64)) {
            for told in heard(&advertisement(0x20, &options)) {
                prop_assert!(told.mac.is_of_one());
            }
        }

        #[test]
        fn every_probe_is_understood(bits: u128, mac: [u8; 6]) {
            let address = Ipv6Addr::from_bits(bits);
            prop_assume!(!address.is_multicast() && !address.is_unspecified());
            let from = Mac([mac[0] & 0xfe | 2, mac[1], mac[2], mac[3], mac[4], mac[5]]);
            prop_assert_eq!(heard(&probe(address, from, None)), [is(address, from, Sign::Asks)]);
        }
    }
}
