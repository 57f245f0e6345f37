//! The releases of Debian that templates are made of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A release of Debian.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Distro {
    /// Debian 12.
    #[default]
    Bookworm,
    /// Debian 13.
    Trixie,
}

/// A text is no release that templates are made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no release of Debian that templates are made of: these are bookworm and trixie")]
pub struct UnknownDistro(pub String);

impl Distro {
    /// All of them, the oldest first.
    pub const ALL: [Self; 2] = [Self::Bookworm, Self::Trixie];

    /// The code name, which is that of its suite in the archive.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// The suite with its security updates.
    pub const fn security_suite(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm-security",
            Self::Trixie => "trixie-security",
        }
    }
}

impl FromStr for Distro {
    type Err = UnknownDistro;

    fn from_str(text: &str) -> Result<Self, UnknownDistro> {
        Self::ALL
            .into_iter()
            .find(|distro| distro.as_str() == text)
            .ok_or_else(|| UnknownDistro(text.into()))
    }
}

impl fmt::Display for Distro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_known_by_their_code_names() {
        for distro in Distro::ALL {
            assert_eq!(distro.as_str().parse::<Distro>().unwrap(), distro);
            assert!(distro.security_suite().starts_with(distro.as_str()));
        }
        assert!("sid".parse::<Distro>().is_err());
    }
}
