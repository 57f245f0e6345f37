//! Volumes on ext4 and XFS: a directory marked with a project id, listed in `/etc/projects`.

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::ports::storage::Data;
use smbgw_core::ports::{Filesystem, Handle, Limits, Origin, Volume};

use super::{NEW_MODE, Site, Wish};
use crate::detect::Place;
use crate::error::QuotaError;
use crate::project::{ProjectQuotas, inherited_project, project_of};
use crate::projid::{self, NAME_PREFIX, Registry};
use crate::tree;

/// The lock on `/etc/projects` and `/etc/projid`.
const LOCK: &str = "quota-projects";

/// The project of a volume.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProjectHandle<'v> {
    pub(crate) id: u32,
    pub(crate) name: &'v str,
}

impl ProjectHandle<'_> {
    /// Whether mark and registration were made by this crate, and not by the administrator.
    pub(crate) fn is_ours(self) -> bool {
        self.name.starts_with(NAME_PREFIX)
    }
}

/// Chooses a volume at `site` on the file system of `place`, its nearest existing directory.
pub(crate) fn choose(
    site: &Site<'_>,
    place: Place,
    filesystem: Filesystem,
    wish: Wish<'_>,
    deadline: Deadline,
) -> Result<Volume, QuotaError> {
    if !projid::is_listable(site.path) {
        return Err(QuotaError::PathNotListable {
            path: site.path.into(),
        });
    }
    let exists = site.exists()?;
    let registry = Registry::load(site.host)?;
    let volume = |id, name, origin| Volume {
        path: site.path.into(),
        filesystem,
        handle: Handle::Project { id, name },
        origin,
    };
    if !exists && let Some((path, id)) = inherited_project(&place)? {
        return Err(QuotaError::InsideProject { path, id });
    }
    let project = if exists { project_of(&place)? } else { 0 };
    let listed = registry.ids_of(site.path);
    let quotas = ProjectQuotas::at(place)?;
    let id = match (project, &listed[..]) {
        (0, []) => None,
        (0, [id, ..]) if exists => Some(*id),
        (0, [id, ..]) => {
            return Err(QuotaError::Registration {
                line: format!("{id}:{}", site.path.display()),
                why: "but there is no such directory",
            });
        }
        (id, listed) if listed.contains(&id) => Some(id),
        (id, _) => {
            return Err(QuotaError::OtherProject {
                path: site.path.into(),
                id,
            });
        }
    };
    if let Some(id) = id {
        check_alone(site, &registry, id)?;
        tree::check(&site.local, id, deadline)?;
        let limits = quotas.get(id)?.limits;
        let name = registry.name_of(id).unwrap_or_default();
        return Ok(volume(id, name, Origin::Adopted { limits }));
    }
    let (id, name) = free_project(&quotas, &registry, wish)?;
    let origin = if exists {
        tree::check(&site.local, id, deadline)?;
        Origin::Adopted {
            limits: Limits::default(),
        }
    } else {
        Origin::Created
    };
    Ok(volume(id, name, origin))
}

pub(crate) fn create(
    site: &Site<'_>,
    project: ProjectHandle<'_>,
    origin: &Origin,
    deadline: Deadline,
) -> Result<Change, QuotaError> {
    let mut change = Change::Unchanged;
    if project.is_ours() && register(site, project, deadline)?.happened() {
        change = Change::Updated;
    }
    if matches!(origin, Origin::Created) {
        match site.place()? {
            None => {
                site.host.create_dir(site.path, NEW_MODE)?;
                change = Change::Created;
            }
            Some(place) => {
                if project_of(&place)? != project.id && !tree::is_empty(&place, &site.local)? {
                    return Err(QuotaError::NotOurs {
                        what: site.path.display().to_string(),
                    });
                }
            }
        }
    }
    let (marked, report) = tree::mark(&site.local, project.id, deadline)?;
    if !report.linked_outside.is_empty() {
        tracing::warn!(
            path = %site.path.display(),
            files = ?report.linked_outside,
            "files with names outside the directory count for its limit too"
        );
    }
    Ok(match change {
        Change::Unchanged if marked.happened() => Change::Updated,
        change => change,
    })
}

pub(crate) fn destroy(
    site: &Site<'_>,
    project: ProjectHandle<'_>,
    origin: &Origin,
    data: Data,
    deadline: Deadline,
) -> Result<Change, QuotaError> {
    let registry = Registry::load(site.host)?;
    let is_listed = registry.lists(project.id, site.path);
    let mut changes = vec![match site.place()? {
        None => Change::Unchanged,
        Some(place) => {
            let is_marked = project_of(&place)? == project.id;
            let is_empty = tree::is_empty(&place, &site.local)?;
            drop(place);
            match (origin, data) {
                (Origin::Created, Data::Remove | Data::RemoveIfEmpty) => {
                    if !is_marked && !is_empty {
                        if is_listed {
                            return Err(QuotaError::NotOurs {
                                what: site.path.display().to_string(),
                            });
                        }
                        // Made by somebody else after this volume was given up, or never made.
                        Change::Unchanged
                    } else {
                        if data == Data::Remove {
                            site.host.empty_dir(site.path, deadline)?;
                        }
                        site.remove_empty()?
                    }
                }
                _ if project.is_ours() => tree::unmark(&site.local, project.id, deadline)?,
                _ => Change::Unchanged,
            }
        }
    }];
    // Where the id went to another volume, the limits are that one's.
    if registry.other_directory(project.id, site.path).is_none() {
        let limits = match origin {
            Origin::Adopted { limits } => *limits,
            _ => Limits::default(),
        };
        let quotas = ProjectQuotas::at(Place::nearest(&site.local)?)?;
        changes.push(quotas.set_limits(project.id, limits)?);
    }
    if project.is_ours() {
        changes.push(unregister(site, project, deadline)?);
    }
    Ok(match changes.iter().find(|change| change.happened()) {
        Some(Change::Removed) => Change::Removed,
        Some(_) => Change::Updated,
        None => Change::Unchanged,
    })
}

/// Lists `project` with its name and the directory at `site`.
pub(crate) fn register(
    site: &Site<'_>,
    project: ProjectHandle<'_>,
    deadline: Deadline,
) -> Result<Change, QuotaError> {
    let _lock = site.host.lock(LOCK, "list a project", deadline)?;
    let mut registry = Registry::load(site.host)?;
    let what = || format!("project id {}", project.id);
    if let Some(other) = registry.other_directory(project.id, site.path) {
        return Err(QuotaError::Taken {
            what: what(),
            by: other.display().to_string(),
        });
    }
    let other_name = registry
        .name_of(project.id)
        .filter(|name| name != project.name);
    if let Some(name) = other_name {
        return Err(QuotaError::Taken {
            what: what(),
            by: name,
        });
    }
    if let Some(id) = registry.id_of(project.name)
        && id != project.id
    {
        return Err(QuotaError::Taken {
            what: format!("the project name {}", project.name),
            by: format!("project {id}"),
        });
    }
    registry.add(project.id, project.name, site.path);
    registry.store(site.host)
}

fn unregister(
    site: &Site<'_>,
    project: ProjectHandle<'_>,
    deadline: Deadline,
) -> Result<Change, QuotaError> {
    let _lock = site.host.lock(LOCK, "unlist a project", deadline)?;
    let mut registry = Registry::load(site.host)?;
    let before = registry.clone();
    registry.remove(project.id, project.name, site.path);
    if registry == before {
        return Ok(Change::Unchanged);
    }
    registry.store(site.host)
}

/// Unlists the project `id` called `name`, which is no volume's, with all its directories.
pub(crate) fn forget(
    host: &dyn Host,
    id: u32,
    name: &str,
    deadline: Deadline,
) -> Result<Change, QuotaError> {
    let _lock = host.lock(LOCK, "unlist a project", deadline)?;
    let mut registry = Registry::load(host)?;
    let before = registry.clone();
    registry.forget(id, name);
    if registry == before {
        return Ok(Change::Unchanged);
    }
    registry.store(host)
}

/// The limit of a project is the limit of all its directories together.
fn check_alone(site: &Site<'_>, registry: &Registry, id: u32) -> Result<(), QuotaError> {
    match registry.other_directory(id, site.path) {
        Some(other) => Err(QuotaError::Registration {
            line: format!("{id}:{}", other.display()),
            why: "so the limit would count another directory too",
        }),
        None => Ok(()),
    }
}

fn free_project(
    quotas: &ProjectQuotas,
    registry: &Registry,
    wish: Wish<'_>,
) -> Result<(u32, String), QuotaError> {
    let mut used = registry.ids();
    let mut names = Vec::new();
    for volume in wish.taken {
        if let Handle::Project { id, name } = &volume.handle {
            used.insert(*id);
            names.push(name.as_str());
        }
    }
    for quota in quotas.iter().from_id(projid::FIRST_ID) {
        used.insert(quota?.id);
    }
    let id = projid::lowest_free_id(&used).ok_or_else(|| QuotaError::NoFreeProject {
        path: quotas.place().path().into(),
    })?;
    let name = projid::free_name(&wish.share.key(), |name| {
        names.contains(&name) || registry.id_of(name).is_some()
    });
    Ok((id, name))
}
