//! Names of shares that are kept free on this machine for a share that runs elsewhere.

use crate::catalog;
use crate::deadline::Deadline;
use crate::error::Problem;
use crate::host::{Host, Lock};
use crate::journal;
use crate::lifecycle::outcome::ShareError;
use crate::lifecycle::request::name_taken;
use crate::machine::lock_share;
use crate::share::ShareName;
use crate::state_error::StateError;

/// As long as this lives, no share of that name is made or changed on this machine.
#[derive(Debug)]
pub struct NameClaim {
    _lock: Lock,
}

/// Keeps `name` for a share that is made elsewhere, such as in a virtual machine.
///
/// # Errors
/// Where a share of this machine has it, and where another operation works on one of that name.
pub fn claim_name(
    host: &dyn Host,
    name: &ShareName,
    purpose: &str,
    deadline: Deadline,
) -> Result<NameClaim, ShareError> {
    let lock = lock_share(host, name, purpose, deadline)?;
    match name_problem(host, name)? {
        Some(problem) => Err(ShareError::Refused(vec![problem])),
        None => Ok(NameClaim { _lock: lock }),
    }
}

/// What keeps a share elsewhere from having `name`: a share of this machine, or one that is being made.
///
/// # Errors
/// Where the records cannot be read.
pub fn name_problem(host: &dyn Host, name: &ShareName) -> Result<Option<Problem>, StateError> {
    if catalog::load(host, name)?.is_some() {
        return Ok(Some(name_taken(name, "on this machine already")));
    }
    if journal::pending(host)?.contains(&name.key()) {
        let problem = name_taken(name, "that was not finished or taken away whole");
        let remedy = "run `pve-smbgateway recover`, or choose another name";
        return Ok(Some(problem.remedy(remedy)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::LocalHost;
    use crate::layout;

    fn problem(file: Option<&std::path::Path>) -> Option<Problem> {
        let dir = tempfile::tempdir().unwrap();
        let host = LocalHost::with_root(dir.path());
        if let Some(file) = file {
            crate::host::create_dirs(&host, file.parent().unwrap(), 0o755).unwrap();
            host.write(file, RECORD.as_bytes(), 0o644).unwrap();
        }
        name_problem(&host, &"VAULT".parse().unwrap()).unwrap()
    }

    const RECORD: &str = r#"{"version":1,"spec":{"name":"vault","mode":"native","path":"/srv/vault",
        "quota":1073741824,"access":{"users":["alice"]},"min_protocol":"3.0","encryption":"desired"},
        "volume":{"path":"/srv/vault","filesystem":"btrfs","handle":"subvolume","origin":"created"},
        "created_at":0}"#;

    #[test]
    fn a_name_is_free_where_no_share_of_the_machine_has_it_or_is_about_to() {
        assert_eq!(problem(None), None);
        let taken = problem(Some(&layout::catalog_file("vault"))).unwrap();
        assert_eq!(taken.code, "share.name-taken");
        assert!(taken.message.ends_with("on this machine already"));
        let unfinished = problem(Some(&layout::journal_file("vault"))).unwrap();
        assert_eq!(unfinished.kind, crate::error::ErrorKind::Conflict);
        assert!(unfinished.remedy.unwrap().contains("recover"));
        assert_eq!(problem(Some(&layout::catalog_file("vaults"))), None);
    }
}
