//! `script.options`: what event scripts are told, in assignments of the shell.
//!
//! The shell reads this file. What is understood here are assignments of plain text; any other line is left
//! as it is, and an option that is set by it has no value here.

use super::{FileError, lines, push_line};

/// The text of a `script.options`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptOptions {
    lines: Vec<String>,
}

impl ScriptOptions {
    /// Reads the text of a file. Nothing is wrong with any: it is a script.
    pub fn parse(text: &str) -> Self {
        Self { lines: lines(text) }
    }

    /// The value of an option: that of the last assignment, where it is plain text.
    pub fn get(&self, name: &str) -> Option<String> {
        let at = self.place(name)?;
        let (_, value) = assignment(&self.lines[at])?;
        unquote(value)
    }

    /// Sets an option, in its last assignment or in a new line.
    ///
    /// # Errors
    ///
    /// [`FileError::OptionName`] for a name that no variable of the shell can have, and
    /// [`FileError::Value`] for a value of more than one line.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), FileError> {
        if !is_name(name) {
            let name = name.to_owned();
            return Err(FileError::OptionName { name });
        }
        if value.contains(['\n', '\r', '\0']) {
            return Err(FileError::Value {
                name: name.to_owned(),
                value: value.to_owned(),
                wanted: "text on one line",
            });
        }
        if self.get(name).as_deref() == Some(value) {
            return Ok(());
        }
        let line = format!("{name}={}", quote(value));
        match self.place(name) {
            Some(at) => self.lines[at] = format!("{line}\n"),
            None => push_line(&mut self.lines, &line),
        }
        Ok(())
    }

    /// Takes all assignments of an option out.
    pub fn unset(&mut self, name: &str) {
        self.lines
            .retain(|line| assignment(line).is_none_or(|(known, _)| known != name));
    }

    /// The text of the file.
    pub fn render(&self) -> String {
        self.lines.concat()
    }

    fn place(&self, name: &str) -> Option<usize> {
        let is_it = |line: &String| assignment(line).is_some_and(|(known, _)| known == name);
        self.lines.iter().rposition(is_it)
    }
}

/// The name and the value, as it is written, of a line that assigns one.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.trim().split_once('=')?;
    is_name(name).then_some((name, value))
}

fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(is_letter) && name.starts_with(|c: char| !c.is_ascii_digit())
}

/// The text that the shell makes of a word, where no more than quotes stands in the way.
fn unquote(word: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let (part, after) = match first {
            '\'' => rest[1..].split_once('\'')?,
            '"' => {
                let (part, after) = rest[1..].split_once('"')?;
                if part.contains(['$', '`', '\\']) {
                    return None;
                }
                (part, after)
            }
            _ if is_plain(first) => rest.split_at(first.len_utf8()),
            _ if rest.trim_start().is_empty() || is_comment(rest) => break,
            '\\' => {
                let escaped = rest[1..].chars().next()?;
                rest[1..].split_at(escaped.len_utf8())
            }
            _ => return None,
        };
        text.push_str(part);
        rest = after;
    }
    Some(text)
}

fn is_comment(rest: &str) -> bool {
    rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#')
}

/// Whether the shell takes a character as it is, wherever it stands.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./:,@%+=".contains(c)
}

fn quote(value: &str) -> String {
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}
