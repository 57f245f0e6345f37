//! The names that a domain is made of, each of which can only be made from valid text.

mod computer;
mod dns;
mod guid;
mod principal;
mod realm;
mod sid;
mod spn;

pub use computer::ComputerName;
pub use dns::{DomainName, HostName};
pub use guid::Guid;
pub use principal::{NameKind, Principal};
pub use realm::Realm;
pub use sid::Sid;
pub use spn::Spn;

use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;

/// Why a text is not a name of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}: {reason}")]
pub struct NameError {
    /// The text, shortened where it is long.
    pub text: String,
    /// What it should be, such as `a name of a computer`.
    pub wanted: &'static str,
    /// The rule that it breaks.
    pub reason: &'static str,
}

impl NameError {
    pub(crate) fn new(text: &str, wanted: &'static str, reason: &'static str) -> Self {
        let mut shown: String = text.chars().take(SHOWN).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        Self {
            text: shown,
            wanted,
            reason,
        }
    }
}

impl Coded for NameError {
    fn code(&self) -> &'static str {
        Code::NameInvalid.as_str()
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// So many characters of a wrong name are shown.
const SHOWN: usize = 80;

/// Has a name written and read as its text.
macro_rules! as_text {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        $crate::name::by_text!($name);
    };
}

/// Has a name that shows itself read and written as that text.
macro_rules! by_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = $crate::name::NameError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.to_string()
            }
        }
    };
}

pub(crate) use {as_text, by_text};
