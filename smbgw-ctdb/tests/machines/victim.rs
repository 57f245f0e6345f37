//! Processes that are killed in the middle of an operation: the test program runs the calling test once more,
//! where it does one operation and nothing else.

use std::net::IpAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::Reach;
use smbgw_core::progress::{Event, Progress};
use smbgw_core::testing::KillAt;
use smbgw_ctdb::members::Members;
use smbgw_ctdb::node::NodeSpec;
use smbgw_ctdb::world::Cluster;

use super::Machines;

/// Says what the process is to do.
const ROLE: &str = "SMBGW_CLUSTER_VICTIM";

/// Has what `test` does with [`play`] killed at these moments, one after the other, until it `has_happened`, and
/// recovers each time; what is there where it has not is what `undone` looks at. How often it was killed.
///
/// A moment is the number of an event, counted from 1, or `before: STEP`, `after: STEP` or `decided`, which
/// have to come.
#[allow(clippy::print_stdout, reason = "a test that fails shows what it did")]
pub(crate) fn survive(
    machines: &Machines,
    test: &str,
    moments: impl IntoIterator<Item = String>,
    has_happened: impl Fn() -> bool,
    undone: impl Fn(&str),
) -> usize {
    let mut kills = 0;
    for moment in moments {
        let killed = kill(machines, test, &moment);
        kills += usize::from(killed);
        let recovered = machines.recover();
        let what = format!("killed at `{moment}`: {recovered:#?}");
        println!("killed at `{moment}`");
        let is_number = moment.parse::<usize>().is_ok();
        assert!(killed || is_number, "`{moment}` has not come");
        assert_eq!(machines.recover(), None, "{what}");
        let is_done = recovered.is_none_or(|it| it.outcome.is_done());
        if has_happened() {
            assert!(!killed || is_done, "{what}");
            break;
        }
        assert!(killed && !is_done, "{what}");
        undone(&what);
    }
    kills
}

/// Has a process do what `test` does with [`play`] on the machines, which is killed at that moment; whether it
/// was.
fn kill(machines: &Machines, test: &str, moment: &str) -> bool {
    let nodes = serde_json::to_string(&machines.specs).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ROLE, format!("{moment}\n{nodes}"))
        .output()
        .unwrap();
    let killed = output.status.signal() == Some(9);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        killed || output.status.success() && said.contains("1 passed"),
        "{moment}: {}: {said}",
        output.status
    );
    killed
}

/// Does `work` if this process was started to be killed by [`survive`]; whether it was.
pub(crate) fn play(work: impl FnOnce(&Cluster<'_>, Vec<NodeSpec>)) -> bool {
    let Ok(role) = std::env::var(ROLE) else {
        return false;
    };
    let (moment, nodes) = role.split_once('\n').unwrap();
    let nodes: Vec<NodeSpec> = serde_json::from_str(nodes).unwrap();
    assert!(
        nodes
            .iter()
            .all(|node| matches!(node.reach, Reach::Process(_)))
    );
    let members = Members::open(&nodes);
    let members = members.all().unwrap();
    let progress: Box<dyn Progress> = match moment.parse() {
        Ok(number) => Box::new(KillAt::new(number)),
        Err(_) => Box::new(KillWhen(moment.to_owned())),
    };
    let cluster = Cluster {
        coordinator: members[0].host,
        members: &members,
        given_up: &[],
        progress: progress.as_ref(),
        deadline: Deadline::after(Duration::from_secs(400)),
    };
    work(&cluster, nodes.clone());
    true
}

/// The addresses that the lab gives to clusters.
pub(crate) fn numbered(count: usize) -> Vec<IpAddr> {
    let last = (61..).take(count);
    last.map(|last| [10, 99, 0, last].into()).collect()
}

/// Kills the process at the event that is the moment with that name.
struct KillWhen(String);

impl Progress for KillWhen {
    fn event(&self, event: &Event<'_>) {
        let moment = match event {
            Event::StepStarts { title, .. } => format!("before: {title}"),
            Event::StepDone { title, .. } => format!("after: {title}"),
            Event::PlanDecided => "decided".to_owned(),
            _ => return,
        };
        if moment == self.0 {
            KillAt::new(1).event(event);
        }
    }
}
