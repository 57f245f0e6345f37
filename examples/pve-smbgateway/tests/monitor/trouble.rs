//! What goes wrong while shares are watched.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use smbgw_quota::history::History;
use smbgw_testing::{Daemon, wait_until};

use super::{PATIENCE, fill, settings, share, start, status, told, wait_for};
use crate::lab::cli::{PROGRAM, gateway};
use crate::lab::{Lab, command};

const HISTORY: &str = "/var/lib/smbgw/history.db";

/// A look each second, and no waiting.
const EAGER: &str =
    "[monitor]\ninterval_seconds = 1\n[alerts]\nhold_seconds = 0\nclear_seconds = 0\n";

/// A look each second. A look may come while something is being made: what lasts is told.
const PATIENT: &str =
    "[monitor]\ninterval_seconds = 1\n[alerts]\nhold_seconds = 4\nclear_seconds = 0\n";

/// Many shares on a file system that goes away and comes back, and whose quotas are switched off:
/// one message each time.
pub(crate) fn one_message_for_a_file_system(lab: &Lab) {
    settings(PATIENT);
    for number in 0..8 {
        share(lab, &format!("share{number}"), "32M", |_| {});
    }
    let monitor = start();
    let place = lab.place.to_str().unwrap();
    fs::create_dir("/srv/kept").unwrap();
    command("mount", &["--bind", place, "/srv/kept"]);
    command("umount", &["--lazy", place]);
    let gone = wait_for(None, "unreadable", "raised");
    let summary = gone["facts"]["summary"].as_str().unwrap();
    assert!(
        summary.contains("8 shares") && summary.contains("share7"),
        "{gone:#}"
    );
    let listed = status()["monitor"]["last_look"]["unreadable"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 8, "{listed:#}");

    command("mount", &["--bind", "/srv/kept", place]);
    wait_for(None, "unreadable", "cleared");
    looks(2);
    assert_eq!(told().len(), 2, "{:#?}", told());

    command("btrfs", &["quota", "disable", place]);
    let off = wait_for(None, "drift", "raised");
    assert!(
        off["facts"]["summary"]
            .as_str()
            .unwrap()
            .contains("8 shares"),
        "{off:#}"
    );
    looks(6);
    assert_eq!(told().len(), 3, "{:#?}", told());
    monitor.stop().unwrap();
}

/// No space is left under the history: people are told, the shares are watched on, and all goes on
/// when there is space again.
pub(crate) fn no_space_under_the_history(lab: &Lab) {
    settings(EAGER);
    let state = "/var/lib/smbgw";
    command(
        "mount",
        &["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", state],
    );
    share(lab, "media", "32M", |_| {});
    let monitor = start();
    looks(3);
    let before = samples("media");
    assert!(before > 0);

    let ballast = format!("{state}/ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);
    let full = wait_for(None, "history", "raised");
    let summary = full["facts"]["summary"].as_str().unwrap();
    assert!(summary.contains("usage is not remembered"), "{full:#}");
    let seen = status();
    assert!(seen["monitor"]["history_trouble"].is_string(), "{seen:#}");
    fill(&lab.path("media/a"), 26).unwrap();
    wait_for(Some("media"), "space", "raised");
    looks(2);

    fs::remove_file(&ballast).unwrap();
    wait_for(None, "history", "cleared");
    let during = samples("media");
    let goes_on = || (samples("media") > during).then_some(());
    wait_until(PATIENCE, "the history to go on", goes_on).unwrap();
    assert!(during >= before);
    let seen = status();
    for trouble in ["history_trouble", "alerts_trouble", "outbox_trouble"] {
        assert!(seen["monitor"][trouble].is_null(), "{seen:#}");
    }
    assert_eq!(of_kind("space").len(), 1, "{:#?}", told());
    monitor.stop().unwrap();
    all_files_are_whole();
}

/// A damaged history is set apart and begun anew, which is told once; one that was removed under
/// the monitor is begun anew too.
pub(crate) fn a_damaged_history(lab: &Lab) {
    settings(EAGER);
    share(lab, "media", "32M", |_| {});
    start().stop().unwrap();
    fs::write(HISTORY, "no database\n".repeat(999)).unwrap();
    let monitor = start();
    let anew = wait_for(None, "history", "raised");
    let summary = anew["facts"]["summary"].as_str().unwrap();
    assert!(summary.contains("history.db.corrupt-"), "{anew:#}");
    wait_for(None, "history", "cleared");

    for suffix in ["", "-wal", "-shm"] {
        // What is beside it comes and goes.
        let _ = fs::remove_file(format!("{HISTORY}{suffix}"));
    }
    let begun = || (Path::new(HISTORY).exists() && samples("media") > 2).then_some(());
    wait_until(PATIENCE, "a new history", begun).unwrap();
    looks(2);
    assert_eq!(told().len(), 2, "{:#?}", told());
    monitor.stop().unwrap();
    all_files_are_whole();
}

/// Ended, and killed, at moments of all kinds: what is on the disk is whole, and the next one goes
/// on.
pub(crate) fn ended_at_any_moment(lab: &Lab) {
    settings(EAGER);
    for name in ["media", "other"] {
        share(lab, name, "32M", |_| {});
        fill(&lab.path(name).join("a"), 28).unwrap();
    }
    let mut moment = 17;
    for round in 0..24 {
        // Any sequence will do that visits the first two looks and what is between them.
        moment = (moment * 733 + 41) % 1_301;
        let is_asked = round % 2 == 0;
        // So that there is something to tell each time.
        let _ = fs::remove_file("/var/lib/smbgw/alerts.json");
        let mut monitor = match is_asked {
            true => start(),
            false => begin(),
        };
        std::thread::sleep(Duration::from_millis(moment));
        let signal = if is_asked { "-TERM" } else { "-KILL" };
        command("kill", &[signal, &monitor.pid().to_string()]);
        let ended = wait_until(PATIENCE, "the end", || monitor.ended()).unwrap();
        if is_asked {
            assert_eq!(ended.code(), Some(0), "after {moment} ms");
        }
        all_files_are_whole();
    }
    let monitor = start();
    assert!(samples("media") >= 12);
    // Some of them were cut off with the one who wrote them.
    assert!(fs::read_dir("/srv/told").unwrap().count() > 12);
    monitor.stop().unwrap();
}

/// Programs that hang or fail hold up no look, and it is seen that they do.
pub(crate) fn a_hook_that_fails(lab: &Lab) {
    settings(EAGER);
    share(lab, "media", "32M", |_| {});
    fs::write(
        "/srv/hook",
        "#!/bin/sh\necho the line is dead >&2\nexit 7\n",
    )
    .unwrap();
    let monitor = start();
    fill(&lab.path("media/a"), 26).unwrap();
    let failed = || {
        let seen = status();
        let channel = seen["channels"][0].clone();
        (channel["failures"].as_u64() > Some(0)).then_some(channel)
    };
    let channel = wait_until(PATIENCE, "a failure", failed).unwrap();
    assert_eq!(channel["waiting"], 1, "{channel:#}");
    let message = channel["last_failure"]["message"].as_str().unwrap();
    assert!(message.contains("the line is dead"), "{channel:#}");
    gateway("monitor status").said(&["the line is dead"]);

    fs::write("/srv/hook", "#!/bin/sh\n>/srv/hanging\nexec sleep 600\n").unwrap();
    let hanging = || Path::new("/srv/hanging").exists().then_some(());
    wait_until(PATIENCE, "the program to hang", hanging).unwrap();
    looks(4);
    assert_eq!(status()["channels"][0]["waiting"], 1);
    monitor.kill().unwrap();
}

/// Only one watches at a time; one look needs none that goes on.
pub(crate) fn one_at_a_time(lab: &Lab) {
    settings(EAGER);
    share(lab, "media", "32M", |_| {});
    fill(&lab.path("media/a"), 26).unwrap();
    gateway("monitor run --once").ended(0);
    assert_eq!(of_kind("space").len(), 1, "{:#?}", told());
    gateway("monitor run --once").ended(0);
    assert_eq!(told().len(), 1, "{:#?}", told());
    assert_eq!(samples("media"), 2);

    let monitor = start();
    let pid = monitor.pid().to_string();
    for again in ["monitor run", "monitor run --once"] {
        gateway(again).ended(4).said(&[&pid]);
    }
    looks(2);
    monitor.stop().unwrap();
}

/// The clock is set back and forward by a day: looks go on, nothing is lost and nobody flooded.
///
/// It sets the clock of the machine, so it belongs in a guest.
pub(crate) fn the_clock_steps(lab: &Lab) {
    settings(EAGER);
    share(lab, "media", "32M", |_| {});
    fill(&lab.path("media/a"), 26).unwrap();
    let monitor = start();
    wait_for(Some("media"), "space", "raised");
    looks(3);
    for (step, reminders) in [("-1 day", 0), ("+1 day", 1), ("+1 day", 2), ("-1 day", 2)] {
        let before = samples("media");
        command("date", &["--set", step]);
        looks(4);
        let all = told().len();
        assert!(all <= 1 + reminders, "{step}: {:#?}", told());
        assert!(samples("media") >= before, "{step}");
        assert_eq!(status()["running"], true);
    }
    let before = samples("media");
    looks(3);
    assert!(samples("media") > before);
    monitor.stop().unwrap();
    all_files_are_whole();
}

/// Waits until this many more looks were made, however the clock is.
#[track_caller]
fn looks(number: usize) {
    let last = || status()["monitor"]["last_look"].clone();
    for _ in 0..number {
        let before = last();
        wait_until(PATIENCE, "a look", || (last() != before).then_some(())).unwrap();
    }
}

/// The samples of a share there are, as one who reads beside the monitor sees them.
fn samples(share: &str) -> usize {
    let Ok(history) = History::open_read_only(HISTORY) else {
        return 0;
    };
    let resolution = smbgw_quota::history::Resolution::Raw;
    history
        .points(share, 0, i64::MAX, resolution)
        .map_or(0, |points| points.len())
}

fn of_kind(kind: &str) -> Vec<Value> {
    let all = told().into_iter();
    all.filter(|notice| notice["kind"] == kind).collect()
}

/// Starts the monitor, and waits for nothing.
fn begin() -> Daemon {
    let mut command = Command::new(PROGRAM);
    command.args(["monitor", "run"]).stdin(Stdio::null());
    Daemon::spawn(&mut command).unwrap()
}

/// Nothing on the disk is half written.
fn all_files_are_whole() {
    for name in ["alerts.json", "outbox.json"] {
        let path = Path::new("/var/lib/smbgw").join(name);
        if let Ok(content) = fs::read(&path) {
            let document: Result<Value, _> = serde_json::from_slice(&content);
            assert!(document.is_ok(), "{name}: {document:?}");
        }
        assert!(!path.with_extension("json.damaged").exists(), "{name}");
    }
    match History::open_read_only(HISTORY) {
        Ok(history) => history.check().unwrap(),
        // Killed before it was made.
        Err(error) => assert!(!Path::new(HISTORY).exists() || is_empty(HISTORY), "{error}"),
    }
}

fn is_empty(path: &str) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() == 0)
}
