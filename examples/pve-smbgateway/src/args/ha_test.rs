//! `ha-test`: a node is broken on purpose, and what clients see of it is measured.

use std::path::PathBuf;

use clap::Args;
use smbgw_ctdb::drill::Scenario;

use super::domain::PasswordSource;
use super::ha::Place;

#[derive(Debug, Args)]
pub(crate) struct Test {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The nodes to break, one a round; may be given several times.
    #[arg(long, value_name = "NODE", value_delimiter = ',', required = true)]
    pub(crate) nodes: Vec<String>,
    /// The address that the clients use, such as 10.0.0.100. It is moved to the node that is about to be broken.
    #[arg(long = "vip", value_name = "ADDRESS")]
    pub(crate) address: String,
    /// The share that the clients work in; they write into its root, and remove what they wrote.
    #[arg(long, value_name = "SHARE")]
    pub(crate) share: String,
    /// As whom the clients log in: alice, or DOMAIN\\alice.
    #[arg(long, value_name = "USER")]
    pub(crate) user: String,
    #[command(flatten)]
    pub(crate) password: PasswordSource,
    /// How the nodes are broken: disable, kill, hang, cut or poweroff-sim.
    #[arg(long, value_name = "SCENARIO", default_value_t = Scenario::Disable)]
    pub(crate) scenario: Scenario,
    /// How many rounds there are.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) count: u32,
    /// How many clients write and read; one more holds a file open.
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=32))]
    pub(crate) clients: u32,
    /// How long the clients work before a node is broken.
    #[arg(long, value_name = "SECONDS", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) warm_up: u32,
    /// Write a picture of the rounds to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Do it though clients are connected to the address, or the address is one of the cluster's record.
    #[arg(long)]
    pub(crate) yes: bool,
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  pve-smbgateway ha-test --nodes pve2 --vip 10.0.0.100 --share media --user alice --yes
  pve-smbgateway ha-test --nodes pve1,pve2 --vip 10.0.0.100 --share media --user alice \\
    --scenario poweroff-sim --count 4 --svg drill.svg --password-file secret --yes

The password is asked for on a terminal. Otherwise it is the first line of standard input, of
--password-file or of --password-fd. It is never an argument.";
