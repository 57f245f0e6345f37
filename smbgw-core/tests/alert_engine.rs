//! What is told of what is seen, and when.

#![cfg(feature = "alert")]

use smbgw_core::alert::settings::Thresholds;
use smbgw_core::alert::{
    AlertSettings, Event, Facts, Kind, Measure, Reading, RuleBook, Scope, Severity, Silence, State,
    Subject, observe,
};
use smbgw_core::share::ShareName;

use Event::{Cleared, Escalated, Raised, Repeated};
use Severity::{Critical, Notice, Warning};

const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

fn name(text: &str) -> ShareName {
    text.parse().unwrap()
}

fn reading(kind: Kind, measure: Measure) -> Reading {
    Reading {
        share: Some(name("media")),
        kind,
        measure,
        facts: Facts::default(),
    }
}

fn settings(text: &str) -> RuleBook {
    toml::from_str::<AlertSettings>(text)
        .unwrap()
        .check()
        .unwrap()
}

/// A share that is watched, with one reading at a time.
struct Watch {
    state: State,
    rules: RuleBook,
    kind: Kind,
}

impl Watch {
    fn new(kind: Kind, rules: RuleBook) -> Self {
        Self {
            state: State::default(),
            rules,
            kind,
        }
    }

    fn at(&mut self, now: i64, measure: Measure) -> Vec<(Event, Severity)> {
        let readings = [reading(self.kind, measure)];
        observe(&mut self.state, &self.rules, now, &readings)
            .into_iter()
            .map(|told| (told.event, told.severity))
            .collect()
    }

    fn percent(&mut self, now: i64, percent: f64) -> Vec<(Event, Severity)> {
        self.at(now, Measure::Percent(percent))
    }

    fn silence(&mut self, until: i64) {
        self.state.silence(Silence {
            scope: Scope::all_of(Subject::Everything),
            until,
            by: "root".into(),
            note: None,
        });
    }

    fn acknowledge(&mut self, now: i64) {
        let everything = Scope::all_of(Subject::Everything);
        assert_eq!(
            self.state.acknowledge(&everything, "root", None, now).len(),
            1
        );
    }
}

fn space() -> Watch {
    Watch::new(Kind::Space, RuleBook::default())
}

/// A share at 90 %, of which people were told at 30 s.
fn warned() -> Watch {
    let mut watch = space();
    assert_eq!(watch.percent(0, 90.0), []);
    assert_eq!(watch.percent(30, 90.0), [(Raised, Warning)]);
    watch
}

#[test]
fn a_share_that_fills_and_is_emptied() {
    let mut watch = space();
    assert_eq!(watch.percent(0, 74.9), []);
    assert!(watch.state.is_empty());
    assert_eq!(watch.percent(60, 75.0), []);
    assert!(watch.state.alerts(60).is_empty());
    assert_eq!(watch.percent(120, 75.0), [(Raised, Notice)]);
    assert_eq!(watch.state.alerts(120)[0].since, 60);
    assert_eq!(watch.percent(180, 86.0), []);
    assert_eq!(watch.percent(240, 86.0), [(Escalated, Warning)]);
    assert_eq!(watch.percent(300, 99.0), []);
    assert_eq!(watch.percent(360, 99.0), [(Escalated, Critical)]);
    assert_eq!(watch.state.alerts(360)[0].since, 60);
    // Below 92 it is a warning only, of which nobody is told.
    assert_eq!(watch.percent(420, 91.9), []);
    assert_eq!(watch.percent(720, 91.9), []);
    assert_eq!(watch.state.alerts(720)[0].severity, Warning);
    // Below 72 it is over, when that has lasted.
    assert_eq!(watch.percent(780, 10.0), []);
    assert_eq!(watch.percent(1079, 10.0), []);
    assert_eq!(watch.percent(1080, 10.0), [(Cleared, Critical)]);
    assert!(watch.state.is_empty());
}

#[test]
fn what_the_kernel_says_is_told_at_once() {
    for kind in [Kind::HardLimit, Kind::SoftLimit] {
        let mut watch = Watch::new(kind, RuleBook::default());
        let hit = Measure::Present(Some(Critical));
        assert_eq!(watch.at(0, hit), [(Raised, Critical)]);
        // A program that writes and deletes at the limit is one alert.
        for now in 1..1000 {
            let measure = if now % 60 < 30 {
                hit
            } else {
                Measure::Present(None)
            };
            assert_eq!(watch.at(now, measure), [], "{now}");
        }
        assert_eq!(watch.at(1000, Measure::Present(None)), []);
        assert_eq!(
            watch.at(1300, Measure::Present(None)),
            [(Cleared, Critical)]
        );
    }
}

#[test]
fn a_grace_time_that_ends_is_an_escalation() {
    let mut watch = Watch::new(Kind::SoftLimit, RuleBook::default());
    let running = Measure::Present(Some(Warning));
    assert_eq!(watch.at(0, running), [(Raised, Warning)]);
    assert_eq!(watch.at(1, running), []);
    let over = Measure::Present(Some(Critical));
    assert_eq!(watch.at(2, over), [(Escalated, Critical)]);
}

#[test]
fn what_passes_by_is_not_told() {
    let mut watch = space();
    assert_eq!(watch.percent(0, 99.0), []);
    assert_eq!(watch.percent(29, 99.0), []);
    assert_eq!(watch.percent(30, 50.0), []);
    assert_eq!(watch.percent(60, 99.0), []);
    assert_eq!(watch.percent(70, 50.0), []);
    assert!(watch.state.is_empty());
    for kind in [Kind::Drift, Kind::Unreadable] {
        let mut watch = Watch::new(kind, RuleBook::default());
        assert_eq!(watch.at(0, Measure::Present(Some(Warning))), []);
        assert_eq!(watch.at(10, Measure::Present(None)), []);
        assert!(watch.state.is_empty());
    }
}

#[test]
fn what_was_damped_before_is_told_at_once_and_so_is_its_end() {
    for kind in Kind::OF_CLUSTERS {
        let mut watch = Watch::new(kind, RuleBook::default());
        let is_so = Measure::Present(Some(Warning));
        assert_eq!(watch.at(0, is_so), [(Raised, Warning)]);
        assert_eq!(watch.at(60, is_so), []);
        let over = Measure::Present(None);
        assert_eq!(watch.at(61, over), [(Cleared, Warning)]);
    }
}

#[test]
fn what_is_told_is_the_worst_that_lasted() {
    let mut watch = space();
    assert_eq!(watch.percent(0, 80.0), []);
    assert_eq!(watch.percent(20, 99.0), []);
    assert_eq!(watch.percent(30, 99.0), [(Raised, Notice)]);
    assert_eq!(watch.percent(40, 88.0), []);
    assert_eq!(watch.percent(50, 88.0), [(Escalated, Warning)]);
}

#[test]
fn back_to_what_was_told_is_no_news_until_less_was_told() {
    let mut watch = space();
    watch.percent(0, 99.0);
    assert_eq!(watch.percent(30, 99.0), [(Raised, Critical)]);
    watch.percent(60, 88.0);
    assert_eq!(watch.percent(360, 88.0), []);
    assert_eq!(watch.state.alerts(360)[0].severity, Warning);
    watch.percent(400, 99.0);
    assert_eq!(watch.percent(430, 99.0), []);
    assert_eq!(watch.state.alerts(430)[0].severity, Critical);
    watch.percent(500, 88.0);
    watch.percent(800, 88.0);
    assert_eq!(watch.percent(30 + DAY, 88.0), [(Repeated, Warning)]);
    watch.percent(40 + DAY, 99.0);
    assert_eq!(watch.percent(70 + DAY, 99.0), [(Escalated, Critical)]);
}

#[test]
fn reminders_come_after_their_time_or_never() {
    let mut watch = warned();
    assert_eq!(watch.percent(29 + DAY, 90.0), []);
    assert_eq!(watch.percent(30 + DAY, 90.0), [(Repeated, Warning)]);
    assert_eq!(watch.percent(31 + DAY, 90.0), []);
    // One comes without a reading too: what is not known stays raised.
    assert_eq!(
        watch.at(30 + 2 * DAY, Measure::Unknown),
        [(Repeated, Warning)]
    );
    let mut never = Watch::new(Kind::Space, settings("repeat_seconds = 0"));
    never.percent(0, 90.0);
    never.percent(30, 90.0);
    assert_eq!(never.percent(1000 * DAY, 90.0), []);
}

#[test]
fn what_is_not_known_changes_nothing() {
    let mut watch = warned();
    let before = watch.state.clone();
    assert_eq!(watch.at(1000, Measure::Unknown), []);
    assert_eq!(watch.percent(1000, f64::NAN), []);
    assert_eq!(watch.state.alerts(1000)[0].severity, Warning);
    assert_eq!(before.alerts(0), watch.state.alerts(0));
    let mut fresh = space();
    assert_eq!(fresh.at(0, Measure::Unknown), []);
    assert!(fresh.state.is_empty());
}

#[test]
fn who_knows_is_not_told_again_unless_it_becomes_worse() {
    let mut watch = warned();
    watch.acknowledge(100);
    assert_eq!(watch.percent(2 * DAY, 90.0), []);
    assert_eq!(watch.percent(2 * DAY + 60, 99.0), []);
    assert_eq!(watch.percent(2 * DAY + 90, 99.0), [(Escalated, Critical)]);
    assert_eq!(watch.state.alerts(3 * DAY)[0].acknowledged, None);
    // What was known to be critical may become so again.
    watch.acknowledge(3 * DAY);
    watch.percent(3 * DAY, 88.0);
    watch.percent(3 * DAY + HOUR, 88.0);
    watch.percent(4 * DAY, 99.0);
    assert_eq!(watch.percent(5 * DAY, 99.0), []);
    // The end is told, and the next beginning too.
    watch.percent(5 * DAY, 0.0);
    assert_eq!(watch.percent(5 * DAY + 300, 0.0), [(Cleared, Critical)]);
    watch.percent(6 * DAY, 90.0);
    assert_eq!(watch.percent(6 * DAY + 30, 90.0), [(Raised, Warning)]);
}

#[test]
fn what_became_less_bad_before_somebody_knew_is_told_when_it_is_worse_again() {
    let mut watch = space();
    watch.percent(0, 99.0);
    assert_eq!(watch.percent(30, 99.0), [(Raised, Critical)]);
    watch.percent(60, 88.0);
    assert_eq!(watch.percent(360, 88.0), []);
    watch.acknowledge(400);
    watch.percent(500, 99.0);
    assert_eq!(watch.percent(530, 99.0), [(Escalated, Critical)]);
}

#[test]
fn the_end_of_a_silence_tells_what_still_holds() {
    let mut watch = space();
    watch.silence(HOUR);
    watch.percent(0, 90.0);
    assert_eq!(watch.percent(30, 90.0), []);
    assert_eq!(watch.state.alerts(30)[0].silenced_until, Some(HOUR));
    assert_eq!(watch.state.alerts(30)[0].told_at, None);
    assert_eq!(watch.percent(HOUR - 1, 90.0), []);
    assert_eq!(watch.percent(HOUR, 90.0), [(Raised, Warning)]);
    assert_eq!(watch.percent(HOUR + 1, 90.0), []);
    // What people knew before the silence, they hear again after it.
    watch.silence(2 * HOUR);
    assert_eq!(watch.percent(HOUR + 60, 90.0), []);
    assert_eq!(watch.percent(2 * HOUR, 90.0), [(Repeated, Warning)]);
    // A silence that is taken back ends as one that is over.
    watch.silence(9 * HOUR);
    watch.percent(3 * HOUR, 99.0);
    assert_eq!(watch.percent(3 * HOUR + 30, 99.0), []);
    let everything = Scope::all_of(Subject::Everything);
    assert_eq!(watch.state.unsilence(&everything, 4 * HOUR).len(), 1);
    assert_eq!(watch.percent(4 * HOUR, 99.0), [(Escalated, Critical)]);
}

#[test]
fn what_came_and_went_in_a_silence_is_not_told() {
    let mut watch = space();
    watch.silence(HOUR);
    watch.percent(0, 90.0);
    watch.percent(30, 90.0);
    watch.percent(60, 0.0);
    assert_eq!(watch.percent(360, 0.0), []);
    assert_eq!(watch.percent(2 * HOUR, 0.0), []);
}

#[test]
fn the_end_of_what_was_told_is_told_after_the_silence() {
    let mut watch = warned();
    watch.silence(HOUR);
    watch.percent(60, 0.0);
    assert_eq!(watch.percent(360, 0.0), []);
    assert!(watch.state.alerts(360).is_empty());
    assert_eq!(watch.percent(HOUR, 0.0), [(Cleared, Warning)]);
    assert_eq!(watch.percent(HOUR + 1, 0.0), []);
    // Where it is so again at the end, people know already.
    let mut watch = warned();
    watch.silence(HOUR);
    watch.percent(60, 0.0);
    watch.percent(360, 0.0);
    watch.percent(400, 90.0);
    assert_eq!(watch.percent(430, 90.0), []);
    assert_eq!(watch.percent(HOUR, 90.0), [(Repeated, Warning)]);
}

#[test]
fn what_was_known_in_a_silence_is_not_told_after_it() {
    let mut watch = space();
    watch.silence(HOUR);
    watch.percent(0, 90.0);
    watch.percent(30, 90.0);
    watch.acknowledge(40);
    assert_eq!(watch.percent(HOUR, 90.0), []);
    assert_eq!(watch.percent(3 * DAY, 90.0), []);
    // Nobody was told of the beginning, so nobody is told of the end.
    watch.percent(4 * DAY, 0.0);
    assert_eq!(watch.percent(5 * DAY, 0.0), []);
    assert!(watch.state.alerts(5 * DAY).is_empty());
}

#[test]
fn a_clock_that_steps_back_neither_loses_nor_floods() {
    let year = 365 * DAY;
    // In the middle of holding.
    let mut watch = space();
    assert_eq!(watch.percent(year, 90.0), []);
    assert_eq!(watch.percent(10, 90.0), []);
    assert_eq!(watch.percent(40, 90.0), [(Raised, Warning)]);
    // While raised.
    let mut watch = space();
    watch.percent(year, 90.0);
    assert_eq!(watch.percent(year + 30, 90.0), [(Raised, Warning)]);
    for now in (0..DAY).step_by(60) {
        assert_eq!(watch.percent(now, 90.0), [], "{now}");
    }
    assert!(watch.state.alerts(DAY)[0].since <= DAY);
    assert_eq!(watch.percent(DAY, 90.0), [(Repeated, Warning)]);
    // In the middle of clearing.
    watch.percent(DAY + 60, 0.0);
    assert_eq!(watch.percent(100, 0.0), []);
    assert_eq!(watch.percent(400, 0.0), [(Cleared, Warning)]);
}

#[test]
fn a_clock_that_jumps_ahead_reminds_once() {
    let mut watch = warned();
    let year = 365 * DAY;
    assert_eq!(watch.percent(year, 90.0), [(Repeated, Warning)]);
    assert_eq!(watch.percent(year + 60, 90.0), []);
    assert_eq!(watch.percent(60, 90.0), []);
    assert_eq!(watch.percent(120, 90.0), []);
}

#[test]
fn a_share_has_rules_of_its_own_under_any_spelling() {
    let rules = settings("[share.MEDIA]\nspace = { notice = 10 }\nhold_seconds = 0");
    let mut watch = Watch::new(Kind::Space, rules);
    assert_eq!(watch.percent(0, 12.0), [(Raised, Notice)]);
}

#[test]
fn bytes_and_files_have_levels_of_their_own() {
    let rules = settings("hold_seconds = 0\nspace = { warning = \"off\" }");
    let both = [
        reading(Kind::Space, Measure::Percent(90.0)),
        reading(Kind::Inodes, Measure::Percent(90.0)),
    ];
    let told: Vec<_> = observe(&mut State::default(), &rules, 0, &both)
        .into_iter()
        .map(|told| (told.kind, told.severity))
        .collect();
    assert_eq!(told, [(Kind::Inodes, Warning), (Kind::Space, Notice)]);
}

#[test]
fn a_forecast_is_told_by_its_days() {
    let mut watch = Watch::new(Kind::Forecast, settings("hold_seconds = 0"));
    let days = |days| Measure::DaysLeft(Some(days));
    assert_eq!(watch.at(0, days(30.1)), []);
    assert_eq!(watch.at(1, days(30.0)), [(Raised, Notice)]);
    assert_eq!(watch.at(2, days(0.0)), [(Escalated, Critical)]);
    assert_eq!(watch.at(3, days(37.5)), []);
    assert_eq!(watch.at(1000, days(37.5)), []);
    assert_eq!(watch.state.alerts(1000)[0].severity, Notice);
    assert_eq!(watch.at(1001, Measure::DaysLeft(None)), []);
    assert_eq!(
        watch.at(1301, Measure::DaysLeft(None)),
        [(Cleared, Critical)]
    );
}

#[test]
fn levels_that_were_switched_off_end_what_they_raised() {
    let mut watch = warned();
    watch.rules = settings("space = { notice = \"off\", warning = \"off\", critical = \"off\" }");
    assert_eq!(watch.percent(60, 90.0), []);
    assert_eq!(watch.percent(360, 90.0), [(Cleared, Warning)]);
    assert_eq!(
        watch.rules.of(None).space,
        Thresholds {
            notice: None,
            warning: None,
            critical: None
        }
    );
}

#[test]
fn the_machine_and_each_share_are_apart() {
    let mut state = State::default();
    let rules = RuleBook::default();
    let hit = |share: Option<&str>| Reading {
        share: share.map(name),
        kind: Kind::HardLimit,
        measure: Measure::Present(Some(Critical)),
        facts: Facts {
            summary: format!("{share:?}"),
            percent: Some(f64::INFINITY),
            ..Facts::default()
        },
    };
    let readings = [hit(Some("b")), hit(Some("A")), hit(None)];
    let told = observe(&mut state, &rules, 0, &readings);
    let shares: Vec<_> = told.iter().map(|one| one.share.clone()).collect();
    assert_eq!(shares, [None, Some(name("a")), Some(name("b"))]);
    assert_eq!(told[1].facts.summary, "Some(\"A\")");
    assert_eq!(told[1].facts.percent, None);
    state.forget(&name("B"));
    assert_eq!(observe(&mut state, &rules, 1, &[]), []);
    // A share made anew under that name begins anew.
    assert_eq!(observe(&mut state, &rules, 2, &[hit(Some("b"))]).len(), 1);
}

#[test]
fn a_transition_becomes_a_message() {
    let hit = reading(Kind::HardLimit, Measure::Present(Some(Critical)));
    let told = observe(&mut State::default(), &RuleBook::default(), 7, &[hit]);
    let notice = told[0].clone().notice("pve1", 8);
    assert_eq!((notice.at, notice.since), (8, 7));
    assert_eq!(notice.host, "pve1");
    assert_eq!((notice.event, notice.kind), (Raised, Kind::HardLimit));
    assert_ne!(notice.id, told[0].clone().notice("pve1", 8).id);
}
