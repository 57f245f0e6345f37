//! The high availability of Proxmox VE (ha-manager(1)): a guest is started elsewhere when its node dies.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use smbgw_core::host::Command;

use super::Proxmox;
use super::call::lacking;
use super::error::ProxmoxError;
use crate::vmid::Vmid;

/// What high availability is to keep a guest at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HaState {
    /// It runs.
    Started,
    /// It is switched off.
    Stopped,
}

impl HaState {
    fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stopped => "stopped",
        }
    }
}

impl Proxmox<'_> {
    /// Has high availability keep a guest, from now on, at `state`. One that is kept already gets that state.
    ///
    /// # Errors
    /// Where it cannot be told.
    pub fn keep_available(&self, vmid: Vmid, state: HaState) -> Result<(), ProxmoxError> {
        let verb = if self.is_kept_available(vmid)? {
            "set"
        } else {
            "add"
        };
        let service = format!("vm:{vmid}");
        let command = Command::new("ha-manager").args([verb, &service, "--state", state.word()]);
        self.qm(vmid, command).map(drop)
    }

    /// Has high availability switch a guest off that it keeps, as if power was lost, and keep it so.
    ///
    /// # Errors
    /// Where it cannot be told, or does not keep that guest.
    pub fn stop_kept(&self, vmid: Vmid) -> Result<(), ProxmoxError> {
        // With 0 seconds it does not wait for the guest (ha-manager(1), `crm-command stop`).
        let words = ["crm-command", "stop", &format!("vm:{vmid}"), "0"];
        let command = Command::new("ha-manager").args(words);
        self.qm(vmid, command).map(drop)
    }

    /// Has high availability leave a guest alone, which stays as it is. One that is not kept is left alone already.
    ///
    /// # Errors
    /// Where it cannot be told.
    pub fn leave_availability(&self, vmid: Vmid) -> Result<(), ProxmoxError> {
        if !self.is_kept_available(vmid)? {
            return Ok(());
        }
        let command = Command::new("ha-manager").args(["remove", &format!("vm:{vmid}")]);
        self.qm(vmid, command).map(drop)
    }

    /// Whether high availability keeps a guest.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn is_kept_available(&self, vmid: Vmid) -> Result<bool, ProxmoxError> {
        let path = "/cluster/ha/resources";
        let value = self.get(path, &[])?;
        let list = value.as_array().ok_or_else(|| lacking(path, "list"))?;
        let service = format!("vm:{vmid}");
        let is_it = |entry: &Value| entry.get("sid").and_then(Value::as_str) == Some(&service);
        Ok(list.iter().any(is_it))
    }
}
