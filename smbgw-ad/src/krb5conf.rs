//! The realm in Kerberos' configuration, `/etc/krb5.conf`, for the programs on this machine that use it.
//!
//! Samba and this crate find their way without it; `kinit`, `klist` and other services do not.
//!
//! # Where it goes
//! Into a file of its own where `krb5.conf` includes a directory (`includedir`, krb5.conf(5)) that is
//! there, else into a block at the top of `krb5.conf` between two marks. Only what the administrator
//! does not say is said: Kerberos takes the first of two values, so this never overrides, and
//! `default_realm` of another realm stays. Sections of one name count as one, both to MIT's and to
//! Heimdal's library. The name of our file has no dot, which all versions of both take.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::error::{Coded, ErrorKind, Problem};
use smbgw_core::host::{FileError, FileKind, Host};

use crate::code::Code;
use crate::name::{DomainName, HostName, Realm};

/// The file.
pub const FILE: &str = "/etc/krb5.conf";

/// The name of our file in a directory that is included.
const DROP_IN: &str = "smbgw";

/// What is to be said of the realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The realm.
    pub realm: Realm,
    /// Its domain.
    pub domain: DomainName,
    /// Its domain controllers, where they are not to be found by the DNS.
    pub controllers: Vec<HostName>,
}

/// Where our text goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Into a file of its own.
    DropIn(PathBuf),
    /// To the top of `krb5.conf`.
    Block,
}

/// What is to be done, and what taking it back needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Where our text goes.
    pub place: Place,
    /// Our text.
    pub text: String,
    /// What the administrator says differently and stays, such as another `default_realm`.
    pub kept: Vec<String>,
    /// Our text as it was before, if there was one.
    before: Option<String>,
    /// Whether there was no `krb5.conf`.
    made: bool,
}

/// What would be said; a plan whose text is there already changes nothing.
///
/// # Errors
/// Where a file cannot be read, or says what contradicts the domain.
pub fn inspect(host: &dyn Host, wanted: &Wanted) -> Result<Plan, Krb5ConfError> {
    let text = host.read(Path::new(FILE))?;
    let made = text.is_none();
    let text = text.unwrap_or_default();
    let (block, theirs) = split(&text);
    let mut said = Said::default();
    said.read(theirs, Some(host));
    let mut drop_in = None;
    for directory in &said.directories {
        let is_there = host
            .status(directory)?
            .is_some_and(|status| status.kind == FileKind::Directory);
        if is_there {
            drop_in = Some(directory.join(DROP_IN));
            break;
        }
    }
    let (place, before) = match drop_in {
        Some(path) => {
            let before = host.read(&path)?;
            (Place::DropIn(path), before)
        }
        None => (Place::Block, block.map(<[u8]>::to_vec)),
    };
    let (text, kept) = said.complete(wanted)?;
    Ok(Plan {
        place,
        text,
        kept,
        before: before.map(|before| String::from_utf8_lossy(&before).into_owned()),
        made,
    })
}

/// Writes our text.
///
/// # Errors
/// Where a file cannot be written.
pub fn apply(host: &dyn Host, plan: &Plan) -> Result<Change, Krb5ConfError> {
    put(host, plan, Some(&plan.text))
}

/// Brings back what was there before. What somebody else changed since stays.
///
/// # Errors
/// Where a file cannot be written.
pub fn undo(host: &dyn Host, plan: &Plan) -> Result<Change, Krb5ConfError> {
    let path = match &plan.place {
        Place::DropIn(path) => path.as_path(),
        Place::Block => Path::new(FILE),
    };
    host.remove_temporary(path)?;
    put(host, plan, plan.before.as_deref())
}

/// Whether our text stands as it should.
///
/// # Errors
/// Where a file cannot be read.
pub fn is_in_place(host: &dyn Host, plan: &Plan) -> Result<bool, Krb5ConfError> {
    let now = match &plan.place {
        Place::DropIn(path) => host.read(path)?,
        Place::Block => {
            let text = host.read(Path::new(FILE))?.unwrap_or_default();
            split(&text).0.map(<[u8]>::to_vec)
        }
    };
    Ok(now.is_some_and(|now| now == plan.text.as_bytes()))
}

fn put(host: &dyn Host, plan: &Plan, text: Option<&str>) -> Result<Change, Krb5ConfError> {
    match (&plan.place, text) {
        (Place::DropIn(path), Some(text)) => Ok(host.write(path, text.as_bytes(), 0o644)?),
        (Place::DropIn(path), None) => Ok(host.remove(path)?),
        (Place::Block, text) => {
            let path = Path::new(FILE);
            let Some(now) = host.read(path)? else {
                return Ok(match text {
                    Some(text) => host.write(path, &with_block(text, b""), 0o644)?,
                    None => Change::Unchanged,
                });
            };
            let (_, theirs) = split(&now);
            match text {
                Some(text) => Ok(host.write(path, &with_block(text, theirs), 0o644)?),
                None if plan.made && theirs.is_empty() => Ok(host.remove(path)?),
                None => Ok(host.write(path, theirs, 0o644)?),
            }
        }
    }
}

const BEGIN: &str = "# BEGIN of what smbgw says about its domain; overwritten when that changes\n";
const END: &str = "# END of what smbgw says about its domain\n";

fn with_block(text: &str, theirs: &[u8]) -> Vec<u8> {
    let mut whole = format!("{BEGIN}{text}{END}").into_bytes();
    whole.extend_from_slice(theirs);
    whole
}

/// Our block, if the text begins with it, and the rest. A block whose end somebody removed is taken
/// for the administrator's.
fn split(text: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let Some(rest) = text.strip_prefix(BEGIN.as_bytes()) else {
        return (None, text);
    };
    match rest
        .windows(END.len())
        .position(|window| window == END.as_bytes())
    {
        Some(at) => (Some(&rest[..at]), &rest[at + END.len()..]),
        None => (None, text),
    }
}

/// What a configuration says that matters here.
#[derive(Default)]
struct Said {
    default_realm: Option<String>,
    dns_lookup_kdc: Option<bool>,
    /// The realms with a section, and whether it names a controller.
    realms: Vec<(String, bool)>,
    /// Names of domains with their realms.
    domains: Vec<(String, String)>,
    directories: Vec<PathBuf>,
}

impl Said {
    /// Reads `text`, and with a host the files that it includes.
    fn read(&mut self, text: &[u8], host: Option<&dyn Host>) {
        let text = String::from_utf8_lossy(text);
        let (mut section, mut group) = (String::new(), None::<String>);
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some((word, path)) = line.split_once(char::is_whitespace)
                && let Some(host) = host
                && path.trim().starts_with('/')
            {
                let path = PathBuf::from(path.trim());
                match word {
                    "include" => {
                        let file = host.read(&path).ok().flatten().unwrap_or_default();
                        self.read(&file, None);
                        continue;
                    }
                    "includedir" => {
                        for (name, file) in host.read_files(&path, "").unwrap_or_default() {
                            if name != DROP_IN && is_included(&name) {
                                self.read(&file, None);
                            }
                        }
                        self.directories.push(path);
                        continue;
                    }
                    _ => {}
                }
            }
            if let Some(name) = line.strip_prefix('[') {
                section = name.split(']').next().unwrap_or_default().to_string();
                group = None;
                continue;
            }
            if line.starts_with('}') {
                group = None;
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let (key, value) = (key.trim().trim_end_matches('*'), value.trim());
            match (section.as_str(), group.as_deref()) {
                ("libdefaults", None) => match key {
                    "default_realm" => {
                        self.default_realm.get_or_insert(value.to_string());
                    }
                    "dns_lookup_kdc" => {
                        self.dns_lookup_kdc.get_or_insert(is_true(value));
                    }
                    _ if value.starts_with('{') => group = Some(key.to_string()),
                    _ => {}
                },
                ("realms", None) => {
                    self.realms.push((key.to_string(), value.contains("kdc")));
                    if !value.contains('}') {
                        group = Some(key.to_string());
                    }
                }
                ("realms", Some(_)) if key == "kdc" => {
                    if let Some((_, has_controller)) = self.realms.last_mut() {
                        *has_controller = true;
                    }
                }
                ("domain_realm", None) => {
                    self.domains.push((key.to_string(), value.to_string()));
                }
                _ => {}
            }
        }
    }

    /// What is missing, as text, and what stays different.
    fn complete(&self, wanted: &Wanted) -> Result<(String, Vec<String>), Krb5ConfError> {
        let (realm, domain) = (wanted.realm.as_str(), wanted.domain.as_str());
        let mut kept = Vec::new();
        let mut text = String::from("[libdefaults]\n");
        match &self.default_realm {
            None => text.push_str(&format!("\tdefault_realm = {realm}\n")),
            Some(theirs) if theirs == realm => {}
            Some(theirs) => kept.push(format!("default_realm = {theirs}")),
        }
        let own = self.realms.iter().find(|(name, _)| name == realm);
        let named = own.is_some_and(|(_, has_controller)| *has_controller);
        if named && !wanted.controllers.is_empty() {
            kept.push(format!("kdc of {realm}"));
        }
        match self.dns_lookup_kdc {
            None => text.push_str("\tdns_lookup_kdc = true\n"),
            Some(false) if !named && wanted.controllers.is_empty() => {
                return Err(Krb5ConfError::Conflict(
                    Problem::invalid(
                        "dns_lookup_kdc",
                        Code::Krb5ConfConflict.as_str(),
                        format!(
                            "{FILE} says `dns_lookup_kdc = false` and names no controller of {realm}"
                        ),
                    )
                    .kind(ErrorKind::Conflict)
                    .remedy(format!("remove that line, or name controllers of {realm}")),
                ));
            }
            Some(_) => {}
        }
        if !named && !wanted.controllers.is_empty() {
            text.push_str(&format!("[realms]\n\t{realm} = {{\n"));
            for host in &wanted.controllers {
                text.push_str(&format!("\t\tkdc = {host}\n"));
            }
            text.push_str("\t}\n");
        }
        text.push_str("[domain_realm]\n");
        for name in [format!(".{domain}"), domain.to_string()] {
            match self.domains.iter().find(|(theirs, _)| *theirs == name) {
                None => text.push_str(&format!("\t{name} = {realm}\n")),
                Some((_, theirs)) if theirs == realm => {}
                Some((_, theirs)) => {
                    return Err(Krb5ConfError::Conflict(
                        Problem::invalid(
                            "domain_realm",
                            Code::Krb5ConfConflict.as_str(),
                            format!("{FILE} says that `{name}` belongs to the realm {theirs}"),
                        )
                        .kind(ErrorKind::Conflict)
                        .remedy("remove that line"),
                    ));
                }
            }
        }
        Ok((text, kept))
    }
}

/// Whether `includedir` takes a file of this name (krb5.conf(5)).
fn is_included(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.starts_with('.') && (name.ends_with(".conf") || name.chars().all(is_plain))
}

fn is_true(value: &str) -> bool {
    ["y", "yes", "true", "t", "1", "on"].contains(&value.to_ascii_lowercase().as_str())
}

/// Why `krb5.conf` could not be looked at or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Krb5ConfError {
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// It says something that contradicts the domain.
    #[error("{}", .0.message)]
    Conflict(Problem),
}

impl Coded for Krb5ConfError {
    fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Conflict(_) => Code::Krb5ConfConflict.as_str(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Conflict(problem) => problem.kind,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::File(error) => error.remedy(),
            Self::Conflict(problem) => problem.remedy.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use smbgw_core::host::LocalHost;

    use super::*;

    fn wanted(controllers: &[&str]) -> Wanted {
        Wanted {
            realm: "AD.TEST".parse().unwrap(),
            domain: "ad.test".parse().unwrap(),
            controllers: controllers
                .iter()
                .map(|host| host.parse().unwrap())
                .collect(),
        }
    }

    fn on(text: Option<&str>) -> (tempfile::TempDir, LocalHost) {
        let image = tempfile::tempdir().unwrap();
        fs::create_dir(image.path().join("etc")).unwrap();
        if let Some(text) = text {
            fs::write(image.path().join("etc/krb5.conf"), text).unwrap();
        }
        let host = LocalHost::with_root(image.path());
        (image, host)
    }

    const ALL: &str = "[libdefaults]\n\tdefault_realm = AD.TEST\n\tdns_lookup_kdc = true\n\
                       [domain_realm]\n\t.ad.test = AD.TEST\n\tad.test = AD.TEST\n";

    #[test]
    fn a_block_comes_and_goes() {
        let theirs = "[libdefaults]\n forwardable = true\n[realms]\n X = {\n  kdc = a\n }\n no end";
        let (image, host) = on(Some(theirs));
        let plan = inspect(&host, &wanted(&[])).unwrap();
        assert_eq!(plan.place, Place::Block);
        assert_eq!(plan.text, ALL);
        assert!(!is_in_place(&host, &plan).unwrap());
        assert_eq!(apply(&host, &plan).unwrap(), Change::Updated);
        assert_eq!(apply(&host, &plan).unwrap(), Change::Unchanged);
        assert!(is_in_place(&host, &plan).unwrap());
        assert_eq!(inspect(&host, &wanted(&[])).unwrap().text, ALL);
        let file = image.path().join("etc/krb5.conf");
        assert!(
            fs::read_to_string(&file)
                .unwrap()
                .ends_with(&format!("{END}{theirs}"))
        );
        undo(&host, &plan).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), theirs);
        assert_eq!(undo(&host, &plan).unwrap(), Change::Unchanged);
    }

    #[test]
    fn a_file_that_was_made_is_removed_unless_somebody_wrote_into_it() {
        let (image, host) = on(None);
        let file = image.path().join("etc/krb5.conf");
        let plan = inspect(&host, &wanted(&["dc.ad.test"])).unwrap();
        assert!(
            plan.text
                .contains("[realms]\n\tAD.TEST = {\n\t\tkdc = dc.ad.test\n\t}\n")
        );
        apply(&host, &plan).unwrap();
        undo(&host, &plan).unwrap();
        assert!(!file.exists());
        apply(&host, &plan).unwrap();
        let text = fs::read_to_string(&file).unwrap() + "[appdefaults]\n";
        fs::write(&file, text).unwrap();
        undo(&host, &plan).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "[appdefaults]\n");
    }

    #[test]
    fn a_directory_that_is_included_gets_a_file() {
        let (image, host) = on(Some(
            "includedir /etc/gone\nincludedir /etc/krb5.conf.d/\n[libdefaults]\n",
        ));
        let directory = image.path().join("etc/krb5.conf.d");
        fs::create_dir(&directory).unwrap();
        fs::write(
            directory.join("a.conf"),
            "[libdefaults]\ndefault_realm = AD.TEST\n",
        )
        .unwrap();
        fs::write(
            directory.join("b.bak"),
            "[libdefaults]\ndns_lookup_kdc = 0\n",
        )
        .unwrap();
        let plan = inspect(&host, &wanted(&[])).unwrap();
        assert_eq!(plan.place, Place::DropIn("/etc/krb5.conf.d/smbgw".into()));
        assert_eq!(
            plan.text,
            ALL.replacen("\tdefault_realm = AD.TEST\n", "", 1)
        );
        assert_eq!(apply(&host, &plan).unwrap(), Change::Created);
        assert!(is_in_place(&host, &plan).unwrap());
        assert_eq!(inspect(&host, &wanted(&[])).unwrap().text, plan.text);
        assert_eq!(undo(&host, &plan).unwrap(), Change::Removed);
        assert!(!directory.join("smbgw").exists());
    }

    #[test]
    fn what_the_administrator_says_stays() {
        let (_image, host) = on(Some(
            "[libdefaults]\n default_realm = OTHER\n dns_lookup_kdc = no\n[realms]\n AD.TEST = {\n  kdc = x\n }\n\
             [domain_realm]\n ad.test = AD.TEST\n",
        ));
        let plan = inspect(&host, &wanted(&["dc.ad.test"])).unwrap();
        assert_eq!(plan.kept, ["default_realm = OTHER", "kdc of AD.TEST"]);
        assert_eq!(
            plan.text,
            "[libdefaults]\n[domain_realm]\n\t.ad.test = AD.TEST\n"
        );
    }

    #[test]
    fn contradictions_are_refused() {
        for text in [
            "[libdefaults]\n dns_lookup_kdc = false\n",
            "[domain_realm]\n .ad.test = OTHER\n",
        ] {
            let (_image, host) = on(Some(text));
            let refused = inspect(&host, &wanted(&[])).unwrap_err();
            assert_eq!(refused.code(), "ad.krb5-conf-conflict");
            assert_eq!(refused.kind(), ErrorKind::Conflict);
            assert!(refused.remedy().is_some());
        }
        let (_image, host) = on(Some("[libdefaults]\n dns_lookup_kdc = false\n"));
        assert!(inspect(&host, &wanted(&["dc.ad.test"])).is_ok());
    }

    proptest! {
        #[test]
        fn any_file_comes_back(text in "(\\PC{0,20}[\n]?|\\[realms\\]\n|A = \\{\n|\\}\n| ?kdc = b\n){0,10}") {
            let (image, host) = on(Some(&text));
            if let Ok(plan) = inspect(&host, &wanted(&[])) {
                apply(&host, &plan).unwrap();
                prop_assert!(is_in_place(&host, &plan).unwrap());
                undo(&host, &plan).unwrap();
                let back = fs::read_to_string(image.path().join("etc/krb5.conf")).unwrap();
                prop_assert_eq!(back, text);
            }
        }
    }
}
