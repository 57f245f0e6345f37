//! What each command does: the parts put together, one call, and the result shown.

mod alert;
mod domain;
mod ha;
pub(crate) mod history;
mod mode;
mod monitor;
mod owner;
mod template;
pub(crate) mod vm;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::slice;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, Problem};
use smbgw_core::host::{Host, LocalHost, Reach};
use smbgw_core::lifecycle::{
    CreateOptions, DeleteOptions, ShareError, Verification, check, create, delete, inspect, list,
    recover, resize, set_auth, status, usages, verify,
};
use smbgw_core::machine::Machine;
use smbgw_core::ports::Depth;
use smbgw_core::progress::{Progress, Silent};
use smbgw_core::secret::Secret;
use smbgw_core::service;
use smbgw_core::share::{Authentication, Mode, ShareDraft, ShareName};
use smbgw_core::size::QuotaSize;
use smbgw_quota::QuotaStorage;
use smbgw_quota::monitor::{AlertTraces, HistoryTraces};
use smbgw_quota::owner::OwnerKind;
use smbgw_vm::provisioning::GuestRecord;

use self::vm::Power;
use crate::args::domain::Spn;
use crate::args::monitor::Monitor;
use crate::args::quota::Quota;
use crate::args::{Arguments, CheckRequest, Command, Common, Create, ShareOptions};
use crate::ask;
use crate::exit::Exit;
use crate::output::{Listed, Output};
use crate::progress::Display;

/// Does what `arguments` ask for and says how it went.
pub(crate) fn run(arguments: Arguments) -> Exit {
    let Arguments { common, command } = arguments;
    let output = Output::new(common.json);
    if let Some(root) = common.root.as_ref().filter(|root| !root.is_dir()) {
        let message = format!("there is no directory `{}`", root.display());
        return output.unusable("root", &message);
    }
    match command {
        Command::Create(Create { name, options }) => match mode::of(&options) {
            Mode::Vm => vm::create(&common, &output, name, &options),
            _ => made(&common, &output, name, options),
        },
        Command::List => listed(&common, &output),
        Command::Status { name } => at(&common, &output, &name, |place| match place {
            At::Here(name) => on_machine(&common, BTreeMap::new(), false, |machine| {
                output.status(status(machine, &name))
            }),
            At::Guest(guest) => vm::show(&common, &output, &guest),
        }),
        Command::Start { name } => vm::power(&common, &output, &name, Power::On),
        Command::Stop(stop) => vm::power(&common, &output, &stop.name, Power::Off(stop.how())),
        Command::Restart(stop) => vm::power(&common, &output, &stop.name, Power::Again(stop.how())),
        Command::Resize { name, size, force } => at(&common, &output, &name, |place| {
            let quota: QuotaSize = match size.parse() {
                Ok(quota) => quota,
                Err(error) => return refuse(&output, "quota", &error),
            };
            match place {
                At::Here(name) => on_machine(&common, BTreeMap::new(), true, |machine| {
                    output.outcome("resize", resize(machine, &name, quota, force))
                }),
                At::Guest(guest) => vm::resized(&common, &output, &guest, quota, force),
            }
        }),
        Command::Auth { name, method } => at(&common, &output, &name, |place| {
            let auth: Authentication = match method.parse() {
                Ok(auth) => auth,
                Err(error) => return refuse(&output, "auth", &error),
            };
            match place {
                At::Here(name) => on_machine(&common, BTreeMap::new(), true, |machine| {
                    output.outcome("auth", set_auth(machine, &name, auth))
                }),
                At::Guest(guest) => output.error(&vm::has_its_own(&guest, "users")),
            }
        }),
        Command::Delete {
            name,
            purge,
            keep_history,
            yes,
        } => {
            let options = DeleteOptions {
                purge,
                keep_history,
            };
            at(&common, &output, &name, |place| {
                deleted(&common, &output, place, options, yes)
            })
        }
        Command::QuotaStatus { name: None } => usage_of_all(&common, &output),
        Command::QuotaStatus { name: Some(name) } => {
            at(&common, &output, &name, |place| match place {
                At::Here(name) => on_machine(&common, BTreeMap::new(), false, |machine| {
                    output.quotas(usages(machine, Some(&name)))
                }),
                At::Guest(guest) => {
                    output.quotas(Ok(vm::usages(&common, slice::from_ref(&*guest))))
                }
            })
        }
        Command::Quota(quota) => match quota {
            Quota::Check { name, fix, quick } => quota_check(&common, &output, name, fix, quick),
            Quota::User(command) => {
                let deadline = Deadline::after(common.timeout());
                owner::run(&host(&common), &output, OwnerKind::User, &command, deadline)
            }
            Quota::Group(command) => {
                let deadline = Deadline::after(common.timeout());
                owner::run(
                    &host(&common),
                    &output,
                    OwnerKind::Group,
                    &command,
                    deadline,
                )
            }
        },
        Command::QuotaHistory(options) => history::run(&host(&common), &output, &options),
        Command::Monitor(command) => match command {
            Monitor::Run { once } => {
                let deadline = Deadline::after(common.timeout());
                monitor::run(&host(&common), &output, once, deadline)
            }
            Monitor::Status => monitor::status(&host(&common), &output),
        },
        Command::Alert(command) => {
            let deadline = Deadline::after(common.timeout());
            alert::run(&host(&common), &output, command, deadline)
        }
        Command::AdDiscover(asked) => domain::discover(&common, &output, asked),
        Command::AdJoin(asked) => domain::enter(&common, &output, asked),
        Command::AdLeave(asked) => domain::depart(&common, &output, asked),
        Command::AdStatus { share, target } => {
            domain::standing(&common, &output, &target, share.as_deref())
        }
        Command::AdTest(asked) => domain::test(&common, &output, asked),
        Command::AdRotate(asked) => domain::renew(&common, &output, &asked),
        Command::AdSpn(Spn::Add(names)) => domain::add_names(&common, &output, names),
        Command::AdSpn(Spn::Remove(names)) => domain::remove_names(&common, &output, names),
        Command::AdSpn(Spn::List(target)) => domain::list_names(&common, &output, &target),
        Command::AdKeytab(asked) => domain::keys(&common, &output, &asked),
        Command::AdRecover(asked) => domain::settle(&common, &output, &asked),
        Command::HaSetup(asked) => ha::change::set_up(&common, &output, asked),
        Command::HaAdopt(asked) => ha::change::take_over(&common, &output, asked),
        Command::HaAddNode(asked) => ha::nodes::add(&common, &output, asked),
        Command::HaRemoveNode(asked) => ha::nodes::remove(&common, &output, &asked),
        Command::HaTeardown(asked) => ha::nodes::take_apart(&common, &output, &asked),
        Command::HaTest(asked) => ha::test::run(&common, &output, asked),
        Command::HaRecover(asked) => ha::change::settle(&common, &output, &asked),
        Command::HaStatus(asked) => ha::status(&common, &output, asked),
        Command::HaPlan(asked) => ha::plan(&common, &output, asked),
        Command::HaMove(asked) => ha::relocate::move_to(&common, &output, &asked),
        Command::HaDrain(asked) => ha::relocate::drain_of(&common, &output, &asked),
        Command::HaResume(asked) => ha::relocate::resume_of(&common, &output, &asked),
        Command::HaReserve(asked) => ha::relocate::keep(&common, &output, asked),
        Command::HaRelease(asked) => ha::relocate::give_back(&common, &output, &asked),
        Command::HaProbe(asked) => ha::probe(&common, &output, &asked),
        Command::HaEvents(asked) => ha::events(&common, &output, asked),
        Command::HaNotify(asked) => ha::notify(&common, &output, &asked),
        Command::Template(command) => template::run(&common, &output, command),
        Command::Recover => on_machine(&common, BTreeMap::new(), true, |machine| {
            output.recovered(recover(machine), vm::recovered(&common))
        }),
        Command::Check {
            create:
                CheckRequest {
                    name: Some(name),
                    options,
                },
        } if mode::of(&options) == Mode::Vm => vm::check(&common, &output, name, &options),
        Command::Check {
            create: CheckRequest { name, options },
        } => {
            let misfits = mode::misfits(&options);
            if !misfits.is_empty() {
                return output.error(&ShareError::Refused(misfits));
            }
            let force = options.force;
            let options = name.map(|name| CreateOptions {
                draft: draft(name, options),
                force,
            });
            let passwords = options.as_ref().map(CreateOptions::passwords_to_come);
            let passwords = passwords.unwrap_or_default();
            on_machine(&common, passwords, false, |machine| {
                output.preflight(check(machine, options.as_ref()))
            })
        }
    }
}

/// Makes a share of this machine.
fn made(common: &Common, output: &Output, name: String, options: ShareOptions) -> Exit {
    let mut misfits = mode::misfits(&options);
    if !misfits.is_empty() {
        misfits.extend(draft(name, options).check().err().unwrap_or_default());
        return output.error(&ShareError::Refused(misfits));
    }
    let passwords = match ask::passwords(&options) {
        Ok(passwords) => passwords,
        Err(error) => return output.unusable("password", &error.to_string()),
    };
    let force = options.force;
    let options = CreateOptions {
        draft: draft(name, options),
        force,
    };
    on_machine(common, passwords, true, |machine| {
        output.outcome("create", create(machine, &options))
    })
}

/// Takes a share away, wherever it is.
fn deleted(common: &Common, output: &Output, place: At, options: DeleteOptions, yes: bool) -> Exit {
    if let At::Guest(guest) = &place
        && let Err(error) = vm::check_deletable(guest, options)
    {
        return output.error(&error);
    }
    if options.purge && !yes {
        let question = match &place {
            At::Here(name) => format!("This removes the share {name} and ALL ITS DATA."),
            At::Guest(guest) => vm::purge_question(guest),
        };
        match ask::consent(&question) {
            Ok(Some(true)) => {}
            Ok(Some(false)) => return output.unusable("purge", "nothing was removed"),
            Ok(None) => {
                let message = "nobody is there to ask: give --yes to remove the data";
                return output.unusable("purge", message);
            }
            Err(error) => return output.unusable("purge", &error.to_string()),
        }
    }
    match place {
        At::Here(name) => on_machine(common, BTreeMap::new(), true, |machine| {
            output.outcome("delete", delete(machine, &name, options))
        }),
        At::Guest(guest) => vm::purged(common, output, &guest),
    }
}

/// Shows all shares, those in virtual machines among them.
fn listed(common: &Common, output: &Output) -> Exit {
    on_machine(common, BTreeMap::new(), false, |machine| {
        let guests = GuestRecord::all(machine.host).map_err(ShareError::from);
        let all = list(machine).and_then(|records| Ok(Listed::of(records, guests?)));
        output.list(all)
    })
}

/// Shows how full all shares are, those in virtual machines among them.
fn usage_of_all(common: &Common, output: &Output) -> Exit {
    on_machine(common, BTreeMap::new(), false, |machine| {
        let guests = GuestRecord::all(machine.host).map_err(ShareError::from);
        output.quotas(usages(machine, None).and_then(|mut all| {
            all.extend(vm::usages(common, &guests?));
            Ok(all)
        }))
    })
}

/// Where a share is.
enum At {
    /// On this machine, if anywhere.
    Here(ShareName),
    /// In a virtual machine.
    Guest(Box<GuestRecord>),
}

/// Has `call` work on the share `name`, wherever it is.
fn at(common: &Common, output: &Output, name: &str, call: impl FnOnce(At) -> Exit) -> Exit {
    with_name(output, name, |name| {
        match vm::guest_of(&host(common), name) {
            Ok(Some(guest)) => call(At::Guest(Box::new(guest))),
            Ok(None) => call(At::Here(name.clone())),
            Err(error) => output.failed(&error),
        }
    })
}

/// Puts the parts of the machine together for one call.
fn on_machine(
    common: &Common,
    passwords: BTreeMap<String, Secret>,
    shows_progress: bool,
    call: impl FnOnce(&Machine<'_>) -> Exit,
) -> Exit {
    let host = host(common);
    let storage = QuotaStorage::new(&host);
    let service = service::detect(&host);
    let progress: Box<dyn Progress> = if shows_progress && !common.json {
        Box::new(Display::new())
    } else {
        Box::new(Silent)
    };
    call(&Machine {
        host: &host,
        storage: &storage,
        service: service.as_ref(),
        traces: &[&HistoryTraces { host: &host }, &AlertTraces { host: &host }],
        progress: progress.as_ref(),
        passwords,
        free_space_command: free_space_command(),
        deadline: Deadline::after(common.timeout()),
    })
}

fn host(common: &Common) -> LocalHost {
    match &common.root {
        Some(root) => LocalHost::with_root(root),
        None => LocalHost::new(),
    }
}

/// Has `call` work on the machine that `way` leads to, or on that of the arguments where none is given.
fn reached(
    common: &Common,
    output: &Output,
    way: Option<&Reach>,
    call: impl FnOnce(&dyn Host) -> Exit,
) -> Exit {
    match way {
        None => call(&host(common)),
        Some(way) => match way.open(&way.to_string()) {
            Ok(host) => call(host.as_ref()),
            Err(error) => output.failed(&error),
        },
    }
}

/// Compares what is configured with what is enforced.
fn quota_check(
    common: &Common,
    output: &Output,
    name: Option<String>,
    fix: bool,
    quick: bool,
) -> Exit {
    let name = match name.map(|name| name.parse::<ShareName>()).transpose() {
        Ok(name) => name,
        Err(error) => return refuse(output, "name", &error),
    };
    let guest = name.as_ref().map(|name| vm::guest_of(&host(common), name));
    match guest.transpose() {
        Ok(Some(Some(guest))) => return output.error(&vm::has_its_own(&guest, "quotas")),
        Ok(_) => {}
        Err(error) => return output.failed(&error),
    }
    let name = name.as_ref();
    on_machine(common, BTreeMap::new(), false, |machine| {
        output.verified(match quick {
            true => inspect(machine, name, Depth::Quick).map(|shares| Verification {
                shares,
                ..Verification::default()
            }),
            false => verify(machine, name, fix),
        })
    })
}

/// The program for Samba's `dfree command`, which is installed beside this one.
fn free_space_command() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name("smbgw-dfree");
    path.exists().then_some(path)
}

fn with_name(output: &Output, text: &str, call: impl FnOnce(&ShareName) -> Exit) -> Exit {
    match text.parse::<ShareName>() {
        Ok(name) => call(&name),
        Err(error) => refuse(output, "name", &error),
    }
}

fn refuse(output: &Output, field: &str, error: &dyn Coded) -> Exit {
    output.error(&ShareError::Refused(vec![Problem::from_error(
        field, error,
    )]))
}

fn draft(name: String, options: ShareOptions) -> ShareDraft {
    ShareDraft {
        name,
        mode: Some(options.mode),
        path: options.path,
        quota: options.quota,
        users: options.users,
        groups: options.groups,
        auth: options.auth,
        create_users: options.create_users,
        read_only: options.read_only,
        guest: options.guest,
        min_protocol: options.min_protocol,
        encrypt: options.encrypt.map(|encrypt| encrypt.as_str().into()),
        comment: options.comment,
    }
}
