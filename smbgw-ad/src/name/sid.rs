//! Security identifiers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{NameError, by_text};

/// A security identifier, such as `S-1-5-21-1-2-3-1000` (MS-DTYP 2.4.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String")
)]
#[serde(try_from = "String", into = "String")]
pub struct Sid {
    authority: u64,
    parts: Vec<u32>,
}

impl Sid {
    /// Reads the form it has in packets and in `objectSid`; the bytes must be nothing else.
    ///
    /// # Errors
    /// Where they are not a SID.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NameError> {
        let wrong = |reason| Err(NameError::new("", WANTED, reason));
        let [1, count, a, b, c, d, e, f, rest @ ..] = bytes else {
            return wrong("its bytes do not begin as those of a SID");
        };
        let count = usize::from(*count);
        if count > MOST_PARTS || rest.len() != count * 4 {
            return wrong("it is shorter or longer than it says");
        }
        Ok(Self {
            authority: u64::from_be_bytes([0, 0, *a, *b, *c, *d, *e, *f]),
            parts: rest
                .chunks_exact(4)
                .map(|part| u32::from_le_bytes([part[0], part[1], part[2], part[3]]))
                .collect(),
        })
    }

    /// The form it has in packets.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![1, self.parts.len() as u8];
        bytes.extend_from_slice(&self.authority.to_be_bytes()[2..]);
        bytes.extend(self.parts.iter().flat_map(|part| part.to_le_bytes()));
        bytes
    }

    /// The numbers behind the authority.
    pub fn parts(&self) -> &[u32] {
        &self.parts
    }

    /// The last number, which tells members of one domain apart.
    pub fn rid(&self) -> Option<u32> {
        self.parts.last().copied()
    }

    /// The SID without its last number: that of the domain it belongs to.
    pub fn domain(&self) -> Option<Self> {
        let (_, parts) = self.parts.split_last()?;
        Some(Self {
            authority: self.authority,
            parts: parts.to_vec(),
        })
    }

    /// The SID of the member `rid` of this domain; `None` where there is no room for it.
    pub fn member(&self, rid: u32) -> Option<Self> {
        let mut sid = self.clone();
        sid.parts.push(rid);
        (sid.parts.len() <= MOST_PARTS).then_some(sid)
    }
}

impl FromStr for Sid {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = |reason| NameError::new(text, WANTED, reason);
        let form = || wrong("its form is `S-1-`, an authority and numbers");
        let rest = text
            .strip_prefix("S-1-")
            .or_else(|| text.strip_prefix("s-1-"))
            .ok_or_else(form)?;
        let mut numbers = rest.split('-');
        let authority = numbers.next().unwrap_or_default();
        let authority = match authority.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).map_err(|_| form())?,
            None => whole(authority).ok_or_else(form)?,
        };
        if authority >> 48 != 0 {
            return Err(wrong("its authority is too large"));
        }
        let parts: Vec<u32> = numbers
            .map(|number| whole(number).and_then(|number| number.try_into().ok()))
            .collect::<Option<_>>()
            .ok_or_else(form)?;
        if parts.len() > MOST_PARTS {
            return Err(wrong("it has more than 15 numbers"));
        }
        Ok(Self { authority, parts })
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.authority >> 32 {
            0 => write!(f, "S-1-{}", self.authority)?,
            _ => write!(f, "S-1-0x{:012x}", self.authority)?,
        }
        self.parts.iter().try_for_each(|part| write!(f, "-{part}"))
    }
}

by_text!(Sid);

/// A number of decimal digits only.
fn whole(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

const WANTED: &str = "a security identifier";

/// MS-DTYP 2.4.2.2: `SubAuthorityCount` is at most 15.
const MOST_PARTS: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_agree() {
        let text = "S-1-5-21-3623811015-3361044348-30300820-1013";
        let sid: Sid = text.parse().unwrap();
        assert_eq!(sid.to_string(), text);
        assert_eq!(Sid::from_bytes(&sid.to_bytes()).unwrap(), sid);
        assert_eq!(sid.to_bytes()[..12], [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0]);
        assert_eq!(sid.rid(), Some(1013));
        let domain = sid.domain().unwrap();
        assert_eq!(domain.member(1013).unwrap(), sid);
        assert_eq!(
            "S-1-0x010000000000".parse::<Sid>().unwrap().to_string(),
            "S-1-0x010000000000"
        );
        for wrong in [
            "",
            "S-1",
            "S-2-5",
            "S-1-",
            "S-1-5-",
            "S-1-5-+1",
            "S-1-5-4294967296",
            "S-1-5-x",
        ] {
            assert!(wrong.parse::<Sid>().is_err(), "{wrong}");
        }
        for wrong in [
            &[][..],
            &[1],
            &[2, 0, 0, 0, 0, 0, 0, 5],
            &[1, 1, 0, 0, 0, 0, 0, 5],
            &[1, 16, 0, 0, 0, 0, 0, 5],
        ] {
            assert!(Sid::from_bytes(wrong).is_err(), "{wrong:?}");
        }
    }
}
