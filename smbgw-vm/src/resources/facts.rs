//! What is there: collected before a request is looked at, so that looking at it is a pure function.

use std::net::IpAddr;
use std::path::Path;

use smbgw_core::host::Host;

use super::request::{GuestRequest, Origin};
use crate::proxmox::{
    Bridge, DirectoryMapping, GuestConfig, GuestEntry, NodeName, NodeResources, Proxmox,
    ProxmoxError, Release, Storage,
};
use crate::vmid::Vmid;

/// Where the configurations of all nodes of a cluster are, on each of them (pmxcfs(8)).
const NODES: &str = "/etc/pve/nodes";

/// What a node and its cluster have, as far as a guest that is to be made is concerned.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The node.
    pub node: NodeName,
    /// Its release of Proxmox VE.
    pub release: Release,
    /// Its memory and processors.
    pub resources: NodeResources,
    /// Its storages.
    pub storages: Vec<Storage>,
    /// Its bridges.
    pub bridges: Vec<Bridge>,
    /// All guests of the cluster.
    pub guests: Vec<GuestEntry>,
    /// The addresses that configurations give to guests of the cluster.
    pub addresses: Vec<(Vmid, IpAddr)>,
    /// The mappings of directories, where one is asked for and the release has them.
    pub mappings: Vec<DirectoryMapping>,
    /// The configuration of the template, where one is asked for and is on this node.
    pub template: Option<GuestConfig>,
}

impl Facts {
    /// Asks a node for all that `request` needs.
    ///
    /// # Errors
    /// Where something cannot be asked.
    pub fn collect(proxmox: &Proxmox<'_>, request: &GuestRequest) -> Result<Self, ProxmoxError> {
        let release = proxmox.release()?;
        let has_mappings = release >= Release::VIRTIOFS;
        let mappings = match &request.mapping {
            Some(_) if has_mappings => proxmox.directory_mappings()?,
            _ => Vec::new(),
        };
        let template = match &request.origin {
            Origin::Template { template, .. } => proxmox.find_config(*template)?,
            Origin::Image { .. } => None,
        };
        Ok(Self {
            node: proxmox.node().clone(),
            release,
            resources: proxmox.resources()?,
            storages: proxmox.storages()?,
            bridges: proxmox.bridges()?,
            guests: proxmox.guests()?,
            addresses: addresses_of_guests(proxmox.host())?,
            mappings,
            template,
        })
    }
}

/// The addresses in the configurations of all guests. They are read as files: asking for each would take a second.
fn addresses_of_guests(host: &dyn Host) -> Result<Vec<(Vmid, IpAddr)>, ProxmoxError> {
    let mut found = Vec::new();
    for node in host.list(Path::new(NODES))? {
        for kind in ["qemu-server", "lxc"] {
            let folder = Path::new(NODES).join(&node).join(kind);
            for (name, content) in host.read_files(&folder, ".conf")? {
                let number = name.trim_end_matches(".conf").parse();
                let Ok(vmid) = number else { continue };
                let text = String::from_utf8_lossy(&content);
                found.extend(addresses_in(&text).map(|address| (vmid, address)));
            }
        }
    }
    Ok(found)
}

/// The addresses in a configuration: `ipconfigN` of a virtual machine, `netN` of a container. What comes after the
/// first section is of snapshots.
fn addresses_in(config: &str) -> impl Iterator<Item = IpAddr> {
    let current = config.lines().take_while(|line| !line.starts_with('['));
    let values = current.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_network = name.starts_with("ipconfig") || name.starts_with("net");
        is_network.then_some(value)
    });
    values
        .flat_map(|value| value.split(','))
        .filter_map(|part| {
            let (name, address) = part.trim().split_once('=')?;
            let address = matches!(name, "ip" | "ip6").then_some(address)?;
            address.split('/').next()?.parse().ok()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(config: &str) -> Vec<String> {
        addresses_in(config)
            .map(|address| address.to_string())
            .collect()
    }

    #[test]
    fn addresses_of_both_kinds_of_guests_are_found() {
        let machine = "#ip=192.0.2.99\nipconfig0: ip=192.0.2.10/24,gw=192.0.2.1,ip6=2001:db8::5/64\n\
            ipconfig1: ip=dhcp\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n\n[before]\nipconfig0: ip=192.0.2.77/24\n";
        assert_eq!(texts(machine), ["192.0.2.10", "2001:db8::5"]);
        let container =
            "net0: name=eth0,bridge=vmbr0,gw=192.0.2.1,ip=192.0.2.20/24,ip6=auto,type=veth\n";
        assert_eq!(texts(container), ["192.0.2.20"]);
        assert!(texts("").is_empty());
    }
}
