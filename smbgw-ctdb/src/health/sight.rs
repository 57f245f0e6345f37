//! What only a look at the nodes themselves shows: whether shares are served, who is connected, and how many
//! recoveries there were.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;
use smbgw_core::host::Host;
use smbgw_core::probe::{Login, ProbeError, SMB_PORT, ShareProbe};
use smbgw_core::share::ShareName;

use crate::ctl::{Ctl, CtlError};

/// How long one address may take to answer: one that serves takes some tens of milliseconds.
const ANSWER: Duration = Duration::from_secs(5);

/// A share that nobody has, so that the server says so.
const NO_SHARE: &str = "smbgw-no-such-share";

/// Whether SMB was spoken through an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddressProbe {
    /// The node that asked.
    pub from: String,
    /// The address.
    pub address: IpAddr,
    /// Whether it was served.
    pub served: bool,
    /// Why not, where it was not.
    pub reason: Option<String>,
}

/// How many TCP connections to an address a node would have to tell clients of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TickleCount {
    /// The number of the node.
    pub node: u32,
    /// The address.
    pub address: IpAddr,
    /// How many connections it knows of.
    pub connections: u64,
}

/// How many recoveries a node has taken part in since its ctdbd started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecoveryCount {
    /// The number of the node.
    pub node: u32,
    /// How many.
    pub recoveries: u64,
}

/// Speaks SMB from `host` through `address`: with `share` if there is one, and else with anybody who
/// answers. `None` where that could not be tried.
pub(super) fn probe(
    host: &dyn Host,
    from: &str,
    address: IpAddr,
    share: Option<&ShareName>,
    deadline: Deadline,
) -> Option<AddressProbe> {
    let nobodys: ShareName = NO_SHARE.parse().ok()?;
    let question = ShareProbe {
        address,
        port: SMB_PORT,
        share: share.unwrap_or(&nobodys),
        login: Login::Anonymous,
    };
    let why = match question.once(host, deadline.at_most(ANSWER)) {
        Ok(_) => None,
        // There is a server that says so.
        Err(ProbeError::AnonymousRefused { .. }) => None,
        Err(ProbeError::NotFound { .. }) if share.is_none() => None,
        Err(ProbeError::Command(_)) => return None,
        // The time of the whole look is over, which says nothing of the address.
        Err(ProbeError::TimedOut { .. }) if deadline.has_passed() => return None,
        Err(ProbeError::TimedOut { .. }) => Some("no answer in time".to_owned()),
        Err(ProbeError::Refused { status, .. }) => Some(status),
        Err(error) => Some(chain_text(&error)),
    };
    Some(AddressProbe {
        from: from.to_owned(),
        address,
        served: why.is_none(),
        reason: why,
    })
}

/// How many connections to `address` the ctdbd of `ctl` knows of (`ctdb gettickles`, ctdb(1)).
pub(super) fn tickles(ctl: &Ctl<'_>, address: IpAddr) -> Option<u64> {
    match ctl.run(["-X", "gettickles", &address.to_string()]) {
        Ok(said) => tickles_in(&said),
        // What ctdbd says of an address to which there never was one.
        Err(CtlError::Command(error)) if error.stderr().contains("TICKLE_LIST failed, ret=1") => {
            Some(0)
        }
        Err(_) => None,
    }
}

/// How many recoveries the ctdbd of `ctl` counted (`ctdb statistics`, ctdb(1)).
pub(super) fn recoveries(ctl: &Ctl<'_>) -> Option<u64> {
    recoveries_in(&ctl.run(["statistics"]).ok()?)
}

/// Reads a heading, and a line for each connection: `|10.0.0.7|60090|10.0.0.100|445|`.
fn tickles_in(said: &str) -> Option<u64> {
    let mut lines = said.lines().filter(|line| line.starts_with('|'));
    lines.next()?;
    u64::try_from(lines.count()).ok()
}

fn recoveries_in(said: &str) -> Option<u64> {
    let line = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("num_recoveries"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ctdb 4.17 wrote it.
    const TICKLES: &str = "\
|Source IP|Port|Destiation IP|Port|
|10.99.0.33|60090|10.99.0.61|445|
|10.99.0.34|60091|10.99.0.61|445|
";
    const STATISTICS: &str = "\
CTDB version 1
Current time of statistics  :                Mon Nov 23 16:34:42 2026
 num_clients                        8
 frozen                             0
 num_recoveries                    17
 timeouts
     call                           0
";

    #[test]
    fn what_ctdb_prints_is_read() {
        assert_eq!(tickles_in(TICKLES), Some(2));
        assert_eq!(tickles_in("|Source IP|Port|Destiation IP|Port|\n"), Some(0));
        assert_eq!(tickles_in("connection lost\n"), None);
        assert_eq!(recoveries_in(STATISTICS), Some(17));
        assert_eq!(recoveries_in("num_recoveries -1"), None);
        assert_eq!(recoveries_in(""), None);
    }
}
