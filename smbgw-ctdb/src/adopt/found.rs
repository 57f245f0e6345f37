//! What the files of one node say of its cluster.

use std::net::IpAddr;
use std::path::Path;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Problem;
use smbgw_core::host::Host;
use smbgw_core::layout::SMB_CONF;
use smbgw_core::smbconf::globals::{Globals, explicit_globals_following};

use crate::ctl::Ctl;
use crate::files::{CtdbConf, NodesFile, PublicAddresses, Setting};
use crate::node::Member;
use crate::record::{self, ClusterRecord, Managed};
use crate::setup::{CTDB_CONF, NODES, PUBLIC_ADDRESSES, SCRIPT_OPTIONS, TUNABLES};

/// What is said on one node.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Its `nodes` file: text and meaning.
    pub nodes: (String, NodesFile),
    /// What it may have.
    pub addresses: PublicAddresses,
    /// `cluster lock` of its `ctdb.conf`.
    pub lock: Option<String>,
    /// `leader timeout` of its `ctdb.conf`.
    pub leader_timeout: Option<String>,
    /// Its `ctdb.tunables`.
    pub tunables: Vec<(String, u32)>,
    /// The assignments of its `script.options`.
    pub options: Vec<String>,
    /// The event scripts that are enabled.
    pub scripts: Vec<String>,
    /// What its Samba is known as.
    pub netbios_name: Option<String>,
    /// Whether its Samba is one of a cluster.
    pub is_clustered: bool,
    /// Its record, if it has one: text and meaning.
    pub record: (Option<Vec<u8>>, Option<ClusterRecord>),
}

impl Found {
    /// Reads the files of a node; what cannot be read is told and taken for empty.
    pub(super) fn read(member: Member<'_>, deadline: Deadline) -> (Self, Vec<Problem>) {
        let mut reading = Reading {
            member,
            problems: Vec::new(),
        };
        let text = reading.text(NODES);
        let nodes = reading.parsed(NodesFile::parse(&text));
        let addresses = PublicAddresses::parse(&reading.text(PUBLIC_ADDRESSES));
        let addresses = reading.parsed(addresses);
        let conf = CtdbConf::parse(&reading.text(CTDB_CONF));
        let conf = reading.parsed(conf);
        let value = |setting| conf.get(setting).map(str::to_owned);
        let globals = reading.globals();
        let record = match ClusterRecord::load(member.host) {
            Ok(record) => record,
            Err(error) => {
                reading.tell(&error);
                None
            }
        };
        let found = Self {
            nodes: (text, nodes),
            addresses,
            lock: value(Setting::ClusterLock),
            leader_timeout: value(Setting::LeaderTimeout),
            tunables: tunables(&reading.text(TUNABLES)),
            options: assignments(&reading.text(SCRIPT_OPTIONS)),
            scripts: reading.scripts(deadline),
            netbios_name: globals.text("netbios name"),
            is_clustered: globals.flag("clustering") == Some(true),
            record: (reading.bytes(record::FILE), record),
        };
        (found, reading.problems)
    }

    /// What ctdb starts, stops and watches there.
    pub(super) fn managed(&self) -> Managed {
        let runs = |name: &str| self.scripts.iter().any(|script| script == name);
        Managed {
            samba: runs("50.samba"),
            winbind: runs("49.winbind"),
        }
    }

    /// The nodes by their numbers; none for one that is gone.
    pub(super) fn numbers(&self) -> Vec<Option<IpAddr>> {
        let slots = self.nodes.1.slots().iter();
        slots.map(|slot| slot.address).collect()
    }

    /// The address that a node which is gone had, where the line still says it.
    pub(super) fn former_address(&self, line: usize) -> Option<IpAddr> {
        let text = self.nodes.0.lines().nth(line.checked_sub(1)?)?;
        text.trim_start_matches([' ', '\t', '#'])
            .trim()
            .parse()
            .ok()
    }
}

/// One node whose files are read, and what is wrong with them.
struct Reading<'a> {
    member: Member<'a>,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn tell(&mut self, error: &dyn smbgw_core::error::Coded) {
        let name = self.member.spec.name.to_string();
        self.problems.push(Problem::from_error(name, error));
    }

    fn bytes(&mut self, path: &str) -> Option<Vec<u8>> {
        match self.member.host.read(Path::new(path)) {
            Ok(content) => content,
            Err(error) => {
                self.tell(&error);
                None
            }
        }
    }

    fn text(&mut self, path: &str) -> String {
        let content = self.bytes(path).unwrap_or_default();
        String::from_utf8_lossy(&content).into_owned()
    }

    fn parsed<T: Default>(&mut self, read: Result<T, crate::files::FileError>) -> T {
        read.unwrap_or_else(|error| {
            self.tell(&error);
            T::default()
        })
    }

    fn globals(&mut self) -> Globals {
        let text = self.bytes(SMB_CONF).unwrap_or_default();
        let host: &dyn Host = self.member.host;
        explicit_globals_following(&text, &|path| host.read(path).ok().flatten())
    }

    fn scripts(&mut self, deadline: Deadline) -> Vec<String> {
        match Ctl::new(self.member.host, deadline).event_scripts() {
            Ok(scripts) => {
                let enabled = scripts.into_iter().filter(|(_, enabled)| *enabled);
                enabled.map(|(name, _)| name).collect()
            }
            Err(error) => {
                self.tell(&error);
                Vec::new()
            }
        }
    }
}

/// Reads `ctdb.tunables`: names and values, and comments (ctdb(7)).
fn tunables(text: &str) -> Vec<(String, u32)> {
    let read = |line: &str| {
        let (name, value) = line.trim().split_once('=')?;
        let value = value.trim().parse().ok()?;
        (!name.starts_with('#')).then(|| (name.trim().to_owned(), value))
    };
    text.lines().filter_map(read).collect()
}

/// The lines of `script.options` that say something.
fn assignments(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunables_and_options_are_what_is_no_comment() {
        let text = "# A=1\nMonitorInterval=2\n KeepaliveLimit = 3\nbad\nX=y\n";
        let expected = [("MonitorInterval", 2), ("KeepaliveLimit", 3)];
        assert_eq!(
            tunables(text),
            expected.map(|(name, value)| (name.to_owned(), value))
        );
        assert_eq!(assignments("# x\n\n A=b \nB='c d'\n"), ["A=b", "B='c d'"]);
    }

    #[test]
    fn a_node_that_is_gone_may_have_its_address_left() {
        let text = "10.0.0.1\n# 10.0.0.2\n\n#gone\n";
        let found = Found {
            nodes: (text.into(), NodesFile::parse(text).unwrap()),
            ..Found::default()
        };
        let own = "10.0.0.1".parse().ok();
        assert_eq!(found.numbers(), [own, None, None]);
        let lines: Vec<_> = found.nodes.1.slots().iter().map(|slot| slot.line).collect();
        assert_eq!(found.former_address(lines[1]), "10.0.0.2".parse().ok());
        assert_eq!(found.former_address(lines[2]), None);
        assert_eq!(found.former_address(0), None);
    }
}
