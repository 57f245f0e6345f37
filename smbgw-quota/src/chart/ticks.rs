//! Round amounts and moments for the axes.

/// A mark on an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// Bytes, or seconds since 1970.
    pub(super) at: f64,
    pub(super) label: String,
}

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAY: f64 = 86_400.0;

/// At most `most` + 1 amounts from 0 to `top`, in binary units.
pub(super) fn amounts(top: f64, most: usize) -> Vec<Tick> {
    let most = most.max(1) as f64;
    // At least two of the unit, so that numbers are short and have no fractions.
    let unit = (0..UNITS.len() - 1)
        .rev()
        .find(|unit| top / size(*unit) >= 2.0 * most.min(4.0) / 4.0)
        .unwrap_or(0);
    let step = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]
        .into_iter()
        .map(|step| step * size(unit))
        .find(|step| (top / step).floor() <= most)
        .unwrap_or(top / most);
    let count = (top / step + 1e-9).floor() as usize;
    (0..=count)
        .map(|number| {
            let at = number as f64 * step;
            Tick {
                at,
                label: match number {
                    0 => "0".into(),
                    _ => format!("{:.0} {}", at / size(unit), UNITS[unit]),
                },
            }
        })
        .collect()
}

fn size(unit: usize) -> f64 {
    1024f64.powi(unit as i32)
}

/// An amount in words: three digits and a unit.
pub(super) fn amount(bytes: f64) -> String {
    let unit = (0..UNITS.len())
        .rev()
        .find(|unit| bytes >= size(*unit))
        .unwrap_or(0);
    let number = bytes / size(unit);
    match number {
        _ if unit == 0 => format!("{bytes:.0} B"),
        number if number >= 99.95 => format!("{number:.0} {}", UNITS[unit]),
        number => {
            let text = format!("{number:.1}");
            format!("{} {}", text.trim_end_matches(".0"), UNITS[unit])
        }
    }
}

/// Round moments between two, at most `most` of them.
pub(super) fn moments(from: f64, to: f64, most: usize) -> Vec<Tick> {
    let most = most.max(1) as f64;
    let seconds = [
        60.0,
        300.0,
        900.0,
        1800.0,
        3600.0,
        10_800.0,
        21_600.0,
        43_200.0,
        DAY,
        2.0 * DAY,
        7.0 * DAY,
        14.0 * DAY,
    ];
    if let Some(step) = seconds.into_iter().find(|step| (to - from) / step <= most) {
        // Weeks begin on Mondays; 1970 began on a Thursday.
        let base = if step >= 7.0 * DAY { 4.0 * DAY } else { 0.0 };
        let first = ((from - base) / step).ceil();
        let last = ((to - base) / step).floor();
        return (0..=(last - first).max(-1.0) as i64)
            .map(|number| {
                let at = base + (first + number as f64) * step;
                let of_day = at.rem_euclid(DAY);
                let label = match of_day > 0.0 {
                    true => format!(
                        "{:02.0}:{:02.0}",
                        (of_day / 3600.0).floor(),
                        of_day % 3600.0 / 60.0
                    ),
                    false => day(at),
                };
                Tick { at, label }
            })
            .take_while(|tick| tick.at <= to)
            .collect();
    }
    let months = [
        1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000, 12_000, 60_000, 120_000,
    ];
    let first = month_of(from);
    let last = month_of(to);
    let step = months
        .into_iter()
        .find(|step| (last - first) as f64 / (*step as f64) <= most)
        .unwrap_or(120_000);
    let begin = (first + step - 1).div_euclid(step) * step;
    (begin..=last)
        .step_by(step as usize)
        .map(|month| Tick {
            at: days(month.div_euclid(12), month.rem_euclid(12) + 1, 1) as f64 * DAY,
            label: match step {
                1 | 3 | 6 => format!(
                    "{} {}",
                    MONTHS[month.rem_euclid(12) as usize],
                    month.div_euclid(12)
                ),
                _ => month.div_euclid(12).to_string(),
            },
        })
        .filter(|tick| (from..=to).contains(&tick.at))
        .collect()
}

/// A day as in `3 Mar`.
pub(super) fn day(at: f64) -> String {
    let (_, month, day) = date(at);
    format!("{day} {}", MONTHS[(month - 1) as usize])
}

/// A day as in `3 Mar 2026`.
pub(super) fn day_of_year(at: f64) -> String {
    format!("{} {}", day(at), date(at).0)
}

/// Months since the year 0.
fn month_of(at: f64) -> i64 {
    let (year, month, _) = date(at);
    year * 12 + month - 1
}

/// Year, month and day in the Gregorian calendar, counted in eras of 400 years that begin in March,
/// so that the day put in is the last of a year.
fn date(at: f64) -> (i64, i64, i64) {
    let days = (at / DAY).floor() as i64 + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = (from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

/// The days from 1970 to a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (at, shown) in [
            (0.0, "1 Jan 1970"),
            (951_782_400.0, "29 Feb 2000"),
            (1_767_225_599.0, "31 Dec 2025"),
            (1_767_225_600.0, "1 Jan 2026"),
            (-62_135_596_800.0, "1 Jan 1"),
        ] {
            assert_eq!(day_of_year(at), shown);
            let (year, month, day) = date(at);
            assert_eq!(days(year, month, day), (at / DAY).floor() as i64);
        }
    }

    #[test]
    fn amounts_are_round() {
        let labels = |top: f64| -> Vec<String> {
            amounts(top, 6).into_iter().map(|tick| tick.label).collect()
        };
        let gib = size(3);
        assert_eq!(
            labels(120.0 * gib),
            [
                "0", "20 GiB", "40 GiB", "60 GiB", "80 GiB", "100 GiB", "120 GiB"
            ]
        );
        assert_eq!(
            labels(1.2 * size(4)).last().map(String::as_str),
            Some("1200 GiB")
        );
        assert_eq!(labels(1.0), ["0", "1 B"]);
        assert_eq!(amount(1.25 * size(4)), "1.2 TiB");
        assert_eq!(amount(100.0 * gib), "100 GiB");
    }

    #[test]
    fn moments_are_round() {
        let week: Vec<String> = moments(1_767_225_600.0, 1_767_225_600.0 + 7.0 * DAY, 8)
            .into_iter()
            .map(|tick| tick.label)
            .collect();
        assert_eq!(week.len(), 8);
        assert_eq!(week[0], "1 Jan");
        let years = moments(0.0, 1_767_225_600.0, 8);
        assert_eq!(years[1].label, "1980");
    }
}
