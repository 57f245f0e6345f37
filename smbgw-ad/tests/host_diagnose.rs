//! What is found wrong between a machine and a real domain.

mod lab;

use std::net::SocketAddr;

use smbgw_ad::clock::Clock;
use smbgw_ad::diagnose::{CheckName, DiagnoseDraft, Diagnosis, Verdict, diagnose};
use smbgw_ad::dns::Resolver;
use smbgw_core::host::NamespaceHost;
use smbgw_testing::{Capability, Domain, LightHost, require};

use lab::{secret, soon};

/// Checks the domain of the lab from `host`, which has joined nothing.
fn checked(host: &LightHost, draft: &DiagnoseDraft, password: Option<&str>) -> Diagnosis {
    let request = draft.check().unwrap();
    let password = password.map(secret);
    let entered = NamespaceHost::of_process(host.name(), host.pid()).unwrap();
    host.on_its_network(|| {
        let clock = Clock::system();
        diagnose(&entered, &request, password.as_ref(), None, clock, soon())
    })
}

fn draft() -> DiagnoseDraft {
    DiagnoseDraft {
        domain: Domain::NAME.into(),
        ..DiagnoseDraft::default()
    }
}

fn with_user() -> DiagnoseDraft {
    DiagnoseDraft {
        user: Some(Domain::ADMINISTRATOR.into()),
        ..draft()
    }
}

/// How the checks called `name` ended.
fn verdicts(found: &Diagnosis, name: CheckName) -> Vec<Verdict> {
    found.of(name).map(|check| check.verdict).collect()
}

/// Fails unless all checks called `name` ended so.
#[track_caller]
fn all(found: &Diagnosis, names: &[CheckName], verdict: Verdict) {
    for name in names {
        let ended = verdicts(found, *name);
        let is_so = !ended.is_empty() && ended.iter().all(|one| *one == verdict);
        assert!(is_so, "{name}: {:#?}", found.checks);
    }
}

/// The code of the first check called `name` that has one.
fn code(found: &Diagnosis, name: CheckName) -> Option<&str> {
    let mut problems = found.of(name).filter_map(|check| check.problem.as_ref());
    problems.next().map(|problem| problem.code.as_str())
}

#[test]
fn a_domain_that_is_well() {
    require!(Capability::DomainController);
    let host = Domain::shared().host("doctor1").unwrap();
    let found = checked(&host, &with_user(), Some(Domain::PASSWORD));
    // The domain has no reverse zone; all else is there.
    for name in CheckName::ALL {
        let verdict = match name {
            CheckName::Reverse => Verdict::Warn,
            _ => Verdict::Ok,
        };
        all(&found, &[*name], verdict);
    }
    assert_eq!(code(&found, CheckName::Reverse), Some("ad.dns-no-reverse"));
    assert_eq!(found.controller.as_deref(), Some("dc.ad.test"));
    assert_eq!(found.verdict(), Verdict::Warn);
    let types = found.of(CheckName::EncryptionTypes).next().unwrap();
    assert!(
        types.message.contains("aes256-cts-hmac-sha1-96"),
        "{types:?}"
    );
    let level = found.of(CheckName::FunctionalLevel).next().unwrap();
    assert!(level.message.contains("2008 R2"), "{level:?}");
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["checks"][0]["name"], "dns-server");
    assert_eq!(json["checks"][0]["result"], "ok");

    let nobody = checked(&host, &draft(), None);
    let theirs = [
        CheckName::Login,
        CheckName::ServiceTicket,
        CheckName::LdapSealed,
    ];
    all(&nobody, &theirs, Verdict::Skipped);
    all(
        &nobody,
        &[CheckName::Kerberos, CheckName::EncryptionTypes],
        Verdict::Ok,
    );
    let login = nobody.of(CheckName::Login).next().unwrap();
    assert_eq!(login.message, "no user was given");

    let wrong = checked(&host, &with_user(), Some("not it"));
    all(&wrong, &[CheckName::Login], Verdict::Fail);
    assert_eq!(code(&wrong, CheckName::Login), Some("ad.password-wrong"));
    let ticket = wrong.of(CheckName::ServiceTicket).next().unwrap();
    assert_eq!(ticket.needs, Some(CheckName::Login));

    let nobody = DiagnoseDraft {
        user: Some("nobody-here".into()),
        ..draft()
    };
    let unknown = checked(&host, &nobody, Some(Domain::PASSWORD));
    all(&unknown, &[CheckName::Kerberos], Verdict::Ok);
    let theirs = [CheckName::EncryptionTypes, CheckName::Login];
    all(&unknown, &theirs, Verdict::Fail);
    assert_eq!(code(&unknown, CheckName::Login), Some("ad.account-unknown"));

    let given = DiagnoseDraft {
        server: Some("10.99.0.10".into()),
        ..draft()
    };
    let given = checked(&host, &given, None);
    assert_eq!(given.controller.as_deref(), Some("dc.ad.test"));
    all(
        &given,
        &[CheckName::Netlogon, CheckName::RootDse],
        Verdict::Ok,
    );
}

#[test]
fn name_servers_that_are_wrong() {
    require!(Capability::DomainController);
    let domain = Domain::shared();
    let host = domain.host("doctor2").unwrap();
    // Nobody is at that address.
    let nobody = "nameserver 10.99.0.250\n";
    host.write("/etc/resolv.conf", nobody).unwrap();
    let found = checked(&host, &draft(), None);
    all(&found, &[CheckName::DnsServer], Verdict::Fail);
    assert_eq!(code(&found, CheckName::DnsServer), Some("ad.dns-silent"));
    let records = found.of(CheckName::ServiceRecords).next().unwrap();
    assert_eq!(records.needs, Some(CheckName::DnsServer));
    let skipped = CheckName::ALL
        .iter()
        .filter(|name| **name != CheckName::DnsServer);
    all(
        &found,
        &skipped.copied().collect::<Vec<_>>(),
        Verdict::Skipped,
    );

    // With a server given, all the rest is looked at nevertheless.
    let given = DiagnoseDraft {
        server: Some("10.99.0.10".into()),
        ..with_user()
    };
    let found = checked(&host, &given, Some(Domain::PASSWORD));
    all(&found, &[CheckName::DnsServer], Verdict::Fail);
    let rest = [
        CheckName::Netlogon,
        CheckName::Port,
        CheckName::Login,
        CheckName::LdapSealed,
    ];
    all(&found, &rest, Verdict::Ok);

    // One that answers is enough.
    let one = format!("{nobody}nameserver 10.99.0.10\n");
    host.write("/etc/resolv.conf", one).unwrap();
    let found = checked(&host, &draft(), None);
    let servers = verdicts(&found, CheckName::DnsServer);
    assert_eq!(servers, [Verdict::Warn, Verdict::Ok]);
    all(&found, &[CheckName::Netlogon, CheckName::Port], Verdict::Ok);

    host.write("/etc/resolv.conf", "").unwrap();
    let found = checked(&host, &draft(), None);
    assert_eq!(
        code(&found, CheckName::DnsServer),
        Some("ad.dns-no-servers")
    );

    // A name server of the domain knows no other one.
    let other = DiagnoseDraft {
        domain: "other.test".into(),
        ..draft()
    };
    let request = other.check().unwrap();
    let server: SocketAddr = "10.99.0.10:53".parse().unwrap();
    let resolver = Resolver::with_servers([server]);
    let entered = NamespaceHost::of_process(host.name(), host.pid()).unwrap();
    let found = host.on_its_network(|| {
        let clock = Clock::system();
        diagnose(&entered, &request, None, Some(&resolver), clock, soon())
    });
    all(&found, &[CheckName::DnsServer], Verdict::Fail);
    let known = ["ad.domain-unknown", "ad.dns-refused", "ad.dns-silent"];
    assert!(code(&found, CheckName::DnsServer).is_some_and(|code| known.contains(&code)));
}

#[test]
fn a_controller_that_is_not_well() {
    require!(Capability::DomainController, Capability::Faketime);
    let domain = Domain::start_with_two().unwrap();
    let host = domain.host("doctor3").unwrap();
    let [first, second] = domain.controllers() else {
        panic!("there are two controllers");
    };

    // One is dead: the other one is used, and the dead one is told.
    second.pull_cable().unwrap();
    let found = checked(&host, &draft(), None);
    assert_eq!(verdicts(&found, CheckName::Netlogon)[0], Verdict::Ok);
    assert_eq!(found.controller.as_deref(), Some("dc.ad.test"));
    assert!(verdicts(&found, CheckName::Netlogon)[1..].contains(&Verdict::Warn));
    assert_eq!(code(&found, CheckName::Netlogon), Some("ad.no-controller"));

    // Both are: what is skipped says why.
    first.pull_cable().unwrap();
    let given = DiagnoseDraft {
        server: Some("10.99.0.10".into()),
        ..draft()
    };
    let found = checked(&host, &given, None);
    assert_eq!(code(&found, CheckName::Netlogon), Some("ad.no-controller"));
    let ports = verdicts(&found, CheckName::Port);
    assert_eq!(ports.len(), 7);
    assert_eq!(ports[..5], [Verdict::Fail; 5]);
    assert_eq!(ports[5..], [Verdict::Warn; 2]);
    assert_eq!(code(&found, CheckName::Port), Some("ad.port-closed"));
    let root = found.of(CheckName::RootDse).next().unwrap();
    assert_eq!(root.needs, Some(CheckName::Port));
    first.plug_cable().unwrap();
    second.plug_cable().unwrap();

    first.restart_with_clock(3600).unwrap();
    let found = checked(
        &host,
        &with_user_on(first.full_name()),
        Some(Domain::PASSWORD),
    );
    all(&found, &[CheckName::Clock, CheckName::Login], Verdict::Fail);
    assert_eq!(code(&found, CheckName::Clock), Some("ad.clock-skew"));
    assert_eq!(code(&found, CheckName::Login), Some("ad.clock-skew"));
}

#[test]
fn a_domain_without_service_records() {
    require!(Capability::DomainController);
    let domain = Domain::start().unwrap();
    let host = domain.host("doctor4").unwrap();
    domain.remove_srv_records().unwrap();
    let found = checked(
        &host,
        &with_user_on(domain.controller().full_name()),
        Some(Domain::PASSWORD),
    );
    assert_eq!(
        verdicts(&found, CheckName::ServiceRecords)[0],
        Verdict::Fail
    );
    assert_eq!(
        code(&found, CheckName::ServiceRecords),
        Some("ad.dns-no-service-records")
    );
    all(&found, &[CheckName::Addresses], Verdict::Skipped);
    let rest = [CheckName::Netlogon, CheckName::Login, CheckName::LdapSealed];
    all(&found, &rest, Verdict::Ok);
}

fn with_user_on(server: String) -> DiagnoseDraft {
    DiagnoseDraft {
        server: Some(server),
        ..with_user()
    }
}
