//! The guest agent, by `qm guest`.
//!
//! A machine on which commands are to run and files are to be written is a
//! [`RemoteHost`](smbgw_core::host::RemoteHost) behind the agent; here is what comes before that.

use smbgw_core::host::Command;
use smbgw_core::host::remote::guest::{LARGEST_INPUT, Reply};
use smbgw_core::secret::Secret;

use super::Proxmox;
use super::call::unexpected;
use super::error::ProxmoxError;
use crate::guest_interface::{GuestInterface, interfaces_in};
use crate::vmid::Vmid;

/// How a program ended that the agent ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Its exit status; -1 where a signal ended it.
    pub status: i32,
    /// What it wrote to its standard output.
    pub output: String,
    /// What it wrote to its standard error.
    pub errors: String,
}

impl Proxmox<'_> {
    /// Asks the agent of a guest whether it is there.
    ///
    /// # Errors
    /// [`ProxmoxError::AgentSilent`] where it does not answer, [`ProxmoxError::NoAgent`] and
    /// [`ProxmoxError::NotRunning`] where it cannot.
    pub fn ping_agent(&self, vmid: Vmid) -> Result<(), ProxmoxError> {
        let command = Command::new("qm").args(["guest", "cmd", &vmid.to_string(), "ping"]);
        self.qm(vmid, command).map(drop)
    }

    /// The network interfaces of a guest that others can reach it by.
    ///
    /// # Errors
    /// As [`ping_agent`](Self::ping_agent) has them.
    pub fn interfaces(&self, vmid: Vmid) -> Result<Vec<GuestInterface>, ProxmoxError> {
        let number = vmid.to_string();
        let command = Command::new("qm").args(["guest", "cmd", &number, "network-get-interfaces"]);
        let output = self.qm(vmid, command.clone())?;
        serde_json::from_slice(&output.stdout)
            .ok()
            .and_then(|told| interfaces_in(&told))
            .ok_or_else(|| unexpected(&command, &output.text()))
    }

    /// Has the agent run a program with `input` on its standard input, and waits for its end for so many seconds.
    /// The input is never shown.
    ///
    /// # Errors
    /// As [`ping_agent`](Self::ping_agent) has them; [`ProxmoxError::Unexpected`] where the program had not ended,
    /// wrote more than the agent keeps, or more than 1 MiB of input was given.
    pub fn execute(
        &self,
        vmid: Vmid,
        words: &[&str],
        input: Option<Secret>,
        within_seconds: u32,
    ) -> Result<Executed, ProxmoxError> {
        let mut command = Command::new("qm").args(["guest", "exec", &vmid.to_string()]);
        let seconds = within_seconds.max(1).to_string();
        command = command.args(["--timeout", &seconds]);
        if let Some(input) = input {
            if input.expose().len() > LARGEST_INPUT {
                return Err(unexpected(&command, "more input than the agent takes"));
            }
            command = command.args(["--pass-stdin", "1"]).stdin_secret(input);
        }
        let command = command.arg("--").args(words.iter().copied());
        let output = self.qm(vmid, command.clone())?;
        match Reply::read(&output.stdout) {
            Ok(Reply::Ended {
                status,
                output,
                errors,
            }) => Ok(Executed {
                status,
                output,
                errors,
            }),
            Ok(Reply::Running) => Err(unexpected(&command, "it had not ended in time")),
            Ok(Reply::Truncated) => Err(unexpected(&command, "more than the agent keeps")),
            Err(what) => Err(unexpected(&command, &what)),
        }
    }
}
