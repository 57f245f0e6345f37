//! The membership of a real domain by the program, as an administrator runs it (root).

mod lab;

use std::process::{Command, Stdio};
use std::time::Duration;

use lab::cli::{PROGRAM, Ran, run_as};
use smbgw_core::host::{Host as _, NamespaceHost};
use smbgw_testing::{Capability, Domain, LightHost, require, run, wait_until};

const SMB_CONF: &str = "[global]\n\tworkgroup = WORKGROUP\n\tload printers = no\n";

/// A host of the domain that all tests share, which has joined nothing.
struct Host(LightHost);

impl Host {
    fn new(name: &str) -> Self {
        let host = Domain::shared().host(name).unwrap();
        host.write("/etc/samba/smb.conf", SMB_CONF).unwrap();
        Self(host)
    }

    /// Runs the program with arguments separated by blanks, with the administrator's password as
    /// standard input.
    fn runs(&self, arguments: &str) -> Ran {
        self.runs_with(arguments, &format!("{}\n", Domain::PASSWORD))
    }

    fn runs_with(&self, arguments: &str, input: &str) -> Ran {
        let mut command = self.0.command(PROGRAM);
        run_as(command.args(arguments.split_whitespace()), input)
    }
}

macro_rules! require_all {
    () => {
        require!(
            Capability::DomainController,
            Capability::Winbind,
            Capability::KerberosTools
        )
    };
}

#[test]
fn a_domain_is_found_joined_kept_and_left() {
    require_all!();
    let host = Host::new("cli1");
    host.runs("ad-status").ended(3).said(&["in no domain"]);
    host.runs("ad-discover ad.test").ended(0).said(&[
        "Domain ad.test (LAB)",
        "AD.TEST",
        "dc.ad.test (",
        Domain::SITE,
    ]);
    let found = host.runs("ad-discover AD.test --all --json").ended(0);
    let found = found.json();
    assert_eq!(found["controller"]["host"], "dc.ad.test");
    let flags = found["controller"]["flags"].as_array().unwrap();
    assert!(flags.contains(&"writable".into()), "{found:#}");
    assert!(found["controller"]["milliseconds"].as_f64() > Some(0.0));

    host.runs("ad-join ad.test --user Administrator --check")
        .ended(0)
        .said(&["can join ad.test as CLI1", "nothing was changed"]);
    assert!(Domain::shared().computer("cli1").unwrap().is_none());
    let joined = host.runs("ad-join ad.test --user Administrator --alias files1 --json");
    let joined = joined.ended(0).json();
    assert_eq!(joined["outcome"], "done");
    assert_eq!(joined["computer"], "CLI1");
    run(host.0.command("net").args(["ads", "testjoin"])).unwrap();
    host.runs("ad-join ad.test --user Administrator")
        .ended(4)
        .said(&["already"]);

    let status = host.runs("ad-status --json").ended(0).json();
    assert_eq!(status["state"], "good", "{status:#}");
    assert_eq!(status["member"]["computer"], "CLI1");
    host.runs("ad-status").ended(0).said(&[
        "Domain ad.test (LAB): good",
        "dc.ad.test",
        "winbindd    works",
    ]);
    host.runs("ad-spn list")
        .ended(0)
        .said(&["cifs/cli1.ad.test", "cifs/files1"]);
    let all = host.runs("ad-spn list --json").ended(0).json();
    for service in all.as_array().unwrap() {
        assert_eq!(service["in_directory"], true, "{service}");
    }
    host.runs("ad-spn add more1 --user Administrator")
        .ended(0)
        .said(&["are changed"]);
    let keys = host.runs("ad-keytab --json").ended(0).json();
    let has_keys = |keys: &serde_json::Value, of: &str| {
        let mut entries = keys["entries"].as_array().unwrap().iter();
        entries.any(|entry| entry["principal"] == of)
    };
    assert!(has_keys(&keys, "cifs/more1.ad.test@AD.TEST"), "{keys:#}");
    host.runs("ad-spn remove more1 --user Administrator")
        .ended(0);
    let keys = host.runs("ad-keytab --json").ended(0).json();
    assert!(!has_keys(&keys, "cifs/more1.ad.test@AD.TEST"), "{keys:#}");
    run(host.0.command("rm").arg("/etc/krb5.keytab")).unwrap();
    host.runs("ad-status").ended(7).said(&["ad.keytab-missing"]);
    host.runs("ad-keytab --refresh")
        .ended(0)
        .said(&["has the keys of"]);
    host.runs("ad-keytab --refresh")
        .ended(0)
        .said(&["had the keys of"]);
    host.runs("ad-status").ended(0);

    host.runs("ad-status nothing").ended(3).said(&["no share"]);
    host.runs("ad-status a/b").ended(2);

    host.runs("ad-rotate --if-older-than-days 25")
        .ended(0)
        .said(&["nothing to do"]);
    let rotated = host.runs("ad-rotate --json").ended(0).json();
    assert_eq!(rotated["result"], "rotated");
    run(host.0.command("net").args(["ads", "testjoin"])).unwrap();
    host.runs("ad-recover")
        .ended(0)
        .said(&["Nothing was interrupted."]);

    host.runs("ad-leave --user Administrator --delete")
        .ended(0)
        .said(&["has left the domain ad.test"]);
    assert!(Domain::shared().computer("cli1").unwrap().is_none());
    assert_eq!(host.0.read("/etc/samba/smb.conf").unwrap(), SMB_CONF);
    host.runs("ad-leave --host-only").ended(3);
    host.runs("ad-rotate").ended(3).said(&["in no domain"]);
    host.runs("ad-rotate --if-older-than-days 25")
        .ended(0)
        .said(&["in no domain"]);
}

#[test]
fn a_password_comes_from_where_it_is_said_to_be() {
    require_all!();
    let host = Host::new("cli2");
    let join = "ad-join ad.test --user Administrator --check";
    host.0
        .write("/srv/secret", format!("{}\r\nmore\n", Domain::PASSWORD))
        .unwrap();
    let nothing = |arguments: &str| host.runs_with(arguments, "");
    nothing(&format!("{join} --password-file /srv/secret")).ended(0);
    host.runs(&format!("{join} --password-file -")).ended(0);
    host.runs(&format!("{join} --password-fd 0")).ended(0);
    // As a shell does it: another descriptor.
    let script = format!("exec {PROGRAM} {join} --password-fd 7 7</srv/secret");
    let mut shell = host.0.command("sh");
    run_as(shell.args(["-c", &script]), "").ended(0);

    // Typed: script(1) gives it a terminal.
    let typed = format!("{PROGRAM} {join}");
    let mut script = host.0.command("script");
    script.args(["--quiet", "--return", "--command", &typed, "/dev/null"]);
    let typed = run_as(&mut script, &format!("{}\n", Domain::PASSWORD));
    typed
        .ended(0)
        .said(&["Password of Administrator: ", "can join ad.test"]);

    nothing(join).ended(2).said(&["the password is empty"]);
    nothing(&format!("{join} --password-file /srv/nothing"))
        .ended(2)
        .said(&["/srv/nothing"]);
    nothing(&format!("{join} --password-fd 99"))
        .ended(2)
        .said(&["99"]);
    host.runs(&format!("{join} --password-fd 0 --password-file -"))
        .ended(2);
    host.runs("ad-recover --password-file -")
        .ended(2)
        .said(&["nobody"]);
}

#[test]
fn what_is_refused_touches_nothing() {
    require_all!();
    let host = Host::new("cli3");
    let wrong = host.runs_with("ad-join ad.test --user Administrator --json", "not it\n");
    let document = wrong.ended(1).json();
    assert_eq!(document["outcome"], "refused");
    assert_eq!(document["problems"][0]["code"], "ad.password-wrong");
    host.runs("ad-join ad.test --user nobody1")
        .said(&["nobody1"]);
    host.runs("ad-join ad.test --user Administrator --ou OU=Nowhere,DC=ad,DC=test")
        .ended(2)
        .said(&["OU=Nowhere"]);
    let request =
        host.runs("ad-join nodomain_ --computer-name much-too-long-for-this --user a@ --json");
    let problems = request.ended(2).json()["problems"].clone();
    for field in ["computer-name", "user"] {
        let mut all = problems.as_array().unwrap().iter();
        assert!(all.any(|problem| problem["field"] == field), "{problems:#}");
    }
    for wrong in [
        "ad-join",
        "ad-join ad.test --reuse --reset",
        "ad-join ad.test --no-dns --address 10.0.0.1",
        "ad-join ad.test --address here",
        "ad-join ad.test --offline-blob blob --check",
        "ad-leave",
        "ad-leave --delete --host-only",
        "ad-rotate --if-older-than-days never",
        "ad-spn add",
        "ad-test",
    ] {
        host.runs(wrong).ended(2);
    }
    host.runs("ad-discover nowhere.test")
        .ended(3)
        .said(&["nowhere.test"]);
    host.runs("ad-leave --user Administrator").ended(3);
    assert!(Domain::shared().computer("cli3").unwrap().is_none());
    assert_eq!(host.0.read("/etc/samba/smb.conf").unwrap(), SMB_CONF);
    run(host.0.command("test").args(["!", "-e", "/etc/smbgw"])).unwrap();
}

#[test]
fn a_domain_is_looked_at_without_being_joined() {
    require_all!();
    let host = Host::new("cli4");
    let found = host.runs("ad-test --domain ad.test --user Administrator");
    let said = found.said(&["netlogon", "login by Kerberos", "dc.ad.test"]);
    assert_eq!(said.status, 0, "{said:#?}");
    let wrong = host.runs_with(
        "ad-test --domain ad.test --user Administrator --json",
        "not it\n",
    );
    let checks = wrong.ended(1).json()["checks"].clone();
    let mut failed = checks.as_array().unwrap().iter();
    assert!(
        failed.any(|check| check["result"] == "fail" && check["code"] == "ad.password-wrong"),
        "{checks:#}"
    );
}

#[test]
fn a_machine_joins_with_a_file_that_another_one_made() {
    require_all!();
    let maker = Host::new("cli5");
    let host = Host::new("cli6");
    let make = "ad-join ad.test --user Administrator --computer-name cli6 --offline-blob /srv/blob";
    maker
        .runs(make)
        .ended(0)
        .said(&["CLI6 can join ad.test with /srv/blob"]);
    maker.runs(make).ended(4);
    maker.runs("ad-status").ended(3);
    let blob = NamespaceHost::of_process("cli5", maker.0.pid())
        .unwrap()
        .read("/srv/blob".as_ref());
    let blob = blob.unwrap().unwrap();
    host.0.write("/srv/blob", blob).unwrap();
    host.runs("ad-join --offline-blob /srv/other").ended(2);
    host.runs("ad-join other.test --offline-blob /srv/blob")
        .ended(4);
    host.runs_with("ad-join --offline-blob /srv/blob", "")
        .ended(0)
        .said(&["is in the domain ad.test, as CLI6"]);
    run(host.0.command("net").args(["ads", "testjoin"])).unwrap();
    host.runs("ad-leave --user Administrator --delete").ended(0);
}

#[test]
fn an_account_stays_until_it_is_deleted_and_can_be_taken_over() {
    require_all!();
    let host = Host::new("cli7");
    let disabled = || {
        let account = Domain::shared().computer("cli7").unwrap().unwrap();
        let flags: u32 = account["useraccountcontrol"][0].parse().unwrap();
        flags & 2 != 0
    };
    let join = "ad-join ad.test --user Administrator";
    host.runs(join).ended(0);
    host.runs_with("ad-leave --host-only", "").ended(0);
    host.runs("ad-status").ended(3);
    assert!(!disabled());

    host.runs(join).ended(4).said(&["--reset"]);
    host.runs(&format!("{join} --reuse")).ended(4);
    host.runs(&format!("{join} --reset")).ended(0);
    host.runs("ad-leave --user Administrator").ended(0);
    assert!(disabled());
    host.runs(&format!("{join} --reuse")).ended(0);
    assert!(!disabled());
    host.runs("ad-status").ended(0);
    host.runs("ad-leave --user Administrator --delete").ended(0);
    assert!(Domain::shared().computer("cli7").unwrap().is_none());
}

#[test]
fn a_machine_joins_from_outside_of_it() {
    require_all!();
    let host = Host::new("cli8");
    let target = format!("--host=pid:{}", host.0.pid());
    let outside = |arguments: &str| {
        let mut command = Command::new(PROGRAM);
        command.args(arguments.split_whitespace()).arg(&target);
        run_as(&mut command, &format!("{}\n", Domain::PASSWORD))
    };
    outside("ad-status").ended(3).said(&["in no domain"]);
    outside("ad-join ad.test --user Administrator").ended(0);
    run(host.0.command("net").args(["ads", "testjoin"])).unwrap();
    outside("ad-status").ended(0).said(&["CLI8", "good"]);
    outside("ad-leave --user Administrator --delete").ended(0);
    assert!(Domain::shared().computer("cli8").unwrap().is_none());

    let refused = |target: &str, why: &str| {
        let mut command = Command::new(PROGRAM);
        run_as(command.args(["ad-status", target]), "")
            .ended(2)
            .said(&[why]);
    };
    refused("--host=cli8", "pid:N");
    refused("--host=pid:0", "pid:N");
    refused("--host=pid:4194304", "No such file");
    refused("--host=ssh:-oProxyCommand=x", "ssh:[user@]host");
    // In a user namespace of its own, as an unprivileged container is.
    let mut sleeps = Command::new("unshare");
    let sleeps = sleeps.args(["--user", "sleep", "60"]).stdin(Stdio::null());
    let mut sleeps = sleeps.spawn().unwrap();
    let own = std::fs::read_link("/proc/self/ns/user").unwrap();
    let its = format!("/proc/{}/ns/user", sleeps.id());
    wait_until(Duration::from_secs(20), "the other users", || {
        std::fs::read_link(&its).ok().filter(|its| *its != own)
    })
    .unwrap();
    let unprivileged = format!("--host=pid:{}", sleeps.id());
    refused(&unprivileged, "unprivileged container");
    sleeps.kill().unwrap();
    sleeps.wait().unwrap();

    let mut nowhere = host.0.command(PROGRAM);
    let nowhere = nowhere.args(["ad-join", "ad.test", "--user=x", "--share", "nothing"]);
    run_as(nowhere, "x\n").ended(3).said(&["nothing"]);
}

#[test]
fn a_machine_joins_by_a_way_that_leads_to_it() {
    require_all!();
    let host = Host::new("cli9");
    // What enters containers, and here leads to the machine itself: all that is done on it passes through
    // the way.
    let script = "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\"\n";
    host.0.write("/run/tools/lxc-attach", script).unwrap();
    run(host
        .0
        .command("chmod")
        .args(["755", "/run/tools/lxc-attach"]))
    .unwrap();
    let over = "lowerdir=/run/tools:/usr/bin";
    let mut mount = host.0.command("mount");
    run(mount.args(["-t", "overlay", "overlay", "-o", over, "/usr/bin"])).unwrap();
    let way = "--host lxc:cli9";
    host.runs(&format!("ad-status {way}"))
        .ended(3)
        .said(&["in no domain"]);
    host.runs(&format!("ad-join ad.test --user Administrator {way}"))
        .ended(0);
    run(host.0.command("net").args(["ads", "testjoin"])).unwrap();
    host.runs(&format!("ad-status {way}"))
        .ended(0)
        .said(&["CLI9", "good"]);
    host.runs("ad-status").ended(0).said(&["CLI9", "good"]);
    host.runs(&format!("ad-leave --user Administrator --delete {way}"))
        .ended(0);
    assert!(Domain::shared().computer("cli9").unwrap().is_none());
}
