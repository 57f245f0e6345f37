//! What a drill has to repair, on disk before it breaks anything.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use smbgw_core::error::Coded;
use smbgw_core::journal::{Begun, Journal, Planned, Verdict, read_file};
use smbgw_core::lifecycle::{Finding, Outcome};
use smbgw_core::step::{AnyStep, LeftBehind};
use smbgw_core::transaction::{Transaction, World, settle};

use super::breaking::BreakNode;
use super::{DrillError, Scenario};
use crate::code::Code;
use crate::node::NodeName;
use crate::world::Cluster;

/// The journal of the drill that is under way, on the machine that runs it.
const JOURNAL: &str = "/var/lib/smbgw/cluster/drill.jsonl";

smbgw_core::steps! {
    /// What a drill does to a cluster.
    Step<'a> on Cluster<'a>:
    BreakNode,
}

/// One round: a node is broken, and repaired again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Plan {
    steps: Vec<Step>,
    node: NodeName,
    scenario: Scenario,
}

/// A drill that was interrupted, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Recovered {
    /// The node that was broken.
    pub node: NodeName,
    /// How it was broken.
    pub scenario: Scenario,
    /// Why it could not be repaired; `None` where it was.
    pub cause: Option<Finding>,
    /// What is left.
    pub left_behind: Vec<LeftBehind>,
}

/// A node that is broken at this moment.
pub(super) struct Broken<'a> {
    cluster: &'a Cluster<'a>,
    journal: Option<Journal>,
    plan: Plan,
    begun: Begun,
}

impl Plan {
    pub(super) fn new(step: BreakNode) -> Self {
        Self {
            node: step.node.clone(),
            scenario: step.scenario,
            steps: vec![step.into()],
        }
    }
}

impl<'a> Broken<'a> {
    /// Writes down what repairing will need. Nothing is broken so far.
    pub(super) fn prepare(cluster: &'a Cluster<'a>, plan: Plan) -> Result<Self, Finding> {
        let title = plan.title();
        let finding = |error: &dyn Coded| Finding::new(title.clone(), error);
        let undo = plan.steps[0].check(cluster);
        let undo = undo.map_err(|error| finding(&error))?;
        let journal = Journal::create(cluster.coordinator, &plan);
        let journal = journal.map_err(|error| finding(&error))?;
        let begun = Begun {
            step: 0,
            undo: undo.unwrap_or_default(),
        };
        let noted = journal.begin(cluster.coordinator, &begun);
        let broken = Self {
            cluster,
            journal: Some(journal),
            plan,
            begun,
        };
        match noted {
            Ok(()) => Ok(broken),
            Err(error) => {
                let finding = finding(&error);
                broken.close()?;
                Err(finding)
            }
        }
    }

    /// Breaks it.
    pub(super) fn strike(&self) -> Result<(), Finding> {
        let struck = self.plan.steps[0].apply(self.cluster, &self.begun.undo);
        struck
            .map(drop)
            .map_err(|error| Finding::new(self.plan.title(), &error))
    }

    /// Repairs it. Where that fails the journal stays, for a later run.
    pub(super) fn repair(self) -> Result<(), (Finding, Vec<LeftBehind>)> {
        let step = &self.plan.steps[0];
        if let Err(error) = step.undo(&self.cluster.for_undo(), &self.begun.undo) {
            let finding = Finding::new(format!("repair {}", self.plan.node), &error);
            return Err((finding, step.left_behind(&self.begun.undo)));
        }
        self.close().map_err(|finding| (finding, Vec::new()))
    }

    fn close(mut self) -> Result<(), Finding> {
        let Some(journal) = self.journal.take() else {
            return Ok(());
        };
        let host = self.cluster.coordinator;
        let closed = journal
            .decide(host, Verdict::RolledBack)
            .and_then(|()| journal.remove(host));
        closed.map_err(|error| Finding::new("close the journal of the drill", &error))
    }
}

/// Repairs what an interrupted drill broke.
pub(super) fn recover(cluster: &Cluster<'_>) -> Result<Option<Recovered>, DrillError> {
    let path = Path::new(JOURNAL);
    let Some((journal, account)) = read_file::<Plan>(cluster.coordinator, path)? else {
        // One that was killed while it wrote its plan down had broken nothing.
        cluster
            .coordinator
            .remove_temporary(path)
            .map_err(crate::cluster_error::ClusterError::from)?;
        return Ok(None);
    };
    let (node, scenario) = (account.plan.node.clone(), account.plan.scenario);
    let (cause, left_behind) = match settle(cluster, journal, &account) {
        Outcome::Done(_) | Outcome::RolledBack { .. } => (None, Vec::new()),
        Outcome::NeedsAttention { cause, left_behind } => (Some(cause), left_behind),
    };
    Ok(Some(Recovered {
        node,
        scenario,
        cause,
        left_behind,
    }))
}

/// The same, before another drill.
pub(super) fn settle_earlier(cluster: &Cluster<'_>) -> Result<(), DrillError> {
    match recover(cluster)? {
        Some(Recovered {
            cause: Some(cause),
            left_behind,
            ..
        }) => Err(DrillError::Unrecovered {
            cause: Box::new(cause),
            left_behind,
        }),
        _ => Ok(()),
    }
}

impl Planned for Plan {
    fn journal_file(&self) -> PathBuf {
        JOURNAL.into()
    }

    fn steps(&self) -> usize {
        self.steps.len()
    }
}

impl<'a> Transaction<Cluster<'a>> for Plan {
    type Step = Step;

    fn list(&self) -> &[Step] {
        &self.steps
    }

    fn point_of_no_return(&self) -> Option<usize> {
        None
    }

    fn title(&self) -> String {
        title(self)
    }

    fn interrupted(&self) -> &'static str {
        Code::DrillInterrupted.as_str()
    }

    fn to_finish(&self) -> &'static str {
        "pve-smbgateway ha-recover"
    }
}

impl Plan {
    pub(super) fn title(&self) -> String {
        title(self)
    }
}

fn title(plan: &Plan) -> String {
    format!("drill {} on {}", plan.scenario, plan.node)
}
