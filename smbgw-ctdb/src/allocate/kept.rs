//! What is kept for whom, as more than half of the nodes remember it.

use std::net::IpAddr;

use smbgw_core::host::Host;

use super::AllocateError;
use crate::record::{ClusterRecord, Reservation};
use crate::world::Cluster;

/// The records of the nodes that are reached. The caller holds their locks.
pub(super) struct Kept<'a> {
    nodes: Vec<(&'a dyn Host, ClusterRecord)>,
    /// The place of the newest one.
    newest: usize,
}

impl<'a> Kept<'a> {
    /// Reads them.
    pub(super) fn load(cluster: &Cluster<'a>) -> Result<Self, AllocateError> {
        let mut nodes = Vec::new();
        for member in cluster.members {
            if let Some(record) = ClusterRecord::load(member.host)? {
                nodes.push((member.host, record));
            }
        }
        let newest = (0..nodes.len()).max_by_key(|at| {
            let (_, record): &(_, ClusterRecord) = &nodes[*at];
            // The first of those that are equal.
            (record.reservations_revision, std::cmp::Reverse(*at))
        });
        let newest = newest.ok_or(AllocateError::NoCluster)?;
        let (reached, all) = (nodes.len(), nodes[newest].1.present().count());
        if reached * 2 <= all {
            return Err(AllocateError::TooFew { reached, all });
        }
        Ok(Self { nodes, newest })
    }

    /// The newest one.
    pub(super) fn record(&self) -> &ClusterRecord {
        &self.nodes[self.newest].1
    }

    /// What is kept for `holder`.
    pub(super) fn of(&self, holder: &str) -> Option<IpAddr> {
        let mut kept = self.record().reservations.iter();
        let found = kept.find(|one| one.holder == holder);
        found.map(|one| one.address)
    }

    /// Keeps an address, on all nodes.
    pub(super) fn add(
        &mut self,
        address: IpAddr,
        holder: &str,
        since: i64,
    ) -> Result<(), AllocateError> {
        let holder = holder.to_owned();
        self.change(|kept| {
            kept.push(Reservation {
                address,
                holder,
                since,
                served: false,
            });
        })
    }

    /// Keeps nothing for `holder` any more, on all nodes.
    pub(super) fn remove(&mut self, holder: &str) -> Result<(), AllocateError> {
        self.change(|kept| kept.retain(|one| one.holder != holder))
    }

    fn change(&mut self, change: impl FnOnce(&mut Vec<Reservation>)) -> Result<(), AllocateError> {
        let newest = &mut self.nodes[self.newest].1;
        let before = (newest.reservations.clone(), newest.reservations_revision);
        change(&mut newest.reservations);
        newest.reservations_revision += 1;
        let failed = match self.store() {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        // Newer than what was written, where it was.
        let newest = &mut self.nodes[self.newest].1;
        newest.reservations = before.0;
        newest.reservations_revision = before.1 + 2;
        match self.store() {
            Ok(()) => Err(failed),
            Err(error) => Err(AllocateError::LeftBehind {
                cause: Box::new(failed),
                why: error.to_string(),
            }),
        }
    }

    /// Has all nodes remember what the newest record says, the rest of theirs as it is.
    pub(super) fn store(&mut self) -> Result<(), AllocateError> {
        let newest = self.record();
        let (kept, revision) = (newest.reservations.clone(), newest.reservations_revision);
        let mut failed = None;
        for (host, record) in &mut self.nodes {
            record.reservations.clone_from(&kept);
            record.reservations_revision = revision;
            // The others are written all the same: the more of them know, the better.
            if let Err(error) = record.store(*host) {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}
