//! The file of a history: damaged, of other versions, of somebody else, and shared by processes.

#![cfg(feature = "history")]

mod history;

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use history::{DAY, HOUR, START, Scene, sample};
use rusqlite::Connection;
use smbgw_core::change::Change;
use smbgw_core::error::Coded;
use smbgw_quota::history::{History, HistoryError, Resolution};

fn filled() -> Scene {
    let mut scene = Scene::new();
    for hour in 0..48 {
        let at = START + hour * HOUR;
        let pass = [("media", sample(hour as u64)), ("work", sample(9))];
        scene.history.record(at, &pass).unwrap();
    }
    scene.history.maintain(START + 2 * DAY).unwrap();
    scene
}

fn files(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

fn code<T: std::fmt::Debug>(result: Result<T, HistoryError>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn it_is_made_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lib/smbgw/history.db");
    let mut history = History::open(&path).unwrap().history;
    history.record(START, &[("media", sample(1))]).unwrap();
    for name in files(path.parent().unwrap()) {
        let mode = fs::metadata(path.with_file_name(&name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
    assert!(history.size().unwrap() > 4096);
}

#[test]
fn it_is_there_again_when_opened_again() {
    let scene = filled();
    let before = scene.dump();
    let dir = scene.close();
    let again = History::open(dir.path().join("history.db")).unwrap();
    assert_eq!(again.moved_aside, None);
    assert_eq!(again.history.series().unwrap().len(), 2);
    let db = Connection::open(dir.path().join("history.db")).unwrap();
    let mode: String = db
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
    assert!(before.contains("daily"));
}

/// Damages a history by `damage`, and shows that the damaged one is moved aside with `beside`.
fn is_moved_aside(what: &str, damage: impl Fn(&Path)) {
    let dir = filled().close();
    let path = dir.path().join("history.db");
    damage(&path);
    let there = files(dir.path()).len();
    let opened = History::open(&path).unwrap();
    let aside = opened
        .moved_aside
        .unwrap_or_else(|| panic!("{what}: not noticed"));
    let name = aside.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("history.db.corrupt-2"), "{what}: {name}");
    assert_eq!(opened.history.series().unwrap(), [], "{what}");
    let now = files(dir.path());
    let moved = now.iter().filter(|name| name.contains("corrupt")).count();
    assert_eq!(moved, there, "{what}: {now:?}");
    let mut history = opened.history;
    history.record(START, &[("media", sample(1))]).unwrap();
    history.check().unwrap();
}

#[test]
fn a_damaged_one_is_moved_aside() {
    is_moved_aside("text", |path| {
        fs::write(path, "no database\n".repeat(999)).unwrap()
    });
    is_moved_aside("zeros", |path| fs::write(path, [0; 8192]).unwrap());
    is_moved_aside("cut off", |path| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    });
    is_moved_aside("a first page of noise", |path| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.write_at(&[0xa5; 3900], 100).unwrap();
    });
    is_moved_aside("a table is gone", |path| {
        Connection::open(path)
            .unwrap()
            .execute_batch("DROP TABLE daily")
            .unwrap();
    });
    is_moved_aside("the state is gone", |path| {
        Connection::open(path)
            .unwrap()
            .execute_batch("DELETE FROM tier")
            .unwrap();
    });
}

#[test]
fn two_that_are_moved_aside_in_one_second_are_both_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.db");
    for _ in 0..3 {
        fs::write(&path, "no database").unwrap();
        assert!(History::open(&path).unwrap().moved_aside.is_some());
    }
    let kept = files(dir.path());
    assert_eq!(
        kept.iter().filter(|name| name.contains("corrupt")).count(),
        3,
        "{kept:?}"
    );
}

#[test]
fn the_newest_three_that_were_moved_aside_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.db");
    fs::write(dir.path().join("history.db.old"), "of somebody else").unwrap();
    for number in 0..12 {
        fs::write(&path, format!("no database {number}")).unwrap();
        assert!(History::open(&path).unwrap().moved_aside.is_some());
    }
    let kept = files(dir.path());
    let mut asides: Vec<String> = kept
        .iter()
        .filter(|name| name.contains("corrupt"))
        .map(|name| fs::read_to_string(dir.path().join(name)).unwrap())
        .collect();
    asides.sort();
    let newest = ["no database 10", "no database 11", "no database 9"];
    assert_eq!(asides, newest, "{kept:?}");
    assert!(kept.contains(&"history.db.old".to_string()), "{kept:?}");
}

#[test]
fn damage_within_is_found_by_the_check_and_started_over_from() {
    let mut scene = Scene::new();
    for minute in 0..2000 {
        scene
            .history
            .record(START + minute * 60, &[("media", sample(1))])
            .unwrap();
    }
    let dir = scene.close();
    let path = dir.path().join("history.db");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    for page in pages / 2..pages {
        file.write_at(&[0xa5; 4096], page * 4096).unwrap();
    }
    let opened = History::open(&path).unwrap();
    assert_eq!(opened.moved_aside, None, "it does not show at once");
    let history = opened.history;
    assert_eq!(code(history.check()), "history.corrupt");
    let seen = history.points("media", 0, i64::MAX, Resolution::Raw);
    assert_eq!(code(seen), "history.corrupt");
    // Somebody who has it open keeps the log there, which must not become that of the new file.
    let other = Connection::open(&path).unwrap();
    let version: i64 = other
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 1);
    let opened = history.start_over().unwrap();
    drop(other);
    assert!(opened.moved_aside.unwrap().exists());
    let there = files(dir.path());
    let moved = there.iter().filter(|name| name.contains("corrupt"));
    assert!(moved.count() > 1, "{there:?}");
    opened.history.check().unwrap();
    assert_eq!(opened.history.series().unwrap(), []);
}

#[test]
fn a_newer_one_and_one_of_somebody_else_are_left_alone() {
    let dir = filled().close();
    let path = dir.path().join("history.db");
    let set = |batch| {
        Connection::open(&path)
            .unwrap()
            .execute_batch(batch)
            .unwrap()
    };
    for (batch, expected) in [
        ("PRAGMA user_version = 99", "history.too-new"),
        ("PRAGMA application_id = 1", "history.not-ours"),
    ] {
        set(batch);
        let before = fs::read(&path).unwrap();
        let error = History::open(&path).unwrap_err();
        assert_eq!(error.code(), expected);
        assert!(error.remedy().is_some(), "{error}");
        assert_eq!(code(History::open_read_only(&path)), expected);
        assert_eq!(fs::read(&path).unwrap(), before);
        assert!(
            files(dir.path())
                .iter()
                .all(|name| !name.contains("corrupt"))
        );
    }
}

#[test]
fn one_that_is_not_there_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.db");
    assert_eq!(code(History::open_read_only(&path)), "history.missing");
    fs::write(&path, "").unwrap();
    assert_eq!(code(History::open_read_only(&path)), "history.missing");
    fs::write(&path, "no database\n".repeat(999)).unwrap();
    assert_eq!(code(History::open_read_only(&path)), "history.corrupt");
    assert_eq!(files(dir.path()), ["history.db"]);
}

#[test]
fn readers_keep_no_writer_waiting() {
    let mut scene = filled();
    // In the middle of reading, as it were.
    let slow = Connection::open(scene.path()).unwrap();
    slow.execute_batch("BEGIN").unwrap();
    let count = |db: &Connection| -> i64 {
        db.query_one("SELECT count(*) FROM pass", [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(count(&slow), 48);
    let reader = History::open_read_only(scene.path()).unwrap();
    for hour in 48..96 {
        let at = START + hour * HOUR;
        scene
            .history
            .record(at, &[("media", sample(hour as u64))])
            .unwrap();
        scene.history.maintain(at).unwrap();
        let points = reader
            .points("media", 0, i64::MAX, Resolution::Raw)
            .unwrap();
        assert_eq!(points.last().unwrap().at, at);
    }
    assert_eq!(count(&slow), 48);
    slow.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&slow), 96);
}

#[test]
fn a_share_made_again_begins_with_nothing() {
    let mut scene = filled();
    // By another process, while this one goes on.
    let mut other = History::open(scene.path()).unwrap().history;
    let end = START + 2 * DAY;
    assert_eq!(other.archive("media", end).unwrap(), Change::Updated);
    assert_eq!(other.archive("media", end).unwrap(), Change::Unchanged);
    let history = &mut scene.history;
    let all = |history: &History| {
        history
            .points("media", 0, i64::MAX, Resolution::Raw)
            .unwrap()
    };
    assert_eq!(all(history), []);
    history
        .record(end, &[("media", sample(77)), ("work", sample(9))])
        .unwrap();
    assert_eq!(all(history).len(), 1);

    let archived = history.archived().unwrap();
    assert_eq!(archived.len(), 1);
    assert_eq!(
        (archived[0].share.as_str(), archived[0].since),
        ("media", START)
    );
    assert_eq!(archived[0].ended, Some(end));
    let old = |history: &History| history.points(archived[0].id, 0, i64::MAX, Resolution::Raw);
    assert_eq!(old(history).unwrap().len(), 48);
    assert_eq!(
        history
            .limit_changes(archived[0].id, 0, i64::MAX)
            .unwrap()
            .len(),
        1
    );

    assert_eq!(other.forget(archived[0].id).unwrap(), Change::Removed);
    assert_eq!(old(history).unwrap(), []);
    assert_eq!(all(history).len(), 1);
    assert_eq!(other.forget("media").unwrap(), Change::Removed);
    assert_eq!(other.forget("media").unwrap(), Change::Unchanged);
    let left = history.series().unwrap();
    assert_eq!(
        left.iter()
            .map(|series| series.share.as_str())
            .collect::<Vec<_>>(),
        ["work"]
    );
    let dump = scene.dump();
    let rows = |table: &str| dump.lines().filter(|line| line.starts_with(table)).count();
    assert_eq!((rows("sample"), rows("allowance")), (49, 1));
    scene.history.maintain(end).unwrap();
    scene.history.check().unwrap();
}

#[test]
fn an_archived_series_goes_with_the_last_of_what_is_kept() {
    let mut scene = filled();
    scene.history.archive("media", START + 2 * DAY).unwrap();
    let mut at = START + 2 * DAY;
    let mut go_on = |scene: &mut Scene, days| {
        for _ in 0..days {
            scene.history.record(at, &[("work", sample(1))]).unwrap();
            at += DAY;
        }
        scene.history.maintain(at).unwrap();
    };
    go_on(&mut scene, 5 * 365);
    assert_eq!(scene.history.archived().unwrap().len(), 1);
    go_on(&mut scene, 10);
    assert_eq!(scene.history.archived().unwrap(), []);
    assert!(!scene.dump().contains("media"));
}
