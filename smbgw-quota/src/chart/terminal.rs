//! A chart of characters.

use super::frame::{Frame, time};
use super::{ChartData, text, ticks};

/// The chart in `height` lines of at most `width` columns each: a title, the plot, an axis of times
/// and a legend. With `unicode` the line is of braille dots, otherwise all is ASCII (the title
/// apart, where it is not).
///
/// Below 24 columns or 8 lines there is no room for a plot: only the title and the note are left.
pub fn terminal(data: &ChartData, width: usize, height: usize, unicode: bool) -> String {
    let dots = if unicode { "…" } else { "..." };
    let cut = |line: &str| text::cut(line, width, dots).trim_end().to_owned();
    let head = match (text::line(&data.title), text::line(&data.note)) {
        (title, note) if note.is_empty() => title,
        (title, note) => format!("{title}: {note}"),
    };
    if width < 24 || height < 8 {
        return cut(&head) + "\n";
    }
    let plot = Plot::new(data, width, height - 4, unicode);
    let mut lines = vec![cut(&head)];
    lines.extend(plot.lines());
    lines.push(cut(&plot.legend()));
    lines.join("\n") + "\n"
}

/// The characters of a plot.
struct Signs {
    used: char,
    limit: char,
    threshold: char,
    forecast: char,
    upright: char,
    corner: char,
    across: char,
}

const UNICODE: Signs = Signs {
    used: '⣀',
    limit: '━',
    threshold: '╌',
    forecast: '·',
    upright: '│',
    corner: '└',
    across: '─',
};

const ASCII: Signs = Signs {
    used: '*',
    limit: '=',
    threshold: '-',
    forecast: '.',
    upright: '|',
    corner: '+',
    across: '-',
};

struct Plot<'a> {
    data: &'a ChartData,
    frame: Frame,
    amounts: Vec<ticks::Tick>,
    /// Columns of the labels at the left.
    margin: usize,
    columns: usize,
    rows: usize,
    unicode: bool,
    signs: &'static Signs,
}

impl<'a> Plot<'a> {
    fn new(data: &'a ChartData, width: usize, rows: usize, unicode: bool) -> Self {
        let frame = Frame::of(data);
        let amounts = ticks::amounts(frame.top, (rows / 3).clamp(1, 6));
        let margin = amounts
            .iter()
            .map(|tick| text::width(&tick.label))
            .max()
            .unwrap_or(0)
            + 1;
        Self {
            data,
            frame,
            amounts,
            margin,
            columns: width - margin - 1,
            rows,
            unicode,
            signs: if unicode { &UNICODE } else { &ASCII },
        }
    }

    /// The row of an amount, from the top.
    fn row(&self, bytes: f64) -> usize {
        place(1.0 - self.frame.up(bytes), self.rows)
    }

    fn lines(&self) -> Vec<String> {
        let mut cells = vec![vec![' '; self.columns]; self.rows];
        self.draw_limits(&mut cells);
        self.draw_forecast(&mut cells);
        self.draw_usage(&mut cells);
        if self.data.points.is_empty() {
            let middle = &mut cells[self.rows / 2];
            for (cell, letter) in middle.iter_mut().skip(2).zip("nothing recorded".chars()) {
                *cell = letter;
            }
        }

        let mut labels = vec![""; self.rows];
        for tick in self.amounts.iter().rev() {
            labels[self.row(tick.at)] = &tick.label;
        }
        let margin = self.margin - 1;
        let mut lines: Vec<String> = cells
            .iter()
            .zip(labels)
            .map(|(cells, label)| {
                let cells: String = cells.iter().collect();
                format!("{label:>margin$} {}{cells}", self.signs.upright)
            })
            .map(|line| line.trim_end().to_owned())
            .collect();
        lines.extend(self.axis());
        lines
    }

    /// The line below and the moments, no two of which touch.
    fn axis(&self) -> [String; 2] {
        let mut below = vec![' '; self.margin + 1 + self.columns];
        let mut free = 0;
        for tick in ticks::moments(
            self.frame.left,
            self.frame.right,
            (self.columns / 10).max(1),
        ) {
            let at = self.margin + 1 + place(self.frame.across(tick.at), self.columns);
            let wide = tick.label.chars().count();
            let begin = at
                .saturating_sub(wide / 2)
                .min(below.len().saturating_sub(wide));
            if begin < free {
                continue;
            }
            for (cell, letter) in below[begin..].iter_mut().zip(tick.label.chars()) {
                *cell = letter;
            }
            free = begin + wide + 1;
        }
        let line: String = std::iter::repeat_n(self.signs.across, self.columns).collect();
        let below: String = below.into_iter().collect();
        [
            format!("{:1$}{2}{line}", "", self.margin, self.signs.corner),
            below.trim_end().to_owned(),
        ]
    }

    fn draw_limits(&self, cells: &mut [Vec<char>]) {
        let mut lines: Vec<(f64, char)> = self
            .data
            .percentages()
            .into_iter()
            .map(|percent| (percent, self.signs.threshold))
            .collect();
        lines.push((100.0, self.signs.limit));
        for (percent, sign) in lines {
            for step in &self.frame.limits {
                let from = place(self.frame.across(step.from), self.columns);
                let to = place(self.frame.across(step.to), self.columns);
                let row = self.row(step.bytes * percent / 100.0);
                cells[row][from..=to].fill(sign);
            }
        }
    }

    fn draw_forecast(&self, cells: &mut [Vec<char>]) {
        for pair in self.data.forecast.windows(2) {
            let column = |at: i64| place(self.frame.across(time(at)), self.columns);
            let (from, to) = (column(pair[0].at), column(pair[1].at));
            for (column, part) in between(from, to) {
                let bytes = pair[0].mean + (pair[1].mean - pair[0].mean) * part;
                cells[self.row(bytes)][column] = self.signs.forecast;
            }
        }
    }

    /// Braille has two columns and four rows of dots in each character.
    fn draw_usage(&self, cells: &mut [Vec<char>]) {
        let (fine, high) = if self.unicode { (2, 4) } else { (1, 1) };
        let (columns, rows) = (self.columns * fine, self.rows * high);
        let mut dots = vec![vec![false; columns]; rows];
        let mut before: Option<(usize, usize)> = None;
        for column in self.frame.columns(columns) {
            let x = place(self.frame.across(column.at), columns);
            let y = place(1.0 - self.frame.up(column.mean), rows);
            let (from_x, from_y) = before.filter(|_| !column.after_gap).unwrap_or((x, y));
            for (step, part) in between(from_x, x) {
                let here = from_y as f64 + (y as f64 - from_y as f64) * part;
                dots[here.round() as usize][step] = true;
            }
            // What lies between two neighbours is filled, so that a jump is a line.
            for row in dots.iter_mut().take(y.max(from_y)).skip(y.min(from_y) + 1) {
                if x - from_x <= 1 {
                    row[x] = true;
                }
            }
            before = Some((x, y));
        }
        for (index, row) in cells.iter_mut().enumerate() {
            for (number, cell) in row.iter_mut().enumerate() {
                let set = |x: usize, y: usize| dots[index * high + y][number * fine + x];
                if !self.unicode {
                    if set(0, 0) {
                        *cell = self.signs.used;
                    }
                    continue;
                }
                // Bits of the dots from the top, left and right (ISO 11548-1).
                const LEFT: [u32; 4] = [0x01, 0x02, 0x04, 0x40];
                const RIGHT: [u32; 4] = [0x08, 0x10, 0x20, 0x80];
                let bits: u32 = (0..4)
                    .map(|y| LEFT[y] * u32::from(set(0, y)) + RIGHT[y] * u32::from(set(1, y)))
                    .sum();
                if let (true, Some(sign)) = (bits > 0, char::from_u32(0x2800 + bits)) {
                    *cell = sign;
                }
            }
        }
    }

    fn legend(&self) -> String {
        let mut said = String::new();
        if !self.data.points.is_empty() {
            said += &format!("{} used  ", self.signs.used);
        }
        if let Some(limit) = self.frame.limits.last() {
            said += &format!(
                "{} limit {}  ",
                self.signs.limit,
                ticks::amount(limit.bytes)
            );
            let percentages = self.data.percentages();
            if !percentages.is_empty() {
                let all: Vec<String> = percentages.iter().map(f64::to_string).collect();
                said += &format!("{} {} %  ", self.signs.threshold, all.join(", "));
            }
        }
        if let Some(limit) = self.frame.above {
            said += &format!("limit {}, above  ", ticks::amount(limit as f64));
        }
        if self.data.forecast.len() > 1 {
            said += &format!("{} forecast  ", self.signs.forecast);
        }
        said += "UTC";
        said
    }
}

/// Which of `count` places is at the part `part` of the way.
fn place(part: f64, count: usize) -> usize {
    ((part * count as f64) as usize).min(count.saturating_sub(1))
}

/// The places from one to another, and the part of the way that each is at.
fn between(from: usize, to: usize) -> impl Iterator<Item = (usize, f64)> {
    let steps = to.saturating_sub(from);
    (0..=steps).map(move |step| (from + step, step as f64 / steps.max(1) as f64))
}
