//! What the file systems really enforce against what is meant, and putting it right.
//!
//! A look changes nothing, not even a time of a file. A repair sets what is meant once more: a limit,
//! the marks of a tree, the lines of a list. Switches of a whole file system (mount options, quotas
//! that are off) are not its to change; they are told with the commands.
//!
//! Not looked for is what was moved out of a directory and goes on counting for its project: the
//! kernel tells how much that is, not where, and in a share that is used it is never just what a walk
//! met (files that are open and have no name any more count, as does what is made meanwhile).

mod datasets;
mod limits;
mod mounted;
mod projects;
pub(crate) mod strays;
mod subvolumes;

use std::collections::{BTreeSet, HashMap};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;

use rustix::fs as unix;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::ports::{Depth, Deviation, Filesystem, Handle, Meant, QuotaState, Repair};

use crate::detect::{self, Place};
use crate::error::QuotaError;
use crate::project::ProjectQuotas;
use crate::projid::Registry;
use crate::volume::{Kind, Site, as_host_sees};
use crate::zfs::{self, Dataset};
use mounted::Mounted;

/// One look at many volumes: what several have in common is read once.
pub(crate) struct Inspection<'h> {
    host: &'h dyn Host,
    depth: Depth,
    deadline: Deadline,
    names: BTreeSet<String>,
    datasets: Option<HashMap<String, Dataset>>,
    /// By device number.
    disks: HashMap<u64, Rc<Disk>>,
    registry: Option<Rc<Registry>>,
    mounted: Option<Rc<Mounted>>,
}

/// A file system with volumes that are directories.
struct Disk {
    type_name: String,
    /// Its quotas, where it is of a kind that has any for directories.
    quotas: Option<(Filesystem, QuotaState, ProjectQuotas)>,
}

impl<'h> Inspection<'h> {
    /// A look at `meant` on `host`.
    pub(crate) fn new(
        host: &'h dyn Host,
        meant: &[Meant<'_>],
        depth: Depth,
        deadline: Deadline,
    ) -> Self {
        let names = meant
            .iter()
            .filter_map(|meant| match &meant.volume.handle {
                Handle::Dataset { name, .. } => Some(name.clone()),
                _ => None,
            })
            .collect();
        Self {
            host,
            depth,
            deadline,
            names,
            datasets: None,
            disks: HashMap::new(),
            registry: None,
            mounted: None,
        }
    }

    /// What is not as it is `meant`.
    pub(crate) fn look(&mut self, meant: Meant<'_>) -> Result<Vec<Deviation>, QuotaError> {
        let site = Site::new(self.host, &meant.volume.path)?;
        if let Some(unmounted) = self.mounted()?.unmounted(&site) {
            return Ok(vec![unmounted]);
        }
        match Kind::of(&meant.volume.handle) {
            Kind::Project(project) => projects::look(self, &site, project, meant),
            Kind::Dataset(dataset) => datasets::look(self, &site, dataset, meant),
            Kind::Subvolume => subvolumes::look(self, &site, meant),
        }
    }

    /// Puts right what can be, of `meant`.
    pub(crate) fn repair(&mut self, meant: Meant<'_>) -> Result<Vec<Repair>, QuotaError> {
        let site = Site::new(self.host, &meant.volume.path)?;
        // What is seen there is not the volume.
        if self.mounted()?.unmounted(&site).is_some() {
            return Ok(Vec::new());
        }
        match Kind::of(&meant.volume.handle) {
            Kind::Project(project) => projects::repair(self, &site, project, meant),
            Kind::Dataset(dataset) => datasets::repair(self, &site, dataset, meant),
            Kind::Subvolume => subvolumes::repair(self, &site, meant),
        }
    }

    fn mounted(&mut self) -> Result<Rc<Mounted>, QuotaError> {
        if self.mounted.is_none() {
            self.mounted = Some(Rc::new(Mounted::read(self.host)?));
        }
        Ok(self.mounted.clone().unwrap_or_default())
    }

    fn registry(&mut self) -> Result<Rc<Registry>, QuotaError> {
        if self.registry.is_none() {
            self.registry = Some(Rc::new(Registry::load(self.host)?));
        }
        Ok(self.registry.clone().unwrap_or_default())
    }

    /// The dataset `name`, if there is one.
    fn dataset(&mut self, name: &str) -> Result<Option<Dataset>, QuotaError> {
        if self.datasets.is_none() {
            // Where this fails, each volume fails by itself, with an error of its own.
            let names = self.names.iter().map(String::as_str).collect();
            self.datasets = Some(zfs::datasets(self.host, &names, self.deadline)?);
        }
        let found = self.datasets.as_ref().and_then(|found| found.get(name));
        Ok(found.cloned())
    }

    /// The file system that `directory`, the one at `site`, is on.
    fn disk(&mut self, directory: &OwnedFd, site: &Site<'_>) -> Result<Rc<Disk>, QuotaError> {
        let status = unix::fstat(directory)
            .map_err(|error| QuotaError::path("look at", site.path, error))?;
        if let Some(known) = self.disks.get(&status.st_dev) {
            return Ok(known.clone());
        }
        let place = Place::open(&site.local)?;
        let type_name = place.mount()?.type_name.clone();
        let quotas = match place.filesystem() {
            Some(filesystem @ (Filesystem::Ext4 | Filesystem::Xfs)) => {
                let state = place.quota_state()?;
                Some((filesystem, state, ProjectQuotas::at(place)?))
            }
            _ => None,
        };
        let disk = Rc::new(Disk { type_name, quotas });
        self.disks.insert(status.st_dev, disk.clone());
        Ok(disk)
    }
}

/// The deviation of limits that are not enforced, where `state` says so.
fn off(state: &QuotaState) -> Option<Deviation> {
    match state {
        QuotaState::Enforced(_) => None,
        QuotaState::Off { reason, remedy, .. } => {
            let message = format!("limits are not enforced: {reason}");
            Some(Deviation::new("quota.off", message).remedy(remedy))
        }
        QuotaState::Unsupported { remedy } => {
            let message = "the file system has no limits for directories";
            Some(Deviation::new("quota.off", message).remedy(remedy))
        }
    }
}

/// The deviation of a volume that is not there.
fn missing(site: &Site<'_>) -> Deviation {
    let message = format!("there is no directory `{}`", site.path.display());
    Deviation::new("quota.volume-missing", message)
        .at(site.path)
        .remedy("mount the file system that it is on, or put it back from a backup")
}

/// The deviation of a volume at whose path there is something else: `found`, not `expected`.
fn mismatch(site: &Site<'_>, expected: &str, found: &str) -> Deviation {
    let path = site.path.display();
    let message = format!("`{path}` was {expected} when the share was made and is {found} now");
    Deviation::new("quota.mismatch", message)
        .at(site.path)
        .remedy(format!(
            "mount what was at `{path}`, or put it back from a backup"
        ))
}

/// The deviation of file systems or subvolumes `inside` that the limit does not count.
fn uncounted_inside(site: &Site<'_>, what: &str, count: u64, first: &Path) -> Deviation {
    let first = as_host_sees(site.host, first);
    let message = format!(
        "{count} {what}{} inside `{}` that the limit does not count, such as `{}`",
        if count == 1 { " is" } else { "s are" },
        site.path.display(),
        first.display()
    );
    Deviation::new("quota.uncounted-inside", message)
        .at(first)
        .in_places(count)
        .remedy(format!(
            "move the {what} out of the share, or limit it by itself"
        ))
}

/// The file systems that are mounted inside the volume at `site` and `is_uncounted` by its limit.
fn mounts_inside(
    site: &Site<'_>,
    is_uncounted: impl Fn(&detect::Mount) -> bool,
) -> Result<Option<Deviation>, QuotaError> {
    let mounts = detect::mounts()?;
    let mut inside = mounts.iter().filter(|mount| {
        let point = &mount.mount_point;
        point.starts_with(&site.local) && *point != site.local && is_uncounted(mount)
    });
    let Some(first) = inside.next() else {
        return Ok(None);
    };
    let count = 1 + inside.count() as u64;
    Ok(Some(uncounted_inside(
        site,
        "file system",
        count,
        &first.mount_point,
    )))
}

/// `count` with the right one of two words.
fn counted(count: u64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}
