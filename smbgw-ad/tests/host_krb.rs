//! Kerberos against a real domain controller: Samba's, with Heimdal's KDC.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use jiff::SignedDuration;
use smbgw_ad::clock::Clock;
use smbgw_ad::krb::crypto::{EncryptionType, Key, user_salt};
use smbgw_ad::krb::error::KrbError;
use smbgw_ad::krb::kdc::Known;
use smbgw_ad::krb::kpasswd::{self, PasswordError};
use smbgw_ad::krb::login::{self, Credential, Introduction, Login, Options};
use smbgw_ad::krb::service::service_ticket;
use smbgw_ad::krb::ticket::{ServiceTicket, Tgt};
use smbgw_ad::name::{Principal, Realm};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::secret::Secret;
use smbgw_testing::domain::Standing;
use smbgw_testing::{Capability, Domain, LightHost, require};

/// A host of the domain, and what it knows of it.
struct Member {
    host: LightHost,
    servers: Vec<IpAddr>,
    options: Options,
    clock: Clock,
}

impl Member {
    fn of(domain: &Domain) -> Self {
        Self {
            host: domain.host("m1").unwrap(),
            servers: domain.controller().addresses(),
            options: Options::default(),
            clock: Clock::system(),
        }
    }

    fn on(&self, port: u16) -> Vec<SocketAddr> {
        self.servers
            .iter()
            .map(|server| SocketAddr::new(*server, port))
            .collect()
    }

    fn finder(&self) -> Known {
        Known::one(realm(), self.on(88))
    }

    fn login(&self, name: &str, credential: Credential<'_>) -> Result<Login<Tgt>, KrbError> {
        let (client, finder) = (user(name), self.finder());
        self.host.on_its_network(|| {
            login::login(
                &client,
                credential,
                &self.options,
                &finder,
                self.clock,
                soon(),
            )
        })
    }

    fn login_with(&self, name: &str, password: &str) -> Result<Login<Tgt>, KrbError> {
        let password = Secret::from(password.to_string());
        self.login(name, Credential::Password(&password))
    }

    fn introduce(&self, name: &str) -> Result<Introduction, KrbError> {
        let (client, finder) = (user(name), self.finder());
        self.host.on_its_network(|| {
            login::introduce(&client, &self.options, &finder, self.clock, soon())
        })
    }

    fn ticket(&self, login: &Login<Tgt>, service: &str) -> Result<ServiceTicket, KrbError> {
        let (service, finder) = (service.parse().unwrap(), self.finder());
        self.host.on_its_network(|| {
            let etypes = &self.options.etypes;
            service_ticket(
                &login.ticket,
                &service,
                etypes,
                &finder,
                login.clock,
                soon(),
            )
        })
    }

    /// A ticket to change passwords with.
    fn password_ticket(&self, name: &str, password: &str) -> Login<ServiceTicket> {
        let (client, finder) = (user(name), self.finder());
        let password = Secret::from(password.to_string());
        let credential = Credential::Password(&password);
        self.host
            .on_its_network(|| {
                login::login_for(
                    &client,
                    kpasswd::SERVICE,
                    credential,
                    &self.options,
                    &finder,
                    self.clock,
                    soon(),
                )
            })
            .unwrap()
    }

    fn set(
        &self,
        login: &Login<ServiceTicket>,
        target: &str,
        new: &str,
    ) -> Result<(), PasswordError> {
        let new = Secret::from(new.to_string());
        let (target, servers) = (user(target), self.on(464));
        self.host.on_its_network(|| {
            kpasswd::set(&login.ticket, &target, &new, &servers, login.clock, soon())
        })
    }

    fn change(&self, login: &Login<ServiceTicket>, new: &str) -> Result<(), PasswordError> {
        let new = Secret::from(new.to_string());
        let servers = self.on(464);
        self.host
            .on_its_network(|| kpasswd::change(&login.ticket, &new, &servers, login.clock, soon()))
    }
}

fn realm() -> Realm {
    Domain::REALM.parse().unwrap()
}

fn user(name: &str) -> Principal {
    Principal::user(name, realm()).unwrap()
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

#[test]
fn passwords_and_keys_of_every_type_log_in() {
    require!(Capability::DomainController);
    let domain = Domain::start().unwrap();
    domain.add_users(&["alice"]).unwrap();
    let mut member = Member::of(&domain);

    let login = member.login_with("alice", Domain::PASSWORD).unwrap();
    assert_eq!(login.ticket.client(), &user("alice"));
    assert_eq!(login.ticket.realm(), realm());
    let ticket = login.ticket.as_ticket();
    assert!(ticket.flags().initial() && ticket.flags().pre_authenticated());
    assert!(ticket.times().end > ticket.times().start);
    assert!(login.skew.is_within(SignedDuration::from_secs(5)));
    assert_eq!(login.clock, Clock::system());

    let password = Secret::from(Domain::PASSWORD.to_string());
    for etype in [
        EncryptionType::Aes256Sha1,
        EncryptionType::Aes128Sha1,
        EncryptionType::Rc4,
    ] {
        member.options.etypes = vec![etype];
        let hints = member.introduce("alice").unwrap().hints;
        let hint = hints.iter().find(|hint| hint.etype == etype).unwrap();
        let salt = hint.salt.clone().unwrap_or_default();
        if etype != EncryptionType::Rc4 {
            assert_eq!(salt, user_salt(&realm(), "alice"));
        }
        let login = member.login_with("alice", Domain::PASSWORD).unwrap();
        let session = login.ticket.as_ticket().session_key();
        assert_eq!(session.etype(), etype);
        let key = Key::from_password(etype, &password, &salt, None).unwrap();
        let login = member.login("alice", Credential::Keys(&[key])).unwrap();
        let ticket = member.ticket(&login, "cifs/dc.ad.test@AD.TEST").unwrap();
        assert_eq!(ticket.session_key().etype(), etype);
        let other = Key::random(etype).unwrap();
        let error = member.login("alice", Credential::Keys(&[other]));
        assert!(matches!(error, Err(KrbError::WrongKey { .. })), "{error:?}");
    }

    // RC4 only when asked for, be the key at hand or not.
    member.options = Options::default();
    let key = Key::random(EncryptionType::Rc4).unwrap();
    let error = member.login("alice", Credential::Keys(&[key])).unwrap_err();
    assert_eq!(error.code(), "ad.encryption-none-common");
    // The types of RFC 8009 are unknown to this version of Samba.
    member.options.etypes = vec![EncryptionType::Aes256Sha384];
    let error = member.login_with("alice", Domain::PASSWORD).unwrap_err();
    assert_eq!(error.code(), "ad.encryption-none-common", "{error}");
}

#[test]
fn names_are_found_in_every_form_and_keep_their_salt() {
    require!(Capability::DomainController);
    let domain = Domain::start().unwrap();
    domain.add_users(&["alice"]).unwrap();
    let mut member = Member::of(&domain);

    // By the name of the principal, and in another case.
    let login = member
        .login_with("alice@ad.test", Domain::PASSWORD)
        .unwrap();
    assert_eq!(login.ticket.client(), &user("alice"));
    member.ticket(&login, "cifs/dc.ad.test@AD.TEST").unwrap();
    member.login_with("ALICE", Domain::PASSWORD).unwrap();
    member.options.canonicalize = true;
    let login = member.login_with("ALICE", Domain::PASSWORD).unwrap();
    assert_eq!(login.ticket.client(), &user("alice"));
    member.options.canonicalize = false;

    // Renamed, with keys made with the old name.
    let change = format!(
        "dn: {}\nchangetype: modify\nreplace: sAMAccountName\nsAMAccountName: bob\n",
        Domain::dn_of_user("alice")
    );
    domain.controller().directory_modify(&change).unwrap();
    let hints = member.introduce("bob").unwrap().hints;
    assert_eq!(
        hints[0].salt.as_deref(),
        Some(user_salt(&realm(), "alice").as_slice())
    );
    member.login_with("bob", Domain::PASSWORD).unwrap();
    let error = member.login_with("nobody", Domain::PASSWORD).unwrap_err();
    assert_eq!(error.code(), "ad.account-unknown", "{error}");
}

#[test]
fn a_refusal_says_what_is_wrong_with_the_account() {
    require!(Capability::DomainController);
    let domain = Domain::start().unwrap();
    domain.add_users(&["alice"]).unwrap();
    let member = Member::of(&domain);
    let error = member.login_with("alice", "wrong").unwrap_err();
    assert!(matches!(error, KrbError::WrongPassword { .. }), "{error:?}");
    assert!(!error.to_string().contains("wrong\""));
    for (standing, code) in [
        (Standing::Disabled, "ad.account-disabled"),
        (Standing::Expired, "ad.account-expired"),
        (Standing::Locked, "ad.account-locked"),
        (Standing::MustChange, "ad.password-must-change"),
    ] {
        domain.set_standing("alice", standing).unwrap();
        let error = member.login_with("alice", Domain::PASSWORD).unwrap_err();
        assert_eq!(error.code(), code, "{standing:?}: {error:?}");
    }
    // A password that has to be changed is good for changing it.
    let login = member.password_ticket("alice", Domain::PASSWORD);
    member.change(&login, "An0ther.one").unwrap();
    member.login_with("alice", "An0ther.one").unwrap();
    let error = member.login_with("alice", Domain::PASSWORD).unwrap_err();
    assert_eq!(error.code(), "ad.password-wrong", "{error:?}");
}

#[test]
fn the_clock_of_the_domain_is_followed_as_far_as_allowed() {
    require!(Capability::DomainController);
    let domain = Domain::start().unwrap();
    domain.add_users(&["alice"]).unwrap();
    let mut member = Member::of(&domain);
    let near = |skew: SignedDuration, wanted: SignedDuration| {
        (skew - wanted).unsigned_abs() < Duration::from_secs(30)
    };
    for ours in [
        SignedDuration::from_mins(3),
        SignedDuration::from_mins(-3),
        SignedDuration::from_hours(3),
        SignedDuration::from_hours(-30),
    ] {
        member.clock = Clock::system().shifted(ours);
        member.options.tolerance = login::TOLERANCE;
        let result = member.login_with("alice", Domain::PASSWORD);
        if ours.unsigned_abs() > Duration::from_secs(300) {
            let Err(KrbError::ClockSkew { skew }) = result else {
                panic!("{result:?}");
            };
            assert!(near(skew.offset, -ours), "{skew:?}");
        } else {
            let login = result.unwrap();
            assert!(near(login.skew.offset, -ours), "{:?}", login.skew);
        }
        // Who is told to follow any clock can go on.
        member.options.tolerance = SignedDuration::from_hours(48);
        let login = member.login_with("alice", Domain::PASSWORD).unwrap();
        assert!(near(login.skew.offset, -ours), "{:?}", login.skew);
        assert!(near(login.clock.offset(), SignedDuration::ZERO));
        member.ticket(&login, "cifs/dc.ad.test@AD.TEST").unwrap();
        // With the clock that was wrong, the ticket is of no use.
        let wrong = Login {
            clock: member.clock,
            ..login
        };
        if ours.unsigned_abs() > Duration::from_secs(300) {
            let error = member
                .ticket(&wrong, "cifs/dc.ad.test@AD.TEST")
                .unwrap_err();
            assert_eq!(error.code(), "ad.clock-skew", "{error:?}");
        }
    }
}

#[test]
fn services_get_their_tickets() {
    require!(Capability::DomainController);
    let domain = Domain::start().unwrap();
    domain.add_users(&["alice"]).unwrap();
    let member = Member::of(&domain);
    let login = member.login_with("alice", Domain::PASSWORD).unwrap();
    for service in [
        "cifs/dc.ad.test@AD.TEST",
        "ldap/dc.ad.test@AD.TEST",
        "CIFS/DC.AD.TEST@AD.TEST",
        "HOST/dc@AD.TEST",
        "ldap/dc.ad.test/ad.test@AD.TEST",
    ] {
        let ticket = member.ticket(&login, service).unwrap();
        assert_eq!(ticket.client(), &user("alice"));
        assert!(!ticket.flags().initial());
        assert_eq!(
            ticket.service().to_string().to_lowercase(),
            service.to_lowercase()
        );
    }
    let error = member
        .ticket(&login, "cifs/nowhere.ad.test@AD.TEST")
        .unwrap_err();
    assert_eq!(error.code(), "ad.service-unknown", "{error:?}");
}

#[test]
fn passwords_are_set_and_changed_by_the_rules() {
    require!(Capability::DomainController);
    let domain = Domain::start().unwrap();
    domain.add_users(&["alice", "bob"]).unwrap();
    let member = Member::of(&domain);

    let administrator = member.password_ticket(Domain::ADMINISTRATOR, Domain::PASSWORD);
    member.set(&administrator, "alice", "Set.by.0ther").unwrap();
    member.login_with("alice", "Set.by.0ther").unwrap();
    // Characters of more than one byte.
    member.set(&administrator, "alice", "Straße.7.é").unwrap();
    member.login_with("alice", "Straße.7.é").unwrap();

    let error = member.set(&administrator, "alice", "short").unwrap_err();
    let PasswordError::Policy(verdict) = &error else {
        panic!("{error:?}");
    };
    // Samba says it in words where Windows sends the rules.
    let text = verdict.text.as_deref().unwrap_or_default();
    assert!(text.contains("at least 7 characters"), "{verdict:?}");
    assert!(!error.is_unsure());
    assert_eq!(error.code(), "ad.password-policy");

    let bob = member.password_ticket("bob", Domain::PASSWORD);
    let error = member.set(&bob, "alice", "N0t.allowed").unwrap_err();
    assert_eq!(error.code(), "ad.password-denied", "{error:?}");
    member.login_with("alice", "Straße.7.é").unwrap();
    let error = member.change(&bob, "bob").unwrap_err();
    assert_eq!(error.code(), "ad.password-policy", "{error:?}");
    let error = member
        .set(&administrator, "nobody.there", "Whatever.1")
        .unwrap_err();
    assert!(!error.is_unsure(), "{error:?}");
    member.login_with("bob", Domain::PASSWORD).unwrap();
}

#[test]
fn controllers_that_are_dead_are_passed_over() {
    require!(Capability::DomainController);
    let domain = Domain::start().unwrap();
    domain.add_users(&["alice"]).unwrap();
    let mut member = Member::of(&domain);
    let idle = domain.host("idle").unwrap();
    let theirs = domain.controller().addresses();
    // Nobody has that address; a host has the others and refuses.
    let nobody: IpAddr = "10.99.0.99".parse().unwrap();
    let refusing = idle.addresses();
    for address in &theirs {
        member.servers = vec![nobody];
        member.servers.extend(&refusing);
        member.servers.push(*address);
        let login = member.login_with("alice", Domain::PASSWORD).unwrap();
        assert_eq!(login.server.ip(), *address);
        member.ticket(&login, "cifs/dc.ad.test@AD.TEST").unwrap();
        let login = member.password_ticket(Domain::ADMINISTRATOR, Domain::PASSWORD);
        member.set(&login, "alice", Domain::PASSWORD).unwrap();
    }
    // Over IPv6 alone, by a host that has nothing else.
    let v6: Vec<IpAddr> = theirs.iter().copied().filter(IpAddr::is_ipv6).collect();
    assert_eq!(v6.len(), 1);
    let only = Member {
        host: domain.host_on_v6("m2").unwrap(),
        servers: v6,
        options: Options::default(),
        clock: Clock::system(),
    };
    let login = only.login_with("alice", Domain::PASSWORD).unwrap();
    only.ticket(&login, "ldap/dc.ad.test@AD.TEST").unwrap();

    member.servers = refusing;
    let error = member.login_with("alice", Domain::PASSWORD).unwrap_err();
    assert_eq!(error.code(), "ad.kdc-unreachable");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("refused"), "{source}");
    // Cut off in the middle of it all.
    member.servers = theirs;
    domain.controller().kill().unwrap();
    let error = member.login_with("alice", Domain::PASSWORD).unwrap_err();
    assert_eq!(error.code(), "ad.kdc-unreachable");
}
