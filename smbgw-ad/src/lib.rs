//! Active Directory for SMB gateways: find the domain, join it, stay joined, explain what is wrong.
//!
//! Everything a member of a domain has to say to it is said by this crate itself, by DNS, CLDAP,
//! Kerberos and LDAP: no `net ads join`, no `adcli`, no Kerberos library. So one process can join
//! a host, a container or a guest, and take it back when something fails.
//!
//! ```
//! use smbgw_ad::name::{ComputerName, DomainName, Realm};
//!
//! let domain: DomainName = "AD.Example".parse()?;
//! assert_eq!(domain.as_str(), "ad.example");
//! assert_eq!(Realm::from(&domain).as_str(), "AD.EXAMPLE");
//!
//! let gateway: ComputerName = "gw1".parse()?;
//! assert_eq!(gateway.account(), "GW1$");
//! # Ok::<(), smbgw_ad::name::NameError>(())
//! ```
//!
//! Nothing here starts a thread that outlives a call, keeps a connection, or changes anything of the
//! process. Each operation has a [`Deadline`](smbgw_core::deadline::Deadline).

pub mod audit;
pub mod clock;
pub mod code;
pub mod diagnose;
pub mod discover;
pub mod dns;
mod field;
pub mod gateway;
pub mod gss;
pub mod join;
pub mod join_error;
pub mod joined;
pub mod keytab;
pub mod krb;
pub mod krb5conf;
pub mod ldap;
pub mod leave;
pub mod membership;
pub mod name;
pub mod nsswitch;
pub mod outcome;
pub mod password;
pub mod plan;
pub mod reason;
pub mod recover;
pub mod rotate;
pub mod samba;
pub mod session;
pub mod session_error;
pub mod spn;
pub mod status;
pub mod steps;
pub mod winbind;
