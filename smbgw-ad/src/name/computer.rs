//! Names of computers.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{NameError, as_text};

/// The short name of a computer in its domain, such as `GW1`: upper case, at most 15 characters, as
/// it is a NetBIOS name too.
///
/// The rules are those of Microsoft for computers in a domain (naming conventions, KB 909264).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String")
)]
#[serde(try_from = "String", into = "String")]
pub struct ComputerName(String);

impl ComputerName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its account (`sAMAccountName`), such as `GW1$`.
    pub fn account(&self) -> String {
        format!("{}$", self.0)
    }

    /// The label it has in the DNS, such as `gw1`.
    pub fn label(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for ComputerName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = |reason| Err(NameError::new(text, "a name of a computer", reason));
        if text.is_empty() {
            return wrong("it is empty");
        }
        if text.len() > 15 {
            return wrong("it has more than 15 characters, the most that NetBIOS has room for");
        }
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return wrong("it may have letters a to z, digits and `-` only");
        }
        if text.starts_with('-') || text.ends_with('-') {
            return wrong("it begins or ends with `-`");
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return wrong("it has digits only");
        }
        let name = text.to_ascii_uppercase();
        if RESERVED.contains(&name.as_str()) {
            return wrong("it is a word that Windows keeps for itself");
        }
        Ok(Self(name))
    }
}

as_text!(ComputerName);

/// Names that Windows has other uses for, those with characters that a computer may not have left
/// out.
const RESERVED: &[&str] = &[
    "ANONYMOUS",
    "BATCH",
    "BUILTIN",
    "DIALUP",
    "DOMAIN",
    "ENTERPRISE",
    "INTERACTIVE",
    "INTERNET",
    "LOCAL",
    "LOCALHOST",
    "NETWORK",
    "NULL",
    "PROXY",
    "RESTRICTED",
    "SELF",
    "SERVER",
    "SERVICE",
    "SYSTEM",
    "USERS",
    "WORLD",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_hold() {
        let name: ComputerName = "gw-1".parse().unwrap();
        assert_eq!(name.as_str(), "GW-1");
        assert_eq!(name.account(), "GW-1$");
        assert_eq!(name.label(), "gw-1");
        assert!("a23456789012345".parse::<ComputerName>().is_ok());
        for wrong in [
            "",
            "a234567890123456",
            "123",
            "-a",
            "a-",
            "a_b",
            "a.b",
            "a$",
            "Server",
            "ü",
        ] {
            let error = wrong.parse::<ComputerName>().unwrap_err();
            assert_eq!(error.text, wrong);
        }
    }
}
