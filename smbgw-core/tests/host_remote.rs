//! Machines behind ssh, `pct exec`, `lxc-attach` and the QEMU guest agent.
//!
//! sshd is the real one. `pct`, `qm` and `lxc-attach` are stand-ins that keep to the arguments, texts and
//! exit statuses of the real ones, as Debian has no package of the first two.

mod inside;
mod machine;

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use inside::{in_light_host, soon, threads_and_files, write};
use machine::{await_end, check_commands, check_files, check_locks};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::remote::{LinkError, Ssh, Way};
use smbgw_core::host::{
    Command, CommandError, Host, LocalHost, LockError, NamespaceHost, Reach, RemoteHost,
};
use smbgw_testing::overlay::{overlay, write_programs};
use smbgw_testing::proxmox::ENTER;
use smbgw_testing::{Capability, LightHost, SshServer, require, run};

/// An empty directory on the host this runs in.
fn empty_dir(path: &str) -> &Path {
    fs::create_dir_all(path).unwrap();
    Path::new(path)
}

fn ssh_to(server: &SshServer, target: &str) -> Ssh {
    Ssh::new(target.parse().unwrap())
        .identity(server.identity())
        .known_hosts(server.known_hosts())
}

fn open(server: &SshServer) -> RemoteHost {
    let way = Way::Ssh(ssh_to(server, "root@127.0.0.1:2222"));
    RemoteHost::open("n2", way, soon()).unwrap()
}

#[test]
fn machines_are_alike() {
    require!(Capability::Root, Capability::Sshd);
    in_light_host("machines_are_alike", || {
        let here = LocalHost::new();
        check_files(&here, empty_dir("/srv/here"));
        check_commands(&here, empty_dir("/srv/here"));
        check_locks(&here);

        let entered = NamespaceHost::of_process("entered", process::id()).unwrap();
        check_files(&entered, empty_dir("/srv/entered"));
        check_commands(&entered, empty_dir("/srv/entered"));
        check_locks(&entered);

        let before = threads_and_files();
        let server = SshServer::start(2222).unwrap();
        let host = open(&server);
        assert!(host.is_live() && host.local_path(Path::new("/")).is_none());
        check_files(&host, empty_dir("/srv/ssh"));
        check_commands(&host, empty_dir("/srv/ssh"));
        check_locks(&host);
        assert!((host.now() - here.now()).abs() < 60);
        drop(host);
        drop(server);
        assert_eq!(threads_and_files(), before, "something is left");
    });
}

#[test]
fn why_ssh_leads_nowhere_is_told() {
    require!(Capability::Root, Capability::Sshd);
    in_light_host("why_ssh_leads_nowhere_is_told", || {
        let server = SshServer::start(2222).unwrap();
        let nobody = "/run/nobody-known";
        write(nobody, "");
        let good = || ssh_to(&server, "root@127.0.0.1:2222");
        let strange = server.strange_identity().unwrap();
        let wrong = server.known_wrongly().unwrap();
        let cases = [
            (
                ssh_to(&server, "127.0.0.1:2223"),
                "host.unreachable",
                "refused",
            ),
            (
                ssh_to(&server, "gone.invalid"),
                "host.unreachable",
                "resolve",
            ),
            (good().known_hosts(nobody), "host.key-unknown", "key"),
            (
                good().known_hosts(wrong),
                "host.key-changed",
                "another host key",
            ),
            (
                good().identity(strange),
                "host.login-refused",
                "Permission denied",
            ),
            // An account that has no shell.
            (
                ssh_to(&server, "nobody@127.0.0.1:2222"),
                "host.login-refused",
                "not available",
            ),
        ];
        for (ssh, code, said) in cases {
            let way = Way::Ssh(ssh);
            let error = RemoteHost::open("n2", way.clone(), soon()).unwrap_err();
            let text = error.to_string();
            assert_eq!(error.code(), code, "{text}");
            assert!(text.contains(said) && text.contains("n2 (ssh:"), "{text}");
            assert!(error.remedy().is_some());
        }

        // One that accepts connections and says nothing.
        let silent = std::net::TcpListener::bind("127.0.0.1:2224").unwrap();
        let way = Way::Ssh(ssh_to(&server, "127.0.0.1:2224"));
        let hurried = Deadline::after(Duration::from_secs(2));
        let code = RemoteHost::open("n3", way, hurried).unwrap_err().code();
        assert!(
            ["host.no-answer", "host.unreachable"].contains(&code),
            "{code}"
        );
        drop(silent);

        // What is needed there is missing: a file that says so covers the directory's own.
        let cover = empty_dir("/run/cover");
        run(process::Command::new("mknod")
            .arg(cover.join("perl"))
            .args(["c", "0", "0"]))
        .unwrap();
        overlay(cover, "/usr/bin").unwrap();
        let error = RemoteHost::open("n2", Way::Ssh(good()), soon()).unwrap_err();
        assert_eq!(error.code(), "host.perl-missing", "{error}");
        // Shells of the logins before may still be ending.
        run(process::Command::new("umount").args(["--lazy", "/usr/bin"])).unwrap();

        // And errors of operations say the same as those of opening.
        let host = open(&server);
        drop(server);
        let error = host.read(Path::new("/etc/hostname")).unwrap_err();
        assert_eq!(error.code(), "host.unreachable", "{error}");
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert!(error.remedy().unwrap().contains("sshd"));
        let error = host.run(&Command::new("true"), soon()).unwrap_err();
        let CommandError::NoResult { source, .. } = &error else {
            panic!("{error}")
        };
        assert!(
            matches!(**source, LinkError::Unreachable { .. }),
            "{source}"
        );
        assert_eq!(error.code(), "host.unreachable");
    });
}

/// `pct`, `qm` and `lxc-attach` on the host this runs in, and the containers `105` and `web` and the
/// virtual machine `106`, all of which are another host.
fn with_a_machine_inside() -> LightHost {
    let machine = LightHost::named("inner").unwrap();
    let tools = empty_dir("/run/tools");
    write_programs(tools, &["pct", "qm", "lxc-attach"], ENTER).unwrap();
    overlay(tools, "/usr/sbin").unwrap();
    overlay(tools, "/usr/bin").unwrap();
    let pid = machine.pid().to_string();
    for (name, state) in [
        ("lxc/105", pid.as_str()),
        ("lxc/web", &pid),
        ("lxc/110", "stopped"),
        ("qemu-server/106", &pid),
        ("qemu-server/111", "stopped"),
        ("qemu-server/112", "without-agent"),
        ("qemu-server/113", "agent-stopped"),
    ] {
        write(&format!("/run/machines/{name}"), state);
    }
    machine
}

#[test]
fn containers_and_guests_are_alike() {
    require!(Capability::Root, Capability::Sshd);
    in_light_host("containers_and_guests_are_alike", || {
        let machine = with_a_machine_inside();
        let reach = |way: &str| way.parse::<Reach>().unwrap().open("inner");
        for way in ["ct:105", "lxc:web", "vm:106"] {
            let host = reach(way).unwrap();
            assert_eq!(
                host.read(Path::new("/etc/hostname")).unwrap().unwrap(),
                b"inner\n"
            );
            let dir = PathBuf::from(format!("/srv/{}", way.replace(':', "-")));
            host.create_dir(&dir, 0o755).unwrap();
            assert!(machine.path(&dir).is_dir() && !dir.exists());
            check_files(&*host, &dir);
            check_commands(&*host, &dir);
            if way == "vm:106" {
                let error = host.lock("share", "test", soon()).unwrap_err();
                assert_eq!(error.code(), "host.no-locks");
                assert_eq!(error.kind(), ErrorKind::Unsupported);
                // Both ways are narrow.
                let much = vec![b'x'; 2 << 20];
                let error = host.write(&dir.join("much"), &much, 0o600).unwrap_err();
                assert_eq!(error.code(), "host.too-large-to-carry");
                let zeros = Command::new("head").args(["-c", "9000000", "/dev/zero"]);
                let error = host.run(&zeros, soon()).unwrap_err();
                assert_eq!(error.code(), "host.too-large-to-carry");
            } else {
                check_locks(&*host);
            }
        }
        for (way, code, said) in [
            ("ct:777", "host.absent", "nodes/pve/lxc/777.conf"),
            ("ct:110", "host.not-running", "not running"),
            ("lxc:none", "host.not-running", "init pid"),
            ("vm:777", "host.absent", "qemu-server/777.conf"),
            ("vm:111", "host.not-running", "VM 111"),
            ("vm:112", "host.guest-agent-silent", "configured"),
            ("vm:113", "host.guest-agent-silent", "not running"),
        ] {
            let error = reach(way).unwrap_err();
            let text = error.to_string();
            assert_eq!(error.code(), code, "{text}");
            assert!(text.contains(said) && text.contains(way), "{text}");
            assert!(error.remedy().is_some());
        }

        // A container of another node.
        let server = SshServer::start(2222).unwrap();
        write(
            "/etc/ssh/ssh_config.d/lab.conf",
            &format!(
                "IdentityFile {}\nUserKnownHostsFile {}\n",
                server.identity().display(),
                server.known_hosts().display()
            ),
        );
        for way in ["ct:105", "vm:106"] {
            let host = reach(&format!("ssh:root@127.0.0.1:2222/{way}")).unwrap();
            let name = host.run(&Command::new("hostname"), soon()).unwrap().text();
            assert_eq!(name, "inner\n");
        }
        let error = reach("ssh:root@127.0.0.1:2222/ct:777").unwrap_err();
        assert_eq!(error.code(), "host.absent", "{error}");
        let host = reach("ssh:root@127.0.0.1:2222").unwrap();
        let name = host.run(&Command::new("hostname"), soon()).unwrap().text();
        assert_ne!(name, "inner\n");
    });
}

#[test]
fn without_its_tool_a_machine_is_not_reached() {
    require!(Capability::Root);
    in_light_host("without_its_tool_a_machine_is_not_reached", || {
        let cover = empty_dir("/run/cover");
        run(process::Command::new("mknod")
            .arg(cover.join("ssh"))
            .args(["c", "0", "0"]))
        .unwrap();
        overlay(cover, "/usr/bin").unwrap();
        let error = "ssh:n2".parse::<Reach>().unwrap().open("n2").unwrap_err();
        assert_eq!(error.code(), "host.tool-missing", "{error}");
        assert!(error.remedy().unwrap().contains("openssh-client"));
    });
}

#[test]
fn what_is_done_there_ends_with_who_asked() {
    require!(Capability::Root, Capability::Sshd);
    let name = "what_is_done_there_ends_with_who_asked";
    in_light_host(name, || {
        let pid_file = Path::new("/run/pid");
        let wait = format!(
            "echo $$ > {}; sleep 1000; echo late >> /run/late",
            pid_file.display()
        );
        let wait = Command::new("sh")
            .args(["-c", &wait])
            .timeout(Duration::from_secs(900));
        let long = || Deadline::after(Duration::from_secs(900));
        if std::env::var_os("SMBGW_TEST_VICTIM").is_some() {
            let way = Way::Ssh(
                Ssh::new("root@127.0.0.1:2222".parse().unwrap())
                    .identity("/run/ssh-server/identity")
                    .known_hosts("/run/ssh-server/known_hosts"),
            );
            let host = RemoteHost::open("n2", way, soon()).unwrap();
            let _lock = host.lock("share", "victim", soon()).unwrap();
            let ran = host.run(&wait, long());
            panic!("it was to be killed: {ran:?}");
        }
        let server = SshServer::start(2222).unwrap();
        let mut victim = process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env("SMBGW_TEST_VICTIM", "1")
            .spawn()
            .unwrap();
        smbgw_testing::wait_until(Duration::from_secs(120), "the command to begin", || {
            let begun = fs::read_to_string(pid_file).is_ok_and(|pid| pid.ends_with('\n'));
            begun.then_some(())
        })
        .unwrap();
        let host = open(&server);
        let hurried = Deadline::after(Duration::ZERO);
        let error = host.lock("share", "survivor", hurried).unwrap_err();
        assert!(matches!(&error, LockError::Held { holder, .. } if holder.contains("victim")));
        victim.kill().unwrap();
        victim.wait().unwrap();
        await_end(&host, pid_file);
        drop(host.lock("share", "survivor", soon()).unwrap());
        assert!(!Path::new("/run/late").exists());

        // The other end is gone in the middle of a change: that is told, and the change is not repeated.
        let suicide = Command::new("sh").args(["-c", "echo once >> /run/once; kill -9 $PPID"]);
        let error = host.run(&suicide, soon()).unwrap_err();
        assert_eq!(error.code(), "host.connection-lost", "{error}");
        assert_eq!(fs::read_to_string("/run/once").unwrap(), "once\n");
        // And the next one has a connection again.
        let path = Path::new("/srv/after");
        assert_eq!(host.write(path, b"after", 0o600).unwrap(), Change::Created);
    });
}

#[test]
fn many_work_on_a_machine_at_once() {
    require!(Capability::Root, Capability::Sshd);
    in_light_host("many_work_on_a_machine_at_once", || {
        let server = SshServer::start(2222).unwrap();
        // A login that says a lot before, of a user who is root by another name.
        let mut useradd = process::Command::new("useradd");
        useradd.args(["-o", "-u", "0", "-g", "0", "-d", "/srv/chatty"]);
        run(useradd.args(["-s", "/bin/bash", "-p", "*", "chatty"])).unwrap();
        write("/srv/chatty/.bashrc", "echo Welcome; echo to all >&2\n");
        let way = Way::Ssh(ssh_to(&server, "chatty@localhost:2222"));
        let host = RemoteHost::open("n2", way, soon()).unwrap();
        std::thread::scope(|scope| {
            for worker in 0..6 {
                let host = &host;
                scope.spawn(move || {
                    let path = PathBuf::from(format!("/srv/worker-{worker}"));
                    for round in 0..10 {
                        let text = format!("{worker} {round}");
                        host.write(&path, text.as_bytes(), 0o600).unwrap();
                        let cat = Command::new("cat").arg(&path);
                        assert_eq!(host.run(&cat, soon()).unwrap().text(), text);
                    }
                });
            }
        });
        assert_eq!(host.list(Path::new("/srv")).unwrap().len(), 7);

        // Somebody who is not root is refused by the system, in its words.
        let mut useradd = process::Command::new("useradd");
        run(useradd.args(["-d", "/srv", "-s", "/bin/sh", "-p", "*", "plain"])).unwrap();
        let way = Way::Ssh(ssh_to(&server, "plain@localhost:2222"));
        let plain = RemoteHost::open("n2", way, soon()).unwrap();
        let error = plain.read(Path::new("/etc/shadow")).unwrap_err();
        assert_eq!(error.source.kind(), std::io::ErrorKind::PermissionDenied);
        assert!(plain.write(Path::new("/etc/hosts"), b"", 0o644).is_err());
        // A program that others can change is run by nobody.
        host.write(Path::new("/srv/program"), b"#!/bin/sh\n", 0o777)
            .unwrap();
        let error = host.run(&Command::at("/srv/program"), soon()).unwrap_err();
        assert_eq!(error.code(), "host.program-untrusted");
    });
}
