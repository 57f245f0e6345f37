//! Proof over SMB that a share answers, and where to knock.
//!
//! The proof is a real client's: smbclient(1) negotiates, logs in and connects to the share, 40 ms
//! in all. Without a password it logs in as nobody, and being refused *at the share* is proof enough
//! that the share is there: smbd answers `NT_STATUS_BAD_NETWORK_NAME` for a share it does not know
//! and `NT_STATUS_ACCESS_DENIED` for one that is not for nobody.

mod address;

use std::net::IpAddr;
use std::time::Duration;

use crate::account::UserName;
use crate::deadline::Deadline;
use crate::error::{Coded, ErrorKind};
use crate::host::{Command, CommandError, Host};
use crate::secret::Secret;
use crate::share::ShareName;

pub use address::{Interface, address_for_probe, interfaces};

/// The port of SMB over TCP.
pub const SMB_PORT: u16 = 445;

/// A share, and as whom to connect to it.
#[derive(Clone)]
pub struct ShareProbe<'a> {
    /// The address smbd listens on, as the host that runs the probe reaches it.
    pub address: IpAddr,
    /// The port, [`SMB_PORT`] as a rule.
    pub port: u16,
    /// The share.
    pub share: &'a ShareName,
    /// As whom to log in.
    pub login: Login<'a>,
}

/// As whom a probe logs in.
#[derive(Clone)]
pub enum Login<'a> {
    /// As nobody, which needs no password.
    Anonymous,
    /// As a user. Being let in as a guest instead counts as a failure.
    User {
        /// The user, `DOMAIN\name` for one of a domain.
        name: &'a UserName,
        /// The password.
        password: &'a Secret,
    },
}

/// What a share that is there does with the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeResult {
    /// It lets the login in; for a user, the root of the share could also be listed.
    Connected,
    /// It is there and not for this login.
    ExistsButDenied,
}

impl ShareProbe<'_> {
    /// Connects once.
    ///
    /// # Errors
    /// [`ProbeError::NotFound`] where the server knows no such share; any other where that was not
    /// found out.
    pub fn once(&self, host: &dyn Host, deadline: Deadline) -> Result<ProbeResult, ProbeError> {
        let command = self.command().accept(&[1]).timeout(LONGEST_ATTEMPT);
        let output = match host.run(&command, deadline) {
            Ok(output) => output,
            Err(CommandError::TimedOut { .. }) => {
                return Err(ProbeError::TimedOut {
                    share: self.share.clone(),
                });
            }
            Err(error) => return Err(error.into()),
        };
        if output.status == 0 {
            return Ok(ProbeResult::Connected);
        }
        self.judge(&(output.text() + &output.error_text()))
    }

    /// Connects again and again until the share is there, as smbd takes a changed configuration in
    /// a moment after it was told to.
    ///
    /// # Errors
    /// What the last attempt before the deadline found; at once for a login that is wrong.
    pub fn wait_until_there(
        &self,
        host: &dyn Host,
        deadline: Deadline,
    ) -> Result<ProbeResult, ProbeError> {
        self.repeat(host, deadline, |found| match found {
            Err(error) => !error.may_pass(),
            Ok(_) => true,
        })
    }

    /// Connects again and again until the server says that it knows no such share.
    ///
    /// # Errors
    /// [`ProbeError::StillThere`] where the share is still there at the deadline, or what hindered
    /// the last attempt before it.
    pub fn wait_until_gone(&self, host: &dyn Host, deadline: Deadline) -> Result<(), ProbeError> {
        let found = self.repeat(host, deadline, |found| match found {
            Err(ProbeError::NotFound { .. }) => true,
            Err(error) => !error.may_pass(),
            Ok(_) => false,
        });
        match found {
            Err(ProbeError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(ProbeError::StillThere {
                share: self.share.clone(),
            }),
        }
    }

    fn repeat(
        &self,
        host: &dyn Host,
        deadline: Deadline,
        enough: impl Fn(&Result<ProbeResult, ProbeError>) -> bool,
    ) -> Result<ProbeResult, ProbeError> {
        let mut last = None;
        loop {
            let found = self.once(host, deadline);
            // An attempt that the deadline cut short says less than the whole one before it.
            if deadline.has_passed() && matches!(found, Err(ProbeError::TimedOut { .. })) {
                return last.unwrap_or(found);
            }
            if enough(&found) || deadline.has_passed() {
                return found;
            }
            last = Some(found);
            // The server is asked, not waited for: there is nothing to be woken by.
            std::thread::sleep(PAUSE.min(deadline.remaining()));
        }
    }

    /// The client, independent of the machine's own smb.conf and of name resolution.
    fn command(&self) -> Command {
        let command = Command::new("smbclient")
            .args(["--configfile=/dev/null", "--use-kerberos=off"])
            .args([
                "--option=interfaces=lo",
                "--option=client min protocol=SMB2",
            ])
            .arg(format!("--ip-address={}", self.address))
            .arg(format!("--port={}", self.port));
        let command = match &self.login {
            // Without a name smbclient would log in as the user it runs as first, whom a member of
            // a domain asks a domain controller about.
            Login::Anonymous => command.args(["--user=%", "--command=quit"]),
            Login::User { name, password } => command
                // A guest's session has no key to sign with, so that a user who is unknown and
                // taken for a guest is refused.
                .args(["--client-protection=sign", "--command=ls"])
                .arg("--authentication-file=/proc/self/fd/0")
                .stdin_secret(authentication_file(name, password)),
        };
        command.arg(format!("//localhost/{}", self.share))
    }

    /// What the client's complaint says of the share.
    fn judge(&self, said: &str) -> Result<ProbeResult, ProbeError> {
        let share = || self.share.clone();
        // Libraries add complaints of their own, which do not say how far the client came.
        let complaints: Vec<_> = said.lines().filter_map(Complaint::parse).collect();
        let known = complaints.iter().rfind(|one| one.stage != Stage::Unknown);
        let complaint = known
            .or(complaints.last())
            .ok_or_else(|| ProbeError::Other {
                share: share(),
                status: String::new(),
                text: last_lines(said),
            })?;
        let other = || ProbeError::Other {
            share: share(),
            status: complaint.status.into(),
            text: last_lines(said),
        };
        match (complaint.stage, complaint.status) {
            (Stage::Tree, "NT_STATUS_BAD_NETWORK_NAME") => {
                Err(ProbeError::NotFound { share: share() })
            }
            (Stage::Tree, "NT_STATUS_ACCESS_DENIED") => Ok(ProbeResult::ExistsButDenied),
            // Listing the root comes after the share let the login in.
            (Stage::List, "NT_STATUS_ACCESS_DENIED") => Ok(ProbeResult::Connected),
            (Stage::Session, status) => match (&self.login, status) {
                (Login::Anonymous, "NT_STATUS_ACCESS_DENIED" | "NT_STATUS_LOGON_FAILURE") => {
                    Err(ProbeError::AnonymousRefused { share: share() })
                }
                (
                    Login::User { name, .. },
                    "NT_STATUS_LOGON_FAILURE"
                    | "NT_STATUS_ACCESS_DENIED"
                    | "NT_STATUS_WRONG_PASSWORD"
                    | "NT_STATUS_NO_SUCH_USER"
                    | "NT_STATUS_ACCOUNT_DISABLED"
                    | "NT_STATUS_ACCOUNT_LOCKED_OUT"
                    | "NT_STATUS_ACCOUNT_EXPIRED"
                    | "NT_STATUS_PASSWORD_EXPIRED"
                    | "NT_STATUS_PASSWORD_MUST_CHANGE",
                ) => Err(ProbeError::LogonFailure {
                    user: (*name).clone(),
                    status: status.into(),
                }),
                _ => Err(other()),
            },
            (Stage::Connection, "NT_STATUS_IO_TIMEOUT") => {
                Err(ProbeError::TimedOut { share: share() })
            }
            (Stage::Connection, status) => Err(ProbeError::Refused {
                address: self.address,
                port: self.port,
                status: status.into(),
            }),
            _ => Err(other()),
        }
    }
}

/// Why a probe did not find the share.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The server answers and knows no such share (`NT_STATUS_BAD_NETWORK_NAME`), or its directory
    /// does not exist.
    #[error("the SMB server knows no share `{share}`")]
    NotFound {
        /// The share.
        share: ShareName,
    },
    /// The share was to be gone and is not.
    #[error("the SMB server still offers the share `{share}`")]
    StillThere {
        /// The share.
        share: ShareName,
    },
    /// The server lets nobody in without a login, so that nothing was found out of the share.
    #[error(
        "the SMB server lets nobody in without a password, so the share `{share}` was not proven"
    )]
    AnonymousRefused {
        /// The share.
        share: ShareName,
    },
    /// The server does not accept the name and password.
    #[error("the SMB server refused the login of `{user}` ({status})")]
    LogonFailure {
        /// The user.
        user: UserName,
        /// What the server said.
        status: String,
    },
    /// No SMB server takes connections at the address.
    #[error("no SMB server takes connections at {address} port {port} ({status})")]
    Refused {
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
        /// What the client found.
        status: String,
    },
    /// There was no answer in time.
    #[error("the SMB server did not answer in time for the share `{share}`")]
    TimedOut {
        /// The share.
        share: ShareName,
    },
    /// The server answered something else.
    #[error("the SMB server did not let the share `{share}` be reached: {text}")]
    Other {
        /// The share.
        share: ShareName,
        /// The status, such as `NT_STATUS_INSUFFICIENT_RESOURCES`; empty where there was none.
        status: String,
        /// The end of what the client said.
        text: String,
    },
    /// The client could not be run.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl ProbeError {
    /// Whether another attempt may find something else.
    fn may_pass(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::StillThere { .. }
            | Self::Refused { .. }
            | Self::TimedOut { .. }
            | Self::Other { .. } => true,
            Self::AnonymousRefused { .. } | Self::LogonFailure { .. } | Self::Command(_) => false,
        }
    }
}

impl Coded for ProbeError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "smb.share-not-found",
            Self::StillThere { .. } => "smb.share-still-there",
            Self::AnonymousRefused { .. } => "smb.anonymous-refused",
            Self::LogonFailure { .. } => "smb.logon-failure",
            Self::Refused { .. } => "smb.connection-refused",
            Self::TimedOut { .. } => "smb.timed-out",
            Self::Other { .. } => "smb.failed",
            Self::Command(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::AnonymousRefused { .. } => ErrorKind::Unsupported,
            Self::Command(error) => error.kind(),
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::NotFound { share } => format!(
                "see with `testparm -s --section-name='{share}'` whether smb.conf has it, and \
                 whether its directory exists"
            ),
            Self::StillThere { share } => format!("run `smbcontrol smbd close-share '{share}'`"),
            Self::AnonymousRefused { .. } => {
                "prove it with a user: `smbclient -U USER //HOST/SHARE`".into()
            }
            Self::LogonFailure { user, .. } => {
                format!("set the password with `smbpasswd -a {user}`, or use another user")
            }
            Self::Refused { .. } => {
                "see with `systemctl status smbd` and `ss -tln` whether smbd runs and where it \
                 listens (`interfaces` and `hosts allow` in smb.conf)"
                    .into()
            }
            Self::TimedOut { .. } | Self::Other { .. } => {
                "look into /var/log/samba/log.smbd".into()
            }
            Self::Command(error) => return error.remedy(),
        })
    }
}

/// The longest one attempt may take: an answer needs some 40 ms.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(10);

/// How long to wait between two attempts.
const PAUSE: Duration = Duration::from_millis(5);

/// How far the client came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connection,
    Session,
    Tree,
    List,
    Unknown,
}

/// A line in which the client says what failed, such as
/// `tree connect failed: NT_STATUS_ACCESS_DENIED`.
#[derive(Debug, PartialEq, Eq)]
struct Complaint<'a> {
    stage: Stage,
    status: &'a str,
}

impl<'a> Complaint<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let start = line.find("NT_STATUS_")?;
        let status = line[start..]
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .next()?;
        let stage = if line.starts_with("tree connect failed") {
            Stage::Tree
        } else if line.starts_with("session setup failed") {
            Stage::Session
        } else if line.starts_with("do_connect:") || line.starts_with("protocol negotiation failed")
        {
            Stage::Connection
        } else if line[start..].contains(" listing ") {
            Stage::List
        } else {
            Stage::Unknown
        };
        Some(Self { stage, status })
    }
}

/// The file that `--authentication-file` of smbclient(1) describes.
fn authentication_file(name: &UserName, password: &Secret) -> Secret {
    let (domain, user) = match name.as_str().split_once('\\') {
        Some((domain, user)) => (Some(domain), user),
        None if name.is_of_domain() => (None, name.as_str()),
        // This machine: of an unknown domain, a member asks a domain controller first.
        None => (Some("."), name.as_str()),
    };
    let mut file = format!("username = {user}\n").into_bytes();
    if let Some(domain) = domain {
        file.extend_from_slice(format!("domain = {domain}\n").as_bytes());
    }
    // Growing would leave parts of the password behind in freed memory.
    file.reserve_exact(password.expose().len() + 16);
    file.extend_from_slice(b"password = ");
    file.extend_from_slice(password.expose());
    file.push(b'\n');
    Secret::from(file)
}

fn last_lines(said: &str) -> String {
    let lines: Vec<_> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(3)..].join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(login: Login<'_>, said: &str) -> Result<ProbeResult, ProbeError> {
        let share = "media".parse().unwrap();
        ShareProbe {
            address: IpAddr::from([127, 0, 0, 1]),
            port: SMB_PORT,
            share: &share,
            login,
        }
        .judge(said)
    }

    #[test]
    fn what_smbclient_4_17_says_is_understood() {
        let anonymous = |said: &str| judged(Login::Anonymous, said);
        assert_eq!(
            anonymous("Anonymous login successful\ntree connect failed: NT_STATUS_ACCESS_DENIED\n")
                .unwrap(),
            ProbeResult::ExistsButDenied
        );
        assert!(matches!(
            anonymous("tree connect failed: NT_STATUS_BAD_NETWORK_NAME\n"),
            Err(ProbeError::NotFound { .. })
        ));
        // `smb encrypt = required` for the whole server: nobody has no key to encrypt with.
        assert!(matches!(
            anonymous("session setup failed: NT_STATUS_ACCESS_DENIED\n"),
            Err(ProbeError::AnonymousRefused { .. })
        ));
        assert!(matches!(
            anonymous(
                "do_connect: Connection to localhost failed (Error NT_STATUS_CONNECTION_REFUSED)\n"
            ),
            Err(ProbeError::Refused { status, .. }) if status == "NT_STATUS_CONNECTION_REFUSED"
        ));
        // `hosts deny` for the whole server, and a full one.
        for status in [
            "INVALID_NETWORK_RESPONSE",
            "CONNECTION_RESET",
            "CONNECTION_DISCONNECTED",
        ] {
            let said = format!("protocol negotiation failed: NT_STATUS_{status}\n");
            assert_eq!(
                anonymous(&said).unwrap_err().code(),
                "smb.connection-refused"
            );
        }
        assert_eq!(
            anonymous("Invalid option --x: unknown option\n")
                .unwrap_err()
                .to_string(),
            "the SMB server did not let the share `media` be reached: Invalid option --x: unknown \
             option"
        );
    }

    #[test]
    fn a_user_who_is_taken_for_a_guest_is_refused() {
        let (name, password) = ("bob".parse().unwrap(), Secret::from("x".to_string()));
        let bob = || Login::User {
            name: &name,
            password: &password,
        };
        let said = "session setup failed: NT_STATUS_ACCESS_DENIED\n\
                    NTLMSSP packet check failed due to short signature (0 bytes)!\n\
                    NTLMSSP NTLM2 packet check failed due to invalid signature!\n\
                    gensec_spnego_client_negTokenTarg_start: failed to verify mechListMIC: \
                    NT_STATUS_ACCESS_DENIED\n";
        assert_eq!(judged(bob(), said).unwrap_err().code(), "smb.logon-failure");
        let said = "session setup failed: NT_STATUS_LOGON_FAILURE\n";
        assert_eq!(
            judged(bob(), said).unwrap_err().to_string(),
            "the SMB server refused the login of `bob` (NT_STATUS_LOGON_FAILURE)"
        );
        let said = "NT_STATUS_ACCESS_DENIED listing \\*\n";
        assert_eq!(judged(bob(), said).unwrap(), ProbeResult::Connected);
    }

    #[test]
    fn the_password_is_in_the_input_only() {
        let (share, name) = ("it's büro".parse().unwrap(), r"DOM\al ice".parse().unwrap());
        let password = Secret::from("hunter2".to_string());
        let command = ShareProbe {
            address: "::1".parse().unwrap(),
            port: 1445,
            share: &share,
            login: Login::User {
                name: &name,
                password: &password,
            },
        }
        .command();
        assert!(!command.to_string().contains("hunter2"));
        assert_eq!(
            authentication_file(&name, &password).expose(),
            b"username = al ice\ndomain = DOM\npassword = hunter2\n"
        );
    }
}
