//! `ctdb.conf`: sections with settings, much as in `smb.conf`; but names of settings are in small letters, and
//! an empty value is none. `tests/host_files.rs` compares with ctdb's own reader.

use std::net::IpAddr;

use super::{FileError, lines, push_line};

const FILE: &str = "ctdb.conf";

/// A setting that a cluster is set up with, and the section that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Setting {
    /// Where ctdbd logs to.
    LogLocation,
    /// How much it logs.
    LogLevel,
    /// What keeps two parts of a cluster apart: a file on shared storage, or `!` and a program.
    ClusterLock,
    /// Whether the node may lead.
    LeaderCapability,
    /// Seconds without a leader after which one is elected. With 1 no leader stays one.
    LeaderTimeout,
    /// The private address of this node, where ctdbd cannot find it by itself.
    NodeAddress,
    /// Where local copies of databases are that do not outlive a restart.
    VolatileDirectory,
    /// Where local copies of databases are that do.
    PersistentDirectory,
    /// Where ctdb keeps databases of its own.
    StateDirectory,
    /// Whether public addresses stay where they are.
    FailoverDisabled,
    /// Whether the node starts stopped.
    StartAsStopped,
    /// Whether the node starts disabled.
    StartAsDisabled,
    /// Whether ctdbd runs before everything else.
    RealtimeScheduling,
}

/// What a value has to be.
enum Kind {
    Text,
    Truth,
    Seconds { least: u32 },
    Address,
    Directory,
}

impl Setting {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::LogLocation,
        Self::LogLevel,
        Self::ClusterLock,
        Self::LeaderCapability,
        Self::LeaderTimeout,
        Self::NodeAddress,
        Self::VolatileDirectory,
        Self::PersistentDirectory,
        Self::StateDirectory,
        Self::FailoverDisabled,
        Self::StartAsStopped,
        Self::StartAsDisabled,
        Self::RealtimeScheduling,
    ];

    /// The section that it is in, and its name there.
    pub const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::LogLocation => ("logging", "location"),
            Self::LogLevel => ("logging", "log level"),
            Self::ClusterLock => ("cluster", "cluster lock"),
            Self::LeaderCapability => ("cluster", "leader capability"),
            Self::LeaderTimeout => ("cluster", "leader timeout"),
            Self::NodeAddress => ("cluster", "node address"),
            Self::VolatileDirectory => ("database", "volatile database directory"),
            Self::PersistentDirectory => ("database", "persistent database directory"),
            Self::StateDirectory => ("database", "state database directory"),
            Self::FailoverDisabled => ("failover", "disabled"),
            Self::StartAsStopped => ("legacy", "start as stopped"),
            Self::StartAsDisabled => ("legacy", "start as disabled"),
            Self::RealtimeScheduling => ("legacy", "realtime scheduling"),
        }
    }

    /// Its name before Samba 4.16, which later versions read as well, where it had another one.
    const fn former_name(self) -> Option<&'static str> {
        match self {
            Self::ClusterLock => Some("recovery lock"),
            _ => None,
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::LogLocation | Self::LogLevel | Self::ClusterLock => Kind::Text,
            Self::LeaderTimeout => Kind::Seconds { least: 2 },
            Self::NodeAddress => Kind::Address,
            Self::VolatileDirectory | Self::PersistentDirectory | Self::StateDirectory => {
                Kind::Directory
            }
            Self::LeaderCapability
            | Self::FailoverDisabled
            | Self::StartAsStopped
            | Self::StartAsDisabled
            | Self::RealtimeScheduling => Kind::Truth,
        }
    }

    /// Whether the setting can have this value.
    ///
    /// # Errors
    ///
    /// [`FileError::Value`] where it cannot.
    pub fn check(self, value: &str) -> Result<(), FileError> {
        let is_line =
            !value.is_empty() && value.trim() == value && !value.contains(['\n', '\r', '\0']);
        // A backslash at the end would take the next line in.
        let is_line = is_line && !value.ends_with('\\');
        let (is_good, wanted) = match self.kind() {
            Kind::Text => (true, "text on one line"),
            Kind::Truth => (truth(value).is_some(), "true or false"),
            Kind::Seconds { least } => (
                value.parse().is_ok_and(|seconds: u32| seconds >= least),
                "a number of seconds, at least 2",
            ),
            Kind::Address => (value.parse::<IpAddr>().is_ok(), "an address"),
            Kind::Directory => (value.starts_with('/'), "an absolute path"),
        };
        if is_line && is_good {
            return Ok(());
        }
        let (section, name) = self.name();
        Err(FileError::Value {
            name: format!("'{name}' in [{section}]"),
            value: value.to_owned(),
            wanted,
        })
    }
}

/// The text of a `ctdb.conf`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CtdbConf {
    lines: Vec<String>,
}

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Nothing,
    Section(&'a str),
    Value(&'a str, &'a str),
}

impl CtdbConf {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// [`FileError::Line`] for a section without an end, a setting without a value or in no section, and a line
    /// that goes on in the next one, which ctdb reads and this does not. What is on a line without `=` is
    /// nothing, as for ctdb; that a name is known is not looked at.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let lines = lines(text);
        let mut is_in_section = false;
        for (line, text) in (1..).zip(&lines) {
            let wrong = |wanted| FileError::Line {
                file: FILE,
                line,
                text: text.trim().to_owned(),
                wanted,
            };
            match read(text)
                .ok_or_else(|| wrong("a section, or a setting with a value on one line"))?
            {
                Line::Section(_) => is_in_section = true,
                Line::Value(..) if !is_in_section => return Err(wrong("in a section")),
                Line::Nothing | Line::Value(..) => {}
            }
        }
        Ok(Self { lines })
    }

    /// The value of a setting: the last one, which is the one that counts. One by its former name counts where there
    /// is none by the present one.
    pub fn get(&self, setting: Setting) -> Option<&str> {
        let (at, _) = self.place(setting)?;
        match read(&self.lines[at]) {
            Some(Line::Value(_, value)) => Some(value),
            _ => None,
        }
    }

    /// The value of a setting that is true or false.
    ///
    /// # Errors
    ///
    /// [`FileError::Value`] where it is neither.
    pub fn truth(&self, setting: Setting) -> Result<Option<bool>, FileError> {
        let Some(value) = self.get(setting) else {
            return Ok(None);
        };
        setting.check(value)?;
        Ok(truth(value))
    }

    /// Sets a setting, in the line that counts and by the name that it has there, or in a new one at the end of its
    /// section.
    ///
    /// # Errors
    ///
    /// [`FileError::Value`] for a value that it cannot have.
    pub fn set(&mut self, setting: Setting, value: &str) -> Result<(), FileError> {
        setting.check(value)?;
        if self.get(setting) == Some(value) {
            return Ok(());
        }
        if let Some((at, name)) = self.place(setting) {
            let old = &self.lines[at];
            let indent = &old[..old.len() - old.trim_start().len()];
            self.lines[at] = format!("{indent}{name} = {value}\n");
            return Ok(());
        }
        let (section, name) = setting.name();
        self.add(section, name, value);
        Ok(())
    }

    /// Has a setting be as in `other`, by the name that it has there.
    ///
    /// # Errors
    ///
    /// [`FileError::Value`] for a value that it cannot have.
    pub fn set_as_in(&mut self, setting: Setting, other: &Self) -> Result<(), FileError> {
        let theirs = other.place(setting).map(|(_, name)| name);
        let is_same = self.place(setting).map(|(_, name)| name) == theirs;
        if is_same && self.get(setting) == other.get(setting) {
            return Ok(());
        }
        self.unset(setting);
        if let (Some(name), Some(value)) = (theirs, other.get(setting)) {
            setting.check(value)?;
            self.add(setting.name().0, name, value);
        }
        Ok(())
    }

    /// Adds a line at the end of a section.
    fn add(&mut self, section: &str, name: &str, value: &str) {
        let line = format!("\t{name} = {value}");
        match self.end_of(section) {
            Some(at) => {
                let mut rest = self.lines.split_off(at);
                push_line(&mut self.lines, &line);
                self.lines.append(&mut rest);
            }
            None => {
                push_line(&mut self.lines, &format!("[{section}]"));
                push_line(&mut self.lines, &line);
            }
        }
    }

    /// Takes a setting out, wherever it is and by whatever name.
    pub fn unset(&mut self, setting: Setting) {
        let (section, name) = setting.name();
        for name in [Some(name), setting.former_name()].into_iter().flatten() {
            let places: Vec<usize> = self.places(section, name).collect();
            for at in places.into_iter().rev() {
                self.lines.remove(at);
            }
        }
    }

    /// The text of the file.
    pub fn render(&self) -> String {
        self.lines.concat()
    }

    /// The line that counts for a setting, and the name that it has there.
    fn place(&self, setting: Setting) -> Option<(usize, &'static str)> {
        let (section, name) = setting.name();
        let mut names = [Some(name), setting.former_name()].into_iter().flatten();
        names.find_map(|name| Some((self.places(section, name).next_back()?, name)))
    }

    /// The lines in which a setting of that section and name is.
    fn places(&self, wanted: &str, name: &str) -> impl DoubleEndedIterator<Item = usize> + use<> {
        let mut section = "";
        let mut found = Vec::new();
        for (at, line) in self.lines.iter().enumerate() {
            match read(line) {
                Some(Line::Section(name)) => section = name,
                Some(Line::Value(found_name, _))
                    if section.eq_ignore_ascii_case(wanted) && is_same(found_name, name) =>
                {
                    found.push(at);
                }
                _ => {}
            }
        }
        found.into_iter()
    }

    /// Where the last line of a section with something in it ends.
    fn end_of(&self, wanted: &str) -> Option<usize> {
        let mut is_in = false;
        let mut end = None;
        for (at, line) in self.lines.iter().enumerate() {
            if let Some(Line::Section(name)) = read(line) {
                is_in = name.eq_ignore_ascii_case(wanted);
            }
            if is_in && !line.trim().is_empty() {
                end = Some(at + 1);
            }
        }
        end
    }
}

/// What a line is; `None` for one that is nothing that can be here.
fn read(line: &str) -> Option<Line<'_>> {
    let text = line.trim();
    if text.is_empty() || text.starts_with(['#', ';']) {
        return Some(Line::Nothing);
    }
    if text.ends_with('\\') {
        return None;
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (name, _) = rest.split_once(']')?;
        return (!name.is_empty()).then_some(Line::Section(name));
    }
    let Some((name, value)) = text.split_once('=') else {
        return Some(Line::Nothing);
    };
    let (name, value) = (name.trim(), value.trim());
    (!name.is_empty() && !value.is_empty()).then_some(Line::Value(name, value))
}

/// Whether two names of settings are one: blanks count once.
fn is_same(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        _ => None,
    }
}
