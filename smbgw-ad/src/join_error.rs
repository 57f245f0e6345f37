//! Why joining, leaving or changing a membership was not begun, or failed.

use std::path::PathBuf;

use smbgw_core::error::{Coded, ErrorKind, Problem};
use smbgw_core::host::{CommandError, FileError, LockError};
use smbgw_core::lifecycle::{ErrorDocument, Finding};
use smbgw_core::ports::PortError;
use smbgw_core::state_error::StateError;
use smbgw_core::step::LeftBehind;
use smbgw_core::step_error::StepError;

use crate::code::Code;
use crate::discover::DiscoverError;
use crate::dns::DnsError;
use crate::dns::update::UpdateError;
use crate::krb::crypto::CryptoError;
use crate::krb::error::KrbError;
use crate::krb::keytab::KeytabError;
use crate::krb::kpasswd::PasswordError;
use crate::krb5conf::Krb5ConfError;
use crate::ldap::LdapError;
use crate::ldap::account::AccountError;
use crate::name::{ComputerName, NameError, Spn};
use crate::nsswitch::NsswitchError;
use crate::samba::SambaError;
use crate::session_error::SessionError;
use crate::winbind::WinbindError;

/// Makes [`JoinError`] of the errors of parts, each passed on as it is, and of its own.
macro_rules! join_errors {
    ($($(#[$doc:meta])* $part:ident($error:ty),)*) => {
        /// Why an operation on a membership was not begun, or why a part of it failed.
        #[derive(Debug, thiserror::Error)]
        #[non_exhaustive]
        pub enum JoinError {
            $($(#[$doc])* #[error(transparent)] $part(#[from] $error),)*
            /// The request is wrong, or does not fit what is there; nothing was touched.
            #[error("{}", listed(.0))]
            Refused(Vec<Problem>),
            /// This machine is in a domain already.
            #[error("this machine is in the domain {domain} already, as {computer}")]
            AlreadyJoined {
                /// The domain.
                domain: String,
                /// Its name there.
                computer: ComputerName,
            },
            /// This machine is in no domain.
            #[error("this machine is in no domain")]
            NotJoined,
            /// A part of the operation needs somebody who may change the account.
            #[error("nobody is logged in to the domain who may change the account")]
            CredentialsNeeded,
            /// The password of the account was in memory only, and is gone with the run that made it.
            #[error("the new password of the account is gone with the run that made it")]
            PasswordGone,
            /// A step that cannot be taken back.
            #[error("what was removed cannot be brought back")]
            NoWayBack,
            /// The account is not there.
            #[error("the domain has no account `{0}`")]
            NoAccount(String),
            /// The account lacks something that every account of a computer has.
            #[error("the account of {computer} has no {attribute} that can be read")]
            AccountUnreadable {
                /// The computer.
                computer: ComputerName,
                /// What is missing.
                attribute: &'static str,
            },
            /// The keys in the keytab are not those of the account.
            #[error("the domain does not take the keys of `{principal}` that were written")]
            KeysRefused {
                /// The account.
                principal: String,
                #[source]
                /// What the domain said.
                source: Box<KrbError>,
            },
            /// A ticket for one of our services cannot be read with our keys.
            #[error("a ticket for `{0}` cannot be read with the keys that were written")]
            TicketUnreadable(Spn),
            /// winbindd does not take the trust for good.
            #[error("winbindd does not trust the domain: {0}")]
            NoTrust(String),
            /// smbd does not let a user of the domain in.
            #[error("smbd does not let {user} in: {said}")]
            NoAccess {
                /// Who wanted in.
                user: String,
                /// What the client said.
                said: String,
            },
            /// A file that was to be made is there.
            #[error("`{}` is there already", .0.display())]
            FileExists(PathBuf),
            /// The addresses of this machine are not known.
            #[error("this machine has no address that could be registered")]
            NoAddress,
            /// The host is the tree of an image.
            #[error("{0} does not run: only a running machine can join")]
            NotLive(String),
            /// The kernel gave no random bytes.
            #[error("the kernel gives no random bytes for a password")]
            NoRandom,
            /// Whether the domain has taken a new password is not known; both are kept.
            #[error("whether the domain has taken the new password is not known")]
            Undecided(#[source] Box<PasswordError>),
            /// An interrupted operation has to be cleaned up first.
            #[error("an interrupted operation could not be cleaned up: {cause}")]
            Unrecovered {
                /// Why not.
                cause: Box<Finding>,
                /// What is left of it.
                left_behind: Vec<LeftBehind>,
            },
        }

        impl Coded for JoinError {
            fn code(&self) -> &'static str {
                match self {
                    $(Self::$part(error) => error.code(),)*
                    _ => self.reason().as_str(),
                }
            }

            fn kind(&self) -> ErrorKind {
                match self {
                    $(Self::$part(error) => error.kind(),)*
                    Self::Refused(problems) => worst(problems),
                    Self::AlreadyJoined { .. } | Self::FileExists(_) => ErrorKind::Conflict,
                    Self::NotJoined | Self::NoAccount(_) => ErrorKind::NotFound,
                    Self::NotLive(_) => ErrorKind::Unsupported,
                    _ => ErrorKind::Failed,
                }
            }

            fn remedy(&self) -> Option<String> {
                match self {
                    $(Self::$part(error) => error.remedy(),)*
                    Self::Refused(_) => None,
                    _ => Some(self.reason().fix().into()),
                }
            }
        }
    };
}

join_errors! {
    /// A name cannot be one.
    Name(NameError),
    /// The domain was not found.
    Discover(DiscoverError),
    /// The DNS failed.
    Dns(DnsError),
    /// The addresses in the DNS could not be changed.
    Update(UpdateError),
    /// The domain could not be talked to.
    Session(SessionError),
    /// The account could not be read or changed.
    Account(AccountError),
    /// The password could not be set.
    Password(PasswordError),
    /// Samba could not be told.
    Samba(SambaError),
    /// A key could not be made.
    Crypto(CryptoError),
    /// A keytab could not be read.
    Keytab(KeytabError),
    /// Kerberos' configuration could not be used.
    Krb5Conf(Krb5ConfError),
    /// `nsswitch.conf` could not be used.
    Nsswitch(NsswitchError),
    /// winbindd could not be asked or controlled.
    Winbind(WinbindError),
    /// A file could not be used.
    File(FileError),
    /// A command failed.
    Command(CommandError),
    /// A lock was not taken.
    Lock(LockError),
    /// A record or a journal could not be used.
    State(StateError),
    /// The machine could not be looked at.
    Step(StepError),
}

impl From<&JoinError> for ErrorDocument {
    fn from(error: &JoinError) -> Self {
        let mut document = Self::of(error);
        match error {
            JoinError::Refused(problems) => document.problems = Some(problems.clone()),
            JoinError::Unrecovered { left_behind, .. } => {
                document.left_behind = Some(left_behind.clone());
            }
            _ => {}
        }
        document
    }
}

impl JoinError {
    fn reason(&self) -> Code {
        match self {
            Self::AlreadyJoined { .. } => Code::AlreadyJoined,
            Self::NotJoined => Code::NotJoined,
            Self::CredentialsNeeded => Code::CredentialsNeeded,
            Self::PasswordGone | Self::NoWayBack | Self::Unrecovered { .. } => Code::Interrupted,
            Self::NoAccount(_) => Code::AccountUnknown,
            Self::AccountUnreadable { .. } => Code::DirectoryUnusual,
            Self::KeysRefused { .. } | Self::TicketUnreadable(_) => Code::KeyMismatch,
            Self::NoTrust(_) => Code::SecureChannelBroken,
            Self::NoAccess { .. } => Code::AccessRefused,
            Self::FileExists(_) => Code::FileExists,
            Self::NoAddress => Code::NoAddress,
            Self::NotLive(_) => Code::NotLive,
            Self::NoRandom => Code::CryptoFailed,
            Self::Undecided(_) => Code::PasswordUnsure,
            _ => Code::RequestInvalid,
        }
    }
}

impl From<KrbError> for JoinError {
    fn from(error: KrbError) -> Self {
        Self::Session(error.into())
    }
}

impl From<LdapError> for JoinError {
    fn from(error: LdapError) -> Self {
        Self::Session(error.into())
    }
}

/// The error of a step.
pub(crate) fn step(error: impl Coded + Send + Sync + 'static) -> StepError {
    PortError::new(error).into()
}

/// The kind that stands for all problems: an invalid request before a conflict before a machine that
/// is not ready.
fn worst(problems: &[Problem]) -> ErrorKind {
    [
        ErrorKind::Invalid,
        ErrorKind::Conflict,
        ErrorKind::Unsupported,
        ErrorKind::Failed,
    ]
    .into_iter()
    .find(|kind| problems.iter().any(|problem| problem.kind == *kind))
    .unwrap_or(ErrorKind::Invalid)
}

fn listed(problems: &[Problem]) -> String {
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    texts.join("\n")
}
