//! Names of what libvirt has.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;

/// The name of a virtual machine, pool, volume or network.
///
/// `virsh` also takes numbers, UUIDs, paths and keys where it asks for a name, and looks for these first. So a
/// text that could be one of them is no name here, though libvirt would take it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// A text is not a name that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot be used as a name with libvirt: it is empty, too long, a number or UUID, begins with `-`, or has \
     a `/` or control character"
)]
pub struct NameError(pub String);

impl Name {
    /// The longest, in bytes: that of a file.
    pub const LONGEST: usize = 255;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let plain = |c: char| c != '/' && !c.is_control();
        let good = !is_number
            && !is_uuid(text)
            && text.len() <= Self::LONGEST
            && !text.starts_with('-')
            && text.trim() == text
            && text != "."
            && text != ".."
            && text.chars().all(plain);
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError(text.chars().take(80).collect()))
        }
    }
}

/// Whether libvirt would read a UUID (its `virUUIDParse`: hyphens and blanks may be anywhere).
fn is_uuid(text: &str) -> bool {
    let digits: Vec<char> = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    digits.len() == 32 && digits.iter().all(char::is_ascii_hexdigit)
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Coded for NameError {
    fn code(&self) -> &'static str {
        Code::LibvirtNameInvalid.as_str()
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn remedy(&self) -> Option<String> {
        Some(Code::LibvirtNameInvalid.fix().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_something_else_is_no_name() {
        for good in ["smb-vault", "ov.qcow2", "a b", "7a", "Größe"] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "7",
            "-a",
            "--all",
            "a/b",
            "/dev/sda",
            ".",
            "..",
            " a",
            "a\n",
            "7b79e3a3-2274-4017-9a02-3bd30857c9a0",
            "7b79e3a3227440179a023bd30857c9a0",
        ] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
        assert!("a".repeat(256).parse::<Name>().is_err());
    }
}
