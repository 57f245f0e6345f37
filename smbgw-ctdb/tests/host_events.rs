//! What a real cluster has to tell: ctdb's own notifications, and what two looks at it differ in.

mod watched;

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Host, LocalHost};
use smbgw_ctdb::events::{self, ClusterEvent, Filter, Source, View, What, hook};
use smbgw_ctdb::members::Members;
use smbgw_ctdb::node::{Member, NodeName};
use smbgw_ctdb::status;
use smbgw_testing::cluster::Settings;
use smbgw_testing::{Capability, Cluster, require, wait_until};

/// How long things may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// What the script of a node hands to the test that is the program.
const NODE: &str = "SMBGW_TEST_NODE";
const EVENT: &str = "SMBGW_TEST_EVENT";

/// Is the program that ctdb's script runs, where that runs it.
#[test]
fn a_notification_is_written_down() {
    let Ok(event) = env::var(EVENT) else {
        let root = tempfile::TempDir::new().unwrap();
        let host = LocalHost::with_root(root.path());
        hook::notify(&host, &"n7".parse().unwrap(), "unhealthy").unwrap();
        let past = events::read(&[&host], None, None, &Filter::default());
        assert_eq!(past.events[0].to.as_deref(), Some("unhealthy"));
        return;
    };
    let node: NodeName = env::var(NODE).unwrap().parse().unwrap();
    hook::notify(&LocalHost::new(), &node, &event).unwrap();
}

/// Has all nodes write down what ctdb says.
fn install(cluster: &Cluster) {
    let program = "/run/program";
    let test = env::current_exe().unwrap();
    let stand_in = format!(
        "#!/bin/sh\n{NODE}=\"$3\" {EVENT}=\"$4\" exec '{}' --exact a_notification_is_written_down\n",
        test.display()
    );
    for node in cluster.nodes() {
        let name: NodeName = node.name().parse().unwrap();
        let script = hook::content(&name, program);
        node.write(program, &stand_in).unwrap();
        node.write(hook::PATH, script).unwrap();
        for path in [program, hook::PATH] {
            let mode = PermissionsExt::from_mode(hook::MODE);
            std::fs::set_permissions(node.path(path), mode).unwrap();
        }
    }
}

/// What these nodes wrote down so far.
fn told(members: &[Member<'_>]) -> Vec<ClusterEvent> {
    let hosts: Vec<&dyn Host> = members.iter().map(|member| member.host).collect();
    let past = events::read(&hosts, None, None, &Filter::default());
    assert_eq!((past.unread.len(), past.damaged_lines), (0, 0));
    past.events
}

/// Has all of `wanted` be among the events, in this order; they are what events begin with.
fn assert_in_order(events: &[ClusterEvent], wanted: &[&str]) {
    let shown: Vec<String> = events.iter().map(ToString::to_string).collect();
    let mut lines = shown.iter();
    for one in wanted {
        assert!(
            lines.any(|line| line.starts_with(one)),
            "`{one}` is not in its place in {shown:#?}"
        );
    }
}

fn look(members: &[Member<'_>]) -> View {
    let status = status::read(members, Deadline::after(PATIENCE)).unwrap();
    View::of(&status, events::now_milliseconds())
}

/// Looks again until something is different from `before`, and has `by` write that down.
fn write_down(
    members: &[Member<'_>],
    before: &mut View,
    by: usize,
    wanted: impl Fn(&View) -> bool,
) {
    let after = wait_until(PATIENCE, "the cluster to be as it should", || {
        Some(look(members)).filter(&wanted)
    });
    let after = after.unwrap();
    let news = after.since(before, &members[by].spec.name);
    events::append(members[by].host, &news).unwrap();
    *before = after;
}

#[test]
fn a_cluster_remembers_what_happened_to_it() {
    require!(Capability::Ctdb);
    let settings = Settings {
        file_server: false,
        ..Settings::default()
    };
    let cluster = Cluster::start(3, settings).unwrap();
    install(&cluster);
    let specs = watched::specs(&cluster);
    let members = Members::open(&specs);
    let members = members.all().unwrap();
    let state = |view: &View, node: u32| view.nodes[&node].state.clone();
    let is_settled = |view: &View| {
        let held = |holder: &Option<u32>| holder.is_some_and(|node| state(view, node) == "healthy");
        view.leader.is_some() && view.addresses.values().all(held)
    };
    let mut before = look(&members);
    assert!(is_settled(&before), "{before:?}");

    // An administrator disables a node, and enables it again. ctdb notifies nobody of that.
    cluster.node(1).disable().unwrap();
    write_down(&members, &mut before, 0, |view| {
        state(view, 1) == "disabled" && is_settled(view)
    });
    cluster.node(1).enable().unwrap();
    write_down(&members, &mut before, 0, |view| {
        state(view, 1) == "healthy" && is_settled(view)
    });
    let events = told(&members);
    assert_in_order(
        &events,
        &["node-state n1: healthy → disabled", "address-moved 10.99."],
    );
    assert_in_order(&events, &["node-state n1: disabled → healthy"]);
    let moved = |event: &&ClusterEvent| {
        event.what == What::AddressMoved && event.from.as_deref() == Some("n1")
    };
    assert!(events.iter().find(moved).unwrap().to.is_some());

    // A service of a node fails, and recovers: its own ctdb says so in its own log.
    let failing = "/etc/ctdb/events/legacy/99.fail.script";
    let node = cluster.node(2);
    let script = "#!/bin/sh\n[ \"$1\" = monitor ] && [ -e /run/fail ] && echo the disk is full && exit 1\nexit 0\n";
    node.write(failing, script).unwrap();
    let mode = PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(node.path(failing), mode).unwrap();
    node.write("/run/fail", "").unwrap();
    write_down(&members, &mut before, 0, |view| {
        state(view, 2) == "unhealthy" && is_settled(view)
    });
    std::fs::remove_file(node.path("/run/fail")).unwrap();
    write_down(&members, &mut before, 0, |view| {
        state(view, 2) == "healthy" && is_settled(view)
    });
    let of_node_2 = |event: &&ClusterEvent| {
        event
            .node
            .as_ref()
            .is_some_and(|node| node.as_str() == "n2")
            && event.what == What::NodeState
    };
    let states =
        || -> Vec<ClusterEvent> { told(&members).iter().filter(of_node_2).cloned().collect() };
    // The program writes when ctdb has gone on already.
    wait_until(PATIENCE, "both notifications", || {
        let all = states();
        let notified = all
            .iter()
            .filter(|event| event.source == Source::Notification);
        (notified.count() == 2).then_some(())
    })
    .unwrap();
    let states = states();
    assert_eq!(states.len(), 2, "told once by who knows best: {states:#?}");
    assert!(states.iter().all(|event| event.seen_by.as_str() == "n2"));
    assert!(states[1].duration_milliseconds.is_some());
    assert_in_order(
        &told(&members),
        &["script-failed n2: → 99.fail (error: the disk is full)"],
    );

    // A node leaves in order and comes back: ctdb tells how it starts.
    cluster.node(1).stop().unwrap();
    write_down(&members, &mut before, 0, |view| {
        state(view, 1).starts_with("disconnected") && is_settled(view)
    });
    cluster.node(1).start_again().unwrap();
    write_down(&members, &mut before, 0, |view| {
        state(view, 1) == "healthy" && is_settled(view)
    });
    assert_in_order(
        &told(&members[1..2]),
        &[
            "daemon-starting n1",
            "daemon-set-up n1",
            "daemon-started n1",
            "node-state n1: unhealthy → healthy",
        ],
    );

    // The leader crashes, and two nodes write down what they see of that.
    let leader = cluster.leader().unwrap();
    let left: Vec<usize> = (0..3).filter(|node| *node != leader).collect();
    let began = events::now_milliseconds();
    cluster.node(leader).crash().unwrap();
    let then = before.clone();
    for by in left {
        before = then.clone();
        write_down(&members, &mut before, by, |view| {
            let is_lost = state(view, u32::try_from(leader).unwrap()).starts_with("disconnected");
            let new = view.leader.is_some_and(|new| new as usize != leader);
            let recovered =
                |view: &View| view.nodes.values().filter_map(|node| node.recovery).max();
            is_lost && new && recovered(view) > recovered(&then) && is_settled(view)
        });
    }
    let hosts: Vec<&dyn Host> = members.iter().map(|member| member.host).collect();
    let past = events::read(&hosts, Some(began), None, &Filter::default());
    let count = |what: What| {
        past.events
            .iter()
            .filter(|event| event.what == what)
            .count()
    };
    let all = &past.events;
    assert_eq!(count(What::Leader), 1, "{all:#?}");
    let lost = format!("node-state n{leader}: healthy → disconnected");
    assert_in_order(all, &[&lost]);
    assert_eq!(
        all.iter()
            .filter(|event| event.to_string().starts_with(&lost))
            .count(),
        1,
        "{all:#?}"
    );
    assert!(
        count(What::Recovery) >= 1 && count(What::AddressMoved) >= 1,
        "{all:#?}"
    );
    assert!(all.is_sorted_by_key(|event| event.at_milliseconds));
}
