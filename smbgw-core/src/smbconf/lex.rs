//! A lossless model of `smb.conf`: logical lines over the original bytes.
//!
//! What a logical line is follows Samba's parser exactly, oddities included:
//!
//! - A comment starts with `#` or `;` as the first character that is not white space, and ends
//!   with its physical line: a backslash does not continue it. Anywhere else `#` and `;` are text.
//! - A backslash before the line end continues the line, also with white space between the two
//!   (so with CRLF too). It continues *across comments and headers*: what follows is text.
//! - A run of white space, of any kind and length, counts as its first character.
//! - A backslash before the end of the *file* is text.
//! - Text after the `]` of a header is ignored, and the name between the brackets is not trimmed.
//! - A line without `=` is ignored, as is anything after a NUL byte. A header without `]`, or a
//!   line with nothing before its `=`, makes Samba refuse the whole file.

use std::borrow::Cow;
use std::ops::Range;

/// A parsed text. See [`parse`].
#[derive(Debug, Clone)]
pub struct Document<'a> {
    text: &'a [u8],
    lines: Vec<Line<'a>>,
}

/// One logical line: where it lies in the text, and what Samba takes it for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// The bytes of the line with its line end. The ranges of a document touch and cover it.
    pub range: Range<usize>,
    /// What Samba takes the line for.
    pub item: Item<'a>,
    /// Whether the line is ended by a line end that does not continue it. Only the last line of a
    /// document can be without.
    pub complete: bool,
}

/// What a logical line is to Samba.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<'a> {
    /// Nothing but white space.
    Blank,
    /// A comment line.
    Comment,
    /// `[name]`, the name as it stands between the brackets with white space folded.
    Section {
        /// The name, not trimmed: to Samba `[ media ]` is a share called ` media `.
        name: Cow<'a, [u8]>,
    },
    /// `key = value`.
    Parameter {
        /// The name as written, trimmed, white space folded. See [`super::names::canonical`].
        key: Cow<'a, [u8]>,
        /// The value as Samba gets it: trimmed, white space folded, continuation lines joined.
        value: Cow<'a, [u8]>,
    },
    /// A line Samba skips without a word: no `=` in it.
    Ignored,
    /// A line at which Samba gives up on the whole file.
    Malformed,
}

impl<'a> Document<'a> {
    /// The text the document was parsed from.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The logical lines in order.
    pub fn lines(&self) -> &[Line<'a>] {
        &self.lines
    }

    /// The document as bytes again: the lines one after the other, equal to the text parsed.
    pub fn render(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len());
        for line in &self.lines {
            out.extend_from_slice(&self.text[line.range.clone()]);
        }
        out
    }
}

/// Splits `text` into logical lines. Never fails, and takes time linear in the text.
///
/// ```
/// use smbgw_core::smbconf::lex::{Item, parse};
///
/// let document = parse(b"[global]\n  server  string = a \\\n  b\n");
/// let Item::Parameter { key, value } = &document.lines()[1].item else { panic!() };
/// assert_eq!(key.as_ref(), b"server string");
/// assert_eq!(value.as_ref(), b"a b");
/// assert_eq!(document.render(), document.text());
/// ```
pub fn parse(text: &[u8]) -> Document<'_> {
    let mut lines = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let line = logical_line(text, at);
        at = line.range.end;
        lines.push(line);
    }
    Document { text, lines }
}

/// What the C locale's `isspace` says, which Samba asks.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes
        .iter()
        .position(|b| !is_space(*b))
        .unwrap_or(bytes.len());
    let end = bytes
        .iter()
        .rposition(|b| !is_space(*b))
        .map_or(start, |last| last + 1);
    &bytes[start..end]
}

/// The text of the logical line at `range` as Samba holds it before looking for `=` or `]`:
/// without leading white space, folded, joined, and not yet cut at a NUL.
pub(super) fn joined<'a>(text: &'a [u8], range: &Range<usize>) -> Cow<'a, [u8]> {
    let content = content_start(text, range.start);
    join(&text[..range.end], content).0
}

fn logical_line(text: &[u8], start: usize) -> Line<'_> {
    let content = content_start(text, start);
    let first = text.get(content).copied();
    let (item, end, complete) = match first {
        None => (Item::Blank, text.len(), false),
        Some(b'\n') => (Item::Blank, content + 1, true),
        Some(b'#' | b';') => {
            let newline = find_newline(text, content);
            let end = newline.map_or(text.len(), |newline| newline + 1);
            (Item::Comment, end, newline.is_some())
        }
        Some(_) => {
            let (joined, end, complete) = join(text, content);
            (classify(joined), end, complete)
        }
    };
    Line {
        range: start..end,
        item,
        complete,
    }
}

/// Where the first byte lies that is not white space, or the line end if it comes before one.
fn content_start(text: &[u8], start: usize) -> usize {
    let skipped = text[start..]
        .iter()
        .position(|b| !is_space(*b) || *b == b'\n');
    skipped.map_or(text.len(), |skipped| start + skipped)
}

fn find_newline(text: &[u8], from: usize) -> Option<usize> {
    text[from..]
        .iter()
        .position(|b| *b == b'\n')
        .map(|offset| from + offset)
}

/// The joined text of the logical line whose content starts at `content`, where the line ends, and
/// whether a line end ended it.
fn join(text: &[u8], content: usize) -> (Cow<'_, [u8]>, usize, bool) {
    let newline = find_newline(text, content);
    let physical = &text[content..newline.unwrap_or(text.len())];
    if is_plain(physical, newline.is_some()) {
        let end = newline.map_or(text.len(), |newline| newline + 1);
        return (Cow::Borrowed(physical), end, newline.is_some());
    }
    let mut buffer = Vec::with_capacity(physical.len());
    for (offset, &byte) in text[content..].iter().enumerate() {
        if byte == b'\n' && !pop_continuation(&mut buffer) {
            return (Cow::Owned(buffer), content + offset + 1, true);
        }
        let folds = is_space(byte) && buffer.last().is_some_and(|last| is_space(*last));
        if byte != b'\n' && !folds {
            buffer.push(byte);
        }
    }
    (Cow::Owned(buffer), text.len(), false)
}

/// Takes the continuation mark off the end of `buffer`, if there is one: a backslash, or a
/// backslash and (folded) white space.
pub(super) fn pop_continuation(buffer: &mut Vec<u8>) -> bool {
    let kept = match buffer.as_slice() {
        [kept @ .., b'\\'] => kept.len(),
        [kept @ .., b'\\', last] if is_space(*last) => kept.len(),
        _ => return false,
    };
    buffer.truncate(kept);
    true
}

/// Whether a physical line is its own joined text: nothing to fold, and not continued.
fn is_plain(physical: &[u8], ended: bool) -> bool {
    let continued = ended
        && match physical {
            [.., b'\\'] => true,
            [.., b'\\', last] => is_space(*last),
            _ => false,
        };
    !continued
        && !physical
            .windows(2)
            .any(|pair| is_space(pair[0]) && is_space(pair[1]))
}

fn classify(joined: Cow<'_, [u8]>) -> Item<'_> {
    let length = joined.iter().position(|b| *b == 0).unwrap_or(joined.len());
    let seen = &joined[..length];
    if seen.is_empty() {
        return Item::Ignored;
    }
    if seen[0] == b'[' {
        return match seen.iter().position(|b| *b == b']') {
            Some(close) => Item::Section {
                name: part(&joined, 1..close),
            },
            None => Item::Malformed,
        };
    }
    match seen.iter().position(|b| *b == b'=') {
        None => Item::Ignored,
        Some(0) => Item::Malformed,
        Some(equals) => Item::Parameter {
            key: part(&joined, trimmed(seen, 0..equals)),
            value: part(&joined, trimmed(seen, equals + 1..length)),
        },
    }
}

/// `range` without one byte of white space at each end: folding left at most one.
fn trimmed(bytes: &[u8], mut range: Range<usize>) -> Range<usize> {
    if !range.is_empty() && is_space(bytes[range.start]) {
        range.start += 1;
    }
    if !range.is_empty() && is_space(bytes[range.end - 1]) {
        range.end -= 1;
    }
    range
}

fn part<'a>(joined: &Cow<'a, [u8]>, range: Range<usize>) -> Cow<'a, [u8]> {
    match joined {
        Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[range]),
        Cow::Owned(bytes) => Cow::Owned(bytes[range].to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &[u8]) -> Vec<Item<'_>> {
        parse(text)
            .lines
            .into_iter()
            .map(|line| line.item)
            .collect()
    }

    fn parameter<'a>(key: &'a str, value: &'a str) -> Item<'a> {
        Item::Parameter {
            key: Cow::Borrowed(key.as_bytes()),
            value: Cow::Borrowed(value.as_bytes()),
        }
    }

    fn section(name: &str) -> Item<'_> {
        Item::Section {
            name: Cow::Borrowed(name.as_bytes()),
        }
    }

    #[test]
    fn comments_are_not_continued() {
        assert_eq!(
            items(b" ;c\\\na=b ; # c\n"),
            [Item::Comment, parameter("a", "b ; # c")]
        );
    }

    #[test]
    fn continuation_joins_whatever_follows() {
        assert_eq!(items(b"a = b\\\n[c]\n"), [parameter("a", "b[c]")]);
        assert_eq!(items(b"[a]\\\nb = c\n"), [section("a")]);
        assert_eq!(items(b"\\\n#a = b\n"), [parameter("#a", "b")]);
        assert_eq!(items(b"a = b\\\r\n  c\r\n"), [parameter("a", "b c")]);
        assert_eq!(items(b"a = b\\ \t\nc\n"), [parameter("a", "bc")]);
        assert_eq!(items(b"a = b\\\\\n\nc=d\n"), [parameter("a", "bc=d")]);
    }

    #[test]
    fn backslash_at_the_end_of_the_file_is_text() {
        assert_eq!(items(b"a = b\\"), [parameter("a", "b\\")]);
        assert_eq!(items(b"a = b\\\n"), [parameter("a", "b")]);
        assert!(!parse(b"a = b\\\n").lines()[0].complete);
    }

    #[test]
    fn white_space_is_folded() {
        assert_eq!(
            items(b"\t a \t b =  c \t d \r\n"),
            [parameter("a b", "c d")]
        );
        assert_eq!(items(b"[ a  b ]  c=d\n"), [section(" a b ")]);
    }

    #[test]
    fn nul_ends_what_samba_sees() {
        assert_eq!(items(b"a\0=b\n"), [Item::Ignored]);
        assert_eq!(items(b"\0a=b\n"), [Item::Ignored]);
        assert_eq!(items(b"a=b\0c\n"), [parameter("a", "b")]);
        assert_eq!(items(b"[a\0]\n"), [Item::Malformed]);
    }

    #[test]
    fn lines_samba_refuses() {
        assert_eq!(items(b"[a\n"), [Item::Malformed]);
        assert_eq!(items(b" =a\n"), [Item::Malformed]);
        assert_eq!(items(b"word\n"), [Item::Ignored]);
    }
}
