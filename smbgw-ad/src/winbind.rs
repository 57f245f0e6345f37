//! winbindd: whether it runs, its start and end, and whether it can talk to the domain.
//!
//! A member's smbd cannot let domain users in without it (Samba 4.8 and later). It looks for its
//! domain when it starts: after a join it has to be started anew ([`restart`]). It finds out about a
//! new password of the machine, and about a domain controller that is back, by itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::{Command, CommandError, Host};
use smbgw_core::service::{ServiceError, ServiceState, systemd_unit};

use crate::code::Code;

/// Whether winbindd answers.
///
/// # Errors
/// Where its program that asks is missing or does not end.
pub fn state(host: &dyn Host, deadline: Deadline) -> Result<ServiceState, WinbindError> {
    Ok(match ask(host, "--ping", deadline)? {
        (true, _) => ServiceState::Running,
        (false, _) => ServiceState::Stopped,
    })
}

/// Starts winbindd and waits until it answers.
///
/// # Errors
/// Where it does not start.
pub fn start(host: &dyn Host, deadline: Deadline) -> Result<Change, WinbindError> {
    if state(host, deadline)? == ServiceState::Running {
        return Ok(Change::Unchanged);
    }
    // Samba remembers for a minute that a controller did not answer.
    let forget = Command::new("net").args(["cache", "flush"]).accept(&[255]);
    host.run(&forget, deadline)?;
    match systemd_unit(host, UNIT) {
        Some(unit) => {
            unit.start(deadline)?;
        }
        None => {
            let start = Command::new("winbindd").arg("--daemon");
            host.run(&start, deadline)?;
        }
    }
    wait(host, ServiceState::Running, deadline)?;
    Ok(Change::Updated)
}

/// Stops winbindd and waits for its end.
///
/// # Errors
/// Where it does not end.
pub fn stop(host: &dyn Host, deadline: Deadline) -> Result<Change, WinbindError> {
    let was = state(host, deadline)?;
    if let Some(unit) = systemd_unit(host, UNIT) {
        return Ok(unit.stop(deadline)?);
    }
    if was == ServiceState::Stopped {
        return Ok(Change::Unchanged);
    }
    let stop = Command::new("smbcontrol").args(["winbindd", "shutdown"]);
    host.run(&stop, deadline)?;
    wait(host, ServiceState::Stopped, deadline)?;
    Ok(Change::Updated)
}

/// Stops winbindd if it runs, starts it, and waits until it answers.
///
/// # Errors
/// Where it does not start.
pub fn restart(host: &dyn Host, deadline: Deadline) -> Result<Change, WinbindError> {
    stop(host, deadline)?;
    start(host, deadline)
}

/// Makes winbindd read its configuration again.
///
/// # Errors
/// Where it does not run, or cannot be told.
pub fn reload(host: &dyn Host, deadline: Deadline) -> Result<(), WinbindError> {
    if state(host, deadline)? == ServiceState::Stopped {
        return Err(WinbindError::Down);
    }
    let reload = Command::new("smbcontrol").args(["winbindd", "reload-config"]);
    host.run(&reload, deadline)?;
    Ok(())
}

/// Asks winbindd for the domain controller that it uses, which has to answer over the secure channel
/// (`wbinfo --ping-dc`). It is quick, and proves the machine's secret only as far as that channel is new.
///
/// # Errors
/// [`WinbindError::Down`] where winbindd does not run, [`WinbindError::Channel`] where none answers.
pub fn controller(host: &dyn Host, deadline: Deadline) -> Result<Option<String>, WinbindError> {
    match ask(host, "--ping-dc", deadline)? {
        (true, said) => Ok(quoted(&said)),
        (false, said) if said.contains(NOT_THERE) => Err(WinbindError::Down),
        (false, said) => Err(WinbindError::Channel {
            why: status_in(&said),
        }),
    }
}

/// How `wbinfo` says that winbindd does not run.
const NOT_THERE: &str = "WBC_ERR_WINBIND_NOT_AVAILABLE";

/// Has winbindd prove the machine's secret to a domain controller now.
///
/// # Errors
/// [`WinbindError::Down`] where winbindd does not run, [`WinbindError::Channel`] where its secret is not
/// taken.
pub fn check_secret(host: &dyn Host, deadline: Deadline) -> Result<(), WinbindError> {
    let (taken, said) = ask(host, "--check-secret", deadline)?;
    if taken {
        return Ok(());
    }
    match state(host, deadline)? {
        ServiceState::Stopped => Err(WinbindError::Down),
        ServiceState::Running => Err(WinbindError::Channel {
            why: status_in(&said),
        }),
    }
}

/// Whether winbindd says yes, and all that it says.
fn ask(host: &dyn Host, option: &str, deadline: Deadline) -> Result<(bool, String), CommandError> {
    let command = Command::new("wbinfo").arg(option).accept(&[1, 255]);
    let output = host.run(&command, deadline)?;
    let said = format!("{}{}", output.text(), output.error_text());
    Ok((output.status == 0, said))
}

/// The version of a program of Samba's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The version of `smbd` on `host`.
///
/// # Errors
/// Where it is not installed or prints no version.
pub fn smbd_version(host: &dyn Host, deadline: Deadline) -> Result<Version, WinbindError> {
    version(host, "smbd", deadline)
}

/// The version of `winbindd` on `host`.
///
/// # Errors
/// Where it is not installed or prints no version.
pub fn winbindd_version(host: &dyn Host, deadline: Deadline) -> Result<Version, WinbindError> {
    version(host, "winbindd", deadline)
}

fn version(
    host: &dyn Host,
    program: &'static str,
    deadline: Deadline,
) -> Result<Version, WinbindError> {
    let command = Command::new(program).arg("--version");
    let output = host.run(&command, deadline)?;
    parse_version(&output.text())
        .ok_or_else(|| CommandError::unexpected(&command, "no version").into())
}

/// Reads `Version 4.17.12-Debian`.
fn parse_version(text: &str) -> Option<Version> {
    let numbers = text.trim().strip_prefix("Version ")?;
    let mut numbers = numbers.split('.').map(str::parse);
    Some(Version {
        major: numbers.next()?.ok()?,
        minor: numbers.next()?.ok()?,
    })
}

/// The name of a controller in `… connection to "dc.ad.test" succeeded`.
fn quoted(said: &str) -> Option<String> {
    said.split('"').nth(1).map(str::to_string)
}

/// The code of an error in what `wbinfo` says, or all of it.
fn status_in(said: &str) -> String {
    let is_code = |word: &&str| word.starts_with("NT_STATUS_") || word.starts_with("WBC_ERR_");
    let mut words = said.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let mut codes: Vec<&str> = words.by_ref().filter(is_code).collect();
    codes.sort_by_key(|code| !code.starts_with("NT_STATUS_"));
    match codes.first() {
        Some(code) => (*code).to_string(),
        None => said.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

fn wait(host: &dyn Host, wanted: ServiceState, deadline: Deadline) -> Result<(), WinbindError> {
    let limit = deadline.at_most(LONGEST_WAIT);
    while state(host, deadline)? != wanted {
        if limit.has_passed() {
            return Err(ServiceError::TimedOut {
                service: "winbindd".into(),
                action: match wanted {
                    ServiceState::Running => "start",
                    ServiceState::Stopped => "stop",
                },
            }
            .into());
        }
        std::thread::sleep(PAUSE.min(limit.remaining()));
    }
    Ok(())
}

/// The unit of Debian's winbind.
const UNIT: &str = "winbind.service";

/// winbindd answers some 100 ms after it was started, and later where its domain does not.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(10);

/// Why winbindd could not be asked or controlled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WinbindError {
    /// It does not run.
    #[error("winbindd does not run")]
    Down,
    /// The domain does not take the machine's secret.
    #[error("the domain does not take the secret of this machine: {why}")]
    Channel {
        /// The status that Samba gives.
        why: String,
    },
    /// A program failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// It could not be started or stopped.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Coded for WinbindError {
    fn code(&self) -> &'static str {
        match self {
            Self::Down => Code::WinbindDown.as_str(),
            Self::Channel { .. } => Code::SecureChannelBroken.as_str(),
            Self::Command(error) => error.code(),
            Self::Service(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Down | Self::Channel { .. } => ErrorKind::Failed,
            Self::Command(error) => error.kind(),
            Self::Service(error) => error.kind(),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Down => Some(Code::WinbindDown.fix().into()),
            Self::Channel { .. } => Some(Code::SecureChannelBroken.fix().into()),
            Self::Command(error) => error.remedy(),
            Self::Service(error) => error.remedy(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let (major, minor) = (4, 17);
        assert_eq!(
            parse_version("Version 4.17.12-Debian\n"),
            Some(Version { major, minor })
        );
        assert_eq!(parse_version("4.17"), None);
        assert!(Version { major, minor } < Version { major, minor: 22 });
    }

    #[test]
    fn what_wbinfo_says_is_read() {
        let said =
            "checking the NETLOGON for domain[AD] dc connection to \"dc.ad.test\" succeeded\n";
        assert_eq!(quoted(said).as_deref(), Some("dc.ad.test"));
        let said = "checking the trust secret for domain AD via RPC calls failed\n\
                    wbcCheckTrustCredentials(AD): error code was NT_STATUS_ACCESS_DENIED (0xc0000022)\n\
                    failed to call wbcCheckTrustCredentials: WBC_ERR_AUTH_ERROR\n";
        assert_eq!(status_in(said), "NT_STATUS_ACCESS_DENIED");
        assert_eq!(status_in("no  luck\n"), "no luck");
    }
}
