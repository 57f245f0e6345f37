//! Reading a configuration with the files it includes, in the order Samba does.

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::lex::{self, Item};
use super::names;

/// Samba gives up on a configuration whose includes are nested deeper than this.
pub const MAX_DEPTH: usize = 100;

/// How many included files, and how many bytes of them, are read before the rest is left out. Files
/// that include each other twice over would otherwise be read a number of times exponential in
/// their count.
const MAX_FILES: usize = 2_000;
const MAX_BYTES: usize = 64 << 20;

/// Gives the content of an included file, or `None` if there is no such file.
pub type ReadFile<'r> = &'r dyn Fn(&Path) -> Option<Vec<u8>>;

/// For reading a text alone: no included file exists.
pub fn no_files(_: &Path) -> Option<Vec<u8>> {
    None
}

/// An `include` parameter met on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// The value as Samba gets it. Quotes around a file name belong to the name.
    pub value: Vec<u8>,
    /// Whether it stands where global parameters do.
    pub global: bool,
    /// What became of it.
    pub target: Target,
}

/// What an `include` leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The configuration in Samba's registry (`net conf`), which is not read here.
    Registry,
    /// A file that was read.
    File,
    /// A file that is not there. Samba passes over it.
    Missing,
    /// A name with `%` macros, which Samba fills in for each client. Not read.
    Macro,
    /// A file that is including itself, or lies below [`MAX_DEPTH`], for which Samba refuses the
    /// whole configuration; or one beyond the number of files and bytes read here.
    TooDeep,
}

impl Include {
    /// The included file's name.
    pub fn path(&self) -> &Path {
        as_path(&self.value)
    }
}

/// What is told about a configuration, section after section, parameter after parameter.
pub trait Visitor {
    /// A `[global]` header.
    fn global(&mut self, _name: &[u8], _file: Option<&Path>) {}
    /// A header other than `[global]` begins a share, or comes back to one.
    fn share(&mut self, _name: &[u8], _file: Option<&Path>) {}
    /// A parameter of the global section, or (not `global`) of the share last told of.
    fn parameter(&mut self, _global: bool, _key: &[u8], _value: &[u8]) {}
    /// An `include`; what is in the file is told next.
    fn include(&mut self, _include: &Include) {}
    /// A line for which Samba refuses the whole configuration. Reading goes on behind it.
    fn malformed(&mut self, _file: Option<&Path>) {}
}

/// Reads `text` and the files it includes, and tells `visitor` what is in them.
///
/// As in Samba, the section an included file ends in goes on behind the `include` line.
pub fn walk(text: &[u8], read: ReadFile<'_>, visitor: &mut dyn Visitor) {
    let mut walk = Walk {
        read,
        visitor,
        global: true,
        open: HashSet::new(),
        files: 0,
        bytes: 0,
    };
    walk.text(text, None);
}

struct Walk<'w> {
    read: ReadFile<'w>,
    visitor: &'w mut dyn Visitor,
    global: bool,
    open: HashSet<PathBuf>,
    files: usize,
    bytes: usize,
}

impl Walk<'_> {
    fn text(&mut self, text: &[u8], file: Option<&Path>) {
        for line in lex::parse(text).lines() {
            match &line.item {
                Item::Blank | Item::Comment | Item::Ignored => {}
                Item::Malformed => self.visitor.malformed(file),
                Item::Section { name } => {
                    self.global = names::is_global_section(name);
                    if self.global {
                        self.visitor.global(name, file);
                    } else {
                        self.visitor.share(name, file);
                    }
                }
                Item::Parameter { key, value } => {
                    self.visitor.parameter(self.global, key, value);
                    if names::same(key, b"include") {
                        self.include(value);
                    }
                }
            }
        }
    }

    fn include(&mut self, value: &[u8]) {
        let path = as_path(value);
        let (target, content) = self.resolve(value, path);
        let include = Include {
            value: value.to_vec(),
            global: self.global,
            target,
        };
        self.visitor.include(&include);
        if let Some(content) = content {
            self.files += 1;
            self.bytes = self.bytes.saturating_add(content.len());
            self.open.insert(path.to_owned());
            self.text(&content, Some(path));
            self.open.remove(path);
        }
    }

    fn resolve(&self, value: &[u8], path: &Path) -> (Target, Option<Vec<u8>>) {
        if value.eq_ignore_ascii_case(b"registry") {
            return (Target::Registry, None);
        }
        if value.contains(&b'%') {
            return (Target::Macro, None);
        }
        let too_deep = self.open.len() >= MAX_DEPTH || self.open.contains(path);
        if too_deep || self.files >= MAX_FILES || self.bytes >= MAX_BYTES {
            return (Target::TooDeep, None);
        }
        match (self.read)(path) {
            Some(content) => (Target::File, Some(content)),
            None => (Target::Missing, None),
        }
    }
}

fn as_path(bytes: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}
