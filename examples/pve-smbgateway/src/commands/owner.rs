//! `quota user` and `quota group`.

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Problem;
use smbgw_core::host::Host;
use smbgw_core::lifecycle::ShareError;
use smbgw_core::share::ShareName;
use smbgw_quota::owner::{
    OwnerChange, OwnerDraft, OwnerError, OwnerKind, OwnerName, OwnerReport, OwnerStorage,
};

use crate::args::quota::{Owner, SetOwner};
use crate::exit::Exit;
use crate::moment;
use crate::output::Output;

/// Does what `command` asks for, with the users or groups of a share's file system.
pub(crate) fn run(
    host: &dyn Host,
    output: &Output,
    kind: OwnerKind,
    command: &Owner,
    deadline: Deadline,
) -> Exit {
    let open = |share: &str| -> Result<OwnerStorage<'_>, OwnerError> {
        let name: ShareName = share
            .parse()
            .map_err(|error| refused(Problem::from_error("share", &error)))?;
        OwnerStorage::of_share(host, &name, kind)
    };
    let show = |share: &str, owner: &str| -> Result<OwnerReport, OwnerError> {
        let quotas = open(share)?;
        let name: OwnerName = owner.parse()?;
        Ok(quotas.report_of(&name, deadline)?)
    };
    let report = |share: &str| -> Result<OwnerReport, OwnerError> {
        Ok(open(share)?.whole_report(deadline)?)
    };
    let set = |options: &SetOwner| -> Result<OwnerChange, OwnerError> {
        let request = draft(options)?.check().map_err(ShareError::Refused)?;
        Ok(request.apply(&open(&options.share)?, deadline)?)
    };
    match command {
        Owner::Set(options) => match set(options) {
            Ok(change) => output.owner_set(&change),
            Err(error) => failed(output, &error),
        },
        Owner::Show { share, owner } => match show(share, owner) {
            Ok(report) => output.owners(&report),
            Err(error) => failed(output, &error),
        },
        Owner::Report { share } => match report(share) {
            Ok(report) => output.owners(&report),
            Err(error) => failed(output, &error),
        },
    }
}

fn failed(output: &Output, error: &OwnerError) -> Exit {
    match error {
        OwnerError::Share(error) => output.error(error),
        OwnerError::Quota(error) => output.failed(error),
    }
}

fn refused(problem: Problem) -> OwnerError {
    OwnerError::Share(ShareError::Refused(vec![problem]))
}

fn draft(options: &SetOwner) -> Result<OwnerDraft, OwnerError> {
    let grace = match options.grace.as_deref().map(moment::span) {
        None => None,
        Some(Ok(seconds)) => Some(seconds.unsigned_abs()),
        Some(Err(message)) => {
            return Err(refused(Problem::invalid("grace", "cli.unusable", message)));
        }
    };
    Ok(OwnerDraft {
        owner: options.owner.clone(),
        default: options.default,
        hard: options.hard.clone(),
        soft: options.soft.clone(),
        files: options.files.clone(),
        soft_files: options.soft_files.clone(),
        grace,
    })
}
