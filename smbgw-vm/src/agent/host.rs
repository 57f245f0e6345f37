//! A guest as a machine on which commands are run and files are changed, by its agent.

use std::path::{Path, PathBuf};

use smbgw_core::deadline::Deadline;
use smbgw_core::host::RemoteHost;
use smbgw_core::host::remote::{Execute, Executed, LinkError};
use smbgw_core::secret::Secret;

use super::{AgentError, GuestAgent};
use crate::cloudinit::Argv;

/// The guest whose agent is behind this socket, called `name` in messages, as everything else works on a
/// machine. Each operation has a connection of its own, so that nothing is kept open between them; and there are no
/// locks, and files and output are bounded by what the agent carries.
///
/// # Errors
/// Where no agent answers before the deadline, or the guest has no Perl.
pub fn guest_host(name: &str, socket: &Path, deadline: Deadline) -> Result<RemoteHost, LinkError> {
    let entrance = Entrance {
        socket: socket.to_owned(),
    };
    RemoteHost::behind(name, Box::new(entrance), deadline)
}

#[derive(Debug)]
struct Entrance {
    socket: PathBuf,
}

impl Execute for Entrance {
    fn execute(
        &self,
        machine: &str,
        words: &[&str],
        input: &Secret,
        deadline: Deadline,
    ) -> Result<Executed, LinkError> {
        let command = Argv::new(words.iter().copied()).map_err(|error| LinkError::Garbled {
            machine: machine.to_owned(),
            what: error.to_string(),
        })?;
        let ended = GuestAgent::connect(&self.socket, deadline)
            .and_then(|mut agent| agent.execute(&command, Some(input), deadline))
            .map_err(|error| in_words_of_links(machine, error))?;
        Ok(Executed {
            status: ended.status,
            output: ended.output,
            errors: ended.errors,
        })
    }
}

fn in_words_of_links(machine: &str, error: AgentError) -> LinkError {
    let machine = machine.to_owned();
    match error {
        AgentError::Unreachable { source, .. } => LinkError::Process { machine, source },
        AgentError::Silent { .. } => LinkError::NoGuestAgent {
            machine,
            said: String::new(),
        },
        AgentError::StillRunning { after, .. } => LinkError::NoAnswer { machine, after },
        AgentError::Closed => LinkError::Lost {
            machine,
            said: String::new(),
        },
        AgentError::TooLarge { .. } | AgentError::TooMuchOutput { .. } => LinkError::TooLarge {
            machine,
            what: "this",
        },
        AgentError::Garbled { what, .. } => LinkError::Garbled { machine, what },
        refused @ (AgentError::Refused { .. } | AgentError::Failed { .. }) => LinkError::Refused {
            machine,
            status: "not started".into(),
            said: refused.to_string(),
        },
    }
}
