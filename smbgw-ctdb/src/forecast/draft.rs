//! What is asked for by the names of nodes.

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;

use super::{Forecast, ForecastError, Live, What};
use crate::node::{Member, NodeName};

/// What is to happen to a cluster, all of it at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ForecastDraft {
    /// The nodes that go away, by their names or numbers.
    pub without: Vec<NodeName>,
    /// The nodes that are healthy then, by their names or numbers.
    pub with: Vec<NodeName>,
}

impl ForecastDraft {
    /// Where the addresses of the cluster of `members` go.
    ///
    /// # Errors
    /// Where there is no such node, no node answers, or none would be left.
    pub fn run(
        &self,
        members: &[Member<'_>],
        deadline: Deadline,
    ) -> Result<Forecast, ForecastError> {
        let live = Live::read(members, deadline)?;
        let numbers = |names: &[NodeName]| {
            let numbers = names.iter().map(|name| live.number_or_name(name));
            numbers.collect::<Result<Vec<_>, _>>()
        };
        live.forecast(&What {
            without: numbers(&self.without)?,
            with: numbers(&self.with)?,
        })
    }
}

/// The number of the node of that name, or with that number where none has the name.
///
/// # Errors
/// Where there is no such node, or no node answers.
pub fn number_of(
    members: &[Member<'_>],
    name: &NodeName,
    deadline: Deadline,
) -> Result<u32, ForecastError> {
    Live::read(members, deadline)?.number_or_name(name)
}

impl Live {
    /// The number of the node of that name, or with that number where none has the name.
    fn number_or_name(&self, name: &NodeName) -> Result<u32, ForecastError> {
        let by_name = self.number(name);
        by_name.or_else(|error| name.as_str().parse().map_err(|_| error))
    }
}
