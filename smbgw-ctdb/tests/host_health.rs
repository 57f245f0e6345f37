//! A real cluster watched while things in it fail.

mod watched;

use std::net::IpAddr;
use std::time::Duration;

use smbgw_core::alert::{Alert, AlertStore, Delivery, Kind, Pace, RuleBook, Severity};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_ctdb::events::{self, Filter, What};
use smbgw_ctdb::health::{self, Around, Duty, HealthState, Look, Settings, Watch};
use smbgw_ctdb::members::Members;
use smbgw_ctdb::node::NodeSpec;
use smbgw_testing::cluster::Node;
use smbgw_testing::{Capability, Cluster, cluster, require, run, wait_until};

/// How long things may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn deadline() -> Deadline {
    Deadline::after(PATIENCE)
}

/// As people have it who look often.
fn settings() -> Settings {
    Settings {
        bad_looks: 2,
        good_looks: 2,
        recoveries: 5,
        ..Settings::default()
    }
}

/// Who watches a cluster from its first node.
struct Watcher<'a> {
    members: &'a Members,
    own: &'a NodeSpec,
    state: HealthState,
}

impl Watcher<'_> {
    fn look(&mut self) -> Look {
        let around = Around {
            members: &self.members.reached(),
            unreached: &[],
            own: &self.own.name,
        };
        health::look(&around, &mut self.state, &settings(), deadline())
    }

    /// Looks until people are to believe something of `kind` about `subject`, and returns how bad that is.
    fn until_believed(&mut self, kind: Kind, subject: &str) -> (Severity, Look) {
        let mut last = None;
        wait_until(PATIENCE, "a trouble to be believed", || {
            let look = last.insert(self.look());
            let mut believed = look.believed.iter();
            let found = believed.find(|one| one.kind == kind && one.subject == subject)?;
            Some((found.severity, look.clone()))
        })
        .unwrap_or_else(|error| panic!("{error}: {kind} {subject}: {last:#?}"))
    }

    /// Looks until nothing of `kinds` is wrong any more.
    fn until_over(&mut self, kinds: &[Kind]) {
        let mut last = Vec::new();
        wait_until(PATIENCE, "a trouble to be over", || {
            last = self.look().believed;
            let over = last.iter().all(|one| !kinds.contains(&one.kind));
            over.then_some(())
        })
        .unwrap_or_else(|error| panic!("{error}: {last:#?}"));
    }
}

fn holder(cluster: &Cluster, address: IpAddr) -> usize {
    cluster.status().unwrap().addresses[&address].unwrap()
}

/// Adds a public address to the interface of a node, or takes it away, by hand.
fn by_hand(node: &Node, what: &str, address: IpAddr) {
    let mut ip = node.command("ip");
    ip.args(["address", what, &format!("{address}/24"), "dev", "eth0"]);
    run(&mut ip).unwrap();
}

/// Kills all of the smbd of a node.
fn kill_smbd(node: &Node) {
    let pids = run(node.command("pgrep").args(["-x", "smbd"])).unwrap();
    run(node
        .command("kill")
        .arg("-KILL")
        .args(pids.split_whitespace()))
    .unwrap();
    wait_until(PATIENCE, "the end of smbd", || {
        (!node.listens_on(445)).then_some(())
    })
    .unwrap();
}

/// Has what puts addresses right that were changed by hand hang on all nodes, or go on.
fn put_right(cluster: &Cluster, does: bool) {
    let signal = if does { "-CONT" } else { "-STOP" };
    for node in cluster.nodes() {
        let pids = run(node.command("pgrep").args(["-x", "ctdb_recover.*"])).unwrap();
        run(node
            .command("kill")
            .arg(signal)
            .args(pids.split_whitespace()))
        .unwrap();
    }
}

#[test]
fn what_fails_is_seen_and_believed_when_it_lasts() {
    require!(Capability::Ctdb, Capability::Samba);
    let cluster = Cluster::start(3, cluster::Settings::default()).unwrap();
    let specs = watched::specs(&cluster);
    let members = Members::open(&specs);
    let mut watcher = Watcher {
        members: &members,
        own: &specs[0],
        state: HealthState::default(),
    };

    // Nothing is wrong, and everything was looked at.
    let look = watcher.look();
    assert_eq!((&look.troubles[..], &look.believed[..]), (&[][..], &[][..]));
    assert!(look.unseen.is_empty(), "{:?}", look.unseen);
    assert_eq!(look.probes.len(), 9);
    assert!(
        look.probes.iter().all(|probe| probe.served),
        "{:#?}",
        look.probes
    );
    assert_eq!((look.tickles.len(), look.recoveries.len()), (9, 3));

    // smbd dies on a node that ctdb takes for healthy: its address is there and nobody serves.
    let address = cluster.addresses()[0];
    let subject = address.to_string();
    let node = cluster.node(holder(&cluster, address));
    kill_smbd(node);
    let first = watcher.look();
    assert!(
        first.troubles.iter().any(|one| one.subject == subject),
        "{:#?}",
        first.troubles
    );
    assert_eq!(first.believed, [], "one look is not enough");
    let (severity, look) = watcher.until_believed(Kind::ClusterService, &subject);
    assert_eq!(severity, Severity::Critical);
    let unserved = look.probes.iter().filter(|probe| !probe.served);
    assert_eq!(unserved.count(), 3, "{:#?}", look.probes);
    let smbd = node.start_smbd().unwrap();
    watcher.until_over(&[Kind::ClusterService]);

    // Somebody takes an address away that ctdb believes to be there. (It would be put right within a second.)
    put_right(&cluster, false);
    let address = cluster.addresses()[1];
    let subject = address.to_string();
    let (here, there) = {
        let here = holder(&cluster, address);
        (cluster.node(here), cluster.node((here + 1) % 3))
    };
    by_hand(here, "delete", address);
    for kind in [Kind::ClusterAddress, Kind::ClusterService] {
        let (severity, _) = watcher.until_believed(kind, &subject);
        assert_eq!(severity, Severity::Critical);
    }

    // Two nodes have one address: that is told at once.
    by_hand(here, "add", address);
    by_hand(there, "add", address);
    let look = watcher.look();
    let split = look
        .believed
        .iter()
        .find(|one| one.kind == Kind::ClusterSplit)
        .unwrap();
    assert_eq!(
        (split.severity, &split.subject),
        (Severity::Critical, &subject)
    );
    by_hand(there, "delete", address);
    put_right(&cluster, true);
    watcher.until_over(&[
        Kind::ClusterSplit,
        Kind::ClusterService,
        Kind::ClusterAddress,
    ]);

    // The cluster recovers again and again.
    for _ in 0..5 {
        cluster.node(0).ctdb(&["recover"]).unwrap();
    }
    let (severity, _) = watcher.until_believed(Kind::ClusterRecovery, "cluster");
    assert_eq!(severity, Severity::Warning);

    // A node is lost, and another one takes its address over.
    let lost = (holder(&cluster, cluster.addresses()[0]) + 1) % 3;
    let name = specs[lost].name.as_str();
    cluster.node(lost).power_off().unwrap();
    let (severity, _) = watcher.until_believed(Kind::ClusterNode, name);
    assert_eq!(severity, Severity::Warning);
    drop(smbd);
}

#[test]
fn one_node_tells_people_and_another_one_takes_that_over() {
    require!(Capability::Ctdb);
    let without_smbd = cluster::Settings {
        file_server: false,
        ..cluster::Settings::default()
    };
    let cluster = Cluster::start(3, without_smbd).unwrap();
    let specs = watched::specs(&cluster);
    let members = Members::open(&specs);
    let settings = Settings {
        bad_looks: 1,
        good_looks: 1,
        probe: false,
        ..settings()
    };
    let round = |node: usize| -> Duty {
        let host = members.reached()[node].host;
        let alerts = AlertStore::new(host);
        let opened = Delivery::open(host, &[], Pace::default(), deadline()).unwrap();
        let watch = Watch {
            host,
            own: &specs[node].name,
            members: &members,
            settings: &settings,
        };
        let rules = RuleBook::default();
        let duty = health::duty(&watch, &alerts, &rules, &opened.value, deadline());
        assert_eq!(duty.problems, [] as [&str; 0]);
        duty
    };
    let raised = |node: usize| -> Vec<Alert> {
        let alerts = AlertStore::new(members.reached()[node].host);
        alerts.load().unwrap().alerts(0)
    };
    let leader = cluster.leader().unwrap();
    let others = [(leader + 1) % 3, (leader + 2) % 3];
    let leads = &specs[leader].name;

    // The leader looks closely and has nothing to tell; the others leave that to it.
    let duty = round(leader);
    assert_eq!((&duty.told_by, duty.messages), (leads, 0));
    for other in others {
        let duty = round(other);
        assert_eq!(&duty.told_by, leads);
        assert_eq!(duty.look, None);
    }

    // It tells that a node does not serve, once.
    let [disabled, watching] = others;
    cluster.node(disabled).disable().unwrap();
    let duty = round(leader);
    assert_eq!(duty.messages, 1, "{:#?}", duty.look);
    assert_eq!(round(leader).messages, 0);
    assert_eq!(round(watching).messages, 0);
    let told = raised(leader);
    assert_eq!((told.len(), told[0].kind), (1, Kind::ClusterNode));
    assert_eq!(told[0].severity, Severity::Notice);
    assert_eq!(raised(watching), []);
    // Both wrote down what they saw, and it is told once.
    let hosts: Vec<&dyn Host> = members.reached().iter().map(|one| one.host).collect();
    let filter = Filter {
        node: Some(specs[disabled].name.clone()),
        what: vec![What::NodeState],
        ..Filter::default()
    };
    let past = events::read(&hosts, None, None, &filter);
    assert_eq!(past.events.len(), 1, "{:#?}", past.events);

    // The leader does not watch any more: the next one tells, and the leader hands over when it is back.
    let asleep = std::path::Path::new(health::FILE);
    members.reached()[leader].host.remove(asleep).unwrap();
    let next = disabled.min(watching);
    let duty = round(next);
    assert_eq!((&duty.told_by, duty.messages), (&specs[next].name, 1));
    let other = disabled.max(watching);
    assert_eq!(round(other).told_by, specs[next].name);
    round(leader);
    assert_eq!(&round(next).told_by, leads);
    assert_eq!(raised(next), []);
    cluster.node(disabled).enable().unwrap();
    let ended = wait_until(PATIENCE, "the end to be told", || {
        let messages = round(leader).messages;
        raised(leader).is_empty().then_some(messages)
    });
    assert_eq!(ended.unwrap(), 1);

    // Nobody leads here any more: whoever is left tells that the cluster does not answer.
    for node in cluster.nodes() {
        node.crash().unwrap();
    }
    let duty = round(watching);
    assert_eq!((&duty.told_by, duty.messages), (&specs[watching].name, 1));
    let told = raised(watching);
    assert_eq!(
        (told[0].kind, told[0].severity),
        (Kind::ClusterUnreadable, Severity::Critical)
    );
}
