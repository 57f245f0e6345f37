//! How messages get to a server and back: by UDP and TCP, to several servers at once (RFC 4120
//! section 7.2).
//!
//! A server that does not answer delays the answer of the next one by [`STAGGER`] and no more.

use std::fmt;
use std::io::{self, ErrorKind as IoErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;

use crate::code::Code;

/// How long after one server the next one is asked.
pub const STAGGER: Duration = Duration::from_millis(200);

/// How a server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// One packet there and one back.
    Udp,
    /// A connection, on which the length of a message comes before it.
    Tcp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The message.
    pub bytes: Vec<u8>,
    /// Who sent it.
    pub server: SocketAddr,
    /// How it came.
    pub protocol: Protocol,
}

/// What is made of the message of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is the answer.
    Take,
    /// The server wants to be asked by TCP.
    AskByTcp,
    /// The server is of no use, for the given reason; others are waited for.
    Refuse(&'static str),
}

/// Why no server answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct TransportError {
    /// What became of each attempt.
    pub attempts: Vec<(SocketAddr, Protocol, String)>,
}

impl TransportError {
    fn text(&self) -> String {
        if self.attempts.is_empty() {
            return "there was no server to ask, or no time left to do so".into();
        }
        let texts: Vec<String> = self
            .attempts
            .iter()
            .map(|(server, protocol, reason)| format!("{server} by {protocol}: {reason}"))
            .collect();
        texts.join("; ")
    }
}

impl Coded for TransportError {
    fn code(&self) -> &'static str {
        Code::KdcUnreachable.as_str()
    }

    fn remedy(&self) -> Option<String> {
        Some(Code::KdcUnreachable.fix().into())
    }
}

/// Sends `request` to `servers`, one after the other with [`STAGGER`] between them, until `judge`
/// takes what one of them sends.
///
/// By UDP a request is sent again after a while, and then by TCP as well.
///
/// # Errors
/// Where no server answers in time.
pub fn exchange(
    servers: &[SocketAddr],
    first: Protocol,
    request: &[u8],
    judge: &dyn Fn(Protocol, &[u8]) -> Judgement,
    deadline: Deadline,
) -> Result<Answer, TransportError> {
    let begin = Instant::now();
    let mut planned = Vec::new();
    for (index, server) in (0_u32..).zip(servers) {
        let start = begin + STAGGER.saturating_mul(index);
        planned.push((start, *server, first));
        if first == Protocol::Udp {
            planned.push((start + PATIENCE, *server, Protocol::Tcp));
        }
    }
    planned.sort_by_key(|(start, ..)| *start);
    let mut race = Race {
        request,
        judge,
        planned,
        running: Vec::new(),
        failed: Vec::new(),
    };
    loop {
        race.start_due();
        if race.running.is_empty() && race.planned.is_empty() {
            return Err(TransportError {
                attempts: race.failed,
            });
        }
        if deadline.has_passed() {
            return Err(race.out_of_time());
        }
        if let Some(answer) = race.step(race.pause().min(deadline.remaining())) {
            return Ok(answer);
        }
    }
}

/// Connects to the first of `servers` that takes a connection, one after the other with [`STAGGER`]
/// between them, for what may be sent only once.
///
/// # Errors
/// Where none does in time.
pub fn connect_first(
    servers: &[SocketAddr],
    deadline: Deadline,
) -> Result<(TcpStream, SocketAddr), TransportError> {
    let begin = Instant::now();
    let mut planned: Vec<(Instant, SocketAddr)> = (0_u32..)
        .zip(servers)
        .map(|(index, server)| (begin + STAGGER.saturating_mul(index), *server))
        .collect();
    let mut running: Vec<(SocketAddr, TcpStream)> = Vec::new();
    let mut failed = Vec::new();
    loop {
        let now = Instant::now();
        while let Some(&(start, server)) = planned.first()
            && (start <= now || running.is_empty())
        {
            planned.remove(0);
            match begin_connect(server) {
                Ok(stream) => running.push((server, stream)),
                Err(error) => failed.push((server, Protocol::Tcp, error.to_string())),
            }
        }
        if running.is_empty() && planned.is_empty() {
            return Err(TransportError { attempts: failed });
        }
        if deadline.has_passed() {
            failed.extend(
                running
                    .iter()
                    .map(|(server, _)| (*server, Protocol::Tcp, SILENT.to_string())),
            );
            return Err(TransportError { attempts: failed });
        }
        let pause = planned
            .first()
            .map_or(LONG, |(start, _)| start.saturating_duration_since(now));
        let ready = wait(
            running
                .iter()
                .map(|(_, stream)| PollFd::new(stream, PollFlags::OUT)),
            pause.min(deadline.remaining()),
        );
        let mut index = 0;
        for ready in ready {
            if !ready {
                index += 1;
                continue;
            }
            let (server, stream) = running.remove(index);
            match connected(&stream) {
                Ok(()) => return Ok((stream, server)),
                Err(error) => failed.push((server, Protocol::Tcp, error.to_string())),
            }
        }
    }
}

/// Sends `request` on a connection and takes the answer.
///
/// # Errors
/// Where the connection breaks or time runs out.
pub fn exchange_on(
    stream: &mut TcpStream,
    request: &[u8],
    deadline: Deadline,
) -> Result<Vec<u8>, io::Error> {
    let mut talk = Talk::new(request);
    loop {
        if let Some(bytes) = talk.proceed(stream)? {
            return Ok(bytes);
        }
        if deadline.has_passed() {
            return Err(io::Error::new(IoErrorKind::TimedOut, SILENT));
        }
        let flags = talk.waits_for();
        wait([PollFd::new(stream, flags)], deadline.remaining());
    }
}

/// Servers that are asked at the same time.
struct Race<'a> {
    request: &'a [u8],
    judge: &'a dyn Fn(Protocol, &[u8]) -> Judgement,
    /// Whom to ask from when on, in the order of time.
    planned: Vec<(Instant, SocketAddr, Protocol)>,
    running: Vec<Attempt>,
    failed: Vec<(SocketAddr, Protocol, String)>,
}

struct Attempt {
    server: SocketAddr,
    channel: Channel,
}

enum Channel {
    Udp {
        socket: UdpSocket,
        again: Instant,
        pause: Duration,
    },
    Tcp {
        stream: TcpStream,
        connected: bool,
        talk: Talk,
    },
}

impl Channel {
    fn protocol(&self) -> Protocol {
        match self {
            Self::Udp { .. } => Protocol::Udp,
            Self::Tcp { .. } => Protocol::Tcp,
        }
    }
}

impl Race<'_> {
    /// Starts what is due; where nothing runs, the next one is.
    fn start_due(&mut self) {
        let now = Instant::now();
        while let Some(&(start, server, protocol)) = self.planned.first()
            && (start <= now || self.running.is_empty())
        {
            self.planned.remove(0);
            let runs = self
                .running
                .iter()
                .any(|attempt| attempt.server == server && attempt.channel.protocol() == protocol);
            if runs {
                continue;
            }
            match self.open(server, protocol) {
                Ok(channel) => self.running.push(Attempt { server, channel }),
                Err(error) => self.failed.push((server, protocol, error.to_string())),
            }
        }
    }

    fn open(&self, server: SocketAddr, protocol: Protocol) -> io::Result<Channel> {
        Ok(match protocol {
            Protocol::Udp => {
                let any: IpAddr = match server {
                    SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                    SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
                };
                let socket = UdpSocket::bind((any, 0))?;
                // The kernel then drops what others send.
                socket.connect(server)?;
                socket.set_nonblocking(true)?;
                socket.send(self.request)?;
                Channel::Udp {
                    socket,
                    again: Instant::now() + PATIENCE,
                    pause: PATIENCE,
                }
            }
            Protocol::Tcp => Channel::Tcp {
                stream: begin_connect(server)?,
                connected: false,
                talk: Talk::new(self.request),
            },
        })
    }

    /// How long nothing has to be done by itself.
    fn pause(&self) -> Duration {
        let now = Instant::now();
        let start = self.planned.first().map(|(start, ..)| *start);
        let again = self
            .running
            .iter()
            .filter_map(|attempt| match attempt.channel {
                Channel::Udp { again, .. } => Some(again),
                Channel::Tcp { .. } => None,
            });
        again
            .chain(start)
            .min()
            .map_or(LONG, |time| time.saturating_duration_since(now))
    }

    /// Waits up to `pause` for something to happen, and does what is to be done then.
    fn step(&mut self, pause: Duration) -> Option<Answer> {
        let ready = wait(
            self.running.iter().map(|attempt| match &attempt.channel {
                Channel::Udp { socket, .. } => PollFd::new(socket, PollFlags::IN),
                Channel::Tcp {
                    stream,
                    connected,
                    talk,
                } => {
                    let flags = match connected {
                        true => talk.waits_for(),
                        false => PollFlags::OUT,
                    };
                    PollFd::new(stream, flags)
                }
            }),
            pause,
        );
        let mut running = Vec::new();
        for (mut attempt, ready) in std::mem::take(&mut self.running).into_iter().zip(ready) {
            let protocol = attempt.channel.protocol();
            let message = match attempt.proceed(self.request, ready) {
                Ok(Some(message)) => message,
                Ok(None) => {
                    running.push(attempt);
                    continue;
                }
                Err(error) => {
                    self.give_up(attempt.server, protocol, &error.to_string());
                    continue;
                }
            };
            match (self.judge)(protocol, &message) {
                Judgement::Take => {
                    return Some(Answer {
                        bytes: message,
                        server: attempt.server,
                        protocol,
                    });
                }
                Judgement::AskByTcp => {
                    let server = attempt.server;
                    self.planned
                        .retain(|(_, other, way)| *other != server || *way != Protocol::Tcp);
                    self.planned
                        .insert(0, (Instant::now(), server, Protocol::Tcp));
                }
                Judgement::Refuse(reason) => self.give_up(attempt.server, protocol, reason),
            }
        }
        self.running.extend(running);
        None
    }

    /// Notes a failure, and has the next one asked at once.
    fn give_up(&mut self, server: SocketAddr, protocol: Protocol, reason: &str) {
        self.failed.push((server, protocol, reason.to_string()));
        if let Some(next) = self.planned.first_mut() {
            next.0 = next.0.min(Instant::now());
        }
    }

    fn out_of_time(mut self) -> TransportError {
        self.failed.extend(self.running.iter().map(|attempt| {
            let protocol = attempt.channel.protocol();
            (attempt.server, protocol, SILENT.to_string())
        }));
        TransportError {
            attempts: self.failed,
        }
    }
}

impl Attempt {
    /// Goes on with it, and gives the message if there is one.
    fn proceed(&mut self, request: &[u8], ready: bool) -> io::Result<Option<Vec<u8>>> {
        match &mut self.channel {
            Channel::Udp {
                socket,
                again,
                pause,
            } => {
                if ready {
                    let mut packet = vec![0; MOST_OF_UDP];
                    match socket.recv(&mut packet) {
                        Ok(length) => {
                            packet.truncate(length);
                            return Ok(Some(packet));
                        }
                        Err(error) if is_temporary(&error) => {}
                        Err(error) => return Err(error),
                    }
                }
                let now = Instant::now();
                if *again <= now {
                    *pause = pause.saturating_mul(2);
                    *again = now + *pause;
                    match socket.send(request) {
                        Err(error) if !is_temporary(&error) => return Err(error),
                        _ => {}
                    }
                }
                Ok(None)
            }
            Channel::Tcp {
                stream,
                connected: is_connected,
                talk,
            } => {
                if !ready {
                    return Ok(None);
                }
                if !*is_connected {
                    connected(stream)?;
                    *is_connected = true;
                }
                talk.proceed(stream)
            }
        }
    }
}

/// A request and its answer on a connection, as far as they got.
struct Talk {
    out: Vec<u8>,
    sent: usize,
    received: Vec<u8>,
}

impl Talk {
    fn new(request: &[u8]) -> Self {
        // No request comes near 4 GiB.
        let length = u32::try_from(request.len()).unwrap_or(u32::MAX);
        Self {
            out: [&length.to_be_bytes(), request].concat(),
            sent: 0,
            received: Vec::new(),
        }
    }

    fn waits_for(&self) -> PollFlags {
        match self.sent < self.out.len() {
            true => PollFlags::OUT,
            false => PollFlags::IN,
        }
    }

    /// Sends and receives what is possible without waiting, and gives the answer when it is whole.
    fn proceed(&mut self, stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
        while self.sent < self.out.len() {
            match stream.write(&self.out[self.sent..]) {
                Ok(0) => return Err(IoErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                Err(error) if is_temporary(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let mut part = [0; 16 * 1024];
        loop {
            if let Some((head, message)) = self.received.split_first_chunk() {
                let length = usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX);
                if length > MOST_OF_TCP {
                    let text = "it announces a message that is too long";
                    return Err(io::Error::new(IoErrorKind::InvalidData, text));
                }
                if let Some(message) = message.get(..length) {
                    return Ok(Some(message.to_vec()));
                }
            }
            match stream.read(&mut part) {
                Ok(0) => {
                    let text = "it closed the connection without an answer";
                    return Err(io::Error::new(IoErrorKind::UnexpectedEof, text));
                }
                Ok(count) => self.received.extend_from_slice(&part[..count]),
                Err(error) if is_temporary(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Begins to connect, without waiting.
fn begin_connect(server: SocketAddr) -> io::Result<TcpStream> {
    let family = match server {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket: OwnedFd = socket_with(family, SocketType::STREAM, flags, None)?;
    match connect(&socket, &server) {
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(TcpStream::from(socket)),
        Err(error) => Err(error.into()),
    }
}

/// How an attempt to connect ended.
fn connected(stream: &TcpStream) -> io::Result<()> {
    match stream.take_error()? {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Waits up to `pause` until something can be done, and tells for each whether it is ready.
fn wait<'a>(sockets: impl IntoIterator<Item = PollFd<'a>>, pause: Duration) -> Vec<bool> {
    let mut sockets: Vec<PollFd<'a>> = sockets.into_iter().collect();
    // A little more than asked for, so that what is waited for is due afterwards.
    let pause = pause.saturating_add(Duration::from_millis(1)).min(LONG);
    let pause = Timespec {
        tv_sec: i64::try_from(pause.as_secs()).unwrap_or(0),
        tv_nsec: pause.subsec_nanos().into(),
    };
    // After an interruption or a lack of memory nothing is ready, and it is tried again.
    match poll(&mut sockets, Some(&pause)) {
        Ok(_) => sockets
            .iter()
            .map(|socket| !socket.revents().is_empty())
            .collect(),
        Err(_) => vec![false; sockets.len()],
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        IoErrorKind::WouldBlock | IoErrorKind::Interrupted
    )
}

/// After so long a request is sent again.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longer than this nothing is waited for in one go.
const LONG: Duration = Duration::from_secs(60);
/// A packet has at most so many bytes.
const MOST_OF_UDP: usize = 65_536;
/// A message has at most so many bytes: a ticket of a user who is in a thousand groups has 32 KiB.
const MOST_OF_TCP: usize = 1 << 20;
const SILENT: &str = "it did not answer in time";
