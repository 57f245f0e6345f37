//! The port [`Storage`] on ext4, XFS, ZFS and btrfs.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use rustix::fs as unix;
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::ports::storage::Data;
use smbgw_core::ports::{
    Depth, Deviation, Filesystem, Handle, Limits, Meant, PortError, QuotaState, Repair, Storage,
    Stray, Survey, Usage, Volume,
};
use smbgw_core::share::ShareName;

use crate::btrfs::Subvolume;
use crate::detect::Place;
use crate::error::QuotaError;
use crate::inspect::{Inspection, strays};
use crate::project::ProjectQuotas;
use crate::tree::{self, Holding};
use crate::volume::dataset::DatasetHandle;
use crate::volume::{Kind, Site, Wish, as_host_sees, dataset, marked, subvolume};
use crate::zfs::{self, Dataset};

/// Places for data on a host whose files this process can reach.
///
/// # Concurrency
/// Two processes may [choose](Storage::choose) the same identity at once; the second one to
/// [create](Storage::create) then gets `quota.taken` and has changed nothing. A caller that holds a
/// lock of its own over both never sees that.
#[derive(Clone, Copy, Debug)]
pub struct QuotaStorage<'a> {
    host: &'a dyn Host,
    syncs: bool,
}

impl<'a> QuotaStorage<'a> {
    /// Places for data on `host`.
    pub fn new(host: &'a dyn Host) -> Self {
        Self { host, syncs: true }
    }

    /// The same, without writing out what is pending before usages are read: on ZFS and btrfs they
    /// are then as of the last commit (5 and 30 seconds ago at most), and reading costs nothing.
    #[must_use]
    pub fn without_sync(self) -> Self {
        Self {
            syncs: false,
            ..self
        }
    }

    fn site<'s>(&self, path: &'s Path) -> Result<Site<'s>, QuotaError>
    where
        'a: 's,
    {
        Site::new(self.host, path)
    }

    fn look(&self, path: &Path, deadline: Deadline) -> Result<Survey, QuotaError> {
        let site = self.site(path)?;
        let place = Place::nearest(&site.local)?;
        let mut quota = place.quota_state()?;
        if quota == QuotaState::Enforced(Filesystem::Zfs)
            && let Err(missing) = self.host.tool("zfs")
        {
            quota = QuotaState::Off {
                filesystem: Filesystem::Zfs,
                reason: missing.to_string(),
                remedy: smbgw_core::error::Coded::remedy(&missing).unwrap_or_default(),
            };
        }
        let held = match site.exists()? && place.filesystem().is_some() {
            true => self.held(&site, &place, deadline)?,
            false => Holding::default(),
        };
        let remarks = match held.linked_outside {
            0 => Vec::new(),
            files => vec![format!(
                "{files} files in {} have names outside it too; they count for the quota all the \
                 same, and new such links cannot be made",
                path.display()
            )],
        };
        let mount = place.mount()?;
        Ok(Survey {
            existing: as_host_sees(self.host, place.path()),
            type_name: mount.type_name.clone(),
            mount_point: as_host_sees(self.host, &mount.mount_point),
            source: mount.source.clone(),
            quota,
            available: place.free()?,
            used: held.bytes,
            remarks,
        })
    }

    /// What the directory at `site` holds: the kernel's count where it has one.
    fn held(
        &self,
        site: &Site<'_>,
        place: &Place,
        deadline: Deadline,
    ) -> Result<Holding, QuotaError> {
        // What is in a directory may be a part of its project only, so projects are no help.
        if place.filesystem() == Some(Filesystem::Btrfs)
            && let Ok(usage) = Subvolume::open(&site.local).and_then(|found| {
                if self.syncs {
                    found.sync()?;
                }
                found.usage()
            })
        {
            return Ok(Holding {
                bytes: usage.bytes,
                linked_outside: 0,
            });
        }
        tree::holding(&site.local, deadline)
    }

    fn pick(
        &self,
        share: &ShareName,
        path: &Path,
        taken: &[Volume],
        deadline: Deadline,
    ) -> Result<Volume, QuotaError> {
        let site = self.site(path)?;
        let place = Place::nearest(&site.local)?;
        let wish = Wish { share, taken };
        match place.require_enforced()? {
            filesystem @ (Filesystem::Ext4 | Filesystem::Xfs) => {
                marked::choose(&site, place, filesystem, wish, deadline)
            }
            Filesystem::Zfs => dataset::choose(&site, &place, wish, deadline),
            Filesystem::Btrfs => subvolume::choose(&site, place),
        }
    }

    fn limits_of(&self, volume: &Volume, deadline: Deadline) -> Result<Limits, QuotaError> {
        let site = self.site(&volume.path)?;
        match Kind::of(&volume.handle) {
            Kind::Project(project) => Ok(ProjectQuotas::open(&site.local)?.get(project.id)?.limits),
            Kind::Dataset(dataset) => {
                let found = dataset::one(&site, dataset.name, deadline)?;
                Ok(found.usage(dataset.with_snapshots).limits)
            }
            Kind::Subvolume => Subvolume::open(&site.local)?.limits(),
        }
    }

    fn limit(
        &self,
        volume: &Volume,
        limits: Limits,
        deadline: Deadline,
    ) -> Result<Change, QuotaError> {
        let site = self.site(&volume.path)?;
        match Kind::of(&volume.handle) {
            Kind::Project(project) => {
                ProjectQuotas::open(&site.local)?.set_limits(project.id, limits)
            }
            Kind::Dataset(dataset) => dataset::set_limits(&site, dataset, limits, deadline),
            Kind::Subvolume => Subvolume::open(&site.local)?.set_limits(limits),
        }
    }

    fn take_back(
        &self,
        volume: &Volume,
        data: Data,
        deadline: Deadline,
    ) -> Result<Change, QuotaError> {
        let site = self.site(&volume.path)?;
        let origin = &volume.origin;
        match Kind::of(&volume.handle) {
            Kind::Project(project) => marked::destroy(&site, project, origin, data, deadline),
            Kind::Dataset(dataset) => dataset::destroy(&site, dataset, origin, data, deadline),
            Kind::Subvolume => subvolume::destroy(&site, origin, data),
        }
    }
}

impl Storage for QuotaStorage<'_> {
    fn survey(&self, path: &Path, deadline: Deadline) -> Result<Survey, PortError> {
        Ok(self.look(path, deadline)?)
    }

    fn choose(
        &self,
        share: &ShareName,
        path: &Path,
        taken: &[Volume],
        deadline: Deadline,
    ) -> Result<Volume, PortError> {
        Ok(self.pick(share, path, taken, deadline)?)
    }

    fn create(&self, volume: &Volume, deadline: Deadline) -> Result<Change, PortError> {
        let site = self.site(&volume.path)?;
        let origin = &volume.origin;
        let change = match Kind::of(&volume.handle) {
            Kind::Project(project) => marked::create(&site, project, origin, deadline),
            Kind::Dataset(dataset) => dataset::create(&site, dataset, origin, deadline),
            Kind::Subvolume => subvolume::create(&site, origin),
        };
        Ok(change?)
    }

    fn destroy(
        &self,
        volume: &Volume,
        data: Data,
        deadline: Deadline,
    ) -> Result<Change, PortError> {
        Ok(self.take_back(volume, data, deadline)?)
    }

    fn limits(&self, volume: &Volume, deadline: Deadline) -> Result<Limits, PortError> {
        Ok(self.limits_of(volume, deadline)?)
    }

    fn set_limits(
        &self,
        volume: &Volume,
        limits: Limits,
        deadline: Deadline,
    ) -> Result<Change, PortError> {
        Ok(self.limit(volume, limits, deadline)?)
    }

    fn usages(&self, volumes: &[&Volume], deadline: Deadline) -> Vec<Result<Usage, PortError>> {
        let mut pass = Pass::new(self, volumes, deadline);
        volumes
            .iter()
            .map(|volume| Ok(pass.usage(volume)?))
            .collect()
    }

    fn inspections(
        &self,
        meant: &[Meant<'_>],
        depth: Depth,
        deadline: Deadline,
    ) -> Vec<Result<Vec<Deviation>, PortError>> {
        let mut pass = Inspection::new(self.host, meant, depth, deadline);
        let each = meant.iter();
        each.map(|meant| Ok(pass.look(*meant)?)).collect()
    }

    fn repair(&self, meant: Meant<'_>, deadline: Deadline) -> Result<Vec<Repair>, PortError> {
        let mut pass = Inspection::new(self.host, &[meant], Depth::Thorough, deadline);
        Ok(pass.repair(meant)?)
    }

    fn strays(&self, known: &[&Volume], deadline: Deadline) -> Result<Vec<Stray>, PortError> {
        Ok(strays::find(self.host, known, deadline)?)
    }

    fn remove_stray(
        &self,
        stray: &Stray,
        known: &[&Volume],
        deadline: Deadline,
    ) -> Result<Vec<Repair>, PortError> {
        Ok(strays::remove(self.host, stray, known, deadline)?)
    }
}

/// One reading of many usages: every file system is opened once, all datasets come from one command.
struct Pass<'s, 'a> {
    storage: &'s QuotaStorage<'a>,
    datasets: Result<HashMap<String, Dataset>, Option<QuotaError>>,
    /// The quotas and the free bytes of a file system, by its device number.
    projects: HashMap<u64, (ProjectQuotas, u64)>,
    synced: HashSet<PathBuf>,
    names: BTreeSet<String>,
    deadline: Deadline,
}

impl<'s, 'a> Pass<'s, 'a> {
    fn new(storage: &'s QuotaStorage<'a>, volumes: &[&Volume], deadline: Deadline) -> Self {
        let names: BTreeSet<String> = volumes
            .iter()
            .filter_map(|volume| match &volume.handle {
                Handle::Dataset { name, .. } => Some(name.clone()),
                _ => None,
            })
            .collect();
        let mut pass = Self {
            storage,
            datasets: Ok(HashMap::new()),
            projects: HashMap::new(),
            synced: HashSet::new(),
            names,
            deadline,
        };
        pass.datasets = pass.read_datasets().map_err(Some);
        pass
    }

    fn read_datasets(&self) -> Result<HashMap<String, Dataset>, QuotaError> {
        let names: BTreeSet<&str> = self.names.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Ok(HashMap::new());
        }
        let host = self.storage.host;
        if self.storage.syncs
            && let Err(error) = zfs::sync(host, &names, self.deadline)
        {
            tracing::warn!(%error, "usages are as of the last commit");
        }
        zfs::datasets(host, &names, self.deadline)
    }

    fn usage(&mut self, volume: &Volume) -> Result<Usage, QuotaError> {
        let site = self.storage.site(&volume.path)?;
        match Kind::of(&volume.handle) {
            Kind::Project(project) => self.project_usage(&site, project.id),
            Kind::Dataset(dataset) => self.dataset_usage(&site, dataset),
            Kind::Subvolume => self.subvolume_usage(&site),
        }
    }

    fn project_usage(&mut self, site: &Site<'_>, id: u32) -> Result<Usage, QuotaError> {
        // The path itself is looked at, so that a file system that is not mounted is no other one.
        let status = match unix::lstat(&site.local) {
            Ok(status) => status,
            Err(rustix::io::Errno::NOENT) => {
                return Err(QuotaError::NotFound {
                    what: "directory".into(),
                    path: site.path.into(),
                });
            }
            Err(error) => return Err(QuotaError::path("look at", site.path, error)),
        };
        let (quotas, free) = match self.projects.entry(status.st_dev) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let place = Place::open(&site.local)?;
                let free = place.filesystem_free()?;
                entry.insert((ProjectQuotas::of_volume(place)?, free))
            }
        };
        Ok(quotas.get(id)?.usage(*free))
    }

    fn dataset_usage(
        &mut self,
        site: &Site<'_>,
        dataset: DatasetHandle<'_>,
    ) -> Result<Usage, QuotaError> {
        let found = match &mut self.datasets {
            Ok(datasets) => datasets.get(dataset.name).cloned(),
            Err(error) => match error.take() {
                Some(error) => return Err(error),
                // The error went to the first one; each other one finds its own.
                None => Some(dataset::one(site, dataset.name, self.deadline)?),
            },
        };
        match found {
            Some(found) => Ok(found.usage(dataset.with_snapshots)),
            None => Err(QuotaError::NotFound {
                what: format!("dataset {}", dataset.name),
                path: site.path.into(),
            }),
        }
    }

    fn subvolume_usage(&mut self, site: &Site<'_>) -> Result<Usage, QuotaError> {
        let subvolume = Subvolume::open(&site.local)?;
        if self.storage.syncs && self.synced.insert(subvolume.groups().into()) {
            subvolume.sync()?;
        }
        subvolume.usage()
    }
}
