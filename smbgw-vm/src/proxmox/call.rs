//! Runs the commands of Proxmox VE and tells what their complaints mean.
//!
//! Only standard output is read: warnings of Perl and of the storages go to standard error. Exit statuses other
//! than 0 are whatever errno was when Perl died (`man perlfunc`, `die`), so complaints are told apart by text.

use std::time::Duration;

use serde_json::Value;
use smbgw_core::host::{Command, CommandError, Output};

use super::error::ProxmoxError;
use super::{Proxmox, Upid};
use crate::vmid::Vmid;

impl Proxmox<'_> {
    /// What `pvesh get PATH` gives.
    pub(super) fn get(&self, path: &str, options: &[(&str, &str)]) -> Result<Value, ProxmoxError> {
        let mut command = Command::new("pvesh").args(["get", path]);
        for (name, value) in options {
            command = command.arg(format!("--{name}")).arg(*value);
        }
        let command = command.args(["--output-format", "json"]);
        let output = self.run(command.clone(), None)?;
        serde_json::from_slice(&output.stdout).map_err(|_| unexpected(&command, &output.text()))
    }

    /// Has `pvesh VERB PATH` begin a task, where it takes one, and waits for its end.
    pub(super) fn carry_out(
        &self,
        verb: &'static str,
        path: &str,
        options: &[(&str, &str)],
        vmid: Vmid,
    ) -> Result<(), ProxmoxError> {
        let mut command = Command::new("pvesh").args([verb, path]);
        for (name, value) in options {
            command = command.arg(format!("--{name}")).arg(*value);
        }
        let command = command.args(["--output-format", "json"]);
        let output = self.run(command, Some(vmid))?;
        match Upid::last_in(&output.text()) {
            Some(task) => self.await_task(&task),
            // Older versions do it at once and print nothing.
            None => Ok(()),
        }
    }

    /// Runs `qm` for the guest `vmid`.
    pub(super) fn qm(&self, vmid: Vmid, command: Command) -> Result<Output, ProxmoxError> {
        self.run(command, Some(vmid))
    }

    pub(super) fn run(&self, command: Command, vmid: Option<Vmid>) -> Result<Output, ProxmoxError> {
        // A clone or an import may take as long as the caller has.
        let command = command.timeout(self.deadline.remaining().max(Duration::from_secs(1)));
        let result = self.host.run(&command, self.deadline);
        result.map_err(|error| self.understand(error, vmid))
    }

    fn understand(&self, error: CommandError, vmid: Option<Vmid>) -> ProxmoxError {
        if let CommandError::NotInstalled { program, .. } = &error {
            let host = self.host.name().to_owned();
            return ProxmoxError::NotProxmox { host, program };
        }
        match complaint(error.stderr(), vmid) {
            Some(known) => known,
            None => error.into(),
        }
    }
}

/// What `said` means, which a command for the guest `vmid` complained of.
pub(super) fn complaint(said: &str, vmid: Option<Vmid>) -> Option<ProxmoxError> {
    said.lines().find_map(|line| complaint_of_line(line, vmid))
}

fn complaint_of_line(line: &str, vmid: Option<Vmid>) -> Option<ProxmoxError> {
    if let Some(storage) = between(line, "storage '", "' does not exist") {
        let storage = storage.to_owned();
        return Some(ProxmoxError::NoSuchStorage { storage });
    }
    if line.contains("No space left on device")
        || line.contains("out of space")
        || line.contains("insufficient free space")
    {
        let said = line.trim().chars().take(200).collect();
        return Some(ProxmoxError::StorageFull { said });
    }
    let vmid = vmid?;
    if between(line, "Configuration file '", "' does not exist").is_some() {
        // The number of the guest that is missing, which may be the one a clone is made of.
        let path = between(line, "Configuration file '", ".conf'")?;
        let missing = path.rsplit('/').next().and_then(|text| text.parse().ok());
        let vmid = missing.unwrap_or(vmid);
        return Some(ProxmoxError::NoSuchGuest { vmid });
    }
    // The file system of the cluster has each number once: the last is what it says of one on another node.
    if line.contains("already exists on node")
        || line.contains("config file already exists")
        || line.contains("/qemu-server/") && line.contains("File exists")
    {
        return Some(ProxmoxError::VmidTaken { vmid });
    }
    if let Some(lock) = between(line, "is locked (", ")") {
        let lock = lock.to_owned();
        return Some(ProxmoxError::Locked { vmid, lock });
    }
    if line.contains("can't lock file") {
        let lock = "another command at work".to_owned();
        return Some(ProxmoxError::Locked { vmid, lock });
    }
    if line.contains("No QEMU guest agent configured") {
        return Some(ProxmoxError::NoAgent { vmid });
    }
    // The last where the guest ended while it was asked.
    if line.contains("QEMU guest agent is not running")
        || line.contains("guest-ping' failed")
        || line.contains("client closed connection")
    {
        return Some(ProxmoxError::AgentSilent { vmid });
    }
    let number = format!("VM {vmid} ");
    if line.contains(&number) && line.contains("not running") {
        return Some(ProxmoxError::NotRunning { vmid });
    }
    if line.contains(&number) && line.contains("already running") {
        return Some(ProxmoxError::AlreadyRunning { vmid });
    }
    None
}

/// The part of `line` between `before` and the next `after`.
fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// The error of `command` that printed `said`.
pub(super) fn unexpected(command: &Command, said: &str) -> ProxmoxError {
    ProxmoxError::Unexpected {
        command: command.to_string(),
        said: said.trim().chars().take(200).collect(),
    }
}

/// The error of an answer of the API at `path` that lacks `what`.
pub(super) fn lacking(path: &str, what: &str) -> ProxmoxError {
    ProxmoxError::Unexpected {
        command: format!("pvesh get {path}"),
        said: format!("no {what} in it"),
    }
}

/// A number as Perl writes it into JSON: a number, or digits in a text.
pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number
            .as_u64()
            .or_else(|| number.as_f64().filter(|it| *it >= 0.0).map(|it| it as u64)),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A truth as Perl writes it into JSON; nothing is false.
pub(super) fn is_set(value: &Value) -> bool {
    match value {
        Value::Bool(set) => *set,
        Value::String(text) => !matches!(text.as_str(), "" | "0"),
        other => number(other).is_some_and(|number| number != 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<ProxmoxError> {
        complaint(text, Some("105".parse().unwrap()))
    }

    #[test]
    fn complaints_are_told_apart_by_their_texts() {
        use ProxmoxError as E;
        let gone = "Configuration file 'nodes/pve/qemu-server/777.conf' does not exist";
        assert!(matches!(said(gone), Some(E::NoSuchGuest { vmid }) if vmid.number() == 777));
        let taken = "unable to create VM 105 - VM 105 already exists on node 'n2'";
        assert!(matches!(said(taken), Some(E::VmidTaken { .. })));
        let taken = "unable to create VM 105: config file already exists";
        assert!(matches!(said(taken), Some(E::VmidTaken { .. })));
        let taken = "close (rename) atomic file '/etc/pve/nodes/pve/qemu-server/105.conf' failed: File exists";
        assert!(matches!(said(taken), Some(E::VmidTaken { .. })));
        let locked = "VM is locked (migrate)";
        assert!(matches!(said(locked), Some(E::Locked { lock, .. }) if lock == "migrate"));
        let busy = "can't lock file '/var/lock/qemu-server/lock-105.conf' - got timeout";
        assert!(matches!(said(busy), Some(E::Locked { .. })));
        let silent = "QEMU guest agent is not running";
        assert!(matches!(said(silent), Some(E::AgentSilent { .. })));
        let silent = "VM 105 qmp command 'guest-ping' failed - got timeout";
        assert!(matches!(said(silent), Some(E::AgentSilent { .. })));
        assert!(matches!(
            said("No QEMU guest agent configured"),
            Some(E::NoAgent { .. })
        ));
        assert!(matches!(
            said("VM 105 is not running"),
            Some(E::NotRunning { .. })
        ));
        assert!(matches!(
            said("VM 105 not running"),
            Some(E::NotRunning { .. })
        ));
        assert!(matches!(
            said("VM 105 already running"),
            Some(E::AlreadyRunning { .. })
        ));
        let none = "unable to create VM 105 - storage 'gone' does not exist";
        assert!(matches!(said(none), Some(E::NoSuchStorage { storage }) if storage == "gone"));
        let full = "qemu-img: error while writing: No space left on device";
        assert!(matches!(said(full), Some(E::StorageFull { .. })));
        // A warning before it does not hide the reason.
        let after = "perl: warning: Setting locale failed.\nVM is locked (backup)";
        assert!(matches!(said(after), Some(E::Locked { .. })));
    }

    #[test]
    fn other_complaints_stay_what_they_are() {
        for text in [
            "",
            "400 Parameter verification failed.",
            "VM 1055 is not running",
        ] {
            assert!(said(text).is_none(), "{text}");
        }
    }

    #[test]
    fn numbers_of_perl_are_read() {
        use serde_json::json;
        assert_eq!(number(&json!("105")), Some(105));
        assert_eq!(number(&json!(1.5e9)), Some(1_500_000_000));
        assert_eq!(number(&json!(-1)), None);
        assert!(is_set(&json!("1")) && is_set(&json!(1)) && is_set(&json!(true)));
        assert!(!is_set(&json!("0")) && !is_set(&json!(null)) && !is_set(&json!(0)));
    }

    proptest::proptest! {
        #[test]
        fn no_text_of_a_command_panics(text in "(storage '|Configuration file '|is locked \\(|' does not exist|.conf'|\\PC|\n){0,12}") {
            let _ = said(&text);
            let _ = Upid::last_in(&text);
            let _ = serde_json::from_str(&text).map(|value: Value| number(&value));
        }

        #[test]
        fn no_configuration_panics(name in "(scsi|net|ipconfig|memory|agent)[0-9]{0,3}", value in "[a-z0-9:,=/.]{0,40}") {
            let options = serde_json::json!({ name: value });
            let config = crate::proxmox::GuestConfig::read(&options).unwrap();
            let read = (config.disks().len(), config.addresses().len(), config.mac(0), config.has_agent());
            proptest::prop_assert!(read.0 <= 1 && read.1 <= 40, "{read:?} {}", config.memory_mib());
        }
    }
}
