//! What a server says where it does not do what it was asked for.

use std::fmt;

use smbgw_core::error::ErrorKind;

use crate::code::Code;

use super::Referral;
use super::message::Answer;

/// The answer of a server that did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The result code (RFC 4511 appendix A).
    pub code: u32,
    /// The reason as Windows numbers it: the eight hexadecimal digits at the begin of the message
    /// (MS-ADTS 3.1.1.3.1.9), such as `0x2098`.
    pub status: Option<u32>,
    /// What follows `data` in the message, such as `0x52e`, which refines a refused bind.
    pub data: Option<u32>,
    /// The server's message, shortened where it is long.
    pub text: String,
    /// Where the server sends its clients instead.
    pub referrals: Vec<Referral>,
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Name or password is wrong.
    WrongCredentials,
    /// There is no such user.
    UnknownUser,
    /// The password has expired.
    PasswordExpired,
    /// The password has to be changed before the first logon.
    PasswordMustChange,
    /// The account is disabled.
    AccountDisabled,
    /// The account has expired.
    AccountExpired,
    /// The account is locked after wrong passwords.
    AccountLocked,
    /// The account may not log on at this time, from here, or in this way.
    LogonRestricted,
    /// The server wants signing, or TLS.
    ProtectionRequired,
    /// The server does not take this way to log in.
    MethodRefused,
    /// There is no such object.
    Missing,
    /// There is an object of that name, or an account of that name.
    Exists,
    /// The user has no right to do that.
    NoRights,
    /// The password does not keep to the domain's policy.
    PasswordPolicy,
    /// Another account of the forest has that service principal name.
    DuplicateSpn,
    /// Another account of the forest has that user principal name.
    DuplicateUpn,
    /// The user has made as many computer accounts as users may.
    Quota,
    /// The object has others below it.
    NotALeaf,
    /// The directory's schema or rules do not allow that.
    RuleBroken,
    /// There is more than the server sends.
    TooMuch,
    /// It took longer than the server allows.
    TooSlow,
    /// The server has no time, or is shutting down.
    Busy,
    /// Another server has it.
    Elsewhere,
    /// Something else.
    Other,
}

impl Refusal {
    pub(super) fn of(answer: &Answer) -> Self {
        Self::new(answer.code, &answer.text, &answer.referrals)
    }

    /// Reads the message of a server.
    pub fn new(code: u32, text: &str, referrals: &[String]) -> Self {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        let text: String = text
            .chars()
            .map(|character| match character.is_control() {
                true => ' ',
                false => character,
            })
            .take(MOST_TEXT)
            .collect();
        Self {
            code,
            status: status(&text),
            data: data(&text),
            text,
            referrals: referrals
                .iter()
                .filter_map(|referral| referral.parse().ok())
                .collect(),
        }
    }

    /// What it means.
    pub fn reason(&self) -> Reason {
        if self.code == 49 {
            return match self.data {
                // MS-ERREF 2.2, in hexadecimal as the message has them.
                Some(0x525) => Reason::UnknownUser,
                Some(0x530 | 0x531 | 0x569 | 0x52f) => Reason::LogonRestricted,
                Some(0x532) => Reason::PasswordExpired,
                Some(0x533) => Reason::AccountDisabled,
                Some(0x701) => Reason::AccountExpired,
                Some(0x773) => Reason::PasswordMustChange,
                Some(0x775) => Reason::AccountLocked,
                _ => Reason::WrongCredentials,
            };
        }
        match self.status {
            Some(0x52d) => return Reason::PasswordPolicy,
            Some(0x216d) => return Reason::Quota,
            Some(0x21c7) => return Reason::DuplicateSpn,
            Some(0x21c8) => return Reason::DuplicateUpn,
            Some(0x524 | 0x2071) => return Reason::Exists,
            Some(0x5 | 0x2098) => return Reason::NoRights,
            _ => {}
        }
        // Samba has the general number for that, and says the rest in words.
        if self.code == 19 && self.text.contains("spn[") && self.text.contains("conflict") {
            return Reason::DuplicateSpn;
        }
        match self.code {
            3 | 11 => Reason::TooSlow,
            4 => Reason::TooMuch,
            7 | 48 => Reason::MethodRefused,
            8 | 13 => Reason::ProtectionRequired,
            10 => Reason::Elsewhere,
            16..=21 | 34 | 53 | 64 | 65 | 67 | 69 => Reason::RuleBroken,
            32 => Reason::Missing,
            50 => Reason::NoRights,
            51 | 52 => Reason::Busy,
            66 => Reason::NotALeaf,
            68 => Reason::Exists,
            _ => Reason::Other,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason().text())?;
        write!(f, " (LDAP result {}", self.code)?;
        match self.text.as_str() {
            "" => f.write_str(")"),
            text => write!(f, ": {text})"),
        }
    }
}

impl Reason {
    fn text(self) -> &'static str {
        match self {
            Self::WrongCredentials => "the user name or the password is wrong",
            Self::UnknownUser => "there is no such user",
            Self::PasswordExpired => "the user's password has expired",
            Self::PasswordMustChange => "the user has to change the password first",
            Self::AccountDisabled => "the account is disabled",
            Self::AccountExpired => "the account has expired",
            Self::AccountLocked => "the account is locked after too many wrong passwords",
            Self::LogonRestricted => "the account may not log on now, from here, or in this way",
            Self::ProtectionRequired => "the server wants an encrypted or signed connection",
            Self::MethodRefused => "the server does not take this way to log in",
            Self::Missing => "there is no such object",
            Self::Exists => "an object of that name exists",
            Self::NoRights => "the user has no right to do that",
            Self::PasswordPolicy => "the password does not keep to the policy of the domain",
            Self::DuplicateSpn => "another account has one of the service principal names",
            Self::DuplicateUpn => "another account has that user principal name",
            Self::Quota => "the user has made as many computer accounts as users may",
            Self::NotALeaf => "there are other objects below it",
            Self::RuleBroken => "the rules of the directory do not allow it",
            Self::TooMuch => "there is more than the server sends",
            Self::TooSlow => "it took longer than the server allows",
            Self::Busy => "the server is busy or shutting down",
            Self::Elsewhere => "another server has it",
            Self::Other => "the server refused",
        }
    }

    /// The code of that reason.
    pub fn code(self) -> Code {
        match self {
            Self::WrongCredentials => Code::PasswordWrong,
            Self::UnknownUser => Code::AccountUnknown,
            Self::PasswordExpired => Code::PasswordExpired,
            Self::PasswordMustChange => Code::PasswordMustChange,
            Self::AccountDisabled => Code::AccountDisabled,
            Self::AccountExpired => Code::AccountExpired,
            Self::AccountLocked => Code::AccountLocked,
            Self::LogonRestricted => Code::AccountRestricted,
            Self::ProtectionRequired | Self::MethodRefused => Code::LdapMethodRefused,
            Self::Missing => Code::ObjectMissing,
            Self::Exists => Code::ObjectExists,
            Self::NoRights => Code::RightsMissing,
            Self::PasswordPolicy => Code::PasswordPolicy,
            Self::DuplicateSpn | Self::DuplicateUpn => Code::SpnDuplicate,
            Self::Quota => Code::MachineQuota,
            Self::Busy | Self::TooSlow | Self::TooMuch => Code::LdapBusy,
            Self::NotALeaf | Self::RuleBroken | Self::Elsewhere | Self::Other => Code::LdapRefused,
        }
    }

    /// The kind of an error with that reason.
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::Missing => ErrorKind::NotFound,
            Self::Exists | Self::DuplicateSpn | Self::DuplicateUpn | Self::NotALeaf => {
                ErrorKind::Conflict
            }
            Self::ProtectionRequired | Self::MethodRefused => ErrorKind::Unsupported,
            _ => ErrorKind::Failed,
        }
    }
}

/// The hexadecimal digits before the first colon.
fn status(text: &str) -> Option<u32> {
    let (digits, _) = text.split_once(':')?;
    hexadecimal(digits).filter(|_| digits.len() == 8)
}

/// The hexadecimal digits behind `data`.
fn data(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("data ")?;
    let end = rest
        .find(|character: char| !character.is_ascii_hexdigit())
        .unwrap_or(rest.len());
    hexadecimal(&rest[..end])
}

fn hexadecimal(digits: &str) -> Option<u32> {
    let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// So many characters of a message are kept.
const MOST_TEXT: usize = 400;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reason(code: u32, text: &str) -> Reason {
        Refusal::new(code, text, &[]).reason()
    }

    #[test]
    fn messages_of_active_directory_are_understood() {
        let bind = |data: &str| {
            let text = format!(
                "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {data}, v2580\0"
            );
            reason(49, &text)
        };
        for (data, wanted) in [
            ("52e", Reason::WrongCredentials),
            ("525", Reason::UnknownUser),
            ("530", Reason::LogonRestricted),
            ("532", Reason::PasswordExpired),
            ("533", Reason::AccountDisabled),
            ("701", Reason::AccountExpired),
            ("773", Reason::PasswordMustChange),
            ("775", Reason::AccountLocked),
        ] {
            assert_eq!(bind(data), wanted, "{data}");
        }
        assert_eq!(reason(49, ""), Reason::WrongCredentials);
        assert_eq!(
            reason(
                50,
                "00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0"
            ),
            Reason::NoRights
        );
        assert_eq!(
            reason(
                19,
                "0000052D: Constraint violation - check_password_restrictions: the password is too short."
            ),
            Reason::PasswordPolicy
        );
        assert_eq!(reason(53, "0000216D: SvcErr: DSID-031A120C"), Reason::Quota);
        assert_eq!(reason(19, "000021C7: AtrErr:"), Reason::DuplicateSpn);
        assert_eq!(
            reason(
                19,
                "0000202F: samldb: spn[HOST/dc.ad.test] would cause a conflict"
            ),
            Reason::DuplicateSpn
        );
        assert_eq!(
            reason(50, "acl: unable to get access to CN=A,DC=ad,DC=test"),
            Reason::NoRights
        );
        assert_eq!(reason(68, ""), Reason::Exists);
        assert_eq!(
            reason(8, "BindSimple: Transport encryption required."),
            Reason::ProtectionRequired
        );
    }

    #[test]
    fn messages_are_kept_short_and_clean() {
        let refusal = Refusal::new(1, &format!("a\nb\0{}", "x".repeat(1000)), &[]);
        assert!(refusal.text.starts_with("a b "));
        assert_eq!(refusal.text.chars().count(), MOST_TEXT);
        assert_eq!(
            Refusal::new(32, "", &[]).to_string(),
            "there is no such object (LDAP result 32)"
        );
        let referrals = ["ldap://b.test/".to_string(), "nonsense".to_string()];
        assert_eq!(Refusal::new(10, "", &referrals).referrals.len(), 1);
    }

    proptest! {
        #[test]
        fn any_message_can_be_read(code: u32, text in ".{0,80}|[0-9A-F]{8}: data [0-9a-f]{0,9}") {
            let refusal = Refusal::new(code, &text, &[]);
            prop_assert!(!refusal.reason().text().is_empty());
            prop_assert!(!refusal.reason().code().as_str().is_empty());
        }
    }
}
