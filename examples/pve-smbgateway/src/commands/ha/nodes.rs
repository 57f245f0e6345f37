//! Which nodes the cluster has.

use smbgw_core::deadline::Deadline;
use smbgw_ctdb::cluster_error::ClusterError;
use smbgw_ctdb::draft::NodeDraft;
use smbgw_ctdb::members::{Members, open_cluster};
use smbgw_ctdb::membership::{add_node, remove_node};
use smbgw_ctdb::outcome::Outcome;
use smbgw_ctdb::ready::check_joining;
use smbgw_ctdb::teardown::{Databases, teardown};

use super::change::{on, on_cluster};
use super::place::at;
use crate::args::Common;
use crate::args::ha_change::{AddNode, RemoveNode, Teardown};
use crate::ask;
use crate::exit::Exit;
use crate::output::Output;

/// Takes one more machine in, or checks whether that would work.
pub(in crate::commands) fn add(common: &Common, output: &Output, asked: AddNode) -> Exit {
    let draft = NodeDraft {
        node: asked.node,
        reach: asked.reach,
    };
    let new = match draft.check() {
        Ok(new) => new,
        Err(problems) => return output.cluster_error(&ClusterError::Refused(problems)),
    };
    at(common, output, &asked.place, |host| {
        let (record, members) = match open_cluster(host) {
            Ok(known) => known,
            Err(error) => return output.failed(&error),
        };
        let opened = Members::open([&new]);
        let (joined, opened) = match (members.all(), opened.all()) {
            (Ok(joined), Ok(opened)) => (joined, opened),
            (Err(error), _) | (_, Err(error)) => return output.failed(&error),
        };
        let deadline = Deadline::after(common.timeout());
        for member in &opened {
            match check_joining(&record, &joined, *member, deadline) {
                Ok(facts) if asked.check => return output.node_checked(&facts),
                Ok(_) => {}
                Err(error) => return output.cluster_error(&error),
            }
        }
        on(common, host, &[joined, opened].concat(), &[], |cluster| {
            changed(output, add_node(cluster, &new))
        })
    })
}

/// Takes a node out.
pub(in crate::commands) fn remove(common: &Common, output: &Output, asked: &RemoveNode) -> Exit {
    on_cluster(common, output, &asked.place, |cluster| {
        changed(output, remove_node(cluster, &asked.node))
    })
}

/// Takes the cluster apart.
pub(in crate::commands) fn take_apart(common: &Common, output: &Output, asked: &Teardown) -> Exit {
    let databases = match asked.keep_databases {
        true => Databases::Keep,
        false => Databases::Remove,
    };
    if !asked.yes {
        let question = match databases {
            Databases::Keep => "This takes the cluster apart.",
            Databases::Remove => {
                "This takes the cluster apart, and removes its users and the shares in its registry for good."
            }
        };
        match ask::consent(question) {
            Ok(Some(true)) => {}
            Ok(Some(false)) => return output.unusable("yes", "nothing was changed"),
            Ok(None) => return output.unusable("yes", "nobody is there to ask: give --yes"),
            Err(error) => return output.unusable("yes", &error.to_string()),
        }
    }
    on_cluster(common, output, &asked.place, |cluster| {
        changed(output, teardown(cluster, databases))
    })
}

fn changed(output: &Output, outcome: Result<Outcome, ClusterError>) -> Exit {
    match outcome {
        Ok(outcome) => output.cluster_changed(&outcome),
        Err(error) => output.cluster_error(&error),
    }
}
