//! Search filters.

use std::fmt::{self, Write};

/// What a search looks for (RFC 4515).
///
/// Values may be any bytes: they are escaped where the filter becomes text.
///
/// ```
/// use smbgw_ad::ldap::Filter;
///
/// let filter = Filter::all([
///     Filter::equal("objectClass", "computer"),
///     Filter::equal("sAMAccountName", "GW*)$"),
/// ]);
/// assert_eq!(filter.to_string(), r"(&(objectClass=computer)(sAMAccountName=GW\2a\29$))");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Equal(&'static str, Vec<u8>),
    Present(&'static str),
    Flags(&'static str, u32),
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
}

impl Filter {
    /// Objects whose `attribute` has that value.
    pub fn equal(attribute: &'static str, value: impl AsRef<[u8]>) -> Self {
        Self(Kind::Equal(attribute, value.as_ref().to_vec()))
    }

    /// Objects that have a value of `attribute`.
    pub fn present(attribute: &'static str) -> Self {
        Self(Kind::Present(attribute))
    }

    /// Objects whose number `attribute` has all bits of `flags` (LDAP_MATCHING_RULE_BIT_AND,
    /// MS-ADTS 3.1.1.3.4.4.1).
    pub fn flags(attribute: &'static str, flags: u32) -> Self {
        Self(Kind::Flags(attribute, flags))
    }

    /// Objects that all of `filters` find; any object where there are none.
    pub fn all(filters: impl IntoIterator<Item = Self>) -> Self {
        Self(Kind::All(filters.into_iter().collect()))
    }

    /// Objects that one of `filters` finds; no object where there are none.
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Self {
        Self(Kind::Any(filters.into_iter().collect()))
    }

    /// Every object there is.
    pub fn everything() -> Self {
        Self::present("objectClass")
    }
}

impl std::ops::Not for Filter {
    type Output = Self;

    fn not(self) -> Self {
        Self(Kind::Not(Box::new(self)))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Equal(attribute, value) => {
                write!(f, "({attribute}=")?;
                escaped(f, value)?;
                f.write_char(')')
            }
            Kind::Present(attribute) => write!(f, "({attribute}=*)"),
            Kind::Flags(attribute, flags) => {
                write!(f, "({attribute}:1.2.840.113556.1.4.803:={flags})")
            }
            Kind::All(filters) if filters.is_empty() => Self::everything().fmt(f),
            Kind::Any(filters) if filters.is_empty() => (!Self::everything()).fmt(f),
            Kind::All(filters) => list(f, '&', filters),
            Kind::Any(filters) => list(f, '|', filters),
            Kind::Not(filter) => write!(f, "(!{filter})"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, sign: char, filters: &[Filter]) -> fmt::Result {
    write!(f, "({sign}")?;
    filters
        .iter()
        .try_for_each(|filter| write!(f, "{filter}"))?;
    f.write_char(')')
}

/// Writes a value as RFC 4515 section 3 has it; all that is not plain ASCII is written in
/// hexadecimal too.
fn escaped(f: &mut fmt::Formatter<'_>, value: &[u8]) -> fmt::Result {
    value.iter().try_for_each(|byte| match byte {
        b'*' | b'(' | b')' | b'\\' => write!(f, "\\{byte:02x}"),
        b' '..=b'~' => f.write_char(char::from(*byte)),
        _ => write!(f, "\\{byte:02x}"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn filters_are_written_as_in_the_rfc() {
        let filter = Filter::any([
            Filter::equal("cn", "a*b"),
            !Filter::present("mail"),
            Filter::flags("userAccountControl", 2),
        ]);
        assert_eq!(
            filter.to_string(),
            r"(|(cn=a\2ab)(!(mail=*))(userAccountControl:1.2.840.113556.1.4.803:=2))"
        );
        assert_eq!(
            Filter::equal("cn", b"\0\xff()\\").to_string(),
            r"(cn=\00\ff\28\29\5c)"
        );
        assert_eq!(Filter::equal("cn", "ü").to_string(), r"(cn=\c3\bc)");
        assert_eq!(Filter::all([]).to_string(), "(objectClass=*)");
        assert_eq!(Filter::any([]).to_string(), "(!(objectClass=*))");
    }

    proptest! {
        #[test]
        fn any_value_is_one_value(value: Vec<u8>) {
            let filter = Filter::all([Filter::equal("cn", &value)]).to_string();
            let inner = filter.strip_prefix("(&(cn=").unwrap().strip_suffix("))").unwrap();
            prop_assert!(!inner.contains(['(', ')', '*']));
            prop_assert!(ldap3::parse_filter(&filter).is_ok());
        }
    }
}
