//! The socket on which the kernel announces.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use smbgw_core::deadline::Deadline;

use super::error::WatchError;
use super::event::Event;
use super::family::{self, Family};
use super::message::warnings;

/// Room for one datagram: the kernel's are a tenth of it.
const DATAGRAM: usize = 8192;
/// How long the kernel may take to answer a question, which it does at once.
const ANSWER: Duration = Duration::from_secs(5);
/// How many datagrams are read at most after some were lost, so that reading ends.
const BACKLOG: usize = 4096;

/// How to listen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Bytes of memory for what was announced and not yet read; `None` for the system's default
    /// (`net.core.rmem_default`), which holds some two hundred events. The kernel has a smallest
    /// and a largest value.
    pub receive_buffer: Option<usize>,
}

/// The kernel's announcements about quotas, on all file systems.
///
/// Needs no privilege. Nothing of the past is told: listen first, then look at the usage.
///
/// To wait for other things too, poll the [descriptor](AsFd) for reading, and when it is readable
/// call [`next`](Self::next) with no time to wait until that gives `None`.
#[derive(Debug)]
pub struct QuotaEvents {
    socket: OwnedFd,
    family: u16,
    buffer: Vec<u8>,
    /// What was read and not given out yet.
    pending: VecDeque<Event>,
}

impl QuotaEvents {
    /// Starts to listen.
    ///
    /// # Errors
    /// [`WatchError::Unavailable`] where the kernel has no such announcements, or not for this
    /// process: it makes them in the machine's first network namespace alone, so not in containers.
    /// Whoever wants to know anyway polls.
    pub fn open() -> Result<Self, WatchError> {
        Self::open_with(Options::default())
    }

    /// As [`open`](Self::open), with `options`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(options: Options) -> Result<Self, WatchError> {
        let mut buffer = vec![0; DATAGRAM];
        let family = resolve(&mut buffer)?;
        // Groups above 32 would not fit into an address; the kernel has reserved number 17 for this
        // one.
        let groups = family
            .group
            .checked_sub(1)
            .and_then(|shift| 1u32.checked_shl(shift))
            .ok_or(WatchError::malformed("the group has no usable number"))?;
        let socket = socket()?;
        if let Some(bytes) = options.receive_buffer {
            rustix::net::sockopt::set_socket_recv_buffer_size(&socket, bytes)
                .map_err(|error| WatchError::socket("set the buffer of", error))?;
        }
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, groups))
            .map_err(|error| WatchError::socket("join the group by", error))?;
        Ok(Self {
            socket,
            family: family.id,
            buffer,
            pending: VecDeque::new(),
        })
    }

    /// The next event, waiting at most `timeout` for it; `None` where there was none in that time,
    /// or where a signal ended the waiting. A `timeout` of zero never waits.
    ///
    /// # Errors
    /// Where the socket cannot be read. What is no quota warning is left out without an error.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Event>, WatchError> {
        let deadline = Deadline::after(timeout);
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Ok(Some(event));
            }
            match self.read() {
                Ok(()) => {}
                Err(Errno::AGAIN) => {
                    if !readable(&self.socket, deadline)? {
                        return Ok(None);
                    }
                }
                Err(Errno::NOBUFS) => self.read_what_is_left()?,
                Err(Errno::INTR) => return Ok(None),
                Err(error) => return Err(WatchError::socket("read", error)),
            }
        }
    }

    /// After a loss: what the kernel still has, and then the loss itself. Until it is rid of what it
    /// has, it drops everything new and does not say so again, which is why the loss comes last:
    /// whoever looks at everything then has not looked too early.
    fn read_what_is_left(&mut self) -> Result<(), WatchError> {
        for _ in 0..BACKLOG {
            match self.read() {
                Ok(()) | Err(Errno::NOBUFS | Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(WatchError::socket("read", error)),
            }
        }
        tracing::debug!("quota warnings were lost");
        self.pending.push_back(Event::Lost);
        Ok(())
    }

    /// Reads one datagram.
    fn read(&mut self) -> Result<(), Errno> {
        let Some(datagram) = receive(&self.socket, &mut self.buffer)? else {
            return Ok(());
        };
        for event in warnings(datagram, self.family) {
            match event {
                Ok(event) => {
                    tracing::trace!(?event, "the kernel announced");
                    self.pending.push_back(Event::Warning(event));
                }
                Err(error) => tracing::debug!(%error, "a message was left out"),
            }
        }
        Ok(())
    }
}

impl AsFd for QuotaEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Asks the kernel for the numbers of the family.
fn resolve(buffer: &mut [u8]) -> Result<Family, WatchError> {
    let deadline = Deadline::after(ANSWER);
    let socket = socket()?;
    let kernel = SocketAddrNetlink::new(0, 0);
    rustix::net::sendto(&socket, &family::question()?, SendFlags::empty(), &kernel)
        .map_err(|error| WatchError::socket("ask by", error))?;
    loop {
        match receive(&socket, buffer) {
            Ok(Some(datagram)) => return family::answer(datagram),
            Ok(None) | Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                if !readable(&socket, deadline)? && deadline.has_passed() {
                    return Err(WatchError::socket("get an answer by", Errno::TIMEDOUT));
                }
            }
            Err(error) => return Err(WatchError::socket("read", error)),
        }
    }
}

fn socket() -> Result<OwnedFd, WatchError> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        flags,
        Some(netlink::GENERIC),
    )
    .map_err(|error| match error {
        Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT => WatchError::Unavailable {
            reason: "this process may open no netlink socket",
            remedy: "allow the service AF_NETLINK (RestrictAddressFamilies= of its systemd unit)",
        },
        error => WatchError::socket("open", error),
    })
}

/// One whole datagram of the kernel's; `None` where it came from somebody else or did not fit.
fn receive<'b>(socket: &OwnedFd, buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>, Errno> {
    let (_, length, sender) = rustix::net::recvfrom(socket, &mut *buffer, RecvFlags::TRUNC)?;
    let sender = sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok());
    if sender.is_none_or(|sender| sender.pid() != 0) {
        tracing::debug!("a message did not come from the kernel");
        return Ok(None);
    }
    let datagram = buffer.get(..length);
    if datagram.is_none() {
        tracing::debug!(length, "a message is too long");
    }
    Ok(datagram)
}

/// Waits until `socket` has something to read or an error; `false` at the deadline or a signal.
fn readable(socket: &OwnedFd, deadline: Deadline) -> Result<bool, WatchError> {
    let mut sockets = [PollFd::new(socket, PollFlags::IN)];
    let timeout = Timespec::try_from(deadline.remaining())
        .map_err(|_| WatchError::socket("wait for", Errno::INVAL))?;
    match poll(&mut sockets, Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(WatchError::socket("wait for", error)),
    }
}
