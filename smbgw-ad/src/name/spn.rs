//! Names of services.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{NameError, as_text};

/// The name of a service (`servicePrincipalName`), such as `cifs/gw1.ad.example`.
///
/// Two that differ in case only are the same service to a domain (MS-ADTS 3.1.1.3.1.2.4), and are
/// equal here; each keeps its own case.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String")
)]
#[serde(try_from = "String", into = "String")]
pub struct Spn(String);

impl Spn {
    /// The service called `class`, such as `cifs`, of `host`.
    ///
    /// # Errors
    /// Where one of them cannot be part of such a name.
    pub fn new(class: &str, host: &str) -> Result<Self, NameError> {
        format!("{class}/{host}").parse()
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind of service, such as `cifs`.
    pub fn class(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The name that a domain takes this service for where no account has it itself: that of the
    /// whole host, for services that each host is thought to have (`sPNMappings`, MS-ADTS 6.1.1.2.4.1.2).
    ///
    /// ```
    /// use smbgw_ad::name::Spn;
    ///
    /// let cifs: Spn = "cifs/gw1.ad.example".parse()?;
    /// assert_eq!(cifs.stands_for(), Some("HOST/gw1.ad.example".parse()?));
    /// let sql: Spn = "MSSQLSvc/gw1.ad.example".parse()?;
    /// assert_eq!(sql.stands_for(), None);
    /// # Ok::<(), smbgw_ad::name::NameError>(())
    /// ```
    pub fn stands_for(&self) -> Option<Self> {
        let (class, rest) = self.0.split_once('/')?;
        let is_mapped = MAPPED_TO_HOST
            .iter()
            .any(|mapped| mapped.eq_ignore_ascii_case(class));
        is_mapped.then(|| Self(format!("HOST/{rest}")))
    }

    /// The host, without a port.
    pub fn host(&self) -> &str {
        let instance = self.0.split('/').nth(1).unwrap_or_default();
        instance.split(':').next().unwrap_or_default()
    }

    /// What equal ones have in common.
    fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// The classes of services that `HOST` stands for in every domain.
#[rustfmt::skip]
const MAPPED_TO_HOST: [&str; 53] = [
    "alerter", "appmgmt", "browser", "cifs", "cisvc", "clipsrv", "dcom", "dhcp", "dmserver", "dns",
    "dnscache", "eventlog", "eventsystem", "fax", "http", "ias", "iisadmin", "mcsvc", "messenger",
    "msdtc", "msiserver", "netdde", "netddedsm", "netlogon", "netman", "nmagent", "oakley", "plugplay",
    "policyagent", "protectedstorage", "rasman", "remoteaccess", "replicator", "rpc", "rpclocator",
    "rpcss", "rsvp", "samss", "scardsvr", "scesrv", "schedule", "scm", "seclogon", "snmp", "spooler",
    "tapisrv", "time", "trksvr", "trkwks", "ups", "w3svc", "wins", "www",
];

impl FromStr for Spn {
    type Err = NameError;

    /// Reads `class/host[:port][/name]` (MS-KILE 3.1.5.11, MS-ADTS 2.2.21).
    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = |reason| Err(NameError::new(text, "a name of a service", reason));
        if text.len() > 260 {
            return wrong("it has more than 260 characters");
        }
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'@' | b'\\' | b'"' | b'*'))
        {
            return wrong("it may have printable ASCII characters only, and none of `@ \\ \" *`");
        }
        let parts: Vec<&str> = text.split('/').collect();
        if !(2..=3).contains(&parts.len()) || parts.iter().any(|part| part.is_empty()) {
            return wrong("its form is `class/host`, such as `cifs/gw1.ad.example`");
        }
        if let Some((host, port)) = parts[1].split_once(':')
            && (host.is_empty() || port.is_empty())
        {
            return wrong("a host or a port is missing beside the `:`");
        }
        Ok(Self(text.to_string()))
    }
}

impl PartialEq for Spn {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Spn {}

impl PartialOrd for Spn {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Spn {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl std::hash::Hash for Spn {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

as_text!(Spn);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read() {
        let spn: Spn = "MSSQLSvc/db.ad.example:1433/inst".parse().unwrap();
        assert_eq!((spn.class(), spn.host()), ("MSSQLSvc", "db.ad.example"));
        assert_eq!(Spn::new("CIFS", "GW").unwrap(), "cifs/gw".parse().unwrap());
        for wrong in [
            "", "cifs", "cifs/", "/gw", "a/b/c/d", "a/b@C", "a/ b", "a/:1", "a/b:",
        ] {
            assert!(wrong.parse::<Spn>().is_err(), "{wrong}");
        }
    }
}
