//! The connection to a guest's agent: one for as long as it is talked with.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
    send, socket_with,
};
use serde_json::{Value, json};
use smbgw_core::deadline::Deadline;

use super::AgentError;
use super::answer::{self, Answer};

/// The most bytes of an answer. The agent keeps 16 MiB of each of the two streams of a program, and sends
/// them as base64 (qga/commands.c, `GUEST_EXEC_MAX_OUTPUT`).
const LARGEST: usize = 48 << 20;

/// How long it is waited for the answer to a greeting before another one is sent: what is said while
/// nobody in the guest listens is lost.
const GREETING: Duration = Duration::from_secs(2);

/// A connection, and whether what comes next on it is the answer to what is asked next.
#[derive(Debug)]
pub(super) struct Connection {
    path: PathBuf,
    socket: OwnedFd,
    received: Vec<u8>,
    in_step: bool,
}

impl Connection {
    /// Connects and waits until the agent answers.
    pub(super) fn open(path: &Path, deadline: Deadline) -> Result<Self, AgentError> {
        let socket = connected(path).map_err(|source| AgentError::Unreachable {
            socket: path.to_owned(),
            source: source.into(),
        })?;
        let mut connection = Self {
            path: path.to_owned(),
            socket,
            received: Vec::new(),
            in_step: false,
        };
        connection.get_in_step(deadline)?;
        Ok(connection)
    }

    /// Sends `request`, the text of a command, and waits for what is under `return`.
    pub(super) fn ask(
        &mut self,
        command: &'static str,
        request: &[u8],
        deadline: Deadline,
    ) -> Result<Value, AgentError> {
        if !self.in_step {
            self.get_in_step(deadline)?;
        }
        tracing::debug!(command, socket = %self.path.display(), "ask the guest agent");
        // Until the answer was read, it is not known what comes next.
        self.in_step = false;
        self.send(request, deadline)?;
        let line = self.line(command, deadline)?;
        self.in_step = true;
        match answer::read(&line) {
            Ok(Answer::Return(value)) => Ok(value),
            Ok(Answer::Error(said)) => Err(AgentError::Refused { command, said }),
            Err(what) => Err(AgentError::Garbled { command, what }),
        }
    }

    /// Leaves everything behind that is still to come of what was asked before (QEMU guest agent
    /// protocol reference, `guest-sync-delimited`): by a number that nobody else sends.
    fn get_in_step(&mut self, deadline: Deadline) -> Result<(), AgentError> {
        let began = deadline.remaining();
        let silent = || AgentError::Silent { after: began };
        let mut sent: Vec<u64> = Vec::new();
        loop {
            if deadline.has_passed() {
                return Err(silent());
            }
            let id = number().map_err(|source| self.unusable(source))?;
            sent.push(id);
            let request = json!({ "execute": SYNC, "arguments": { "id": id } });
            // The byte that is in no text makes the agent forget what it has half received.
            let request = [b"\xff", request.to_string().as_bytes(), b"\n"].concat();
            self.send(&request, deadline)?;
            let mut until = deadline.at_most(GREETING);
            loop {
                match self.line(SYNC, until) {
                    Ok(line) => match answer::greeting(&line) {
                        Some(answered) if answered == id => {
                            self.in_step = true;
                            return Ok(());
                        }
                        // It is slow, and will answer the last one, too.
                        Some(answered) if sent.contains(&answered) => until = deadline,
                        _ => {}
                    },
                    Err(AgentError::Silent { .. }) if deadline.has_passed() => return Err(silent()),
                    Err(AgentError::Silent { .. }) => break,
                    Err(error) => return Err(error),
                }
            }
        }
    }

    fn send(&mut self, mut bytes: &[u8], deadline: Deadline) -> Result<(), AgentError> {
        while !bytes.is_empty() {
            match send(&self.socket, bytes, SendFlags::NOSIGNAL) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT, deadline)?,
                Err(Errno::INTR) => {}
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(AgentError::Closed),
                Err(error) => return Err(self.unusable(error)),
            }
        }
        Ok(())
    }

    /// The next line, without its end.
    fn line(&mut self, command: &'static str, deadline: Deadline) -> Result<Vec<u8>, AgentError> {
        let mut searched = 0;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let end = self.received[searched..]
                .iter()
                .position(|byte| *byte == b'\n');
            if let Some(end) = end {
                let mut line: Vec<u8> = self.received.drain(..=searched + end).collect();
                line.pop();
                return Ok(line);
            }
            searched = self.received.len();
            if searched > LARGEST {
                self.received.clear();
                let what = format!("it has more than {LARGEST} bytes");
                return Err(AgentError::Garbled { command, what });
            }
            match recv(&self.socket, &mut buffer, RecvFlags::empty()) {
                Ok((_, 0)) | Err(Errno::CONNRESET) => return Err(AgentError::Closed),
                Ok((_, count)) => self.received.extend_from_slice(&buffer[..count]),
                Err(Errno::AGAIN) => self.wait(PollFlags::IN, deadline)?,
                Err(Errno::INTR) => {}
                Err(error) => return Err(self.unusable(error)),
            }
            if deadline.has_passed() && !self.received[searched..].contains(&b'\n') {
                return Err(AgentError::Silent {
                    after: Duration::ZERO,
                });
            }
        }
    }

    fn wait(&self, what: PollFlags, deadline: Deadline) -> Result<(), AgentError> {
        let after = deadline.remaining();
        let timeout = after
            .try_into()
            .map_err(|error| self.unusable(io::Error::other(error)))?;
        match poll(&mut [PollFd::new(&self.socket, what)], Some(&timeout)) {
            Ok(0) => Err(AgentError::Silent { after }),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(self.unusable(error)),
        }
    }

    fn unusable(&self, source: impl Into<io::Error>) -> AgentError {
        AgentError::Unreachable {
            socket: self.path.clone(),
            source: source.into(),
        }
    }
}

const SYNC: &str = "guest-sync-delimited";

/// A connection that never waits by itself. Where the one that QEMU takes is in use, it says so at once.
pub(crate) fn connected(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// A number that JSON, Perl and C all read as a whole one.
fn number() -> io::Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(u64::from_le_bytes(bytes) >> 12)
}
