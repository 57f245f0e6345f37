//! Breaking nodes on purpose.

use smbgw_ctdb::drill::{self, DrillDraft, DrillError};

use super::change::on_cluster;
use crate::args::Common;
use crate::args::ha_test::Test;
use crate::ask;
use crate::exit::Exit;
use crate::output::Output;

/// Breaks nodes, measures, and repairs them.
pub(in crate::commands) fn run(common: &Common, output: &Output, asked: Test) -> Exit {
    let draft = DrillDraft {
        nodes: asked.nodes,
        address: asked.address,
        scenario: asked.scenario,
        count: asked.count,
        share: asked.share,
        user: asked.user,
        clients: asked.clients,
        warm_up_seconds: asked.warm_up,
        yes: asked.yes,
    };
    let password = match ask::password(&asked.password, &draft.user) {
        Ok(password) => password,
        Err(error) => return output.unusable("password", &error.to_string()),
    };
    let login = draft.login(password);
    let request = match draft.check(&login) {
        Ok(request) => request,
        Err(problems) => return output.drill_error(&DrillError::Refused(problems)),
    };
    on_cluster(common, output, &asked.place, |cluster| {
        match drill::run(cluster, &request) {
            Ok(outcome) => output.drilled(&outcome, asked.svg.as_deref()),
            Err(error) => output.drill_error(&error),
        }
    })
}
