//! Users and groups of a domain as winbindd knows them: for a machine whose name service does not ask
//! it (`/etc/nsswitch.conf`).

use std::time::Duration;

use super::ids::Database;
use super::{AccountError, UserName};
use crate::deadline::Deadline;
use crate::domain::{self, SEPARATOR};
use crate::host::{Command, CommandError, Host};

/// The longest that winbindd is waited for. It answers from what it remembers at once; without a
/// domain controller it may think about somebody it does not know for more than a minute.
const LONGEST: Duration = Duration::from_secs(20);

/// How many ids winbindd is asked for at once; each is a program of its own.
const MOST_IDS: usize = 100;

/// The line of passwd(5) or group(5) for `name`; `None` where winbindd does not run, or knows nobody
/// of that name.
pub(super) fn line(
    host: &dyn Host,
    database: Database,
    name: &UserName,
    deadline: Deadline,
) -> Result<Option<String>, AccountError> {
    if host.tool("wbinfo").is_err() {
        return Ok(None);
    }
    let option = match database {
        Database::Users => "--user-info",
        Database::Groups => "--group-info",
    };
    let spelled = match domain::separator(host)? {
        SEPARATOR => name.to_string(),
        // smbd understands a backslash whatever the separator is, winbindd does not.
        other => name.as_str().replacen(SEPARATOR, &other.to_string(), 1),
    };
    match ask(host, option, &spelled, deadline) {
        Err(CommandError::TimedOut { .. }) => Err(AccountError::NoAnswer { name: name.clone() }),
        other => Ok(other?),
    }
}

/// The lines for `ids`, as far as winbindd knows them.
pub(super) fn lines_of_ids<'a>(
    host: &dyn Host,
    database: Database,
    ids: impl Iterator<Item = &'a u32>,
    deadline: Deadline,
) -> Result<String, AccountError> {
    let option = match database {
        Database::Users => "--uid-info",
        Database::Groups => "--gid-info",
    };
    let mut all = String::new();
    for id in ids.take(MOST_IDS) {
        match ask(host, option, &id.to_string(), deadline) {
            Ok(line) => all.extend(line),
            // Names are a convenience where ids are shown.
            Err(CommandError::TimedOut { .. }) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(all)
}

fn ask(
    host: &dyn Host,
    option: &str,
    whom: &str,
    deadline: Deadline,
) -> Result<Option<String>, CommandError> {
    let command = Command::new("wbinfo")
        .arg(format!("{option}={whom}"))
        .accept(&[1, 255]);
    let output = host.run(&command, deadline.at_most(LONGEST))?;
    Ok((output.status == 0).then(|| output.text()))
}
