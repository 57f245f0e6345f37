//! The global parameters a configuration sets explicitly.

use std::collections::HashMap;

use super::names::{self, Identity};
use super::walk::{self, Include, ReadFile, Target, Visitor};

/// The global parameters set in a text, last setting wins, and what it includes.
///
/// Not in here: Samba's defaults, the `smb.conf` of the registry, and what Samba makes of a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Globals {
    settings: Vec<Setting>,
    index: HashMap<Identity, usize>,
    includes: Vec<Include>,
}

/// A parameter and its last value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The name, as [`names::canonical`] gives it; with U+FFFD for what is not UTF-8.
    pub name: String,
    /// The value as Samba gets it, quotes and macros untouched.
    pub value: Vec<u8>,
}

/// What `text` alone sets; its includes are listed, not followed.
///
/// ```
/// use smbgw_core::smbconf::globals::explicit_globals;
///
/// let globals = explicit_globals(b"[global]\nmin protocol = SMB2\nSecurity=ads\n");
/// assert_eq!(globals.get("server min protocol"), Some(&b"SMB2"[..]));
/// assert_eq!(globals.text("security").as_deref(), Some("ads"));
/// assert_eq!(globals.get("realm"), None);
/// ```
pub fn explicit_globals(text: &[u8]) -> Globals {
    explicit_globals_following(text, &walk::no_files)
}

/// What `text` and the files it includes set, the files being read with `read`.
pub fn explicit_globals_following(text: &[u8], read: ReadFile<'_>) -> Globals {
    let mut collect = Collect::default();
    walk::walk(text, read, &mut collect);
    collect.globals
}

impl Globals {
    /// The last value of a parameter, under any of its names.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let index = *self.index.get(&names::identity(name.as_bytes()))?;
        Some(&self.settings[index].value)
    }

    /// The last value of a parameter as text, with U+FFFD for what is not UTF-8.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The last value of a yes/no parameter; `None` also for a value that is neither, at which Samba
    /// refuses the whole configuration.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match names::squeezed(self.get(name)?).as_slice() {
            b"yes" | b"true" | b"on" | b"1" => Some(true),
            b"no" | b"false" | b"off" | b"0" => Some(false),
            _ => None,
        }
    }

    /// Every parameter set, in the order of their first settings.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// Every `include` met, in order, those in share sections as well.
    pub fn includes(&self) -> &[Include] {
        &self.includes
    }

    /// Whether Samba takes its whole configuration from the registry, and nothing else in the text
    /// counts (`config backend = registry`).
    pub fn uses_registry_only(&self) -> bool {
        self.get("config backend")
            .is_some_and(|value| names::squeezed(value) == b"registry")
    }

    /// Whether Samba adds the registry's parameters and shares to those of the text
    /// (`include = registry` in a global section).
    pub fn includes_registry(&self) -> bool {
        self.includes
            .iter()
            .any(|include| include.global && include.target == Target::Registry)
    }
}

/// A string value without the quotes around it, which Samba takes off unless there are more inside.
pub(super) fn unquoted(value: &[u8]) -> &[u8] {
    let start = value.iter().position(|b| *b != b'"').unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(|b| *b != b'"')
        .map_or(start, |last| last + 1);
    let inner = &value[start..end];
    if inner.contains(&b'"') { value } else { inner }
}

#[derive(Default)]
struct Collect {
    globals: Globals,
}

impl Visitor for Collect {
    fn parameter(&mut self, global: bool, key: &[u8], value: &[u8]) {
        if !global {
            return;
        }
        let Globals {
            settings, index, ..
        } = &mut self.globals;
        let index = *index.entry(names::identity(key)).or_insert_with(|| {
            settings.push(Setting {
                name: names::canonical(key),
                value: Vec::new(),
            });
            settings.len() - 1
        });
        settings[index].value = value.to_vec();
    }

    fn include(&mut self, include: &Include) {
        self.globals.includes.push(include.clone());
    }
}
