//! Looking at a request for a share on the machine it is meant for.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::Path;

use crate::catalog::ShareRecord;
use crate::definition::{administrators_text, read_theirs};
use crate::domain::DomainError;
use crate::error::{ErrorKind, Problem};
use crate::host::{Command, Host};
use crate::layout::{SMB_CONF, guest_file};
use crate::lifecycle::outcome::ShareError;
use crate::lifecycle::people;
use crate::machine::Machine;
use crate::ports::Survey;
use crate::secret::Secret;
use crate::share::{ShareDraft, ShareName, SharePath, ShareSpec};
use crate::size::{ByteSize, QuotaSize};
use crate::smbconf::globals::explicit_globals_following;
use crate::smbconf::shares::{Shares, shares};
use crate::step_error::StepError;

/// A share to make.
#[derive(Clone, Debug, Default)]
pub struct CreateOptions {
    /// What is asked for.
    pub draft: ShareDraft,
    /// Make it even if the directory holds more than the quota already.
    pub force: bool,
}

impl CreateOptions {
    /// Stand-ins for the passwords that making the share would need, for who only checks the request:
    /// one for each user that is to be made.
    pub fn passwords_to_come(&self) -> BTreeMap<String, Secret> {
        let users = self.draft.users.iter();
        users
            .filter(|_| self.draft.create_users)
            .map(|user| (user.clone(), Secret::from(Vec::new())))
            .collect()
    }
}

/// A request that is valid here.
pub(super) struct Examined {
    pub(super) spec: ShareSpec,
    pub(super) survey: Survey,
    /// What keeps users of the domain out at this moment, where some are named.
    pub(super) domain: Option<DomainError>,
}

/// What else there is that a new share must not collide with.
pub(super) struct Neighbours<'a> {
    pub(super) records: &'a [ShareRecord],
    /// Name and path of the shares that are being made or taken away at this moment.
    pub(super) under_way: &'a [(ShareName, std::path::PathBuf)],
}

/// Checks everything about a request that can be checked; changes nothing.
pub(super) fn examine(
    machine: &Machine<'_>,
    options: &CreateOptions,
    neighbours: &Neighbours<'_>,
) -> Result<Examined, ShareError> {
    let draft = &options.draft;
    let (spec, mut problems) = match draft.check() {
        Ok(spec) => (Some(spec), Vec::new()),
        Err(problems) => (None, problems),
    };
    let theirs = Theirs::of(machine);
    // A field is looked at on the machine even where another one is wrong.
    if let Ok(name) = draft.name.parse::<ShareName>() {
        check_name(&theirs, &name, neighbours, &mut problems)?;
    }
    let path = draft.checked_path();
    let mut survey = None;
    if let Some(path) = &path {
        match path.check_on(machine.host) {
            Ok(()) => {
                check_path(&theirs, path, neighbours, &mut problems)?;
                match machine.storage.survey(path.as_path(), machine.deadline) {
                    Ok(found) => survey = Some(found),
                    Err(error) => problems.push(Problem::from_error("path", &error)),
                }
            }
            Err(error) => problems.push(Problem::from_error("path", &error)),
        }
    }
    let quota = draft
        .quota
        .as_deref()
        .and_then(|text| text.parse::<QuotaSize>().ok());
    if let (Some(survey), Some(quota), false) = (&survey, quota, options.force) {
        check_usage(survey, quota, &mut problems);
    }
    let domain = people::check(machine, draft, &mut problems)?;
    match (spec, survey) {
        (Some(spec), Some(survey)) if problems.is_empty() => Ok(Examined {
            spec,
            survey,
            domain,
        }),
        _ => Err(ShareError::Refused(problems)),
    }
}

/// A quota below what the share holds already would make it read-only from the start.
pub(super) fn usage_problem(used: u64, quota: QuotaSize) -> Option<Problem> {
    (used > quota.bytes()).then(|| {
        let used = ByteSize::from_bytes(used);
        Problem::invalid(
            "quota",
            "share.quota-below-usage",
            format!("the quota of {quota} is below the {used} that are used already"),
        )
        .remedy("give a larger quota, or --force to set it all the same")
    })
}

fn check_usage(survey: &Survey, quota: QuotaSize, problems: &mut Vec<Problem>) {
    problems.extend(usage_problem(survey.used, quota));
}

fn check_name(
    theirs: &Theirs<'_>,
    name: &ShareName,
    neighbours: &Neighbours<'_>,
    problems: &mut Vec<Problem>,
) -> Result<(), ShareError> {
    let taken = |by: &str| name_taken(name, by);
    if neighbours
        .records
        .iter()
        .any(|record| record.name() == name)
    {
        problems.push(taken("already"));
        return Ok(());
    }
    let host = theirs.machine.host;
    if host.status(&guest_file(&name.key()))?.is_some() {
        problems.push(taken("in a virtual machine already"));
        return Ok(());
    }
    if theirs.shares()?.find(name.as_str()).is_some() {
        problems.push(taken(&format!("in {SMB_CONF} already")));
    } else if usershare_exists(theirs.machine.host, name)? {
        problems.push(taken("among the usershares (`net usershare`) already"));
    }
    Ok(())
}

/// That a share of that name is there; `by` says where.
pub(super) fn name_taken(name: &ShareName, by: &str) -> Problem {
    let message = format!("there is a share `{name}` {by}");
    Problem::invalid("name", "share.name-taken", message)
        .kind(ErrorKind::Conflict)
        .remedy("choose another name")
}

fn check_path(
    theirs: &Theirs<'_>,
    path: &SharePath,
    neighbours: &Neighbours<'_>,
    problems: &mut Vec<Problem>,
) -> Result<(), ShareError> {
    let overlap = |other: &Path, of: &str| {
        let message = format!(
            "`{path}` overlaps with `{}`, the directory of {of}",
            other.display()
        );
        Problem::invalid("path", "share.path-taken", message)
            .kind(ErrorKind::Conflict)
            .remedy("choose a directory that is neither inside the other nor around it")
    };
    let ours = neighbours
        .records
        .iter()
        .map(|record| (record.name(), record.volume.path.as_path()))
        .chain(
            neighbours
                .under_way
                .iter()
                .map(|(name, path)| (name, path.as_path())),
        );
    let mut seen = None;
    for (name, other) in ours {
        if path.overlaps(other) {
            seen = Some(overlap(other, &format!("the share `{name}`")));
            break;
        }
    }
    if seen.is_none() {
        let found = theirs
            .shares()?
            .iter()
            .filter(|share| !share.path_has_macros())
            .find_map(|share| {
                let other = share.path()?;
                // A share of the whole machine is the administrator's way in, and no neighbour.
                (other != Path::new("/") && path.overlaps(other))
                    .then(|| overlap(other, &format!("[{}] in {SMB_CONF}", share.display_name())))
            });
        seen = found;
    }
    problems.extend(seen);
    Ok(())
}

/// The shares of the administrator's own, looked up when they are first asked for.
struct Theirs<'a> {
    machine: &'a Machine<'a>,
    shares: OnceCell<Shares>,
}

impl<'a> Theirs<'a> {
    fn of(machine: &'a Machine<'a>) -> Self {
        Self {
            machine,
            shares: OnceCell::new(),
        }
    }

    fn shares(&self) -> Result<&Shares, ShareError> {
        if let Some(shares) = self.shares.get() {
            return Ok(shares);
        }
        let shares = their_shares(self.machine)?;
        Ok(self.shares.get_or_init(|| shares))
    }
}

/// The shares of the administrator's own, those of Samba's registry among them.
fn their_shares(machine: &Machine<'_>) -> Result<Shares, ShareError> {
    let host = machine.host;
    let mut text = administrators_text(host)
        .map_err(StepError::from)?
        .unwrap_or_default();
    let read = |path: &Path| read_theirs(host, path);
    let globals = explicit_globals_following(&text, &read);
    if globals.includes_registry() && host.is_live() {
        let command = Command::new("net").args(["conf", "list"]);
        let output = host
            .run(&command, machine.deadline)
            .map_err(StepError::from)?;
        text.extend_from_slice(b"\n");
        text.extend_from_slice(&output.stdout);
    }
    Ok(shares(&text, &read))
}

/// Whether a user has defined a share of that name (smb.conf(5), `usershare path`).
fn usershare_exists(host: &dyn Host, name: &ShareName) -> Result<bool, ShareError> {
    let files = host.list(Path::new("/var/lib/samba/usershares"))?;
    Ok(files.iter().any(|file| file.to_lowercase() == name.key()))
}
