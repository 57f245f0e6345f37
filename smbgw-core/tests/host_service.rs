//! smbd without a service manager, and the proof of its shares, with the real Samba.

mod inside;

use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use inside::{in_light_host, soon, threads_and_files, write};
use smbgw_core::account::{self, UserName};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, chain_text};
use smbgw_core::host::LocalHost;
use smbgw_core::host::NamespaceHost;
use smbgw_core::probe::{
    Login, ProbeError, ProbeResult, SMB_PORT, ShareProbe, address_for_probe, interfaces,
};
use smbgw_core::secret::Secret;
use smbgw_core::service::{DirectService, ServiceState, SmbService, detect};
use smbgw_core::share::ShareName;
use smbgw_testing::{Capability, Daemon, LightHost, require, run, wait_until};

const GLOBAL: &str = "[global]\nload printers = no\ndisable spoolss = yes\n";

/// Writes an smb.conf with `global` parameters and a share for each of `shares`.
fn configure(global: &str, shares: &[&str]) {
    let mut text = format!("{GLOBAL}{global}\n");
    std::fs::create_dir_all("/srv/data").unwrap();
    for share in shares {
        text.push_str(&format!("[{share}]\npath = /srv/data\n"));
    }
    write("/etc/samba/smb.conf", &text);
}

fn anonymous(share: &ShareName) -> ShareProbe<'_> {
    ShareProbe {
        address: IpAddr::from([127, 0, 0, 1]),
        port: SMB_PORT,
        share,
        login: Login::Anonymous,
    }
}

fn share(name: &str) -> ShareName {
    name.parse().unwrap()
}

#[test]
fn smbd_starts_reloads_and_stops() {
    require!(Capability::Samba);
    in_light_host("smbd_starts_reloads_and_stops", || {
        let host = LocalHost::new();
        let service = detect(&host);
        assert_eq!(service.describe(), "smbd", "there is no systemd here");
        let before = threads_and_files();
        configure("", &["one"]);

        assert_eq!(service.state(soon()).unwrap(), ServiceState::Stopped);
        assert_eq!(service.stop(soon()).unwrap(), Change::Unchanged);
        assert_eq!(
            service.reload(soon()).unwrap_err().code(),
            "service.not-running"
        );
        service.close_share("one", soon()).unwrap();
        let refused = anonymous(&share("one")).once(&host, soon()).unwrap_err();
        assert!(matches!(refused, ProbeError::Refused { .. }), "{refused}");

        assert_eq!(service.start(soon()).unwrap(), Change::Updated);
        assert_eq!(service.state(soon()).unwrap(), ServiceState::Running);
        assert_eq!(service.start(soon()).unwrap(), Change::Unchanged);
        // It takes connections when start returns: no waiting.
        let one = anonymous(&share("one")).once(&host, soon()).unwrap();
        assert_eq!(one, ProbeResult::ExistsButDenied);
        let two = anonymous(&share("two")).once(&host, soon()).unwrap_err();
        assert!(matches!(two, ProbeError::NotFound { .. }), "{two}");

        configure("", &["one", "two"]);
        service.reload(soon()).unwrap();
        let two = anonymous(&share("two"))
            .wait_until_there(&host, soon())
            .unwrap();
        assert_eq!(two, ProbeResult::ExistsButDenied);
        configure("", &["one"]);
        service.reload(soon()).unwrap();
        anonymous(&share("two"))
            .wait_until_gone(&host, soon())
            .unwrap();

        let brief = Deadline::after(Duration::from_millis(300));
        let still = anonymous(&share("one"))
            .wait_until_gone(&host, brief)
            .unwrap_err();
        assert_eq!(still.code(), "smb.share-still-there");

        // A hangup signal must not come before smbd has a handler for it.
        for _ in 0..20 {
            assert_eq!(service.stop(soon()).unwrap(), Change::Updated);
            assert_eq!(service.state(soon()).unwrap(), ServiceState::Stopped);
            // Not `run`, which waits until the daemon has closed its output.
            assert!(Command::new("smbd").arg("-D").status().unwrap().success());
            wait_until(Duration::from_secs(60), "the process", || {
                (service.state(soon()).unwrap() == ServiceState::Running).then_some(())
            })
            .unwrap();
            service.reload(soon()).unwrap();
            assert_eq!(service.state(soon()).unwrap(), ServiceState::Running);
        }
        service.stop(soon()).unwrap();
        assert_eq!(threads_and_files(), before, "something was left behind");
    });
}

#[test]
fn closing_a_share_disconnects_its_clients() {
    require!(Capability::Samba);
    in_light_host("closing_a_share_disconnects_its_clients", || {
        let host = LocalHost::new();
        let service = detect(&host);
        configure(
            "map to guest = bad user\nguest ok = yes",
            &["Team Files", "other"],
        );
        service.start(soon()).unwrap();
        // smbclient stays connected while its input is open.
        let client = |share: &str| {
            let mut client = Command::new("smbclient");
            client.args(["-s/dev/null", "-N", &format!("//127.0.0.1/{share}")]);
            client
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            Daemon::spawn(&mut client).unwrap()
        };
        let _clients = [client("Team Files"), client("other")];
        let connected = |share: &str| {
            let list = run(Command::new("smbstatus").arg("-S")).unwrap();
            list.lines().any(|line| line.starts_with(share))
        };
        wait_until(Duration::from_secs(60), "both clients", || {
            (connected("Team Files") && connected("other")).then_some(())
        })
        .unwrap();
        service.close_share("Team Files", soon()).unwrap();
        wait_until(Duration::from_secs(60), "the end of one", || {
            (!connected("Team Files")).then_some(())
        })
        .unwrap();
        assert!(connected("other"));
    });
}

#[test]
fn a_failed_start_says_why() {
    require!(Capability::Samba);
    in_light_host("a_failed_start_says_why", || {
        let host = LocalHost::new();
        let service = DirectService::new(&host);
        configure("interfaces = 192.0.2.1/24\nbind interfaces only = yes", &[]);
        let error = service.start(soon()).unwrap_err();
        assert_eq!(error.code(), "service.start-failed");
        let text = chain_text(&error);
        assert!(text.contains("its log says"), "{text}");
        assert_eq!(service.state(soon()).unwrap(), ServiceState::Stopped);
    });
}

#[test]
fn only_a_process_that_is_smbd_is_taken_for_it() {
    require!(Capability::Samba);
    in_light_host("only_a_process_that_is_smbd_is_taken_for_it", || {
        let host = LocalHost::new();
        let service = DirectService::new(&host);
        let mut sleep = Command::new("sleep");
        let sleep = Daemon::start({
            sleep.arg("1000");
            sleep
        })
        .unwrap();
        write("/run/samba/smbd.pid", &format!("{}\n", sleep.pid()));
        assert_eq!(service.state(soon()).unwrap(), ServiceState::Stopped);
        // The lock alone is no proof either.
        let mut locker = Command::new("python3");
        locker.args([
            "-c",
            "import fcntl, time\nf = open('/run/samba/smbd.pid', 'r+')\nfcntl.lockf(f, \
             fcntl.LOCK_EX)\nopen('/run/locked', 'w').close()\ntime.sleep(1000)",
        ]);
        let _locker = Daemon::start(locker).unwrap();
        wait_until(Duration::from_secs(60), "the lock", || {
            std::path::Path::new("/run/locked").exists().then_some(())
        })
        .unwrap();
        assert_eq!(service.state(soon()).unwrap(), ServiceState::Stopped);
        assert_eq!(service.stop(soon()).unwrap(), Change::Unchanged);
    });
}

#[test]
fn a_share_is_proven_under_every_kind_of_security() {
    require!(Capability::Samba);
    in_light_host("a_share_is_proven_under_every_kind_of_security", || {
        let host = LocalHost::new();
        let service = detect(&host);
        let names = ["plain", "Team Files", "it's büro", "backup$", "ПАПКА"];
        configure("", &names);
        service.start(soon()).unwrap();
        for global in [
            "map to guest = never",
            "map to guest = bad user",
            "restrict anonymous = 2",
            "server signing = mandatory",
            "server min protocol = SMB3_11",
            "server smb encrypt = desired",
            "valid users = nobody-at-all",
            "hosts deny = 203.0.113.0/24",
        ] {
            configure(global, &names);
            service.reload(soon()).unwrap();
            for name in names {
                let found = anonymous(&share(name)).wait_until_there(&host, soon());
                assert_eq!(
                    found.unwrap(),
                    ProbeResult::ExistsButDenied,
                    "{global}: {name}"
                );
            }
            let missing = anonymous(&share("missing"))
                .once(&host, soon())
                .unwrap_err();
            assert_eq!(missing.code(), "smb.share-not-found", "{global}");
        }
        configure("guest ok = yes\nmap to guest = bad user", &names);
        service.reload(soon()).unwrap();
        wait_until(Duration::from_secs(60), "guests to be let in", || {
            let found = anonymous(&share("it's büro")).once(&host, soon()).unwrap();
            (found == ProbeResult::Connected).then_some(())
        })
        .unwrap();
        // Nobody has no key to encrypt with, and the session is refused before any share is named.
        configure("server smb encrypt = required", &names);
        service.reload(soon()).unwrap();
        wait_until(Duration::from_secs(60), "encryption to be demanded", || {
            let found = anonymous(&share("plain")).once(&host, soon());
            matches!(found, Err(ProbeError::AnonymousRefused { .. })).then_some(())
        })
        .unwrap();
    });
}

#[test]
fn a_user_is_let_in_with_the_right_password_only() {
    require!(Capability::Samba);
    in_light_host("a_user_is_let_in_with_the_right_password_only", || {
        let host = LocalHost::new();
        let service = detect(&host);
        let global = "map to guest = bad user\nguest ok = yes";
        configure(global, &["one"]);
        std::fs::create_dir_all("/srv/closed").unwrap();
        std::fs::set_permissions(
            "/srv/closed",
            std::os::unix::fs::PermissionsExt::from_mode(0o711),
        )
        .unwrap();
        let mut conf = std::fs::read_to_string("/etc/samba/smb.conf").unwrap();
        conf.push_str("[closed]\npath = /srv/closed\n[others]\npath = /srv/data\n");
        conf.push_str("valid users = root\n");
        write("/etc/samba/smb.conf", &conf);
        service.start(soon()).unwrap();

        let alice: UserName = "alice".parse().unwrap();
        let bob: UserName = "bob".parse().unwrap();
        let good = Secret::from("p w#ö\"%;'=\\$x".to_string());
        let wrong = Secret::from("wrong".to_string());
        account::create_user(&host, &alice, soon()).unwrap();
        account::set_smb_password(&host, &alice, &good, soon()).unwrap();
        let probe = |name: &str, user, password| {
            let share = share(name);
            let login = Login::User {
                name: user,
                password,
            };
            let probe = ShareProbe {
                login,
                ..anonymous(&share)
            };
            probe.wait_until_there(&host, soon())
        };
        assert_eq!(probe("one", &alice, &good).unwrap(), ProbeResult::Connected);
        assert_eq!(
            probe("closed", &alice, &good).unwrap(),
            ProbeResult::Connected
        );
        assert_eq!(
            probe("others", &alice, &good).unwrap(),
            ProbeResult::ExistsButDenied
        );
        for (user, password) in [(&alice, &wrong), (&bob, &good)] {
            // The guest mapping would let bob in.
            let error = probe("one", user, password).unwrap_err();
            assert_eq!(error.code(), "smb.logon-failure", "{error}");
        }
        for global in [
            "server smb encrypt = required",
            "server signing = mandatory",
        ] {
            configure(global, &["one"]);
            service.reload(soon()).unwrap();
            assert_eq!(probe("one", &alice, &good).unwrap(), ProbeResult::Connected);
        }
    });
}

#[test]
fn the_probe_goes_where_smbd_listens() {
    require!(Capability::Samba);
    in_light_host("the_probe_goes_where_smbd_listens", || {
        let host = LocalHost::new();
        let service = detect(&host);
        run(Command::new("ip").args(["link", "add", "gw0", "type", "bridge"])).unwrap();
        run(Command::new("ip").args(["addr", "add", "192.0.2.7/24", "dev", "gw0"])).unwrap();
        run(Command::new("ip").args(["link", "set", "gw0", "up"])).unwrap();
        configure("interfaces = gw*\nbind interfaces only = yes", &["one"]);
        service.start(soon()).unwrap();
        let present = interfaces(&host, soon()).unwrap();
        let address = address_for_probe("gw*", true, &present).unwrap();
        assert_eq!(address, IpAddr::from([192, 0, 2, 7]));
        let one = share("one");
        let probe = ShareProbe {
            address,
            ..anonymous(&one)
        };
        assert_eq!(
            probe.once(&host, soon()).unwrap(),
            ProbeResult::ExistsButDenied
        );
        let refused = anonymous(&one).once(&host, soon()).unwrap_err();
        assert_eq!(refused.code(), "smb.connection-refused");
    });
}

#[test]
fn an_smbd_inside_something_else_is_asked_by_its_own_programs() {
    require!(Capability::Samba);
    let light = LightHost::start().unwrap();
    let entered = NamespaceHost::of_process("inside", light.pid()).unwrap();
    let service = detect(&entered);
    light
        .write(
            "/etc/samba/smb.conf",
            format!("{GLOBAL}[one]\npath = /srv\n"),
        )
        .unwrap();
    assert_eq!(service.state(soon()).unwrap(), ServiceState::Stopped);
    assert_eq!(service.stop(soon()).unwrap(), Change::Unchanged);
    let refused = service.reload(soon()).unwrap_err();
    assert_eq!(refused.code(), "service.not-running");
    service.close_share("one", soon()).unwrap();

    assert_eq!(service.start(soon()).unwrap(), Change::Updated);
    assert_eq!(service.start(soon()).unwrap(), Change::Unchanged);
    let there = anonymous(&share("one")).wait_until_there(&entered, soon());
    assert_eq!(there.unwrap(), ProbeResult::ExistsButDenied);
    light
        .write(
            "/etc/samba/smb.conf",
            format!("{GLOBAL}[two]\npath = /srv\n"),
        )
        .unwrap();
    service.reload(soon()).unwrap();
    let there = anonymous(&share("two")).wait_until_there(&entered, soon());
    assert_eq!(there.unwrap(), ProbeResult::ExistsButDenied);
    service.close_share("two", soon()).unwrap();

    assert_eq!(service.stop(soon()).unwrap(), Change::Updated);
    assert_eq!(service.state(soon()).unwrap(), ServiceState::Stopped);
}
