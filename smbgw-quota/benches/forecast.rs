//! What a forecast costs, and how far it is off, side by side with a straight line of least squares
//! over 30 days and with what Prometheus' `predict_linear` says from 6 hours and from 7 days. The
//! errors are the same in every run; `docs/forecast.md` quotes them (`make bench`).
//!
//! The series are made, not recorded. One kind is made of recorded arrivals: when the files below
//! `/usr` of a Debian 12 were built and how large they are.

#![allow(clippy::print_stdout)]

#[path = "../tests/usage/mod.rs"]
mod usage;

use std::hint::black_box;
use std::time::Duration;

use smbgw_quota::trend::{Forecast, Options, Point, TimeTo, Trend};
use usage::{GIB, HOUR, Random, autoregressive, bursts, hourly, office};

/// Hours before and after the moment at which is forecast.
const PAST: usize = 90 * 24;
const FUTURE: usize = 120 * 24;
const SERIES: u64 = 300;
const DAY: f64 = 86_400.0;

fn main() {
    cost();
    errors();
}

/// A kind of usage, with `rate` bytes an hour.
type Kind = (&'static str, fn(&mut Random, f64) -> Vec<f64>);

const KINDS: [Kind; 9] = [
    ("steady, noise of a day's growth", |random, rate| {
        let noise = autoregressive(random, PAST + FUTURE, 0.0, 24.0 * rate);
        grown(&noise, rate)
    }),
    ("steady, noise that lasts a day", |random, rate| {
        let noise = autoregressive(random, PAST + FUTURE, 0.96, 8.0 * rate);
        grown(&noise, rate)
    }),
    ("random walk", |random, rate| {
        let noise = autoregressive(random, PAST + FUTURE, 1.0, 4.0 * rate);
        grown(&noise, rate)
    }),
    ("office week", |random, rate| {
        office(random, PAST + FUTURE, rate)
    }),
    ("bursts, one in two days", |random, rate| {
        bursts(random, PAST + FUTURE, rate, 48.0)
    }),
    ("mass deletion 3 to 25 days ago", |random, rate| {
        let mut all = grown(
            &autoregressive(random, PAST + FUTURE, 0.9, 4.0 * rate),
            rate,
        );
        let when = PAST - (24.0 * random.between(3.0, 25.0)) as usize;
        let size = rate * 24.0 * random.between(60.0, 150.0);
        all[when..].iter_mut().for_each(|bytes| *bytes -= size);
        all
    }),
    ("weekly rotation, growing", |random, rate| {
        let begin = random.between(0.0, 168.0) as usize;
        let noise = autoregressive(random, PAST + FUTURE, 0.5, 2.0 * rate);
        let mut all = grown(&noise, rate);
        for (hour, bytes) in all.iter_mut().enumerate() {
            *bytes += ((begin + hour) % 168) as f64 * 3.0 * rate;
        }
        all
    }),
    ("steady, one sample in six far off", |random, rate| {
        let mut all = grown(
            &autoregressive(random, PAST + FUTURE, 0.0, 6.0 * rate),
            rate,
        );
        for bytes in &mut all[..PAST - 1] {
            if random.uniform() < 1.0 / 6.0 {
                *bytes += random.exponential(rate * 24.0 * 40.0);
            }
        }
        all
    }),
    ("idle", |random, rate| {
        autoregressive(random, PAST + FUTURE, 0.8, rate)
    }),
];

fn grown(noise: &[f64], rate: f64) -> Vec<f64> {
    let line = (0..).map(|hour| rate * f64::from(hour));
    noise
        .iter()
        .zip(line)
        .map(|(noise, line)| noise + line)
        .collect()
}

/// A share at one moment: what was, and the hour in which it is full, if it is in the time known.
struct Case {
    past: Vec<Point>,
    limit: u64,
    full: Option<f64>,
}

impl Case {
    fn new(kind: &Kind, seed: u64) -> Self {
        let mut random = Random(seed);
        let rate = GIB * random.between(0.02, 1.0);
        let base = rate * 24.0 * 300.0;
        let all: Vec<f64> = kind.1(&mut random, rate)
            .iter()
            .map(|more| base + more)
            .collect();
        let ahead = rate * 24.0 * random.between(2.0, 60.0);
        let limit = all[PAST - 1] + ahead;
        let full = all[PAST..].iter().position(|bytes| *bytes >= limit);
        Self {
            past: hourly(all[..PAST].iter().copied()),
            limit: limit as u64,
            full: full.map(|hours| (hours + 1) as f64 / 24.0),
        }
    }

    fn now(&self) -> i64 {
        (PAST as i64 - 1) * HOUR
    }

    fn used(&self) -> u64 {
        self.past[PAST - 1].bytes
    }
}

/// Days until it is full, and the interval.
#[derive(Clone, Copy)]
struct Answer {
    days: f64,
    soonest: f64,
    latest: f64,
}

fn alone(days: f64) -> Answer {
    Answer {
        days,
        soonest: days,
        latest: days,
    }
}

fn ours(case: &Case) -> Option<Answer> {
    let forecast = Forecast::new(
        &case.past,
        case.used(),
        case.limit,
        &[],
        case.now(),
        &Options::default(),
    );
    match forecast.full {
        TimeTo::Reached => Some(alone(0.0)),
        TimeTo::In {
            seconds,
            soonest,
            latest,
        } => Some(Answer {
            days: seconds / DAY,
            soonest: soonest / DAY,
            latest: latest.map_or(f64::INFINITY, |latest| latest / DAY),
        }),
        TimeTo::Never => Some(Answer {
            days: f64::INFINITY,
            // What the interval of the rate leaves open.
            soonest: forecast
                .trend
                .ok()
                .and_then(|trend| soonest(&trend, case))
                .unwrap_or(f64::INFINITY),
            latest: f64::INFINITY,
        }),
        TimeTo::Unknown(_) => None,
    }
}

fn soonest(trend: &Trend, case: &Case) -> Option<f64> {
    (1..FUTURE)
        .map(|hour| hour as f64 * 3600.0)
        .find(|ahead| trend.expected(case.used(), *ahead).high >= case.limit as f64)
        .map(|ahead| ahead / DAY)
}

/// Least squares over the last hours: the line's own value now and on, as `predict_linear` has it;
/// the interval is the usual one of its slope, for samples independent of each other.
fn least_squares(case: &Case, hours: usize) -> Answer {
    let points = &case.past[PAST - hours..];
    let count = hours as f64;
    let x = |point: &Point| (point.at - case.now()) as f64 / DAY;
    let mean_x = points.iter().map(x).sum::<f64>() / count;
    let mean_y = points.iter().map(|point| point.bytes as f64).sum::<f64>() / count;
    let sum_xx: f64 = points.iter().map(|point| (x(point) - mean_x).powi(2)).sum();
    let sum_xy: f64 = points
        .iter()
        .map(|point| (x(point) - mean_x) * (point.bytes as f64 - mean_y))
        .sum();
    let slope = sum_xy / sum_xx;
    let left: f64 = points
        .iter()
        .map(|point| (point.bytes as f64 - mean_y - slope * (x(point) - mean_x)).powi(2))
        .sum();
    let off = 1.645 * (left / (count - 2.0) / sum_xx).sqrt();
    let far = case.limit as f64 - (mean_y - slope * mean_x);
    let days = |slope: f64| match slope > 0.0 {
        true => (far / slope).max(0.0),
        false => f64::INFINITY,
    };
    Answer {
        days: days(slope),
        soonest: days(slope + off),
        latest: days(slope - off),
    }
}

#[derive(Default)]
struct Score {
    errors: Vec<f64>,
    hits: u32,
    known: u32,
    unknown: u32,
    false_alarms: u32,
    no_alarm: u32,
    missed: u32,
    alarm: u32,
}

impl Score {
    fn add(&mut self, answer: Option<Answer>, full: Option<f64>) {
        let Some(answer) = answer else {
            self.unknown += 1;
            return;
        };
        self.known += 1;
        if let Some(full) = full {
            self.errors.push((answer.days - full).abs() / full);
        }
        let horizon = FUTURE as f64 / 24.0;
        let inside = match full {
            // An hour is as exact as the truth is known.
            Some(full) => answer.soonest - 1.0 / 24.0 <= full && full <= answer.latest + 1.0 / 24.0,
            None => answer.latest >= horizon,
        };
        self.hits += u32::from(inside);
        let truth = full.unwrap_or(f64::INFINITY);
        if truth > 14.0 {
            self.no_alarm += 1;
            self.false_alarms += u32::from(answer.days <= 7.0);
        }
        if truth <= 7.0 {
            self.alarm += 1;
            self.missed += u32::from(answer.days > 14.0);
        }
    }

    fn row(&mut self, what: &str, method: &str) {
        self.errors.sort_by(f64::total_cmp);
        let median = match self.errors.get(self.errors.len() / 2) {
            Some(error) if error.is_finite() => format!("{:.0} %", error * 100.0),
            Some(_) => "says never".into(),
            None => "–".into(),
        };
        let part = |some: u32, all: u32| match all {
            0 => "–".into(),
            all => format!("{:.0} %", f64::from(some) / f64::from(all) * 100.0),
        };
        println!(
            "| {what} | {method} | {median} | {} | {} | {} | {} |",
            part(self.hits, self.known),
            part(self.false_alarms, self.no_alarm),
            part(self.missed, self.alarm),
            part(self.unknown, self.known + self.unknown),
        );
    }
}

fn errors() {
    println!(
        "| usage | method | median error | truth in interval | false alarms | missed | unknown |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    type Method = (&'static str, fn(&Case) -> Option<Answer>);
    let methods: [Method; 4] = [
        ("trend", ours),
        ("least squares, 30 d", |case| Some(least_squares(case, 720))),
        ("predict_linear, 7 d", |case| Some(least_squares(case, 168))),
        ("predict_linear, 6 h", |case| Some(least_squares(case, 6))),
    ];
    let mut totals: [Score; 4] = Default::default();
    let recorded: Kind = ("recorded arrivals", arrivals);
    for kind in KINDS.iter().chain([&recorded]) {
        let cases: Vec<Case> = (0..SERIES)
            .map(|seed| Case::new(kind, seed * 7919 + 17))
            .collect();
        for ((name, method), total) in methods.iter().zip(&mut totals) {
            let mut score = Score::default();
            for case in &cases {
                let answer = method(case);
                score.add(answer, case.full);
                total.add(answer, case.full);
            }
            score.row(kind.0, name);
        }
    }
    for ((name, _), total) in methods.iter().zip(&mut totals) {
        total.row("all", name);
    }
}

/// KiB of files below `/usr` of a Debian 12 by the day they were made, 2022-01-01 and on, each day
/// spread over ten working hours, from a random day on.
fn arrivals(random: &mut Random, rate: f64) -> Vec<f64> {
    let days: Vec<f64> = include_str!("arrivals.txt")
        .split_whitespace()
        .filter_map(|number| number.parse().ok())
        .collect();
    let mean = days.iter().sum::<f64>() / days.len() as f64;
    let begin = (random.uniform() * days.len() as f64) as usize;
    let hours = PAST + FUTURE;
    let mut sum = 0.0;
    (0..hours)
        .map(|hour| {
            // A day's arrivals come in its working hours.
            if (8..18).contains(&(hour % 24)) {
                sum += days[(begin + hour / 24) % days.len()] / mean * rate * 2.4;
            }
            sum
        })
        .collect()
}

/// The time this thread has had a processor, whatever else the machine does: the first number of
/// proc(5) schedstat.
fn on_processor() -> Duration {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = times.split(' ').next().unwrap();
    Duration::from_nanos(nanoseconds.parse().unwrap())
}

fn cost() {
    const SHARES: usize = 5000;
    println!("{SHARES} shares, {PAST} hourly points each, one thread, processor time");
    let cases: Vec<Case> = (0..SHARES)
        .map(|number| Case::new(&KINDS[number % KINDS.len()], number as u64))
        .collect();
    for days in [30, 90] {
        let options = Options {
            window: days * 86_400,
            ..Options::default()
        };
        let start = on_processor();
        for case in &cases {
            let thresholds = [75.0, 85.0, 95.0];
            black_box(Forecast::new(
                &case.past,
                case.used(),
                case.limit,
                &thresholds,
                case.now(),
                &options,
            ));
        }
        let took = on_processor() - start;
        println!(
            "  window of {days} days: {:.2} s, {:.0} us each   (goal: below 2 s)",
            took.as_secs_f64(),
            took.as_secs_f64() * 1e6 / SHARES as f64
        );
    }
}
