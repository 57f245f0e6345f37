//! Names of sites.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::{NameError, as_text};

/// The name of a site, a part of a network that is well connected (MS-ADTS 6.1.1.2.2.1). It is a
/// label in the DNS (MS-ADTS 6.3.2.3), and case says nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String")
)]
#[serde(try_from = "String", into = "String")]
pub struct SiteName(String);

impl SiteName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for SiteName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for SiteName {}

impl FromStr for SiteName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = |reason| Err(NameError::new(text, "a name of a site", reason));
        if text.is_empty() {
            return wrong("it is empty");
        }
        if text.len() > 63 {
            return wrong("it has more than 63 bytes");
        }
        if text.chars().any(|c| c.is_control() || c == '.') {
            return wrong("it has a dot or a control character");
        }
        Ok(Self(text.to_string()))
    }
}

as_text!(SiteName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_labels() {
        let site: SiteName = "Default-First-Site-Name".parse().unwrap();
        assert_eq!(site, "default-first-site-name".parse().unwrap());
        assert!("Ö".repeat(31).parse::<SiteName>().is_ok());
        for wrong in ["", "a.b", "a\n", &"x".repeat(64)] {
            assert!(wrong.parse::<SiteName>().is_err(), "{wrong}");
        }
    }
}
