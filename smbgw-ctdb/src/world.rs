//! The nodes of a cluster that an operation changes, put together from their parts.

use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Host, Lock, LockError};
use smbgw_core::progress::Progress;
use smbgw_core::transaction::World;

use crate::cluster_error::ClusterError;
use crate::ctl::Ctl;
use crate::node::{Member, NodeName};
use crate::service::Services;

/// What operations on a cluster work with, and the time they have.
#[derive(Clone, Copy)]
pub struct Cluster<'a> {
    /// The machine that the operation is run on, where its journal is. It may be a node.
    pub coordinator: &'a dyn Host,
    /// The nodes that are reached.
    pub members: &'a [Member<'a>],
    /// Nodes that are lost for good: nothing is undone there, and nobody waits for them.
    pub given_up: &'a [NodeName],
    /// Who is told what happens.
    pub progress: &'a dyn Progress,
    /// When all of it has to be over.
    pub deadline: Deadline,
}

impl<'a> Cluster<'a> {
    /// The node of that name.
    ///
    /// # Errors
    /// [`ClusterError::Unreached`] where it is not among those that are reached.
    pub fn member(&self, name: &NodeName) -> Result<&'a Member<'a>, ClusterError> {
        let mut members = self.members.iter();
        let found = members.find(|member| member.spec.name == *name);
        found.ok_or_else(|| ClusterError::Unreached { node: name.clone() })
    }

    /// Whether the node of that name is lost for good.
    pub fn is_given_up(&self, name: &NodeName) -> bool {
        self.given_up.contains(name)
    }

    /// `ctdb` on a node.
    ///
    /// # Errors
    /// Where the node is not reached.
    pub fn ctl(&self, name: &NodeName) -> Result<Ctl<'a>, ClusterError> {
        Ok(Ctl::new(self.member(name)?.host, self.deadline))
    }

    /// The services of a node.
    pub(crate) fn services(&self, name: &NodeName) -> Result<Services<'a>, ClusterError> {
        Ok(Services::new(self.member(name)?.host, self.deadline))
    }

    /// Takes the locks that an operation on the cluster holds from beginning to end: one on this machine,
    /// and one on every node that is reached, so that nobody works on the cluster from another one.
    ///
    /// # Errors
    /// Where another operation holds one for too long.
    pub fn lock(&self, purpose: &str) -> Result<Vec<Lock>, LockError> {
        let own = self.coordinator;
        let mut locks = vec![own.lock("cluster-coordinator", purpose, self.deadline)?];
        let mut members: Vec<_> = self.members.iter().collect();
        // Everybody takes them in the same order, so nobody waits for somebody who waits for them.
        members.sort_by_key(|member| member.spec.address);
        for member in members {
            locks.push(member.host.lock("cluster", purpose, self.deadline)?);
        }
        Ok(locks)
    }
}

impl World for Cluster<'_> {
    fn host(&self) -> &dyn Host {
        self.coordinator
    }

    fn progress(&self) -> &dyn Progress {
        self.progress
    }

    fn for_undo(&self) -> Self {
        Self {
            deadline: Deadline::after(TIME_TO_UNDO),
            ..*self
        }
    }

    fn lock_journals(&self) -> Result<Lock, LockError> {
        // The locks of the cluster are held by whoever carries out a plan; there is one journal only.
        self.coordinator
            .lock("cluster-journal", "removing the journal", self.deadline)
    }
}

/// How long undoing may take: ctdbd takes its time to end, on every node.
const TIME_TO_UNDO: Duration = Duration::from_secs(300);
