//! Who may read and write the files of a share.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::account::{self, AccountError, UserName};
use crate::acl::{self, Acl, Permissions};
use crate::change::Change;
use crate::definition::administrators_globals;
use crate::machine::Machine;
use crate::share::Access;
use crate::step::{Action, LeftBehind};
use crate::step_error::StepError;

/// Gives a share's users and groups the rights to its directory, and to what will be in it.
///
/// The directory belongs to root, and a POSIX access control list names everybody who may use it;
/// nobody else has any right. What is created in it inherits that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrantAccess {
    /// The directory.
    pub path: PathBuf,
    /// Who may do what.
    pub access: Access,
}

/// How the directory was.
#[derive(Debug, Serialize, Deserialize)]
pub struct Before {
    uid: u32,
    gid: u32,
    saved: acl::Saved,
}

impl Action<Machine<'_>> for GrantAccess {
    type Undo = Before;

    fn title(&self) -> String {
        format!("grant access to {}", self.path.display())
    }

    fn check(&self, machine: &Machine<'_>) -> Result<Option<Before>, StepError> {
        let saved = acl::read(machine.host, &self.path)?;
        let (uid, gid) = match machine.host.status(&self.path)? {
            Some(status) => (status.uid, status.gid),
            None => (0, 0),
        };
        Ok(Some(Before { uid, gid, saved }))
    }

    fn apply(&self, machine: &Machine<'_>, _: &Before) -> Result<Change, StepError> {
        let list = self.list(machine)?;
        let owner = machine.host.set_owner(&self.path, 0, 0)?;
        let rights = acl::apply(machine.host, &self.path, &list, Some(&list))?;
        Ok(if rights.happened() { rights } else { owner })
    }

    fn undo(&self, machine: &Machine<'_>, before: &Before) -> Result<(), StepError> {
        if machine.host.status(&self.path)?.is_some() {
            acl::restore(machine.host, &self.path, &before.saved)?;
            machine.host.set_owner(&self.path, before.uid, before.gid)?;
        }
        Ok(())
    }

    fn left_behind(&self, before: &Before) -> Vec<LeftBehind> {
        let path = crate::host::cmd::quote_for_shell(&self.path.to_string_lossy());
        vec![LeftBehind {
            what: format!("changed access rights of {}", self.path.display()),
            commands: vec![
                format!("setfacl -b {path}"),
                format!("chown {}:{} {path}", before.uid, before.gid),
                format!("chmod {:o} {path}", before.saved.mode),
            ],
        }]
    }
}

impl GrantAccess {
    /// The list that gives each user and group of the share its rights.
    fn list(&self, machine: &Machine<'_>) -> Result<Acl, StepError> {
        let rights = if self.access.read_only {
            Permissions::READ_EXECUTE
        } else {
            Permissions::ALL
        };
        let mut list = Acl::minimal(0o770);
        let guest = if self.access.guest {
            Some(guest_account(machine)?)
        } else {
            None
        };
        for user in self.access.users.iter().chain(&guest) {
            let found = account::find_user(machine.host, user, machine.deadline)?
                .ok_or_else(|| AccountError::NoSuchUser { name: user.clone() })?;
            list.grant_user(found.uid, rights);
        }
        for group in &self.access.groups {
            let found = account::find_group(machine.host, group, machine.deadline)?
                .ok_or_else(|| StepError::NoSuchGroup(group.to_string()))?;
            list.grant_group(found.gid, rights);
        }
        Ok(list)
    }
}

/// The account that guests are (smb.conf(5), `guest account`).
fn guest_account(machine: &Machine<'_>) -> Result<UserName, StepError> {
    let given = administrators_globals(machine.host)?.text("guest account");
    let name = given.unwrap_or_else(|| "nobody".into());
    name.parse().map_err(|_| StepError::NoGuestAccount(name))
}
