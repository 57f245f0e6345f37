//! The files of a node: what is to be in them, beside what an administrator has there.

use std::path::{Path, PathBuf};

use smbgw_core::layout::SMB_CONF;
use smbgw_core::smbconf::include::{Edit, IncludePath, attach};

use super::SetupRequest;
use crate::announce;
use crate::cluster_error::ClusterError;
use crate::cluster_lock::{LOCK_PROGRAM, is_let_go, lock_program};
use crate::events::hook;
use crate::files::{CtdbConf, FileError, ScriptOptions, Setting};
use crate::node::Member;

/// The list of nodes.
pub const NODES: &str = "/etc/ctdb/nodes";
/// The addresses that a node may take.
pub const PUBLIC_ADDRESSES: &str = "/etc/ctdb/public_addresses";
/// ctdbd's own settings.
pub const CTDB_CONF: &str = "/etc/ctdb/ctdb.conf";
/// What event scripts are told.
pub const SCRIPT_OPTIONS: &str = "/etc/ctdb/script.options";
/// Tunables that are set when ctdbd starts.
pub const TUNABLES: &str = "/etc/ctdb/ctdb.tunables";
/// Samba's settings as those of a node.
pub const CLUSTER_CONF: &str = "/etc/samba/smbgw-cluster.conf";

/// What is known of a node when its files are written.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) nodes: String,
    pub(crate) public_addresses: String,
    pub(crate) realtime: bool,
}

/// A file: its path, what is there, and what is to be.
pub(crate) type Planned = (PathBuf, Option<Vec<u8>>, Vec<u8>);

/// All files of a node.
pub(crate) fn files(
    request: &SetupRequest,
    texts: &Texts,
    member: &Member<'_>,
) -> Result<Vec<Planned>, ClusterError> {
    let host = member.host;
    let mut files: Vec<Planned> = Vec::new();
    let mut put = |path: &str, before: Option<Vec<u8>>, after: Vec<u8>| {
        files.push((path.into(), before, after));
    };
    let read = |path: &str| host.read(Path::new(path));
    put(NODES, read(NODES)?, texts.nodes.clone().into_bytes());
    let public = texts.public_addresses.clone().into_bytes();
    put(PUBLIC_ADDRESSES, read(PUBLIC_ADDRESSES)?, public);
    let before = read(CTDB_CONF)?;
    let conf = ctdb_conf(request, texts, &as_text(before.as_deref()))?;
    put(CTDB_CONF, before, conf.into_bytes());
    if is_let_go(&lock_setting(request)?) {
        put(LOCK_PROGRAM, read(LOCK_PROGRAM)?, lock_program().into());
    }
    if !request.script_options.is_empty() {
        let before = read(SCRIPT_OPTIONS)?;
        let mut options = ScriptOptions::parse(&as_text(before.as_deref()));
        for (name, value) in &request.script_options {
            options.set(name, value)?;
        }
        put(SCRIPT_OPTIONS, before, options.render().into_bytes());
    }
    let tunables = request.all_tunables();
    if !tunables.is_empty() {
        let before = read(TUNABLES)?;
        let text = with_tunables(&as_text(before.as_deref()), &tunables);
        put(TUNABLES, before, text.into_bytes());
    }
    let hook = hook::content(&member.spec.name, hook::PROGRAM);
    put(hook::PATH, read(hook::PATH)?, hook.into_bytes());
    let before = read(announce::PATH)?;
    put(announce::PATH, before, announce::CONTENT.into());
    put(
        CLUSTER_CONF,
        read(CLUSTER_CONF)?,
        cluster_conf(&request.name).into_bytes(),
    );
    let before = read(SMB_CONF)?;
    let after = match attach(before.as_deref(), &include_path()?) {
        Edit::Changed(text) => text,
        Edit::Unchanged => before.clone().unwrap_or_default(),
    };
    put(SMB_CONF, before, after);
    Ok(files)
}

/// The line in smb.conf that brings the settings of a node in.
pub(crate) fn include_path() -> Result<IncludePath, ClusterError> {
    let path = IncludePath::new(CLUSTER_CONF).map_err(|error| FileError::Value {
        name: "include".into(),
        value: error.to_string(),
        wanted: "a path that Samba opens unchanged",
    })?;
    Ok(path.bringing("cluster"))
}

/// `cluster lock` of ctdb.conf.
pub(crate) fn lock_setting(request: &SetupRequest) -> Result<String, ClusterError> {
    let setting = request.lock_setting();
    setting.map_err(|problem| ClusterError::Refused(vec![problem]))
}

fn ctdb_conf(request: &SetupRequest, texts: &Texts, before: &str) -> Result<String, ClusterError> {
    let mut conf = CtdbConf::parse(before)?;
    conf.set(Setting::ClusterLock, &lock_setting(request)?)?;
    if let Some(seconds) = request.leader_timeout() {
        conf.set(Setting::LeaderTimeout, &seconds.to_string())?;
    }
    if !texts.realtime {
        conf.set(Setting::RealtimeScheduling, "false")?;
    }
    Ok(conf.render())
}

/// `text` with these tunables, each in its line where there is one.
fn with_tunables(text: &str, tunables: &[(String, u32)]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (name, value) in tunables {
        let is_it = |line: &String| {
            let known = line.split_once('=').map(|(known, _)| known.trim());
            known.is_some_and(|known| known.eq_ignore_ascii_case(name))
        };
        let line = format!("{name}={value}");
        match lines.iter().rposition(is_it) {
            Some(at) => lines[at] = line,
            None => lines.push(line),
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Samba's settings as those of a node. Shares are in the registry, which ctdb has on all nodes at once.
fn cluster_conf(name: &str) -> String {
    format!(
        "# This machine as a node of its cluster, written by smbgw and overwritten when that changes.\n\
         [global]\n\
         \tclustering = yes\n\
         \tnetbios name = {name}\n\
         \tregistry shares = yes\n\
         \n[global]\n"
    )
}

fn as_text(content: Option<&[u8]>) -> String {
    String::from_utf8_lossy(content.unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunables_keep_their_lines() {
        let text = "# MonitorInterval=1\nkeepalivelimit = 9\nOther=1";
        let set = [
            ("KeepaliveLimit".to_owned(), 3),
            ("NoIPFailback".to_owned(), 1),
        ];
        assert_eq!(
            with_tunables(text, &set),
            "# MonitorInterval=1\nKeepaliveLimit=3\nOther=1\nNoIPFailback=1\n"
        );
    }
}
