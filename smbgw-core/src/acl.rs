//! POSIX access control lists, read and written as the extended attributes the kernel keeps them in.
//!
//! The attributes `system.posix_acl_access` and `system.posix_acl_default` hold a little-endian
//! `u32` version (2) and then one entry after the other: `u16` tag, `u16` permissions, `u32` id
//! (`include/uapi/linux/posix_acl_xattr.h`). The rules of a valid list, and what the mask does, are
//! those of acl(5).

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::error::{Coded, ErrorKind};
use crate::host::{FileError, Host};

/// The attribute that holds the list which decides on access.
pub const ACCESS_ATTRIBUTE: &str = "system.posix_acl_access";

/// The attribute of a directory that holds the list which new files in it get.
pub const DEFAULT_ATTRIBUTE: &str = "system.posix_acl_default";

/// What somebody may do: a sum of read, write and execute, as in one digit of a file mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Permissions(u8);

impl Permissions {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// To read files and list directories.
    pub const READ: Self = Self(0o4);
    /// To read, and to enter directories.
    pub const READ_EXECUTE: Self = Self(0o5);
    /// Everything.
    pub const ALL: Self = Self(0o7);

    /// The permissions in the lowest three bits of `bits`.
    pub const fn from_bits(bits: u32) -> Self {
        Self((bits & 0o7) as u8)
    }

    /// The permissions as three bits.
    pub const fn bits(self) -> u32 {
        self.0 as u32
    }

    /// What either of the two allows.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Permissions {
    /// The form of getfacl(1): `rwx`, `r-x`, `---`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |bit: u8, letter: char| if self.0 & bit == 0 { '-' } else { letter };
        write!(
            f,
            "{}{}{}",
            letter(0o4, 'r'),
            letter(0o2, 'w'),
            letter(0o1, 'x')
        )
    }
}

/// Whom an entry is about.
///
/// The order is the one the kernel demands of the entries of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The owner of the file.
    Owner,
    /// The user with this id.
    User(u32),
    /// The group of the file.
    OwningGroup,
    /// The group with this id.
    Group(u32),
    /// The most that the group of the file and all users and groups named by id can have.
    Mask,
    /// Everybody else.
    Others,
}

/// A valid access control list: one entry for each subject, with owner, owning group and others
/// always among them, and a mask wherever a user or group is named.
///
/// ```
/// use smbgw_core::acl::{Acl, Permissions};
///
/// let mut acl = Acl::minimal(0o750);
/// acl.grant_user(1000, Permissions::ALL);
/// assert_eq!(acl.to_string(), "user::rwx,user:1000:rwx,group::r-x,mask::rwx,other::---");
/// assert_eq!(Acl::from_xattr(&acl.to_xattr()).unwrap(), acl);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// Sorted by subject.
    entries: Vec<(Subject, Permissions)>,
}

impl Acl {
    /// The list that says no more than the permission bits `mode`.
    pub fn minimal(mode: u32) -> Self {
        Self {
            entries: vec![
                (Subject::Owner, Permissions::from_bits(mode >> 6)),
                (Subject::OwningGroup, Permissions::from_bits(mode >> 3)),
                (Subject::Others, Permissions::from_bits(mode)),
            ],
        }
    }

    /// Decodes the value of an attribute.
    ///
    /// # Errors
    /// Where the bytes are no valid list.
    pub fn from_xattr(value: &[u8]) -> Result<Self, DecodeError> {
        let (version, rest) = value.split_first_chunk().ok_or(DecodeError::Length {
            length: value.len(),
        })?;
        let version = u32::from_le_bytes(*version);
        if version != VERSION {
            return Err(DecodeError::Version { version });
        }
        let (chunks, tail) = rest.as_chunks::<8>();
        if !tail.is_empty() {
            return Err(DecodeError::Length {
                length: value.len(),
            });
        }
        let mut entries = Vec::with_capacity(chunks.len());
        for &[tag_low, tag_high, bits, bits_high, id @ ..] in chunks {
            let id = u32::from_le_bytes(id);
            let subject = match u16::from_le_bytes([tag_low, tag_high]) {
                TAG_OWNER => Subject::Owner,
                TAG_USER => Subject::User(id),
                TAG_OWNING_GROUP => Subject::OwningGroup,
                TAG_GROUP => Subject::Group(id),
                TAG_MASK => Subject::Mask,
                TAG_OTHERS => Subject::Others,
                tag => return Err(DecodeError::Tag { tag }),
            };
            if bits > 0o7 || bits_high != 0 {
                return Err(DecodeError::Permissions {
                    bits: u16::from_le_bytes([bits, bits_high]),
                });
            }
            entries.push((subject, Permissions(bits)));
        }
        // ACL_UNDEFINED_ID is the id of the entries that need none, and names nobody.
        entries.sort_by_key(|&(subject, _)| subject);
        let acl = Self { entries };
        if acl.entries.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(DecodeError::Twice);
        }
        let required = [Subject::Owner, Subject::OwningGroup, Subject::Others];
        if required.iter().any(|&subject| acl.get(subject).is_none())
            || (acl.names_somebody() && acl.get(Subject::Mask).is_none())
        {
            return Err(DecodeError::Incomplete);
        }
        Ok(acl)
    }

    /// Encodes the list as the value of an attribute.
    pub fn to_xattr(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(4 + 8 * self.entries.len());
        value.extend_from_slice(&VERSION.to_le_bytes());
        for &(subject, permissions) in &self.entries {
            let (tag, id) = match subject {
                Subject::Owner => (TAG_OWNER, UNDEFINED_ID),
                Subject::User(uid) => (TAG_USER, uid),
                Subject::OwningGroup => (TAG_OWNING_GROUP, UNDEFINED_ID),
                Subject::Group(gid) => (TAG_GROUP, gid),
                Subject::Mask => (TAG_MASK, UNDEFINED_ID),
                Subject::Others => (TAG_OTHERS, UNDEFINED_ID),
            };
            value.extend_from_slice(&tag.to_le_bytes());
            value.extend_from_slice(&u16::from(permissions.0).to_le_bytes());
            value.extend_from_slice(&id.to_le_bytes());
        }
        value
    }

    /// Gives the user `uid` exactly `permissions`, and widens the mask so that they take effect.
    pub fn grant_user(&mut self, uid: u32, permissions: Permissions) {
        self.set(Subject::User(uid), permissions);
        self.recompute_mask();
    }

    /// Gives the group `gid` exactly `permissions`, and widens the mask so that they take effect.
    pub fn grant_group(&mut self, gid: u32, permissions: Permissions) {
        self.set(Subject::Group(gid), permissions);
        self.recompute_mask();
    }

    /// Takes the entry of `subject` out, which has to be a user or a group named by id, and
    /// computes the mask anew; whether there was such an entry.
    pub fn revoke(&mut self, subject: Subject) -> bool {
        if !matches!(subject, Subject::User(_) | Subject::Group(_)) {
            return false;
        }
        let Ok(index) = self.find(subject) else {
            return false;
        };
        self.entries.remove(index);
        self.recompute_mask();
        true
    }

    /// The permissions in the entry of `subject`, the mask not applied.
    pub fn get(&self, subject: Subject) -> Option<Permissions> {
        self.find(subject).ok().map(|index| self.entries[index].1)
    }

    /// The entries, in the order the kernel keeps them.
    pub fn entries(&self) -> impl Iterator<Item = (Subject, Permissions)> {
        self.entries.iter().copied()
    }

    /// The permission bits that a file with this list shows; those of the group are the mask's
    /// where there is one.
    pub fn mode(&self) -> u32 {
        let bits = |subject| self.get(subject).unwrap_or_default().bits();
        let group = self
            .get(Subject::Mask)
            .map_or_else(|| bits(Subject::OwningGroup), Permissions::bits);
        bits(Subject::Owner) << 6 | group << 3 | bits(Subject::Others)
    }

    fn find(&self, subject: Subject) -> Result<usize, usize> {
        self.entries
            .binary_search_by_key(&subject, |&(found, _)| found)
    }

    fn set(&mut self, subject: Subject, permissions: Permissions) {
        match self.find(subject) {
            Ok(index) => self.entries[index].1 = permissions,
            Err(index) => self.entries.insert(index, (subject, permissions)),
        }
    }

    fn names_somebody(&self) -> bool {
        self.entries
            .iter()
            .any(|(subject, _)| matches!(subject, Subject::User(_) | Subject::Group(_)))
    }

    /// The union of all it restricts, as setfacl(1) computes it; none where nobody is named.
    fn recompute_mask(&mut self) {
        if !self.names_somebody() {
            if let Ok(index) = self.find(Subject::Mask) {
                self.entries.remove(index);
            }
            return;
        }
        let mask = self
            .entries
            .iter()
            .filter(|(subject, _)| {
                !matches!(subject, Subject::Owner | Subject::Others | Subject::Mask)
            })
            .fold(Permissions::NONE, |mask, &(_, one)| mask.union(one));
        self.set(Subject::Mask, mask);
    }
}

impl fmt::Display for Acl {
    /// The form that `setfacl --set` takes: `user::rwx,group::r-x,other::---`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, &(subject, permissions)) in self.entries.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match subject {
                Subject::Owner => write!(f, "user::{permissions}"),
                Subject::User(uid) => write!(f, "user:{uid}:{permissions}"),
                Subject::OwningGroup => write!(f, "group::{permissions}"),
                Subject::Group(gid) => write!(f, "group:{gid}:{permissions}"),
                Subject::Mask => write!(f, "mask::{permissions}"),
                Subject::Others => write!(f, "other::{permissions}"),
            }?;
        }
        Ok(())
    }
}

/// All that decides on access to one path, as it was: what [`restore`] brings back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The permission bits.
    pub mode: u32,
    /// The value of [`ACCESS_ATTRIBUTE`], if it had one.
    pub access: Option<Vec<u8>>,
    /// The value of [`DEFAULT_ATTRIBUTE`], if it had one.
    pub default: Option<Vec<u8>>,
}

impl Saved {
    /// The list that decided on access.
    ///
    /// # Errors
    /// Where the attribute is no valid list.
    pub fn access_acl(&self) -> Result<Acl, DecodeError> {
        self.access
            .as_deref()
            .map_or_else(|| Ok(Acl::minimal(self.mode)), Acl::from_xattr)
    }

    /// The list that new files got, if there was one.
    ///
    /// # Errors
    /// Where the attribute is no valid list.
    pub fn default_acl(&self) -> Result<Option<Acl>, DecodeError> {
        self.default.as_deref().map(Acl::from_xattr).transpose()
    }
}

/// What decides on access to `path` now.
///
/// # Errors
/// Where nothing is at `path`, or its file system has no access control lists.
pub fn read(host: &dyn Host, path: &Path) -> Result<Saved, AclError> {
    let status = host.status(path)?.ok_or_else(|| AclError::NotFound {
        path: path.to_path_buf(),
    })?;
    Ok(Saved {
        mode: status.mode,
        access: attribute(host, path, ACCESS_ATTRIBUTE)?,
        default: attribute(host, path, DEFAULT_ATTRIBUTE)?,
    })
}

/// Makes `access` decide on access to `path`, and `default` on that to new files in it (for `None`
/// the default list stays as it is).
///
/// The permission bits follow the list. Set-id and sticky bits stay.
///
/// # Errors
/// Where nothing is at `path`, or its file system has no access control lists.
pub fn apply(
    host: &dyn Host,
    path: &Path,
    access: &Acl,
    default: Option<&Acl>,
) -> Result<Change, AclError> {
    let before = read(host, path)?;
    let mut change = Change::Unchanged;
    // The kernel keeps a list without names in the permission bits and drops the attribute, so
    // that attributes cannot be compared.
    if before.access_acl().as_ref() != Ok(access) {
        set_attribute(host, path, ACCESS_ATTRIBUTE, Some(&access.to_xattr()))?;
        change = Change::Updated;
    }
    if let Some(default) = default
        && before.default_acl().as_ref().map(Option::as_ref) != Ok(Some(default))
    {
        set_attribute(host, path, DEFAULT_ATTRIBUTE, Some(&default.to_xattr()))?;
        change = Change::Updated;
    }
    Ok(change)
}

/// Brings back what [`read`] saw.
///
/// # Errors
/// Where that fails; it may be called again.
pub fn restore(host: &dyn Host, path: &Path, saved: &Saved) -> Result<Change, AclError> {
    if read(host, path)? == *saved {
        return Ok(Change::Unchanged);
    }
    set_attribute(host, path, DEFAULT_ATTRIBUTE, saved.default.as_deref())?;
    set_attribute(host, path, ACCESS_ATTRIBUTE, saved.access.as_deref())?;
    // Without the attribute, what was its mask stays behind as the bits of the group.
    host.set_mode(path, saved.mode)?;
    Ok(Change::Updated)
}

/// Why an attribute is no access control list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is not a header and a whole number of entries.
    #[error("{length} bytes are not a header of 4 and entries of 8 each")]
    Length {
        /// How many bytes there are.
        length: usize,
    },
    /// It is of a version this program does not know.
    #[error("its version is {version}, not {VERSION}")]
    Version {
        /// The version.
        version: u32,
    },
    /// An entry is about a kind of subject this program does not know.
    #[error("it has an entry of the unknown kind {tag:#x}")]
    Tag {
        /// The kind.
        tag: u16,
    },
    /// An entry has bits beyond read, write and execute.
    #[error("it has an entry with the unknown permissions {bits:#x}")]
    Permissions {
        /// The bits.
        bits: u16,
    },
    /// Two entries are about the same subject.
    #[error("two of its entries are about the same subject")]
    Twice,
    /// An entry that every list has is missing.
    #[error("the entry of the owner, the owning group, the others or the mask is missing")]
    Incomplete,
}

/// Why access control lists could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum AclError {
    /// Nothing is at the path.
    #[error("there is nothing at `{}`", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// The file system keeps no access control lists.
    #[error("the file system of `{}` has no POSIX access control lists", path.display())]
    Unsupported {
        /// The path.
        path: PathBuf,
    },
    /// The file system call failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Coded for AclError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "acl.not-found",
            Self::Unsupported { .. } => "acl.unsupported",
            Self::File(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::File(error) => error.kind(),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::NotFound { .. } => None,
            Self::Unsupported { .. } => Some(
                "on ZFS run `zfs set acltype=posixacl xattr=sa DATASET`; elsewhere mount the file \
                 system with the option `acl`, or choose another path"
                    .into(),
            ),
            Self::File(error) => error.remedy(),
        }
    }
}

/// `POSIX_ACL_XATTR_VERSION`.
const VERSION: u32 = 2;

/// `ACL_UNDEFINED_ID`.
const UNDEFINED_ID: u32 = u32::MAX;

// `ACL_USER_OBJ` and the other tags of `include/uapi/linux/posix_acl.h`.
const TAG_OWNER: u16 = 0x01;
const TAG_USER: u16 = 0x02;
const TAG_OWNING_GROUP: u16 = 0x04;
const TAG_GROUP: u16 = 0x08;
const TAG_MASK: u16 = 0x10;
const TAG_OTHERS: u16 = 0x20;

fn attribute(host: &dyn Host, path: &Path, name: &str) -> Result<Option<Vec<u8>>, AclError> {
    host.xattr(path, name)
        .map_err(|error| translate(error, path))
}

fn set_attribute(
    host: &dyn Host,
    path: &Path,
    name: &str,
    value: Option<&[u8]>,
) -> Result<(), AclError> {
    host.set_xattr(path, name, value)
        .map(drop)
        .map_err(|error| translate(error, path))
}

fn translate(error: FileError, path: &Path) -> AclError {
    if error.is_unsupported() {
        AclError::Unsupported {
            path: path.to_path_buf(),
        }
    } else {
        error.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `setfacl -m u:1000:rwx,g:2000:r-x d; getfattr -e hex -n system.posix_acl_access d`, where
    /// `d` had mode 0750.
    const RECORDED: &str = "0200000001000700ffffffff02000700e803000004000500ffffffff08000500d0070000\
                            10000700ffffffff20000000ffffffff";

    fn from_hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text
            .chars()
            .filter_map(|digit| digit.to_digit(16))
            .map(|digit| digit as u8)
            .collect();
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect()
    }

    #[test]
    fn the_encoding_is_the_kernels() {
        let mut acl = Acl::minimal(0o750);
        acl.grant_group(2000, Permissions::READ_EXECUTE);
        acl.grant_user(1000, Permissions::ALL);
        assert_eq!(acl.to_xattr(), from_hex(RECORDED));
        assert_eq!(Acl::from_xattr(&from_hex(RECORDED)).unwrap(), acl);
        assert_eq!(
            acl.to_string(),
            "user::rwx,user:1000:rwx,group::r-x,group:2000:r-x,mask::rwx,other::---"
        );
        assert_eq!(acl.mode(), 0o770);
    }

    #[test]
    fn revoking_the_last_name_leaves_the_minimal_list() {
        let mut acl = Acl::minimal(0o750);
        acl.grant_user(1000, Permissions::ALL);
        assert!(acl.revoke(Subject::User(1000)));
        assert!(!acl.revoke(Subject::User(1000)) && !acl.revoke(Subject::Owner));
        assert_eq!(acl, Acl::minimal(0o750));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let good = from_hex(RECORDED);
        let with = |index: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[index] = value;
            Acl::from_xattr(&bytes)
        };
        assert_eq!(Acl::from_xattr(b""), Err(DecodeError::Length { length: 0 }));
        assert_eq!(
            Acl::from_xattr(&good[..good.len() - 1]),
            Err(DecodeError::Length {
                length: good.len() - 1
            })
        );
        assert_eq!(with(0, 1), Err(DecodeError::Version { version: 1 }));
        assert_eq!(with(4, 0x40), Err(DecodeError::Tag { tag: 0x40 }));
        assert_eq!(with(6, 8), Err(DecodeError::Permissions { bits: 8 }));
        assert_eq!(with(36, 0x20), Err(DecodeError::Twice));
        assert_eq!(
            Acl::from_xattr(&VERSION.to_le_bytes()),
            Err(DecodeError::Incomplete)
        );
        // Named entries without a mask.
        let mut maskless = good[..36].to_vec();
        maskless.extend_from_slice(&good[44..]);
        assert_eq!(Acl::from_xattr(&maskless), Err(DecodeError::Incomplete));
    }

    proptest! {
        #[test]
        fn grants_survive_the_round_trip(
            mode in 0u32..0o1000,
            users in proptest::collection::btree_map(any::<u32>(), 0u32..8, 0..6),
            groups in proptest::collection::btree_map(any::<u32>(), 0u32..8, 0..6),
        ) {
            let mut acl = Acl::minimal(mode);
            for (&uid, &bits) in &users {
                acl.grant_user(uid, Permissions::from_bits(bits));
            }
            for (&gid, &bits) in &groups {
                acl.grant_group(gid, Permissions::from_bits(bits));
            }
            prop_assert_eq!(&Acl::from_xattr(&acl.to_xattr()).unwrap(), &acl);
            for (&uid, &bits) in &users {
                prop_assert_eq!(acl.get(Subject::User(uid)), Some(Permissions::from_bits(bits)));
                prop_assert_eq!(acl.mode() >> 3 & bits, bits);
            }
        }

        #[test]
        fn no_bytes_make_decoding_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(acl) = Acl::from_xattr(&bytes) {
                prop_assert_eq!(Acl::from_xattr(&acl.to_xattr()), Ok(acl));
            }
        }
    }
}
