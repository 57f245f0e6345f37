//! Making a share.

use crate::account;
use crate::catalog::{ShareRecord, Snapshot};
use crate::definition::Accepted;
use crate::host::missing_dirs;
use crate::journal::{self, Journal};
use crate::lifecycle::execute::carry_out;
use crate::lifecycle::outcome::{Outcome, ShareError};
use crate::lifecycle::preflight::{Preflight, Wanted, preflight};
use crate::lifecycle::recover::settle_earlier;
use crate::lifecycle::request::{CreateOptions, Examined, Neighbours, examine};
use crate::lifecycle::server_wide;
use crate::machine::Machine;
use crate::plan::{Operation, Plan, Step};
use crate::ports::{Filesystem, Limits, Origin, Volume};
use crate::share::{ShareName, ShareSpec};
use crate::steps::accounts::{MakeAccount, SetPassword};
use crate::steps::announce::StartService;
use crate::steps::definition::Publish;
use crate::steps::limits::SetLimits;
use crate::steps::parents::MakeParents;
use crate::steps::permissions::GrantAccess;
use crate::steps::prove::ProveShare;
use crate::steps::volume::MakeVolume;

/// Makes a share: its place, its limit, its rights and its definition, and proves that it answers.
///
/// # Errors
/// Where the request is wrong, collides with something or the machine is not ready for it; nothing
/// was touched then. What goes wrong later is in the [`Outcome`].
pub fn create(machine: &Machine<'_>, options: &CreateOptions) -> Result<Outcome, ShareError> {
    // Without a valid name there is nothing to lock; the request is wrong anyhow.
    let name = options.draft.name.parse::<ShareName>().ok();
    let _share_lock = match &name {
        Some(name) => Some(machine.lock_share(name, "create", machine.deadline)?),
        None => None,
    };
    let mut notes = settle_earlier(machine, name.as_ref())?;

    let lock = machine.lock_configuration()?;
    let situation = look(machine, options, name.as_ref())?;
    let (found, accepted) = preflight(machine, Some(&situation.wanted()));
    let Situation {
        examined: Examined { spec, survey, .. },
        taken,
        records,
    } = situation;
    if found.failures().next().is_some() {
        return Err(ShareError::Preflight(found));
    }
    notes.extend(found.warnings().map(|check| match &check.remedy {
        Some(remedy) => format!("{}; {remedy}", check.message),
        None => check.message.clone(),
    }));
    notes.extend(survey.remarks.iter().cloned());
    notes.extend(server_wide::notes(records.records(), &spec));
    let path = spec.path.as_path();
    let volume = machine
        .storage
        .choose(&spec.name, path, &taken, machine.deadline)?;
    let plan = plan(
        machine,
        spec,
        volume,
        &survey.existing,
        (accepted, records),
        &mut notes,
    )?;
    let journal = Journal::create(machine.host, &plan)?;
    drop(lock);
    Ok(carry_out(machine, journal, &plan, notes))
}

/// Checks the machine, and with `options` also that request, as [`create`] would; changes nothing.
///
/// # Errors
/// Where the request is wrong or collides with something.
pub fn check(
    machine: &Machine<'_>,
    options: Option<&CreateOptions>,
) -> Result<Preflight, ShareError> {
    let Some(options) = options else {
        return Ok(preflight(machine, None).0);
    };
    let name = options.draft.name.parse::<ShareName>().ok();
    let situation = look(machine, options, name.as_ref())?;
    Ok(preflight(machine, Some(&situation.wanted())).0)
}

/// The request and its surroundings, looked at under the configuration lock.
pub(super) struct Situation {
    pub(super) examined: Examined,
    pub(super) taken: Vec<Volume>,
    pub(super) records: Snapshot,
}

impl Situation {
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            spec: &self.examined.spec,
            survey: &self.examined.survey,
            domain: self.examined.domain.as_ref(),
            others: self.records.records(),
        }
    }
}

pub(super) fn look(
    machine: &Machine<'_>,
    options: &CreateOptions,
    name: Option<&ShareName>,
) -> Result<Situation, ShareError> {
    let records = Snapshot::take(machine.host)?;
    let plans = journal::plans_under_way(machine.host, name)?;
    let in_plans: Vec<&Volume> = plans.iter().flat_map(volumes_of).collect();
    let under_way: Vec<_> = plans
        .iter()
        .flat_map(|plan| volumes_of(plan).map(|volume| (plan.share.clone(), volume.path.clone())))
        .collect();
    let neighbours = Neighbours {
        records: records.records(),
        under_way: &under_way,
    };
    let examined = examine(machine, options, &neighbours)?;
    let ours = records.records().iter().map(|record| &record.volume);
    let taken = ours.chain(in_plans).cloned().collect();
    Ok(Situation {
        examined,
        taken,
        records,
    })
}

/// The volumes that a plan makes or gives up.
pub(super) fn volumes_of(plan: &Plan) -> impl Iterator<Item = &Volume> {
    plan.steps.iter().filter_map(|step| match step {
        Step::MakeVolume(make) => Some(&make.volume),
        Step::GiveUpVolume(give_up) => Some(&give_up.volume),
        _ => None,
    })
}

fn plan(
    machine: &Machine<'_>,
    spec: ShareSpec,
    volume: Volume,
    existing: &std::path::Path,
    (accepted, others): (Option<Accepted>, Snapshot),
    notes: &mut Vec<String>,
) -> Result<Plan, ShareError> {
    let mut steps: Vec<Step> = Vec::new();
    let mut record = ShareRecord::new(spec, volume, machine.host.now());
    if record.volume.filesystem == Filesystem::Btrfs {
        record.free_space_command = machine.free_space_command.clone();
        if record.free_space_command.is_none() {
            notes.push(
                "smbgw-dfree is not installed beside this program, so clients see the free space \
                 of the whole file system instead of the quota"
                    .into(),
            );
        }
    }
    let spec = &record.spec;

    let parent = spec.path.as_path().parent().unwrap_or(spec.path.as_path());
    record.made_directories = missing_dirs(machine.host, parent)?;
    if !record.made_directories.is_empty() {
        steps.push(
            MakeParents {
                directories: record.made_directories.clone(),
            }
            .into(),
        );
    }
    let mut provable = None;
    for user in &spec.access.users {
        if machine.password_of(user).is_none() {
            continue;
        }
        let find = account::find_user(machine.host, user, machine.deadline);
        if find.map_err(crate::step_error::StepError::from)?.is_none() {
            record.made_accounts.push(user.clone());
            steps.push(MakeAccount { user: user.clone() }.into());
            if spec.auth.lets_in(user) {
                provable = Some(user.clone());
            }
        }
        steps.push(SetPassword { user: user.clone() }.into());
    }
    let volume = &record.volume;
    let limits = Limits::of_bytes(spec.quota.bytes());
    steps.push(
        MakeVolume {
            volume: volume.clone(),
        }
        .into(),
    );
    steps.push(
        SetLimits {
            volume: volume.clone(),
            limits,
        }
        .into(),
    );
    if grants_access(machine, volume, existing)? {
        let path = volume.path.clone();
        steps.push(
            GrantAccess {
                path,
                access: spec.access.clone(),
            }
            .into(),
        );
    } else {
        notes.push(format!(
            "the permissions of what is in {} are left as they are",
            volume.path.display()
        ));
    }
    let name = spec.name.clone();
    steps.push(
        Publish {
            record: record.clone(),
            accepted,
            others: Some(others),
        }
        .into(),
    );
    if machine.host.is_live() {
        steps.push(StartService {}.into());
        steps.push(
            ProveShare {
                name: name.clone(),
                user: provable,
                guest: spec.access.guest,
            }
            .into(),
        );
    } else {
        notes.push("nothing was started or probed: the machine is only files".into());
    }
    Ok(Plan {
        operation: Operation::Create,
        share: name,
        steps,
        point_of_no_return: None,
    })
}

/// Whether the directory's rights are ours to set: it is new, or nothing is in it.
fn grants_access(
    machine: &Machine<'_>,
    volume: &Volume,
    existing: &std::path::Path,
) -> Result<bool, ShareError> {
    if existing != volume.path || !matches!(volume.origin, Origin::Adopted { .. }) {
        return Ok(true);
    }
    Ok(machine
        .host
        .list(&volume.path)?
        .iter()
        .all(|name| name == "lost+found"))
}
