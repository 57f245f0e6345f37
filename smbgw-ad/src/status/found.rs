//! What is found out about a membership.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::discover::SiteName;
use crate::krb::keytab::Keytab;
use crate::name::{ComputerName, DomainName, Guid, HostName, Principal, Realm, Sid, Spn};
use crate::reason::Reason;

/// How a machine stands with its domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Status {
    /// All of it in one word.
    pub state: State,
    /// The member that the machine is; none where it is in no domain.
    pub member: Option<MemberStatus>,
    /// Everything that is not as it should be, the gravest first.
    pub findings: Vec<Reason>,
}

impl Status {
    /// That of a machine that is in no domain.
    pub(super) fn not_joined() -> Self {
        Self {
            state: State::NotJoined,
            member: None,
            findings: Vec::new(),
        }
    }
}

/// How a machine stands with its domain, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is in no domain.
    NotJoined,
    /// All is as it should be.
    Good,
    /// Something is not as it should be.
    Deviating,
    /// No domain controller can be reached: local accounts work, and cached logons of the domain's.
    NoController,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotJoined => "not joined",
            Self::Good => "good",
            Self::Deviating => "not as it should be",
            Self::NoController => "degraded: no domain controller",
        })
    }
}

/// A member of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemberStatus {
    /// The domain.
    pub domain: DomainName,
    /// Its Kerberos realm.
    pub realm: Realm,
    /// Its NetBIOS name.
    pub netbios: String,
    /// The name of the computer.
    pub computer: ComputerName,
    /// Who has joined it.
    pub joined_by: JoinedBy,
    /// When that was, in seconds since 1970-01-01 00:00 UTC; known of our own joins.
    pub joined_at: Option<i64>,
    /// Its keys.
    pub keytab: KeytabStatus,
    /// Its password.
    pub password: PasswordStatus,
    /// Whether Samba was told of the membership.
    pub samba_knows: bool,
    /// How winbindd stands with the domain.
    pub channel: Channel,
    /// Which ids the users of which domain get.
    pub ids: Vec<IdmapRange>,
    /// Whether the system itself knows the domain's users (nsswitch.conf names winbind).
    pub users_known: bool,
    /// What the domain says; none where no domain controller answers.
    pub directory: Option<DirectoryStatus>,
}

/// Who has joined a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum JoinedBy {
    /// This program.
    Smbgw,
    /// Another one, such as `net ads join` or `adcli`.
    Other,
}

/// The keys of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeytabStatus {
    /// The file.
    pub path: PathBuf,
    /// The newest version of the account's keys in it; none where it has none.
    pub kvno: Option<u32>,
    /// The encryption types of these, the best first.
    pub encryption_types: Vec<String>,
}

impl KeytabStatus {
    /// What `keytab`, the file `path`, has of `account`.
    pub(super) fn of(path: &Path, keytab: &Keytab, account: &Principal) -> Self {
        let kvno = keytab.newest(account);
        let keys = kvno.map_or_else(Vec::new, |kvno| keytab.keys(account, kvno));
        Self {
            path: path.into(),
            kvno,
            encryption_types: keys.iter().map(|key| key.etype().to_string()).collect(),
        }
    }
}

/// The password of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PasswordStatus {
    /// When it was changed, as Samba says, in seconds since 1970-01-01 00:00 UTC.
    pub changed_at: Option<i64>,
    /// How old it is in seconds: as the directory says, or where that is not known, as Samba does.
    pub age_seconds: Option<i64>,
    /// Who changes it.
    pub rotated_by: RotatedBy,
}

impl PasswordStatus {
    /// How old it is in whole days.
    pub fn age_days(&self) -> Option<i64> {
        self.age_seconds.map(|seconds| seconds / 86_400)
    }
}

/// Who changes the password of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum RotatedBy {
    /// This program, when it is told to.
    Smbgw,
    /// winbindd.
    Winbind {
        /// Each so many seconds.
        every_seconds: u64,
    },
    /// Whoever has joined it, who told Samba nothing: sssd, or nobody.
    Others,
}

/// How winbindd stands with the domain: its secure channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Channel {
    /// It works.
    Good {
        /// The domain controller that winbindd uses.
        controller: Option<String>,
    },
    /// It does not work.
    Broken {
        /// The status that Samba gives, such as `NT_STATUS_ACCESS_DENIED`.
        why: String,
    },
    /// winbindd does not run.
    WinbindDown,
    /// It could not be found out.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// Ids that users of a domain get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IdmapRange {
    /// The NetBIOS name of the domain, or `*` for all without one of their own.
    pub domain: String,
    /// How ids are made, such as `rid`.
    pub backend: String,
    /// The first id.
    pub first: u32,
    /// The last id.
    pub last: u32,
}

/// What the domain says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DirectoryStatus {
    /// The domain controller that was asked.
    pub controller: HostName,
    /// Its address.
    pub address: IpAddr,
    /// The site that it is in.
    pub controller_site: Option<SiteName>,
    /// The site that this machine is in.
    pub site: Option<SiteName>,
    /// How many milliseconds its clock is ahead of this machine's; negative where it is behind.
    pub skew_milliseconds: Option<i64>,
    /// The account of this machine; none where it cannot be read.
    pub account: Option<AccountStatus>,
}

/// The account of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountStatus {
    /// Where it is: its distinguished name.
    pub dn: String,
    /// Its GUID.
    pub guid: Guid,
    /// Its SID.
    pub sid: Sid,
    /// Whether it can log in.
    pub enabled: bool,
    /// The name of the computer in the DNS, as the account has it.
    pub host_name: Option<String>,
    /// The version of its keys.
    pub kvno: Option<u32>,
    /// The encryption types that it takes; empty where the domain decides.
    pub encryption_types: Vec<String>,
    /// When its password was set, in seconds since 1970-01-01 00:00 UTC.
    pub password_set_at: Option<i64>,
    /// Its services.
    pub services: Vec<Spn>,
    /// Services that it should have and lacks.
    pub missing_services: Vec<Spn>,
    /// Services that other accounts have as well: Kerberos would use either key.
    pub shared_services: Vec<SharedService>,
}

/// An account that has names of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SharedService {
    /// Where it is: its distinguished name.
    pub dn: String,
    /// The names.
    pub names: Vec<String>,
}
