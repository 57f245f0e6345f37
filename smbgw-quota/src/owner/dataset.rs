//! Quotas of users and groups in a dataset of ZFS: `userquota@`, `userobjquota@` and the same of
//! groups (zfsprops(7), zfs-userspace(8)).
//!
//! zfs(8) takes `userquota@1000` for the user *named* 1000 where there is one, whatever its id. An
//! id is therefore written `+1000`, which no name begins with and which zfs reads as a number.

use std::collections::HashMap;

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, CommandError, Host};
use smbgw_core::ports::{Filesystem, Limits};

use super::{OwnerKind, OwnerUsage, check_id};
use crate::error::QuotaError;
use crate::zfs::zfs;

const COLUMNS: &str = "name,used,quota,objused,objquota";

/// The users, or groups, of one dataset.
#[derive(Clone, Debug)]
pub(crate) struct DatasetOwners<'a> {
    pub(crate) host: &'a dyn Host,
    pub(crate) dataset: String,
    pub(crate) kind: OwnerKind,
}

impl DatasetOwners<'_> {
    /// What `id` holds as of the last transaction group, and its limits.
    pub(crate) fn get(&self, id: u32, deadline: Deadline) -> Result<OwnerUsage, QuotaError> {
        let names = Properties::of(self.kind, id);
        let command = zfs(["get", "-Hp", "-o", "property,value"])
            .arg(names.all().join(","))
            .arg(&self.dataset);
        let text = self.host.run(&command, deadline)?.text();
        names
            .parse(id, &text)
            .ok_or_else(|| CommandError::unexpected(&command, format!("`{text}`")).into())
    }

    pub(crate) fn set_limits(
        &self,
        id: u32,
        limits: Limits,
        deadline: Deadline,
    ) -> Result<Change, QuotaError> {
        check_id(self.kind, id)?;
        check_hard_only(&limits)?;
        // To zfs, zero is no limit.
        let wanted = Limits {
            bytes: limits.bytes.map(|bytes| bytes.max(1)),
            inodes: limits.inodes.filter(|&count| count > 0),
            ..limits
        };
        let now = self.get(id, deadline)?.limits;
        if now == wanted {
            return Ok(Change::Unchanged);
        }
        let names = Properties::of(self.kind, id);
        let setting = |name: &str, limit: Option<u64>| match limit {
            Some(limit) => format!("{name}={limit}"),
            None => format!("{name}=none"),
        };
        let mut command = zfs(["set"]);
        if now.bytes != wanted.bytes {
            command = command.arg(setting(&names.quota, wanted.bytes));
        }
        if now.inodes != wanted.inodes {
            command = command.arg(setting(&names.object_quota, wanted.inodes));
        }
        self.host.run(&command.arg(&self.dataset), deadline)?;
        Ok(Change::Updated)
    }

    /// Everybody who holds something or has limits, by rising id.
    pub(crate) fn report(&self, deadline: Deadline) -> Result<Vec<OwnerUsage>, QuotaError> {
        let command = self.listing();
        let text = self.host.run(&command, deadline)?.text();
        let mut owners = parse_listing(&text)
            .map_err(|line| CommandError::unexpected(&command, format!("the line `{line}`")))?;
        owners.sort_by_key(|owner| owner.id);
        Ok(owners)
    }

    fn listing(&self) -> Command {
        let (listing, kind) = match self.kind {
            OwnerKind::User => ("userspace", "posixuser"),
            OwnerKind::Group => ("groupspace", "posixgroup"),
        };
        zfs([listing, "-Hpn", "-t", kind, "-o", COLUMNS]).arg(&self.dataset)
    }
}

/// What zfs calls usage and limits of one owner.
#[derive(Debug)]
struct Properties {
    used: String,
    quota: String,
    objects_used: String,
    object_quota: String,
}

impl Properties {
    fn of(kind: OwnerKind, id: u32) -> Self {
        Self {
            used: format!("{kind}used@+{id}"),
            quota: format!("{kind}quota@+{id}"),
            objects_used: format!("{kind}objused@+{id}"),
            object_quota: format!("{kind}objquota@+{id}"),
        }
    }

    fn all(&self) -> [&str; 4] {
        [
            &self.used,
            &self.quota,
            &self.objects_used,
            &self.object_quota,
        ]
    }

    /// The answer to `zfs get -Hp -o property,value` for all of them.
    fn parse(&self, id: u32, text: &str) -> Option<OwnerUsage> {
        let values: HashMap<&str, &str> = text
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .collect();
        let value = |name: &str| number(values.get(name)?);
        let limits = Limits {
            bytes: limit(value(&self.quota)?),
            inodes: limit(value(&self.object_quota)?),
            ..Limits::default()
        };
        let bytes = value(&self.used)?.unwrap_or(0);
        Some(OwnerUsage::new(
            id,
            bytes,
            value(&self.objects_used)?,
            limits,
        ))
    }
}

/// Checks that `limits` has no soft limit, as ZFS has none.
fn check_hard_only(limits: &Limits) -> Result<(), QuotaError> {
    if limits.soft_bytes.is_some() || limits.soft_inodes.is_some() {
        return Err(QuotaError::UnsupportedLimit {
            filesystem: Filesystem::Zfs,
            what: "what may be exceeded for a time",
        });
    }
    Ok(())
}

/// The lines of `zfs userspace -Hpn -o` with [`COLUMNS`], without owners of nothing; the error is a
/// line that is none.
fn parse_listing(text: &str) -> Result<Vec<OwnerUsage>, String> {
    let rows: Vec<Row> = text
        .lines()
        .map(|line| Row::parse(line).ok_or_else(|| line.to_string()))
        .collect::<Result<_, _>>()?;
    // The root directory at least is an object, wherever objects are counted.
    let counted = rows.iter().any(|row| row.objects.is_some());
    Ok(rows
        .into_iter()
        .map(|row| {
            let objects = row.objects.or(counted.then_some(0));
            OwnerUsage::new(row.id, row.bytes, objects, row.limits)
        })
        .filter(|owner| {
            owner.bytes > 0
                || owner.inodes.is_some_and(|count| count > 0)
                || owner.limits != Limits::default()
        })
        .collect())
}

struct Row {
    id: u32,
    bytes: u64,
    objects: Option<u64>,
    limits: Limits,
}

impl Row {
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [id, used, quota, objects, object_quota] = fields[..] else {
            return None;
        };
        Some(Self {
            id: id.parse().ok()?,
            bytes: number(used)?.unwrap_or(0),
            objects: number(objects)?,
            limits: Limits {
                bytes: limit(number(quota)?),
                inodes: limit(number(object_quota)?),
                ..Limits::default()
            },
        })
    }
}

/// A number, or nothing where zfs has none.
fn number(text: &str) -> Option<Option<u64>> {
    match text {
        "-" | "none" => Some(None),
        _ => text.parse().ok().map(Some),
    }
}

fn limit(value: Option<u64>) -> Option<u64> {
    value.filter(|&value| value > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Printed by zfs 2.3.2 for [`COLUMNS`].
    const RECORDED: &str = "\
0\t512\t0\t1\t0
1000\t0\t5242880\t-\t-
4294967294\t4608\t7340032\t3\t11
77\t0\t0\t-\t-
";

    #[test]
    fn a_recorded_listing_is_read() {
        let owners = parse_listing(RECORDED).unwrap();
        let ids: Vec<u32> = owners.iter().map(|owner| owner.id).collect();
        assert_eq!(ids, [0, 1000, 4294967294]);
        assert_eq!(owners[1].limits, Limits::of_bytes(5 << 20));
        assert_eq!((owners[1].bytes, owners[1].inodes), (0, Some(0)));
        assert_eq!((owners[2].bytes, owners[2].inodes), (4608, Some(3)));
        assert_eq!(owners[2].limits.inodes, Some(11));
    }

    #[test]
    fn objects_that_are_not_counted_are_unknown() {
        let owners = parse_listing("0\t512\t0\t-\t-\n1000\t9\tnone\t-\tnone\n").unwrap();
        assert!(owners.iter().all(|owner| owner.inodes.is_none()));
        assert_eq!(
            parse_listing("S-1-5\t1\t0\t-\t-"),
            Err("S-1-5\t1\t0\t-\t-".into())
        );
    }

    #[test]
    fn a_recorded_answer_is_read() {
        let text = "userused@+1000\t512\nuserquota@+1000\t5242880\n\
                    userobjused@+1000\t1\nuserobjquota@+1000\t0\n";
        let names = Properties::of(OwnerKind::User, 1000);
        let owner = names.parse(1000, text).unwrap();
        assert_eq!((owner.bytes, owner.inodes), (512, Some(1)));
        assert_eq!(owner.limits, Limits::of_bytes(5 << 20));
        assert!(names.parse(1000, "userused@+1000\t512\n").is_none());
    }

    #[test]
    fn soft_limits_are_refused() {
        let soft = Limits {
            soft_inodes: Some(1),
            ..Limits::default()
        };
        assert!(check_hard_only(&soft).is_err());
        let hard = Limits {
            inodes: Some(1),
            ..Limits::of_bytes(5)
        };
        assert!(check_hard_only(&hard).is_ok());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[\\PC\\t\\n]*") {
            let _ = parse_listing(&text);
            let _ = Properties::of(OwnerKind::Group, 1).parse(1, &text);
        }
    }
}
