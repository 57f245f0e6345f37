//! A node of Proxmox VE, as far as its commands go.
//!
//! `qm`, `pvesh`, `pvesm` and `ha-manager` are stand-ins, as Debian has no packages of the real ones. They keep
//! guests, storages and tasks as files where Proxmox VE keeps them, and take the options that are used with the
//! texts and exit statuses of the real ones.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::overlay::{overlay, write_programs};
use crate::{DebianPackages, Error, FastBoot, Result, Start};

/// Stands in for `pct exec`, `qm guest exec` and `lxc-attach`: what enters a machine, by the number of its first
/// process in `/run/machines/{lxc,qemu-server}`.
pub const ENTER: &str = include_str!("proxmox/enter.pl");

const COMMANDS: &str = include_str!("proxmox/pve.pl");

const GUESTS: &str = include_str!("proxmox/guests.pl");

/// Where the stand-in keeps what a real node has elsewhere.
const OWN: &str = "/run/pve-standin";

/// What a node has that nothing else is said of: a cluster with a container on another node, 16 GiB of memory, and
/// two bridges.
pub const NODE: &str = r#"{
    "name": "pve", "version": "8.4.1", "memory": 17179869184, "memory_used": 4294967296, "processors": 8,
    "bridges": [
        { "iface": "vmbr0", "type": "bridge", "active": 1, "bridge_vlan_aware": 1 },
        { "iface": "vmbr1", "type": "bridge", "active": 0 }
    ],
    "mappings": [{ "id": "vault-data", "map": ["node=pve,path=/srv/vault"] }, { "id": "elsewhere", "map": ["node=n2,path=/srv"] }],
    "available": { "local": 10737418240, "local-lvm": 53687091200, "data": 53687091200, "vg": 53687091200 },
    "guests": [{ "id": "lxc/101", "vmid": 101, "node": "n2", "type": "lxc", "name": "web", "status": "running",
        "template": 0, "maxmem": 536870912, "maxcpu": 1 }]
}"#;

/// Storages of each kind: files, thin volumes, and volumes that take all their room at once.
pub const STORAGES: &str = "dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl,snippets\n\n\
    lvmthin: local-lvm\n\tthinpool data\n\tvgname pve\n\tcontent rootdir,images\n\n\
    dir: data\n\tpath /srv/data\n\tcontent images\n\n\
    lvm: vg\n\tvgname vg\n\tcontent images\n";

/// What becomes of a call of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PveFault<'a> {
    /// It does nothing, and complains with this text.
    Refuse(&'a str),
    /// Its task begins and ends with this failure, and nothing is done.
    FailTask(&'a str),
    /// It does its work, and complains with this text all the same.
    LoseAnswer(&'a str),
    /// It takes that long, holding what it holds.
    TakeTime(Duration),
}

/// A node of Proxmox VE that the tests of one light host share.
#[derive(Debug)]
pub struct ProxmoxNode {
    root: PathBuf,
}

impl ProxmoxNode {
    /// Makes a node of the light host that this runs in.
    pub fn install() -> Result<Self> {
        let folder = Path::new(OWN);
        let tools = folder.join("tools");
        write_programs(&tools, &["qm", "pvesh", "pvesm", "ha-manager"], COMMANDS)?;
        write_programs(folder, &["qm"], ENTER)?;
        overlay(&tools, "/usr/sbin")?;
        let node = Self { root: "/".into() };
        node.write("etc/pve/storage.cfg", STORAGES)?;
        node.write("etc/pve/nodes/pve/qemu-server/.keep", "")?;
        node.describe(NODE)?;
        Ok(node)
    }

    /// The node that a process before this one has made of the light host.
    pub fn installed() -> Self {
        Self { root: "/".into() }
    }

    /// Says in JSON what the node has, as [`NODE`] does.
    pub fn describe(&self, node: &str) -> Result<()> {
        self.write("run/pve-standin/node.json", node)
    }

    /// Writes a file of the node.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let path = self.root.join(path.trim_start_matches('/'));
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        let written = made.and_then(|()| fs::write(&path, content));
        written.map_err(Error::doing(format!("writing {}", path.display())))
    }

    /// The configuration of the guest `vmid` as it is on disk, where there is one.
    pub fn config(&self, vmid: u32) -> Option<String> {
        let name = format!("etc/pve/nodes/pve/qemu-server/{vmid}.conf");
        fs::read_to_string(self.root.join(name)).ok()
    }

    /// The volumes of all storages, by their paths, sorted.
    pub fn volumes(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for folder in ["run/pve-standin/volumes", "srv/data/images", "var/lib/vz"] {
            files_below(&self.root.join(folder), &mut found);
        }
        found.sort();
        found
    }

    /// Has the `nth` call from now on, counted from 1, of those that begin with the words `call`, go wrong.
    pub fn fault(&self, call: &str, nth: u32, fault: PveFault<'_>) -> Result<()> {
        let (kind, text, time) = match fault {
            PveFault::Refuse(text) => ("refuse", text, Duration::ZERO),
            PveFault::FailTask(text) => ("task", text, Duration::ZERO),
            PveFault::LoseAnswer(text) => ("lost", text, Duration::ZERO),
            PveFault::TakeTime(time) => ("slow", "", time),
        };
        let (call, text) = (quoted(call), quoted(text));
        let seconds = time.as_secs_f64();
        let rule = format!(
            r#"[{{"call":{call},"nth":{nth},"kind":"{kind}","text":{text},"seconds":{seconds}}}]"#
        );
        self.write("run/pve-standin/faults.json", rule)
    }

    /// Lets everything go well again.
    pub fn no_faults(&self) -> Result<()> {
        self.write("run/pve-standin/faults.json", "[]")
    }

    /// All calls so far, each as its words with spaces between them.
    pub fn calls(&self) -> Result<Vec<String>> {
        let text = fs::read_to_string(self.root.join("run/pve-standin/calls"));
        let text = text.map_err(Error::doing("reading the calls"))?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Has the agent of a guest answer, with these interfaces in JSON.
    pub fn agent_answers(&self, vmid: u32, interfaces: &str) -> Result<()> {
        self.write(&format!("run/pve-standin/agent/{vmid}"), interfaces)
    }

    /// Has `qm guest exec` for a guest run what it is given in the machine whose first process is `pid`.
    pub fn inside_is(&self, vmid: u32, pid: u32) -> Result<()> {
        self.write(&format!("run/pve-standin/inside/{vmid}"), pid.to_string())
    }

    /// Has a program do what needs real guests. It is called with `words`, then `start`, `stop`, `shutdown`, `resize`,
    /// `ping`, `interfaces` (prints them) or `exec` (prints what `qm guest exec` does), the number of the guest, the
    /// file with its configuration, for `resize` the disk of one that runs and its new size in bytes, for `exec` the
    /// options and words that `qm` got, and for `shutdown` the seconds that it may take. It fails with a status other
    /// than 0. For `start`, the variable `STANDIN_VOLUMES` has the paths of the guest's volumes as JSON.
    pub fn machines_are(&self, words: &[&str]) -> Result<()> {
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let json = format!("[{}]", words.join(","));
        self.write("run/pve-standin/machine.json", json)
    }

    /// The words for [`machines_are`](ProxmoxNode::machines_are) of a program that starts real guests, under QEMU
    /// without acceleration, in the way `start`.
    ///
    /// They have their disks on virtio and cloud-init's drive, a tap device in the bridge that their configuration
    /// names, which the test has to make, and the sockets of agent, console and monitor where Proxmox VE has them,
    /// in `/run/qemu-server`. What they write to their consoles is also kept in [`console`](ProxmoxNode::console).
    /// They end with the light host.
    pub fn real_guests(&self, start: &Start) -> Result<[&'static str; 1]> {
        let genisoimage = DebianPackages::ISOINFO.root()?.join("usr/bin/genisoimage");
        let mut says = format!(r#"{{"genisoimage":{}"#, of_path(&genisoimage));
        match start {
            Start::Bios => {}
            Start::Uefi => return Err(Error::new("guests of the stand-in start by BIOS")),
            Start::Fast(fast) => {
                let words = [
                    ("kernel", of_path(&fast.kernel())),
                    ("initrd", of_path(&fast.initrd())),
                    ("append", quoted(FastBoot::ARGUMENTS)),
                ];
                for (name, value) in words {
                    // Writing to a text does not fail.
                    let _ = write!(says, r#","{name}":{value}"#);
                }
            }
        }
        self.write("run/pve-standin/guests.json", says + "}")?;
        write_programs(&self.root.join("run/pve-standin"), &["guests.pl"], GUESTS)?;
        Ok(["/run/pve-standin/guests.pl"])
    }

    /// What a real guest has written to its console so far, over all its starts.
    pub fn console(&self, vmid: u32) -> String {
        let path = self.root.join(format!("run/pve-standin/console/{vmid}"));
        String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
    }

    /// How often a command whose words begin with `call` was called.
    pub fn count(&self, call: &str) -> Result<usize> {
        let calls = self.calls()?;
        Ok(calls.iter().filter(|said| said.starts_with(call)).count())
    }
}

fn of_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// `text` as JSON has it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => {
                // Writing to a text does not fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_json() {
        assert_eq!(quoted("a\"b\\c\n"), r#""a\"b\\c\u000a""#);
    }
}
