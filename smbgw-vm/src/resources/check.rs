//! What is wrong with a request for a guest.

use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::size::ByteSize;

use super::disks;
use super::facts::Facts;
use super::policy::{CountedMemory, Policy, part};
use super::request::GuestRequest;
use crate::code::Code;
use crate::proxmox::Release;

/// The least memory that a Debian with Samba boots in, in MiB.
const LEAST_MEMORY_MIB: u32 = 128;

/// Everything that is wrong with `request` on a node of which `facts` are known; nothing where it fits.
pub fn check(request: &GuestRequest, facts: &Facts, policy: &Policy) -> Vec<Problem> {
    let mut problems = Vec::new();
    number(request, facts, &mut problems);
    memory(request, facts, policy, &mut problems);
    cores(request, facts, policy, &mut problems);
    disks::check(request, facts, policy, &mut problems);
    network(request, facts, &mut problems);
    mapping(request, facts, &mut problems);
    problems
}

/// A problem of `field`: the machine, not the request, has to be other.
pub(super) fn problem(
    field: &str,
    code: Code,
    kind: ErrorKind,
    message: impl Into<String>,
) -> Problem {
    Problem::invalid(field, code.as_str(), message)
        .kind(kind)
        .remedy(code.fix())
}

fn number(request: &GuestRequest, facts: &Facts, problems: &mut Vec<Problem>) {
    let Some(vmid) = request.vmid else { return };
    if let Some(guest) = facts.guests.iter().find(|guest| guest.vmid == vmid) {
        let kind = if guest.is_container {
            "container"
        } else {
            "virtual machine"
        };
        let message = format!("{vmid} is the {kind} `{}` on {}", guest.name, guest.node);
        problems.push(problem(
            "vmid",
            Code::VmidTaken,
            ErrorKind::Conflict,
            message,
        ));
    }
}

fn memory(request: &GuestRequest, facts: &Facts, policy: &Policy, problems: &mut Vec<Problem>) {
    const FIELD: &str = "vm-memory";
    let wanted = request.memory_mib;
    let balloon = request.balloon_mib.filter(|balloon| *balloon != 0);
    let invalid = if wanted < LEAST_MEMORY_MIB {
        Some(format!(
            "{wanted} MiB are not enough for a guest to boot: {LEAST_MEMORY_MIB} MiB are the least"
        ))
    } else {
        let above = balloon.filter(|balloon| *balloon > wanted);
        above.map(|above| format!("ballooning cannot leave a guest {above} MiB of {wanted} MiB"))
    };
    if let Some(message) = invalid {
        problems.push(problem(
            FIELD,
            Code::MemoryInvalid,
            ErrorKind::Invalid,
            message,
        ));
        return;
    }
    let counted = match policy.counted_memory {
        CountedMemory::Maximum => wanted,
        CountedMemory::Minimum => balloon.unwrap_or(wanted),
    };
    let counted = ByteSize::from_mib(counted.into()).bytes();
    let promised: u64 = running_here(facts)
        .map(|guest| guest.memory_bytes)
        .fold(0, u64::saturating_add);
    let total = ByteSize::from_bytes(facts.resources.memory_bytes);
    let usable = policy.usable_memory(total).bytes();
    let left = usable.saturating_sub(promised);
    if counted > left {
        let message = format!(
            "the guest needs {}, and {} are left of the {} that may be promised to guests on {}",
            ByteSize::from_bytes(counted),
            ByteSize::from_bytes(left),
            ByteSize::from_bytes(usable),
            facts.node,
        );
        problems.push(problem(
            FIELD,
            Code::MemoryShort,
            ErrorKind::Unsupported,
            message,
        ));
    }
}

fn cores(request: &GuestRequest, facts: &Facts, policy: &Policy, problems: &mut Vec<Problem>) {
    const FIELD: &str = "vm-cores";
    let (wanted, there) = (request.cores, facts.resources.processors);
    if wanted == 0 {
        let message = "a guest has one processor at least";
        problems.push(problem(
            FIELD,
            Code::CoresExcessive,
            ErrorKind::Invalid,
            message,
        ));
        return;
    }
    if wanted > there {
        // Proxmox VE does not start such a guest, whatever is promised.
        let message = format!(
            "{wanted} processors are more than the {there} of {}",
            facts.node
        );
        problems.push(problem(
            FIELD,
            Code::CoresExcessive,
            ErrorKind::Unsupported,
            message,
        ));
        return;
    }
    let promised: u64 = running_here(facts)
        .map(|guest| guest.cores)
        .fold(0, u64::saturating_add);
    let all = part(there.into(), policy.processors_percent);
    if u64::from(wanted).saturating_add(promised) > all {
        let message = format!(
            "running guests have {promised} processors already, and {all} may be promised on {}",
            facts.node
        );
        problems.push(problem(
            FIELD,
            Code::CoresExcessive,
            ErrorKind::Unsupported,
            message,
        ));
    }
}

fn network(request: &GuestRequest, facts: &Facts, problems: &mut Vec<Problem>) {
    match facts
        .bridges
        .iter()
        .find(|bridge| bridge.name == request.bridge)
    {
        None => {
            let known: Vec<&str> = facts
                .bridges
                .iter()
                .map(|bridge| bridge.name.as_str())
                .collect();
            let known = match known[..] {
                [] => "it has none".to_owned(),
                _ => format!("it has {}", known.join(", ")),
            };
            let message = format!("{} has no bridge `{}`: {known}", facts.node, request.bridge);
            problems.push(problem(
                "bridge",
                Code::BridgeMissing,
                ErrorKind::NotFound,
                message,
            ));
        }
        Some(bridge) if !bridge.is_active => {
            let message = format!("the bridge `{}` of {} is down", request.bridge, facts.node);
            problems.push(problem(
                "bridge",
                Code::BridgeMissing,
                ErrorKind::Unsupported,
                message,
            ));
        }
        Some(_) => {}
    }
    if let Some(vlan) = request.vlan.filter(|vlan| !(1..=4094).contains(vlan)) {
        let message = format!("{vlan} is not the number of a VLAN: they go from 1 to 4094");
        problems.push(problem(
            "vlan",
            Code::VlanInvalid,
            ErrorKind::Invalid,
            message,
        ));
    }
    if let Some(address) = request.address.address() {
        let holder = facts
            .addresses
            .iter()
            .find(|(vmid, held)| *held == address && request.vmid != Some(*vmid));
        if let Some((holder, _)) = holder {
            let message = format!("the configuration of guest {holder} has the address {address}");
            problems.push(problem(
                "ip",
                Code::AddressTaken,
                ErrorKind::Conflict,
                message,
            ));
        }
    }
}

fn mapping(request: &GuestRequest, facts: &Facts, problems: &mut Vec<Problem>) {
    const FIELD: &str = "mapping";
    let Some(wanted) = &request.mapping else {
        return;
    };
    if facts.release < Release::VIRTIOFS {
        let Release { major, minor } = facts.release;
        let message = format!("Proxmox VE {major}.{minor} does not share directories with guests");
        problems.push(problem(
            FIELD,
            Code::VirtiofsMissing,
            ErrorKind::Unsupported,
            message,
        ));
        return;
    }
    let mapping = facts.mappings.iter().find(|mapping| mapping.id == *wanted);
    if mapping
        .and_then(|mapping| mapping.path_on(&facts.node))
        .is_none()
    {
        let message = format!("no mapping `{wanted}` names a directory on {}", facts.node);
        problems.push(problem(
            FIELD,
            Code::MappingMissing,
            ErrorKind::NotFound,
            message,
        ));
    }
}

fn running_here(facts: &Facts) -> impl Iterator<Item = &crate::proxmox::GuestEntry> {
    let here = facts.guests.iter().filter(|guest| guest.node == facts.node);
    here.filter(|guest| guest.is_running)
}
