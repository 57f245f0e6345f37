//! What this machine remembers of the domain it has joined: one file, `/etc/smbgw/domain.json`.
//!
//! It names the account by its GUID, so that it is found wherever it was moved to. It holds no secret.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host::Host;
use smbgw_core::state_error::{StateError, StateKind};
use smbgw_core::state_file::StateFile;

use crate::discover::{Discovery, Domain, SiteName};
use crate::join_error::JoinError;
use crate::name::{ComputerName, Guid, HostName, Sid, Spn};
use crate::session::Account;
use crate::{krb5conf, nsswitch};

/// Where it is kept.
pub const FILE: &str = "/etc/smbgw/domain.json";

/// A domain that was joined, and as what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The form of this record.
    version: u32,
    /// The domain.
    pub domain: Domain,
    /// Its SID.
    pub domain_sid: Sid,
    /// The name of the computer.
    pub computer: ComputerName,
    /// Its full DNS name.
    pub host_name: HostName,
    /// The GUID of its account.
    pub account: Guid,
    /// The SID of its account.
    pub account_sid: Sid,
    /// Whether joining has made the account.
    pub account_made: bool,
    /// Names of services that joining has given to the account.
    pub services: Vec<Spn>,
    /// The controller to use instead of looking for one.
    pub server: Option<String>,
    /// The site that this machine was in the last time.
    pub site: Option<SiteName>,
    /// Addresses that were registered in the DNS.
    pub registered: Vec<IpAddr>,
    /// The keytab with its keys.
    pub keytab: PathBuf,
    /// What joining wrote into Kerberos' configuration.
    pub kerberos: Option<krb5conf::Plan>,
    /// What joining added to `nsswitch.conf`.
    pub names: Option<nsswitch::Undo>,
    /// When it was joined, in seconds since 1970-01-01 00:00 UTC.
    pub joined_at: i64,
}

/// What is known of a membership before its account is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The name of the computer.
    pub computer: ComputerName,
    /// Its full DNS name.
    pub host_name: HostName,
    /// Whether the account is made, and not taken over.
    pub account_made: bool,
    /// Its services.
    pub services: Vec<Spn>,
    /// The controller to use instead of looking for one.
    pub server: Option<String>,
    /// The keytab with its keys.
    pub keytab: PathBuf,
    /// What is written into Kerberos' configuration.
    pub kerberos: Option<krb5conf::Plan>,
    /// What is added to `nsswitch.conf`.
    pub names: Option<nsswitch::Undo>,
    /// Addresses that are registered in the DNS.
    pub registered: Vec<IpAddr>,
}

impl Draft {
    /// The membership, now that there is an `account`.
    ///
    /// # Errors
    /// Where the account's SID is none of a domain.
    pub fn membership(
        &self,
        discovery: &Discovery,
        account: &Account,
        now: i64,
    ) -> Result<Membership, JoinError> {
        let domain_sid = account.sid.domain();
        Ok(Membership {
            version: Membership::VERSION,
            domain: discovery.domain.clone(),
            domain_sid: domain_sid.ok_or_else(|| JoinError::AccountUnreadable {
                computer: self.computer.clone(),
                attribute: "objectSid",
            })?,
            computer: self.computer.clone(),
            host_name: self.host_name.clone(),
            account: account.guid,
            account_sid: account.sid.clone(),
            account_made: self.account_made,
            services: self.services.clone(),
            server: self.server.clone(),
            site: discovery.client_site.clone(),
            keytab: self.keytab.clone(),
            kerberos: self.kerberos.clone(),
            names: self.names.clone(),
            registered: self.registered.clone(),
            joined_at: now,
        })
    }
}

impl Membership {
    /// The version of the record's form that this program writes.
    pub const VERSION: u32 = 1;

    /// What is remembered, or `None` where this program has joined no domain.
    ///
    /// # Errors
    /// Where the record cannot be read or is not one.
    pub fn load(host: &dyn Host) -> Result<Option<Self>, StateError> {
        STATE.load(host)
    }

    /// Writes it down.
    ///
    /// # Errors
    /// Where it cannot be written; the former record is still there then.
    pub fn store(&self, host: &dyn Host) -> Result<Change, StateError> {
        STATE.store(host, self)
    }

    /// Forgets it.
    ///
    /// # Errors
    /// Where the record cannot be removed.
    pub fn remove(host: &dyn Host) -> Result<Change, StateError> {
        STATE.remove(host)
    }
}

const STATE: StateFile = StateFile {
    kind: StateKind::Domain,
    path: FILE,
    version: Membership::VERSION,
};
