//! Making a cluster, and changing which nodes it has.

use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::progress::{Progress, Silent};
use smbgw_ctdb::adopt::{accept, adopt};
use smbgw_ctdb::cluster_error::ClusterError;
use smbgw_ctdb::draft::{AdoptDraft, SetupDraft};
use smbgw_ctdb::members::{Members, open_cluster};
use smbgw_ctdb::node::{Member, NodeName};
use smbgw_ctdb::ready::check;
use smbgw_ctdb::settled;
use smbgw_ctdb::world::Cluster;

use super::place::at;
use crate::args::Common;
use crate::args::ha::Place;
use crate::args::ha_change::{Adopt, Recover, Setup};
use crate::ask;
use crate::exit::Exit;
use crate::output::Output;
use crate::progress::Display;

/// Makes a cluster, or checks whether that would work.
pub(in crate::commands) fn set_up(common: &Common, output: &Output, asked: Setup) -> Exit {
    let draft = SetupDraft {
        name: asked.name,
        nodes: asked.machines.nodes,
        reach: asked.machines.reach,
        shared: asked.shared,
        lock: asked.lock,
        addresses: asked.addresses,
        pools: asked.pools,
        dhcp_ranges: asked.dhcp_ranges,
        failover_within: asked.failover_within,
        tunables: asked.tunables,
        leader_timeout_seconds: asked.leader_timeout,
        script_options: asked.script_options,
        no_samba: asked.no_samba,
        winbind: asked.winbind,
        keep_databases: asked.keep_databases,
    };
    let request = match draft.check() {
        Ok(request) => request,
        Err(problems) => return output.cluster_error(&ClusterError::Refused(problems)),
    };
    at(common, output, &asked.place, |host| {
        let members = Members::open(&request.nodes);
        let members = match members.all() {
            Ok(members) => members,
            Err(error) => return output.failed(&error),
        };
        let deadline = Deadline::after(common.timeout());
        let checked = match check(&request, &members, deadline) {
            Ok(checked) if asked.check => return output.cluster_checked(&checked),
            Ok(checked) => checked,
            Err(error) => return output.cluster_error(&error),
        };
        on(common, host, &members, &[], |cluster| {
            match checked.set_up(cluster) {
                Ok(outcome) => output.cluster_changed(&outcome),
                Err(error) => output.cluster_error(&error),
            }
        })
    })
}

/// Takes over a cluster, once somebody has agreed to what would be written.
pub(in crate::commands) fn take_over(common: &Common, output: &Output, asked: Adopt) -> Exit {
    let draft = AdoptDraft {
        nodes: asked.machines.nodes,
        reach: asked.machines.reach,
        name: asked.name,
        shared: asked.shared,
        pools: asked.pools,
        dhcp_ranges: asked.dhcp_ranges,
    };
    let (request, nodes) = match draft.check() {
        Ok(wanted) => wanted,
        Err(problems) => return output.cluster_error(&ClusterError::Refused(problems)),
    };
    at(common, output, &asked.place, |host| {
        let members = Members::open(&nodes);
        let members = match members.all() {
            Ok(members) => members,
            Err(error) => return output.failed(&error),
        };
        let adoption = adopt(&request, &members, Deadline::after(common.timeout()));
        if adoption.record.is_none() {
            return output.cluster_error(&ClusterError::Refused(adoption.problems));
        }
        if !asked.yes {
            let shown = output.adoption(&adoption);
            // Programs look first, and come again.
            let agreed = match common.json {
                true => None,
                false => ask::consent("This remembers the cluster on all of its nodes.").ok(),
            };
            if agreed.flatten() != Some(true) {
                return shown;
            }
        }
        on(common, host, &members, &[], |cluster| {
            match accept(cluster, &adoption) {
                Ok(outcome) => output.cluster_changed(&outcome),
                Err(error) => output.cluster_error(&error),
            }
        })
    })
}

/// Finishes or undoes what was interrupted.
pub(in crate::commands) fn settle(common: &Common, output: &Output, asked: &Recover) -> Exit {
    at(common, output, &asked.place, |host| {
        let progress = progress(common);
        let deadline = Deadline::after(common.timeout());
        match settled::settle(host, &asked.given_up, progress.as_ref(), deadline) {
            Ok(settled) => output.cluster_recovered(&settled),
            Err(error) => output.drill_error(&error),
        }
    })
}

/// Has `call` work on the cluster of the machine that `place` says, on all of its nodes that are reached.
pub(super) fn on_cluster(
    common: &Common,
    output: &Output,
    place: &Place,
    call: impl FnOnce(&Cluster<'_>) -> Exit,
) -> Exit {
    at(common, output, place, |host| match open_cluster(host) {
        Ok((_, members)) => on(common, host, &members.reached(), &[], call),
        Err(error) => output.failed(&error),
    })
}

/// Puts together what operations on a cluster work with.
pub(super) fn on(
    common: &Common,
    coordinator: &dyn Host,
    members: &[Member<'_>],
    given_up: &[NodeName],
    call: impl FnOnce(&Cluster<'_>) -> Exit,
) -> Exit {
    let progress = progress(common);
    call(&Cluster {
        coordinator,
        members,
        given_up,
        progress: progress.as_ref(),
        deadline: Deadline::after(common.timeout()),
    })
}

/// Who is told what happens: a person, and no program.
fn progress(common: &Common) -> Box<dyn Progress> {
    match common.json {
        true => Box::new(Silent),
        false => Box::new(Display::new()),
    }
}
