//! A real domain, found from a real host.

use std::net::IpAddr;
use std::time::Duration;

use smbgw_ad::discover::{DiscoverError, Discovery, Options, discover};
use smbgw_ad::dns::Resolver;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::host::LocalHost;
use smbgw_testing::{Capability, Domain, LightHost, require};

fn find(member: &LightHost, options: &Options) -> Result<Discovery, DiscoverError> {
    let domain = Domain::NAME.parse().unwrap();
    let host = LocalHost::with_root(member.path("/"));
    member.on_its_network(|| {
        let resolver = Resolver::of_host(&host).unwrap();
        let deadline = Deadline::after(Duration::from_secs(30));
        discover(&domain, &resolver, options, deadline)
    })
}

#[test]
fn a_domain_is_found_and_described() {
    require!(Capability::DomainController);
    let domain = Domain::start().unwrap();
    let member = domain.host("m1").unwrap();
    let found = find(&member, &Options::default()).unwrap();
    assert_eq!(found.domain.name.as_str(), Domain::NAME);
    assert_eq!(found.domain.realm.as_str(), Domain::REALM);
    assert_eq!(found.domain.netbios, Domain::NETBIOS);
    assert_eq!(found.domain.forest.as_str(), Domain::NAME);
    let entries = domain
        .controller()
        .directory_search("(objectClass=domainDNS)", &["objectGUID"])
        .unwrap();
    let guid = found.domain.guid.to_string();
    assert!(
        entries
            .iter()
            .flat_map(|entry| entry.values().flatten())
            .any(|value| *value == guid),
        "{guid} is not in {entries:?}"
    );
    assert_eq!(
        found.controller.host.as_str(),
        domain.controller().full_name()
    );
    assert!(
        domain
            .controller()
            .addresses()
            .contains(&found.controller.address)
    );
    assert!(found.controller.flags.is_writable());
    let site = found.client_site.unwrap();
    assert_eq!(site.as_str(), Domain::SITE);

    // With the site remembered, and with the controller given by name and by address.
    let options = Options {
        site: Some(site),
        ..Options::default()
    };
    assert_eq!(find(&member, &options).unwrap().domain, found.domain);
    for server in ["dc.ad.test", "10.99.0.10", "fd99::10"] {
        let options = Options {
            servers: vec![server.parse().unwrap()],
            ..Options::default()
        };
        let found = find(&member, &options).unwrap();
        assert_eq!(found.controller.host.as_str(), "dc.ad.test");
    }

    // A domain that is not this one.
    let host = LocalHost::with_root(member.path("/"));
    let deadline = Deadline::after(Duration::from_secs(30));
    let error = member.on_its_network(|| {
        let resolver = Resolver::of_host(&host).unwrap();
        let wrong = "other.test".parse().unwrap();
        let options = Options {
            servers: vec!["10.99.0.10".parse().unwrap()],
            patience: Duration::from_millis(500),
            ..Options::default()
        };
        discover(&wrong, &resolver, &options, deadline).unwrap_err()
    });
    assert_eq!(error.code(), "ad.controller-of-other-domain", "{error}");

    // Without service records, the domain is known and nobody serves it.
    domain.remove_srv_records().unwrap();
    let error = find(&member, &Options::default()).unwrap_err();
    assert_eq!(error.code(), "ad.dns-no-service-records", "{error}");

    // With name servers of somebody else, and with none that answers.
    let nowhere: IpAddr = "10.99.0.99".parse().unwrap();
    member.resolve_by(&[nowhere], Domain::NAME).unwrap();
    let error = find(&member, &Options::default()).unwrap_err();
    assert_eq!(error.code(), "ad.dns-silent", "{error}");
    let options = Options {
        servers: vec!["10.99.0.10".parse().unwrap()],
        ..Options::default()
    };
    assert_eq!(
        find(&member, &options).unwrap().controller.host.as_str(),
        "dc.ad.test"
    );

    // The controller stops: its host refuses, and it is named.
    domain.controller().stop().unwrap();
    let error = find(&member, &options).unwrap_err();
    assert_eq!(error.code(), "ad.no-controller");
    assert!(error.to_string().contains("10.99.0.10"), "{error}");
}

#[test]
fn of_two_controllers_one_may_be_dead_and_all_may_have_ipv6_only() {
    require!(Capability::DomainController);
    let domain = Domain::start_with_two().unwrap();
    let old = domain.host("m1").unwrap();
    let new = domain.host_on_v6("m6").unwrap();

    let options = Options {
        all: true,
        ..Options::default()
    };
    let found = find(&old, &options).unwrap();
    let mut hosts: Vec<&str> = found.others.iter().map(|dc| dc.host.as_str()).collect();
    hosts.push(found.controller.host.as_str());
    hosts.sort_unstable();
    assert_eq!(hosts, ["dc.ad.test", "dc2.ad.test"]);

    let found = find(&new, &Options::default()).unwrap();
    assert!(found.controller.address.is_ipv6());

    // Silence instead of refusal: as a host that lost its power.
    let [first, second] = domain.controllers() else {
        panic!("two controllers");
    };
    for (dead, alive) in [(first, second), (second, first)] {
        dead.pull_cable().unwrap();
        for member in [&old, &new] {
            // The choice among the two is by lot, so a few times.
            for _ in 0..4 {
                let found = find(member, &Options::default()).unwrap();
                assert_eq!(found.controller.host.as_str(), alive.full_name());
            }
        }
        dead.plug_cable().unwrap();
    }
}
