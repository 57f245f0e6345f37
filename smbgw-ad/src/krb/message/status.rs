//! What Active Directory adds to an error of Kerberos: a status of Windows.

use std::fmt;

/// A status as Windows has it (MS-ERREF 2.3), of those that a login can end with.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NtStatus(pub u32);

impl NtStatus {
    /// There is no such user.
    pub const NO_SUCH_USER: Self = Self(0xC000_0064);
    /// The password is wrong.
    pub const WRONG_PASSWORD: Self = Self(0xC000_006A);
    /// The name or the password is wrong.
    pub const LOGON_FAILURE: Self = Self(0xC000_006D);
    /// The account is restricted in some way.
    pub const ACCOUNT_RESTRICTION: Self = Self(0xC000_006E);
    /// This is not one of the hours in which the account may be used.
    pub const INVALID_LOGON_HOURS: Self = Self(0xC000_006F);
    /// The account may not be used from this machine.
    pub const INVALID_WORKSTATION: Self = Self(0xC000_0070);
    /// The password has expired.
    pub const PASSWORD_EXPIRED: Self = Self(0xC000_0071);
    /// The account is disabled.
    pub const ACCOUNT_DISABLED: Self = Self(0xC000_0072);
    /// The account has expired.
    pub const ACCOUNT_EXPIRED: Self = Self(0xC000_0193);
    /// The password has to be changed before the first login.
    pub const PASSWORD_MUST_CHANGE: Self = Self(0xC000_0224);
    /// The account is locked after too many wrong passwords.
    pub const ACCOUNT_LOCKED_OUT: Self = Self(0xC000_0234);

    /// Its name, if it is one of those above.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NO_SUCH_USER => "STATUS_NO_SUCH_USER",
            Self::WRONG_PASSWORD => "STATUS_WRONG_PASSWORD",
            Self::LOGON_FAILURE => "STATUS_LOGON_FAILURE",
            Self::ACCOUNT_RESTRICTION => "STATUS_ACCOUNT_RESTRICTION",
            Self::INVALID_LOGON_HOURS => "STATUS_INVALID_LOGON_HOURS",
            Self::INVALID_WORKSTATION => "STATUS_INVALID_WORKSTATION",
            Self::PASSWORD_EXPIRED => "STATUS_PASSWORD_EXPIRED",
            Self::ACCOUNT_DISABLED => "STATUS_ACCOUNT_DISABLED",
            Self::ACCOUNT_EXPIRED => "STATUS_ACCOUNT_EXPIRED",
            Self::PASSWORD_MUST_CHANGE => "STATUS_PASSWORD_MUST_CHANGE",
            Self::ACCOUNT_LOCKED_OUT => "STATUS_ACCOUNT_LOCKED_OUT",
            _ => return None,
        })
    }
}

impl fmt::Display for NtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "status 0x{:08x}", self.0),
        }
    }
}

impl fmt::Debug for NtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
