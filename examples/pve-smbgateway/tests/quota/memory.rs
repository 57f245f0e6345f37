//! What is remembered of a share: shown in all its forms, and gone with the share.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use smbgw_core::host::{Host, LocalHost};
use smbgw_core::layout;
use smbgw_quota::history::{Allowance, History, Resolution, Sample, Source};
use smbgw_testing::MIB;

use super::{begin, create};
use crate::lab::cli::{PROGRAM, gateway};
use crate::lab::{Lab, soon};

/// A share that is deleted takes its history and its alerts with it, or leaves its history aside; a
/// later one of the same name begins with nothing.
pub(crate) fn a_deleted_share_is_forgotten(lab: &Lab) {
    begin(&["alice"]);
    fs::create_dir_all("/etc/smbgw").unwrap();
    fs::write("/etc/smbgw/monitor.toml", "[alerts]\nhold_seconds = 0\n").unwrap();
    create(lab, "other", "32M", &["alice"]);
    create(lab, "media", "32M", &["alice"]);
    look(lab, "media", 30);
    let raised = raised();
    assert!(
        raised.contains(&("media".into(), "space".into())),
        "{raised:?}"
    );
    assert_eq!(points("media").len(), 1);
    gateway("alert silence media --until 2h").ended(0);
    gateway("alert silence other --until 2h").ended(0);

    gateway("delete media --purge --yes")
        .ended(0)
        .said(&["✓ forget the history of media"]);
    gateway("quota-history media")
        .ended(3)
        .said(&["no share `media`"]);
    assert_eq!(archived(), []);
    assert_eq!(raised_of("media"), 0);
    let silences = gateway("alert list --json").ended(0).json()["silences"].clone();
    assert_eq!(silences.as_array().unwrap().len(), 1, "{silences:#}");
    assert_eq!(silences[0]["scope"]["of"]["share"], "other");
    gateway("monitor run --once").ended(0).said(&["1 share "]);
    assert_eq!(raised_of("media"), 0);
    assert_eq!(points("other").len(), 2);

    // The same name, another share.
    create(lab, "media", "32M", &["alice"]);
    gateway("quota-history media")
        .ended(0)
        .said(&["Nothing is remembered"]);
    look(lab, "media", 1);
    assert_eq!(points("media").len(), 1);
    assert_eq!(raised_of("media"), 0);
    gateway("delete media --purge --keep-history --yes")
        .ended(0)
        .said(&["✓ set the history of media apart"]);
    let kept = archived();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!((kept[0].0.as_str(), kept[0].1), ("media", 1));
    gateway("quota-history media").ended(3);
    create(lab, "media", "32M", &["alice"]);
    assert_eq!(points("media").len(), 0);
    look(lab, "media", 1);
    assert_eq!(points("media").len(), 1);
    assert_eq!(archived(), kept);
}

/// Each form of `quota-history`, for a share that grows by a mebibyte a day.
pub(crate) fn the_history_is_shown_in_all_forms(lab: &Lab) {
    begin(&["alice"]);
    create(lab, "media", "64M", &["alice"]);
    gateway("quota-history media")
        .ended(0)
        .said(&["Nothing is remembered of media"]);
    let empty = gateway("quota-history media --json").ended(0).json();
    assert_eq!(empty["points"].as_array().unwrap().len(), 0);
    assert_eq!(empty["forecast"], Value::Null);
    grow("media");

    gateway("quota-history media --days 1").ended(0).said(&[
        "TIME",
        "64M",
        "Growth a day: +1",
        "Full: in",
    ]);
    let daily = gateway("quota-history media --days 10 --resolution daily").ended(0);
    daily.said(&["LEAST", "MOST"]);

    let shown = gateway("quota-history media --days 30 --json")
        .ended(0)
        .json();
    assert_eq!(shown["share"], "media");
    let full = &shown["forecast"]["full"];
    assert_eq!(full["is"], "in", "{full:#}");
    let days = full["seconds"].as_f64().unwrap() / 86_400.0;
    assert!(
        (22.0..26.0).contains(&days),
        "{days} days to 64 from 40 MiB"
    );
    let a_day = shown["forecast"]["trend"]["bytes_a_day"].as_f64().unwrap();
    assert!(
        (a_day / MIB as f64 - 1.0).abs() < 0.05,
        "{a_day} bytes a day"
    );
    let all = shown["points"].as_array().unwrap();
    assert_eq!(all[0]["limit"], 64 * MIB);
    assert!(
        all.windows(2)
            .all(|two| two[0]["at"].as_i64() < two[1]["at"].as_i64())
    );

    let csv = gateway("quota-history media --days 1 --csv")
        .ended(0)
        .stdout;
    let mut lines = csv.split("\r\n");
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let last = lines.filter(|line| !line.is_empty()).last().unwrap();
    let last: Vec<&str> = last.split(',').collect();
    assert_eq!(last.len(), header.len());
    let column = |name| last[header.iter().position(|field| *field == name).unwrap()];
    assert_eq!(column("limit_bytes"), (64 * MIB).to_string());
    assert_eq!(column("last_bytes"), (40 * MIB).to_string());
    assert_eq!(column("inodes"), "");

    gateway("quota-history media --svg /srv/chart.svg").ended(0);
    let file = fs::read_to_string("/srv/chart.svg").unwrap();
    let printed = gateway("quota-history media --svg -").ended(0).stdout;
    for svg in [&file, &printed] {
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
        assert!(svg.contains("Usage of media"));
    }
    gateway("quota-history media --svg /nowhere/chart.svg")
        .ended(1)
        .said(&["/nowhere/chart.svg"]);

    for form in ["--csv", "--json", "--svg=-"] {
        let full = fs::File::create("/dev/full").unwrap();
        let mut export = Command::new(PROGRAM);
        export.args(["quota-history", "media", form]).stdout(full);
        let output = export.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("No space left"));
    }

    let chart = on_a_terminal("quota-history media", "C.UTF-8");
    assert!(
        chart.contains("Usage of media") && chart.contains("limit 64 MiB"),
        "{chart}"
    );
    assert!(chart.contains('│') && chart.contains("Full: in"), "{chart}");
    let plain = on_a_terminal("quota-history media", "C");
    assert!(
        plain.is_ascii() && plain.contains("Usage of media"),
        "{plain}"
    );

    let past = "quota-history media --from 2020-01-01 --to 2020-02-01";
    gateway(past)
        .ended(0)
        .said(&["Nothing is remembered of media in that time"]);
    gateway(&format!("{past} --csv")).ended(0);
    gateway(&format!("{past} --svg -"))
        .ended(0)
        .said(&["<svg "]);
    for wrong in [
        "media --days 0",
        "media --days 1 --from 2026-01-01",
        "media --from yesterday",
        "media --from 2026-02-01 --to 2026-01-01",
        "media --resolution coarse",
        "a/b",
    ] {
        gateway(&format!("quota-history {wrong}")).ended(2);
        gateway(&format!("quota-history {wrong} --json"))
            .ended(2)
            .json();
    }
    gateway("quota-history media --csv --json").ended(2);
    gateway("quota-history nosuch")
        .ended(3)
        .said(&["no share `nosuch`"]);
    gateway("quota-history nosuch --json").ended(3).json();
}

/// Damaged files are no reason for a share to stay; what cannot be used now can be forgotten later.
pub(crate) fn what_is_damaged_holds_up_no_delete(lab: &Lab) {
    begin(&["alice"]);
    for name in ["one", "two", "three", "four"] {
        create(lab, name, "32M", &["alice"]);
    }
    gateway("monitor run --once").ended(0);
    fs::write(layout::HISTORY, vec![b'x'; 5000]).unwrap();
    fs::write(layout::ALERTS, "{ half").unwrap();
    gateway("quota-history one").ended(1).said(&["damaged"]);
    gateway("alert list --json").ended(1).json();
    gateway("delete one --purge --yes").ended(0);
    let beside: Vec<String> = fs::read_dir("/var/lib/smbgw")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let is_kept = |start: &str| beside.iter().any(|name| name.starts_with(start));
    assert!(
        is_kept("history.db.corrupt-") && is_kept("alerts.json.damaged"),
        "{beside:?}"
    );
    gateway("alert list").ended(0);

    // Damage that shows only when the share is looked for.
    look(lab, "two", 1);
    let mut bytes = fs::read(layout::HISTORY).unwrap();
    for page in bytes.chunks_mut(4096).skip(1) {
        page[..64].fill(0xa5);
    }
    fs::write(layout::HISTORY, bytes).unwrap();
    gateway("delete two --purge --yes").ended(0);

    // In use for longer than there is time.
    let host = LocalHost::new();
    let lock = host.lock("history", "a long look", soon()).unwrap();
    gateway("delete three --purge --yes --timeout 3")
        .ended(7)
        .said(&["history", "pve-smbgateway recover"]);
    gateway("list").ended(0).said(&["four"]);
    drop(lock);
    gateway("recover")
        .ended(0)
        .said(&["delete of three: finished"]);
    gateway("recover")
        .ended(0)
        .said(&["Nothing was interrupted."]);

    // Something that no program can put right.
    fs::remove_file(layout::HISTORY).unwrap();
    fs::create_dir(layout::HISTORY).unwrap();
    gateway("delete four --purge --yes --json").ended(7).json();
    gateway("recover").ended(7).said(&["history.db"]);
    fs::remove_dir(layout::HISTORY).unwrap();
    gateway("recover")
        .ended(0)
        .said(&["delete of four: finished"]);
    gateway("list").ended(0).said(&["There are no shares."]);
}

/// Alerts: shown, acknowledged and silenced, a message tried, and all that may be wrong.
pub(crate) fn alerts_are_handled(lab: &Lab) {
    begin(&["alice"]);
    create(lab, "media", "32M", &["alice"]);
    gateway("monitor status").ended(1).said(&["does not run"]);
    assert_eq!(
        gateway("monitor status --json").ended(1).json()["running"],
        false
    );
    gateway("alert list")
        .ended(0)
        .said(&["No alert is raised."]);
    gateway("alert test").ended(1).said(&["monitor.toml"]);
    gateway("alert test --json").ended(1).json();

    fs::create_dir_all("/etc/smbgw").unwrap();
    let hook = "#!/bin/sh\ncat >/srv/message\n";
    fs::write("/srv/hook", hook).unwrap();
    fs::set_permissions("/srv/hook", fs::Permissions::from_mode(0o755)).unwrap();
    let settings = |more: &str| {
        let text =
            format!("{more}\n[journal]\nenabled = false\n[command]\nprogram = \"/srv/hook\"\n");
        fs::write("/etc/smbgw/monitor.toml", text).unwrap();
    };
    settings("[alerts]\nhold_seconds = 0\n");
    gateway("alert test").ended(0).said(&["command: delivered"]);
    assert!(fs::read_to_string("/srv/message").unwrap().contains("test"));
    let tested = gateway("alert test --channel command --json")
        .ended(0)
        .json();
    assert_eq!(tested["channels"][0]["delivered"], true);
    gateway("alert test --channel mail")
        .ended(2)
        .said(&["no channel `mail`", "command"]);
    fs::write("/srv/hook", "#!/bin/sh\nexit 3\n").unwrap();
    gateway("alert test")
        .ended(1)
        .said(&["command", "exit status: 3"]);
    fs::write("/srv/hook", hook).unwrap();

    look(lab, "media", 30);
    assert!(
        fs::read_to_string("/srv/message")
            .unwrap()
            .contains("media")
    );
    gateway("alert list")
        .ended(0)
        .said(&["media", "space", "warning", "told"]);
    // There is one monitor at a time.
    let host = LocalHost::new();
    let lock = host.lock("monitor", "a monitor", soon()).unwrap();
    let running = gateway("monitor status --json").ended(0).json();
    assert_eq!(running["running"], true, "{running:#}");
    gateway("monitor run --once")
        .ended(4)
        .said(&["monitor.lock", "a monitor"]);
    drop(lock);
    let looked = gateway("monitor run --once --json").ended(0).json();
    assert_eq!(looked["monitor"]["last_look"]["shares"], 1, "{looked:#}");
    assert_eq!(looked["channels"][0]["channel"], "command");
    gateway("alert ack media --kind drift")
        .ended(3)
        .said(&["no alert"]);
    let acknowledge = [
        "alert",
        "ack",
        "media",
        "--kind",
        "space",
        "--note",
        "a disk comes",
    ];
    crate::lab::cli::gateway_with(&acknowledge, "")
        .ended(0)
        .said(&["media (space)"]);
    gateway("alert list")
        .ended(0)
        .said(&["known to", "a disk comes"]);
    gateway("alert silence media --until 2h")
        .ended(0)
        .said(&["Silent: `media`"]);
    gateway("alert list").ended(0).said(&["silent until"]);
    gateway("alert silence --all --until 1d --kind space")
        .ended(0)
        .said(&["any share (space)"]);
    gateway("alert unsilence media").ended(0);
    gateway("alert unsilence media").ended(3);
    gateway("alert unsilence --all").ended(0);
    let list = gateway("alert list --json").ended(0).json();
    assert_eq!(list["silences"].as_array().unwrap().len(), 0, "{list:#}");
    assert_eq!(list["alerts"][0]["acknowledged"]["note"], "a disk comes");

    for (wrong, why) in [
        ("ack", 2),
        ("ack media --all", 2),
        ("ack media --kind bogus", 2),
        ("ack nosuch", 3),
        ("silence media", 2),
        ("silence media --until yesterday", 2),
        ("silence media --until -2h", 2),
        ("silence media --until 2020-01-01", 2),
        ("silence nosuch --until 2h", 3),
        ("unsilence a/b", 2),
    ] {
        gateway(&format!("alert {wrong}")).ended(why);
        gateway(&format!("alert {wrong} --json")).ended(why).json();
    }
    for broken in [
        "[monitor]\nintervall_seconds = 3",
        "[[",
        "[alerts.space]\nwarning = 300",
    ] {
        settings(broken);
        for command in ["monitor run --once", "monitor run", "alert test"] {
            gateway(command).ended(2).said(&["/etc/smbgw/monitor.toml"]);
            gateway(&format!("{command} --json")).ended(2).json();
        }
        // What needs no settings goes on.
        gateway("quota-history media").ended(0);
        gateway("alert list").ended(0);
    }
}

/// Fills the share up to so many MiB, and has the monitor look.
fn look(lab: &Lab, name: &str, mebibytes: u64) {
    let file = lab.path(name).join("content");
    let bytes: Vec<u8> = (0..mebibytes * MIB).map(|n| (n * 7 % 251) as u8).collect();
    fs::write(file, bytes).unwrap();
    crate::lab::command("sync", &["--file-system", lab.place.to_str().unwrap()]);
    gateway("monitor run --once").ended(0).said(&["Looked at"]);
}

/// Alerts that are raised, by share and kind.
fn raised() -> Vec<(String, String)> {
    let list = gateway("alert list --json").ended(0).json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let alerts = list["alerts"].as_array().unwrap();
    alerts
        .iter()
        .map(|alert| (text(&alert["share"]), text(&alert["kind"])))
        .collect()
}

fn raised_of(share: &str) -> usize {
    raised().iter().filter(|(name, _)| name == share).count()
}

fn points(share: &str) -> Vec<Value> {
    let shown = gateway(&format!("quota-history {share} --json"))
        .ended(0)
        .json();
    shown["points"].as_array().unwrap().clone()
}

/// What was set apart: shares, and how many samples there are of each.
fn archived() -> Vec<(String, usize)> {
    let history = History::open_read_only(layout::HISTORY).unwrap();
    let all = history.archived().unwrap();
    let count = |id| {
        history
            .points(id, 0, i64::MAX, Resolution::Raw)
            .unwrap()
            .len()
    };
    all.into_iter()
        .map(|series| (series.share, count(series.id)))
        .collect()
}

/// Remembers 30 days in which the share grew steadily, to 40 MiB now.
fn grow(share: &str) {
    let mut history = History::open(layout::HISTORY).unwrap().history;
    let now = LocalHost::new().now();
    for hours in (0..30 * 24).rev() {
        let sample = Sample {
            bytes: 40 * MIB - hours * MIB / 24,
            inodes: None,
            limit: Allowance {
                bytes: Some(64 * MIB),
                inodes: None,
            },
            source: Source::Poll,
        };
        let at = now - i64::try_from(hours).unwrap() * 3600;
        history.record(at, &[(share, sample)]).unwrap();
    }
    history.maintain(now).unwrap();
}

/// What the program shows on a terminal, in a locale.
fn on_a_terminal(arguments: &str, locale: &str) -> String {
    assert!(Path::new(PROGRAM).exists());
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command"])
        .arg(format!("{PROGRAM} {arguments}"))
        .arg("/dev/null")
        .env("LC_ALL", locale)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
