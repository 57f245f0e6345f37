//! Shares in virtual machines of their own.

mod request;
mod usages;

use std::path::Path;

use smbgw_core::catalog;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::host::Host;
use smbgw_core::host_label::HostLabel;
use smbgw_core::lifecycle::{DeleteOptions, ShareError, ShareUsage};
use smbgw_core::progress::{Progress, Silent};
use smbgw_core::share::ShareName;
use smbgw_core::size::{ByteSize, QuotaSize};
use smbgw_core::state_error::StateError;
use smbgw_vm::cloudinit::LoginName;
use smbgw_vm::libvirt::Virsh;
use smbgw_vm::provisioning::{
    GuestRecord, Hypervisor, Outcome, Place, Provisioning, ProvisioningError, Recovered, Stop,
    Waits, is_interrupted, problems_but_passwords, provision, recover, remove, resize, restart,
    start, status, stop,
};
use smbgw_vm::proxmox::{Proxmox, ProxmoxError};
use smbgw_vm::resources::Policy;
use smbgw_vm::template::TemplateStore;

use self::request::chosen;
pub(crate) use self::usages::usage_in;
use super::{At, at, host};
use crate::args::{Common, ShareOptions};
use crate::ask;
use crate::exit::Exit;
use crate::output::Output;
use crate::progress::Display;

/// How long making a virtual machine may take, in seconds: its template may have to be copied, and it has to boot.
const USUAL_TIME: u64 = 1800;

/// The guest of the share `name`, where it is in one.
pub(super) fn guest_of(
    host: &dyn Host,
    name: &ShareName,
) -> Result<Option<GuestRecord>, StateError> {
    match name.as_str().parse::<HostLabel>() {
        Ok(label) => GuestRecord::load(host, &label),
        Err(_) => Ok(None),
    }
}

/// The name of the share that `guest` serves.
pub(crate) fn serves(guest: &GuestRecord) -> ShareName {
    let share = guest.share.as_ref().map(|share| share.name.clone());
    // Guests without a share have a name that a share could have, too.
    share.unwrap_or_else(|| {
        guest
            .name
            .as_str()
            .parse()
            .expect("names of hosts are plain")
    })
}

/// Makes a share in a virtual machine.
pub(super) fn create(
    common: &Common,
    output: &Output,
    name: String,
    options: &ShareOptions,
) -> Exit {
    let choice = match chosen(name, options) {
        Ok(choice) => choice,
        Err(problems) => return output.error(&ShareError::Refused(problems)),
    };
    on_node(common, output, |_, world| {
        let request = choice.complete(world)?;
        let given = match ask::passwords_of(&options.users, options) {
            Ok(given) => given,
            Err(error) => return Ok(output.unusable("password", &error.to_string())),
        };
        let password = |user: &LoginName| Some((user.clone(), given.get(user.as_str())?.clone()));
        let passwords: Vec<_> = request.users.iter().filter_map(password).collect();
        let world = Provisioning {
            passwords: &passwords,
            ..world.clone()
        };
        Ok(output.guest_changed(&provision(&world, &request)?))
    })
}

/// Checks a request as [`create`] would, and changes nothing.
pub(super) fn check(
    common: &Common,
    output: &Output,
    name: String,
    options: &ShareOptions,
) -> Exit {
    let choice = match chosen(name, options) {
        Ok(choice) => choice,
        Err(problems) => return output.error(&ShareError::Refused(problems)),
    };
    on_node(common, output, |node, world| {
        let request = choice.complete(world)?;
        let problems = problems_but_passwords(world, &request)?;
        match problems.is_empty() {
            true => Ok(output.guest_possible(node.node(), &request)),
            false => Err(ProvisioningError::Refused(problems)),
        }
    })
}

/// Shows how a share in a virtual machine is.
pub(super) fn show(common: &Common, output: &Output, guest: &GuestRecord) -> Exit {
    with_guest(common, output, guest, |world| {
        Ok(output.guest(&status(world, &guest.name)?))
    })
}

/// Changes the quota of a share in a virtual machine.
pub(super) fn resized(
    common: &Common,
    output: &Output,
    guest: &GuestRecord,
    quota: QuotaSize,
    even_if_fuller: bool,
) -> Exit {
    let quota = ByteSize::from_bytes(quota.bytes());
    changed(common, output, guest, |world| {
        resize(world, &guest.name, quota, even_if_fuller)
    })
}

/// Looks whether a share in a virtual machine can be deleted so: its data cannot be kept without it.
pub(super) fn check_deletable(
    guest: &GuestRecord,
    options: DeleteOptions,
) -> Result<(), ShareError> {
    let name = &guest.name;
    let mut problems = Vec::new();
    if !options.purge {
        let message = format!("the data of the share {name} is inside its virtual machine");
        let remedy = format!(
            "give --purge to remove both, or run `pve-smbgateway stop {name}` to keep both"
        );
        problems.push(Problem::invalid("purge", "cli.data-inside", message).remedy(remedy));
    }
    if options.keep_history {
        let message =
            format!("no history is kept of the share {name}, as it is in a virtual machine");
        let problem = Problem::invalid("keep-history", "cli.mode-misfit", message);
        problems.push(problem.remedy("leave out --keep-history"));
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(ShareError::Refused(problems)),
    }
}

/// That something of a share in a virtual machine is not for this machine to change.
pub(super) fn has_its_own(guest: &GuestRecord, what: &str) -> ShareError {
    let name = &guest.name;
    let message = format!("the share {name} is in a virtual machine, which has {what} of its own");
    let problem = Problem::invalid("name", "cli.mode-misfit", message).kind(ErrorKind::Conflict);
    ShareError::Refused(vec![
        problem.remedy("this is for shares of this machine only"),
    ])
}

/// What is asked before a share in a virtual machine is taken away.
pub(super) fn purge_question(guest: &GuestRecord) -> String {
    let (name, machine) = (&guest.name, machine_of(guest));
    format!("This removes {machine} of the share {name} and ALL ITS DATA.")
}

/// What the virtual machine of a share is called where it runs.
pub(crate) fn machine_of(guest: &GuestRecord) -> String {
    match (&guest.place, guest.vmid()) {
        (Place::Libvirt(place), _) => format!("VM {}", place.domain),
        (Place::Proxmox(_), Some(vmid)) => format!("VM {vmid}"),
        (Place::Proxmox(_), None) => "VM".into(),
    }
}

/// Takes a share in a virtual machine away, with its data.
pub(super) fn purged(common: &Common, output: &Output, guest: &GuestRecord) -> Exit {
    changed(common, output, guest, |world| remove(world, &guest.name))
}

/// What becomes of a virtual machine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Power {
    /// It is started.
    On,
    /// It is shut down.
    Off(Stop),
    /// It is shut down and started.
    Again(Stop),
}

/// Starts, stops or restarts the virtual machine of the share `name`.
pub(super) fn power(common: &Common, output: &Output, name: &str, power: Power) -> Exit {
    at(common, output, name, |place| {
        let guest = match place {
            At::Here(name) => return output.error(&not_in_a_guest(common, &name)),
            At::Guest(guest) => guest,
        };
        let name = &guest.name;
        changed(common, output, &guest, |world| match power {
            Power::On => start(world, name),
            Power::Off(how) => stop(world, name, how),
            Power::Again(how) => restart(world, name, how),
        })
    })
}

/// How full the shares in `guests` are. Where there is none, no node is asked.
pub(super) fn usages(common: &Common, guests: &[GuestRecord]) -> Vec<ShareUsage> {
    let deadline = Deadline::after(common.timeout());
    usages::usages(&host(common), guests, deadline)
}

/// Finishes or undoes what was interrupted of virtual machines. Where that is nothing, no node is asked.
pub(super) fn recovered(common: &Common) -> Result<Vec<Recovered>, ProvisioningError> {
    let host = host(common);
    if !host.is_live() || !is_interrupted(&host)? {
        return Ok(Vec::new());
    }
    let progress = progress(common);
    let hypervisor = match Proxmox::open(&host, deadline(common)) {
        Err(ProxmoxError::NotProxmox { .. }) => Virsh::new(&host, deadline(common)).into(),
        node => node?.into(),
    };
    recover(&world(hypervisor, progress.as_ref()))
}

/// That a share is not in a virtual machine, or not there.
fn not_in_a_guest(common: &Common, name: &ShareName) -> ShareError {
    match catalog::load(&host(common), name) {
        Ok(Some(_)) => {
            let message = format!("the share {name} is served by this machine itself");
            let problem = Problem::invalid("name", "cli.mode-misfit", message)
                .kind(ErrorKind::Conflict)
                .remedy("only shares in virtual machines are started and stopped");
            ShareError::Refused(vec![problem])
        }
        Ok(None) => ShareError::NotFound(name.clone()),
        Err(error) => error.into(),
    }
}

/// Has `change` change `guest`, and says how that went.
fn changed(
    common: &Common,
    output: &Output,
    guest: &GuestRecord,
    change: impl FnOnce(&Provisioning<'_>) -> Result<Outcome, ProvisioningError>,
) -> Exit {
    with_guest(common, output, guest, |world| {
        Ok(output.guest_changed(&change(world)?))
    })
}

/// Has `call` work with `guest`, by what runs it.
fn with_guest(
    common: &Common,
    output: &Output,
    guest: &GuestRecord,
    call: impl FnOnce(&Provisioning<'_>) -> Result<Exit, ProvisioningError>,
) -> Exit {
    if common.root.is_some() {
        return not_running(output);
    }
    let host = host(common);
    let hypervisor = match hypervisor_of(guest, &host, deadline(common)) {
        Ok(hypervisor) => hypervisor,
        Err(error) => return output.failed(&error),
    };
    let progress = progress(common);
    let world = world(hypervisor, progress.as_ref());
    call(&world).unwrap_or_else(|error| output.guest_error(&error))
}

/// Has `call` work with this node of Proxmox VE.
fn on_node(
    common: &Common,
    output: &Output,
    call: impl FnOnce(&Proxmox<'_>, &Provisioning<'_>) -> Result<Exit, ProvisioningError>,
) -> Exit {
    if common.root.is_some() {
        return not_running(output);
    }
    let host = host(common);
    let node = match Proxmox::open(&host, deadline(common)) {
        Ok(node) => node,
        Err(error) => return output.failed(&error),
    };
    let progress = progress(common);
    let world = world(node.clone().into(), progress.as_ref());
    call(&node, &world).unwrap_or_else(|error| output.guest_error(&error))
}

fn not_running(output: &Output) -> Exit {
    output.unusable("root", "virtual machines are those of a machine that runs")
}

/// What runs `guest`.
fn hypervisor_of<'a>(
    guest: &GuestRecord,
    host: &'a dyn Host,
    deadline: Deadline,
) -> Result<Hypervisor<'a>, ProxmoxError> {
    Ok(match guest.place {
        Place::Proxmox(_) => Proxmox::open(host, deadline)?.into(),
        Place::Libvirt(_) => Virsh::new(host, deadline).into(),
    })
}

fn world<'a>(hypervisor: Hypervisor<'a>, progress: &'a dyn Progress) -> Provisioning<'a> {
    Provisioning {
        hypervisor,
        templates: Path::new(TemplateStore::DEFAULT),
        passwords: &[],
        policy: Policy::default(),
        waits: Waits::default(),
        progress,
    }
}

fn deadline(common: &Common) -> Deadline {
    Deadline::after(common.timeout_or(USUAL_TIME))
}

/// Who is told what happens: a person, and no program.
fn progress(common: &Common) -> Box<dyn Progress> {
    match common.json {
        true => Box::new(Silent),
        false => Box::new(Display::new()),
    }
}
