//! Which member of which domain Samba's programs are to work for.

use serde::{Deserialize, Serialize};
use smbgw_core::host::Command;

use crate::name::{ComputerName, Principal, Realm};
use crate::samba::SambaError;

/// A machine as a member of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The machine.
    pub computer: ComputerName,
    /// The NetBIOS name of the domain, upper case: Samba's `workgroup`.
    pub netbios: String,
    /// The realm.
    pub realm: Realm,
}

impl Member {
    /// The member `computer` of a domain.
    ///
    /// # Errors
    /// Where `netbios` is not what Active Directory takes as the NetBIOS name of a domain.
    pub fn new(computer: ComputerName, netbios: &str, realm: Realm) -> Result<Self, SambaError> {
        let is_name = (1..=15).contains(&netbios.len())
            && netbios
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.&!".contains(&byte));
        if !is_name {
            return Err(SambaError::DomainName(netbios.chars().take(40).collect()));
        }
        Ok(Self {
            computer,
            netbios: netbios.to_ascii_uppercase(),
            realm,
        })
    }

    /// Its account as Kerberos knows it.
    pub fn principal(&self) -> Principal {
        Principal::computer(&self.computer, self.realm.clone())
    }

    /// `program` of Samba, to work for this member whatever smb.conf says so far, and to show
    /// nothing: at a higher level than 0, Samba's programs log secrets.
    ///
    /// Keys are kept in secrets.tdb alone: `net` 4.17 ends with a segmentation fault where it has
    /// a keytab to fill and no connection, and the keytab is ours to write.
    pub(super) fn command(&self, program: &'static str) -> Command {
        Command::new(program)
            .arg("--debuglevel=0")
            .arg(format!("--option=workgroup={}", self.netbios))
            .arg(format!("--option=realm={}", self.realm))
            .arg(format!("--option=netbios name={}", self.computer))
            .arg("--option=security=ads")
            .arg("--option=server role=member server")
            .arg("--option=kerberos method=secrets only")
    }
}
