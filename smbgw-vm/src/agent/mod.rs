//! The agent in a guest, spoken with over the socket that QEMU has for it.
//!
//! This is for guests whose QEMU is reached directly. Proxmox VE and libvirt hold that socket themselves
//! and pass on what is said: see [`crate::proxmox`] and [`crate::libvirt`].
//!
//! There is one connection for as long as a [`GuestAgent`] lives, since QEMU takes no second one, and every wait
//! has a deadline. What a guest says is not trusted: it is bounded, and read by code that cannot fail on it. The
//! commands are those of QEMU's guest agent protocol reference.

mod answer;
mod connection;
mod error;
mod host;
pub(crate) mod program;

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use smbgw_core::deadline::Deadline;

use connection::Connection;
pub(crate) use connection::connected;

use crate::guest_interface::{GuestInterface, interfaces_in};

pub use error::AgentError;
pub use host::guest_host;
pub use program::{Ended, LARGEST_INPUT};

/// A guest's agent that answers.
///
/// ```no_run
/// use std::path::Path;
/// use std::time::Duration;
///
/// use smbgw_core::deadline::Deadline;
/// use smbgw_vm::agent::GuestAgent;
/// use smbgw_vm::cloudinit::Argv;
///
/// let deadline = Deadline::after(Duration::from_secs(60));
/// let mut agent = GuestAgent::connect(Path::new("/run/guest/agent.sock"), deadline)?;
/// let ended = agent.execute(&Argv::new(["uname", "-r"])?, None, deadline)?;
/// assert_eq!(ended.status, Some(0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct GuestAgent {
    connection: Connection,
}

/// What an agent is and can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentInfo {
    /// Its version.
    pub version: String,
    /// The commands that it carries out.
    pub commands: Vec<String>,
}

/// Whether the file systems of a guest are held for a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FreezeStatus {
    /// They are in use as usual.
    Thawed,
    /// Whatever writes to them waits.
    Frozen,
}

/// How a guest is shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// It switches itself off.
    Powerdown,
    /// It starts anew.
    Reboot,
}

/// How long an agent that refuses to shut down may take to say so. One that obeys says nothing.
const OBJECTION: Duration = Duration::from_secs(2);

impl GuestAgent {
    /// Connects to the socket and waits until an agent answers, so also for a guest that is still
    /// starting.
    ///
    /// # Errors
    /// [`AgentError::Unreachable`] where there is no socket or another one is connected;
    /// [`AgentError::Silent`] where nothing answers before the deadline.
    pub fn connect(socket: &Path, deadline: Deadline) -> Result<Self, AgentError> {
        let connection = Connection::open(socket, deadline)?;
        Ok(Self { connection })
    }

    /// Sees that it still answers.
    ///
    /// # Errors
    /// Where it does not.
    pub fn ping(&mut self, deadline: Deadline) -> Result<(), AgentError> {
        self.command("guest-ping", json!({}), deadline).map(drop)
    }

    /// What it is and can.
    ///
    /// # Errors
    /// Where it does not answer, or not as it should.
    pub fn info(&mut self, deadline: Deadline) -> Result<AgentInfo, AgentError> {
        #[derive(Deserialize)]
        struct Told {
            version: String,
            supported_commands: Vec<Supported>,
        }
        #[derive(Deserialize)]
        struct Supported {
            name: String,
            enabled: bool,
        }
        let told: Told = self.told("guest-info", deadline)?;
        let commands = told.supported_commands.into_iter();
        Ok(AgentInfo {
            version: told.version,
            commands: commands
                .filter(|command| command.enabled)
                .map(|command| command.name)
                .collect(),
        })
    }

    /// The network interfaces of the guest that others can reach it by, with their addresses.
    ///
    /// # Errors
    /// Where it does not answer, or not as it should.
    pub fn interfaces(&mut self, deadline: Deadline) -> Result<Vec<GuestInterface>, AgentError> {
        let command = "guest-network-get-interfaces";
        let told = self.command(command, json!({}), deadline)?;
        interfaces_in(&told).ok_or_else(|| AgentError::Garbled {
            command,
            what: "it is no list".into(),
        })
    }

    /// Whether its file systems are held for a backup.
    ///
    /// # Errors
    /// Where it does not answer, or not as it should.
    pub fn freeze_status(&mut self, deadline: Deadline) -> Result<FreezeStatus, AgentError> {
        self.told("guest-fsfreeze-status", deadline)
    }

    /// Has the guest shut down. It has begun to when this returns, and not more: an agent that obeys ends without an
    /// answer.
    ///
    /// # Errors
    /// Where it refuses, or cannot be told.
    pub fn shutdown(&mut self, how: Shutdown, deadline: Deadline) -> Result<(), AgentError> {
        let mode = match how {
            Shutdown::Powerdown => "powerdown",
            Shutdown::Reboot => "reboot",
        };
        self.ping(deadline)?;
        let until = deadline.at_most(OBJECTION);
        match self.command("guest-shutdown", json!({ "mode": mode }), until) {
            Ok(_) | Err(AgentError::Silent { .. } | AgentError::Closed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn told<T: DeserializeOwned>(
        &mut self,
        command: &'static str,
        deadline: Deadline,
    ) -> Result<T, AgentError> {
        let told = self.command(command, json!({}), deadline)?;
        serde_json::from_value(told).map_err(|error| AgentError::Garbled {
            command,
            what: error.to_string(),
        })
    }

    fn command(
        &mut self,
        command: &'static str,
        arguments: Value,
        deadline: Deadline,
    ) -> Result<Value, AgentError> {
        let request = json!({ "execute": command, "arguments": arguments });
        self.ask(command, format!("{request}\n").as_bytes(), deadline)
    }

    /// The same with a request that is put together already. How long it was waited for is told as a whole.
    fn ask(
        &mut self,
        command: &'static str,
        request: &[u8],
        deadline: Deadline,
    ) -> Result<Value, AgentError> {
        let time = deadline.remaining();
        self.connection
            .ask(command, request, deadline)
            .map_err(|error| match error {
                AgentError::Silent { .. } => AgentError::Silent { after: time },
                other => other,
            })
    }
}
