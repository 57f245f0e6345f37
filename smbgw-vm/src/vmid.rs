//! The numbers of guests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;

/// The number of a guest of Proxmox VE, be it a virtual machine or a container: one in a whole cluster
/// (qm(1), `vmid`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "u32", into = "u32")]
pub struct Vmid(u32);

/// A text or number is not that of a guest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the number of a guest: they go from {first} to {last}", first = Vmid::FIRST.0, last = Vmid::LAST.0)]
pub struct VmidError(pub String);

impl Vmid {
    /// The least number. Smaller ones are kept for internal use.
    pub const FIRST: Self = Self(100);

    /// The greatest number.
    pub const LAST: Self = Self(999_999_999);

    /// The number itself.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Vmid {
    type Error = VmidError;

    fn try_from(number: u32) -> Result<Self, VmidError> {
        let vmid = Self(number);
        if (Self::FIRST..=Self::LAST).contains(&vmid) {
            Ok(vmid)
        } else {
            Err(VmidError(number.to_string()))
        }
    }
}

impl FromStr for Vmid {
    type Err = VmidError;

    /// Takes digits only: no sign, no space, no leading zero, as the number is a part of file names.
    fn from_str(text: &str) -> Result<Self, VmidError> {
        let number: u32 = text.parse().map_err(|_| VmidError(text.to_owned()))?;
        if number.to_string() == text {
            number.try_into()
        } else {
            Err(VmidError(text.to_owned()))
        }
    }
}

impl From<Vmid> for u32 {
    fn from(vmid: Vmid) -> Self {
        vmid.0
    }
}

impl fmt::Display for Vmid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Coded for VmidError {
    fn code(&self) -> &'static str {
        Code::VmidInvalid.as_str()
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn remedy(&self) -> Option<String> {
        Some(Code::VmidInvalid.fix().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_of_guests_are_taken() {
        for good in ["100", "105", "999999999"] {
            assert_eq!(good.parse::<Vmid>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "99",
            "1000000000",
            "4294967396",
            "+105",
            "0105",
            " 105",
            "105 ",
            "x",
            "-1",
        ] {
            assert!(bad.parse::<Vmid>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_document_is_checked_too() {
        assert_eq!(serde_json::from_str::<Vmid>("105").unwrap().number(), 105);
        assert!(serde_json::from_str::<Vmid>("7").is_err());
    }
}
