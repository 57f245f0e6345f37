//! Names in the form they have in packets.

use std::fmt;

use super::message::Malformed;
use crate::name::{DomainName, HostName};

/// A domain name of any kind, such as `_ldap._tcp.dc._msdcs.ad.example`: labels of any bytes, with
/// ASCII letters in lower case (RFC 4343).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The labels, each after its length, with the empty one at the end.
    wire: Vec<u8>,
}

/// The longest name in a packet (RFC 1035 section 3.1).
const LONGEST: usize = 255;

impl Name {
    /// The root of all names.
    pub fn root() -> Self {
        Self { wire: vec![0] }
    }

    /// The name made of `labels`, the most specific one first; `None` where one is empty or longer
    /// than 63 bytes, or all are too long together.
    pub fn from_labels<L: AsRef<[u8]>>(labels: impl IntoIterator<Item = L>) -> Option<Self> {
        let mut wire = Vec::new();
        for label in labels {
            let label = label.as_ref();
            if label.is_empty() || label.len() > 63 {
                return None;
            }
            wire.push(u8::try_from(label.len()).ok()?);
            wire.extend(label.iter().map(u8::to_ascii_lowercase));
            if wire.len() >= LONGEST {
                return None;
            }
        }
        wire.push(0);
        Some(Self { wire })
    }

    /// The name `text` has, labels apart by dots, with or without one at the end.
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        match text.is_empty() {
            true => None,
            false => Self::from_labels(text.split('.')),
        }
    }

    /// The name under which the host at `address` is looked up (RFC 1035 section 3.5, RFC 3596
    /// section 2.5).
    pub fn reverse(address: std::net::IpAddr) -> Self {
        let mut labels: Vec<String> = match address {
            std::net::IpAddr::V4(v4) => v4.octets().iter().rev().map(u8::to_string).collect(),
            std::net::IpAddr::V6(v6) => v6
                .octets()
                .iter()
                .rev()
                .flat_map(|byte| [format!("{:x}", byte & 15), format!("{:x}", byte >> 4)])
                .collect(),
        };
        match address {
            std::net::IpAddr::V4(_) => labels.push("in-addr".into()),
            std::net::IpAddr::V6(_) => labels.push("ip6".into()),
        }
        labels.push("arpa".into());
        Self::from_labels(labels).unwrap_or_else(Self::root)
    }

    /// This name with `labels` before it.
    pub fn below<L: AsRef<[u8]>>(&self, labels: impl IntoIterator<Item = L>) -> Option<Self> {
        let front: Vec<Vec<u8>> = labels.into_iter().map(|l| l.as_ref().to_vec()).collect();
        Self::from_labels(front.into_iter().chain(self.labels().map(<[u8]>::to_vec)))
    }

    /// The name without its first label; the root has none.
    pub fn parent(&self) -> Option<Self> {
        let first = usize::from(*self.wire.first()?);
        match first {
            0 => None,
            _ => Some(Self {
                wire: self.wire[1 + first..].to_vec(),
            }),
        }
    }

    /// Its labels, the most specific one first.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.wire[..];
        std::iter::from_fn(move || {
            let (length, tail) = rest.split_first()?;
            let length = usize::from(*length);
            if length == 0 {
                return None;
            }
            let (label, tail) = tail.split_at(length);
            rest = tail;
            Some(label)
        })
    }

    /// Whether it is `other` or below it.
    pub fn is_within(&self, other: &Name) -> bool {
        let mut name = Some(self.clone());
        while let Some(here) = name {
            if here == *other {
                return true;
            }
            name = here.parent();
        }
        false
    }

    /// The form it has in packets, without compression.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// The host of this name, where it is a valid name of one.
    pub fn host(&self) -> Option<HostName> {
        let labels: Option<Vec<&str>> = self
            .labels()
            .map(|label| std::str::from_utf8(label).ok().filter(|l| !l.contains('.')))
            .collect();
        labels?.join(".").parse().ok()
    }

    /// Reads the name at `at` of `packet`, following compression (RFC 1035 section 4.1.4), and the
    /// place after it. A pointer may lead only to what was before the labels that it follows, so
    /// that reading ends.
    ///
    /// # Errors
    /// Where the name goes over the end, is too long, or points forward.
    pub fn read(packet: &[u8], at: usize) -> Result<(Self, usize), Malformed> {
        let (labels, end) = read_labels(packet, at)?;
        let name = Self::from_labels(labels).ok_or(Malformed("a name is too long"))?;
        Ok((name, end))
    }
}

/// The labels of the name at `at` of `packet`, as they are, and the place after it.
pub(crate) fn read_labels(packet: &[u8], at: usize) -> Result<(Vec<&[u8]>, usize), Malformed> {
    const OVER: Malformed = Malformed("a name goes over the end of the packet");
    let mut labels = Vec::new();
    let mut total = 1;
    let mut here = at;
    // Where the run of labels began that is being read: pointers lead to before it.
    let mut limit = at;
    let mut end = None;
    loop {
        let first = *packet.get(here).ok_or(OVER)?;
        match first >> 6 {
            0 if first == 0 => return Ok((labels, end.unwrap_or(here + 1))),
            0 => {
                let start = here + 1;
                let stop = start + usize::from(first);
                total += 1 + usize::from(first);
                if total > LONGEST {
                    return Err(Malformed("a name is longer than 255 bytes"));
                }
                labels.push(packet.get(start..stop).ok_or(OVER)?);
                here = stop;
            }
            3 => {
                let low = *packet.get(here + 1).ok_or(OVER)?;
                let target = usize::from(first & 0x3f) << 8 | usize::from(low);
                if target >= limit {
                    return Err(Malformed("a compressed name points forward or in a circle"));
                }
                end.get_or_insert(here + 2);
                limit = target;
                here = target;
            }
            _ => return Err(Malformed("a name has a label of unknown kind")),
        }
    }
}

impl From<&DomainName> for Name {
    fn from(name: &DomainName) -> Self {
        // Such a name has valid labels, and is short enough.
        Self::from_text(name.as_str()).unwrap_or_else(Self::root)
    }
}

impl From<&HostName> for Name {
    fn from(name: &HostName) -> Self {
        Self::from_text(name.as_str()).unwrap_or_else(Self::root)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for label in self.labels() {
            if !first {
                f.write_str(".")?;
            }
            first = false;
            for &byte in label {
                match byte {
                    b'.' | b'\\' => write!(f, "\\{}", char::from(byte))?,
                    0x21..=0x7e => write!(f, "{}", char::from(byte))?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
        }
        match first {
            true => f.write_str("."),
            false => Ok(()),
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_shown() {
        let name = Name::from_text("_LDAP._tcp.ad.test.").unwrap();
        assert_eq!(name.to_string(), "_ldap._tcp.ad.test");
        assert_eq!(name.host().unwrap().as_str(), "_ldap._tcp.ad.test");
        assert!(name.is_within(&Name::from_text("ad.test").unwrap()));
        assert!(!name.is_within(&Name::from_text("d.test").unwrap()));
        assert_eq!(Name::read(name.wire(), 0).unwrap(), (name.clone(), 20));
        assert_eq!(
            Name::reverse("10.1.2.3".parse().unwrap()).to_string(),
            "3.2.1.10.in-addr.arpa"
        );
        assert!(
            Name::reverse("fd00::1".parse().unwrap())
                .to_string()
                .starts_with("1.0.0.0.")
        );
        assert!(Name::from_text("a..b").is_none());
        assert!(Name::from_text(&"a.".repeat(128)).is_none());
        assert!(Name::from_text(&"a.".repeat(127)).is_some());
        let odd = Name::from_labels(["a.b", "c d"]).unwrap();
        assert_eq!(odd.to_string(), r"a\.b.c\032d");
        assert!(odd.host().is_none());
    }

    #[test]
    fn pointers_lead_back_only() {
        // At 0 `ad`, at 4 `dc` and a pointer to 0.
        let packet = b"\x02ad\x00\x02dc\xc0\x00";
        let (name, end) = Name::read(packet, 4).unwrap();
        assert_eq!((name.to_string().as_str(), end), ("dc.ad", 9));
        // To itself, forward, and in a circle of two.
        assert!(Name::read(b"\xc0\x00", 0).is_err());
        assert!(Name::read(b"\xc0\x02\x00", 0).is_err());
        assert!(Name::read(b"\x01a\xc0\x04\x01b\xc0\x00", 4).is_err());
        assert!(Name::read(b"\x01a\xc0\x00", 0).is_err());
        assert!(Name::read(b"\x80", 0).is_err());
        assert!(Name::read(b"\x05ab", 0).is_err());
    }
}
