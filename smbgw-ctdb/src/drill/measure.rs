//! From what happened to what is reported of it.

use std::time::{Duration, Instant};

use super::report::{ClientReport, Interval};
use super::traffic::{PIECE, Worked};

/// A pause between two answers that counts as an outage.
const OUTAGE: Duration = Duration::from_millis(250);

/// The moments of a round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) broken: Instant,
    pub(super) repaired: Instant,
    pub(super) over: Instant,
}

impl Moments {
    /// Milliseconds from the break to `moment`.
    pub(super) fn since_break(&self, moment: Instant) -> u64 {
        milliseconds(moment.saturating_duration_since(self.broken))
    }

    fn signed(&self, moment: Instant) -> i64 {
        let before = milliseconds(self.broken.saturating_duration_since(moment));
        let after = self.since_break(moment);
        i64::try_from(after).unwrap_or(i64::MAX) - i64::try_from(before).unwrap_or(i64::MAX)
    }

    /// A stretch of time.
    pub(super) fn interval(&self, from: Instant, to: Instant) -> Interval {
        Interval {
            from_milliseconds: self.signed(from),
            to_milliseconds: self.signed(to),
            node: None,
        }
    }

    /// The longest time between two answers to a client that overlaps the time from the break to the repair;
    /// `None` where it was served no more before the repair.
    pub(super) fn gap(&self, worked: &Worked) -> Option<Duration> {
        let answers = answers(worked);
        let is_served = answers
            .iter()
            .any(|answer| *answer > self.broken && *answer <= self.repaired);
        let gaps = pauses(&answers).filter(|(from, to)| *to > self.broken && *from < self.repaired);
        is_served.then(|| gaps.map(|(from, to)| to - from).max().unwrap_or_default())
    }

    /// The same from the repair to the end; what began before the repair is left out.
    pub(super) fn repair_gap(&self, worked: &Worked) -> Duration {
        let mut answers = answers(worked);
        answers.push(self.over);
        let gaps = pauses(&answers).filter(|(from, _)| *from >= self.repaired);
        gaps.map(|(from, to)| to - from).max().unwrap_or_default()
    }

    /// What is reported of a client, of whose pieces `missing` could not be read back.
    pub(super) fn client(&self, worked: &Worked, missing: u64) -> ClientReport {
        let piece = PIECE as u64;
        let mut answers = answers(worked);
        answers.push(self.over);
        let outages = pauses(&answers).filter(|(from, to)| *to - *from > OUTAGE);
        let failed = worked.acts.iter().filter(|act| !act.good).count();
        ClientReport {
            operations: worked.acts.len() as u64,
            operations_failed: failed as u64,
            // The first connection is none again.
            reconnects: worked.reconnects.saturating_sub(1),
            bytes_acknowledged: worked.acknowledged * piece,
            bytes_lost: (missing.max(worked.wrong)) * piece,
            outages: outages.map(|(from, to)| self.interval(from, to)).collect(),
        }
    }
}

/// When a client was answered.
fn answers(worked: &Worked) -> Vec<Instant> {
    let good = worked.acts.iter().filter(|act| act.good);
    good.map(|act| act.over).collect()
}

fn pauses(answers: &[Instant]) -> impl Iterator<Item = (Instant, Instant)> + '_ {
    answers.windows(2).map(|pair| (pair[0], pair[1]))
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::traffic::Act;
    use super::*;

    fn worked(start: Instant, answers: &[(u64, bool)]) -> Worked {
        let acts = answers.iter().map(|(at, good)| Act {
            over: start + Duration::from_millis(*at),
            good: *good,
        });
        Worked {
            acts: acts.collect(),
            reconnects: 2,
            acknowledged: 4,
            wrong: 0,
        }
    }

    #[test]
    fn gaps_are_told_from_one_another() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let moments = Moments {
            broken: at(1_000),
            repaired: at(6_000),
            over: at(9_000),
        };
        let answers = [
            (500, true),
            (950, true),
            (3_000, false),
            (4_100, true),
            (5_950, true),
            (7_000, true),
            (8_900, true),
        ];
        let worked = worked(start, &answers);
        assert_eq!(moments.gap(&worked), Some(Duration::from_millis(3_150)));
        assert_eq!(moments.repair_gap(&worked), Duration::from_millis(1_900));
        let report = moments.client(&worked, 1);
        assert_eq!(
            (
                report.operations,
                report.operations_failed,
                report.reconnects
            ),
            (7, 1, 1)
        );
        assert_eq!(
            (report.bytes_acknowledged, report.bytes_lost),
            (16_384, 4_096)
        );
        let first = &report.outages[1];
        assert_eq!(
            (first.from_milliseconds, first.to_milliseconds),
            (-50, 3_100)
        );
    }

    #[test]
    fn a_client_that_is_not_served_again_has_no_gap() {
        let start = Instant::now();
        let moments = Moments {
            broken: start + Duration::from_millis(100),
            repaired: start + Duration::from_millis(500),
            over: start + Duration::from_millis(900),
        };
        assert_eq!(
            moments.gap(&worked(start, &[(50, true), (700, true)])),
            None
        );
        assert_eq!(moments.gap(&worked(start, &[])), None);
    }
}
