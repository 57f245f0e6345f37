//! Who is connected to smbd at this moment, and ending what somebody does with one share.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

use crate::account::UserName;
use crate::account::ids::{self, Database};
use crate::deadline::Deadline;
use crate::host::{Command, CommandError, Host};
use crate::service::SmbService;
use crate::share::Authentication;
use crate::step_error::StepError;

/// Disconnects those from the share `name` whom the method `auth` does not let in. The others notice
/// nothing, unless they share a connection with one of those.
///
/// An smbd that serves a client goes on with the configuration it has; being told to close the share
/// makes it read the new one too, so every process with such a client is told, connected to the share
/// or not.
///
/// # Errors
/// Where smbd cannot be told.
pub(crate) fn end_those_not_let_in(
    host: &dyn Host,
    service: &dyn SmbService,
    name: &str,
    auth: Authentication,
    deadline: Deadline,
) -> Result<(), StepError> {
    let sessions = match sessions(host, deadline) {
        Ok(sessions) => sessions,
        Err(error) => {
            tracing::debug!(%error, "everybody is disconnected, as nobody says who is connected");
            return Ok(service.close_share(name, deadline)?);
        }
    };
    let users = sessions.iter().map(|session| session.uid).collect();
    let local = local_users(host, &users)?;
    let processes: BTreeSet<u32> = sessions
        .iter()
        .filter(|session| !is_let_in(session, &local, auth))
        .map(|session| session.process)
        .collect();
    for process in processes {
        let close = Command::new("smbcontrol")
            .arg(process.to_string())
            .args(["close-share", name])
            // It may have ended meanwhile.
            .accept(&[1]);
        host.run(&close, deadline)?;
    }
    Ok(())
}

/// Somebody who is logged in.
#[derive(Debug, PartialEq, Eq)]
struct Session {
    /// The smbd that serves the client.
    process: u32,
    /// The Unix account.
    uid: u32,
    /// Its name.
    user: String,
}

/// Where it cannot be told whose a session is, it is one to end: who is let in comes back.
fn is_let_in(session: &Session, local: &BTreeSet<u32>, auth: Authentication) -> bool {
    let is_local = local.contains(&session.uid);
    let name = session.user.parse::<UserName>();
    let is_of_domain = !is_local && name.is_ok_and(|name| name.is_of_domain());
    match auth {
        Authentication::Hybrid => true,
        Authentication::Local => is_local,
        Authentication::Domain => is_of_domain,
    }
}

/// Those of `users` whom this machine has itself, in `/etc/passwd`.
fn local_users(host: &dyn Host, users: &BTreeSet<u32>) -> Result<BTreeSet<u32>, StepError> {
    Ok(ids::names_in_file(host, Database::Users, users)?
        .into_keys()
        .collect())
}

fn sessions(host: &dyn Host, deadline: Deadline) -> Result<Vec<Session>, CommandError> {
    let ask = Command::new("smbstatus").args(["--processes", "--json"]);
    let output = host.run(&ask, deadline)?;
    parse(&output.stdout).map_err(|error| CommandError::unexpected(&ask, error.to_string()))
}

fn parse(json: &[u8]) -> Result<Vec<Session>, Box<dyn std::error::Error>> {
    let told: Told = serde_json::from_slice(json)?;
    let each = told.sessions.into_values().map(|session| {
        Ok(Session {
            process: session.server_id.pid.parse()?,
            uid: session.uid,
            user: session.username,
        })
    });
    each.collect()
}

/// What `smbstatus --json` says (Samba 4.17 and later).
#[derive(Deserialize)]
struct Told {
    sessions: BTreeMap<String, ToldSession>,
}

#[derive(Deserialize)]
struct ToldSession {
    server_id: ServerId,
    uid: u32,
    username: String,
}

#[derive(Deserialize)]
struct ServerId {
    pid: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samba 4.17, shortened.
    const SAID: &str = r#"{"timestamp": "2026-11-23T12:43:35.339596+0000",
        "version": "4.17.12-Debian", "smb_conf": "/etc/samba/smb.conf", "sessions": {
        "1489225323": {"session_id": "1489225323", "server_id": {"pid": "201", "task_id": "0",
        "vnn": "4294967295", "unique_id": "10501625215374317199"}, "uid": 2001104,
        "gid": 2000513, "username": "LAB\\bob", "groupname": "LAB\\domain users"},
        "3934336517": {"session_id": "3934336517", "server_id": {"pid": "202", "task_id": "0",
        "vnn": "4294967295", "unique_id": "11053576299024890685"}, "uid": 1002, "gid": 1002,
        "username": "carol", "groupname": "carol"}}}"#;

    #[test]
    fn sessions_are_read() {
        let sessions = parse(SAID.as_bytes()).unwrap();
        let bob = Session {
            process: 201,
            uid: 2_001_104,
            user: r"LAB\bob".into(),
        };
        assert_eq!(sessions.len(), 2);
        assert_eq!(sessions[0], bob);
        assert!(parse(b"").is_err());
        assert!(parse(br#"{"sessions": {"1": {"uid": 1}}}"#).is_err());
    }

    #[test]
    fn whoever_may_be_somebody_else_is_not_let_in() {
        let sessions = parse(SAID.as_bytes()).unwrap();
        let local = BTreeSet::from([1002]);
        let let_in = |auth| -> Vec<bool> {
            let each = sessions.iter();
            each.map(|session| is_let_in(session, &local, auth))
                .collect()
        };
        assert_eq!(let_in(Authentication::Hybrid), [true, true]);
        assert_eq!(let_in(Authentication::Domain), [true, false]);
        assert_eq!(let_in(Authentication::Local), [false, true]);
        // With `winbind use default domain` somebody of the domain has a plain name.
        let plain = Session {
            process: 1,
            uid: 2_001_104,
            user: "bob".into(),
        };
        assert!(!is_let_in(&plain, &local, Authentication::Local));
        assert!(!is_let_in(&plain, &local, Authentication::Domain));
    }
}
