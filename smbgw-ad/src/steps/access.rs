//! The proof that smbd lets users of the domain in.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host::{Command, create_dirs};
use smbgw_core::probe::{address_for_probe, interfaces};
use smbgw_core::service::ServiceState;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::gateway::Gateway;
use crate::join_error::{JoinError, step};
use crate::krb::ccache;
use crate::name::{HostName, Principal};
use crate::samba::{Member, globals};

/// Connects to the machine's own smbd by Kerberos, as the user who is logged in. Where smbd does not run,
/// there is nothing to prove.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProveAccess {
    /// The member.
    pub member: Member,
    /// The name by which clients reach it.
    pub host_name: HostName,
}

impl Action<Gateway<'_>> for ProveAccess {
    type Undo = ();

    fn title(&self) -> String {
        format!("connect to {} over SMB by Kerberos", self.host_name)
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<()>, StepError> {
        let state = gateway.service.state(gateway.deadline)?;
        Ok((state == ServiceState::Running).then_some(()))
    }

    fn apply(&self, gateway: &Gateway<'_>, (): &()) -> Result<Change, StepError> {
        let proven = self.prove(gateway);
        let removed = remove_cache(gateway);
        proven.and(removed).map_err(step)?;
        Ok(Change::Unchanged)
    }

    fn undo(&self, gateway: &Gateway<'_>, (): &()) -> Result<(), StepError> {
        remove_cache(gateway).map_err(step)
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        Vec::new()
    }
}

impl ProveAccess {
    fn prove(&self, gateway: &Gateway<'_>) -> Result<(), JoinError> {
        let session = gateway.logged_in()?;
        let service = Principal::service("cifs", &self.host_name, self.member.realm.clone());
        let ticket = session.ticket(&service, gateway.deadline)?;
        // The ticket alone, which is good for this machine only: Heimdal's library, which Debian's
        // Samba has, reads it from a real file and from nothing else.
        let file = Path::new(CACHE);
        if let Some(directory) = file.parent() {
            create_dirs(gateway.host, directory, 0o700)?;
        }
        let cache = ccache::render(ticket.client(), &[&ticket]);
        gateway.host.write(file, &cache, 0o600)?;
        let cache = format!("FILE:{CACHE}");
        let command = Command::new("env")
            // Samba 4.17 takes the user from the cache that it is given, and tickets from the default one.
            .arg(format!("KRB5CCNAME={cache}"))
            .arg(gateway.host.tool("smbclient")?)
            .arg(format!("--use-krb5-ccache={cache}"))
            .args(["--use-kerberos=required", "--client-protection=sign"])
            .arg(format!("--ip-address={}", address(gateway)?))
            .arg(format!("//{}/IPC$", self.host_name))
            .arg("--command=quit")
            .accept(&[1]);
        let limit = gateway.deadline.at_most(LONGEST_WAIT);
        loop {
            let output = gateway.host.run(&command, gateway.deadline)?;
            if output.status == 0 {
                return Ok(());
            }
            // smbd takes its configuration in the moments after it was told to.
            if limit.has_passed() {
                let said = format!("{}{}", output.text(), output.error_text());
                return Err(JoinError::NoAccess {
                    user: ticket.client().to_string(),
                    said: said.split_whitespace().collect::<Vec<_>>().join(" "),
                });
            }
            std::thread::sleep(PAUSE.min(limit.remaining()));
        }
    }
}

fn remove_cache(gateway: &Gateway<'_>) -> Result<(), JoinError> {
    let file = Path::new(CACHE);
    gateway.host.remove_temporary(file)?;
    gateway.host.remove(file)?;
    Ok(())
}

/// Where the machine's own smbd listens.
fn address(gateway: &Gateway<'_>) -> Result<IpAddr, JoinError> {
    let globals = globals::administrators(gateway.host)?;
    let bound = globals.flag("bind interfaces only") == Some(true);
    let parameter = globals.text("interfaces").unwrap_or_default();
    let present = interfaces(gateway.host, gateway.deadline)?;
    let address = address_for_probe(&parameter, bound, &present);
    Ok(address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)))
}

/// Where a client finds the ticket, in memory.
const CACHE: &str = "/run/smbgw/access.ccache";

const LONGEST_WAIT: Duration = Duration::from_secs(10);

const PAUSE: Duration = Duration::from_millis(100);
