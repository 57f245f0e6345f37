//! The settings of any objective keep it, and a longer one is never stricter.

use std::time::Duration;

use proptest::prelude::*;
use smbgw_ctdb::objective::{Loss, Objective, Tunables, client_gap, worst_cases};

fn objective() -> impl Strategy<Value = Objective> {
    let range = Objective::SMALLEST.within().as_millis()..=Objective::LARGEST.within().as_millis();
    let range = u64::try_from(*range.start()).unwrap()..=u64::try_from(*range.end()).unwrap();
    range.prop_map(|time| Objective::new(Duration::from_millis(time)).unwrap())
}

proptest! {
    #[test]
    fn the_worst_case_is_within_the_objective(objective in objective()) {
        let all = u64::try_from(objective.within().as_millis()).unwrap();
        let leader = u64::try_from(objective.leader_within().as_millis()).unwrap();
        let half = u64::try_from(objective.address_within().as_millis()).unwrap();
        for case in worst_cases(&objective.tunables()) {
            if !case.loss.is_promised() {
                prop_assert!(!case.limits.is_empty());
                continue;
            }
            let address = case.address_milliseconds.unwrap();
            let may_lead = matches!(case.loss, Loss::ProcessKilled | Loss::PoweredOff | Loss::LeaderHung);
            prop_assert!(address <= if may_lead { leader } else { half }, "{case:?}");
            prop_assert!(case.client_milliseconds.unwrap() <= all, "{case:?}");
        }
    }

    #[test]
    fn more_time_is_used_for_more_patience(one in objective(), other in objective()) {
        let (short, long) = (one.min(other), one.max(other));
        let silence = |objective: Objective| {
            let tunables = objective.tunables();
            tunables.keepalive_interval * (tunables.keepalive_limit + 1)
        };
        prop_assert!(silence(short) <= silence(long));
        for (short, long) in worst_cases(&short.tunables()).iter().zip(worst_cases(&long.tunables())) {
            prop_assert!(short.address_milliseconds <= long.address_milliseconds);
        }
    }

    #[test]
    fn settings_are_never_beyond_what_works(objective in objective()) {
        let tunables = objective.tunables();
        // With one second no leader is ever settled on.
        prop_assert!(tunables.leader_timeout >= 2);
        prop_assert!(tunables.keepalive_limit >= 2);
        let stock = Tunables::STOCK;
        prop_assert!(tunables.leader_timeout <= stock.leader_timeout);
        for ((name, value), (_, most)) in tunables.pairs().into_iter().zip(stock.pairs()) {
            let may_exceed = name == "KeepaliveLimit";
            prop_assert!(value >= 1 && (may_exceed || value <= most), "{name}={value}");
        }
    }

    #[test]
    fn texts_are_read_back(objective in objective()) {
        prop_assert_eq!(objective.to_string().parse::<Objective>().unwrap(), objective);
        let json = serde_json::to_string(&objective).unwrap();
        prop_assert_eq!(serde_json::from_str::<Objective>(&json).unwrap(), objective);
    }

    #[test]
    fn a_client_waits_less_than_twice_as_long(address in 0_u64..10_000_000) {
        let gap = client_gap(address);
        prop_assert!(gap > address && gap <= 2 * address + 1_000);
    }

    #[test]
    fn any_text_is_read_without_panic(text in ".{0,60}") {
        let _ = text.parse::<Objective>();
        let _ = Tunables::read(&text, None);
    }
}

#[test]
fn an_example_is_ten_seconds() {
    let cases = worst_cases(&Objective::SMALLEST.tunables());
    let of = |loss: Loss| cases.iter().find(|case| case.loss == loss).unwrap();
    let leader = of(Loss::LeaderHung);
    assert_eq!(leader.address_milliseconds, Some(6_000));
    assert_eq!(leader.client_milliseconds, Some(10_000));
    let silent = of(Loss::DaemonHung);
    assert_eq!(silent.address_milliseconds, Some(5_000));
    assert_eq!(silent.client_milliseconds, Some(9_000));
    assert_eq!(
        silent.parts[0].formula,
        "KeepaliveInterval x (KeepaliveLimit + 1)"
    );
}
