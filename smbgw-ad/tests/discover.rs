//! The search for a controller, against name servers and controllers made for each case.

mod discover_servers;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use discover_servers::{
    Controller, READ_ONLY, Server, address, done, id_of, nobody, service, silence,
};
use smbgw_ad::discover::{DiscoverError, Discovery, Failure, Options, discover};
use smbgw_ad::dns::message::Record;
use smbgw_ad::dns::{DnsError, Resolver};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, chain_text};

const ALL: &str = "_ldap._tcp.dc._msdcs.ad.test";
const HERE: &str = "_ldap._tcp.here._sites.dc._msdcs.ad.test";
const THERE: &str = "_ldap._tcp.there._sites.dc._msdcs.ad.test";

fn find(resolver: &Resolver, options: &Options) -> Result<Discovery, DiscoverError> {
    let deadline = Deadline::after(Duration::from_secs(20));
    discover(&"ad.test".parse().unwrap(), resolver, options, deadline)
}

/// Short waits, where a test has to get to the end of them.
fn hasty() -> Options {
    Options {
        batch_delay: Duration::from_millis(30),
        patience: Duration::from_millis(200),
        ..Options::default()
    }
}

fn quick(servers: impl IntoIterator<Item = SocketAddr>) -> Resolver {
    Resolver::with_servers(servers).patience(Duration::from_millis(30), Duration::from_millis(200))
}

fn zone(records: Vec<Record>) -> (Server, Resolver) {
    let server = Server::zone(&["ad.test"], records);
    let resolver = Resolver::with_servers([server.address]);
    (server, resolver)
}

#[test]
fn a_domain_is_found_by_its_service_records() {
    let dc = Controller::default().start();
    let (_dns, resolver) = zone(vec![
        service(ALL, 0, dc.address.port(), "dc.ad.test"),
        address("dc.ad.test", "127.0.0.1"),
    ]);
    let found = find(&resolver, &Options::default()).unwrap();
    assert_eq!(found.domain.name.as_str(), "ad.test");
    assert_eq!(found.domain.realm.as_str(), "AD.TEST");
    assert_eq!(found.domain.netbios, "LAB");
    assert_eq!(found.controller.host.as_str(), "dc.ad.test");
    assert_eq!(found.controller.address, dc.address.ip());
    assert_eq!(found.client_site.as_ref().unwrap().as_str(), "Here");
    assert_eq!(
        found.addresses(88),
        ["127.0.0.1:88".parse::<SocketAddr>().unwrap()]
    );
    assert!(found.passed_over.is_empty());
    assert_eq!(dc.asked().len(), 1);
}

#[test]
fn the_remembered_site_comes_first() {
    let near = Controller {
        host: "near.ad.test",
        ..Controller::default()
    }
    .start();
    let far = Controller {
        host: "far.ad.test",
        site: "There",
        ..Controller::default()
    }
    .start();
    let (_dns, resolver) = zone(vec![
        service(ALL, 0, far.address.port(), "far.ad.test"),
        service(ALL, 0, near.address.port(), "near.ad.test"),
        service(HERE, 50, near.address.port(), "near.ad.test"),
        address("near.ad.test", "127.0.0.1"),
        address("far.ad.test", "127.0.0.1"),
    ]);
    let options = Options {
        site: Some("Here".parse().unwrap()),
        // Long enough for a near one on a slow machine.
        batch_delay: Duration::from_secs(10),
        ..Options::default()
    };
    let found = find(&resolver, &options).unwrap();
    assert_eq!(found.controller.host.as_str(), "near.ad.test");
    assert!(far.asked().is_empty());
}

#[test]
fn a_nearer_site_is_asked_once_it_is_known() {
    let near = Controller {
        host: "near.ad.test",
        ..Controller::default()
    }
    .start();
    let far = Controller {
        host: "far.ad.test",
        site: "There",
        flags: discover_servers::WRITABLE & !0x80,
        ..Controller::default()
    }
    .start();
    let records = vec![
        service(ALL, 0, far.address.port(), "far.ad.test"),
        service(ALL, 9, near.address.port(), "near.ad.test"),
        service(HERE, 0, near.address.port(), "near.ad.test"),
        service(THERE, 0, far.address.port(), "far.ad.test"),
        address("near.ad.test", "127.0.0.1"),
        address("far.ad.test", "127.0.0.1"),
    ];
    let (_dns, resolver) = zone(records);
    for site in [None, Some("There".parse().unwrap())] {
        let options = Options {
            site,
            batch_delay: Duration::from_secs(10),
            ..Options::default()
        };
        let found = find(&resolver, &options).unwrap();
        assert_eq!(found.controller.host.as_str(), "near.ad.test");
        assert_eq!(found.others[0].host.as_str(), "far.ad.test");
        assert_eq!(found.client_site.unwrap().as_str(), "Here");
    }
    // Where that one is dead, the far one will do.
    drop(near);
    let found = find(&resolver, &hasty()).unwrap();
    assert_eq!(found.controller.host.as_str(), "far.ad.test");
}

#[test]
fn dead_controllers_are_passed_over() {
    let (_socket, dead) = silence();
    let alive = Controller::default().start();
    let mut records = vec![
        service(ALL, 5, alive.address.port(), "dc.ad.test"),
        address("dc.ad.test", "127.0.0.1"),
        // One that has no address at all.
        service(ALL, 0, 389, "gone.ad.test"),
    ];
    for number in 0..5 {
        let host = format!("dead{number}.ad.test");
        records.push(service(ALL, 0, dead.port(), &host));
        records.push(address(&host, "127.0.0.2"));
    }
    let refusing = nobody();
    records.push(service(ALL, 0, refusing.port(), "refusing.ad.test"));
    records.push(address("refusing.ad.test", "127.0.0.1"));
    let (_dns, resolver) = zone(records);
    let found = find(&resolver, &Options::default()).unwrap();
    assert_eq!(found.controller.host.as_str(), "dc.ad.test");
    let failure = |host: &str| {
        let tried = found.passed_over.iter();
        let mut of_host = tried.filter(|t| t.host.as_ref().is_some_and(|h| h.as_str() == host));
        of_host.next().map(|tried| tried.failure.clone())
    };
    assert_eq!(failure("gone.ad.test"), Some(Failure::NoAddress));
    assert!(matches!(
        failure("refusing.ad.test"),
        Some(Failure::Network(_))
    ));
    // They may yet answer.
    assert_eq!(failure("dead0.ad.test"), None);
    assert_eq!(found.unasked, ["127.0.0.2".parse::<IpAddr>().unwrap()]);
}

#[test]
fn where_all_are_dead_each_is_named() {
    let (_socket, dead) = silence();
    let (_dns, resolver) = zone(vec![
        service(ALL, 0, dead.port(), "a.ad.test"),
        service(ALL, 0, nobody().port(), "b.ad.test"),
        address("a.ad.test", "127.0.0.1"),
        address("b.ad.test", "127.0.0.1"),
    ]);
    let error = find(&resolver, &hasty()).unwrap_err();
    assert_eq!(error.code(), "ad.no-controller");
    let text = chain_text(&error);
    assert!(
        text.contains("a.ad.test (127.0.0.1) does not answer"),
        "{text}"
    );
    assert!(
        text.contains("b.ad.test (127.0.0.1) cannot be reached (nothing listens there)"),
        "{text}"
    );
    assert!(error.remedy().is_some());

    let (_dns, resolver) = zone(vec![service(ALL, 0, 389, "a.ad.test")]);
    let error = find(&resolver, &hasty()).unwrap_err();
    assert!(matches!(error, DiscoverError::NoAddress { .. }), "{error}");
}

#[test]
fn a_controller_that_takes_no_changes_serves_readers_only() {
    let dc = Controller {
        flags: READ_ONLY,
        ..Controller::default()
    }
    .start();
    let (_dns, resolver) = zone(vec![
        service(ALL, 0, dc.address.port(), "dc.ad.test"),
        address("dc.ad.test", "127.0.0.1"),
    ]);
    let error = find(&resolver, &hasty()).unwrap_err();
    assert_eq!(error.code(), "ad.no-writable-controller");
    let options = Options {
        writable: false,
        ..hasty()
    };
    let found = find(&resolver, &options).unwrap();
    assert!(!found.controller.flags.is_writable());
}

#[test]
fn other_domains_and_other_servers_are_told_apart() {
    let other = Controller {
        domain: "other.test",
        ..Controller::default()
    }
    .start();
    let unknowing = Server::bytes(|_, question| vec![done(id_of(question), 0)]);
    let refusing = Server::bytes(|_, question| vec![done(id_of(question), 53)]);
    let babbling = Server::bytes(|_, _| vec![b"hello".to_vec()]);
    let outcome = |server: &Server| {
        let options = Options {
            servers: vec!["127.0.0.1".parse().unwrap()],
            port: server.address.port(),
            ..hasty()
        };
        find(&Resolver::with_servers([]), &options).unwrap_err()
    };
    let error = outcome(&other);
    assert_eq!(error.code(), "ad.controller-of-other-domain");
    assert!(
        error.to_string().contains("is of the domain `other.test`"),
        "{error}"
    );
    assert_eq!(outcome(&unknowing).code(), "ad.controller-of-other-domain");
    let error = outcome(&refusing);
    assert!(error.to_string().contains("LDAP error 53"), "{error}");
    let error = outcome(&babbling);
    assert!(error.to_string().contains("something unknown"), "{error}");
}

#[test]
fn the_dns_being_wrong_is_told_precisely() {
    // The domain is there, its records are not.
    let (_dns, resolver) = zone(vec![address("ad.test", "127.0.0.1")]);
    let error = find(&resolver, &hasty()).unwrap_err();
    assert_eq!(error.code(), "ad.dns-no-service-records");
    assert!(error.to_string().contains(&format!("SRV {ALL}")), "{error}");

    // Another company's name server.
    let elsewhere = Server::zone(&["other.test"], Vec::new());
    let resolver = Resolver::with_servers([elsewhere.address]);
    let error = find(&resolver, &hasty()).unwrap_err();
    assert_eq!(error.code(), "ad.domain-unknown");
    assert!(
        error.to_string().contains(&elsewhere.address.to_string()),
        "{error}"
    );

    // None at all.
    let error = find(&quick([nobody()]), &hasty()).unwrap_err();
    assert_eq!(error.code(), "ad.dns-silent");
    assert!(matches!(
        error,
        DiscoverError::Dns {
            source: DnsError::Silent { .. },
            ..
        }
    ));
}

#[test]
fn a_given_server_needs_no_service_records() {
    let dc = Controller::default().start();
    let (dns, resolver) = zone(vec![address("dc.ad.test", "127.0.0.1")]);
    let options = |server: &str| Options {
        servers: vec![server.parse().unwrap()],
        port: dc.address.port(),
        ..hasty()
    };
    let found = find(&resolver, &options("dc.ad.test")).unwrap();
    assert_eq!(found.controller.host.as_str(), "dc.ad.test");
    assert!(dns.questions().iter().all(|(name, _)| name == "dc.ad.test"));

    let found = find(&Resolver::with_servers([]), &options("127.0.0.1")).unwrap();
    assert_eq!(found.controller.host.as_str(), "dc.ad.test");

    let error = find(&resolver, &options("typo.ad.test")).unwrap_err();
    assert_eq!(error.code(), "ad.controller-no-address");
    assert!(error.to_string().contains("typo.ad.test"), "{error}");
}

#[test]
fn answers_to_other_questions_count_for_nothing() {
    let dc = Server::bytes(|_, question| {
        let id = id_of(question);
        let forged = Controller {
            host: "evil.ad.test",
            ..Controller::default()
        };
        vec![
            forged.packet(id ^ 1),
            Controller::default().packet(id),
            forged.packet(id),
        ]
    });
    let options = Options {
        servers: vec!["127.0.0.1".parse().unwrap()],
        port: dc.address.port(),
        ..hasty()
    };
    let found = find(&Resolver::with_servers([]), &options).unwrap();
    assert_eq!(found.controller.host.as_str(), "dc.ad.test");
    assert!(found.others.is_empty());
}

#[test]
fn those_to_be_avoided_come_last() {
    let good = Controller {
        host: "good.ad.test",
        ..Controller::default()
    }
    .start();
    let bad = Controller {
        host: "bad.ad.test",
        ..Controller::default()
    }
    .start();
    let (_dns, resolver) = zone(vec![
        service(ALL, 9, good.address.port(), "good.ad.test"),
        service(ALL, 0, bad.address.port(), "bad.ad.test"),
        address("good.ad.test", "127.0.0.1"),
        address("bad.ad.test", "127.0.0.1"),
    ]);
    let options = Options {
        avoid: vec!["bad.ad.test".parse().unwrap()],
        batch_delay: Duration::from_secs(10),
        ..Options::default()
    };
    assert_eq!(
        find(&resolver, &options).unwrap().controller.host.as_str(),
        "good.ad.test"
    );
    drop(good);
    assert_eq!(
        find(&resolver, &hasty()).unwrap().controller.host.as_str(),
        "bad.ad.test"
    );
}

#[test]
fn all_are_waited_for_where_that_is_wanted() {
    let one = Controller::default().start();
    let two = Controller {
        host: "two.ad.test",
        site: "There",
        flags: discover_servers::WRITABLE & !0x80,
        ..Controller::default()
    }
    .start();
    let (_socket, dead) = silence();
    let (_dns, resolver) = zone(vec![
        service(ALL, 0, one.address.port(), "dc.ad.test"),
        service(ALL, 1, two.address.port(), "two.ad.test"),
        service(ALL, 2, dead.port(), "dead.ad.test"),
        address("dc.ad.test", "127.0.0.1"),
        address("two.ad.test", "127.0.0.1"),
        address("dead.ad.test", "127.0.0.1"),
    ]);
    let options = Options {
        all: true,
        ..hasty()
    };
    let found = find(&resolver, &options).unwrap();
    assert_eq!(found.controller.host.as_str(), "dc.ad.test");
    assert_eq!(found.others.len(), 1);
    assert_eq!(found.passed_over.len(), 1);
    assert_eq!(found.passed_over[0].failure, Failure::Silent);
}
