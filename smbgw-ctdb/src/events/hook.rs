//! ctdb's own word of what happens to its node.
//!
//! `notify.sh` of ctdb runs every executable `*.script` in `/etc/ctdb/events/notification` with the name of
//! an event: `init`, `setup` and `startup` while ctdbd starts, then `unhealthy` and `healthy` (see the README
//! in that folder). [`PATH`], [`content`] and [`MODE`] are such a script; it has the program call [`notify`].
//!
//! ctdbd waits for none of it, and a script that fails says so in its log alone. The script succeeds
//! whatever the program does, as an event that is not written down is no fault of the cluster.

use smbgw_core::host::Host;
use smbgw_core::host::cmd::quote_for_shell;

use super::event::{ClusterEvent, Source, What};
use super::log::{LogError, append};
use crate::node::NodeName;

/// The permission bits of the script: ctdb passes over one that is not executable.
pub const MODE: u32 = 0o755;

/// The program as packages install it.
pub const PROGRAM: &str = "/usr/bin/pve-smbgateway";

/// The command of the program, which takes `--node NAME EVENT`.
pub const COMMAND: &str = "ha-notify";

/// Where the script is.
pub const PATH: &str = "/etc/ctdb/events/notification/smbgw.script";

/// The script of the node `node`, which has `program` ([`PROGRAM`]) write down what happens. One that is not
/// installed any more is passed over.
pub fn content(node: &NodeName, program: &str) -> String {
    let program = quote_for_shell(program);
    format!(
        "#!/bin/sh\n\
         # Written by smbgw: what ctdb says of this node goes into the log of the cluster's events.\n\
         [ -x {program} ] || exit 0\n\
         {program} {COMMAND} --node {node} \"$1\" </dev/null >/dev/null 2>&1\n\
         exit 0\n"
    )
}

/// Writes down that ctdb said `event` of the node `node`, which is `host`. It takes some
/// milliseconds, and never more than a third of a second.
///
/// # Errors
/// Where the log cannot be written.
pub fn notify(host: &dyn Host, node: &NodeName, event: &str) -> Result<(), LogError> {
    append(host, &[said(node, event)])
}

/// What ctdb means by `event`.
fn said(node: &NodeName, event: &str) -> ClusterEvent {
    let (what, states) = match event {
        "init" => (What::DaemonStarting, None),
        "setup" => (What::DaemonSetUp, None),
        "startup" => (What::DaemonStarted, None),
        "unhealthy" => (What::NodeState, Some(("healthy", "unhealthy"))),
        "healthy" => (What::NodeState, Some(("unhealthy", "healthy"))),
        _ => (What::Other, None),
    };
    let said = ClusterEvent::new(what, Source::Notification, node.clone()).of_node(node.clone());
    match (what, states) {
        (_, Some((from, to))) => said.from_to(Some(from.into()), Some(to.into())),
        (What::Other, None) => said.with_detail(event),
        (_, None) => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_quotes_what_it_runs_and_never_fails() {
        let node: NodeName = "n1".parse().unwrap();
        let script = content(&node, "/opt/my tools/gw");
        assert!(script.starts_with("#!/bin/sh\n") && script.ends_with("\nexit 0\n"));
        assert!(script.contains("'/opt/my tools/gw' ha-notify --node n1 \"$1\""));
    }

    #[test]
    fn every_word_of_ctdb_has_a_meaning() {
        let node: NodeName = "n1".parse().unwrap();
        for word in ["init", "setup", "startup", "unhealthy", "healthy"] {
            let said = said(&node, word);
            assert_ne!(said.what, What::Other, "{word}");
            assert_eq!(said.node.as_ref(), Some(&node));
        }
        let newer = said(&node, "eclipse");
        assert_eq!(
            (newer.what, newer.detail.as_deref()),
            (What::Other, Some("eclipse"))
        );
    }
}
