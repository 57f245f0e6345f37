//! The users and groups that a request for a share names, on the machine it is meant for.

use std::collections::BTreeSet;

use crate::account::ids::{self, Database};
use crate::account::{self, AccountError, UserName};
use crate::domain::{self, DomainError};
use crate::error::Problem;
use crate::lifecycle::outcome::ShareError;
use crate::machine::Machine;
use crate::share::{Access, Authentication, ShareDraft};
use crate::step_error::StepError;

/// Looks for everybody whom `draft` names, and adds what is wrong to `problems`; also gives what keeps
/// users of the domain out at this moment, where some are named.
pub(super) fn check(
    machine: &Machine<'_>,
    draft: &ShareDraft,
    problems: &mut Vec<Problem>,
) -> Result<Option<DomainError>, ShareError> {
    let names = |texts: &[String]| -> Vec<UserName> {
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    };
    let (users, groups) = (names(&draft.users), names(&draft.groups));
    let is_domain_named = users.iter().chain(&groups).any(UserName::is_of_domain);
    let standing = match is_domain_named && machine.host.is_live() {
        true => domain::problem(machine.host, machine.deadline)?,
        false => None,
    };
    // Without winbindd nobody of a domain is found, for one reason.
    let nobody_is_known = match &standing {
        Some(error @ (DomainError::NotMember | DomainError::NoWinbind { .. })) => {
            let field = match users.iter().any(UserName::is_of_domain) {
                true => "user",
                false => "group",
            };
            problems.push(Problem::from_error(field, error));
            true
        }
        _ => false,
    };
    let is_to_be_found = |name: &&UserName| !(nobody_is_known && name.is_of_domain());
    for user in users.iter().filter(is_to_be_found) {
        let found = account::find_user(machine.host, user, machine.deadline);
        match found {
            Ok(Some(_)) => {}
            Ok(None) if draft.create_users && !user.is_of_domain() => {
                check_new(machine, user, problems);
            }
            Ok(None) => problems.push(unknown("user", user, standing.as_ref())),
            Err(error) => problems.push(Problem::from_error("user", &error)),
        }
    }
    for group in groups.iter().filter(is_to_be_found) {
        match account::find_group(machine.host, group, machine.deadline) {
            Ok(Some(_)) => {}
            Ok(None) => problems.push(unknown("group", group, standing.as_ref())),
            Err(error) => problems.push(Problem::from_error("group", &error)),
        }
    }
    if let Some(auth) = draft.auth.as_deref().and_then(|text| text.parse().ok())
        && machine.host.is_live()
    {
        let access = Access {
            users,
            groups,
            ..Access::default()
        };
        problems.extend(misnamed(machine, &access, auth)?);
    }
    Ok(standing)
}

/// Names that read as if they were of this machine, while winbindd has them for somebody of the domain
/// (smb.conf(5), `winbind use default domain`): a method that tells the two apart would be wrong.
pub(super) fn misnamed(
    machine: &Machine<'_>,
    access: &Access,
    auth: Authentication,
) -> Result<Vec<Problem>, ShareError> {
    let (host, deadline) = (machine.host, machine.deadline);
    if auth == Authentication::Hybrid {
        return Ok(Vec::new());
    }
    let Some(domain) = domain::member_of(host, deadline)? else {
        return Ok(Vec::new());
    };
    let mut problems = Vec::new();
    let each = [
        ("user", Database::Users, &access.users),
        ("group", Database::Groups, &access.groups),
    ];
    for (field, database, names) in each {
        for name in names.iter().filter(|name| !name.is_of_domain()) {
            let id = match database {
                Database::Users => account::find_user(host, name, deadline)
                    .map(|found| found.map(|found| found.uid)),
                Database::Groups => account::find_group(host, name, deadline)
                    .map(|found| found.map(|found| found.gid)),
            };
            let Some(id) = id.map_err(StepError::from)? else {
                continue;
            };
            let own = ids::names_in_file(host, database, &BTreeSet::from([id]));
            if own.map_err(StepError::from)?.is_empty()
                && account::is_known_to_winbind(host, database, name, deadline)
                    .map_err(StepError::from)?
            {
                let message = format!("`{name}` is a {field} of the domain {domain} here");
                problems.push(
                    Problem::invalid(field, "account.name-of-domain", message)
                        .remedy(format!(r"name it `{domain}\{name}`")),
                );
            }
        }
    }
    Ok(problems)
}

fn check_new(machine: &Machine<'_>, user: &UserName, problems: &mut Vec<Problem>) {
    if machine.password_of(user).is_none() {
        let error = StepError::NoPassword(user.to_string());
        problems.push(Problem::from_error("create-user", &error));
    } else if !user.can_be_created() {
        let error = AccountError::CannotBeCreated { name: user.clone() };
        problems.push(Problem::from_error("user", &error));
    }
}

fn unknown(field: &'static str, name: &UserName, standing: Option<&DomainError>) -> Problem {
    let code = match field {
        "user" => "account.no-such-user",
        _ => "account.no-such-group",
    };
    let of_domain = name.is_of_domain();
    if let Some(error @ DomainError::NoController { domain }) = standing.filter(|_| of_domain) {
        let message = format!(
            "nobody knows the {field} `{name}` while no domain controller of {domain} answers"
        );
        return Problem {
            message,
            ..Problem::from_error(field, error)
        };
    }
    let remedy = match (field, of_domain) {
        ("user", false) => "create the account first, or give --create-user".to_string(),
        ("user", true) => format!("see with `wbinfo --domain-users` how it is spelled; {DOMAIN}"),
        (_, false) => format!("create it with `groupadd {name}`"),
        (_, true) => format!("see with `wbinfo --domain-groups` how it is spelled; {DOMAIN}"),
    };
    Problem::invalid(field, code, format!("no {field} `{name}`")).remedy(remedy)
}

/// How names of a domain are written.
const DOMAIN: &str = r"the form is 'DOMAIN\name', in quotes for the shell";
