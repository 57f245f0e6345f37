//! Changing whom of its users a share lets in.

use crate::account::UserName;
use crate::catalog;
use crate::domain;
use crate::error::Problem;
use crate::journal::Journal;
use crate::lifecycle::execute::carry_out;
use crate::lifecycle::outcome::{Outcome, ShareError};
use crate::lifecycle::people;
use crate::lifecycle::recover::settle_earlier;
use crate::machine::Machine;
use crate::plan::{Operation, Plan};
use crate::share::spec::nobody_let_in;
use crate::share::{Access, Authentication, ShareName};
use crate::steps::definition::Redefine;

/// Has the share `name` let in those of its users and groups whom the method `auth` does. They all stay
/// the share's, with their rights to its files; those who are not let in any more are disconnected.
///
/// # Errors
/// Where there is no such share, nobody would be let in, or nobody of a domain can be because the
/// machine is in none; nothing was touched then.
pub fn set_auth(
    machine: &Machine<'_>,
    name: &ShareName,
    auth: Authentication,
) -> Result<Outcome, ShareError> {
    let _share_lock = machine.lock_share(name, "auth", machine.deadline)?;
    let mut notes = settle_earlier(machine, Some(name))?;
    let before =
        catalog::load(machine.host, name)?.ok_or_else(|| ShareError::NotFound(name.clone()))?;
    let access = &before.spec.access;
    let mut problems: Vec<Problem> = nobody_let_in(access, auth).into_iter().collect();
    if access.guest {
        let message = "the share is open to guests, and lets in everybody";
        problems.push(Problem::invalid("auth", "share.contradiction", message));
    }
    let is_live = machine.host.is_live();
    if problems.is_empty() && is_live {
        problems.extend(people::misnamed(machine, access, auth)?);
        if is_of_domain(access, auth)
            && let Some(error) = domain::problem(machine.host, machine.deadline)?
        {
            match error {
                domain::DomainError::NotMember => {
                    problems.push(Problem::from_error("auth", &error));
                }
                passing => notes.push(passing.to_string()),
            }
        }
    }
    if !problems.is_empty() {
        return Err(ShareError::Refused(problems));
    }
    let before = Box::new(before);
    let mut after = before.clone();
    after.spec.auth = auth;
    let plan = Plan {
        operation: Operation::Auth,
        share: before.name().clone(),
        steps: vec![Redefine { before, after }.into()],
        point_of_no_return: None,
    };
    let lock = machine.lock_configuration()?;
    let journal = Journal::create(machine.host, &plan)?;
    drop(lock);
    Ok(carry_out(machine, journal, &plan, notes))
}

/// Whether somebody of a domain is let in.
pub(super) fn is_of_domain(access: &Access, auth: Authentication) -> bool {
    !access.guest && access.let_in(auth).any(UserName::is_of_domain)
}
