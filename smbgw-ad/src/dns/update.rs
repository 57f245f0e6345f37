//! Puts the addresses of a host into the DNS (RFC 2136), signed with the key of a ticket (RFC 3645).

use std::net::{IpAddr, SocketAddr};

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind};

use super::error::DnsError;
use super::exchange::{Stream, is_of_network};
use super::message::{
    CLASS_ANY, CLASS_IN, Data, Kind, Malformed, Message, QUERY, Question, Reader, Record,
    ResponseCode, UPDATE,
};
use super::name::Name;
use super::resolver::{Resolver, Zone};
use super::tsig::{Key, Unsigned, algorithm};
use crate::audit;
use crate::clock::Clock;
use crate::code::Code;
use crate::gss::{GssError, Initiator, Options};
use crate::krb::error::KrbError;
use crate::krb::kdc::KdcFinder;
use crate::krb::login::aes;
use crate::krb::service::service_ticket;
use crate::krb::ticket::Tgt;
use crate::name::{HostName, Principal};

/// For how many seconds others may remember an address of ours.
const TTL: u32 = 3600;

/// The port of name servers.
const PORT: u16 = 53;

/// The time that a name server is given before the next is tried.
const EACH: std::time::Duration = std::time::Duration::from_secs(5);

/// Who asks for changes.
pub struct Requester<'a> {
    /// The ticket of who asks: of the host itself, which may change its own addresses, or of an
    /// administrator.
    pub tgt: &'a Tgt,
    /// Who knows where tickets come from.
    pub finder: &'a dyn KdcFinder,
    /// The clock that the domain agrees with.
    pub clock: Clock,
}

/// Why addresses were not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// Name servers do not answer.
    #[error("the addresses of `{host}` in the DNS cannot be read")]
    Dns {
        /// The host.
        host: HostName,
        /// Why.
        source: DnsError,
    },
    /// No name server has the zone of the host.
    #[error("no name server knows the zone of `{host}`")]
    NoZone {
        /// The host.
        host: HostName,
    },
    /// The zone names no server that takes changes.
    #[error("the zone `{zone}` names no server with an address that takes changes")]
    NoServer {
        /// The zone.
        zone: String,
    },
    /// The domain gives no ticket for the server.
    #[error("the domain gives no ticket for the name server `{server}`")]
    Ticket {
        /// The server.
        server: HostName,
        /// Why.
        source: Box<KrbError>,
    },
    /// The server cannot be reached.
    #[error("the name server `{server}` ({address}) cannot be reached by TCP")]
    Unreachable {
        /// The server.
        server: HostName,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The server does not agree on a key.
    #[error("the name server `{server}` agrees on no key: {reason}")]
    NoKey {
        /// The server.
        server: HostName,
        /// What it says.
        reason: String,
    },
    /// The security context cannot be made.
    #[error("the name server `{server}` did not prove who it is")]
    Context {
        /// The server.
        server: HostName,
        /// Why.
        source: Box<GssError>,
    },
    /// The server refuses.
    #[error("the name server `{server}` refuses to change `{host}`: {code}")]
    Refused {
        /// The server.
        server: HostName,
        /// The host.
        host: HostName,
        /// Its answer.
        code: ResponseCode,
    },
    /// The answer is not signed as it should be, so the change may or may not have happened.
    #[error("the answer of the name server `{server}` is not signed as it should be: {reason}")]
    Unsigned {
        /// The server.
        server: HostName,
        /// What is wrong.
        reason: String,
    },
    /// The answer is no DNS.
    #[error("the name server `{server}` answered with something else than DNS: {reason}")]
    Garbled {
        /// The server.
        server: HostName,
        /// What is wrong.
        reason: &'static str,
    },
}

impl Coded for UpdateError {
    fn code(&self) -> &'static str {
        match self {
            Self::Dns { source, .. } => return source.code(),
            Self::Ticket { source, .. } => return source.code(),
            Self::Refused { .. } => Code::DnsUpdateRefused,
            _ => Code::DnsUpdateFailed,
        }
        .as_str()
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Dns { source, .. } => source.kind(),
            Self::Ticket { source, .. } => source.kind(),
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Dns { source, .. } => source.remedy(),
            Self::Ticket { source, .. } => source.remedy(),
            Self::Refused { host, .. } => Some(format!(
                "look who owns the record of `{host}`, and whether the zone takes secure updates; \
                 or leave the DNS alone with `--no-dns` and make the record by hand"
            )),
            _ => Some(Code::DnsUpdateFailed.fix().into()),
        }
    }
}

/// Has the DNS give exactly `addresses` for `host`. Where it does so already, nothing is sent.
///
/// # Errors
/// Where the DNS cannot be read, or no server takes the change.
pub fn register(
    resolver: &Resolver,
    host: &HostName,
    addresses: &[IpAddr],
    requester: &Requester<'_>,
    deadline: Deadline,
) -> Result<Change, UpdateError> {
    let mut wanted = addresses.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let dns = |source| UpdateError::Dns {
        host: host.clone(),
        source,
    };
    let mut present = resolver.registered_addresses(host, deadline).map_err(dns)?;
    present.sort_unstable();
    if present == wanted {
        return Ok(Change::Unchanged);
    }
    let zone = resolver
        .zone(&Name::from(host), deadline)
        .map_err(dns)?
        .ok_or_else(|| UpdateError::NoZone { host: host.clone() })?;
    let servers = servers(resolver, host, &zone, deadline)?;
    let mut error = UpdateError::NoServer {
        zone: zone.name.to_string(),
    };
    for (server, address) in servers {
        let attempt = Attempt {
            server,
            address,
            host,
            requester,
            deadline: deadline.at_most(EACH),
        };
        match attempt.run(&zone, &wanted) {
            Ok(()) => {
                return Ok(match present.is_empty() {
                    true => Change::Created,
                    false => Change::Updated,
                });
            }
            // Another one will not be of another opinion.
            Err(why @ (UpdateError::Refused { .. } | UpdateError::Unsigned { .. })) => {
                return Err(why);
            }
            Err(why) => error = why,
        }
    }
    Err(error)
}

/// Has the DNS give no address for `host`. Where there is none, nothing is sent.
///
/// # Errors
/// Where the DNS cannot be read, or no server takes the change.
pub fn remove(
    resolver: &Resolver,
    host: &HostName,
    requester: &Requester<'_>,
    deadline: Deadline,
) -> Result<Change, UpdateError> {
    register(resolver, host, &[], requester, deadline)
}

/// The servers that take changes of `zone`: its primary, and those that serve it. In a directory
/// each of them does.
fn servers(
    resolver: &Resolver,
    host: &HostName,
    zone: &Zone,
    deadline: Deadline,
) -> Result<Vec<(HostName, SocketAddr)>, UpdateError> {
    let mut names: Vec<HostName> = zone.primary.iter().cloned().collect();
    // Without them, the primary is there yet.
    let others = resolver.name_servers(&zone.name, deadline);
    for name in others.unwrap_or_default() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.truncate(4);
    let mut found = Vec::new();
    let mut error = None;
    for (name, addresses) in names.iter().zip(resolver.addresses_of(&names, deadline)) {
        match addresses {
            Ok(addresses) => found.extend(
                addresses
                    .into_iter()
                    .map(|address| (name.clone(), SocketAddr::new(address, PORT))),
            ),
            Err(why) => error = Some(why),
        }
    }
    match error {
        Some(source) if found.is_empty() => Err(UpdateError::Dns {
            host: host.clone(),
            source,
        }),
        _ => Ok(found),
    }
}

struct Attempt<'a> {
    server: HostName,
    address: SocketAddr,
    host: &'a HostName,
    requester: &'a Requester<'a>,
    deadline: Deadline,
}

impl Attempt<'_> {
    fn run(&self, zone: &Zone, wanted: &[IpAddr]) -> Result<(), UpdateError> {
        let mut stream =
            Stream::connect(self.address, self.deadline).map_err(|error| self.network(error))?;
        let mut key = self.agree(&mut stream)?;
        let update = self.update(zone, wanted)?;
        let now = u64::try_from(self.requester.clock.now().as_second()).unwrap_or_default();
        let (bytes, mac) = key
            .sign(&update, now)
            .map_err(|error| self.garbled(error))?;
        let change = format!("giving {} other addresses", self.host);
        audit::asking(&self.server, &change);
        let reply = stream.exchange(&bytes);
        audit::answered(&self.server, &change);
        let reply = reply.map_err(|error| self.network(error))?;
        let answer = Message::decode(&reply).map_err(|error| self.garbled(error))?;
        if !answer.response || answer.id != update.id || answer.operation != UPDATE {
            return Err(self.garbled(Malformed("the answer is to something else")));
        }
        let signed = key.verify(&reply, &mac);
        // A refusal may come unsigned, and then changes nothing but what we say.
        if answer.code != ResponseCode::NO_ERROR {
            return Err(UpdateError::Refused {
                server: self.server.clone(),
                host: self.host.clone(),
                code: answer.code,
            });
        }
        signed.map_err(|why| UpdateError::Unsigned {
            server: self.server.clone(),
            reason: match why {
                Unsigned::Missing => "it has no signature".into(),
                Unsigned::Error(number) => format!("error {number}"),
                Unsigned::Malformed(error) => error.to_string(),
                Unsigned::Wrong(error) => error.to_string(),
            },
        })
    }

    /// Agrees on a key (RFC 2930, RFC 3645 section 3).
    fn agree(&self, stream: &mut Stream) -> Result<Key, UpdateError> {
        let Requester { tgt, finder, clock } = self.requester;
        let context = |source: GssError| UpdateError::Context {
            server: self.server.clone(),
            source: Box::new(source),
        };
        let service = Principal::service("DNS", &self.server, tgt.realm());
        let ticket = service_ticket(tgt, &service, &aes(), *finder, *clock, self.deadline)
            .map_err(|source| UpdateError::Ticket {
                server: self.server.clone(),
                source: Box::new(source),
            })?;
        // The answer to this very message is signed, too, with a number that is not looked at.
        let options = Options {
            ordered: false,
            sealed: false,
        };
        let (initiator, token) = Initiator::begin(&ticket, options, *clock).map_err(context)?;
        let name = self.random_name()?;
        let question = self.question(&name, &token)?;
        let bytes = question.encode().map_err(|error| self.garbled(error))?;
        let reply = stream
            .exchange(&bytes)
            .map_err(|error| self.network(error))?;
        let answer = Message::decode(&reply).map_err(|error| self.garbled(error))?;
        if !answer.response || answer.id != question.id {
            return Err(self.garbled(Malformed("the answer is to something else")));
        }
        let no_key = |reason: String| UpdateError::NoKey {
            server: self.server.clone(),
            reason,
        };
        if answer.code != ResponseCode::NO_ERROR {
            return Err(no_key(answer.code.to_string()));
        }
        let agreed = answer
            .answers
            .iter()
            .find_map(|record| match &record.data {
                Data::Other(data) if record.kind == Kind::TKEY => Some(data),
                _ => None,
            })
            .ok_or_else(|| no_key("it sends none".into()))?;
        let (error, token) = read_key(agreed).map_err(|error| self.garbled(error))?;
        if error != 0 {
            return Err(no_key(format!("error {error}")));
        }
        let context = initiator.finish(token).map_err(context)?;
        Ok(Key { name, context })
    }

    fn question(&self, name: &Name, token: &[u8]) -> Result<Message, UpdateError> {
        let mut question = Message::request(self.random_id()?, QUERY);
        question.questions.push(Question {
            name: name.clone(),
            kind: Kind::TKEY,
            class: CLASS_ANY,
        });
        // The times are of no matter here (RFC 3645 section 3.1.1), and have to fit into 32 bits.
        let now = self.requester.clock.now().as_second().rem_euclid(1 << 32) as u32;
        let mut data = algorithm().wire().to_vec();
        data.extend(now.to_be_bytes());
        data.extend(now.wrapping_add(3600).to_be_bytes());
        data.extend(3_u16.to_be_bytes());
        data.extend(0_u16.to_be_bytes());
        let size = u16::try_from(token.len())
            .map_err(|_| self.garbled(Malformed("the ticket is too large for the DNS")))?;
        data.extend(size.to_be_bytes());
        data.extend(token);
        data.extend(0_u16.to_be_bytes());
        question.additionals.push(Record {
            name: name.clone(),
            kind: Kind::TKEY,
            class: CLASS_ANY,
            ttl: 0,
            data: Data::Other(data),
        });
        Ok(question)
    }

    /// Takes away all addresses, and puts those wanted there (RFC 2136 section 2.5).
    fn update(&self, zone: &Zone, wanted: &[IpAddr]) -> Result<Message, UpdateError> {
        let mut update = Message::request(self.random_id()?, UPDATE);
        update.questions.push(Question {
            name: zone.name.clone(),
            kind: Kind::SOA,
            class: CLASS_IN,
        });
        let name = Name::from(self.host);
        for kind in [Kind::A, Kind::AAAA] {
            update.authorities.push(Record {
                name: name.clone(),
                kind,
                class: CLASS_ANY,
                ttl: 0,
                data: Data::Other(Vec::new()),
            });
        }
        for address in wanted {
            let (kind, data) = match address {
                IpAddr::V4(address) => (Kind::A, Data::A(*address)),
                IpAddr::V6(address) => (Kind::AAAA, Data::Aaaa(*address)),
            };
            update.authorities.push(Record {
                name: name.clone(),
                kind,
                class: CLASS_IN,
                ttl: TTL,
                data,
            });
        }
        Ok(update)
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], UpdateError> {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes)
            .map_err(|_| self.garbled(Malformed("the kernel gives no random bytes")))?;
        Ok(bytes)
    }

    fn random_id(&self) -> Result<u16, UpdateError> {
        self.random().map(u16::from_ne_bytes)
    }

    /// A name for a key that nobody else has.
    fn random_name(&self) -> Result<Name, UpdateError> {
        let number = u64::from_ne_bytes(self.random()?);
        Ok(Name::from(&self.server)
            .below([format!("{number:016x}")])
            .or_else(|| Name::from_labels([format!("{number:016x}")]))
            .unwrap_or_else(Name::root))
    }

    fn network(&self, source: std::io::Error) -> UpdateError {
        if !is_of_network(&source) {
            tracing::debug!(%source, server = %self.server, "an update failed here");
        }
        UpdateError::Unreachable {
            server: self.server.clone(),
            address: self.address,
            source,
        }
    }

    fn garbled(&self, error: Malformed) -> UpdateError {
        UpdateError::Garbled {
            server: self.server.clone(),
            reason: error.0,
        }
    }
}

/// The error and the token in a record of kind TKEY (RFC 2930 section 2).
///
/// # Errors
/// Where it is malformed.
pub fn read_key(data: &[u8]) -> Result<(u16, &[u8]), Malformed> {
    let mut reader = Reader { bytes: data, at: 0 };
    reader.name()?;
    reader.take(8)?;
    if reader.u16()? != 3 {
        return Err(Malformed("the key is agreed on in another way"));
    }
    let error = reader.u16()?;
    let size = reader.u16()?;
    let token = reader.take(size.into())?;
    Ok((error, token))
}
