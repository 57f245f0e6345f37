//! The state of alerts, kept in [`layout::ALERTS`].
//!
//! The monitor and the command line write it at the same time: each change takes a lock, reads the
//! file, and replaces it. Reading alone needs no lock.
//!
//! ```
//! use std::time::Duration;
//! use smbgw_core::alert::{AlertStore, Scope, Subject};
//! use smbgw_core::deadline::Deadline;
//! use smbgw_core::error::Coded;
//! use smbgw_core::host::LocalHost;
//!
//! # let dir = tempfile::tempdir()?;
//! # let host = LocalHost::with_root(dir.path());
//! let store = AlertStore::new(&host);
//! let scope = Scope::all_of(Subject::Share("media".parse()?));
//! let soon = Deadline::after(Duration::from_secs(5));
//! let error = store.acknowledge(&scope, "root", None, soon).unwrap_err();
//! assert_eq!(error.code(), "alert.not-raised");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::error::AlertError;
use super::scope::Scope;
use super::state::{Alert, Silence, State};
use super::versioned::Versioned;
use crate::change::Change;
use crate::deadline::Deadline;
use crate::host::Host;
use crate::layout;
use crate::share::ShareName;

const FILE: Versioned = Versioned {
    path: layout::ALERTS,
    what: "the state of alerts",
    version: 1,
};

/// The state of alerts on a host.
#[derive(Debug)]
pub struct AlertStore<'a> {
    host: &'a dyn Host,
    known: Mutex<Known>,
}

/// The state as this process last left it.
#[derive(Debug, Default)]
struct Known {
    state: State,
    /// The file as it was last seen, and what it says; `None` before it was.
    file: Option<Seen>,
    /// Whether the state has changes that the file has not.
    is_ahead: bool,
}

#[derive(Debug)]
struct Seen {
    content: Option<Vec<u8>>,
    state: State,
}

/// What became of an [`AlertStore::update`].
#[derive(Debug)]
#[must_use]
pub struct Update<T> {
    /// What the change returned.
    pub value: T,
    /// Whether the file has it.
    pub saved: Result<(), AlertError>,
    /// The file was damaged.
    pub damage: Option<Damage>,
}

/// A file that could not be read as what it should be, and was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is wrong with it.
    pub message: String,
    /// Where it was moved; `None` where it could not be kept.
    pub kept_as: Option<PathBuf>,
}

impl<'a> AlertStore<'a> {
    /// The state kept on `host`.
    pub fn new(host: &'a dyn Host) -> Self {
        Self {
            host,
            known: Mutex::default(),
        }
    }

    /// The state in the file.
    ///
    /// # Errors
    /// Where it cannot be read, or is not in its form, or in a newer one.
    pub fn load(&self) -> Result<State, AlertError> {
        parse(self.host_file()?.as_deref())
    }

    /// Changes the state, for a program that goes on whatever happens to the file.
    ///
    /// `change` works on what the file says; where that cannot be read or could not be saved
    /// before, on the state as this process last left it, with what others changed in the file
    /// since. A damaged file is kept beside (`.damaged`) and replaced. Where `change` returns
    /// [`Err`], its changes are kept in memory only and are saved by the next update: so what is
    /// to be told is never lost between this file and another one.
    ///
    /// # Errors
    /// In [`Update::saved`]: where the lock was not to be had, or the file not read or written. The
    /// file is then as it was.
    pub fn update<T, E>(
        &self,
        deadline: Deadline,
        change: impl FnOnce(&mut State) -> Result<T, E>,
    ) -> Update<Result<T, E>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut damage = None;
        let lock = self.host.lock("alerts", "changing alerts", deadline);
        let readable = lock
            .map_err(AlertError::from)
            .and_then(|lock| known.refresh(self.host, &mut damage).map(|()| lock));
        known.is_ahead = true;
        let value = change(&mut known.state);
        let saved = readable.and_then(|_lock| match value {
            Ok(_) => known.save(self.host),
            Err(_) => Ok(()),
        });
        Update {
            value,
            saved,
            damage,
        }
    }

    /// Notes that `by` knows of the alerts in `scope`, and returns them.
    ///
    /// # Errors
    /// [`AlertError::NotRaised`] where there are none; else where the file cannot be changed.
    pub fn acknowledge(
        &self,
        scope: &Scope,
        by: &str,
        note: Option<&str>,
        deadline: Deadline,
    ) -> Result<Vec<Alert>, AlertError> {
        self.edit(deadline, |state, now| {
            let alerts = state.acknowledge(scope, by, note, now);
            if alerts.is_empty() {
                let scope = scope.clone();
                return Err(AlertError::NotRaised { scope });
            }
            Ok(alerts)
        })
    }

    /// Sets `silence`, in place of another one with the same scope.
    ///
    /// # Errors
    /// [`AlertError::SilenceOver`] where it would have ended already; else where the file cannot
    /// be changed.
    pub fn silence(&self, silence: Silence, deadline: Deadline) -> Result<(), AlertError> {
        self.edit(deadline, |state, now| {
            if silence.until <= now {
                let scope = silence.scope;
                return Err(AlertError::SilenceOver { scope });
            }
            state.silence(silence);
            Ok(())
        })
    }

    /// Takes back the silences that lie in `scope`, and returns them.
    ///
    /// # Errors
    /// [`AlertError::NotSilenced`] where there are none; else where the file cannot be changed.
    pub fn unsilence(&self, scope: &Scope, deadline: Deadline) -> Result<Vec<Silence>, AlertError> {
        self.edit(deadline, |state, now| {
            let ended = state.unsilence(scope, now);
            if ended.is_empty() {
                let scope = scope.clone();
                return Err(AlertError::NotSilenced { scope });
            }
            Ok(ended)
        })
    }

    /// Forgets all of `share`, which is no more; the file goes with the last thing in it. A damaged
    /// file, of which nobody knows what it says of the share, is kept beside (`.damaged`).
    ///
    /// # Errors
    /// Where the file cannot be changed.
    pub fn forget(&self, share: &ShareName, deadline: Deadline) -> Result<Change, AlertError> {
        let _lock = self.host.lock("alerts", "changing alerts", deadline)?;
        let content = self.host_file()?;
        let before = match parse(content.as_deref()) {
            Ok(state) => state,
            Err(error @ AlertError::Malformed { .. }) => {
                tracing::error!(error = %crate::error::chain_text(&error), "alerts begin anew");
                FILE.keep_aside(self.host, content.as_deref().unwrap_or_default());
                FILE.remove(self.host)?;
                return Ok(Change::Removed);
            }
            Err(error) => return Err(error),
        };
        let mut state = before.clone();
        state.forget(share);
        if state == before {
            return Ok(Change::Unchanged);
        }
        write(self.host, &state)?;
        Ok(Change::Removed)
    }

    /// Changes the file, or fails.
    fn edit<T>(
        &self,
        deadline: Deadline,
        change: impl FnOnce(&mut State, i64) -> Result<T, AlertError>,
    ) -> Result<T, AlertError> {
        let _lock = self.host.lock("alerts", "changing alerts", deadline)?;
        let mut state = parse(self.host_file()?.as_deref())?;
        let value = change(&mut state, self.host.now())?;
        write(self.host, &state)?;
        Ok(value)
    }

    fn host_file(&self) -> Result<Option<Vec<u8>>, AlertError> {
        Ok(FILE.read(self.host)?)
    }
}

impl Known {
    /// Takes in what the file says, if it is not as it was last seen.
    fn refresh(&mut self, host: &dyn Host, damage: &mut Option<Damage>) -> Result<(), AlertError> {
        let content = FILE.read(host)?;
        if self
            .file
            .as_ref()
            .is_some_and(|seen| seen.content == content)
        {
            return Ok(());
        }
        let state = match parse(content.as_deref()) {
            Ok(state) => state,
            Err(error @ AlertError::Malformed { .. }) => {
                *damage = Some(Damage {
                    message: crate::error::chain_text(&error),
                    kept_as: FILE.keep_aside(host, content.as_deref().unwrap_or_default()),
                });
                self.file = None;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        match &self.file {
            Some(seen) if self.is_ahead => self.state.adopt(&seen.state, state.clone()),
            None if self.is_ahead => self.state.adopt_all(state.clone()),
            _ => self.state = state.clone(),
        }
        self.file = Some(Seen { content, state });
        Ok(())
    }

    fn save(&mut self, host: &dyn Host) -> Result<(), AlertError> {
        if let Some(seen) = &self.file
            && seen.state == self.state
        {
            self.is_ahead = false;
            return Ok(());
        }
        let content = write(host, &self.state)?;
        self.is_ahead = false;
        self.file = Some(Seen {
            content,
            state: self.state.clone(),
        });
        Ok(())
    }
}

fn parse(content: Option<&[u8]>) -> Result<State, AlertError> {
    content.map_or_else(|| Ok(State::default()), |content| FILE.parse(content))
}

/// Replaces the file, or removes it where there is nothing to remember; its new content.
fn write(host: &dyn Host, state: &State) -> Result<Option<Vec<u8>>, AlertError> {
    if state.is_empty() {
        FILE.remove(host)?;
        return Ok(None);
    }
    let content = FILE.text(state)?;
    FILE.write(host, &content)?;
    Ok(Some(content))
}
