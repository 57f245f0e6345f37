//! Runs `virsh`, and tells what its complaints mean.
//!
//! Only standard output is read; warnings go to standard error. Every failure has the exit status 1, so
//! complaints are told apart by their texts, which are English as commands run with `LC_ALL=C`.

use std::time::Duration;

use smbgw_core::host::{Command, CommandError, Output};

use super::{LibvirtError, Name, ObjectKind, Virsh};

/// What a command is about, for the error.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    pub(super) kind: ObjectKind,
    pub(super) name: &'a str,
}

impl<'a> About<'a> {
    pub(super) fn domain(name: &'a str) -> Option<Self> {
        let kind = ObjectKind::Domain;
        Some(Self { kind, name })
    }

    pub(super) fn pool(name: &'a Name) -> Option<Self> {
        let (kind, name) = (ObjectKind::Pool, name.as_str());
        Some(Self { kind, name })
    }

    pub(super) fn volume(name: &'a Name) -> Option<Self> {
        let (kind, name) = (ObjectKind::Volume, name.as_str());
        Some(Self { kind, name })
    }

    pub(super) fn network(name: &'a Name) -> Option<Self> {
        let (kind, name) = (ObjectKind::Network, name.as_str());
        Some(Self { kind, name })
    }
}

impl Virsh<'_> {
    /// What a subcommand prints.
    pub(super) fn ask<S: Into<String>>(
        &self,
        about: Option<About<'_>>,
        words: impl IntoIterator<Item = S>,
    ) -> Result<String, LibvirtError> {
        self.run(about, self.command(words))
            .map(|output| output.text())
    }

    /// What a subcommand prints that reads from its standard input.
    pub(super) fn feed<S: Into<String>>(
        &self,
        about: Option<About<'_>>,
        words: impl IntoIterator<Item = S>,
        content: Vec<u8>,
    ) -> Result<String, LibvirtError> {
        let command = self.command(words).stdin(content);
        self.run(about, command).map(|output| output.text())
    }

    /// The error for what a subcommand printed and should not have.
    pub(super) fn unexpected(&self, word: &str, said: &str) -> LibvirtError {
        let said: String = said.trim().chars().take(200).collect();
        CommandError::unexpected(&self.command([word]), format!("`{said}`")).into()
    }

    fn command<S: Into<String>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        Command::new("virsh")
            .arg("--quiet")
            .arg(format!("--connect={}", self.uri))
            .args(words.into_iter().map(Into::into))
    }

    fn run(&self, about: Option<About<'_>>, command: Command) -> Result<Output, LibvirtError> {
        // An upload or a clone may take as long as the caller has.
        let command = command.timeout(self.deadline.remaining().max(Duration::from_secs(1)));
        self.host.run(&command, self.deadline).map_err(|error| {
            let known = understand(error.stderr(), about, self.host.name());
            known.unwrap_or_else(|| error.into())
        })
    }
}

/// What a complaint means, as libvirt 9.0 words it.
pub(super) fn understand(said: &str, about: Option<About<'_>>, host: &str) -> Option<LibvirtError> {
    let has = |text: &str| said.contains(text);
    if has("failed to connect to the hypervisor") {
        return Some(LibvirtError::Unreachable {
            host: host.to_owned(),
            said: said.chars().take(400).collect(),
        });
    }
    for (kind, texts) in [
        (
            ObjectKind::Domain,
            ["failed to get domain", "Domain not found"],
        ),
        (
            ObjectKind::Pool,
            ["failed to get pool", "Storage pool not found"],
        ),
        (
            ObjectKind::Volume,
            ["failed to get vol", "Storage volume not found"],
        ),
        (
            ObjectKind::Network,
            ["failed to get network", "Network not found"],
        ),
    ] {
        if texts.into_iter().any(has) {
            // A pool may be missing where the command is about its volume.
            let name = quoted(said, kind).or_else(|| Some(about?.name.to_owned()));
            let name = name.unwrap_or_default();
            return Some(LibvirtError::Missing { kind, name });
        }
    }
    let About { kind, name } = about?;
    let name = name.to_owned();
    if has("already exists") || has("exists already") || has("is already defined") {
        return Some(LibvirtError::Exists { kind, name });
    }
    if has("is not active") || has("domain is not running") || has("domain is not active") {
        return Some(LibvirtError::NotRunning { kind, name });
    }
    if has("already active") || has("domain is already running") {
        return Some(LibvirtError::Running { kind, name });
    }
    if has("is still being allocated") || has("is still in use") || has("asynchronous jobs running")
    {
        return Some(LibvirtError::Busy { kind, name });
    }
    if has("Guest agent is not responding") || has("QEMU guest agent is not") {
        return Some(LibvirtError::AgentSilent { name });
    }
    None
}

/// The name in `failed to get pool 'NAME'`.
fn quoted(said: &str, kind: ObjectKind) -> Option<String> {
    let word = match kind {
        ObjectKind::Domain => "failed to get domain '",
        ObjectKind::Pool => "failed to get pool '",
        ObjectKind::Volume => "failed to get vol '",
        ObjectKind::Network => "failed to get network '",
    };
    let (_, rest) = said.split_once(word)?;
    let name = rest.lines().next()?.strip_suffix('\'')?;
    Some(name.to_owned())
}

/// The value in a line `KEY: VALUE` of a table that a subcommand printed.
pub(super) fn field<'a>(said: &'a str, key: &str) -> Option<&'a str> {
    said.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == key).then(|| value.trim())
    })
}

/// The names that a subcommand printed, one a line.
pub(super) fn names(said: &str) -> Vec<String> {
    let lines = said.lines().map(str::trim);
    let named = lines.filter(|line| !line.is_empty());
    named.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(said: &str, kind: ObjectKind) -> Option<LibvirtError> {
        understand(said, Some(About { kind, name: "it" }), "host")
    }

    #[test]
    fn complaints_are_told_apart() {
        let missing = |said: &str| match meaning(said, ObjectKind::Volume) {
            Some(LibvirtError::Missing { kind, name }) => (kind, name),
            other => panic!("{said}: {other:?}"),
        };
        // As libvirt 9.0 wrote them.
        assert_eq!(
            missing("error: failed to get domain 'nix'"),
            (ObjectKind::Domain, "nix".to_owned())
        );
        let pool = "error: failed to get pool 'p'\nerror: Storage pool not found: no storage pool with \
                    matching name 'p'";
        assert_eq!(missing(pool), (ObjectKind::Pool, "p".to_owned()));
        let volume = "error: Storage volume not found: no storage vol with matching path 'x'";
        assert_eq!(missing(volume), (ObjectKind::Volume, "it".to_owned()));
        for said in [
            "error: Failed to create vol o\nerror: storage volume 'o' exists already",
            "error: operation failed: domain 'a' already exists with uuid 7b79e3a3",
        ] {
            let known = meaning(said, ObjectKind::Domain);
            assert!(
                matches!(known, Some(LibvirtError::Exists { .. })),
                "{known:?}"
            );
        }
        let known = meaning("error: Domain is already active", ObjectKind::Domain);
        assert!(
            matches!(known, Some(LibvirtError::Running { .. })),
            "{known:?}"
        );
        let said = "error: Requested operation is not valid: domain is not running";
        let known = meaning(said, ObjectKind::Domain);
        assert!(
            matches!(known, Some(LibvirtError::NotRunning { .. })),
            "{known:?}"
        );
        let said = "error: Guest agent is not responding: QEMU guest agent is not connected";
        let known = meaning(said, ObjectKind::Domain);
        assert!(
            matches!(known, Some(LibvirtError::AgentSilent { .. })),
            "{known:?}"
        );
        let said = "error: failed to connect to the hypervisor\nerror: Failed to connect socket";
        let known = understand(said, None, "host");
        assert!(
            matches!(known, Some(LibvirtError::Unreachable { .. })),
            "{known:?}"
        );
        assert!(meaning("error: something else", ObjectKind::Domain).is_none());
    }

    #[test]
    fn tables_are_read_by_their_keys() {
        let said = "Name:           lab\nState:          running\nUUID:  a:b\n";
        assert_eq!(field(said, "State"), Some("running"));
        assert_eq!(field(said, "UUID"), Some("a:b"));
        assert_eq!(field(said, "Stat"), None);
        assert_eq!(names("lab   \n\nother\n"), ["lab", "other"]);
    }
}
