//! One round of watching on a machine that may be a node.

use smbgw_core::alert::{AlertStore, Delivery, RuleBook};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;

use super::Settings;
use super::duty::{Duty, Watch, duty};
use crate::members::{MembersError, open_cluster};

/// Does one [`duty`] for the cluster that `host` is a node of; nothing where it is a node of none, or
/// no running machine.
///
/// # Errors
/// Where the record of the cluster cannot be read.
pub fn round(
    host: &dyn Host,
    settings: &Settings,
    rules: &RuleBook,
    delivery: &Delivery<'_>,
    deadline: Deadline,
) -> Result<Option<Duty>, MembersError> {
    if !host.is_live() {
        return Ok(None);
    }
    let members = match open_cluster(host) {
        Ok((_, members)) => members,
        Err(MembersError::NoCluster { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(own) = members.own() else {
        return Ok(None);
    };
    let watch = Watch {
        host,
        own: &own.name,
        members: &members,
        settings,
    };
    let alerts = AlertStore::new(host);
    Ok(Some(duty(&watch, &alerts, rules, delivery, deadline)))
}
