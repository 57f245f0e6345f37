//! The one counter of all calls, and what becomes of the chosen one.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A call of one of the wrapped parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its place among those counted, from 1.
    pub number: usize,
    /// The part and what it was asked to do, such as `host: write /etc/samba/smbgw.conf`.
    pub what: String,
    /// What it does to the machine.
    pub kind: Kind,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {}: {}", self.number, self.what)
    }
}

/// What a call does to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It looks only.
    Looks,
    /// It may change something.
    Changes,
    /// It writes a file, or a line to the end of one.
    Writes,
}

/// Which calls are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    /// All of them.
    #[default]
    All,
    /// Those that may change something. Between two of them the machine stays as it is.
    Changes,
    /// Those that write a file.
    Writes,
}

impl Counted {
    fn includes(self, kind: Kind) -> bool {
        kind >= match self {
            Self::All => Kind::Looks,
            Self::Changes => Kind::Changes,
            Self::Writes => Kind::Writes,
        }
    }
}

/// What becomes of the chosen call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does nothing and fails.
    FailBefore,
    /// It does its work and fails all the same, as when the answer is lost.
    FailAfter,
    /// The process is killed before it does anything.
    KillBefore,
    /// The process is killed when it has done its work.
    KillAfter,
    /// The process is killed when half of the file, or of the line, is written; for calls that
    /// write no file the same as [`KillBefore`](Fault::KillBefore).
    KillWithin,
}

/// Counts the calls of a machine's parts and lets one of them, or all from one on, go wrong.
#[derive(Debug, Default)]
pub struct Faults {
    at: usize,
    fault: Option<Fault>,
    counted: Counted,
    onward: bool,
    naming: Option<String>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    hit: Option<Call>,
}

impl Faults {
    /// Nothing goes wrong; calls are counted.
    pub fn none() -> Self {
        Self::default()
    }

    /// `fault` comes over the call with the number `at`, counted from 1.
    pub fn at(at: usize, fault: Fault) -> Self {
        Self {
            at,
            fault: Some(fault),
            ..Self::default()
        }
    }

    /// Counts only some calls; the others always work.
    #[must_use]
    pub fn counting(self, counted: Counted) -> Self {
        Self { counted, ..self }
    }

    /// Counts only calls that `text` is a part of; the others always work.
    #[must_use]
    pub fn naming(self, text: impl Into<String>) -> Self {
        Self {
            naming: Some(text.into()),
            ..self
        }
    }

    /// Lets every counted call from the chosen one on go wrong, as on a disk that died.
    #[must_use]
    pub fn onward(self) -> Self {
        Self {
            onward: true,
            ..self
        }
    }

    /// The first call that went wrong.
    pub fn hit(&self) -> Option<Call> {
        self.state().hit.clone()
    }

    /// All calls that were counted.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call and says what is to become of it.
    fn count(&self, kind: Kind, what: String) -> Option<Fault> {
        let is_named = self.naming.as_ref().is_none_or(|text| what.contains(text));
        if !self.counted.includes(kind) || !is_named {
            return None;
        }
        let mut state = self.state();
        let number = state.calls.len() + 1;
        let call = Call { number, what, kind };
        state.calls.push(call.clone());
        let is_chosen = number == self.at || self.onward && number > self.at;
        let fault = self.fault.filter(|_| is_chosen)?;
        state.hit.get_or_insert(call);
        Some(fault)
    }

    /// Does `work`, or what is to become of this call instead.
    pub(super) fn around<T, E>(
        &self,
        kind: Kind,
        what: impl FnOnce() -> String,
        error: impl FnOnce() -> E,
        half: impl FnOnce(),
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        match self.count(kind, what()) {
            None => work(),
            Some(Fault::FailBefore) => Err(error()),
            Some(Fault::FailAfter) => work().and_then(|_| Err(error())),
            Some(Fault::KillBefore) => kill_this_process(),
            Some(Fault::KillAfter) => {
                let _ = work();
                kill_this_process()
            }
            Some(Fault::KillWithin) => {
                half();
                kill_this_process()
            }
        }
    }
}

/// Ends this process as `kill -9` does.
pub(super) fn kill_this_process() -> ! {
    let own = rustix::process::getpid();
    let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
    // The signal is on its way to every thread.
    loop {
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(faults: &Faults, kind: Kind) -> Result<u8, &'static str> {
        faults.around(kind, || "it".into(), || "fault", || {}, || Ok(1))
    }

    #[test]
    fn only_the_chosen_call_fails() {
        let faults = Faults::at(2, Fault::FailBefore);
        let ended: Vec<_> = (0..3).map(|_| call(&faults, Kind::Looks).is_ok()).collect();
        assert_eq!(ended, [true, false, true]);
        assert_eq!(faults.hit().map(|call| call.number), Some(2));
        assert_eq!(faults.calls().len(), 3);
    }

    #[test]
    fn all_calls_from_one_on_fail() {
        let faults = Faults::at(2, Fault::FailAfter).onward();
        let ended: Vec<_> = (0..3).map(|_| call(&faults, Kind::Looks).is_ok()).collect();
        assert_eq!(ended, [true, false, false]);
        assert_eq!(faults.hit().map(|call| call.number), Some(2));
    }

    #[test]
    fn what_is_not_counted_works() {
        let faults = Faults::at(1, Fault::FailBefore).counting(Counted::Changes);
        assert!(call(&faults, Kind::Looks).is_ok());
        assert!(call(&faults, Kind::Writes).is_err());
        let faults = Faults::at(1, Fault::FailBefore).naming("that");
        assert!(call(&faults, Kind::Writes).is_ok() && faults.calls().is_empty());
        let faults = Faults::at(1, Fault::FailBefore).naming("it");
        assert!(call(&faults, Kind::Writes).is_err());
    }
}
