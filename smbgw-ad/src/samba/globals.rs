//! The settings of a domain member in `smb.conf`.
//!
//! # Where they are
//! In a file of their own, `/etc/samba/smbgw-domain.conf`, which one line in the first `[global]`
//! section of `smb.conf` includes. Samba reads an included file in place of the line, and of two
//! settings of a parameter the later one wins: the line goes behind the administrator's last
//! parameter in that section, so that what has to be said to be a member is said last. The file
//! ends with a bare `[global]`, so that nothing behind the line changes its section. It is not
//! the file of our shares, which goes with the last share, while a domain stays.
//!
//! Nothing of the administrator's is touched. Where the line and the file are taken away, the
//! machine is what it was, byte for byte.
//!
//! # Who wins
//! - What says that the machine is in no domain (`security = user`, `server role = standalone
//!   server`, any `workgroup` of such a machine) is what joining changes. It is overridden.
//! - What says something else about a domain (`realm`, another `netbios name`, the role of a
//!   domain controller, overlapping ranges of ids) is a conflict. All are told at once.
//! - What is a matter of taste (shell, cached logons, how ids are made, who changes the password)
//!   is the administrator's, and not set where they did.
//!
//! # Ids
//! With `rid` an id is the account's number plus the start of the range, the same on every machine
//! with the same range. `autorid` needs no range for each domain, but hands out ranges in the
//! order in which a machine meets the domains, so two machines agree on the first one only.
//! What belongs to no domain with a range of its own is in `*`, whose ids each machine counts by
//! itself. The ranges are far above those of local accounts, of systemd, and of the ids that Proxmox
//! VE maps containers to (100000 to 165535 if not set otherwise).
//!
//! # The password of the machine
//! `machine password timeout = 0` has winbindd leave it to us. Where the administrator set
//! something else, winbindd changes it, and we do not: [`who_rotates`].

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind, Problem};
use smbgw_core::host::{Command, CommandError, FileError, Host, create_dirs};
use smbgw_core::layout::{SHARES_CONF, SMB_CONF};
use smbgw_core::smbconf::effective::{self, Effective};
use smbgw_core::smbconf::globals::{Globals, explicit_globals_following};
use smbgw_core::smbconf::include::{Edit, IncludePath, attach, detach, is_attached, is_skeleton};
use smbgw_core::smbconf::lex::{self, Item};
use smbgw_core::smbconf::names;

use super::Member;
use crate::code::Code;

/// The file with the settings of the member.
pub const DOMAIN_CONF: &str = "/etc/samba/smbgw-domain.conf";

/// What a member is to be like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The member.
    pub member: Member,
    /// How ids of domain users are made.
    pub idmap: Idmap,
    /// The ids of what is in no domain with a range of its own.
    pub default_range: IdRange,
    /// Whether users who logged in before may log in while no domain controller can be reached.
    pub offline_logon: bool,
    /// The shell of domain users, a path.
    pub shell: String,
    /// Whether we change the machine's password, and not winbindd.
    pub we_rotate: bool,
}

/// How ids of domain users are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "backend")]
pub enum Idmap {
    /// From the number of the account and the start of the range of its domain: the same everywhere.
    Rid {
        /// The range of the domain.
        range: IdRange,
        /// Ranges of other domains that this one trusts, by their NetBIOS names.
        #[serde(default)]
        trusted: Vec<(String, IdRange)>,
    },
    /// For every domain from parts of one range, handed out as domains are met.
    Autorid {
        /// The whole range.
        range: IdRange,
        /// How many ids a domain gets.
        size: u32,
    },
}

/// Ids from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdRange {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
}

impl IdRange {
    /// Whether an id is in both.
    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Reads `2000000-9999999`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last).then_some(Self { first, last })
    }
}

impl std::fmt::Display for IdRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl Settings {
    /// The settings for `member` that fit where nobody asked for others.
    pub fn new(member: Member) -> Self {
        Self {
            member,
            idmap: Idmap::Rid {
                range: IdRange {
                    first: 2_000_000,
                    last: 9_999_999,
                },
                trusted: Vec::new(),
            },
            default_range: IdRange {
                first: 1_900_000,
                last: 1_999_999,
            },
            offline_logon: true,
            shell: "/bin/false".into(),
            we_rotate: true,
        }
    }

    /// The parameters, in the order in which they are written.
    fn parameters(&self, clustered: bool) -> Vec<(String, String)> {
        let Member {
            computer,
            netbios,
            realm,
        } = &self.member;
        let mut all = Vec::new();
        let mut set = |name: &str, value: String| all.push((name.to_string(), value));
        set("security", "ads".into());
        set("server role", "member server".into());
        set("workgroup", netbios.clone());
        set("realm", realm.to_string());
        set("netbios name", computer.to_string());
        // Tickets are good as soon as their key is in the keytab, whatever Samba was told by then.
        set("kerberos method", "secrets and keytab".into());
        if self.we_rotate {
            set("machine password timeout", "0".into());
        }
        match &self.idmap {
            Idmap::Rid { range, trusted } => {
                let backend = if clustered { "tdb2" } else { "tdb" };
                set("idmap config * : backend", backend.into());
                set("idmap config * : range", self.default_range.to_string());
                let this = (netbios.clone(), *range);
                for (domain, range) in std::iter::once(&this).chain(trusted) {
                    set(&format!("idmap config {domain} : backend"), "rid".into());
                    set(&format!("idmap config {domain} : range"), range.to_string());
                }
            }
            Idmap::Autorid { range, size } => {
                set("idmap config * : backend", "autorid".into());
                set("idmap config * : range", range.to_string());
                set("idmap config * : rangesize", size.to_string());
            }
        }
        set("winbind refresh tickets", "yes".into());
        let offline = if self.offline_logon { "yes" } else { "no" };
        set("winbind offline logon", offline.into());
        set("template shell", self.shell.clone());
        all
    }
}

/// What the settings come to beside those of the administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What our file sets.
    pub set: Vec<(String, String)>,
    /// What the administrator set and ours overrides: name, theirs, ours.
    pub overridden: Vec<(String, String, String)>,
    /// What the administrator set differently and stays: name, theirs, ours.
    pub kept: Vec<(String, String, String)>,
}

impl Decision {
    /// The text of our file.
    pub fn text(&self) -> String {
        let mut text = String::from(HEADER);
        for (name, value) in &self.set {
            // Writing to a string does not fail.
            let _ = writeln!(text, "\t{name} = {value}");
        }
        text.push_str(FOOTER);
        text
    }
}

/// Decides what is set beside what the administrator set, `theirs`, on a machine on which the ids of
/// `taken` are somebody's.
///
/// # Errors
/// Every conflict.
pub fn decide(
    settings: &Settings,
    theirs: &Globals,
    taken: &[(String, IdRange)],
) -> Result<Decision, Vec<Problem>> {
    let mut problems = Vec::new();
    let conflict = |name: &str, message: String| {
        Problem::invalid(name, Code::SambaConflict.as_str(), message)
            .kind(ErrorKind::Conflict)
            .remedy(format!("change or remove `{name}` in {SMB_CONF}"))
    };
    if theirs.uses_registry_only() {
        problems.push(conflict(
            "config backend",
            "samba takes its whole configuration from its registry, and none from files".into(),
        ));
    }
    let is_member = is_member(theirs);
    let clustered = theirs.flag("clustering") == Some(true);
    let mut decision = Decision {
        set: Vec::new(),
        overridden: Vec::new(),
        kept: Vec::new(),
    };
    let mut wanted = settings.parameters(clustered);
    let their_default = theirs.text("idmap config * : backend");
    if their_default.is_some_and(|backend| backend.eq_ignore_ascii_case("autorid")) {
        // It serves every domain, and takes no ranges beside its own.
        wanted.retain(|(name, _)| !name.starts_with("idmap config") || theirs.get(name).is_some());
    }
    for (name, ours) in wanted {
        let Some(value) = theirs.text(&name) else {
            decision.set.push((name, ours));
            continue;
        };
        match verdict(&name, &value, &ours, is_member) {
            Verdict::Same => {}
            Verdict::Kept => decision.kept.push((name, value, ours)),
            Verdict::Overridden => {
                decision
                    .overridden
                    .push((name.clone(), value, ours.clone()));
                decision.set.push((name, ours));
            }
            Verdict::Conflict => problems.push(conflict(
                &name,
                format!("smb.conf sets `{name} = {value}`, and this domain needs `{ours}`"),
            )),
        }
    }
    problems.extend(overlaps(&decision, theirs, taken));
    if problems.is_empty() {
        Ok(decision)
    } else {
        Err(problems)
    }
}

enum Verdict {
    Same,
    Kept,
    Overridden,
    Conflict,
}

fn verdict(name: &str, theirs: &str, ours: &str, is_member: bool) -> Verdict {
    let folded = theirs.trim_matches('"').to_ascii_lowercase();
    if folded == ours.to_ascii_lowercase() {
        return Verdict::Same;
    }
    match name {
        "security" if ["user", "auto", ""].contains(&folded.as_str()) => Verdict::Overridden,
        "server role"
            if ["standalone server", "standalone", "auto", ""].contains(&folded.as_str()) =>
        {
            Verdict::Overridden
        }
        "server role" if folded == "member" => Verdict::Same,
        "workgroup" if !is_member => Verdict::Overridden,
        "realm" if folded.is_empty() => Verdict::Overridden,
        "kerberos method" if folded != "dedicated keytab" => Verdict::Kept,
        "security" | "server role" | "workgroup" | "realm" | "netbios name" | "kerberos method" => {
            Verdict::Conflict
        }
        _ => Verdict::Kept,
    }
}

/// Ranges that share ids with others.
fn overlaps(decision: &Decision, theirs: &Globals, taken: &[(String, IdRange)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let problem = |name: &str, message: String| {
        Problem::invalid(name, Code::SambaConflict.as_str(), message)
            .kind(ErrorKind::Conflict)
            .remedy("choose another range of ids, the same on every machine of the domain")
    };
    let is_range = |name: &str| name.starts_with("idmap config") && name.ends_with(": range");
    let mut ranges: Vec<(String, IdRange, bool)> = Vec::new();
    let set = decision.set.iter().map(|(name, value)| (name, value, true));
    let texts: Vec<(String, String)> = theirs
        .settings()
        .iter()
        .map(|setting| {
            let value = String::from_utf8_lossy(&setting.value).into_owned();
            (setting.name.clone(), value)
        })
        .collect();
    for (name, value, is_ours) in set.chain(texts.iter().map(|(name, value)| (name, value, false)))
    {
        if !is_range(name) {
            continue;
        }
        match IdRange::parse(value) {
            Some(range) => ranges.push((name.clone(), range, is_ours)),
            None => problems.push(problem(
                name,
                format!("`{name} = {value}` is not a range of ids"),
            )),
        }
    }
    for (index, (name, range, is_ours)) in ranges.iter().enumerate() {
        for (other, other_range, other_ours) in &ranges[..index] {
            if range.overlaps(*other_range) && (*is_ours || *other_ours) {
                problems.push(problem(
                    name,
                    format!("the ids {range} of `{name}` overlap with {other_range} of `{other}`"),
                ));
            }
        }
        for (whose, taken) in taken {
            if *is_ours && range.overlaps(*taken) {
                problems.push(problem(
                    name,
                    format!("the ids {range} of `{name}` overlap with {taken}, those of {whose}"),
                ));
            }
        }
    }
    problems
}

/// Ids on `host` that no domain may use: those of local accounts from 1000 on, and those that
/// containers are mapped to.
///
/// # Errors
/// Where a file cannot be read.
pub fn taken_ids(host: &dyn Host) -> Result<Vec<(String, IdRange)>, FileError> {
    let mut taken = Vec::new();
    for file in ["/etc/passwd", "/etc/group", "/etc/subuid", "/etc/subgid"] {
        let content = host.read(Path::new(file))?.unwrap_or_default();
        let is_mapping = file.starts_with("/etc/sub");
        for line in String::from_utf8_lossy(&content).lines() {
            let fields: Vec<&str> = line.split(':').collect();
            let number = |index: usize| fields.get(index)?.parse::<u32>().ok();
            let range = if is_mapping {
                number(1).zip(number(2)).map(|(first, count)| IdRange {
                    first,
                    last: first.saturating_add(count.saturating_sub(1)),
                })
            } else {
                number(2).map(|id| IdRange {
                    first: id,
                    last: id,
                })
            };
            if let Some(range) = range
                && range.first >= 1000
            {
                taken.push((format!("`{}` in {file}", fields[0]), range));
            }
        }
    }
    Ok(taken)
}

/// Who changes the machine's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rotation {
    /// We do.
    Ours,
    /// winbindd does, each so many seconds.
    Winbind(u64),
}

/// Who changes the machine's password, as Samba's configuration on `host` says.
///
/// # Errors
/// Where a file cannot be read.
pub fn who_rotates(host: &dyn Host) -> Result<Rotation, FileError> {
    let text = host.read(Path::new(SMB_CONF))?.unwrap_or_default();
    let all = explicit_globals_following(&text, &|path| host.read(path).ok().flatten());
    let seconds = all
        .text("machine password timeout")
        .and_then(|text| text.parse().ok())
        .unwrap_or(WEEK);
    Ok(match seconds {
        0 => Rotation::Ours,
        seconds => Rotation::Winbind(seconds),
    })
}

/// Samba's default of `machine password timeout`.
const WEEK: u64 = 604_800;

/// What the administrator's smb.conf sets globally, files of ours left out.
///
/// # Errors
/// Where it cannot be read.
pub fn administrators(host: &dyn Host) -> Result<Globals, FileError> {
    let text = host.read(Path::new(SMB_CONF))?.unwrap_or_default();
    Ok(explicit_globals_following(&text, &|path| {
        let is_ours = path == Path::new(SHARES_CONF) || path == Path::new(DOMAIN_CONF);
        (!is_ours).then(|| host.read(path).ok().flatten())?
    }))
}

/// Whether these settings say that the machine is in a domain.
pub fn is_member(globals: &Globals) -> bool {
    globals
        .text("security")
        .is_some_and(|security| ["ads", "domain"].contains(&security.to_ascii_lowercase().as_str()))
}

/// What taking back needs: how the files were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// The text of our file, if there was one.
    domain_conf: Option<String>,
    /// Whether smb.conf included it.
    attached: bool,
    /// smb.conf, where taking our line out and putting it in again does not give the same.
    smb_conf: Option<Vec<u8>>,
}

/// How the files are, for [`apply`] or [`remove`] to be taken back with [`undo`].
///
/// # Errors
/// Where they cannot be read.
pub fn inspect(host: &dyn Host) -> Result<Undo, GlobalsError> {
    let text = host.read(Path::new(SMB_CONF))?;
    let include = include_path()?;
    let attached = text
        .as_deref()
        .is_some_and(|text| is_attached(text, &include));
    let smb_conf = text.filter(|text| {
        attached
            && match detach(text, &include) {
                Edit::Unchanged => true,
                Edit::Changed(without) => {
                    attach(Some(&without), &include) != Edit::Changed(text.clone())
                }
            }
    });
    let domain_conf = host.read(Path::new(DOMAIN_CONF))?;
    Ok(Undo {
        domain_conf: domain_conf.map(|text| String::from_utf8_lossy(&text).into_owned()),
        attached,
        smb_conf,
    })
}

/// Puts `decision` into effect, once Samba was asked whether it reads it as it is meant.
///
/// # Errors
/// Where Samba refuses it or reads something else; nothing was changed then. Where a file cannot be
/// changed; [`undo`] has to be called then.
pub fn apply(
    host: &dyn Host,
    decision: &Decision,
    deadline: Deadline,
) -> Result<Change, GlobalsError> {
    let text = decision.text();
    let include = include_path()?;
    let smb_conf = Path::new(SMB_CONF);
    let before = host.read(smb_conf)?;
    let attached = match attach(before.as_deref(), &include) {
        Edit::Changed(text) => text,
        Edit::Unchanged => before.clone().unwrap_or_default(),
    };
    check(
        host,
        &with_included(&attached, text.as_bytes()),
        decision,
        deadline,
    )?;
    create_dirs(host, smb_conf.parent().unwrap_or(smb_conf), 0o755)?;
    let installed = host.write(Path::new(DOMAIN_CONF), text.as_bytes(), 0o644)?;
    let included = host.write(smb_conf, &attached, 0o644)?;
    Ok(if installed.happened() {
        installed
    } else {
        included
    })
}

/// Takes our line out of smb.conf and removes our file.
///
/// # Errors
/// Where a file cannot be changed.
pub fn remove(host: &dyn Host) -> Result<Change, GlobalsError> {
    let smb_conf = Path::new(SMB_CONF);
    let include = include_path()?;
    host.remove_temporary(smb_conf)?;
    host.remove_temporary(Path::new(DOMAIN_CONF))?;
    let mut change = Change::Unchanged;
    if let Some(text) = host.read(smb_conf)? {
        if is_skeleton(&text, &include) {
            change = host.remove(smb_conf)?;
        } else if let Edit::Changed(text) = detach(&text, &include) {
            host.write(smb_conf, &text, 0o644)?;
            change = Change::Removed;
        }
    }
    let removed = host.remove(Path::new(DOMAIN_CONF))?;
    Ok(if removed.happened() { removed } else { change })
}

/// Brings back how the files were at [`inspect`]. What somebody else changed since stays.
///
/// # Errors
/// Where a file cannot be changed.
pub fn undo(host: &dyn Host, undo: &Undo) -> Result<(), GlobalsError> {
    let Some(text) = undo.domain_conf.as_deref().filter(|_| undo.attached) else {
        remove(host)?;
        if let Some(text) = &undo.domain_conf {
            host.write(Path::new(DOMAIN_CONF), text.as_bytes(), 0o644)?;
        }
        return Ok(());
    };
    host.write(Path::new(DOMAIN_CONF), text.as_bytes(), 0o644)?;
    let smb_conf = Path::new(SMB_CONF);
    let include = include_path()?;
    let now = host.read(smb_conf)?;
    let whole = match (&undo.smb_conf, &now) {
        // Nobody touched it since our line was taken out.
        (Some(before), Some(now)) if detach(before, &include) == Edit::Changed(now.clone()) => {
            Some(before.clone())
        }
        _ => match attach(now.as_deref(), &include) {
            Edit::Changed(text) => Some(text),
            Edit::Unchanged => None,
        },
    };
    if let Some(whole) = whole {
        host.write(smb_conf, &whole, 0o644)?;
    }
    Ok(())
}

/// How the files stand to what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drift {
    /// All is there.
    None,
    /// Nothing is there.
    Missing,
    /// The file is there, and smb.conf does not include it.
    NotIncluded,
    /// The file has another text.
    Changed,
}

/// Compares the files with `decision`.
///
/// # Errors
/// Where they cannot be read.
pub fn drift(host: &dyn Host, decision: &Decision) -> Result<Drift, GlobalsError> {
    let undo = inspect(host)?;
    Ok(match undo.domain_conf {
        None => Drift::Missing,
        Some(_) if !undo.attached => Drift::NotIncluded,
        Some(text) if text != decision.text() => Drift::Changed,
        Some(_) => Drift::None,
    })
}

fn include_path() -> Result<IncludePath, GlobalsError> {
    IncludePath::new(DOMAIN_CONF)
        .map(|path| path.bringing("domain"))
        .map_err(|error| GlobalsError::Refused {
            said: error.to_string(),
        })
}

/// `text` with `content` in the place of the line that includes our file.
fn with_included(text: &[u8], content: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(text.len() + content.len());
    for line in lex::parse(text).lines() {
        match &line.item {
            Item::Parameter { key, value }
                if names::same(key, b"include") && **value == *DOMAIN_CONF.as_bytes() =>
            {
                whole.extend_from_slice(content);
            }
            _ => whole.extend_from_slice(&text[line.range.clone()]),
        }
    }
    whole
}

/// Asks Samba what it reads in `text`, and compares that with what is meant.
fn check(
    host: &dyn Host,
    text: &[u8],
    decision: &Decision,
    deadline: Deadline,
) -> Result<(), GlobalsError> {
    let command = Command::new("testparm")
        .args(["-s", "-v", "/proc/self/fd/0"])
        .stdin(text.to_vec());
    let effective: Effective = match host.run(&command, deadline) {
        Ok(output) => effective::parse(&output.stdout),
        Err(CommandError::Failed { stderr, .. }) => {
            return Err(GlobalsError::Refused { said: stderr });
        }
        Err(error) => return Err(error.into()),
    };
    for (name, meant) in &decision.set {
        let read = effective.global(name).unwrap_or_default();
        let read = String::from_utf8_lossy(read);
        if !read.eq_ignore_ascii_case(meant) && !same_role(name, &read) {
            return Err(GlobalsError::ReadDifferently {
                parameter: name.clone(),
                meant: meant.clone(),
                read: read.into_owned(),
            });
        }
    }
    Ok(())
}

/// `testparm` shows `server role = member server` as `auto` where `security = ads` says the same.
fn same_role(name: &str, read: &str) -> bool {
    name == "server role" && read.eq_ignore_ascii_case("auto")
}

const HEADER: &str = "\
# This machine as a member of its domain, written by smbgw and overwritten when that changes:
# parameters that smb.conf sets before its line that includes this file are left alone.
[global]
";

/// Brings Samba back to the section that our include line stands in.
const FOOTER: &str = "\n[global]\n";

/// Why Samba's settings could not be looked at or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GlobalsError {
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A command failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// `testparm` refuses the configuration.
    #[error("samba refuses the settings of the domain: {said}")]
    Refused {
        /// What it said.
        said: String,
    },
    /// Samba reads something else than was meant.
    #[error("samba reads `{parameter}` as `{read}` where `{meant}` is meant")]
    ReadDifferently {
        /// Which parameter.
        parameter: String,
        /// What it was to be.
        meant: String,
        /// What Samba reads.
        read: String,
    },
}

impl Coded for GlobalsError {
    fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Command(error) => error.code(),
            Self::Refused { .. } | Self::ReadDifferently { .. } => Code::SambaConflict.as_str(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Command(error) => error.kind(),
            Self::Refused { .. } | Self::ReadDifferently { .. } => ErrorKind::Conflict,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::File(error) => error.remedy(),
            Self::Command(error) => error.remedy(),
            Self::Refused { .. } => Some(format!("run `testparm -s {SMB_CONF}` and mend the file")),
            Self::ReadDifferently { .. } => Some(format!(
                "look in {SMB_CONF} for a line that sets it behind the one that includes \
                 {DOMAIN_CONF}"
            )),
        }
    }
}

/// The files that change here, for messages.
pub fn files() -> [PathBuf; 2] {
    [SMB_CONF.into(), DOMAIN_CONF.into()]
}

#[cfg(test)]
mod tests {
    use smbgw_core::smbconf::globals::explicit_globals;

    use super::*;

    fn settings() -> Settings {
        let member = Member::new("GW1".parse().unwrap(), "AD", "AD.TEST".parse().unwrap());
        Settings::new(member.unwrap())
    }

    fn decided(theirs: &str) -> Decision {
        decide(&settings(), &explicit_globals(theirs.as_bytes()), &[]).unwrap()
    }

    fn refused(theirs: &str) -> Vec<String> {
        let taken = [(
            "`root` in /etc/subuid".to_string(),
            IdRange {
                first: 100_000,
                last: 165_535,
            },
        )];
        let problems = decide(&settings(), &explicit_globals(theirs.as_bytes()), &taken);
        let problems = problems.unwrap_err();
        problems.into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn the_file_says_all_that_a_member_needs() {
        assert_eq!(
            decided("").text(),
            format!(
                "{HEADER}\tsecurity = ads\n\tserver role = member server\n\tworkgroup = AD\n\
                 \trealm = AD.TEST\n\tnetbios name = GW1\n\tkerberos method = secrets and keytab\n\
                 \tmachine password timeout = 0\n\tidmap config * : backend = tdb\n\
                 \tidmap config * : range = 1900000-1999999\n\tidmap config AD : backend = rid\n\
                 \tidmap config AD : range = 2000000-9999999\n\twinbind refresh tickets = yes\n\
                 \twinbind offline logon = yes\n\ttemplate shell = /bin/false\n{FOOTER}"
            )
        );
        assert!(
            decided("[global]\nclustering = yes\n")
                .text()
                .contains("backend = tdb2")
        );
    }

    #[test]
    fn what_says_that_there_is_no_domain_is_overridden() {
        let stock = "[global]\n workgroup = WORKGROUP\n server role = standalone server\n";
        let decision = decided(stock);
        let names: Vec<&str> = decision
            .overridden
            .iter()
            .map(|(name, ..)| name.as_str())
            .collect();
        assert_eq!(names, ["server role", "workgroup"]);
        assert!(decision.text().contains("workgroup = AD"));
        assert!(decision.kept.is_empty());
    }

    #[test]
    fn what_is_a_matter_of_taste_is_the_administrators() {
        let decision = decided(
            "[global]\ntemplate shell = /bin/bash\nmachine password timeout = 86400\n\
             idmap config ad:range = 50000-60000\nIDMAP CONFIG AD : backend = ad\n\
             kerberos method = system keytab\nsecurity = ADS\nworkgroup = ad\n",
        );
        let kept: Vec<&str> = decision
            .kept
            .iter()
            .map(|(name, ..)| name.as_str())
            .collect();
        assert_eq!(
            kept,
            [
                "kerberos method",
                "machine password timeout",
                "idmap config AD : backend",
                "idmap config AD : range",
                "template shell"
            ]
        );
        for name in ["template shell", "security", "workgroup", "idmap config AD"] {
            assert!(!decision.text().contains(&format!("\t{name}")), "{name}");
        }
        let autorid = decided(
            "[global]\nidmap config * : backend = autorid\nidmap config * : range = 100000-900000\n",
        );
        assert!(!autorid.text().contains("idmap config"));
    }

    #[test]
    fn contradictions_are_told_together() {
        assert_eq!(
            refused(
                "[global]\nsecurity = ads\nworkgroup = OTHER\nrealm = OTHER.TEST\n\
                 netbios name = X\nkerberos method = dedicated keytab\n"
            ),
            ["workgroup", "realm", "netbios name", "kerberos method"]
        );
        assert_eq!(
            refused("[global]\nserver role = active directory domain controller\n"),
            ["server role"]
        );
        assert_eq!(
            refused("[global]\nconfig backend = registry\n"),
            ["config backend"]
        );
    }

    #[test]
    fn ranges_that_overlap_are_found() {
        let name = "idmap config * : range";
        assert_eq!(
            refused(&format!("[global]\n{name} = 1000000-3000000\n")),
            [name]
        );
        assert_eq!(refused(&format!("[global]\n{name} = x\n")), [name]);
        let mut settings = settings();
        settings.default_range.first = 160_000;
        let taken = [(
            "`root` in /etc/subuid".to_string(),
            IdRange {
                first: 100_000,
                last: 165_535,
            },
        )];
        let problems = decide(&settings, &explicit_globals(b""), &taken).unwrap_err();
        assert!(
            problems[0].message.contains("`root` in /etc/subuid"),
            "{problems:?}"
        );
        assert_eq!(problems[0].kind, ErrorKind::Conflict);
    }

    #[test]
    fn ids_of_accounts_and_containers_are_found() {
        let image = tempfile::tempdir().unwrap();
        std::fs::create_dir(image.path().join("etc")).unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(image.path().join("etc").join(name), text).unwrap();
        };
        write(
            "passwd",
            "root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\nbroken\n",
        );
        write("subuid", "root:100000:65536\n");
        let host = smbgw_core::host::LocalHost::with_root(image.path());
        let taken = taken_ids(&host).unwrap();
        let shown: Vec<String> = taken
            .iter()
            .map(|(whose, range)| format!("{whose}: {range}"))
            .collect();
        assert_eq!(
            shown,
            [
                "`alice` in /etc/passwd: 1000-1000",
                "`root` in /etc/subuid: 100000-165535"
            ]
        );
    }
}
