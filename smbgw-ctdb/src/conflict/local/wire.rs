//! A socket that hears and says what is not for the kernel's own protocols (packet(7)).

use std::io;
use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{LinkAddr, bind, recvfrom};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::super::frame::{self, Heard, arp, neighbor};
use super::adapters::Adapter;

/// The adapter of one machine, for one family of addresses.
pub(super) struct Wire {
    socket: Socket,
    adapter: LinkAddr,
    family: IpAddr,
    /// Has the adapter let through what goes to the groups of addresses that are asked for.
    groups: Option<UdpSocket>,
}

impl Wire {
    /// Begins to listen, for addresses of the family of `like`.
    pub(super) fn open(adapter: &Adapter, like: IpAddr) -> io::Result<Self> {
        let kind = if like.is_ipv4() {
            arp::ETHER_TYPE
        } else {
            neighbor::ETHER_TYPE
        };
        let protocol = Protocol::from(i32::from(kind.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        let mut groups = None;
        if like.is_ipv6() {
            socket.attach_filter(&neighbors())?;
            groups = Some(UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?);
        }
        // The address of an adapter as the kernel lists it names no protocol; that of the socket stays.
        bind(socket.as_raw_fd(), &adapter.link)?;
        Ok(Self {
            socket,
            adapter: adapter.link,
            family: like,
            groups,
        })
    }

    /// Prepares to hear answers about `address`.
    pub(super) fn join(&self, address: IpAddr) -> io::Result<()> {
        match (&self.groups, address) {
            (Some(groups), IpAddr::V6(address)) => {
                let index = self.adapter.ifindex() as u32;
                match groups.join_multicast_v6(&neighbor::group_of(address), index) {
                    // Another address of the same group came before.
                    Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(()),
                    other => other,
                }
            }
            _ => Ok(()),
        }
    }

    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        match self.socket.send(frame) {
            // The adapter is busy. The next probe is as good.
            Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            other => other.map(drop),
        }
    }

    /// What came since it was asked last.
    pub(super) fn hear(&self) -> io::Result<Vec<Heard>> {
        let mut heard = Vec::new();
        let mut buffer = [0; frame::LONGEST];
        // So that who talks without end is not listened to without end.
        for _ in 0..MOST_AT_ONCE {
            let (length, from) = match recvfrom::<LinkAddr>(self.socket.as_raw_fd(), &mut buffer) {
                Ok(received) => received,
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            // Before it was bound, it heard everybody.
            if from.is_some_and(|from| from.ifindex() != self.adapter.ifindex()) {
                continue;
            }
            let received = buffer.get(..length).unwrap_or_default();
            heard.extend(frame::heard(received, self.family));
        }
        Ok(heard)
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The most frames that are read before the clock is looked at.
const MOST_AT_ONCE: u32 = 1000;

/// Lets through what neighbours say of addresses, and nothing else: a busy server hears much more. Classic
/// BPF, as in the kernel's `Documentation/networking/filter.rst`.
fn neighbors() -> [SockFilter; 7] {
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    // Places in the frame: after 14 bytes of Ethernet, and 40 of IPv6.
    const NEXT_HEADER: u32 = 14 + 6;
    const MESSAGE: u32 = 14 + 40;
    let is = |yes, no, value: u8| SockFilter::new(JUMP_IF_EQUAL, yes, no, value.into());
    [
        SockFilter::new(LOAD_BYTE, 0, 0, NEXT_HEADER),
        is(0, 3, neighbor::ICMPV6),
        SockFilter::new(LOAD_BYTE, 0, 0, MESSAGE),
        is(2, 0, neighbor::SOLICITATION),
        is(1, 0, neighbor::ADVERTISEMENT),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, frame::LONGEST as u32),
    ]
}
