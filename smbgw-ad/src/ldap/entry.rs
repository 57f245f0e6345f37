//! Objects as a search finds them.

use ldap3::asn1::{PL, StructureTag};

use crate::name::{Guid, Sid};

use super::{Dn, MessageError};

/// An object that a search found, with the attributes that were asked for and that it has.
#[derive(Clone, Debug)]
pub struct Entry {
    dn: Dn,
    attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    pub(super) fn of(tag: StructureTag) -> Result<Self, MessageError> {
        let wrong = || MessageError("an entry has another shape than it should");
        let [dn, attributes] =
            <[_; 2]>::try_from(constructed(tag).ok_or_else(wrong)?).map_err(|_| wrong())?;
        let dn = String::from_utf8(primitive(dn).ok_or_else(wrong)?).map_err(|_| wrong())?;
        let dn = dn
            .parse()
            .map_err(|_| MessageError("the name of an entry is not a distinguished name"))?;
        let attributes = constructed(attributes)
            .ok_or_else(wrong)?
            .into_iter()
            .map(attribute)
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        Ok(Self { dn, attributes })
    }

    /// Its name.
    pub fn dn(&self) -> &Dn {
        &self.dn
    }

    /// The values of `attribute`, whose case does not matter; none where it has none.
    pub fn values(&self, attribute: &str) -> &[Vec<u8>] {
        self.attributes
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(attribute))
            .map_or(&[], |(_, values)| values)
    }

    /// The values of `attribute` that are text.
    pub fn texts(&self, attribute: &str) -> impl Iterator<Item = &str> {
        self.values(attribute)
            .iter()
            .filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// The first value of `attribute` that is text.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.texts(attribute).next()
    }

    /// The first value of `attribute` as a number. Active Directory writes flags as signed numbers
    /// of 32 bits; they are the same bits here.
    pub fn number(&self, attribute: &str) -> Option<i64> {
        self.text(attribute)?.parse().ok()
    }

    /// The first value of `attribute` as bits of a number.
    pub fn flags(&self, attribute: &str) -> Option<u32> {
        let number = self.number(attribute)?;
        u32::try_from(number)
            .ok()
            .or_else(|| i32::try_from(number).ok().map(i32::cast_unsigned))
    }

    /// The first value of `attribute` as a GUID.
    pub fn guid(&self, attribute: &str) -> Option<Guid> {
        let bytes = self.values(attribute).first()?;
        bytes.as_slice().try_into().ok().map(Guid::from_bytes)
    }

    /// The first value of `attribute` as a SID.
    pub fn sid(&self, attribute: &str) -> Option<Sid> {
        Sid::from_bytes(self.values(attribute).first()?).ok()
    }

    /// Whether one value of `attribute` is `text`, whatever its case.
    pub fn has(&self, attribute: &str, text: &str) -> bool {
        self.texts(attribute)
            .any(|value| value.eq_ignore_ascii_case(text))
    }
}

fn attribute(tag: StructureTag) -> Option<(String, Vec<Vec<u8>>)> {
    let [name, values] = <[_; 2]>::try_from(constructed(tag)?).ok()?;
    let name = String::from_utf8(primitive(name)?).ok()?;
    let values = constructed(values)?
        .into_iter()
        .map(primitive)
        .collect::<Option<_>>()?;
    Some((name, values))
}

fn constructed(tag: StructureTag) -> Option<Vec<StructureTag>> {
    match tag.payload {
        PL::C(parts) => Some(parts),
        PL::P(_) => None,
    }
}

fn primitive(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(bytes) => Some(bytes),
        PL::C(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use ldap3::asn1::TagClass;

    use super::*;

    fn octets(bytes: &[u8]) -> StructureTag {
        StructureTag {
            class: TagClass::Universal,
            id: 4,
            payload: PL::P(bytes.to_vec()),
        }
    }

    fn list(parts: Vec<StructureTag>) -> StructureTag {
        StructureTag {
            class: TagClass::Universal,
            id: 16,
            payload: PL::C(parts),
        }
    }

    fn entry(attributes: &[(&str, &[&[u8]])]) -> Entry {
        let attributes = attributes
            .iter()
            .map(|(name, values)| {
                let values = values.iter().map(|value| octets(value)).collect();
                list(vec![octets(name.as_bytes()), list(values)])
            })
            .collect();
        Entry::of(list(vec![octets(b"CN=a,DC=b"), list(attributes)])).unwrap()
    }

    #[test]
    fn values_are_read_by_kind() {
        let entry = entry(&[
            ("objectGUID", &[&[7; 16]]),
            ("sAMAccountType", &[b"-2147483648"]),
            ("userAccountControl", &[b"4096"]),
            ("servicePrincipalName", &[b"HOST/a", b"\xff", b"cifs/a"]),
            ("objectSid", &[&[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]]),
        ]);
        assert_eq!(entry.dn().to_string(), "CN=a,DC=b");
        assert_eq!(entry.guid("OBJECTguid"), Some(Guid::from_bytes([7; 16])));
        assert_eq!(entry.flags("sAMAccountType"), Some(0x8000_0000));
        assert_eq!(entry.flags("userAccountControl"), Some(4096));
        assert_eq!(entry.texts("serviceprincipalname").count(), 2);
        assert!(entry.has("servicePrincipalName", "host/A"));
        assert_eq!(entry.sid("objectSid").unwrap().to_string(), "S-1-5-18");
        assert_eq!(entry.text("cn"), None);
        assert!(entry.guid("userAccountControl").is_none());
    }

    #[test]
    fn another_shape_is_refused() {
        assert!(Entry::of(octets(b"x")).is_err());
        assert!(Entry::of(list(vec![octets(b"CN=a")])).is_err());
        assert!(Entry::of(list(vec![octets(b"nonsense"), list(vec![])])).is_err());
        assert!(Entry::of(list(vec![octets(b"CN=a"), list(vec![octets(b"")])])).is_err());
    }
}
