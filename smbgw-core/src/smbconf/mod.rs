//! Reading `smb.conf` the way Samba reads it, and putting one `include` line into it.
//!
//! - [`lex`] splits any bytes into logical lines without losing one.
//! - [`mod@include`] adds our `include` line to an administrator's file and takes it out again.
//! - [`globals`] and [`shares`] say what a file sets, following static includes through [`walk`].
//! - [`effective`] reads what `testparm` printed.
//! - [`render`] writes sections that Samba reads back unchanged.
//! - [`names`] folds the spellings and synonyms of parameter names.
//!
//! Everything here is a pure function on bytes: `smb.conf` is not always UTF-8, and nothing here
//! opens a file. The behaviour is that of Samba's `tini` parser (`lib/util/tini.c`) and of
//! `smb.conf`(5), checked against `testparm` of Samba 4.17 in `tests/host_smbconf.rs`.

pub mod effective;
pub mod globals;
pub mod include;
pub mod lex;
pub mod names;
pub mod render;
pub mod shares;
pub mod walk;
