//! Users or groups.

use std::fmt;

use serde::{Deserialize, Serialize};
use smbgw_core::account::ids::Database;

use crate::kind::QuotaKind;

/// Whose quotas are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum OwnerKind {
    /// Those of users: a file counts for the user it belongs to.
    User,
    /// Those of groups: a file counts for the group it belongs to.
    Group,
}

impl OwnerKind {
    pub(crate) fn database(self) -> Database {
        match self {
            Self::User => Database::Users,
            Self::Group => Database::Groups,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        QuotaKind::from(self).name()
    }
}

impl fmt::Display for OwnerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<OwnerKind> for QuotaKind {
    fn from(kind: OwnerKind) -> Self {
        match kind {
            OwnerKind::User => Self::User,
            OwnerKind::Group => Self::Group,
        }
    }
}
