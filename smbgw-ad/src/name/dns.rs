//! Names of domains and hosts in the DNS.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{NameError, as_text};

/// The DNS name of a domain, such as `ad.example`: lower case, no dot at the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String")
)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

impl DomainName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The distinguished name of the domain's root, such as `DC=ad,DC=example`.
    pub fn root_dn(&self) -> String {
        let parts: Vec<String> = self
            .0
            .split('.')
            .map(|label| format!("DC={label}"))
            .collect();
        parts.join(",")
    }

    /// The host called `label` in this domain.
    ///
    /// # Errors
    /// Where that is not a label, or the whole is too long.
    pub fn host(&self, label: &str) -> Result<HostName, NameError> {
        format!("{label}.{}", self.0).parse()
    }
}

impl FromStr for DomainName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        checked(text, "a DNS name of a domain").map(Self)
    }
}

as_text!(DomainName);

/// The full DNS name of a host, such as `gw1.ad.example`: lower case, no dot at the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String")
)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

impl HostName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first label.
    pub fn label(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

impl FromStr for HostName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        checked(text, "a DNS name of a host").map(Self)
    }
}

as_text!(HostName);

/// Checks against RFC 1123 section 2.1 and RFC 1035 section 2.3.4; underscores are taken too, as
/// Active Directory has them in names (MS-ADTS 6.3.2.3).
fn checked(text: &str, wanted: &'static str) -> Result<String, NameError> {
    let wrong = |reason| Err(NameError::new(text, wanted, reason));
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.is_empty() {
        return wrong("it is empty");
    }
    if name.len() > 253 {
        return wrong("it has more than 253 characters");
    }
    for label in name.split('.') {
        if label.is_empty() {
            return wrong("two dots follow each other, or it begins with one");
        }
        if label.len() > 63 {
            return wrong("a part between dots has more than 63 characters");
        }
        if !label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        {
            return wrong("it may have letters a to z, digits, `-`, `_` and dots only");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return wrong("a part between dots begins or ends with `-`");
        }
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return wrong("its last part is a number, as in an address");
    }
    Ok(name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_folded() {
        let domain: DomainName = "Ad.Example.".parse().unwrap();
        assert_eq!(domain.as_str(), "ad.example");
        assert_eq!(domain.root_dn(), "DC=ad,DC=example");
        assert_eq!(domain.host("GW").unwrap().as_str(), "gw.ad.example");
        assert_eq!(domain.host("GW").unwrap().label(), "gw");
        assert!("single".parse::<DomainName>().is_ok());
        for wrong in [
            "", ".", "a..b", ".a", "-a.b", "a-.b", "a b", "ü.de", "10.0.0.1", "a/b", "a,b",
        ] {
            assert!(wrong.parse::<DomainName>().is_err(), "{wrong}");
        }
        assert!(
            format!("{}.de", "a".repeat(64))
                .parse::<HostName>()
                .is_err()
        );
        assert!("a.".repeat(130).parse::<HostName>().is_err());
    }
}
