//! Questions to name servers, made for each case.

mod discover_servers;

use std::net::SocketAddr;
use std::time::Duration;

use discover_servers::{
    By, Says, Server, address, alias, error, name, nobody, record, reply, service, silence,
};
use proptest::prelude::*;
use smbgw_ad::dns::message::{Data, Message, Record, ResponseCode};
use smbgw_ad::dns::{DnsError, Kind, Name, Resolver};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::host::LocalHost;

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

/// Short waits, where a test has to get to the end of them.
fn quick(servers: impl IntoIterator<Item = SocketAddr>) -> Resolver {
    Resolver::with_servers(servers).patience(Duration::from_millis(30), Duration::from_millis(200))
}

fn texts(addresses: Vec<std::net::IpAddr>) -> Vec<String> {
    addresses.iter().map(ToString::to_string).collect()
}

#[test]
fn an_answer_that_does_not_fit_comes_by_tcp() {
    let server = Server::dns(|by, question| {
        let mut reply = reply(question);
        match by {
            By::Udp => reply.truncated = true,
            By::Tcp => {
                for number in 0..2000 {
                    let host = format!("dc{number}.ad.test");
                    reply
                        .answers
                        .push(service("_ldap._tcp.ad.test", 0, 389, &host));
                }
                reply.answers.truncate(900);
            }
        }
        Says::Message(reply)
    });
    let answer = Resolver::with_servers([server.address])
        .lookup(&name("_ldap._tcp.ad.test"), Kind::SRV, soon())
        .unwrap();
    assert_eq!(answer.records.len(), 900);
    let ways: Vec<By> = server.asked().iter().map(|(by, _)| *by).collect();
    assert_eq!(ways, [By::Udp, By::Tcp]);
}

#[test]
fn a_server_of_old_is_asked_in_the_old_way() {
    let server = Server::dns(|_, question| match question.additionals.is_empty() {
        true => {
            let mut reply = reply(question);
            reply.answers.push(address("dc.ad.test", "10.0.0.1"));
            Says::Message(reply)
        }
        false => {
            // Without the question, as some do.
            let mut reply = Message::request(question.id, 0);
            reply.response = true;
            reply.code = ResponseCode::FORM_ERR;
            Says::Message(reply)
        }
    });
    let answer = Resolver::with_servers([server.address])
        .lookup(&name("dc.ad.test"), Kind::A, soon())
        .unwrap();
    assert_eq!(answer.records.len(), 1);
}

#[test]
fn a_server_that_cannot_help_makes_way_for_the_next() {
    let (_socket, dead) = silence();
    let failing = Server::dns(|_, question| error(question, ResponseCode::SERV_FAIL));
    let good = Server::zone(&["ad.test"], vec![address("dc.ad.test", "10.0.0.1")]);
    let host = "dc.ad.test".parse().unwrap();
    for before in [dead, failing.address, nobody()] {
        let resolver = Resolver::with_servers([before, good.address]);
        assert_eq!(
            texts(resolver.addresses(&host, soon()).unwrap()),
            ["10.0.0.1"]
        );
        // From now on, that one comes first.
        let before = failing.asked().len();
        resolver.addresses(&host, soon()).unwrap();
        assert_eq!(failing.asked().len(), before);
    }
    let error = quick([failing.address, dead]).addresses(&host, soon());
    assert!(matches!(
        error,
        Err(DnsError::Refused {
            code: ResponseCode::SERV_FAIL,
            ..
        })
    ));
    let error = quick([dead, nobody()])
        .addresses(&host, soon())
        .unwrap_err();
    assert_eq!(error.code(), "ad.dns-silent");
    assert!(error.to_string().contains(&dead.to_string()), "{error}");
}

#[test]
fn forged_and_broken_answers_are_known() {
    let server = Server::bytes(|_, packet| {
        let question = Message::decode(packet).unwrap();
        let mut forged = reply(&question);
        forged.answers.push(address("dc.ad.test", "6.6.6.6"));
        forged.id ^= 1;
        let mut elsewhere = reply(&question);
        elsewhere.questions[0].name = name("else.ad.test");
        elsewhere.answers.push(address("dc.ad.test", "6.6.6.6"));
        let mut right = reply(&question);
        right.answers.push(address("dc.ad.test", "10.0.0.1"));
        // Not of the name that was asked for.
        right.answers.push(address("other.ad.test", "6.6.6.6"));
        [forged, elsewhere, right]
            .iter()
            .map(|message| message.encode().unwrap())
            .collect()
    });
    let resolver = Resolver::with_servers([server.address]);
    let answer = resolver
        .lookup(&name("dc.ad.test"), Kind::A, soon())
        .unwrap();
    assert_eq!(answer.records, [address("dc.ad.test", "10.0.0.1")]);

    let broken = Server::dns(|_, question| {
        let mut bytes = reply(question).encode().unwrap();
        // More answers than there are.
        bytes[7] = 9;
        Says::Bytes(bytes)
    });
    let error = quick([broken.address]).lookup(&name("dc.ad.test"), Kind::A, soon());
    assert!(matches!(error, Err(DnsError::Garbled { .. })), "{error:?}");
}

#[test]
fn other_names_are_followed_and_their_circles_left() {
    let server = Server::zone(
        &["ad.test"],
        vec![
            alias("a.ad.test", "b.ad.test"),
            alias("b.ad.test", "dc.ad.test"),
            address("dc.ad.test", "10.0.0.1"),
            address("dc.ad.test", "fd00::1"),
            alias("x.ad.test", "y.ad.test"),
            alias("y.ad.test", "x.ad.test"),
        ],
    );
    // This one gives nothing but the next name: it has to be asked again and again.
    let records = [
        alias("a.ad.test", "b.ad.test"),
        alias("b.ad.test", "dc.ad.test"),
        address("dc.ad.test", "10.0.0.1"),
        address("dc.ad.test", "fd00::1"),
        alias("x.ad.test", "y.ad.test"),
        alias("y.ad.test", "x.ad.test"),
    ];
    let stepping = Server::dns(move |_, question| {
        let mut reply = reply(question);
        let wanted = &question.questions[0];
        reply.answers = records
            .iter()
            .filter(|record| record.name == wanted.name)
            .filter(|record| record.kind == wanted.kind || record.kind == Kind::CNAME)
            .cloned()
            .collect();
        Says::Message(reply)
    });
    let resolver = Resolver::with_servers([stepping.address]);
    let found = resolver
        .addresses(&"a.ad.test".parse().unwrap(), soon())
        .unwrap();
    assert_eq!(texts(found), ["fd00::1", "10.0.0.1"]);
    let error = resolver.addresses(&"x.ad.test".parse().unwrap(), soon());
    assert!(matches!(error, Err(DnsError::Garbled { .. })), "{error:?}");
    drop(server);
}

#[test]
fn names_without_records_and_names_that_are_not_there_differ() {
    let server = Server::zone(
        &["ad.test"],
        vec![
            address("dc.ad.test", "10.0.0.1"),
            record(
                "1.0.0.10.in-addr.arpa",
                Kind::PTR,
                Data::Name(name("dc.ad.test")),
            ),
            record("ad.test", Kind::NS, Data::Name(name("dc.ad.test"))),
        ],
    );
    let resolver = Resolver::with_servers([server.address]);
    let there = resolver
        .lookup(&name("dc.ad.test"), Kind::AAAA, soon())
        .unwrap();
    assert!(there.exists && there.records.is_empty());
    let gone = resolver
        .lookup(&name("gone.ad.test"), Kind::A, soon())
        .unwrap();
    assert!(!gone.exists && gone.records.is_empty());
    let names = resolver.names("10.0.0.1".parse().unwrap(), soon()).unwrap();
    assert_eq!(names, ["dc.ad.test".parse().unwrap()]);
    let servers = resolver.name_servers(&name("ad.test"), soon()).unwrap();
    assert_eq!(servers, ["dc.ad.test".parse().unwrap()]);
    let zone = resolver
        .zone(&name("a.b.gw.ad.test"), soon())
        .unwrap()
        .unwrap();
    assert_eq!(zone.name, name("ad.test"));
    assert_eq!(zone.primary.unwrap().as_str(), "dc.ad.test");
    assert_eq!(resolver.zone(&name("x.elsewhere"), soon()).unwrap(), None);
}

#[test]
fn a_host_is_asked_as_it_is_set_up() {
    let server = Server::zone(&["ad.test"], vec![address("dc.ad.test", "10.0.0.1")]);
    let root = tempfile::tempdir().unwrap();
    let host = LocalHost::with_root(root.path());
    let error = Resolver::of_host(&host).unwrap_err();
    assert_eq!(error.code(), "ad.dns-no-servers");

    std::fs::create_dir(root.path().join("etc")).unwrap();
    std::fs::write(
        root.path().join("etc/resolv.conf"),
        "search ad.test\nnameserver 127.0.0.1\n",
    )
    .unwrap();
    std::fs::write(root.path().join("etc/hosts"), "10.9.9.9 gw.ad.test gw\n").unwrap();
    let resolver = Resolver::of_host(&host).unwrap();
    assert_eq!(resolver.servers(), ["127.0.0.1:53".parse().unwrap()]);
    let own = "gw.ad.test".parse().unwrap();
    assert_eq!(
        texts(resolver.addresses(&own, soon()).unwrap()),
        ["10.9.9.9"]
    );
    drop(server);
}

/// What Samba 4.17 answers to the question where controllers are, and where a zone begins that is
/// not the one asked for.
#[test]
fn recorded_answers_are_understood() {
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    };
    let services = Message::decode(&bytes(
        "123485000001000100010000055f6c646170045f746370026463065f6d736463730261640474657374000021\
         0001c00c0021000100000384000b000000640185026463c021c01a0006000100000e100023c0400a686f7374\
         6d6173746572c0210000000100000384000002580001518000000e10",
    ))
    .unwrap();
    assert!(services.response && services.authoritative && !services.truncated);
    assert_eq!(
        services.answers[0],
        Record {
            ttl: 900,
            ..service("_ldap._tcp.dc._msdcs.ad.test", 0, 389, "dc.ad.test")
        }
    );
    let gone = Message::decode(&bytes(
        "12348503000100000001000004676f6e6502616404746573740000010001c0110006000100000e1000260264\
         63c0110a686f73746d6173746572c0110000000100000384000002580001518000000e10",
    ))
    .unwrap();
    assert_eq!(gone.code, ResponseCode::NX_DOMAIN);
    assert_eq!(
        gone.authorities[0].data,
        Data::Soa {
            primary: name("dc.ad.test")
        }
    );
}

fn any_name() -> impl Strategy<Value = Name> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 1..12), 0..6)
        .prop_map(|labels| Name::from_labels(labels).unwrap())
}

fn any_record() -> impl Strategy<Value = Record> {
    let data = prop_oneof![
        any::<[u8; 4]>().prop_map(|b| (Kind::A, Data::A(b.into()))),
        any::<[u8; 16]>().prop_map(|b| (Kind::AAAA, Data::Aaaa(b.into()))),
        any_name().prop_map(|n| (Kind::PTR, Data::Name(n))),
        (any::<[u16; 3]>(), any_name()).prop_map(|([priority, weight, port], target)| {
            let data = Data::Srv {
                priority,
                weight,
                port,
                target,
            };
            (Kind::SRV, data)
        }),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|b| (Kind::TKEY, Data::Other(b))),
    ];
    (any_name(), any::<u16>(), any::<u32>(), data).prop_map(|(name, class, ttl, (kind, data))| {
        Record {
            name,
            kind,
            class,
            ttl,
            data,
        }
    })
}

fn any_message() -> impl Strategy<Value = Message> {
    let records = || prop::collection::vec(any_record(), 0..4);
    (any::<u16>(), any_name(), records(), records(), records()).prop_map(
        |(id, name, answers, authorities, additionals)| {
            let mut message = Message::query(id, &name, Kind::SRV, false);
            message.response = true;
            message.answers = answers;
            message.authorities = authorities;
            message.additionals = additionals;
            message
        },
    )
}

proptest! {
    #[test]
    fn messages_come_back_as_they_went(message in any_message()) {
        let bytes = message.encode().unwrap();
        prop_assert_eq!(Message::decode(&bytes), Ok(message));
    }

    #[test]
    fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(message) = Message::decode(&bytes) {
            // What is read can be shown and sent.
            let shown = format!("{message:?}");
            prop_assert!(!shown.is_empty());
            prop_assert!(message.encode().is_ok());
        }
    }

    #[test]
    fn damaged_messages_are_taken(
        message in any_message(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = message.encode().unwrap();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert!(message.answers.len() * 11 <= bytes.len());
        }
    }
}
