//! Joining without a password of the domain at hand: one machine makes the account and a file, and
//! another one joins with that file.

use std::path::Path;

use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::journal::Journal;
use smbgw_core::secret::Secret;
use smbgw_core::transaction::carry_out;

use super::plan::make_account;
use super::{JoinDraft, Parts, checked, join, preflight, session, unmark};
use crate::code::Code;
use crate::join_error::JoinError;
use crate::outcome::Outcome;
use crate::password;
use crate::plan::{Operation, Plan};
use crate::recover::settle_earlier;
use crate::samba::{Member, SambaError, blob};
use crate::steps::blob::WriteBlob;

/// Makes the account of another machine, and `file`, an offline domain join blob (MS-ODJ) with which
/// that joins: by [`join_with_blob`], `net offlinejoin` or `djoin`. Nothing else changes on this machine.
/// The file holds the password of the account.
///
/// # Errors
/// Where the request is wrong, the file is there, or the domain is not ready; nothing was touched then.
pub fn provision(
    parts: &Parts<'_>,
    draft: &JoinDraft,
    password: &Secret,
    file: &Path,
) -> Result<Outcome, JoinError> {
    if draft.computer_name.is_none() {
        let message = "the name of the computer that will join is not given";
        return Err(refused("computer-name", message));
    }
    let spec = checked(parts, draft)?;
    let _lock = parts
        .host
        .lock("domain", "making an account", parts.deadline)?;
    if parts.host.status(file)?.is_some() {
        return Err(JoinError::FileExists(file.into()));
    }
    let session = session(parts, &spec, password)?;
    let notes = settle_earlier(&parts.gateway(Some(&session), None))?;
    let mut problems = Vec::new();
    let ready = preflight::account(&spec, &session, &mut problems, parts.deadline);
    let Some(ready) = ready.filter(|_| problems.is_empty()) else {
        return Err(JoinError::Refused(problems));
    };
    let domain = &session.discovery().domain;
    let member = Member::new(spec.computer.clone(), &domain.netbios, domain.realm.clone())?;
    let mark = password::mark()?;
    let steps = vec![
        make_account(&spec, &ready, None, mark.clone()).into(),
        WriteBlob {
            member,
            file: file.into(),
        }
        .into(),
    ];
    let plan = Plan {
        operation: Operation::Provision,
        domain: spec.domain.clone(),
        computer: spec.computer.clone(),
        steps,
        point_of_no_return: None,
    };
    let new = password::random()?;
    let journal = Journal::create(parts.host, &plan)?;
    let gateway = parts.gateway(Some(&session), Some(&new));
    let ending = carry_out(&gateway, journal, &plan, notes);
    let outcome = plan.outcome(Some(&session), ending);
    if outcome.is_done() && ready.existing.is_none() {
        unmark(&session, &spec.computer, &mark, parts.deadline);
    }
    Ok(outcome)
}

/// Joins with `blob`, what [`provision`], `net offlinejoin provision` or `djoin /provision` wrote. It names
/// the domain and the computer; where `draft` does, too, they have to agree. The account gets another
/// password, so that the blob is good for nothing afterwards.
///
/// # Errors
/// Where the blob is none, and as those of [`join`].
pub fn join_with_blob(
    parts: &Parts<'_>,
    draft: &JoinDraft,
    blob: &Secret,
) -> Result<Outcome, JoinError> {
    let known = blob::parse(blob.expose()).map_err(SambaError::from)?;
    let differs = |given: &str, in_blob: &str| {
        !given.is_empty() && !given.trim_end_matches('.').eq_ignore_ascii_case(in_blob)
    };
    let computer = draft.computer_name.clone().unwrap_or_default();
    let mut problems = Vec::new();
    for (field, given, in_blob) in [
        ("domain", draft.domain.as_str(), known.domain.as_str()),
        ("computer-name", computer.as_str(), known.computer.as_str()),
    ] {
        if differs(given, in_blob) {
            let message = format!("`{given}` is asked for, and the blob is for `{in_blob}`");
            let code = Code::RequestInvalid.as_str();
            problems.push(Problem::invalid(field, code, message).kind(ErrorKind::Conflict));
        }
    }
    if !problems.is_empty() {
        return Err(JoinError::Refused(problems));
    }
    if draft.user.is_some() {
        return Err(refused(
            "user",
            "a user is given, and a blob that stands for one",
        ));
    }
    let draft = JoinDraft {
        domain: known.domain.to_string(),
        computer_name: Some(known.computer.to_string()),
        ..draft.clone()
    };
    join(parts, &draft, &known.password)
}

/// The same with the blob in `file`, which stays.
///
/// # Errors
/// Where the file cannot be read, and as those of [`join_with_blob`].
pub fn join_with_file(
    parts: &Parts<'_>,
    draft: &JoinDraft,
    file: &Path,
) -> Result<Outcome, JoinError> {
    let Some(blob) = parts.host.read(file)? else {
        let message = format!("there is no file {}", file.display());
        return Err(refused("offline-blob", &message));
    };
    join_with_blob(parts, draft, &Secret::from(blob))
}

fn refused(field: &str, message: &str) -> JoinError {
    let code = Code::RequestInvalid.as_str();
    JoinError::Refused(vec![Problem::invalid(field, code, message)])
}
