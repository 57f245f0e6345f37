//! Asks name servers for what a member of a domain wants to know.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;

use super::config::{Settings, settings};
use super::error::DnsError;
use super::exchange::{self, Patience};
use super::message::{Data, Kind, Message, Record, ResponseCode};
use super::name::Name;
use crate::name::HostName;

/// The file that names the name servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// The file with names of its own.
const HOSTS: &str = "/etc/hosts";

/// Asks a set of name servers.
///
/// They are asked in their order, each a moment after the one before it where that does not answer,
/// so a dead one costs that moment, and that once: the next question goes to the one that answered
/// first. Nothing else is remembered between questions.
#[derive(Clone, Debug)]
pub struct Resolver {
    settings: Settings,
    patience: Patience,
    /// The place of the server that answered last.
    alive: Arc<AtomicUsize>,
}

/// What name servers say of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The records asked for; none where the name has no such records.
    pub records: Vec<Record>,
    /// Whether there is such a name.
    pub exists: bool,
    /// Records that may be of use beside those asked for. Only a hint.
    pub additional: Vec<Record>,
    /// Records that say who has authority.
    pub authority: Vec<Record>,
    /// The server that answered.
    pub server: SocketAddr,
}

/// Where a service is (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Lower ones are to be used first.
    pub priority: u16,
    /// Among equal priorities, how often this one is to be used.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host.
    pub host: HostName,
}

/// A zone, and the server that takes its updates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its name.
    pub name: Name,
    /// Its primary server, where that has a valid name.
    pub primary: Option<HostName>,
}

/// So many names in a row may be other names of the next.
const MOST_ALIASES: usize = 8;

impl Resolver {
    /// Asks the name servers of `host`, and takes the names in its `hosts` file for what they say.
    ///
    /// # Errors
    /// Where its settings cannot be read, or name no server.
    pub fn of_host(host: &dyn Host) -> Result<Self, DnsError> {
        let read = |path: &str| match host.read(Path::new(path)) {
            Ok(content) => Ok(content.unwrap_or_default()),
            Err(source) => Err(DnsError::Settings {
                host: host.name().into(),
                source: Box::new(source),
            }),
        };
        let settings = settings(&read(RESOLV_CONF)?, &read(HOSTS)?);
        match settings.servers.is_empty() {
            true => Err(DnsError::NoServers {
                host: host.name().into(),
                path: RESOLV_CONF,
            }),
            false => Ok(Self {
                settings,
                patience: Patience::default(),
                alive: Arc::default(),
            }),
        }
    }

    /// Asks the name servers given.
    pub fn with_servers(servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self {
            settings: Settings {
                servers: servers.into_iter().collect(),
                hosts: Vec::new(),
            },
            patience: Patience::default(),
            alive: Arc::default(),
        }
    }

    /// Waits for `step` before the next server is asked, and for `last` after the last.
    #[must_use]
    pub fn patience(mut self, step: Duration, last: Duration) -> Self {
        self.patience.step = step;
        self.patience.last = last;
        self
    }

    /// The servers, the one asked first first.
    pub fn servers(&self) -> &[SocketAddr] {
        &self.settings.servers
    }

    /// Asks for the records of `kind` at `name`.
    ///
    /// # Errors
    /// Any [`DnsError`]; that there is no such name or record is an answer.
    pub fn lookup(&self, name: &Name, kind: Kind, deadline: Deadline) -> Result<Answer, DnsError> {
        let questions = [(name.clone(), kind)];
        self.lookup_all(&questions, deadline)
            .pop()
            .unwrap_or_else(|| Err(self.silent(name)))
    }

    /// Asks for many records at once, and gives the answers in the same order.
    pub fn lookup_all(
        &self,
        questions: &[(Name, Kind)],
        deadline: Deadline,
    ) -> Vec<Result<Answer, DnsError>> {
        if self.settings.servers.is_empty() {
            return questions.iter().map(|(n, _)| Err(self.silent(n))).collect();
        }
        self.ask(questions, deadline)
            .into_iter()
            .zip(questions)
            .map(|(answered, (name, kind))| self.follow(answered?, name, *kind, deadline))
            .collect()
    }

    fn ask(
        &self,
        questions: &[(Name, Kind)],
        deadline: Deadline,
    ) -> Vec<Result<exchange::Answered, DnsError>> {
        let mut servers = self.settings.servers.clone();
        let alive = self.alive.load(Ordering::Relaxed).min(servers.len());
        servers.rotate_left(alive);
        let answers = exchange::ask(&servers, questions, self.patience, deadline);
        let answered = answers.iter().flatten().next();
        if let Some((_, server)) = answered
            && let Some(at) = self.settings.servers.iter().position(|s| s == server)
        {
            self.alive.store(at, Ordering::Relaxed);
        }
        answers
    }

    /// The answer in a message, asking on where it is only another name.
    fn follow(
        &self,
        mut answered: exchange::Answered,
        name: &Name,
        kind: Kind,
        deadline: Deadline,
    ) -> Result<Answer, DnsError> {
        let mut here = name.clone();
        for _ in 0..MOST_ALIASES {
            let (message, server) = answered;
            let end = end_of_aliases(&message, &here, kind);
            let found = message
                .answers
                .iter()
                .any(|record| record.name == end && record.kind == kind);
            if found || end == here || message.code != ResponseCode::NO_ERROR {
                return Ok(answer(message, &end, kind, server));
            }
            here = end;
            let next = [(here.clone(), kind)];
            answered = self
                .ask(&next, deadline)
                .pop()
                .unwrap_or_else(|| Err(self.silent(&here)))?;
        }
        let (_, server) = answered;
        Err(DnsError::Garbled {
            name: name.to_string(),
            server,
            reason: "too many names in a row are other names of the next",
        })
    }

    fn silent(&self, name: &Name) -> DnsError {
        DnsError::Silent {
            name: name.to_string(),
            servers: self.settings.servers.clone(),
        }
    }

    /// The addresses of `host`: those in the `hosts` file, else those in the DNS, IPv6 first. None
    /// where the host has none.
    ///
    /// # Errors
    /// Where name servers do not answer.
    pub fn addresses(&self, host: &HostName, deadline: Deadline) -> Result<Vec<IpAddr>, DnsError> {
        self.addresses_of(std::slice::from_ref(host), deadline)
            .pop()
            .unwrap_or_else(|| Ok(Vec::new()))
    }

    /// The addresses of many hosts, in the same order.
    pub fn addresses_of(
        &self,
        hosts: &[HostName],
        deadline: Deadline,
    ) -> Vec<Result<Vec<IpAddr>, DnsError>> {
        let known: Vec<Vec<IpAddr>> = hosts.iter().map(|host| self.in_file(host)).collect();
        let questions: Vec<(Name, Kind)> = hosts
            .iter()
            .zip(&known)
            .filter(|(_, known)| known.is_empty())
            .flat_map(|(host, _)| {
                let name = Name::from(host);
                [(name.clone(), Kind::AAAA), (name, Kind::A)]
            })
            .collect();
        let mut answers = self.lookup_all(&questions, deadline).into_iter();
        known
            .into_iter()
            .map(|known| {
                if !known.is_empty() {
                    return Ok(known);
                }
                let (six, four) = (answers.next(), answers.next());
                both(six, four)
            })
            .collect()
    }

    fn in_file(&self, host: &HostName) -> Vec<IpAddr> {
        let of_host = self.settings.hosts.iter().filter(|(name, _)| name == host);
        of_host.map(|(_, address)| *address).collect()
    }

    /// The addresses of `host` that the DNS has, whatever the `hosts` file says.
    ///
    /// # Errors
    /// Where name servers do not answer.
    pub fn registered_addresses(
        &self,
        host: &HostName,
        deadline: Deadline,
    ) -> Result<Vec<IpAddr>, DnsError> {
        let name = Name::from(host);
        let questions = [(name.clone(), Kind::AAAA), (name, Kind::A)];
        let mut answers = self.lookup_all(&questions, deadline).into_iter();
        let (six, four) = (answers.next(), answers.next());
        both(six, four)
    }

    /// The names of the host at `address`.
    ///
    /// # Errors
    /// Where name servers do not answer.
    pub fn names(&self, address: IpAddr, deadline: Deadline) -> Result<Vec<HostName>, DnsError> {
        let answer = self.lookup(&Name::reverse(address), Kind::PTR, deadline)?;
        Ok(hosts(&answer.records))
    }

    /// The name servers of the zone `name`.
    ///
    /// # Errors
    /// Where name servers do not answer.
    pub fn name_servers(&self, name: &Name, deadline: Deadline) -> Result<Vec<HostName>, DnsError> {
        let answer = self.lookup(name, Kind::NS, deadline)?;
        Ok(hosts(&answer.records))
    }

    /// The zone that `name` is in; `None` where no server tells.
    ///
    /// # Errors
    /// Where name servers do not answer.
    pub fn zone(&self, name: &Name, deadline: Deadline) -> Result<Option<Zone>, DnsError> {
        let mut next = Some(name.clone());
        while let Some(here) = next.filter(|here| *here != Name::root()) {
            let answer = self.lookup(&here, Kind::SOA, deadline)?;
            let start = answer
                .records
                .iter()
                .chain(&answer.authority)
                .find_map(|record| match &record.data {
                    Data::Soa { primary } if here.is_within(&record.name) => {
                        Some((record.name.clone(), primary.host()))
                    }
                    _ => None,
                });
            if let Some((name, primary)) = start {
                // Above what is known of, the root speaks: such a name is in no zone of ours.
                return Ok((name != Name::root()).then_some(Zone { name, primary }));
            }
            next = here.parent();
        }
        Ok(None)
    }
}

/// The services among `records`, in no order; those with no host (`.`, "there is none") left out.
pub(crate) fn services(records: &[Record]) -> Vec<Service> {
    records
        .iter()
        .filter_map(|record| match &record.data {
            Data::Srv {
                priority,
                weight,
                port,
                target,
            } => Some(Service {
                priority: *priority,
                weight: *weight,
                port: *port,
                host: target.host()?,
            }),
            _ => None,
        })
        .collect()
}

/// The addresses among `records`.
pub(crate) fn addresses<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<IpAddr> {
    records
        .into_iter()
        .filter_map(|record| match record.data {
            Data::A(address) => Some(address.into()),
            Data::Aaaa(address) => Some(address.into()),
            _ => None,
        })
        .collect()
}

fn hosts(records: &[Record]) -> Vec<HostName> {
    records
        .iter()
        .filter_map(|record| match &record.data {
            Data::Name(name) => name.host(),
            _ => None,
        })
        .collect()
}

type Maybe = Option<Result<Answer, DnsError>>;

/// Addresses of both kinds. One kind is enough where the other cannot be had.
fn both(six: Maybe, four: Maybe) -> Result<Vec<IpAddr>, DnsError> {
    let mut found = Vec::new();
    let mut error = None;
    for answer in [six, four].into_iter().flatten() {
        match answer {
            Ok(answer) => found.extend(addresses(&answer.records)),
            Err(why) => error = Some(why),
        }
    }
    match error {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}

/// The name at the end of a row of other names that begins with `name`.
fn end_of_aliases(message: &Message, name: &Name, kind: Kind) -> Name {
    let mut here = name.clone();
    if kind == Kind::CNAME {
        return here;
    }
    for _ in 0..MOST_ALIASES {
        let next = message
            .answers
            .iter()
            .find_map(|record| match &record.data {
                Data::Name(target) if record.kind == Kind::CNAME && record.name == here => {
                    Some(target)
                }
                _ => None,
            });
        match next {
            Some(target) => here = target.clone(),
            None => break,
        }
    }
    here
}

fn answer(message: Message, name: &Name, kind: Kind, server: SocketAddr) -> Answer {
    let records = message
        .answers
        .into_iter()
        .filter(|record| record.name == *name && record.kind == kind)
        .collect();
    Answer {
        records,
        exists: message.code == ResponseCode::NO_ERROR,
        additional: message.additionals,
        authority: message.authorities,
        server,
    }
}
