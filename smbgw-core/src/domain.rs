//! The domain that this machine is in, as its Samba has it: whether it is a member, and whether users
//! of the domain can be let in at this moment.
//!
//! smbd lets in a user of a domain with the help of winbindd, which asks a domain controller, and of the
//! system, which has to name a Unix account for the user (`winbind` in `/etc/nsswitch.conf`). Users of
//! this machine need none of the three.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::definition::{administrators_globals, check_administrators};
use crate::error::{Coded, ErrorKind};
use crate::host::{Command, CommandError, FileError, Host};
use crate::step_error::StepError;

/// What stands between a domain and a name in Samba's configuration, whatever else is set.
pub const SEPARATOR: char = '\\';

/// Why users of a domain are not let in at this moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// Samba is not set up as a member of a domain.
    #[error("this machine is in no domain, so that nobody of one can be let in")]
    NotMember,
    /// winbindd does not run.
    #[error(
        "degraded: winbindd does not answer, so that users of {domain} are not let in; users of \
         this machine are"
    )]
    NoWinbind {
        /// The domain.
        domain: String,
    },
    /// The system does not ask winbindd for users.
    #[error(
        "users of {domain} are not let in, because the system does not know them: the line \
         `passwd` of {NSSWITCH} does not name winbind"
    )]
    UnknownToSystem {
        /// The domain.
        domain: String,
    },
    /// No domain controller can be reached.
    #[error(
        "degraded: no domain controller of {domain} answers; users of this machine are let in, and \
         users of the domain who hold a Kerberos ticket for it, others are not"
    )]
    NoController {
        /// The domain.
        domain: String,
    },
}

impl Coded for DomainError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotMember => "domain.not-member",
            Self::NoWinbind { .. } => "domain.winbind-down",
            Self::UnknownToSystem { .. } => "domain.unknown-to-system",
            Self::NoController { .. } => "domain.degraded",
        }
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Unsupported
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::NotMember => "join the domain first, with `pve-smbgateway ad-join`".into(),
            Self::NoWinbind { .. } => {
                "start it with `systemctl start winbind`, and see /var/log/samba/log.winbindd for \
                 why it does not run"
                    .into()
            }
            Self::UnknownToSystem { .. } => format!(
                "add `winbind` to the lines `passwd` and `group` of {NSSWITCH}, as `pve-smbgateway \
                 ad-join` does where it is not told to leave that file"
            ),
            Self::NoController { .. } => {
                "nothing has to be done here once one can be reached again; see with \
                 `pve-smbgateway ad-test` what is in the way"
                    .into()
            }
        })
    }
}

/// The NetBIOS name of the domain that this machine is in, if it is a member of one.
///
/// # Errors
/// Where Samba's configuration cannot be read.
pub fn member_of(host: &dyn Host, deadline: Deadline) -> Result<Option<String>, StepError> {
    let globals = administrators_globals(host)?;
    let set = [globals.text("security"), globals.text("server role")];
    let workgroup = globals.text("workgroup");
    if !globals.includes_registry() || !host.is_live() {
        return Ok(domain_in(&set, workgroup));
    }
    let effective = check_administrators(host, deadline)?;
    let text = |key| {
        let value = effective.global(key);
        value.map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let set = [text("security"), text("server role")];
    Ok(domain_in(&set, text("workgroup")))
}

/// What keeps users of the domain out at this moment, if anything does.
///
/// # Errors
/// Where the machine cannot be looked at.
pub fn problem(host: &dyn Host, deadline: Deadline) -> Result<Option<DomainError>, StepError> {
    let Some(domain) = member_of(host, deadline)? else {
        return Ok(Some(DomainError::NotMember));
    };
    let Some(is_connected) = connection(host, &domain, deadline)? else {
        return Ok(Some(DomainError::NoWinbind { domain }));
    };
    if !asks_winbind(host)? {
        return Ok(Some(DomainError::UnknownToSystem { domain }));
    }
    let reached = reaches_controller(host, &domain, is_connected, deadline)?;
    Ok((!reached).then_some(DomainError::NoController { domain }))
}

/// What winbindd has between a domain and a name (smb.conf(5), `winbind separator`).
pub(crate) fn separator(host: &dyn Host) -> Result<char, FileError> {
    let given = administrators_globals(host)?.text("winbind separator");
    Ok(given
        .and_then(|given| given.chars().next())
        .unwrap_or(SEPARATOR))
}

/// Whether this machine is a member of a domain whose users only winbindd knows, and not the system.
pub(crate) fn is_known_to_winbind_alone(host: &dyn Host) -> Result<bool, FileError> {
    let globals = administrators_globals(host)?;
    let set = [globals.text("security"), globals.text("server role")];
    Ok(domain_in(&set, None).is_some() && !asks_winbind(host)?)
}

/// Where the system is told whom it asks for users.
const NSSWITCH: &str = "/etc/nsswitch.conf";

/// How long a domain controller may take to answer a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// How long winbindd may take to try for itself. Where a controller is silent it waits for a minute.
const TRY: Duration = Duration::from_secs(5);

/// The port of LDAP, which every domain controller has.
const LDAP: u16 = 389;

fn domain_in(set: &[Option<String>; 2], workgroup: Option<String>) -> Option<String> {
    let is = |value: &Option<String>, words: &[&str]| {
        let value = value.as_deref().unwrap_or_default().to_ascii_lowercase();
        words.contains(&value.trim_start_matches("role_").replace('_', " ").as_str())
    };
    let [security, role] = set;
    let is_member =
        is(security, &["ads", "domain"]) || is(role, &["member server", "domain member", "member"]);
    is_member.then(|| workgroup.unwrap_or_else(|| "WORKGROUP".into()))
}

/// Whether winbindd says that it is connected to the domain; `None` where it does not run. It is told so
/// by its own last attempt, so both answers may be out of date.
fn connection(
    host: &dyn Host,
    domain: &str,
    deadline: Deadline,
) -> Result<Option<bool>, StepError> {
    if host.tool("wbinfo").is_err() {
        return Ok(None);
    }
    let ask = Command::new("wbinfo")
        .arg("--online-status")
        .accept(&[1, 255]);
    let output = match host.run(&ask, deadline.at_most(TRY)) {
        Err(CommandError::TimedOut { .. }) => return Ok(None),
        other => other?,
    };
    Ok((output.status == 0).then(|| says_connected(&output.text(), domain)))
}

/// Reads `AD : active connection` and `AD : no active connection`.
fn says_connected(text: &str, domain: &str) -> bool {
    let of_domain = text.lines().find_map(|line| {
        let (name, says) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case(domain).then_some(says)
    });
    of_domain.is_some_and(|says| says.trim() == "active connection")
}

/// Whether a domain controller answers. The one that winbindd uses is asked directly, which costs
/// nothing where it is there; winbindd is made to try only where the two do not agree, because each
/// attempt that comes to nothing keeps it busy for a minute.
fn reaches_controller(
    host: &dyn Host,
    domain: &str,
    is_connected: bool,
    deadline: Deadline,
) -> Result<bool, StepError> {
    let ask = Command::new("wbinfo")
        .arg(format!("--dc-info={domain}"))
        .accept(&[1, 255]);
    let answers = match host.run(&ask, deadline.at_most(TRY)) {
        Err(CommandError::TimedOut { .. }) => false,
        other => addresses(&other?.text()).any(|address| {
            let limit = deadline.at_most(CONNECT).remaining();
            !limit.is_zero()
                && TcpStream::connect_timeout(&SocketAddr::new(address, LDAP), limit).is_ok()
        }),
    };
    if answers == is_connected {
        return Ok(answers);
    }
    let attempt = Command::new("wbinfo").arg("--ping-dc").accept(&[1, 255]);
    match host.run(&attempt, deadline.at_most(TRY)) {
        Err(CommandError::TimedOut { .. }) => Ok(false),
        other => Ok(other?.status == 0),
    }
}

/// The addresses in lines such as `dc.ad.example (192.0.2.10)`.
fn addresses(text: &str) -> impl Iterator<Item = IpAddr> {
    text.lines().filter_map(|line| {
        let (_, address) = line.trim_end().strip_suffix(')')?.rsplit_once('(')?;
        address.parse().ok()
    })
}

/// Whether the system asks winbindd for users, or sssd, which may know those of a domain as well.
fn asks_winbind(host: &dyn Host) -> Result<bool, FileError> {
    let text = host.read(Path::new(NSSWITCH))?.unwrap_or_default();
    Ok(names_winbind(&String::from_utf8_lossy(&text)))
}

fn names_winbind(text: &str) -> bool {
    let sources = text.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        line.trim().strip_prefix("passwd:")
    });
    sources.is_some_and(|sources| {
        sources
            .split_whitespace()
            .any(|source| ["winbind", "sss"].contains(&source))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_by_their_settings() {
        let domain = |security: Option<&str>, role: Option<&str>| {
            let set = [security, role].map(|value| value.map(str::to_string));
            domain_in(&set, Some("AD".into()))
        };
        let ad = Some("AD".to_string());
        assert_eq!(domain(Some("ADS"), None), ad);
        assert_eq!(domain(Some("domain"), Some("auto")), ad);
        assert_eq!(domain(Some("AUTO"), Some("member server")), ad);
        assert_eq!(domain(None, Some("ROLE_DOMAIN_MEMBER")), ad);
        assert_eq!(domain(Some("user"), Some("standalone server")), None);
        assert_eq!(domain(None, None), None);
    }

    #[test]
    fn the_state_of_the_own_domain_is_read() {
        // Samba 4.17, `wbinfo --online-status`.
        let text =
            "BUILTIN : active connection\nGW1 : active connection\nLAB : no active connection\n";
        assert!(!says_connected(text, "LAB"));
        assert!(says_connected(text, "gw1"));
        assert!(!says_connected(text, "OTHER"));
        assert!(!says_connected("", "LAB"));
    }

    #[test]
    fn the_addresses_of_controllers_are_read() {
        // Samba 4.17, `wbinfo --dc-info=LAB`.
        let text = "dc.ad.test (fd99::10)\ndc2.ad.test (10.99.0.11)\nCould not find dc info\n";
        let found: Vec<String> = addresses(text).map(|address| address.to_string()).collect();
        assert_eq!(found, ["fd99::10", "10.99.0.11"]);
    }

    #[test]
    fn what_the_system_asks_is_read() {
        assert!(names_winbind(
            "passwd:         files systemd winbind\ngroup: files\n"
        ));
        assert!(names_winbind("passwd: files sss # winbind is not used"));
        assert!(!names_winbind(
            "passwd: files # winbind\ngroup: files winbind\n"
        ));
        assert!(!names_winbind("# passwd: winbind\n"));
    }

    #[test]
    fn somebody_who_is_degraded_is_told_so() {
        let domain = || "AD".to_string();
        let degraded = DomainError::NoController { domain: domain() };
        assert!(
            degraded
                .to_string()
                .starts_with("degraded: no domain controller")
        );
        let all = [
            DomainError::NotMember,
            DomainError::NoWinbind { domain: domain() },
            DomainError::UnknownToSystem { domain: domain() },
            degraded,
        ];
        let codes: std::collections::BTreeSet<_> = all.iter().map(Coded::code).collect();
        assert_eq!(codes.len(), all.len());
        assert!(all.iter().all(|error| error.remedy().is_some()));
    }
}
