//! Why something cannot be said to cloud-init.

use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;

/// A value that cannot be part of what a guest is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not {wanted}")]
pub struct CloudInitError {
    /// What was given, cut where it is long.
    pub value: String,
    /// What is wanted instead.
    pub wanted: &'static str,
}

impl CloudInitError {
    pub(super) fn new(value: &str, wanted: &'static str) -> Self {
        let mut shown: String = value.chars().take(LONGEST_SHOWN).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        Self {
            value: shown.escape_default().to_string(),
            wanted,
        }
    }
}

impl Coded for CloudInitError {
    fn code(&self) -> &'static str {
        Code::GuestSettingInvalid.as_str()
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn remedy(&self) -> Option<String> {
        Some(Code::GuestSettingInvalid.fix().into())
    }
}

/// As many characters of a wrong value as are shown.
const LONGEST_SHOWN: usize = 80;

/// The conversions of a type that is made of a text that `$check` accepts.
macro_rules! text_type {
    ($(#[$about:meta])* $name:ident, $wanted:literal, $check:expr) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::cloudinit::CloudInitError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err($crate::cloudinit::CloudInitError::new(text, $wanted))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::cloudinit::CloudInitError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

pub(super) use text_type;
