//! What every way of losing a node costs: until it is noticed, until the address is elsewhere, and until clients
//! are served again, with ctdb's own settings and with those of an objective of ten seconds.
//!
//! `SMBGW_BENCH_ROUNDS` is how often each is done (2). With it, one word as argument has only one scenario done.

#![allow(clippy::print_stdout)]

#[path = "../tests/drill/mod.rs"]
mod drill;

use std::time::Duration;

use smbgw_ctdb::drill::{Report, Scenario};
use smbgw_ctdb::objective::Objective;
use smbgw_testing::cluster::Settings;

use drill::{Field, login, request, settings};

fn main() {
    let rounds = std::env::var("SMBGW_BENCH_ROUNDS").map_or(2, |text| text.parse().unwrap());
    let only = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let wanted = |scenario: Scenario| only.as_deref().is_none_or(|word| word == scenario.as_str());
    println!(
        "settings  scenario      node      noticed          moved            client gap       failed  lost"
    );
    let ours = settings(&Objective::SMALLEST.tunables());
    let stock = Settings {
        addresses: ours.addresses,
        ..Settings::stock()
    };
    for (name, settings) in [("ours", ours), ("stock", stock)] {
        let field = Field::start(3, settings);
        for scenario in Scenario::ALL
            .into_iter()
            .filter(|scenario| wanted(*scenario))
        {
            for leads in [false, true] {
                // A leader that is cut off keeps the cluster lock, and one that hangs keeps ctdb's own.
                let keeps_lock = match scenario {
                    Scenario::Cut => true,
                    Scenario::Hang => name == "stock",
                    _ => false,
                };
                if leads && keeps_lock {
                    continue;
                }
                let reports: Vec<_> = (0..rounds)
                    .map(|_| measure(&field, scenario, leads))
                    .collect();
                show(name, scenario, leads, &reports);
            }
        }
    }
}

fn measure(field: &Field, scenario: Scenario, leads: bool) -> Report {
    let login = login();
    let leader = field.cluster.leader().unwrap();
    let node = if leads { leader } else { field.follower() };
    let mut asked = request(&login, field.cluster.addresses()[0], scenario, &[node]);
    asked.yes = true;
    asked.clients = 2;
    asked.warm_up = Duration::from_secs(6);
    let report = field.report(&asked);
    assert_eq!(report.bytes_lost, 0, "{}", report.text());
    report
}

/// The median and the longest of each.
fn show(name: &str, scenario: Scenario, leads: bool, reports: &[Report]) {
    let times = |time: fn(&smbgw_ctdb::drill::Round) -> Option<u64>| {
        let each = reports.iter().flat_map(|report| &report.rounds);
        let mut each: Vec<_> = each.map(|round| time(round).unwrap_or(u64::MAX)).collect();
        each.sort_unstable();
        let shown = |time: u64| match time {
            u64::MAX => "never".to_owned(),
            time => format!("{:.2}", time as f64 / 1_000.0),
        };
        let middle = each[(each.len() - 1) / 2];
        format!("{} / {} s", shown(middle), shown(each[each.len() - 1]))
    };
    let node = if leads { "leader" } else { "other" };
    let failed: u64 = reports.iter().map(|report| report.operations_failed).sum();
    let lost: u64 = reports.iter().map(|report| report.bytes_lost).sum();
    println!(
        "{name:<9} {:<13} {node:<9} {:<16} {:<16} {:<16} {failed:<7} {lost}",
        scenario.as_str(),
        times(|round| round.noticed_milliseconds),
        times(|round| round.moved_milliseconds),
        times(|round| round.client_gap_milliseconds),
    );
}
