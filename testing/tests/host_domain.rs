//! The domain of the lab: that it is one, that its parts do what they say, and that it goes away.

use std::fs;
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use smbgw_testing::domain::Standing;
use smbgw_testing::inside::is_inside;
use smbgw_testing::process::run_with;
use smbgw_testing::{Capability, Domain, LightHost, Network, Result, require, run, wait_until};

/// How long changes may take to travel on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

fn kinit(host: &LightHost, user: &str) -> Result<String> {
    run_with(host.command("kinit").arg(user), Domain::PASSWORD.as_bytes())
}

fn gone(pid: u32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn a_domain_has_names_logins_and_shares() {
    require!(Capability::DomainController);
    let domain = Domain::shared();
    domain.add_users(&["alice"]).unwrap();
    let client = domain.client("cl").unwrap();
    for name in [
        "_ldap._tcp.ad.test",
        "_ldap._tcp.dc._msdcs.ad.test",
        "_ldap._tcp.Default-First-Site-Name._sites.dc._msdcs.ad.test",
    ] {
        let srv = run(client.command("host").args(["-t", "SRV", name])).unwrap();
        assert!(srv.contains("389 dc.ad.test"), "{srv}");
    }
    let addresses = run(client.command("host").arg("dc.ad.test")).unwrap();
    assert!(addresses.contains("10.99.0.10") && addresses.contains("fd99::10"));
    let list = run(client
        .command("smbclient")
        .args(["//dc.ad.test/sysvol", "-c", "ls"])
        .args(["-U", "alice@AD.TEST%Passw0rd.1"])
        .arg("--use-kerberos=required"))
    .unwrap();
    assert!(list.contains("ad.test"), "{list}");
}

#[test]
fn accounts_have_the_standing_they_are_given() {
    require!(Capability::DomainController);
    let domain = Domain::shared();
    domain.add_users(&["bob", "carol"]).unwrap();
    let client = domain.client("cl").unwrap();
    for (standing, expected) in [
        (Standing::Disabled, "revoked"),
        (Standing::Expired, "revoked"),
        (Standing::Locked, "revoked"),
        (Standing::MustChange, "Password expired"),
    ] {
        domain.set_standing("bob", standing).unwrap();
        let error = kinit(&client, "bob").unwrap_err().to_string();
        assert!(error.contains(expected), "{standing:?}: {error}");
        kinit(&client, "carol").unwrap();
    }
    domain.set_standing("bob", Standing::Good).unwrap();
    kinit(&client, "bob").unwrap();
    domain.set_password("bob", "An0ther.word").unwrap();
    kinit(&client, "bob").unwrap_err();
}

#[test]
fn units_groups_and_computers_are_found_again() {
    require!(Capability::DomainController);
    let domain = Domain::shared();
    domain.add_users(&["dave"]).unwrap();
    domain.add_group("team", &["dave"]).unwrap();
    let found = domain
        .controller()
        .directory_search("(sAMAccountName=team)", &["member"])
        .unwrap();
    assert_eq!(found[0]["member"], [Domain::dn_of_user("dave")]);
    // A name in which nearly everything means something.
    let name = "#a, b+c=\"d\"\\<e>; ";
    let dn = domain.add_ou(name).unwrap();
    domain
        .controller()
        .directory_add(&format!(
            "dn: CN=PRE,{dn}\nobjectClass: computer\nsAMAccountName: PRE$\n"
        ))
        .unwrap();
    let computer = domain.computer("PRE").unwrap().unwrap();
    assert!(computer["dn"][0].starts_with("CN=PRE,OU="), "{computer:?}");
    domain.controller().directory_delete(&dn).unwrap();
    assert_eq!(domain.computer("PRE").unwrap(), None);
}

#[test]
fn a_controller_stops_starts_crashes_and_falls_silent() {
    require!(Capability::DomainController, Capability::Faketime);
    let domain = Domain::start().unwrap();
    let controller = domain.controller();
    let host = domain.host("m1").unwrap();
    let connect = || {
        let ldap = "10.99.0.10:389".parse().unwrap();
        host.on_its_network(|| TcpStream::connect_timeout(&ldap, Duration::from_secs(3)))
    };
    connect().unwrap();
    controller.stop().unwrap();
    let refused = connect().unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    // It comes back with a clock that is ahead, which members notice.
    controller.restart_with_clock(3600).unwrap();
    host.write(
        "/etc/krb5.conf",
        "[libdefaults]\n  default_realm = AD.TEST\n  kdc_timesync = 0\n",
    )
    .unwrap();
    let error = kinit(&host, "Administrator").unwrap_err().to_string();
    assert!(error.contains("Clock skew"), "{error}");
    run_with(
        host.command_with_clock(3600, "kinit").arg("Administrator"),
        Domain::PASSWORD.as_bytes(),
    )
    .unwrap();

    controller.pull_cable().unwrap();
    let silent = connect().unwrap_err();
    assert_ne!(silent.kind(), std::io::ErrorKind::ConnectionRefused);
    controller.plug_cable().unwrap();
    wait_until(PATIENCE, "the way to the controller", || connect().ok()).unwrap();
    controller.kill().unwrap();
    connect().unwrap_err();
    controller.start().unwrap();
    connect().unwrap();
}

#[test]
fn two_controllers_replicate_and_one_goes_on_alone() {
    require!(Capability::DomainController);
    let domain = Domain::start_with_two().unwrap();
    let [first, second] = domain.controllers() else {
        panic!("{} controllers", domain.controllers().len());
    };
    let client = domain.client("cl").unwrap();
    let srv = run(client
        .command("host")
        .args(["-t", "SRV", "_ldap._tcp.dc._msdcs.ad.test"]))
    .unwrap();
    assert!(srv.contains("dc.ad.test") && srv.contains("dc2.ad.test"));
    domain.add_users(&["erin"]).unwrap();
    domain.replicate().unwrap();
    let found = second
        .directory_search("(sAMAccountName=erin)", &["cn"])
        .unwrap();
    assert_eq!(found.len(), 1);
    first.pull_cable().unwrap();
    wait_until(PATIENCE, "a login at the other controller", || {
        kinit(&client, "erin").ok()
    })
    .unwrap();
}

#[test]
fn a_host_with_ipv6_only_finds_the_controller() {
    require!(Capability::DomainController);
    let domain = Domain::shared();
    let host = domain.host_on_v6("six").unwrap();
    assert!(host.addresses().iter().all(|address| address.is_ipv6()));
    let srv = run(host
        .command("host")
        .args(["-t", "SRV", "_kerberos._udp.ad.test"]))
    .unwrap();
    assert!(srv.contains("88 dc.ad.test"), "{srv}");
    host.write(
        "/etc/krb5.conf",
        "[libdefaults]\n  default_realm = AD.TEST\n",
    )
    .unwrap();
    kinit(&host, "Administrator").unwrap();
}

#[test]
fn a_domain_can_lose_its_service_records() {
    require!(Capability::DomainController);
    let domain = Domain::start().unwrap();
    let host = domain.host("m1").unwrap();
    let ask = |kind: &str, name: &str| run(host.command("host").args(["-t", kind, name]));
    ask("SRV", "_ldap._tcp.dc._msdcs.ad.test").unwrap();
    domain.remove_srv_records().unwrap();
    for name in ["_ldap._tcp.dc._msdcs.ad.test", "_kerberos._udp.ad.test"] {
        ask("SRV", name).unwrap_err();
    }
    ask("A", "dc.ad.test").unwrap();
}

#[test]
fn other_programs_join_it() {
    require!(
        Capability::DomainController,
        Capability::Winbind,
        Capability::Adcli
    );
    let domain = Domain::shared();
    domain.add_users(&["frank"]).unwrap();
    let by_net = domain.member_joined_by_net("bynet").unwrap();
    run(by_net.command("net").args(["ads", "testjoin"])).unwrap();
    let winbindd = by_net.start_winbindd().unwrap();
    run(by_net.command("chmod").args(["1777", "/srv"])).unwrap();
    let smbd = by_net.start_smbd().unwrap();
    // The join told the name server.
    let client = domain.client("cl").unwrap();
    let mut last = String::new();
    wait_until(PATIENCE, "a session by Kerberos", || {
        run(client
            .command("smbclient")
            .args(["//bynet.ad.test/data", "-c", "put /etc/hostname name"])
            .args(["-U", "frank@AD.TEST%Passw0rd.1"])
            .arg("--use-kerberos=required"))
        .map_err(|error| last = error.to_string())
        .ok()
    })
    .unwrap_or_else(|error| panic!("{error}: {last}"));
    assert_eq!(by_net.read("/srv/name").unwrap(), "cl\n");
    smbd.stop().unwrap();
    winbindd.stop().unwrap();

    let by_adcli = domain.member_joined_by_adcli("byadcli").unwrap();
    run(by_adcli.command("adcli").args(["testjoin"])).unwrap();
    for name in ["BYNET", "BYADCLI"] {
        let computer = domain.computer(name).unwrap().unwrap();
        assert!(
            computer.contains_key("serviceprincipalname"),
            "{computer:?}"
        );
    }
}

#[test]
fn a_test_can_go_on_inside_a_host() {
    require!(Capability::DomainController);
    if is_inside() {
        assert_eq!(std::env::var("GREETING").unwrap(), "hello");
        let resolv = fs::read_to_string("/etc/resolv.conf").unwrap();
        assert!(resolv.contains("nameserver 10.99.0.10"), "{resolv}");
        TcpStream::connect("10.99.0.10:389").unwrap();
        return;
    }
    let host = Domain::shared().host("m1").unwrap();
    host.run_test("a_test_can_go_on_inside_a_host", &[("GREETING", "hello")])
        .unwrap();
    let error = host.run_test("no_such_test", &[]).unwrap_err().to_string();
    assert!(error.contains("no_such_test"), "{error}");
}

#[test]
fn networks_do_not_see_each_other() {
    require!(Capability::Root);
    let networks = [Network::start().unwrap(), Network::start().unwrap()];
    let servers = networks
        .each_ref()
        .map(|network| LightHost::on(network, "server", Network::addresses(10)).unwrap());
    let client = LightHost::on(&networks[0], "client", networks[0].free()).unwrap();
    let sockets = servers
        .each_ref()
        .map(|server| server.on_its_network(|| UdpSocket::bind("10.99.0.10:99").unwrap()));
    client.on_its_network(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.send_to(b"here", "10.99.0.10:99").unwrap();
    });
    let mut heard = [0; 8];
    sockets[0].set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(sockets[0].recv(&mut heard).unwrap(), 4);
    sockets[1].set_nonblocking(true).unwrap();
    let nothing = sockets[1].recv(&mut heard).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
}

/// Runs itself once more, in a process it can kill.
#[test]
fn a_domain_is_gone_after_its_test_was_killed() {
    require!(Capability::DomainController);
    if let Some(note) = std::env::var_os("SMBGW_VICTIM") {
        let domain = Domain::shared();
        let member = domain.host("m1").unwrap();
        let pids = [domain.controller().pid(), member.pid()];
        fs::write(note, pids.map(|pid| pid.to_string()).join(" ")).unwrap();
        wait_until(Duration::from_secs(600), "being killed", || None::<()>).unwrap();
    }
    let note = std::env::temp_dir().join(format!("smbgw-{}-9997-note", std::process::id()));
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_domain_is_gone_after_its_test_was_killed"])
        .env("SMBGW_VICTIM", &note)
        .env_remove("KEEP")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let pids = wait_until(PATIENCE, "the victim's domain", || {
        let text = fs::read_to_string(&note).ok()?;
        let pids = text.split(' ').map(|pid| pid.parse::<u32>().ok());
        pids.collect::<Option<Vec<_>>>()
            .filter(|pids| pids.len() == 2)
    })
    .unwrap();
    // What holds the network, and what entered the host for Samba, are children of the victim.
    let children = children_of(victim.id());
    assert!(children.len() >= 3, "{children:?}");
    victim.kill().unwrap();
    victim.wait().unwrap();
    for pid in pids.into_iter().chain(children) {
        wait_until(PATIENCE, "the end of all", || gone(pid).then_some(())).unwrap();
    }
    fs::remove_file(note).unwrap();
}

fn children_of(parent: u32) -> Vec<u32> {
    let of_thread = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).ok();
    fs::read_dir(format!("/proc/{parent}/task"))
        .unwrap()
        .filter_map(|task| of_thread(task.ok()?))
        .flat_map(|text| {
            let pids = text.split_whitespace().map(|pid| pid.parse().unwrap());
            pids.collect::<Vec<_>>()
        })
        .collect()
}
