//! LDAP against a real domain controller.

use std::net::SocketAddr;
use std::time::Duration;

use smbgw_ad::clock::Clock;
use smbgw_ad::krb::kdc::Known;
use smbgw_ad::krb::login::{self, Credential};
use smbgw_ad::krb::service::service_ticket;
use smbgw_ad::krb::ticket::ServiceTicket;
use smbgw_ad::ldap::account::{self, AccountError, Details, NewComputer};
use smbgw_ad::ldap::{
    Connection, Dn, Filter, Fingerprint, LdapError, Login, Reason, RootDse, Scope, Security,
    Server, Target, TlsError, TlsStart, Trust,
};
use smbgw_ad::name::{ComputerName, Principal, Realm, Spn};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::secret::Secret;
use smbgw_testing::domain::Standing;
use smbgw_testing::{Capability, Domain, LightHost, require};

/// A host of the domain, which asks its controller.
struct Member {
    host: LightHost,
    address: std::net::IpAddr,
}

impl Member {
    fn of(domain: &Domain, name: &str) -> Self {
        Self {
            host: domain.host(name).unwrap(),
            address: domain.controller().addresses()[0],
        }
    }

    fn server(&self, port: u16) -> Server {
        Server {
            host: "dc.ad.test".parse().unwrap(),
            address: SocketAddr::new(self.address, port),
        }
    }

    fn open(&self, port: u16, security: Security<'_>) -> Result<Connection, LdapError> {
        self.host
            .on_its_network(|| Connection::open(&self.server(port), security, soon()))
    }

    fn ticket(&self, user: &str) -> (ServiceTicket, Clock) {
        let realm: Realm = Domain::REALM.parse().unwrap();
        let finder = Known::one(realm.clone(), [SocketAddr::new(self.address, 88)]);
        let client = Principal::user(user, realm.clone()).unwrap();
        let service = Principal::service("ldap", &"dc.ad.test".parse().unwrap(), realm);
        let options = login::Options::default();
        self.host.on_its_network(|| {
            let credential = Credential::Password(&password());
            let login = login::login(
                &client,
                credential,
                &options,
                &finder,
                Clock::system(),
                soon(),
            )
            .unwrap();
            let ticket = service_ticket(
                &login.ticket,
                &service,
                &options.etypes,
                &finder,
                login.clock,
                soon(),
            );
            (ticket.unwrap(), login.clock)
        })
    }

    /// A sealed connection as `user`.
    fn sealed(&self, port: u16, user: &str) -> Connection {
        let (ticket, clock) = self.ticket(user);
        let security = Security::Sealed {
            ticket: &ticket,
            clock,
        };
        self.open(port, security).unwrap()
    }
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

fn password() -> Secret {
    Secret::from(Domain::PASSWORD.to_string())
}

fn root() -> Dn {
    Domain::BASE.parse().unwrap()
}

fn computer(name: &str) -> ComputerName {
    name.parse().unwrap()
}

fn details(label: &str) -> Details {
    Details {
        host: Some(format!("{label}.ad.test").parse().unwrap()),
        spns: ["HOST", "RestrictedKrbHost", "cifs"]
            .iter()
            .flat_map(|class| {
                [label.to_string(), format!("{label}.ad.test")]
                    .map(|host| Spn::new(class, &host).unwrap())
            })
            .collect(),
        encryption_types: Some(24),
        operating_system: Some("Linux".into()),
        operating_system_version: Some("12".into()),
    }
}

#[test]
fn a_server_tells_everybody_what_it_is() {
    require!(Capability::DomainController);
    let member = Member::of(Domain::shared(), "root1");
    let mut connection = member.open(389, Security::Anonymous).unwrap();
    let found = RootDse::read(&mut connection, soon()).unwrap().unwrap();
    assert_eq!((&found.domain, &found.forest), (&root(), &root()));
    assert_eq!(found.host.unwrap().as_str(), "dc.ad.test");
    assert!(found.partitions.len() >= 3 && found.global_catalog && found.synchronized);
    assert!(found.mechanisms.iter().any(|name| name == "GSSAPI"));
    assert!(found.domain_level.unwrap() >= 4);
    let off = found.time.unwrap().duration_since(jiff::Timestamp::now());
    assert!(off.abs().as_secs() < 120);
    // All else needs a login.
    let filter = Filter::everything();
    let error = connection
        .search(
            (&root()).into(),
            Scope::Subtree,
            &filter,
            &["cn"],
            10,
            soon(),
        )
        .unwrap_err();
    assert!(error.refusal().is_some(), "{error}");
}

#[test]
fn an_account_is_made_changed_and_deleted_under_kerberos() {
    require!(Capability::DomainController);
    let member = Member::of(Domain::shared(), "life1");
    let mut connection = member.sealed(389, Domain::ADMINISTRATOR);
    let c = &mut connection;
    let name = computer("LIFE1");
    assert!(account::find(c, &root(), &name, soon()).unwrap().is_none());
    let container = account::computers_container(c, &root(), soon()).unwrap();
    assert_eq!(container, "CN=Computers,DC=ad,DC=test".parse().unwrap());
    let rights = account::rights(c, &root(), &container, soon())
        .unwrap()
        .unwrap();
    assert!(rights.create);
    assert_eq!(rights.quota, Some(10));

    let details = details("life1");
    let secret = Secret::from("a-Secret1-with-ü".to_string());
    let new = NewComputer {
        name: &name,
        container: &container,
        password: &secret,
        details: &details,
        mark: Some("mark-17"),
    };
    let made = account::create(c, new, soon()).unwrap();
    assert!(made.is_enabled() && made.is_member());
    assert_eq!(made.account, "LIFE1$");
    assert_eq!(made.host.as_deref(), Some("life1.ad.test"));
    assert_eq!(made.encryption_types, Some(24));
    assert!(made.spns.len() >= 6 && made.kvno.is_some() && made.password_set.is_some());
    let error = account::create(c, new, soon()).unwrap_err();
    assert!(
        matches!(&error, AccountError::Ldap(error) if error.reason() == Some(Reason::Exists)),
        "{error}"
    );
    assert_eq!(error.code(), "ad.object-exists");

    let found = account::find(c, &root(), &name, soon()).unwrap().unwrap();
    assert_eq!((found.guid, &found.sid), (made.guid, &made.sid));
    let marked = |c: &mut Connection, mark: &str| {
        account::find_marked(c, &root(), &name, mark, soon())
            .unwrap()
            .map(|found| found.guid)
    };
    assert_eq!(marked(c, "mark-17"), Some(made.guid));
    assert_eq!(marked(c, "mark-18"), None);
    account::remove_mark(c, made.guid, "mark-17", soon()).unwrap();
    assert_eq!(marked(c, "mark-17"), None);

    // A change, the same one again, and back.
    let wanted = [
        ("operatingSystem", vec!["Debian".to_string()]),
        ("operatingSystemVersion", vec!["12".to_string()]),
        ("description", vec!["a, \"b\" + <ü>".to_string()]),
    ];
    let updated = account::update(c, made.guid, &wanted, soon()).unwrap();
    assert_eq!(updated.change, Change::Updated);
    assert_eq!(updated.previous.attributes().count(), 2);
    let again = account::update(c, made.guid, &wanted, soon()).unwrap();
    assert_eq!(again.change, Change::Unchanged);
    account::restore(c, made.guid, &updated.previous, soon()).unwrap();
    let after = account::read(c, made.guid, soon()).unwrap().unwrap();
    assert_eq!(after.operating_system.as_deref(), Some("Linux"));

    let kvno = after.kvno.unwrap();
    account::set_password(
        c,
        made.guid,
        &Secret::from("another-Secret2".to_string()),
        soon(),
    )
    .unwrap();
    let after = account::read(c, made.guid, soon()).unwrap().unwrap();
    assert_eq!(after.kvno, Some(kvno + 1));
    let disabled = account::set_enabled(c, made.guid, false, soon()).unwrap();
    assert_eq!(disabled.change, Change::Updated);
    assert!(
        !account::read(c, made.guid, soon())
            .unwrap()
            .unwrap()
            .is_enabled()
    );
    account::restore(c, made.guid, &disabled.previous, soon()).unwrap();
    assert!(
        account::read(c, made.guid, soon())
            .unwrap()
            .unwrap()
            .is_enabled()
    );

    assert_eq!(
        account::delete(c, made.guid, soon()).unwrap(),
        Change::Removed
    );
    assert_eq!(
        account::delete(c, made.guid, soon()).unwrap(),
        Change::Unchanged
    );
    assert!(account::read(c, made.guid, soon()).unwrap().is_none());
    assert_eq!(
        account::restore(c, made.guid, &disabled.previous, soon()).unwrap(),
        Change::Unchanged
    );
    let gone = account::set_enabled(c, made.guid, true, soon()).unwrap_err();
    assert_eq!(gone.code(), "ad.object-missing");
}

#[test]
fn an_account_with_others_below_it_is_deleted() {
    require!(Capability::DomainController);
    let domain = Domain::shared();
    let member = Member::of(domain, "tree1");
    let mut connection = member.sealed(389, Domain::ADMINISTRATOR);
    let c = &mut connection;
    let container = account::computers_container(c, &root(), soon()).unwrap();
    let new = NewComputer {
        name: &computer("TREE1"),
        container: &container,
        password: &password(),
        details: &Details::default(),
        mark: None,
    };
    let made = account::create(c, new, soon()).unwrap();
    let below = made.dn.child("CN", "below").unwrap();
    c.add(
        &below,
        vec![("objectClass", vec![b"serviceConnectionPoint"])],
        soon(),
    )
    .unwrap();
    assert_eq!(
        account::delete(c, made.guid, soon()).unwrap(),
        Change::Removed
    );
    assert!(
        c.read(Target::Dn(&below), &["cn"], soon())
            .unwrap()
            .is_none()
    );
}

#[test]
fn hostile_names_of_units_are_only_names() {
    require!(Capability::DomainController);
    let domain = Domain::shared();
    let member = Member::of(domain, "odd1");
    let mut connection = member.sealed(389, Domain::ADMINISTRATOR);
    let c = &mut connection;
    for (number, name) in [
        "a,OU=b",
        "a+b",
        "#1",
        " blank ",
        "\"q\"",
        "<;>=",
        r"back\2cslash",
        "Büro 東京",
        "*)(cn=*",
    ]
    .iter()
    .enumerate()
    {
        let unit = root().child("OU", name).unwrap();
        c.add(
            &unit,
            vec![("objectClass", vec![b"organizationalUnit"])],
            soon(),
        )
        .unwrap_or_else(|error| panic!("{name}: {error}"));
        let read = c.read(Target::Dn(&unit), &["ou"], soon()).unwrap().unwrap();
        assert_eq!(read.dn(), &unit, "{name}");
        let filter = Filter::equal("ou", name);
        let found = c
            .search(
                (&root()).into(),
                Scope::Children,
                &filter,
                &["ou"],
                5,
                soon(),
            )
            .unwrap();
        assert_eq!(found.entries.len(), 1, "{name}");

        let computer = computer(&format!("ODD{number}"));
        let new = NewComputer {
            name: &computer,
            container: &unit,
            password: &password(),
            details: &Details::default(),
            mark: None,
        };
        let made = account::create(c, new, soon()).unwrap();
        assert!(made.dn.is_within(&unit), "{name}");
        let found = account::find(c, &root(), &computer, soon())
            .unwrap()
            .unwrap();
        assert_eq!((found.guid, &found.dn), (made.guid, &made.dn), "{name}");
        account::delete(c, made.guid, soon()).unwrap();
        c.delete(Target::Dn(&unit), false, soon()).unwrap();
    }
    // Samba compares up to a NUL; what follows it is part of the value all the same.
    for (value, most) in [
        ("Administrator\0", 1),
        ("nobody\0)(cn=*", 0),
        ("nobody)(|(cn=*", 0),
    ] {
        let filter = Filter::equal("sAMAccountName", value);
        let found = c.search(
            (&root()).into(),
            Scope::Subtree,
            &filter,
            &["cn"],
            5,
            soon(),
        );
        assert!(found.unwrap().entries.len() <= most, "{value:?}");
    }
}

#[test]
fn names_that_others_have_are_found_in_the_forest() {
    require!(Capability::DomainController);
    let domain = Domain::shared();
    let member = Member::of(domain, "dup1");
    let mut connection = member.sealed(389, Domain::ADMINISTRATOR);
    let c = &mut connection;
    let container = account::computers_container(c, &root(), soon()).unwrap();
    let wanted = details("dup1");
    let new = NewComputer {
        name: &computer("DUP1"),
        container: &container,
        password: &password(),
        details: &wanted,
        mark: None,
    };
    let made = account::create(c, new, soon()).unwrap();
    let again = NewComputer {
        name: &computer("DUP2"),
        ..new
    };
    let error = account::create(c, again, soon()).unwrap_err();
    assert_eq!(error.code(), "ad.spn-duplicate", "{error}");
    let mut catalog = member.sealed(3268, Domain::ADMINISTRATOR);
    for (c, base) in [(&mut *c, Target::Dn(&root())), (&mut catalog, Target::Root)] {
        let spns = ["CIFS/DUP1".parse().unwrap(), "nfs/dup1".parse().unwrap()];
        let host = "DUP1.ad.test".parse().unwrap();
        let found = account::claims(c, base, &spns, Some(&host), None, soon()).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].guid, made.guid);
        // The file service is that of the whole host, too.
        assert_eq!(found[0].names, ["HOST/dup1", "cifs/dup1", "dup1.ad.test"]);
        let own = account::claims(c, base, &spns, Some(&host), Some(made.guid), soon());
        assert!(own.unwrap().is_empty());
        assert!(
            account::claims(c, base, &[], None, None, soon())
                .unwrap()
                .is_empty()
        );
    }
    account::delete(c, made.guid, soon()).unwrap();
}

#[test]
fn a_user_without_rights_is_told_so() {
    require!(Capability::DomainController);
    let domain = Domain::shared();
    domain.add_users(&["norights"]).unwrap();
    let unit: Dn = domain.add_ou("norights").unwrap().parse().unwrap();
    let member = Member::of(domain, "rights1");
    let mut connection = member.sealed(389, "norights");
    let c = &mut connection;
    let rights = account::rights(c, &root(), &unit, soon()).unwrap().unwrap();
    assert!(!rights.create);
    let nowhere = root().child("OU", "nowhere").unwrap();
    assert!(
        account::rights(c, &root(), &nowhere, soon())
            .unwrap()
            .is_none()
    );
    let new = NewComputer {
        name: &computer("RIGHTS1"),
        container: &unit,
        password: &password(),
        details: &Details::default(),
        mark: None,
    };
    let error = account::create(c, new, soon()).unwrap_err();
    assert_eq!(error.code(), "ad.rights-missing", "{error}");
    let administrator = c
        .search(
            (&root()).into(),
            Scope::Subtree,
            &Filter::equal("sAMAccountName", Domain::ADMINISTRATOR),
            &["objectGUID"],
            1,
            soon(),
        )
        .unwrap();
    let guid = administrator.entries[0].guid("objectGUID").unwrap();
    let missing = account::writable_missing(c, guid, &["description"], soon()).unwrap();
    assert_eq!(missing, ["description"]);
}

#[test]
fn many_objects_come_page_by_page() {
    require!(Capability::DomainController);
    let domain = Domain::shared();
    let unit = domain.add_ou("many").unwrap();
    let ldif: Vec<String> = (0..1203)
        .map(|number| format!("dn: CN=c{number},{unit}\nobjectClass: contact\n"))
        .collect();
    domain.controller().directory_add(&ldif.join("\n")).unwrap();
    let unit: Dn = unit.parse().unwrap();
    let member = Member::of(domain, "many1");
    let mut connection = member.sealed(389, Domain::ADMINISTRATOR);
    let filter = Filter::equal("objectClass", "contact");
    let mut search = |most| {
        connection.search(
            (&unit).into(),
            Scope::Children,
            &filter,
            &["cn"],
            most,
            soon(),
        )
    };
    assert_eq!(search(5000).unwrap().entries.len(), 1203);
    assert!(matches!(search(1202), Err(LdapError::TooMany { .. })));
    assert_eq!(search(1203).unwrap().entries.len(), 1203);
}

#[test]
fn referrals_lead_to_the_other_partitions() {
    require!(Capability::DomainController);
    let member = Member::of(Domain::shared(), "refer1");
    let mut connection = member.sealed(389, Domain::ADMINISTRATOR);
    let filter = Filter::equal("cn", "nothing has this name");
    let found = connection
        .search(
            (&root()).into(),
            Scope::Subtree,
            &filter,
            &["cn"],
            5,
            soon(),
        )
        .unwrap();
    assert!(found.entries.is_empty());
    assert!(!found.referrals.is_empty());
    let forest = Domain::NAME.parse().unwrap();
    assert!(
        found
            .referrals
            .iter()
            .all(|referral| referral.is_within(&forest))
    );
    let elsewhere: Dn = "DC=other,DC=example".parse().unwrap();
    let error = connection
        .search(
            (&elsewhere).into(),
            Scope::Subtree,
            &filter,
            &["cn"],
            5,
            soon(),
        )
        .unwrap_err();
    assert!(
        matches!(error.reason(), Some(Reason::Elsewhere | Reason::Missing)),
        "{error}"
    );
}

#[test]
fn tls_is_for_the_right_certificate_only() {
    require!(Capability::DomainController);
    let domain = Domain::shared();
    let member = Member::of(domain, "tls1");
    let folder = "/var/lib/samba/private/tls";
    let pem = |name: &str| {
        domain
            .controller()
            .read(format!("{folder}/{name}"))
            .unwrap()
    };
    let right = Trust::authority(pem("ca.pem").as_bytes()).unwrap();
    let password = password();
    let login = Some(Login {
        user: "Administrator@ad.test",
        password: &password,
    });
    let tls = |start, trust| Security::Tls {
        start,
        trust,
        login,
    };
    let both = [(389, TlsStart::Asked), (636, TlsStart::AtOnce)];

    let wrong = Trust::pin("ab".repeat(32).parse().unwrap());
    let mut seen: Option<Fingerprint> = None;
    for (port, start) in both {
        let error = member.open(port, tls(start, &wrong)).unwrap_err();
        let LdapError::Tls {
            source: TlsError::OtherCertificate { found, .. },
            ..
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(error.code(), "ad.ldap-certificate");
        seen = Some(*found);
    }
    let pinned = Trust::pin(seen.unwrap());
    for (port, start) in both {
        for trust in [&right, &pinned] {
            let mut connection = member
                .open(port, tls(start, trust))
                .unwrap_or_else(|error| panic!("{}", smbgw_core::error::chain_text(&error)));
            let name = computer("TLSONE");
            let found = account::find(&mut connection, &root(), &name, soon()).unwrap();
            assert!(found.is_none());
        }
    }

    // The right authority, and another host.
    let mut server = member.server(636);
    server.host = "dc2.ad.test".parse().unwrap();
    let open = |server: &Server, trust| {
        let security = tls(TlsStart::AtOnce, trust);
        member
            .host
            .on_its_network(|| Connection::open(server, security, soon()))
    };
    let error = open(&server, &right).unwrap_err();
    assert!(
        matches!(&error, LdapError::Tls { source: TlsError::OtherName { names, .. }, .. }
            if names.len() == 1 && names[0].eq_ignore_ascii_case("dc.ad.test")),
        "{error:?}"
    );
    assert!(open(&server, &pinned).is_ok());
    // Another authority.
    let folder = tempfile::tempdir().unwrap();
    let other = smbgw_testing::Authority::new(folder.path()).unwrap();
    let other = Trust::authority(&std::fs::read(other.certificate()).unwrap()).unwrap();
    let error = open(&member.server(636), &other).unwrap_err();
    assert!(
        matches!(
            &error,
            LdapError::Tls {
                source: TlsError::Untrusted { .. },
                ..
            }
        ),
        "{error:?}"
    );
    // Not TLS at all.
    let error = open(&member.server(389), &right).unwrap_err();
    assert!(error.is_of_server(), "{error:?}");
}

#[test]
fn logins_that_fail_say_why() {
    require!(Capability::DomainController);
    let domain = Domain::shared();
    let users = ["off", "over", "shut", "new", "fine"].map(|name| format!("bind{name}"));
    domain
        .add_users(&users.each_ref().map(String::as_str))
        .unwrap();
    for (user, standing) in users.iter().zip([
        Standing::Disabled,
        Standing::Expired,
        Standing::Locked,
        Standing::MustChange,
    ]) {
        domain.set_standing(user, standing).unwrap();
    }
    let member = Member::of(domain, "bind1");
    let ca = domain
        .controller()
        .read("/var/lib/samba/private/tls/ca.pem")
        .unwrap();
    let trust = Trust::authority(ca.as_bytes()).unwrap();
    let bind = |user: &str, password: &str| {
        let password = Secret::from(password.to_string());
        let security = Security::Tls {
            start: TlsStart::AtOnce,
            trust: &trust,
            login: Some(Login {
                user: &format!("{user}@ad.test"),
                password: &password,
            }),
        };
        member.open(636, security)
    };
    assert!(bind("bindfine", Domain::PASSWORD).is_ok());
    for (user, password, reason, code) in [
        (
            "bindfine",
            "wrong",
            Reason::WrongCredentials,
            "ad.password-wrong",
        ),
        (
            "bindoff",
            Domain::PASSWORD,
            Reason::AccountDisabled,
            "ad.account-disabled",
        ),
        (
            "bindover",
            Domain::PASSWORD,
            Reason::AccountExpired,
            "ad.account-expired",
        ),
        (
            "bindshut",
            Domain::PASSWORD,
            Reason::AccountLocked,
            "ad.account-locked",
        ),
        (
            "bindnew",
            Domain::PASSWORD,
            Reason::PasswordMustChange,
            "ad.password-must-change",
        ),
    ] {
        let error = bind(user, password).unwrap_err();
        assert_eq!(error.reason(), Some(reason), "{user}: {error}");
        assert_eq!(error.code(), code);
        assert!(error.remedy().is_some());
    }
}

#[test]
fn a_controller_that_dies_is_told_as_such() {
    require!(Capability::DomainController);
    let domain = Domain::start().unwrap();
    let member = Member::of(&domain, "dead1");
    let mut connection = member.sealed(389, Domain::ADMINISTRATOR);
    assert!(RootDse::read(&mut connection, soon()).unwrap().is_some());
    domain.controller().kill().unwrap();
    let error = RootDse::read(&mut connection, soon()).unwrap_err();
    assert!(error.is_of_server(), "{error}");
    let error = member.open(389, Security::Anonymous).unwrap_err();
    assert!(matches!(error, LdapError::Connect { .. }), "{error}");
}
