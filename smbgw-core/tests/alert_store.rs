//! The state of alerts in its file, with two that write it and a disk that is full.

#![cfg(all(feature = "alert", feature = "testing"))]

mod alert;

use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use alert::{Tree, soon};
use smbgw_core::alert::{
    AlertError, AlertStore, Event, Facts, Kind, Measure, Reading, RuleBook, Scope, Severity,
    Silence, State, Subject, observe,
};
use smbgw_core::change::Change;
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::Host;
use smbgw_core::share::ShareName;
use smbgw_core::testing::{Counted, Fault, Faults, FaultyHost};

fn name(text: &str) -> ShareName {
    text.parse().unwrap()
}

fn of(share: &str) -> Scope {
    Scope::all_of(Subject::Share(name(share)))
}

fn everything() -> Scope {
    Scope::all_of(Subject::Everything)
}

fn silence(scope: Scope, until: i64) -> Silence {
    Silence {
        scope,
        until,
        by: "root".into(),
        note: Some("moving house".into()),
    }
}

/// Lets `state` see that the hard limit of `share` is reached, or not.
fn see(state: &mut State, share: &str, severity: Option<Severity>, now: i64) -> Vec<Event> {
    let reading = Reading {
        share: Some(name(share)),
        kind: Kind::HardLimit,
        measure: Measure::Present(severity),
        facts: Facts {
            summary: "the limit is reached".into(),
            percent: Some(100.0),
            ..Facts::default()
        },
    };
    observe(state, &RuleBook::default(), now, &[reading])
        .into_iter()
        .map(|told| told.event)
        .collect()
}

/// What is told of a share whose hard limit is reached, with the state in `store`.
fn hit(store: &AlertStore<'_>, share: &str, now: i64) -> (Vec<Event>, Result<(), AlertError>) {
    let update = store.update(soon(), |state| {
        Ok::<_, Infallible>(see(state, share, Some(Severity::Critical), now))
    });
    (update.value.unwrap(), update.saved)
}

#[test]
fn the_state_outlives_the_program_and_is_root_s_alone() {
    let tree = Tree::with("alerts.json");
    let (told, saved) = hit(&AlertStore::new(&tree.host), "media", 10);
    assert_eq!(told, [Event::Raised]);
    saved.unwrap();
    let mode = fs::metadata(tree.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let again = AlertStore::new(&tree.host);
    assert_eq!(again.load().unwrap().alerts(20).len(), 1);
    let (told, saved) = hit(&again, "MEDIA", 20);
    assert_eq!(told, []);
    saved.unwrap();
}

#[test]
fn nothing_to_remember_leaves_no_file() {
    let tree = Tree::with("alerts.json");
    let store = AlertStore::new(&tree.host);
    assert!(store.load().unwrap().is_empty());
    hit(&store, "media", 10).1.unwrap();
    assert!(tree.file().exists());
    assert_eq!(
        store.forget(&name("other"), soon()).unwrap(),
        Change::Unchanged
    );
    assert_eq!(
        store.forget(&name("Media"), soon()).unwrap(),
        Change::Removed
    );
    assert!(!tree.file().exists());
    // The monitor, which knew of it, forgets it too.
    let (told, _) = hit(&store, "media", 20);
    assert_eq!(told, [Event::Raised]);
}

#[test]
fn who_asks_for_what_is_not_there_is_told_so() {
    let tree = Tree::with("alerts.json");
    let store = AlertStore::new(&tree.host);
    let error = store
        .acknowledge(&of("media"), "root", None, soon())
        .unwrap_err();
    assert_eq!(error.code(), "alert.not-raised");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), "no alert is raised for `media`");
    let error = store.unsilence(&of("media"), soon()).unwrap_err();
    assert_eq!(error.code(), "alert.not-silenced");
    let past = silence(of("media"), tree.host.now() - 1);
    let error = store.silence(past, soon()).unwrap_err();
    assert_eq!(error.code(), "alert.silence-over");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(!tree.file().exists());
}

#[test]
fn the_monitor_sees_what_the_command_line_says() {
    let tree = Tree::with("alerts.json");
    let monitor = AlertStore::new(&tree.host);
    let now = tree.host.now();
    hit(&monitor, "media", now).1.unwrap();
    let command = AlertStore::new(&tree.host);
    let known = command
        .acknowledge(&everything(), "alice", Some("ordered a disk"), soon())
        .unwrap();
    assert_eq!(known[0].share, Some(name("media")));
    assert_eq!(hit(&monitor, "media", now + 30 * 86_400).0, []);
    command
        .silence(silence(of("other"), now + 1_000_000), soon())
        .unwrap();
    assert_eq!(hit(&monitor, "other", now + 10).0, []);
    let ended = command.unsilence(&everything(), soon()).unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(hit(&monitor, "other", now + 20).0, [Event::Raised]);
    let alerts = command.load().unwrap().alerts(now);
    assert_eq!(alerts.len(), 2);
    assert_eq!(alerts[0].acknowledged.as_ref().unwrap().by, "alice");
}

#[test]
fn a_full_disk_keeps_the_old_file_and_tells_nothing_twice() {
    let tree = Tree::with("alerts.json");
    hit(&AlertStore::new(&tree.host), "first", 10).1.unwrap();
    let before = fs::read(tree.file()).unwrap();
    let faults = Faults::at(1, Fault::FailBefore).counting(Counted::Writes);
    let full = FaultyHost::new(&tree.host, &faults);
    let store = AlertStore::new(&full);
    let (told, saved) = hit(&store, "media", 20);
    assert_eq!(told, [Event::Raised]);
    assert_eq!(saved.unwrap_err().code(), "host.file");
    assert_eq!(fs::read(tree.file()).unwrap(), before);
    // Somebody else finds room, and the next save brings both together.
    let command = AlertStore::new(&tree.host);
    command
        .acknowledge(&of("first"), "root", None, soon())
        .unwrap();
    command
        .silence(silence(of("third"), i64::MAX), soon())
        .unwrap();
    let (told, saved) = hit(&store, "media", 30);
    assert_eq!(told, []);
    saved.unwrap();
    let state = AlertStore::new(&tree.host).load().unwrap();
    let alerts = state.alerts(30);
    let known: Vec<_> = alerts
        .iter()
        .map(|one| (one.share.clone(), one.acknowledged.is_some()))
        .collect();
    assert_eq!(
        known,
        [(Some(name("first")), true), (Some(name("media")), false)]
    );
    assert_eq!(state.silences(30).count(), 1);
}

#[test]
fn each_call_that_fails_leaves_a_whole_file_and_a_state_that_goes_on() {
    for at in 1.. {
        let tree = Tree::with("alerts.json");
        hit(&AlertStore::new(&tree.host), "first", 10).1.unwrap();
        let faults = Faults::at(at, Fault::FailBefore);
        let host = FaultyHost::new(&tree.host, &faults);
        let store = AlertStore::new(&host);
        let (told, _) = hit(&store, "media", 20);
        assert_eq!(told, [Event::Raised], "call {at}");
        AlertStore::new(&tree.host).load().unwrap();
        // The next pass works: nothing is told twice, nothing is lost.
        let (told, saved) = hit(&store, "media", 30);
        assert_eq!(told, [], "call {at}");
        let saved = saved.is_ok() || hit(&store, "media", 40).1.is_ok();
        assert!(saved, "call {at}");
        let shares: Vec<_> = AlertStore::new(&tree.host)
            .load()
            .unwrap()
            .alerts(30)
            .into_iter()
            .map(|alert| alert.share)
            .collect();
        let expected = ["first", "media"].map(|one| Some(name(one)));
        assert_eq!(shares, expected, "call {at}");
        if faults.hit().is_none() {
            assert!(at > 3);
            return;
        }
    }
}

#[test]
fn a_change_that_fails_is_kept_and_saved_later() {
    let tree = Tree::with("alerts.json");
    let store = AlertStore::new(&tree.host);
    let update = store.update(soon(), |state| {
        let told = see(state, "media", Some(Severity::Critical), 10);
        assert_eq!(told, [Event::Raised]);
        Err::<(), _>("the messages could not be saved")
    });
    assert!(update.value.is_err() && update.saved.is_ok());
    assert!(!tree.file().exists());
    assert_eq!(hit(&store, "media", 20).0, []);
    assert_eq!(store.load().unwrap().alerts(20).len(), 1);
}

#[test]
fn a_damaged_file_is_kept_aside() {
    let tree = Tree::with("alerts.json");
    let store = AlertStore::new(&tree.host);
    hit(&store, "media", 10).1.unwrap();
    let whole = fs::read(tree.file()).unwrap();
    let half = &whole[..whole.len() / 2];
    fs::write(tree.file(), half).unwrap();
    assert_eq!(store.load().unwrap_err().code(), "alert.malformed");
    // A monitor that runs still knows what it told; one that starts does not.
    for (store, expected) in [
        (store, vec![]),
        (AlertStore::new(&tree.host), vec![Event::Raised]),
    ] {
        fs::write(tree.file(), half).unwrap();
        let update = store.update(soon(), |state| {
            Ok::<_, Infallible>(see(state, "media", Some(Severity::Critical), 20))
        });
        assert_eq!(update.value.unwrap(), expected);
        update.saved.unwrap();
        let damage = update.damage.unwrap();
        assert!(damage.message.contains("alerts.json"), "{}", damage.message);
        let aside = tree.dir.path().join("var/lib/smbgw/alerts.json.damaged");
        assert_eq!(fs::read(aside).unwrap(), half);
        assert!(damage.kept_as.is_some());
        assert_eq!(store.load().unwrap().alerts(20).len(), 1);
    }
}

#[test]
fn a_damaged_file_holds_up_no_share_that_is_deleted() {
    let tree = Tree::with("alerts.json");
    let store = AlertStore::new(&tree.host);
    let aside = tree.dir.path().join("var/lib/smbgw/alerts.json.damaged");
    hit(&store, "media", 10).1.unwrap();
    fs::write(tree.file(), "{ half").unwrap();
    assert_eq!(
        store.forget(&name("other"), soon()).unwrap(),
        Change::Removed
    );
    assert_eq!(fs::read_to_string(aside).unwrap(), "{ half");
    assert!(!tree.file().exists());
    assert_eq!(
        store.forget(&name("other"), soon()).unwrap(),
        Change::Unchanged
    );
}

#[test]
fn a_newer_file_is_left_alone() {
    let tree = Tree::with("alerts.json");
    let store = AlertStore::new(&tree.host);
    hit(&store, "media", 10).1.unwrap();
    let text = "{\"version\": 2, \"alerts\": {\"in\": \"another form\"}}";
    fs::write(tree.file(), text).unwrap();
    assert_eq!(store.load().unwrap_err().code(), "alert.too-new");
    let (_, saved) = hit(&store, "other", 20);
    assert_eq!(saved.unwrap_err().code(), "alert.too-new");
    let error = store.acknowledge(&everything(), "root", None, soon());
    assert_eq!(error.unwrap_err().code(), "alert.too-new");
    assert_eq!(fs::read_to_string(tree.file()).unwrap(), text);
}

#[test]
fn many_writers_lose_nothing() {
    let tree = Tree::with("alerts.json");
    let shares: Vec<_> = (0..8).map(|number| format!("share-{number}")).collect();
    std::thread::scope(|scope| {
        for share in &shares {
            let host = &tree.host;
            scope.spawn(move || {
                let store = AlertStore::new(host);
                hit(&store, share, 10).1.unwrap();
                store.acknowledge(&of(share), "root", None, soon()).unwrap();
            });
        }
    });
    let alerts = AlertStore::new(&tree.host).load().unwrap().alerts(10);
    assert_eq!(alerts.len(), shares.len());
    assert!(alerts.iter().all(|alert| alert.acknowledged.is_some()));
}
