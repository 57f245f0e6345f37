//! What address is asked for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::address::{AddressError, Pool, VirtualAddress};

/// The text for any address of the pools.
pub const AUTO: &str = "auto";

/// What address is asked for.
///
/// As text it is `auto`, a pool such as `10.0.0.100-10.0.0.120/24`, or an address such as
/// `10.0.0.100/24%eth0`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
#[serde(try_from = "String", into = "String")]
pub enum Wanted {
    /// Any from the pools of the cluster; where it has none, one of its addresses that nobody keeps.
    #[default]
    Auto,
    /// One of these.
    Pool(Pool),
    /// This one.
    Address(VirtualAddress),
}

impl FromStr for Wanted {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        // The name of an interface may have a `-`.
        let range = text.split('%').next().unwrap_or(text);
        match text {
            AUTO => Ok(Self::Auto),
            _ if range.contains('-') => text.parse().map(Self::Pool),
            _ => text.parse().map(Self::Address),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str(AUTO),
            Self::Pool(pool) => pool.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl TryFrom<String> for Wanted {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Wanted> for String {
    fn from(wanted: Wanted) -> Self {
        wanted.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_mean_what_they_say() {
        for text in [
            "auto",
            "10.0.0.100-10.0.0.120/24",
            "10.0.0.100-10.0.0.120/24%eth0",
            "fd00::10-fd00::20/64",
            "10.0.0.100/24%br-lan",
        ] {
            let wanted: Wanted = text.parse().unwrap();
            assert_eq!(wanted.to_string(), text);
            let json = serde_json::to_string(&wanted).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Wanted>(&json).unwrap(), wanted);
        }
        let is_pool = |text: &str| matches!(text.parse(), Ok(Wanted::Pool(_)));
        assert!(is_pool("10.0.0.1-10.0.0.2/24") && !is_pool("10.0.0.1/24%br-lan"));
        for wrong in ["Auto", "", "10.0.0.1", "10.0.0.1-10.0.0.2", "10.0.0.0/24"] {
            assert!(wrong.parse::<Wanted>().is_err(), "{wrong}");
        }
    }
}
