//! Files of the guest.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::{GuestPath, LoginName};

/// A file of the guest, written when it boots for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteFile {
    path: GuestPath,
    content: Content,
    mode: u32,
    owner: Option<(LoginName, LoginName)>,
    append: bool,
}

/// What is in a file. Nothing here is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content(Vec<u8>);

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl WriteFile {
    /// A file of root's that everybody may read.
    pub fn new(path: GuestPath, content: impl Into<Content>) -> Self {
        Self {
            path,
            content: content.into(),
            mode: 0o644,
            owner: None,
            append: false,
        }
    }

    /// The same with these permissions.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode & 0o7777;
        self
    }

    /// The same, of this user and group. It is written after the users have been made.
    #[must_use]
    pub fn owner(mut self, user: LoginName, group: LoginName) -> Self {
        self.owner = Some((user, group));
        self
    }

    /// The same, added to the end of a file that is there.
    #[must_use]
    pub fn append(mut self) -> Self {
        self.append = true;
        self
    }

    /// Where it is.
    pub fn path(&self) -> &GuestPath {
        &self.path
    }
}

impl Serialize for WriteFile {
    /// As an entry of `write_files`. cloud-init makes users after it writes files, so one of an owner of
    /// its own is deferred. Bytes that are no text, and NUL, which YAML does not have, go as base64.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_struct("WriteFile", 7)?;
        entry.serialize_field("path", &self.path)?;
        match std::str::from_utf8(&self.content.0) {
            Ok(text) if !text.contains('\0') => entry.serialize_field("content", text)?,
            _ => {
                entry.serialize_field("encoding", "b64")?;
                entry.serialize_field("content", &STANDARD.encode(&self.content.0))?;
            }
        }
        entry.serialize_field("permissions", &format!("{:04o}", self.mode))?;
        if let Some((user, group)) = &self.owner {
            entry.serialize_field("owner", &format!("{user}:{group}"))?;
            entry.serialize_field("defer", &true)?;
        }
        if self.append {
            entry.serialize_field("append", &true)?;
        }
        entry.end()
    }
}
