//! Dropping traffic on a node, until a point in time.
//!
//! Every rule matches up to a time of day only (`--datestop` of iptables-extensions(8)), so that the kernel of the
//! node lets the traffic through again by itself, also where nobody can tell it to any more.

use std::net::IpAddr;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, CommandError, Host};

/// The chain that all rules are in.
const CHAIN: &str = "SMBGW-DRILL";

/// The two programs, and those that take all rules at once.
const FAMILIES: [(&str, &str); 2] = [
    ("iptables", "iptables-restore"),
    ("ip6tables", "ip6tables-restore"),
];

/// Drops all that comes from or goes to one of `addresses`, for at most `time`.
pub(super) fn drop_traffic(
    host: &dyn Host,
    addresses: &[IpAddr],
    time: Duration,
    deadline: Deadline,
) -> Result<(), CommandError> {
    // The clock is that of the node.
    let ask = Command::new("date")
        .arg("--utc")
        .arg(format!("--date=+{} seconds", time.as_secs()))
        .arg("+%Y-%m-%dT%H:%M:%S");
    let end = host.run(&ask, deadline)?.text();
    for (family, (_, restore)) in (0..).zip(FAMILIES) {
        let of_family = |address: &&IpAddr| i32::from(address.is_ipv6()) == family;
        let addresses: Vec<_> = addresses.iter().filter(of_family).collect();
        if addresses.is_empty() {
            continue;
        }
        let command = Command::new(restore)
            .args(["--wait", "--noflush"])
            .stdin(rules(&addresses, end.trim()).into_bytes());
        host.run(&command, deadline)?;
    }
    Ok(())
}

/// Lets through what [`drop_traffic`] dropped.
pub(super) fn let_through(host: &dyn Host, deadline: Deadline) -> Result<(), CommandError> {
    for (program, _) in FAMILIES {
        let list = Command::new(program).args(["--wait", "--list-rules"]);
        let rules = match host.run(&list, deadline) {
            Ok(output) => output.text(),
            // A node without it has no rules of ours.
            Err(CommandError::NotInstalled { .. }) => continue,
            Err(error) => return Err(error),
        };
        for rule in removals(&rules) {
            host.run(&Command::new(program).arg("--wait").args(rule), deadline)?;
        }
    }
    Ok(())
}

/// What is given to `iptables-restore`, which does all of it or nothing.
fn rules(addresses: &[&IpAddr], end: &str) -> String {
    let mut text = format!("*filter\n:{CHAIN} - [0:0]\n");
    for address in addresses {
        for side in ["-s", "-d"] {
            text.push_str(&format!(
                "-A {CHAIN} {side} {address} -m time --datestop {end} -j DROP\n"
            ));
        }
    }
    for hook in ["INPUT", "OUTPUT"] {
        text.push_str(&format!("-I {hook} 1 -j {CHAIN}\n"));
    }
    text + "COMMIT\n"
}

/// What removes our chain from the rules that `iptables --list-rules` printed.
fn removals(rules: &str) -> Vec<Vec<String>> {
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let hooks = rules.lines().filter_map(|line| {
        let rest = line.strip_prefix("-A ")?;
        let is_hook = rest.ends_with(&format!(" -j {CHAIN}"));
        is_hook.then(|| words(&format!("-D {rest}")))
    });
    let mut removals: Vec<_> = hooks.collect();
    if rules.lines().any(|line| line == format!("-N {CHAIN}")) {
        removals.extend([words(&format!("-F {CHAIN}")), words(&format!("-X {CHAIN}"))]);
    }
    removals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_rules_are_removed() {
        let listed = "-P INPUT ACCEPT\n-N SMBGW-DRILL\n-N OTHER\n-A INPUT -j SMBGW-DRILL\n\
                      -A INPUT -s 10.0.0.1/32 -j DROP\n-A OUTPUT -j SMBGW-DRILL\n\
                      -A SMBGW-DRILL -s 10.0.0.2/32 -j DROP\n";
        let joined: Vec<_> = removals(listed)
            .iter()
            .map(|words| words.join(" "))
            .collect();
        assert_eq!(
            joined,
            [
                "-D INPUT -j SMBGW-DRILL",
                "-D OUTPUT -j SMBGW-DRILL",
                "-F SMBGW-DRILL",
                "-X SMBGW-DRILL",
            ]
        );
        assert!(removals("-P INPUT ACCEPT\n-A INPUT -j OTHER\n").is_empty());
    }

    #[test]
    fn every_rule_has_an_end() {
        let address = "10.0.0.2".parse().unwrap();
        let text = rules(&[&address], "2030-01-02T03:04:05");
        let drops: Vec<_> = text.lines().filter(|line| line.contains("DROP")).collect();
        assert_eq!(drops.len(), 2);
        for line in drops {
            assert!(
                line.contains("-m time --datestop 2030-01-02T03:04:05"),
                "{line}"
            );
        }
    }
}
