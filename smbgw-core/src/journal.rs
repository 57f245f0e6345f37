//! What an operation is about to do, on disk before it does it.
//!
//! A journal is one file an operation: a header with the whole plan, then one line for each step
//! before it is applied, then the outcome. Lines are appended and synchronised; a torn last line is
//! one whose step had not begun. The file of an operation on a share also reserves the share's name
//! and path: it is made under the configuration lock, before the first step.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::host::{FileError, Host, create_dirs};
use crate::layout::{self, JOURNAL_DIR};
use crate::plan::Plan;
use crate::share::ShareName;
use crate::state_error::{StateError, StateKind};

/// A plan of any kind, as a journal holds it. It holds no secrets.
pub trait Planned: Clone + Serialize + DeserializeOwned {
    /// The file of its journal, in a directory of our own.
    fn journal_file(&self) -> PathBuf;

    /// How many steps it has.
    fn steps(&self) -> usize;
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
}

/// What a journal found on disk says.
#[derive(Clone, Debug, PartialEq)]
pub struct Account<P = Plan> {
    /// The plan that was being carried out.
    pub plan: P,
    /// When it started, in seconds since 1970-01-01 00:00 UTC.
    pub started_at: i64,
    /// The steps that may have been applied, wholly or in part, with what undoing them needs.
    pub begun: Vec<Begun>,
    /// How it ended, if that was decided.
    pub verdict: Option<Verdict>,
}

/// A step that may have been applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// Its place in the plan, from 0.
    pub step: usize,
    /// What undoing it needs.
    pub undo: Value,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All steps are applied.
    Done,
    /// All steps are undone.
    RolledBack,
}

impl Journal {
    /// Makes the journal for `plan`, which reserves what it is about.
    ///
    /// # Errors
    /// Where it cannot be written; nothing remains then.
    pub fn create<P: Planned>(host: &dyn Host, plan: &P) -> Result<Self, StateError> {
        let path = plan.journal_file();
        let line = Line::Plan {
            version: VERSION,
            started_at: host.now(),
            plan: plan.clone(),
        };
        let mut text = line.text(&path)?;
        text.push('\n');
        let journal = Self { path };
        let written = create_dirs(host, journal.directory(), 0o700)
            .and_then(|_| host.write(&journal.path, text.as_bytes(), 0o600));
        if let Err(error) = written {
            // What remains of the attempt is only empty directories; they are nobody's loss.
            let _ = journal.remove_empty_dirs(host);
            return Err(error.into());
        }
        Ok(journal)
    }

    /// Notes that `step` is about to be applied.
    ///
    /// # Errors
    /// Where that cannot be made durable; the step must not be applied then.
    pub fn begin(&self, host: &dyn Host, begun: &Begun) -> Result<(), StateError> {
        self.append(host, &Line::<()>::Begun(begun.clone()))
    }

    /// Notes how the operation ended.
    ///
    /// # Errors
    /// Where that cannot be made durable; the operation has not ended then.
    pub fn decide(&self, host: &dyn Host, verdict: Verdict) -> Result<(), StateError> {
        self.append(host, &Line::<()>::Verdict(verdict))
    }

    /// Removes the journal, and its directory with the last one; the caller holds the
    /// configuration lock.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn remove(self, host: &dyn Host) -> Result<(), StateError> {
        host.remove(&self.path)?;
        if let Err(error) = self.remove_empty_dirs(host) {
            // An empty directory holds nobody up, and the next operation removes it.
            tracing::debug!(%error, "an empty directory is left");
        }
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn append(&self, host: &dyn Host, line: &Line<()>) -> Result<(), StateError> {
        Ok(host.append(&self.path, line.text(&self.path)?.as_bytes(), 0o600)?)
    }

    fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    fn remove_empty_dirs(&self, host: &dyn Host) -> Result<(), FileError> {
        let dir = self.directory();
        for dir in [Some(dir), dir.parent()].into_iter().flatten() {
            host.remove_dir(dir)?;
        }
        Ok(())
    }
}

/// The folded names of the shares that have a journal.
///
/// # Errors
/// Where the directory cannot be read.
pub fn pending(host: &dyn Host) -> Result<Vec<String>, StateError> {
    let names = host.list(Path::new(JOURNAL_DIR))?;
    Ok(names
        .iter()
        .filter(|name| !name.starts_with('.'))
        .filter_map(|name| name.strip_suffix(".jsonl").map(str::to_string))
        .collect())
}

/// The journal of the share with the folded name `key` and what it says, or `None` where there is
/// none.
///
/// # Errors
/// Where it cannot be read, or its header is not one.
pub fn read(host: &dyn Host, key: &str) -> Result<Option<(Journal, Account)>, StateError> {
    read_file(host, &layout::journal_file(key))
}

/// The journal at `path` and what it says, or `None` where there is none.
///
/// # Errors
/// Where it cannot be read, or its header is not one of such a plan.
pub fn read_file<P: Planned>(
    host: &dyn Host,
    path: &Path,
) -> Result<Option<(Journal, Account<P>)>, StateError> {
    let path = path.to_path_buf();
    let Some(content) = host.read(&path)? else {
        return Ok(None);
    };
    let mut lines = content.split_inclusive(|&byte| byte == b'\n');
    let malformed = |source| StateError::Malformed {
        kind: StateKind::Journal,
        path: path.clone(),
        source,
    };
    let header = lines.next().unwrap_or_default();
    let Line::<P>::Plan {
        version,
        started_at,
        plan,
    } = serde_json::from_slice(header).map_err(malformed)?
    else {
        return Err(malformed(serde::de::Error::custom("the plan is missing")));
    };
    if version > VERSION {
        return Err(StateError::TooNew {
            kind: StateKind::Journal,
            path,
            version,
        });
    }
    let mut account = Account {
        plan,
        started_at,
        begun: Vec::new(),
        verdict: None,
    };
    for line in lines {
        match serde_json::from_slice(line) {
            Ok(Line::<()>::Begun(begun)) if begun.step < account.plan.steps() => {
                account.begun.push(begun);
            }
            Ok(Line::Verdict(verdict)) => account.verdict = Some(verdict),
            Ok(_) => {
                return Err(malformed(serde::de::Error::custom(
                    "a line is out of place",
                )));
            }
            // The line was being written when the machine stopped: what it announces never began.
            Err(_) if !line.ends_with(b"\n") => break,
            Err(source) => return Err(malformed(source)),
        }
    }
    Ok(Some((Journal { path }, account)))
}

/// The plans that are under way for other shares than `except`.
///
/// # Errors
/// Where a journal cannot be read.
pub fn plans_under_way(
    host: &dyn Host,
    except: Option<&ShareName>,
) -> Result<Vec<Plan>, StateError> {
    let mut plans = Vec::new();
    for key in pending(host)?
        .into_iter()
        .filter(|key| except.is_none_or(|name| *key != name.key()))
    {
        // One that is gone since the listing has ended.
        plans.extend(read(host, &key)?.map(|(_, account)| account.plan));
    }
    Ok(plans)
}

/// The version of the journal's form that this program writes.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line<P> {
    Plan {
        version: u32,
        started_at: i64,
        plan: P,
    },
    Begun(Begun),
    Verdict(Verdict),
}

impl<P: Serialize> Line<P> {
    fn text(&self, path: &Path) -> Result<String, StateError> {
        serde_json::to_string(self).map_err(|source| StateError::Malformed {
            kind: StateKind::Journal,
            path: path.into(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::error::Coded;
    use crate::host::LocalHost;
    use crate::plan::Operation;
    use crate::steps::parents::RemoveParents;

    fn plan() -> Plan {
        let step = RemoveParents {
            directories: vec!["/srv/a".into()],
        };
        Plan {
            operation: Operation::Delete,
            share: "Media".parse().unwrap(),
            steps: vec![step.clone().into(), step.into()],
            point_of_no_return: None,
        }
    }

    fn begun(step: usize) -> Begun {
        Begun {
            step,
            undo: serde_json::json!({ "was": step }),
        }
    }

    #[test]
    fn what_was_begun_is_read_back() {
        let root = tempfile::tempdir().unwrap();
        let host = LocalHost::with_root(root.path());
        let journal = Journal::create(&host, &plan()).unwrap();
        journal.begin(&host, &begun(0)).unwrap();
        journal.begin(&host, &begun(1)).unwrap();
        assert_eq!(pending(&host).unwrap(), ["media"]);
        let (journal, account) = read(&host, "media").unwrap().unwrap();
        assert_eq!(account.plan, plan());
        assert_eq!(account.begun, [begun(0), begun(1)]);
        assert_eq!(account.verdict, None);
        journal.decide(&host, Verdict::Done).unwrap();
        let (journal, account) = read(&host, "media").unwrap().unwrap();
        assert_eq!(account.verdict, Some(Verdict::Done));
        journal.remove(&host).unwrap();
        assert_eq!(
            fs::read_dir(root.path().join("var/lib")).unwrap().count(),
            0
        );
    }

    #[test]
    fn a_torn_last_line_is_a_step_that_never_began() {
        let root = tempfile::tempdir().unwrap();
        let host = LocalHost::with_root(root.path());
        let journal = Journal::create(&host, &plan()).unwrap();
        journal.begin(&host, &begun(0)).unwrap();
        journal.begin(&host, &begun(1)).unwrap();
        let file = root.path().join("var/lib/smbgw/journal/media.jsonl");
        let whole = fs::read(&file).unwrap();
        let second_line = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        let third_line = whole[second_line..]
            .iter()
            .position(|&b| b == b'\n')
            .unwrap();
        for length in second_line..whole.len() {
            fs::write(&file, &whole[..length]).unwrap();
            let (_, account) = read(&host, "media").unwrap().unwrap();
            let complete = usize::from(length > second_line + third_line);
            // A line whose line feed alone is missing is whole: to undo its step is right too.
            let begun = account.begun.len();
            assert!(
                begun == complete || begun == complete + 1,
                "{length}: {begun}"
            );
        }
    }

    #[test]
    fn damage_in_the_middle_is_told() {
        let root = tempfile::tempdir().unwrap();
        let host = LocalHost::with_root(root.path());
        let journal = Journal::create(&host, &plan()).unwrap();
        host.append(journal.path(), b"garbage", 0o600).unwrap();
        journal.begin(&host, &begun(0)).unwrap();
        let error = read(&host, "media").unwrap_err();
        assert_eq!(error.code(), "journal.malformed");
        // A step that the plan does not have is no step.
        let journal = Journal::create(&host, &plan()).unwrap();
        journal.begin(&host, &begun(7)).unwrap();
        assert_eq!(
            read(&host, "media").unwrap_err().code(),
            "journal.malformed"
        );
    }

    #[test]
    fn a_newer_journal_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let host = LocalHost::with_root(root.path());
        let journal = Journal::create(&host, &plan()).unwrap();
        let path = root.path().join("var/lib/smbgw/journal/media.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"version\":1", "\"version\":2")).unwrap();
        assert_eq!(read(&host, "media").unwrap_err().code(), "journal.too-new");
        assert!(journal.path().ends_with("media.jsonl"));
    }
}
