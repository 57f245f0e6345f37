//! What a guest calls itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smbgw_core::host_label::HostLabel;

use super::CloudInitError;

/// The name of a guest, with its domain where it has one: `vault` or `vault.example.org`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
#[serde(try_from = "String", into = "String")]
pub struct GuestName {
    host: HostLabel,
    domain: Option<String>,
}

impl GuestName {
    /// The name without the domain.
    pub fn host(&self) -> &HostLabel {
        &self.host
    }

    /// The domain.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }
}

impl From<HostLabel> for GuestName {
    fn from(host: HostLabel) -> Self {
        Self { host, domain: None }
    }
}

impl FromStr for GuestName {
    type Err = CloudInitError;

    fn from_str(text: &str) -> Result<Self, CloudInitError> {
        let wrong = || {
            CloudInitError::new(
                text,
                "the name of a host: parts of letters, digits and `-` inside, with dots between",
            )
        };
        let (host, domain) = match text.split_once('.') {
            None => (text, None),
            Some((host, domain)) => (host, Some(domain)),
        };
        let host = host.parse().map_err(|_| wrong())?;
        let is_label = |part: &str| part.parse::<HostLabel>().is_ok();
        if text.len() > LONGEST || !domain.is_none_or(|domain| domain.split('.').all(is_label)) {
            return Err(wrong());
        }
        Ok(Self {
            host,
            domain: domain.map(str::to_owned),
        })
    }
}

impl TryFrom<String> for GuestName {
    type Error = CloudInitError;

    fn try_from(text: String) -> Result<Self, CloudInitError> {
        text.parse()
    }
}

impl From<GuestName> for String {
    fn from(name: GuestName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for GuestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.domain {
            None => self.host.fmt(f),
            Some(domain) => write!(f, "{}.{domain}", self.host),
        }
    }
}

/// The most characters of a name with its domain (RFC 1035, section 3.1, without the root).
const LONGEST: usize = 253;
