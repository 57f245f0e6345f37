//! Asks controllers who they are, several at once, the next ones a moment later.

use std::io::ErrorKind as Io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use smbgw_core::deadline::Deadline;

use super::cldap::{self, Answer};
use super::error::Failure;
use super::netlogon::{Netlogon, Reply};
use crate::dns::{datagrams_to, wait_for};
use crate::name::{DomainName, HostName};

/// A controller to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: Option<HostName>,
    pub(super) address: IpAddr,
    pub(super) port: u16,
}

/// What a controller said, and how long it took.
pub(super) type Outcome = Result<(Box<Netlogon>, Duration), Failure>;

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Until the next batch is asked.
    pub(super) delay: Duration,
    /// For answers, once all have been asked.
    pub(super) patience: Duration,
}

/// A question is sent again after this, as datagrams get lost.
const AGAIN: Duration = Duration::from_millis(800);

struct Pending<'a> {
    target: &'a Target,
    socket: UdpSocket,
    id: u32,
    sent: Instant,
}

/// Asks all `batches`, one after the other, and tells `said` of each outcome until it breaks. Returns
/// the targets that were not asked, or have not answered yet; after the end of patience, those
/// asked are told as silent instead.
pub(super) fn ping<'a>(
    domain: &DomainName,
    batches: &'a [Vec<Target>],
    pace: Pace,
    deadline: Deadline,
    mut said: impl FnMut(&'a Target, Outcome) -> ControlFlow<()>,
) -> Vec<&'a Target> {
    let mut waiting = batches.iter();
    let mut pending: Vec<Pending<'a>> = Vec::new();
    let mut next_batch = Instant::now();
    let mut all_asked = false;
    loop {
        let now = Instant::now();
        if !all_asked && (pending.is_empty() || now >= next_batch) {
            match waiting.next() {
                Some(batch) => {
                    next_batch = now + pace.delay;
                    for target in batch {
                        match send_first(domain, target) {
                            Ok(sent) => pending.push(sent),
                            Err(error) => {
                                if said(target, Err(of_network(&error))).is_break() {
                                    return rest(pending, waiting, batch, target);
                                }
                            }
                        }
                    }
                    continue;
                }
                None => {
                    all_asked = true;
                    next_batch = now + pace.patience;
                }
            }
        }
        let over = all_asked && (pending.is_empty() || now >= next_batch);
        if over || deadline.has_passed() {
            for left in pending {
                if said(left.target, Err(Failure::Silent)).is_break() {
                    break;
                }
            }
            return waiting.flatten().collect();
        }
        for waits in &mut pending {
            if now.duration_since(waits.sent) >= AGAIN {
                waits.sent = now;
                // Where that fails, receiving tells why.
                let _ = waits.socket.send(&cldap::question(waits.id, domain));
            }
        }
        let wake = pending
            .iter()
            .map(|waits| waits.sent + AGAIN)
            .min()
            .map_or(next_batch, |again| again.min(next_batch));
        let wait = wake
            .saturating_duration_since(now)
            .min(deadline.remaining());
        let mut fds: Vec<PollFd<'_>> = pending
            .iter()
            .map(|waits| PollFd::new(&waits.socket, PollFlags::IN))
            .collect();
        if wait_for(&mut fds, wait).is_err() {
            return rest(pending, waiting, &[], &NOBODY);
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        // From the end, so that places stay what they are.
        for at in (0..ready.len()).filter(|at| ready[*at]).rev() {
            if let Some(outcome) = receive(&pending[at]) {
                let done = pending.remove(at);
                if said(done.target, outcome).is_break() {
                    return rest(pending, waiting, &[], &NOBODY);
                }
            }
        }
    }
}

static NOBODY: Target = Target {
    host: None,
    address: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
    port: 0,
};

/// Who has not answered, what follows `after` in `batch`, and all batches not begun.
fn rest<'a>(
    pending: Vec<Pending<'a>>,
    waiting: std::slice::Iter<'a, Vec<Target>>,
    batch: &'a [Target],
    after: &Target,
) -> Vec<&'a Target> {
    let here = batch
        .iter()
        .skip_while(|target| !std::ptr::eq(*target, after))
        .skip(1);
    let pending = pending.into_iter().map(|waits| waits.target);
    pending.chain(here).chain(waiting.flatten()).collect()
}

fn send_first<'a>(domain: &DomainName, target: &'a Target) -> std::io::Result<Pending<'a>> {
    let mut id = [0; 4];
    getrandom::fill(&mut id).map_err(|_| Io::Unsupported)?;
    // An LDAP number is positive.
    let id = (u32::from_ne_bytes(id) & 0x7fff_ffff).max(1);
    let socket = datagrams_to(SocketAddr::new(target.address, target.port))?;
    let sent = Instant::now();
    socket.send(&cldap::question(id, domain))?;
    Ok(Pending {
        target,
        socket,
        id,
        sent,
    })
}

/// What came for a question; none where nothing of use did.
fn receive(waits: &Pending<'_>) -> Option<Outcome> {
    let mut buffer = vec![0; 65535];
    loop {
        let count = match waits.socket.recv(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == Io::WouldBlock => return None,
            Err(error) if error.kind() == Io::Interrupted => continue,
            Err(error) => return Some(Err(of_network(&error))),
        };
        let answer = match cldap::decode(waits.id, &buffer[..count]) {
            Ok(Some(answer)) => answer,
            Ok(None) => continue,
            Err(error) => return Some(Err(Failure::Garbled(error.to_string()))),
        };
        return Some(match answer {
            Answer::Reply(Reply::Controller(netlogon)) => Ok((netlogon, waits.sent.elapsed())),
            Answer::Reply(Reply::Paused) => Err(Failure::Paused),
            Answer::OtherDomain => Err(Failure::OtherDomain(None)),
            Answer::Refused(code) => Err(Failure::Refused(code)),
        });
    }
}

fn of_network(error: &std::io::Error) -> Failure {
    Failure::Network(match error.kind() {
        Io::ConnectionRefused => "nothing listens there".into(),
        Io::HostUnreachable => "no such host in its network".into(),
        Io::NetworkUnreachable => "no way to its network".into(),
        _ => error.to_string(),
    })
}
