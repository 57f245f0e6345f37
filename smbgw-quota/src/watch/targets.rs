//! Which share an event is about.

use std::collections::HashMap;

use smbgw_core::host::Host;
use smbgw_core::ports::{Handle, Volume};

use super::event::{Device, Owner, QuotaEvent};
use crate::detect::open_directory;
use crate::error::QuotaError;
use crate::sys;
use crate::volume::Site;

/// The volumes whose events are waited for, each with a `T` that says what it is to the caller: a
/// name, an index.
///
/// It holds numbers of devices, which are given out anew at every mount, so make it anew when shares
/// or mounts have changed.
#[derive(Clone, Debug)]
pub struct Targets<T> {
    projects: HashMap<(Device, u32), T>,
}

impl<T> Targets<T> {
    /// No volume yet.
    pub fn new() -> Self {
        Self {
            projects: HashMap::new(),
        }
    }

    /// Adds `volume` of `host`. Gives whether the kernel announces anything of its kind: it does of
    /// projects, not of datasets and subvolumes, which are left out.
    ///
    /// # Errors
    /// Where its directory cannot be looked at, is not there, or does not belong to its project (the
    /// file system is not mounted, say); the volume is left out.
    pub fn insert(
        &mut self,
        host: &dyn Host,
        volume: &Volume,
        target: T,
    ) -> Result<bool, QuotaError> {
        let Handle::Project { id, .. } = volume.handle else {
            return Ok(false);
        };
        let site = Site::new(host, &volume.path)?;
        let directory = open_directory(&site.local)?.ok_or_else(|| QuotaError::NotFound {
            what: "directory".into(),
            path: volume.path.clone(),
        })?;
        let fail = |error| QuotaError::path("look at", &volume.path, error);
        let found = sys::file_attributes(&directory).map_err(fail)?.project;
        if found != id {
            return Err(QuotaError::Mismatch {
                path: volume.path.clone(),
                expected: format!("project {id}"),
                found: format!("project {found}"),
            });
        }
        let status = rustix::fs::fstat(&directory).map_err(|error| fail(error.into()))?;
        let device = Device::of_stat(status.st_dev);
        self.projects.insert((device, id), target);
        Ok(true)
    }

    /// The volume that `event` is about, if it is one of these.
    pub fn find(&self, event: &QuotaEvent) -> Option<&T> {
        match event.owner {
            Owner::Project(id) => self.projects.get(&(event.device, id)),
            Owner::User(_) | Owner::Group(_) => None,
        }
    }

    /// How many volumes there are.
    pub fn len(&self) -> usize {
        self.projects.len()
    }

    /// Whether there is no volume, so that no event is about one.
    pub fn is_empty(&self) -> bool {
        self.projects.is_empty()
    }
}

impl<T> Default for Targets<T> {
    fn default() -> Self {
        Self::new()
    }
}
