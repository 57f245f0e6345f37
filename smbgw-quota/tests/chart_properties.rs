//! What holds of charts whatever the data are: the picture is well-formed and stays in its frame,
//! labels keep clear of each other, and a terminal's width is respected.

use proptest::prelude::*;
use roxmltree::{Document, Node};
use smbgw_quota::chart::{self, ChartData, ChartForecast, ChartPoint, Style};

const GIB: u64 = 1 << 30;

fn moment() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 1_700_000_000i64..1_800_000_000, 2 => 0i64..100, 1 => any::<i64>()]
}

fn bytes() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0u64..1 << 45, 2 => 0u64..10, 1 => any::<u64>()]
}

fn data() -> impl Strategy<Value = ChartData> {
    let point = (
        (moment(), prop_oneof![Just(0u64), Just(3600), any::<u64>()]),
        (bytes(), bytes(), bytes()),
        proptest::option::weighted(0.8, bytes()),
    )
        .prop_map(|((at, seconds), (min, mean, max), limit)| ChartPoint {
            at,
            seconds,
            min,
            mean,
            max,
            limit,
        });
    let forecast =
        (moment(), any::<f64>(), any::<f64>(), any::<f64>()).prop_map(|(at, low, mean, high)| {
            ChartForecast {
                at,
                low,
                mean,
                high,
            }
        });
    (
        (any::<String>(), any::<String>()),
        proptest::collection::vec(point, 0..80),
        proptest::collection::vec(prop_oneof![50.0f64..100.0, any::<f64>()], 0..5),
        proptest::collection::vec(forecast, 0..6),
        moment(),
    )
        .prop_map(
            |((title, note), points, thresholds, forecast, now)| ChartData {
                title,
                note,
                points,
                thresholds,
                forecast,
                now,
            },
        )
}

/// Every number of the attributes that are coordinates.
fn coordinates<'a>(node: Node<'a, 'a>) -> Vec<(bool, f64)> {
    let number = |text: &str| text.parse::<f64>().unwrap_or_else(|_| panic!("`{text}`"));
    let mut found = Vec::new();
    for attribute in node.attributes() {
        match attribute.name() {
            "x" | "x1" | "x2" | "cx" => found.push((true, number(attribute.value()))),
            "y" | "y1" | "y2" | "cy" => found.push((false, number(attribute.value()))),
            "points" | "d" => {
                let text = attribute.value().replace(['M', 'L', ','], " ");
                let numbers = text.split_whitespace().map(number);
                found.extend(
                    numbers
                        .enumerate()
                        .map(|(index, value)| (index % 2 == 0, value)),
                );
            }
            _ => {}
        }
    }
    found
}

/// The texts of a class, as the place they take: left, right, bottom.
fn labels(picture: &Document<'_>, class: &str) -> Vec<(f64, f64, f64)> {
    picture
        .descendants()
        .filter(|node| node.attribute("class") == Some(class))
        .map(|node| {
            let at = |name| node.attribute(name).unwrap().parse::<f64>().unwrap();
            let wide = 7.0 * node.text().unwrap_or("").chars().count() as f64;
            let left = match node.attribute("text-anchor") {
                Some("end") => at("x") - wide,
                Some("middle") => at("x") - wide / 2.0,
                _ => at("x"),
            };
            (left, left + wide, at("y"))
        })
        .collect()
}

fn is_sound(data: &ChartData, style: &Style) {
    let text = chart::svg(data, style);
    let picture = Document::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let view = picture.root_element().attribute("viewBox").unwrap();
    let size: Vec<f64> = view.split(' ').map(|part| part.parse().unwrap()).collect();
    for node in picture.descendants() {
        for (across, value) in coordinates(node) {
            let most = if across { size[2] } else { size[3] };
            assert!(
                (0.0..=most).contains(&value),
                "{value} of {view} in {node:?}"
            );
        }
    }
    for class in ["amount", "moment", "line", "legend"] {
        let labels = labels(&picture, class);
        for (index, one) in labels.iter().enumerate() {
            assert!(
                one.0 >= 0.0 && one.1 <= size[2] + 8.0,
                "{class} {one:?} of {view}"
            );
            for other in &labels[..index] {
                let beside = one.0 >= other.1 || other.0 >= one.1;
                let above = (one.2 - other.2).abs() >= 12.0;
                assert!(beside || above, "{class}: {one:?} and {other:?}");
            }
        }
    }
}

/// Columns of a text without wide letters.
fn width(line: &str) -> usize {
    line.chars().count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn a_picture_is_sound(data in data(), width in any::<u32>(), height in any::<u32>()) {
        is_sound(&data, &Style::default());
        is_sound(&data, &Style { width: width % 5000, height: height % 5000 });
    }

    #[test]
    fn a_terminal_is_filled_and_no_more(
        mut data in data(),
        columns in 0usize..200,
        rows in 0usize..60,
        unicode in any::<bool>(),
    ) {
        data.title = "a title".into();
        data.note = "a note that is rather long, so that it is cut".into();
        let text = chart::terminal(&data, columns, rows, unicode);
        for line in text.lines() {
            prop_assert!(width(line) <= columns, "{} > {columns}: {line}", width(line));
            prop_assert!(!line.ends_with(' '));
        }
        let plotted = columns >= 24 && rows >= 8;
        prop_assert_eq!(text.lines().count(), if plotted { rows } else { 1 });
        prop_assert!(unicode || text.is_ascii());
    }

    #[test]
    fn nothing_of_a_title_reaches_the_terminal_as_a_command(title in any::<String>()) {
        let data = ChartData { title, ..ChartData::default() };
        let text = chart::terminal(&data, 80, 20, true);
        prop_assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()));
        prop_assert_eq!(text.lines().count(), 20);
    }
}

/// Hourly points from 2026-01-01 on.
fn hours(count: u64, used: impl Fn(u64) -> u64, limit: impl Fn(u64) -> Option<u64>) -> ChartData {
    let at = |hour: u64| 1_767_225_600 + hour as i64 * 3600;
    ChartData {
        title: "media".into(),
        points: (0..count)
            .map(|hour| ChartPoint {
                at: at(hour),
                seconds: 3600,
                min: used(hour).saturating_sub(GIB),
                mean: used(hour),
                max: used(hour) + GIB,
                limit: limit(hour),
            })
            .collect(),
        now: at(count),
        ..ChartData::default()
    }
}

fn elements<'a>(picture: &'a Document<'a>, name: &str) -> Vec<Node<'a, 'a>> {
    picture
        .descendants()
        .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", name)))
        .collect()
}

#[test]
fn a_limit_that_changes_is_a_step() {
    let data = hours(
        200,
        |hour| 50 * GIB + hour * GIB / 10,
        |hour| Some(if hour < 100 { 100 } else { 200 } * GIB),
    );
    let text = chart::svg(&data, &Style::default());
    let picture = Document::parse(&text).unwrap();
    let limit = elements(&picture, "path")[0].attribute("d").unwrap();
    // Along, up in the same place, and along again.
    let numbers: Vec<f64> = limit
        .split(['M', 'L', ' '])
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().unwrap())
        .collect();
    assert_eq!(numbers.len(), 8, "{limit}");
    assert_eq!(numbers[1], numbers[3]);
    assert_eq!(numbers[2], numbers[4]);
    assert!(numbers[5] < numbers[3]);
    assert_eq!(numbers[5], numbers[7]);
}

#[test]
fn a_gap_is_left_open() {
    let mut data = hours(200, |_| 50 * GIB, |_| None);
    data.points.drain(80..120);
    let text = chart::svg(&data, &Style::default());
    let picture = Document::parse(&text).unwrap();
    assert_eq!(elements(&picture, "polyline").len(), 2);
}

#[test]
fn titles_are_only_text() {
    let data = ChartData {
        title: "</title><script>alert('&')</script> 共有 مجلد".into(),
        note: "a < b & c".into(),
        ..hours(10, |_| GIB, |_| Some(2 * GIB))
    };
    let text = chart::svg(&data, &Style::default());
    let picture = Document::parse(&text).unwrap();
    assert!(elements(&picture, "script").is_empty());
    assert_eq!(
        elements(&picture, "title")[0].text(),
        Some(data.title.as_str())
    );
    let said = elements(&picture, "desc")[0].text().unwrap();
    assert_eq!(said, "Used at the end: 1 GiB of 2 GiB; a < b & c.");
}

#[test]
fn wide_letters_take_two_columns() {
    let data = ChartData {
        title: "共有フォルダー共有フォルダー共有フォルダー".into(),
        ..ChartData::default()
    };
    let text = chart::terminal(&data, 30, 10, true);
    let title = text.lines().next().unwrap();
    assert_eq!(title, "共有フォルダー共有フォルダー…");
}

#[test]
fn a_small_terminal_chart_is_as_drawn_by_hand() {
    let data = ChartData {
        thresholds: vec![75.0],
        ..hours(48, |hour| (20 + hour) * GIB, |_| Some(80 * GIB))
    };
    // The top is 6 % above the limit: 14 GiB a row.
    let expected = "\
media
       |================================
       |-------------------------*******
50 GiB |               **********
       |      *********
       |******
     0 |
       +--------------------------------
      1 Jan           2 Jan        3 Jan
* used  = limit 80 GiB  - 75 %  UTC
";
    let found = chart::terminal(&data, 40, 10, false);
    assert_eq!(found, expected, "\n{found}");
}

#[test]
fn a_limit_far_above_is_only_named() {
    let data = hours(48, |hour| (20 + hour) * GIB, |_| Some(80 * 1024 * GIB));
    let text = chart::svg(&data, &Style::default());
    assert!(text.contains("limit 80 TiB, above the chart"));
    assert!(Document::parse(&text).is_ok_and(|picture| elements(&picture, "path").is_empty()));
    assert!(chart::terminal(&data, 80, 20, true).contains("limit 80 TiB, above"));
}
