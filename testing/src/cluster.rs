//! A real CTDB cluster: daemons on hosts of their own, a folder they share, virtual addresses.
//!
//! ```no_run
//! use smbgw_testing::{Capability, Cluster, cluster::Settings, require, run};
//!
//! require!(Capability::Ctdb, Capability::Samba);
//! let cluster = Cluster::start(3, Settings::default()).unwrap();
//! cluster.add_user("alice").unwrap();
//!
//! // A client, and a file by one of the virtual addresses, wherever that is.
//! let client = cluster.client("cl").unwrap();
//! let address = cluster.addresses()[0];
//! cluster.smbclient(&client, address, "alice", "put /etc/hostname name").unwrap();
//!
//! // The node that has it goes away without a word, and another one takes it over.
//! let holder = cluster.status().unwrap().addresses[&address].unwrap();
//! cluster.node(holder).power_off().unwrap();
//! cluster
//!     .wait_for("the address to move", |status| {
//!         status.addresses[&address].is_some_and(|now| now != holder)
//!     })
//!     .unwrap();
//! ```
//!
//! The nodes are `n0`, `n1`, … at 10.99.0.31 and on, each a [`LightHost`] with `ctdbd` as Debian ships it,
//! on one [`Network`]. The virtual addresses are 10.99.0.61 and on, on `eth0`. All nodes see one folder
//! of the machine as `/srv/shared`: so a cluster lock by `fcntl` works, as it would on a cluster
//! filesystem. Clustered smbd serves the share `data` from it.
//!
//! Everything ends with the value, or with the test process in whatever way that ends; the folder of a
//! test that was killed is removed by the next one.

mod node;
mod proof;
mod shared_folder;
mod status;

use std::net::IpAddr;

use crate::{Error, LightHost, Network, Result, run};

pub use node::Node;
pub(crate) use proof::available;
use shared_folder::SharedFolder;
pub use status::{NodeStatus, Status};

/// The number of the first node in its address, and of the first virtual address.
const FIRST_NODE: u8 = 31;
const FIRST_VIRTUAL: u8 = 61;

/// How many nodes, and how many virtual addresses, there can be.
const MOST: usize = 30;

/// How a cluster is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many virtual addresses there are, at most 30. Every node may have every one.
    pub addresses: usize,
    /// What `ctdb.tunables` says: names and values (ctdb-tunables(7)).
    pub tunables: Vec<(String, u32)>,
    /// `leader timeout` of `ctdb.conf`, in seconds; nothing leaves it as it is.
    pub leader_timeout: Option<u32>,
    /// `cluster lock` of `ctdb.conf`; nothing is the file [`Cluster::LOCK`].
    pub cluster_lock: Option<String>,
    /// Whether smbd runs on every node.
    pub file_server: bool,
}

impl Default for Settings {
    /// Three virtual addresses, smbd, and the pace at which a cluster is up soonest and notices a loss
    /// in seconds.
    fn default() -> Settings {
        let quick = [
            ("KeepaliveInterval", 1),
            ("KeepaliveLimit", 3),
            ("ElectionTimeout", 1),
            ("RerecoveryTimeout", 0),
            ("MonitorInterval", 2),
        ];
        Settings {
            tunables: quick.map(|(name, value)| (name.to_owned(), value)).into(),
            // With one second no leader is ever settled on.
            leader_timeout: Some(2),
            ..Settings::stock()
        }
    }
}

impl Settings {
    /// Three virtual addresses, smbd, and ctdb's own pace: half a minute until a silent node is
    /// noticed.
    pub fn stock() -> Settings {
        Settings {
            addresses: 3,
            tunables: Vec::new(),
            leader_timeout: None,
            cluster_lock: None,
            file_server: true,
        }
    }
}

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    /// End before what they stand on.
    nodes: Vec<Node>,
    settings: Settings,
    shared: SharedFolder,
    network: Network,
}

impl Cluster {
    /// The password of every user that [`Cluster::add_user`] makes.
    pub const PASSWORD: &'static str = "Passw0rd.1";
    /// The folder that all nodes share.
    pub const SHARED: &'static str = "/srv/shared";
    /// The share's folder in it, where everybody may write.
    pub const DATA: &'static str = "/srv/shared/data";
    /// The file of the cluster lock.
    pub const LOCK: &'static str = "/srv/shared/.ctdb/lock";

    /// Starts a cluster, and waits until all nodes are healthy, have all addresses, and serve. An
    /// address may move once more, as ctdb spreads them when the last node is healthy.
    ///
    /// # Panics
    /// With no node, or more than 30 nodes or virtual addresses.
    pub fn start(nodes: usize, settings: Settings) -> Result<Cluster> {
        let cluster = Cluster::hosts(nodes, settings)?;
        cluster.shared.add_folder_of_lock()?;
        for node in &cluster.nodes {
            node.configure(&cluster.node_addresses(), &cluster.settings)?;
            node.launch()?;
        }
        cluster.wait_until_healthy()?;
        if cluster.settings.file_server {
            cluster.nodes.iter().try_for_each(Node::serve)?;
        }
        Ok(cluster)
    }

    /// The hosts of a cluster with the shared folder and the network, on which ctdb is as it was
    /// installed: nothing is configured and nothing runs.
    ///
    /// # Panics
    /// As for [`Cluster::start`].
    pub fn hosts(nodes: usize, settings: Settings) -> Result<Cluster> {
        assert!(
            (1..=MOST).contains(&nodes) && settings.addresses <= MOST,
            "a cluster of {nodes} nodes and {} addresses",
            settings.addresses
        );
        let network = Network::start()?;
        let shared = SharedFolder::new()?;
        let nodes = (0..nodes)
            .map(|number| Node::start(&network, number, &shared, settings.file_server))
            .collect::<Result<Vec<_>>>()?;
        Ok(Cluster {
            nodes,
            settings,
            shared,
            network,
        })
    }

    /// The network all is on.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The node with this number.
    ///
    /// # Panics
    /// When there is none.
    pub fn node(&self, number: usize) -> &Node {
        &self.nodes[number]
    }

    /// All nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The virtual addresses.
    pub fn addresses(&self) -> Vec<IpAddr> {
        numbered(FIRST_VIRTUAL, self.settings.addresses)
    }

    /// The nodes' own addresses, by which they talk to each other.
    pub fn node_addresses(&self) -> Vec<IpAddr> {
        numbered(FIRST_NODE, self.nodes.len())
    }

    /// The shared folder as the machine has it.
    pub fn shared(&self) -> &std::path::Path {
        self.shared.path()
    }

    /// Starts a host on the same network that is no node, for clients.
    pub fn client(&self, name: &str) -> Result<LightHost> {
        LightHost::on(&self.network, name, self.network.free())
    }

    /// Adds a user to every node and to Samba, with [`Cluster::PASSWORD`].
    pub fn add_user(&self, name: &str) -> Result<()> {
        for node in &self.nodes {
            node.add_unix_user(name)?;
        }
        // Samba's part is in a database that all nodes share.
        self.node(0).set_samba_password(name, Cluster::PASSWORD)
    }

    /// Runs commands of smbclient on `client` in the share `data` by the address `address`, and
    /// returns what it says. `user` is one of [`Cluster::add_user`].
    pub fn smbclient(
        &self,
        client: &LightHost,
        address: IpAddr,
        user: &str,
        commands: &str,
    ) -> Result<String> {
        run(client
            .command("smbclient")
            .arg(format!("//{address}/data"))
            .args(["-U", &format!("{user}%{}", Cluster::PASSWORD)])
            // Seconds to wait for an answer.
            .args(["-t", "5", "-c", commands]))
    }

    /// How the cluster stands, as the first node sees it that answers and was not cut off.
    pub fn status(&self) -> Result<Status> {
        self.ask(Node::status)
    }

    /// The number of the leader, as the first node sees it that answers and was not cut off.
    pub fn leader(&self) -> Result<usize> {
        self.ask(Node::leader)
    }

    fn ask<T>(&self, question: impl Fn(&Node) -> Result<T>) -> Result<T> {
        let mut last = None;
        for node in self.nodes.iter().filter(|node| node.is_in_touch()) {
            match question(node) {
                Ok(answer) => return Ok(answer),
                Err(error) => last = Some(error),
            }
        }
        let last = last.map(|error| format!(": {error}")).unwrap_or_default();
        Err(Error::new(format!("no node answers{last}")))
    }

    /// Waits until the cluster's [`status`](Cluster::status) is as `wanted` says, and returns it.
    ///
    /// `what` names what is waited for; with it, the last status and the logs are in the error.
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&Status) -> bool) -> Result<Status> {
        status::wait_for(what, || self.status(), wanted).map_err(|error| self.with_logs(error))
    }

    /// Waits until every node sees every node healthy, and all virtual addresses are on nodes.
    pub fn wait_until_healthy(&self) -> Result<()> {
        for node in &self.nodes {
            let what = format!("{} to see a healthy cluster", node.name());
            status::wait_for(&what, || node.status(), Status::is_healthy)
                .map_err(|error| self.with_logs(error))?;
        }
        Ok(())
    }

    fn with_logs(&self, error: Error) -> Error {
        Error::new(format!("{error}\n{}", self.logs()))
    }

    /// What the nodes' daemons wrote to their logs.
    pub fn logs(&self) -> String {
        let log = |node: &Node| format!("--- {}\n{}", node.name(), node.log());
        self.nodes.iter().map(log).collect()
    }
}

/// The address of IPv4 with the number `first`, and those that follow.
fn numbered(first: u8, count: usize) -> Vec<IpAddr> {
    let numbers = (first..).take(count);
    numbers
        .filter_map(|number| Network::addresses(number).v4().map(IpAddr::from))
        .collect()
}
