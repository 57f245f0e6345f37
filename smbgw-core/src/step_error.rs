//! Why a step of an operation failed.

use crate::account::AccountError;
use crate::acl::AclError;
use crate::definition::DefinitionError;
use crate::error::{Coded, ErrorKind};
use crate::host::{CommandError, FileError, LockError};
use crate::ports::PortError;
use crate::probe::ProbeError;
use crate::service::ServiceError;
use crate::state_error::StateError;

/// Makes [`StepError`] of the errors that can come up in a step, each passed on as it is.
macro_rules! step_errors {
    ($($(#[$doc:meta])* $variant:ident($error:ty),)*) => {
        /// Why a step of an operation failed.
        #[derive(Debug, thiserror::Error)]
        #[non_exhaustive]
        pub enum StepError {
            $($(#[$doc])* #[error(transparent)] $variant(#[from] $error),)*
            /// The journal's data for undoing a step is not what the step wrote.
            #[error("the data for undoing a step is damaged")]
            UndoData(#[source] serde_json::Error),
            /// An account that is to get a password came without one.
            #[error("no SMB password was given for the new user `{0}`")]
            NoPassword(String),
            /// A group that is to get access does not exist.
            #[error("there is no group `{0}`")]
            NoSuchGroup(String),
            /// A share for everybody does not let everybody in.
            #[error("the share `{0}` is there, but does not let guests in")]
            GuestsRefused(String),
            /// The account that guests would have is no account.
            #[error("the guest account `{0}` in smb.conf is not the name of an account")]
            NoGuestAccount(String),
        }

        impl Coded for StepError {
            fn code(&self) -> &'static str {
                match self {
                    $(Self::$variant(error) => error.code(),)*
                    Self::UndoData(_) => "journal.malformed",
                    Self::NoPassword(_) => "account.password-missing",
                    Self::NoSuchGroup(_) => "account.no-such-group",
                    Self::GuestsRefused(_) => "smb.guests-refused",
                    Self::NoGuestAccount(_) => "account.no-guest-account",
                }
            }

            fn kind(&self) -> ErrorKind {
                match self {
                    $(Self::$variant(error) => error.kind(),)*
                    Self::UndoData(_) | Self::GuestsRefused(_) => ErrorKind::Failed,
                    Self::NoPassword(_) => ErrorKind::Invalid,
                    Self::NoSuchGroup(_) | Self::NoGuestAccount(_) => ErrorKind::NotFound,
                }
            }

            fn remedy(&self) -> Option<String> {
                match self {
                    $(Self::$variant(error) => error.remedy(),)*
                    Self::GuestsRefused(_) => Some(
                        "look at `map to guest`, `restrict anonymous` and `guest account` in \
                         smb.conf"
                            .into(),
                    ),
                    _ => None,
                }
            }
        }
    };
}

step_errors! {
    /// A file could not be used.
    File(FileError),
    /// A command failed.
    Command(CommandError),
    /// A lock was not taken.
    Lock(LockError),
    /// A record or the journal could not be used.
    State(StateError),
    /// Samba's configuration could not be changed.
    Definition(DefinitionError),
    /// A part failed that another crate brings, such as the storage.
    Part(PortError),
    /// smbd could not be controlled.
    Service(ServiceError),
    /// An account could not be made or removed.
    Account(AccountError),
    /// Permissions could not be set.
    Acl(AclError),
    /// The share does not answer.
    Probe(ProbeError),
}
