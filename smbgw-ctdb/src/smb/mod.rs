//! A small SMB client: one share, whole writes and reads, and `flush`, each with its answer.
//!
//! It measures what a client sees of a failover to the millisecond, which a client that runs as a program for
//! each question cannot, and it knows of each write whether the server said that it is on disk. It speaks
//! SMB 2.1 and 3.0.2 (MS-SMB2), logs in with NTLMv2 (MS-NLMP), and signs. It does not encrypt, so that a share
//! that demands encryption refuses it, and it knows no Kerberos.

mod error;
mod message;
mod ntlm;
mod sign;

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use smbgw_core::probe::SMB_PORT;
use smbgw_core::secret::Secret;

pub use error::SmbError;
use message::{Reader, Request, Words, command, status};
use sign::SigningKey;

/// As whom to log in.
#[derive(Clone)]
pub struct Login {
    /// The name of the user.
    pub user: String,
    /// The domain of the user; empty for one of the server itself.
    pub domain: String,
    /// The password.
    pub password: Secret,
}

/// A connection to one share.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    next_message: u64,
    session: u64,
    tree: u32,
    key: Option<SigningKey>,
}

/// An open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File([u8; 16]);

/// What is to be there when a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// A file that is there.
    Existing,
    /// A file, made where it is not there.
    AnyFile,
    /// A directory, made where it is not there.
    Directory,
    /// A file or directory that is there, to be deleted when it is closed.
    ToDelete,
}

/// An open file, and whether the server keeps it for a client that loses its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durable {
    /// The file.
    pub file: File,
    /// Whether it is kept.
    pub is_durable: bool,
}

/// The most that is written or read at once, in bytes.
pub const LARGEST_PIECE: usize = 64 << 10;

/// The longest message that is taken from a server.
const LARGEST_MESSAGE: usize = 1 << 20;

impl Client {
    /// Connects to the share `share` at `address`. `connecting` is how long the connection may take, and
    /// `answering` how long each answer; no answer is waited for longer.
    ///
    /// # Errors
    /// Where the server cannot be reached, does not let the user in, or has no such share.
    pub fn connect(
        address: IpAddr,
        share: &str,
        login: &Login,
        connecting: Duration,
        answering: Duration,
    ) -> Result<Self, SmbError> {
        let stream = TcpStream::connect_timeout(&SocketAddr::new(address, SMB_PORT), connecting)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(answering))?;
        stream.set_write_timeout(Some(answering))?;
        let mut client = Self {
            stream,
            next_message: 0,
            session: 0,
            tree: 0,
            key: None,
        };
        let dialect = client.negotiate()?;
        client.log_in(login, dialect)?;
        client.tree = client.enter(&format!("\\\\{address}\\{share}"))?;
        Ok(client)
    }

    /// Opens `path`, whose parts are divided by `\`.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(&mut self, path: &str, opening: Opening) -> Result<File, SmbError> {
        self.create(path, opening, None).map(|durable| durable.file)
    }

    /// Opens the file `path` and asks the server to keep it for a while where the connection is lost.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open_durable(&mut self, path: &str) -> Result<Durable, SmbError> {
        self.create(path, Opening::AnyFile, Some((b"DHnQ", [0; 16])))
    }

    /// Takes up `file`, which was opened as durable in a connection that is lost.
    ///
    /// # Errors
    /// Where the server has not kept it.
    pub fn reopen(&mut self, path: &str, file: File) -> Result<File, SmbError> {
        let context = Some((b"DHnC", file.0));
        self.create(path, Opening::AnyFile, context)
            .map(|durable| durable.file)
    }

    /// Writes `data`, at most [`LARGEST_PIECE`], at `offset`.
    ///
    /// # Errors
    /// Where it is not written, or not all of it.
    pub fn write(&mut self, file: File, offset: u64, data: &[u8]) -> Result<(), SmbError> {
        let mut body = Words::new(49);
        body.u16(112)
            .u32(data.len() as u32)
            .u64(offset)
            .raw(&file.0);
        body.zeros(16).raw(data);
        let answer = self.ask(command::WRITE, &body)?;
        let count = Reader(&answer).u32(68)?;
        if count as usize == data.len() {
            Ok(())
        } else {
            Err(SmbError::Malformed("fewer bytes written than asked"))
        }
    }

    /// Has the server put all that was written on disk.
    ///
    /// # Errors
    /// Where it does not say that it has.
    pub fn flush(&mut self, file: File) -> Result<(), SmbError> {
        let mut body = Words::new(24);
        body.zeros(6).raw(&file.0);
        self.ask(command::FLUSH, &body).map(drop)
    }

    /// Reads up to `length` bytes, at most [`LARGEST_PIECE`], at `offset`; nothing behind the end.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(&mut self, file: File, offset: u64, length: usize) -> Result<Vec<u8>, SmbError> {
        let mut body = Words::new(49);
        body.u16(0x50).u32(length as u32).u64(offset).raw(&file.0);
        body.zeros(17);
        let answer = match self.ask(command::READ, &body) {
            Ok(answer) => answer,
            Err(SmbError::Refused { status: found, .. }) if found == status::END_OF_FILE => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let reader = Reader(&answer);
        let data = reader.bytes(reader.u8(66)?.into(), reader.u32(68)? as usize)?;
        Ok(data.to_vec())
    }

    /// Closes a file.
    ///
    /// # Errors
    /// Where the server cannot be told.
    pub fn close(&mut self, file: File) -> Result<(), SmbError> {
        let mut body = Words::new(24);
        body.zeros(6).raw(&file.0);
        self.ask(command::CLOSE, &body).map(drop)
    }

    /// Agrees on a dialect, and returns its number.
    fn negotiate(&mut self) -> Result<u16, SmbError> {
        let mut guid = [0; 16];
        getrandom::fill(&mut guid).map_err(std::io::Error::other)?;
        let mut body = Words::new(36);
        body.u16(2).u16(1).zeros(6).raw(&guid).zeros(8);
        body.u16(message::SMB_2_1).u16(message::SMB_3_0_2);
        let answer = self.ask(command::NEGOTIATE, &body)?;
        match Reader(&answer).u16(68)? {
            dialect @ (message::SMB_2_1 | message::SMB_3_0_2) => Ok(dialect),
            _ => Err(SmbError::Malformed("a dialect that was not offered")),
        }
    }

    fn log_in(&mut self, login: &Login, dialect: u16) -> Result<(), SmbError> {
        let challenge = self.set_up_session(&ntlm::negotiate())?;
        let answer = ntlm::authenticate(&challenge, login)?;
        let said = self.set_up_session(&answer.token)?;
        // A guest has no key, and would write as somebody else.
        if Reader(&said).u16(66)? & 0x3 != 0 {
            return Err(SmbError::Guest);
        }
        self.key = Some(SigningKey::new(&answer.session_key, dialect));
        Ok(())
    }

    fn set_up_session(&mut self, token: &[u8]) -> Result<Vec<u8>, SmbError> {
        let mut body = Words::new(25);
        body.raw(&[0, 1]).zeros(8).u16(88).u16(token.len() as u16);
        body.zeros(8).raw(token);
        let answer = self.ask(command::SESSION_SETUP, &body)?;
        self.session = Reader(&answer).u64(40)?;
        Ok(answer)
    }

    fn enter(&mut self, path: &str) -> Result<u32, SmbError> {
        let path = message::utf16(path);
        let mut body = Words::new(9);
        body.u16(0).u16(72).u16(path.len() as u16).raw(&path);
        let answer = self.ask(command::TREE_CONNECT, &body)?;
        Reader(&answer).u32(36)
    }

    fn create(
        &mut self,
        path: &str,
        opening: Opening,
        context: Option<(&[u8; 4], [u8; 16])>,
    ) -> Result<Durable, SmbError> {
        // Desired access, what others may do meanwhile, disposition and options (MS-SMB2 2.2.13).
        let (access, others, disposition, options) = match opening {
            Opening::Existing => (0x0012_019f, 0x7, 1, 0x40),
            Opening::AnyFile => (0x0012_019f, 0x7, 3, 0x40),
            Opening::Directory => (0x0012_0089, 0x7, 3, 0x1),
            // Nobody else has it open, or a server that keeps it for a lost client would keep it there.
            Opening::ToDelete => (0x0011_0080, 0, 1, 0x1000),
        };
        let name = message::utf16(path);
        let start = 120 + name.len().next_multiple_of(8);
        // A batch lock is what a durable file stands on.
        let lock = if context.is_some() { 0x09 } else { 0 };
        let mut body = Words::new(57);
        body.raw(&[0, lock]).u32(2).zeros(16).u32(access).u32(0);
        body.u32(others).u32(disposition).u32(options);
        body.u16(120).u16(name.len() as u16);
        match context {
            None => {
                body.zeros(8).raw(&name);
                // There is one byte at least.
                body.zeros(usize::from(name.is_empty()));
            }
            Some((tag, data)) => {
                body.u32(start as u32).u32(40).raw(&name);
                body.zeros(start - 120 - name.len());
                body.u32(0).u16(16).u16(4).u16(0).u16(24).u32(16);
                body.raw(tag).zeros(4).raw(&data);
            }
        }
        let answer = self.ask(command::CREATE, &body)?;
        let reader = Reader(&answer);
        let file = File(reader.bytes(128, 16)?.try_into().unwrap_or_default());
        let contexts = reader.bytes(reader.u32(144)? as usize, reader.u32(148)? as usize)?;
        let is_durable = contexts.windows(4).any(|tag| tag == b"DHnQ");
        Ok(Durable { file, is_durable })
    }

    /// Sends a request and returns the whole answer to it.
    fn ask(&mut self, command: u16, body: &Words) -> Result<Vec<u8>, SmbError> {
        let request = Request {
            command,
            message: self.next_message,
            session: self.session,
            tree: self.tree,
            signed: self.key.is_some(),
        };
        self.next_message += 1;
        let mut message = request.header();
        message.extend_from_slice(body.as_slice());
        if let Some(key) = &self.key {
            key.sign(&mut message);
        }
        let mut packet = (message.len() as u32).to_be_bytes().to_vec();
        packet.append(&mut message);
        self.stream.write_all(&packet)?;
        loop {
            let answer = self.receive()?;
            let reader = Reader(&answer);
            // Something that was not asked for, such as the end of a lock.
            if reader.u64(24)? != request.message {
                continue;
            }
            let found = reader.u32(8)?;
            if found == status::PENDING {
                continue;
            }
            if let Some(key) = &self.key
                && !key.has_signed(&answer)
            {
                return Err(SmbError::Signature);
            }
            let goes_on = command == command::SESSION_SETUP && found == status::MORE_PROCESSING;
            if found == status::SUCCESS || goes_on {
                return Ok(answer);
            }
            return Err(SmbError::Refused {
                doing: message::doing(command),
                status: found,
            });
        }
    }

    fn receive(&mut self) -> Result<Vec<u8>, SmbError> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if !(64..=LARGEST_MESSAGE).contains(&length) {
            return Err(SmbError::Malformed("the length of a message"));
        }
        let mut message = vec![0; length];
        self.stream.read_exact(&mut message)?;
        if !message.starts_with(b"\xfeSMB") {
            return Err(SmbError::Malformed("no message of SMB 2"));
        }
        Ok(message)
    }
}

#[cfg(test)]
mod tests;
