//! The share that a guest is to serve.

use serde::{Deserialize, Serialize};
use smbgw_core::error::Problem;
use smbgw_core::share::{ShareDraft, ShareName, ShareSpec};
use smbgw_core::size::ByteSize;

use super::request::DataRequest;
use crate::cloudinit::LoginName;

/// The share that a guest serves, on its disk for data. All users of the guest may use it, and nobody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShareRequest {
    /// Its name, as clients see it.
    pub name: ShareName,
    /// How much its files may take, in bytes.
    pub quota: ByteSize,
    /// What clients show beside its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl ShareRequest {
    /// Its directory in the guest.
    pub fn directory(&self) -> String {
        format!("{}/{}", DataRequest::MOUNT_POINT, self.name.key())
    }

    /// The share as the Samba of its guest knows it.
    ///
    /// # Errors
    /// All that is wrong with it, by the fields of a request for a guest.
    pub fn spec(&self, users: &[LoginName]) -> Result<ShareSpec, Vec<Problem>> {
        let draft = ShareDraft {
            name: self.name.to_string(),
            path: Some(self.directory()),
            quota: Some(self.quota.bytes().to_string()),
            users: users.iter().map(ToString::to_string).collect(),
            comment: self.comment.clone(),
            ..ShareDraft::default()
        };
        draft.check().map_err(|mut problems| {
            for problem in &mut problems {
                problem.field = match problem.field.as_str() {
                    // The path is made of the name.
                    "name" | "path" => "share".into(),
                    "user" => "users".into(),
                    field => field.into(),
                };
            }
            problems
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(name: &str) -> ShareRequest {
        ShareRequest {
            name: name.parse().unwrap(),
            quota: ByteSize::from_mib(100),
            comment: None,
        }
    }

    #[test]
    fn it_is_below_the_disk_for_data_and_for_the_users() {
        let spec = share("Team Files").spec(&["alice".parse().unwrap()]);
        let spec = spec.unwrap();
        assert_eq!(spec.path.to_string(), "/srv/smbgw/team files");
        assert_eq!(spec.quota.bytes(), 100 << 20);
        assert_eq!(spec.access.users.len(), 1);
        assert!(!spec.access.guest);
    }

    #[test]
    fn all_that_is_wrong_is_told_by_its_field() {
        let wrong = ShareRequest {
            quota: ByteSize::from_bytes(0),
            comment: Some("a\nb".into()),
            ..share("x")
        };
        let problems = wrong.spec(&[]).unwrap_err();
        let mut fields: Vec<&str> = problems.iter().map(|one| one.field.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["comment", "quota", "users"]);
    }
}
