//! The name of a share.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Coded, ErrorKind};

/// The longest name of a share, in characters (`NNLEN`, \[MS-SRVS\] 2.2.2.4 and Samba's own limit).
pub const LONGEST_NAME: usize = 80;

/// Characters that Samba refuses in the name of a share (`INVALID_SHARENAME_CHARS`, checked by
/// `net conf addshare` and `net usershare add`), with the brackets that end a section header.
const REFUSED: &str = "%<>*?|/\\+=;:\",[]";

/// Names that mean something else to Samba or to its clients.
const RESERVED: [&str; 9] = [
    "global", "homes", "printers", "print$", "ipc$", "admin$", ".", "..", "registry",
];

/// The name of a share, as clients see it.
///
/// Names that differ in case only are the same share, as they are to SMB clients: they compare
/// and hash as equal.
///
/// ```
/// use smbgw_core::share::ShareName;
///
/// let name: ShareName = "Media".parse()?;
/// assert_eq!(name, "media".parse()?);
/// assert!("IPC$".parse::<ShareName>().is_err());
/// # Ok::<(), smbgw_core::share::NameError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minLength" = 1, "maxLength" = LONGEST_NAME)))]
#[serde(try_from = "String", into = "String")]
pub struct ShareName(String);

impl ShareName {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that all spellings of this name share: lower case.
    pub fn key(&self) -> String {
        fold(&self.0)
    }
}

/// The form of `name` that is the same for all names that SMB clients take for one.
pub fn fold(name: &str) -> String {
    name.to_lowercase()
}

impl PartialEq for ShareName {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for ShareName {}

impl std::hash::Hash for ShareName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Display for ShareName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for ShareName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::try_from(text.to_string())
    }
}

impl TryFrom<String> for ShareName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        let length = text.chars().count();
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if length > LONGEST_NAME {
            return Err(NameError::TooLong { length });
        }
        if text.trim() != text {
            return Err(NameError::OuterSpace);
        }
        if text.contains("  ") {
            return Err(NameError::DoubleSpace);
        }
        if let Some(position) = text.chars().position(char::is_control) {
            return Err(NameError::ControlCharacter {
                position: position + 1,
            });
        }
        if let Some(character) = text.chars().find(|&c| REFUSED.contains(c)) {
            return Err(NameError::RefusedCharacter {
                name: text,
                character,
            });
        }
        if RESERVED.contains(&fold(&text).as_str()) {
            return Err(NameError::Reserved { name: text });
        }
        if text.starts_with(['-', '#', '.']) {
            return Err(NameError::RefusedStart { name: text });
        }
        // The file of a share is named after it, and a file name has at most 255 bytes.
        if fold(&text).len() > 200 {
            return Err(NameError::TooLong { length });
        }
        Ok(Self(text))
    }
}

impl From<ShareName> for String {
    fn from(name: ShareName) -> Self {
        name.0
    }
}

/// Why a text is no name of a share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is no text.
    #[error("the name is empty")]
    Empty,
    /// There are more than [`LONGEST_NAME`] characters.
    #[error("the name has {length} characters; the longest name SMB allows has {LONGEST_NAME}")]
    TooLong {
        /// How many characters it has.
        length: usize,
    },
    /// It begins or ends with a space, which a configuration file cannot express.
    #[error("the name begins or ends with a space")]
    OuterSpace,
    /// It has two spaces in a row, which Samba reads as one.
    #[error("the name has two spaces in a row, which Samba reads as one")]
    DoubleSpace,
    /// It holds a control character.
    #[error("character {position} of the name is a control character")]
    ControlCharacter {
        /// Which one, counted from 1.
        position: usize,
    },
    /// It holds a character that Samba refuses.
    #[error("`{name}` contains `{character}`, which Samba refuses in the name of a share")]
    RefusedCharacter {
        /// The name.
        name: String,
        /// The first such character.
        character: char,
    },
    /// It begins with a character that reads as something else on a command line or in a file.
    #[error("`{name}` begins with `-`, `#` or `.`, which reads as something other than a name")]
    RefusedStart {
        /// The name.
        name: String,
    },
    /// It means something else to Samba.
    #[error("`{name}` is reserved: it means something else to Samba")]
    Reserved {
        /// The name.
        name: String,
    },
}

impl Coded for NameError {
    fn code(&self) -> &'static str {
        match self {
            Self::Reserved { .. } => "share.name-reserved",
            _ => "share.name-invalid",
        }
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn remedy(&self) -> Option<String> {
        Some("choose a name such as `media` or `Team Files`".into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn good_names_are_kept_as_given() {
        for good in [
            "media",
            "Team Files",
            "büro",
            "backup$",
            "a",
            "x.y",
            "müll-2",
            "it's",
        ] {
            assert_eq!(good.parse::<ShareName>().unwrap().as_str(), good);
        }
        assert!("x".repeat(80).parse::<ShareName>().is_ok());
    }

    #[test]
    fn bad_names_say_why() {
        for reserved in ["global", "Homes", "PRINTERS", "print$", "IPC$", "admin$"] {
            assert!(
                matches!(
                    reserved.parse::<ShareName>(),
                    Err(NameError::Reserved { .. })
                ),
                "{reserved}"
            );
        }
        assert_eq!("".parse::<ShareName>(), Err(NameError::Empty));
        assert_eq!(
            "x".repeat(81).parse::<ShareName>(),
            Err(NameError::TooLong { length: 81 })
        );
        assert_eq!(" x".parse::<ShareName>(), Err(NameError::OuterSpace));
        assert_eq!("a  b".parse::<ShareName>(), Err(NameError::DoubleSpace));
        assert_eq!(
            "a\nb".parse::<ShareName>(),
            Err(NameError::ControlCharacter { position: 2 })
        );
        assert!(matches!(
            "..".parse::<ShareName>(),
            Err(NameError::Reserved { .. })
        ));
        assert!(matches!(
            "-rf".parse::<ShareName>(),
            Err(NameError::RefusedStart { .. })
        ));
        for character in REFUSED.chars() {
            let name = format!("a{character}b");
            assert_eq!(
                name.parse::<ShareName>(),
                Err(NameError::RefusedCharacter {
                    name: name.clone(),
                    character
                })
            );
        }
    }

    proptest! {
        #[test]
        fn a_name_is_one_safe_file_name_and_one_line(text in "\\PC{0,90}") {
            if let Ok(name) = text.parse::<ShareName>() {
                prop_assert!(!name.key().contains('/') && !name.key().contains('\n'));
                prop_assert!(name.key().len() < 250 && name.key() != "." && name.key() != "..");
                prop_assert_eq!(name.as_str().to_uppercase().parse::<ShareName>().is_ok(), true);
            }
        }
    }
}
