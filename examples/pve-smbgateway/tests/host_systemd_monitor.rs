//! The shipped units, run by a real systemd: shares are watched from inside the sandbox.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use smbgw_testing::{
    Capability, Filesystem, MIB, Scratch, SystemdContainer, require, run, wait_until,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pve-smbgateway");

const SERVICE: &str = include_str!("../systemd/smbgw-monitor.service");
const ONCE: &str = include_str!("../systemd/smbgw-monitor-once.service");
const TIMER: &str = include_str!("../systemd/smbgw-monitor.timer");

const UNITS: [(&str, &str); 3] = [
    ("smbgw-monitor.service", SERVICE),
    ("smbgw-monitor-once.service", ONCE),
    ("smbgw-monitor.timer", TIMER),
];

/// How long something may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Each message is told within the second in which it is seen.
const SETTINGS: &str = "[monitor]
interval_seconds = 1
[alerts]
hold_seconds = 0
clear_seconds = 0
[command]
program = \"/usr/local/sbin/tell\"
[journal]
enabled = true
";

/// Keeps each message, and shows that it cannot write where nobody allowed it, but can
/// become another user and root again, as Exim does to deliver.
const HOOK: &str = "#!/bin/sh
set -e
cat >/srv/told/.$$
mv /srv/told/.$$ /srv/told/$$.json
for file in /srv/escaped /usr/escaped /etc/smbgw/escaped /home/escaped; do
    ! touch $file 2>/dev/null || echo $file >>/srv/told/escaped
done
setpriv --reuid=65534 --regid=65534 --clear-groups /usr/local/sbin/who -u >/srv/told/user
";

/// What docs/monitoring.md tells administrators whose program writes elsewhere.
const WIDENED: &str = "[Service]\nReadWritePaths=/srv/told\n";

/// A machine on which the program and its units are installed, with a disk at `/srv/disk`.
struct Gateway {
    container: SystemdContainer,
    disk: Scratch,
}

impl Gateway {
    fn start() -> Gateway {
        let disk = Scratch::new(Filesystem::BtrfsQuota, 512 * MIB).unwrap();
        let container = SystemdContainer::with(&[]).unwrap();
        let programs = Path::new(PROGRAM).parent().unwrap();
        container.bind(programs, "/opt/smbgw").unwrap();
        for name in ["pve-smbgateway", "smbgw-dfree"] {
            let (from, to) = (format!("/opt/smbgw/{name}"), format!("/usr/bin/{name}"));
            run(container.command("ln").args(["-s", &from, &to])).unwrap();
        }
        for (name, text) in UNITS {
            let path = format!("/usr/lib/systemd/system/{name}");
            container.write(path, text).unwrap();
        }
        container.bind(disk.path(), "/srv/disk").unwrap();
        container.add_user("alice", "pw-of-alice").unwrap();
        Gateway { container, disk }
    }

    /// With a program that is told, as an administrator would set it up.
    fn with_hook() -> Gateway {
        let gateway = Gateway::start();
        let container = &gateway.container;
        let hook = "/usr/local/sbin/tell";
        container.write(hook, HOOK).unwrap();
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(container.path(hook), mode).unwrap();
        run(container.command("mkdir").arg("/srv/told")).unwrap();
        let who = ["-m", "4755", "/usr/bin/id", "/usr/local/sbin/who"];
        run(container.command("install").args(who)).unwrap();
        for (name, _) in &UNITS[..2] {
            let path = format!("/etc/systemd/system/{name}.d/hook.conf");
            container.write(path, WIDENED).unwrap();
        }
        container
            .write("/etc/smbgw/monitor.toml", SETTINGS)
            .unwrap();
        gateway.systemctl(&["daemon-reload"]);
        gateway
    }

    /// Runs the program, which has to succeed.
    #[track_caller]
    fn program(&self, args: &str) -> String {
        let args = args.split_whitespace();
        run(self.container.command("/usr/bin/pve-smbgateway").args(args)).unwrap()
    }

    #[track_caller]
    fn systemctl(&self, args: &[&str]) -> String {
        run(self.container.command("systemctl").args(args)).unwrap()
    }

    fn property(&self, unit: &str, property: &str) -> String {
        let value = self.systemctl(&["show", "--value", "--property", property, unit]);
        value.trim().to_owned()
    }

    fn is(&self, question: &str, unit: &str) -> bool {
        let asked = ["--quiet", question, unit];
        let status = self.container.command("systemctl").args(asked).status();
        status.unwrap().success()
    }

    fn share(&self, name: &str, path: &str) {
        self.program(&format!(
            "create {name} --path {path} --quota 64M --user alice"
        ));
    }

    fn status(&self) -> Value {
        // The exit status says again whether it runs.
        let mut command = self.container.command("/usr/bin/pve-smbgateway");
        let output = command.args(["monitor", "status", "--json"]).output();
        let output = output.unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// Waits until the monitor has looked, after what is there now, at so many shares.
    #[track_caller]
    fn wait_for_look(&self, shares: usize) {
        let now = |status: &Value| status["monitor"]["last_look"]["at"].as_i64();
        let before = now(&self.status());
        let looked = || {
            let status = self.status();
            let is_new = status["running"] == true && now(&status) > before;
            (is_new && status["monitor"]["last_look"]["shares"] == shares).then_some(())
        };
        wait_until(PATIENCE, "the monitor to look", looked)
            .unwrap_or_else(|error| panic!("{error}: {:#}\n{}", self.status(), self.log()));
    }

    /// Fills a share on the disk up to so many mebibytes, as of the next look.
    fn fill(&self, share: &str, mebibytes: u64) {
        let file = self.disk.path().join(share).join("file");
        fs::write(&file, vec![7; (mebibytes * MIB) as usize]).unwrap();
        // btrfs counts what is committed.
        run(std::process::Command::new("sync").arg("-f").arg(&file)).unwrap();
    }

    /// What the hook was told.
    fn told(&self) -> Vec<Value> {
        let folder = fs::read_dir(self.container.path("/srv/told")).unwrap();
        let files = folder.map(|entry| entry.unwrap().path());
        let messages = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
        messages
            .map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
            .collect()
    }

    #[track_caller]
    fn wait_for(&self, share: &str, event: &str) -> Value {
        let found = || {
            self.told().into_iter().find(|told| {
                told["share"] == share && told["kind"] == "space" && told["event"] == event
            })
        };
        wait_until(PATIENCE, event, found)
            .unwrap_or_else(|error| panic!("{error}: {:#?}\n{}", self.told(), self.log()))
    }

    /// Waits until no message waits: one whose program is still running would be sent again later.
    #[track_caller]
    fn wait_until_delivered(&self) {
        let delivered = || {
            let status = self.status();
            let channels = status["channels"].as_array()?;
            let all = channels.iter().all(|channel| channel["waiting"] == 0);
            all.then_some(())
        };
        wait_until(PATIENCE, "the messages to be delivered", delivered)
            .unwrap_or_else(|error| panic!("{error}: {:#}\n{}", self.status(), self.log()));
    }

    /// What the journal has of a share.
    fn journal(&self, share: &str) -> Vec<Value> {
        let field = format!("SMBGW_SHARE={share}");
        let asked = ["-o", "json", "--no-pager", &field];
        let lines = run(self.container.command("journalctl").args(asked)).unwrap();
        let lines = lines.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn points(&self, share: &str) -> usize {
        let history = self.program(&format!("quota-history {share} --json"));
        let history: Value = serde_json::from_str(&history).unwrap();
        history["points"].as_array().unwrap().len()
    }

    /// What the units wrote to the journal, for messages of tests.
    fn log(&self) -> String {
        let asked = ["--no-pager", "-u", "smbgw-monitor*"];
        run(self.container.command("journalctl").args(asked)).unwrap_or_default()
    }
}

#[test]
fn the_service_watches_shares_and_tells() {
    require!(Capability::SystemdContainer, Capability::Btrfs);
    let gateway = Gateway::with_hook();
    let unit = "smbgw-monitor.service";

    // It may be there before the first share.
    gateway.systemctl(&["enable", "--now", unit]);
    gateway.wait_for_look(0);
    gateway.share("media", "/srv/disk/media");
    gateway.wait_for_look(1);
    assert_eq!(gateway.property(unit, "NRestarts"), "0");
    assert!(gateway.told().is_empty(), "{:#?}", gateway.told());

    gateway.fill("media", 52);
    let told = gateway.wait_for("media", "raised");
    assert_eq!(told["severity"], "notice", "{told:#}");
    let journal = || gateway.journal("media");
    let entries = || (!journal().is_empty()).then(journal);
    let entries = wait_until(PATIENCE, "the journal", entries).unwrap();
    let [entry] = &entries[..] else {
        panic!("{entries:#?}");
    };
    let fields = [
        ("PRIORITY", "5"),
        ("SYSLOG_IDENTIFIER", "smbgw"),
        ("SMBGW_KIND", "space"),
        ("SMBGW_EVENT", "raised"),
        ("SMBGW_SEVERITY", "notice"),
        ("SMBGW_LIMIT", "67108864"),
        ("_SYSTEMD_UNIT", unit),
    ];
    for (field, value) in fields {
        assert_eq!(entry[field], value, "{entry:#}");
    }
    assert!(entry["MESSAGE"].as_str().unwrap().contains("media"));
    assert_eq!(entry["SMBGW_ID"], told["id"]);
    assert_eq!(entry["SMBGW_HOST"], entry["_HOSTNAME"]);

    let before = gateway.points("media");
    assert!(before > 0);
    gateway.wait_for_look(1);
    assert!(gateway.points("media") > before);

    // What was told is told once, however the service ends and begins.
    let first = gateway.property(unit, "MainPID");
    gateway.systemctl(&["restart", unit]);
    gateway.wait_for_look(1);
    gateway.wait_for_look(1);
    let second = gateway.property(unit, "MainPID");
    assert_ne!(first, second);
    gateway.systemctl(&["kill", "--signal=KILL", unit]);
    let restarted = || (gateway.property(unit, "NRestarts") == "1").then_some(());
    wait_until(PATIENCE, "the service to be restarted", restarted).unwrap();
    gateway.wait_for_look(1);
    gateway.wait_for_look(1);
    assert_ne!(second, gateway.property(unit, "MainPID"));
    assert_eq!(gateway.told().len(), 1, "{:#?}", gateway.told());
    assert_eq!(gateway.journal("media").len(), 1);

    // What is mounted later is seen, also where the sandbox protects something.
    let late = Scratch::new(Filesystem::BtrfsQuota, 256 * MIB).unwrap();
    gateway.container.bind(late.path(), "/home/late").unwrap();
    gateway.container.bind(late.path(), "/tmp/late").unwrap();
    gateway.share("home", "/home/late/home");
    gateway.share("trial", "/tmp/late/trial");
    gateway.wait_for_look(3);
    let look = &gateway.status()["monitor"]["last_look"];
    assert_eq!(look["unreadable"], serde_json::json!([]), "{look:#}");
    assert!(gateway.points("home") > 0 && gateway.points("trial") > 0);

    // Other commands wait for the same locks, and go on beside it.
    gateway.program("delete home --purge --yes");
    gateway.program("delete trial --purge --yes");
    gateway.wait_for_look(1);
    let alerts: Value = serde_json::from_str(&gateway.program("alert list --json")).unwrap();
    let alerts = alerts["alerts"].as_array().unwrap();
    assert!(alerts.iter().all(|alert| alert["share"] == "media"));

    gateway.systemctl(&["stop", unit]);
    assert_eq!(gateway.property(unit, "Result"), "success");
    assert_eq!(gateway.property(unit, "ExecMainStatus"), "0");
    assert!(!gateway.is("is-failed", unit) && !gateway.is("is-active", unit));
    assert_eq!(gateway.status()["running"], false);
    assert!(gateway.container.path("/run/smbgw/monitor.json").exists());
    let escaped = gateway.container.path("/srv/told/escaped");
    assert!(!escaped.exists(), "{:?}", fs::read_to_string(escaped));
    assert_eq!(gateway.container.read("/srv/told/user").unwrap(), "0\n");
    gateway.program("delete media --purge --yes");
}

#[test]
fn the_timer_looks_now_and_then() {
    require!(Capability::SystemdContainer, Capability::Btrfs);
    let gateway = Gateway::with_hook();
    let (daemon, once, timer) = (UNITS[0].0, UNITS[1].0, UNITS[2].0);
    gateway.share("media", "/srv/disk/media");
    gateway.fill("media", 52);

    // The timer takes the place of the service, and begins with a look.
    gateway.systemctl(&["start", daemon]);
    gateway.wait_for("media", "raised");
    gateway.wait_until_delivered();
    gateway.systemctl(&["start", timer]);
    assert!(gateway.is("is-active", timer) && !gateway.is("is-active", daemon));
    let looked = || {
        let began = gateway.property(once, "ExecMainStartTimestampMonotonic") != "0";
        (began && gateway.property(once, "ActiveState") == "inactive").then_some(())
    };
    wait_until(PATIENCE, "the first look", looked)
        .unwrap_or_else(|error| panic!("{error}: {}", gateway.log()));
    assert_eq!(gateway.property(once, "Result"), "success");
    assert_eq!(gateway.property(once, "ExecMainStatus"), "0");
    assert_eq!(gateway.property(daemon, "Result"), "success");

    // It goes on where the service was, and delivers before it ends.
    let before = gateway.points("media");
    gateway.fill("media", 60);
    gateway.systemctl(&["start", once]);
    let told = gateway.told();
    assert_eq!(told.len(), 2, "{told:#?}\n{}", gateway.log());
    gateway.wait_for("media", "escalated");
    assert!(gateway.points("media") > before);
    let next = gateway.property(timer, "NextElapseUSecMonotonic");
    assert!(
        !next.is_empty() && next != "infinity" && next != "0",
        "{next}"
    );

    // The service takes the place of the timer.
    gateway.systemctl(&["start", daemon]);
    assert!(gateway.is("is-active", daemon) && !gateway.is("is-active", timer));
    gateway.wait_for_look(1);
    assert_eq!(gateway.told().len(), 2, "{:#?}", gateway.told());
    gateway.systemctl(&["stop", daemon]);
}

#[test]
fn the_units_are_sound_and_confined() {
    require!(Capability::SystemdContainer);
    let container = SystemdContainer::with(&[]).unwrap();
    container.write("/usr/bin/pve-smbgateway", "").unwrap();
    let program = container.path("/usr/bin/pve-smbgateway");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut analyze = Vec::new();
    for (name, text) in UNITS {
        let path = format!("/usr/lib/systemd/system/{name}");
        container.write(&path, text).unwrap();
        analyze.push(path);
    }
    let ask = |args: &[&str]| -> Output {
        let mut command = container.command("systemd-analyze");
        command.args(args).output().unwrap()
    };
    for unit in &analyze {
        let verified = ask(&["verify", unit]);
        let said = String::from_utf8_lossy(&verified.stderr);
        assert!(
            verified.status.success() && said.is_empty(),
            "{unit}: {said}"
        );
    }
    // Tenths: "OK" ends at 4.9. What is left is the network, root and CAP_SYS_ADMIN.
    for unit in &analyze[..2] {
        let rated = ask(&[
            "security",
            "--offline=true",
            "--threshold=40",
            "--no-pager",
            unit,
        ]);
        let said = String::from_utf8_lossy(&rated.stdout);
        assert!(rated.status.success(), "{said}");
    }
}

#[test]
fn both_services_have_the_same_sandbox() {
    let settings = |text: &'static str| -> Vec<&str> {
        let (_, sandbox) = text.split_once("# Sandbox").unwrap();
        let (sandbox, _) = sandbox.split_once("[Install]").unwrap_or((sandbox, ""));
        let lines = sandbox.lines().filter(|line| line.contains('='));
        lines.filter(|line| !line.starts_with('#')).collect()
    };
    assert_eq!(settings(SERVICE), settings(ONCE));
    assert!(settings(SERVICE).contains(&"ProtectSystem=strict"));
}
