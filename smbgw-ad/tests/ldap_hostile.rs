//! Servers that send nonsense, too much, or nothing: each gives an error that says so, in time.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use smbgw_ad::ldap::{
    Connection, Filter, LdapError, Reason, RootDse, Scope, Security, Server, Target, TlsStart,
    Trust,
};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;

/// A server that answers the first request of its one client with given bytes, `end`s the connection
/// or leaves it open until the client goes.
struct Fake {
    server: Server,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    fn sending(answer: Vec<u8>, end: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            if client.read(&mut request).is_ok_and(|count| count > 0) {
                // The client may have gone already.
                let _ = client.write_all(&answer);
                while !end && client.read(&mut request).is_ok_and(|count| count > 0) {}
            }
        });
        Self {
            server: at(address),
            thread: Some(thread),
        }
    }

    fn open(&self) -> Connection {
        Connection::open(&self.server, Security::Anonymous, soon()).unwrap()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take()
            && !std::thread::panicking()
        {
            thread.join().unwrap();
        }
    }
}

fn at(address: SocketAddr) -> Server {
    Server {
        host: "dc.ad.test".parse().unwrap(),
        address,
    }
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut bytes = match length {
        0..=0x7f => vec![tag, length as u8],
        _ => {
            let digits = (length as u32).to_be_bytes();
            [vec![tag, 0x84], digits.to_vec()].concat()
        }
    };
    bytes.extend_from_slice(content);
    bytes
}

fn message(id: u8, operation: u8, content: &[u8]) -> Vec<u8> {
    let inner = [vec![2, 1, id], element(operation, content)].concat();
    element(0x30, &inner)
}

fn entry(id: u8, attribute: &str, value: &[u8]) -> Vec<u8> {
    let values = element(0x31, &element(4, value));
    let attribute = element(0x30, &[element(4, attribute.as_bytes()), values].concat());
    let attributes = element(0x30, &attribute);
    message(
        id,
        0x64,
        &[element(4, b"DC=ad,DC=test"), attributes].concat(),
    )
}

fn done(id: u8, code: u8, text: &str) -> Vec<u8> {
    let content = [vec![0x0a, 1, code, 4, 0], element(4, text.as_bytes())].concat();
    message(id, 0x65, &content)
}

fn read(answer: Vec<u8>, end: bool) -> Result<Option<String>, LdapError> {
    let fake = Fake::sending(answer, end);
    let mut connection = fake.open();
    let found = connection.read(Target::Root, &["cn"], soon())?;
    Ok(found.map(|entry| entry.text("cn").unwrap_or_default().to_string()))
}

#[test]
fn a_good_answer_is_read() {
    let answer = [entry(1, "cn", b"value"), done(1, 0, "")].concat();
    assert_eq!(read(answer, false).unwrap().as_deref(), Some("value"));
    assert!(read(done(1, 32, ""), true).unwrap().is_none());
}

#[test]
fn nonsense_is_told_as_such() {
    for wrong in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        // Longer than any message.
        vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff],
        // The answer to another request, and of another kind.
        done(9, 0, ""),
        message(1, 0x61, &[0x0a, 1, 0, 4, 0, 4, 0]),
        // A text that is not UTF-8, and an entry without attributes.
        message(1, 0x65, &[0x0a, 1, 0, 4, 1, 0xff, 4, 0]),
        message(1, 0x64, &[4, 0]),
        // An entry whose name is none.
        [
            message(1, 0x64, &[4, 3, b'a', b'b', b'c', 0x30, 0]),
            done(1, 0, ""),
        ]
        .concat(),
    ] {
        let error = read(wrong.clone(), false).unwrap_err();
        assert!(
            matches!(error, LdapError::Message { .. }),
            "{wrong:?}: {error}"
        );
        assert_eq!(error.code(), "ad.ldap-broken");
        assert!(error.to_string().contains("dc.ad.test"), "{error}");
    }
}

#[test]
fn elements_within_elements_without_end_are_refused() {
    let mut nested = vec![];
    for _ in 0..100_000 {
        nested.splice(0..0, [0x30, 0x84, 0, 0x7f, 0xff, 0xff]);
    }
    let error = read(message(1, 0x64, &nested), false).unwrap_err();
    assert!(matches!(error, LdapError::Message { .. }), "{error}");
}

#[test]
fn an_end_is_told_with_its_reason() {
    let error = read(vec![], true).unwrap_err();
    assert!(matches!(error, LdapError::Closed { .. }), "{error}");
    let error = read(vec![0x30], true).unwrap_err();
    assert!(matches!(error, LdapError::Closed { .. }), "{error}");
    // Notice of disconnection, as Active Directory writes it.
    let notice = element(
        0x30,
        &[
            vec![2, 1, 0],
            element(0x78, &[0x0a, 1, 52, 4, 0, 4, 0]),
            element(0x8a, b"1.3.6.1.4.1.1466.20036"),
        ]
        .concat(),
    );
    let error = read(notice, true).unwrap_err();
    assert_eq!(error.reason(), Some(Reason::Busy), "{error}");
    assert!(error.is_of_server());
}

#[test]
fn too_much_is_not_kept() {
    // More than all answers to one request may have.
    let one = entry(1, "cn", &vec![b'x'; 8 * 1024 * 1024]);
    let error = read(one.repeat(5), true).unwrap_err();
    assert!(error.to_string().contains("unusable"), "{error}");
    let many = [entry(1, "cn", b"a").repeat(20), done(1, 0, "")].concat();
    let fake = Fake::sending(many, false);
    let mut connection = fake.open();
    let filter = Filter::everything();
    let base = Target::Root;
    let found = connection.search(base, Scope::Subtree, &filter, &["cn"], 19, soon());
    assert!(
        matches!(found, Err(LdapError::TooMany { most: 19, .. })),
        "{found:?}"
    );
}

#[test]
fn silence_ends_at_the_deadline() {
    let fake = Fake::sending(vec![], false);
    let mut connection = fake.open();
    let begin = Instant::now();
    let error =
        RootDse::read(&mut connection, Deadline::after(Duration::from_millis(100))).unwrap_err();
    assert!(matches!(error, LdapError::Deadline { .. }), "{error}");
    assert_eq!(error.code(), "ad.ldap-timeout");
    assert!(begin.elapsed() >= Duration::from_millis(100));
    // An answer that comes late would be taken for that of the next request.
    let error = RootDse::read(&mut connection, soon()).unwrap_err();
    assert!(matches!(error, LdapError::Unusable { .. }), "{error}");
}

#[test]
fn silence_while_tls_begins_ends_at_the_deadline() {
    let fake = Fake::sending(vec![], false);
    let trust = Trust::pin("00".repeat(32).parse().unwrap());
    for start in [TlsStart::AtOnce, TlsStart::Asked] {
        let fake = match start {
            TlsStart::AtOnce => &fake,
            TlsStart::Asked => &Fake::sending(vec![], false),
        };
        let security = Security::Tls {
            start,
            trust: &trust,
            login: None,
        };
        let deadline = Deadline::after(Duration::from_millis(100));
        let error = Connection::open(&fake.server, security, deadline).unwrap_err();
        assert!(matches!(error, LdapError::Deadline { .. }), "{error}");
    }
}

#[test]
fn what_comes_before_tls_is_refused() {
    let answer = message(1, 0x78, &[0x0a, 1, 0, 4, 0, 4, 0]);
    // Our requests have numbers of their own.
    let answer = [
        &[0x30, answer[1] + 3, 2, 4, 0x40, 0, 0, 0][..],
        &answer[5..],
    ]
    .concat();
    let injected = [answer, done(1, 0, "")].concat();
    let fake = Fake::sending(injected, false);
    let trust = Trust::pin("00".repeat(32).parse().unwrap());
    let security = Security::Tls {
        start: TlsStart::Asked,
        trust: &trust,
        login: None,
    };
    let error = Connection::open(&fake.server, security, soon()).unwrap_err();
    let text = smbgw_core::error::chain_text(&error);
    assert!(text.contains("before TLS began"), "{text}");
}

#[test]
fn nobody_there_is_told_at_once() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let server = at(listener.local_addr().unwrap());
    drop(listener);
    let error = Connection::open(&server, Security::Anonymous, soon()).unwrap_err();
    assert!(matches!(error, LdapError::Connect { .. }), "{error}");
    assert_eq!(error.code(), "ad.ldap-unreachable");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// No answer makes it panic or wait: it is read, or it is an error.
    #[test]
    fn any_answer_is_survived(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let mut answer = [entry(1, "cn", b"value"), done(1, 10, "text")].concat();
        let at = at.index(answer.len());
        answer[at] = byte;
        answer.truncate(answer.len() - cut.index(4));
        match read(answer, true) {
            Ok(found) => prop_assert!(found.is_none_or(|text| text.len() <= 5)),
            Err(error) => prop_assert!(!matches!(error, LdapError::Deadline { .. }), "{}", error),
        }
    }
}
