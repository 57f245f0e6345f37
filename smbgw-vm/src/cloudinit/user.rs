//! Users of the guest.

use serde::Serialize;

use super::GuestPath;
use super::error::text_type;

text_type! {
    /// The name of a user or group of the guest, such that `useradd` of Debian takes it (adduser(8)).
    LoginName, "a name for a user: up to 32 small letters, digits, `_` and `-`, the first a letter or `_`", |text| {
        (1..=32).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
    }
}

text_type! {
    /// A public key of somebody who may log in by ssh: one line of the form of `id_ed25519.pub` (sshd(8),
    /// AUTHORIZED_KEYS FILE FORMAT, without options).
    PublicKey, "a line of a public ssh key: its kind, the key, and maybe a comment", is_public_key
}

/// A user of the guest. None has a password: they log in with keys, or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// The name.
    pub name: LoginName,
    /// The number, where it matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The shell: that of no login where none is given.
    pub shell: GuestPath,
    /// The home directory where it is not the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homedir: Option<GuestPath>,
    /// Whether it has no home directory.
    #[serde(skip_serializing_if = "is_false")]
    pub no_create_home: bool,
    /// Whether it is a user of the system, with a small number.
    #[serde(skip_serializing_if = "is_false")]
    pub system: bool,
    /// Further groups that it is in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<LoginName>,
    /// Who may log in as this user.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssh_authorized_keys: Vec<PublicKey>,
    lock_passwd: bool,
}

impl User {
    /// A user who cannot log in and has no home directory: one for files and Samba.
    pub fn of_files(name: LoginName) -> Self {
        Self {
            no_create_home: true,
            ..Self::with_shell(name, "/usr/sbin/nologin")
        }
    }

    /// A user who logs in by ssh with one of these keys.
    pub fn with_keys(name: LoginName, keys: Vec<PublicKey>) -> Self {
        Self {
            ssh_authorized_keys: keys,
            ..Self::with_shell(name, "/bin/bash")
        }
    }

    /// The administrator, who logs in with one of these keys, or not at all where there are none.
    pub fn root(keys: Vec<PublicKey>) -> Self {
        Self::with_keys(LoginName(ROOT.into()), keys)
    }

    pub(super) fn is_root(&self) -> bool {
        self.name.as_str() == ROOT
    }

    fn with_shell(name: LoginName, shell: &str) -> Self {
        Self {
            name,
            uid: None,
            shell: shell.parse().expect("it is a plain path"),
            homedir: None,
            no_create_home: false,
            system: false,
            groups: Vec::new(),
            ssh_authorized_keys: Vec::new(),
            lock_passwd: true,
        }
    }
}

const ROOT: &str = "root";

/// The kinds of keys that OpenSSH takes (sshd(8)).
const KEY_KINDS: &[&str] = &[
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

fn is_public_key(text: &str) -> bool {
    let mut parts = text.splitn(3, ' ');
    let kind = parts.next().unwrap_or_default();
    let key = parts.next().unwrap_or_default();
    let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    KEY_KINDS.contains(&kind)
        // The key begins with the length and the text of its kind (RFC 4253, section 6.6).
        && key.starts_with("AAAA")
        && key.bytes().all(is_key)
        && !text.contains(char::is_control)
        && text.len() <= 16 << 10
}

fn is_false(value: &bool) -> bool {
    !value
}
