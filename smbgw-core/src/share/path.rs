//! The directory of a share.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Coded, ErrorKind};
use crate::host::{FileError, FileKind, Host};

/// Directories that belong to the system with everything below them.
const SYSTEM_TREES: [&str; 17] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/lost+found",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/samba",
    "/var/lib/smbgw",
    "/var/log",
];

/// Directories that hold other things than one share; a share may be below them.
const PARENTS_ONLY: [&str; 13] = [
    "/",
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/srv",
    "/tmp",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/spool",
    "/var/tmp",
    "/var/lib/vz",
];

/// The absolute path of a directory that can be shared: in normal form and outside the directories
/// of the system.
///
/// Whether the path is safe on a certain machine is told by [`SharePath::check_on`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct SharePath(PathBuf);

impl SharePath {
    /// The path.
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// Whether one of the two directories is the other or is inside it.
    pub fn overlaps(&self, other: &Path) -> bool {
        self.0.starts_with(other) || other.starts_with(&self.0)
    }

    /// Checks that on `host` no part of the path is a symbolic link, and that nobody but root can
    /// exchange a directory above it.
    ///
    /// # Errors
    /// [`PathError::Symlink`], [`PathError::NotADirectory`] or [`PathError::Swappable`], or that
    /// the path cannot be looked at.
    pub fn check_on(&self, host: &dyn Host) -> Result<(), PathError> {
        let mut ancestors: Vec<_> = self.0.ancestors().collect();
        ancestors.reverse();
        for dir in ancestors {
            let Some(status) = host.status(dir)? else {
                break;
            };
            let itself = dir == self.0;
            match status.kind {
                FileKind::Directory => {}
                FileKind::Symlink => return Err(PathError::Symlink { path: dir.into() }),
                FileKind::File | FileKind::Special => {
                    return Err(PathError::NotADirectory { path: dir.into() });
                }
            }
            let sticky = status.mode & 0o1000 != 0;
            let group_writes = status.mode & 0o020 != 0 && status.gid != 0;
            let writable = status.mode & 0o002 != 0 || group_writes;
            if !itself && (status.uid != 0 || (writable && !sticky)) {
                return Err(PathError::Swappable { path: dir.into() });
            }
        }
        Ok(())
    }
}

impl fmt::Display for SharePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

impl FromStr for SharePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if !text.starts_with('/') {
            return Err(PathError::NotAbsolute(text.into()));
        }
        if let Some(character) = text.chars().find(|&c| c.is_control() || "%\"".contains(c)) {
            return Err(PathError::RefusedCharacter {
                path: text.into(),
                character,
            });
        }
        let path = Path::new(text);
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(PathError::UpwardStep(text.into()));
        }
        // Drops doubled and trailing slashes and single dots.
        let path: PathBuf = path.components().collect();
        let text = path.to_string_lossy();
        // In this form, whole names are compared by comparing bytes.
        let is_in = |tree: &str| {
            text.strip_prefix(tree)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if text.ends_with(char::is_whitespace) || text.ends_with('\\') || text.contains("  ") {
            return Err(PathError::RefusedSpace(text.into_owned()));
        }
        if let Some(tree) = SYSTEM_TREES.iter().find(|tree| is_in(tree)) {
            return Err(PathError::SystemDirectory { path, tree });
        }
        if PARENTS_ONLY.contains(&&*text) {
            return Err(PathError::ParentOnly(path));
        }
        Ok(Self(path))
    }
}

impl TryFrom<String> for SharePath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

impl From<SharePath> for String {
    fn from(path: SharePath) -> Self {
        // Made from text, so nothing is lost.
        path.0.to_string_lossy().into_owned()
    }
}

/// Why a directory cannot be shared.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// The path does not begin at the root.
    #[error("`{0}` is not an absolute path")]
    NotAbsolute(String),
    /// The path goes up with `..`.
    #[error("`{0}` goes up with `..`")]
    UpwardStep(String),
    /// A character that Samba's configuration would take for something else.
    #[error("`{}` contains {character:?}, which Samba would not take literally", path.escape_debug())]
    RefusedCharacter {
        /// The path.
        path: String,
        /// The first such character.
        character: char,
    },
    /// A space or backslash where Samba's configuration would drop or join something.
    #[error(
        "`{0}` ends with a space or backslash, or has two spaces in a row, which Samba would not take literally"
    )]
    RefusedSpace(String),
    /// The path is in a directory of the system.
    #[error("`{}` is in `{tree}`, which belongs to the system", path.display())]
    SystemDirectory {
        /// The path.
        path: PathBuf,
        /// The directory of the system.
        tree: &'static str,
    },
    /// The path is a directory that holds other things too.
    #[error("`{}` itself cannot be shared, only a directory below it", .0.display())]
    ParentOnly(PathBuf),
    /// A part of the path is a symbolic link.
    #[error("`{}` is a symbolic link", path.display())]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// A part of the path is something other than a directory.
    #[error("`{}` is not a directory", path.display())]
    NotADirectory {
        /// The part.
        path: PathBuf,
    },
    /// Somebody other than root can exchange a directory on the way.
    #[error("`{}` is writable by users other than root, who could exchange what is below it", path.display())]
    Swappable {
        /// The directory.
        path: PathBuf,
    },
    /// The path cannot be looked at.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Coded for PathError {
    fn code(&self) -> &'static str {
        match self {
            Self::SystemDirectory { .. } | Self::ParentOnly(_) => "share.path-system",
            Self::Symlink { .. } | Self::Swappable { .. } => "share.path-unsafe",
            Self::File(error) => error.code(),
            _ => "share.path-invalid",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            _ => ErrorKind::Invalid,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::NotAbsolute(_) | Self::UpwardStep(_) => {
                "give the whole path, such as /srv/smb/media".into()
            }
            Self::SystemDirectory { .. } | Self::ParentOnly(_) => {
                "choose a directory such as /srv/smb/media".into()
            }
            Self::Symlink { .. } => "give the path that the link leads to".into(),
            Self::Swappable { path } => format!(
                "choose a directory below ones that root owns, or run `chown root {0}` and \
                 `chmod go-w {0}`",
                path.display()
            ),
            Self::File(error) => return error.remedy(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::host::LocalHost;

    #[test]
    fn paths_are_normal() {
        let path: SharePath = "/srv//smb/./media/".parse().unwrap();
        assert_eq!(path.as_path(), Path::new("/srv/smb/media"));
        assert_eq!(String::from(path), "/srv/smb/media");
    }

    #[test]
    fn system_directories_are_refused() {
        for path in [
            "/",
            "/etc",
            "/etc/x",
            "/usr/local/share",
            "/srv",
            "/home/",
            "//",
            "/root/x",
        ] {
            let error = path.parse::<SharePath>().unwrap_err();
            assert_eq!(error.code(), "share.path-system", "{path}");
        }
        for path in [
            "srv/x",
            "",
            "/srv/../etc",
            "/srv/a\nb",
            "/srv/%U",
            "/srv/x ",
            "/srv/x\\",
            "/srv/x /",
            "/srv/a  b",
        ] {
            assert_eq!(
                path.parse::<SharePath>().unwrap_err().code(),
                "share.path-invalid"
            );
        }
        assert!("/etcetera/x".parse::<SharePath>().is_ok());
    }

    #[test]
    fn overlap_is_by_directory_not_by_letter() {
        let path: SharePath = "/srv/smb/a".parse().unwrap();
        assert!(path.overlaps(Path::new("/srv/smb")));
        assert!(path.overlaps(Path::new("/srv/smb/a/b")));
        assert!(!path.overlaps(Path::new("/srv/smb/ab")));
    }

    #[test]
    fn links_and_writable_parents_are_seen() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("srv/real")).unwrap();
        fs::create_dir(at("srv/open")).unwrap();
        fs::set_permissions(at("srv/open"), fs::Permissions::from_mode(0o777)).unwrap();
        symlink("real", at("srv/link")).unwrap();
        fs::write(at("srv/file"), "").unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let host = LocalHost::with_root(root.path());
        let check = |path: &str| path.parse::<SharePath>().unwrap().check_on(&host);
        assert!(matches!(
            check("/srv/link/x"),
            Err(PathError::Symlink { .. })
        ));
        assert!(matches!(check("/srv/link"), Err(PathError::Symlink { .. })));
        assert!(matches!(
            check("/srv/file/x"),
            Err(PathError::NotADirectory { .. })
        ));
        if rustix::process::geteuid().is_root() {
            assert!(matches!(
                check("/srv/open/x"),
                Err(PathError::Swappable { .. })
            ));
            check("/srv/real/new").unwrap();
        } else {
            assert!(matches!(
                check("/srv/real/new"),
                Err(PathError::Swappable { .. })
            ));
        }
    }
}
