//! `ha-…`: the cluster that this machine is a node of.

use std::net::IpAddr;

use clap::Args;
use smbgw_core::host::Reach;
use smbgw_ctdb::address::VirtualAddress;
use smbgw_ctdb::conflict::Pace;
use smbgw_ctdb::events::What;
use smbgw_ctdb::node::NodeName;

/// Where the cluster is managed from.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Manage the cluster from this node, instead of from the machine that this program runs on: ssh:root@n1,
    /// ct:105, pid:1234.
    #[arg(
        long = "host",
        id = "node_host",
        value_name = "WAY",
        conflicts_with = "root"
    )]
    pub(crate) host: Option<Reach>,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) place: Place,
    /// A share: say also on which nodes it is, and whether its place is one that all of them see.
    pub(crate) share: Option<String>,
    /// Ask the ctdbd of this machine alone, and go to no other node.
    #[arg(long)]
    pub(crate) here: bool,
    /// Look again and again, so many seconds apart, until it is ended.
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "2",
        value_parser = clap::value_parser!(u32).range(1..=86_400)
    )]
    pub(crate) watch: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) place: Place,
    /// A node that goes away, by its name or number; may be given several times.
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub(crate) without: Vec<NodeName>,
    /// A node that is healthy then; may be given several times.
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub(crate) with: Vec<NodeName>,
}

#[derive(Debug, Args)]
pub(crate) struct Probe {
    #[command(flatten)]
    pub(crate) place: Place,
    /// An address with the length of its prefix, such as 10.0.0.100/24%eth0; the interface may be left out
    /// where one has an address of that network.
    #[arg(required = true, value_name = "ADDRESS/PREFIX[%INTERFACE]")]
    pub(crate) addresses: Vec<VirtualAddress>,
    /// How patiently to ask: `thorough` as RFC 5227 says (4 to 7 seconds), or `quick` (within a second).
    #[arg(long, value_name = "PACE", default_value_t)]
    pub(crate) pace: Pace,
}

#[derive(Debug, Args)]
pub(crate) struct Events {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Only what happened since then: 2026-01-31, 2026-01-31T12:00 (UTC), or 2h, 3d ago.
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Only what happened until then.
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,
    /// Only what happened to this node, or went from it or to it.
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Option<NodeName>,
    /// Only what happened to this address.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) address: Option<IpAddr>,
    /// Only things of this kind, such as node-state or address-moved; may be given several times.
    #[arg(long, value_name = "KIND", value_parser = what)]
    pub(crate) what: Vec<What>,
    /// Only so many of the last ones.
    #[arg(long, value_name = "COUNT")]
    pub(crate) last: Option<usize>,
    /// Read the log of this machine alone.
    #[arg(long)]
    pub(crate) here: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Notify {
    /// The name of this node.
    #[arg(long, value_name = "NODE")]
    pub(crate) node: NodeName,
    /// What ctdb says: init, setup, startup, unhealthy or healthy.
    pub(crate) event: String,
}

fn what(text: &str) -> Result<What, String> {
    let known = What::ALL.into_iter().find(|what| what.as_str() == text);
    known.ok_or_else(|| {
        let names = What::ALL.map(What::as_str);
        format!("it is one of {}", names.join(", "))
    })
}

pub(crate) const STATUS_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ha-status
  pve-smbgateway ha-status media --json
  pve-smbgateway ha-status --watch 5";

pub(crate) const PLAN_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ha-plan --without pve2
  pve-smbgateway ha-plan --without pve1,pve2 --with pve3 --json";

pub(crate) const PROBE_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ha-probe 10.0.0.100/24%eth0
  pve-smbgateway ha-probe 10.0.0.100/24 fd00::100/64 --pace quick --json";

pub(crate) const EVENTS_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ha-events --since 2d
  pve-smbgateway ha-events --what address-moved --address 10.0.0.100
  pve-smbgateway ha-events --node pve2 --last 20 --json";
