//! Limits looked at closely, limits of users and groups, and history, by the program.

// Each test file uses a part of this.
#![allow(dead_code)]

pub(crate) mod check;
pub(crate) mod memory;
pub(crate) mod owners;

use std::fs;

use crate::lab::Lab;
use crate::lab::cli::{add_users, gateway};

/// What an administrator has in smb.conf.
const SMB_CONF: &str = "\
[global]
\tworkgroup = LAB
\tload printers = no
\tdisable spoolss = yes
";

/// Makes accounts, and Samba's configuration.
fn begin(users: &[&str]) {
    fs::write("/etc/samba/smb.conf", SMB_CONF).unwrap();
    add_users(users);
}

/// Makes a share for `users`.
fn create(lab: &Lab, name: &str, quota: &str, users: &[&str]) {
    let path = lab.path(name);
    let mut line = format!("create {name} --path {} --quota {quota}", path.display());
    for user in users {
        line.push_str(&format!(" --user {user}"));
    }
    gateway(&line).ended(0);
}
