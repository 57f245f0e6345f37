//! Users and groups of a host, and the passwords Samba knows of them.
//!
//! Look-ups go through the host's own name service (getent(1)), so that users of a domain are found
//! as well; where it knows nobody of a domain's name, winbindd is asked itself. On the files of an
//! image they read `/etc/passwd` and `/etc/group`.

pub mod ids;
mod winbind;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::deadline::Deadline;
use crate::error::{Coded, ErrorKind};
use crate::host::{Command, CommandError, FileError, Host, Output};
use crate::secret::Secret;
use ids::Database;

/// The longest name that useradd(8) takes, in bytes.
pub const LONGEST_NEW_NAME: usize = 32;

/// The longest name that is looked up, in bytes.
pub const LONGEST_NAME: usize = 256;

/// The comment that [`create_user`] gives the accounts it makes.
pub const COMMENT: &str = "SMB share user";

/// The name of a user or group that may exist: one of this machine (`alice`) or of a domain
/// (`DOM\alice`, `alice@dom.example`, with spaces where the domain has them).
///
/// ```
/// use smbgw_core::account::UserName;
///
/// let name: UserName = r"EXAMPLE\domain users".parse()?;
/// assert!(!name.can_be_created());
/// assert!("root:x".parse::<UserName>().is_err());
/// # Ok::<(), smbgw_core::account::UserNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct UserName(String);

impl UserName {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names somebody of a domain: `DOM\alice` or `alice@dom.example`. A name with
    /// neither `\` nor `@` is one of this machine.
    pub fn is_of_domain(&self) -> bool {
        self.0.contains(['\\', '@'])
    }

    /// Whether an account with this name can be made: lower-case letters, digits, `-` and `_`, not
    /// beginning with a digit or `-`, at most [`LONGEST_NEW_NAME`] bytes (`NAME_REGEX` of
    /// adduser.conf(5)).
    pub fn can_be_created(&self) -> bool {
        let first = |c: char| c.is_ascii_lowercase() || c == '_';
        self.0.len() <= LONGEST_NEW_NAME
            && self.0.starts_with(first)
            && self
                .0
                .chars()
                .all(|c| first(c) || c.is_ascii_digit() || c == '-')
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for UserName {
    type Err = UserNameError;

    fn from_str(text: &str) -> Result<Self, UserNameError> {
        Self::try_from(text.to_string())
    }
}

impl TryFrom<String> for UserName {
    type Error = UserNameError;

    fn try_from(text: String) -> Result<Self, UserNameError> {
        if text.is_empty() {
            return Err(UserNameError::Empty);
        }
        if text.len() > LONGEST_NAME {
            return Err(UserNameError::TooLong { length: text.len() });
        }
        if let Some(position) = text.chars().position(char::is_control) {
            return Err(UserNameError::ControlCharacter {
                position: position + 1,
            });
        }
        // `:` and `,` separate fields and members in the files; the others have a meaning in lists
        // of users in smb.conf (`"`, `%`, and a leading `+`, `&`, `@`) or to the programs called.
        let refused = |c: char| ":,\"%/".contains(c);
        if let Some(character) = text.chars().find(|&c| refused(c)) {
            return Err(UserNameError::RefusedCharacter {
                name: text,
                character,
            });
        }
        if text.starts_with(['-', '+', '&', '@', '#']) || text.trim() != text {
            return Err(UserNameError::RefusedStart { name: text });
        }
        // Programs take a number for an id.
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(UserNameError::Number { name: text });
        }
        Ok(Self(text))
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0
    }
}

/// Why a text is no name of a user or group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserNameError {
    /// There is no text.
    #[error("the name is empty")]
    Empty,
    /// There are more than [`LONGEST_NAME`] bytes.
    #[error("the name has {length} bytes; no name has more than {LONGEST_NAME}")]
    TooLong {
        /// How many bytes it has.
        length: usize,
    },
    /// It holds a control character.
    #[error("character {position} of the name is a control character")]
    ControlCharacter {
        /// Which one, counted from 1.
        position: usize,
    },
    /// It holds a character that separates names or fields.
    #[error("`{name}` contains `{character}`, which no name of a user or group has")]
    RefusedCharacter {
        /// The name.
        name: String,
        /// The first such character.
        character: char,
    },
    /// It begins or ends with something that does not belong to a name.
    #[error("`{name}` begins with `-`, `+`, `&`, `@` or `#`, or begins or ends with a space")]
    RefusedStart {
        /// The name.
        name: String,
    },
    /// It is a number, which reads as an id.
    #[error("`{name}` is a number, which reads as an id and not as a name")]
    Number {
        /// The name.
        name: String,
    },
}

impl Coded for UserNameError {
    fn code(&self) -> &'static str {
        "account.name-invalid"
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn remedy(&self) -> Option<String> {
        Some(r"give a name such as `alice` or `DOMAIN\alice`".into())
    }
}

/// A user the host knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserEntry {
    /// The name as the host spells it.
    pub name: String,
    /// The user id.
    pub uid: u32,
    /// The id of the primary group.
    pub gid: u32,
}

/// A group the host knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupEntry {
    /// The name as the host spells it.
    pub name: String,
    /// The group id.
    pub gid: u32,
}

/// The user `name`, if the host knows one.
///
/// # Errors
/// Where the host cannot be asked.
pub fn find_user(
    host: &dyn Host,
    name: &UserName,
    deadline: Deadline,
) -> Result<Option<UserEntry>, AccountError> {
    look_up(host, Database::Users, name, deadline, parse_user)
}

/// The group `name`, if the host knows one.
///
/// # Errors
/// Where the host cannot be asked.
pub fn find_group(
    host: &dyn Host,
    name: &UserName,
    deadline: Deadline,
) -> Result<Option<GroupEntry>, AccountError> {
    look_up(host, Database::Groups, name, deadline, parse_group)
}

/// Whether winbindd knows `name`, written as it is, for somebody of a domain.
pub(crate) fn is_known_to_winbind(
    host: &dyn Host,
    database: Database,
    name: &UserName,
    deadline: Deadline,
) -> Result<bool, AccountError> {
    Ok(winbind::line(host, database, name, deadline)?.is_some())
}

/// Makes the user `name` with a group of the same name: without a home directory, without a Unix
/// password and without a shell, so that it can do nothing but own files and use shares.
///
/// An account that is there already, of this machine or of a domain, is left as it is.
///
/// # Errors
/// Where no account of that name can be made.
pub fn create_user(
    host: &dyn Host,
    name: &UserName,
    deadline: Deadline,
) -> Result<Change, AccountError> {
    if find_user(host, name, deadline)?.is_some() {
        return Ok(Change::Unchanged);
    }
    if !name.can_be_created() {
        return Err(AccountError::CannotBeCreated { name: name.clone() });
    }
    if find_group(host, name, deadline)?.is_some() {
        return Err(AccountError::GroupExists { name: name.clone() });
    }
    // An own id range for containers (subuid) would be 65,536 ids for each user of a share.
    let command = on_files_of(host, Command::new("useradd"))?
        .args(["--no-create-home", "--no-log-init", "--user-group"])
        .args(["--shell", "/usr/sbin/nologin", "--comment", COMMENT])
        .args(["-K", "SUB_UID_COUNT=0", "-K", "SUB_GID_COUNT=0"])
        .args(["--", name.as_str()])
        .accept(&[NAME_IN_USE]);
    let output = host.run(&command, deadline)?;
    if output.status == NAME_IN_USE {
        // Somebody else made it in the meantime.
        return match find_user(host, name, deadline)? {
            Some(_) => Ok(Change::Unchanged),
            None => Err(AccountError::GroupExists { name: name.clone() }),
        };
    }
    Ok(Change::Created)
}

/// Removes the user `name` of this machine and its group, which nobody but the caller may have
/// made: the files it owns keep its number.
///
/// # Errors
/// Where the account is there and cannot be removed, for instance because a process runs as it.
pub fn delete_user(
    host: &dyn Host,
    name: &UserName,
    deadline: Deadline,
) -> Result<Change, AccountError> {
    let command = on_files_of(host, Command::new("userdel"))?
        .args(["--", name.as_str()])
        .accept(&[NO_SUCH_USER, USER_LOGGED_IN]);
    match host.run(&command, deadline)?.status {
        0 => Ok(Change::Removed),
        NO_SUCH_USER => Ok(Change::Unchanged),
        _ => Err(AccountError::InUse { name: name.clone() }),
    }
}

/// Whether Samba has a password of the user `name`.
///
/// # Errors
/// Where Samba's user database cannot be asked.
pub fn smb_password_exists(
    host: &dyn Host,
    name: &UserName,
    deadline: Deadline,
) -> Result<bool, AccountError> {
    require_live(host)?;
    let command = Command::new("pdbedit")
        .args(["--list", "--user", name.as_str()])
        .accept(&[1, 255]);
    let output = host.run(&command, deadline)?;
    if output.status == 0 {
        Ok(true)
    } else if said(&output).contains("Username not found") {
        Ok(false)
    } else {
        Err(failed(&command, &output).into())
    }
}

/// Gives the user `name`, who has to exist, the password that Samba lets it in with.
///
/// Whether it had the same password before cannot be known, so that this always changes something.
///
/// # Errors
/// Where there is no such user, or the password cannot be stored.
pub fn set_smb_password(
    host: &dyn Host,
    name: &UserName,
    password: &Secret,
    deadline: Deadline,
) -> Result<Change, AccountError> {
    require_live(host)?;
    check_password(password)?;
    if find_user(host, name, deadline)?.is_none() {
        return Err(AccountError::NoSuchUser { name: name.clone() });
    }
    let existed = smb_password_exists(host, name, deadline)?;
    let mut twice = Vec::with_capacity(2 * password.expose().len() + 2);
    for _ in 0..2 {
        twice.extend_from_slice(password.expose());
        twice.push(b'\n');
    }
    let command = Command::new("smbpasswd")
        .args(["-s", "-a", name.as_str()])
        .stdin_secret(Secret::from(twice));
    host.run(&command, deadline)?;
    Ok(if existed {
        Change::Updated
    } else {
        Change::Created
    })
}

/// Makes Samba forget the user `name`; the account itself stays.
///
/// # Errors
/// Where Samba's user database cannot be changed.
pub fn remove_smb_user(
    host: &dyn Host,
    name: &UserName,
    deadline: Deadline,
) -> Result<Change, AccountError> {
    require_live(host)?;
    let command = Command::new("smbpasswd")
        .args(["-x", name.as_str()])
        .accept(&[1]);
    let output = host.run(&command, deadline)?;
    if output.status == 0 {
        Ok(Change::Removed)
    } else if said(&output).contains("Failed to find entry") {
        Ok(Change::Unchanged)
    } else {
        Err(failed(&command, &output).into())
    }
}

/// Why an account could not be looked up or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// There is no such user.
    #[error("there is no user `{name}`")]
    NoSuchUser {
        /// The name.
        name: UserName,
    },
    /// winbindd did not say who it is.
    #[error("winbindd did not say in time who `{name}` is")]
    NoAnswer {
        /// The name.
        name: UserName,
    },
    /// The name is good for looking up only.
    #[error("no account named `{name}` can be made on this machine")]
    CannotBeCreated {
        /// The name.
        name: UserName,
    },
    /// There is a group of the name that a new user's own group would have.
    #[error("the user `{name}` cannot be made because there is a group of that name already")]
    GroupExists {
        /// The name.
        name: UserName,
    },
    /// A process runs as the user.
    #[error("the user `{name}` cannot be removed because a process runs as it")]
    InUse {
        /// The name.
        name: UserName,
    },
    /// The password cannot be given to Samba.
    #[error("the password cannot be used: {why}")]
    Password {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The host is the files of an image, and this needs a running system.
    #[error("this needs a running system, and {host} is only files")]
    NotLive {
        /// The host.
        host: String,
    },
    /// A program failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Coded for AccountError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSuchUser { .. } => "account.not-found",
            Self::NoAnswer { .. } => "account.no-answer",
            Self::CannotBeCreated { .. } => "account.name-not-creatable",
            Self::GroupExists { .. } => "account.group-exists",
            Self::InUse { .. } => "account.in-use",
            Self::Password { .. } => "account.password-invalid",
            Self::NotLive { .. } => "account.not-live",
            Self::Command(error) => error.code(),
            Self::File(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchUser { .. } => ErrorKind::NotFound,
            Self::NoAnswer { .. } => ErrorKind::Failed,
            Self::CannotBeCreated { .. } | Self::Password { .. } => ErrorKind::Invalid,
            Self::GroupExists { .. } | Self::InUse { .. } => ErrorKind::Conflict,
            Self::NotLive { .. } => ErrorKind::Unsupported,
            Self::Command(error) => error.kind(),
            Self::File(error) => error.kind(),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::NoSuchUser { name } if name.can_be_created() => Some(format!(
                "run `useradd --no-create-home --shell /usr/sbin/nologin {name}`, or name a user \
                 that exists"
            )),
            Self::NoSuchUser { .. } => Some(
                "see with `getent passwd` how users are spelled here; users of a domain need \
                 winbind or sssd in /etc/nsswitch.conf"
                    .into(),
            ),
            Self::NoAnswer { .. } => Some(
                "see with `wbinfo --online-status` whether a domain controller can be reached, and \
                 do it again"
                    .into(),
            ),
            Self::CannotBeCreated { .. } => Some(format!(
                "use lower-case letters, digits, `-` and `_`, a letter first, and at most \
                 {LONGEST_NEW_NAME} of them"
            )),
            Self::GroupExists { name } => Some(format!(
                "choose another name, or make the user yourself with `useradd --gid {name} {name}`"
            )),
            Self::InUse { name } => Some(format!("see with `ps -u {name}` what still runs")),
            Self::Password { .. } => None,
            Self::NotLive { .. } => Some("do it again on the running system".into()),
            Self::Command(error) => error.remedy(),
            Self::File(error) => error.remedy(),
        }
    }
}

/// The exit status of getent(1) for a key that is not found.
const NO_SUCH_KEY: i32 = 2;

/// The exit status of useradd(8) for a user or group that exists.
const NAME_IN_USE: i32 = 9;

/// The exit status of userdel(8) for a user that does not exist.
const NO_SUCH_USER: i32 = 6;

/// The exit status of userdel(8) for a user as whom a process runs.
const USER_LOGGED_IN: i32 = 8;

/// The longest password that Samba's programs read, in bytes.
const LONGEST_PASSWORD: usize = 255;

fn look_up<T>(
    host: &dyn Host,
    database: Database,
    name: &UserName,
    deadline: Deadline,
    parse: fn(&str) -> Option<(&str, T)>,
) -> Result<Option<T>, AccountError> {
    if !host.is_live() {
        let path = Path::new("/etc").join(database.name());
        let content = host.read(&path)?.unwrap_or_default();
        let content = String::from_utf8_lossy(&content);
        return Ok(content
            .lines()
            .filter_map(parse)
            .find(|(found, _)| *found == name.as_str())
            .map(|(_, entry)| entry));
    }
    let command = Command::new("getent")
        .args([database.name(), "--", name.as_str()])
        .accept(&[NO_SUCH_KEY]);
    let output = host.run(&command, deadline)?;
    let text = match output.status {
        NO_SUCH_KEY if name.is_of_domain() => {
            match winbind::line(host, database, name, deadline)? {
                Some(line) => line,
                None => return Ok(None),
            }
        }
        NO_SUCH_KEY => return Ok(None),
        _ => output.text(),
    };
    // A domain may spell the name in another way than it was asked for.
    match text.lines().find_map(parse) {
        Some((_, entry)) => Ok(Some(entry)),
        None => Err(CommandError::unexpected(
            &command,
            format!(
                "a line of the form of {}(5) was expected, `{text}` came",
                database.name()
            ),
        )
        .into()),
    }
}

/// One line of passwd(5).
fn parse_user(line: &str) -> Option<(&str, UserEntry)> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let entry = UserEntry {
        name: name.into(),
        uid,
        gid,
    };
    Some((name, entry))
}

/// One line of group(5).
fn parse_group(line: &str) -> Option<(&str, GroupEntry)> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let gid = fields.nth(1)?.parse().ok()?;
    let entry = GroupEntry {
        name: name.into(),
        gid,
    };
    Some((name, entry))
}

/// Makes `command` of the shadow suite work on the files of an image instead of the machine's.
fn on_files_of(host: &dyn Host, command: Command) -> Result<Command, AccountError> {
    if host.is_live() {
        return Ok(command);
    }
    match host.local_path(Path::new("/")) {
        Some(root) => Ok(command.arg("--prefix").arg(root)),
        None => Err(AccountError::NotLive {
            host: host.name().into(),
        }),
    }
}

fn require_live(host: &dyn Host) -> Result<(), AccountError> {
    if host.is_live() {
        return Ok(());
    }
    Err(AccountError::NotLive {
        host: host.name().into(),
    })
}

fn check_password(password: &Secret) -> Result<(), AccountError> {
    let bytes = password.expose();
    let why = if bytes.is_empty() {
        "it is empty"
    } else if bytes.len() > LONGEST_PASSWORD {
        "it has more than 255 bytes"
    } else if bytes.iter().any(u8::is_ascii_control) {
        "it contains a control character"
    } else if std::str::from_utf8(bytes).is_err() {
        "it is not UTF-8"
    } else {
        return Ok(());
    };
    Err(AccountError::Password { why })
}

fn said(output: &Output) -> String {
    output.error_text() + &output.text()
}

/// The error of a command whose exit status stood for something else than what it said.
fn failed(command: &Command, output: &Output) -> CommandError {
    CommandError::Failed {
        command: command.to_string(),
        status: format!("exit status: {}", output.status),
        stderr: said(output).trim().into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::host::LocalHost;

    fn name(text: &str) -> UserName {
        text.parse().unwrap()
    }

    #[test]
    fn names_of_all_kinds_of_users_can_be_looked_up() {
        for good in [
            "alice",
            r"DOM\alice",
            "alice@dom.example",
            r"DOM\domain users",
            "Büro",
            "pc$",
        ] {
            assert_eq!(name(good).as_str(), good);
        }
        for bad in [
            "", "-x", "+grp", "@grp", "a:b", "a\nb", "a,b", "0", "1000", " a", "a\"b", "%U",
        ] {
            assert!(bad.parse::<UserName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_plain_names_can_be_created() {
        for good in ["alice", "_x", "a-b_9"] {
            assert!(name(good).can_be_created(), "{good}");
        }
        for bad in ["Alice", "9lives", r"DOM\alice", "a b", "büro", "pc$", "a.b"] {
            assert!(!name(bad).can_be_created(), "{bad}");
        }
        assert!(!name(&"a".repeat(33)).can_be_created());
    }

    #[test]
    fn lines_of_the_files_are_understood() {
        // `getent passwd` with winbind: the comment may hold anything but a colon.
        let (_, user) =
            parse_user(r"AD\alice:*:11103:10513:Alice Ä:/home/AD/alice:/bin/false").unwrap();
        assert_eq!(
            (user.name.as_str(), user.uid, user.gid),
            (r"AD\alice", 11103, 10513)
        );
        let (_, group) = parse_group(r"AD\domain users:x:10513:").unwrap();
        assert_eq!(
            (group.name.as_str(), group.gid),
            (r"AD\domain users", 10513)
        );
        // NIS compatibility lines and damaged ones.
        for bad in ["", "+::::::", "x", "x:y", "x:y:z:0"] {
            assert!(parse_user(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_image_is_looked_up_in_its_files() {
        let image = tempfile::tempdir().unwrap();
        std::fs::create_dir(image.path().join("etc")).unwrap();
        std::fs::write(
            image.path().join("etc/passwd"),
            "root:x:0:0:root:/root:/bin/bash\nalice:x:1500:1600::/:/bin/false\n",
        )
        .unwrap();
        std::fs::write(image.path().join("etc/group"), "staff:x:50:alice\n").unwrap();
        let host = LocalHost::with_root(image.path());
        let soon = Deadline::after(std::time::Duration::from_secs(10));
        let alice = find_user(&host, &name("alice"), soon).unwrap().unwrap();
        assert_eq!((alice.uid, alice.gid), (1500, 1600));
        assert_eq!(find_user(&host, &name("bob"), soon).unwrap(), None);
        let staff = find_group(&host, &name("staff"), soon).unwrap().unwrap();
        assert_eq!(staff.gid, 50);
        let refused = smb_password_exists(&host, &name("alice"), soon).unwrap_err();
        assert_eq!(refused.code(), "account.not-live");
    }

    #[test]
    fn a_password_that_would_be_cut_or_read_as_two_lines_is_refused() {
        let check = |bytes: &[u8]| check_password(&Secret::from(bytes.to_vec()));
        assert!(check("pass wörd 1".as_bytes()).is_ok());
        for bad in [&b""[..], b"a\nb", b"a\0b", &[b'x'; 256], b"\xff\xfe"] {
            assert_eq!(check(bad).unwrap_err().code(), "account.password-invalid");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_never_an_option_or_a_second_field(text in "\\PC{0,40}|[-:a-z0-9\n]{0,8}") {
            if let Ok(name) = text.parse::<UserName>() {
                prop_assert!(!name.as_str().starts_with('-'));
                prop_assert!(!name.as_str().contains([':', '\n', '\0']));
            }
        }
    }
}
