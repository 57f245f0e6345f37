//! Asks nodes again and again, and says what changed.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;
use smbgw_core::host::Host;

use crate::node::Member;
use crate::on_each::on_each;
use crate::status::assemble::{Part, assemble, note_interfaces};
use crate::status::source::{Seen, Source};
use crate::status::{ClusterStatus, StatusError, findings, interfaces};

/// How a cluster stands, asked as often as one likes: connections stay open, and a healthy cluster costs no
/// process.
#[derive(Debug)]
pub struct Watch<'a> {
    sources: Vec<Source<'a>>,
    last: Option<ClusterStatus>,
}

/// How the cluster of `members` stands, of which all are asked at once.
///
/// The view is that of the one that hears most nodes, the first of them where there are more. It takes up to a
/// second, as often as leaders announce themselves.
///
/// # Errors
/// [`StatusError::Nobody`] where none of them answers.
pub fn read(members: &[Member<'_>], deadline: Deadline) -> Result<ClusterStatus, StatusError> {
    Watch::of_members(members).read(deadline)
}

/// How the cluster of `host` stands, as its own ctdbd sees it.
///
/// Scripts, versions and interfaces are those of `host` alone.
///
/// # Errors
/// Where its ctdbd does not run or does not answer.
pub fn read_one(host: &dyn Host, deadline: Deadline) -> Result<ClusterStatus, StatusError> {
    Watch::of_host(host).read(deadline)
}

impl<'a> Watch<'a> {
    /// Watches by all of `members`.
    pub fn of_members(members: &[Member<'a>]) -> Self {
        let source = |member: &Member<'a>| Source::new(Some(member.spec), member.host);
        Self {
            sources: members.iter().map(source).collect(),
            last: None,
        }
    }

    /// Watches by one node alone.
    pub fn of_host(host: &'a dyn Host) -> Self {
        Self {
            sources: vec![Source::new(None, host)],
            last: None,
        }
    }

    /// How the cluster stands now.
    ///
    /// # Errors
    /// As [`read`] and [`read_one`].
    pub fn read(&mut self, deadline: Deadline) -> Result<ClusterStatus, StatusError> {
        let mut parts = Vec::new();
        let mut unseen = Vec::new();
        for (source, answer) in look(&mut self.sources, deadline) {
            match answer {
                Ok(seen) => parts.push(Part { source, seen }),
                Err(error) => unseen.push((source, error)),
            }
        }
        let Some(mut status) = assemble(parts, deadline) else {
            return Err(nobody(unseen));
        };
        for (source, error) in unseen {
            let node = status.nodes.iter_mut();
            let Some(spec) = source.spec else { continue };
            let Some(node) = node.into_iter().find(|node| node.address == spec.address) else {
                continue;
            };
            node.name = Some(spec.name.clone());
            node.unseen = Some(chain_text(&error));
            let number = node.number;
            // Its ctdbd may have died and left addresses behind.
            if let Ok(has) = interfaces::addresses(source.host) {
                note_interfaces(&mut status.addresses, number, &has);
            }
        }
        status.findings = findings::of(&status);
        Ok(status)
    }

    /// Waits until the cluster [stands otherwise](ClusterStatus::differs_from) than the last time, which is
    /// looked for every `interval`; the first time it comes back at once. None where nothing became different
    /// until the deadline.
    ///
    /// # Errors
    /// As [`read`] and [`read_one`]. What was seen last is remembered all the same.
    pub fn next(
        &mut self,
        interval: Duration,
        deadline: Deadline,
    ) -> Result<Option<ClusterStatus>, StatusError> {
        loop {
            let status = self.read(deadline)?;
            let last = self.last.as_ref();
            if last.is_none_or(|last| status.differs_from(last)) {
                self.last = Some(status.clone());
                return Ok(Some(status));
            }
            thread::sleep(deadline.remaining().min(interval));
            if deadline.has_passed() {
                return Ok(None);
            }
        }
    }
}

/// Asks all at once, so that one that hangs keeps nobody from being asked.
fn look<'s, 'a>(
    sources: &'s mut [Source<'a>],
    deadline: Deadline,
) -> Vec<(&'s mut Source<'a>, Result<Seen, StatusError>)> {
    let answers = on_each(&mut *sources, |_, source| source.look(deadline));
    sources.iter_mut().zip(answers).collect()
}

fn nobody(unseen: Vec<(&mut Source<'_>, StatusError)>) -> StatusError {
    let mut each = BTreeMap::new();
    let mut last = None;
    for (source, error) in unseen {
        match source.spec {
            Some(spec) => drop(each.insert(spec.name.clone(), error)),
            None => last = Some(error),
        }
    }
    let each = each
        .into_iter()
        .map(|(name, error)| (name.to_string(), error));
    last.unwrap_or_else(|| StatusError::Nobody {
        each: each.collect(),
    })
}
