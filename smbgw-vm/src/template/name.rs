//! What templates are called.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;

/// The name of a template, which is that of its folder: 1 to 63 small letters, digits, `-` and `.`, of which
/// the first and the last are letters or digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct TemplateName(String);

/// A text is not the name of a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the name of a template: it has 1 to 63 small letters, digits, `-` and `.`, and begins and \
     ends with a letter or digit"
)]
pub struct TemplateNameError(pub String);

impl TemplateName {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TemplateName {
    type Err = TemplateNameError;

    fn from_str(text: &str) -> Result<Self, TemplateNameError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_name = (1..=63).contains(&text.len())
            && text.chars().all(|c| plain(c) || c == '-' || c == '.')
            && text.starts_with(plain)
            && text.ends_with(plain);
        if is_name {
            Ok(Self(text.into()))
        } else {
            Err(TemplateNameError(text.into()))
        }
    }
}

impl TryFrom<String> for TemplateName {
    type Error = TemplateNameError;

    fn try_from(text: String) -> Result<Self, TemplateNameError> {
        text.parse()
    }
}

impl From<TemplateName> for String {
    fn from(name: TemplateName) -> Self {
        name.0
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Coded for TemplateNameError {
    fn code(&self) -> &'static str {
        Code::TemplateName.as_str()
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn remedy(&self) -> Option<String> {
        Some(Code::TemplateName.fix().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for good in ["bookworm", "debian-12.2", "a"] {
            assert_eq!(good.parse::<TemplateName>().unwrap().as_str(), good);
        }
        let long = "a".repeat(64);
        for bad in [
            "", ".", "..", "../a", "a/b", "-a", "A", "a b", "a-", ".a", &long,
        ] {
            assert!(bad.parse::<TemplateName>().is_err(), "{bad:?}");
        }
        assert!(serde_json::from_str::<TemplateName>("\"../a\"").is_err());
    }
}
