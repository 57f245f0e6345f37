//! What is to be looked at: first as text, then checked.

use serde::{Deserialize, Serialize};
use smbgw_core::error::Problem;

use crate::discover::Server;
use crate::field::read;
use crate::join::JoiningUser;
use crate::name::DomainName;

/// A request as it was asked for, nothing checked yet. The password is no part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DiagnoseDraft {
    /// The DNS name of the domain.
    pub domain: String,
    /// Who logs in: `alice`, `alice@AD.EXAMPLE` or `AD\alice`. Without, what needs a login is skipped.
    pub user: Option<String>,
    /// The domain controller to look at, by name or address, instead of looking for one.
    pub server: Option<String>,
}

/// A request that is in order by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiagnoseRequest {
    /// The domain.
    pub domain: DomainName,
    /// Who logs in.
    pub user: Option<JoiningUser>,
    /// The domain controller to look at.
    pub server: Option<Server>,
}

impl DiagnoseDraft {
    /// Checks it by itself.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self) -> Result<DiagnoseRequest, Vec<Problem>> {
        let mut problems = Vec::new();
        let domain = read("domain", Some(&self.domain), &mut problems);
        let user = read("user", self.user.as_ref(), &mut problems);
        let server = read("server", self.server.as_ref(), &mut problems);
        match domain {
            Some(domain) if problems.is_empty() => Ok(DiagnoseRequest {
                domain,
                user,
                server,
            }),
            _ => Err(problems),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_comes_together() {
        let draft = DiagnoseDraft {
            domain: "not a domain".into(),
            user: Some(String::new()),
            server: Some("dc one".into()),
        };
        let problems = draft.check().unwrap_err();
        let fields: Vec<&str> = problems.iter().map(|p| p.field.as_str()).collect();
        assert_eq!(fields, ["domain", "user", "server"]);
        let good = DiagnoseDraft {
            domain: "ad.test".into(),
            server: Some("10.0.0.1".into()),
            ..DiagnoseDraft::default()
        };
        assert_eq!(good.check().unwrap().user, None);
    }
}
