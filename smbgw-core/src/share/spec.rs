//! What somebody asks for when they ask for a share: first as text, then checked.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::account::UserName;
use crate::definition::render_share;
use crate::error::{Coded, Problem};
use crate::share::{Authentication, ShareName, SharePath};
use crate::size::{QuotaSize, SizeError};

/// A share as it was asked for, nothing checked yet.
///
/// [`check`](ShareDraft::check) turns it into a [`ShareSpec`] or into a list of everything that is
/// wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ShareDraft {
    /// The share's name.
    pub name: String,
    /// Where the share runs: `native`, which it is if not given. One in a virtual machine is no directory of this
    /// machine, and made otherwise.
    pub mode: Option<String>,
    /// The directory; `/srv/smb/NAME` if not given.
    pub path: Option<String>,
    /// The quota, such as `10G`.
    pub quota: Option<String>,
    /// Accounts that may use the share, of this machine (`alice`) or of a domain (`AD\bob`).
    pub users: Vec<String>,
    /// Groups whose members may use the share, of this machine (`staff`) or of a domain
    /// (`AD\domain users`).
    pub groups: Vec<String>,
    /// Which of them are let in: those of a `domain`, the `local` ones, or both: `hybrid`, which is
    /// the default.
    pub auth: Option<String>,
    /// Make those of `users` that do not exist.
    pub create_users: bool,
    /// Nobody may write.
    pub read_only: bool,
    /// Everybody may use the share, without a password.
    pub guest: bool,
    /// The oldest protocol version accepted: `2.1`, `3.0` or `3.1.1`.
    pub min_protocol: Option<String>,
    /// Encryption on the wire: `required`, `desired` or `off`.
    pub encrypt: Option<String>,
    /// A comment that clients show.
    pub comment: Option<String>,
}

impl ShareDraft {
    /// Checks every field by itself and the fields against each other.
    ///
    /// # Errors
    /// All the problems there are.
    pub fn check(&self) -> Result<ShareSpec, Vec<Problem>> {
        let mut problems = Vec::new();
        let spec = self.parse(&mut problems);
        // What Samba's configuration cannot say has to be found before anything is touched.
        if let Some(spec) = &spec
            && problems.is_empty()
            && let Err(error) = render_share(spec, None)
        {
            let code = "share.not-expressible";
            problems.push(Problem::invalid("share", code, error.to_string()));
        }
        match spec {
            Some(spec) if problems.is_empty() => Ok(spec),
            _ => Err(problems),
        }
    }

    /// The path asked for or the default one, if it and the name are valid.
    pub fn checked_path(&self) -> Option<SharePath> {
        match &self.path {
            Some(path) => path.parse().ok(),
            None => {
                let name: ShareName = self.name.parse().ok()?;
                format!("{DEFAULT_PARENT}/{}", name.key()).parse().ok()
            }
        }
    }

    fn parse(&self, problems: &mut Vec<Problem>) -> Option<ShareSpec> {
        let name = keep(self.name.parse::<ShareName>(), "name", problems);
        let mode = match self.mode.as_deref() {
            None => Some(Mode::Native),
            Some(text) => keep(text.parse(), "mode", problems).filter(|mode| {
                let is_here = *mode == Mode::Native;
                if !is_here {
                    problems.push(made_elsewhere(*mode));
                }
                is_here
            }),
        };
        let path = match (&self.path, &name) {
            (Some(path), _) => keep(path.parse::<SharePath>(), "path", problems),
            (None, Some(_)) => self.checked_path(),
            (None, None) => None,
        };
        let quota = match self.quota.as_deref() {
            None => {
                problems.push(
                    Problem::invalid("quota", "share.quota-missing", "no quota is given")
                        .remedy("give the size the share may grow to, such as --quota 10G"),
                );
                None
            }
            Some(text) => keep(text.parse::<QuotaSize>(), "quota", problems),
        };
        let min_protocol = match self.min_protocol.as_deref() {
            None => Some(Protocol::default()),
            Some(text) => keep(text.parse(), "min-protocol", problems),
        };
        let encryption = match self.encrypt.as_deref() {
            None => Some(Encryption::default()),
            Some(text) => keep(text.parse(), "encrypt", problems),
        };
        let auth = match self.auth.as_deref() {
            None => Some(Authentication::default()),
            Some(text) => keep(text.parse::<Authentication>(), "auth", problems),
        };
        let comment = match self.comment.as_deref() {
            Some(text) if text.chars().any(char::is_control) || text.ends_with('\\') => {
                problems.push(Problem::invalid(
                    "comment",
                    "share.comment-invalid",
                    "the comment contains a control character or ends with a backslash",
                ));
                None
            }
            text => Some(
                text.map(|text| text.trim().to_string())
                    .filter(|text| !text.is_empty()),
            ),
        };
        let access = self.access(problems);
        self.contradictions(encryption, problems);
        if let (Some(access), Some(auth)) = (&access, auth) {
            problems.extend(nobody_let_in(access, auth));
        }
        Some(ShareSpec {
            name: name?,
            mode: mode?,
            path: path?,
            quota: quota?,
            access: access?,
            auth: auth?,
            min_protocol: min_protocol?,
            encryption: encryption?,
            comment: comment?,
        })
    }

    fn access(&self, problems: &mut Vec<Problem>) -> Option<Access> {
        let names = |field: &str, texts: &[String], problems: &mut Vec<Problem>| {
            let mut names: Vec<UserName> = Vec::new();
            for text in texts {
                match keep(text.parse::<UserName>(), field, problems) {
                    Some(name) if !names.contains(&name) => names.push(name),
                    _ => {}
                }
            }
            names
        };
        let users = names("user", &self.users, problems);
        let groups = names("group", &self.groups, problems);
        if self.guest {
            return Some(Access {
                users,
                groups,
                guest: true,
                read_only: self.read_only,
            });
        }
        if self.users.is_empty() && self.groups.is_empty() {
            problems.push(
                Problem::invalid("user", "share.access-missing", "nobody may use the share")
                    .remedy("name who may with --user or --group, or open it with --guest"),
            );
            return None;
        }
        Some(Access {
            users,
            groups,
            guest: false,
            read_only: self.read_only,
        })
    }

    fn contradictions(&self, encryption: Option<Encryption>, problems: &mut Vec<Problem>) {
        let mut contradiction = |field: &str, message: &str, remedy: &str| {
            problems.push(Problem::invalid(field, "share.contradiction", message).remedy(remedy));
        };
        if self.guest && !(self.users.is_empty() && self.groups.is_empty()) {
            contradiction(
                "guest",
                "a share open to guests cannot be limited to users or groups",
                "leave out either --guest or --user and --group",
            );
        }
        if self.guest && self.auth.is_some() {
            contradiction(
                "auth",
                "a share open to guests lets in everybody",
                "leave out either --guest or --auth",
            );
        }
        if self.guest && encryption == Some(Encryption::Required) {
            contradiction(
                "encrypt",
                "guests have no key to encrypt with, so encryption cannot be required of them",
                "leave out --guest, or give --encrypt desired",
            );
        }
        if self.create_users && self.users.is_empty() {
            contradiction(
                "create-user",
                "there is no user to create",
                "name the user with --user",
            );
        }
    }
}

/// A share that can be made: every field valid, and no two in contradiction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShareSpec {
    /// The share's name.
    pub name: ShareName,
    /// Where the share runs.
    pub mode: Mode,
    /// The directory that is shared.
    pub path: SharePath,
    /// The limit of what the share holds, in bytes.
    pub quota: QuotaSize,
    /// Who may use it.
    pub access: Access,
    /// Which of them are let in.
    #[serde(default)]
    pub auth: Authentication,
    /// The oldest protocol version accepted.
    pub min_protocol: Protocol,
    /// Whether the wire is encrypted.
    pub encryption: Encryption,
    /// A comment that clients show.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comment: Option<String>,
}

/// Who may use a share, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Access {
    /// Accounts of this machine or of a domain.
    pub users: Vec<UserName>,
    /// Groups of this machine or of a domain.
    pub groups: Vec<UserName>,
    /// Everybody, without a password.
    pub guest: bool,
    /// Nobody writes.
    pub read_only: bool,
}

impl Access {
    /// The users and groups whom the method `auth` lets in.
    pub fn let_in(&self, auth: Authentication) -> impl Iterator<Item = &UserName> {
        self.users
            .iter()
            .chain(&self.groups)
            .filter(move |name| auth.lets_in(name))
    }
}

/// Where the share's Samba runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Mode {
    /// On the host itself.
    Native,
    /// In a virtual machine of its own.
    Vm,
}

/// A version of the SMB protocol.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Protocol {
    /// SMB 2.1 (Windows 7).
    #[serde(rename = "2.1")]
    Smb2_10,
    /// SMB 3.0 (Windows 8), the first with encryption.
    #[default]
    #[serde(rename = "3.0")]
    Smb3_00,
    /// SMB 3.1.1 (Windows 10).
    #[serde(rename = "3.1.1")]
    Smb3_11,
}

impl Protocol {
    /// The name in smb.conf(5), `server min protocol`.
    pub fn samba_name(self) -> &'static str {
        match self {
            Self::Smb2_10 => "SMB2_10",
            Self::Smb3_00 => "SMB3_00",
            Self::Smb3_11 => "SMB3_11",
        }
    }
}

/// Whether what goes over the wire is encrypted (smb.conf(5), `server smb encrypt`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// Clients that cannot encrypt are refused.
    Required,
    /// Clients that can encrypt do.
    #[default]
    Desired,
    /// Nobody encrypts.
    Off,
}

impl Encryption {
    /// The value in smb.conf(5), `server smb encrypt`.
    pub fn samba_name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Desired => "desired",
            Self::Off => "off",
        }
    }
}

/// A word that is none of those allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {what}: choose {choices}")]
pub struct ChoiceError {
    given: String,
    what: &'static str,
    choices: &'static str,
}

impl ChoiceError {
    pub(super) fn new(given: &str, what: &'static str, choices: &'static str) -> Self {
        Self {
            given: given.into(),
            what,
            choices,
        }
    }
}

impl Coded for ChoiceError {
    fn code(&self) -> &'static str {
        "share.choice-invalid"
    }

    fn kind(&self) -> crate::error::ErrorKind {
        crate::error::ErrorKind::Invalid
    }
}

impl Coded for SizeError {
    fn code(&self) -> &'static str {
        "share.quota-invalid"
    }

    fn kind(&self) -> crate::error::ErrorKind {
        crate::error::ErrorKind::Invalid
    }
}

impl FromStr for Mode {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Self, ChoiceError> {
        match text.to_ascii_lowercase().as_str() {
            "native" => Ok(Self::Native),
            "vm" => Ok(Self::Vm),
            _ => Err(ChoiceError {
                given: text.into(),
                what: "a mode",
                choices: "native or vm",
            }),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native => f.pad("native"),
            Self::Vm => f.pad("vm"),
        }
    }
}

impl FromStr for Protocol {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Self, ChoiceError> {
        let upper = text.to_ascii_uppercase();
        match upper.strip_prefix("SMB").unwrap_or(&upper) {
            "2.1" | "2_10" => Ok(Self::Smb2_10),
            "3" | "3.0" | "3_00" => Ok(Self::Smb3_00),
            "3.1.1" | "3.11" | "3_11" => Ok(Self::Smb3_11),
            "1" | "1.0" | "2" | "2.0" | "2_02" | "2.0.2" => Err(ChoiceError {
                given: text.into(),
                what: "a protocol version that is safe",
                choices: "2.1, 3.0 or 3.1.1",
            }),
            _ => Err(ChoiceError {
                given: text.into(),
                what: "a protocol version",
                choices: "2.1, 3.0 or 3.1.1",
            }),
        }
    }
}

impl FromStr for Encryption {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Self, ChoiceError> {
        match text.to_ascii_lowercase().as_str() {
            "required" => Ok(Self::Required),
            "desired" => Ok(Self::Desired),
            "off" => Ok(Self::Off),
            _ => Err(ChoiceError {
                given: text.into(),
                what: "a way to encrypt",
                choices: "required, desired or off",
            }),
        }
    }
}

/// That a share of this `mode` is no directory of this machine.
fn made_elsewhere(mode: Mode) -> Problem {
    let message = format!("a share of the mode {mode} is not a directory of this machine");
    Problem::invalid("mode", "share.mode-elsewhere", message).remedy(format!(
        "give the mode native, or run `pve-smbgateway create NAME --mode {mode}`"
    ))
}

/// What is wrong where a share with this `access` lets in nobody by the method `auth`.
pub(crate) fn nobody_let_in(access: &Access, auth: Authentication) -> Option<Problem> {
    if access.guest || access.let_in(auth).next().is_some() {
        return None;
    }
    let (whose, example) = match auth {
        Authentication::Domain => ("of a domain", r"AD\bob"),
        Authentication::Local => ("of this machine", "alice"),
        Authentication::Hybrid => return None,
    };
    let message = format!(
        "none of the share's users and groups is {whose}, so that `{auth}` would let in nobody"
    );
    Some(
        Problem::invalid("auth", "share.access-missing", message).remedy(format!(
            "choose another way to authenticate, or name somebody {whose}, such as `{example}`"
        )),
    )
}

/// Where shares go whose path is not given.
const DEFAULT_PARENT: &str = "/srv/smb";

fn keep<T, E: Coded>(result: Result<T, E>, field: &str, problems: &mut Vec<Problem>) -> Option<T> {
    result
        .map_err(|error| problems.push(Problem::from_error(field, &error)))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> ShareDraft {
        ShareDraft {
            name: "media".into(),
            path: Some("/srv/smb/media".into()),
            quota: Some("10G".into()),
            users: vec!["alice".into()],
            ..ShareDraft::default()
        }
    }

    #[test]
    fn defaults_are_secure() {
        let spec = draft().check().unwrap();
        assert_eq!(spec.min_protocol, Protocol::Smb3_00);
        assert_eq!(spec.encryption, Encryption::Desired);
        assert!(!spec.access.guest);
        assert_eq!(spec.mode, Mode::Native);
    }

    #[test]
    fn the_default_path_comes_from_the_name() {
        let spec = ShareDraft {
            name: "Media".into(),
            path: None,
            ..draft()
        }
        .check()
        .unwrap();
        assert_eq!(spec.path.to_string(), "/srv/smb/media");
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let problems = ShareDraft {
            name: "a/b".into(),
            mode: Some("cloud".into()),
            path: Some("/etc".into()),
            quota: Some("0".into()),
            users: vec!["-x".into()],
            min_protocol: Some("1".into()),
            encrypt: Some("maybe".into()),
            comment: Some("a\nb".into()),
            ..ShareDraft::default()
        }
        .check()
        .unwrap_err();
        let fields: Vec<_> = problems
            .iter()
            .map(|problem| problem.field.as_str())
            .collect();
        let all = [
            "name",
            "mode",
            "path",
            "quota",
            "min-protocol",
            "encrypt",
            "comment",
            "user",
        ];
        assert_eq!(fields, all);
    }

    #[test]
    fn a_share_in_a_virtual_machine_is_no_directory_here() {
        let mode = |mode: &str| ShareDraft {
            mode: Some(mode.into()),
            ..draft()
        };
        let problems = mode("VM").check().unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].code, "share.mode-elsewhere");
        assert!(mode("native").check().is_ok());
    }

    #[test]
    fn contradictions_are_found() {
        let fields = |draft: ShareDraft| -> Vec<String> {
            draft
                .check()
                .unwrap_err()
                .into_iter()
                .map(|problem| problem.field)
                .collect()
        };
        assert_eq!(
            fields(ShareDraft {
                guest: true,
                ..draft()
            }),
            ["guest"]
        );
        let guest = ShareDraft {
            guest: true,
            users: vec![],
            ..draft()
        };
        assert!(guest.check().is_ok());
        assert_eq!(
            fields(ShareDraft {
                encrypt: Some("required".into()),
                ..guest.clone()
            }),
            ["encrypt"]
        );
        assert_eq!(
            fields(ShareDraft {
                create_users: true,
                ..guest
            }),
            ["create-user"]
        );
        assert_eq!(
            fields(ShareDraft {
                users: vec![],
                ..draft()
            }),
            ["user"]
        );
        assert_eq!(
            fields(ShareDraft {
                quota: None,
                ..draft()
            }),
            ["quota"]
        );
    }

    #[test]
    fn a_method_that_lets_in_nobody_is_refused() {
        let with = |auth: &str, user: &str, group: Option<&str>| {
            ShareDraft {
                auth: Some(auth.into()),
                users: vec![user.into()],
                groups: group.into_iter().map(str::to_string).collect(),
                ..draft()
            }
            .check()
        };
        for (auth, user) in [
            ("domain", "alice"),
            ("local", r"AD\alice"),
            ("local", "a@ad.test"),
        ] {
            let problems = with(auth, user, None).unwrap_err();
            assert_eq!(problems[0].field, "auth", "{problems:?}");
            assert_eq!(problems[0].code, "share.access-missing");
            assert_eq!(problems.len(), 1);
        }
        assert!(with("domain", "alice", Some(r"AD\domain users")).is_ok());
        assert!(with("local", r"AD\alice", Some("staff")).is_ok());
        assert!(with("hybrid", r"AD\alice", None).is_ok());
        assert_eq!(with("ads", "alice", None).unwrap_err()[0].field, "auth");
        let guest = ShareDraft {
            guest: true,
            users: vec![],
            auth: Some("local".into()),
            ..draft()
        };
        assert_eq!(guest.check().unwrap_err()[0].field, "auth");
    }

    #[test]
    fn what_smb_conf_cannot_say_is_refused() {
        for comment in ["two  spaces", "who is %U", "the end \\"] {
            let draft = ShareDraft {
                comment: Some(comment.into()),
                ..draft()
            };
            assert_eq!(draft.check().unwrap_err().len(), 1, "{comment}");
        }
        let draft = ShareDraft {
            comment: Some("Films, music & 100 % \"more\"".into()),
            ..draft()
        };
        draft.check().unwrap();
    }

    #[test]
    fn a_spec_reads_back_from_json() {
        let spec = draft().check().unwrap();
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<ShareSpec>(&json).unwrap(), spec);
    }
}
