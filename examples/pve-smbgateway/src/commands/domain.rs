//! `ad-…`: the domain that this machine is a member of.

use smbgw_ad::clock::Clock;
use smbgw_ad::diagnose::{DiagnoseDraft, diagnose};
use smbgw_ad::discover::DiscoverDraft;
use smbgw_ad::join::{JoinDraft, JoiningUser, Parts, check, join, join_with_file, provision};
use smbgw_ad::keytab;
use smbgw_ad::leave::{AccountFate, leave};
use smbgw_ad::recover::recover;
use smbgw_ad::rotate::{RotateOptions, rotate};
use smbgw_ad::spn::{self, SpnChange};
use smbgw_ad::status::status;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Host, NamespaceHost, Reach};
use smbgw_core::lifecycle::{ForShare, ShareError, domain_access};
use smbgw_core::progress::{Progress, Silent};
use smbgw_core::secret::Secret;
use smbgw_core::service;
use smbgw_core::share::ShareName;

use super::{host, refuse};
use crate::args::Common;
use crate::args::domain::{
    Discover, Join, Keytab, Leave, Login, Names, Recover, Rotate, Target, Test,
};
use crate::ask;
use crate::exit::Exit;
use crate::output::Output;
use crate::progress::Display;

/// Finds a domain.
pub(super) fn discover(common: &Common, output: &Output, asked: Discover) -> Exit {
    let Discover {
        domain,
        server,
        site,
        all,
    } = asked;
    let draft = DiscoverDraft {
        domain,
        server,
        site,
        all,
    };
    match draft.run(&host(common), Deadline::after(common.timeout())) {
        Ok(found) => output.discovered(&found),
        Err(error) => output.domain_error(&error),
    }
}

/// Joins a domain, or checks whether that would work.
pub(super) fn enter(common: &Common, output: &Output, asked: Join) -> Exit {
    let Join {
        target,
        login,
        check: only_check,
        offline_blob,
        ..
    } = asked;
    let draft = JoinDraft {
        domain: asked.domain.unwrap_or_default(),
        user: login.user,
        ou: asked.ou,
        computer_name: asked.computer_name,
        host_name: asked.host_name,
        aliases: asked.aliases,
        server: asked.server,
        reuse: asked.reuse,
        reset: asked.reset,
        no_nsswitch: asked.no_nsswitch,
        no_dns: asked.no_dns,
        no_winbind: asked.no_winbind,
        addresses: asked.addresses,
    };
    with_parts(common, output, &target, |parts| {
        if let (Some(file), None) = (&offline_blob, &draft.user) {
            if login.password.is_given() {
                return output.unusable("user", NOBODYS);
            }
            return match join_with_file(parts, &draft, file) {
                Ok(outcome) => output.joined(&outcome),
                Err(error) => output.domain_error(&error),
            };
        }
        let whose = match draft.whose_password(parts.host, parts.deadline) {
            Ok(whose) => whose,
            Err(error) => return output.domain_error(&error),
        };
        let password = match ask::password(&login.password, &whose) {
            Ok(password) => password,
            Err(error) => return output.unusable("password", &error.to_string()),
        };
        let ended = match (&offline_blob, only_check) {
            (Some(file), _) => provision(parts, &draft, &password, file)
                .map(|outcome| output.provisioned(&outcome, file)),
            (None, true) => {
                check(parts, &draft, &password).map(|checked| output.join_checked(&checked))
            }
            (None, false) => join(parts, &draft, &password).map(|outcome| output.joined(&outcome)),
        };
        ended.unwrap_or_else(|error| output.domain_error(&error))
    })
}

/// Leaves the domain.
pub(super) fn depart(common: &Common, output: &Output, asked: Leave) -> Exit {
    let fate = match (asked.host_only, asked.delete) {
        (true, _) => AccountFate::Keep,
        (false, true) => AccountFate::Delete,
        (false, false) => AccountFate::Disable,
    };
    if fate != AccountFate::Keep && asked.login.user.is_none() {
        let message = "say who may change the account with --user, or leave the account as it is \
                       with --host-only";
        return output.unusable("user", message);
    }
    with_login(output, &asked.login, |user| {
        with_parts(common, output, &asked.target, |parts| {
            match leave(parts, fate, user) {
                Ok(outcome) => output.left(&outcome),
                Err(error) => output.domain_error(&error),
            }
        })
    })
}

/// Gives the account a new password.
pub(super) fn renew(common: &Common, output: &Output, asked: &Rotate) -> Exit {
    let options = RotateOptions {
        if_older_than_days: asked.if_older_than_days,
    };
    with_parts(common, output, &asked.target, |parts| {
        match rotate(parts, options) {
            Ok(report) => output.rotated(&report),
            Err(error) => output.domain_error(&error),
        }
    })
}

/// Shows how this machine stands with its domain.
pub(super) fn standing(
    common: &Common,
    output: &Output,
    target: &Target,
    share: Option<&str>,
) -> Exit {
    let name = match share.map(str::parse::<ShareName>).transpose() {
        Ok(name) => name,
        Err(error) => return refuse(output, "share", &error),
    };
    with_parts(common, output, target, |parts| {
        let access = name.map(|name| domain_access(parts.host, &name));
        let share = match access.transpose() {
            Ok(share) => share,
            Err(error) => return output.error(&error),
        };
        match status(parts) {
            Ok(told) => output.standing(&ForShare { told, share }),
            Err(error) => output.domain_error(&error),
        }
    })
}

/// Looks for what is wrong with a domain.
pub(super) fn test(common: &Common, output: &Output, asked: Test) -> Exit {
    let draft = DiagnoseDraft {
        domain: asked.domain,
        user: asked.login.user.clone(),
        server: asked.server,
    };
    let request = match draft.check() {
        Ok(request) => request,
        Err(problems) => return output.error(&ShareError::Refused(problems)),
    };
    with_login(output, &asked.login, |user| {
        let password = user.map(|(_, password)| password);
        let deadline = Deadline::after(common.timeout());
        let clock = Clock::system();
        output.diagnosed(&diagnose(
            &host(common),
            &request,
            password,
            None,
            clock,
            deadline,
        ))
    })
}

/// Adds names of services.
pub(super) fn add_names(common: &Common, output: &Output, asked: Names) -> Exit {
    let change = SpnChange {
        add: asked.names,
        ..SpnChange::default()
    };
    change_names(common, output, (&asked.target, &asked.login), &change)
}

/// Takes names of services away.
pub(super) fn remove_names(common: &Common, output: &Output, asked: Names) -> Exit {
    let change = SpnChange {
        remove: asked.names,
        ..SpnChange::default()
    };
    change_names(common, output, (&asked.target, &asked.login), &change)
}

fn change_names(
    common: &Common,
    output: &Output,
    (target, login): (&Target, &Login),
    change: &SpnChange,
) -> Exit {
    with_login(output, login, |user| {
        with_parts(common, output, target, |parts| {
            match spn::change(parts, change, user) {
                Ok(outcome) => output.names_changed(&outcome),
                Err(error) => output.domain_error(&error),
            }
        })
    })
}

/// Lists the names of services.
pub(super) fn list_names(common: &Common, output: &Output, target: &Target) -> Exit {
    with_parts(common, output, target, |parts| match spn::list(parts) {
        Ok(services) => output.services(&services),
        Err(error) => output.domain_error(&error),
    })
}

/// Shows the keytab, or writes it anew.
pub(super) fn keys(common: &Common, output: &Output, asked: &Keytab) -> Exit {
    with_parts(common, output, &asked.target, |parts| {
        let ended = match asked.refresh {
            true => keytab::refresh(parts).map(|refreshed| output.refreshed(&refreshed)),
            false => keytab::show(parts).map(|keytab| output.keytab(&keytab)),
        };
        ended.unwrap_or_else(|error| output.domain_error(&error))
    })
}

/// Finishes or undoes what was interrupted.
pub(super) fn settle(common: &Common, output: &Output, asked: &Recover) -> Exit {
    with_login(output, &asked.login, |user| {
        with_parts(common, output, &asked.target, |parts| {
            match recover(parts, user) {
                Ok(recovered) => output.domain_recovered(recovered.as_ref()),
                Err(error) => output.domain_error(&error),
            }
        })
    })
}

/// A password without a user.
const NOBODYS: &str = "there is a password, and nobody whose it is";

/// Has `call` work for the user of `login`, if one is named.
fn with_login(
    output: &Output,
    login: &Login,
    call: impl FnOnce(Option<(&JoiningUser, &Secret)>) -> Exit,
) -> Exit {
    let Some(name) = &login.user else {
        return match login.password.is_given() {
            true => output.unusable("user", NOBODYS),
            false => call(None),
        };
    };
    let user: JoiningUser = match name.parse() {
        Ok(user) => user,
        Err(error) => return refuse(output, "user", &error),
    };
    match ask::password(&login.password, name) {
        Ok(password) => call(Some((&user, &password))),
        Err(error) => output.unusable("password", &error.to_string()),
    }
}

/// Puts the parts of the machine together for one call.
fn with_parts(
    common: &Common,
    output: &Output,
    target: &Target,
    call: impl FnOnce(&Parts<'_>) -> Exit,
) -> Exit {
    match &target.host {
        None | Some(Reach::Local) => {
            let host = host(common);
            if let Some(name) = &target.of_share {
                let name = match name.parse::<ShareName>() {
                    Ok(name) => name,
                    Err(error) => return refuse(output, "share", &error),
                };
                // A native share, the only kind there is, runs on this machine.
                if let Err(error) = domain_access(&host, &name) {
                    return output.error(&error);
                }
            }
            on_host(common, &host, call)
        }
        Some(Reach::Process(pid)) => {
            let entered = NamespaceHost::of_process(format!("pid:{pid}"), *pid);
            match entered.and_then(|host| host.enter_network().map(|()| host)) {
                Ok(host) => on_host(common, &host, call),
                Err(error) => {
                    let message =
                        format!("the machine of the process {pid} cannot be worked on: {error}");
                    output.unusable("host", &message)
                }
            }
        }
        Some(way) => match way.open(&way.to_string()) {
            Ok(host) => on_host(common, host.as_ref(), call),
            Err(error) => output.failed(&error),
        },
    }
}

fn on_host(common: &Common, host: &dyn Host, call: impl FnOnce(&Parts<'_>) -> Exit) -> Exit {
    let service = service::detect(host);
    let progress: Box<dyn Progress> = match common.json {
        true => Box::new(Silent),
        false => Box::new(Display::new()),
    };
    call(&Parts {
        host,
        service: service.as_ref(),
        progress: progress.as_ref(),
        resolver: None,
        clock: Clock::system(),
        deadline: Deadline::after(common.timeout()),
    })
}
