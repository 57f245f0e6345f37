//! From ids to names, and from numbers to the ids they stand for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{AccountError, NO_SUCH_KEY, parse_group, parse_user, winbind};
use crate::deadline::Deadline;
use crate::domain;
use crate::host::{Command, CommandError, Host};

/// How many ids one command is asked for, which keeps its arguments short.
const IDS_A_COMMAND: usize = 1000;

/// Which names are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// Those of users.
    Users,
    /// Those of groups.
    Groups,
}

impl Database {
    /// The name that getent(1) has for it, which is its file in `/etc` too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Users => "passwd",
            Self::Groups => "group",
        }
    }

    fn parse(self, line: &str) -> Option<(u32, &str)> {
        match self {
            Self::Users => parse_user(line).map(|(name, user)| (user.uid, name)),
            Self::Groups => parse_group(line).map(|(name, group)| (group.gid, name)),
        }
    }
}

/// The names of those of `ids` that have one.
///
/// # Errors
/// Where the host cannot be asked.
pub fn names(
    host: &dyn Host,
    database: Database,
    ids: &BTreeSet<u32>,
    deadline: Deadline,
) -> Result<BTreeMap<u32, String>, AccountError> {
    let mut found = BTreeMap::new();
    // The first line of an id counts, as for getpwuid(3).
    let mut add = |text: &str| {
        for (id, name) in text.lines().filter_map(|line| database.parse(line)) {
            if ids.contains(&id) {
                found.entry(id).or_insert_with(|| name.to_owned());
            }
        }
    };
    if !host.is_live() {
        add(&file(host, database)?);
        return Ok(found);
    }
    let wanted = ids;
    let ids: Vec<String> = wanted.iter().map(u32::to_string).collect();
    for some in ids.chunks(IDS_A_COMMAND) {
        let command = Command::new("getent")
            .args([database.name(), "--"])
            .args(some)
            .accept(&[NO_SUCH_KEY]);
        add(&host.run(&command, deadline)?.text());
    }
    let unknown: Vec<u32> = wanted
        .iter()
        .filter(|id| !found.contains_key(id))
        .copied()
        .collect();
    if !unknown.is_empty()
        && host.tool("wbinfo").is_ok()
        && domain::is_known_to_winbind_alone(host)?
    {
        let lines = winbind::lines_of_ids(host, database, unknown.iter(), deadline)?;
        for (id, name) in lines.lines().filter_map(|line| database.parse(line)) {
            found.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    Ok(found)
}

/// The names of those of `ids` that this machine has itself, in its own file.
///
/// # Errors
/// Where the file cannot be read.
pub(crate) fn names_in_file(
    host: &dyn Host,
    database: Database,
    ids: &BTreeSet<u32>,
) -> Result<BTreeMap<u32, String>, AccountError> {
    let text = file(host, database)?;
    let lines = text.lines().filter_map(|line| database.parse(line));
    let wanted = lines.filter(|(id, _)| ids.contains(id));
    Ok(wanted.map(|(id, name)| (id, name.to_owned())).collect())
}

/// The id that `digits`, a decimal number, stands for: that of the user or group of this name where
/// there is one, or else the number itself. That is the rule of chown(1), and of POSIX. `None` where
/// there is no such name and the number is no id: 4294967295 and above.
///
/// # Errors
/// Where the host cannot be asked.
pub fn id_of_number(
    host: &dyn Host,
    database: Database,
    digits: &str,
    deadline: Deadline,
) -> Result<Option<u32>, AccountError> {
    let number = digits.parse().ok().filter(|&id| id != u32::MAX);
    let named = match host.is_live() {
        true => ask_for_name(host, database, digits, deadline)?,
        false => file(host, database)?
            .lines()
            .filter_map(|line| database.parse(line))
            .find(|(_, name)| *name == digits)
            .map(|(id, _)| id),
    };
    Ok(named.or(number))
}

/// The id of the user or group that is called `digits`, on a running system.
fn ask_for_name(
    host: &dyn Host,
    database: Database,
    digits: &str,
    deadline: Deadline,
) -> Result<Option<u32>, AccountError> {
    // getent(1) takes digits for an id and cuts them to 32 bits; every other program falls back to
    // that too, and most cannot be told from one that found the name.
    let script = match database {
        Database::Users => "print +(getpwnam $ARGV[0])[2]",
        Database::Groups => "print +(getgrnam $ARGV[0])[2]",
    };
    let command = Command::new("perl").args(["-e", script, "--", digits]);
    let text = host.run(&command, deadline)?.text();
    match text.as_str() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            CommandError::unexpected(&command, format!("an id was expected, `{text}` came")).into()
        }),
    }
}

fn file(host: &dyn Host, database: Database) -> Result<String, AccountError> {
    let path = Path::new("/etc").join(database.name());
    let content = host.read(&path)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&content).into_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::host::LocalHost;

    #[test]
    fn an_image_is_asked_by_its_files() {
        let image = tempfile::tempdir().unwrap();
        std::fs::create_dir(image.path().join("etc")).unwrap();
        let passwd = "root:x:0:0::/:/bin/sh\n1000:x:2000:2000::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n";
        std::fs::write(image.path().join("etc/passwd"), passwd).unwrap();
        let host = LocalHost::with_root(image.path());
        let soon = Deadline::after(Duration::from_secs(10));
        let ids = BTreeSet::from([0, 1000, 2000]);
        let found = names(&host, Database::Users, &ids, soon).unwrap();
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            [(0, "root".to_owned()), (2000, "1000".to_owned())]
        );
        let id = |digits| id_of_number(&host, Database::Users, digits, soon).unwrap();
        assert_eq!(id("1000"), Some(2000));
        assert_eq!(id("007"), Some(7));
        assert_eq!(id("4294967294"), Some(4294967294));
        assert_eq!(id("4294967295"), None);
        assert_eq!(id("4294967296"), None);
        let group = id_of_number(&host, Database::Groups, "1000", soon).unwrap();
        assert_eq!(group, Some(1000));
    }

    #[test]
    fn the_names_of_this_machine_are_found() {
        let host = LocalHost::new();
        let soon = Deadline::after(Duration::from_secs(60));
        let ids = BTreeSet::from([0, 65534]);
        let found = names(&host, Database::Users, &ids, soon).unwrap();
        assert_eq!(found.get(&0).map(String::as_str), Some("root"));
        assert_eq!(found.get(&65534).map(String::as_str), Some("nobody"));
        let many: BTreeSet<u32> = (0..2500).collect();
        let found = names(&host, Database::Groups, &many, soon).unwrap();
        assert_eq!(found.get(&0).map(String::as_str), Some("root"));
    }
}
