//! How a user or group is named, and which id that is.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use smbgw_core::account::{self, UserName, ids};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;

use super::{OwnerKind, OwnerUsage};
use crate::by_id::NO_ID;
use crate::error::QuotaError;

/// A user or group as an administrator names it, by the rule of chown(1): `alice` is a name, `1000`
/// the user of that name or else the one with that id, and `+1000` always the id.
///
/// A name may begin with digits, or have nothing but digits. Ids go up to 4294967294; 4294967295 is
/// what -1 reads as, and no id.
///
/// ```
/// use smbgw_quota::owner::OwnerName;
///
/// assert_eq!("+1000".parse::<OwnerName>()?.to_string(), "+1000");
/// assert!("4711fritz".parse::<OwnerName>().is_ok());
/// assert!("+4294967295".parse::<OwnerName>().is_err());
/// # Ok::<(), smbgw_quota::QuotaError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerName(Form);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Name(UserName),
    /// A name or a number.
    Digits(String),
    Id(u32),
}

/// No name of digits is longer.
const MOST_DIGITS: usize = 256;

impl OwnerName {
    /// The user or group with this id, whatever names there are.
    pub fn of_id(id: u32) -> Self {
        Self(Form::Id(id))
    }

    /// The id on `host`.
    ///
    /// # Errors
    /// [`QuotaError::NoOwner`] where the host knows no such user or group, or it cannot be asked.
    pub fn resolve(
        &self,
        host: &dyn Host,
        kind: OwnerKind,
        deadline: Deadline,
    ) -> Result<u32, QuotaError> {
        let found = match &self.0 {
            Form::Id(id) => Some(*id),
            Form::Digits(digits) => ids::id_of_number(host, kind.database(), digits, deadline)?,
            Form::Name(name) => match kind {
                OwnerKind::User => account::find_user(host, name, deadline)?.map(|user| user.uid),
                OwnerKind::Group => {
                    account::find_group(host, name, deadline)?.map(|group| group.gid)
                }
            },
        };
        found.ok_or_else(|| QuotaError::NoOwner {
            kind,
            name: self.to_string(),
        })
    }
}

impl FromStr for OwnerName {
    type Err = QuotaError;

    fn from_str(text: &str) -> Result<Self, QuotaError> {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if let Some(digits) = text.strip_prefix('+').filter(|digits| is_number(digits)) {
            return match digits.parse() {
                Ok(id) if id != NO_ID => Ok(Self::of_id(id)),
                _ => Err(QuotaError::OwnerId { text: text.into() }),
            };
        }
        if is_number(text) && text.len() <= MOST_DIGITS {
            return Ok(Self(Form::Digits(text.into())));
        }
        Ok(Self(Form::Name(text.parse()?)))
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Name(name) => name.fmt(f),
            Form::Digits(digits) => f.pad(digits),
            Form::Id(id) => write!(f, "+{id}"),
        }
    }
}

/// Fills in the names of `owners`, as far as the host knows them.
pub(crate) fn add_names(
    host: &dyn Host,
    kind: OwnerKind,
    owners: &mut [OwnerUsage],
    deadline: Deadline,
) {
    let wanted: BTreeSet<u32> = owners.iter().map(|owner| owner.id).collect();
    match ids::names(host, kind.database(), &wanted, deadline) {
        Ok(mut names) => {
            for owner in owners {
                owner.name = names.remove(&owner.id);
            }
        }
        // Usage without names is better than none.
        Err(error) => tracing::warn!(%error, "names could not be looked up"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use smbgw_core::error::Coded;

    use super::*;

    #[test]
    fn names_numbers_and_ids_are_told_apart() {
        let form = |text: &str| text.parse::<OwnerName>().unwrap().0;
        assert_eq!(form("+7"), Form::Id(7));
        assert_eq!(form("+0"), Form::Id(0));
        assert_eq!(form("+4294967294"), Form::Id(4294967294));
        assert_eq!(form("007"), Form::Digits("007".into()));
        assert_eq!(form("9lives"), Form::Name("9lives".parse().unwrap()));
        assert!(matches!(form(r"DOM\4711"), Form::Name(_)));
        let code = |text: &str| text.parse::<OwnerName>().unwrap_err().code();
        for none in ["+4294967295", "+4294967296", "+99999999999999999999999"] {
            assert_eq!(code(none), "quota.owner-id");
        }
        for bad in ["", "+", "-1", "+x", "@g", "a:b", &"1".repeat(300)] {
            assert_eq!(code(bad), "account.name-invalid", "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(text in "\\+?[0-9]{1,12}|\\PC{0,12}") {
            if let Ok(name) = text.parse::<OwnerName>() {
                let shown = name.to_string();
                prop_assert_eq!(shown.parse::<OwnerName>().unwrap(), name);
            }
        }
    }
}
