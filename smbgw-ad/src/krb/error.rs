//! Why no ticket was given.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use smbgw_core::error::{Coded, ErrorKind};

use super::ap::ApError;
use super::crypto::{CryptoError, EncryptionType};
use super::der::DerError;
use super::kdc::FindError;
use super::message::{ErrorCode, ErrorMessage, NtStatus};
use super::transport::TransportError;
use crate::code::Code;
use crate::name::{Principal, Realm};

/// How far the clock of a domain controller is from the one that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skew {
    /// How much later the domain controller's clock is; negative where it is earlier.
    pub offset: SignedDuration,
    /// How long the answer took that told it: the offset is right up to half of that.
    pub round_trip: Duration,
}

impl Skew {
    /// Whether it is within `tolerance`.
    pub fn is_within(self, tolerance: SignedDuration) -> bool {
        self.offset.unsigned_abs() <= tolerance.unsigned_abs()
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.offset.is_negative() {
            true => "behind",
            false => "ahead of",
        };
        let size = self.offset.unsigned_abs();
        write!(f, "{}.{:03} s {word}", size.as_secs(), size.subsec_millis())
    }
}

/// Why no ticket was given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KrbError {
    /// No domain controller of a realm is known.
    #[error("no domain controller of {realm} can be asked")]
    Find {
        /// The realm.
        realm: Realm,
        /// Why.
        source: FindError,
    },
    /// No domain controller answered.
    #[error("no domain controller of {realm} answered")]
    Unreachable {
        /// The realm.
        realm: Realm,
        /// What became of each attempt.
        source: TransportError,
    },
    /// An answer cannot be read.
    #[error("the answer of the domain controller cannot be read")]
    Malformed(#[source] DerError),
    /// An answer is to another question.
    #[error("the answer of the domain controller is not to the question: {reason}")]
    Mismatch {
        /// What does not fit.
        reason: &'static str,
    },
    /// There is no such account.
    #[error("the domain has no account `{client}`")]
    UnknownClient {
        /// The account.
        client: Principal,
    },
    /// The password is wrong.
    #[error("the password of `{client}` is wrong")]
    WrongPassword {
        /// The account.
        client: Principal,
    },
    /// The key is not, or not any more, that of the account.
    #[error("the key at hand is not that of `{client}`")]
    WrongKey {
        /// The account.
        client: Principal,
    },
    /// The password has expired.
    #[error("the password of `{client}` has expired")]
    PasswordExpired {
        /// The account.
        client: Principal,
    },
    /// The password has to be changed before the first login.
    #[error("the password of `{client}` has to be changed before the account can be used")]
    PasswordMustChange {
        /// The account.
        client: Principal,
    },
    /// The account is locked after too many wrong passwords.
    #[error("the account `{client}` is locked after too many wrong passwords")]
    Locked {
        /// The account.
        client: Principal,
    },
    /// The account is disabled.
    #[error("the account `{client}` is disabled")]
    Disabled {
        /// The account.
        client: Principal,
    },
    /// The account has expired.
    #[error("the account `{client}` has expired")]
    AccountExpired {
        /// The account.
        client: Principal,
    },
    /// The account may not be used now, or not from this machine, or not for this.
    #[error("the account `{client}` may not be used: {because}")]
    Restricted {
        /// The account.
        client: Principal,
        /// What the domain controller says.
        because: Box<ErrorMessage>,
    },
    /// The clocks differ by too much.
    #[error("the clock of the domain controller is {skew} the one used here, which is too much")]
    ClockSkew {
        /// By how much.
        skew: Skew,
    },
    /// There is no encryption type that both sides take.
    #[error("there is no encryption type in common for {whom}{}", offer(.offered))]
    NoEncryption {
        /// The account or the service.
        whom: Principal,
        /// Those that the domain controller named, if it did.
        offered: Vec<EncryptionType>,
    },
    /// There is no such service.
    #[error("the domain has no service `{service}`")]
    UnknownService {
        /// The service.
        service: Principal,
    },
    /// The domain controllers of several realms refer to each other without end.
    #[error("the realms {} refer to each other, and none has `{name}`", list(.realms))]
    ReferralLoop {
        /// The account or the service.
        name: Principal,
        /// The realms that were asked.
        realms: Vec<Realm>,
    },
    /// The domain controller refuses for another reason.
    #[error("the domain controller refuses a ticket for `{name}`: {because}")]
    Refused {
        /// The account or the service.
        name: Principal,
        /// What it says.
        because: Box<ErrorMessage>,
    },
    /// Something cannot be encrypted or decrypted.
    #[error(transparent)]
    Crypto(CryptoError),
    /// The request cannot be made.
    #[error(transparent)]
    Request(ApError),
}

impl KrbError {
    fn reason(&self) -> Code {
        match self {
            Self::Find { .. } => Code::RealmUnknown,
            Self::Unreachable { .. } => Code::KdcUnreachable,
            Self::Malformed(_) => Code::KerberosMalformed,
            Self::Mismatch { .. } | Self::ReferralLoop { .. } => Code::KerberosMismatch,
            Self::UnknownClient { .. } => Code::AccountUnknown,
            Self::WrongPassword { .. } => Code::PasswordWrong,
            Self::WrongKey { .. } => Code::KeyMismatch,
            Self::PasswordExpired { .. } => Code::PasswordExpired,
            Self::PasswordMustChange { .. } => Code::PasswordMustChange,
            Self::Locked { .. } => Code::AccountLocked,
            Self::Disabled { .. } => Code::AccountDisabled,
            Self::AccountExpired { .. } => Code::AccountExpired,
            Self::Restricted { .. } => Code::AccountRestricted,
            Self::ClockSkew { .. } => Code::ClockSkew,
            Self::NoEncryption { .. } => Code::EncryptionNoneCommon,
            Self::UnknownService { .. } => Code::ServiceUnknown,
            Self::Refused { because, .. } => because.code_of_service(),
            Self::Crypto(_) | Self::Request(_) => Code::CryptoFailed,
        }
    }
}

impl Coded for KrbError {
    fn code(&self) -> &'static str {
        match self {
            Self::Find { source, .. } => source.code(),
            Self::Crypto(error) => error.code(),
            Self::Request(error) => error.code(),
            _ => self.reason().as_str(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Find { source, .. } => source.kind(),
            Self::UnknownClient { .. } | Self::UnknownService { .. } => ErrorKind::NotFound,
            Self::Crypto(error) => error.kind(),
            Self::Request(error) => error.kind(),
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Find { source, .. } => source.remedy(),
            Self::Crypto(error) => error.remedy(),
            Self::Request(error) => error.remedy(),
            _ => Some(self.reason().fix().into()),
        }
    }
}

/// What the refusal to log `client` in means, by the number of Kerberos and the status of Windows.
pub(crate) fn login_refused(client: Principal, has_key: bool, error: ErrorMessage) -> KrbError {
    let status = error.status();
    match (status, error.error) {
        (Some(NtStatus::ACCOUNT_LOCKED_OUT), _) => KrbError::Locked { client },
        (Some(NtStatus::ACCOUNT_DISABLED), _) => KrbError::Disabled { client },
        (Some(NtStatus::ACCOUNT_EXPIRED), _) | (_, ErrorCode::NAME_EXP) => {
            KrbError::AccountExpired { client }
        }
        (Some(NtStatus::PASSWORD_MUST_CHANGE), _) => KrbError::PasswordMustChange { client },
        (Some(NtStatus::PASSWORD_EXPIRED), _) | (_, ErrorCode::KEY_EXPIRED) => {
            KrbError::PasswordExpired { client }
        }
        (Some(NtStatus::NO_SUCH_USER), _) | (_, ErrorCode::C_PRINCIPAL_UNKNOWN) => {
            KrbError::UnknownClient { client }
        }
        (_, ErrorCode::PREAUTH_FAILED | ErrorCode::BAD_INTEGRITY) => wrong_secret(client, has_key),
        (_, ErrorCode::ETYPE_NOSUPP) => KrbError::NoEncryption {
            whom: client,
            offered: error.hints().iter().map(|hint| hint.etype).collect(),
        },
        // Windows and Samba tell any other reason by a status; Samba has none for this one.
        (None, ErrorCode::CLIENT_REVOKED) => KrbError::Locked { client },
        (_, ErrorCode::CLIENT_REVOKED | ErrorCode::POLICY | ErrorCode::CLIENT_NOTYET) => {
            KrbError::Restricted {
                client,
                because: Box::new(error),
            }
        }
        _ => KrbError::Refused {
            name: client,
            because: Box::new(error),
        },
    }
}

/// That the password or the key is wrong.
pub(crate) fn wrong_secret(client: Principal, has_key: bool) -> KrbError {
    match has_key {
        true => KrbError::WrongKey { client },
        false => KrbError::WrongPassword { client },
    }
}

fn offer(offered: &[EncryptionType]) -> String {
    if offered.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = offered.iter().map(|etype| etype.as_str()).collect();
    format!(": the domain controller offers {}", names.join(", "))
}

fn list(realms: &[Realm]) -> String {
    let names: Vec<&str> = realms.iter().map(Realm::as_str).collect();
    names.join(", ")
}
