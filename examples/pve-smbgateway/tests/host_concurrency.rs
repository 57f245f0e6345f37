//! Several runs of the program at once on one host.

use std::process::{Child, Output, Stdio};
use std::time::Duration;

use smbgw_testing::{Capability, Filesystem, LightHost, MIB, Scratch, require, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pve-smbgateway");

/// A host with a disk at `/srv/disk` and the user `alice`.
struct Gateway {
    host: LightHost,
    // Ends after the host, which has it mounted.
    disk: Scratch,
}

impl Gateway {
    fn start() -> Self {
        let disk = Scratch::new(Filesystem::BtrfsQuota, 512 * MIB).unwrap();
        let host = LightHost::start().unwrap();
        host.bind(disk.path(), "/srv/disk").unwrap();
        host.add_user("alice", "pw-of-alice").unwrap();
        Self { host, disk }
    }

    fn begin(&self, arguments: &[&str]) -> Child {
        self.host
            .command(PROGRAM)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn begin_create(&self, name: &str, quota: &str) -> Child {
        let path = format!("/srv/disk/{name}");
        self.begin(&[
            "create", name, "--path", &path, "--quota", quota, "--user", "alice",
        ])
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let said = run(self.host.command(PROGRAM).args(arguments).arg("--json")).unwrap();
        serde_json::from_str(&said).unwrap()
    }

    fn answers(&self, share: &str) -> bool {
        let address = format!("//127.0.0.1/{share}");
        let args = [
            "-s",
            "/dev/null",
            &address,
            "-U",
            "alice%pw-of-alice",
            "-c",
            "ls",
        ];
        run(self.host.command("smbclient").args(args)).is_ok()
    }
}

fn text(output: &Output) -> String {
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn eight_shares_made_at_once_are_all_right() {
    require!(Capability::Root, Capability::Samba, Capability::Btrfs);
    let gateway = Gateway::start();
    let before = gateway.host.read("/etc/samba/smb.conf").unwrap();
    let names: Vec<String> = (1..=8).map(|number| format!("team{number}")).collect();
    let quota = |number: usize| format!("{}M", 16 + number);
    let runs: Vec<Child> = names
        .iter()
        .enumerate()
        .map(|(number, name)| gateway.begin_create(name, &quota(number)))
        .collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }

    let quotas = gateway.json(&["quota-status"]);
    for (number, name) in names.iter().enumerate() {
        let share = &quotas[number];
        assert_eq!(share["name"], name.as_str());
        assert_eq!(
            share["usage"]["limits"]["bytes"],
            (16 + number as u64) * MIB
        );
        assert!(share["problem"].is_null(), "{share}");
        assert!(gateway.answers(name), "{name} does not answer");
    }
    let smb_conf = gateway.host.read("/etc/samba/smb.conf").unwrap();
    assert_eq!(smb_conf.matches("smbgw.conf").count(), 1, "{smb_conf}");

    let runs: Vec<Child> = names
        .iter()
        .map(|name| gateway.begin(&["delete", name, "--purge", "--yes"]))
        .collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    assert_eq!(gateway.host.read("/etc/samba/smb.conf").unwrap(), before);
    assert_eq!(std::fs::read_dir(gateway.disk.path()).unwrap().count(), 0);
    for left in [
        "/etc/smbgw",
        "/var/lib/smbgw/journal",
        "/etc/samba/smbgw.conf",
    ] {
        assert!(!gateway.host.path(left).exists(), "{left} is left");
    }
}

#[test]
fn of_two_that_make_the_same_share_one_wins() {
    require!(Capability::Root, Capability::Samba, Capability::Btrfs);
    let gateway = Gateway::start();
    for round in 0..5 {
        let name = format!("same{round}");
        // Names that differ in case only are the same share.
        let runs = [name.clone(), name.to_uppercase()]
            .map(|spelling| gateway.begin_create(&spelling, "32M"));
        let outputs = runs.map(|run| run.wait_with_output().unwrap());
        let mut codes = outputs.each_ref().map(|output| output.status.code());
        codes.sort_unstable();
        let said = outputs.each_ref().map(text).join("\n");
        assert_eq!(codes, [Some(0), Some(4)], "{said}");
        assert!(gateway.answers(&name), "{said}");
    }
    assert_eq!(gateway.json(&["list"]).as_array().unwrap().len(), 5);
}

#[test]
fn of_two_that_want_the_same_directory_one_wins() {
    require!(Capability::Root, Capability::Samba, Capability::Btrfs);
    let gateway = Gateway::start();
    let create = |name: &str, path: &str| {
        gateway.begin(&[
            "create", name, "--path", path, "--quota", "32M", "--user", "alice",
        ])
    };
    let runs = [
        create("outer", "/srv/disk/both"),
        create("inner", "/srv/disk/both/in"),
    ];
    let outputs = runs.map(|run| run.wait_with_output().unwrap());
    let mut codes = outputs.each_ref().map(|output| output.status.code());
    codes.sort_unstable();
    let said = outputs.each_ref().map(text).join("\n");
    // The later one sees the other's directory, or at least its reservation; never both are made.
    assert_eq!(codes[0], Some(0), "{said}");
    assert!(matches!(codes[1], Some(2 | 4)), "{codes:?} {said}");
    assert_eq!(gateway.json(&["list"]).as_array().unwrap().len(), 1);
}

#[test]
fn looking_while_shares_come_and_go_never_fails() {
    require!(Capability::Root, Capability::Samba, Capability::Btrfs);
    let gateway = Gateway::start();
    assert!(
        gateway
            .begin_create("stays", "32M")
            .wait_with_output()
            .unwrap()
            .status
            .success()
    );
    std::thread::scope(|scope| {
        let changes = scope.spawn(|| {
            for _ in 0..5 {
                let made = gateway
                    .begin_create("passes", "32M")
                    .wait_with_output()
                    .unwrap();
                assert!(made.status.success(), "{}", text(&made));
                let args = ["delete", "passes", "--purge", "--yes"];
                let gone = gateway.begin(&args).wait_with_output().unwrap();
                assert!(gone.status.success(), "{}", text(&gone));
            }
        });
        while !changes.is_finished() {
            for looking in [&["list"][..], &["status", "stays"], &["quota-status"]] {
                let output = gateway.begin(looking).wait_with_output().unwrap();
                assert!(output.status.success(), "{looking:?}: {}", text(&output));
                assert!(text(&output).contains("stays"));
            }
        }
        changes.join().unwrap();
    });
}

#[test]
fn a_share_that_somebody_works_on_is_waited_for_and_then_told() {
    require!(Capability::Root, Capability::Samba, Capability::Btrfs);
    let gateway = Gateway::start();
    // Another program holds the lock of the share until its input ends.
    let mut holder = gateway
        .host
        .command("sh")
        .args([
            "-c",
            "mkdir -p /run/smbgw; exec flock /run/smbgw/share-held.lock sh -c 'echo held; cat'",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 5];
    let mut said = holder.stdout.take().unwrap();
    std::io::Read::read_exact(&mut said, &mut first).unwrap();
    let args = [
        "--timeout",
        "1",
        "create",
        "held",
        "--path",
        "/srv/disk/held",
        "--quota",
        "32M",
        "--user",
        "alice",
    ];
    let output = gateway.begin(&args).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert!(
        text(&output).contains("is locked by another process"),
        "{}",
        text(&output)
    );
    assert!(!gateway.disk.path().join("held").exists());
    drop(holder.stdin.take());
    holder.wait().unwrap();
    let output = gateway
        .begin_create("held", "32M")
        .wait_with_output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn an_smbd_that_is_just_being_changed_is_waited_for() {
    require!(Capability::Root, Capability::Samba, Capability::Btrfs);
    let gateway = Gateway::start();
    let smbd = gateway.host.start_smbd().unwrap();
    let elsewhere = "[global]\nsmb ports = 4450\n";
    gateway
        .host
        .write("/etc/samba/smb.conf", elsewhere)
        .unwrap();
    let output = gateway
        .begin_create("team", "32M")
        .wait_with_output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", text(&output));
    let told = "smbd runs, but nothing answers at 127.0.0.1:4450";
    assert!(text(&output).contains(told), "{}", text(&output));

    let create = gateway.begin_create("team", "32M");
    std::thread::sleep(Duration::from_secs(1));
    drop(smbd);
    let output = create.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}
