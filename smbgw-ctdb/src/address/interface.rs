//! Names of network interfaces.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::AddressError;

/// The name of a network interface.
///
/// At most 15 bytes (`IFNAMSIZ`), none of them a space, a slash or a colon, as the kernel wants it, and none
/// of them a comma, which separates names in ctdb's `public_addresses`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct InterfaceName(String);

impl InterfaceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InterfaceName {
    type Err = AddressError;

    fn from_str(name: &str) -> Result<Self, AddressError> {
        let is_good =
            |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':' | b',' | b'#');
        let is_dots = matches!(name, "." | "..");
        if !(1..=15).contains(&name.len()) || is_dots || !name.bytes().all(is_good) {
            let name = name.to_owned();
            return Err(AddressError::Interface { name });
        }
        Ok(Self(name.to_owned()))
    }
}

impl TryFrom<String> for InterfaceName {
    type Error = AddressError;

    fn try_from(name: String) -> Result<Self, AddressError> {
        name.parse()
    }
}

impl From<InterfaceName> for String {
    fn from(name: InterfaceName) -> Self {
        name.0
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
