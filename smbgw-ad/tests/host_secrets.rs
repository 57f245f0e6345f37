//! Where passwords are while a host joins, rotates and leaves: in no argument, no environment, no
//! journal, no log, and in no file but Samba's database of secrets.

mod lab;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use lab::{Lab, draft, is_done, secret, soon};
use smbgw_ad::join::{JoinDraft, join};
use smbgw_ad::leave::{AccountFate, leave};
use smbgw_ad::rotate::{RotateOptions, rotate};
use smbgw_ad::samba::{Member, trust};
use smbgw_testing::{Capability, Domain, require};
use tracing::field::{Field, Visit};
use tracing::span;

/// An administrator's password that no other test has.
const BOSS: &str = "Only.here-4711-xyzzy";

/// Where a host may write. The rest is the machine's, which it shares.
const WRITABLE: [&str; 7] = [
    "/etc",
    "/run",
    "/srv",
    "/tmp",
    "/var/cache",
    "/var/lib",
    "/var/log",
];

/// Where Samba keeps the machine's secret.
const SECRETS: &str = "/var/lib/samba/private/secrets.tdb";

#[test]
fn no_password_is_where_it_can_be_seen() {
    require!(Capability::DomainController, Capability::Winbind);
    let domain = Domain::shared();
    domain.add_users(&["boss"]).unwrap();
    domain.set_password("boss", BOSS).unwrap();
    domain
        .controller()
        .directory_modify(&format!(
            "dn: {}\nchangetype: modify\nadd: member\nmember: {}\n",
            Domain::dn_of_user("Domain Admins"),
            Domain::dn_of_user("boss")
        ))
        .unwrap();
    let lab = Lab::new("secrets1");
    let by_boss = JoinDraft {
        user: Some("boss".into()),
        ..draft()
    };
    let member = Member::new(
        "secrets1".parse().unwrap(),
        Domain::NETBIOS,
        Domain::REALM.parse().unwrap(),
    )
    .unwrap();
    let known = || {
        trust::passwords(&lab.entered, &member, soon())
            .unwrap()
            .unwrap()
    };
    let journal = lab.host.path("/var/lib/smbgw/domain/operation.jsonl");

    let log = Log::default();
    let over = AtomicBool::new(false);
    let (seen, first, second) = std::thread::scope(|scope| {
        let watching = scope.spawn(|| watch(&journal, &over));
        // Also where something fails, so that the watcher does not go on for ever.
        let ended = Ended(&over);
        let (user, password) = ("boss".parse().unwrap(), secret(BOSS));
        is_done(lab.with(|parts| log.hear(|| join(parts, &by_boss, &password))));
        let first = known().current;
        lab.with(|parts| log.hear(|| rotate(parts, RotateOptions::default())))
            .unwrap();
        let second = known().current;
        let files = files_with(&lab, &[first.expose(), second.expose(), BOSS.as_bytes()]);
        assert_eq!(files[0], [SECRETS]);
        assert_eq!(files[1], [SECRETS]);
        assert!(files[2].is_empty(), "{:?}", files[2]);
        let user = Some((&user, &password));
        is_done(lab.with(|parts| log.hear(|| leave(parts, AccountFate::Delete, user))));
        drop(ended);
        (watching.join().unwrap(), first, second)
    });

    // The watcher was quick enough to see those that were told a secret.
    for word in ["offlinejoin", "changesecretpw", "tdbtool"] {
        assert!(seen.iter().any(|text| has(text, word.as_bytes())), "{word}");
    }
    assert!(seen.iter().any(|text| has(text, b"make-account")));
    let log = log.0.lock().unwrap().join("\n");
    assert!(log.contains("asking for a change"), "{log}");
    for password in [first.expose(), second.expose(), BOSS.as_bytes()] {
        for text in &seen {
            assert!(!tells(text, password), "{}", String::from_utf8_lossy(text));
        }
        assert!(!tells(log.as_bytes(), password));
    }
    let files = files_with(&lab, &[first.expose(), second.expose(), BOSS.as_bytes()]);
    for files in files {
        assert!(files.iter().all(|file| file == SECRETS), "{files:?}");
    }
}

/// Says that all is over when it is dropped.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks again and again at the arguments and environments of processes that come up, and at the
/// journal; all that was seen.
fn watch(journal: &Path, over: &AtomicBool) -> HashSet<Vec<u8>> {
    let processes = || {
        fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let earlier: HashSet<String> = processes().collect();
    let mut seen = HashSet::new();
    while !over.load(Ordering::Relaxed) {
        for process in processes().filter(|process| !earlier.contains(process)) {
            for file in ["cmdline", "environ"] {
                // It may have ended.
                seen.extend(fs::read(format!("/proc/{process}/{file}")));
            }
        }
        seen.extend(fs::read(journal));
    }
    seen
}

/// For each password, the files of the host that have it, as paths of the host.
fn files_with(lab: &Lab, passwords: &[&[u8]]) -> Vec<Vec<String>> {
    let mut found = vec![Vec::new(); passwords.len()];
    let mut todo: Vec<PathBuf> = WRITABLE.iter().map(PathBuf::from).collect();
    let mut seen = HashSet::new();
    while let Some(path) = todo.pop() {
        let outside = lab.host.path(&path);
        let Ok(status) = fs::symlink_metadata(&outside) else {
            continue;
        };
        if !seen.insert((status.dev(), status.ino())) {
            continue;
        }
        if status.is_dir() {
            let entries = fs::read_dir(&outside).into_iter().flatten().flatten();
            todo.extend(entries.map(|entry| path.join(entry.file_name())));
        } else if status.is_file() && status.len() < LARGE && is_recent(&status) {
            // One that is gone has nothing.
            let content = fs::read(&outside).unwrap_or_default();
            for (password, files) in passwords.iter().zip(&mut found) {
                if tells(&content, password) {
                    files.push(path.display().to_string());
                }
            }
        }
    }
    found
}

/// Larger files are packages and images.
const LARGE: u64 = 64 << 20;

/// Whether a file was written since this process was started, more or less.
fn is_recent(status: &fs::Metadata) -> bool {
    let started = fs::metadata("/proc/self").unwrap();
    status.mtime() >= started.mtime() - 60
}

/// Whether `text` has `password` in it, as it is or as Windows writes it.
fn tells(text: &[u8], password: &[u8]) -> bool {
    let wide: Vec<u8> = password.iter().flat_map(|byte| [*byte, 0]).collect();
    has(text, password) || has(text, &wide)
}

fn has(text: &[u8], part: &[u8]) -> bool {
    let first = part[0];
    (0..text.len().saturating_sub(part.len() - 1))
        .any(|start| text[start] == first && text[start..].starts_with(part))
}

/// What is logged, all of it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Hears what `work` logs.
    fn hear<T>(&self, work: impl FnOnce() -> T) -> T {
        tracing::subscriber::with_default(self.clone(), work)
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut line = Line::default();
        attributes.record(&mut line);
        self.0.lock().unwrap().push(line.0);
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut line = Line::default();
        values.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a string does not fail.
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}
