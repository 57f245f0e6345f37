//! The search for a controller, from the DNS to the choice.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use smbgw_core::deadline::Deadline;

use super::error::{DiscoverError, Failure, Tried};
use super::netlogon::{Flags, Netlogon};
use super::ping::{self, Outcome, Pace, Target};
use super::{Discovery, Domain, DomainController, Options, Server, srv};
use crate::dns::{Answer, Kind, Name, Resolver, Service, host_addresses, services};
use crate::name::{DomainName, HostName, Realm};

/// So many are asked in the first batch; each further one has twice as many.
const FIRST_BATCH: usize = 3;

/// The most that are asked in one batch.
const LARGEST_BATCH: usize = 24;

/// So many names are looked up at once.
const WINDOW: usize = 32;

/// The longest wait for controllers of a nearer site, when another one has answered already.
const NEARER: Duration = Duration::from_millis(1000);

pub(super) fn run(
    domain: &DomainName,
    resolver: &Resolver,
    options: &Options,
    deadline: Deadline,
) -> Result<Discovery, DiscoverError> {
    let mut search = Search {
        domain,
        resolver,
        options,
        deadline,
        found: Vec::new(),
        tried: Vec::new(),
        unasked: Vec::new(),
        seen: BTreeSet::new(),
    };
    if options.servers.is_empty() {
        search.by_dns()?;
    } else {
        search.given()?;
    }
    search.choose()
}

struct Search<'a> {
    domain: &'a DomainName,
    resolver: &'a Resolver,
    options: &'a Options,
    deadline: Deadline,
    found: Vec<Found>,
    tried: Vec<Tried>,
    unasked: Vec<IpAddr>,
    seen: BTreeSet<HostName>,
}

struct Found {
    target: Target,
    netlogon: Box<Netlogon>,
    round_trip: Duration,
}

/// A host to ask, with what is known of its addresses.
struct Candidate {
    host: HostName,
    port: u16,
    /// Those that share it are asked together.
    priority: u32,
    /// Addresses that came with the service record.
    hints: Vec<IpAddr>,
}

impl Search<'_> {
    fn given(&mut self) -> Result<(), DiscoverError> {
        let names: Vec<HostName> = self
            .options
            .servers
            .iter()
            .filter_map(|server| match server {
                Server::Name(name) => Some(name.clone()),
                Server::Address(_) => None,
            })
            .collect();
        let mut resolved = self
            .resolver
            .addresses_of(&names, self.deadline)
            .into_iter();
        let mut batches = Vec::new();
        for server in &self.options.servers {
            let (host, addresses) = match server {
                Server::Address(address) => (None, vec![*address]),
                Server::Name(name) => {
                    let addresses = match resolved.next() {
                        Some(Ok(addresses)) => addresses,
                        Some(Err(source)) if self.options.servers.len() == 1 => {
                            return Err(self.dns(source));
                        }
                        _ => Vec::new(),
                    };
                    if addresses.is_empty() {
                        if self.options.servers.len() == 1 {
                            return Err(DiscoverError::UnknownServer {
                                server: name.clone(),
                            });
                        }
                        self.no_address(name);
                    }
                    (Some(name.clone()), addresses)
                }
            };
            batches.push(targets(&host, &addresses, self.options.port));
        }
        self.ping(&batches, self.options.patience);
        Ok(())
    }

    fn by_dns(&mut self) -> Result<(), DiscoverError> {
        let too_long = |this: &Self| {
            this.dns(crate::dns::DnsError::TooLong {
                name: this.domain.to_string(),
            })
        };
        let everywhere = srv::of_domain(self.domain).ok_or_else(|| too_long(self))?;
        let mut questions = vec![(everywhere.clone(), Kind::SRV)];
        let near = self.options.site.as_ref();
        questions.extend(
            near.and_then(|site| srv::of_site(self.domain, site))
                .map(|name| (name, Kind::SRV)),
        );
        let mut answers = self
            .resolver
            .lookup_all(&questions, self.deadline)
            .into_iter();
        let general = match answers.next() {
            Some(Ok(answer)) => answer,
            Some(Err(source)) => return Err(self.dns(source)),
            None => return Err(too_long(self)),
        };
        // Without those of the site, all others are there yet.
        let near = answers.next().and_then(Result::ok);
        let mut candidates = near.map_or_else(Vec::new, |near| self.candidates(&near, 0));
        candidates.extend(self.candidates(&general, 1));
        if candidates.is_empty() {
            return Err(self.no_records(&everywhere, &general));
        }
        self.ask(candidates, self.options.patience);
        self.nearer();
        Ok(())
    }

    /// Asks those of the site this machine is in, where none of them has answered.
    fn nearer(&mut self) {
        let Some(first) = self.found.first() else {
            return;
        };
        if self.found.iter().any(Found::is_near) || self.options.all {
            return;
        }
        let sites = [
            first.netlogon.client_site.clone(),
            first.netlogon.next_closest_site.clone(),
        ];
        // Others were known already, but not asked, as one that answered was enough.
        let asked = self.tried.iter().filter_map(|tried| tried.host.as_ref());
        let answered = self.found.iter().map(|found| &found.netlogon.host);
        self.seen = asked.chain(answered).cloned().collect();
        for site in sites.into_iter().flatten() {
            if self.options.site.as_ref() == Some(&site) {
                continue;
            }
            let Some(name) = srv::of_site(self.domain, &site) else {
                continue;
            };
            let deadline = self.deadline.at_most(NEARER);
            let Ok(answer) = self.resolver.lookup(&name, Kind::SRV, deadline) else {
                continue;
            };
            let before = self.found.len();
            let candidates = self.candidates(&answer, 0);
            self.ask(candidates, self.options.patience.min(NEARER));
            let is_there = |found: &Found| found.netlogon.site.as_ref() == Some(&site);
            if self.found[before..].iter().any(is_there) {
                return;
            }
        }
    }

    /// The hosts of an answer that were not seen before, in the order in which to use them.
    fn candidates(&mut self, answer: &Answer, rank: u32) -> Vec<Candidate> {
        let ordered = srv::order(services(&answer.records), srv::random);
        let mut candidates = Vec::new();
        for Service {
            host,
            port,
            priority,
            ..
        } in ordered
        {
            if !self.seen.insert(host.clone()) {
                continue;
            }
            let late = u32::from(self.options.avoid.contains(&host)) << 20;
            let name = Name::from(&host);
            let of_host = answer.additional.iter().filter(|r| r.name == name);
            candidates.push(Candidate {
                priority: late | rank << 16 | u32::from(priority),
                port: if port == 0 { self.options.port } else { port },
                hints: host_addresses(of_host),
                host,
            });
        }
        candidates
    }

    /// Asks candidates, so many at a time that names are looked up for.
    fn ask(&mut self, mut candidates: Vec<Candidate>, patience: Duration) {
        candidates.sort_by_key(|candidate| candidate.priority);
        let mut hinted = Vec::new();
        let mut windows = candidates.chunks(WINDOW);
        for window in windows.by_ref() {
            let batches = self.batches(window, true);
            hinted.extend(window.iter().filter(|c| !c.hints.is_empty()));
            if self.ping(&batches, patience) {
                break;
            }
        }
        for candidate in windows.flatten() {
            self.unasked.extend(&candidate.hints);
        }
        // What came with the service records may be out of date, or of one kind only.
        if self.found.is_empty() && !hinted.is_empty() {
            let again: Vec<Candidate> = hinted
                .into_iter()
                .map(|candidate| Candidate {
                    host: candidate.host.clone(),
                    port: candidate.port,
                    priority: candidate.priority,
                    hints: candidate.hints.clone(),
                })
                .take(WINDOW)
                .collect();
            let batches = self.batches(&again, false);
            self.ping(&batches, patience);
        }
    }

    /// The batches in which to ask `window`. With `hints`, addresses that came with the service
    /// records are taken; without, only others.
    fn batches(&mut self, window: &[Candidate], hints: bool) -> Vec<Vec<Target>> {
        let unknown: Vec<HostName> = window
            .iter()
            .filter(|candidate| !hints || candidate.hints.is_empty())
            .map(|candidate| candidate.host.clone())
            .collect();
        let mut resolved = self
            .resolver
            .addresses_of(&unknown, self.deadline)
            .into_iter();
        let mut batches: Vec<Vec<Target>> = Vec::new();
        let mut room = 0;
        let mut size = FIRST_BATCH;
        let mut priority = None;
        for candidate in window {
            let addresses = match hints && !candidate.hints.is_empty() {
                true => candidate.hints.clone(),
                false => {
                    let mut addresses = resolved.next().and_then(Result::ok).unwrap_or_default();
                    if addresses.is_empty() && hints {
                        self.no_address(&candidate.host);
                    }
                    addresses.retain(|address| !candidate.hints.contains(address));
                    addresses
                }
            };
            let host = Some(candidate.host.clone());
            let targets = targets(&host, &addresses, candidate.port);
            if targets.is_empty() {
                continue;
            }
            if room == 0 || priority != Some(candidate.priority) {
                room = size;
                size = (size * 2).min(LARGEST_BATCH);
                priority = Some(candidate.priority);
                batches.push(Vec::new());
            }
            room -= 1;
            if let Some(batch) = batches.last_mut() {
                batch.extend(targets);
            }
        }
        batches
    }

    /// Asks, and says whether one answered that will do.
    fn ping(&mut self, batches: &[Vec<Target>], patience: Duration) -> bool {
        let pace = Pace {
            delay: self.options.batch_delay,
            patience,
        };
        let before = self.found.len();
        let (found, tried) = (&mut self.found, &mut self.tried);
        let (domain, options) = (self.domain, self.options);
        let unasked = ping::ping(
            domain,
            batches,
            pace,
            self.deadline,
            |target, outcome| match judge(domain, options, outcome) {
                Ok((netlogon, round_trip)) => {
                    found.push(Found {
                        target: target.clone(),
                        netlogon,
                        round_trip,
                    });
                    match options.all {
                        true => ControlFlow::Continue(()),
                        false => ControlFlow::Break(()),
                    }
                }
                Err(failure) => {
                    tried.push(Tried {
                        host: target.host.clone(),
                        address: Some(target.address),
                        failure,
                    });
                    ControlFlow::Continue(())
                }
            },
        );
        self.unasked
            .extend(unasked.iter().map(|target| target.address));
        self.found.len() > before && !self.options.all
    }

    fn no_address(&mut self, host: &HostName) {
        self.tried.push(Tried {
            host: Some(host.clone()),
            address: None,
            failure: Failure::NoAddress,
        });
    }

    fn choose(mut self) -> Result<Discovery, DiscoverError> {
        let avoid = &self.options.avoid;
        // Stable: among equals, the first to answer.
        self.found.sort_by_key(|found| {
            let avoided = avoid.contains(&found.netlogon.host);
            (avoided, !found.is_near())
        });
        let Some(first) = self.found.first() else {
            return Err(self.nothing());
        };
        let netlogon = &first.netlogon;
        let domain = Domain {
            name: netlogon.domain.clone(),
            realm: Realm::from(&netlogon.domain),
            netbios: netlogon.netbios_domain.clone(),
            guid: netlogon.guid,
            forest: netlogon.forest.clone(),
        };
        let client_site = netlogon.client_site.clone();
        let mut controllers: Vec<DomainController> = Vec::new();
        for found in &self.found {
            let host = &found.netlogon.host;
            let address = found.target.address;
            match controllers.iter_mut().find(|known| known.host == *host) {
                Some(known) if !known.addresses.contains(&address) => known.addresses.push(address),
                Some(_) => {}
                None => controllers.push(DomainController {
                    host: host.clone(),
                    netbios: found.netlogon.netbios_name.clone(),
                    address,
                    addresses: vec![address],
                    site: found.netlogon.site.clone(),
                    flags: found.netlogon.flags,
                    round_trip: found.round_trip,
                }),
            }
        }
        let controller = controllers.remove(0);
        self.unasked
            .retain(|address| *address != controller.address);
        self.unasked.sort_unstable();
        self.unasked.dedup();
        tracing::debug!(domain = %domain.name, controller = %controller.host, "found");
        Ok(Discovery {
            domain,
            controller,
            others: controllers,
            client_site,
            passed_over: self.tried,
            unasked: self.unasked,
        })
    }

    fn dns(&self, source: crate::dns::DnsError) -> DiscoverError {
        DiscoverError::Dns {
            domain: self.domain.clone(),
            source,
        }
    }

    /// Why there are no service records.
    fn no_records(&self, record: &Name, answer: &Answer) -> DiscoverError {
        let name = Name::from(self.domain);
        let servers = vec![answer.server];
        match self.resolver.lookup(&name, Kind::SOA, self.deadline) {
            Err(source) => self.dns(source),
            Ok(answer) if answer.exists => DiscoverError::NoServiceRecords {
                domain: self.domain.clone(),
                record: format!("SRV {record}"),
                servers,
            },
            Ok(_) => DiscoverError::UnknownDomain {
                domain: self.domain.clone(),
                servers,
            },
        }
    }

    /// Why no controller is of use.
    fn nothing(self) -> DiscoverError {
        let domain = self.domain.clone();
        let tried = self.tried;
        let any = |wanted: fn(&Failure) -> bool| tried.iter().any(|t| wanted(&t.failure));
        if any(|failure| matches!(failure, Failure::ReadOnly)) {
            DiscoverError::NoWritable { domain, tried }
        } else if any(|failure| matches!(failure, Failure::OtherDomain(_))) {
            DiscoverError::OtherDomain { domain, tried }
        } else if !tried.is_empty() && !any(|failure| !matches!(failure, Failure::NoAddress)) {
            DiscoverError::NoAddress { domain, tried }
        } else {
            DiscoverError::NoController { domain, tried }
        }
    }
}

impl Found {
    fn is_near(&self) -> bool {
        let netlogon = &self.netlogon;
        netlogon.flags.has(Flags::CLOSEST)
            || (netlogon.site.is_some() && netlogon.site == netlogon.client_site)
    }
}

/// Whether an answer will do.
fn judge(domain: &DomainName, options: &Options, outcome: Outcome) -> Outcome {
    let (netlogon, round_trip) = outcome?;
    if netlogon.domain != *domain {
        return Err(Failure::OtherDomain(Some(netlogon.domain)));
    }
    let needed = Flags::LDAP | Flags::DIRECTORY | Flags::KDC;
    if !netlogon.flags.has(needed) || netlogon.flags.has(Flags::APPLICATION) {
        return Err(Failure::Incomplete);
    }
    if options.writable && !netlogon.flags.is_writable() {
        return Err(Failure::ReadOnly);
    }
    Ok((netlogon, round_trip))
}

fn targets(host: &Option<HostName>, addresses: &[IpAddr], port: u16) -> Vec<Target> {
    addresses
        .iter()
        // Addresses that lead nowhere, or to whom nobody meant.
        .filter(|address| !address.is_unspecified() && !address.is_multicast())
        .map(|address| Target {
            host: host.clone(),
            address: *address,
            port,
        })
        .collect()
}
