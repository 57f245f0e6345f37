//! Name servers and controllers on the loopback that say what a test wants.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use smbgw_ad::dns::message::{CLASS_IN, Data, Message, Question, Record, ResponseCode};
use smbgw_ad::dns::{Kind, Name};

/// What a name server does with a question.
pub(crate) enum Says {
    /// Nothing.
    Nothing,
    /// Sends a message.
    Message(Message),
    /// Sends bytes.
    Bytes(Vec<u8>),
}

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Udp,
    Tcp,
}

/// Packets that came, and how.
type Asked = Vec<(By, Vec<u8>)>;

/// A server on a thread, which ends with the value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    asked: Arc<Mutex<Asked>>,
}

impl Server {
    /// A name server that does what `says` tells.
    pub(crate) fn dns(says: impl Fn(By, &Message) -> Says + Send + Sync + 'static) -> Self {
        let says = Arc::new(says);
        Self::bytes(move |by, packet| {
            let Ok(question) = Message::decode(packet) else {
                return Vec::new();
            };
            match says(by, &question) {
                Says::Nothing => Vec::new(),
                Says::Message(message) => vec![message.encode().unwrap()],
                Says::Bytes(bytes) => vec![bytes],
            }
        })
    }

    /// A name server with a fixed set of records, and no others below `zones`.
    pub(crate) fn zone(zones: &[&str], records: Vec<Record>) -> Self {
        let zones: Vec<Name> = zones.iter().map(|zone| name(zone)).collect();
        Self::dns(move |_, question| Says::Message(look_up(&zones, &records, question)))
    }

    /// A server that answers each packet with those that `says` gives.
    pub(crate) fn bytes(says: impl Fn(By, &[u8]) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Self {
        let says = Arc::new(says);
        // A port that is free for both.
        let (streams, datagrams) = (0..100)
            .find_map(|_| {
                let streams = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                let datagrams = UdpSocket::bind(streams.local_addr().unwrap()).ok()?;
                Some((streams, datagrams))
            })
            .expect("a port that is free for UDP and TCP");
        let address = datagrams.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut threads = Vec::new();
        {
            let (says, stop, asked) = (says.clone(), stop.clone(), asked.clone());
            datagrams
                .set_read_timeout(Some(Duration::from_millis(20)))
                .unwrap();
            threads.push(std::thread::spawn(move || {
                let mut buffer = vec![0; 65535];
                while !stop.load(Ordering::Relaxed) {
                    let Ok((count, from)) = datagrams.recv_from(&mut buffer) else {
                        continue;
                    };
                    let packet = buffer[..count].to_vec();
                    asked.lock().unwrap().push((By::Udp, packet.clone()));
                    for reply in says(By::Udp, &packet) {
                        let _ = datagrams.send_to(&reply, from);
                    }
                }
            }));
        }
        {
            let (stop, asked) = (stop.clone(), asked.clone());
            streams.set_nonblocking(true).unwrap();
            threads.push(std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let Ok((mut stream, _)) = streams.accept() else {
                        std::thread::sleep(Duration::from_millis(5));
                        continue;
                    };
                    stream.set_nonblocking(false).unwrap();
                    stream
                        .set_read_timeout(Some(Duration::from_secs(5)))
                        .unwrap();
                    let mut length = [0; 2];
                    while stream.read_exact(&mut length).is_ok() {
                        let mut packet = vec![0; usize::from(u16::from_be_bytes(length))];
                        if stream.read_exact(&mut packet).is_err() {
                            break;
                        }
                        asked.lock().unwrap().push((By::Tcp, packet.clone()));
                        for reply in says(By::Tcp, &packet) {
                            let mut framed = (reply.len() as u16).to_be_bytes().to_vec();
                            framed.extend(reply);
                            let _ = stream.write_all(&framed);
                        }
                    }
                }
            }));
        }
        Self {
            address,
            stop,
            threads,
            asked,
        }
    }

    /// The packets that came so far.
    pub(crate) fn asked(&self) -> Vec<(By, Vec<u8>)> {
        self.asked.lock().unwrap().clone()
    }

    /// The names and kinds that were asked for so far.
    pub(crate) fn questions(&self) -> Vec<(String, Kind)> {
        let asked = self.asked();
        let messages = asked.iter().map(|(_, packet)| Message::decode(packet));
        messages
            .flat_map(|message| message.unwrap().questions)
            .map(|question| (question.name.to_string(), question.kind))
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// An address where nothing listens.
pub(crate) fn nobody() -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap()
}

/// A socket that takes packets and says nothing.
pub(crate) fn silence() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, (Ipv4Addr::LOCALHOST, port).into())
}

pub(crate) fn name(text: &str) -> Name {
    Name::from_text(text).unwrap()
}

/// The answer to `question` with nothing in it.
pub(crate) fn reply(question: &Message) -> Message {
    let mut reply = Message::request(question.id, question.operation);
    reply.response = true;
    reply.questions = question.questions.clone();
    reply
}

pub(crate) fn error(question: &Message, code: ResponseCode) -> Says {
    let mut reply = reply(question);
    reply.code = code;
    Says::Message(reply)
}

pub(crate) fn record(at: &str, kind: Kind, data: Data) -> Record {
    Record {
        name: name(at),
        kind,
        class: CLASS_IN,
        ttl: 60,
        data,
    }
}

pub(crate) fn address(at: &str, address: &str) -> Record {
    match address.parse().unwrap() {
        IpAddr::V4(v4) => record(at, Kind::A, Data::A(v4)),
        IpAddr::V6(v6) => record(at, Kind::AAAA, Data::Aaaa(v6)),
    }
}

pub(crate) fn alias(at: &str, target: &str) -> Record {
    record(at, Kind::CNAME, Data::Name(name(target)))
}

pub(crate) fn service(at: &str, priority: u16, port: u16, target: &str) -> Record {
    let data = Data::Srv {
        priority,
        weight: 100,
        port,
        target: name(target),
    };
    record(at, Kind::SRV, data)
}

fn look_up(zones: &[Name], records: &[Record], question: &Message) -> Message {
    let mut reply = reply(question);
    let [Question { name, kind, .. }] = &question.questions[..] else {
        reply.code = ResponseCode::FORM_ERR;
        return reply;
    };
    reply.answers = records
        .iter()
        .filter(|record| record.name == *name && record.kind == *kind)
        .cloned()
        .collect();
    let exists = zones.contains(name) || records.iter().any(|record| record.name.is_within(name));
    if !exists {
        reply.code = ResponseCode::NX_DOMAIN;
    }
    if let (true, Some(zone)) = (
        reply.answers.is_empty(),
        zones.iter().find(|zone| name.is_within(zone)),
    ) {
        let primary = Data::Soa {
            primary: zone.below(["dc"]).unwrap(),
        };
        let start = Record {
            name: zone.clone(),
            kind: Kind::SOA,
            class: CLASS_IN,
            ttl: 60,
            data: primary,
        };
        match *kind == Kind::SOA && zone == name {
            true => reply.answers.push(start),
            false => reply.authorities.push(start),
        }
    }
    reply
}

/// What a controller says of itself.
#[derive(Clone)]
pub(crate) struct Controller {
    pub(crate) flags: u32,
    pub(crate) domain: &'static str,
    pub(crate) host: &'static str,
    pub(crate) site: &'static str,
    pub(crate) client_site: &'static str,
    pub(crate) next_closest_site: &'static str,
}

/// A writable controller with all services.
pub(crate) const WRITABLE: u32 = 0x13fd;
/// A read-only controller.
pub(crate) const READ_ONLY: u32 = 0x0a7c;

impl Default for Controller {
    fn default() -> Self {
        Self {
            flags: WRITABLE,
            domain: "ad.test",
            host: "dc.ad.test",
            site: "Here",
            client_site: "Here",
            next_closest_site: "",
        }
    }
}

impl Controller {
    /// A server that says this to whoever asks for its domain.
    pub(crate) fn start(self) -> Server {
        Server::bytes(move |_, question| vec![self.packet(id_of(question))])
    }

    /// The value of the attribute `Netlogon`.
    pub(crate) fn netlogon(&self) -> Vec<u8> {
        let mut out = vec![23, 0, 0, 0];
        out.extend(self.flags.to_le_bytes());
        out.extend([7; 16]);
        for text in [
            self.domain,
            self.domain,
            self.host,
            "LAB",
            "DC",
            "",
            self.site,
            self.client_site,
        ] {
            labels(&mut out, text);
        }
        if !self.next_closest_site.is_empty() {
            labels(&mut out, self.next_closest_site);
        }
        let version: u32 = match self.next_closest_site {
            "" => 0x0000_0005,
            _ => 0x0000_0015,
        };
        out.extend(version.to_le_bytes());
        out.extend([0xff; 4]);
        out
    }

    /// The packet for the question of number `id`.
    pub(crate) fn packet(&self, id: u32) -> Vec<u8> {
        let values = tlv(0x31, &tlv(0x04, &self.netlogon()));
        let attribute = tlv(0x30, &[tlv(0x04, b"netlogon"), values].concat());
        let entry = [tlv(0x04, b""), tlv(0x30, &attribute)].concat();
        [message(id, 0x64, &entry), done(id, 0)].concat()
    }
}

/// The end of a search, with a result.
pub(crate) fn done(id: u32, result: u8) -> Vec<u8> {
    let parts = [tlv(0x0a, &[result]), tlv(0x04, b""), tlv(0x04, b"")];
    message(id, 0x65, &parts.concat())
}

fn message(id: u32, tag: u8, content: &[u8]) -> Vec<u8> {
    let mut number = id.to_be_bytes().to_vec();
    number.insert(0, 0);
    tlv(0x30, &[tlv(0x02, &number), tlv(tag, content)].concat())
}

/// The number of a question.
pub(crate) fn id_of(question: &[u8]) -> u32 {
    let size = question[1] as usize & 0x7f;
    let at = if question[1] < 0x80 { 2 } else { 2 + size };
    assert_eq!(question[at], 0x02);
    let length = usize::from(question[at + 1]);
    question[at + 2..at + 2 + length]
        .iter()
        .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag, 0x82];
    out.extend((content.len() as u16).to_be_bytes());
    out.extend(content);
    out
}

fn labels(out: &mut Vec<u8>, text: &str) {
    for label in text.split('.').filter(|label| !label.is_empty()) {
        out.push(label.len() as u8);
        out.extend(label.as_bytes());
    }
    out.push(0);
}
