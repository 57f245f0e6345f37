//! What a check found out.

use std::fmt;

use serde::Serialize;

use crate::name::DomainName;
use crate::reason::Reason;

/// Everything that was found out about a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Diagnosis {
    /// The domain.
    pub domain: DomainName,
    /// The domain controller that most checks were made with, by its name or, where that is not known, its
    /// address; none where none was found.
    pub controller: Option<String>,
    /// The checks, in the order in which they were made.
    pub checks: Vec<Check>,
}

impl Diagnosis {
    /// The worst of all verdicts.
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.checks.iter().map(|check| check.verdict);
        verdicts.max().unwrap_or(Verdict::Skipped)
    }

    /// The checks called `name`.
    pub fn of(&self, name: CheckName) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(move |check| check.name == name)
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// What was checked.
    pub name: CheckName,
    /// Of what, where there are several: a server, a port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// How it ended.
    #[serde(rename = "result")]
    pub verdict: Verdict,
    /// How long it took.
    pub milliseconds: u64,
    /// What was found, or why it was skipped, as a lower-case sentence.
    pub message: String,
    /// The check that has to succeed before this one can be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<CheckName>,
    /// What is wrong, with its usual cause and what to do about it.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// Its stable code, such as `ad.clock-skew`.
    pub code: String,
    /// What usually is behind it, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to do about it, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Problem {
    /// The message of `reason`, and the rest of it.
    pub(super) fn of(reason: Reason) -> (String, Self) {
        let problem = Self {
            code: reason.code,
            cause: reason.cause,
            remedy: reason.remedy,
        };
        (reason.message, problem)
    }
}

/// How a check ended, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was not made: another one failed that it needs, or nobody is logged in.
    Skipped,
    /// All is as it should be.
    Ok,
    /// It works, but something is not as it should be.
    Warn,
    /// It does not work.
    Fail,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}

/// Makes [`CheckName`] of a table.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $text:literal, $about:literal;)*) => {
        /// What is checked.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[non_exhaustive]
        pub enum CheckName {
            $(
                $(#[$doc])*
                #[serde(rename = $text)]
                $name,
            )*
        }

        impl CheckName {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name, such as `dns-servers`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// What it is about, in a few words.
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$name => $about,)*
                }
            }
        }
    };
}

names! {
    /// Name servers answer.
    DnsServer: "dns-server", "name server answers";
    /// The DNS has the service records of the domain.
    ServiceRecords: "service-records", "SRV records in the DNS";
    /// Domain controllers have addresses.
    Addresses: "addresses", "addresses of domain controllers";
    /// Addresses of domain controllers have names.
    Reverse: "reverse", "reverse records in the DNS";
    /// A domain controller says who it is.
    Netlogon: "netlogon", "netlogon ping";
    /// The site that this machine is in.
    Site: "site", "site of this machine";
    /// A port that members need.
    Port: "port", "port is open";
    /// What the server tells everybody.
    RootDse: "root-dse", "LDAP without a login";
    /// How far the clocks are apart.
    Clock: "clock", "clock";
    /// The functional level of domain and forest.
    FunctionalLevel: "functional-level", "functional level";
    /// LDAP with StartTLS.
    StartTls: "ldap-start-tls", "LDAP with StartTLS";
    /// LDAP over TLS.
    Ldaps: "ldaps", "LDAP over TLS";
    /// The KDC answers.
    Kerberos: "kerberos", "Kerberos answers";
    /// The encryption types that the KDC offers for the user.
    EncryptionTypes: "encryption-types", "encryption types";
    /// The user can log in.
    Login: "login", "login by Kerberos";
    /// The user gets a ticket for a service.
    ServiceTicket: "service-ticket", "ticket for a service";
    /// LDAP protected by Kerberos.
    LdapSealed: "ldap-sealed", "LDAP sealed by Kerberos";
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
