//! Requests go out together, and replies come in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use smbgw_core::deadline::Deadline;

use crate::client::wire::{self, Packet, Reply, Request};
use crate::client::{ClientError, question};

/// How much is read at once.
const CHUNK: usize = 16 << 10;

/// A connection, with what was not sent yet and what came and was not asked for yet.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    last: u32,
    out: Vec<u8>,
    into: Vec<u8>,
    sent: Instant,
    open: BTreeSet<u32>,
    replies: BTreeMap<u32, (Reply, Duration)>,
    leader: Option<(u32, Instant)>,
}

/// The number of a request that has no answer yet.
#[derive(Debug)]
pub(super) struct Ticket(u32);

impl Connection {
    /// Connects, without waiting for a daemon that does not take connections any more.
    pub(super) fn open(socket: PathBuf) -> Result<Self, ClientError> {
        let connect = || -> io::Result<UnixStream> {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let kind = SocketType::STREAM;
            let stream = rustix::net::socket_with(AddressFamily::UNIX, kind, flags, None)?;
            rustix::net::connect(&stream, &SocketAddrUnix::new(&socket)?)?;
            let stream = UnixStream::from(stream);
            stream.set_nonblocking(false)?;
            Ok(stream)
        };
        let stream = match connect() {
            Ok(stream) => stream,
            // Others wait in front of it.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let question = "a connection";
                return Err(ClientError::Silent { question });
            }
            Err(source) => return Err(ClientError::NotRunning { socket, source }),
        };
        Ok(Self {
            stream,
            last: 0,
            out: Vec::new(),
            into: Vec::new(),
            sent: Instant::now(),
            open: BTreeSet::new(),
            replies: BTreeMap::new(),
            leader: None,
        })
    }

    /// Has a request be sent with the next ones. Its number is chosen here.
    pub(super) fn ask(&mut self, request: &Request<'_>) -> Ticket {
        self.last = self.last.wrapping_add(1);
        let id = self.last;
        Request { id, ..*request }.write(&mut self.out);
        self.open.insert(id);
        Ticket(id)
    }

    /// Waits for the reply, and says how long it took.
    pub(super) fn answer(
        &mut self,
        ticket: Ticket,
        question: &'static str,
        deadline: Deadline,
    ) -> Result<(Reply, Duration), ClientError> {
        loop {
            if let Some(reply) = self.replies.remove(&ticket.0) {
                return Ok(reply);
            }
            if let Err(error) = self.wait(deadline) {
                // What comes later is for nobody.
                self.open.remove(&ticket.0);
                return Err(match error {
                    ClientError::Silent { .. } => ClientError::Silent { question },
                    other => other,
                });
            }
        }
    }

    /// Replies to all that was asked so far are for nobody.
    pub(super) fn forget(&mut self) {
        self.open.clear();
        self.replies.clear();
    }

    /// The leader that was announced last, and when that came.
    pub(super) fn leader(&self) -> Option<(u32, Instant)> {
        self.leader
    }

    /// Sends what is to be sent, and waits for anything to come.
    pub(super) fn wait(&mut self, deadline: Deadline) -> Result<(), ClientError> {
        let silent = ClientError::Silent {
            question: "anything",
        };
        let left = deadline.remaining();
        if left.is_zero() {
            return Err(silent);
        }
        if !self.out.is_empty() {
            self.stream.set_write_timeout(Some(left)).map_err(ended)?;
            let out = std::mem::take(&mut self.out);
            self.sent = Instant::now();
            match self.stream.write_all(&out) {
                Ok(()) => {}
                Err(error) if is_late(&error) => return Err(silent),
                Err(error) => return Err(ended(error)),
            }
        }
        self.stream.set_read_timeout(Some(left)).map_err(ended)?;
        if self.receive()? { Ok(()) } else { Err(silent) }
    }

    /// Takes in what has come already, without waiting.
    pub(super) fn take_in(&mut self) -> Result<(), ClientError> {
        self.stream.set_nonblocking(true).map_err(ended)?;
        let mut received = Ok(true);
        while matches!(received, Ok(true)) {
            received = self.receive();
        }
        self.stream.set_nonblocking(false).map_err(ended)?;
        received.map(drop)
    }

    /// Reads once. False where nothing came in time.
    fn receive(&mut self) -> Result<bool, ClientError> {
        let start = self.into.len();
        self.into.resize(start + CHUNK, 0);
        let read = self.stream.read(&mut self.into[start..]);
        self.into.truncate(start + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Err(ended(ErrorKind::UnexpectedEof.into())),
            Ok(_) => self.take_packets().map(|()| true),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) if is_late(&error) => Ok(false),
            Err(error) => Err(ended(error)),
        }
    }

    /// Takes the whole packets out of what came.
    fn take_packets(&mut self) -> Result<(), ClientError> {
        let broken = |what: &str| ClientError::NotUnderstood {
            what: what.to_owned(),
        };
        let mut at = 0;
        while let Some(length) = wire::length(&self.into[at..]).map_err(broken)? {
            let Some(packet) = self.into[at..].get(..length) else {
                break;
            };
            let packet = Packet::read(packet).map_err(broken)?;
            at += length;
            match packet {
                Packet::Reply(reply) => {
                    if self.open.remove(&reply.id) {
                        self.replies.insert(reply.id, (reply, self.sent.elapsed()));
                    }
                }
                Packet::Message { kind, data } if kind == question::LEADER => {
                    let leader = wire::number(&data, 0).filter(|_| data.len() == 4);
                    let leader = leader.ok_or_else(|| broken("the announcement of a leader"))?;
                    self.leader = Some((leader, Instant::now()));
                }
                Packet::Message { .. } | Packet::Other => {}
            }
        }
        self.into.drain(..at);
        Ok(())
    }
}

fn ended(source: io::Error) -> ClientError {
    ClientError::Ended { source }
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
