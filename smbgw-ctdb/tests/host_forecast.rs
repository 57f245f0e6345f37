//! Where addresses are said to go, against where a running cluster puts them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use smbgw_ctdb::forecast::{Live, What};
use smbgw_ctdb::placement::{Algorithm, Node, NodeFlags, Settings, predict};
use smbgw_testing::cluster::{self, Cluster};
use smbgw_testing::{Capability, require, run, wait_until};

mod reached;

use reached::{Reached, members, soon};

/// The node of each address, where it has one.
type Places = BTreeMap<IpAddr, Option<u32>>;

const NODES: usize = 4;
const CHANGES: usize = 500;

/// As little as an interface needs: the script of ctdb's own takes a tenth of a second for each address.
const INTERFACE: &str = "#!/bin/sh
case $1 in
takeip) case $3 in *:*) set -- \"$@\" nodad ;; esac
    ip address add \"$3/$4\" dev \"$2\" ${5+$5} 2>/dev/null ;;
releaseip) ip address delete \"$3/$4\" dev \"$2\" 2>/dev/null ;;
esac
exit 0
";

#[test]
#[allow(
    clippy::print_stdout,
    reason = "the seed is shown where the test fails, wherever that is"
)]
fn five_hundred_changes_are_foretold() {
    require!(Capability::Root, Capability::Ctdb);
    let seed = seed();
    println!("seed: {seed}");
    let lab = Lab::start();
    let mut chance = TestRng::from_seed(RngAlgorithm::ChaCha, &seed.to_le_bytes().repeat(4));
    let mut model = lab.live();
    let mut kinds = BTreeMap::new();
    let mut last = Change::Nothing;
    for number in 0..CHANGES {
        if last.is_of_members() {
            let possible = model.placed_again(&model.places());
            let placed = lab.placed(&model, &possible);
            assert!(
                possible.contains(&placed),
                "seed {seed}, after {last:?}: {placed:?} is none of {possible:?}"
            );
            model.hold(&placed);
        }
        // Now and then from what is asked of the cluster, else from what it was made to be.
        if number % 25 == 0 {
            let live = lab.live();
            assert_eq!(live.nodes, model.nodes, "seed {seed}, change {number}");
            assert_eq!(
                live.settings, model.settings,
                "seed {seed}, change {number}"
            );
        }
        let change = Change::some(&mut chance, &model);
        *kinds.entry(change.kind()).or_insert(0) += 1;
        let asked = change.what(&model).filter(|_| number % 10 == 0);
        let forecast = asked.map(|what| {
            let forecast = Live::read(&members(&lab.reached), soon())
                .unwrap()
                .forecast(&what)
                .unwrap();
            let places = forecast.addresses.iter().map(|one| (one.address, one.to));
            places.collect::<BTreeMap<_, _>>()
        });
        let foretold = model.after(&change);
        let possible = match change.is_of_members() {
            true => model.placed_again(&foretold),
            false => vec![foretold.clone()],
        };
        lab.make(&change, &model);
        // The databases are recovered first where a node comes or goes, and the command does not wait for that.
        let placed = match change.is_of_members() {
            true => lab.placed(&model, &possible),
            false => lab.places(&model),
        };
        assert!(
            possible.contains(&placed),
            "seed {seed}, change {number}: {change:?} of {model:#?}: {placed:?} is none of {possible:?}"
        );
        if let Some(forecast) = forecast {
            assert_eq!(
                foretold, forecast,
                "seed {seed}, change {number}: {change:?}"
            );
        }
        model.hold(&placed);
        last = change;
    }
    println!("{kinds:?}");
    assert!(kinds.len() >= 8, "{kinds:?}");
}

/// The one given in `SMBGW_SEED`, to see a failure again, or any.
fn seed() -> u64 {
    let given = std::env::var("SMBGW_SEED").ok();
    let given = given.map(|text| text.parse().expect("SMBGW_SEED is a number"));
    given.unwrap_or_else(|| {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    })
}

/// What is known of the cluster.
#[derive(Clone, Debug)]
struct Model {
    nodes: Vec<Node>,
    settings: Settings,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Disable(usize),
    Enable(usize),
    Stop(usize),
    Continue(usize),
    Ban(usize),
    Unban(usize),
    Move(IpAddr, usize),
    Algorithm(Algorithm),
    Failback(bool),
    Nothing,
}

impl Change {
    fn some(chance: &mut TestRng, model: &Model) -> Self {
        let mut below = |limit: usize| chance.next_u32() as usize % limit;
        let at = below(NODES);
        let flags = model.nodes[at].flags;
        let others_are_active = {
            let mut others = model.nodes.iter().enumerate();
            others.any(|(other, node)| other != at && node.flags.is_active())
        };
        match below(100) {
            _ if flags.any(NodeFlags::STOPPED) && below(3) == 0 => Self::Continue(at),
            _ if flags.any(NodeFlags::BANNED) && below(3) == 0 => Self::Unban(at),
            0..60 if !flags.is_active() => Self::Nothing,
            0..60 if flags.any(NodeFlags::DISABLED) => Self::Enable(at),
            0..60 => Self::Disable(at),
            60..68 if flags.is_active() && others_are_active => Self::Stop(at),
            68..71 if flags.is_active() && others_are_active => Self::Ban(at),
            71..75 if flags.is_healthy() => {
                let known = &model.nodes[at].known;
                Self::Move(known[below(known.len())].address, at)
            }
            75..85 => Self::Algorithm(Algorithm::from_tunable(below(3) as u32)),
            85..90 => Self::Failback(below(2) == 0),
            _ => Self::Nothing,
        }
    }

    /// Whether it changes who takes part in the cluster.
    fn is_of_members(&self) -> bool {
        use Change::{Ban, Continue, Stop, Unban};
        matches!(self, Stop(_) | Continue(_) | Ban(_) | Unban(_))
    }

    fn kind(&self) -> String {
        let text = format!("{self:?}");
        text.split('(').next().unwrap_or_default().to_owned()
    }

    /// As it is asked of a forecast, where a node that leaves is one that is lost.
    fn what(&self, model: &Model) -> Option<What> {
        let (Self::Disable(at) | Self::Stop(at) | Self::Ban(at)) = self else {
            return None;
        };
        let mut others = (0..NODES).filter(|other| other != at);
        let is_last = !others.any(|other| model.nodes[other].flags.is_active());
        (!is_last).then(|| What {
            without: vec![u32::try_from(*at).unwrap()],
            with: Vec::new(),
        })
    }
}

impl Model {
    /// Takes a change in, and says where the addresses are then.
    fn after(&mut self, change: &Change) -> Places {
        let without =
            |flags: NodeFlags, flag: NodeFlags| NodeFlags::from_bits(flags.bits() & !flag.bits());
        match *change {
            Change::Disable(at) => {
                self.nodes[at].flags = self.nodes[at].flags | NodeFlags::DISABLED
            }
            Change::Stop(at) => self.nodes[at].flags = self.nodes[at].flags | NodeFlags::STOPPED,
            Change::Ban(at) => self.nodes[at].flags = self.nodes[at].flags | NodeFlags::BANNED,
            Change::Enable(at) => {
                self.nodes[at].flags = without(self.nodes[at].flags, NodeFlags::DISABLED);
            }
            Change::Continue(at) => {
                self.nodes[at].flags = without(self.nodes[at].flags, NodeFlags::STOPPED);
            }
            Change::Unban(at) => {
                self.nodes[at].flags = without(self.nodes[at].flags, NodeFlags::BANNED);
            }
            Change::Algorithm(algorithm) => self.settings.algorithm = algorithm,
            Change::Failback(never) => self.settings.no_ip_failback = never,
            Change::Move(address, to) => {
                let mut places = self.places();
                places.insert(address, Some(to as u32));
                return places;
            }
            Change::Nothing => {}
        }
        let placement = predict(&self.nodes, &self.settings).unwrap();
        let placed = placement.addresses.iter();
        placed.map(|one| (one.address, one.to)).collect()
    }

    /// `foretold`, and where the addresses are when they are placed once and twice more. Where a node comes or
    /// goes, ctdb may do that, and one of its algorithms finds something to move each time.
    fn placed_again(&self, foretold: &Places) -> Vec<Places> {
        let mut model = self.clone();
        let mut all = vec![foretold.clone()];
        for _ in 0..2 {
            model.hold(&all[all.len() - 1]);
            all.push(model.after(&Change::Nothing));
        }
        all
    }

    fn places(&self) -> Places {
        let mut places = BTreeMap::new();
        for (number, node) in (0..).zip(&self.nodes) {
            for known in &node.known {
                let place = places.entry(known.address).or_insert(None);
                *place = place.or(known.held.then_some(number));
            }
        }
        places
    }

    fn hold(&mut self, places: &Places) {
        for (number, node) in (0..).zip(&mut self.nodes) {
            for known in &mut node.known {
                known.held = places[&known.address] == Some(number);
            }
        }
    }
}

/// A running cluster with addresses of both families, which not all nodes may have.
struct Lab {
    cluster: Cluster,
    reached: Vec<Reached>,
}

impl Lab {
    fn start() -> Self {
        let quick = [
            ("RecoverInterval", 1),
            ("ElectionTimeout", 1),
            ("RerecoveryTimeout", 0),
            ("MonitorInterval", 60),
            ("KeepaliveLimit", 20),
        ];
        let settings = cluster::Settings {
            addresses: 6,
            file_server: false,
            tunables: quick.map(|(name, value)| (name.to_owned(), value)).into(),
            ..cluster::Settings::default()
        };
        let cluster = Cluster::start(NODES, settings).unwrap();
        for node in cluster.nodes() {
            let script = "/etc/ctdb/events/legacy/10.interface.script";
            // It is a link to a file of the machine.
            run(node.command("rm").arg(script)).unwrap();
            node.write(script, INTERFACE).unwrap();
            run(node.command("chmod").args(["755", script])).unwrap();
            let mut lines = String::new();
            for last in 61..67 {
                lines += &format!("10.99.0.{last}/24 eth0\n");
            }
            for last in 61..65 {
                lines += &format!("fd99::{last}/64 eth0\n");
            }
            // The last node may not have these.
            if node.number() + 1 < NODES {
                lines += "10.99.0.71/24 eth0\nfd99:1::1/64 eth0\n";
            }
            node.write("/etc/ctdb/public_addresses", lines).unwrap();
        }
        // It fails while addresses are being placed, as they are after the start.
        let reload = || cluster.node(0).ctdb(&["reloadips", "all"]).ok();
        wait_until(Duration::from_secs(120), "new addresses", reload).unwrap();
        cluster.wait_until_healthy().unwrap();
        let reached = cluster.nodes().iter().map(|node| Reached::new(node));
        let reached = reached.collect();
        Self { cluster, reached }
    }

    fn live(&self) -> Model {
        let live = Live::read(&members(&self.reached), soon()).unwrap();
        Model {
            nodes: live.nodes().to_vec(),
            settings: live.settings().clone(),
        }
    }

    fn make(&self, change: &Change, model: &Model) {
        let all = |name: &str, value: u32| {
            for node in self.cluster.nodes() {
                let value = value.to_string();
                node.ctdb(&["setvar", name, &value]).unwrap();
            }
        };
        let on = |at: usize, words: &[&str]| {
            let long = [&["-T", "60"], words].concat();
            self.cluster.node(at).ctdb(&long).unwrap();
        };
        match *change {
            Change::Disable(at) => on(at, &["disable"]),
            Change::Enable(at) => on(at, &["enable"]),
            Change::Stop(at) => on(at, &["stop"]),
            Change::Continue(at) => on(at, &["continue"]),
            Change::Ban(at) => on(at, &["ban", "1000"]),
            Change::Unban(at) => on(at, &["unban"]),
            // Other addresses stay where they are for twice that time.
            Change::Move(address, to) => {
                let words = ["-T", "1", "moveip", &address.to_string(), &to.to_string()];
                self.cluster.node(to).ctdb(&words).unwrap();
            }
            Change::Algorithm(algorithm) => {
                let value = match algorithm {
                    Algorithm::Deterministic => 0,
                    Algorithm::NonDeterministic => 1,
                    Algorithm::Lcp2 => 2,
                };
                all("IPAllocAlgorithm", value);
                on(active(model), &["ipreallocate"]);
            }
            Change::Failback(never) => {
                all("NoIPFailback", never.into());
                on(active(model), &["ipreallocate"]);
            }
            Change::Nothing => on(active(model), &["ipreallocate"]),
        }
    }

    /// Where the addresses are, once that is one of `possible` or a minute has passed.
    fn placed(&self, model: &Model, possible: &[Places]) -> Places {
        let mut placed = self.places(model);
        let _ = wait_until(Duration::from_secs(60), "addresses", || {
            placed = self.places(model);
            possible.contains(&placed).then_some(())
        });
        placed
    }

    /// Where the addresses are. One that no active node may have is not told of, and is nowhere.
    fn places(&self, model: &Model) -> Places {
        let node = self.cluster.node(active(model));
        let told = node.status().unwrap().addresses;
        let number = |on: usize| u32::try_from(on).unwrap();
        let mut places = model.places();
        for (address, on) in &mut places {
            *on = told.get(address).copied().flatten().map(number);
        }
        places
    }
}

fn active(model: &Model) -> usize {
    let found = model.nodes.iter().position(|node| node.flags.is_active());
    found.expect("a node is always active")
}
