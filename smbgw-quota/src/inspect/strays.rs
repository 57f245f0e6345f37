//! What volumes that are gone left: projects in the lists, limits, marks.
//!
//! A deleted share takes all of that with it, unless its file system was not there at that moment,
//! or somebody put back an old list or an old disk.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use rustix::fs as unix;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::ports::{Filesystem, Handle, Limits, Repair, Stray, Volume};

use super::counted;
use super::mounted::Mounted;
use crate::detect::{self, Place};
use crate::error::QuotaError;
use crate::kind::QuotaKind;
use crate::project::{ProjectQuota, ProjectQuotas};
use crate::projid::{FIRST_ID, FIRST_ID_OF_OTHERS, Registry};
use crate::tree;
use crate::volume::{Site, marked};
use crate::zfs;

const STRAY_PROJECT: &str = "quota.stray-project";
const UNLISTED_PROJECT: &str = "quota.unlisted-project";
const STRAY_DATASET: &str = "quota.stray-dataset";

/// What volumes that are none of `known` left.
pub(crate) fn find(
    host: &dyn Host,
    known: &[&Volume],
    deadline: Deadline,
) -> Result<Vec<Stray>, QuotaError> {
    let known_ids: HashSet<u32> = known
        .iter()
        .filter_map(|volume| match &volume.handle {
            Handle::Project { id, .. } => Some(*id),
            _ => None,
        })
        .collect();
    let registry = Registry::load(host)?;
    let mounted = Mounted::read(host)?;
    let mut left = leftovers(host, &known_ids)?;
    let mut strays = Vec::new();
    for (id, name) in registry.ours() {
        if !known_ids.contains(&id) {
            let quotas = left.remove(&id).unwrap_or_default();
            strays.push(listed(&registry, &mounted, id, name, &quotas));
        }
    }
    let listed_ids = registry.ids();
    // Symbolic links and pipes keep the id of a share that was given up, as nothing can take it from
    // them; they hold no data.
    let matters = |left: &Leftover| left.quota.bytes > 0 || left.quota.limits != Limits::default();
    let unlisted = left
        .into_iter()
        .filter(|(id, left)| !listed_ids.contains(id) && left.iter().any(matters));
    strays.extend(unlisted.map(|(id, quotas)| self::unlisted(id, &quotas)));
    strays.extend(datasets(host, known, deadline)?);
    Ok(strays)
}

/// Takes `stray` away if it still is one.
pub(crate) fn remove(
    host: &dyn Host,
    stray: &Stray,
    known: &[&Volume],
    deadline: Deadline,
) -> Result<Vec<Repair>, QuotaError> {
    let Handle::Project { id, name } = &stray.handle else {
        return Ok(Vec::new());
    };
    let is_same = |found: &Stray| found.handle == stray.handle && found.repairable;
    if !find(host, known, deadline)?.iter().any(is_same) {
        return Ok(Vec::new());
    }
    let mut done = Vec::new();
    for path in Registry::load(host)?.directories_of(*id) {
        // What is in a share is put right with that share.
        if known.iter().any(|volume| path.starts_with(&volume.path)) {
            continue;
        }
        let site = Site::new(host, &path)?;
        if site.exists()? && tree::unmark(&site.local, *id, deadline)?.happened() {
            let message = format!(
                "project {id} was taken from what is in `{}`",
                path.display()
            );
            done.push(Repair::new(STRAY_PROJECT, message, 1));
        }
    }
    for disk in disks(host)? {
        if disk.set_limits(*id, Limits::default())?.happened() {
            let point = disk.place().mount()?.mount_point.display();
            let message = format!("the limit of project {id} on {point} was removed");
            done.push(Repair::new(STRAY_PROJECT, message, 1));
        }
    }
    // Unlisted last: until then, nobody is given the id.
    if marked::forget(host, *id, name, deadline)?.happened() {
        let message =
            format!("project {id} ({name}) was removed from /etc/projects and /etc/projid");
        done.push(Repair::new(STRAY_PROJECT, message, 1));
    }
    Ok(done)
}

/// What is left of a project on one file system.
struct Leftover {
    mount_point: PathBuf,
    quota: ProjectQuota,
}

/// What the file systems of `host` still know of projects with ids of ours that are not `known`.
fn leftovers(
    host: &dyn Host,
    known: &HashSet<u32>,
) -> Result<BTreeMap<u32, Vec<Leftover>>, QuotaError> {
    let mut left: BTreeMap<u32, Vec<Leftover>> = BTreeMap::new();
    for disk in disks(host)? {
        for quota in disk.iter().from_id(FIRST_ID) {
            let quota = quota?;
            if quota.id >= FIRST_ID_OF_OTHERS {
                break;
            }
            if !known.contains(&quota.id) {
                left.entry(quota.id).or_default().push(Leftover {
                    mount_point: disk.place().mount()?.mount_point.clone(),
                    quota,
                });
            }
        }
    }
    Ok(left)
}

/// Every file system of `host` that counts projects, once.
fn disks(host: &dyn Host) -> Result<Vec<ProjectQuotas>, QuotaError> {
    let mut seen = HashSet::new();
    let mut disks = Vec::new();
    let root = host.local_path(Path::new("/")).unwrap_or_default();
    let below = |mount: &detect::Mount| {
        mount.mount_point.starts_with(&root) && matches!(&*mount.type_name, "ext4" | "xfs")
    };
    let points = detect::mounts()?.into_iter().filter(below);
    for point in points.map(|mount| mount.mount_point).chain([root.clone()]) {
        let place = match Place::open(&point) {
            Ok(place) => place,
            // Hidden by another mount, or not to be reached.
            Err(error) => {
                tracing::debug!(path = %point.display(), %error, "not looked at");
                continue;
            }
        };
        let status =
            unix::fstat(&place).map_err(|error| QuotaError::path("look at", &point, error))?;
        let has_projects = matches!(place.filesystem(), Some(Filesystem::Ext4 | Filesystem::Xfs));
        if has_projects && seen.insert(status.st_dev) && place.switches(QuotaKind::Project)?.counted
        {
            disks.push(ProjectQuotas::at(place)?);
        }
    }
    Ok(disks)
}

fn listed(
    registry: &Registry,
    mounted: &Mounted,
    id: u32,
    name: String,
    left: &[Leftover],
) -> Stray {
    let directories = registry.directories_of(id);
    let mut message = format!("project {id} ({name}) is listed, but no share's");
    message.push_str(&what_is_left(left));
    let unmounted = directories
        .iter()
        .find_map(|directory| mounted.missing_above(directory));
    let remedy = match (unmounted, registry.other_name(id, &name)) {
        (Some(point), _) => {
            let point = point.display();
            Some(format!(
                "run `mount {point}`, which has to be looked at first"
            ))
        }
        (None, Some(other)) => Some(format!(
            "the project is called {other} too, by somebody who may need it; remove the line \
             `{other}:{id}` from /etc/projid if not, or else the line `{name}:{id}`"
        )),
        (None, None) => None,
    };
    Stray {
        code: STRAY_PROJECT.into(),
        message,
        handle: Handle::Project { id, name },
        paths: paths(directories, left),
        bytes: bytes(left),
        repairable: remedy.is_none(),
        remedy,
    }
}

fn unlisted(id: u32, left: &[Leftover]) -> Stray {
    let points: Vec<String> = left
        .iter()
        .map(|left| left.mount_point.display().to_string())
        .collect();
    let remedy = points.iter().map(|point| {
        format!(
            "look for its files with `find {point} -xdev -type d -exec lsattr -dp {{}} + | grep -w \
             {id}`, and run `setquota -P {id} 0 0 0 0 {point}` if nothing needs it"
        )
    });
    Stray {
        code: UNLISTED_PROJECT.into(),
        // Another program may have given it out, so it is not removed.
        message: format!(
            "project {id} is neither listed nor a share's{}",
            what_is_left(left)
        ),
        handle: Handle::Project {
            id,
            name: String::new(),
        },
        paths: paths(Vec::new(), left),
        bytes: bytes(left),
        repairable: false,
        remedy: Some(remedy.collect::<Vec<_>>().join("; ")),
    }
}

fn what_is_left(left: &[Leftover]) -> String {
    let inodes: u64 = left.iter().map(|left| left.quota.inodes).sum();
    let mut text = String::new();
    if inodes > 0 {
        let things = counted(
            inodes,
            "file or directory counts",
            "files and directories count",
        );
        text.push_str(&format!("; {things} for it"));
    }
    if left
        .iter()
        .any(|left| left.quota.limits != Limits::default())
    {
        text.push_str("; it has a limit");
    }
    text
}

fn bytes(left: &[Leftover]) -> u64 {
    left.iter().map(|left| left.quota.bytes).sum()
}

fn paths(directories: Vec<PathBuf>, left: &[Leftover]) -> Vec<PathBuf> {
    let points = left.iter().map(|left| left.mount_point.clone());
    directories.into_iter().chain(points).collect()
}

/// Datasets that were made for shares and are none of `known`. They are left alone: their pool may
/// have come from another machine, where they are.
fn datasets(
    host: &dyn Host,
    known: &[&Volume],
    deadline: Deadline,
) -> Result<Vec<Stray>, QuotaError> {
    let root = host.local_path(Path::new("/")).unwrap_or_default();
    let has_any = detect::mounts()?.iter().any(|mount| {
        mount.type_name == "zfs"
            && (mount.mount_point.starts_with(&root) || root.starts_with(&mount.mount_point))
    });
    // Without its module, zfs waits for it for a while.
    if !has_any {
        return Ok(Vec::new());
    }
    let is_known = |name: &str| {
        known.iter().any(
            |volume| matches!(&volume.handle, Handle::Dataset { name: known, .. } if known == name),
        )
    };
    let marked = zfs::marked(host, deadline)?.into_iter();
    let strays = marked.filter_map(|(name, local)| {
        let path = Path::new("/").join(local.strip_prefix(&root).ok()?);
        (!is_known(&name)).then(|| Stray {
            code: STRAY_DATASET.into(),
            message: format!(
                "the dataset {name} was made for a share at `{}`, but is no share's",
                path.display()
            ),
            remedy: Some(format!(
                "if it is no share of another machine either, run `zfs inherit {} {name}` and `zfs \
                 set refquota=none {name}`, or `zfs destroy {name}` to remove its data too",
                zfs::MARK
            )),
            handle: Handle::Dataset {
                name,
                with_snapshots: false,
            },
            paths: vec![path],
            bytes: 0,
            repairable: false,
        })
    });
    Ok(strays.collect())
}
