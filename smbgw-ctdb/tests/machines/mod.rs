//! Machines that a cluster is made of, and what they are like before and after.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod picture;
pub(crate) mod victim;

use std::net::IpAddr;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;
use smbgw_core::host::{NamespaceHost, Reach};
use smbgw_core::progress::{Progress, Silent};
use smbgw_ctdb::cluster_error::ClusterError;
use smbgw_ctdb::ctl::Ctl;
use smbgw_ctdb::node::{Member, NodeSpec};
use smbgw_ctdb::outcome::Outcome;
use smbgw_ctdb::record::{ClusterRecord, Managed};
use smbgw_ctdb::recover::{Recovered, recover};
use smbgw_ctdb::setup::{SetupRequest, setup};
use smbgw_ctdb::world::Cluster;
use smbgw_testing::Picture;
use smbgw_testing::cluster::Settings;
use smbgw_testing::{Cluster as LabCluster, LightHost, run, wait_until};

use picture::take_picture;

/// What an administrator's `smb.conf` may look like before, on every machine.
pub(crate) const STOCK: &str = "[global]\n\tdisable netbios = yes\n\tdisable spoolss = yes\n\
    \tload printers = no\n[data]\n\tpath = /srv/shared/data\n\tread only = no\n";

/// Machines on which nothing of a cluster is configured.
pub(crate) struct Machines {
    pub(crate) lab: LabCluster,
    pub(crate) hosts: Vec<NamespaceHost>,
    pub(crate) specs: Vec<NodeSpec>,
    before: Vec<Picture>,
}

impl Machines {
    pub(crate) fn start(count: usize) -> Self {
        let lab = LabCluster::hosts(count, Settings::default()).unwrap();
        for node in lab.nodes() {
            node.write("/etc/samba/smb.conf", STOCK).unwrap();
        }
        let hosts: Vec<_> = lab
            .nodes()
            .iter()
            .map(|node| NamespaceHost::of_process(node.name(), node.pid()).unwrap())
            .collect();
        let specs = lab
            .nodes()
            .iter()
            .zip(lab.node_addresses())
            .map(|(node, address)| NodeSpec {
                name: node.name().parse().unwrap(),
                address,
                reach: Reach::Process(node.pid()),
            })
            .collect();
        let mut machines = Self {
            lab,
            hosts,
            specs,
            before: Vec::new(),
        };
        machines.begin_here();
        machines
    }

    /// Machines of which the first `nodes` have become a cluster that serves a user, and a client of it.
    pub(crate) fn with_cluster(count: usize, nodes: usize) -> (Self, LightHost) {
        let mut machines = Self::start(count);
        machines.add_user();
        machines.begin_here();
        is_done(machines.setup(&machines.request(nodes)));
        machines.set_password();
        let client = machines.lab.client("cl").unwrap();
        machines.serve(&client);
        (machines, client)
    }

    /// Has what the test has prepared count as what was there before.
    pub(crate) fn begin_here(&mut self) {
        self.before = self
            .lab
            .nodes()
            .iter()
            .map(|node| take_picture(node))
            .collect();
    }

    pub(crate) fn members(&self) -> Vec<Member<'_>> {
        let pairs = self.specs.iter().zip(&self.hosts);
        pairs.map(|(spec, host)| Member { spec, host }).collect()
    }

    /// Does `work` with the nodes, run from the first of them.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&Cluster<'_>) -> T) -> T {
        self.with_progress(&Silent, work)
    }

    pub(crate) fn with_progress<T>(
        &self,
        progress: &dyn Progress,
        work: impl FnOnce(&Cluster<'_>) -> T,
    ) -> T {
        work(&Cluster {
            coordinator: &self.hosts[0],
            members: &self.members(),
            given_up: &[],
            progress,
            deadline: Deadline::after(Duration::from_secs(400)),
        })
    }

    /// A request for a cluster of the first `count` machines, at the pace of the lab.
    pub(crate) fn request(&self, count: usize) -> SetupRequest {
        request(self.specs[..count].to_vec(), &self.lab.addresses())
    }

    pub(crate) fn setup(&self, request: &SetupRequest) -> Result<Outcome, ClusterError> {
        self.with(|cluster| setup(cluster, request))
    }

    pub(crate) fn recover(&self) -> Option<Recovered> {
        let recovered = self.with(recover);
        recovered.unwrap_or_else(|error| panic!("{}", chain_text(&error)))
    }

    pub(crate) fn record(&self, node: usize) -> Option<ClusterRecord> {
        ClusterRecord::load(&self.hosts[node]).unwrap()
    }

    /// The numbers of the nodes as one of them sees them.
    pub(crate) fn numbers(&self, node: usize) -> Vec<u32> {
        let deadline = Deadline::after(Duration::from_secs(60));
        let nodes = Ctl::new(&self.hosts[node], deadline).nodes().unwrap();
        nodes.iter().map(|state| state.pnn).collect()
    }

    /// How a machine is set up and what runs there: all but databases, events and addresses, which change in
    /// a cluster that is left alone.
    pub(crate) fn settings(&self, node: usize) -> Picture {
        let mut picture = take_picture(self.lab.node(node));
        for changing in [
            "/var/lib/ctdb",
            "/var/lib/smbgw/cluster-events",
            "addresses",
        ] {
            picture.forget(changing);
        }
        picture
    }

    /// Fails unless a machine is what it was before, and nothing of a cluster runs on it.
    #[track_caller]
    pub(crate) fn is_as_it_was(&self, node: usize, when: &str) {
        let now = take_picture(self.lab.node(node));
        self.before[node].assert_same(&now, &format!("{when}: {}", self.specs[node].name));
    }

    /// The same, but for what is in a folder.
    #[track_caller]
    pub(crate) fn is_as_it_was_but_for(&self, folder: &str, node: usize, when: &str) {
        let mut now = take_picture(self.lab.node(node));
        let mut before = self.before[node].clone();
        now.forget(folder);
        before.forget(folder);
        before.assert_same(&now, &format!("{when}: {}", self.specs[node].name));
    }

    #[track_caller]
    pub(crate) fn are_as_they_were(&self, when: &str) {
        for node in 0..self.specs.len() {
            self.is_as_it_was(node, when);
        }
    }

    /// Reads and writes a file by each virtual address.
    #[track_caller]
    pub(crate) fn serve(&self, client: &LightHost) {
        for address in self.lab.addresses() {
            self.serves_by(client, address);
        }
    }

    #[track_caller]
    pub(crate) fn serves_by(&self, client: &LightHost, address: IpAddr) {
        let mut last = String::new();
        let said = wait_until(Duration::from_secs(90), "a file by an address", || {
            self.lab
                .smbclient(
                    client,
                    address,
                    "alice",
                    "put /etc/hostname name; get name -",
                )
                .map_err(|error| last = error.to_string())
                .ok()
        });
        let said = said.unwrap_or_else(|error| panic!("{error}: {last}"));
        assert!(said.contains(client.name()), "{said}");
    }

    /// Makes the user that [`serve`](Self::serve) logs in as.
    pub(crate) fn add_user(&self) {
        for node in self.lab.nodes() {
            let shell = ["--no-create-home", "--shell", "/usr/sbin/nologin"];
            run(node.command("useradd").args(shell).arg("alice")).unwrap();
        }
    }

    /// Tells clustered Samba the password of that user.
    pub(crate) fn set_password(&self) {
        let mut smbpasswd = self.lab.node(0).command("smbpasswd");
        smbpasswd.args(["-s", "-a", "alice"]);
        let password = LabCluster::PASSWORD;
        let twice = format!("{password}\n{password}\n");
        smbgw_testing::process::run_with(&mut smbpasswd, twice.as_bytes()).unwrap();
    }
}

/// A request for a cluster at the pace of the lab.
pub(crate) fn request(nodes: Vec<NodeSpec>, addresses: &[IpAddr]) -> SetupRequest {
    let settings = Settings::default();
    SetupRequest {
        addresses: addresses
            .iter()
            .map(|address| format!("{address}/24%eth0").parse().unwrap())
            .collect(),
        tunables: settings.tunables,
        leader_timeout_seconds: settings.leader_timeout,
        managed: Managed {
            samba: false,
            winbind: false,
        },
        ..SetupRequest::new("CLUSTER", nodes, LabCluster::SHARED)
    }
}

#[track_caller]
pub(crate) fn is_done(outcome: Result<Outcome, ClusterError>) -> smbgw_ctdb::outcome::Report {
    match outcome {
        Ok(Outcome::Done(report)) => report,
        Ok(other) => panic!("{other:#?}"),
        Err(error) => panic!("{}", chain_text(&error)),
    }
}
