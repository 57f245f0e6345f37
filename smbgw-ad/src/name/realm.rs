//! Names of Kerberos realms.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{DomainName, NameError, as_text};

/// A Kerberos realm, such as `AD.EXAMPLE`. That of an Active Directory domain is the domain's DNS
/// name in upper case (MS-KILE 3.1.5.2); others keep their case (RFC 4120 section 6.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String")
)]
#[serde(try_from = "String", into = "String")]
pub struct Realm(String);

impl Realm {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain of this realm, if its text is a DNS name.
    pub fn domain(&self) -> Option<DomainName> {
        self.0.parse().ok()
    }
}

impl From<&DomainName> for Realm {
    fn from(domain: &DomainName) -> Self {
        Self(domain.as_str().to_ascii_uppercase())
    }
}

impl FromStr for Realm {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = |reason| Err(NameError::new(text, "a Kerberos realm", reason));
        if text.is_empty() {
            return wrong("it is empty");
        }
        if text.len() > 255 {
            return wrong("it has more than 255 characters");
        }
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'@' | b':' | b'\\'))
        {
            return wrong("it may have printable ASCII characters only, and none of `/ @ : \\`");
        }
        Ok(Self(text.to_string()))
    }
}

as_text!(Realm);
