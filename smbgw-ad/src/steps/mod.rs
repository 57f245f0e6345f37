//! The steps that joining and leaving are made of, one kind of thing a file.

pub mod access;
pub mod account;
pub mod addresses;
pub mod blob;
pub mod kerberos;
pub mod keytab;
pub mod names;
pub mod proof;
pub mod record;
pub mod secret;
pub mod services;
pub mod settings;
pub mod spn;
