//! Whether all nodes reach each other by the network that ctdb is to use.

use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Problem;
use smbgw_core::host::CommandError;

use super::fault::Fault;
use super::{PORT, field};
use crate::node::Member;
use crate::on_each::{on_each, program};

const MEET: &str = include_str!("meet.pl");

/// How long nodes may take to meet: time for a lost packet or two, and for a slow way to a node.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known of who listens on ctdb's port of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ears {
    /// Nobody, so that it can be tried.
    Free,
    /// A ctdbd of this cluster.
    Ours,
    /// Another program.
    Taken,
    /// The node cannot take part.
    Absent,
}

/// Has all nodes listen on ctdb's port for a moment, and connect to each other.
pub(super) fn check(
    members: &[Member<'_>],
    ears: &[Ears],
    token: &str,
    deadline: Deadline,
) -> Vec<Problem> {
    let answers = on_each(members, |own, member| {
        if ears[own] == Ears::Absent {
            return Ok(String::new());
        }
        let seconds = PATIENCE.min(deadline.remaining()).as_secs().max(1);
        let mut command = program(MEET, deadline)
            .arg(seconds.to_string())
            .arg(token)
            .arg(own.to_string());
        for (other, ears_there) in members.iter().zip(ears) {
            command = command
                .arg(way(ears[own], *ears_there))
                .arg(other.spec.address.to_string());
        }
        let output = member.host.run(&command.arg(PORT.to_string()), deadline)?;
        Ok(output.text())
    });
    let mut problems = Vec::new();
    for (member, answer) in members.iter().zip(answers) {
        let name = field(member);
        match answer {
            Ok(text) => {
                let faults = parse(&text, members);
                problems.extend(
                    faults
                        .iter()
                        .map(|fault| Problem::from_error(name.clone(), fault)),
                );
            }
            Err(error) => {
                let error: CommandError = error;
                problems.push(Problem::from_error(name, &error));
            }
        }
    }
    problems
}

/// How a node is to meet another, or to behave itself.
fn way(from: Ears, to: Ears) -> &'static str {
    match (from, to) {
        (_, Ears::Free) => "meet",
        // They are connected, or ctdb says that they are not; a further connection might disturb them.
        (Ears::Ours, Ears::Ours) | (_, Ears::Absent) => "skip",
        (_, Ears::Ours | Ears::Taken) => "connect",
    }
}

/// Reads what the program prints of other nodes.
fn parse(text: &str, members: &[Member<'_>]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for line in text.lines() {
        if let Some(why) = line.strip_prefix("deaf ") {
            faults.push(Fault::PortTaken {
                port: PORT,
                by: format!("another program ({})", why.to_lowercase()),
            });
            continue;
        }
        let fault = line.strip_prefix("to ").and_then(|rest| {
            let (at, found) = rest.split_once(' ')?;
            let to = members.get(at.parse::<usize>().ok()?)?;
            Some(Fault::NoWay {
                to: to.spec.name.to_string(),
                address: to.spec.address,
                port: PORT,
                why: why(found)?,
            })
        });
        faults.extend(fault);
    }
    faults
}

/// What came instead of the other node; `None` where it came.
fn why(found: &str) -> Option<String> {
    Some(match found {
        "met" => return None,
        "silent" => "no answer".into(),
        "other" => "another machine or program answered".into(),
        _ => found.strip_prefix("error ").unwrap_or(found).to_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use smbgw_core::host::LocalHost;

    use super::*;
    use crate::node::NodeSpec;

    #[test]
    fn what_nodes_say_of_each_other_is_read() {
        let host = LocalHost::new();
        let specs = [1, 2, 3].map(|last| NodeSpec {
            name: format!("n{last}").parse().unwrap(),
            address: [10, 0, 0, last].into(),
            reach: "local".parse().unwrap(),
        });
        let members: Vec<_> = specs
            .iter()
            .map(|spec| Member { spec, host: &host })
            .collect();
        let said = "listens\nto 1 met\nto 2 silent\n";
        let texts: Vec<_> = parse(said, &members)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            texts,
            ["n3 is not reached from there at 10.0.0.3 port 4379: no answer"]
        );
        let said = "deaf Address already in use\nto 0 error No route to host\nto 9 silent\nto x\n\nto 1 other\n";
        let faults = parse(said, &members);
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(matches!(&faults[0], Fault::PortTaken { port: 4379, .. }));
        assert!(faults[1].to_string().ends_with("no route to host"));
        assert!(matches!(&faults[2], Fault::NoWay { to, .. } if to == "n2"));
        assert!(parse("to 0 met\nto 2 met\n", &members).is_empty());
    }

    #[test]
    fn running_nodes_are_not_disturbed() {
        assert_eq!(way(Ears::Ours, Ears::Ours), "skip");
        assert_eq!(way(Ears::Free, Ears::Ours), "connect");
        assert_eq!(way(Ears::Ours, Ears::Free), "meet");
        assert_eq!(way(Ears::Free, Ears::Absent), "skip");
    }
}
