//! Keytabs are read as they are, changed where they should be, and never cause harm.

use jiff::Timestamp;
use proptest::prelude::*;
use smbgw_ad::krb::crypto::{EncryptionType, Key};
use smbgw_ad::krb::keytab::{Entry, Keytab, KeytabError};
use smbgw_ad::name::Principal;
use smbgw_core::error::Coded;

fn principal(text: &str) -> Principal {
    text.parse().unwrap()
}

fn entry(name: &str, kvno: u32, etype: EncryptionType, fill: u8) -> Entry {
    let key = Key::new(etype, &vec![fill; etype.key_len()]).unwrap();
    let made = Timestamp::from_second(1_700_000_000).unwrap();
    Entry::new(&principal(name), kvno, made, &key)
}

fn aes(name: &str, kvno: u32) -> Entry {
    entry(name, kvno, EncryptionType::Aes256Sha1, kvno as u8)
}

/// What is in it, as text.
fn listed(keytab: &Keytab) -> Vec<String> {
    keytab
        .entries()
        .iter()
        .map(|entry| {
            format!(
                "{} {} {}",
                entry.kvno(),
                entry.shown_name(),
                entry.etype_number()
            )
        })
        .collect()
}

/// A record as the documentation of MIT Kerberos describes it: `cifs/gw@R`.
fn record(etype: u16, short_kvno: u8, behind: &[u8]) -> Vec<u8> {
    let mut record = b"\0\x02\0\x01R\0\x04cifs\0\x02gw\0\0\0\x01".to_vec();
    record.extend_from_slice(&1_700_000_000u32.to_be_bytes());
    record.push(short_kvno);
    record.extend_from_slice(&etype.to_be_bytes());
    record.extend_from_slice(b"\0\x10kkkkkkkkkkkkkkkk");
    record.extend_from_slice(behind);
    let mut sized = (record.len() as u32).to_be_bytes().to_vec();
    sized.extend_from_slice(&record);
    sized
}

fn file(records: &[&[u8]]) -> Vec<u8> {
    [&[&[5, 2][..]], records].concat().concat()
}

#[test]
fn records_have_the_published_form() {
    let written = record(17, 0x2c, &300u32.to_be_bytes());
    let bytes = file(&[&written]);
    let keytab = Keytab::parse(&bytes).unwrap();
    assert_eq!(listed(&keytab), ["300 cifs/gw@R 17"]);
    let [entry] = keytab.entries() else { panic!() };
    assert_eq!(entry.principal(), Some(principal("cifs/gw@R")));
    assert_eq!(entry.timestamp().as_second(), 1_700_000_000);
    assert_eq!(entry.key().unwrap().expose(), b"kkkkkkkkkkkkkkkk");
    assert_eq!(*keytab.render(), bytes);
}

#[test]
fn version_numbers_of_all_ages_are_read() {
    let short = record(17, 9, b"");
    let zero = record(17, 10, &[0; 4]);
    let wide = record(17, 1, &0x0102_0301u32.to_be_bytes());
    let flags = record(17, 3, b"\0\0\0\x03\0\0\0\x01");
    let keytab = Keytab::parse(&file(&[&short, &zero, &wide, &flags])).unwrap();
    let versions: Vec<u32> = keytab.entries().iter().map(Entry::kvno).collect();
    assert_eq!(versions, [9, 10, 0x0102_0301, 3]);
    // What Heimdal writes behind is still there, and the short number is written with all its bits.
    let again = keytab.render();
    assert!(again.ends_with(&flags));
    assert_eq!(again[2..2 + short.len() + 4], record(17, 9, b"\0\0\0\x09"));
}

#[test]
fn holes_are_passed_over_and_not_written() {
    let one = record(17, 1, b"\0\0\0\x01");
    let hole = [&(-5i32).to_be_bytes()[..], b"xxxxx"].concat();
    let open_hole = [&(-500i32).to_be_bytes()[..], b"xx"].concat();
    let keytab = Keytab::parse(&file(&[&hole, &one, &open_hole])).unwrap();
    assert_eq!(*keytab.render(), file(&[&one]));
    // A length of zero ends the file, as MIT Kerberos has it.
    let keytab = Keytab::parse(&file(&[&one, &[0; 8]])).unwrap();
    assert_eq!(*keytab.render(), file(&[&one]));
}

#[test]
fn unknown_types_and_odd_names_are_kept_byte_by_byte() {
    let camellia = record(26, 1, b"\0\0\0\x01");
    let private = record(0xff7a, 1, b"\0\0\0\x01");
    let odd =
        b"\0\0\0\x1f\0\x01\0\x01R\0\x03\xff\n\xfe\0\0\0\0\0\0\0\0\x01\0\x11\0\x04abcd\0\0\0\x01";
    let bytes = file(&[&camellia, odd, &private]);
    let mut keytab = Keytab::parse(&bytes).unwrap();
    assert_eq!(*keytab.render(), bytes);
    assert_eq!(keytab.entries()[2].etype_number(), -134);
    assert!(keytab.entries().iter().all(|entry| entry.key().is_none()));
    assert_eq!(keytab.entries()[1].principal(), None);
    assert_eq!(
        keytab.entries()[1].shown_name(),
        "\u{fffd}\u{fffd}\u{fffd}@R"
    );
    assert_eq!(keytab.principals(), [principal("cifs/gw@R")]);
    assert_eq!(keytab.remove(&principal("cifs/gw@R")), 2);
    assert_eq!(*keytab.render(), file(&[odd]));
}

#[test]
fn what_is_no_keytab_is_refused() {
    assert!(Keytab::parse(b"").unwrap().is_empty());
    assert!(Keytab::parse(b"\x05\x02").unwrap().is_empty());
    let old = Keytab::parse(b"\x05\x01\0\0").err().unwrap();
    assert_eq!(old, KeytabError::OldFormat);
    assert!(old.remedy().unwrap().contains("ktutil"));
    for wrong in [&b"\x05"[..], b"\x04\x02", b"[global]\n", b"\x05\x03"] {
        assert_eq!(Keytab::parse(wrong).err(), Some(KeytabError::NotKeytab));
    }
    let whole = file(&[&record(17, 1, b"")]);
    for length in 3..whole.len() {
        let error = Keytab::parse(&whole[..length]).err().unwrap();
        assert!(matches!(error, KeytabError::Truncated { offset: 2, .. }));
        assert_eq!(error.code(), "ad.keytab-invalid");
    }
    // A record that is whole, but shorter than what it holds.
    let mut short = whole.clone();
    short[5] -= 1;
    short.pop();
    assert!(matches!(
        Keytab::parse(&short).err(),
        Some(KeytabError::Truncated { part: "key", .. })
    ));
}

#[test]
fn new_keys_stand_beside_those_before() {
    let mut keytab = Keytab::default();
    for kvno in 1..=4 {
        keytab.insert(aes("GW$@R", kvno));
        keytab.insert(aes("host/gw@R", kvno));
    }
    keytab.insert(aes("other@R", 1));
    keytab.merge(
        [
            aes("GW$@R", 5),
            entry("GW$@R", 5, EncryptionType::Aes128Sha1, 1),
        ],
        2,
    );
    assert_eq!(
        listed(&keytab),
        [
            "1 host/gw@R 18",
            "2 host/gw@R 18",
            "3 host/gw@R 18",
            "4 GW$@R 18",
            "4 host/gw@R 18",
            "1 other@R 18",
            "5 GW$@R 18",
            "5 GW$@R 17"
        ]
    );
    assert_eq!(keytab.newest(&principal("GW$@R")), Some(5));
    let keys = keytab.keys(&principal("GW$@R"), 5);
    let types: Vec<_> = keys.iter().map(Key::etype).collect();
    assert_eq!(
        types,
        [EncryptionType::Aes256Sha1, EncryptionType::Aes128Sha1]
    );

    // The same again changes nothing; a key in place of another does.
    let before = keytab.render();
    keytab.merge(
        [
            aes("GW$@R", 5),
            entry("GW$@R", 5, EncryptionType::Aes128Sha1, 1),
        ],
        2,
    );
    assert_eq!(*keytab.render(), *before);
    keytab.insert(entry("GW$@R", 5, EncryptionType::Aes256Sha1, 99));
    let key = keytab
        .key(&principal("GW$@R"), 5, EncryptionType::Aes256Sha1)
        .unwrap();
    assert_eq!(key.expose(), [99; 32]);
    assert_eq!(keytab.entries().len(), 8);

    assert_eq!(keytab.prune(&principal("host/gw@R"), 1), 3);
    assert_eq!(keytab.remove_version(&principal("GW$@R"), 4), 1);
    assert_eq!(keytab.remove_version(&principal("GW$@R"), 4), 0);
    assert_eq!(keytab.remove(&principal("other@R")), 1);
    assert_eq!(keytab.newest(&principal("other@R")), None);
    assert_eq!(
        listed(&keytab),
        ["4 host/gw@R 18", "5 GW$@R 17", "5 GW$@R 18"]
    );
    // Names are compared as they are written: Kerberos knows capital letters.
    assert_eq!(keytab.newest(&principal("gw$@R")), None);
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Keytab::parse(&bytes);
        let _ = Keytab::parse(&file(&[&bytes]));
    }

    #[test]
    fn what_was_read_is_written_the_same_way(
        place: prop::sample::Index,
        byte: u8,
        behind in proptest::collection::vec(any::<u8>(), 0..12),
    ) {
        let mut bytes = file(&[&record(18, 3, &behind), &record(26, 1, b"\0\0\0\x01")]);
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(keytab) = Keytab::parse(&bytes) {
            let once = keytab.render();
            let again = Keytab::parse(&once).unwrap();
            prop_assert_eq!(&*again.render(), &*once);
            prop_assert_eq!(listed(&again), listed(&keytab));
        }
    }
}
