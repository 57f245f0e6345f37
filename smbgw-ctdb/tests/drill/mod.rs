//! A real cluster with a client beside it, and drills on it.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Host, NamespaceHost};
use smbgw_core::lifecycle::Outcome;
use smbgw_core::progress::Silent;
use smbgw_ctdb::announce;
use smbgw_ctdb::cluster_lock::{self, ClusterLock};
use smbgw_ctdb::drill::{self, DrillError, Report, Request, Scenario};
use smbgw_ctdb::node::{Member, NodeSpec};
use smbgw_ctdb::objective::Tunables;
use smbgw_ctdb::smb::Login;
use smbgw_ctdb::world;
use smbgw_testing::cluster::Settings;
use smbgw_testing::{Cluster, LightHost, run};

/// The user that the drills log in as.
const USER: &str = "alice";

/// A cluster that is drilled, and the host of the client.
pub(crate) struct Field {
    pub(crate) cluster: Cluster,
    pub(crate) client: LightHost,
    pub(crate) reached: Reached,
}

/// The hosts of a field, by their processes.
pub(crate) struct Reached {
    pub(crate) coordinator: NamespaceHost,
    hosts: Vec<NamespaceHost>,
    specs: Vec<NodeSpec>,
}

/// The lock of a cluster as set-up makes it, with the program that lets go of it in a place that all hosts see.
fn lock(tunables: &Tunables) -> String {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("smbgw-lock");
    // Tests that run at once write the same.
    let fresh = program.with_extension(std::process::id().to_string());
    std::fs::write(&fresh, cluster_lock::lock_program()).unwrap();
    std::fs::rename(fresh, &program).unwrap();
    let lock: ClusterLock = Cluster::LOCK.parse().unwrap();
    let setting = lock.bound_setting(tunables.lock_milliseconds());
    setting.replace(cluster_lock::LOCK_PROGRAM, program.to_str().unwrap())
}

/// The settings of a cluster with these tunables.
pub(crate) fn settings(tunables: &Tunables) -> Settings {
    let pairs = tunables.pairs().into_iter();
    Settings {
        tunables: pairs
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        leader_timeout: Some(tunables.leader_timeout),
        cluster_lock: Some(lock(tunables)),
        ..Settings::stock()
    }
}

pub(crate) fn login() -> Login {
    Login {
        user: USER.into(),
        domain: String::new(),
        password: Cluster::PASSWORD.to_owned().into(),
    }
}

impl Field {
    pub(crate) fn start(nodes: usize, settings: Settings) -> Field {
        let cluster = Cluster::start(nodes, settings).unwrap();
        for node in cluster.nodes() {
            // As set-up does.
            node.write(announce::PATH, announce::CONTENT).unwrap();
            let mode = format!("{:o}", announce::MODE);
            run(node.command("chmod").args([&mode, announce::PATH])).unwrap();
        }
        cluster.add_user(USER).unwrap();
        let client = cluster.client("cl").unwrap();
        let pids: Vec<u32> = cluster.nodes().iter().map(|node| node.pid()).collect();
        let reached = Reached::of(client.pid(), &pids);
        Field {
            cluster,
            client,
            reached,
        }
    }

    /// Has a drill run by the client.
    pub(crate) fn drill(&self, request: &Request<'_>) -> Result<Outcome<Report>, DrillError> {
        self.client
            .on_its_network(|| self.reached.work(|cluster| drill::run(cluster, request)))
    }

    /// What a drill that was done has found.
    pub(crate) fn report(&self, request: &Request<'_>) -> Report {
        match self.drill(request) {
            Ok(Outcome::Done(report)) => report,
            other => panic!("{}: {other:?}\n{}", request.scenario, self.cluster.logs()),
        }
    }

    /// A node that does not lead.
    pub(crate) fn follower(&self) -> usize {
        let leader = self.cluster.leader().unwrap();
        (leader + 1) % self.cluster.nodes().len()
    }
}

impl Reached {
    /// The hosts that these processes are in.
    pub(crate) fn of(client: u32, nodes: &[u32]) -> Reached {
        let host = |name: &str, pid: u32| NamespaceHost::of_process(name, pid).unwrap();
        let specs = (0..).zip(nodes).map(|(number, pid)| NodeSpec {
            name: name(number),
            address: IpAddr::from([10, 99, 0, 31 + number as u8]),
            reach: format!("pid:{pid}").parse().unwrap(),
        });
        Reached {
            coordinator: host("cl", client),
            hosts: (0..)
                .zip(nodes)
                .map(|(number, pid)| host(name(number).as_str(), *pid))
                .collect(),
            specs: specs.collect(),
        }
    }

    pub(crate) fn work<T>(&self, work: impl FnOnce(&world::Cluster<'_>) -> T) -> T {
        let each = self.specs.iter().zip(&self.hosts);
        let members: Vec<Member<'_>> = each
            .map(|(spec, host)| Member {
                spec,
                host: host as &dyn Host,
            })
            .collect();
        work(&world::Cluster {
            coordinator: &self.coordinator,
            members: &members,
            given_up: &[],
            progress: &Silent,
            deadline: Deadline::after(Duration::from_secs(1_200)),
        })
    }
}

pub(crate) fn name(number: usize) -> smbgw_ctdb::node::NodeName {
    format!("n{number}").parse().unwrap()
}

/// What is asked of a drill if nothing else is: one round with one client, on an address that nobody else uses.
pub(crate) fn request<'a>(
    login: &'a Login,
    address: IpAddr,
    scenario: Scenario,
    nodes: &[usize],
) -> Request<'a> {
    Request {
        nodes: nodes.iter().map(|number| name(*number)).collect(),
        address,
        scenario,
        count: 1,
        share: "data".parse().unwrap(),
        login,
        clients: 1,
        warm_up: Duration::from_secs(1),
        yes: false,
    }
}
