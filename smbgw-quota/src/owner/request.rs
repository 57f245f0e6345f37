//! What is to be set of the quotas of users or groups, and what is said of them.

use serde::Serialize;
use smbgw_core::catalog;
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Problem;
use smbgw_core::host::Host;
use smbgw_core::lifecycle::ShareError;
use smbgw_core::ports::Limits;
use smbgw_core::share::ShareName;

use super::{GraceTimes, OwnerKind, OwnerName, OwnerScope, OwnerStorage, OwnerUsage};
use crate::error::QuotaError;
use crate::limit_text;

/// Limits as they were asked for, nothing checked yet; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerDraft {
    /// Whose: a name, or `+` and a number.
    pub owner: Option<String>,
    /// The limits of everybody who has none of their own are meant.
    pub default: bool,
    /// The most that may be stored: `10G`, or `none`.
    pub hard: Option<String>,
    /// Above this the grace time runs: `10G`, or `none`.
    pub soft: Option<String>,
    /// The most files and directories: `2000`, or `none`.
    pub files: Option<String>,
    /// Above this many files and directories the grace time runs, or `none`.
    pub soft_files: Option<String>,
    /// For how long soft limits may be exceeded by everybody on the file system, in seconds.
    pub grace: Option<u64>,
}

/// Limits that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerRequest {
    whose: Whose,
    hard: Option<Option<u64>>,
    soft: Option<Option<u64>>,
    files: Option<Option<u64>>,
    soft_files: Option<Option<u64>>,
    grace: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Whose {
    One(OwnerName),
    Default,
    /// Only the grace time is to be set.
    Nobody,
}

/// What came of setting limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnerChange {
    /// What was done.
    pub change: Change,
    /// The user or group as it is now, where one was named.
    pub owner: Option<OwnerUsage>,
}

/// Users or groups with their usage and limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnerReport {
    /// What is counted.
    pub scope: OwnerScope,
    /// The users or groups, by rising id.
    pub owners: Vec<OwnerUsage>,
}

impl OwnerDraft {
    /// Checks all that can be checked without looking at the machine.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(&self) -> Result<OwnerRequest, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut read = |field, text: &Option<String>, read: LimitReader| {
            let limit = read(field, text.as_deref()?);
            limit.map_err(|problem| problems.push(problem)).ok()
        };
        let hard = read("hard", &self.hard, limit_text::bytes);
        let soft = read("soft", &self.soft, limit_text::bytes);
        let files = read("files", &self.files, limit_text::files);
        let soft_files = read("soft_files", &self.soft_files, limit_text::files);
        let whose = match (&self.owner, self.default) {
            (Some(_), true) => {
                let message = "limits are set either for one owner or as the default";
                problems.push(Problem::invalid("owner", "quota.owner-two", message));
                Whose::Nobody
            }
            (Some(name), false) => match name.parse() {
                Ok(name) => Whose::One(name),
                Err(error) => {
                    let error: QuotaError = error;
                    problems.push(Problem::from_error("owner", &error));
                    Whose::Nobody
                }
            },
            (None, true) => Whose::Default,
            (None, false) => Whose::Nobody,
        };
        let names_limits = [&self.hard, &self.soft, &self.files, &self.soft_files]
            .iter()
            .any(|text| text.is_some());
        let names_whose = self.owner.is_some() || self.default;
        if names_whose && !names_limits {
            let message =
                "no limit is given: name at least one of hard, soft, files and soft_files";
            problems.push(Problem::invalid("limit", "quota.limit-missing", message));
        }
        if !names_whose && (names_limits || self.grace.is_none()) {
            let message = "it is not said whose limits these are: name an owner, or the default";
            problems.push(Problem::invalid("owner", "quota.owner-missing", message));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(OwnerRequest {
            whose,
            hard,
            soft,
            files,
            soft_files,
            grace: self.grace,
        })
    }
}

type LimitReader = fn(&str, &str) -> Result<Option<u64>, Problem>;

impl OwnerRequest {
    /// Sets what is asked for. All that may be wrong is looked at before anything is set.
    ///
    /// # Errors
    /// Where there is no such owner, or the file system refuses.
    pub fn apply(
        &self,
        quotas: &OwnerStorage<'_>,
        deadline: Deadline,
    ) -> Result<OwnerChange, QuotaError> {
        let grace = match self.grace {
            Some(seconds) => Some((quotas.grace()?, seconds)),
            None => None,
        };
        let mut change = Change::Unchanged;
        let mut owner = None;
        match &self.whose {
            Whose::Default => {
                change = quotas.set_defaults(self.over(quotas.defaults()?))?;
            }
            Whose::One(name) => {
                let id = quotas.id_of(name, deadline)?;
                let limits = self.over(quotas.usage(id, deadline)?.limits);
                change = quotas.set_limits(id, limits, deadline)?;
                owner = Some(quotas.usage(id, deadline)?);
            }
            Whose::Nobody => {}
        }
        if let Some((before, seconds)) = grace {
            let after = GraceTimes {
                bytes: seconds,
                inodes: seconds,
            };
            if after != before && quotas.set_grace(after)?.happened() {
                change = Change::Updated;
            }
        }
        Ok(OwnerChange { change, owner })
    }

    fn over(&self, now: Limits) -> Limits {
        Limits {
            bytes: self.hard.unwrap_or(now.bytes),
            soft_bytes: self.soft.unwrap_or(now.soft_bytes),
            inodes: self.files.unwrap_or(now.inodes),
            soft_inodes: self.soft_files.unwrap_or(now.soft_inodes),
        }
    }
}

impl<'a> OwnerStorage<'a> {
    /// The quotas of the file system that the share `name` of `host` is on.
    ///
    /// # Errors
    /// Where there is no such share, or as [`open`](Self::open).
    pub fn of_share(
        host: &'a dyn Host,
        name: &ShareName,
        kind: OwnerKind,
    ) -> Result<Self, OwnerError> {
        let record = catalog::load(host, name).map_err(ShareError::from)?;
        let record = record.ok_or_else(|| ShareError::NotFound(name.clone()))?;
        Ok(Self::open(host, &record.volume.path, kind)?)
    }

    /// The usage and limits of one user or group.
    ///
    /// # Errors
    /// Where there is no such owner, or as [`usage`](Self::usage).
    pub fn report_of(
        &self,
        name: &OwnerName,
        deadline: Deadline,
    ) -> Result<OwnerReport, QuotaError> {
        let owner = self.usage(self.id_of(name, deadline)?, deadline)?;
        Ok(OwnerReport {
            scope: self.scope().clone(),
            owners: vec![owner],
        })
    }

    /// The usage and limits of all who have any.
    ///
    /// # Errors
    /// As [`report`](Self::report).
    pub fn whole_report(&self, deadline: Deadline) -> Result<OwnerReport, QuotaError> {
        let owners = self.report(deadline)?;
        Ok(OwnerReport {
            scope: self.scope().clone(),
            owners,
        })
    }

    fn id_of(&self, name: &OwnerName, deadline: Deadline) -> Result<u32, QuotaError> {
        name.resolve(self.host(), self.scope().kind, deadline)
    }
}

/// Why the quotas of users or groups could not be looked at or set.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// There is no such share, or its record cannot be read.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// The quotas cannot be used.
    #[error(transparent)]
    Quota(#[from] QuotaError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(draft: &OwnerDraft) -> Vec<String> {
        let problems = draft.check().unwrap_err();
        problems.into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let draft = OwnerDraft {
            owner: Some("a:b".into()),
            hard: Some("lots".into()),
            files: Some("0".into()),
            ..OwnerDraft::default()
        };
        assert_eq!(fields(&draft), ["hard", "files", "owner"]);
    }

    #[test]
    fn limits_and_owners_go_together() {
        let alice = || Some("alice".into());
        let nobody = OwnerDraft {
            hard: Some("1G".into()),
            ..OwnerDraft::default()
        };
        assert_eq!(fields(&nobody), ["owner"]);
        assert_eq!(fields(&OwnerDraft::default()), ["owner"]);
        let nothing = OwnerDraft {
            owner: alice(),
            grace: Some(60),
            ..OwnerDraft::default()
        };
        assert_eq!(fields(&nothing), ["limit"]);
        let both = OwnerDraft {
            owner: alice(),
            default: true,
            ..nobody.clone()
        };
        assert_eq!(fields(&both), ["owner"]);
        let grace = OwnerDraft {
            grace: Some(60),
            ..OwnerDraft::default()
        };
        assert!(grace.check().is_ok());
    }

    #[test]
    fn what_is_not_named_stays() {
        let draft = OwnerDraft {
            owner: Some("alice".into()),
            hard: Some("none".into()),
            files: Some("7".into()),
            ..OwnerDraft::default()
        };
        let now = Limits {
            bytes: Some(5),
            soft_bytes: Some(4),
            ..Limits::default()
        };
        let wanted = Limits {
            bytes: None,
            soft_bytes: Some(4),
            inodes: Some(7),
            ..Limits::default()
        };
        assert_eq!(draft.check().unwrap().over(now), wanted);
    }
}
