//! The connection to a server: whole, checked messages in, messages out.
//!
//! Every wait may be given up at any time without losing a byte: what was read or is to be written
//! stays in the buffers.

use std::io;
use std::net::SocketAddr;

use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use crate::gss::GssError;

use super::layer::{Layer, LayerError};
use super::message::{self, Answer, Header, operation};
use super::{MessageError, Refusal, TlsError};

/// A connection to a server.
pub(super) struct Link {
    stream: TcpStream,
    pub(super) layer: Layer,
    /// What came and was not unwrapped yet.
    received: Vec<u8>,
    /// What was unwrapped and is no whole message yet.
    plain: Vec<u8>,
    sending: Vec<u8>,
    /// The request whose answer is awaited.
    open: Option<Header>,
    /// So many bytes of answers are still taken.
    allowed: usize,
    next: u32,
    buffer: Box<[u8]>,
}

/// Why nothing more goes over a connection.
#[derive(Debug)]
pub(super) enum Fault {
    Io(io::Error),
    Closed,
    Message(MessageError),
    Tls(TlsError),
    Kerberos(GssError),
    Dismissed(Refusal),
}

impl From<MessageError> for Fault {
    fn from(error: MessageError) -> Self {
        Self::Message(error)
    }
}

impl From<LayerError> for Fault {
    fn from(error: LayerError) -> Self {
        match error {
            LayerError::Message(error) => Self::Message(error),
            LayerError::Tls(error) => Self::Tls(error),
            LayerError::Kerberos(error) => Self::Kerberos(error),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Link {
    pub(super) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            layer: Layer::Plain,
            received: vec![],
            plain: vec![],
            sending: vec![],
            open: None,
            allowed: MOST_ANSWER,
            next: FIRST_OWN,
            buffer: vec![0; 16 * 1024].into_boxed_slice(),
        })
    }

    /// A number for a request that `ldap3` does not use.
    pub(super) fn number(&mut self) -> u32 {
        let number = self.next;
        self.next = match number {
            LAST => FIRST_OWN,
            _ => number + 1,
        };
        number
    }

    /// Puts a request into what is to be written.
    pub(super) fn send(&mut self, request: &[u8]) -> Result<(), Fault> {
        let header = message::request(request)?;
        if header.operation != operation::UNBIND {
            self.open = Some(header);
            self.allowed = MOST_ANSWER;
        }
        Ok(self.layer.outgoing(request, &mut self.sending)?)
    }

    /// Sends a request and waits for its result.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> Result<Answer, Fault> {
        self.send(request)?;
        loop {
            if let Some(message) = self.take()? {
                return Ok(message::answer(&message)?.1);
            }
            self.turn(true).await?;
        }
    }

    /// Goes over to TLS.
    pub(super) async fn secure(&mut self, tls: rustls::ClientConnection) -> Result<(), Fault> {
        if !self.plain.is_empty() {
            // Somebody in between could have slipped it in (RFC 4513 section 3.1.1).
            return Err(MessageError("something came before TLS began").into());
        }
        self.layer = Layer::Tls(Box::new(tls));
        loop {
            self.layer.outgoing(&[], &mut self.sending)?;
            let shaking = matches!(&self.layer, Layer::Tls(tls) if tls.is_handshaking());
            if !shaking && self.sending.is_empty() {
                return Ok(());
            }
            self.turn(shaking).await?;
        }
    }

    /// Takes a message that has come as a whole; it answers the open request.
    pub(super) fn take(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let Some(length) = message::length(&self.plain)?.filter(|l| *l <= self.plain.len()) else {
            return Ok(None);
        };
        let message = front(&mut self.plain, length);
        let header = message::check(&message)?;
        if header.id == 0 && header.operation == operation::EXTENDED_ANSWER {
            let (_, notice) = message::answer(&message)?;
            return Err(Fault::Dismissed(Refusal::of(&notice)));
        }
        match self.open {
            Some(open)
                if open.id == header.id && operation::answers(open.operation, header.operation) =>
            {
                if !matches!(header.operation, operation::ENTRY | operation::REFERENCE) {
                    self.open = None;
                }
                Ok(Some(message))
            }
            _ => Err(MessageError("it answers another request than the one that was sent").into()),
        }
    }

    /// Waits until something can be written or read, and does so; it reads where `reading`.
    pub(super) async fn turn(&mut self, reading: bool) -> Result<(), Fault> {
        let interest = match (reading, self.sending.is_empty()) {
            (true, true) => Interest::READABLE,
            (true, false) => Interest::READABLE | Interest::WRITABLE,
            (false, false) => Interest::WRITABLE,
            (false, true) => return std::future::pending().await,
        };
        self.stream.ready(interest).await?;
        self.flush()?;
        if !reading {
            return Ok(());
        }
        match self.stream.try_read(&mut self.buffer) {
            Ok(0) => return Err(Fault::Closed),
            Ok(count) => {
                self.allowed = self
                    .allowed
                    .checked_sub(count)
                    .ok_or(MessageError("it sends more than fits"))?;
                self.received.extend_from_slice(&self.buffer[..count]);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        self.layer.incoming(&mut self.received, &mut self.plain)?;
        // What TLS itself answers.
        Ok(self.layer.outgoing(&[], &mut self.sending)?)
    }

    /// Writes what can be written at once.
    pub(super) fn flush(&mut self) -> Result<(), Fault> {
        if self.sending.is_empty() {
            return Ok(());
        }
        match self.stream.try_write(&self.sending) {
            Ok(count) => {
                self.sending.drain(..count);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Our end of the way to `ldap3`.
pub(super) struct Near {
    stream: UnixStream,
    received: Vec<u8>,
    sending: Vec<u8>,
    buffer: Box<[u8]>,
}

impl Near {
    pub(super) fn new(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: UnixStream::from_std(stream)?,
            received: vec![],
            sending: vec![],
            buffer: vec![0; 16 * 1024].into_boxed_slice(),
        })
    }

    async fn turn(&mut self) -> io::Result<()> {
        let interest = match self.sending.is_empty() {
            true => Interest::READABLE,
            false => Interest::READABLE | Interest::WRITABLE,
        };
        self.stream.ready(interest).await?;
        if !self.sending.is_empty() {
            let written = again(self.stream.try_write(&self.sending))?;
            self.sending.drain(..written);
        }
        let count = again(self.stream.try_read(&mut self.buffer))?;
        self.received.extend_from_slice(&self.buffer[..count]);
        Ok(())
    }
}

fn again(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

/// Carries messages between `ldap3` and the server until something fails.
pub(super) async fn carry(link: &mut Link, near: &mut Near) -> Fault {
    loop {
        if let Err(fault) = forward(link, near) {
            return fault;
        }
        // Once all that was asked for is here, `ldap3` gets it before the end of the connection is
        // looked at.
        let reading = link.open.is_some() && near.sending.len() < MOST_WAITING;
        let turned = tokio::select! {
            turned = link.turn(reading) => turned,
            turned = near.turn() => turned.map_err(Fault::from),
        };
        if let Err(fault) = turned {
            return fault;
        }
    }
}

fn forward(link: &mut Link, near: &mut Near) -> Result<(), Fault> {
    while let Some(length) = message::length(&near.received)?.filter(|l| *l <= near.received.len())
    {
        let request = front(&mut near.received, length);
        link.send(&request)?;
    }
    link.flush()?;
    while near.sending.len() < MOST_WAITING
        && let Some(message) = link.take()?
    {
        near.sending.extend_from_slice(&message);
    }
    Ok(())
}

/// Takes the first `length` bytes off.
fn front(bytes: &mut Vec<u8>, length: usize) -> Vec<u8> {
    let rest = bytes.split_off(length);
    std::mem::replace(bytes, rest)
}

/// The answer to one request, which may be many messages, has at most so many bytes.
const MOST_ANSWER: usize = 32 * 1024 * 1024;

/// Where more than so many bytes wait for `ldap3`, no more are read.
const MOST_WAITING: usize = 256 * 1024;

/// Numbers of requests from here on are ours; those below are those of `ldap3`.
const FIRST_OWN: u32 = 0x4000_0000;
const LAST: u32 = 0x7fff_ffff;
