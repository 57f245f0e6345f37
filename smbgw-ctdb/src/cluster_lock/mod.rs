//! The cluster lock: what keeps two parts of a cluster from both believing to be the whole of it.
//!
//! Whoever leads holds it. Without one, two parts of a network that fell apart would serve the same
//! addresses and write the same files, so that more than one node is not set up without.
//!
//! Formats: `cluster lock` in ctdb.conf(5), and ctdb(7), ctdb-etcd(7), ctdb_mutex_ceph_rados_helper(7).

mod error;
mod filesystem;
mod probe;
mod watched;

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use error::ClusterLockError;
pub(crate) use filesystem::kernel;
pub use filesystem::{Filesystem, Sharing};
pub use probe::Use;
pub(crate) use probe::token;
pub use watched::{PATH as LOCK_PROGRAM, content as lock_program, is_let_go};

/// The programs of ctdb that hold locks, where Debian has them.
pub const FCNTL_HELPER: &str = "/usr/libexec/ctdb/ctdb_mutex_fcntl_helper";
/// That for locks of Ceph.
pub const RADOS_HELPER: &str = "/usr/libexec/ctdb/ctdb_mutex_ceph_rados_helper";
/// That for locks of etcd.
pub const ETCD_HELPER: &str = "/usr/libexec/ctdb/ctdb_etcd_lock";

/// What has the kernel end a program with whoever started it (setpriv(1), `PR_SET_PDEATHSIG` of prctl(2)).
const BOUND: [&str; 3] = ["/usr/bin/setpriv", "--pdeathsig", "KILL"];

/// Where the lock is, below the shared folder, if nothing else is asked for.
const USUAL_PLACE: &str = ".ctdb/lock";

/// A cluster lock.
///
/// As text it is the path of a file, `rados:CLUSTER/USER/POOL/OBJECT`, `etcd`, or `!` and a command with
/// its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
#[serde(try_from = "String", into = "String")]
pub enum ClusterLock {
    /// A file on a filesystem that all nodes share, locked by `fcntl`.
    File(PathBuf),
    /// An object of a Ceph cluster.
    Rados(RadosLock),
    /// A key of an etcd cluster. Its settings are in etcd's own file on the nodes.
    Etcd,
    /// A program that holds a lock while it runs, with its arguments, by ctdb's rules for such programs.
    Command(LockCommand),
}

/// Where a lock in a Ceph cluster is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RadosLock {
    cluster: String,
    user: String,
    pool: String,
    object: String,
}

/// A program that holds a lock, and its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LockCommand {
    words: Vec<String>,
}

impl ClusterLock {
    /// The lock that is used in the shared folder `shared` if nothing else is asked for.
    ///
    /// # Errors
    /// [`ClusterLockError`] where the path cannot be written in ctdb.conf.
    pub fn in_folder(shared: &Path) -> Result<Self, ClusterLockError> {
        file(shared.join(USUAL_PLACE).to_string_lossy().as_ref())
    }

    /// The value of `cluster lock` in ctdb.conf.
    pub fn setting(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            _ => format!("!{}", self.holder(None).join(" ")),
        }
    }

    /// The value of `cluster lock` with which a lock on a file does not outlive the ctdbd that took it, and is let
    /// go after so many milliseconds in which that ctdbd does not answer. ctdb's own program for such locks looks every
    /// five seconds whether its ctdbd is there, and holds the lock while it hangs; no other node can lead
    /// meanwhile. The value has to be the same on all nodes, and [`lock_program`] has to be on them at [`LOCK_PROGRAM`].
    ///
    /// Locks of other kinds are as [`setting`](Self::setting) has them, and so is a path with a blank, where
    /// ctdb would part a command.
    pub fn bound_setting(&self, silence_milliseconds: u32) -> String {
        let words = self.holder(None);
        match self {
            Self::File(_) if !words.iter().any(|word| word.contains(char::is_whitespace)) => {
                let words = watched::words(silence_milliseconds, words);
                format!("!{} {}", BOUND.join(" "), words.join(" "))
            }
            _ => self.setting(),
        }
    }

    /// Reads a value of `cluster lock` in ctdb.conf.
    ///
    /// # Errors
    /// [`ClusterLockError`] where ctdb would not take it for a lock.
    pub fn from_setting(value: &str) -> Result<Self, ClusterLockError> {
        let Some(command) = value.strip_prefix('!') else {
            return file(value);
        };
        let command = command_of(command, value)?;
        // As the manual has it, the name may stand alone: ctdb's own folder is looked in.
        let is =
            |path: &str, program: &str| program == path || path.ends_with(&format!("/{program}"));
        Ok(match &command.words[..] {
            [program, cluster, user, pool, object] if is(RADOS_HELPER, program) => {
                let parts = [cluster, user, pool, object].map(String::as_str);
                match RadosLock::new(parts) {
                    Some(lock) => Self::Rados(lock),
                    None => Self::Command(command),
                }
            }
            [program] if is(ETCD_HELPER, program) => Self::Etcd,
            [first, second, third, held @ ..] if [first, second, third] == BOUND => {
                // Set-ups of former versions have ctdb's own program alone.
                match watched::holder(held).unwrap_or(held) {
                    [program, path] if is(FCNTL_HELPER, program) => file(path)?,
                    _ => Self::Command(command),
                }
            }
            _ => Self::Command(command),
        })
    }

    /// The program that holds the lock, with its arguments, as ctdb starts it; `file` is locked instead of
    /// the one that is set.
    pub(crate) fn holder(&self, file: Option<&Path>) -> Vec<String> {
        match self {
            Self::File(path) => {
                let path = file.unwrap_or(path);
                vec![FCNTL_HELPER.to_owned(), path.display().to_string()]
            }
            Self::Rados(lock) => {
                let [cluster, user, pool, object] = lock.parts();
                [RADOS_HELPER, cluster, user, pool, object]
                    .map(str::to_owned)
                    .into()
            }
            Self::Etcd => vec![ETCD_HELPER.to_owned()],
            Self::Command(command) => command.words.clone(),
        }
    }
}

impl RadosLock {
    fn new(parts: [&str; 4]) -> Option<Self> {
        // ctdb takes a blank for the end of an argument, and `/` is what parts them here.
        let is_word = |part: &&str| {
            !part.is_empty() && part.chars().all(|one| one.is_ascii_graphic() && one != '/')
        };
        let [cluster, user, pool, object] = parts.map(str::to_owned);
        parts.iter().all(is_word).then_some(Self {
            cluster,
            user,
            pool,
            object,
        })
    }

    /// Name of the Ceph cluster, of its user, of the pool, and of the object in it.
    pub fn parts(&self) -> [&str; 4] {
        [&self.cluster, &self.user, &self.pool, &self.object]
    }
}

impl LockCommand {
    /// The program's absolute path and its arguments.
    pub fn words(&self) -> &[String] {
        &self.words
    }
}

/// The lock on the file at `path`.
fn file(path: &str) -> Result<ClusterLock, ClusterLockError> {
    let malformed = |wanted| ClusterLockError::Malformed {
        text: path.to_owned(),
        wanted,
    };
    if path.chars().any(char::is_control) || path.trim() != path || path.ends_with(['/', '\\']) {
        return Err(malformed("the path of a file"));
    }
    let place = Path::new(path);
    let is_plain = |part| matches!(part, Component::RootDir | Component::Normal(_));
    if !place.is_absolute() || !place.components().all(is_plain) || place.parent().is_none() {
        return Err(malformed("an absolute path without `..`"));
    }
    Ok(ClusterLock::File(place.to_path_buf()))
}

/// The words of `command`; ctdb parts them at blanks and knows no quotes.
fn command_of(command: &str, text: &str) -> Result<LockCommand, ClusterLockError> {
    let malformed = |wanted| ClusterLockError::Malformed {
        text: text.to_owned(),
        wanted,
    };
    if command.chars().any(char::is_control) || command.ends_with('\\') {
        return Err(malformed("a command on one line"));
    }
    let mut words: Vec<String> = command.split_whitespace().map(Into::into).collect();
    let program = words.first_mut();
    let program = program.ok_or_else(|| malformed("`!` and a command"))?;
    if !program.contains('/') {
        *program = format!("/usr/libexec/ctdb/{program}");
    }
    if !program.starts_with('/') {
        return Err(malformed("`!` and the absolute path of a program"));
    }
    Ok(LockCommand { words })
}

impl FromStr for ClusterLock {
    type Err = ClusterLockError;

    fn from_str(text: &str) -> Result<Self, ClusterLockError> {
        let Some(place) = text.strip_prefix("rados:") else {
            return match text {
                "etcd" => Ok(Self::Etcd),
                _ => Self::from_setting(text),
            };
        };
        let parts: Vec<&str> = place.split('/').collect();
        let parts: Option<[&str; 4]> = parts.try_into().ok();
        let lock = parts.and_then(RadosLock::new);
        lock.map(Self::Rados)
            .ok_or_else(|| ClusterLockError::Malformed {
                text: text.to_owned(),
                wanted: "rados:CLUSTER/USER/POOL/OBJECT, as in rados:ceph/client.admin/ctdb/lock",
            })
    }
}

impl fmt::Display for ClusterLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rados(lock) => write!(f, "rados:{}", lock.parts().join("/")),
            Self::Etcd => f.write_str("etcd"),
            Self::File(_) | Self::Command(_) => f.write_str(&self.setting()),
        }
    }
}

impl TryFrom<String> for ClusterLock {
    type Error = ClusterLockError;

    fn try_from(text: String) -> Result<Self, ClusterLockError> {
        text.parse()
    }
}

impl From<ClusterLock> for String {
    fn from(lock: ClusterLock) -> Self {
        lock.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smbgw_core::error::Coded;

    #[test]
    fn locks_are_texts_and_settings() {
        let rados = "!/usr/libexec/ctdb/ctdb_mutex_ceph_rados_helper ceph client.admin ctdb lock";
        let etcd = "!/usr/libexec/ctdb/ctdb_etcd_lock";
        for (text, setting) in [
            ("/srv/shared/.ctdb/lock", "/srv/shared/.ctdb/lock"),
            ("/srv/my share/lock", "/srv/my share/lock"),
            ("rados:ceph/client.admin/ctdb/lock", rados),
            ("etcd", etcd),
            ("!/usr/local/bin/hold a b", "!/usr/local/bin/hold a b"),
        ] {
            let lock: ClusterLock = text.parse().unwrap();
            assert_eq!(lock.to_string(), text);
            assert_eq!(lock.setting(), setting);
            assert_eq!(ClusterLock::from_setting(setting).unwrap(), lock);
            let json = serde_json::to_string(&lock).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<ClusterLock>(&json).unwrap(), lock);
        }
    }

    #[test]
    fn what_ctdb_understands_is_understood() {
        // The name alone, as the manual has it.
        let short = "!ctdb_mutex_ceph_rados_helper ceph client.admin ctdb lock";
        assert!(matches!(
            ClusterLock::from_setting(short).unwrap(),
            ClusterLock::Rados(_)
        ));
        // Further arguments, which newer versions of the helper have, are kept.
        let longer = "!/usr/libexec/ctdb/ctdb_mutex_ceph_rados_helper ceph u p o 20 -n space";
        let lock = ClusterLock::from_setting(longer).unwrap();
        assert!(matches!(lock, ClusterLock::Command(_)));
        assert_eq!(lock.setting(), longer);
        let verbose = "!/usr/libexec/ctdb/ctdb_etcd_lock -v";
        assert_eq!(
            ClusterLock::from_setting(verbose).unwrap().setting(),
            verbose
        );
    }

    #[test]
    fn a_lock_on_a_file_ends_with_its_daemon() {
        let lock: ClusterLock = "/srv/shared/.ctdb/lock".parse().unwrap();
        let former = "!/usr/bin/setpriv --pdeathsig KILL \
                      /usr/libexec/ctdb/ctdb_mutex_fcntl_helper /srv/shared/.ctdb/lock";
        let bound = former.replace("KILL", "KILL /usr/bin/perl /etc/ctdb/smbgw-lock 2500");
        assert_eq!(lock.bound_setting(2_500), bound);
        for setting in [former, bound.as_str()] {
            assert_eq!(ClusterLock::from_setting(setting).unwrap(), lock);
        }
        // Other programs, and those that are told more, stay what they are.
        let other = bound.replace("KILL", "TERM");
        let other = ClusterLock::from_setting(&other).unwrap();
        assert!(matches!(other, ClusterLock::Command(_)));
        for text in ["/srv/my share/lock", "etcd", "!/usr/local/bin/hold a b"] {
            let lock: ClusterLock = text.parse().unwrap();
            assert_eq!(lock.bound_setting(2_500), lock.setting());
        }
    }

    #[test]
    fn what_is_no_lock_is_refused() {
        for wrong in [
            "",
            "lock",
            "/",
            "/srv/../lock",
            "/srv/lock/",
            "/srv/a\nb",
            " /srv/lock",
            "!",
            "! ",
            "!bin/hold",
            "!/bin/hold \\",
            "rados:",
            "rados:ceph/client.admin/ctdb",
            "rados:ceph/client.admin/ctdb/a/b",
            "rados:ceph/client admin/ctdb/lock",
            "etcd ",
        ] {
            let error = wrong.parse::<ClusterLock>().unwrap_err();
            assert_eq!(error.code(), "ha.lock-malformed", "{wrong:?}");
            assert!(error.to_string().contains(wrong.trim()), "{error}");
        }
    }

    #[test]
    fn the_usual_place_is_in_the_shared_folder() {
        let lock = ClusterLock::in_folder(Path::new("/srv/shared")).unwrap();
        assert_eq!(lock.to_string(), "/srv/shared/.ctdb/lock");
        assert!(ClusterLock::in_folder(Path::new("shared")).is_err());
    }
}
