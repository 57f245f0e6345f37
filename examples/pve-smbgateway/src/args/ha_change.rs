//! `ha-…` that change a cluster: making it, its nodes, and what was interrupted.

use std::path::PathBuf;

use clap::Args;
use smbgw_ctdb::node::NodeName;

use super::ha::Place;

/// Which machines, and the ways to them.
#[derive(Debug, Args)]
pub(crate) struct Machines {
    /// All nodes with their private addresses, in the order of their numbers: n1=10.0.0.11,n2=10.0.0.12. The
    /// address of a name alone is looked up. May be given several times.
    #[arg(
        long,
        value_name = "NODE=ADDRESS",
        value_delimiter = ',',
        required = true
    )]
    pub(crate) nodes: Vec<String>,
    /// The way to a node: ssh:USER@HOST:PORT, ct:N, vm:N, lxc:NAME, pid:N or local; may be given several
    /// times. Without it, local for the node that has an address of this machine, and ssh:root@NODE.
    #[arg(long, value_name = "NODE=WAY")]
    pub(crate) reach: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Setup {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) machines: Machines,
    /// The name by which clients know the cluster: up to 15 letters, digits and `-` [default: SMBGW].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The folder on the cluster filesystem that all nodes share.
    #[arg(long, value_name = "DIR")]
    pub(crate) shared: PathBuf,
    /// What keeps two parts of the cluster apart: the path of a file in the shared folder,
    /// rados:CLUSTER/USER/POOL/OBJECT, etcd, or `!` and a program [default: DIR/.ctdb/lock].
    #[arg(long, value_name = "LOCK")]
    pub(crate) lock: Option<String>,
    /// An address that moves between nodes, such as 10.0.0.100/24%eth0, or `auto` for a free one of --vip-pool;
    /// may be given several times.
    #[arg(long = "vip", value_name = "ADDRESS/PREFIX[%INTERFACE]|auto")]
    pub(crate) addresses: Vec<String>,
    /// Addresses that `--vip auto` takes the lowest free ones of, and from which further ones may be taken later,
    /// such as 10.0.0.100-10.0.0.120/24; may be given several times.
    #[arg(long = "vip-pool", value_name = "FIRST-LAST/PREFIX[%INTERFACE]")]
    pub(crate) pools: Vec<String>,
    /// Addresses that a DHCP server gives away, such as 10.0.0.50-10.0.0.99; may be given several times.
    #[arg(long = "dhcp-range", value_name = "FIRST-LAST")]
    pub(crate) dhcp_ranges: Vec<String>,
    /// How long a failover may take for clients, such as 10s; ctdb's settings are made from it [default:
    /// ctdb's own pace, half a minute].
    #[arg(long, value_name = "TIME")]
    pub(crate) failover_within: Option<String>,
    /// A setting of ctdb (ctdb-tunables(7)), which wins over what --failover-within comes to; may be given
    /// several times.
    #[arg(long = "tunable", value_name = "NAME=NUMBER")]
    pub(crate) tunables: Vec<String>,
    /// The seconds after which a leader that is silent is replaced (`leader timeout` of ctdb.conf(5)).
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) leader_timeout: Option<u32>,
    /// An option of ctdb's event scripts (ctdb-script.options(5)); may be given several times.
    #[arg(long = "script-option", value_name = "NAME=VALUE")]
    pub(crate) script_options: Vec<String>,
    /// ctdb neither starts smbd nor watches it: somebody else does.
    #[arg(long)]
    pub(crate) no_samba: bool,
    /// ctdb starts and watches winbindd, too, as members of a domain need it.
    #[arg(long)]
    pub(crate) winbind: bool,
    /// Use the databases again that a former cluster has left on the nodes.
    #[arg(long)]
    pub(crate) keep_databases: bool,
    /// Check everything, say what is wrong, and change nothing.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Adopt {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) machines: Machines,
    /// The name by which clients know the cluster [default: what its nodes say].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The folder that all nodes share [default: that of the cluster lock].
    #[arg(long, value_name = "DIR")]
    pub(crate) shared: Option<PathBuf>,
    /// Addresses from which further ones may be taken later; may be given several times.
    #[arg(long = "vip-pool", value_name = "FIRST-LAST/PREFIX[%INTERFACE]")]
    pub(crate) pools: Vec<String>,
    /// Addresses that a DHCP server gives away; may be given several times.
    #[arg(long = "dhcp-range", value_name = "FIRST-LAST")]
    pub(crate) dhcp_ranges: Vec<String>,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AddNode {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The machine with its private address, such as n4=10.0.0.14. The address of a name alone is looked up.
    #[arg(value_name = "NODE=ADDRESS")]
    pub(crate) node: String,
    /// The way to it: ssh:USER@HOST:PORT, ct:N, vm:N, lxc:NAME, pid:N or local. Without it, local where the
    /// address is one of this machine, and ssh:root@NODE otherwise.
    #[arg(long, value_name = "WAY")]
    pub(crate) reach: Option<String>,
    /// Check everything, say what is wrong, and change nothing.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveNode {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The node.
    pub(crate) node: NodeName,
}

#[derive(Debug, Args)]
pub(crate) struct Teardown {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Leave the databases that the nodes shared (users, secrets, shares in the registry) in /var/lib/ctdb.
    #[arg(long)]
    pub(crate) keep_databases: bool,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    #[command(flatten)]
    pub(crate) place: Place,
    /// A node that is lost for good: what was done there is not undone, and nobody waits for it; may be
    /// given several times.
    #[arg(long = "without", value_name = "NODE")]
    pub(crate) given_up: Vec<NodeName>,
}

pub(crate) const SETUP_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ha-setup --nodes pve1=10.0.0.11,pve2=10.0.0.12,pve3=10.0.0.13 \\
    --shared /mnt/pve/cephfs/smb --vip 10.0.0.100/24%vmbr0 --check
  pve-smbgateway ha-setup --nodes gw1=10.0.0.21,gw2=10.0.0.22 --reach gw1=ct:121 \\
    --reach gw2=ssh:root@gw2 --shared /srv/shared --vip 10.0.0.100/24 --failover-within 10s
  pve-smbgateway ha-setup --nodes pve1,pve2,pve3 --shared /mnt/pve/cephfs/smb \\
    --vip-pool 10.0.0.100-10.0.0.120/24%vmbr0 --vip auto --vip auto --check";

pub(crate) const ADOPT_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ha-adopt --nodes pve1=10.0.0.11,pve2=10.0.0.12
  pve-smbgateway ha-adopt --nodes pve1=10.0.0.11,pve2=10.0.0.12 --shared /mnt/pve/cephfs/smb --yes";

pub(crate) const ADD_NODE_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ha-add-node pve4=10.0.0.14 --check
  pve-smbgateway ha-add-node gw3=10.0.0.23 --reach ct:123";

pub(crate) const TEARDOWN_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ha-teardown
  pve-smbgateway ha-teardown --keep-databases --yes";

pub(crate) const RECOVER_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ha-recover
  pve-smbgateway ha-recover --without pve3";
