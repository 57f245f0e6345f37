//! Addresses of network adapters.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The address of a network adapter on its link, such as `02:fc:00:00:00:01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
pub struct Mac(pub [u8; 6]);

/// A text is no address of a network adapter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the address of a network adapter, such as 02:fc:00:00:00:01")]
pub struct MacError(pub String);

impl Mac {
    /// Everybody on a link.
    pub const EVERYBODY: Self = Self([0xff; 6]);

    /// Whether one adapter can have it: it is that of no group, and not all zeros.
    pub fn is_of_one(self) -> bool {
        self.0[0] & 1 == 0 && self != Self([0; 6])
    }
}

impl FromStr for Mac {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Self, MacError> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2);
            let is_hex = |part: &&str| part.bytes().all(|digit| digit.is_ascii_hexdigit());
            let value = part
                .filter(is_hex)
                .and_then(|part| u8::from_str_radix(part, 16).ok());
            *byte = value.ok_or_else(|| MacError(text.to_owned()))?;
        }
        match parts.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(MacError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Mac {
    type Error = MacError;

    fn try_from(text: String) -> Result<Self, MacError> {
        text.parse()
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> Self {
        mac.to_string()
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_it_is_written() {
        let mac: Mac = "02:fc:00:0a:00:01".parse().unwrap();
        assert_eq!(mac, Mac([2, 0xfc, 0, 10, 0, 1]));
        assert_eq!(mac.to_string(), "02:fc:00:0a:00:01");
        assert!(mac.is_of_one() && !Mac::EVERYBODY.is_of_one() && !Mac([0; 6]).is_of_one());
        for wrong in [
            "",
            "02:fc:00:0a:00",
            "02:fc:00:0a:00:01:02",
            "+2:fc:00:0a:00:01",
            "2:fc:00:0a:00:01",
        ] {
            assert_eq!(wrong.parse::<Mac>(), Err(MacError(wrong.to_owned())));
        }
    }
}
