//! Kerberos 5 as a client of Active Directory speaks it (RFC 4120, MS-KILE).

pub mod ap;
pub mod ccache;
pub mod crypto;
pub mod der;
pub mod error;
pub mod kdc;
pub mod keytab;
pub mod kpasswd;
pub mod login;
pub mod message;
pub mod service;
pub mod ticket;
pub mod transport;
