//! Referrals: a server that says who else knows.

use std::fmt;
use std::str::FromStr;

use crate::name::{DomainName, HostName, NameError};

use super::Dn;

/// Where a server sends its clients for what it does not hold itself (RFC 4516, `ldap://host/dn`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referral {
    /// The host; in Active Directory usually the name of a domain, which all its controllers have.
    pub host: HostName,
    /// Its port, where it is not the usual one.
    pub port: Option<u16>,
    /// Whether the server is to be asked over TLS (`ldaps:`).
    pub tls: bool,
    /// Where to look there; `None` for the base of the search.
    pub base: Option<Dn>,
}

impl Referral {
    /// Whether it leads to `domain` or a domain below it, such as another one of a forest that has
    /// its root there. Others should not be followed: they would be given a ticket or a password.
    pub fn is_within(&self, domain: &DomainName) -> bool {
        let host = self.host.as_str();
        host.strip_suffix(domain.as_str())
            .is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }
}

impl FromStr for Referral {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = |reason| NameError::new(text, "a referral", reason);
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| wrong("its form is `ldap://host/name`"))?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "ldap" => false,
            "ldaps" => true,
            _ => return Err(wrong("it is not for LDAP")),
        };
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => {
                let digits = port.bytes().all(|byte| byte.is_ascii_digit());
                let port = port.parse().ok().filter(|port| digits && *port > 0);
                (
                    host,
                    Some(port.ok_or_else(|| wrong("its port is not a number"))?),
                )
            }
            None => (place, None),
        };
        // Attributes, scope and filter are those of the search.
        let base = path.split('?').next().unwrap_or_default();
        let base = decoded(base).ok_or_else(|| wrong("its name is not encoded as in URLs"))?;
        Ok(Self {
            host: host.parse()?,
            port,
            tls,
            base: match base.is_empty() {
                true => None,
                false => Some(base.parse()?),
            },
        })
    }
}

impl fmt::Display for Referral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "ldaps" } else { "ldap" };
        write!(f, "{scheme}://{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        match &self.base {
            Some(base) => write!(f, "/{base}"),
            None => Ok(()),
        }
    }
}

/// Takes `%xx` out of a text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = vec![];
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let high = digit(rest.next()?)?;
                u8::try_from(high << 4 | digit(rest.next()?)?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms_are_read() {
        let referral: Referral = "ldap://ForestDnsZones.ad.test/DC=ForestDnsZones,DC=ad,DC=test"
            .parse()
            .unwrap();
        assert_eq!(referral.host.as_str(), "forestdnszones.ad.test");
        assert_eq!(
            referral.base,
            Some("DC=ForestDnsZones,DC=ad,DC=test".parse().unwrap())
        );
        assert!(!referral.tls && referral.port.is_none());
        let referral: Referral = "LDAPS://dc.b.test:3269/OU=a%5C%2C%20b??sub"
            .parse()
            .unwrap();
        assert_eq!((referral.tls, referral.port), (true, Some(3269)));
        assert_eq!(referral.to_string(), r"ldaps://dc.b.test:3269/OU=a\, b");
        for wrong in [
            "",
            "http://a.b/",
            "ldap:///DC=a",
            "ldap://a b/",
            "ldap://a:x/",
            "ldap://a:+1/",
            "ldap://a/%",
            "ldap://a/%zz",
            "ldap://a/nonsense",
            "ldap://[::1]/",
        ] {
            assert!(wrong.parse::<Referral>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_forest_ends_at_its_name() {
        let forest: DomainName = "ad.test".parse().unwrap();
        let leads = |host: &str| {
            let referral: Referral = format!("ldap://{host}/").parse().unwrap();
            referral.is_within(&forest)
        };
        assert!(leads("ad.test") && leads("dc.sub.AD.test"));
        assert!(!leads("bad.test") && !leads("ad.test.evil.example") && !leads("test"));
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in ".{0,40}|ldaps?://[a-z.:0-9]{0,12}/[A-Z=%0-9a-f,?]{0,20}") {
            if let Ok(referral) = text.parse::<Referral>() {
                prop_assert!(!referral.host.as_str().is_empty());
            }
        }
    }
}
