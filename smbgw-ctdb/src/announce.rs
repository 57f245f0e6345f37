//! Where public addresses are, said again to the network whenever ctdb has placed them.
//!
//! ctdb (4.17) announces an address that it puts on an interface. A node whose ctdbd hung never took its
//! addresses off: when it wakes and is to have them again, it takes them to be there and says nothing, so that
//! clients who had found another node meanwhile go on asking that one, for up to a minute. The event
//! `ipreallocated` comes to all nodes after each placement (ctdb's `events/README`).

/// The permission bits of the script: ctdb passes over one that is not executable.
pub const MODE: u32 = 0o755;

/// Where the script is: behind those of ctdb's own.
pub const PATH: &str = "/etc/ctdb/events/legacy/95.smbgw-announce.script";

/// The script, the same on all nodes. It never fails: what could not be announced is found by asking again.
pub const CONTENT: &str = r#"#!/bin/sh
# Written by smbgw: says to the network where the addresses of this node are.
[ "$1" = ipreallocated ] || exit 0
own=$(/usr/bin/ctdb pnn) || exit 0
/usr/bin/ctdb -X ip -v | while IFS='|' read -r _ address node interface _; do
    if [ "$node" = "$own" ] && [ -n "$interface" ]; then
        /usr/bin/ctdb gratarp "$address" "$interface"
    fi
done
exit 0
"#;
