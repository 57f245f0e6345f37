//! Records in the DNS of a real domain, changed with signed updates.

use std::net::IpAddr;
use std::time::Duration;

use smbgw_ad::clock::Clock;
use smbgw_ad::discover::{Options, discover};
use smbgw_ad::dns::Resolver;
use smbgw_ad::dns::update::{Requester, register, remove};
use smbgw_ad::krb::login::{self, Credential, login};
use smbgw_ad::name::{DomainName, HostName, Principal, Realm};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::host::LocalHost;
use smbgw_core::secret::Secret;
use smbgw_testing::{Capability, Domain, require, run};

#[test]
fn addresses_are_put_there_changed_and_taken_away() {
    require!(Capability::DomainController);
    let domain = Domain::start().unwrap();
    domain.add_users(&["alice", "bob"]).unwrap();
    let member = domain.client("m1").unwrap();
    let files = LocalHost::with_root(member.path("/"));
    let host: HostName = "gw9.ad.test".parse().unwrap();
    let asked = |name: &str| {
        let mut command = member.command("host");
        run(command.arg(name)).unwrap_or_else(|error| error.to_string())
    };

    let (first, second): (Vec<IpAddr>, Vec<IpAddr>) = (
        vec!["10.99.0.77".parse().unwrap(), "fd99::77".parse().unwrap()],
        vec!["10.99.0.78".parse().unwrap()],
    );
    let deadline = Deadline::after(Duration::from_secs(60));
    let resolver = member.on_its_network(|| Resolver::of_host(&files).unwrap());
    let name: DomainName = Domain::NAME.parse().unwrap();
    let found = member
        .on_its_network(|| discover(&name, &resolver, &Options::default(), deadline))
        .unwrap();
    let ticket = |user: &str| {
        let user = Principal::user(user, Realm::from(&name)).unwrap();
        let password = Secret::from(Domain::PASSWORD.to_string());
        member
            .on_its_network(|| {
                login(
                    &user,
                    Credential::Password(&password),
                    &login::Options::default(),
                    &found,
                    Clock::system(),
                    deadline,
                )
            })
            .unwrap()
            .ticket
    };
    let (alice, bob) = (ticket("alice"), ticket("bob"));
    let by = |tgt| Requester {
        tgt,
        finder: &found,
        clock: Clock::system(),
    };
    let set = |tgt, addresses: &[IpAddr]| {
        member.on_its_network(|| register(&resolver, &host, addresses, &by(tgt), deadline))
    };

    assert_eq!(set(&alice, &first).unwrap(), Change::Created);
    let answer = asked("gw9.ad.test");
    assert!(
        answer.contains("10.99.0.77") && answer.contains("fd99::77"),
        "{answer}"
    );
    assert_eq!(set(&alice, &first).unwrap(), Change::Unchanged);

    // What alice made is not bob's to change.
    let error = set(&bob, &second).unwrap_err();
    assert_eq!(error.code(), "ad.dns-update-refused", "{error}");
    assert!(asked("gw9.ad.test").contains("10.99.0.77"));

    assert_eq!(set(&alice, &second).unwrap(), Change::Updated);
    let answer = asked("gw9.ad.test");
    assert!(
        answer.contains("10.99.0.78")
            && !answer.contains("10.99.0.77")
            && !answer.contains("fd99::77"),
        "{answer}"
    );

    let gone = || member.on_its_network(|| remove(&resolver, &host, &by(&alice), deadline));
    assert_eq!(gone().unwrap(), Change::Updated);
    assert!(!asked("gw9.ad.test").contains("10.99.0.78"));
    assert_eq!(gone().unwrap(), Change::Unchanged);

    // A host of a zone that is not there.
    let elsewhere: HostName = "gw9.other.test".parse().unwrap();
    let error = member
        .on_its_network(|| register(&resolver, &elsewhere, &first, &by(&alice), deadline))
        .unwrap_err();
    assert!(
        ["ad.dns-update-failed", "ad.dns-refused"].contains(&error.code()),
        "{error}"
    );
}
