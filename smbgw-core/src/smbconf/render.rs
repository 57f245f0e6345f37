//! Writing sections that Samba reads back as meant.
//!
//! `smb.conf` has no escapes. A value cannot hold a line end, nor two spaces in a row (Samba folds
//! them), nor end in a backslash (that continues the line), nor have white space at its ends. And
//! there is no way to write a literal `%S` or `%U`: `%%` is not an escape, a server replaces `%%S`
//! by a percent sign and the share's name, and then looks for macros in the result once more. What
//! cannot be written is refused here, never changed.

use super::names;

/// A value to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Samba is to use exactly this text: what it would substitute or strip is refused.
    Literal(&'a str),
    /// Text in Samba's own syntax, with macros and quotes: only checked to stay on its line.
    Syntax(&'a str),
    /// A list of names, each of which Samba is to get exactly as it is.
    List(&'a [&'a str]),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Literal(text)
    }
}

/// Why something cannot be written to `smb.conf`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// A section name Samba would read differently.
    #[error("`{name:?}` cannot be a section name in smb.conf: {problem}")]
    Section {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: Problem,
    },
    /// A parameter name Samba would read differently.
    #[error("`{key:?}` cannot be a parameter name in smb.conf: {problem}")]
    Key {
        /// The name.
        key: String,
        /// What is wrong with it.
        problem: Problem,
    },
    /// A value Samba would read differently.
    #[error("smb.conf cannot carry `{value:?}` as the value of `{key}`: {problem}")]
    Value {
        /// The parameter.
        key: String,
        /// The value.
        value: String,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// What Samba would do to a text if it were written to `smb.conf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is nothing where a text has to be.
    #[error("it is empty")]
    Empty,
    /// A control character, line ends and NUL among them.
    #[error("it has a control character")]
    Control,
    /// White space that Samba takes off or folds.
    #[error("it begins or ends with a space or has two in a row")]
    Space,
    /// A backslash that would join the next line.
    #[error("it ends with a backslash")]
    Backslash,
    /// A `%` that Samba takes for a macro. There is no escape for it.
    #[error("it has a `%` before a letter, `$` or `(`, which Samba replaces")]
    Macro,
    /// A quote that Samba takes off.
    #[error("it has a quote that Samba takes off")]
    Quote,
    /// A character that has a meaning of its own in a name.
    #[error("it has the character `{0}`")]
    Reserved(char),
    /// A spelling of `global` that is not `global`.
    #[error("Samba takes it for `global`")]
    Global,
}

/// A section as text: its header and a parameter on each line.
///
/// ```
/// use smbgw_core::smbconf::render::{Value, render_section};
///
/// let section = render_section("media", &[
///     ("path", "/srv/media".into()),
///     ("valid users", Value::List(&["@CORP\\domain users", "anna"])),
/// ])?;
/// assert_eq!(
///     section,
///     "[media]\n\tpath = /srv/media\n\tvalid users = \"@CORP\\domain users\" anna\n"
/// );
/// # Ok::<(), smbgw_core::smbconf::render::RenderError>(())
/// ```
pub fn render_section(name: &str, parameters: &[(&str, Value<'_>)]) -> Result<String, RenderError> {
    check_section(name).map_err(|problem| RenderError::Section {
        name: name.to_owned(),
        problem,
    })?;
    let mut section = format!("[{name}]\n");
    for (key, value) in parameters {
        check_key(key).map_err(|problem| RenderError::Key {
            key: (*key).to_owned(),
            problem,
        })?;
        let value = render_value(key, value)?;
        section.push_str(&format!(
            "\t{key} ={}{value}\n",
            if value.is_empty() { "" } else { " " }
        ));
    }
    Ok(section)
}

/// One name of a list (`valid users` and the like), quoted if Samba would split it.
///
/// Quotes may as well stand around a whole `@group name`: Samba takes them off before it looks at
/// the `@`. A quote within a name cannot be written.
pub fn quote_list_item(item: &str) -> Result<String, Problem> {
    if item.is_empty() {
        return Err(Problem::Empty);
    }
    check_text(item)?;
    check_macros(item)?;
    if item.contains('"') {
        return Err(Problem::Quote);
    }
    let splits = item.contains([' ', ',', ';']) || item.ends_with('\\');
    Ok(if splits {
        format!("\"{item}\"")
    } else {
        item.to_owned()
    })
}

fn render_value(key: &str, value: &Value<'_>) -> Result<String, RenderError> {
    let refuse = |value: &str, problem| RenderError::Value {
        key: key.to_owned(),
        value: value.to_owned(),
        problem,
    };
    match value {
        Value::Literal(text) => {
            check_literal(text).map_err(|problem| refuse(text, problem))?;
            Ok((*text).to_owned())
        }
        Value::Syntax(text) => {
            check_text(text)
                .and_then(|()| check_end(text))
                .map_err(|p| refuse(text, p))?;
            Ok((*text).to_owned())
        }
        Value::List(items) => {
            let mut quoted = Vec::with_capacity(items.len());
            for item in *items {
                quoted.push(quote_list_item(item).map_err(|problem| refuse(item, problem))?);
            }
            Ok(quoted.join(" "))
        }
    }
}

fn check_section(name: &str) -> Result<(), Problem> {
    if name.is_empty() {
        return Err(Problem::Empty);
    }
    check_text(name)?;
    if name.contains(']') {
        return Err(Problem::Reserved(']'));
    }
    if name != "global" && names::is_global_section(name.as_bytes()) {
        return Err(Problem::Global);
    }
    Ok(())
}

fn check_key(key: &str) -> Result<(), Problem> {
    if key.is_empty() {
        return Err(Problem::Empty);
    }
    check_text(key)?;
    if key.contains('=') {
        return Err(Problem::Reserved('='));
    }
    match key.chars().next() {
        Some(first @ ('[' | '#' | ';')) => Err(Problem::Reserved(first)),
        _ => Ok(()),
    }
}

fn check_literal(text: &str) -> Result<(), Problem> {
    check_text(text)?;
    check_end(text)?;
    check_macros(text)?;
    if super::globals::unquoted(text.as_bytes()) != text.as_bytes() {
        return Err(Problem::Quote);
    }
    Ok(())
}

/// What holds for any text: Samba's line reader must hand it on as it is.
fn check_text(text: &str) -> Result<(), Problem> {
    if text.chars().any(char::is_control) {
        return Err(Problem::Control);
    }
    if text.starts_with(' ') || text.ends_with(' ') || text.contains("  ") {
        return Err(Problem::Space);
    }
    Ok(())
}

fn check_end(text: &str) -> Result<(), Problem> {
    if text.ends_with('\\') {
        Err(Problem::Backslash)
    } else {
        Ok(())
    }
}

/// Refuses every letter behind a `%`, also those no macro has today.
fn check_macros(text: &str) -> Result<(), Problem> {
    let is_macro = |pair: &[u8]| {
        pair[0] == b'%' && (pair[1].is_ascii_alphabetic() || matches!(pair[1], b'$' | b'('))
    };
    if text.as_bytes().windows(2).any(is_macro) {
        Err(Problem::Macro)
    } else {
        Ok(())
    }
}
