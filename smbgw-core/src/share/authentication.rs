//! Which of the users and groups of a share are let in: those of a domain, those of this machine,
//! or both.
//!
//! A share keeps all its users and groups, their rights to its files and their accounts, whatever the
//! method is. Samba is told of those that the method lets in, so another method is another line in its
//! configuration and nothing else, and going back makes everything as it was.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::spec::ChoiceError;
use crate::account::UserName;

/// Who of a share's users and groups is let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Authentication {
    /// Those of a domain: whoever uses the share is known to a domain controller.
    Domain,
    /// Those of this machine, with the SMB passwords that it keeps itself.
    Local,
    /// Both: those of this machine are let in even while no domain controller can be reached.
    #[default]
    Hybrid,
}

impl Authentication {
    /// Whether `name` is let in, if it is a user or group of the share.
    pub fn lets_in(self, name: &UserName) -> bool {
        match self {
            Self::Hybrid => true,
            Self::Domain => name.is_of_domain(),
            Self::Local => !name.is_of_domain(),
        }
    }
}

impl FromStr for Authentication {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Self, ChoiceError> {
        match text.to_ascii_lowercase().as_str() {
            "domain" => Ok(Self::Domain),
            "local" => Ok(Self::Local),
            "hybrid" => Ok(Self::Hybrid),
            _ => Err(ChoiceError::new(
                text,
                "a way to authenticate",
                "domain, local or hybrid",
            )),
        }
    }
}

impl fmt::Display for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Domain => "domain",
            Self::Local => "local",
            Self::Hybrid => "hybrid",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_lets_in_those_it_names() {
        let lets_in = |method: Authentication| {
            ["alice", r"AD\bob", "carol@ad.example"]
                .map(|name| method.lets_in(&name.parse().unwrap()))
        };
        assert_eq!(lets_in(Authentication::Domain), [false, true, true]);
        assert_eq!(lets_in(Authentication::Local), [true, false, false]);
        assert_eq!(lets_in(Authentication::Hybrid), [true, true, true]);
    }

    #[test]
    fn the_words_are_read_and_written() {
        for word in ["domain", "local", "hybrid"] {
            let method: Authentication = word.parse().unwrap();
            assert_eq!(method.to_string(), word);
            assert_eq!(
                serde_json::to_string(&method).unwrap(),
                format!("\"{word}\"")
            );
        }
        assert!("ads".parse::<Authentication>().is_err());
    }
}
