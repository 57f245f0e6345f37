//! The records of one domain in Samba's secrets.tdb: which there are, keeping them, putting them
//! back, and removing them.
//!
//! Samba writes them itself (`net offlinejoin`, `net changesecretpw`). Only to bring back what was
//! there before are they copied by `tdbtool`, byte for byte, into a second database in the same
//! directory, which only root can read, and from there. So the secret never is anywhere else than
//! where Samba has its secrets, and no copy of it goes through this process's journal.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::definition::administrators_globals;
use smbgw_core::host::{Command, CommandError, Host};
use zeroize::Zeroize;

use super::{Member, SambaError};

/// The records of a domain as they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    /// Samba's database.
    database: PathBuf,
    /// Where the records are kept.
    kept: PathBuf,
    /// The keys of the domain that were there.
    keys: Vec<String>,
}

impl Before {
    /// Looks what is there.
    pub(super) fn look(
        host: &dyn Host,
        member: &Member,
        deadline: Deadline,
    ) -> Result<Self, SambaError> {
        let private = private_dir(host)?;
        let database = private.join("secrets.tdb");
        let mut keys = list(host, &database, deadline)?;
        keys.retain(|key| of_domain(member).contains(key));
        Ok(Self {
            kept: kept_in(&private, member),
            database,
            keys,
        })
    }

    /// Where records of the domain of `member` are kept.
    pub(super) fn place(host: &dyn Host, member: &Member) -> Result<PathBuf, SambaError> {
        Ok(kept_in(&private_dir(host)?, member))
    }

    /// Whether there was none.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Copies the records to where they are kept.
    pub(super) fn keep(&self, host: &dyn Host, deadline: Deadline) -> Result<(), SambaError> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let kept = self.kept.display();
        host.remove(&self.kept)?;
        tdbtool(host, None, &[format!("create {kept}")], deadline)?;
        host.set_mode(&self.kept, 0o600)?;
        self.copy(host, &self.keys, (&self.database, &self.kept), deadline)?;
        let there = list(host, &self.kept, deadline)?;
        if self.keys.iter().all(|key| there.contains(key)) {
            Ok(())
        } else {
            Err(SambaError::NotSo {
                action: "keep the former secret of the domain",
                but: "it is not all there".into(),
            })
        }
    }

    /// Brings the records back, and removes those that there were none of. Where not all were kept,
    /// nothing was changed after, and what is there is what was there.
    pub(super) fn restore(
        &self,
        host: &dyn Host,
        member: &Member,
        deadline: Deadline,
    ) -> Result<(), SambaError> {
        let kept = list(host, &self.kept, deadline)?;
        let kept: Vec<String> = self
            .keys
            .iter()
            .filter(|key| kept.contains(key))
            .cloned()
            .collect();
        self.copy(host, &kept, (&self.kept, &self.database), deadline)?;
        let mut new = list(host, &self.database, deadline)?;
        new.retain(|key| of_domain(member).contains(key) && !self.keys.contains(key));
        self.delete(host, &new, deadline)?;
        self.forget(host)?;
        Ok(())
    }

    /// Removes the records.
    pub(super) fn remove(&self, host: &dyn Host, deadline: Deadline) -> Result<Change, SambaError> {
        self.delete(host, &self.keys, deadline)?;
        Ok(if self.keys.is_empty() {
            Change::Unchanged
        } else {
            Change::Removed
        })
    }

    /// Removes what was kept.
    pub(super) fn forget(&self, host: &dyn Host) -> Result<Change, SambaError> {
        Ok(host.remove(&self.kept)?)
    }

    fn copy(
        &self,
        host: &dyn Host,
        keys: &[String],
        (from, to): (&Path, &Path),
        deadline: Deadline,
    ) -> Result<(), SambaError> {
        if keys.is_empty() {
            return Ok(());
        }
        // `move` copies a record, whatever its name, and replaces one that is there.
        let commands: Vec<String> = keys
            .iter()
            .map(|key| format!("move {key} {}", to.display()))
            .collect();
        let output = tdbtool(host, Some(from), &commands, deadline)?;
        if output.matches("record moved").count() == keys.len() {
            Ok(())
        } else {
            Err(SambaError::Refused {
                program: "tdbtool",
                action: "copy the records of the domain",
                said: "one of them is missing, or the file cannot be written".into(),
            })
        }
    }

    /// Deletes all of `keys` or none.
    fn delete(
        &self,
        host: &dyn Host,
        keys: &[String],
        deadline: Deadline,
    ) -> Result<(), SambaError> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut commands = vec!["transaction_start".to_string()];
        commands.extend(keys.iter().map(|key| format!("delete {key}")));
        commands.push("transaction_commit".into());
        tdbtool(host, Some(&self.database), &commands, deadline)?;
        let left = list(host, &self.database, deadline)?;
        match keys.iter().find(|key| left.contains(key)) {
            None => Ok(()),
            Some(key) => Err(SambaError::NotSo {
                action: "forget the domain",
                but: format!("the record `{key}` is still there"),
            }),
        }
    }
}

/// The keys of the records of a domain (`secrets.h` of Samba), the one with the secret first: where
/// copying stops after it, Samba has what counts.
fn of_domain(member: &Member) -> Vec<String> {
    let Member { netbios, realm, .. } = member;
    vec![
        format!("SECRETS/MACHINE_DOMAIN_INFO/{netbios}"),
        format!("SECRETS/MACHINE_PASSWORD/{netbios}"),
        format!("SECRETS/MACHINE_PASSWORD.PREV/{netbios}"),
        format!("SECRETS/MACHINE_LAST_CHANGE_TIME/{netbios}"),
        format!("SECRETS/MACHINE_SEC_CHANNEL_TYPE/{netbios}"),
        format!("SECRETS/SALTING_PRINCIPAL/DES/{realm}"),
        format!("SECRETS/SID/{netbios}"),
        format!("SECRETS/DOMGUID/{netbios}"),
        format!("SECRETS/PROTECT/IDS/{netbios}"),
        format!("SECRETS/$MACHINE.ACC/{netbios}"),
    ]
}

/// Where Samba has its secrets.
fn private_dir(host: &dyn Host) -> Result<PathBuf, SambaError> {
    let globals = administrators_globals(host)?;
    if globals.flag("clustering") == Some(true) {
        return Err(SambaError::Clustered("taken back"));
    }
    let private = globals
        .text("private dir")
        .unwrap_or_else(|| PRIVATE_DIR.into());
    let is_word = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if !private.starts_with('/') || !private.chars().all(is_word) {
        return Err(SambaError::PrivateDir(private));
    }
    Ok(private.into())
}

fn kept_in(private: &Path, member: &Member) -> PathBuf {
    private.join(format!("smbgw-kept-{}.tdb", member.netbios))
}

/// The keys in a database; none where it is missing.
fn list(host: &dyn Host, database: &Path, deadline: Deadline) -> Result<Vec<String>, SambaError> {
    if host.status(database)?.is_none() {
        return Ok(Vec::new());
    }
    let output = tdbtool(host, Some(database), &["keys".into()], deadline)?;
    Ok(keys(&output))
}

/// The keys that `tdbtool` lists with `keys`: `key 18 bytes: SECRETS/DOMGUID/AD`.
fn keys(output: &str) -> Vec<String> {
    output
        .lines()
        .filter_map(|line| {
            let (head, key) = line.split_once(" bytes: ")?;
            // The prompt is on the line of the first one.
            let size = head.trim_start_matches("tdb> ").strip_prefix("key ")?;
            size.parse::<usize>().ok().map(|_| key.to_string())
        })
        .collect()
}

/// Has `tdbtool` carry out `commands` and returns what it printed.
fn tdbtool(
    host: &dyn Host,
    database: Option<&Path>,
    commands: &[String],
    deadline: Deadline,
) -> Result<zeroize::Zeroizing<String>, SambaError> {
    let mut script = commands.join("\n");
    script.push_str("\nquit\n");
    let mut command = Command::new("tdbtool").stdin(script.into_bytes());
    if let Some(database) = database {
        command = command.arg(database);
    }
    match host.run(&command, deadline) {
        Ok(mut output) => {
            let text = zeroize::Zeroizing::new(output.text());
            output.stdout.zeroize();
            Ok(text)
        }
        // What it printed may be a record.
        Err(CommandError::Failed { status, .. }) => Err(SambaError::Refused {
            program: "tdbtool",
            action: "work on Samba's secrets",
            said: status,
        }),
        Err(error) => Err(error.into()),
    }
}

/// Where Debian's Samba has its secrets.
pub(super) const PRIVATE_DIR: &str = "/var/lib/samba/private";

#[cfg(test)]
mod tests {
    use super::keys;

    #[test]
    fn the_keys_that_tdbtool_lists() {
        let output = "tdb> key 18 bytes: SECRETS/DOMGUID/AD\nkey 14 bytes: SECRETS/SID/M1\ntdb> \n";
        assert_eq!(keys(output), ["SECRETS/DOMGUID/AD", "SECRETS/SID/M1"]);
        assert!(keys("tdb> \nfetch failed\nkey x bytes: a\n").is_empty());
    }
}
