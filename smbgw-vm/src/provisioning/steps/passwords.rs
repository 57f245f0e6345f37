//! The passwords of a guest's users, which no document tells it.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;
use smbgw_core::secret::Secret;

use super::await_ready::SMALL_PROGRAM_SECONDS;
use super::deed::{Deed, deeds};
use crate::cloudinit::LoginName;
use crate::provisioning::error::ProvisioningError;
use crate::provisioning::world::Provisioning;

deeds! { SetPasswords }

/// Makes users of the guest users of its Samba, by the standard input of smbpasswd(8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetPasswords {
    /// The guest.
    pub guest: HostLabel,
    /// The users.
    pub users: Vec<LoginName>,
}

impl Deed for SetPasswords {
    fn title(&self) -> String {
        format!("hand the passwords of its users over to {}", self.guest)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let guest = world.guest(&self.guest)?;
        for user in &self.users {
            let mut given = world.passwords.iter();
            let given = given.find(|(of, _)| of == user);
            let missing = || ProvisioningError::PasswordMissing(user.clone());
            let (_, password) = given.ok_or_else(missing)?;
            let words = ["/usr/bin/smbpasswd", "-s", "-a", user.as_str()];
            let input = Some(twice(password));
            let ended = guest.execute(&words, input, SMALL_PROGRAM_SECONDS)?;
            if ended.status != 0 {
                let said = format!("{} {}", ended.output.trim(), ended.errors.trim());
                return Err(ProvisioningError::PasswordRefused {
                    guest: guest.id(),
                    user: user.clone(),
                    said: said.trim().chars().take(500).collect(),
                });
            }
        }
        Ok(Change::Created)
    }
}

/// A password as smbpasswd(8) asks for it: twice, a line each.
fn twice(password: &Secret) -> Secret {
    // Growing would leave parts of it behind in freed memory.
    let mut lines = Vec::with_capacity(2 * password.expose().len() + 2);
    for _ in 0..2 {
        lines.extend_from_slice(password.expose());
        lines.push(b'\n');
    }
    Secret::from(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_said_twice() {
        let said = twice(&Secret::from("a b".to_owned()));
        assert_eq!(said.expose(), b"a b\na b\n");
    }
}
