//! The answer of a controller to the question who it is: NETLOGON_SAM_LOGON_RESPONSE_EX (MS-ADTS
//! 6.3.1.9).

use std::fmt;

use serde::Serialize;

use super::SiteName;
use crate::dns::Malformed;
use crate::dns::name_labels;
use crate::name::{DomainName, Guid, HostName};

/// The version of the answer that is asked for (MS-ADTS 6.3.1.1): V5, V5EX, WITH_CLOSEST_SITE and
/// AVOID_NT4EMUL.
pub const WANTED: u32 = 0x0100_0016;

/// With the address of the controller.
const WITH_IP: u32 = 0x8;
/// With the name of the site next to the client's.
const WITH_CLOSEST_SITE: u32 = 0x10;

/// What a controller does (MS-ADTS 6.3.1.2); in JSON as [words](Flags::words).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Flags(pub u32);

impl Serialize for Flags {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.words())
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Flags {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Flags".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "What a controller does, such as `writable` and `kdc`.",
            "type": "array",
            "items": { "type": "string" },
        })
    }
}

impl Flags {
    /// It has the role of the primary domain controller.
    pub const PDC: Self = Self(0x1);
    /// It has the global catalog.
    pub const GLOBAL_CATALOG: Self = Self(0x4);
    /// It serves LDAP.
    pub const LDAP: Self = Self(0x8);
    /// It has the directory of the domain.
    pub const DIRECTORY: Self = Self(0x10);
    /// It is a KDC.
    pub const KDC: Self = Self(0x20);
    /// It tells the time.
    pub const TIME: Self = Self(0x40);
    /// It is in the site nearest to the client.
    pub const CLOSEST: Self = Self(0x80);
    /// It takes changes.
    pub const WRITABLE: Self = Self(0x100);
    /// Its time is that of the domain.
    pub const GOOD_TIME: Self = Self(0x200);
    /// It is no domain controller, but a directory for applications.
    pub const APPLICATION: Self = Self(0x400);
    /// It is a read-only controller of Windows 2008 or later.
    pub const READ_ONLY: Self = Self(0x800);
    /// It is a writable controller of Windows 2008 or later.
    pub const FULL: Self = Self(0x1000);
    /// It has the web services of Active Directory.
    pub const WEB_SERVICES: Self = Self(0x2000);

    /// Whether all of `wanted` are set.
    pub fn has(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// Whether it takes changes.
    pub fn is_writable(self) -> bool {
        self.has(Self::WRITABLE) && !self.has(Self::READ_ONLY)
    }

    /// Short words for what is set.
    pub fn words(self) -> Vec<&'static str> {
        const WORDS: [(Flags, &str); 12] = [
            (Flags::PDC, "pdc"),
            (Flags::GLOBAL_CATALOG, "global-catalog"),
            (Flags::LDAP, "ldap"),
            (Flags::DIRECTORY, "directory"),
            (Flags::KDC, "kdc"),
            (Flags::TIME, "time"),
            (Flags::CLOSEST, "closest"),
            (Flags::WRITABLE, "writable"),
            (Flags::GOOD_TIME, "good-time"),
            (Flags::READ_ONLY, "read-only"),
            (Flags::FULL, "full"),
            (Flags::WEB_SERVICES, "web-services"),
        ];
        let set = WORDS.into_iter().filter(|(flag, _)| self.has(*flag));
        set.map(|(_, word)| word).collect()
    }
}

impl std::ops::BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x} ({})", self.0, self.words().join(" "))
    }
}

/// The answer of a controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Netlogon {
    /// What it does.
    pub flags: Flags,
    /// The GUID of its domain.
    pub guid: Guid,
    /// The forest of its domain.
    pub forest: DomainName,
    /// Its domain.
    pub domain: DomainName,
    /// Its name.
    pub host: HostName,
    /// The NetBIOS name of the domain.
    pub netbios_domain: String,
    /// Its NetBIOS name.
    pub netbios_name: String,
    /// Its site.
    pub site: Option<SiteName>,
    /// The site of who asks.
    pub client_site: Option<SiteName>,
    /// The site next to that one.
    pub next_closest_site: Option<SiteName>,
}

/// What a controller says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Who it is.
    Controller(Box<Netlogon>),
    /// That it takes no logons for now (LOGON_SAM_PAUSE_RESPONSE_EX).
    Paused,
}

/// LOGON_SAM_LOGON_RESPONSE_EX.
const RESPONSE_EX: u16 = 23;
/// LOGON_SAM_PAUSE_RESPONSE_EX.
const PAUSE_EX: u16 = 24;
/// LOGON_SAM_USER_UNKNOWN_EX: an answer as good as the first where no user was asked for.
const USER_UNKNOWN_EX: u16 = 25;

/// Reads the value of the attribute `Netlogon`.
///
/// # Errors
/// Where it is of another form, or a name in it is none.
pub fn decode(bytes: &[u8]) -> Result<Reply, Malformed> {
    const SHORT: Malformed = Malformed("the netlogon reply ends too early");
    let word = |at: usize| -> Result<u32, Malformed> {
        let bytes = bytes.get(at..at + 4).ok_or(SHORT)?;
        Ok(u32::from_le_bytes(bytes.try_into().map_err(|_| SHORT)?))
    };
    let operation = bytes.get(..2).ok_or(SHORT)?;
    match u16::from_le_bytes([operation[0], operation[1]]) {
        RESPONSE_EX | USER_UNKNOWN_EX => {}
        PAUSE_EX => return Ok(Reply::Paused),
        _ => return Err(Malformed("the netlogon reply is of an unknown kind")),
    }
    let flags = Flags(word(4)?);
    let guid: [u8; 16] = bytes
        .get(8..24)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(SHORT)?;
    // At the end, after what depends on it: the version, and two tokens of two bytes.
    let end = bytes.len().checked_sub(8).ok_or(SHORT)?;
    let version = word(end)?;
    let mut at = 24;
    let mut text = || -> Result<String, Malformed> {
        if at >= end {
            return Err(SHORT);
        }
        let (labels, after) = name_labels(bytes, at)?;
        at = after;
        let labels: Result<Vec<&str>, _> = labels.into_iter().map(std::str::from_utf8).collect();
        let text = labels
            .map_err(|_| Malformed("a name in the netlogon reply is not UTF-8"))?
            .join(".");
        match text.chars().any(char::is_control) {
            true => Err(Malformed(
                "a name in the netlogon reply has a control character",
            )),
            false => Ok(text),
        }
    };
    let forest = text()?;
    let domain = text()?;
    let host = text()?;
    let netbios_domain = text()?;
    let netbios_name = text()?;
    let _user = text()?;
    let site = text()?;
    let client_site = text()?;
    let mut next_closest_site = None;
    if version & WITH_IP != 0 {
        let size = usize::from(*bytes.get(at).ok_or(SHORT)?);
        at += 1 + size;
    }
    if version & WITH_CLOSEST_SITE != 0 && at < end {
        let (labels, _) = name_labels(bytes, at)?;
        let labels: Vec<_> = labels.into_iter().map(String::from_utf8_lossy).collect();
        next_closest_site = labels.join(".").parse().ok();
    }
    Ok(Reply::Controller(Box::new(Netlogon {
        flags,
        guid: Guid::from_bytes(guid),
        forest: forest
            .parse()
            .map_err(|_| Malformed("the name of the forest is none"))?,
        domain: domain
            .parse()
            .map_err(|_| Malformed("the name of the domain is none"))?,
        host: host
            .parse()
            .map_err(|_| Malformed("the name of the controller is none"))?,
        netbios_domain: netbios(netbios_domain)?,
        netbios_name: netbios(netbios_name)?,
        site: site.parse().ok(),
        client_site: client_site.parse().ok(),
        next_closest_site,
    })))
}

/// A NetBIOS name: 1 to 15 bytes, of which some would do harm in a file of Samba's.
fn netbios(text: String) -> Result<String, Malformed> {
    let valid = !text.is_empty()
        && text.len() <= 15
        && !text.contains([
            '\\', '/', ':', '*', '?', '"', '<', '>', '|', '%', '=', ';', '#',
        ]);
    match valid {
        true => Ok(text),
        false => Err(Malformed("a NetBIOS name in the netlogon reply is none")),
    }
}
