//! The name of a host without its domain.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a host without its domain: one label (hostname(7), RFC 1123 section 2.1).
///
/// ```
/// use smbgw_core::host_label::HostLabel;
///
/// let label: HostLabel = "vault".parse()?;
/// assert_eq!(label.as_str(), "vault");
/// assert!("vault.example.org".parse::<HostLabel>().is_err());
/// # Ok::<(), smbgw_core::host_label::HostLabelError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct HostLabel(String);

/// A text is not the name of a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a host: letters, digits and `-` inside, at most 63 of them")]
pub struct HostLabelError(pub String);

impl HostLabel {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostLabel {
    type Err = HostLabelError;

    fn from_str(name: &str) -> Result<Self, HostLabelError> {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_label = (1..=63).contains(&name.len())
            && name.bytes().all(is_good)
            && !name.starts_with('-')
            && !name.ends_with('-');
        if is_label {
            Ok(Self(name.to_owned()))
        } else {
            Err(HostLabelError(name.to_owned()))
        }
    }
}

impl TryFrom<String> for HostLabel {
    type Error = HostLabelError;

    fn try_from(name: String) -> Result<Self, HostLabelError> {
        name.parse()
    }
}

impl From<HostLabel> for String {
    fn from(name: HostLabel) -> Self {
        name.0
    }
}

impl fmt::Display for HostLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_labels_are_taken() {
        let longest = "v".repeat(63);
        for good in ["vault", "V-2", "9", &longest] {
            assert_eq!(good.parse::<HostLabel>().unwrap().as_str(), good);
        }
        let long = "v".repeat(64);
        for bad in ["", "-v", "v-", "v.local", "v w", "v_w", "ä", "v\n", &long] {
            assert!(bad.parse::<HostLabel>().is_err(), "{bad:?}");
        }
    }
}
