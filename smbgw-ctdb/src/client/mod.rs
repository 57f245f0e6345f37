//! The socket of ctdbd, for questions alone: nothing that is asked here changes anything.
//!
//! A question costs some ten microseconds, where a `ctdb` process takes milliseconds. Questions can be asked
//! one after the other before their answers are looked at, and by way of one ctdbd those of all nodes that
//! it hears.
//!
//! What comes from the socket is read strictly: an answer in any other form than the known one is an error,
//! and never a wrong value.

mod connection;
mod error;
pub mod question;
pub mod reply;
mod version;
pub mod wire;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;

use connection::{Connection, Ticket};
pub use error::ClientError;
use question::Question;
pub use version::Version;

/// Where ctdbd listens.
pub(crate) const SOCKET: &str = "/run/ctdb/ctdbd.socket";

/// How old the announcement of a leader may be that counts: it comes every second, and ctdb itself takes the
/// leader for lost after five (`leader timeout` of ctdb.conf(5)).
const LEADER_LASTS: Duration = Duration::from_secs(5);

/// A connection with the ctdbd of a node.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    version: Option<Version>,
    /// Since when the leader is listened for.
    listening: Option<Instant>,
}

/// A question that was asked, whose answer was not looked at yet.
#[derive(Debug)]
#[must_use = "the answer is kept until it is looked at"]
pub struct Asked<T> {
    ticket: Ticket,
    question: Question<T>,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// How long it took, other questions that were sent together with this one among it.
    pub took: Duration,
}

impl Client {
    /// Connects with the ctdbd of `host`, whose version has to be one whose answers are known.
    ///
    /// # Errors
    /// Where it is not reached from here, not known, does not run or does not answer.
    pub fn of_host(host: &dyn Host, deadline: Deadline) -> Result<Self, ClientError> {
        let elsewhere = || ClientError::Elsewhere {
            host: host.name().to_owned(),
        };
        let socket = host.local_path(Path::new(SOCKET)).ok_or_else(elsewhere)?;
        let mut client = Self::connect(socket)?;
        let process = client.get(&question::process(), None, deadline)?;
        let process = PathBuf::from(format!("/proc/{process}"));
        let version = host
            .local_path(&process)
            .and_then(|path| Version::of_process(&path));
        if !version.is_some_and(Version::is_known) {
            return Err(ClientError::OtherVersion { version });
        }
        client.version = version;
        Ok(client)
    }

    /// Connects with the ctdbd that listens at `socket`, whatever its version is.
    ///
    /// # Errors
    /// Where nobody does.
    pub fn connect(socket: PathBuf) -> Result<Self, ClientError> {
        Ok(Self {
            connection: Connection::open(socket)?,
            version: None,
            listening: None,
        })
    }

    /// The version of the ctdbd, where it was looked for.
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// Asks the ctdbd of `node`, or the one that is connected. What was asked is sent when an answer is
    /// waited for.
    pub fn ask<T>(&mut self, question: Question<T>, node: Option<u32>) -> Asked<T> {
        let ticket = self.connection.ask(&wire::Request {
            id: 0,
            node,
            control: question.control,
            flags: question.flags,
            message: question.message,
            data: &question.data,
        });
        Asked { ticket, question }
    }

    /// Waits for the answer to what was asked.
    ///
    /// # Errors
    /// Where there is none in time, it is a refusal, or it is not understood.
    pub fn answer<T>(
        &mut self,
        asked: Asked<T>,
        deadline: Deadline,
    ) -> Result<Answer<T>, ClientError> {
        let Asked { ticket, question } = asked;
        let (reply, took) = self.connection.answer(ticket, question.name, deadline)?;
        if reply.status < 0 {
            return Err(ClientError::Refused {
                question: question.name,
                status: reply.status,
                why: reply.error,
            });
        }
        match (question.read)(&reply) {
            Some(value) => Ok(Answer { value, took }),
            None => Err(ClientError::NotUnderstood {
                what: format!("the answer to {}", question.name),
            }),
        }
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn get<T>(
        &mut self,
        question: &Question<T>,
        node: Option<u32>,
        deadline: Deadline,
    ) -> Result<T, ClientError>
    where
        T: Clone,
    {
        let asked = self.ask(question.clone(), node);
        Ok(self.answer(asked, deadline)?.value)
    }

    /// Has what was asked before be of no interest any more, answered or not.
    pub fn forget(&mut self) {
        self.connection.forget();
    }

    /// All tunables of a node with their values.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn tunables(
        &mut self,
        node: Option<u32>,
        deadline: Deadline,
    ) -> Result<Vec<(String, u32)>, ClientError> {
        let names = self.get(&question::tunable_names(), node, deadline)?;
        let mut asked = Vec::new();
        for name in &names {
            asked.push(self.ask(question::tunable(name), node));
        }
        let mut tunables = Vec::new();
        for (name, asked) in names.into_iter().zip(asked) {
            tunables.push((name, self.answer(asked, deadline)?.value));
        }
        Ok(tunables)
    }

    /// Has the leader be listened for from now on.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn listen(&mut self, deadline: Deadline) -> Result<(), ClientError> {
        if self.listening.is_none() {
            self.get(&question::hear_leader(), None, deadline)?;
            self.listening = Some(Instant::now());
        }
        Ok(())
    }

    /// The leader. It announces itself every second, and so the first time this takes up to a second; where
    /// there is none, it takes five.
    ///
    /// # Errors
    /// Where the deadline is too near to know, the connection ends, or something comes that is not understood.
    pub fn leader(&mut self, deadline: Deadline) -> Result<Option<u32>, ClientError> {
        self.listen(deadline)?;
        self.connection.take_in()?;
        loop {
            if let Some((leader, at)) = self.connection.leader()
                && at.elapsed() < LEADER_LASTS
            {
                return Ok(Some(leader));
            }
            let listened = self
                .listening
                .map_or(Duration::ZERO, |since| since.elapsed());
            let left = LEADER_LASTS.saturating_sub(listened);
            if left.is_zero() {
                return Ok(None);
            }
            match self.connection.wait(deadline.at_most(left)) {
                Err(ClientError::Silent { .. }) if deadline.has_passed() => {
                    return Err(ClientError::Silent {
                        question: "the leader",
                    });
                }
                Ok(()) | Err(ClientError::Silent { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
