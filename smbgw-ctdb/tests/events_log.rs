//! The log of a cluster's events: writers that come together, die or find it full, and readers of all that.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;

use smbgw_core::host::LocalHost;
use smbgw_ctdb::events::{self, ClusterEvent, Filter, LOG, Source, What};
use tempfile::TempDir;

/// A machine with nothing on it.
fn machine() -> (TempDir, LocalHost) {
    let root = TempDir::new().unwrap();
    let host = LocalHost::with_root(root.path());
    (root, host)
}

fn log(root: &TempDir) -> PathBuf {
    root.path().join(LOG.trim_start_matches('/'))
}

fn event(text: &str) -> ClusterEvent {
    let node = "n1".parse().unwrap();
    ClusterEvent::new(What::Operation, Source::Program, node).with_detail(text)
}

/// What all events in the log say.
fn said(host: &LocalHost) -> Vec<String> {
    let past = events::read(&[host], None, None, &Filter::default());
    assert_eq!(past.unread, []);
    let details = past.events.into_iter().map(|event| event.detail.unwrap());
    details.collect()
}

#[test]
fn what_is_written_is_read_by_root_alone() {
    let (root, host) = machine();
    assert_eq!(said(&host), [] as [&str; 0]);
    events::append(&host, &[event("one"), event("two")]).unwrap();
    events::append(&host, &[]).unwrap();
    events::append(&host, &[event("three")]).unwrap();
    assert_eq!(said(&host), ["one", "two", "three"]);
    let mode = fs::metadata(log(&root)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_writer_that_was_killed_costs_its_own_line_alone() {
    let (root, host) = machine();
    events::append(&host, &[event("before")]).unwrap();
    let mut file = OpenOptions::new().append(true).open(log(&root)).unwrap();
    file.write_all(br#"{"at_milliseconds":17,"what":"oper"#)
        .unwrap();
    // A reader does not know yet whether more comes.
    let past = events::read(&[&host], None, None, &Filter::default());
    assert_eq!((past.events.len(), past.damaged_lines), (1, 0));
    events::append(&host, &[event("after")]).unwrap();
    assert_eq!(said(&host), ["before", "after"]);
    let past = events::read(&[&host], None, None, &Filter::default());
    assert_eq!(past.damaged_lines, 1);
}

#[test]
fn a_writer_that_hangs_holds_nobody_up() {
    let (root, host) = machine();
    events::append(&host, &[event("before")]).unwrap();
    let hung = File::open(log(&root)).unwrap();
    hung.lock().unwrap();
    events::append(&host, &[event("beside")]).unwrap();
    assert_eq!(said(&host), ["before", "beside"]);
}

#[test]
fn writers_that_come_together_lose_nothing_while_the_log_is_put_aside() {
    let (root, host) = machine();
    // More than one log holds, and less than two do.
    let (writers, each) = (8, 250);
    let padding = "x".repeat(700);
    thread::scope(|scope| {
        for writer in 0..writers {
            let (host, padding) = (&host, &padding);
            scope.spawn(move || {
                for number in 0..each {
                    let text = format!("{writer} {number} {padding}");
                    events::append(host, &[event(&text)]).unwrap();
                }
            });
        }
    });
    let logs = fs::read_dir(log(&root).parent().unwrap()).unwrap();
    assert_eq!(logs.count(), 2, "one log was put aside");
    let said = said(&host);
    let different: BTreeSet<&String> = said.iter().collect();
    assert_eq!(
        (said.len(), different.len()),
        (writers * each, writers * each)
    );
    // Of each writer they are in its order.
    for writer in 0..writers {
        let begin = format!("{writer} ");
        let numbers: Vec<usize> = said
            .iter()
            .filter_map(|text| text.strip_prefix(&begin)?.split(' ').next()?.parse().ok())
            .collect();
        assert!(numbers.is_sorted() && numbers.len() == each, "{numbers:?}");
    }
}

#[test]
fn logs_take_a_bounded_room() {
    let (root, host) = machine();
    let many: Vec<ClusterEvent> = (0..400).map(|_| event(&"x".repeat(900))).collect();
    for _ in 0..12 {
        events::append(&host, &many).unwrap();
    }
    let logs = fs::read_dir(log(&root).parent().unwrap()).unwrap();
    let sizes: Vec<u64> = logs
        .map(|log| log.unwrap().metadata().unwrap().len())
        .collect();
    assert_eq!(sizes.len(), 2);
    assert!(sizes.iter().sum::<u64>() < 4 << 20, "{sizes:?}");
    events::append(&host, &[event("the last one")]).unwrap();
    assert_eq!(said(&host).last().unwrap(), "the last one");
}

#[test]
fn a_log_that_cannot_be_read_is_told_with_the_others() {
    let (_root, host) = machine();
    events::append(&host, &[event("one")]).unwrap();
    let (broken_root, broken) = machine();
    fs::create_dir_all(log(&broken_root)).unwrap();
    let past = events::read(&[&broken, &host], None, None, &Filter::default());
    assert_eq!((past.events.len(), past.unread.len()), (1, 1));
    assert!(events::append(&broken, &[event("two")]).is_err());
}

#[test]
fn only_the_time_and_number_asked_for_are_read() {
    let (_root, host) = machine();
    for at in 0..10 {
        let mut event = event(&at.to_string());
        event.at_milliseconds = at;
        events::append(&host, &[event]).unwrap();
    }
    let read = |since, until, newest| -> Vec<i64> {
        let filter = Filter {
            newest,
            ..Filter::default()
        };
        let past = events::read(&[&host], since, until, &filter);
        past.events
            .iter()
            .map(|event| event.at_milliseconds)
            .collect()
    };
    assert_eq!(read(Some(3), Some(5), None), [3, 4, 5]);
    assert_eq!(read(None, Some(5), Some(2)), [4, 5]);
    assert_eq!(read(Some(8), None, Some(20)), [8, 9]);
}
