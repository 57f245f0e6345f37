//! Questions to name servers, many at once: by UDP, and by TCP where an answer did not fit.

use std::io::{ErrorKind as Io, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use smbgw_core::deadline::Deadline;

use super::error::DnsError;
use super::message::{Kind, Message, ResponseCode};
use super::name::Name;

/// How long to wait for one server before the next one is asked, too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Between one server and the next.
    pub(super) step: Duration,
    /// After the last one.
    pub(super) last: Duration,
    /// How often each server is asked.
    pub(super) rounds: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            step: Duration::from_millis(300),
            last: Duration::from_secs(2),
            rounds: 3,
        }
    }
}

/// The answer of a server.
pub(super) type Answered = (Message, SocketAddr);

/// So many questions are under way at once, so that descriptors do not run out.
const AT_ONCE: usize = 16;

/// The longest that an answer by TCP is waited for.
const STREAM: Duration = Duration::from_secs(3);

/// Asks `servers` all `questions`, and gives the answers in the same order.
pub(super) fn ask(
    servers: &[SocketAddr],
    questions: &[(Name, Kind)],
    patience: Patience,
    deadline: Deadline,
) -> Vec<Result<Answered, DnsError>> {
    let mut results = Vec::with_capacity(questions.len());
    for part in questions.chunks(AT_ONCE) {
        let mut lookups: Vec<Lookup<'_>> = part
            .iter()
            .map(|(name, kind)| Lookup::new(servers, name, *kind, patience))
            .collect();
        run(&mut lookups, deadline);
        results.extend(lookups.into_iter().map(Lookup::result));
    }
    results
}

fn run(lookups: &mut [Lookup<'_>], deadline: Deadline) {
    loop {
        let now = Instant::now();
        let mut next: Option<Instant> = None;
        for lookup in lookups.iter_mut() {
            lookup.advance(now);
            if lookup.is_open() {
                next = Some(next.map_or(lookup.next, |next| next.min(lookup.next)));
            }
        }
        let Some(next) = next else {
            return;
        };
        if deadline.has_passed() {
            return;
        }
        let wait = next
            .saturating_duration_since(now)
            .min(deadline.remaining());
        let mut places = Vec::new();
        let mut fds = Vec::new();
        for (at, lookup) in lookups.iter().enumerate().filter(|(_, l)| l.is_open()) {
            for (which, sent) in lookup.sent.iter().enumerate() {
                places.push((at, which));
                fds.push(PollFd::new(&sent.socket, PollFlags::IN));
            }
        }
        if wait_for(&mut fds, wait).is_err() {
            return;
        }
        let ready: Vec<(usize, usize)> = fds
            .iter()
            .zip(places)
            .filter(|(fd, _)| !fd.revents().is_empty())
            .map(|(_, place)| place)
            .collect();
        drop(fds);
        for (at, which) in ready {
            lookups[at].receive(which, deadline);
        }
        for lookup in lookups.iter_mut() {
            lookup.sent.retain(|sent| !sent.over);
        }
    }
}

/// Waits until one of `fds` is ready, or for `wait`.
pub(crate) fn wait_for(fds: &mut [PollFd<'_>], wait: Duration) -> std::io::Result<()> {
    // A little more, so that a wait for a point in time does not end just before it.
    let wait = wait.saturating_add(Duration::from_micros(50));
    let wait = Timespec::try_from(wait).map_err(|_| Io::InvalidInput)?;
    match poll(fds, Some(&wait)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A socket for datagrams to `server`, which takes none from anybody else.
pub(crate) fn datagrams_to(server: SocketAddr) -> std::io::Result<UdpSocket> {
    let own: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(own)?;
    socket.set_nonblocking(true)?;
    socket.connect(server)?;
    Ok(socket)
}

/// One question under way.
struct Lookup<'a> {
    servers: &'a [SocketAddr],
    name: &'a Name,
    kind: Kind,
    patience: Patience,
    /// How many times a server was asked.
    step: usize,
    /// When the next one is asked, or waiting ends.
    next: Instant,
    sent: Vec<Sent>,
    /// The servers that cannot help, each for a reason.
    failures: Vec<(SocketAddr, Failure)>,
    /// Servers that do not know RFC 6891.
    plain: Vec<SocketAddr>,
    answer: Option<Answered>,
    given_up: bool,
}

struct Sent {
    socket: UdpSocket,
    server: SocketAddr,
    question: Message,
    over: bool,
}

enum Failure {
    Code(ResponseCode),
    Garbled(&'static str),
    Local(std::io::Error),
}

impl<'a> Lookup<'a> {
    fn new(servers: &'a [SocketAddr], name: &'a Name, kind: Kind, patience: Patience) -> Self {
        Self {
            servers,
            name,
            kind,
            patience,
            step: 0,
            next: Instant::now(),
            sent: Vec::new(),
            failures: Vec::new(),
            plain: Vec::new(),
            answer: None,
            given_up: false,
        }
    }

    fn is_open(&self) -> bool {
        self.answer.is_none() && !self.given_up
    }

    /// Asks the next server when it is time for it.
    fn advance(&mut self, now: Instant) {
        while self.is_open() && now >= self.next {
            if self.step >= self.servers.len() * self.patience.rounds
                || self.failures.len() >= self.servers.len()
            {
                self.given_up = true;
                return;
            }
            let server = self.servers[self.step % self.servers.len()];
            self.step += 1;
            if self.failures.iter().any(|(failed, _)| *failed == server) {
                continue;
            }
            let last = self.step >= self.servers.len() * self.patience.rounds;
            self.next = now
                + match last {
                    true => self.patience.last,
                    false => self.patience.step,
                };
            self.send(server);
        }
    }

    fn send(&mut self, server: SocketAddr) {
        let sent = || -> std::io::Result<Sent> {
            let mut id = [0; 2];
            getrandom::fill(&mut id).map_err(|_| Io::Unsupported)?;
            let extended = !self.plain.contains(&server);
            let question = Message::query(u16::from_ne_bytes(id), self.name, self.kind, extended);
            let bytes = question.encode().map_err(|_| Io::InvalidInput)?;
            let socket = datagrams_to(server)?;
            socket.send(&bytes)?;
            Ok(Sent {
                socket,
                server,
                question,
                over: false,
            })
        };
        match sent() {
            Ok(sent) => self.sent.push(sent),
            Err(error) => self.fail(server, Failure::Local(error)),
        }
    }

    /// A server cannot help: the next one is asked at once.
    fn fail(&mut self, server: SocketAddr, failure: Failure) {
        if !self.failures.iter().any(|(failed, _)| *failed == server) {
            self.failures.push((server, failure));
        }
        self.next = Instant::now();
        for sent in self.sent.iter_mut().filter(|sent| sent.server == server) {
            sent.over = true;
        }
        // Those asked before may still answer.
        if self.failures.len() < self.servers.len()
            && self.step >= self.servers.len() * self.patience.rounds
        {
            self.next += self.patience.last;
        }
    }

    fn receive(&mut self, which: usize, deadline: Deadline) {
        let mut buffer = vec![0; 65535];
        while self.is_open() && !self.sent[which].over {
            let sent = &mut self.sent[which];
            let server = sent.server;
            let count = match sent.socket.recv(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == Io::WouldBlock => return,
                Err(error) if error.kind() == Io::Interrupted => continue,
                Err(error) => {
                    sent.over = true;
                    self.fail(server, Failure::Local(error));
                    return;
                }
            };
            match Message::decode(&buffer[..count]) {
                // Not for us, or a guess of somebody who is not the server: the answer may yet come.
                Ok(message) if !message.answers(&sent.question) => {}
                Ok(message) if message.truncated => {
                    sent.over = true;
                    let question = sent.question.clone();
                    match by_stream(server, &question, deadline.at_most(STREAM)) {
                        Ok(message) => self.judge(server, message),
                        Err(failure) => self.fail(server, failure),
                    }
                }
                Ok(message) => {
                    sent.over = true;
                    self.judge(server, message);
                }
                Err(error) => {
                    let id = sent.question.id.to_be_bytes();
                    if buffer[..count].get(..2) == Some(&id[..]) {
                        self.fail(server, Failure::Garbled(error.0));
                    }
                }
            }
        }
    }

    fn judge(&mut self, server: SocketAddr, message: Message) {
        match message.code {
            ResponseCode::NO_ERROR | ResponseCode::NX_DOMAIN => {
                self.answer = Some((message, server));
            }
            ResponseCode::FORM_ERR | ResponseCode::NOT_IMP if !self.plain.contains(&server) => {
                self.plain.push(server);
                self.send(server);
            }
            code => self.fail(server, Failure::Code(code)),
        }
    }

    fn result(self) -> Result<Answered, DnsError> {
        if let Some(answer) = self.answer {
            return Ok(answer);
        }
        let name = self.name.to_string();
        let mut silent = self.servers.to_vec();
        let mut local = None;
        for (server, failure) in self.failures {
            match failure {
                Failure::Code(code) => return Err(DnsError::Refused { name, server, code }),
                Failure::Garbled(reason) => {
                    return Err(DnsError::Garbled {
                        name,
                        server,
                        reason,
                    });
                }
                // Nobody listens there, or no way leads there: that is a silent server.
                Failure::Local(error) if is_of_network(&error) => {}
                Failure::Local(error) => {
                    silent.retain(|other| *other != server);
                    local = Some(error);
                }
            }
        }
        match local {
            Some(source) if silent.is_empty() => Err(DnsError::Local { source }),
            _ => Err(DnsError::Silent {
                name,
                servers: self.servers.to_vec(),
            }),
        }
    }
}

/// Whether the network, not this machine, is why sending failed.
pub(crate) fn is_of_network(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        Io::ConnectionRefused
            | Io::ConnectionReset
            | Io::ConnectionAborted
            | Io::BrokenPipe
            | Io::HostUnreachable
            | Io::NetworkUnreachable
            | Io::NetworkDown
            | Io::AddrNotAvailable
            | Io::TimedOut
            | Io::WouldBlock
            | Io::UnexpectedEof
    )
}

fn by_stream(
    server: SocketAddr,
    question: &Message,
    deadline: Deadline,
) -> Result<Message, Failure> {
    let bytes = question
        .encode()
        .map_err(|error| Failure::Garbled(error.0))?;
    let mut stream = Stream::connect(server, deadline).map_err(Failure::Local)?;
    let reply = stream.exchange(&bytes).map_err(Failure::Local)?;
    let message = Message::decode(&reply).map_err(|error| Failure::Garbled(error.0))?;
    match message.answers(question) && !message.truncated {
        true => Ok(message),
        false => Err(Failure::Garbled(
            "the answer by TCP is for another question",
        )),
    }
}

/// A connection to a name server, on which each message comes after its length (RFC 1035 section
/// 4.2.2).
#[derive(Debug)]
pub(super) struct Stream {
    stream: TcpStream,
    deadline: Deadline,
}

impl Stream {
    /// Connects to `server`.
    pub(super) fn connect(server: SocketAddr, deadline: Deadline) -> std::io::Result<Self> {
        let left = left(deadline)?;
        let stream = TcpStream::connect_timeout(&server, left)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, deadline })
    }

    /// Sends a message and reads the next one.
    pub(super) fn exchange(&mut self, message: &[u8]) -> std::io::Result<Vec<u8>> {
        let length = u16::try_from(message.len()).map_err(|_| Io::InvalidInput)?;
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend(message);
        let mut rest = &framed[..];
        while !rest.is_empty() {
            self.stream.set_write_timeout(Some(left(self.deadline)?))?;
            match self.stream.write(rest) {
                Ok(0) => return Err(Io::UnexpectedEof.into()),
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == Io::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let mut length = [0; 2];
        self.read(&mut length)?;
        let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
        self.read(&mut reply)?;
        Ok(reply)
    }

    fn read(&mut self, mut rest: &mut [u8]) -> std::io::Result<()> {
        while !rest.is_empty() {
            self.stream.set_read_timeout(Some(left(self.deadline)?))?;
            match self.stream.read(rest) {
                Ok(0) => return Err(Io::UnexpectedEof.into()),
                Ok(count) => rest = &mut rest[count..],
                Err(error) if error.kind() == Io::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn left(deadline: Deadline) -> std::io::Result<Duration> {
    match deadline.remaining() {
        left if left.is_zero() => Err(Io::TimedOut.into()),
        left => Ok(left),
    }
}
