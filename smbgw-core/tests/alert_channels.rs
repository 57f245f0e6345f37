//! The channels that need nothing but this machine: programs, HTTP, the journal's socket, files.
#![cfg(all(feature = "alert", feature = "testing"))]

mod alert;

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alert::{channels, notice, problems_of, soon};
use smbgw_core::alert::channel::{ChannelSettings, build};
use smbgw_core::alert::{Channel, Event, Facts, Messages, Notice, Severity};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::host::{Command, Host, LocalHost};
use smbgw_core::testing::{Fault, Faults, FaultyHost};

/// Runs `use_it` with the one channel that `toml` describes.
fn with_channel(toml: &str, use_it: impl FnOnce(&dyn Channel)) {
    let (host, messages) = (LocalHost::new(), Messages::built_in());
    let settings = settings(toml);
    let made = build(&settings, &host, &messages).unwrap();
    assert_eq!(made.len(), 1, "{made:?}");
    use_it(&*made[0]);
}

/// The settings in `toml`, with the journal off where nothing is said of it.
fn settings(toml: &str) -> ChannelSettings {
    let mut settings: ChannelSettings = toml::from_str(toml).unwrap();
    settings.journal.enabled.get_or_insert(false);
    settings
}

/// A program that a hook may be, in a directory of its own.
fn hook(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hook");
    // Written by another process: a program started at this moment by another test would inherit
    // the open file, and what is open for writing cannot be run.
    let write = Command::new("dd").arg(format!("of={}", path.display()));
    let write = write.stdin(format!("#!/bin/sh\n{text}").into());
    LocalHost::new().run(&write, soon()).unwrap();
    chmod(&path, 0o755);
    (dir, path)
}

fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn nothing_is_set_by_default() {
    let settings: ChannelSettings = toml::from_str("").unwrap();
    assert_eq!(settings, ChannelSettings::default());
    let (host, messages) = (LocalHost::new(), Messages::built_in());
    for channel in build(&settings, &host, &messages).unwrap() {
        assert_eq!(channel.name(), "journal");
    }
}

#[test]
fn the_journal_is_used_where_it_is_there_unless_it_is_switched_off() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let (host, messages) = (LocalHost::new(), Messages::built_in());
    let made = |line: &str| {
        let toml = format!("[journal]\n{line}\nsocket = {path:?}");
        let settings = toml::from_str(&toml).unwrap();
        build(&settings, &host, &messages).unwrap().len()
    };
    assert_eq!(made(""), 0);
    assert_eq!(made("enabled = true"), 1);
    let _socket = UnixDatagram::bind(&path).unwrap();
    assert_eq!(made(""), 1);
    assert_eq!(made("enabled = false"), 0);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let found = problems_of(
        "[command]\nprogram = \"hook\"\nargs = [\"a\\u0000\"]\n\
         [event]\ndirectory = \"events\"\nkeep = 0",
    );
    let fields: Vec<_> = found.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "event.directory",
            "event.keep",
            "command.program",
            "command.args"
        ]
    );
    // What is not known is refused where the settings are read.
    for text in ["[pager]", "[command]\nprogramm = \"/bin/true\""] {
        assert!(toml::from_str::<ChannelSettings>(text).is_err(), "{text}");
    }
}

#[test]
fn a_hook_gets_the_message_as_json() {
    let (dir, path) = hook("cat >\"$1\"\n");
    let output = dir.path().join("out put");
    let toml = format!("[command]\nprogram = {path:?}\nargs = [{output:?}]");
    with_channel(&toml, |channel| {
        assert_eq!(channel.name(), "command");
        channel.deliver(&notice(), soon()).unwrap();
    });
    let text = std::fs::read_to_string(output).unwrap();
    assert!(text.ends_with("}\n") && text.lines().count() == 1, "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "version": 1,
            "id": "0123456789abcdef0123456789abcdef",
            "at": 1_800_000_060,
            "host": "gw",
            "share": "Médiathèque",
            "kind": "space",
            "event": "raised",
            "severity": "warning",
            "since": 1_800_000_000,
            "facts": {
                "summary": "9G of 10G are used",
                "remedy": "delete <something>",
                "used": 9_663_676_416_u64,
                "limit": 10_737_418_240_u64,
                "percent": 90.0,
            },
            "subject": "[smbgw gw] warning: Médiathèque: 9G of 10G are used",
            "text": Messages::built_in().render(&notice()).text,
        })
    );
    // The rest of the object is the notice itself.
    let back: Notice = serde_json::from_value(json).unwrap();
    assert_eq!(back, notice());
}

#[test]
fn a_hook_says_by_its_status_whether_to_try_again() {
    for (status, permanent) in [
        (1, false),
        (64, true),
        (65, true),
        (67, true),
        (68, true),
        (75, false),
        (78, false),
    ] {
        let (_dir, path) = hook(&format!("echo no such room >&2; exit {status}\n"));
        with_channel(&format!("[command]\nprogram = {path:?}"), |channel| {
            let error = channel.deliver(&notice(), soon()).unwrap_err();
            assert_eq!(error.is_permanent(), permanent, "{status}");
            assert_eq!(
                error.to_string(),
                format!(
                    "command: `{}` failed with exit status: {status}: no such room",
                    path.display()
                )
            );
        });
    }
}

#[test]
fn a_hook_that_does_not_end_is_stopped_at_the_deadline() {
    let (dir, path) = hook("echo $$ >\"$1\"; sleep 1000 & wait\n");
    let pid_file = dir.path().join("pid");
    let toml = format!("[command]\nprogram = {path:?}\nargs = [{pid_file:?}]");
    with_channel(&toml, |channel| {
        let started = Instant::now();
        let brief = Deadline::after(Duration::from_secs(2));
        let error = channel.deliver(&notice(), brief).unwrap_err();
        assert!(!error.is_permanent());
        assert!(error.to_string().contains("was stopped"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(60));
    });
    let pid = std::fs::read_to_string(pid_file).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists());
}

#[test]
fn a_hook_that_others_can_change_is_not_run() {
    let (dir, path) = hook("touch \"$1\"\n");
    let trace = dir.path().join("trace");
    chmod(&path, 0o777);
    let toml = format!("[command]\nprogram = {path:?}\nargs = [{trace:?}]");
    with_channel(&toml, |channel| {
        let error = channel.deliver(&notice(), soon()).unwrap_err();
        assert!(!error.is_permanent());
        assert!(error.to_string().contains("others may write to"), "{error}");
        assert_eq!(error.code(), "alert.not-delivered");
    });
    assert!(!trace.exists());
}

#[test]
fn the_journal_gets_one_datagram_with_all_fields() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let journal = UnixDatagram::bind(&path).unwrap();
    let told = Notice {
        facts: Facts {
            remedy: Some("delete\nsomething".into()),
            ..notice().facts
        },
        event: Event::Escalated,
        severity: Severity::Critical,
        ..notice()
    };
    with_channel(
        &format!("[journal]\nenabled = true\nsocket = {path:?}"),
        |channel| {
            assert_eq!(channel.name(), "journal");
            channel.deliver(&told, soon()).unwrap();
        },
    );
    let mut buffer = [0; 64 << 10];
    let length = journal.recv(&mut buffer).unwrap();
    let text = std::str::from_utf8(&buffer[..length]).unwrap();
    let (id, rest) = {
        let start = text.find("MESSAGE_ID=").unwrap() + "MESSAGE_ID=".len();
        (
            &text[start..start + 32],
            text.replace(&text[start..start + 32], "ID"),
        )
    };
    assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(
        rest,
        "MESSAGE=[smbgw gw] now critical: Médiathèque: 9G of 10G are used\n\
         PRIORITY=2\n\
         MESSAGE_ID=ID\n\
         SYSLOG_IDENTIFIER=smbgw\n\
         SMBGW_ID=0123456789abcdef0123456789abcdef\n\
         SMBGW_HOST=gw\n\
         SMBGW_SHARE=Médiathèque\n\
         SMBGW_KIND=space\n\
         SMBGW_EVENT=escalated\n\
         SMBGW_SEVERITY=critical\n\
         SMBGW_SINCE=1800000000\n\
         SMBGW_REMEDY\n\x10\0\0\0\0\0\0\0delete\nsomething\n\
         SMBGW_USED=9663676416\n\
         SMBGW_LIMIT=10737418240\n\
         SMBGW_PERCENT=90\n"
    );
}

#[test]
fn a_journal_that_takes_nothing_does_not_hold_longer_than_the_deadline() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let (host, messages) = (LocalHost::new(), Messages::built_in());
    let toml = format!("[journal]\nenabled = true\nsocket = {path:?}");
    let settings = settings(&toml);
    let made = build(&settings, &host, &messages).unwrap();
    let error = made[0].deliver(&notice(), soon()).unwrap_err();
    assert!(!error.is_permanent(), "{error}");

    // Nobody reads: the queue becomes full.
    let _journal = UnixDatagram::bind(&path).unwrap();
    let started = Instant::now();
    let error = loop {
        let brief = Deadline::after(Duration::from_millis(300));
        if let Err(error) = made[0].deliver(&notice(), brief) {
            break error;
        }
        assert!(started.elapsed() < Duration::from_secs(60));
    };
    assert!(!error.is_permanent(), "{error}");
    assert!(started.elapsed() < Duration::from_secs(60));

    // The largest of messages fits.
    let large = dir.path().join("large");
    let _journal = UnixDatagram::bind(&large).unwrap();
    let long = "a line\n".repeat(100_000);
    let told = Notice {
        host: long.clone(),
        facts: Facts {
            summary: long.clone(),
            remedy: Some(long),
            ..notice().facts
        },
        ..notice()
    };
    with_channel(
        &format!("[journal]\nenabled = true\nsocket = {large:?}"),
        |channel| {
            channel.deliver(&told, soon()).unwrap();
        },
    );
}

#[test]
fn an_event_is_a_file_for_the_notification_system() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("events");
    let toml = format!("[event]\ndirectory = {place:?}");
    with_channel(&toml, |channel| {
        assert_eq!(channel.name(), "event");
        // Twice the same is one file.
        channel.deliver(&notice(), soon()).unwrap();
        channel.deliver(&notice(), soon()).unwrap();
    });
    let name = "00000000001800000060-0123456789abcdef0123456789abcdef.json";
    let names: Vec<_> = std::fs::read_dir(&place).unwrap().collect();
    assert_eq!(names.len(), 1);
    let content = std::fs::read(place.join(name)).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&content).unwrap();
    let message = Messages::built_in().render(&notice());
    assert_eq!(
        json,
        serde_json::json!({
            "version": 1,
            "severity": "warning",
            "template": "smbgw-alert",
            "data": {
                "subject": message.subject,
                "text": message.text,
                "html": message.html,
                "notice": notice(),
            },
            "fields": {
                "type": "smbgw-quota",
                "hostname": "gw",
                "share": "Médiathèque",
                "kind": "space",
                "event": "raised",
            },
        })
    );
}

#[test]
fn severities_are_told_in_the_words_of_proxmox_ve() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    let severity = |at, event, severity| {
        let told = Notice {
            at,
            event,
            severity,
            ..notice()
        };
        with_channel(&format!("[event]\ndirectory = {place:?}"), |channel| {
            channel.deliver(&told, soon()).unwrap();
        });
        let path = place.join(format!("{at:020}-{}.json", told.id));
        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        json["severity"].as_str().unwrap().to_string()
    };
    assert_eq!(severity(1, Event::Raised, Severity::Notice), "notice");
    assert_eq!(severity(2, Event::Repeated, Severity::Warning), "warning");
    assert_eq!(severity(3, Event::Escalated, Severity::Critical), "error");
    assert_eq!(severity(4, Event::Cleared, Severity::Critical), "info");
    assert_eq!(severity(5, Event::Test, Severity::Notice), "info");
}

#[test]
fn events_that_nobody_takes_are_bounded_and_the_oldest_go() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    std::fs::write(place.join("README.json"), "not an event").unwrap();
    with_channel(
        &format!("[event]\ndirectory = {place:?}\nkeep = 3"),
        |channel| {
            for at in [5, 1, 2, 3, 4] {
                let told = Notice { at, ..notice() };
                channel.deliver(&told, soon()).unwrap();
            }
        },
    );
    let mut names: Vec<String> = std::fs::read_dir(place)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    let times: Vec<&str> = names
        .iter()
        .map(|name| &name[..6.min(name.len())])
        .collect();
    assert_eq!(times, ["000000", "000000", "000000", "README"]);
    for (name, at) in names.iter().zip([3, 4, 5]) {
        assert!(name.starts_with(&format!("{at:020}-")), "{name}");
    }
}

#[test]
fn what_is_no_event_is_not_removed_and_what_is_new_neither() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    for name in [
        "2024-report.json",
        "00000000000000000001-a b.json",
        "7.json",
    ] {
        std::fs::write(place.join(name), "an administrator's").unwrap();
    }
    with_channel(
        &format!("[event]\ndirectory = {place:?}\nkeep = 1"),
        |channel| {
            // The clock was set back in between.
            for at in [9, 3] {
                let told = Notice { at, ..notice() };
                channel.deliver(&told, soon()).unwrap();
            }
        },
    );
    let names = LocalHost::new().list(place).unwrap();
    let new = format!("{:020}-{}.json", 3, notice().id);
    assert_eq!(
        names,
        [
            "00000000000000000001-a b.json",
            new.as_str(),
            "2024-report.json",
            "7.json"
        ]
    );
}

#[test]
fn an_event_that_cannot_be_written_is_tried_again() {
    let (real, messages) = (LocalHost::new(), Messages::built_in());
    let name = |at: i64| format!("{at:020}-{}.json", notice().id);
    // With the directory to be made, and with an old event that has to make room.
    for is_full in [false, true] {
        for number in 1.. {
            let dir = tempfile::tempdir().unwrap();
            let place = dir.path().join("a/b");
            if is_full {
                std::fs::create_dir_all(&place).unwrap();
                std::fs::write(place.join(name(7)), "{}").unwrap();
            }
            let settings = settings(&format!("[event]\ndirectory = {place:?}\nkeep = 1"));
            let faults = Faults::at(number, Fault::FailBefore);
            let host = FaultyHost::new(&real, &faults);
            let result = channels(&settings, &host, &messages)[0].deliver(&notice(), soon());
            if faults.hit().is_none() {
                result.unwrap();
                assert_eq!(real.list(&place).unwrap(), [name(notice().at)]);
                assert!(number > 2, "nothing failed");
                break;
            }
            let error = result.unwrap_err();
            assert!(!error.is_permanent(), "{error}");
            let is_there = place.join(name(notice().at)).exists();
            assert!(!is_there, "it would be told twice: {error}");
        }
    }
}

#[test]
#[cfg(all(feature = "mail", feature = "webhook"))]
fn the_example_in_the_documentation_can_be_used() {
    let source = include_str!("../src/alert/channel/mod.rs");
    let (_, rest) = source.split_once("//! ```toml\n").unwrap();
    let (example, _) = rest.split_once("//! ```").unwrap();
    let toml: String = example
        .lines()
        .map(|line| format!("{}\n", line.trim_start_matches("//!").trim_start()))
        .collect();
    let (host, messages) = (LocalHost::new(), Messages::built_in());
    let made = build(&toml::from_str(&toml).unwrap(), &host, &messages).unwrap();
    let names: Vec<_> = made.iter().map(|channel| channel.name()).collect();
    assert_eq!(names, ["journal", "event", "command", "mail", "webhook"]);
}
