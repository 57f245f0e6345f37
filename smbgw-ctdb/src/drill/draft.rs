//! A drill that is asked for in texts, as people and programs give it.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smbgw_core::error::{Coded, Problem};
use smbgw_core::secret::Secret;

use super::{Request, Scenario};
use crate::code::Code;
use crate::smb::Login;

/// A drill that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DrillDraft {
    /// The nodes to break, one a round, from the beginning again after the last.
    pub nodes: Vec<String>,
    /// The public address that the clients use; it is moved to the node that is about to be broken.
    pub address: String,
    /// How the nodes are broken.
    pub scenario: Scenario,
    /// How many rounds there are, from 1 to 1000.
    pub count: u32,
    /// The share that the clients work in; they write into its root.
    pub share: String,
    /// As whom they log in: `alice`, or `DOMAIN\alice`.
    pub user: String,
    /// How many clients write and read, from 1 to 32.
    pub clients: u32,
    /// How long they work before the node is broken, in seconds.
    pub warm_up_seconds: u32,
    /// Whether an address may be drilled that others use.
    pub yes: bool,
}

impl Default for DrillDraft {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            address: String::new(),
            scenario: Scenario::Disable,
            count: 1,
            share: String::new(),
            user: String::new(),
            clients: 4,
            warm_up_seconds: 5,
            yes: false,
        }
    }
}

impl DrillDraft {
    /// As whom the clients log in, with this password.
    pub fn login(&self, password: Secret) -> Login {
        let (domain, user) = self.user.split_once('\\').unwrap_or(("", &self.user));
        Login {
            user: user.to_owned(),
            domain: domain.to_owned(),
            password,
        }
    }

    /// The request that it means.
    ///
    /// # Errors
    /// Everything that is wrong with it by itself, all at once.
    pub fn check<'a>(&self, login: &'a Login) -> Result<Request<'a>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut nodes = Vec::new();
        for name in &self.nodes {
            nodes.extend(kept("nodes", name.parse(), &mut problems));
        }
        let share = kept("share", self.share.parse(), &mut problems);
        let address = self.address.parse::<IpAddr>();
        if address.is_err() {
            let message = format!("`{}` is no address", self.address);
            let code = Code::RequestInvalid.as_str();
            problems.push(Problem::invalid("address", code, message));
        }
        let (Some(share), Ok(address), true) = (share, address, problems.is_empty()) else {
            return Err(problems);
        };
        Ok(Request {
            nodes,
            address,
            scenario: self.scenario,
            count: self.count,
            share,
            login,
            clients: self.clients,
            warm_up: Duration::from_secs(self.warm_up_seconds.into()),
            yes: self.yes,
        })
    }
}

fn kept<T, E: Coded>(field: &str, read: Result<T, E>, problems: &mut Vec<Problem>) -> Option<T> {
    read.map_err(|error| problems.push(Problem::from_error(field, &error)))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_a_request() {
        let draft = DrillDraft {
            nodes: vec!["n1".into()],
            address: "10.0.0.100".into(),
            share: "data".into(),
            user: r"AD\alice".into(),
            ..DrillDraft::default()
        };
        let login = draft.login(Secret::from("x".to_owned()));
        assert_eq!(
            (login.domain.as_str(), login.user.as_str()),
            ("AD", "alice")
        );
        let request = draft.check(&login).unwrap();
        assert_eq!((request.count, request.scenario), (1, Scenario::Disable));
        let wrong = DrillDraft {
            nodes: vec!["n_1".into()],
            address: "here".into(),
            share: "a/b".into(),
            ..draft
        };
        let problems = wrong.check(&login).err().unwrap();
        let fields: Vec<_> = problems.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["nodes", "share", "address"]);
    }
}
