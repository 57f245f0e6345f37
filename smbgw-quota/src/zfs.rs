//! Datasets of ZFS and their `refquota` and `quota`, by the `zfs` command (zfsprops(7)).
//!
//! Output is read in its form for programs (`-Hp`): one line each, tabs between fields, numbers in
//! bytes. Usage moves when a transaction group is written, which `zpool sync` waits for.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, CommandError, Host};
use smbgw_core::ports::{Filesystem, Limits, Usage};

use crate::bytes_only;
use crate::error::QuotaError;

/// The property that marks a dataset as made for the volume at the path that is its value.
pub(crate) const MARK: &str = "smbgw:volume";

const COLUMNS: &str = "name,used,referenced,available,quota,refquota";

/// What `zfs list` tells of a dataset, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// The full name, such as `tank/smb/media`.
    pub name: String,
    /// All it takes from its pool, with snapshots, children and reservations.
    pub used: u64,
    /// What the data that is there now refers to.
    pub referenced: u64,
    /// What can still be written, within all limits and reservations.
    pub available: u64,
    /// The limit on `used`.
    pub quota: Option<u64>,
    /// The limit on `referenced`.
    pub refquota: Option<u64>,
}

impl Dataset {
    /// What counts against the limit that matters: `quota` if `with_snapshots`, else `refquota`.
    pub fn usage(&self, with_snapshots: bool) -> Usage {
        let (bytes, limit) = match with_snapshots {
            true => (self.used, self.quota),
            false => (self.referenced, self.refquota),
        };
        Usage {
            bytes,
            inodes: None,
            limits: Limits {
                bytes: limit,
                ..Limits::default()
            },
            available: self.available,
        }
    }
}

/// The datasets called `names`, all by one command; those that do not exist are left out.
///
/// # Errors
/// Where the command cannot be run, or prints what is not understood.
pub fn datasets(
    host: &dyn Host,
    names: &BTreeSet<&str>,
    deadline: Deadline,
) -> Result<HashMap<String, Dataset>, QuotaError> {
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    // It ends with status 1 if one of them does not exist, and prints the others.
    let command = zfs(["list", "-Hp", "-t", "filesystem", "-o", COLUMNS])
        .args(names.iter().copied())
        .accept(&[1]);
    let output = host.run(&command, deadline)?;
    if let Some(problem) = other_problem(&output.error_text()) {
        return Err(CommandError::Failed {
            command: command.to_string(),
            status: "exit status 1".into(),
            stderr: problem,
        }
        .into());
    }
    let found = parse_datasets(&output.text())
        .map_err(|line| CommandError::unexpected(&command, format!("the line `{line}`")))?;
    Ok(found
        .into_iter()
        .map(|dataset| (dataset.name.clone(), dataset))
        .collect())
}

/// Writes out what is pending in the pools of `names`, so that the usage is exact.
///
/// # Errors
/// Where the command fails.
pub fn sync(host: &dyn Host, names: &BTreeSet<&str>, deadline: Deadline) -> Result<(), QuotaError> {
    let pools: BTreeSet<&str> = names
        .iter()
        .map(|name| name.split('/').next().unwrap_or(name))
        .collect();
    host.run(&Command::new("zpool").arg("sync").args(pools), deadline)?;
    Ok(())
}

/// The names of the datasets directly below `parent`.
pub(crate) fn children(
    host: &dyn Host,
    parent: &str,
    deadline: Deadline,
) -> Result<BTreeSet<String>, QuotaError> {
    let command = zfs(["list", "-H", "-d", "1", "-t", "all", "-o", "name"]).arg(parent);
    let text = host.run(&command, deadline)?.text();
    Ok(text
        .lines()
        .filter(|name| *name != parent)
        .map(Into::into)
        .collect())
}

/// Makes the dataset `name` mounted at `mount_point`, marked as made for the volume there.
///
/// # Errors
/// [`QuotaError::Taken`] where a dataset of this name was made for something else.
pub(crate) fn create(
    host: &dyn Host,
    name: &str,
    mount_point: &Path,
    deadline: Deadline,
) -> Result<Change, QuotaError> {
    match mark_of(host, name, deadline)? {
        Mark::Missing => {}
        Mark::For(path) if path == mount_point => {
            return mount(host, name, deadline);
        }
        other => {
            return Err(QuotaError::Taken {
                what: format!("the dataset {name}"),
                by: other.owner(),
            });
        }
    }
    let property = |name: &str| {
        let mut text = std::ffi::OsString::from(format!("{name}="));
        text.push(mount_point);
        text
    };
    let command = zfs(["create", "-o", "acltype=posix", "-o", "xattr=sa", "-o"])
        .arg(property("mountpoint"))
        .arg("-o")
        .arg(property(MARK))
        .arg(name);
    host.run(&command, deadline)?;
    Ok(Change::Created)
}

/// Destroys the dataset `name` if it was made for the volume at `mount_point`.
///
/// # Errors
/// [`QuotaError::HasDependents`] where it has snapshots or children.
pub(crate) fn destroy(
    host: &dyn Host,
    name: &str,
    mount_point: &Path,
    deadline: Deadline,
) -> Result<Change, QuotaError> {
    match mark_of(host, name, deadline)? {
        Mark::For(path) if path == mount_point => {}
        Mark::Missing => return Ok(Change::Unchanged),
        other => {
            tracing::warn!(dataset = name, made_for = %other.owner(), "left alone");
            return Ok(Change::Unchanged);
        }
    }
    let dependents = children(host, name, deadline)?;
    if !dependents.is_empty() {
        let shown: Vec<&str> = dependents.iter().map(String::as_str).take(3).collect();
        let more = match dependents.len() - shown.len() {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        return Err(QuotaError::HasDependents {
            what: name.into(),
            dependents: format!("snapshots or children ({}{more})", shown.join(", ")),
            remedy: format!(
                "look at `zfs list -t all -r {name}` and run `zfs destroy -r {name}` if nothing of \
                 that is needed"
            ),
        });
    }
    // A process that is just ending may still hold a file.
    let patience = deadline.at_most(Duration::from_secs(5));
    loop {
        match host.run(&zfs(["destroy"]).arg(name), deadline) {
            Ok(_) => return Ok(Change::Removed),
            Err(error) if error.stderr().contains("busy") && !patience.has_passed() => {
                std::thread::sleep(Duration::from_millis(100).min(patience.remaining()));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes the mark from the dataset `name` if it was made for the volume at `mount_point`: from then
/// on it is the administrator's.
pub(crate) fn release(
    host: &dyn Host,
    name: &str,
    mount_point: &Path,
    deadline: Deadline,
) -> Result<Change, QuotaError> {
    match mark_of(host, name, deadline)? {
        Mark::For(path) if path == mount_point => {
            host.run(&zfs(["inherit", MARK]).arg(name), deadline)?;
            Ok(Change::Updated)
        }
        _ => Ok(Change::Unchanged),
    }
}

/// Sets the limit of the dataset `name`; see [`Dataset::usage`] for `with_snapshots`.
///
/// # Errors
/// [`QuotaError::BelowUsage`], [`QuotaError::UnsupportedLimit`], or where the command fails.
pub(crate) fn set_limits(
    host: &dyn Host,
    name: &str,
    with_snapshots: bool,
    limits: Limits,
    deadline: Deadline,
) -> Result<(), QuotaError> {
    bytes_only::check(Filesystem::Zfs, &limits)?;
    let property = match with_snapshots {
        true => "quota",
        false => "refquota",
    };
    let value = match limits.bytes {
        Some(bytes) => bytes.to_string(),
        None => "none".into(),
    };
    let command = zfs(["set"]).arg(format!("{property}={value}")).arg(name);
    match (host.run(&command, deadline), limits.bytes) {
        (Ok(_), _) => Ok(()),
        (Err(error), Some(limit)) if error.stderr().contains("less than current used") => {
            Err(QuotaError::BelowUsage {
                dataset: name.into(),
                limit,
            })
        }
        (Err(error), _) => Err(error.into()),
    }
}

/// For what a dataset was made.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark {
    Missing,
    For(PathBuf),
    Foreign,
}

impl Mark {
    fn owner(&self) -> String {
        match self {
            Self::For(path) => path.display().to_string(),
            Self::Missing | Self::Foreign => "something else".into(),
        }
    }
}

fn mark_of(host: &dyn Host, name: &str, deadline: Deadline) -> Result<Mark, QuotaError> {
    let command = zfs(["get", "-Hp", "-o", "value,source", MARK]).arg(name);
    match host.run(&command, deadline) {
        Ok(output) => parse_mark(&output.text()).ok_or_else(|| {
            CommandError::unexpected(&command, format!("`{}`", output.text())).into()
        }),
        Err(error) if error.stderr().contains("does not exist") => Ok(Mark::Missing),
        Err(error) => Err(error.into()),
    }
}

/// Whether the dataset `name` exists and was made for the volume at `mount_point`.
pub(crate) fn is_made_for(
    host: &dyn Host,
    name: &str,
    mount_point: &Path,
    deadline: Deadline,
) -> Result<bool, QuotaError> {
    Ok(mark_of(host, name, deadline)? == Mark::For(mount_point.into()))
}

/// Every dataset that was made for a volume, with the path that it was made for.
pub(crate) fn marked(
    host: &dyn Host,
    deadline: Deadline,
) -> Result<Vec<(String, PathBuf)>, QuotaError> {
    let command = zfs([
        "get",
        "-Hp",
        "-t",
        "filesystem",
        "-s",
        "local",
        "-o",
        "name,value",
        MARK,
    ]);
    let text = host.run(&command, deadline)?.text();
    let line = |line: &str| {
        let (name, path) = line.split_once('\t')?;
        Some((name.into(), path.into()))
    };
    Ok(text.lines().filter_map(line).collect())
}

/// Mounts the dataset `name` unless it is.
pub(crate) fn mount(host: &dyn Host, name: &str, deadline: Deadline) -> Result<Change, QuotaError> {
    match host.run(&zfs(["mount"]).arg(name), deadline) {
        Ok(_) => Ok(Change::Updated),
        Err(error) if error.stderr().contains("already mounted") => Ok(Change::Unchanged),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn zfs<const N: usize>(args: [&'static str; N]) -> Command {
    Command::new("zfs").args(args)
}

/// The lines of `zfs list -Hp -o` with [`COLUMNS`]; the error is a line that is none.
fn parse_datasets(text: &str) -> Result<Vec<Dataset>, String> {
    text.lines()
        .map(|line| parse_dataset(line).ok_or_else(|| line.to_string()))
        .collect()
}

fn parse_dataset(line: &str) -> Option<Dataset> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, used, referenced, available, quota, refquota] = fields[..] else {
        return None;
    };
    let limit = |text: &str| match text {
        "0" | "none" | "-" => Some(None),
        _ => text.parse().ok().map(Some),
    };
    Some(Dataset {
        name: name.into(),
        used: used.parse().ok()?,
        referenced: referenced.parse().ok()?,
        available: available.parse().ok()?,
        quota: limit(quota)?,
        refquota: limit(refquota)?,
    })
}

/// The answer to `zfs get -Hp -o value,source` for [`MARK`]. A child inherits the property, but
/// only a value set on the dataset itself says what it was made for.
fn parse_mark(text: &str) -> Option<Mark> {
    let (value, source) = text.trim_end_matches('\n').rsplit_once('\t')?;
    Some(match source {
        "local" => Mark::For(value.into()),
        _ => Mark::Foreign,
    })
}

/// What `zfs list` wrote to standard error beside datasets that do not exist.
fn other_problem(stderr: &str) -> Option<String> {
    let others: Vec<&str> = stderr
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.ends_with("does not exist"))
        .collect();
    (!others.is_empty()).then(|| others.join("\n"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Printed by zfs 2.3.2 for [`COLUMNS`].
    const RECORDED: &str = "\
tank\t12821504\t24576\t356277248\t0\t0
tank/q\t24576\t24576\t5218304\t5242880\t0
tank/smb/rq\t4224000\t4224000\t0\t0\t4194304
tank/smb/with blank\t8388608\t24576\t10461184\t10485760\t0
";

    #[test]
    fn recorded_output_is_read() {
        let found = parse_datasets(RECORDED).unwrap();
        assert_eq!(found.len(), 4);
        let full = found[2].usage(false);
        assert_eq!((full.bytes, full.available), (4224000, 0));
        assert_eq!(full.limits, Limits::of_bytes(4 << 20));
        assert_eq!(found[2].usage(true).limits, Limits::default());
        let reserved = &found[3];
        assert_eq!(reserved.name, "tank/smb/with blank");
        // What is reserved counts for `quota`, and can still be written.
        assert_eq!(reserved.usage(true).bytes, 8 << 20);
        assert_eq!(reserved.usage(false).bytes, 24576);
        assert_eq!(reserved.usage(true).available, 10461184);
    }

    #[test]
    fn a_line_that_is_none_is_shown() {
        let text = format!("{RECORDED}tank\t1\n");
        assert_eq!(parse_datasets(&text), Err("tank\t1".into()));
    }

    #[test]
    fn marks_are_told_apart() {
        let mark = |text| parse_mark(text).unwrap();
        assert_eq!(mark("/tank/a b\tlocal\n"), Mark::For("/tank/a b".into()));
        assert_eq!(mark("/tank/a\tinherited from tank/a\n"), Mark::Foreign);
        assert_eq!(mark("-\t-\n"), Mark::Foreign);
        assert_eq!(parse_mark(""), None);
    }

    #[test]
    fn only_missing_datasets_are_no_problem() {
        assert_eq!(
            other_problem("cannot open 'tank/x': dataset does not exist\n"),
            None
        );
        let denied = "cannot open 'tank/x': permission denied";
        assert_eq!(other_problem(denied).as_deref(), Some(denied));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[\\PC\\t\\n]*") {
            let _ = parse_datasets(&text);
            let _ = parse_mark(&text);
            let _ = other_problem(&text);
        }
    }
}
