//! What is done in a machine by its guest agent: programs run, and its network told.

use std::time::Duration;

use serde_json::{Value, json};
use smbgw_core::secret::Secret;

use super::{LibvirtError, Name, Virsh};
use crate::agent::program::{STATUS, ended, request};
use crate::agent::{AgentError, Ended};
use crate::cloudinit::Argv;
use crate::guest_interface::{GuestInterface, interfaces_in};

impl Virsh<'_> {
    /// Asks the guest agent of a machine whether it is there.
    ///
    /// # Errors
    /// [`LibvirtError::AgentSilent`] where it does not answer, [`LibvirtError::NotRunning`] where it cannot.
    pub fn ping_agent(&self, name: &Name) -> Result<(), LibvirtError> {
        let request = json!({ "execute": "guest-ping" });
        self.agent(name, &request, self.deadline.remaining())
            .map(drop)
    }

    /// The network interfaces of a machine that others can reach it by, as its guest agent tells them.
    ///
    /// # Errors
    /// As [`ping_agent`](Self::ping_agent) has them.
    pub fn interfaces(&self, name: &Name) -> Result<Vec<GuestInterface>, LibvirtError> {
        let command = "guest-network-get-interfaces";
        let request = json!({ "execute": command });
        let told = self.agent(name, &request, self.deadline.remaining())?;
        interfaces_in(&told).ok_or_else(|| garbled(command, "it is no list"))
    }

    /// Has the guest agent of a machine run a program as root, and waits for its end. The program reads `input` from
    /// its standard input; that is in no list of processes, no log and no error.
    ///
    /// # Errors
    /// As [`ping_agent`](Self::ping_agent) has them, and [`LibvirtError::Agent`] where the program has not ended before
    /// the deadline or writes more than the agent keeps. How it ended is no error.
    pub fn execute(
        &self,
        name: &Name,
        command: &Argv,
        input: Option<&Secret>,
    ) -> Result<Ended, LibvirtError> {
        let time = self.deadline.remaining();
        let program = command.program();
        let asked = request(program, &command.words()[1..], input)?;
        let started = match input {
            Some(_) => self.agent_with_secret(name, &Secret::from(asked.to_vec()), time)?,
            None => {
                let asked = serde_json::from_slice(&asked);
                let asked: Value = asked.map_err(|_| garbled("guest-exec", "it is no JSON"))?;
                self.agent(name, &asked, time)?
            }
        };
        let pid = started.get("pid").and_then(Value::as_i64);
        let pid = pid.ok_or_else(|| garbled("guest-exec", "no number of a process"))?;
        let status = json!({ "execute": STATUS, "arguments": { "pid": pid } });
        let mut pause = Duration::from_millis(10);
        loop {
            match self.agent(name, &status, self.deadline.remaining()) {
                Ok(told) => {
                    if let Some(ended) = ended(&told, program)? {
                        return Ok(ended);
                    }
                }
                // It was started, and may well go on.
                Err(LibvirtError::AgentSilent { .. }) => {}
                Err(error) => return Err(error),
            }
            if self.deadline.has_passed() {
                return Err(LibvirtError::Agent(AgentError::StillRunning {
                    program: program.to_owned(),
                    after: time,
                }));
            }
            // The agent tells nobody of an end by itself.
            std::thread::sleep(pause.min(self.deadline.remaining()));
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }
}

fn garbled(command: &'static str, what: &str) -> LibvirtError {
    LibvirtError::Agent(AgentError::Garbled {
        command,
        what: what.into(),
    })
}
