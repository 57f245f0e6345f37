//! Keys and messages of every encryption type, by what is public.

use proptest::prelude::*;
use smbgw_ad::krb::crypto::{CryptoError, EncryptionType, Key, computer_salt, user_salt};
use smbgw_core::error::Coded;
use smbgw_core::secret::Secret;

fn key(etype: EncryptionType, fill: u8) -> Key {
    Key::new(etype, &vec![fill; etype.key_len()]).unwrap()
}

#[test]
fn names_and_numbers_go_there_and_back() {
    for etype in EncryptionType::ALL.iter().copied() {
        assert_eq!(EncryptionType::from_number(etype.number()), Some(etype));
        assert_eq!(etype.to_string().parse::<EncryptionType>().unwrap(), etype);
    }
    let best: Vec<i32> = EncryptionType::ALL
        .iter()
        .map(|etype| etype.number())
        .collect();
    assert_eq!(best, [20, 19, 18, 17, 23]);
    assert_eq!(
        "RC4-HMAC".parse::<EncryptionType>().unwrap(),
        EncryptionType::Rc4
    );
    assert_eq!(EncryptionType::from_number(1), None);
    let error = "des-cbc-crc".parse::<EncryptionType>().unwrap_err();
    assert_eq!(error.code(), "ad.encryption-type-unknown");
}

#[test]
fn lengths_are_as_told() {
    for etype in EncryptionType::ALL.iter().copied() {
        let key = key(etype, 1);
        assert_eq!(
            key.encrypt(3, b"12345").unwrap().len(),
            5 + etype.overhead()
        );
        assert_eq!(key.checksum(3, b"12345").len(), etype.checksum_len());
        assert!(matches!(
            key.decrypt(3, &vec![0; etype.overhead() - 1]),
            Err(CryptoError::TooShort { .. })
        ));
        for length in [0, etype.key_len() - 1, etype.key_len() + 1] {
            assert!(matches!(
                Key::new(etype, &vec![0; length]),
                Err(CryptoError::KeyLength { .. })
            ));
        }
    }
}

#[test]
fn every_key_and_message_is_fresh() {
    for etype in EncryptionType::ALL.iter().copied() {
        let key = Key::random(etype).unwrap();
        assert!(!key.is(&Key::random(etype).unwrap()));
        assert!(key.is(&key.clone()));
        assert_ne!(key.encrypt(1, b"x").unwrap(), key.encrypt(1, b"x").unwrap());
    }
    let [one, other] = [EncryptionType::Aes128Sha1, EncryptionType::Aes128Sha256];
    assert!(!key(one, 1).is(&key(other, 1)));
}

#[test]
fn parameters_of_a_peer_are_bounded() {
    let password = Secret::from("x".to_string());
    let made = |parameters: &[u8]| {
        Key::from_password(
            EncryptionType::Aes256Sha1,
            &password,
            b"s",
            Some(parameters),
        )
    };
    for wrong in [
        &[][..],
        &[0, 0, 0, 0],
        &[0xff; 4],
        &[0, 0x10, 0, 0],
        &[0, 0, 1],
        &[0; 5],
    ] {
        assert!(
            matches!(made(wrong), Err(CryptoError::Parameters { .. })),
            "{wrong:?}"
        );
    }
    assert!(made(&[0, 0, 0, 1]).is_ok());
}

#[test]
fn passwords_that_rc4_cannot_read_are_refused() {
    let password = Secret::from(vec![0xff, 0xfe]);
    assert!(matches!(
        Key::from_password(EncryptionType::Rc4, &password, b"", None),
        Err(CryptoError::PasswordNotText)
    ));
    // AES takes them as they are.
    assert!(Key::from_password(EncryptionType::Aes128Sha1, &password, b"s", None).is_ok());
}

#[test]
fn salts_are_those_of_active_directory() {
    let realm = "ad.Example".parse().unwrap();
    let computer = "Gw-1".parse().unwrap();
    assert_eq!(
        computer_salt(&realm, &computer),
        b"AD.EXAMPLEhostgw-1.ad.example"
    );
    assert_eq!(user_salt(&realm, "Alice"), b"AD.EXAMPLEAlice");
}

fn any_type() -> impl Strategy<Value = EncryptionType> {
    prop::sample::select(EncryptionType::ALL)
}

proptest! {
    #[test]
    fn messages_go_there_and_back(
        etype in any_type(),
        usage: u32,
        text in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let key = key(etype, 7);
        let message = key.encrypt(usage, &text).unwrap();
        prop_assert_eq!(&*key.decrypt(usage, &message).unwrap(), &text);
        let checksum = key.checksum(usage, &text);
        prop_assert!(key.verify(usage, &text, &checksum).is_ok());
    }

    #[test]
    fn changed_messages_are_refused(
        etype in any_type(),
        text in proptest::collection::vec(any::<u8>(), 0..80),
        place: prop::sample::Index,
        bit in 0u8..8,
    ) {
        let key = key(etype, 7);
        let mut message = key.encrypt(11, &text).unwrap();
        prop_assert!(key.decrypt(12, &message).is_err());
        let place = place.index(message.len());
        message[place] ^= 1 << bit;
        prop_assert_eq!(key.decrypt(11, &message).err(), Some(CryptoError::Integrity { etype }));
        let mut checksum = key.checksum(11, &text);
        prop_assert!(key.verify(12, &text, &checksum).is_err());
        let place = place % checksum.len();
        checksum[place] ^= 1 << bit;
        prop_assert!(key.verify(11, &text, &checksum).is_err());
        prop_assert!(key.verify(11, &text, &checksum[1..]).is_err());
    }

    #[test]
    fn arbitrary_messages_are_refused(
        etype in any_type(),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert!(key(etype, 7).decrypt(11, &bytes).is_err());
    }
}
