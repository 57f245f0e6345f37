//! Directories that count for a project, on ext4 and XFS.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use smbgw_core::ports::{Depth, Deviation, Limits, Meant, Repair};

use super::{Disk, Inspection, counted, limits, mismatch, missing, off, uncounted_inside};
use crate::detect::{Place, open_directory};
use crate::error::QuotaError;
use crate::project::ProjectQuotas;
use crate::projid::{FIRST_ID, FIRST_ID_OF_OTHERS, NAME_PREFIX, Registry};
use crate::tree::{self, Marks};
use crate::volume::marked::{self, ProjectHandle};
use crate::volume::{Site, as_host_sees};

const UNMARKED: &str = "quota.unmarked";
const NOT_INHERITED: &str = "quota.not-inherited";
const FOREIGN: &str = "quota.foreign-project";
const NOT_LISTED: &str = "quota.not-listed";

pub(super) fn look(
    pass: &mut Inspection<'_>,
    site: &Site<'_>,
    project: ProjectHandle<'_>,
    meant: Meant<'_>,
) -> Result<Vec<Deviation>, QuotaError> {
    let examination = examine(pass, site, project, meant)?;
    let mut all = examination.off;
    let Some(examined) = examination.examined else {
        return Ok(all);
    };
    all.extend(examined.limits.map(|(deviation, _)| deviation));
    all.extend(examined.registration);
    all.extend(of_marks(site, project, &examined.marks, &examined.owners));
    Ok(all)
}

pub(super) fn repair(
    pass: &mut Inspection<'_>,
    site: &Site<'_>,
    project: ProjectHandle<'_>,
    meant: Meant<'_>,
) -> Result<Vec<Repair>, QuotaError> {
    let examination = examine(pass, site, project, meant)?;
    let Some(examined) = examination.examined else {
        return Ok(Vec::new());
    };
    let mut done = Vec::new();
    // Listed first, so that the id stays reserved whatever comes between.
    if examined.registration.is_some_and(|found| found.repairable)
        && marked::register(site, project, pass.deadline)?.happened()
    {
        let message = format!("project {} was listed again in /etc/projects", project.id);
        done.push(Repair::new(NOT_LISTED, message, 1));
    }
    if let Some((deviation, right)) = &examined.limits
        && let Some((_, _, quotas)) = &examined.disk.quotas
    {
        quotas.set_limits(project.id, *right)?;
        done.push(limits::repaired(deviation));
    }
    let take: BTreeSet<u32> = examined
        .owners
        .iter()
        .filter(|(_, owner)| matches!(owner, Owner::Nobody | Owner::Elsewhere(_)))
        .map(|(id, _)| *id)
        .collect();
    let leave: BTreeSet<u64> = examined.marks.foreign_links.keys().copied().collect();
    let restored = tree::restore(&site.local, project.id, &take, &leave, pass.deadline)?;
    let counts = [
        (UNMARKED, restored.unmarked, "counted for no project"),
        (FOREIGN, restored.foreign, "counted for other projects"),
        (
            NOT_INHERITED,
            restored.not_inheriting,
            "did not hand the project on",
        ),
    ];
    for (code, count, before) in counts.into_iter().filter(|(_, count, _)| *count > 0) {
        let what = counted(count, "file or directory", "files and directories");
        let message = format!(
            "{what} that {before} were marked with project {}",
            project.id
        );
        done.push(Repair::new(code, message, count));
    }
    Ok(done)
}

/// What is known of a volume.
struct Examination {
    /// Why limits are not enforced, or why nothing else can be said.
    off: Vec<Deviation>,
    examined: Option<Examined>,
}

struct Examined {
    disk: Rc<Disk>,
    /// What is wrong with the limits, and the right ones.
    limits: Option<(Deviation, Limits)>,
    registration: Option<Deviation>,
    marks: Marks,
    /// Whose the foreign projects in the tree are.
    owners: BTreeMap<u32, Owner>,
}

fn examine(
    pass: &mut Inspection<'_>,
    site: &Site<'_>,
    project: ProjectHandle<'_>,
    meant: Meant<'_>,
) -> Result<Examination, QuotaError> {
    let Some(directory) = open_directory(&site.local)? else {
        return Ok(Examination::ending_with(missing(site)));
    };
    let disk = pass.disk(&directory, site)?;
    let (state, quotas) = match &disk.quotas {
        Some((filesystem, state, quotas)) if *filesystem == meant.volume.filesystem => {
            (state, quotas)
        }
        _ => {
            let expected = format!("on {}", meant.volume.filesystem);
            let found = mismatch(site, &expected, &format!("on {}", disk.type_name));
            return Ok(Examination::ending_with(found));
        }
    };
    let off: Vec<Deviation> = off(state).into_iter().collect();
    let in_force = match quotas.get(project.id) {
        Ok(quota) => quota.limits,
        // Nothing is even counted, so there is nothing that marks would be counted for.
        Err(QuotaError::Off { .. }) if !off.is_empty() => {
            return Ok(Examination {
                off,
                examined: None,
            });
        }
        Err(error) => return Err(error),
    };
    let effective = quotas.effective(meant.limits);
    let differing = limits::differing(effective, in_force);
    let mut marks = match pass.depth {
        Depth::Quick => tree::mark_of(&directory, &site.local, project.id)?,
        Depth::Thorough => tree::marks(&site.local, project.id, pass.deadline)?,
    };
    let linked = marks.foreign_links.values().map(|link| link.project);
    let ids: BTreeSet<u32> = marks.foreign.keys().copied().chain(linked).collect();
    let mut owners = BTreeMap::new();
    for id in ids {
        owners.insert(id, owner(pass.registry()?.as_ref(), quotas, site, id)?);
    }
    // A file cannot count for two projects, so it is left to the one that has a directory too.
    marks.claim_links(|id| !matches!(owners.get(&id), Some(Owner::Elsewhere(_))));
    // The kernel does not ask the lists, so a quick look leaves them out.
    let registration = match pass.depth {
        Depth::Quick => None,
        Depth::Thorough => registration(pass.registry()?.as_ref(), site, project),
    };
    let examined = Examined {
        disk: disk.clone(),
        limits: differing.map(|found| (found, limits::corrected(effective, in_force))),
        registration,
        marks,
        owners,
    };
    Ok(Examination {
        off,
        examined: Some(examined),
    })
}

impl Examination {
    fn ending_with(deviation: Deviation) -> Self {
        Self {
            off: vec![deviation],
            examined: None,
        }
    }
}

/// Whose a project is that files in a volume count for, and that is not the volume's.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Owner {
    /// Nobody's: left by a share that is gone, or set by hand and without a limit.
    Nobody,
    /// That of a directory elsewhere, from which the files came.
    Elsewhere(PathBuf),
    /// That of a directory inside the volume, which an administrator has limited by itself.
    Inside(PathBuf),
    /// Somebody's who gave it a limit, for a reason that is not known.
    Unknown,
}

/// Whose project `id` is, for the volume at `site`.
fn owner(
    registry: &Registry,
    quotas: &ProjectQuotas,
    site: &Site<'_>,
    id: u32,
) -> Result<Owner, QuotaError> {
    let directories = registry.directories_of(id);
    if let Some(inside) = directories.iter().find(|dir| is_inside(site, dir)) {
        return Ok(Owner::Inside(inside.clone()));
    }
    if let Some(elsewhere) = directories.into_iter().next() {
        return Ok(Owner::Elsewhere(elsewhere));
    }
    let is_ours = match registry.name_of(id) {
        Some(name) => name.starts_with(NAME_PREFIX),
        None => (FIRST_ID..FIRST_ID_OF_OTHERS).contains(&id),
    };
    Ok(if is_ours || quotas.get(id)?.limits == Limits::default() {
        Owner::Nobody
    } else {
        Owner::Unknown
    })
}

/// Whether `directory` is in the volume at `site`, by whichever path it is listed: there may be
/// symbolic links on the way, or a part of the file system may be mounted once more.
fn is_inside(site: &Site<'_>, directory: &Path) -> bool {
    if directory.starts_with(site.path) {
        return true;
    }
    let position = |local: &Path| Place::open(&fs::canonicalize(local).ok()?).ok()?.position();
    let local = site.host.local_path(directory);
    match (
        position(&site.local),
        local.and_then(|local| position(&local)),
    ) {
        (Some((device, above)), Some((other, below))) => {
            device == other && below.starts_with(above)
        }
        _ => false,
    }
}

fn of_marks(
    site: &Site<'_>,
    project: ProjectHandle<'_>,
    marks: &Marks,
    owners: &BTreeMap<u32, Owner>,
) -> Vec<Deviation> {
    let root = site.path.display();
    let things = |count| counted(count, "file or directory", "files and directories");
    let found = |code: &str, message: String, found: &tree::Found| {
        let deviation = Deviation::new(code, message).in_places(found.count);
        match &found.first {
            Some(first) => deviation.at(as_host_sees(site.host, first)),
            None => deviation,
        }
    };
    let verb = |count: u64| if count == 1 { "counts" } else { "count" };
    let mut all = Vec::new();
    let unmarked = &marks.unmarked;
    if unmarked.count > 0 {
        let count = unmarked.count;
        let message = format!(
            "{} in `{root}` {} for no project",
            things(count),
            verb(count)
        );
        all.push(found(UNMARKED, message, unmarked).repairable());
    }
    if marks.not_inheriting.count > 0 {
        let message = format!(
            "what is made in {} of `{root}` would count for no project",
            counted(marks.not_inheriting.count, "directory", "directories")
        );
        all.push(found(NOT_INHERITED, message, &marks.not_inheriting).repairable());
    }
    for (id, places) in &marks.foreign {
        let Some(owner) = owners.get(id) else {
            continue;
        };
        let of = match owner {
            Owner::Nobody => ", which is no share's".into(),
            Owner::Unknown => ", which has a limit and is not listed".into(),
            Owner::Elsewhere(dir) | Owner::Inside(dir) => format!(", that of `{}`", dir.display()),
        };
        let message = format!(
            "{} in `{root}` {} for project {id}{of}, not for {}",
            things(places.count),
            verb(places.count),
            project.id
        );
        let deviation = found(FOREIGN, message, places);
        all.push(match owner {
            Owner::Nobody | Owner::Elsewhere(_) => deviation.repairable(),
            Owner::Inside(dir) => deviation.remedy(format!(
                "if it is not to have a limit of its own, remove the line `{id}:{0}` from \
                 /etc/projects and run `chattr -R -p {1} {0}`",
                dir.display(),
                project.id
            )),
            Owner::Unknown => {
                let first = places.first.as_deref().unwrap_or(&site.local);
                deviation.remedy(format!(
                    "if nothing needs it, run `chattr -R -p {} {}`",
                    project.id,
                    as_host_sees(site.host, first).display()
                ))
            }
        });
    }
    if let Some(link) = marks.foreign_links.values().next() {
        let count = marks.foreign_links.len() as u64;
        let first = as_host_sees(site.host, &link.path);
        let message = format!(
            "{} in `{root}` with names in the directory of another project too {} for that one",
            counted(count, "file", "files"),
            verb(count)
        );
        all.push(
            Deviation::new("quota.linked-elsewhere", message)
                .in_places(count)
                .remedy(format!(
                    "make a copy of its own, such as by `cp -p {0} {0}.new && mv {0}.new {0}`",
                    first.display()
                ))
                .at(first),
        );
    }
    if let Some(first) = marks.mounts.first() {
        all.push(uncounted_inside(
            site,
            "file system",
            marks.mounts.len() as u64,
            first,
        ));
    }
    if !marks.finished {
        let met = things(marks.met);
        let message = format!("the time was enough for {met} of `{root}` only; there may be more");
        all.push(
            Deviation::new("quota.not-finished", message)
                .at(site.path)
                .remedy("look again with more time"),
        );
    }
    all
}

fn registration(
    registry: &Registry,
    site: &Site<'_>,
    project: ProjectHandle<'_>,
) -> Option<Deviation> {
    let ProjectHandle { id, name } = project;
    let path = site.path.display();
    let conflict = |line: String, file: &str, why: &str| {
        let message = format!("{file} has `{line}`, {why}");
        Some(
            Deviation::new("quota.registration", message)
                .at(file)
                .remedy(format!("remove the line from {file}")),
        )
    };
    if let Some(other) = registry.other_directory(id, site.path) {
        let why = "so the limit would count another directory too";
        return conflict(format!("{id}:{}", other.display()), "/etc/projects", why);
    }
    if !project.is_ours() {
        return None;
    }
    let named = registry.name_of(id);
    if let Some(other) = named.as_deref().filter(|found| *found != name) {
        let why = format!("but the project is that of `{path}`, called {name}");
        return conflict(format!("{other}:{id}"), "/etc/projid", &why);
    }
    if let Some(other) = registry.id_of(name).filter(|found| *found != id) {
        let why = format!("but that is the name of project {id}");
        return conflict(format!("{name}:{other}"), "/etc/projid", &why);
    }
    let is_listed = registry.lists(id, site.path) && named.is_some();
    (!is_listed).then(|| {
        let message =
            format!("project {id} of `{path}` is missing in /etc/projects or /etc/projid");
        Deviation::new(NOT_LISTED, message)
            .at("/etc/projects")
            .repairable()
    })
}
