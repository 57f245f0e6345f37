//! Storage whose calls can go wrong.

use std::path::Path;

use super::faults::{Faults, Kind};
use crate::change::Change;
use crate::deadline::Deadline;
use crate::error::Coded;
use crate::ports::storage::Data;
use crate::ports::{
    Depth, Deviation, Limits, Meant, PortError, Repair, Storage, Stray, Survey, Usage, Volume,
};
use crate::share::ShareName;

/// Storage that does what another one does, unless its [`Faults`] say otherwise.
#[derive(Clone, Copy)]
pub struct FaultyStorage<'a> {
    inner: &'a dyn Storage,
    faults: &'a Faults,
}

impl<'a> FaultyStorage<'a> {
    /// `inner`, with the faults of `faults`.
    pub fn new(inner: &'a dyn Storage, faults: &'a Faults) -> Self {
        Self { inner, faults }
    }

    fn call<T>(
        &self,
        kind: Kind,
        action: &str,
        path: &Path,
        work: impl FnOnce() -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        self.faults.around(
            kind,
            || format!("storage: {action} {}", path.display()),
            || PortError::new(Broken),
            || {},
            work,
        )
    }
}

impl Storage for FaultyStorage<'_> {
    fn survey(&self, path: &Path, deadline: Deadline) -> Result<Survey, PortError> {
        self.call(Kind::Looks, "survey", path, || {
            self.inner.survey(path, deadline)
        })
    }

    fn choose(
        &self,
        share: &ShareName,
        path: &Path,
        taken: &[Volume],
        deadline: Deadline,
    ) -> Result<Volume, PortError> {
        self.call(Kind::Looks, "choose the volume at", path, || {
            self.inner.choose(share, path, taken, deadline)
        })
    }

    fn create(&self, volume: &Volume, deadline: Deadline) -> Result<Change, PortError> {
        self.call(Kind::Changes, "create", &volume.path, || {
            self.inner.create(volume, deadline)
        })
    }

    fn destroy(
        &self,
        volume: &Volume,
        data: Data,
        deadline: Deadline,
    ) -> Result<Change, PortError> {
        self.call(Kind::Changes, "destroy", &volume.path, || {
            self.inner.destroy(volume, data, deadline)
        })
    }

    fn limits(&self, volume: &Volume, deadline: Deadline) -> Result<Limits, PortError> {
        self.call(Kind::Looks, "read the limits of", &volume.path, || {
            self.inner.limits(volume, deadline)
        })
    }

    fn set_limits(
        &self,
        volume: &Volume,
        limits: Limits,
        deadline: Deadline,
    ) -> Result<Change, PortError> {
        self.call(Kind::Changes, "set the limits of", &volume.path, || {
            self.inner.set_limits(volume, limits, deadline)
        })
    }

    fn usages(&self, volumes: &[&Volume], deadline: Deadline) -> Vec<Result<Usage, PortError>> {
        let usages = self.inner.usages(volumes, deadline);
        let with_volumes = volumes.iter().zip(usages);
        with_volumes
            .map(|(volume, usage)| {
                self.call(Kind::Looks, "read the usage of", &volume.path, || usage)
            })
            .collect()
    }

    fn inspections(
        &self,
        meant: &[Meant<'_>],
        depth: Depth,
        deadline: Deadline,
    ) -> Vec<Result<Vec<Deviation>, PortError>> {
        let found = self.inner.inspections(meant, depth, deadline);
        let with_volumes = meant.iter().zip(found);
        with_volumes
            .map(|(meant, found)| self.call(Kind::Looks, "inspect", &meant.volume.path, || found))
            .collect()
    }

    fn repair(&self, meant: Meant<'_>, deadline: Deadline) -> Result<Vec<Repair>, PortError> {
        self.call(Kind::Changes, "repair", &meant.volume.path, || {
            self.inner.repair(meant, deadline)
        })
    }

    fn strays(&self, known: &[&Volume], deadline: Deadline) -> Result<Vec<Stray>, PortError> {
        self.call(Kind::Looks, "look for strays on", Path::new("/"), || {
            self.inner.strays(known, deadline)
        })
    }

    fn remove_stray(
        &self,
        stray: &Stray,
        known: &[&Volume],
        deadline: Deadline,
    ) -> Result<Vec<Repair>, PortError> {
        self.call(Kind::Changes, "remove a stray of", Path::new("/"), || {
            self.inner.remove_stray(stray, known, deadline)
        })
    }
}

/// What a broken storage says.
#[derive(Debug, thiserror::Error)]
#[error("the storage has a fault made for a test")]
struct Broken;

impl Coded for Broken {
    fn code(&self) -> &'static str {
        "test.fault"
    }
}
