//! Our shares as Samba reads them: the text of `smbgw.conf` and its place in `smb.conf`.
//!
//! `smbgw.conf` is a function of the records ([`crate::catalog`]) and of what the administrator set
//! in `smb.conf`; it is made anew whenever either matters, and never read back. A parameter that
//! the administrator set is left alone.
//!
//! Shares live in a file behind one `include` line rather than in Samba's registry: a file is what
//! administrators read and back up, it works where smbd does not run (images), and replacing it is
//! atomic with one rename.

use std::path::Path;

use crate::account::UserName;
use crate::catalog::{self, ShareRecord};
use crate::change::Change;
use crate::deadline::Deadline;
use crate::error::{Coded, ErrorKind};
use crate::host::{Command, CommandError, FileError, Host, create_dirs};
use crate::layout::{SHARES_CONF, SMB_CONF};
use crate::share::{Encryption, Protocol, ShareName, ShareSpec};
use crate::smbconf::effective::{self, Effective};
use crate::smbconf::globals::{Globals, explicit_globals_following};
use crate::smbconf::include::{Edit, IncludePath, IncludePathError, attach, detach, is_skeleton};
use crate::smbconf::lex::{self, Item};
use crate::smbconf::names::canonical;
use crate::smbconf::render::{Problem, RenderError, Value, render_section};
use crate::state_error::StateError;

/// What the administrator's `smb.conf` sets globally, its includes but for ours followed.
///
/// # Errors
/// Where the file cannot be read.
pub fn administrators_globals(host: &dyn Host) -> Result<Globals, FileError> {
    let text = host.read(Path::new(SMB_CONF))?.unwrap_or_default();
    Ok(explicit_globals_following(&text, &|path| {
        read_theirs(host, path)
    }))
}

/// A file that the administrator's `smb.conf` includes; `None` for ours.
pub(crate) fn read_theirs(host: &dyn Host, path: &Path) -> Option<Vec<u8>> {
    if path == Path::new(SHARES_CONF) {
        None
    } else {
        host.read(path).ok().flatten()
    }
}

/// The global parameters that the shares in `records` need, with their values.
pub fn wanted_globals<'r>(
    records: impl Iterator<Item = &'r ShareSpec> + Clone,
) -> [(&'static str, &'static str); 4] {
    let oldest = records
        .clone()
        .map(|spec| spec.min_protocol)
        .min()
        .unwrap_or_default();
    let guests = records.clone().any(|spec| spec.access.guest);
    [
        ("server min protocol", Protocol::samba_name(oldest)),
        ("server signing", "mandatory"),
        ("map to guest", if guests { "bad user" } else { "never" }),
        ("restrict anonymous", if guests { "0" } else { "2" }),
    ]
}

/// The whole text of `smbgw.conf` for `records`, where the administrator set `theirs`.
///
/// # Errors
/// Where a value cannot be expressed in Samba's syntax.
pub fn render(records: &[ShareRecord], theirs: &Globals) -> Result<String, RenderError> {
    render_with(
        &wanted_globals(records.iter().map(|record| &record.spec)),
        records
            .iter()
            .map(|record| (&record.spec, record.free_space_command.as_deref())),
        theirs,
    )
}

/// The section of one share, with the program that tells its free space, if it needs one.
///
/// # Errors
/// Where a value cannot be expressed in Samba's syntax.
pub fn render_share(
    spec: &ShareSpec,
    free_space_command: Option<&Path>,
) -> Result<String, RenderError> {
    let path = spec.path.to_string();
    let yes_no = |yes: bool| if yes { "yes" } else { "no" };
    let who = valid_users(spec);
    let who: Vec<&str> = who.iter().map(String::as_str).collect();
    let mut parameters: Vec<(&str, Value<'_>)> = vec![("path", path.as_str().into())];
    if let Some(comment) = &spec.comment {
        parameters.push(("comment", comment.as_str().into()));
    }
    parameters.push(("read only", yes_no(spec.access.read_only).into()));
    parameters.push(("guest ok", yes_no(spec.access.guest).into()));
    if !spec.access.guest {
        if who.is_empty() {
            // An empty list lets in everybody.
            return Err(RenderError::Value {
                key: "valid users".into(),
                value: String::new(),
                problem: Problem::Empty,
            });
        }
        parameters.push(("valid users", Value::List(&who)));
    }
    // A guest has no key: smbd would announce that the share encrypts, and clients that believe it
    // get nothing but `NT_STATUS_INVALID_PARAMETER_MIX`.
    let encrypt = match spec.encryption {
        Encryption::Desired if spec.access.guest => "if_required",
        encryption => encryption.samba_name(),
    };
    parameters.push(("server smb encrypt", encrypt.into()));
    // New files get the rights of the directory's default list; the masks are what of it Samba lets
    // through (programs can be run from the share only with the execute bit).
    parameters.push(("inherit acls", "yes".into()));
    parameters.push(("create mask", "0770".into()));
    parameters.push(("directory mask", "0770".into()));
    let command = free_space_command.map(|path| path.to_string_lossy());
    if let Some(command) = &command {
        parameters.push(("dfree command", Value::Literal(command)));
        // Seconds; a client that looks often does not start a process each time.
        parameters.push(("dfree cache time", "2".into()));
    }
    render_section(spec.name.as_str(), &parameters)
}

/// Those who are let in, as smb.conf(5) wants them in `valid users`.
///
/// smbd looks one name up after the other until it comes to one that fits. Those of this machine are
/// first, so that they are not kept waiting where no domain controller answers about the others.
fn valid_users(spec: &ShareSpec) -> Vec<String> {
    let is_let_in = |name: &&UserName| spec.auth.lets_in(name);
    let users = spec.access.users.iter().filter(is_let_in);
    let groups = spec.access.groups.iter().filter(is_let_in);
    let mut all: Vec<(bool, String)> = users
        .map(|user| (user.is_of_domain(), user.to_string()))
        .chain(groups.map(|group| (group.is_of_domain(), format!("@{group}"))))
        .collect();
    all.sort_by_key(|(of_domain, _)| *of_domain);
    all.into_iter().map(|(_, name)| name).collect()
}

/// Makes Samba's configuration what the records say; the caller holds the configuration lock.
///
/// With `checked`, the section of that share is first put to `testparm` as a candidate.
///
/// # Errors
/// Where a file cannot be changed, or `testparm` refuses the candidate or reads it differently;
/// nothing is installed then.
pub fn synchronise(
    host: &dyn Host,
    checked: Option<&ShareName>,
    deadline: Deadline,
) -> Result<Change, DefinitionError> {
    let records = catalog::load_all(host)?;
    synchronise_with(host, &records, checked, None, deadline)
}

/// The same for `records`, which are all there are, where Samba `accepted` a candidate a moment ago:
/// it is not asked again for that one.
pub(crate) fn synchronise_with(
    host: &dyn Host,
    records: &[ShareRecord],
    checked: Option<&ShareName>,
    accepted: Option<&Accepted>,
    deadline: Deadline,
) -> Result<Change, DefinitionError> {
    if records.is_empty() {
        return withdraw(host);
    }
    let theirs = administrators_globals(host)?;
    let text = render(records, &theirs)?;
    if let Some(name) = checked
        && let Some(record) = records.iter().find(|record| record.name() == name)
    {
        let candidate = Candidate {
            spec: &record.spec,
            free_space_command: record.free_space_command.as_deref(),
            globals: wanted_globals(records.iter().map(|record| &record.spec)),
        };
        let text = candidate.text(host, &theirs)?;
        if accepted.is_none_or(|accepted| accepted.0 != text) {
            candidate.check(host, text, deadline)?;
        }
    }
    let installed = host.write(Path::new(SHARES_CONF), text.as_bytes(), 0o644)?;
    let smb_conf = Path::new(SMB_CONF);
    let before = host.read(smb_conf)?;
    let attached = match attach(before.as_deref(), &include_path()?) {
        Edit::Unchanged => Change::Unchanged,
        Edit::Changed(text) => {
            create_dirs(host, smb_conf.parent().unwrap_or(smb_conf), 0o755)?;
            host.write(smb_conf, &text, 0o644)?
        }
    };
    Ok(if installed.happened() {
        installed
    } else {
        attached
    })
}

/// What Samba reads in the administrator's configuration, without our shares.
///
/// # Errors
/// Where `testparm` refuses it or is not installed.
pub fn check_administrators(
    host: &dyn Host,
    deadline: Deadline,
) -> Result<Effective, DefinitionError> {
    testparm(
        host,
        administrators_text(host)?.unwrap_or_default(),
        deadline,
    )
}

/// The text of the administrator's `smb.conf` without our line; `None` where there is no such file.
pub(crate) fn administrators_text(host: &dyn Host) -> Result<Option<Vec<u8>>, DefinitionError> {
    let Some(text) = host.read(Path::new(SMB_CONF))? else {
        return Ok(None);
    };
    Ok(Some(match detach(&text, &include_path()?) {
        Edit::Changed(text) => text,
        Edit::Unchanged => text,
    }))
}

fn render_with<'a>(
    globals: &[(&str, &str)],
    shares: impl Iterator<Item = (&'a ShareSpec, Option<&'a Path>)>,
    theirs: &Globals,
) -> Result<String, RenderError> {
    let mut text = String::from(HEADER);
    text.push_str("[global]\n");
    for (key, value) in globals.iter().filter(|(key, _)| theirs.get(key).is_none()) {
        text.push_str(&format!("\t{key} = {value}\n"));
    }
    for (spec, free_space_command) in shares {
        text.push('\n');
        text.push_str(&render_share(spec, free_space_command)?);
    }
    text.push_str(FOOTER);
    Ok(text)
}

/// The name of our file for an include line.
fn include_path() -> Result<IncludePath, DefinitionError> {
    Ok(IncludePath::new(SHARES_CONF)?)
}

/// Takes our line out of `smb.conf` and removes our file.
fn withdraw(host: &dyn Host) -> Result<Change, DefinitionError> {
    let smb_conf = Path::new(SMB_CONF);
    let include = include_path()?;
    if let Some(text) = host.read(smb_conf)? {
        if is_skeleton(&text, &include) {
            host.remove(smb_conf)?;
        } else if let Edit::Changed(text) = detach(&text, &include) {
            host.write(smb_conf, &text, 0o644)?;
        }
    }
    Ok(host.remove(Path::new(SHARES_CONF))?)
}

/// A configuration that Samba accepted and read as it was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted(Vec<u8>);

/// The definition that a share is to have.
pub(crate) struct Candidate<'a> {
    pub(crate) spec: &'a ShareSpec,
    pub(crate) free_space_command: Option<&'a Path>,
    /// What all shares together need for the whole server.
    pub(crate) globals: [(&'static str, &'static str); 4],
}

impl Candidate<'_> {
    /// Puts the share's section, with the globals of all shares, to `testparm` behind the
    /// administrator's own configuration, and compares what Samba reads with what is meant.
    pub(crate) fn accept(
        &self,
        host: &dyn Host,
        deadline: Deadline,
    ) -> Result<Accepted, DefinitionError> {
        let text = self.text(host, &administrators_globals(host)?)?;
        self.check(host, text, deadline)
    }

    /// The administrator's configuration with this share in it.
    fn text(&self, host: &dyn Host, theirs: &Globals) -> Result<Vec<u8>, DefinitionError> {
        // The other shares' sections were checked when they came.
        let share = (self.spec, self.free_space_command);
        let candidate = render_with(&self.globals, [share].into_iter(), theirs)?;
        let theirs = administrators_text(host)?;
        let text = match attach(theirs.as_deref(), &include_path()?) {
            Edit::Changed(text) => text,
            Edit::Unchanged => theirs.unwrap_or_default(),
        };
        Ok(with_included(&text, candidate.as_bytes()))
    }

    fn check(
        &self,
        host: &dyn Host,
        text: Vec<u8>,
        deadline: Deadline,
    ) -> Result<Accepted, DefinitionError> {
        let effective = testparm(host, text.clone(), deadline)?;
        compare(&effective, self.spec, &self.globals)?;
        Ok(Accepted(text))
    }
}

/// `text` with `content` in the place of our include line, which is how Samba reads an include.
fn with_included(text: &[u8], content: &[u8]) -> Vec<u8> {
    let document = lex::parse(text);
    let mut whole = Vec::with_capacity(text.len() + content.len());
    for line in document.lines() {
        match &line.item {
            Item::Parameter { key, value }
                if canonical(key) == "include" && **value == *SHARES_CONF.as_bytes() =>
            {
                whole.extend_from_slice(content);
            }
            _ => whole.extend_from_slice(&text[line.range.clone()]),
        }
    }
    whole
}

/// What Samba reads in `text`, as `testparm` tells.
fn testparm(
    host: &dyn Host,
    text: Vec<u8>,
    deadline: Deadline,
) -> Result<Effective, DefinitionError> {
    // With -v also what equals Samba's defaults is told.
    let command = Command::new("testparm")
        .args(["-s", "-v", "/proc/self/fd/0"])
        .stdin(text);
    match host.run(&command, deadline) {
        Ok(output) => Ok(effective::parse(&output.stdout)),
        Err(CommandError::Failed { stderr, .. }) => Err(DefinitionError::Refused { said: stderr }),
        Err(error) => Err(error.into()),
    }
}

/// Compares what Samba reads with what `spec` means.
fn compare(
    effective: &Effective,
    spec: &ShareSpec,
    globals: &[(&'static str, &'static str)],
) -> Result<(), DefinitionError> {
    let name = spec.name.as_str();
    let path = spec.path.to_string();
    let read = effective.share(name, "path").map(String::from_utf8_lossy);
    if read.as_deref() != Some(path.as_str()) {
        return Err(DefinitionError::ReadDifferently {
            parameter: format!("path of [{name}]"),
            meant: path,
            read: read.unwrap_or_default().into_owned(),
        });
    }
    for (key, meant) in globals {
        let read = String::from_utf8_lossy(effective.global(key).unwrap_or_default());
        if !is_at_least(key, &read, meant) {
            return Err(DefinitionError::ReadDifferently {
                parameter: (*key).into(),
                meant: (*meant).into(),
                read: read.into_owned(),
            });
        }
    }
    Ok(())
}

/// Whether the value `given` of the global parameter `key` is as strict as `wanted`.
///
/// What guests are mapped to does not matter to shares that refuse guests, and what anonymous
/// sessions may list is no part of what a share promises; both may be whatever they are.
pub fn is_at_least(key: &str, given: &str, wanted: &str) -> bool {
    let given = canonical(given.as_bytes());
    match key {
        "server min protocol" => {
            let rank = |name: &str| PROTOCOLS.iter().position(|list| list.contains(&name));
            rank(&given.to_uppercase()) >= rank(wanted)
        }
        "server signing" => {
            ["mandatory", "required", "force", "forced", "enforced"].contains(&given.as_str())
        }
        "map to guest" if wanted == "bad user" => given != "never",
        "restrict anonymous" if wanted == "0" => given != "2",
        _ => true,
    }
}

/// The names of protocol versions in smb.conf(5), from the oldest to the newest.
const PROTOCOLS: [&[&str]; 9] = [
    &["CORE", "COREPLUS"],
    &["LANMAN1", "LANMAN2"],
    &["NT1"],
    &["SMB2_02"],
    &["SMB2_10", "SMB2"],
    &["SMB2_22", "SMB2_24"],
    &["SMB3_00"],
    &["SMB3_02"],
    &["SMB3_11", "SMB3"],
];

const HEADER: &str = "\
# The shares of this machine's SMB gateway, written by smbgw and overwritten when they change:
# use `pve-smbgateway` to change them, and smb.conf for shares of your own.
";

/// Brings Samba back to the section that our include line stands in.
const FOOTER: &str = "\n[global]\n";

/// Why Samba's configuration could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A record could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// A command failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A value cannot be expressed.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The path of our file cannot be expressed.
    #[error(transparent)]
    Include(#[from] IncludePathError),
    /// `testparm` refuses the configuration.
    #[error("samba refuses the configuration: {said}")]
    Refused {
        /// What it said.
        said: String,
    },
    /// Samba reads the candidate differently from what it means.
    #[error("samba reads the {parameter} as `{read}` where `{meant}` is meant")]
    ReadDifferently {
        /// Which parameter.
        parameter: String,
        /// What it was to be.
        meant: String,
        /// What Samba reads.
        read: String,
    },
}

impl Coded for DefinitionError {
    fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::State(error) => error.code(),
            Self::Command(error) => error.code(),
            Self::Render(_) | Self::Include(_) => "smbconf.not-expressible",
            Self::Refused { .. } => "smbconf.refused",
            Self::ReadDifferently { .. } => "smbconf.read-differently",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            Self::State(error) => error.kind(),
            Self::Command(error) => error.kind(),
            Self::Render(_) | Self::Include(_) => ErrorKind::Invalid,
            Self::Refused { .. } | Self::ReadDifferently { .. } => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::File(error) => error.remedy(),
            Self::State(error) => error.remedy(),
            Self::Command(error) => error.remedy(),
            Self::Refused { .. } => Some(format!("run `testparm -s {SMB_CONF}` and mend the file")),
            Self::ReadDifferently { .. } => {
                Some(format!("look in {SMB_CONF} for a line that sets it"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::host::LocalHost;
    use crate::ports::{Filesystem, Handle, Origin, Volume};
    use crate::share::ShareDraft;
    use crate::smbconf::globals::explicit_globals;

    fn record(name: &str, change: impl FnOnce(&mut ShareDraft)) -> ShareRecord {
        let mut draft = ShareDraft {
            name: name.into(),
            quota: Some("1G".into()),
            users: vec!["alice".into()],
            ..ShareDraft::default()
        };
        change(&mut draft);
        let spec = draft.check().unwrap();
        let volume = Volume {
            path: spec.path.as_path().into(),
            filesystem: Filesystem::Ext4,
            handle: Handle::Project {
                id: 100_000,
                name: "smbgw-x".into(),
            },
            origin: Origin::Created,
        };
        ShareRecord::new(spec, volume, 0)
    }

    #[test]
    fn a_share_is_closed_to_all_but_those_named() {
        let share = record("media", |draft| {
            draft.users.push("DOM\\some one".into());
            draft.groups.push("staff".into());
            draft.encrypt = Some("required".into());
        });
        let text = render(&[share], &explicit_globals(b"")).unwrap();
        let expected = format!(
            "{HEADER}[global]
\tserver min protocol = SMB3_00
\tserver signing = mandatory
\tmap to guest = never
\trestrict anonymous = 2

[media]
\tpath = /srv/smb/media
\tread only = no
\tguest ok = no
\tvalid users = alice @staff \"DOM\\some one\"
\tserver smb encrypt = required
\tinherit acls = yes
\tcreate mask = 0770
\tdirectory mask = 0770

[global]
"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn samba_is_told_of_those_whom_the_method_lets_in() {
        let valid_users = |auth: &str| {
            let share = record("media", |draft| {
                draft.users.push(r"AD\bob".into());
                draft.groups = vec!["staff".into(), r"AD\domain users".into()];
                draft.auth = Some(auth.into());
            });
            let text = render(&[share], &explicit_globals(b"")).unwrap();
            let line = text.lines().find(|line| line.contains("valid users"));
            line.unwrap().trim().to_string()
        };
        let expected = [
            ("local", "valid users = alice @staff"),
            ("domain", r#"valid users = AD\bob "@AD\domain users""#),
            (
                "hybrid",
                r#"valid users = alice @staff AD\bob "@AD\domain users""#,
            ),
        ];
        for (auth, line) in expected {
            assert_eq!(valid_users(auth), line);
        }
    }

    #[test]
    fn a_list_of_nobody_is_never_written() {
        // Samba takes it for everybody. A request cannot say this; a record that was edited can.
        let mut share = record("media", |_| ());
        share.spec.auth = crate::share::Authentication::Domain;
        assert!(render(&[share], &explicit_globals(b"")).is_err());
    }

    #[test]
    fn what_the_administrator_set_is_left_out() {
        let theirs = explicit_globals(b"[global]\nmin protocol = SMB3\nServer Signing=mandatory\n");
        let text = render(&[record("a", |_| ())], &theirs).unwrap();
        assert!(!text.contains("server min protocol") && !text.contains("server signing"));
        assert!(text.contains("\tmap to guest = never\n"));
    }

    #[test]
    fn the_oldest_protocol_asked_for_counts_for_all() {
        let old = record("old", |draft| draft.min_protocol = Some("2.1".into()));
        let text = render(&[record("new", |_| ()), old], &explicit_globals(b"")).unwrap();
        assert!(text.contains("server min protocol = SMB2_10"));
    }

    #[test]
    fn guests_need_what_smbd_keeps_from_them_otherwise() {
        let open = record("open", |draft| {
            draft.users.clear();
            draft.guest = true;
        });
        let text = render(&[open], &explicit_globals(b"")).unwrap();
        assert!(text.contains("map to guest = bad user") && text.contains("guest ok = yes"));
        assert!(!text.contains("valid users"));
    }

    #[test]
    fn strictness_is_compared_by_meaning() {
        let min = "server min protocol";
        assert!(is_at_least(min, "SMB3", "SMB3_00") && is_at_least(min, "smb3_02", "SMB3_00"));
        assert!(!is_at_least(min, "SMB2", "SMB3_00") && !is_at_least(min, "NT1", "SMB2_10"));
        assert!(!is_at_least(min, "nonsense", "SMB2_10"));
        assert!(is_at_least("server signing", "Required", "mandatory"));
        assert!(!is_at_least("server signing", "auto", "mandatory"));
        assert!(!is_at_least("map to guest", "Never", "bad user"));
        assert!(is_at_least("map to guest", "Bad User", "never"));
    }

    #[test]
    fn smb_conf_is_what_it_was_when_the_last_share_is_gone() {
        for before in [
            None,
            Some(&b"[global]\r\n\tworkgroup = W\r\n\r\n[x]\r\npath = /x"[..]),
        ] {
            let root = tempfile::tempdir().unwrap();
            let host = LocalHost::with_root(root.path());
            let smb_conf = root.path().join("etc/samba/smb.conf");
            fs::create_dir_all(smb_conf.parent().unwrap()).unwrap();
            if let Some(text) = before {
                fs::write(&smb_conf, text).unwrap();
            }
            let deadline = Deadline::after(std::time::Duration::from_secs(60));
            let share = record("media", |_| ());
            catalog::store(&host, &share).unwrap();
            assert!(synchronise(&host, None, deadline).unwrap().happened());
            assert!(!synchronise(&host, None, deadline).unwrap().happened());
            let text = fs::read(&smb_conf).unwrap();
            let line = format!("include = {SHARES_CONF}");
            let includes = String::from_utf8_lossy(&text).matches(&line).count();
            assert_eq!(includes, 1);
            catalog::remove(&host, share.name()).unwrap();
            assert!(synchronise(&host, None, deadline).unwrap().happened());
            assert_eq!(fs::read(&smb_conf).ok().as_deref(), before);
            assert!(!root.path().join("etc/samba/smbgw.conf").exists());
            assert!(!root.path().join("etc/smbgw").exists());
        }
    }
}
