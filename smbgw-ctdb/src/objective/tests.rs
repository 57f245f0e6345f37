use smbgw_core::error::{Coded, ErrorKind};

use super::*;

fn address(tunables: &Tunables, loss: Loss) -> Option<u64> {
    let cases = worst_cases(tunables);
    let case = cases.iter().find(|case| case.loss == loss).unwrap();
    case.address_milliseconds
}

#[test]
fn the_smallest_objective_is_one_that_its_settings_keep() {
    let tunables = Objective::SMALLEST.tunables();
    assert_eq!(
        tunables,
        Tunables {
            keepalive_interval: 1,
            keepalive_limit: 2,
            leader_timeout: 4,
            election_timeout: 1,
            recover_interval: 1,
            rerecovery_timeout: 1,
            recover_timeout: 30,
            recovery_drop_all_ips: 10,
            takeover_timeout: 9,
            monitor_interval: 2,
            monitor_timeout_count: 1,
            event_script_timeout: 20,
            tickle_update_interval: 5,
        }
    );
    for loss in Loss::ALL {
        let fits = address(&tunables, loss).is_some_and(|time| time <= 6_000);
        assert_eq!(fits, loss.is_promised(), "{loss}");
    }
    for loss in [Loss::DaemonHung, Loss::NetworkCut, Loss::ServiceEnded] {
        assert_eq!(address(&tunables, loss), Some(5_000), "{loss}");
    }
    // Before the others take a silent leader for lost at the latest.
    assert_eq!(tunables.lock_milliseconds(), 2_500);
}

#[test]
fn shorter_ones_are_refused_with_the_smallest() {
    let error = "9999ms".parse::<Objective>().unwrap_err();
    assert_eq!(error.code(), "ha.objective-too-short");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.remedy().unwrap(), "ask for 10s or more");
    assert_eq!(
        error.to_string(),
        "a failover within 9999ms cannot be promised"
    );
    let error = "11m".parse::<Objective>().unwrap_err();
    assert_eq!(error.code(), "ha.objective-too-long");
    for wrong in [
        "",
        "10",
        "s",
        "-10s",
        "10 s",
        "1.5m",
        "10h",
        "99999999999999999999s",
    ] {
        let error = wrong.parse::<Objective>().unwrap_err();
        assert_eq!(error.code(), "ha.objective-malformed", "{wrong}");
    }
    for (text, shown) in [("10s", "10s"), ("2m", "120s"), ("12500ms", "12500ms")] {
        let objective: Objective = text.parse().unwrap();
        assert_eq!(objective.to_string(), shown);
        assert_eq!(shown.parse::<Objective>().unwrap(), objective);
    }
}

#[test]
fn stock_needs_half_a_minute_for_silence() {
    for loss in [Loss::NetworkCut, Loss::DaemonHung] {
        assert_eq!(address(&Tunables::STOCK, loss), Some(32_000), "{loss}");
    }
    // Nobody leads before that, and the wait for another leader begins anew.
    for loss in [Loss::PoweredOff, Loss::LeaderHung] {
        assert_eq!(address(&Tunables::STOCK, loss), Some(38_000), "{loss}");
    }
    assert_eq!(Tunables::STOCK.lock_milliseconds(), 29_500);
    // A quarter of an hour for scripts that do not come back.
    assert_eq!(address(&Tunables::STOCK, Loss::DiskStalled), Some(902_000));
}

#[test]
fn parts_add_up() {
    for case in worst_cases(&Tunables::STOCK) {
        let sum: u64 = case.parts.iter().map(|part| part.milliseconds).sum();
        assert_eq!(sum, case.address_milliseconds.unwrap_or(0), "{case:?}");
        assert_eq!(
            case.address_milliseconds.is_none(),
            case.client_milliseconds.is_none()
        );
    }
}

#[test]
fn a_client_tries_again_after_longer_and_longer_pauses() {
    for (address, client) in [
        (0, 1_000),
        (500, 1_500),
        (1_000, 3_000),
        (3_000, 7_000),
        (5_000, 9_000),
        (7_000, 15_000),
    ] {
        assert_eq!(client_gap(address), client, "{address}");
    }
    assert!(client_gap(u64::MAX) == u64::MAX);
}

#[test]
fn what_ctdb_lists_is_read() {
    // `ctdb listvars` of 4.17, shortened.
    let listed = "SeqnumInterval             = 1000\nControlTimeout             = 60\n\
                  KeepaliveInterval          = 1\nKeepaliveLimit             = 3\n";
    let read = Tunables::read(listed, Some(2)).unwrap();
    let expected = Tunables {
        keepalive_interval: 1,
        keepalive_limit: 3,
        leader_timeout: 2,
        ..Tunables::STOCK
    };
    assert_eq!(read, expected);
    // The file that is written is read back.
    let file: String = expected
        .pairs()
        .iter()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect();
    assert_eq!(Tunables::read(&file, Some(2)).unwrap(), expected);
    assert_eq!(
        Tunables::read("# nothing\n\n keepaliveLIMIT = 5 \n", None).unwrap(),
        Tunables::STOCK
    );
    for wrong in [
        "KeepaliveLimit",
        "KeepaliveLimit=-1",
        "KeepaliveLimit=5 # five",
    ] {
        let error = Tunables::read(wrong, None).unwrap_err();
        assert_eq!(error.code(), "ha.tunable-malformed", "{wrong}");
    }
}
