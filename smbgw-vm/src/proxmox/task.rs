//! Tasks of Proxmox VE: operations that go on by themselves, and how they ended.

use std::fmt;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Proxmox;
use super::call::{complaint, lacking};
use super::error::ProxmoxError;
use super::name::{NameError, NodeName};
use crate::vmid::Vmid;

/// How long to wait between two looks at a task. Each is a process that takes most of a second.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// How many lines of the log of a failed task are told.
const LOG_LINES: usize = 5;

/// The identifier of a task: `UPID:NODE:PID:PSTART:STARTTIME:TYPE:ID:USER:`, with the three numbers in
/// hexadecimal (`pve-common`, `PVE::Tools::upid_decode`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Upid {
    text: String,
    node: NodeName,
}

/// How a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    /// It works.
    Running,
    /// It ended well, or with warnings.
    Done {
        /// Whether it warned of something; its log says of what.
        with_warnings: bool,
    },
    /// It ended with this failure.
    Failed(String),
}

impl Upid {
    /// The node that does it.
    pub fn node(&self) -> &NodeName {
        &self.node
    }

    /// The identifier itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it is, such as `qmclone`.
    pub fn kind(&self) -> &str {
        self.text.split(':').nth(5).unwrap_or_default()
    }

    /// The identifier at the end of what a command printed: the lines before it are the log of the task.
    pub(super) fn last_in(printed: &str) -> Option<Self> {
        let line = printed.lines().rev().find(|line| !line.trim().is_empty())?;
        line.trim().trim_matches('"').parse().ok()
    }
}

impl FromStr for Upid {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError {
            text: text.chars().take(80).collect(),
            kind: "the identifier of a task",
            rule: "UPID:NODE:PID:PSTART:STARTTIME:TYPE:ID:USER:",
        };
        let parts: Vec<&str> = text.split(':').collect();
        let [first, node, pid, pstart, started, kind, _id, user, last] = parts[..] else {
            return Err(wrong());
        };
        let is_hex = |text: &str, least: usize| {
            (least..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '/' && c != '"';
        let fits = first == "UPID"
            && is_hex(pid, 8)
            && is_hex(pstart, 8)
            && is_hex(started, 8)
            && !kind.is_empty()
            && !user.is_empty()
            && last.is_empty()
            && text.len() <= 400
            && text.chars().all(is_plain);
        if !fits {
            return Err(wrong());
        }
        Ok(Self {
            text: text.to_owned(),
            node: node.parse().map_err(|_| wrong())?,
        })
    }
}

impl TryFrom<String> for Upid {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Upid> for String {
    fn from(upid: Upid) -> Self {
        upid.text
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl TaskStatus {
    /// Reads `/nodes/NODE/tasks/UPID/status`.
    fn read(value: &Value) -> Option<Self> {
        if value.get("status")?.as_str()? != "stopped" {
            return Some(Self::Running);
        }
        // A task whose end was not written down yet has none.
        let Some(status) = value.get("exitstatus").and_then(Value::as_str) else {
            return Some(Self::Running);
        };
        Some(match status {
            "OK" => Self::Done {
                with_warnings: false,
            },
            status if status.starts_with("WARNINGS: ") => Self::Done {
                with_warnings: true,
            },
            status => Self::Failed(status.to_owned()),
        })
    }
}

impl Proxmox<'_> {
    /// How a task stands.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn task_status(&self, task: &Upid) -> Result<TaskStatus, ProxmoxError> {
        let path = format!("/nodes/{}/tasks/{task}/status", task.node());
        let value = self.get(&path, &[])?;
        TaskStatus::read(&value).ok_or_else(|| lacking(&path, "status"))
    }

    /// Waits for the end of a task.
    ///
    /// # Errors
    /// [`ProxmoxError::TaskFailed`] with the end of its log, or what its complaint means where that is known;
    /// [`ProxmoxError::TaskTimedOut`] at the deadline, with the task going on.
    pub fn await_task(&self, task: &Upid) -> Result<(), ProxmoxError> {
        loop {
            match self.task_status(task)? {
                TaskStatus::Done { .. } => return Ok(()),
                TaskStatus::Failed(status) => return Err(self.failure_of(task, status)),
                TaskStatus::Running => self.rest_before_next_look(task.as_str())?,
            }
        }
    }

    /// The tasks of this node that work on a guest now. A clone is a task of its template.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn tasks_of(&self, vmid: Vmid) -> Result<Vec<Upid>, ProxmoxError> {
        let path = format!("/nodes/{}/tasks", self.node());
        let number = vmid.to_string();
        let value = self.get(&path, &[("source", "active"), ("vmid", &number)])?;
        let tasks = value.as_array().ok_or_else(|| lacking(&path, "list"))?;
        let is_at_work = |task: &&Value| task.get("endtime").is_none_or(Value::is_null);
        let upid = |task: &Value| task.get("upid")?.as_str()?.parse().ok();
        let read = |task: &Value| upid(task).ok_or_else(|| lacking(&path, "upid"));
        tasks.iter().filter(is_at_work).map(read).collect()
    }

    /// Waits until no task of this node works on a guest: a command that was interrupted leaves its task at work.
    /// For a clone that is its template.
    ///
    /// # Errors
    /// [`ProxmoxError::TaskTimedOut`] at the deadline.
    pub fn await_quiet(&self, vmid: Vmid) -> Result<(), ProxmoxError> {
        while let Some(task) = self.tasks_of(vmid)?.first() {
            self.rest_before_next_look(task.as_str())?;
        }
        Ok(())
    }

    fn rest_before_next_look(&self, task: &str) -> Result<(), ProxmoxError> {
        let left = self.deadline.remaining();
        if left.is_zero() {
            let task = task.to_owned();
            return Err(ProxmoxError::TaskTimedOut { task });
        }
        thread::sleep(BETWEEN_LOOKS.min(left));
        Ok(())
    }

    /// The failure of the last task of `kind` on a guest, where it is the one of which a command `said` that it failed:
    /// why it did may be in its log alone.
    pub(super) fn failure_told(&self, vmid: Vmid, kind: &str, said: &str) -> Option<ProxmoxError> {
        let path = format!("/nodes/{}/tasks", self.node());
        let number = vmid.to_string();
        let options = [
            ("vmid", number.as_str()),
            ("typefilter", kind),
            ("limit", "1"),
        ];
        let value = self.get(&path, &options).ok()?;
        let task = value.as_array()?.first()?;
        let status = task.get("status")?.as_str()?;
        let upid = task.get("upid")?.as_str()?.parse().ok()?;
        said.contains(status)
            .then(|| self.failure_of(&upid, status.to_owned()))
    }

    fn failure_of(&self, task: &Upid, status: String) -> ProxmoxError {
        let vmid = task.text.split(':').nth(6).and_then(|id| id.parse().ok());
        if let Some(known) = complaint(&status, vmid) {
            return known;
        }
        // The task has failed whether its log can be read or not.
        let log = self.log_of(task).unwrap_or_default();
        ProxmoxError::TaskFailed {
            task: task.to_string(),
            status,
            log,
        }
    }

    /// The last lines of the log of a task.
    fn log_of(&self, task: &Upid) -> Result<Vec<String>, ProxmoxError> {
        let path = format!("/nodes/{}/tasks/{task}/log", task.node());
        let value = self.get(&path, &[("limit", "0")])?;
        let entries = value.as_array().ok_or_else(|| lacking(&path, "list"))?;
        let text = |entry: &Value| {
            let text = entry.get("t")?.as_str()?.trim();
            (!text.is_empty()).then(|| text.chars().take(300).collect())
        };
        let lines: Vec<String> = entries.iter().filter_map(text).collect();
        let skipped = lines.len().saturating_sub(LOG_LINES);
        Ok(lines.into_iter().skip(skipped).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CLONE: &str = "UPID:pve:0000C530:001C9BEC:5BA1A7B2:qmclone:9000:root@pam:";

    #[test]
    fn the_identifier_is_the_last_line() {
        let printed = format!("create full clone of drive scsi0\ntransferred 1 GiB\n\"{CLONE}\"\n");
        let upid = Upid::last_in(&printed).unwrap();
        assert_eq!(upid.as_str(), CLONE);
        assert_eq!((upid.node().as_str(), upid.kind()), ("pve", "qmclone"));
        assert_eq!(Upid::last_in(""), None);
        assert_eq!(Upid::last_in("null\n"), None);
        assert_eq!(Upid::last_in(&format!("{CLONE}\ndone")), None);
    }

    #[test]
    fn what_is_no_identifier_is_told() {
        for bad in [
            "",
            "UPID:pve:1:2:3:x:y:z:",
            "UPID:pve:0000C530:001C9BEC:5BA1A7B2:qmclone:9000:root@pam",
            "UPID:../x:0000C530:001C9BEC:5BA1A7B2:qmclone:9000:root@pam:",
            "UPID:pve:0000C530:001C9BEC:5BA1A7B2:qm/clone:9000:root@pam:",
            "UPID:pve:0000C53G:001C9BEC:5BA1A7B2:qmclone:9000:root@pam:",
        ] {
            assert!(bad.parse::<Upid>().is_err(), "{bad}");
        }
        assert!(
            "UPID:pve:0000C530:001C9BEC:5BA1A7B2:startall::root@pam:"
                .parse::<Upid>()
                .is_ok()
        );
    }

    #[test]
    fn ends_of_tasks_are_told_apart() {
        let read = |value: Value| TaskStatus::read(&value).unwrap();
        assert_eq!(read(json!({"status": "running"})), TaskStatus::Running);
        assert_eq!(read(json!({"status": "stopped"})), TaskStatus::Running);
        let ended = |with: &str| read(json!({"status": "stopped", "exitstatus": with}));
        assert_eq!(
            ended("OK"),
            TaskStatus::Done {
                with_warnings: false
            }
        );
        assert_eq!(
            ended("WARNINGS: 1"),
            TaskStatus::Done {
                with_warnings: true
            }
        );
        let failed = "clone failed: no such volume";
        assert_eq!(ended(failed), TaskStatus::Failed(failed.into()));
        assert_eq!(TaskStatus::read(&json!({})), None);
    }
}
