//! The domain of the lab: that it is one, and that its parts do what they say.

use std::net::TcpStream;

use smbgw_testing::domain::Standing;
use smbgw_testing::process::run_with;
use smbgw_testing::{Capability, Domain, require, run};

#[test]
fn a_domain_serves_logins_and_names() {
    require!(Capability::DomainController);
    let domain = Domain::start().unwrap();
    domain.add_users(&["alice"]).unwrap();
    let client = domain.client("cl").unwrap();
    let srv = run(client
        .command("host")
        .args(["-t", "SRV", "_ldap._tcp.ad.test"]))
    .unwrap();
    assert!(srv.contains("389 dc.ad.test"), "{srv}");
    let list = run(client
        .command("smbclient")
        .args(["//dc.ad.test/sysvol", "-c", "ls"])
        .args(["-U", "alice@AD.TEST%Passw0rd.1", "--use-kerberos=required"]))
    .unwrap();
    assert!(list.contains("ad.test"), "{list}");
    for address in domain.controller().addresses() {
        client.on_its_network(|| TcpStream::connect((address, 389)).unwrap());
    }
    let log_in = |name: &str| run_with(client.command("kinit").arg(name), b"Passw0rd.1");
    for (standing, expected) in [
        (Standing::Disabled, "revoked"),
        (Standing::Expired, "revoked"),
        (Standing::Locked, "revoked"),
        (Standing::MustChange, "Password expired"),
    ] {
        domain.set_standing("alice", standing).unwrap();
        let error = log_in("alice").unwrap_err().to_string();
        assert!(error.contains(expected), "{standing:?}: {error}");
    }
    domain.set_standing("alice", Standing::Good).unwrap();
    log_in("alice").unwrap();
}
