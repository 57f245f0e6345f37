//! What a file will be other than, line by line, as `diff -u` has it.

use std::fmt::Write;

/// How many unchanged lines are shown around a change.
const CONTEXT: usize = 3;

/// Beyond so many lines on both sides multiplied, all is shown as replaced: it would take too much memory.
const LARGEST: usize = 4_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Old(&'a str),
    New(&'a str),
}

/// The difference between two texts of the file `path`; empty where there is none. No text is one of a file
/// that is not there.
pub(super) fn unified(path: &str, old: Option<&str>, new: &str) -> String {
    let lines = compare(
        &old.unwrap_or_default().lines().collect::<Vec<_>>(),
        &new.lines().collect::<Vec<_>>(),
    );
    if lines.iter().all(|line| matches!(line, Line::Same(_))) {
        return String::new();
    }
    let from = if old.is_some() { path } else { "/dev/null" };
    let mut text = format!("--- {from}\n+++ {path}\n");
    for (start, end) in hunks(&lines) {
        let count = |lines: &[Line<'_>], is_in: fn(&Line<'_>) -> bool| {
            lines.iter().filter(|line| is_in(line)).count()
        };
        let range = |is_in: fn(&Line<'_>) -> bool| {
            let (before, length) = (
                count(&lines[..start], is_in),
                count(&lines[start..end], is_in),
            );
            // A range of no lines is told by the line before it.
            format!("{},{length}", if length == 0 { before } else { before + 1 })
        };
        let is_old: fn(&Line<'_>) -> bool = |line| !matches!(line, Line::New(_));
        let is_new: fn(&Line<'_>) -> bool = |line| !matches!(line, Line::Old(_));
        // Writing to a text does not fail.
        let _ = writeln!(text, "@@ -{} +{} @@", range(is_old), range(is_new));
        for line in &lines[start..end] {
            let (mark, line) = match line {
                Line::Same(line) => (' ', line),
                Line::Old(line) => ('-', line),
                Line::New(line) => ('+', line),
            };
            let _ = writeln!(text, "{mark}{line}");
        }
    }
    text
}

/// The longest common lines, with what is between them.
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let replaced = || {
        let old = old.iter().map(|line| Line::Old(line));
        old.chain(new.iter().map(|line| Line::New(line))).collect()
    };
    let width = new.len() + 1;
    if old.len().saturating_mul(new.len()) > LARGEST {
        return replaced();
    }
    // How many lines are common after each pair of places.
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for at in (0..old.len()).rev() {
        for there in (0..new.len()).rev() {
            common[at * width + there] = if old[at] == new[there] {
                common[(at + 1) * width + there + 1] + 1
            } else {
                common[(at + 1) * width + there].max(common[at * width + there + 1])
            };
        }
    }
    let (mut at, mut there) = (0, 0);
    let mut lines = Vec::new();
    while at < old.len() || there < new.len() {
        if at < old.len() && there < new.len() && old[at] == new[there] {
            lines.push(Line::Same(old[at]));
            (at, there) = (at + 1, there + 1);
        } else if there == new.len()
            || at < old.len() && common[(at + 1) * width + there] >= common[at * width + there + 1]
        {
            lines.push(Line::Old(old[at]));
            at += 1;
        } else {
            lines.push(Line::New(new[there]));
            there += 1;
        }
    }
    lines
}

/// The parts with changes, each from its first line to before its end.
fn hunks(lines: &[Line<'_>]) -> Vec<(usize, usize)> {
    let mut hunks: Vec<(usize, usize)> = Vec::new();
    let changed = lines.iter().enumerate();
    for (at, _) in changed.filter(|(_, line)| !matches!(line, Line::Same(_))) {
        let (start, end) = (
            at.saturating_sub(CONTEXT),
            (at + CONTEXT + 1).min(lines.len()),
        );
        match hunks.last_mut() {
            Some(last) if start <= last.1 => last.1 = end,
            _ => hunks.push((start, end)),
        }
    }
    hunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_as_diff_has_them() {
        assert_eq!(unified("f", Some("a\nb\n"), "a\nb\n"), "");
        assert_eq!(
            unified("f", None, "a\nb\n"),
            "--- /dev/null\n+++ f\n@@ -0,0 +1,2 @@\n+a\n+b\n"
        );
        assert_eq!(
            unified("f", Some("1\n2\n3\n4\n5\n6\n"), "1\n2\n3\n4\nfive\n6\n7\n"),
            "--- f\n+++ f\n@@ -2,5 +2,6 @@\n 2\n 3\n 4\n-5\n+five\n 6\n+7\n"
        );
    }

    #[test]
    fn far_changes_have_parts_of_their_own() {
        let old: String = (0..20).map(|number| format!("{number}\n")).collect();
        let new = old.replace("\n1\n", "\none\n").replace("\n18\n", "\n");
        let text = unified("f", Some(&old), &new);
        assert_eq!(text.matches("@@ -").count(), 2, "{text}");
        assert!(
            text.contains("@@ -1,5 +1,5 @@\n 0\n-1\n+one\n 2\n"),
            "{text}"
        );
        assert!(
            text.contains("@@ -16,5 +16,4 @@\n 15\n 16\n 17\n-18\n 19\n"),
            "{text}"
        );
    }
}
