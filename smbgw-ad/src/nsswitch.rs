//! `winbind` in `/etc/nsswitch.conf`, so that the system itself knows users and groups of the domain.
//!
//! The format is that of nsswitch.conf(5): a database, a colon, services, and actions in brackets. Our
//! word goes behind the last service of the lines `passwd` and `group`, before a comment, and is
//! taken out again without touching another byte. A process looks at the file anew by itself
//! (glibc 2.33 and later).

use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::{FileError, Host};

use crate::code::Code;

/// The file.
pub const FILE: &str = "/etc/nsswitch.conf";

/// The databases that get our word.
const DATABASES: [&str; 2] = ["passwd", "group"];

const WORD: &str = "winbind";

/// What taking back needs: what was added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// The databases whose lines get our word.
    words: Vec<String>,
    /// The databases that get a line.
    lines: Vec<String>,
    /// Whether there was no file.
    made: bool,
}

/// What would be added; `None` where the domain is named already.
///
/// # Errors
/// Where the file cannot be read, or a database has two lines.
pub fn inspect(host: &dyn Host) -> Result<Option<Undo>, NsswitchError> {
    let text = host.read(Path::new(FILE))?;
    let mut undo = Undo {
        made: text.is_none(),
        ..Undo::default()
    };
    let text = text.unwrap_or_default();
    for database in DATABASES {
        match find(&text, database)? {
            Some(line) if line.has_word => {}
            Some(_) => undo.words.push(database.into()),
            None => undo.lines.push(database.into()),
        }
    }
    Ok((!undo.words.is_empty() || !undo.lines.is_empty()).then_some(undo))
}

/// Adds what [`inspect`] said.
///
/// # Errors
/// Where the file cannot be changed.
pub fn apply(host: &dyn Host, undo: &Undo) -> Result<Change, NsswitchError> {
    let text = host.read(Path::new(FILE))?;
    let changed = add(&text.unwrap_or_default(), undo)?;
    let change = host.write(Path::new(FILE), &changed, 0o644)?;
    Ok(match change {
        Change::Unchanged => Change::Unchanged,
        _ if undo.made => Change::Created,
        _ => Change::Updated,
    })
}

/// Takes out what was added. What somebody else changed since stays.
///
/// # Errors
/// Where the file cannot be changed.
pub fn undo(host: &dyn Host, undo: &Undo) -> Result<Change, NsswitchError> {
    let path = Path::new(FILE);
    host.remove_temporary(path)?;
    let Some(text) = host.read(path)? else {
        return Ok(Change::Unchanged);
    };
    let without = take_out(&text, undo)?;
    if undo.made && without.is_empty() {
        return Ok(host.remove(path)?);
    }
    Ok(host.write(path, &without, 0o644)?)
}

/// The words and lines of `undo` put into `text`. What is there already is not added again.
fn add(text: &[u8], undo: &Undo) -> Result<Vec<u8>, NsswitchError> {
    let mut text = text.to_vec();
    for database in &undo.words {
        if let Some(line) = find(&text, database)?
            && !line.has_word
        {
            let at = line.services.end;
            text.splice(at..at, format!(" {WORD}").into_bytes());
        }
    }
    for database in &undo.lines {
        if find(&text, database)?.is_none() {
            // A last line that is not ended is ended in front of ours, which marks it.
            let glue = match text.last() {
                None | Some(b'\n') => "",
                Some(_) => "\n",
            };
            text.extend_from_slice(format!("{glue}{}\n", own_line(database, glue)).as_bytes());
        }
    }
    Ok(text)
}

fn take_out(text: &[u8], undo: &Undo) -> Result<Vec<u8>, NsswitchError> {
    let mut text = text.to_vec();
    for database in undo.lines.iter().rev() {
        for glue in ["", "\n"] {
            let line = format!("{glue}{}\n", own_line(database, glue));
            if let Some(at) = position(&text, line.as_bytes()) {
                // A line end that was added goes only where nothing follows.
                let end = at + line.len();
                let start = at + if end < text.len() { glue.len() } else { 0 };
                text.drain(start..end);
            }
        }
    }
    for database in &undo.words {
        let added = format!(" {WORD}");
        if let Some(line) = find(&text, database)?
            && line.has_word
        {
            let services = &text[line.services.clone()];
            let found = services
                .windows(added.len())
                .enumerate()
                .filter(|(at, window)| {
                    let next = services.get(at + added.len());
                    *window == added.as_bytes() && next.is_none_or(u8::is_ascii_whitespace)
                })
                .map(|(at, _)| line.services.start + at)
                .next_back();
            if let Some(at) = found {
                text.drain(at..at + added.len());
            }
        }
    }
    Ok(text)
}

fn own_line(database: &str, glue: &str) -> String {
    let mark = if glue.is_empty() {
        ""
    } else {
        " (and the line end before)"
    };
    format!("{database}: files {WORD} # added by smbgw{mark}")
}

/// The line of a database.
struct Line {
    /// Its services and actions, without white space around them and without a comment.
    services: Range<usize>,
    has_word: bool,
}

fn find(text: &[u8], database: &str) -> Result<Option<Line>, NsswitchError> {
    let mut found = None;
    let mut at = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let start = at;
        at += line.len();
        let content = line.split(|byte| *byte == b'#').next().unwrap_or_default();
        let Some(colon) = content.iter().position(|byte| *byte == b':') else {
            continue;
        };
        if content[..colon].trim_ascii() != database.as_bytes() {
            continue;
        }
        if found.is_some() {
            return Err(NsswitchError::TwoLines {
                database: database.into(),
            });
        }
        let services = &content[colon + 1..];
        let end = colon + 1 + services.trim_ascii_end().len();
        let has_word = services
            .split(u8::is_ascii_whitespace)
            .any(|word| word == WORD.as_bytes());
        found = Some(Line {
            services: start + colon + 1..start + end,
            has_word,
        });
    }
    Ok(found)
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window == wanted)
}

/// Why `nsswitch.conf` could not be looked at or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NsswitchError {
    /// The file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A database has two lines, of which one counts.
    #[error("`{FILE}` has more than one line for `{database}`")]
    TwoLines {
        /// The database.
        database: String,
    },
}

impl Coded for NsswitchError {
    fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::TwoLines { .. } => Code::NsswitchInvalid.as_str(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            Self::TwoLines { .. } => ErrorKind::Conflict,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::File(error) => error.remedy(),
            Self::TwoLines { .. } => Some("remove all but one of them".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use smbgw_core::host::LocalHost;

    use super::*;

    fn on(text: Option<&[u8]>) -> (tempfile::TempDir, LocalHost) {
        let image = tempfile::tempdir().unwrap();
        std::fs::create_dir(image.path().join("etc")).unwrap();
        if let Some(text) = text {
            std::fs::write(image.path().join("etc/nsswitch.conf"), text).unwrap();
        }
        let host = LocalHost::with_root(image.path());
        (image, host)
    }

    fn added(before: &str) -> String {
        let (image, host) = on(Some(before.as_bytes()));
        let plan = inspect(&host).unwrap().unwrap();
        assert!(apply(&host, &plan).unwrap().happened());
        assert_eq!(apply(&host, &plan).unwrap(), Change::Unchanged);
        assert_eq!(inspect(&host).unwrap(), None);
        let after = std::fs::read_to_string(image.path().join("etc/nsswitch.conf")).unwrap();
        assert!(undo(&host, &plan).unwrap().happened());
        assert_eq!(undo(&host, &plan).unwrap(), Change::Unchanged);
        let back = std::fs::read_to_string(image.path().join("etc/nsswitch.conf")).unwrap();
        assert_eq!(back, before);
        after
    }

    #[test]
    fn the_word_goes_behind_the_services() {
        assert_eq!(
            added(
                "# x\npasswd:         files systemd\ngroup:\tfiles [SUCCESS=merge] systemd # y\nhosts: dns\n"
            ),
            "# x\npasswd:         files systemd winbind\ngroup:\tfiles [SUCCESS=merge] systemd winbind # y\nhosts: dns\n"
        );
        assert_eq!(
            added("group: files winbind\npasswd: files"),
            "group: files winbind\npasswd: files winbind"
        );
        assert_eq!(
            added("group: files"),
            "group: files winbind\npasswd: files winbind # added by smbgw (and the line end before)\n"
        );
    }

    #[test]
    fn a_file_that_was_made_is_removed() {
        let (image, host) = on(None);
        let plan = inspect(&host).unwrap().unwrap();
        assert_eq!(apply(&host, &plan).unwrap(), Change::Created);
        assert_eq!(inspect(&host).unwrap(), None);
        assert_eq!(undo(&host, &plan).unwrap(), Change::Removed);
        assert!(!image.path().join("etc/nsswitch.conf").exists());
    }

    #[test]
    fn what_somebody_else_changed_stays() {
        let (image, host) = on(Some(b"passwd: files\ngroup: files\n"));
        let plan = inspect(&host).unwrap().unwrap();
        apply(&host, &plan).unwrap();
        let file = image.path().join("etc/nsswitch.conf");
        std::fs::write(
            &file,
            "passwd: files winbind sss\ngroup: compat\nhosts: dns\n",
        )
        .unwrap();
        undo(&host, &plan).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text, "passwd: files sss\ngroup: compat\nhosts: dns\n");
    }

    #[test]
    fn two_lines_are_refused() {
        let (_image, host) = on(Some(b"passwd: files\npasswd: db\n"));
        assert_eq!(inspect(&host).unwrap_err().code(), "ad.nsswitch-invalid");
    }

    proptest! {
        #[test]
        fn any_file_comes_back(text in "((passwd|group|hosts|#)?:?[ \t]*(files|winbind|#x|\\[A=b\\]|é)?[ \t]*\n?){0,8}") {
            let (image, host) = on(Some(text.as_bytes()));
            if let Ok(Some(plan)) = inspect(&host) {
                apply(&host, &plan).unwrap();
                prop_assert_eq!(inspect(&host).unwrap(), None);
                undo(&host, &plan).unwrap();
                let back = std::fs::read_to_string(image.path().join("etc/nsswitch.conf")).unwrap();
                prop_assert_eq!(back, text);
            }
        }
    }
}
