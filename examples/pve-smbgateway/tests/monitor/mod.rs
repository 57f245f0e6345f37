//! Shares that are watched by the program, on any file system.

// Each test file uses a part of this.
#![allow(dead_code)]
#![allow(
    clippy::print_stdout,
    reason = "how long telling took is for who runs this"
)]

pub(crate) mod trouble;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use smbgw_core::catalog::{self, ShareRecord};
use smbgw_core::host::LocalHost;
use smbgw_core::ports::{Limits, Storage};
use smbgw_core::share::ShareDraft;
use smbgw_quota::QuotaStorage;
use smbgw_testing::unprivileged::{NOBODY, as_nobody};
use smbgw_testing::{Daemon, Filesystem, MIB, wait_until};

use crate::lab::cli::{PROGRAM, gateway};
use crate::lab::{Lab, soon};

/// How long something may take to be told on a busy machine; the polling interval of tests that
/// wait for the kernel is longer.
const PATIENCE: Duration = Duration::from_secs(50);

/// Makes a share as the program would, but without Samba, which these tests do without.
pub(crate) fn share(lab: &Lab, name: &str, quota: &str, limits: impl Fn(&mut Limits)) {
    let host = LocalHost::new();
    let storage = QuotaStorage::new(&host);
    let path = lab.path(name);
    let draft = ShareDraft {
        name: name.into(),
        path: Some(path.display().to_string()),
        quota: Some(quota.into()),
        users: vec!["root".into()],
        ..ShareDraft::default()
    };
    let spec = draft.check().unwrap();
    let volume = storage.choose(&spec.name, &path, &[], soon()).unwrap();
    storage.create(&volume, soon()).unwrap();
    let mut wanted = Limits::of_bytes(spec.quota.bytes());
    limits(&mut wanted);
    storage.set_limits(&volume, wanted, soon()).unwrap();
    chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    catalog::store(&host, &ShareRecord::new(spec, volume, 1_700_000_000)).unwrap();
}

/// A program that keeps each message it is given, and the settings that name it.
pub(crate) fn settings(more: &str) {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create("/srv/told")
        .unwrap();
    let hook = "#!/bin/sh\nset -e\ncat >/srv/told/.$$\nmv /srv/told/.$$ /srv/told/$$.json\n";
    fs::write("/srv/hook", hook).unwrap();
    fs::set_permissions("/srv/hook", fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all("/etc/smbgw").unwrap();
    let text = format!("{more}\n[command]\nprogram = \"/srv/hook\"\n[journal]\nenabled = false\n");
    fs::write("/etc/smbgw/monitor.toml", text).unwrap();
}

/// Starts the monitor and waits until it has looked once.
pub(crate) fn start() -> Daemon {
    let mut command = Command::new(PROGRAM);
    command
        .args(["monitor", "run"])
        .env("SMBGW_LOG", "warn")
        .stdin(Stdio::null());
    let monitor = Daemon::spawn(&mut command).unwrap();
    let looked = || status()["monitor"]["last_look"].is_object().then_some(());
    wait_until(PATIENCE, "the monitor to look", looked).unwrap();
    monitor
}

/// What `monitor status` says.
pub(crate) fn status() -> Value {
    gateway("monitor status --json").json()
}

/// All that was told up to now.
pub(crate) fn told() -> Vec<Value> {
    let mut all: Vec<Value> = fs::read_dir("/srv/told")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
        .collect();
    all.sort_by_key(|notice| notice["at"].as_i64());
    all
}

/// Waits for a message about `share` of this kind and event.
#[track_caller]
pub(crate) fn wait_for(share: Option<&str>, kind: &str, event: &str) -> Value {
    let found = || {
        told().into_iter().find(|notice| {
            notice["share"].as_str() == share && notice["kind"] == kind && notice["event"] == event
        })
    };
    let what = format!("{event} {kind} of {share:?}");
    wait_until(PATIENCE, &what, found)
        .unwrap_or_else(|error| panic!("{error}: {:#?}\n{:#}", told(), status()))
}

/// Writes so many mebibytes as somebody whom limits bind, until it is done or refused.
pub(crate) fn fill(path: &Path, mebibytes: u64) -> io::Result<()> {
    as_nobody(|| {
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o644)
            .open(path)?;
        for _ in 0..mebibytes * 16 {
            file.write_all(&[7; MIB as usize / 16])?;
        }
        file.sync_all()
    })
}

/// The kernel says that the limit is reached, and somebody is told long before the next look.
pub(crate) fn told_by_the_kernel(lab: &Lab) {
    settings("[monitor]\ninterval_seconds = 600\n");
    share(lab, "media", "32M", |limits| {
        limits.soft_bytes = Some(16 * MIB)
    });
    share(lab, "other", "32M", |_| {});
    let monitor = start();
    let seen = status();
    assert_eq!(seen["running"], true);
    assert_eq!(seen["monitor"]["watching"]["by"], "kernel", "{seen:#}");
    assert_eq!(seen["monitor"]["watching"]["shares"], 2, "{seen:#}");
    assert!(told().is_empty(), "{:#?}", told());

    let crossing = Instant::now();
    fill(&lab.path("media/a"), 20).unwrap();
    let soft = wait_for(Some("media"), "soft-limit", "raised");
    println!(
        "MEASURED {:?}: soft limit crossed, told after {:?}",
        lab.filesystem,
        crossing.elapsed()
    );
    assert_eq!(soft["facts"]["limit"], 32 * MIB);

    // The last write is the one that is refused.
    fill(&lab.path("media/a"), 11).unwrap();
    let crossing = Instant::now();
    let refused = fill(&lab.path("media/b"), 20).unwrap_err();
    println!(
        "MEASURED {:?}: the write took {:?}",
        lab.filesystem,
        crossing.elapsed()
    );
    // ext4 says EDQUOT, XFS ENOSPC.
    let kinds = [io::ErrorKind::QuotaExceeded, io::ErrorKind::StorageFull];
    assert!(kinds.contains(&refused.kind()), "{refused}");
    let hard = wait_for(Some("media"), "hard-limit", "raised");
    println!(
        "MEASURED {:?}: hard limit reached, told after {:?}",
        lab.filesystem,
        crossing.elapsed()
    );
    assert_eq!(hard["severity"], "critical");
    assert!(told().iter().all(|notice| notice["share"] == "media"));
    let listed = gateway("alert list --json").ended(0).json();
    let kinds: Vec<&str> = listed["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| alert["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"hard-limit") && kinds.contains(&"soft-limit"));
    monitor.stop().unwrap();
    assert_eq!(status()["running"], false);
}

/// A share is filled, deleted and looked at; all of it is noticed by looking each second.
pub(crate) fn told_by_looking(lab: &Lab) {
    settings("[monitor]\ninterval_seconds = 1\n[alerts]\nhold_seconds = 0\nclear_seconds = 0\n");
    let quota = match lab.filesystem {
        // It rounds what it stores, and has a minimum of its own.
        Filesystem::Zfs => 64,
        _ => 32,
    };
    share(lab, "media", &format!("{quota}M"), |_| {});
    let monitor = start();
    let seen = status();
    assert_eq!(seen["monitor"]["watching"]["by"], "polling", "{seen:#}");

    fill(&lab.path("media/a"), quota * 8 / 10).unwrap();
    let space = wait_for(Some("media"), "space", "raised");
    assert_eq!(space["severity"], "notice", "{space:#}");
    let percent = space["facts"]["percent"].as_f64().unwrap();
    assert!((75.0..85.0).contains(&percent), "{space:#}");
    assert!(space["subject"].as_str().unwrap().contains("media"));
    gateway("alert list")
        .ended(0)
        .said(&["media", "space", "notice", "told"]);

    gateway("alert ack media --kind space --note cleaning")
        .ended(0)
        .said(&["Acknowledged: media (space)"]);
    gateway("alert list").ended(0).said(&["cleaning"]);
    gateway("alert ack nothing")
        .ended(3)
        .said(&["no alert is raised"]);
    gateway("alert silence media --until yesterday").ended(2);
    gateway("alert silence media --kind hard-limit --until 1h")
        .ended(0)
        .said(&["Silent"]);

    // Worse is told though it is known; what is silenced is not.
    fill(&lab.path("media/a"), quota).unwrap_err();
    let is_critical = || {
        told()
            .into_iter()
            .find(|notice| notice["event"] == "escalated" && notice["severity"] == "critical")
    };
    // A look in the middle of the writing may see a warning first.
    let worse = wait_until(PATIENCE, "the space to be critical", is_critical).unwrap();
    assert_eq!(worse["kind"], "space", "{worse:#}");
    let is_raised = || {
        let listed = gateway("alert list --json").json();
        let alerts = listed["alerts"].as_array().unwrap().clone();
        alerts
            .into_iter()
            .find(|alert| alert["kind"] == "hard-limit")
    };
    let silent = wait_until(PATIENCE, "the hard limit", is_raised).unwrap();
    assert!(silent["silenced_until"].is_i64(), "{silent:#}");
    assert!(told().iter().all(|notice| notice["kind"] != "hard-limit"));

    // The file system's own picture of what was removed may come late.
    fs::remove_file(lab.path("media/a")).unwrap();
    let cleared = wait_for(Some("media"), "space", "cleared");
    assert_eq!(cleared["severity"], "critical", "{cleared:#}");

    gateway("quota-history media")
        .ended(0)
        .said(&["USED", &format!("{quota}M"), "Full"]);
    gateway("quota-history media --csv")
        .ended(0)
        .said(&["at,seconds,", "\r\n"]);
    let history = gateway("quota-history media --json").ended(0).json();
    let points = history["points"].as_array().unwrap();
    assert!(points.len() > 3, "{history:#}");
    let most = points
        .iter()
        .filter_map(|point| point["max"].as_u64())
        .max();
    assert!(most.unwrap() > quota * MIB * 9 / 10, "{history:#}");
    gateway("quota-history media --svg /srv/media.svg").ended(0);
    assert!(
        fs::read_to_string("/srv/media.svg")
            .unwrap()
            .starts_with("<svg ")
    );

    // Killed in the middle and started again, it tells nothing twice.
    let before = told().len();
    monitor.kill().unwrap();
    let monitor = start();
    assert_eq!(told().len(), before);

    // A share that cannot be looked at is told of; the others are watched on.
    let record = Path::new("/etc/smbgw/shares/media.json");
    let text = fs::read_to_string(record).unwrap();
    let elsewhere = text.replace("/media\"", "/gone\"");
    assert_ne!(text, elsewhere);
    fs::write(record, elsewhere).unwrap();
    wait_for(Some("media"), "unreadable", "raised");
    fs::write(record, text).unwrap();
    wait_for(Some("media"), "unreadable", "cleared");
    fs::remove_file(record).unwrap();
    let without = || {
        let listed = gateway("alert list --json").json();
        listed["alerts"]
            .as_array()
            .unwrap()
            .is_empty()
            .then_some(())
    };
    wait_until(PATIENCE, "the deleted share to be forgotten", without).unwrap();
    let pid = status()["monitor"]["pid"].as_u64();
    assert_eq!(pid, Some(monitor.program_pid().into()));
    monitor.stop().unwrap();
}
