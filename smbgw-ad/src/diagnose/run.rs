//! Checks being made, one after the other.

use std::time::{Duration, Instant};

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;

use super::check::{Check, CheckName, Problem, Verdict};
use crate::code::Code;
use crate::reason::Reason;

/// What a check found.
pub(super) enum Found {
    /// All is as it should be.
    Good(String),
    /// It works, and something is not as it should be.
    Odd(Reason),
    /// It does not work.
    Bad(Reason),
}

impl Found {
    /// It works, but `message`.
    pub(super) fn odd(code: Code, message: impl Into<String>) -> Self {
        Self::Odd(Reason::new(code, message))
    }

    /// It does not work: `message`.
    pub(super) fn bad(code: Code, message: impl Into<String>) -> Self {
        Self::Bad(Reason::new(code, message))
    }

    /// It failed with `error`.
    pub(super) fn failed(error: &dyn Coded) -> Self {
        Self::Bad(Reason::of(error))
    }

    /// The same, where nothing depends on it that members need.
    pub(super) fn not_needed(self) -> Self {
        match self {
            Self::Bad(reason) => Self::Odd(reason),
            other => other,
        }
    }
}

/// The checks made so far, and the time there is.
pub(super) struct Run {
    deadline: Deadline,
    pub(super) checks: Vec<Check>,
}

impl Run {
    pub(super) fn new(deadline: Deadline) -> Self {
        Self {
            deadline,
            checks: Vec::new(),
        }
    }

    /// When a single check has to be over: one that hangs leaves time for the others.
    pub(super) fn deadline(&self) -> Deadline {
        self.deadline.at_most(LONGEST)
    }

    /// Makes a check, and passes on what `work` has got.
    pub(super) fn check<T>(
        &mut self,
        name: CheckName,
        of: Option<String>,
        work: impl FnOnce(Deadline) -> (Found, T),
    ) -> T {
        let began = Instant::now();
        let (found, got) = work(self.deadline());
        self.note(name, of, began.elapsed(), found);
        got
    }

    /// Notes a check that was made elsewhere.
    pub(super) fn note(
        &mut self,
        name: CheckName,
        of: Option<String>,
        took: Duration,
        found: Found,
    ) {
        let (verdict, message, problem) = match found {
            Found::Good(message) => (Verdict::Ok, message, None),
            Found::Odd(reason) => parts(Verdict::Warn, reason),
            Found::Bad(reason) => parts(Verdict::Fail, reason),
        };
        self.checks.push(Check {
            name,
            of,
            verdict,
            milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            message,
            needs: None,
            problem,
        });
    }

    /// Makes failures of `name` for the reason `code` warnings where another one of that name is as it should
    /// be: one of several is enough.
    pub(super) fn one_is_enough(&mut self, name: CheckName, code: Code) {
        let is_one = |check: &&Check| check.name == name && check.verdict == Verdict::Ok;
        if !self.checks.iter().any(|check| is_one(&check)) {
            return;
        }
        for check in &mut self.checks {
            let problem = check.problem.as_ref();
            if check.name == name && problem.is_some_and(|problem| problem.code == code.as_str()) {
                check.verdict = check.verdict.min(Verdict::Warn);
            }
        }
    }

    /// Notes that a check was not made, as `needs` has to succeed before.
    pub(super) fn skip(&mut self, name: CheckName, needs: CheckName) {
        self.skipped(
            name,
            Some(needs),
            format!("it needs `{needs}`, which did not succeed"),
        );
    }

    /// Notes that a check was not made.
    pub(super) fn skipped(
        &mut self,
        name: CheckName,
        needs: Option<CheckName>,
        message: impl Into<String>,
    ) {
        self.checks.push(Check {
            name,
            of: None,
            verdict: Verdict::Skipped,
            milliseconds: 0,
            message: message.into(),
            needs,
            problem: None,
        });
    }
}

fn parts(verdict: Verdict, reason: Reason) -> (Verdict, String, Option<Problem>) {
    let (message, problem) = Problem::of(reason);
    (verdict, message, Some(problem))
}

/// A single check takes no longer.
const LONGEST: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn silent() -> Found {
        Found::bad(Code::DnsSilent, "it does not answer")
    }

    fn verdicts(found: Vec<Found>) -> Vec<Verdict> {
        let mut run = Run::new(Deadline::after(LONGEST));
        for found in found {
            run.note(CheckName::DnsServer, None, Duration::ZERO, found);
        }
        run.one_is_enough(CheckName::DnsServer, Code::DnsSilent);
        run.checks.iter().map(|check| check.verdict).collect()
    }

    #[test]
    fn one_of_several_is_enough_where_the_others_are_only_silent() {
        let unknown = Found::bad(Code::DomainUnknown, "it knows nothing");
        let good = Found::Good("it answers".into());
        assert_eq!(
            verdicts(vec![silent(), good, unknown]),
            [Verdict::Warn, Verdict::Ok, Verdict::Fail]
        );
        assert_eq!(verdicts(vec![silent(), silent()]), [Verdict::Fail; 2]);
    }

    #[test]
    fn what_is_skipped_says_on_what_it_depends() {
        let mut run = Run::new(Deadline::after(LONGEST));
        run.skip(CheckName::Login, CheckName::Kerberos);
        let check = &run.checks[0];
        assert_eq!(check.verdict, Verdict::Skipped);
        assert_eq!(check.needs, Some(CheckName::Kerberos));
        assert!(check.message.contains("`kerberos`"), "{}", check.message);
    }
}
