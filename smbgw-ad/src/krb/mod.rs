//! Kerberos 5 as a client of Active Directory speaks it (RFC 4120, MS-KILE).

pub mod crypto;
pub mod keytab;
