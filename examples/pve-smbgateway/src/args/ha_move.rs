//! `ha-…` that move and keep addresses.

use std::net::IpAddr;

use clap::Args;
use smbgw_ctdb::address::Pool;
use smbgw_ctdb::allocate::Wanted;
use smbgw_ctdb::node::NodeName;

use super::ha::Place;

#[derive(Debug, Args)]
pub(crate) struct Move {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The address, such as 10.0.0.100.
    pub(crate) address: IpAddr,
    /// The node that gets it, by its name or number.
    pub(crate) node: NodeName,
}

#[derive(Debug, Args)]
pub(crate) struct Drain {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The node, by its name or number.
    pub(crate) node: NodeName,
    /// How long to wait until nobody is connected to it any more.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) patience: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The node, by its name or number.
    pub(crate) node: NodeName,
}

#[derive(Debug, Args)]
pub(crate) struct Reserve {
    #[command(flatten)]
    pub(crate) place: Place,
    /// For whom it is kept, such as 'share media'.
    pub(crate) holder: String,
    /// Keep this address, such as 10.0.0.101/24; or `auto`: a free one from the pools of the cluster, or one of
    /// its addresses that nobody keeps [default: auto].
    #[arg(
        long,
        visible_alias = "vip",
        value_name = "ADDRESS/PREFIX[%INTERFACE]|auto",
        conflicts_with = "pool"
    )]
    pub(crate) address: Option<Wanted>,
    /// Keep a free one of these, such as 10.0.0.100-10.0.0.120/24.
    #[arg(long, value_name = "FIRST-LAST/PREFIX[%INTERFACE]")]
    pub(crate) pool: Option<Pool>,
    /// The nodes that may have the address; all if none is given.
    #[arg(
        long,
        value_name = "NODE,…",
        value_delimiter = ',',
        conflicts_with = "keep_only"
    )]
    pub(crate) on: Vec<NodeName>,
    /// Only keep the address: the cluster does not serve under it.
    #[arg(long)]
    pub(crate) keep_only: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Release {
    #[command(flatten)]
    pub(crate) place: Place,
    /// For whom it was kept.
    pub(crate) holder: String,
    /// Have the cluster go on to serve under an address that was brought to it by keeping it.
    #[arg(long)]
    pub(crate) keep_serving: bool,
}

pub(crate) const MOVE_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ha-move 10.0.0.100 pve2";

pub(crate) const DRAIN_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ha-drain pve2 --patience 300
  pve-smbgateway ha-resume pve2";

pub(crate) const RESERVE_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ha-reserve 'share media'
  pve-smbgateway ha-reserve 'share media' --vip 10.0.0.101/24%eth0 --on pve1,pve2
  pve-smbgateway ha-release 'share media'";
