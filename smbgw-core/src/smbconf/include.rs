//! One `include` line of ours in a file that is the administrator's.
//!
//! Samba reads an included file as if its text stood at the place of the `include` line, and stays
//! in whatever section that text ended in. The included file therefore has to end with a bare
//! `[global]` line, and the `include` line goes to the end of the first global section: with both,
//! no parameter of the administrator's changes its section.
//!
//! [`attach`] adds two lines, a marker comment and the `include`, and changes no other byte;
//! [`detach`] of the result is the original byte for byte. At the end of a file the line before
//! may not be ended, or may wait for its continuation; the line ends added to close it are counted
//! in the marker, so that they can be taken out again.
//!
//! ```
//! use smbgw_core::smbconf::include::{Edit, IncludePath, attach, detach};
//!
//! let path = IncludePath::new("/etc/samba/smbgw.conf")?;
//! let theirs = b"[global]\nworkgroup = CORP\n\n[media]\npath = /srv/media\n";
//! let Edit::Changed(attached) = attach(Some(theirs), &path) else { panic!() };
//! assert_eq!(
//!     attached,
//!     b"[global]\nworkgroup = CORP\n\
//!       ## Added by smbgw (padding 0): the line below brings in its shares\n\
//!       include = /etc/samba/smbgw.conf\n\
//!       \n[media]\npath = /srv/media\n"
//! );
//! assert_eq!(attach(Some(&attached), &path), Edit::Unchanged);
//! assert_eq!(detach(&attached, &path), Edit::Changed(theirs.to_vec()));
//! # Ok::<(), smbgw_core::smbconf::include::IncludePathError>(())
//! ```

use std::ops::Range;

use super::lex::{self, Document, Item, Line};
use super::names;

const MARKER: &str = "# Added by smbgw (padding ";
const MARKER_END: &str = "): the line below brings in its ";
const SKELETON_HEAD: &str =
    "# Created by smbgw, because there was no such file. Yours to edit.\n[global]\n";

/// The path of an included file, in the form Samba opens it unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncludePath {
    path: String,
    brings: &'static str,
}

/// Why a path cannot stand in an `include` line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IncludePathError {
    /// Samba would look for it relative to whatever its working directory is.
    #[error("the include path `{0}` is not absolute")]
    Relative(String),
    /// Samba's parser would change the path.
    #[error("the include path `{0:?}` has {1}, which smb.conf cannot carry")]
    Unwritable(String, &'static str),
}

impl IncludePath {
    /// Takes an absolute path that Samba neither substitutes macros in nor folds.
    pub fn new(path: &str) -> Result<Self, IncludePathError> {
        if !path.starts_with('/') {
            return Err(IncludePathError::Relative(path.to_owned()));
        }
        let problem = if path.contains('%') {
            Some("a `%`")
        } else if path.contains(|c: char| c.is_control()) {
            Some("a control character")
        } else if path.contains("  ") {
            Some("two spaces in a row")
        } else if path.ends_with(' ') {
            Some("a space at its end")
        } else if path.ends_with('\\') {
            Some("a backslash at its end")
        } else {
            None
        };
        match problem {
            Some(problem) => Err(IncludePathError::Unwritable(path.to_owned(), problem)),
            None => Ok(Self {
                path: path.to_owned(),
                brings: "shares",
            }),
        }
    }

    /// The same path, with `what` it brings in for people who read the file: `shares`, if not said.
    #[must_use]
    pub fn bringing(self, what: &'static str) -> Self {
        Self {
            brings: what,
            ..self
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.path
    }
}

/// How a text stands to our `include` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachment {
    /// The file is not included by this text, or only from a share section and not by us.
    Missing,
    /// Our two lines stand in a global section.
    Ours,
    /// A global section includes the file, and the line is not marked as ours.
    HandWritten,
    /// Our two lines stand in a share section, where someone moved them or put a header above.
    Misplaced,
}

/// What [`attach`] and [`detach`] make of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// There is nothing to write.
    Unchanged,
    /// The file's new text.
    Changed(Vec<u8>),
}

/// How `text` stands to the `include` of `path`.
pub fn attachment(text: &[u8], path: &IncludePath) -> Attachment {
    Survey::of(&lex::parse(text), path).attachment()
}

/// Whether Samba, reading `text`, comes by `path` in a global section.
pub fn is_attached(text: &[u8], path: &IncludePath) -> bool {
    matches!(
        attachment(text, path),
        Attachment::Ours | Attachment::HandWritten
    )
}

/// `text` with our lines in it. `None`, for a file that does not exist, gives the [`skeleton`].
///
/// The lines go behind the last parameter of the first `[global]` section; without such a section,
/// behind the last parameter before the first header (those are global too); without one, before
/// the first header or to the end. The one exception is a last parameter whose value ends the file
/// with a backslash, which would become a continuation mark: there they go before the section's
/// parameters.
pub fn attach(text: Option<&[u8]>, path: &IncludePath) -> Edit {
    let Some(text) = text else {
        return Edit::Changed(skeleton(path));
    };
    let document = lex::parse(text);
    let survey = Survey::of(&document, path);
    match survey.attachment() {
        Attachment::Ours | Attachment::HandWritten => Edit::Unchanged,
        Attachment::Missing => Edit::Changed(insert(&document, path)),
        Attachment::Misplaced => {
            let without = survey.cut_pairs(text);
            Edit::Changed(insert(&lex::parse(&without), path))
        }
    }
}

/// `text` without our lines and the padding they needed. An `include` of `path` that is not marked
/// as ours stays.
pub fn detach(text: &[u8], path: &IncludePath) -> Edit {
    let survey = Survey::of(&lex::parse(text), path);
    if survey.pairs.is_empty() {
        return Edit::Unchanged;
    }
    Edit::Changed(survey.cut_pairs(text))
}

/// The whole of an `smb.conf` that we make where there is none.
pub fn skeleton(path: &IncludePath) -> Vec<u8> {
    let mut text = SKELETON_HEAD.as_bytes().to_vec();
    push_lines(&mut text, 0, b"\n", path);
    text
}

/// Whether `text` is exactly what [`skeleton`] makes, or that after [`detach`]: nothing in it is
/// anyone else's, and the file may go.
pub fn is_skeleton(text: &[u8], path: &IncludePath) -> bool {
    text == SKELETON_HEAD.as_bytes() || text == skeleton(path)
}

/// Our lines as found in a text: a marker, and the `include` it is for.
struct Pair {
    marker: Range<usize>,
    padding: usize,
    include: Range<usize>,
    global: bool,
}

/// Everything in a text that has to do with the `include` of one path.
struct Survey {
    pairs: Vec<Pair>,
    hand_written: bool,
}

impl Survey {
    fn of(document: &Document<'_>, path: &IncludePath) -> Self {
        let mut survey = Self {
            pairs: Vec::new(),
            hand_written: false,
        };
        let mut global = true;
        let mut markers: Vec<(Range<usize>, usize)> = Vec::new();
        for line in document.lines() {
            match &line.item {
                Item::Blank => {}
                Item::Comment => {
                    if let Some(padding) = marker_padding(&document.text()[line.range.clone()]) {
                        markers.push((line.range.clone(), padding));
                    }
                }
                Item::Parameter { key, value }
                    if value.as_ref() == path.path.as_bytes() && names::same(key, b"include") =>
                {
                    match markers.pop() {
                        Some((marker, padding)) => {
                            let include = line.range.clone();
                            survey.pairs.push(Pair {
                                marker,
                                padding,
                                include,
                                global,
                            });
                        }
                        None => survey.hand_written |= global,
                    }
                }
                item => {
                    markers.clear();
                    if let Item::Section { name } = item {
                        global = names::is_global_section(name);
                    }
                }
            }
        }
        survey
    }

    fn attachment(&self) -> Attachment {
        if self.pairs.iter().any(|pair| pair.global) {
            Attachment::Ours
        } else if self.hand_written {
            Attachment::HandWritten
        } else if self.pairs.is_empty() {
            Attachment::Missing
        } else {
            Attachment::Misplaced
        }
    }

    fn cut_pairs(&self, text: &[u8]) -> Vec<u8> {
        let pairs = self.pairs.iter();
        let mut cuts: Vec<&Range<usize>> = pairs.flat_map(|p| [&p.marker, &p.include]).collect();
        cuts.sort_by_key(|cut| cut.start);
        let mut kept = Vec::with_capacity(text.len());
        let mut from = 0;
        for cut in cuts {
            kept.extend_from_slice(&text[from..cut.start]);
            from = cut.end;
        }
        kept.extend_from_slice(&text[from..]);
        // Padding was added at the end of the file only. Where text follows now, the line ends in
        // question have become somebody's.
        if let Some(last) = self.pairs.last()
            && last.marker.end == last.include.start
            && last.include.end == text.len()
        {
            let eol = end_of_line(&text[last.marker.clone()]).unwrap_or(b"\n");
            let length = without_padding(&kept, last.padding, eol);
            kept.truncate(length);
        }
        kept
    }
}

/// The padding a marker line tells of, if the line is one.
fn marker_padding(line: &[u8]) -> Option<usize> {
    let rest = lex::trim(line).strip_prefix(MARKER.as_bytes())?;
    let digits = rest.iter().position(|b| *b == b')')?;
    str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

/// How much of `text` is left when up to `padding` line ends are taken off its end, or all of it
/// when that would change what the last line says.
fn without_padding(text: &[u8], padding: usize, eol: &[u8]) -> usize {
    let mut length = text.len();
    for _ in 0..padding {
        if !text[..length].ends_with(eol) {
            break;
        }
        length -= eol.len();
    }
    if last_item(&text[..length]) == last_item(text) {
        length
    } else {
        text.len()
    }
}

fn last_item(text: &[u8]) -> Option<Item<'_>> {
    let lines = lex::parse(text).lines().to_vec();
    lines
        .into_iter()
        .map(|line| line.item)
        .rfind(|item| *item != Item::Blank)
}

/// Where our lines go, and how many line ends the text before them needs first.
struct Place {
    at: usize,
    padding: usize,
}

fn insert(document: &Document<'_>, path: &IncludePath) -> Vec<u8> {
    let text = document.text();
    let place = find_place(document);
    let before = &text[..place.at];
    let eol = end_of_line(before)
        .or_else(|| first_end_of_line(text))
        .unwrap_or(b"\n");
    let mut out = Vec::with_capacity(text.len() + 256);
    out.extend_from_slice(before);
    push_lines(&mut out, place.padding, eol, path);
    out.extend_from_slice(&text[place.at..]);
    out
}

fn push_lines(out: &mut Vec<u8>, padding: usize, eol: &[u8], path: &IncludePath) {
    for _ in 0..padding {
        out.extend_from_slice(eol);
    }
    out.extend_from_slice(format!("{MARKER}{padding}{MARKER_END}{}", path.brings).as_bytes());
    out.extend_from_slice(eol);
    out.extend_from_slice(format!("include = {}", path.path).as_bytes());
    out.extend_from_slice(eol);
}

fn find_place(document: &Document<'_>) -> Place {
    let lines = document.lines();
    let is_header = |line: &Line<'_>| matches!(line.item, Item::Section { .. });
    let is_global_header = |line: &Line<'_>| match &line.item {
        Item::Section { name } => names::is_global_section(name),
        _ => false,
    };
    let is_parameter = |line: &&Line<'_>| matches!(line.item, Item::Parameter { .. });

    let header = lines.iter().position(is_global_header);
    let from = header.map_or(0, |header| header + 1);
    let to = lines[from..]
        .iter()
        .position(is_header)
        .map_or(lines.len(), |next| from + next);
    let section = &lines[from..to];

    if let Some(last) = section.iter().rfind(is_parameter) {
        if last.complete {
            return Place {
                at: last.range.end,
                padding: 0,
            };
        }
        let joined = lex::joined(document.text(), &last.range);
        if !lex::pop_continuation(&mut joined.into_owned()) {
            return Place {
                at: last.range.end,
                padding: 1,
            };
        }
        let first = section.iter().find(is_parameter).unwrap_or(last);
        return Place {
            at: header.map_or(first.range.start, |h| lines[h].range.end),
            padding: 0,
        };
    }
    let behind = match header {
        Some(header) => Some(&lines[header]),
        None if to < lines.len() => {
            return Place {
                at: lines[to].range.start,
                padding: 0,
            };
        }
        None => lines.last(),
    };
    match behind {
        Some(line) => Place {
            at: line.range.end,
            padding: padding_behind(document, line),
        },
        None => Place { at: 0, padding: 0 },
    }
}

/// How many line ends it takes to end a line that sets nothing. Each backslash at its end swallows
/// one; what is lost with them is behind a `]`, or in a line Samba ignores.
fn padding_behind(document: &Document<'_>, line: &Line<'_>) -> usize {
    if line.complete {
        return 0;
    }
    if matches!(line.item, Item::Blank | Item::Comment) {
        return 1;
    }
    let mut joined = lex::joined(document.text(), &line.range).into_owned();
    let mut padding = 1;
    while lex::pop_continuation(&mut joined) {
        padding += 1;
    }
    padding
}

/// The line end that `text` ends with.
fn end_of_line(text: &[u8]) -> Option<&'static [u8]> {
    if text.ends_with(b"\r\n") {
        Some(b"\r\n")
    } else if text.ends_with(b"\n") {
        Some(b"\n")
    } else {
        None
    }
}

fn first_end_of_line(text: &[u8]) -> Option<&'static [u8]> {
    let newline = text.iter().position(|b| *b == b'\n')?;
    end_of_line(&text[..=newline])
}
