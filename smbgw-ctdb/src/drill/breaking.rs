//! Breaking a node, and repairing it.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, Host};
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::{Scenario, firewall};
use crate::cluster_error::{ClusterError, step};
use crate::ctl::Ctl;
use crate::files::PublicAddresses;
use crate::node::NodeName;
use crate::placement::NodeFlags;
use crate::service::{Services, Unit};
use crate::world::Cluster;

/// Breaks one node; undoing it is the repair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct BreakNode {
    /// The node.
    pub(super) node: NodeName,
    /// How.
    pub(super) scenario: Scenario,
    /// The private addresses of the other nodes.
    pub(super) others: Vec<IpAddr>,
    /// The public addresses, each as `ip address` wants it, with its interface.
    pub(super) public: Vec<(IpAddr, u8, String)>,
}

/// How the node was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Intact {
    /// The number of its ctdbd's process, on the node.
    ctdbd: u32,
    /// Whether smbd ran.
    smbd: bool,
    /// Whether winbindd did.
    winbind: bool,
}

/// How long traffic stays dropped at most.
const LONGEST_DROP: Duration = Duration::from_secs(300);

/// How long a node may take to be healthy again.
const LONGEST_HEALING: Duration = Duration::from_secs(240);

/// How long processes may take to end by themselves after their ctdbd.
const LONGEST_END: Duration = Duration::from_secs(15);

const PAUSE: Duration = Duration::from_millis(100);

impl Action<Cluster<'_>> for BreakNode {
    type Undo = Intact;

    fn title(&self) -> String {
        format!("break {} ({})", self.node, self.scenario)
    }

    fn check(&self, cluster: &Cluster<'_>) -> Result<Option<Intact>, StepError> {
        self.look(cluster).map(Some).map_err(step)
    }

    fn apply(&self, cluster: &Cluster<'_>, intact: &Intact) -> Result<Change, StepError> {
        self.strike(cluster, intact).map_err(step)?;
        Ok(Change::Updated)
    }

    fn undo(&self, cluster: &Cluster<'_>, intact: &Intact) -> Result<(), StepError> {
        self.repair(cluster, intact).map_err(step)
    }

    fn left_behind(&self, intact: &Intact) -> Vec<LeftBehind> {
        let commands = match self.scenario {
            Scenario::Disable => vec!["ctdb enable".into()],
            Scenario::Hang => vec![format!("kill -CONT {}", intact.ctdbd)],
            Scenario::Cut => self.commands_of_the_firewall(),
            Scenario::Kill => vec!["systemctl start ctdb smbd".into()],
            Scenario::PoweroffSim => {
                let mut commands = self.commands_of_the_firewall();
                commands.push("systemctl start ctdb smbd".into());
                commands
            }
        };
        vec![LeftBehind {
            what: format!(
                "the node {}, which a drill broke ({})",
                self.node, self.scenario
            ),
            commands,
        }]
    }
}

impl BreakNode {
    fn look(&self, cluster: &Cluster<'_>) -> Result<Intact, ClusterError> {
        let services = cluster.services(&self.node)?;
        Ok(Intact {
            ctdbd: pid_of_ctdbd(cluster.member(&self.node)?.host)?,
            smbd: services.runs(Unit::Smbd)?,
            winbind: services.runs(Unit::Winbind)?,
        })
    }

    fn strike(&self, cluster: &Cluster<'_>, intact: &Intact) -> Result<(), ClusterError> {
        let host = cluster.member(&self.node)?.host;
        let deadline = cluster.deadline;
        match self.scenario {
            Scenario::Disable => Ctl::new(host, deadline).disable(None)?,
            Scenario::Kill => signal(host, "-KILL", &[intact.ctdbd], deadline)?,
            Scenario::Hang => signal(host, "-STOP", &[intact.ctdbd], deadline)?,
            Scenario::Cut => firewall::drop_traffic(host, &self.others, LONGEST_DROP, deadline)?,
            Scenario::PoweroffSim => {
                let public = self.public.iter().map(|(address, _, _)| *address);
                let all: Vec<_> = self.others.iter().copied().chain(public).collect();
                firewall::drop_traffic(host, &all, LONGEST_DROP, deadline)?;
                let mut killed =
                    processes(host, &["--session", &intact.ctdbd.to_string()], deadline)?;
                for name in ["smbd", "winbindd"] {
                    killed.extend(processes(host, &["--exact", name], deadline)?);
                }
                signal(host, "-KILL", &killed, deadline)?;
                // A node without power has no addresses, and answers nobody who asks for them.
                for (address, prefix, interface) in &self.public {
                    let delete = Command::new("ip")
                        .args(["address", "delete", "dev", interface])
                        .arg(format!("{address}/{prefix}"))
                        .accept(&[1, 2]);
                    host.run(&delete, deadline)?;
                }
            }
        }
        Ok(())
    }

    fn repair(&self, cluster: &Cluster<'_>, intact: &Intact) -> Result<(), ClusterError> {
        let host = cluster.member(&self.node)?.host;
        let deadline = cluster.deadline;
        match self.scenario {
            Scenario::Disable => {}
            Scenario::Hang => signal(host, "-CONT", &[intact.ctdbd], deadline)?,
            Scenario::Cut | Scenario::PoweroffSim | Scenario::Kill => {
                firewall::let_through(host, deadline)?;
            }
        }
        let services = Services::new(host, deadline);
        if !services.runs(Unit::Ctdb)? {
            clear(host, intact, deadline)?;
            services.start(Unit::Ctdb)?;
        }
        // One that was about to be disabled when this was interrupted is enabled, and nothing happens.
        if self.scenario == Scenario::Disable {
            Ctl::new(host, deadline).enable(None)?;
        }
        wait_until_healthy(host, deadline)?;
        for (unit, ran) in [(Unit::Winbind, intact.winbind), (Unit::Smbd, intact.smbd)] {
            if ran {
                services.start(unit)?;
            }
        }
        Ok(())
    }

    fn commands_of_the_firewall(&self) -> Vec<String> {
        let mut commands = Vec::new();
        for (tool, v6) in [("iptables", false), ("ip6tables", true)] {
            if self.others.iter().any(|address| address.is_ipv6() == v6) {
                commands.push(format!("{tool} -F SMBGW-DRILL"));
            }
        }
        commands
    }
}

/// The public addresses of a node, from its `public_addresses`.
pub(super) fn public_addresses(host: &dyn Host) -> Result<Vec<(IpAddr, u8, String)>, ClusterError> {
    let content = host.read(Path::new("/etc/ctdb/public_addresses"))?;
    let text = String::from_utf8_lossy(&content.unwrap_or_default()).into_owned();
    let mut all = Vec::new();
    for line in PublicAddresses::parse(&text)?.0 {
        let (address, prefix) = (line.address.address(), line.address.network().prefix());
        for interface in line.interfaces {
            all.push((address, prefix, interface.as_str().to_owned()));
        }
    }
    Ok(all)
}

/// The process of ctdbd, as its file has it (ctdbd(1)).
fn pid_of_ctdbd(host: &dyn Host) -> Result<u32, ClusterError> {
    let content = host.read(Path::new("/run/ctdb/ctdbd.pid"))?;
    let text = String::from_utf8_lossy(&content.unwrap_or_default()).into_owned();
    text.trim().parse().map_err(|_| ClusterError::Service {
        service: "ctdbd",
        node: host.name().to_owned(),
        what: "does not say what its process is",
    })
}

/// Sees that nothing is left of a ctdbd that was killed, and of the smbd that worked with it.
fn clear(host: &dyn Host, intact: &Intact, deadline: Deadline) -> Result<(), ClusterError> {
    let left = || {
        let session = intact.ctdbd.to_string();
        let mut left = processes(host, &["--session", &session], deadline)?;
        left.extend(processes(host, &["--exact", "smbd"], deadline)?);
        Ok::<_, ClusterError>(left)
    };
    let limit = deadline.at_most(LONGEST_END);
    loop {
        let processes = left()?;
        if processes.is_empty() {
            return Ok(());
        }
        if limit.has_passed() {
            return signal(host, "-KILL", &processes, deadline);
        }
        std::thread::sleep(PAUSE);
    }
}

/// The numbers of processes, as pgrep(1) finds them.
fn processes(
    host: &dyn Host,
    which: &[&str],
    deadline: Deadline,
) -> Result<Vec<u32>, ClusterError> {
    let find = Command::new("pgrep")
        .args(which.iter().copied())
        .accept(&[1]);
    let found = host.run(&find, deadline)?.text();
    Ok(found
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect())
}

fn signal(
    host: &dyn Host,
    signal: &str,
    processes: &[u32],
    deadline: Deadline,
) -> Result<(), ClusterError> {
    if processes.is_empty() {
        return Ok(());
    }
    // One that is gone already is as it should be.
    let kill = Command::new("kill")
        .arg(signal)
        .args(processes.iter().map(u32::to_string))
        .accept(&[1, 64]);
    host.run(&kill, deadline)?;
    Ok(())
}

fn wait_until_healthy(host: &dyn Host, deadline: Deadline) -> Result<(), ClusterError> {
    let limit = deadline.at_most(LONGEST_HEALING);
    let ctl = Ctl::new(host, deadline);
    loop {
        let own = ctl.pnn().and_then(|pnn| {
            let nodes = ctl.nodes()?;
            Ok(nodes.into_iter().find(|node| node.pnn == pnn))
        });
        if let Ok(Some(node)) = own {
            if node.flags.is_healthy() {
                return Ok(());
            }
            // The others may have banned it for what was done to it.
            if node.flags.any(NodeFlags::BANNED) {
                let _ = ctl.unban(None);
            }
        }
        if limit.has_passed() {
            return Err(ClusterError::NotHealthy {
                seconds: LONGEST_HEALING.as_secs(),
                each: vec![host.name().to_owned()],
            });
        }
        std::thread::sleep(PAUSE);
    }
}
