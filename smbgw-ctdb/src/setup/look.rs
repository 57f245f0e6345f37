//! What the machines are like that a cluster is to be made of.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use smbgw_core::deadline::Deadline;
use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::host::{Command, Host};
use smbgw_core::layout::SMB_CONF;
use smbgw_core::smbconf::globals::{Globals, explicit_globals_following};
use smbgw_core::smbconf::shares::shares;

use super::SetupRequest;
use super::texts::{self, Texts};
use crate::address::{InterfaceName, Subnet, VirtualAddress};
use crate::cluster_error::ClusterError;
use crate::code::Code;
use crate::conflict::interfaces;
use crate::ctl::Ctl;
use crate::databases;
use crate::files::{PublicAddress, PublicAddresses};
use crate::node::Member;
use crate::preflight::is_realtime_allowed;
use crate::record::ClusterRecord;
use crate::service::{Services, Unit};

/// A machine that is to be a node.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Its files: path, what is there, and what is to be.
    pub(crate) files: Vec<(PathBuf, Option<Vec<u8>>, Vec<u8>)>,
    /// The event scripts that are there, each with whether it is enabled.
    pub(crate) scripts: Vec<(String, bool)>,
    /// The addresses that it may take, each on its interface.
    pub(crate) addresses: Vec<VirtualAddress>,
    /// What an administrator should know.
    pub(crate) notes: Vec<String>,
    /// Names and paths of the shares in its files.
    shares: Vec<(String, PathBuf)>,
}

/// Looks at a machine, and says all that speaks against making it a node.
pub(crate) fn look(
    request: &SetupRequest,
    nodes: &str,
    member: &Member<'_>,
    deadline: Deadline,
) -> Result<(Machine, Vec<Problem>), ClusterError> {
    let host = member.host;
    let mut problems = in_no_cluster(request, member, deadline)?;
    let (addresses, missing) = placed(request, member, deadline)?;
    problems.extend(missing);
    let mut notes = Vec::new();
    let globals = globals(host)?;
    problems.extend(samba_problems(&globals, member));
    notes.extend(samba_notes(&globals, member, deadline));
    let texts = Texts {
        nodes: nodes.to_owned(),
        public_addresses: public_addresses(&addresses),
        realtime: is_realtime_allowed(host, deadline),
    };
    if !texts.realtime {
        notes.push(format!(
            "{} does not let ctdbd run before everything else, so a busy machine may be taken for a lost one",
            member.spec.name
        ));
    }
    let files = match texts::files(request, &texts, member) {
        Ok(files) => files,
        Err(error) => {
            problems.push(Problem::from_error(member.spec.name.to_string(), &error));
            Vec::new()
        }
    };
    let machine = Machine {
        files,
        scripts: Ctl::new(host, deadline).event_scripts()?,
        addresses,
        notes,
        shares: shares_of(host)?,
    };
    Ok((machine, problems))
}

/// That the shares in files are the same on all machines: a client comes to any of them.
pub(crate) fn same_shares(machines: &[(&Member<'_>, Machine)]) -> Vec<Problem> {
    let Some(((first, one), others)) = machines.split_first() else {
        return Vec::new();
    };
    let differing = others
        .iter()
        .filter(|(_, other)| other.shares != one.shares);
    differing
        .map(|(member, other)| {
            let only = |these: &[(String, PathBuf)], those: &[(String, PathBuf)]| {
                let names: Vec<_> = these
                    .iter()
                    .filter(|share| !those.contains(share))
                    .map(|(name, _)| format!("`{name}`"))
                    .collect();
                names.join(", ")
            };
            let names = [
                only(&one.shares, &other.shares),
                only(&other.shares, &one.shares),
            ];
            let (first, second) = (&first.spec.name, &member.spec.name);
            Problem::invalid(
                "shares",
                Code::SharesDiffer.as_str(),
                format!(
                    "{first} and {second} do not have the same shares: {}",
                    names.join(" ")
                ),
            )
            .kind(ErrorKind::Conflict)
            .remedy(Code::SharesDiffer.fix())
        })
        .collect()
}

/// That it is no node of any cluster so far.
fn in_no_cluster(
    request: &SetupRequest,
    member: &Member<'_>,
    deadline: Deadline,
) -> Result<Vec<Problem>, ClusterError> {
    let (host, node) = (member.host, &member.spec.name);
    let mut problems = Vec::new();
    let mut conflict = |code: Code, message: String| {
        problems.push(
            Problem::invalid(node.to_string(), code.as_str(), message)
                .kind(ErrorKind::Conflict)
                .remedy(code.fix()),
        );
    };
    if let Some(record) = ClusterRecord::load(host)? {
        let message = format!("{node} is a node of the cluster {} already", record.name);
        conflict(Code::AlreadyClustered, message);
    } else {
        let nodes = host.read(Path::new(texts::NODES))?.unwrap_or_default();
        if nodes.iter().any(|byte| !byte.is_ascii_whitespace()) {
            let message = format!("{node} has a list of nodes in {} already", texts::NODES);
            conflict(Code::AlreadyClustered, message);
        } else if Services::new(host, deadline).runs(Unit::Ctdb)? {
            conflict(
                Code::AlreadyClustered,
                format!("ctdbd runs on {node} already"),
            );
        }
    }
    let left = databases::persistent(host)?;
    if !left.is_empty() && !request.keep_databases {
        let message = format!(
            "{node} has {} databases of a former cluster in {}",
            left.len(),
            databases::FOLDER
        );
        conflict(Code::DatabasesLeft, message);
    }
    Ok(problems)
}

/// The addresses with the interface that each is on here.
fn placed(
    request: &SetupRequest,
    member: &Member<'_>,
    deadline: Deadline,
) -> Result<(Vec<VirtualAddress>, Vec<Problem>), ClusterError> {
    let interfaces = interfaces(member.host, deadline)?;
    let own: Vec<(&InterfaceName, IpAddr, Subnet)> = interfaces
        .iter()
        .flat_map(|one| {
            one.addresses
                .iter()
                .map(|(own, net)| (&one.name, *own, *net))
        })
        .collect();
    let mut placed = Vec::new();
    let mut problems = Vec::new();
    for address in &request.addresses {
        let named = address.interface();
        let found = own.iter().find(|(interface, _, network)| match named {
            Some(named) => *interface == named,
            None => *network == address.network(),
        });
        let node = &member.spec.name;
        let problem = |code: Code, message: String| {
            Problem::invalid("addresses", code.as_str(), message).remedy(code.fix())
        };
        if let Some((_, taken, _)) = own.iter().find(|(_, one, _)| *one == address.address()) {
            problems.push(problem(
                Code::AddressOfANode,
                format!("{node} has {taken} for itself"),
            ));
            continue;
        }
        let interface = match (found, named) {
            (Some((interface, ..)), _) => *interface,
            (None, Some(named)) => {
                let message = format!("{node} has no interface `{named}` with an address");
                problems.push(problem(Code::NoInterface, message));
                continue;
            }
            (None, None) => {
                let message = format!("{node} is not in the network of {address}");
                problems.push(problem(Code::AddressOutsideNetwork, message));
                continue;
            }
        };
        let prefix = address.network().prefix();
        match VirtualAddress::new(address.address(), prefix, Some(interface.clone())) {
            Ok(address) => placed.push(address),
            Err(error) => problems.push(Problem::from_error("addresses", &error)),
        }
    }
    Ok((placed, problems))
}

fn public_addresses(addresses: &[VirtualAddress]) -> String {
    let line = |address: &VirtualAddress| PublicAddress {
        interfaces: address.interface().cloned().into_iter().collect(),
        address: address.clone(),
    };
    PublicAddresses(addresses.iter().map(line).collect()).render()
}

fn globals(host: &dyn Host) -> Result<Globals, ClusterError> {
    let text = host.read(Path::new(SMB_CONF))?.unwrap_or_default();
    Ok(explicit_globals_following(&text, &|path| {
        host.read(path).ok().flatten()
    }))
}

fn shares_of(host: &dyn Host) -> Result<Vec<(String, PathBuf)>, ClusterError> {
    let text = host.read(Path::new(SMB_CONF))?.unwrap_or_default();
    let found = shares(&text, &|path| host.read(path).ok().flatten());
    let mut all: Vec<_> = found
        .iter()
        .map(|share| {
            let path = share.path().unwrap_or(Path::new("")).to_path_buf();
            (share.display_name().to_lowercase(), path)
        })
        .collect();
    all.sort();
    Ok(all)
}

fn samba_problems(globals: &Globals, member: &Member<'_>) -> Vec<Problem> {
    if !globals.uses_registry_only() {
        return Vec::new();
    }
    let message = format!(
        "samba on {} takes its whole configuration from its registry, which is another one in a cluster",
        member.spec.name
    );
    let code = Code::SambaSettings;
    let problem = Problem::invalid("config backend", code.as_str(), message);
    vec![
        problem
            .kind(ErrorKind::Conflict)
            .remedy(format!("take `config backend` out of {SMB_CONF}")),
    ]
}

/// What clustered Samba will not see of what the machine had for itself.
fn samba_notes(globals: &Globals, member: &Member<'_>, deadline: Deadline) -> Vec<String> {
    let node = &member.spec.name;
    let mut notes = Vec::new();
    let security = globals.text("security").unwrap_or_default();
    if ["ads", "domain"].contains(&security.to_ascii_lowercase().as_str()) {
        notes.push(format!(
            "{node} is a member of a domain by secrets of its own, which the cluster does not have: have the \
             cluster join once, under its own name, on one node"
        ));
    }
    let list = Command::new("pdbedit").arg("--list");
    let users = member.host.run(&list, deadline);
    let count = users.map_or(0, |output| output.text().lines().count());
    if count > 0 {
        notes.push(format!(
            "{node} has {count} Samba users of its own, who are not users of the cluster: make them on one \
             node with `smbpasswd -a`, or bring them in as docs/high-availability.md says"
        ));
    }
    notes
}
