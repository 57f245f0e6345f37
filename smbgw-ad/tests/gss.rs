//! Messages of security contexts: both sides understand each other, and nothing else.

use proptest::prelude::*;
use smbgw_ad::gss::{Context, GssError, Keys, Role, parse_initial};
use smbgw_ad::krb::crypto::{EncryptionType, Key};

const TYPES: [EncryptionType; 4] = [
    EncryptionType::Aes128Sha1,
    EncryptionType::Aes256Sha1,
    EncryptionType::Aes128Sha256,
    EncryptionType::Aes256Sha384,
];

fn key(etype: EncryptionType, fill: u8) -> Key {
    Key::new(etype, &vec![fill; etype.key_len()]).unwrap()
}

fn pair(etype: EncryptionType, acceptor_key: bool, ordered: bool) -> (Context, Context) {
    let keys = Keys {
        initiator: key(etype, 1),
        acceptor: acceptor_key.then(|| key(etype, 2)),
        initiator_sequence: 1000,
        acceptor_sequence: 2000,
    };
    let side = |role| Context::new(role, keys.clone(), ordered).unwrap();
    (side(Role::Initiator), side(Role::Acceptor))
}

#[test]
fn both_sides_understand_each_other() {
    for etype in TYPES {
        for acceptor_key in [false, true] {
            let (mut client, mut server) = pair(etype, acceptor_key, true);
            for (text, seal) in [
                (&b"hello"[..], true),
                (b"", true),
                (b"", false),
                (b"x", false),
            ] {
                let token = client.wrap(text, seal).unwrap();
                assert!(!seal || text.is_empty() || !contains(&token, text));
                let read = server.unwrap(&token).unwrap();
                assert_eq!((read.data.as_slice(), read.sealed), (text, seal));
                let token = server.wrap(text, seal).unwrap();
                assert_eq!(client.unwrap(&token).unwrap().data.as_slice(), text);
                let mic = server.mic(text);
                client.verify_mic(text, &mic).unwrap();
            }
        }
    }
}

fn contains(token: &[u8], text: &[u8]) -> bool {
    token.windows(text.len().max(1)).any(|part| part == text)
}

/// The bytes of the messages, as RFC 4121 section 4.2.6 lays them out.
#[test]
fn messages_have_the_published_form() {
    let (mut client, mut server) = pair(EncryptionType::Aes256Sha1, true, true);
    let sealed = client.wrap(b"hello", true).unwrap();
    assert_eq!(
        sealed[..16],
        *b"\x05\x04\x06\xff\0\0\0\0\0\0\0\0\0\0\x03\xe8"
    );
    assert_eq!(sealed.len(), 16 + 5 + 16 + 28);
    // What is sealed ends with the header (section 4.2.4), for usage 24 of the initiator.
    let plain = key(EncryptionType::Aes256Sha1, 2)
        .decrypt(24, &sealed[16..])
        .unwrap();
    assert_eq!(*plain, [&b"hello"[..], &sealed[..16]].concat());

    let signed = client.wrap(b"hello", false).unwrap();
    assert_eq!(
        signed[..16],
        *b"\x05\x04\x04\xff\0\x0c\0\0\0\0\0\0\0\0\x03\xe9"
    );
    assert_eq!(signed[16..21], *b"hello");
    let covered = b"hello\x05\x04\x04\xff\0\0\0\0\0\0\0\0\0\0\x03\xe9";
    key(EncryptionType::Aes256Sha1, 2)
        .verify(24, covered, &signed[21..])
        .unwrap();

    let mic = server.mic(b"hello");
    let header = b"\x04\x04\x05\xff\xff\xff\xff\xff\0\0\0\0\0\0\x07\xd0";
    assert_eq!(mic[..16], *header);
    let covered = [&b"hello"[..], header].concat();
    key(EncryptionType::Aes256Sha1, 2)
        .verify(23, &covered, &mic[16..])
        .unwrap();
}

/// Windows rotates the content, and fills it up (section 4.2.5).
#[test]
fn rotated_and_filled_messages_are_read() {
    for etype in TYPES {
        let (mut client, _) = pair(etype, false, true);
        let mut sequence = 2000u64;
        for rotation in [0u16, 1, 28, 44, 1000, u16::MAX] {
            for filler in [0u16, 3, 16] {
                let mut header = [5, 4, 3, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                header[4..6].copy_from_slice(&filler.to_be_bytes());
                header[8..].copy_from_slice(&sequence.to_be_bytes());
                let mut text = b"hello".to_vec();
                text.resize(5 + usize::from(filler), 0);
                text.extend_from_slice(&header);
                let mut body = key(etype, 1).encrypt(22, &text).unwrap();
                let turn = usize::from(rotation) % body.len();
                body.rotate_right(turn);
                header[6..8].copy_from_slice(&rotation.to_be_bytes());
                let read = client.unwrap(&[&header[..], &body].concat()).unwrap();
                assert_eq!(read.data.as_slice(), b"hello");
                sequence += 1;
            }
            let mut header = [5, 4, 1, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            header[8..].copy_from_slice(&sequence.to_be_bytes());
            let checksum = key(etype, 1).checksum(22, &[&b"hello"[..], &header].concat());
            let mut body = [&b"hello"[..], &checksum].concat();
            let turn = usize::from(rotation) % body.len();
            body.rotate_right(turn);
            header[4..6].copy_from_slice(&(checksum.len() as u16).to_be_bytes());
            header[6..8].copy_from_slice(&rotation.to_be_bytes());
            let read = client.unwrap(&[&header[..], &body].concat()).unwrap();
            assert_eq!(read.data.as_slice(), b"hello");
            sequence += 1;
        }
    }
}

#[test]
fn order_matters_where_asked_for() {
    let (mut client, mut server) = pair(EncryptionType::Aes256Sha384, true, true);
    let tokens: Vec<_> = (0..3).map(|_| client.wrap(b"x", true).unwrap()).collect();
    server.unwrap(&tokens[0]).unwrap();
    for wrong in [0, 2] {
        assert!(matches!(
            server.unwrap(&tokens[wrong]),
            Err(GssError::OutOfOrder { expected: 1001, .. })
        ));
    }
    server.unwrap(&tokens[1]).unwrap();

    let (mut client, mut server) = pair(EncryptionType::Aes256Sha384, true, false);
    let tokens: Vec<_> = (0..3).map(|_| client.mic(b"x")).collect();
    for good in [2, 0] {
        server.verify_mic(b"x", &tokens[good]).unwrap();
        assert!(matches!(
            server.verify_mic(b"x", &tokens[good]),
            Err(GssError::OutOfOrder { .. })
        ));
    }
}

#[test]
fn what_is_not_from_the_other_side_is_refused() {
    let (mut client, mut server) = pair(EncryptionType::Aes256Sha1, true, true);
    let own = client.wrap(b"x", true).unwrap();
    assert!(matches!(client.unwrap(&own), Err(GssError::Reflected)));
    let mic = client.mic(b"x");
    assert!(matches!(
        client.verify_mic(b"x", &mic),
        Err(GssError::Reflected)
    ));
    assert!(matches!(
        server.verify_mic(b"y", &mic),
        Err(GssError::Crypto(_))
    ));
    assert!(matches!(
        server.unwrap(&mic),
        Err(GssError::Malformed { .. })
    ));

    // A key of the acceptor that there is none of.
    let (mut other, _) = pair(EncryptionType::Aes256Sha1, false, true);
    let token = server.wrap(b"x", true).unwrap();
    assert!(matches!(
        other.unwrap(&token),
        Err(GssError::Malformed { .. })
    ));
}

#[test]
fn rc4_is_refused_by_name() {
    let keys = Keys {
        initiator: key(EncryptionType::Rc4, 1),
        acceptor: None,
        initiator_sequence: 0,
        acceptor_sequence: 0,
    };
    let error = Context::new(Role::Initiator, keys, true).err().unwrap();
    assert!(error.to_string().contains("arcfour-hmac"), "{error}");
    let error: &dyn smbgw_core::error::Coded = &error;
    assert_eq!(error.code(), "ad.security-key-weak");
    assert!(error.remedy().is_some());
}

#[test]
fn limits_are_exact() {
    for etype in TYPES {
        for seal in [true, false] {
            let (mut client, _) = pair(etype, true, true);
            let most = client.limit(4096, seal);
            assert_eq!(client.wrap(&vec![0; most], seal).unwrap().len(), 4096);
            assert_eq!(client.limit(20, seal), 0);
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (mut client, _) = pair(EncryptionType::Aes128Sha1, true, true);
        prop_assert!(client.unwrap(&bytes).is_err());
        prop_assert!(client.verify_mic(b"x", &bytes).is_err());
        let _ = parse_initial(&bytes);
    }

    #[test]
    fn changed_messages_are_refused(
        text in proptest::collection::vec(any::<u8>(), 0..80),
        seal: bool,
        place: prop::sample::Index,
        bit in 0u8..8,
    ) {
        let (mut client, mut server) = pair(EncryptionType::Aes256Sha1, true, true);
        let mut token = server.wrap(&text, seal).unwrap();
        let place = place.index(token.len());
        token[place] ^= 1 << bit;
        // How far the content is rotated is not protected, and may come to the same.
        if !(6..8).contains(&place) {
            prop_assert!(client.unwrap(&token).is_err(), "byte {}", place);
        }
        let mut mic = server.mic(&text);
        let place = place % mic.len();
        mic[place] ^= 1 << bit;
        prop_assert!(client.verify_mic(&text, &mic).is_err(), "byte {}", place);
    }
}
