//! smbd as a unit of a real systemd.
#![cfg(feature = "systemd")]

mod fork;
mod inside;

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use inside::{in_container, soon, threads_and_files, write};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, chain_text};
use smbgw_core::host::{LocalHost, Reach};
use smbgw_core::probe::{Login, ProbeResult, SMB_PORT, ShareProbe};
use smbgw_core::service::{
    ServiceError, ServiceState, SmbService, SystemdService, detect, systemd_unit,
};
use smbgw_testing::{Capability, SystemdContainer, require, run};

fn systemctl(args: &[&str]) {
    run(Command::new("systemctl").args(args)).unwrap();
}

fn configure(global: &str, shares: &[&str]) {
    let mut text = format!("[global]\nload printers = no\n{global}\n");
    for share in shares {
        text.push_str(&format!("[{share}]\npath = /srv\n"));
    }
    write("/etc/samba/smb.conf", &text);
}

/// Waits until the share answers.
fn probe(host: &LocalHost, share: &str) -> ProbeResult {
    let probe = ShareProbe {
        address: IpAddr::from([127, 0, 0, 1]),
        port: SMB_PORT,
        share: &share.parse().unwrap(),
        login: Login::Anonymous,
    };
    probe.wait_until_there(host, soon()).unwrap()
}

#[test]
fn smbd_is_started_reloaded_and_stopped_by_systemd() {
    require!(Capability::SystemdContainer);
    in_container("smbd_is_started_reloaded_and_stopped_by_systemd", || {
        let host = LocalHost::new();
        let service = detect(&host);
        assert_eq!(service.describe(), "the unit `smbd.service`");
        configure("", &["one"]);
        systemctl(&["stop", "smbd"]);

        let before = threads_and_files();
        assert_eq!(service.state(soon()).unwrap(), ServiceState::Stopped);
        assert_eq!(service.stop(soon()).unwrap(), Change::Unchanged);
        assert_eq!(
            service.reload(soon()).unwrap_err().code(),
            "service.not-running"
        );
        service.close_share("one", soon()).unwrap();
        assert_eq!(threads_and_files(), before, "something was left behind");

        assert_eq!(service.start(soon()).unwrap(), Change::Updated);
        assert_eq!(service.state(soon()).unwrap(), ServiceState::Running);
        assert_eq!(service.start(soon()).unwrap(), Change::Unchanged);
        assert_eq!(probe(&host, "one"), ProbeResult::ExistsButDenied);
        service.close_share("one", soon()).unwrap();

        configure("", &["one", "two"]);
        service.reload(soon()).unwrap();
        assert_eq!(probe(&host, "two"), ProbeResult::ExistsButDenied);

        // In a process forked after the library was used, and then here again.
        fork::in_child(|| {
            assert_eq!(service.state(soon()).unwrap(), ServiceState::Running);
            service.reload(soon()).unwrap();
        });
        service.reload(soon()).unwrap();

        assert_eq!(service.stop(soon()).unwrap(), Change::Updated);
        assert_eq!(service.state(soon()).unwrap(), ServiceState::Stopped);
        assert_eq!(threads_and_files(), before, "something was left behind");
    });
}

#[test]
fn what_systemd_refuses_is_told_with_a_remedy() {
    require!(Capability::SystemdContainer);
    in_container("what_systemd_refuses_is_told_with_a_remedy", || {
        let host = LocalHost::new();
        let service = SystemdService::new(&host);
        configure("", &["one"]);
        systemctl(&["stop", "smbd"]);
        let before = threads_and_files();

        systemctl(&["mask", "smbd"]);
        let masked = service.start(soon()).unwrap_err();
        assert_eq!(masked.code(), "service.unit-masked");
        assert_eq!(
            masked.remedy().unwrap(),
            "run `systemctl unmask smbd.service`"
        );
        assert_eq!(service.state(soon()).unwrap(), ServiceState::Stopped);
        systemctl(&["unmask", "smbd"]);

        let missing = SystemdService::new(&host).unit("nothing.service");
        for result in [
            missing.state(soon()).map(drop),
            missing.start(soon()).map(drop),
        ] {
            assert_eq!(result.unwrap_err().code(), "service.unit-missing");
        }

        // smbd calls itself ready, and ends when it cannot open its sockets.
        configure("interfaces = 192.0.2.1/24\nbind interfaces only = yes", &[]);
        let failed = service.start(soon()).unwrap_err();
        assert_eq!(failed.code(), "service.job-failed");
        let text = chain_text(&failed);
        assert!(text.contains("the unit is failed"), "{text}");
        assert!(text.contains("its process was ended by signal 6"), "{text}");
        assert_eq!(
            failed.remedy().unwrap(),
            "see the reason with `journalctl -u smbd -n 50`"
        );

        write(
            "/run/systemd/system/broken.service",
            "[Service]\nType=oneshot\nExecStart=/bin/false\nExecReload=/bin/false\n",
        );
        write(
            "/run/systemd/system/slow.service",
            "[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n",
        );
        systemctl(&["daemon-reload"]);
        let broken = SystemdService::new(&host).unit("broken.service");
        assert_eq!(
            broken.start(soon()).unwrap_err().to_string(),
            "systemd could not start `broken.service`: the job's result is `failed`, the unit is \
             failed (`exit-code`), its process exited with status 1"
        );

        // A start that takes longer than there is time.
        let started = Instant::now();
        let brief = Deadline::after(Duration::from_millis(500));
        let slow = SystemdService::new(&host).unit("slow.service");
        let late = slow.start(brief).unwrap_err();
        assert_eq!(late.code(), "service.timed-out");
        assert!(started.elapsed() < Duration::from_secs(20));
        assert_eq!(
            late.to_string(),
            "the unit `slow.service` was told to start and had not done so in time"
        );
        assert_eq!(slow.stop(soon()).unwrap(), Change::Updated);
        assert_eq!(threads_and_files(), before, "something was left behind");
    });
}

#[test]
fn on_a_machine_elsewhere_systemctl_is_asked() {
    require!(Capability::SystemdContainer);
    in_container("on_a_machine_elsewhere_systemctl_is_asked", || {
        // What leads to this machine as if it were another one.
        let script = "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\"\n";
        write("/usr/bin/lxc-attach", script);
        std::fs::set_permissions("/usr/bin/lxc-attach", PermissionsExt::from_mode(0o755)).unwrap();
        let host = "lxc:elsewhere"
            .parse::<Reach>()
            .unwrap()
            .open("elsewhere")
            .unwrap();
        let service = detect(host.as_ref());
        assert_eq!(service.describe(), "the unit `smbd.service`");
        configure("", &["one"]);
        systemctl(&["stop", "smbd"]);
        let refused = service.reload(soon()).unwrap_err();
        assert_eq!(refused.code(), "service.not-running");
        for (change, state) in [
            (Change::Updated, ServiceState::Running),
            (Change::Unchanged, ServiceState::Running),
        ] {
            assert_eq!(service.start(soon()).unwrap(), change);
            assert_eq!(service.state(soon()).unwrap(), state);
        }
        configure("", &["one", "two"]);
        service.reload(soon()).unwrap();
        assert_eq!(
            probe(&LocalHost::new(), "two"),
            ProbeResult::ExistsButDenied
        );
        service.close_share("two", soon()).unwrap();
        assert_eq!(service.stop(soon()).unwrap(), Change::Updated);
        assert_eq!(service.stop(soon()).unwrap(), Change::Unchanged);

        systemctl(&["mask", "smbd"]);
        assert_eq!(
            service.start(soon()).unwrap_err().code(),
            "service.unit-masked"
        );
        let unit = |name: &str| systemd_unit(host.as_ref(), name).unwrap();
        let missing = unit("nothing.service").start(soon()).unwrap_err();
        assert_eq!(missing.code(), "service.unit-missing");
        for (name, program) in [("fails", "/bin/false"), ("lasts", "/bin/sleep 1000")] {
            let text = format!("[Service]\nType=oneshot\nExecStart={program}\n");
            write(&format!("/run/systemd/system/{name}.service"), &text);
        }
        systemctl(&["daemon-reload"]);
        let failed = unit("fails.service").start(soon()).unwrap_err();
        assert_eq!(failed.code(), "service.job-failed", "{failed}");
        let brief = Deadline::after(Duration::from_secs(2));
        let late = unit("lasts.service").start(brief).unwrap_err();
        assert_eq!(late.code(), "service.timed-out", "{late}");
        assert_eq!(unit("lasts.service").stop(soon()).unwrap(), Change::Updated);
    });
}

#[test]
fn another_bus_can_be_asked() {
    require!(Capability::SystemdContainer);
    let container = SystemdContainer::start().unwrap();
    let host = LocalHost::new();
    let service = SystemdService::new(&host)
        .bus(container.bus_address())
        .unit("dbus.service");
    assert_eq!(service.state(soon()).unwrap(), ServiceState::Running);
    assert_eq!(service.start(soon()).unwrap(), Change::Unchanged);
}

#[test]
fn a_bus_that_does_not_answer_is_an_error_in_time() {
    require!(Capability::Root);
    let host = LocalHost::new();
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| {
        let path = dir.path().join(name);
        SystemdService::new(&host).bus(format!("unix:path={}", path.display()))
    };
    let error = at("nothing").state(soon()).unwrap_err();
    assert_eq!(error.code(), "service.bus-unreachable");
    let ServiceError::Bus { address, .. } = &error else {
        panic!("{error}");
    };
    assert!(address.ends_with("/nothing"), "{error}");

    // One that listens and never says anything.
    let _deaf = std::os::unix::net::UnixListener::bind(dir.path().join("deaf")).unwrap();
    let brief = Deadline::after(Duration::from_millis(300));
    let error = at("deaf").state(brief).unwrap_err();
    assert_eq!(error.code(), "service.timed-out");
}
