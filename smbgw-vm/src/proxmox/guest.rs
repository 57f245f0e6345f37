//! Guests: made, changed, started and stopped, and taken away (qm(1)).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use smbgw_core::change::Change;
use smbgw_core::host::Command;
use smbgw_core::size::ByteSize;

use super::Proxmox;
use super::call::{is_set, lacking, number};
use super::config::GuestConfig;
use super::error::ProxmoxError;
use super::mark::{Mark, Ours};
use super::name::{DiskSlot, GuestName, NodeName, StorageId};
use super::settings::GuestSettings;
use crate::vmid::Vmid;

/// How many numbers are tried before it is given up.
const NUMBERS_TRIED: usize = 16;

/// How a guest is copied from a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloneKind {
    /// Its disks begin as what the template has, and keep what differs. They are on the same storage.
    Linked,
    /// Its disks are copies of their own.
    Full {
        /// The storage of the copies; that of the template where none is given.
        storage: Option<StorageId>,
    },
}

/// What a guest made from a template is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGuest {
    /// Its host name.
    pub name: GuestName,
    /// Its notes, with a mark. Without them it would have those of the template, and the mark in them.
    pub description: String,
}

/// Whether a guest runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It runs.
    Running,
    /// It is switched off.
    Stopped,
    /// It runs, and its processors are held.
    Paused,
}

/// How a guest stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestStatus {
    /// Whether it runs.
    pub state: RunState,
    /// How long it has been running, in seconds.
    pub uptime_seconds: u64,
    /// The operation that holds it.
    pub lock: Option<String>,
    /// What it has to do with the high availability of Proxmox VE, where it is managed by it.
    pub is_managed: bool,
}

/// A guest of the cluster, virtual machine or container, as `/cluster/resources` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestEntry {
    /// Its number.
    pub vmid: Vmid,
    /// Its node.
    pub node: NodeName,
    /// Its name.
    pub name: String,
    /// Whether it is a container.
    pub is_container: bool,
    /// Whether it is a template.
    pub is_template: bool,
    /// Whether it runs.
    pub is_running: bool,
    /// Its memory, in bytes.
    pub memory_bytes: u64,
    /// How many processors it has.
    pub cores: u64,
}

impl Proxmox<'_> {
    /// A number that no guest of the cluster has at this moment. It is not kept: see [`claim`](Self::claim).
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn next_id(&self) -> Result<Vmid, ProxmoxError> {
        let path = "/cluster/nextid";
        let value = self.get(path, &[])?;
        let id = number(&value).and_then(|id| u32::try_from(id).ok());
        let id = id.and_then(|id| Vmid::try_from(id).ok());
        id.ok_or_else(|| lacking(path, "number"))
    }

    /// Whether no guest of the cluster has this number at this moment.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn is_free(&self, vmid: Vmid) -> Result<bool, ProxmoxError> {
        let guests = self.guests()?;
        Ok(!guests.iter().any(|guest| guest.vmid == vmid))
    }

    /// Has `make` make something with a number that is free, and with another one where somebody else takes it
    /// in between.
    ///
    /// # Errors
    /// What `make` fails with, other than [`ProxmoxError::VmidTaken`]; [`ProxmoxError::NoFreeVmid`] where
    /// others are always faster.
    pub fn claim<T>(
        &self,
        mut make: impl FnMut(Vmid) -> Result<T, ProxmoxError>,
    ) -> Result<(Vmid, T), ProxmoxError> {
        let mut refused: Option<Vmid> = None;
        for _ in 0..NUMBERS_TRIED {
            let mut vmid = self.next_id()?;
            if let Some(refused) = refused.filter(|refused| vmid <= *refused) {
                // It is said to be free and could not be had: what is left of a guest stands in the way.
                let next = refused.number().checked_add(1).map(Vmid::try_from);
                let Some(Ok(next)) = next else { break };
                vmid = next;
            }
            match make(vmid) {
                Ok(made) => return Ok((vmid, made)),
                Err(ProxmoxError::VmidTaken { .. }) => refused = Some(vmid),
                Err(error) => return Err(error),
            }
        }
        let tried = NUMBERS_TRIED;
        Err(ProxmoxError::NoFreeVmid { tried })
    }

    /// All guests of the cluster.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn guests(&self) -> Result<Vec<GuestEntry>, ProxmoxError> {
        let path = "/cluster/resources";
        let value = self.get(path, &[("type", "vm")])?;
        let list = value.as_array().ok_or_else(|| lacking(path, "list"))?;
        let read = |guest| GuestEntry::read(guest).ok_or_else(|| lacking(path, "guest"));
        list.iter().map(read).collect()
    }

    /// Makes a guest.
    ///
    /// # Errors
    /// [`ProxmoxError::VmidTaken`] where another guest has the number; [`ProxmoxError::NoSuchMapping`] where a
    /// directory is to be shared that no mapping names.
    pub fn create(&self, vmid: Vmid, settings: &GuestSettings) -> Result<(), ProxmoxError> {
        self.check_mappings(settings)?;
        let command = Command::new("qm").args(["create".to_owned(), vmid.to_string()]);
        // The kind of its operating system is a matter of drivers: a Linux of this century.
        let command = command.args(["--ostype", "l26"]);
        self.qm(vmid, with_options(command, settings)).map(drop)
    }

    /// Makes a guest from a template.
    ///
    /// # Errors
    /// [`ProxmoxError::NoSuchGuest`] where there is no such template; [`ProxmoxError::VmidTaken`] where
    /// another guest has the number.
    pub fn clone_guest(
        &self,
        template: Vmid,
        vmid: Vmid,
        new: &NewGuest,
        kind: &CloneKind,
    ) -> Result<(), ProxmoxError> {
        let mut command = Command::new("qm")
            .args(["clone".to_owned(), template.to_string(), vmid.to_string()])
            .args(["--name", new.name.as_str()])
            .args(["--description", &new.description]);
        command = match kind {
            CloneKind::Linked => command.args(["--full", "0"]),
            CloneKind::Full { storage } => {
                let storage = storage
                    .as_ref()
                    .map(|storage| ["--storage", storage.as_str()]);
                command
                    .args(["--full", "1"])
                    .args(storage.into_iter().flatten())
            }
        };
        self.qm(vmid, command).map(drop)
    }

    /// Changes a guest.
    ///
    /// # Errors
    /// As [`create`](Self::create) does, and where there is no such guest.
    pub fn set(&self, vmid: Vmid, settings: &GuestSettings) -> Result<(), ProxmoxError> {
        self.check_mappings(settings)?;
        let command = Command::new("qm").args(["set".to_owned(), vmid.to_string()]);
        self.qm(vmid, with_options(command, settings)).map(drop)
    }

    /// Makes the image of cloud-init's drive anew, from what the configuration says now.
    ///
    /// # Errors
    /// Where there is no such guest or drive.
    pub fn renew_cloud_init(&self, vmid: Vmid) -> Result<(), ProxmoxError> {
        let command = Command::new("qm").args(["cloudinit", "update", &vmid.to_string()]);
        self.qm(vmid, command).map(drop)
    }

    /// Makes a template of a guest that does not run.
    ///
    /// # Errors
    /// Where there is no such guest, it runs, or its storage cannot.
    pub fn make_template(&self, vmid: Vmid) -> Result<(), ProxmoxError> {
        // `qm template` does not say how its task ended.
        self.carry_out("create", &self.path_of(vmid, "/template"), &[], vmid)
    }

    /// Makes a disk larger: to `size` in all.
    ///
    /// # Errors
    /// Where there is no such guest or disk, or the disk is larger.
    pub fn grow_disk(
        &self,
        vmid: Vmid,
        slot: &DiskSlot,
        size: ByteSize,
    ) -> Result<(), ProxmoxError> {
        // In whole units, as fractions are not taken. What is not whole KiB is rounded up.
        let kib = size.bytes().div_ceil(1024);
        let size = format!("{kib}K");
        let options = [("disk", slot.as_str()), ("size", &size)];
        // `qm disk resize` does not say how its task ended.
        self.carry_out("set", &self.path_of(vmid, "/resize"), &options, vmid)
    }

    /// Starts a guest.
    ///
    /// # Errors
    /// [`ProxmoxError::AlreadyRunning`] where it runs; [`ProxmoxError::TaskFailed`] with what QEMU complained of.
    pub fn start(&self, vmid: Vmid) -> Result<(), ProxmoxError> {
        let command = Command::new("qm").args(["start", &vmid.to_string()]);
        match self.qm(vmid, command) {
            Ok(_) => Ok(()),
            Err(ProxmoxError::Command(error)) => {
                let told = self.failure_told(vmid, "qmstart", error.stderr());
                Err(told.unwrap_or_else(|| error.into()))
            }
            Err(error) => Err(error),
        }
    }

    /// Asks a guest to end, for so many seconds.
    ///
    /// # Errors
    /// Where it does not end in time.
    pub fn shut_down(&self, vmid: Vmid, within_seconds: u32) -> Result<(), ProxmoxError> {
        let seconds = within_seconds.to_string();
        let command =
            Command::new("qm").args(["shutdown", &vmid.to_string(), "--timeout", &seconds]);
        self.qm(vmid, command).map(drop)
    }

    /// Switches a guest off, as if power was lost. One that does not run is left alone.
    ///
    /// # Errors
    /// Where there is no such guest.
    pub fn stop(&self, vmid: Vmid) -> Result<(), ProxmoxError> {
        let command = Command::new("qm").args(["stop", &vmid.to_string()]);
        self.qm(vmid, command).map(drop)
    }

    /// How a guest stands.
    ///
    /// # Errors
    /// [`ProxmoxError::NoSuchGuest`] where there is none on this node.
    pub fn status(&self, vmid: Vmid) -> Result<GuestStatus, ProxmoxError> {
        let path = self.path_of(vmid, "/status/current");
        let value = self.get_of(vmid, &path)?;
        GuestStatus::read(&value).ok_or_else(|| lacking(&path, "status"))
    }

    /// The configuration of a guest.
    ///
    /// # Errors
    /// [`ProxmoxError::NoSuchGuest`] where there is none on this node.
    pub fn config(&self, vmid: Vmid) -> Result<GuestConfig, ProxmoxError> {
        let path = self.path_of(vmid, "/config");
        let value = self.get_of(vmid, &path)?;
        GuestConfig::read(&value).ok_or_else(|| lacking(&path, "options"))
    }

    /// The configuration of a guest, or `None` where there is none on this node.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn find_config(&self, vmid: Vmid) -> Result<Option<GuestConfig>, ProxmoxError> {
        match self.config(vmid) {
            Ok(config) => Ok(Some(config)),
            Err(ProxmoxError::NoSuchGuest { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Proof that a guest has `mark`, or `None` where there is no guest of that number on this node.
    ///
    /// # Errors
    /// [`ProxmoxError::NotOurs`] where the guest has another mark, or none.
    pub fn ours(&self, vmid: Vmid, mark: &Mark) -> Result<Option<Ours>, ProxmoxError> {
        let Some(config) = self.find_config(vmid)? else {
            return Ok(None);
        };
        if let Some(ours) = Ours::check(vmid, &config, mark) {
            return Ok(Some(ours));
        }
        let why = match (config.mark(), config.lock()) {
            (Some(_), _) => "it carries the mark of another",
            (None, lock) if is_of_making(lock) => {
                "it has no mark, as making it was interrupted or is under way"
            }
            (None, _) => "it carries no mark",
        };
        Err(ProxmoxError::NotOurs { vmid, why })
    }

    /// Takes a guest away, with its disks, and from backups, replication and high availability. It has to be
    /// switched off.
    ///
    /// # Errors
    /// Where it runs, is locked, or a disk cannot be removed.
    pub fn destroy(&self, guest: Ours) -> Result<(), ProxmoxError> {
        let vmid = guest.vmid();
        let command = Command::new("qm").args(["destroy", &vmid.to_string(), "--purge", "1"]);
        self.qm(vmid, command).map(drop)
    }

    /// Takes away the guest that `mark` proves to be ours, whether it runs, is switched off, or was never finished
    /// (`qm clone` and `qm create` write the mark before they lift their lock). `template` is what it was cloned
    /// from: a command that was interrupted may have left its task at work.
    ///
    /// # Errors
    /// [`ProxmoxError::NotOurs`] where a guest of that number has no such mark, and what else stands in the way.
    pub fn discard(
        &self,
        vmid: Vmid,
        mark: &Mark,
        template: Option<Vmid>,
    ) -> Result<Change, ProxmoxError> {
        self.await_quiet(vmid)?;
        let is_unfinished = |config: &GuestConfig| is_of_making(config.lock());
        if let Some(template) = template
            && self.find_config(vmid)?.as_ref().is_none_or(is_unfinished)
        {
            self.await_quiet(template)?;
        }
        let Some(ours) = self.ours(vmid, mark)? else {
            return Ok(Change::Unchanged);
        };
        let status = self.status(vmid)?;
        if is_of_making(status.lock.as_deref()) {
            self.unlock(&ours)?;
        }
        if status.is_managed {
            // High availability would start it again.
            self.leave_availability(vmid)?;
        }
        if status.state != RunState::Stopped {
            self.stop(vmid)?;
        }
        self.destroy(ours)?;
        Ok(Change::Removed)
    }

    /// Lifts the lock that an interrupted operation left. No task may be at work on the guest:
    /// [`await_quiet`](Self::await_quiet).
    ///
    /// # Errors
    /// Where it cannot be done.
    pub fn unlock(&self, guest: &Ours) -> Result<(), ProxmoxError> {
        let vmid = guest.vmid();
        let command = Command::new("qm").args(["unlock", &vmid.to_string()]);
        self.qm(vmid, command).map(drop)
    }

    pub(super) fn path_of(&self, vmid: Vmid, rest: &str) -> String {
        format!("/nodes/{}/qemu/{vmid}{rest}", self.node())
    }

    fn get_of(&self, vmid: Vmid, path: &str) -> Result<Value, ProxmoxError> {
        let command = Command::new("pvesh").args(["get", path, "--output-format", "json"]);
        let output = self.qm(vmid, command.clone())?;
        let read = serde_json::from_slice(&output.stdout);
        read.map_err(|_| super::call::unexpected(&command, &output.text()))
    }
}

impl GuestStatus {
    fn read(value: &Value) -> Option<Self> {
        let qmp = value.get("qmpstatus").and_then(Value::as_str);
        let state = match (value.get("status")?.as_str()?, qmp) {
            ("running", Some("paused" | "suspended" | "prelaunch")) => RunState::Paused,
            ("running", _) => RunState::Running,
            _ => RunState::Stopped,
        };
        let managed = value.get("ha").and_then(|ha| ha.get("managed"));
        Some(Self {
            state,
            uptime_seconds: value.get("uptime").and_then(number).unwrap_or(0),
            lock: value.get("lock").and_then(Value::as_str).map(str::to_owned),
            is_managed: managed.is_some_and(is_set),
        })
    }
}

impl GuestEntry {
    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let count = |name: &str| value.get(name).and_then(number);
        Some(Self {
            vmid: Vmid::try_from(u32::try_from(count("vmid")?).ok()?).ok()?,
            node: text("node")?.parse().ok()?,
            name: text("name").unwrap_or_default().to_owned(),
            is_container: text("type") == Some("lxc"),
            is_template: value.get("template").is_some_and(is_set),
            is_running: text("status") == Some("running"),
            memory_bytes: count("maxmem").unwrap_or(0),
            cores: count("maxcpu").unwrap_or(0),
        })
    }
}

/// Whether a guest that is locked in this way is being made, or was never finished.
fn is_of_making(lock: Option<&str>) -> bool {
    matches!(lock, Some("clone" | "create"))
}

fn with_options(command: Command, settings: &GuestSettings) -> Command {
    let options = settings.options();
    let words = options
        .into_iter()
        .flat_map(|(name, value)| [format!("--{name}"), value]);
    command.args(words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn guests_are_listed_as_the_cluster_tells_them() {
        let value = json!({"id": "qemu/105", "vmid": 105, "node": "pve", "name": "vault", "type": "qemu",
            "status": "running", "template": 0, "maxmem": 2_147_483_648_u64, "maxcpu": 2});
        let guest = GuestEntry::read(&value).unwrap();
        assert!(guest.is_running && !guest.is_template && !guest.is_container);
        assert_eq!(
            (guest.vmid.number(), guest.memory_bytes, guest.cores),
            (105, 2 << 30, 2)
        );
        // One of a node that is gone has a number and a node, and no more.
        let lost = json!({"vmid": "106", "node": "n2", "type": "lxc", "status": "unknown"});
        let lost = GuestEntry::read(&lost).unwrap();
        assert!(lost.is_container && !lost.is_running);
        assert!(GuestEntry::read(&json!({"node": "pve"})).is_none());
    }

    #[test]
    fn a_status_tells_paused_from_running() {
        let read = |value: Value| GuestStatus::read(&value).unwrap();
        let status = read(
            json!({"status": "running", "qmpstatus": "running", "uptime": 7, "ha": {"managed": 1}}),
        );
        assert_eq!(
            (status.state, status.uptime_seconds, status.is_managed),
            (RunState::Running, 7, true)
        );
        let status = read(json!({"status": "running", "qmpstatus": "paused"}));
        assert_eq!(status.state, RunState::Paused);
        let status = read(json!({"status": "stopped", "lock": "backup", "ha": {"managed": 0}}));
        assert_eq!(
            (status.state, status.lock.as_deref(), status.is_managed),
            (RunState::Stopped, Some("backup"), false)
        );
    }
}
