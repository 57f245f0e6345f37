//! Shares for users of a domain beside users of the machine: real sessions with a real domain (root).

mod ad_share;

use std::time::Duration;

use ad_share::{Client, Gateway, HeldSession, LOCAL};
use smbgw_core::account::ids::{self, Database};
use smbgw_core::account::{find_group, find_user};
use smbgw_core::deadline::Deadline;
use smbgw_testing::{Capability, Domain, require, run, wait_until};

/// What a domain and its clients need here.
macro_rules! require_all {
    () => {
        require!(
            Capability::DomainController,
            Capability::Winbind,
            Capability::KerberosTools,
            Capability::Btrfs,
            Capability::Samba
        );
    };
}

/// A share for one user of the machine and one of the domain, both called alice, and for a group of the
/// domain that bob is in.
const CREATE: [&str; 9] = [
    "create",
    "media",
    "--quota=64M",
    "--user=alice",
    r"--user=LAB\alice",
    "--group",
    r"LAB\domain users",
    "--comment=both",
    "--json",
];

/// The administrator's configuration of Samba.
const SMB_CONF: &str = "/etc/samba/smb.conf";

/// How long winbindd may take to find a domain controller that is back, on a busy machine.
const RECOVERY: Duration = Duration::from_secs(300);

#[test]
fn who_is_let_in_follows_the_method() {
    require_all!();
    let domain = Domain::shared();
    domain.add_users(&["alice", "bob"]).unwrap();
    let gateway = Gateway::new(domain, "share1");
    gateway.join(true);
    gateway.add_local_users(&["alice"]);
    let client = Client::new(domain, "client1", &gateway);
    client.log_in("alice");
    client.log_in("bob");
    gateway.runs(&CREATE, 0);
    let rights = || {
        run(gateway
            .host
            .command("getfacl")
            .args(["-cn", "/srv/smb/media"]))
        .unwrap()
    };
    let accounts = || run(gateway.host.command("pdbedit").arg("-L")).unwrap();
    let before = (rights(), accounts(), gateway.record("media"));

    let sees = |of_domain: bool, of_machine: bool| {
        let entered = [
            (client.by_kerberos("alice", "media"), of_domain),
            (
                client.by_password(r"LAB\alice", Domain::PASSWORD, "media"),
                of_domain,
            ),
            (client.by_kerberos("bob", "media"), of_domain),
            (
                client.by_password(r"LAB\bob", Domain::PASSWORD, "media"),
                of_domain,
            ),
            (
                client.by_password(r"SHARE1\alice", LOCAL, "media"),
                of_machine,
            ),
        ];
        for (number, (session, is_let_in)) in entered.into_iter().enumerate() {
            match is_let_in {
                true => session.writes(&format!("of-{number}")),
                false => session.refused("NT_STATUS_ACCESS_DENIED"),
            }
        }
    };
    sees(true, true);
    // The passwords of one are no good for the other.
    let wrong = client.by_password(r"SHARE1\alice", Domain::PASSWORD, "media");
    wrong.refused("NT_STATUS_LOGON_FAILURE");

    let of_bob = HeldSession::begin(&client, &gateway, r"LAB\bob", Domain::PASSWORD);
    let of_alice = HeldSession::begin(&client, &gateway, r"SHARE1\alice", LOCAL);
    gateway.runs(&["auth", "media", "local"], 0);
    of_alice.goes_on();
    of_bob.has_ended();
    sees(false, true);
    gateway.runs(&["auth", "media", "domain"], 0);
    sees(true, false);
    gateway.runs(&["auth", "media", "local"], 0);
    sees(false, true);
    gateway.runs(&["auth", "media", "hybrid"], 0);
    sees(true, true);
    assert_eq!((rights(), accounts(), gateway.record("media")), before);
    let status = gateway.runs(&["status", "media", "--json"], 0);
    assert!(gateway.findings(&status).is_empty(), "{status}");
}

#[test]
fn a_machine_that_cannot_let_in_users_of_a_domain_says_so() {
    require_all!();
    let domain = Domain::shared();
    domain.add_users(&["carol"]).unwrap();
    let gateway = Gateway::new(domain, "share2");
    gateway.add_local_users(&["dave"]);
    let carol = [
        "create",
        "media",
        "--quota=64M",
        "--user=dave",
        r"--user=LAB\carol",
        "--json",
    ];

    // In no domain.
    let said = gateway.runs(&carol, 5);
    assert_eq!(gateway.problems(&said), ["domain.not-member"], "{said}");
    let nobody = [
        "create",
        "media",
        "--quota=64M",
        "--user=dave",
        "--auth=domain",
        "--json",
    ];
    let said = gateway.runs(&nobody, 2);
    assert_eq!(gateway.problems(&said), ["share.access-missing"], "{said}");
    assert!(!gateway.host.path("/srv/smb/media").exists());
    assert!(!gateway.host.path("/etc/smbgw").exists());

    // A member, whose system does not ask winbindd: ids are known, and nobody would come in.
    gateway.join(false);
    let soon = Deadline::after(Duration::from_secs(60));
    let user = r"LAB\carol".parse().unwrap();
    let found = find_user(&gateway.entered, &user, soon).unwrap().unwrap();
    assert_eq!(found.name, r"LAB\carol");
    let group = r"LAB\domain users".parse().unwrap();
    let group = find_group(&gateway.entered, &group, soon).unwrap().unwrap();
    assert_eq!(group.gid, found.gid);
    let names = ids::names(&gateway.entered, Database::Users, &[found.uid].into(), soon).unwrap();
    assert_eq!(
        names.get(&found.uid).map(String::as_str),
        Some(r"LAB\carol")
    );
    let said = gateway.runs(&carol, 5);
    assert!(said.contains("nsswitch.conf"), "{said}");
    let nobody = [
        "create",
        "media",
        "--quota=64M",
        r"--user=LAB\nobodyknows",
        "--json",
    ];
    let said = gateway.runs(&nobody, 2);
    assert_eq!(gateway.problems(&said), ["account.no-such-user"], "{said}");
    let kept_out = [&carol[..], &["--auth=local"]].concat();
    gateway.runs(&kept_out, 0);
    gateway.runs(&["auth", "media", "hybrid"], 0);
    let status = gateway.runs(&["status", "media", "--json"], 0);
    assert_eq!(
        gateway.findings(&status),
        ["domain.unknown-to-system"],
        "{status}"
    );
    let client = Client::new(domain, "client2", &gateway);
    let session = client.by_password(r"LAB\carol", Domain::PASSWORD, "media");
    session.refused("NT_STATUS_LOGON_FAILURE");
    client
        .by_password(r"SHARE2\dave", LOCAL, "media")
        .writes("dave");

    // It takes nothing but the line.
    gateway.ask_winbind();
    let status = gateway.runs(&["status", "media", "--json"], 0);
    assert!(gateway.findings(&status).is_empty(), "{status}");
    client
        .by_password(r"LAB\carol", Domain::PASSWORD, "media")
        .writes("carol");

    // Names of the domain that read like names of the machine.
    let before = gateway.host.read(SMB_CONF).unwrap();
    let plain = "[global]\n\twinbind use default domain = yes\n";
    let text = before.replacen("[global]\n", plain, 1);
    gateway.host.write(SMB_CONF, text).unwrap();
    gateway.reload_winbindd();
    let is_plain = || run(gateway.host.command("getent").args(["passwd", "carol"])).ok();
    wait_until(Duration::from_secs(60), "carol to be found", is_plain).unwrap();
    let carol_as_local = [
        "create",
        "plain",
        "--quota=64M",
        "--user=carol",
        "--auth=local",
        "--json",
    ];
    let said = gateway.runs(&carol_as_local, 2);
    assert_eq!(
        gateway.problems(&said),
        ["account.name-of-domain"],
        "{said}"
    );
    assert!(!gateway.host.path("/srv/smb/plain").exists());
    gateway.host.write(SMB_CONF, before).unwrap();
    gateway.reload_winbindd();

    // Without winbindd.
    run(gateway
        .host
        .command("smbcontrol")
        .args(["winbindd", "shutdown"]))
    .unwrap();
    let is_down = || {
        run(gateway.host.command("wbinfo").arg("--ping"))
            .is_err()
            .then_some(())
    };
    wait_until(Duration::from_secs(60), "winbindd to end", is_down).unwrap();
    let status = gateway.runs(&["status", "media", "--json"], 0);
    assert_eq!(
        gateway.findings(&status),
        ["domain.winbind-down"],
        "{status}"
    );
    let other = [&carol[..1], &["other"], &carol[2..]].concat();
    let said = gateway.runs(&other, 5);
    assert_eq!(gateway.problems(&said), ["domain.winbind-down"], "{said}");
    client
        .by_password(r"SHARE2\dave", LOCAL, "media")
        .writes("dave2");
    let text = gateway.runs(&["status", "media"], 0);
    assert!(text.contains("degraded: winbindd"), "{text}");
}

#[test]
fn without_a_domain_controller_users_of_the_machine_go_on_and_it_passes_by_itself() {
    require_all!();
    let domain = Domain::start().unwrap();
    domain.add_users(&["alice", "bob"]).unwrap();
    let gateway = Gateway::new(&domain, "share3");
    gateway.join(true);
    gateway.add_local_users(&["erin"]);
    let client = Client::new(&domain, "client3", &gateway);
    client.log_in("alice");
    gateway.runs(
        &[
            "create",
            "media",
            "--quota=64M",
            r"--user=LAB\alice",
            r"--user=LAB\bob",
            r"--group=LAB\domain guests",
            "--user=erin",
        ],
        0,
    );
    // A log-in of the system, as PAM does it, which winbindd remembers.
    let log_in = |password: &str| {
        run(gateway.host.command("wbinfo").args([
            "--krb5ccname=FILE:/run/tickets.%u",
            &format!(r"--krb5auth=LAB\alice%{password}"),
        ]))
    };
    log_in(Domain::PASSWORD).unwrap();
    client.by_kerberos("alice", "media").writes("alice1");
    client
        .by_password(r"LAB\bob", Domain::PASSWORD, "media")
        .writes("bob1");
    client
        .by_password(r"SHARE3\erin", LOCAL, "media")
        .writes("erin1");
    let held = HeldSession::begin(&client, &gateway, r"LAB\bob", Domain::PASSWORD);
    domain.controller().pull_cable().unwrap();
    let status = gateway.runs(&["status", "media", "--json"], 0);
    assert_eq!(gateway.findings(&status), ["domain.degraded"], "{status}");
    assert!(
        status.contains("\"degraded: no domain controller"),
        "{status}"
    );
    client
        .by_password(r"SHARE3\erin", LOCAL, "media")
        .writes("erin2");
    client.by_kerberos("alice", "media").writes("alice2");
    held.goes_on();
    let bob = || client.by_password(r"LAB\bob", Domain::PASSWORD, "media");
    bob().refused_within(5);
    // Whom a share lets in can be changed now, too.
    gateway.runs(&["auth", "media", "local"], 0);
    client
        .by_kerberos("alice", "media")
        .refused("NT_STATUS_ACCESS_DENIED");
    client
        .by_password(r"SHARE3\erin", LOCAL, "media")
        .writes("erin3");
    let text = gateway.runs(&["auth", "media", "hybrid"], 0);
    assert!(text.contains("degraded: no domain controller"), "{text}");

    let is_well = || {
        let status = gateway.runs(&["status", "media", "--json"], 0);
        (bob().entered() && gateway.findings(&status).is_empty()).then_some(())
    };
    domain.controller().plug_cable().unwrap();
    wait_until(RECOVERY, "all to be well with the cable", is_well).unwrap();

    // What winbindd remembers lets people log in to the system, and not to shares.
    domain.controller().stop().unwrap();
    let remembered = || log_in(Domain::PASSWORD).ok();
    let said = wait_until(RECOVERY, "a cached log-in", remembered).unwrap();
    assert!(said.contains("NETLOGON_CACHED_ACCOUNT"), "{said}");
    log_in("wrong").unwrap_err();
    bob().refused_within(5);
    let status = gateway.runs(&["status", "media", "--json"], 0);
    assert_eq!(gateway.findings(&status), ["domain.degraded"], "{status}");
    domain.controller().start().unwrap();
    wait_until(RECOVERY, "all to be well with the controller", is_well).unwrap();
}
