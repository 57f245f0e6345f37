//! Whether a join would work, and what it would do.

use serde::Serialize;
use smbgw_core::journal::read_file;
use smbgw_core::secret::Secret;
use smbgw_core::step::AnyStep;

use super::{JoinDraft, Parts, checked, in_no_domain, plan, preflight, session};
use crate::join_error::JoinError;
use crate::name::{ComputerName, DomainName, HostName};
use crate::plan::{JOURNAL, Plan};

/// What a join would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JoinCheck {
    /// The domain.
    pub domain: DomainName,
    /// The computer.
    pub computer: ComputerName,
    /// The controller that would be used.
    pub controller: HostName,
    /// What would be done, in order.
    pub steps: Vec<String>,
    /// What an administrator should know beside it.
    pub notes: Vec<String>,
}

/// Checks everything that [`join`](super::join) checks, and changes nothing.
///
/// # Errors
/// Those of [`join`](super::join) before anything is touched.
pub fn check(
    parts: &Parts<'_>,
    draft: &JoinDraft,
    password: &Secret,
) -> Result<JoinCheck, JoinError> {
    let spec = checked(parts, draft)?;
    let interrupted = read_file::<Plan>(parts.host, JOURNAL.as_ref())?;
    if interrupted.is_none() {
        in_no_domain(parts)?;
    }
    let session = session(parts, &spec, password)?;
    let ready = preflight(&parts.gateway(Some(&session), None), &spec, &session)?;
    let mut notes = ready.notes();
    if let Some((_, account)) = interrupted {
        let plan = account.plan;
        notes.push(format!(
            "an interrupted {} of {} would be undone or finished first",
            plan.operation, plan.domain
        ));
    }
    let plan = plan(&spec, &session, &ready, String::new());
    Ok(JoinCheck {
        domain: plan.domain,
        computer: plan.computer,
        controller: session.controller().clone(),
        steps: plan.steps.iter().map(AnyStep::title).collect(),
        notes,
    })
}
