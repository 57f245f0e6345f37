//! Who has an address, asked on a real link.

use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::host::LocalHost;
use smbgw_ctdb::address::VirtualAddress;
use smbgw_ctdb::conflict::{
    ConflictError, Mac, Pace, Probed, Sighting, Sign, Verdict, check_free, holders, interfaces,
    probe,
};
use smbgw_ctdb::node::Member;
use smbgw_testing::cluster::Settings;
use smbgw_testing::{Capability, Cluster, LightHost, Network, require, run, wait_until};

mod reached;

use reached::{Reached, soon};

/// A machine of the lab as a node.
struct Machine {
    reached: Reached,
    mac: Mac,
}

impl Machine {
    fn of(machine: &LightHost) -> Self {
        let reached = Reached::new(machine);
        let all = interfaces(&reached.host, soon()).unwrap();
        let eth0 = all.iter().find(|one| one.name.as_str() == "eth0").unwrap();
        let mac = eth0.mac.unwrap();
        Self { reached, mac }
    }

    fn member(&self) -> Member<'_> {
        self.reached.member()
    }

    fn probe(&self, addresses: &[&str]) -> Vec<Probed> {
        probe(&self.reached.host, &all(addresses), Pace::Quick, soon())
    }
}

fn all(addresses: &[&str]) -> Vec<VirtualAddress> {
    let parsed = addresses.iter().map(|text| text.parse().unwrap());
    parsed.collect()
}

fn speaks(mac: Mac) -> Verdict {
    let sign = Sign::Speaks;
    let by = vec![Sighting { mac, sign }];
    Verdict::Held { by }
}

#[track_caller]
fn assert_unknown(probed: &[Probed], reason: &str) {
    for one in probed {
        let Verdict::Unknown { why } = &one.verdict else {
            panic!("{one:?}");
        };
        assert!(why.contains(reason), "{why}");
    }
}

#[test]
fn whoever_has_an_address_is_heard() {
    require!(Capability::Root);
    let network = Network::start().unwrap();
    let on = |name, number| LightHost::on(&network, name, Network::addresses(number)).unwrap();
    let (n0, n1, printer) = (on("n0", 10), on("n1", 11), on("printer", 77));
    // A question of a neighbour, where there is an address to ask from, and from nobody otherwise.
    let mut ip = n0.command("ip");
    run(ip.args(["address", "add", "fe80::10/64", "dev", "eth0", "nodad"])).unwrap();
    let machines = [&n0, &n1].map(Machine::of);
    let [first, second] = &machines;
    let members = machines.each_ref().map(Machine::member);
    let stranger = Machine::of(&printer).mac;

    let held = ["10.99.0.77/24%eth0", "fd99::77/64%eth0"];
    // The interface is found by the network.
    let free = ["10.99.0.200/24", "fd99::200/64"];
    let probed = first.probe(&[held[0], held[1], free[0], free[1]]);
    let verdicts: Vec<_> = probed.iter().map(|one| one.verdict.clone()).collect();
    let expected = [
        speaks(stranger),
        speaks(stranger),
        Verdict::Free,
        Verdict::Free,
    ];
    assert_eq!(verdicts, expected);
    let is_eth0 = |one: &Probed| {
        one.interface
            .as_ref()
            .is_some_and(|name| name.as_str() == "eth0")
    };
    assert!(probed.iter().all(|one| is_eth0(one) && !one.here));

    let own = first.probe(&["10.99.0.10/24", "fd99::10/64", "10.99.0.11/24"]);
    assert!(own[0].here && own[0].verdict == Verdict::Free, "{own:?}");
    assert!(own[1].here && own[1].verdict == Verdict::Free, "{own:?}");
    assert_eq!(own[2].verdict, speaks(second.mac));

    let problems = check_free(&members, &all(&[held[0], free[0]]), Pace::Quick, soon());
    let [problem] = &problems[..] else {
        panic!("{problems:?}");
    };
    assert_eq!(problem.code(), "ha.address-held");
    assert_eq!(
        problem.to_string(),
        format!("10.99.0.77 is in use: {stranger}")
    );
    let problems = check_free(&members, &all(&["fd99::11/64"]), Pace::Quick, soon());
    let text = format!("fd99::11 is in use: n1 ({})", second.mac);
    assert_eq!(problems[0].to_string(), text);

    who_is_about_to_take_one_is_not_disturbed(&n1, first);
    who_is_about_to_take_one_is_heard(&machines);
    what_could_not_be_asked_is_not_free(&n0, first, &members);
}

/// The kernel does not take an address of IPv6 that somebody else wants, too.
fn who_is_about_to_take_one_is_not_disturbed(taker: &LightHost, first: &Machine) {
    let ip = |words: &[&str]| run(taker.command("ip").args(words)).unwrap();
    let taken = "fd99::202/64";
    ip(&["address", "add", taken, "dev", "eth0"]);
    wait_until(Duration::from_secs(60), "the address to be taken", || {
        first.probe(&[taken]);
        let shown = ip(&["-6", "address", "show", "dev", "eth0", "to", taken]);
        assert!(!shown.contains("dadfailed"), "{shown}");
        (!shown.contains("tentative")).then_some(())
    })
    .unwrap();
    assert!(matches!(
        first.probe(&[taken])[0].verdict,
        Verdict::Held { .. }
    ));
}

/// Two that look for the same address at once hear each other.
fn who_is_about_to_take_one_is_heard(machines: &[Machine; 2]) {
    let address = all(&["10.99.0.201/24", "fd99::201/64"]);
    let ask = |machine: &Machine| probe(&machine.reached.host, &address, Pace::Thorough, soon());
    let [first, second] = machines;
    let (heard_by_first, heard_by_second) = thread::scope(|scope| {
        let other = scope.spawn(|| ask(second));
        (ask(first), other.join().unwrap())
    });
    for (heard, mac) in [(heard_by_first, second.mac), (heard_by_second, first.mac)] {
        let sign = Sign::Asks;
        let by = vec![Sighting { mac, sign }];
        for one in heard {
            assert_eq!(one.verdict, Verdict::Held { by: by.clone() });
        }
    }
}

fn what_could_not_be_asked_is_not_free(n0: &LightHost, first: &Machine, members: &[Member<'_>]) {
    let free = ["10.99.0.200/24%eth0", "fd99::200/64%eth0"];
    let image = LocalHost::with_root("/");
    assert_unknown(
        &probe(&image, &all(&free), Pace::Quick, soon()),
        "no running machine",
    );
    let over = Deadline::after(Duration::ZERO);
    assert_unknown(
        &probe(&first.reached.host, &all(&free), Pace::Quick, over),
        "no time",
    );

    run(n0
        .command("sysctl")
        .args(["-qw", "net.ipv6.conf.eth0.disable_ipv6=1"]))
    .unwrap();
    let probed = first.probe(&free);
    assert_eq!(probed[0].verdict, Verdict::Free);
    assert_unknown(&probed[1..], "eth0 is without IPv6");

    n0.pull_cable().unwrap();
    assert_unknown(&first.probe(&free), "eth0 has no link");
    let problems = check_free(members, &all(&free[..1]), Pace::Quick, soon());
    let [ConflictError::NotChecked { node, .. }] = &problems[..] else {
        panic!("{problems:?}");
    };
    assert_eq!(
        (node.as_str(), problems[0].code()),
        ("n0", "ha.address-not-checked")
    );
    // A link that is lost while it is listened on.
    n0.plug_cable().unwrap();
    let probed = thread::scope(|scope| {
        let address = all(&free[..1]);
        let asked =
            scope.spawn(move || probe(&first.reached.host, &address, Pace::Thorough, soon()));
        n0.pull_cable().unwrap();
        asked.join().unwrap()
    });
    assert_unknown(&probed, "eth0");
}

#[test]
fn two_nodes_with_one_address_are_a_split_brain() {
    require!(Capability::Root, Capability::Ctdb);
    let settings = Settings {
        file_server: false,
        ..Settings::default()
    };
    let cluster = Cluster::start(3, settings).unwrap();
    let machines: Vec<_> = cluster
        .nodes()
        .iter()
        .map(|node| Machine::of(node))
        .collect();
    let members: Vec<_> = machines.iter().map(Machine::member).collect();
    let on_eth0 = |address: &IpAddr| format!("{address}/24%eth0").parse().unwrap();
    let addresses: Vec<VirtualAddress> = cluster.addresses().iter().map(on_eth0).collect();
    let look = || holders(&members, &addresses, Pace::Quick, soon());

    let everywhere = cluster.wait_for("one address a node", |status| {
        (0..3).all(|number| status.addresses_of(number).len() == 1)
    });
    let status = everywhere.unwrap();
    for holding in look() {
        assert_eq!(holding.problem(), None);
        let [holder] = &holding.holders[..] else {
            panic!("{holding:?}");
        };
        let node = status.addresses[&holding.address].unwrap();
        assert_eq!(
            holder.node.as_ref(),
            Some(&machines[node].reached.spec.name)
        );
        // All others hear it.
        assert_eq!(
            (holder.mac, holder.heard_by.len()),
            (Some(machines[node].mac), 2)
        );
    }

    // Nobody is left on it to take the address away.
    let address = status.addresses_of(2)[0];
    cluster.node(2).crash().unwrap();
    let moved = cluster.wait_for("the address to move", |status| {
        status.addresses[&address].is_some_and(|now| now != 2)
    });
    let now = moved.unwrap().addresses[&address].unwrap();
    let at = addresses
        .iter()
        .position(|one| one.address() == address)
        .unwrap();
    let problem = look()[at].problem().unwrap();
    assert_eq!(problem.code(), "ha.address-on-two-nodes");
    let text = problem.to_string();
    for machine in [&machines[now], &machines[2]] {
        let holder = format!("{} ({})", machine.reached.spec.name, machine.mac);
        assert!(text.contains(&holder), "{text}");
    }

    // It is cut off, and has the address all the same.
    cluster.node(2).pull_cable().unwrap();
    let holding = look().swap_remove(at);
    assert_eq!(holding.problem().unwrap().code(), "ha.address-on-two-nodes");
    let silent = holding
        .holders
        .iter()
        .find(|holder| holder.heard_by.is_empty());
    assert_eq!(
        silent.unwrap().node.as_ref(),
        Some(&machines[2].reached.spec.name)
    );
    assert!(
        holding
            .unseen
            .iter()
            .any(|unseen| unseen.node == machines[2].reached.spec.name)
    );

    // A machine that is no node takes another one.
    let stranger = cluster.client("cl").unwrap();
    let other = addresses
        .iter()
        .position(|one| one.address() != address)
        .unwrap();
    let taken = addresses[other].address();
    let mut ip = stranger.command("ip");
    run(ip.args(["address", "add", &format!("{taken}/24"), "dev", "eth0"])).unwrap();
    let problem = look()[other].problem().unwrap();
    assert_eq!(problem.code(), "ha.address-held");
    let mac = Machine::of(&stranger).mac.to_string();
    assert!(problem.to_string().contains(&mac), "{problem}");
}
