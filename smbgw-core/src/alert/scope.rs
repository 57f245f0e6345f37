//! Which alerts are meant.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::reading::Kind;
use crate::catalog;
use crate::error::Problem;
use crate::host::Host;
use crate::lifecycle::ShareError;
use crate::share::ShareName;

/// Which alerts an acknowledgement or a silence is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Scope {
    /// Whose alerts.
    pub of: Subject,
    /// Of which kind; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
}

/// Whose alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Those of all shares and of the machine.
    Everything,
    /// Those of the machine as a whole.
    Machine,
    /// Those of one share.
    Share(ShareName),
}

impl Scope {
    /// The alerts of the share called `share`, or of everything; of the kind called `kind`, or of all.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn parse(share: Option<&str>, kind: Option<&str>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let of = match share.map(str::parse::<ShareName>) {
            None => Subject::Everything,
            Some(Ok(name)) => Subject::Share(name),
            Some(Err(error)) => {
                problems.push(Problem::from_error("share", &error));
                Subject::Everything
            }
        };
        let kind = kind.and_then(|text| {
            let found = Kind::OF_ALERTS
                .into_iter()
                .find(|kind| kind.as_str() == text);
            if found.is_none() {
                let known: Vec<&str> = Kind::OF_ALERTS.iter().map(|kind| kind.as_str()).collect();
                let message = format!("`{text}` is no kind of alert: give {}", known.join(", "));
                problems.push(Problem::invalid("kind", "alert.no-kind", message));
            }
            found
        });
        match problems.is_empty() {
            true => Ok(Self { of, kind }),
            false => Err(problems),
        }
    }

    /// Checks that the share that is meant is there: a silence would be for nobody otherwise, and
    /// nobody would notice.
    ///
    /// # Errors
    /// [`ShareError::NotFound`] where it is not. One whose record cannot be read is there.
    pub fn check_share(&self, host: &dyn Host) -> Result<(), ShareError> {
        if let Subject::Share(name) = &self.of
            && let Ok(None) = catalog::load(host, name)
        {
            return Err(ShareError::NotFound(name.clone()));
        }
        Ok(())
    }

    /// All alerts of `subject`.
    pub fn all_of(subject: Subject) -> Self {
        Self {
            of: subject,
            kind: None,
        }
    }

    /// Whether the alert of `kind` of `share` (`None` for the machine) is meant.
    pub fn covers(&self, share: Option<&ShareName>, kind: Kind) -> bool {
        let subject = match &self.of {
            Subject::Everything => true,
            Subject::Machine => share.is_none(),
            Subject::Share(name) => share == Some(name),
        };
        subject && self.kind.is_none_or(|this| this == kind)
    }

    /// Whether this means all that `other` means.
    pub fn includes(&self, other: &Self) -> bool {
        let subject = self.of == Subject::Everything || self.of == other.of;
        subject && (self.kind.is_none() || self.kind == other.kind)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.of {
            Subject::Everything => f.write_str("any share")?,
            Subject::Machine => f.write_str("the machine")?,
            Subject::Share(name) => write!(f, "`{name}`")?,
        }
        match self.kind {
            Some(kind) => write!(f, " ({kind})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(of: Subject, kind: Option<Kind>) -> Scope {
        Scope { of, kind }
    }

    #[test]
    fn a_scope_covers_its_share_and_kind() {
        let media: ShareName = "media".parse().unwrap();
        let other: ShareName = "other".parse().unwrap();
        let of_media = || Subject::Share("MEDIA".parse().unwrap());
        assert!(Scope::all_of(of_media()).covers(Some(&media), Kind::Space));
        assert!(!Scope::all_of(of_media()).covers(Some(&other), Kind::Space));
        assert!(!Scope::all_of(of_media()).covers(None, Kind::Space));
        assert!(scope(of_media(), Some(Kind::Drift)).covers(Some(&media), Kind::Drift));
        assert!(!scope(of_media(), Some(Kind::Drift)).covers(Some(&media), Kind::Space));
        assert!(Scope::all_of(Subject::Everything).covers(None, Kind::History));
        assert!(Scope::all_of(Subject::Machine).covers(None, Kind::History));
        assert!(!Scope::all_of(Subject::Machine).covers(Some(&media), Kind::Space));
    }

    #[test]
    fn a_wider_scope_includes_a_narrower_one() {
        let media = || Subject::Share("media".parse().unwrap());
        let everything = Scope::all_of(Subject::Everything);
        let all = Scope::all_of(media());
        let space = scope(media(), Some(Kind::Space));
        assert!(everything.includes(&all) && everything.includes(&space));
        assert!(all.includes(&space) && all.includes(&all));
        assert!(!space.includes(&all) && !all.includes(&everything));
        assert!(!scope(Subject::Everything, Some(Kind::Drift)).includes(&space));
    }

    #[test]
    fn a_scope_reads_well() {
        assert_eq!(
            scope(
                Subject::Share("media".parse().unwrap()),
                Some(Kind::HardLimit)
            )
            .to_string(),
            "`media` (hard-limit)"
        );
        assert_eq!(Scope::all_of(Subject::Everything).to_string(), "any share");
    }
}
