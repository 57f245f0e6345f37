//! Who is connected to the file server of a node.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, CommandError, Host};

/// Somebody who is logged in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Client {
    /// The user.
    pub user: String,
    /// The machine, as it calls itself or by its address.
    pub machine: String,
}

/// The clients of the node with that number, as smbd on `host` knows them: all nodes have one list.
pub(super) fn clients(
    host: &dyn Host,
    number: u32,
    deadline: Deadline,
) -> Result<Vec<Client>, CommandError> {
    let ask = Command::new("smbstatus").args(["--processes", "--json"]);
    let output = host.run(&ask, deadline)?;
    parse(&output.stdout, number).map_err(|error| CommandError::unexpected(&ask, error.to_string()))
}

/// What `smbstatus --json` says (Samba 4.17 and later).
#[derive(Deserialize)]
struct Told {
    sessions: BTreeMap<String, Session>,
}

#[derive(Deserialize)]
struct Session {
    server_id: ServerId,
    #[serde(default)]
    username: String,
    #[serde(default)]
    remote_machine: String,
}

#[derive(Deserialize)]
struct ServerId {
    vnn: String,
}

fn parse(json: &[u8], number: u32) -> Result<Vec<Client>, serde_json::Error> {
    let told: Told = serde_json::from_slice(json)?;
    let number = number.to_string();
    let own = told.sessions.into_values();
    let own = own.filter(|session| session.server_id.vnn == number);
    let mut clients: Vec<_> = own
        .map(|session| Client {
            user: session.username,
            machine: session.remote_machine,
        })
        .collect();
    clients.sort();
    Ok(clients)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samba 4.17 on a node, shortened.
    const SAID: &str = r#"{"timestamp": "2026-11-23T12:43:35.339596+0000",
        "version": "4.17.12-Debian", "smb_conf": "/etc/samba/smb.conf", "sessions": {
        "1489225323": {"session_id": "1489225323", "server_id": {"pid": "201", "task_id": "0",
        "vnn": "1", "unique_id": "10501625215374317199"}, "uid": 1001, "username": "bob",
        "remote_machine": "10.99.0.100", "hostname": "ipv4:10.99.0.100:47110"},
        "3934336517": {"session_id": "3934336517", "server_id": {"pid": "202", "task_id": "0",
        "vnn": "0", "unique_id": "11053576299024890685"}, "uid": 1002, "username": "carol",
        "remote_machine": "10.99.0.101"}}}"#;

    #[test]
    fn clients_of_one_node_are_read() {
        let bob = Client {
            user: "bob".into(),
            machine: "10.99.0.100".into(),
        };
        assert_eq!(parse(SAID.as_bytes(), 1).unwrap(), [bob]);
        assert_eq!(parse(SAID.as_bytes(), 2).unwrap(), []);
        assert!(parse(b"{}", 0).is_err());
    }
}
