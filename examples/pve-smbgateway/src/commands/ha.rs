//! `ha-…`: the cluster that this machine is a node of.

pub(super) mod change;
pub(super) mod nodes;
mod place;
pub(super) mod relocate;
pub(super) mod test;
mod watch;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::share::ShareName;
use smbgw_ctdb::conflict::{self, ProbeDocument};
use smbgw_ctdb::events::{self, Filter};
use smbgw_ctdb::forecast::ForecastDraft;
use smbgw_ctdb::members::{MembersError, open_cluster};
use smbgw_ctdb::standing::standing;

use self::place::at;
use super::{host, refuse};
use crate::args::Common;
use crate::args::ha::{Events, Notify, Plan, Probe, Status};
use crate::exit::Exit;
use crate::moment;
use crate::output::Output;

/// Shows how the cluster stands.
pub(super) fn status(common: &Common, output: &Output, asked: Status) -> Exit {
    let share = asked.share.as_deref().map(str::parse::<ShareName>);
    let share = match share.transpose() {
        Ok(share) => share,
        Err(error) => return refuse(output, "share", &error),
    };
    at(common, output, &asked.place, |host| {
        let known = match asked.here {
            true => Ok(None),
            false => open_cluster(host).map(Some),
        };
        let known = match known {
            Ok(known) => known,
            // Nothing is known of it, but its ctdbd may run.
            Err(MembersError::NoCluster { .. }) => None,
            Err(error) => return output.failed(&error),
        };
        let look = || {
            let cluster = known.as_ref().map(|(record, members)| (record, members));
            let deadline = Deadline::after(common.timeout());
            standing(host, cluster, share.as_ref(), deadline)
        };
        match asked.watch {
            None => match look() {
                Ok(standing) => output.cluster(&standing),
                Err(error) => output.failed(&error),
            },
            Some(seconds) => watch::again_and_again(output, seconds, look),
        }
    })
}

/// Says where addresses go.
pub(super) fn plan(common: &Common, output: &Output, asked: Plan) -> Exit {
    let draft = ForecastDraft {
        without: asked.without,
        with: asked.with,
    };
    at(common, output, &asked.place, |host| {
        let members = match open_cluster(host) {
            Ok((_, members)) => members,
            Err(error) => return output.failed(&error),
        };
        match draft.run(&members.reached(), Deadline::after(common.timeout())) {
            Ok(forecast) => output.forecast(&forecast),
            Err(error) => output.failed(&error),
        }
    })
}

/// Asks whether somebody has addresses.
pub(super) fn probe(common: &Common, output: &Output, asked: &Probe) -> Exit {
    at(common, output, &asked.place, |host| {
        let deadline = Deadline::after(common.timeout());
        output.probed(&ProbeDocument {
            version: ProbeDocument::VERSION,
            probes: conflict::probe(host, &asked.addresses, asked.pace, deadline),
        })
    })
}

/// Shows what happened.
pub(super) fn events(common: &Common, output: &Output, asked: Events) -> Exit {
    let ends = ["since", "until"]
        .into_iter()
        .zip([&asked.since, &asked.until]);
    let mut moments = [None, None];
    for ((field, text), moment) in ends.zip(&mut moments) {
        let Some(text) = text else { continue };
        match moment::moment_or_ago(text, host(common).now()) {
            Ok(seconds) => *moment = Some(seconds.saturating_mul(1000)),
            Err(message) => return output.unusable(field, &message),
        }
    }
    let [since, until] = moments;
    let filter = Filter {
        node: asked.node,
        address: asked.address,
        what: asked.what,
        newest: asked.last,
    };
    at(common, output, &asked.place, |host| {
        if asked.here {
            return output.happened(&events::read(&[host], since, until, &filter));
        }
        match open_cluster(host) {
            Ok((_, members)) => output.happened(&members.past(since, until, &filter)),
            Err(error) => output.failed(&error),
        }
    })
}

/// Writes down what ctdb says.
pub(super) fn notify(common: &Common, output: &Output, asked: &Notify) -> Exit {
    let written = events::hook::notify(&host(common), &asked.node, &asked.event);
    output.written_down(written)
}
