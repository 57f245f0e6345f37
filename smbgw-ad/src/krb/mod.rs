//! Kerberos 5 as a client of Active Directory speaks it (RFC 4120, MS-KILE).

pub mod ap;
pub mod crypto;
pub mod der;
pub mod keytab;
pub mod message;
pub mod ticket;
