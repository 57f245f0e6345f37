//! Asking for addresses on the network that this thread is on.

mod adapters;
mod wire;

use std::net::{IpAddr, Ipv6Addr};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use smbgw_core::deadline::Deadline;

use super::{Mac, Pace, Probed, Sighting, Verdict, frame};
use crate::address::{InterfaceName, VirtualAddress};
use adapters::{Adapter, Adapters};
use wire::Wire;

/// Asks for all of them at once, and tells what came of each, in their order.
pub(super) fn probe(addresses: &[VirtualAddress], pace: Pace, deadline: Deadline) -> Vec<Probed> {
    let adapters = match Adapters::read() {
        Ok(adapters) => adapters,
        Err(why) => return all_unknown(addresses, &why),
    };
    let mut round = Round::of(&adapters);
    for address in addresses {
        round.add(address);
    }
    round.ask(pace, deadline);
    round.look_again();
    round.probed
}

/// The same answer to all: it could not be found out.
pub(super) fn all_unknown(addresses: &[VirtualAddress], why: &str) -> Vec<Probed> {
    let unknown = |address: &VirtualAddress| Probed {
        address: address.address(),
        interface: address.interface().cloned(),
        here: false,
        verdict: Verdict::unknown(why),
    };
    addresses.iter().map(unknown).collect()
}

/// Addresses that are asked for together.
struct Round<'a> {
    adapters: &'a Adapters,
    probed: Vec<Probed>,
    lines: Vec<Line>,
}

/// An adapter for one family, with the addresses that are asked for there.
struct Line {
    name: InterfaceName,
    mac: Mac,
    of_the_link: Option<Ipv6Addr>,
    wire: Wire,
    is_v4: bool,
    /// Places in the list of addresses.
    targets: Vec<usize>,
    broken: Option<String>,
}

impl<'a> Round<'a> {
    fn of(adapters: &'a Adapters) -> Self {
        Self {
            adapters,
            probed: Vec::new(),
            lines: Vec::new(),
        }
    }

    fn add(&mut self, address: &VirtualAddress) {
        let at = self.probed.len();
        let of = address.address();
        let chosen = self.adapters.choose(address);
        let name = chosen.as_ref().ok().map(|adapter| adapter.name.clone());
        let joined = chosen.and_then(|adapter| {
            let line = self.line(adapter, of)?;
            line.targets.push(at);
            line.wire.join(of).map_err(|error| {
                format!(
                    "nothing can be heard of its group on {}: {error}",
                    line.name
                )
            })
        });
        self.probed.push(Probed {
            address: of,
            interface: name.or_else(|| address.interface().cloned()),
            here: self.adapters.have(of),
            verdict: joined.map_or_else(Verdict::unknown, |()| Verdict::Free),
        });
    }

    /// The line for an address, opened by the first one that needs it.
    fn line(&mut self, adapter: &Adapter, like: IpAddr) -> Result<&mut Line, String> {
        let is_it = |line: &Line| line.name == adapter.name && line.is_v4 == like.is_ipv4();
        if like.is_ipv6() && adapter.is_without_v6() {
            return Err(format!("{} is without IPv6", adapter.name));
        }
        let at = match self.lines.iter().position(is_it) {
            Some(at) => at,
            None => {
                let wire = Wire::open(adapter, like).map_err(|error| {
                    format!("nothing can be heard on {}: {error}", adapter.name)
                })?;
                self.lines.push(Line {
                    name: adapter.name.clone(),
                    mac: adapter.mac(),
                    of_the_link: adapter.of_the_link(),
                    wire,
                    is_v4: like.is_ipv4(),
                    targets: Vec::new(),
                    broken: None,
                });
                self.lines.len() - 1
            }
        };
        Ok(&mut self.lines[at])
    }

    fn ask(&mut self, pace: Pace, deadline: Deadline) {
        if self.lines.is_empty() {
            return;
        }
        let waits = pace.waits();
        let mut is_heard = self.listen(random(Duration::ZERO, waits.first), deadline);
        for number in 1..=waits.probes {
            self.send(pace);
            let wait = match number == waits.probes {
                true => waits.last,
                false => random(waits.shortest, waits.longest),
            };
            is_heard = is_heard && self.listen(wait, deadline);
        }
        if !is_heard {
            self.doubt("there was no time to wait for an answer");
        }
    }

    fn send(&mut self, pace: Pace) {
        for line in self.lines.iter_mut().filter(|line| line.broken.is_none()) {
            let own = line.of_the_link.filter(|_| pace == Pace::Quick);
            for at in &line.targets {
                let probe = frame::probe(self.probed[*at].address, line.mac, own);
                if let Err(error) = line.wire.send(&probe) {
                    line.broken = Some(format!("nothing can be said on {}: {error}", line.name));
                }
            }
        }
    }

    /// Listens for so long, and says whether there was time to.
    fn listen(&mut self, wait: Duration, deadline: Deadline) -> bool {
        let end = Instant::now() + wait;
        loop {
            self.hear();
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            if deadline.has_passed() {
                return false;
            }
            self.wait(left.min(deadline.remaining()));
        }
    }

    /// Waits until something is heard, or for so long.
    fn wait(&mut self, wait: Duration) {
        let heard = self.lines.iter().filter(|line| line.broken.is_none());
        let mut wires: Vec<_> = heard
            .map(|line| PollFd::new(std::os::fd::AsFd::as_fd(&line.wire), PollFlags::POLLIN))
            .collect();
        // Rounded up, so that it never waits for nothing.
        let milliseconds = wait.as_micros().div_ceil(1000).min(60_000) as u16;
        match poll(&mut wires, PollTimeout::from(milliseconds)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => thread::sleep(wait.min(Duration::from_millis(10))),
        }
    }

    fn hear(&mut self) {
        for line in self.lines.iter_mut().filter(|line| line.broken.is_none()) {
            let heard = match line.wire.hear() {
                Ok(heard) => heard,
                Err(error) => {
                    line.broken = Some(format!("nothing can be heard on {}: {error}", line.name));
                    continue;
                }
            };
            // An adapter may hear this machine itself, by another one on the same link.
            for one in heard.iter().filter(|one| !self.adapters.are(one.mac)) {
                let mut targets = line.targets.iter();
                if let Some(at) = targets.find(|at| self.probed[**at].address == one.about) {
                    let (mac, sign) = (one.mac, one.sign);
                    note(&mut self.probed[*at].verdict, Sighting { mac, sign });
                }
            }
        }
        for line in &self.lines {
            if let Some(why) = &line.broken {
                doubt(&mut self.probed, &line.targets, why);
            }
        }
    }

    /// Silence means nothing where the link was lost meanwhile.
    fn look_again(&mut self) {
        let now = Adapters::read();
        for line in &self.lines {
            for at in &line.targets {
                let probed = &self.probed[*at];
                let why = match &now {
                    Err(why) => why.clone(),
                    Ok(now) => match now.usable(&line.name) {
                        Ok(()) => continue,
                        Err(why) => why,
                    },
                };
                if probed.verdict == Verdict::Free {
                    self.probed[*at].verdict = Verdict::unknown(why);
                }
            }
        }
    }

    fn doubt(&mut self, why: &str) {
        for line in &self.lines {
            doubt(&mut self.probed, &line.targets, why);
        }
    }
}

/// Has silence about these mean nothing.
fn doubt(probed: &mut [Probed], targets: &[usize], why: &str) {
    for at in targets {
        let verdict = &mut probed[*at].verdict;
        if *verdict == Verdict::Free {
            *verdict = Verdict::unknown(why);
        }
    }
}

/// The most who are remembered for one address.
const MOST_HOLDERS: usize = 16;

fn note(verdict: &mut Verdict, seen: Sighting) {
    match verdict {
        Verdict::Held { by } => {
            if let Some(known) = by.iter_mut().find(|known| known.mac == seen.mac) {
                known.sign = known.sign.max(seen.sign);
            } else if by.len() < MOST_HOLDERS {
                by.push(seen);
            }
        }
        _ => *verdict = Verdict::Held { by: vec![seen] },
    }
}

/// A time between two, each as likely as the other.
fn random(shortest: Duration, longest: Duration) -> Duration {
    let mut bytes = [0; 4];
    // Without chance the probes of several machines may meet, which the next ones do not.
    let _ = getrandom::fill(&mut bytes);
    let part = f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX);
    shortest + longest.saturating_sub(shortest).mul_f64(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_and_then_speaks_is_one() {
        let mac = |last| Mac([2, 0, 0, 0, 0, last]);
        let seen = |last, sign| Sighting {
            mac: mac(last),
            sign,
        };
        use super::super::Sign::{Asks, Speaks};
        let mut verdict = Verdict::unknown("not asked so far");
        for one in [seen(1, Asks), seen(2, Asks), seen(1, Speaks), seen(1, Asks)] {
            note(&mut verdict, one);
        }
        let by = vec![seen(1, Speaks), seen(2, Asks)];
        assert_eq!(verdict, Verdict::Held { by });
        for last in 0..=255 {
            note(&mut verdict, seen(last, Asks));
        }
        let Verdict::Held { by } = verdict else {
            panic!("{verdict:?}");
        };
        assert_eq!(by.len(), MOST_HOLDERS);
    }

    #[test]
    fn chance_stays_between_its_ends() {
        let (shortest, longest) = (Duration::from_millis(100), Duration::from_millis(200));
        let times: Vec<_> = (0..100).map(|_| random(shortest, longest)).collect();
        assert!(times.iter().all(|time| (shortest..=longest).contains(time)));
        assert!(times.iter().any(|time| *time != times[0]));
    }

    #[test]
    fn what_cannot_be_asked_is_not_free() {
        let addresses = ["10.9.0.7/24%lo", "10.9.0.7/24%not-there", "fd01::7/64"];
        let addresses = addresses.map(|text| text.parse().unwrap());
        let probed = probe(
            &addresses,
            Pace::Quick,
            Deadline::after(Duration::from_secs(60)),
        );
        for (one, reason) in probed
            .iter()
            .zip(["no Ethernet", "there is no", "no interface"])
        {
            let Verdict::Unknown { why } = &one.verdict else {
                panic!("{one:?}");
            };
            assert!(why.contains(reason), "{why}");
        }
    }
}
