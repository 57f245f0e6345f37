//! Logins and tickets, from a domain controller of the test that errs on demand.

mod krb_kdc;

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use jiff::SignedDuration;
use krb_kdc::{Controller, Listening, accept};
use smbgw_ad::clock::Clock;
use smbgw_ad::krb::ap::{self, ApError};
use smbgw_ad::krb::crypto::{EncryptionType, Key};
use smbgw_ad::krb::error::KrbError;
use smbgw_ad::krb::kdc::Known;
use smbgw_ad::krb::kpasswd::{self, PasswordError, Verdict};
use smbgw_ad::krb::login::{self, Credential, Login, Options, login};
use smbgw_ad::krb::service::service_ticket;
use smbgw_ad::krb::ticket::{ServiceTicket, Tgt};
use smbgw_ad::krb::transport::Protocol;
use smbgw_ad::name::Principal;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, chain_text};
use smbgw_core::secret::Secret;

const PASSWORD: &str = "correct horse";
const SALT: &str = "not the usual one";

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

fn user_key(etype: EncryptionType) -> Key {
    let password = Secret::from(PASSWORD.to_string());
    Key::from_password(etype, &password, SALT.as_bytes(), None).unwrap()
}

fn controller(etype: EncryptionType) -> Controller {
    let mut controller = Controller::of("A.TEST", etype);
    controller.users.push(("alice", user_key(etype), SALT));
    controller
}

fn known<const N: usize>(realms: [(&str, SocketAddr); N]) -> Known {
    let realms = realms.map(|(realm, server)| (realm.parse().unwrap(), vec![server]));
    Known(BTreeMap::from(realms))
}

fn log_in(client: &str, options: &Options, known: &Known) -> Result<Login<Tgt>, KrbError> {
    let client: Principal = client.parse().unwrap();
    let password = Secret::from(PASSWORD.to_string());
    let credential = Credential::Password(&password);
    login(&client, credential, options, known, Clock::system(), soon())
}

fn ticket(login: &Login<Tgt>, service: &str, known: &Known) -> Result<ServiceTicket, KrbError> {
    let service = service.parse().unwrap();
    service_ticket(
        &login.ticket,
        &service,
        EncryptionType::ALL,
        known,
        login.clock,
        soon(),
    )
}

#[test]
fn every_encryption_type_goes_from_the_password_to_the_service() {
    for &etype in EncryptionType::ALL {
        let service_key = Key::random(etype).unwrap();
        let mut controller = controller(etype);
        controller
            .services
            .push(("cifs/gw.a.test", service_key.clone()));
        let controller = Listening::controller(controller);
        let known = known([("A.TEST", controller.address)]);
        let options = Options {
            etypes: vec![etype],
            ..Options::default()
        };
        let login = log_in("alice@A.TEST", &options, &known).unwrap();
        assert_eq!(login.ticket.as_ticket().session_key().etype(), etype);
        let ticket = ticket(&login, "cifs/gw.a.test@A.TEST", &known).unwrap();

        for has_subkey in [false, true] {
            let ours = Key::random(etype).unwrap();
            let theirs = has_subkey.then(|| Key::random(etype).unwrap());
            let checksum = ap::Checksum {
                kind: 0x8003,
                bytes: vec![7; 24],
            };
            let (request, pending) = ap::Request::build(
                &ticket,
                Some(checksum),
                Some(ours.clone()),
                Some(0x3fff_ffff),
                ap::Options::default(),
                Clock::system(),
            )
            .unwrap();
            let (authenticator, answer) = accept(&request, &service_key, theirs.as_ref());
            assert_eq!(authenticator.cname.to_string(), "alice");
            assert_eq!(authenticator.seq_number, Some(0x3fff_ffff));
            assert_eq!(authenticator.cksum.unwrap().cksumtype, 0x8003);
            let established = pending.verify(&answer).unwrap();
            assert_eq!(established.acceptor_sequence, Some(0xf000_0001));
            assert_eq!(established.acceptor_subkey.is_some(), has_subkey);
            if let (Some(one), Some(other)) = (&established.acceptor_subkey, &theirs) {
                assert!(one.is(other));
            }
            assert!(established.initiator_subkey.unwrap().is(&ours));

            // An answer to another request, or one that was changed.
            let again = || {
                let options = ap::Options::default();
                let later = Clock::system().shifted(SignedDuration::from_secs(1));
                ap::Request::build(&ticket, None, None, None, options, later)
                    .unwrap()
                    .1
            };
            let error = again().verify(&answer).err().unwrap();
            assert!(matches!(error, ApError::OtherRequest), "{error:?}");
            let mut changed = answer.clone();
            *changed.last_mut().unwrap() ^= 1;
            let error = again().verify(&changed).err().unwrap();
            assert_eq!(error.code(), "ad.key-mismatch");
        }
    }
}

#[test]
fn services_are_followed_through_other_realms() {
    let etype = EncryptionType::Aes256Sha1;
    let key = || Key::random(etype).unwrap();
    let (ab, bc, ca) = (key(), key(), key());
    let mut a = controller(etype);
    a.trusts.push(("B.TEST", ab.clone()));
    a.elsewhere.push(("cifs/far.c.test", "B.TEST"));
    a.elsewhere.push(("cifs/round.test", "B.TEST"));
    let mut b = Controller::of("B.TEST", etype);
    b.trusts.extend([("B.TEST", ab), ("C.TEST", bc.clone())]);
    b.elsewhere.push(("cifs/far.c.test", "C.TEST"));
    b.elsewhere.push(("cifs/round.test", "C.TEST"));
    let mut c = Controller::of("C.TEST", etype);
    c.trusts.extend([("C.TEST", bc), ("A.TEST", ca)]);
    c.services.push(("cifs/far.c.test", key()));
    c.elsewhere.push(("cifs/round.test", "A.TEST"));
    let (a, b, c) = (
        Listening::controller(a),
        Listening::controller(b),
        Listening::controller(c),
    );
    let all = known([
        ("A.TEST", a.address),
        ("B.TEST", b.address),
        ("C.TEST", c.address),
    ]);
    let login = log_in("alice@A.TEST", &Options::default(), &all).unwrap();
    // Referred to it from its own realm on, and asked for where it is.
    let found = ticket(&login, "cifs/far.c.test@A.TEST", &all).unwrap();
    assert_eq!(found.service().realm().as_str(), "C.TEST");
    assert_eq!(found.client().to_string(), "alice@A.TEST");
    let found = ticket(&login, "cifs/far.c.test@B.TEST", &all).unwrap();
    assert_eq!(found.service().realm().as_str(), "C.TEST");

    let error = ticket(&login, "cifs/round.test@A.TEST", &all).unwrap_err();
    assert!(matches!(error, KrbError::ReferralLoop { .. }), "{error}");
    let error = ticket(&login, "cifs/none.test@B.TEST", &all).unwrap_err();
    assert_eq!(error.code(), "ad.service-unknown");
    let error = ticket(&login, "cifs/none.test@D.TEST", &all).unwrap_err();
    assert_eq!(error.code(), "ad.service-unknown");
    // A realm that nobody can find.
    let some = known([("A.TEST", a.address)]);
    let error = ticket(&login, "cifs/far.c.test@A.TEST", &some).unwrap_err();
    assert_eq!(error.code(), "ad.realm-unknown");
    assert!(chain_text(&error).contains("B.TEST"), "{error}");
}

#[test]
fn a_user_is_followed_to_the_own_realm() {
    let etype = EncryptionType::Aes256Sha1;
    let mut a = Controller::of("A.TEST", etype);
    a.elsewhere.push(("bob@c.test", "B.TEST"));
    a.elsewhere.push(("eve@c.test", "B.TEST"));
    let mut b = Controller::of("B.TEST", etype);
    b.users.push(("bob@c.test", user_key(etype), SALT));
    b.elsewhere.push(("eve@c.test", "A.TEST"));
    let (a, b) = (Listening::controller(a), Listening::controller(b));
    let both = known([("A.TEST", a.address), ("B.TEST", b.address)]);
    let login = log_in(r"bob\@c.test@A.TEST", &Options::default(), &both).unwrap();
    assert_eq!(login.ticket.realm().as_str(), "B.TEST");
    let error = log_in(r"eve\@c.test@A.TEST", &Options::default(), &both).unwrap_err();
    assert!(matches!(error, KrbError::ReferralLoop { .. }), "{error}");
}

#[test]
fn what_does_not_fit_the_question_is_refused() {
    let etype = EncryptionType::Aes256Sha1;
    let asked = |change: fn(&mut Controller), options: &Options| {
        let mut controller = controller(etype);
        change(&mut controller);
        let controller = Listening::controller(controller);
        log_in(
            "alice@A.TEST",
            options,
            &known([("A.TEST", controller.address)]),
        )
    };
    let plain = Options::default();
    let error = asked(|it| it.forgets_nonce = true, &plain).unwrap_err();
    assert_eq!(error.code(), "ad.kerberos-mismatch");
    // A session key that was not asked for, or a key that is not accepted.
    let error = asked(|it| it.session = Some(EncryptionType::Rc4), &plain).unwrap_err();
    assert_eq!(error.code(), "ad.encryption-none-common");
    let rc4 = |it: &mut Controller| it.users[0].1 = user_key(EncryptionType::Rc4);
    let error = asked(rc4, &plain).unwrap_err();
    assert_eq!(error.code(), "ad.encryption-none-common");
    // Without a proof, what is wrong shows in the answer.
    let login = asked(|it| it.wants_proof = false, &plain).unwrap();
    assert!(login.skew.is_within(SignedDuration::from_secs(5)));
    let other = |it: &mut Controller| {
        it.wants_proof = false;
        it.users[0].1 = Key::random(EncryptionType::Aes256Sha1).unwrap();
    };
    let error = asked(other, &plain).unwrap_err();
    assert_eq!(error.code(), "ad.password-wrong");
    // A clock that is off shows in the answer as well.
    let late = |it: &mut Controller| {
        it.wants_proof = false;
        it.ahead = SignedDuration::from_mins(-20);
    };
    let Err(KrbError::ClockSkew { skew }) = asked(late, &plain) else {
        panic!("the clock is off");
    };
    assert!((skew.offset.as_secs() + 1200).abs() < 30, "{skew:?}");
    let patient = Options {
        tolerance: SignedDuration::from_hours(1),
        ..plain
    };
    let login = asked(late, &patient).unwrap();
    assert!((login.clock.offset().as_secs() + 1200).abs() < 30);
}

#[test]
fn tcp_takes_over_and_the_dead_are_passed_over() {
    let etype = EncryptionType::Aes256Sha1;
    let mut big = controller(etype);
    big.tickets_by_udp = false;
    let big = Listening::controller(big);
    log_in(
        "alice@A.TEST",
        &Options::default(),
        &known([("A.TEST", big.address)]),
    )
    .unwrap();

    // Nothing by UDP at all, as behind some firewalls.
    let inner = controller(etype);
    let closed = Listening::start(move |protocol, request| {
        (protocol == Protocol::Tcp).then(|| inner.answer(protocol, request))
    });
    // Silent, senseless, closed, not available, and one that works at last.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let senseless = Listening::start(|_, _| Some(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()));
    let unavailable = Controller::of("A.TEST", etype).error(29, |_| {});
    let unavailable = Listening::start(move |_, _| Some(unavailable.clone()));
    let servers = vec![
        silent.local_addr().unwrap(),
        senseless.address,
        "127.0.0.1:1".parse().unwrap(),
        unavailable.address,
        closed.address,
    ];
    let all = Known::one("A.TEST".parse().unwrap(), servers.clone());
    let login = log_in("alice@A.TEST", &Options::default(), &all).unwrap();
    assert_eq!(login.server, closed.address);

    let useless = Known::one("A.TEST".parse().unwrap(), servers[1..4].to_vec());
    let error = log_in("alice@A.TEST", &Options::default(), &useless).unwrap_err();
    assert_eq!(error.code(), "ad.kdc-unreachable");
    let text = chain_text(&error);
    assert!(text.contains("127.0.0.1:1 by TCP"), "{text}");
    assert!(text.contains("not Kerberos"), "{text}");
    assert!(text.contains("not available"), "{text}");
    let nobody = Known::default();
    let error = log_in("alice@A.TEST", &Options::default(), &nobody).unwrap_err();
    assert_eq!(error.code(), "ad.realm-unknown");
}

#[test]
fn a_new_password_does_not_come_back() {
    let etype = EncryptionType::Aes256Sha1;
    let controller = Listening::controller(controller(etype));
    let known = known([("A.TEST", controller.address)]);
    let client: Principal = "alice@A.TEST".parse().unwrap();
    let password = Secret::from(PASSWORD.to_string());
    let ticket = login::login_for(
        &client,
        kpasswd::SERVICE,
        Credential::Password(&password),
        &Options::default(),
        &known,
        Clock::system(),
        soon(),
    )
    .unwrap();
    assert_eq!(
        ticket.ticket.service().to_string(),
        "kadmin/changepw@A.TEST"
    );
    // Who has no key can send it back, and nothing else.
    let mirror = Listening::start(|_, request| Some(request.to_vec()));
    let new = Secret::from("do not tell".to_string());
    let servers = [mirror.address];
    let answers = [
        kpasswd::change(&ticket.ticket, &new, &servers, Clock::system(), soon()),
        kpasswd::set(
            &ticket.ticket,
            &client,
            &new,
            &servers,
            Clock::system(),
            soon(),
        ),
    ];
    for error in answers {
        let error = error.unwrap_err();
        assert!(error.is_unsure(), "{error:?}");
        let text = format!("{error:?} {}", chain_text(&error));
        assert!(!text.contains("tell"), "{text}");
    }
    // A forged error is no success.
    let error = Controller::of("A.TEST", etype).error(60, |it| it.e_data = Some(vec![0, 0]));
    let forger = Listening::start(move |_, _| Some(error.clone()));
    let error = kpasswd::change(
        &ticket.ticket,
        &new,
        &[forger.address],
        Clock::system(),
        soon(),
    )
    .unwrap_err();
    assert!(matches!(error, PasswordError::Ap(_)), "{error:?}");
    // Who takes it and says nothing leaves it open.
    let silent = Listening::start(|_, _| None);
    let error = kpasswd::change(
        &ticket.ticket,
        &new,
        &[silent.address],
        Clock::system(),
        soon(),
    )
    .unwrap_err();
    assert_eq!(error.code(), "ad.password-unsure");
}

#[test]
fn the_rules_of_active_directory_are_read() {
    let mut bytes = vec![0, 4, 0, 0];
    bytes.extend(7_u32.to_be_bytes());
    bytes.extend(24_u32.to_be_bytes());
    bytes.extend(1_u32.to_be_bytes());
    bytes.extend((42 * 86_400 * 10_000_000_u64).to_be_bytes());
    bytes.extend((86_400 * 10_000_000_u64).to_be_bytes());
    let verdict = Verdict::decode(&bytes).unwrap();
    let policy = verdict.policy.unwrap();
    assert_eq!((policy.min_length, policy.history), (7, 24));
    assert!(policy.complex && verdict.text.is_none());
    assert_eq!(policy.max_age, Some(SignedDuration::from_hours(42 * 24)));
    assert_eq!(policy.min_age, SignedDuration::from_hours(24));
    let text = policy.to_string();
    assert!(text.contains('7') && text.contains("24 hours"), "{text}");
    bytes[16..24].fill(0x80);
    assert_eq!(
        Verdict::decode(&bytes).unwrap().policy.unwrap().max_age,
        None
    );

    let verdict = Verdict::decode(b"\0\x04too\x1b[2J easy\n").unwrap();
    assert_eq!(verdict.text.as_deref(), Some("too[2J easy"));
    assert!(Verdict::decode(b"\0").is_err());
}
