//! What a share in a virtual machine of its own is asked for with, beside what all shares have.

use std::path::PathBuf;

use clap::Args;
use smbgw_vm::provisioning;

use super::ShareOptions;

/// Options that only a share in a virtual machine has.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Shares in a virtual machine (--mode vm)")]
pub(crate) struct VmOptions {
    /// What the virtual machine is made from: a template by its name (see `template list`), or a virtual machine
    /// that is a template by its number [default: the only template there is].
    #[arg(long, value_name = "NAME|VMID")]
    pub(crate) vm_template: Option<String>,
    /// Its memory, in MiB [default: 2048].
    #[arg(long, value_name = "MIB")]
    pub(crate) vm_memory: Option<u32>,
    /// What ballooning leaves it with at least, in MiB [default: all of its memory].
    #[arg(long, value_name = "MIB")]
    pub(crate) vm_balloon: Option<u32>,
    /// How many processors it has [default: 2].
    #[arg(long, value_name = "N")]
    pub(crate) vm_cores: Option<u32>,
    /// The storage of its first disk [default: the one for disks with the most room].
    #[arg(long, value_name = "STORAGE")]
    pub(crate) vm_storage: Option<String>,
    /// The storage of its disk for data, which is made as large as the quota needs [default: that of its first
    /// disk].
    #[arg(long, value_name = "STORAGE")]
    pub(crate) vm_data_storage: Option<String>,
    /// What the disk for data is formatted with: xfs or ext4 [default: xfs].
    #[arg(long, value_name = "FILESYSTEM")]
    pub(crate) vm_filesystem: Option<String>,
    /// Have its first disk begin as that of the template and keep what differs, instead of copying it: quicker,
    /// and the template has to stay.
    #[arg(long)]
    pub(crate) vm_linked: bool,
    /// The storage with the documents for its cloud-init, enabled for snippets [default: the one with the most
    /// room].
    #[arg(long, value_name = "STORAGE")]
    pub(crate) vm_snippets: Option<String>,
    /// The bridge that it is plugged into [default: the first that is up].
    #[arg(long, value_name = "BRIDGE")]
    pub(crate) bridge: Option<String>,
    /// The VLAN of its network card.
    #[arg(long, value_name = "N")]
    pub(crate) vlan: Option<u16>,
    /// Its address and gateway, such as 192.0.2.10/24,gw=192.0.2.1, or dhcp [default: dhcp].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) ip: Option<String>,
    /// A server for names, beside those that DHCP tells; may be given several times.
    #[arg(long = "nameserver", value_name = "ADDRESS")]
    pub(crate) name_servers: Vec<String>,
    /// Its number [default: the next that is free].
    #[arg(long, value_name = "N")]
    pub(crate) vmid: Option<u32>,
    /// A file with public ssh keys, of those who may log in to it as root; may be given several times.
    #[arg(long = "ssh-key", value_name = "FILE")]
    pub(crate) ssh_keys: Vec<PathBuf>,
    /// Start it with the node.
    #[arg(long)]
    pub(crate) onboot: bool,
    /// Have the high availability of Proxmox VE keep it running.
    #[arg(long)]
    pub(crate) ha: bool,
}

/// A virtual machine that is to be stopped.
#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// The share.
    pub(crate) name: String,
    /// Switch it off where it does not end by itself in time, as if its plug were pulled; what it had not put
    /// on disk is lost.
    #[arg(long)]
    pub(crate) force: bool,
}

impl Stop {
    /// How it is stopped.
    pub(crate) fn how(&self) -> provisioning::Stop {
        provisioning::Stop { forced: self.force }
    }
}

impl VmOptions {
    /// The options that were given.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        given(&[
            ("vm-template", self.vm_template.is_some()),
            ("vm-memory", self.vm_memory.is_some()),
            ("vm-balloon", self.vm_balloon.is_some()),
            ("vm-cores", self.vm_cores.is_some()),
            ("vm-storage", self.vm_storage.is_some()),
            ("vm-data-storage", self.vm_data_storage.is_some()),
            ("vm-filesystem", self.vm_filesystem.is_some()),
            ("vm-linked", self.vm_linked),
            ("vm-snippets", self.vm_snippets.is_some()),
            ("bridge", self.bridge.is_some()),
            ("vlan", self.vlan.is_some()),
            ("ip", self.ip.is_some()),
            ("nameserver", !self.name_servers.is_empty()),
            ("vmid", self.vmid.is_some()),
            ("ssh-key", !self.ssh_keys.is_empty()),
            ("onboot", self.onboot),
            ("ha", self.ha),
        ])
    }
}

impl ShareOptions {
    /// The options that were given and that a share in a virtual machine has not.
    pub(crate) fn given_of_native(&self) -> Vec<&'static str> {
        given(&[
            ("path", self.path.is_some()),
            ("group", !self.groups.is_empty()),
            ("auth", self.auth.is_some()),
            ("read-only", self.read_only),
            ("guest", self.guest),
            ("min-protocol", self.min_protocol.is_some()),
            ("encrypt", self.encrypt.is_some()),
            ("force", self.force),
        ])
    }
}

fn given(options: &[(&'static str, bool)]) -> Vec<&'static str> {
    let given = options.iter().filter(|(_, given)| *given);
    given.map(|(name, _)| *name).collect()
}
