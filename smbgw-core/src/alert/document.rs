//! What is said of alerts, as documents for programs.

use serde::Serialize;

use super::state::{Alert, Silence, State};

/// What is raised and what is silenced.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Overview {
    /// The alerts that are raised: the machine's first, then by share and kind.
    pub alerts: Vec<Alert>,
    /// The silences that last.
    pub silences: Vec<Silence>,
}

/// The alerts that somebody knows of now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Acknowledged {
    /// The alerts.
    pub acknowledged: Vec<Alert>,
}

/// A silence that was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Silenced {
    /// The silence.
    pub silence: Silence,
}

/// Silences that were ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unsilenced {
    /// The silences.
    pub ended: Vec<Silence>,
}

impl State {
    /// What is raised and what is silenced at `now`.
    pub fn overview(&self, now: i64) -> Overview {
        Overview {
            alerts: self.alerts(now),
            silences: self.silences(now).cloned().collect(),
        }
    }
}
