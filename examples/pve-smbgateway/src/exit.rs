//! Exit statuses, the same for all commands.

use std::process::ExitCode;

use smbgw_core::error::ErrorKind;
use smbgw_core::lifecycle::{ErrorDocument, Outcome};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 1: it could not be tried, for a reason that has no status of its own.
    Failed,
    /// 2: wrong usage or an invalid request; nothing was touched.
    Invalid,
    /// 3: what is named is not there: no such share, alert, user, group, domain or
    /// template.
    NotFound,
    /// 4: the request collides with something that is there.
    Conflict,
    /// 5: the machine is not ready; nothing was touched.
    Preflight,
    /// 6: it failed, and the machine is as it was before.
    RolledBack,
    /// 7: it failed, and something is left to clean up.
    NeedsAttention,
}

/// The table of exit statuses, for the help.
pub(crate) const TABLE: &str = "\
Exit status:
  0  done
  1  could not be tried (the message says why)
  2  wrong usage or an invalid request; nothing was touched
  3  there is no such share, alert, user, group, domain or template
  4  conflict with something that is there or under way; nothing was touched
  5  the machine is not ready (preflight); nothing was touched
  6  failed, and rolled back: the machine is as it was before
  7  needs attention: something is left, and the message says how to clean it up";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Invalid => 2,
            Exit::NotFound => 3,
            Exit::Conflict => 4,
            Exit::Preflight => 5,
            Exit::RolledBack => 6,
            Exit::NeedsAttention => 7,
        })
    }
}

impl<R> From<&Outcome<R>> for Exit {
    fn from(outcome: &Outcome<R>) -> Self {
        match outcome {
            Outcome::Done(_) => Self::Done,
            Outcome::RolledBack { .. } => Self::RolledBack,
            Outcome::NeedsAttention { .. } => Self::NeedsAttention,
        }
    }
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Invalid => Self::Invalid,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Conflict => Self::Conflict,
            ErrorKind::Unsupported => Self::Preflight,
            ErrorKind::Failed => Self::Failed,
        }
    }
}

impl Exit {
    /// How it ends where an operation was refused by an error of this kind, which `document` tells.
    pub(crate) fn refused(kind: ErrorKind, document: &ErrorDocument) -> Self {
        match document.left_behind {
            Some(_) => Self::NeedsAttention,
            None => Self::from(kind),
        }
    }
}
