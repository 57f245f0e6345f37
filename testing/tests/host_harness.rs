//! The light host itself: what it shows, keeps to itself and leaves behind.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use smbgw_testing::{
    Capability, Daemon, LightHost, SystemdContainer, require, run, unprivileged, wait_until,
};

const SHARE: &str = "\
[global]
  map to guest = bad user
  load printers = no
  disable spoolss = yes
[data]
  path = /srv/data
  read only = no
";

fn gone(pid: u32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn it_is_a_host_of_its_own() {
    require!(Capability::Root);
    let host = LightHost::named("alone").unwrap();

    assert_eq!(run(&mut host.command("hostname")).unwrap(), "alone\n");
    assert_eq!(run(&mut host.command("pwd")).unwrap(), "/\n");
    let pwd = run(&mut host.command_in("/srv", "pwd")).unwrap();
    assert_eq!(pwd, "/srv\n");
    // Process 1 and those it needs, no process of the machine.
    let processes = run(host
        .command("sh")
        .args(["-c", "ls -d /proc/[0-9]* | wc -l"]))
    .unwrap();
    assert!(processes.trim().parse::<u32>().unwrap() < 10, "{processes}");
    let links = run(host.command("ip").args(["-o", "link"])).unwrap();
    assert!(
        links
            .lines()
            .all(|link| link.contains(" lo") || link.contains("NONE"))
    );
    run(host.command("ping").args(["-c", "1", "127.0.0.1"]))
        .or_else(|_| {
            run(host
                .command("bash")
                .args(["-c", "exec 3<>/dev/udp/127.0.0.1/9"]))
        })
        .unwrap();
    // Names are looked up in its own files only, so nothing waits for a name server.
    let address = run(host.command("getent").args(["hosts", "alone"])).unwrap();
    assert!(address.starts_with("127.0.0.1"), "{address}");
}

#[test]
fn its_private_folders_stay_private() {
    require!(Capability::Root);
    let host = LightHost::start().unwrap();
    for folder in [
        "/etc",
        "/etc/samba",
        "/run",
        "/srv",
        "/var/lib",
        "/var/lib/samba",
        "/var/lib/smbgw",
        "/var/cache/samba",
        "/var/log/samba",
    ] {
        let file = format!("{folder}/smbgw-harness-was-here");
        run(host.command("touch").arg(&file)).unwrap();
        assert!(host.path(&file).exists(), "{file}");
        assert!(!Path::new(&file).exists(), "{file} leaked");
        fs::remove_file(host.path(&file)).unwrap();
    }
    assert_eq!(host.read("/etc/samba/smb.conf").unwrap(), "");
    // The rest of /etc is what the machine has, and can be edited.
    assert_eq!(
        host.read("/etc/debian_version").unwrap(),
        fs::read_to_string("/etc/debian_version").unwrap()
    );
    run(host
        .command("useradd")
        .args(["--no-create-home", "smbgwtest"]))
    .unwrap();
    assert!(host.read("/etc/passwd").unwrap().contains("smbgwtest"));
    assert!(
        !fs::read_to_string("/etc/passwd")
            .unwrap()
            .contains("smbgwtest")
    );
    // Programs under test are reachable by the path cargo gives them.
    run(host
        .command("test")
        .arg("-x")
        .arg(std::env::current_exe().unwrap()))
    .unwrap();
}

#[test]
fn smbd_serves_in_two_hosts_at_once() {
    require!(Capability::Root, Capability::Samba);
    let hosts = [
        LightHost::named("one").unwrap(),
        LightHost::named("two").unwrap(),
    ];
    let daemons: Vec<Daemon> = hosts
        .iter()
        .map(|host| {
            host.write("/etc/samba/smb.conf", SHARE).unwrap();
            host.write("/srv/data/name", host.name()).unwrap();
            host.add_user("alice", "Secret.1").unwrap();
            host.start_smbd().unwrap()
        })
        .collect();
    for host in &hosts {
        let client = |command: &str| {
            run(host.command("smbclient").args([
                "//127.0.0.1/data",
                "-U",
                "alice%Secret.1",
                "-c",
                command,
            ]))
        };
        assert_eq!(client("get name -").unwrap().trim(), host.name());
        assert!(
            client("put /etc/hostname copy").is_err(),
            "alice may not write yet"
        );
        run(host.command("chown").args(["alice", "/srv/data"])).unwrap();
        client("put /etc/hostname copy").unwrap();
        assert!(host.path("/srv/data/copy").exists());
        let wrong = run(host.command("smbclient").args([
            "//127.0.0.1/data",
            "-U",
            "alice%wrong",
            "-c",
            "ls",
        ]));
        assert!(wrong.unwrap_err().to_string().contains("LOGON_FAILURE"));
    }
    let pids: Vec<u32> = daemons.iter().map(Daemon::program_pid).collect();
    for daemon in daemons {
        daemon.stop().unwrap();
    }
    assert!(pids.into_iter().all(gone));
    assert!(!hosts[0].listens_on(445));
}

#[test]
fn a_broken_smb_conf_is_an_error_with_the_log() {
    require!(Capability::Root, Capability::Samba);
    let host = LightHost::start().unwrap();
    host.write("/etc/samba/smb.conf", "[global]\nserver role = nonsense\n")
        .unwrap();
    let error = host.start_smbd().unwrap_err().to_string();
    assert!(error.starts_with("smbd ended at once"), "{error}");
}

#[test]
fn folders_of_the_machine_can_be_shown_in_it() {
    require!(Capability::Root);
    let host = LightHost::start().unwrap();
    let folder = std::env::temp_dir().join(format!("smbgw-{}-9999-bind", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("file"), "seen").unwrap();
    host.bind(&folder, "/srv/deep/shown").unwrap();
    assert_eq!(host.read("/srv/deep/shown/file").unwrap(), "seen");
    fs::write(host.path("/srv/deep/shown/back"), "here").unwrap();
    assert!(folder.join("back").exists());
    let error = host
        .bind("/no/such/folder", "/srv/x")
        .unwrap_err()
        .to_string();
    assert!(error.contains("/no/such/folder"), "{error}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn it_is_gone_after_a_drop_and_after_a_panic() {
    require!(Capability::Root);
    let host = LightHost::start().unwrap();
    let pid = host.pid();
    let stray = host.command("sleep").arg("1000").spawn().unwrap();
    drop(host);
    assert!(gone(pid));
    let status = { stray }.wait().unwrap();
    assert!(!status.success() || status.signal().is_some());

    let mut pid = 0;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let host = LightHost::start().unwrap();
        pid = host.pid();
        panic!("as a failing test would");
    }));
    assert!(panicked.is_err() && pid != 0);
    assert!(gone(pid));
}

/// Runs itself once more, in a process it can kill.
#[test]
fn it_is_gone_after_its_test_was_killed() {
    require!(Capability::Root);
    if let Some(note) = std::env::var_os("SMBGW_VICTIM") {
        let host = LightHost::start().unwrap();
        fs::write(note, host.pid().to_string()).unwrap();
        wait_until(Duration::from_secs(600), "being killed", || None::<()>).unwrap();
    }
    let note = std::env::temp_dir().join(format!("smbgw-{}-9998-note", std::process::id()));
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "it_is_gone_after_its_test_was_killed"])
        .env("SMBGW_VICTIM", &note)
        .env_remove("KEEP")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let limit = Duration::from_secs(30);
    let pid: u32 = wait_until(limit, "the victim's host", || {
        fs::read_to_string(&note).ok()?.parse().ok()
    })
    .unwrap();
    assert!(!gone(pid));
    victim.kill().unwrap();
    victim.wait().unwrap();
    wait_until(limit, "the end of the host", || gone(pid).then_some(())).unwrap();
    fs::remove_file(note).unwrap();
}

#[test]
fn a_daemon_ends_with_its_value_and_takes_its_children_along() {
    let mut command = Command::new("sh");
    // A shell that ignores SIGTERM, and so does its child: they have to be killed.
    command.args(["-c", "trap '' TERM; sleep 1000 & echo $!; wait"]);
    command.stdout(Stdio::piped());
    let mut daemon = Daemon::spawn(&mut command).unwrap();
    let mut line = String::new();
    let stdout = daemon.child().stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
    let (shell, sleep) = (daemon.pid(), line.trim().parse().unwrap());
    assert!(!gone(shell) && !gone(sleep));
    daemon.kill().unwrap();
    assert!(gone(shell));
    // The orphan is collected by whoever is process 1.
    wait_until(Duration::from_secs(30), "the child's end", || {
        let state = fs::read_to_string(format!("/proc/{sleep}/stat")).unwrap_or_default();
        (state.is_empty() || state.contains(") Z ")).then_some(())
    })
    .unwrap();
}

#[test]
fn unprivileged_code_and_commands_have_lost_what_they_should() {
    require!(Capability::Root);
    let effective = || {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("CapEff:"))
            .unwrap();
        u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap()
    };
    let uid = || {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("Uid:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u32>()
            .unwrap()
    };
    const SYS_RESOURCE: u64 = 1 << 24;
    let before = effective();
    // Some containers give their root less to begin with.
    assert_ne!(before, 0);
    assert_eq!(
        unprivileged::without_sys_resource(effective),
        before & !SYS_RESOURCE
    );
    assert_eq!(
        unprivileged::as_nobody(|| (uid(), effective())),
        (unprivileged::NOBODY, 0)
    );
    assert_eq!((uid(), effective()), (0, before));

    let shown = run(unprivileged::command("grep").args(["CapEff", "/proc/self/status"])).unwrap();
    let shown = u64::from_str_radix(shown.split_whitespace().nth(1).unwrap(), 16).unwrap();
    assert_eq!(shown & SYS_RESOURCE, 0);
    assert_eq!(
        run(unprivileged::nobody("id").arg("-u")).unwrap().trim(),
        "65534"
    );
}

#[test]
fn systemd_runs_in_a_container_and_two_do_not_disturb_each_other() {
    require!(Capability::SystemdContainer);
    let machines = [
        SystemdContainer::start().unwrap(),
        SystemdContainer::start().unwrap(),
    ];
    for machine in &machines {
        let failed = run(machine
            .command("systemctl")
            .args(["--failed", "--no-legend"]))
        .unwrap();
        assert_eq!(machine.state().as_deref(), Some("running"), "{failed}");
        assert!(machine.bus_socket().exists());
        let system_call = [
            "call",
            "org.freedesktop.systemd1",
            "/org/freedesktop/systemd1",
        ];
        let answer = run(Command::new("busctl")
            .arg(format!("--address={}", machine.bus_address()))
            .args(system_call)
            .args(["org.freedesktop.DBus.Peer", "Ping"]));
        answer.unwrap();
        run(machine.command("systemctl").args(["restart", "smbd"])).unwrap();
        wait_until(Duration::from_secs(60), "smbd", || {
            machine.listens_on(445).then_some(())
        })
        .unwrap();
        run(machine
            .command("smbclient")
            .args(["-N", "-L", "//127.0.0.1"]))
        .unwrap();
        // The programs under test can be run in it.
        run(machine
            .command(std::env::current_exe().unwrap())
            .arg("--list"))
        .unwrap();
    }
    run(machines[0].command("touch").arg("/etc/only-here")).unwrap();
    assert!(!machines[1].path("/etc/only-here").exists());
    run(machines[0].command("systemctl").args(["stop", "smbd"])).unwrap();
    assert!(machines[1].listens_on(445));

    let pids = machines.each_ref().map(|machine| machine.pid());
    drop(machines);
    assert!(pids.into_iter().all(gone));
    let mine = format!("smbgw-{}-", std::process::id());
    let groups = run(Command::new("find").args(["/sys/fs/cgroup", "-maxdepth", "2"])).unwrap();
    let left = groups
        .lines()
        .find(|line| line.contains(&mine) && line.ends_with("-container"));
    assert_eq!(left, None);
}
