//! ctdb's own placement: `ctdb_takeover_helper`, which a ctdbd starts for a takeover run, given a daemon that
//! tells it of any cluster and notes where it sends the addresses.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use smbgw_ctdb::placement::{Algorithm, Known, Node, Settings};

/// Where Debian's package `ctdb` has it.
pub(crate) const HELPER: &str = "/usr/libexec/ctdb/ctdb_takeover_helper";

/// What a takeover run did.
pub(crate) struct Run {
    /// 0, or an errno.
    pub(crate) status: i32,
    /// Where it sent the addresses.
    pub(crate) taken: BTreeMap<IpAddr, u32>,
}

/// A socket that speaks for a ctdbd.
pub(crate) struct Daemon {
    path: PathBuf,
    listener: UnixListener,
}

impl Daemon {
    pub(crate) fn new() -> Self {
        let name = format!(
            "smbgw-ctdb-{}-{:?}",
            std::process::id(),
            thread::current().id()
        );
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        Self { path, listener }
    }

    pub(crate) fn take_over(&self, nodes: &[Node], settings: &Settings) -> Run {
        let mut command = Command::new(HELPER);
        command.arg("1").arg(&self.path);
        if !settings.rebalance.is_empty() {
            let numbers: Vec<_> = settings.rebalance.iter().map(u32::to_string).collect();
            command.arg(numbers.join(","));
        }
        command
            .env_clear()
            // Without these it does not start.
            .envs([("CTDB_LOGGING", "file:"), ("CTDB_DEBUGLEVEL", "ERR")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut helper = Killed(command.spawn().unwrap());
        // It connects or ends, so neither is waited for alone.
        self.listener.set_nonblocking(true).unwrap();
        let stream = loop {
            match self.listener.accept() {
                Ok((stream, _)) => break stream,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
            let ended = helper.0.try_wait().unwrap();
            assert!(ended.is_none(), "{HELPER} ended without asking anything");
            thread::sleep(Duration::from_millis(1));
        };
        stream.set_nonblocking(false).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut taken = BTreeMap::new();
        serve(stream, nodes, settings, &mut taken);
        let mut status = [0; 4];
        helper
            .0
            .stdout
            .take()
            .unwrap()
            .read_exact(&mut status)
            .unwrap();
        helper.0.wait().unwrap();
        let status = i32::from_ne_bytes(status);
        Run { status, taken }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A process that is gone when the test is.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Answers all controls until the helper hangs up. Numbers of controls are those of ctdb's `protocol.h`.
fn serve(
    mut stream: UnixStream,
    nodes: &[Node],
    settings: &Settings,
    taken: &mut BTreeMap<IpAddr, u32>,
) {
    while let Some(packet) = read_packet(&mut stream).unwrap() {
        let word = |at: usize| u32::from_ne_bytes(packet[at..at + 4].try_into().unwrap());
        // Header: length, magic, version, generation, operation, destination, source, request. Then the
        // control: number, padding, srvid, client, flags, length of the data, and the data.
        let (operation, node, request) = (word(16), word(20), word(28));
        if operation != 7 {
            continue;
        }
        let (control, flags, data) = (word(32), word(52), &packet[60..]);
        let answer = match control {
            // PNN, IPREALLOCATED, RELEASE_IP
            35 | 137 | 88 => Vec::new(),
            // TAKEOVER_IP
            89 => {
                let pnn = u32::from_ne_bytes(data[..4].try_into().unwrap());
                assert_eq!(pnn, node);
                let former = taken.insert(parse_address(&data[4..]), node);
                assert_eq!(former, None, "an address was given to two nodes");
                Vec::new()
            }
            53 => tunables(settings),
            91 => node_map(nodes),
            90 => {
                let at = &nodes[node as usize];
                public_addresses(at, word(20), flags & 0x1_0000 != 0)
            }
            other => panic!("the helper sends control {other}"),
        };
        reply(&mut stream, request, &answer).unwrap();
    }
}

fn read_packet(stream: &mut UnixStream) -> io::Result<Option<Vec<u8>>> {
    let mut packet = vec![0; 4];
    match stream.read_exact(&mut packet) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
        other => other?,
    }
    let length = u32::from_ne_bytes(packet[..4].try_into().unwrap());
    packet.resize(length as usize, 0);
    stream.read_exact(&mut packet[4..])?;
    Ok(Some(packet))
}

fn reply(stream: &mut UnixStream, request: u32, data: &[u8]) -> io::Result<()> {
    let length = (44 + data.len()).next_multiple_of(8);
    let magic = 0x4354_4442;
    let data_length = data.len() as u32;
    let words = [
        length as u32,
        magic,
        1,
        0,
        8,
        0,
        0,
        request,
        0,
        data_length,
        0,
    ];
    let mut packet: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
    packet.extend(data);
    packet.resize(length, 0);
    stream.write_all(&packet)
}

/// Places in ctdb's list of tunables (`struct ctdb_tunable_list`), and how many there are.
const TAKEOVER_TIMEOUT: usize = 9;
const NO_IP_FAILBACK: usize = 23;
const NO_IP_TAKEOVER: usize = 49;
const IP_ALLOC_ALGORITHM: usize = 60;
const TUNABLES: usize = 62;

/// The tunables by their places in ctdb's list; those that do not matter here are 0.
fn tunables(settings: &Settings) -> Vec<u8> {
    let mut words = [0_u32; TUNABLES];
    words[TAKEOVER_TIMEOUT] = 60;
    words[NO_IP_FAILBACK] = settings.no_ip_failback.into();
    words[NO_IP_TAKEOVER] = settings.no_ip_takeover.into();
    words[IP_ALLOC_ALGORITHM] = match settings.algorithm {
        Algorithm::Deterministic => 0,
        Algorithm::NonDeterministic => 1,
        Algorithm::Lcp2 => 2,
    };
    words.into_iter().flat_map(u32::to_ne_bytes).collect()
}

fn node_map(nodes: &[Node]) -> Vec<u8> {
    let mut map = (nodes.len() as u32).to_ne_bytes().to_vec();
    for (pnn, node) in (0_u32..).zip(nodes) {
        map.extend(pnn.to_ne_bytes());
        map.extend(node.flags.bits().to_ne_bytes());
        map.extend(socket_address(Ipv4Addr::new(192, 0, 2, 1).into()));
    }
    map
}

fn public_addresses(node: &Node, pnn: u32, only_available: bool) -> Vec<u8> {
    let offers = node.running && node.flags.is_healthy();
    let is_listed = |known: &&Known| !only_available || (offers && known.usable);
    let listed: Vec<&Known> = node.known.iter().filter(is_listed).collect();
    let mut list = (listed.len() as u32).to_ne_bytes().to_vec();
    for known in listed {
        let holder = if known.held { pnn } else { u32::MAX };
        list.extend(holder.to_ne_bytes());
        list.extend(socket_address(known.address));
    }
    list
}

/// A `ctdb_sock_addr`: room for a `sockaddr_in6`.
fn socket_address(address: IpAddr) -> [u8; 28] {
    let mut bytes = [0; 28];
    match address {
        IpAddr::V4(address) => {
            bytes[..2].copy_from_slice(&2_u16.to_ne_bytes());
            bytes[4..8].copy_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            bytes[..2].copy_from_slice(&10_u16.to_ne_bytes());
            bytes[8..24].copy_from_slice(&address.octets());
        }
    }
    bytes
}

fn parse_address(bytes: &[u8]) -> IpAddr {
    match u16::from_ne_bytes(bytes[..2].try_into().unwrap()) {
        2 => Ipv4Addr::from(<[u8; 4]>::try_from(&bytes[4..8]).unwrap()).into(),
        10 => Ipv6Addr::from(<[u8; 16]>::try_from(&bytes[8..24]).unwrap()).into(),
        other => panic!("an address of family {other}"),
    }
}
