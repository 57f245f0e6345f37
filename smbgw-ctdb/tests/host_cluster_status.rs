//! How a cluster stands, in states that administrators and accidents bring it into.

use std::path::Path;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::host::{Host, NamespaceHost};
use smbgw_core::testing::{Faults, FaultyHost};
use smbgw_ctdb::ctl::Ctl;
use smbgw_ctdb::node::{Member, NodeSpec};
use smbgw_ctdb::status::{
    ClusterStatus, NodeState, ScriptOutcome, Severity, Subject, Watch, read, read_one,
};
use smbgw_testing::cluster::Settings;
use smbgw_testing::{Capability, Cluster, require, run, wait_until};

mod watched;

/// How long a cluster may take to become what is waited for, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const SOCKET: &str = "/run/ctdb/ctdbd.socket";

/// An event script that fails as long as a file is there.
const SCRIPT: &str = "/etc/ctdb/events/legacy/99.fail.script";
const FAILING: &str = "#!/bin/sh\n[ \"$1\" = monitor ] || exit 0\n[ -e /run/fail ] || exit 0\n\
                       echo 'the disk | is full'; exit 1\n";

struct Lab {
    cluster: Cluster,
    hosts: Vec<NamespaceHost>,
    specs: Vec<NodeSpec>,
}

impl Lab {
    fn start() -> Self {
        let settings = Settings {
            file_server: false,
            ..Settings::default()
        };
        let cluster = Cluster::start(3, settings).unwrap();
        let hosts = cluster.nodes().iter();
        let hosts = hosts.map(|node| NamespaceHost::of_process(node.name(), node.pid()).unwrap());
        Self {
            hosts: hosts.collect(),
            specs: watched::specs(&cluster),
            cluster,
        }
    }

    fn members(&self) -> Vec<Member<'_>> {
        let both = self.specs.iter().zip(&self.hosts);
        both.map(|(spec, host)| Member { spec, host }).collect()
    }

    /// Has `ctdb` on a node do something, however busy the machine is.
    fn tell(&self, number: usize, words: &[&str]) {
        let told = Ctl::new(&self.hosts[number], soon()).run(words.iter().copied());
        told.unwrap_or_else(|error| panic!("{words:?}: {error}"));
    }

    /// Waits until the cluster as all its nodes say is as `wanted` says.
    fn wait_for(&self, what: &str, wanted: impl Fn(&ClusterStatus) -> bool) -> ClusterStatus {
        let mut last = String::new();
        let found = wait_until(PATIENCE, what, || match read(&self.members(), soon()) {
            Ok(status) if wanted(&status) => Some(status),
            other => {
                last = format!("{other:#?}");
                None
            }
        });
        found.unwrap_or_else(|error| panic!("{error}: {last}\n{}", self.cluster.logs()))
    }

    /// Waits until the cluster has nothing to complain of.
    fn wait_until_well(&self) -> ClusterStatus {
        let status = self.wait_for("the cluster to be well", |status| {
            status.is_healthy() && status.findings.is_empty()
        });
        assert_eq!(status.nodes.len(), 3);
        status
    }

    /// Fails unless these nodes say the same by their sockets as by `ctdb`.
    fn compare(&self, state: &str, numbers: &[usize]) {
        let none = Faults::none();
        for number in numbers {
            let host = &self.hosts[*number];
            let far = FaultyHost::new(host, &none).reaching(Path::new(SOCKET), None);
            let look = |host: &dyn Host| without_times(read_one(host, soon()).unwrap());
            // A recovery in between is no difference.
            let both = wait_until(PATIENCE, &format!("{state} to last"), || {
                let before = look(host);
                let by_commands = look(&far);
                (before == look(host)).then_some((before, by_commands))
            });
            let (by_socket, by_commands) = both.unwrap();
            assert_eq!(by_socket, by_commands, "{state}, as node {number} sees it");
        }
    }
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// What does not depend on when it was asked for, and is said by both ways.
fn without_times(mut status: ClusterStatus) -> ClusterStatus {
    status.read_at_seconds = 0;
    for node in &mut status.nodes {
        node.lag_microseconds = node.lag_microseconds.map(|_| 0);
        // Seconds are cut off in one way, and rounded in another.
        node.started_at_seconds = node.started_at_seconds.map(|at| at / 100);
        if let Some(recovery) = &mut node.last_recovery {
            recovery.finished_at_seconds /= 100;
        }
        node.recovering_since_seconds = node.recovering_since_seconds.map(|_| 0);
        node.ban_seconds = None;
        for script in node.scripts.iter_mut().flatten() {
            script.duration_milliseconds = None;
        }
    }
    for finding in &mut status.findings {
        if finding.code == "ha.in-recovery" {
            finding.message.clear();
        }
    }
    status
}

/// The codes of what is found about a node.
fn about(status: &ClusterStatus, number: u32) -> Vec<&str> {
    let findings = status.findings.iter();
    let about = findings.filter(|finding| finding.about == Subject::Node(number));
    about.map(|finding| finding.code.as_str()).collect()
}

fn has(status: &ClusterStatus, code: &str) -> bool {
    status.findings.iter().any(|finding| finding.code == code)
}

#[test]
fn a_cluster_is_shown_in_every_state_as_ctdb_shows_it() {
    require!(Capability::Ctdb);
    let lab = Lab::start();
    let cluster = &lab.cluster;
    let all = [0, 1, 2];

    let status = lab.wait_until_well();
    assert_eq!(status.members, [0, 1, 2]);
    assert_eq!(status.cluster_lock.as_deref(), Some(Cluster::LOCK));
    assert_eq!(
        status.leader,
        Some(u32::try_from(cluster.leader().unwrap()).unwrap())
    );
    for (node, name) in status.nodes.iter().zip(["n0", "n1", "n2"]) {
        assert_eq!(node.name.as_ref().unwrap().as_str(), name);
        assert!(node.version.as_ref().unwrap().starts_with("4."));
        assert!(node.lag_microseconds.is_some() && node.last_recovery.is_some());
    }
    for address in &status.addresses {
        assert_eq!(address.seen_on, Some(address.claimed_by.clone()));
        assert_eq!(address.available_on, [0, 1, 2]);
    }
    lab.compare("health", &all);

    // What administrators do, and what follows from it.
    let mut watch = Watch::of_host(&lab.hosts[0]);
    let second = Duration::from_secs(1);
    let first = watch.next(second, soon()).unwrap().unwrap();
    assert!(first.is_healthy());
    lab.tell(1, &["disable"]);
    let changed = watch.next(second, soon()).unwrap().unwrap();
    assert!(changed.differs_from(&first));
    let status = lab.wait_for("node 1 to be disabled", |status| {
        about(status, 1) == ["ha.node-disabled"] && status.addresses_of(1).count() == 0
    });
    assert_eq!(status.nodes[1].states, [NodeState::Disabled]);
    assert_eq!(status.findings[0].severity, Severity::Notice);
    lab.compare("a disabled node", &all);
    lab.tell(1, &["enable"]);
    lab.wait_until_well();

    lab.tell(1, &["stop"]);
    let status = lab.wait_for("node 1 to be stopped", |status| {
        about(status, 1) == ["ha.node-stopped"] && status.members == [0, 2]
    });
    // It is not asked what it thinks of the others.
    assert!(!has(&status, "ha.in-recovery"));
    lab.compare("a stopped node", &all);
    lab.tell(1, &["continue"]);
    lab.wait_until_well();

    lab.tell(1, &["ban", "600"]);
    let status = lab.wait_for("node 1 to be banned", |status| {
        about(status, 1) == ["ha.node-banned"] && status.members == [0, 2]
    });
    assert_eq!(status.nodes[1].ban_seconds, Some(600));
    lab.compare("a banned node", &all);
    lab.tell(1, &["unban"]);
    lab.wait_until_well();

    // What breaks.
    cluster.node(2).write(SCRIPT, FAILING).unwrap();
    run(cluster.node(2).command("chmod").args(["755", SCRIPT])).unwrap();
    cluster.node(2).write("/run/fail", "").unwrap();
    let status = lab.wait_for("node 2 to be unhealthy", |status| {
        about(status, 2) == ["ha.node-unhealthy"]
    });
    let failed: Vec<_> = status.nodes[2].failed_scripts().collect();
    assert_eq!((failed.len(), failed[0].name.as_str()), (1, "99.fail"));
    assert_eq!(failed[0].outcome, ScriptOutcome::Error);
    assert_eq!(failed[0].output, "the disk | is full");
    let finding = &status.findings[0];
    assert!(
        finding
            .message
            .contains("99.fail error (the disk | is full)"),
        "{finding}"
    );
    lab.compare("an unhealthy node", &all);
    run(cluster.node(2).command("rm").args(["/run/fail"])).unwrap();
    lab.wait_until_well();

    // A leader that is cut off keeps the lock, and the others wait for it.
    let leader = lab.wait_until_well().leader;
    let lost = if leader == Some(2) { 1 } else { 2 };
    let rest = [0, 3 - lost];
    let number = u32::try_from(lost).unwrap();
    cluster.node(lost).pull_cable().unwrap();
    let status = lab.wait_for("the node to be missed", |status| {
        about(status, number).contains(&"ha.node-disconnected")
            && status.members == rest.map(|other| u32::try_from(other).unwrap())
    });
    // It thinks otherwise, and is not the one to be believed.
    assert_ne!(status.seen_by, number);
    assert!(!status.is_healthy());
    let alone = wait_until(PATIENCE, "the node to see itself alone", || {
        let status = read_one(&lab.hosts[lost], soon()).unwrap();
        has(&status, "ha.minority").then_some(status)
    });
    assert_eq!(alone.unwrap().seen_by, number);
    lab.compare("a cluster without a node", &rest);
    cluster.node(lost).plug_cable().unwrap();
    lab.wait_until_well();

    // Its addresses stay on its interface, and are taken over by others.
    let status = lab.wait_for("the node to have an address", |status| {
        status.is_healthy() && status.addresses_of(number).next().is_some()
    });
    let had: Vec<_> = status.addresses_of(number).collect();
    cluster.node(lost).crash().unwrap();
    let status = lab.wait_for("the addresses of the node to be on two nodes", |status| {
        has(status, "ha.address-on-two-nodes")
    });
    let finding = status
        .findings
        .iter()
        .find(|finding| finding.code == "ha.address-on-two-nodes");
    assert_eq!(finding.unwrap().about, Subject::Address(had[0]));
    assert_eq!(
        status
            .address(had[0])
            .unwrap()
            .seen_on
            .as_ref()
            .unwrap()
            .len(),
        2
    );
    let unseen = status.nodes[lost].unseen.as_ref().unwrap();
    assert!(unseen.contains("does not run"), "{unseen}");
    lab.compare("a cluster that lost a ctdbd", &rest);
    let error = read_one(&lab.hosts[lost], soon()).unwrap_err();
    assert_eq!(error.code(), "ha.daemon-not-running");
}
