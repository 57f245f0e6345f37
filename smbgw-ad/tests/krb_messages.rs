//! Foreign bytes: read right where they are messages, and refused without a panic where they are not.

use kerberos_asn1::{
    AsRep, Asn1Object, EncAsRepPart, EncryptedData, EncryptionKey, EtypeInfo2Entry, KerberosTime,
    KrbError, LastReqEntry, PaData, PrincipalName, Ticket,
};
use proptest::prelude::*;
use smbgw_ad::krb::message::{
    ErrorCode, ErrorMessage, Hint, KdcReply, KdcReplyPart, NtStatus, ReplyKind,
};
use smbgw_ad::krb::{ap, kpasswd};

/// Has everything that reads foreign bytes read these.
fn read_all(bytes: &[u8]) {
    let _ = KdcReply::decode(ReplyKind::Login, bytes).map(|reply| reply.hints());
    let _ = KdcReply::decode(ReplyKind::Service, bytes);
    let _ = KdcReplyPart::decode(bytes);
    if let Ok(error) = ErrorMessage::decode(bytes) {
        let _ = (error.to_string(), error.hints(), error.status());
    }
    let _ = Hint::decode_info2(bytes);
    let _ = ap::check(bytes);
    let _ = kpasswd::check(bytes);
    let _ = kpasswd::Verdict::decode(bytes);
}

fn name(parts: &[&str]) -> PrincipalName {
    let mut name = PrincipalName::new(1, parts[0].into());
    for part in &parts[1..] {
        name.push((*part).into());
    }
    name
}

fn at(text: &str) -> KerberosTime {
    let mut time = KerberosTime::default();
    time.parse_value(text.as_bytes()).unwrap();
    time
}

fn error_message(data: Option<Vec<u8>>) -> KrbError {
    KrbError {
        pvno: 5,
        msg_type: 30,
        ctime: Some(at("20240101000000Z")),
        cusec: Some(999_999),
        stime: at("20240229120000Z"),
        susec: 250_000,
        error_code: 18,
        crealm: Some("A.TEST".into()),
        cname: Some(name(&["älice"])),
        realm: "A.TEST".into(),
        sname: name(&["krbtgt", "A.TEST"]),
        e_text: Some("no \u{1b}[31mway\n".into()),
        e_data: data,
    }
}

fn reply() -> AsRep {
    let sealed = |kvno| EncryptedData::new(18, kvno, vec![0xab; 300]);
    AsRep::new(
        Some(vec![PaData::new(19, info2().build())]),
        "A.TEST".into(),
        name(&["alice"]),
        Ticket::new(
            "A.TEST".into(),
            name(&["krbtgt", "A.TEST"]),
            sealed(Some(0xfedc_0001)),
        ),
        sealed(None),
    )
}

fn info2() -> Vec<EtypeInfo2Entry> {
    vec![
        EtypeInfo2Entry::new(99, Some("unknown".into()), None),
        EtypeInfo2Entry::new(18, Some("A.TESTälice".into()), Some(vec![0, 0, 16, 0])),
        EtypeInfo2Entry::new(23, None, None),
    ]
}

fn reply_part() -> EncAsRepPart {
    EncAsRepPart {
        key: EncryptionKey::new(18, vec![7; 32]),
        last_req: vec![LastReqEntry::new(0, at("20240101000000Z"))],
        nonce: 0x7fff_ffff,
        key_expiration: Some(at("20370914024805Z")),
        flags: 0x40e1_0000.into(),
        authtime: at("20240101000000Z"),
        starttime: Some(at("20240101000001Z")),
        endtime: at("20240101100000Z"),
        renew_till: Some(at("20240108000000Z")),
        srealm: "A.TEST".into(),
        sname: name(&["krbtgt", "A.TEST"]),
        caddr: Some(vec![kerberos_asn1::HostAddress::new(2, vec![10, 0, 0, 1])]),
        encrypted_pa_data: Some(vec![PaData::new(165, vec![31, 0, 0, 0])]),
    }
}

/// A length that takes any form, as its own bytes say.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 128);
    [&[tag, content.len() as u8][..], content].concat()
}

#[test]
fn messages_are_read_as_they_are_meant() {
    let error = ErrorMessage::decode(&error_message(None).build()).unwrap();
    assert_eq!(error.error, ErrorCode::CLIENT_REVOKED);
    assert_eq!(
        error.server_time,
        "2024-02-29T12:00:00.25Z".parse().unwrap()
    );
    assert_eq!(error.text.as_deref(), Some("no [31mway"));
    assert_eq!(error.service.unwrap().to_string(), "krbtgt/A.TEST@A.TEST");
    assert_eq!(error.client_realm.unwrap().as_str(), "A.TEST");

    // As Heimdal has it where it does not know for whom the error is.
    let nameless = KrbError {
        realm: "<unspecified realm>".into(),
        sname: PrincipalName::default(),
        ..error_message(None)
    };
    let error = ErrorMessage::decode(&nameless.build()).unwrap();
    assert_eq!((error.realm, error.service), (None, None));

    let bytes = reply().build();
    let read = KdcReply::decode(ReplyKind::Login, &bytes).unwrap();
    assert_eq!(read.client.to_string(), "alice@A.TEST");
    assert_eq!(read.ticket, reply().ticket.build());
    assert_eq!(read.encrypted.cipher, vec![0xab; 300]);
    let hints = read.hints();
    assert_eq!(hints.len(), 2);
    assert_eq!(hints[0].salt.as_deref(), Some("A.TESTälice".as_bytes()));
    assert_eq!(hints[0].parameters.as_deref(), Some(&[0, 0, 16, 0][..]));
    assert_eq!(hints[1].salt, None);
    assert!(KdcReply::decode(ReplyKind::Service, &bytes).is_err());
    let more = [bytes.as_slice(), &[0]].concat();
    assert!(KdcReply::decode(ReplyKind::Login, &more).is_err());

    let part = KdcReplyPart::decode(&reply_part().build()).unwrap();
    assert_eq!((part.key_type, part.key.as_slice()), (18, &[7; 32][..]));
    assert_eq!(part.nonce, 0x7fff_ffff);
    assert_eq!(part.flags.0, 0x40e1_0000);
    assert_eq!(part.times.start, "2024-01-01T00:00:01Z".parse().unwrap());
    assert_eq!(
        part.key_expiration,
        Some("2037-09-14T02:48:05Z".parse().unwrap())
    );
}

#[test]
fn a_status_of_windows_is_found_in_both_of_its_places() {
    let status = [0x34, 2, 0, 0xc0, 0, 0, 0, 0, 1, 0, 0, 0];
    let methods = vec![PaData::new(3, status.to_vec())].build();
    let value = tlv(0xa2, &tlv(4, &status));
    let extended = tlv(0x30, &[tlv(0xa1, &tlv(2, &[3])), value].concat());
    for data in [methods, extended] {
        let error = ErrorMessage::decode(&error_message(Some(data)).build()).unwrap();
        assert_eq!(error.status(), Some(NtStatus::ACCOUNT_LOCKED_OUT));
        assert!(error.to_string().contains("STATUS_ACCOUNT_LOCKED_OUT"));
    }
    for data in [vec![], vec![0x30, 0], b"text".to_vec(), status.to_vec()] {
        let error = ErrorMessage::decode(&error_message(Some(data)).build()).unwrap();
        assert_eq!(error.status(), None);
    }
}

#[test]
fn what_the_decoder_of_kerberos_asn1_panics_on_is_refused() {
    // A time that is in no calendar, and a length that is longer than what follows its own bytes.
    let good = error_message(None).build();
    let position = good
        .windows(15)
        .position(|window| window == b"20240229120000Z")
        .unwrap();
    let mut bad = good.clone();
    bad[position..position + 8].copy_from_slice(b"20230229");
    assert!(std::panic::catch_unwind(|| KrbError::parse(&bad).is_ok()).is_err());
    let error = ErrorMessage::decode(&bad).unwrap_err();
    assert_eq!((error.part, error.problem), ("stime", "is not a time"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_all(&bytes);
    }

    #[test]
    fn changed_messages_are_refused_or_read(
        which in 0..5_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = match which {
            0 => error_message(Some(vec![PaData::new(19, info2().build())].build())).build(),
            1 => reply().build(),
            2 => reply_part().build(),
            3 => info2().build(),
            _ => kerberos_asn1::EncKrbPrivPart {
                user_data: vec![0, 4, b'x'],
                seq_number: Some(5),
                s_address: kerberos_asn1::HostAddress::new(2, vec![127, 0, 0, 1]),
                ..kerberos_asn1::EncKrbPrivPart::default()
            }
            .build(),
        };
        for (index, value) in changes {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read_all(&bytes);
    }

    /// Whatever we take, the other decoder takes, and neither says something else.
    #[test]
    fn both_decoders_agree(
        code in any::<i32>(),
        microseconds in 0..1_000_000_i32,
        seconds in 0..4_000_000_000_i64,
        realm in "[A-Z]{1,9}(\\.[A-Z]{1,9}){0,3}",
        parts in prop::collection::vec("[a-zé$/@. ]{1,40}", 1..5),
        text in prop::option::of("[ -~]{1,150}"),
        data in prop::option::of(prop::collection::vec(any::<u8>(), 0..300)),
    ) {
        let stime = jiff::Timestamp::from_second(seconds).unwrap();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let message = KrbError {
            pvno: 5,
            msg_type: 30,
            stime: at(&stime.strftime("%Y%m%d%H%M%SZ").to_string()),
            susec: microseconds,
            error_code: code,
            realm: realm.clone(),
            sname: name(&parts),
            e_text: text.clone(),
            e_data: data.clone(),
            ..KrbError::default()
        };
        let bytes = message.build();
        prop_assert_eq!(&KrbError::parse(&bytes).unwrap().1, &message);
        let read = ErrorMessage::decode(&bytes).unwrap();
        prop_assert_eq!(read.error, ErrorCode(code));
        prop_assert_eq!(read.server_time.as_second(), seconds);
        prop_assert_eq!(read.server_time.subsec_microsecond(), microseconds);
        prop_assert_eq!(read.realm.map(String::from), Some(realm));
        prop_assert_eq!(read.data, data);
        prop_assert_eq!(
            read.text,
            text.map(|text| text.trim().to_string()).filter(|text| !text.is_empty())
        );
        let service = read.service.unwrap();
        prop_assert_eq!(service.parts(), parts);
    }
}
