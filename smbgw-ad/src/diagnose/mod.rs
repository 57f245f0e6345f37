//! Looks for what is wrong between a machine and a domain: what `ad-test` shows.
//!
//! Each check is made by itself, and goes on after others have failed. What cannot be checked because of
//! another check is skipped, and says which one that is. Nothing is changed, and nothing has to be joined.

mod check;
mod controllers;
mod directory;
mod kerberos;
mod names;
mod request;
mod run;

pub use check::{Check, CheckName, Diagnosis, Problem, Verdict};
pub use request::{DiagnoseDraft, DiagnoseRequest};

use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::secret::Secret;

use crate::clock::Clock;
use crate::dns::Resolver;
use run::{Found, Run};

/// Checks everything that members of the domain need of it, from `host`.
///
/// `password` is that of the user of `request`. `resolver` has the servers to ask for names; those of the host
/// if not given. All sockets are those of the calling thread's network.
pub fn diagnose(
    host: &dyn Host,
    request: &DiagnoseRequest,
    password: Option<&Secret>,
    resolver: Option<&Resolver>,
    clock: Clock,
    deadline: Deadline,
) -> Diagnosis {
    let mut run = Run::new(deadline);
    let resolver = match resolver {
        Some(resolver) => resolver.clone(),
        None => of_host(&mut run, host),
    };
    let answers = names::servers(&mut run, &request.domain, &resolver);
    let controllers = match answers {
        true => names::service_records(&mut run, &request.domain, &resolver),
        false => {
            run.skip(CheckName::ServiceRecords, CheckName::DnsServer);
            Vec::new()
        }
    };
    let addresses = match controllers.is_empty() {
        false => names::addresses(&mut run, &controllers, &resolver),
        true => {
            run.skip(CheckName::Addresses, CheckName::ServiceRecords);
            Vec::new()
        }
    };
    match addresses.is_empty() {
        false => names::reverse(&mut run, &addresses, &resolver),
        true => run.skip(CheckName::Reverse, CheckName::Addresses),
    }
    let chosen = match answers || request.server.is_some() {
        true => controllers::choose(&mut run, request, &resolver, &addresses),
        false => {
            run.skip(CheckName::Netlogon, CheckName::DnsServer);
            None
        }
    };
    let chosen = chosen.as_ref();
    controllers::site(&mut run, chosen);
    let open = controllers::ports(&mut run, chosen);
    let root = directory::root(&mut run, chosen, &open, clock);
    directory::tls(&mut run, chosen, &open);
    let kerberos = kerberos::answers(&mut run, request, chosen, &open, clock);
    let (asking, exact) = match kerberos {
        Some((asking, skew)) => (Some(asking), skew),
        None => (None, None),
    };
    directory::clock(&mut run, exact, root.and_then(|(_, skew)| skew));
    kerberos::login_and_ticket(&mut run, request, password, chosen, asking, &open, clock);
    Diagnosis {
        domain: request.domain.clone(),
        controller: chosen.map(controllers::Chosen::shown),
        checks: run.checks,
    }
}

/// The name servers of the host; none, and a check that says so, where it has none.
fn of_host(run: &mut Run, host: &dyn Host) -> Resolver {
    match Resolver::of_host(host) {
        Ok(resolver) => resolver.patience(names::STEP, names::LAST),
        Err(error) => {
            run.check(CheckName::DnsServer, None, |_| (Found::failed(&error), ()));
            Resolver::with_servers([])
        }
    }
}
