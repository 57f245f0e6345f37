use super::*;

fn interval(from: i64, to: i64, node: Option<&str>) -> Interval {
    Interval {
        from_milliseconds: from,
        to_milliseconds: to,
        node: node.map(|name| name.parse().unwrap()),
    }
}

fn report() -> Report {
    let client = ClientReport {
        operations: 900,
        operations_failed: 1,
        reconnects: 3,
        bytes_acknowledged: 3_600_000,
        bytes_lost: 0,
        outages: vec![interval(-3, 4_700, None)],
    };
    let round = Round {
        node: "n1".parse().unwrap(),
        led: true,
        to: Some("n2".parse().unwrap()),
        noticed_milliseconds: Some(2_900),
        moved_milliseconds: Some(4_010),
        client_gap_milliseconds: Some(4_703),
        repair_gap_milliseconds: 120,
        repaired_milliseconds: 5_200,
        healthy_milliseconds: 14_000,
        over_milliseconds: 15_600,
        handle: Handle::TakenUp,
        placements: vec![
            interval(-2_000, 3_900, Some("n1")),
            interval(4_010, 15_600, Some("n2")),
        ],
        clients: vec![client.clone(), client],
    };
    Report {
        started_at_seconds: 1_700_000_000,
        address: "10.0.0.100".parse().unwrap(),
        scenario: Scenario::PoweroffSim,
        tunables: Tunables::STOCK,
        rounds: vec![round],
        bytes_acknowledged: 7_200_000,
        bytes_lost: 0,
        operations: 1_800,
        operations_failed: 2,
        ended_at: vec![Place {
            address: "10.0.0.100".parse().unwrap(),
            node: Some("n2".parse().unwrap()),
            seen_on: vec!["n2".parse().unwrap()],
        }],
        notes: vec!["a note".into()],
    }
}

#[test]
fn the_text_says_what_matters() {
    let text = report().text();
    for line in [
        "Drill of 10.0.0.100: poweroff-sim, 1 round\n",
        "round 1: n1, which led, broken; n2 took over\n",
        "  noticed after          2.900 s\n",
        "  address moved after    4.010 s\n",
        "  clients not served for 4.703 s\n",
        "  open file: taken up again (a durable handle)\n",
        "7200000 bytes said to be on disk, 0 lost\n",
        "10.0.0.100 is on n2\n",
        "note: a note\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let mut lost = report();
    lost.rounds[0].moved_milliseconds = None;
    lost.ended_at[0].seen_on.push("n1".parse().unwrap());
    let text = lost.text();
    assert!(text.contains("  address moved after    never\n"), "{text}");
    assert!(
        text.contains("10.0.0.100 is on n2, and on interfaces of n2, n1\n"),
        "{text}"
    );
    assert_eq!(lost.longest_move_milliseconds(), None);
    assert_eq!(lost.longest_gap_milliseconds(), Some(4_703));
}

#[test]
fn the_picture_has_a_strip_for_everybody() {
    let svg = report().svg();
    assert_eq!(svg.matches("<rect").count(), 2 + 2 * 2, "{svg}");
    for name in [
        ">address<",
        ">client 1<",
        ">client 2<",
        ">moved 4.0 s<",
        ">n2<",
    ] {
        assert!(svg.contains(name), "{name} is not in\n{svg}");
    }
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
}

#[test]
fn a_report_is_read_back() {
    let json = serde_json::to_string(&report()).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report());
}
