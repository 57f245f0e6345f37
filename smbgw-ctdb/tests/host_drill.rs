//! Drills on a real cluster: every way of breaking a node, and that it is repaired whatever happens.

mod drill;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use smbgw_core::error::Coded;
use smbgw_core::host::Host;
use smbgw_ctdb::drill::{DrillError, Handle, Report, Request, Scenario, recover, run as run_drill};
use smbgw_ctdb::objective::Objective;
use smbgw_ctdb::smb::{Client, Opening};
use smbgw_testing::{Capability, require};

use drill::{Field, Reached, login, name, request, settings};

/// Set for the process that is killed in the middle of a drill: the processes of the client and the nodes.
const CHILD: &str = "SMBGW_DRILL_CHILD";

#[test]
fn drills_measure_repair_and_lose_nothing() {
    if let Ok(pids) = std::env::var(CHILD) {
        return be_the_child(&pids);
    }
    require!(Capability::Ctdb, Capability::Samba);
    let field = Field::start(3, settings(&Objective::SMALLEST.tunables()));
    the_client_works(&field);
    what_is_not_fit_is_refused(&field);
    for scenario in Scenario::ALL {
        every_scenario_is_repaired(&field, scenario);
    }
    a_killed_drill_is_repaired(&field);
    twenty_failovers_lose_nothing(&field);
}

fn the_client_works(field: &Field) {
    let address = field.cluster.addresses()[0];
    let login = login();
    let time = Duration::from_secs(30);
    field.client.on_its_network(|| {
        let mut client = Client::connect(address, "data", &login, time, time).unwrap();
        let directory = client.open("work", Opening::Directory).unwrap();
        client.close(directory).unwrap();
        let file = client.open_durable("work\\file").unwrap().file;
        client.write(file, 0, b"abc").unwrap();
        client.write(file, 3, &[7; 65_536]).unwrap();
        client.flush(file).unwrap();
        assert_eq!(client.read(file, 1, 4).unwrap(), *b"bc\x07\x07");
        assert_eq!(client.read(file, 65_539, 4).unwrap(), b"");
        client.close(file).unwrap();
        let stored = std::fs::read(field.cluster.shared().join("data/work/file")).unwrap();
        assert_eq!(stored.len(), 65_539);
        for path in ["work\\file", "work"] {
            let file = client.open(path, Opening::ToDelete).unwrap();
            client.close(file).unwrap();
        }
        let gone = client.open("work\\file", Opening::Existing).unwrap_err();
        assert!(!gone.is_final(), "{gone}");
        let mut wrong = login.clone();
        wrong.password = "another".to_owned().into();
        let refused = Client::connect(address, "data", &wrong, time, time).unwrap_err();
        assert!(refused.is_final(), "{refused}");
        let refused = Client::connect(address, "none", &login, time, time).unwrap_err();
        assert!(refused.is_final(), "{refused}");
    });
}

fn what_is_not_fit_is_refused(field: &Field) {
    let login = login();
    let address = field.cluster.addresses()[0];
    let codes = |request: &Request<'_>| match field.drill(request) {
        Err(DrillError::Refused(problems)) => {
            problems.into_iter().map(|problem| problem.code).collect()
        }
        other => vec![format!("{other:?}")],
    };
    let leader = field.cluster.leader().unwrap();
    let follower = field.follower();
    for (code, refused) in [
        ("ha.no-node", request(&login, address, Scenario::Kill, &[7])),
        ("ha.no-node", request(&login, address, Scenario::Kill, &[])),
        (
            "ha.drill-leader",
            request(&login, address, Scenario::Cut, &[leader]),
        ),
        (
            "ha.drill-no-address",
            request(&login, "10.99.0.99".parse().unwrap(), Scenario::Kill, &[0]),
        ),
    ] {
        let found = codes(&refused);
        assert!(found.iter().any(|found| found == code), "{code}: {found:?}");
    }
    let mut many = request(&login, address, Scenario::Disable, &[0]);
    many.clients = 33;
    many.count = 0;
    assert_eq!(codes(&many).len(), 2);

    // Somebody works there.
    let asked = request(&login, address, Scenario::Disable, &[follower]);
    let time = Duration::from_secs(30);
    let client = || Client::connect(address, "data", &login, time, time).unwrap();
    let found = field.client.on_its_network(|| {
        let client = client();
        let found = codes(&asked);
        drop(client);
        found
    });
    assert_eq!(found, ["ha.drill-production"]);

    // A node is not as it should be.
    field.cluster.node(follower).disable().unwrap();
    let found = codes(&asked);
    assert!(
        found.contains(&"ha.drill-not-healthy".to_owned()),
        "{found:?}"
    );
    field.cluster.node(follower).enable().unwrap();
    field.cluster.wait_until_healthy().unwrap();

    // The share does not let the client in, and nothing was touched.
    let mut stranger = login.clone();
    stranger.password = "another".to_owned().into();
    let error = field
        .drill(&request(&stranger, address, Scenario::Kill, &[follower]))
        .unwrap_err();
    assert!(matches!(error, DrillError::Client { .. }), "{error}");
    assert_eq!(error.code(), "smb.failed");
}

fn every_scenario_is_repaired(field: &Field, scenario: Scenario) {
    let login = login();
    let node = match scenario {
        // The worst there is.
        Scenario::Kill | Scenario::PoweroffSim | Scenario::Hang => field.cluster.leader().unwrap(),
        Scenario::Disable | Scenario::Cut => field.follower(),
    };
    // One time an address that has to be moved there first.
    let holder = match scenario {
        Scenario::Disable => (node + 1) % 3,
        _ => node,
    };
    let address = field.cluster.status().unwrap().addresses_of(holder)[0];
    let mut asked = request(&login, address, scenario, &[node]);
    // Connections of the last round may be remembered by ctdb, and nobody is behind them.
    asked.yes = true;
    asked.clients = 2;
    let report = field.report(&asked);
    note(&report);
    is_in_order(field, &report);
    let round = &report.rounds[0];
    assert_eq!(round.node, name(node));
    if scenario == Scenario::Hang {
        // It has lost its lock, and does not lead when it wakes.
        assert!(round.led, "{report:?}");
        assert_ne!(
            field.cluster.leader().unwrap(),
            node,
            "{}",
            field.cluster.logs()
        );
    }
    assert!(
        round.to.as_ref().is_some_and(|to| *to != round.node),
        "{report:?}"
    );
    assert!(round.noticed_milliseconds.is_some(), "{report:?}");
    assert!(round.client_gap_milliseconds.is_some(), "{report:?}");
    assert_ne!(round.handle, Handle::NotOpened);
    assert_eq!(round.clients.len(), 2);
    assert!(report.text().contains("took over"), "{}", report.text());
    assert!(report.svg().contains("client 2"));
}

fn a_killed_drill_is_repaired(field: &Field) {
    let node = field.follower();
    let pids = field
        .cluster
        .nodes()
        .iter()
        .map(|node| node.pid().to_string());
    let pids = [field.client.pid().to_string(), node.to_string()]
        .into_iter()
        .chain(pids)
        .collect::<Vec<_>>()
        .join(",");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "drills_measure_repair_and_lose_nothing",
            "--nocapture",
        ])
        .env(CHILD, pids)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let broken = field.cluster.wait_for("the node to be broken", |status| {
        status.nodes[node].has("Disconnected")
    });
    child.kill().unwrap();
    child.wait().unwrap();
    broken.unwrap();
    let journal = Path::new("/var/lib/smbgw/cluster/drill.jsonl");
    assert!(field.reached.coordinator.status(journal).unwrap().is_some());
    let recovered = field.reached.work(recover).unwrap();
    let recovered = recovered.expect("a drill was interrupted");
    assert_eq!(recovered.node, name(node));
    assert_eq!(recovered.scenario, Scenario::PoweroffSim);
    assert_eq!(
        recovered.cause,
        None,
        "{recovered:?}\n{}",
        field.cluster.logs()
    );
    field.cluster.wait_until_healthy().unwrap();
    no_rules_are_left(field);
    assert!(field.reached.coordinator.status(journal).unwrap().is_none());
    assert_eq!(field.reached.work(recover).unwrap(), None);
    // Nobody is logged in any more who could remove its files.
    remove_what_is_left(field, true);
}

/// Breaks a node, in a process that is killed meanwhile.
fn be_the_child(pids: &str) {
    let pids: Vec<u32> = pids.split(',').map(|pid| pid.parse().unwrap()).collect();
    let reached = Reached::of(pids[0], &pids[2..]);
    reached.coordinator.enter_network().unwrap();
    let login = login();
    let address = "10.99.0.62".parse().unwrap();
    let mut asked = request(&login, address, Scenario::PoweroffSim, &[pids[1] as usize]);
    asked.yes = true;
    reached.work(|cluster| run_drill(cluster, &asked)).unwrap();
}

fn twenty_failovers_lose_nothing(field: &Field) {
    let login = login();
    // One that the node has anyway: it comes back to it when the node does.
    let node = field.follower();
    let address = field.cluster.status().unwrap().addresses_of(node)[0];
    let mut asked = request(&login, address, Scenario::Disable, &[node]);
    asked.yes = true;
    asked.count = 20;
    asked.clients = 4;
    asked.warm_up = Duration::from_millis(200);
    let report = field.report(&asked);
    note(&report);
    is_in_order(field, &report);
    assert_eq!(report.rounds.len(), 20);
    assert!(
        report
            .rounds
            .iter()
            .all(|round| round.moved_milliseconds.is_some())
    );
}

/// What has to hold after every drill.
fn is_in_order(field: &Field, report: &Report) {
    let logs = || format!("{}\n{}", report.text(), field.cluster.logs());
    assert_eq!(report.bytes_lost, 0, "{}", logs());
    assert!(report.bytes_acknowledged > 0, "{}", logs());
    field.cluster.wait_until_healthy().unwrap();
    for place in &report.ended_at {
        assert_eq!(place.seen_on.len(), 1, "{}", logs());
        assert_eq!(place.seen_on.first(), place.node.as_ref(), "{}", logs());
    }
    assert_eq!(report.tunables, Objective::SMALLEST.tunables());
    no_rules_are_left(field);
    // A server keeps a file for a client that it believes to be lost, and its directory with it.
    remove_what_is_left(field, !report.notes.is_empty());
}

/// Removes files of drills, which may be there only where that is `told`.
fn remove_what_is_left(field: &Field, told: bool) {
    for left in std::fs::read_dir(field.cluster.shared().join("data")).unwrap() {
        let left = left.unwrap();
        assert!(told, "{:?} is left", left.path());
        std::fs::remove_dir_all(left.path()).unwrap();
    }
}

fn no_rules_are_left(field: &Field) {
    for node in field.cluster.nodes() {
        let rules = smbgw_testing::run(node.command("iptables").args(["--wait", "--list-rules"]));
        assert!(!rules.unwrap().contains("SMBGW"), "{}", node.name());
    }
}

/// Keeps a report for people who ask for it.
fn note(report: &Report) {
    if let Some(folder) = std::env::var_os("SMBGW_DRILL_REPORTS") {
        let name = format!("{}-{}", report.scenario, report.rounds.len());
        let file = |end: &str| Path::new(&folder).join(format!("{name}.{end}"));
        std::fs::write(file("txt"), report.text()).unwrap();
        std::fs::write(file("svg"), report.svg()).unwrap();
    }
}
