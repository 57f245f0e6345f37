//! Names of those who take part in Kerberos.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{ComputerName, HostName, NameError, Realm, Spn, by_text};

/// How the parts of a name are meant (RFC 4120 section 6.2, RFC 6806 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NameKind {
    /// A user or a computer: NT-PRINCIPAL, 1.
    Principal,
    /// A service such as `krbtgt`: NT-SRV-INST, 2.
    Service,
    /// A service on a host: NT-SRV-HST, 3.
    HostService,
    /// A user name with an `@` in it: NT-ENTERPRISE, 10.
    Enterprise,
}

impl NameKind {
    /// Its number in messages.
    pub fn number(self) -> i32 {
        match self {
            Self::Principal => 1,
            Self::Service => 2,
            Self::HostService => 3,
            Self::Enterprise => 10,
        }
    }
}

/// A name in a realm, such as `alice@AD.EXAMPLE` or `cifs/gw1.ad.example@AD.EXAMPLE`.
///
/// The kind is a hint that says nothing about who it is (RFC 4120 section 6.2): two principals are
/// equal where parts and realm are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String")
)]
#[serde(try_from = "String", into = "String")]
pub struct Principal {
    parts: Vec<String>,
    realm: Realm,
    kind: NameKind,
}

impl Principal {
    /// The name with the given parts.
    ///
    /// # Errors
    /// Where there is no part, an empty one, or one with a control character.
    pub fn new(
        kind: NameKind,
        parts: impl IntoIterator<Item = impl Into<String>>,
        realm: Realm,
    ) -> Result<Self, NameError> {
        let parts: Vec<String> = parts.into_iter().map(Into::into).collect();
        let wrong = |reason| Err(NameError::new(&parts.join("/"), WANTED, reason));
        if parts.is_empty() || parts.iter().any(String::is_empty) {
            return wrong("a part of it is empty");
        }
        if parts.iter().map(String::len).sum::<usize>() > 1024 || parts.len() > 8 {
            return wrong("it is too long");
        }
        if parts.iter().any(|part| part.chars().any(char::is_control)) {
            return wrong("it has a control character");
        }
        Ok(Self { parts, realm, kind })
    }

    /// The user called `name` in `realm`; a name with an `@` is an enterprise name.
    ///
    /// # Errors
    /// Where the name is empty, too long, or has a control character.
    pub fn user(name: &str, realm: Realm) -> Result<Self, NameError> {
        let kind = match name.contains('@') {
            true => NameKind::Enterprise,
            false => NameKind::Principal,
        };
        Self::new(kind, [name], realm)
    }

    /// The account of a computer, such as `GW1$@AD.EXAMPLE`.
    pub fn computer(name: &ComputerName, realm: Realm) -> Self {
        Self {
            parts: vec![name.account()],
            realm,
            kind: NameKind::Principal,
        }
    }

    /// The service `class` of `host`, such as `ldap/dc1.ad.example@AD.EXAMPLE`.
    pub fn service(class: &str, host: &HostName, realm: Realm) -> Self {
        Self {
            parts: vec![class.to_string(), host.as_str().to_string()],
            realm,
            kind: NameKind::Service,
        }
    }

    /// The service `spn`.
    pub fn of_spn(spn: &Spn, realm: Realm) -> Self {
        Self {
            parts: spn.as_str().split('/').map(str::to_string).collect(),
            realm,
            kind: NameKind::Service,
        }
    }

    /// The ticket granting service of `target` as known in `realm`.
    pub fn ticket_granting(target: &Realm, realm: Realm) -> Self {
        Self {
            parts: vec!["krbtgt".into(), target.as_str().into()],
            realm,
            kind: NameKind::Service,
        }
    }

    /// Its parts, of which there is at least one.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Its realm.
    pub fn realm(&self) -> &Realm {
        &self.realm
    }

    /// How the parts are meant.
    pub fn kind(&self) -> NameKind {
        self.kind
    }

    /// The same name in another realm.
    #[must_use]
    pub fn in_realm(&self, realm: Realm) -> Self {
        Self {
            realm,
            ..self.clone()
        }
    }
}

impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts && self.realm == other.realm
    }
}

impl Eq for Principal {}

impl FromStr for Principal {
    type Err = NameError;

    /// Reads `part[/part…]@REALM`, in which `\` before a character takes away its meaning (RFC 1964
    /// section 2.1.1).
    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = |reason| NameError::new(text, WANTED, reason);
        let mut parts = vec![String::new()];
        let mut realm = None;
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let literal = match character {
                '\\' => Some(
                    characters
                        .next()
                        .ok_or_else(|| wrong("nothing follows its last `\\`"))?,
                ),
                '/' if realm.is_none() => {
                    parts.push(String::new());
                    None
                }
                '@' if realm.is_none() => {
                    realm = Some(String::new());
                    None
                }
                other => Some(other),
            };
            if let Some(literal) = literal {
                match &mut realm {
                    Some(realm) => realm.push(literal),
                    None => parts
                        .last_mut()
                        .into_iter()
                        .for_each(|part| part.push(literal)),
                }
            }
        }
        let realm: Realm = realm
            .ok_or_else(|| wrong("its realm is missing, as in `name@REALM`"))?
            .parse()?;
        let kind = match parts.as_slice() {
            [only] if only.contains('@') => NameKind::Enterprise,
            [_] => NameKind::Principal,
            _ => NameKind::Service,
        };
        Self::new(kind, parts, realm)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            for character in part.chars() {
                if matches!(character, '/' | '@' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{character}")?;
            }
        }
        write!(f, "@{}", self.realm)
    }
}

by_text!(Principal);

const WANTED: &str = "a Kerberos principal";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_there_and_back() {
        for text in [
            "alice@AD.TEST",
            "cifs/gw.ad.test@AD.TEST",
            r"a\@b.c@AD.TEST",
            r"a\/b\\@X",
        ] {
            let principal: Principal = text.parse().unwrap();
            assert_eq!(principal.to_string(), text);
        }
        let enterprise: Principal = r"a\@b.c@AD.TEST".parse().unwrap();
        assert_eq!(enterprise.kind(), NameKind::Enterprise);
        assert_eq!(enterprise.parts(), ["a@b.c"]);
        for wrong in ["", "a", "@R", "a/@R", "a@", "a@B@C", "a\\", "a\n@R"] {
            assert!(wrong.parse::<Principal>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_kind_does_not_matter() {
        let realm: Realm = "R".parse().unwrap();
        let one = Principal::new(NameKind::HostService, ["cifs", "gw"], realm.clone()).unwrap();
        assert_eq!(one, Principal::of_spn(&"cifs/gw".parse().unwrap(), realm));
    }
}
