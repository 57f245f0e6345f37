//! What a server tells everybody about itself.

use jiff::Timestamp;
use smbgw_core::deadline::Deadline;

use crate::name::HostName;

use super::{Connection, Dn, Entry, LdapError, Target};

/// The root of a server (rootDSE, MS-ADTS 3.1.1.3.2), which can be read without logging in.
#[derive(Clone, Debug)]
pub struct RootDse {
    /// The root of its domain (`defaultNamingContext`).
    pub domain: Dn,
    /// The root of the forest's first domain (`rootDomainNamingContext`).
    pub forest: Dn,
    /// Where the forest is described (`configurationNamingContext`).
    pub configuration: Dn,
    /// All that it has (`namingContexts`).
    pub partitions: Vec<Dn>,
    /// Its name (`dnsHostName`).
    pub host: Option<HostName>,
    /// Its time, which has whole seconds.
    pub time: Option<Timestamp>,
    /// Functional level of the domain, such as 7 for Windows Server 2016.
    pub domain_level: Option<i64>,
    /// Functional level of the forest.
    pub forest_level: Option<i64>,
    /// What the server is capable of itself.
    pub server_level: Option<i64>,
    /// The ways of SASL that it offers, such as `GSSAPI`.
    pub mechanisms: Vec<String>,
    /// Whether it has a global catalog that is complete.
    pub global_catalog: bool,
    /// Whether it has caught up with its partners since it started.
    pub synchronized: bool,
}

impl RootDse {
    /// Reads it; `None` where the server is not one of Active Directory.
    ///
    /// # Errors
    /// Where the server does not answer in time or refuses.
    pub fn read(
        connection: &mut Connection,
        deadline: Deadline,
    ) -> Result<Option<Self>, LdapError> {
        let entry = connection.read(Target::Root, ATTRIBUTES, deadline)?;
        Ok(entry.as_ref().and_then(Self::of))
    }

    fn of(entry: &Entry) -> Option<Self> {
        let dn = |attribute| -> Option<Dn> { entry.text(attribute)?.parse().ok() };
        let truth = |attribute| entry.has(attribute, "TRUE");
        Some(Self {
            domain: dn("defaultNamingContext")?,
            forest: dn("rootDomainNamingContext")?,
            configuration: dn("configurationNamingContext")?,
            partitions: entry
                .texts("namingContexts")
                .filter_map(|text| text.parse().ok())
                .collect(),
            host: entry.text("dnsHostName").and_then(|text| text.parse().ok()),
            time: entry.text("currentTime").and_then(time),
            domain_level: entry.number("domainFunctionality"),
            forest_level: entry.number("forestFunctionality"),
            server_level: entry.number("domainControllerFunctionality"),
            mechanisms: entry
                .texts("supportedSASLMechanisms")
                .map(str::to_string)
                .collect(),
            global_catalog: truth("isGlobalCatalogReady"),
            synchronized: truth("isSynchronized"),
        })
    }
}

/// Reads a time such as `20261123090807.0Z` (generalized time, RFC 4517 section 3.3.13).
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let digits = text.get(..14)?;
    let rest = &text[14..];
    let fraction = rest.strip_suffix('Z')?;
    if !fraction
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
        || !digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let part = |from: usize, to: usize| &digits[from..to];
    format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    )
    .parse()
    .ok()
}

const ATTRIBUTES: &[&str] = &[
    "configurationNamingContext",
    "currentTime",
    "defaultNamingContext",
    "dnsHostName",
    "domainControllerFunctionality",
    "domainFunctionality",
    "forestFunctionality",
    "isGlobalCatalogReady",
    "isSynchronized",
    "namingContexts",
    "rootDomainNamingContext",
    "supportedSASLMechanisms",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let read = time("20261123090807.0Z").unwrap();
        assert_eq!(read.to_string(), "2026-11-23T09:08:07Z");
        assert_eq!(time("20261123090807Z"), Some(read));
        for wrong in [
            "",
            "20261123090807",
            "20261323090807.0Z",
            "2026112309080ü.0Z",
            "x0261123090807Z",
        ] {
            assert!(time(wrong).is_none(), "{wrong}");
        }
    }
}
