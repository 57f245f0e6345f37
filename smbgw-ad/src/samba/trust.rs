//! What Samba knows of the domain that it is a member of, as `net primarytrust dumpinfo` tells.
//!
//! The program prints its record as NDR structures, one member a line, each level indented by four
//! more spaces. Times are those of the machine's time zone.

use std::path::Path;

use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{CommandError, Host};
use smbgw_core::secret::Secret;
use zeroize::{Zeroize, Zeroizing};

use super::{Member, SambaError};
use crate::name::{Guid, Sid};

/// What Samba knows of its domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// The name of the machine's account, such as `GW1$`.
    pub account: String,
    /// The domain's NetBIOS name.
    pub netbios: String,
    /// The domain's name in the DNS.
    pub domain: String,
    /// The domain's GUID.
    pub guid: Guid,
    /// The domain's SID.
    pub sid: Sid,
    /// The principal that keys are salted with.
    pub salt_principal: Option<String>,
    /// When the password was changed the last time, in seconds since 1970-01-01 00:00 UTC. Samba
    /// rounds to the nearest second, so that this may be half a second from now.
    pub changed_at: Option<i64>,
    /// How often it was changed since the join.
    pub changes: u64,
    /// Whether a change that winbindd began is not over.
    pub change_pending: bool,
}

/// The passwords of the machine's account that Samba knows.
pub struct Passwords {
    /// The one in use.
    pub current: Secret,
    /// The one before.
    pub old: Option<Secret>,
    /// The one before that.
    pub older: Option<Secret>,
    /// The one that winbindd has begun to change to.
    pub next: Option<Secret>,
}

/// What Samba knows of the domain of `member`; `None` where it knows none.
///
/// # Errors
/// Where Samba's programs fail, or print something unknown.
pub fn read(
    host: &dyn Host,
    member: &Member,
    deadline: Deadline,
) -> Result<Option<Trust>, SambaError> {
    let Some(text) = dump(host, member, false, deadline)? else {
        return Ok(None);
    };
    let zone = host.read(Path::new("/etc/localtime")).ok().flatten();
    let zone = zone.and_then(|data| TimeZone::tzif("localtime", &data).ok());
    parse(&text, &zone.unwrap_or(TimeZone::UTC)).map(Some)
}

/// The passwords that Samba knows for the account of `member`; `None` where it knows none.
///
/// # Errors
/// Where Samba's programs fail, or print something unknown.
pub fn passwords(
    host: &dyn Host,
    member: &Member,
    deadline: Deadline,
) -> Result<Option<Passwords>, SambaError> {
    let text = dump(host, member, true, deadline)?;
    text.map(|text| parse_passwords(&text)).transpose()
}

/// Reads what `net primarytrust dumpinfo` prints, with times in the zone `zone`.
///
/// # Errors
/// Where something is missing or in another form.
pub fn parse(text: &str, zone: &TimeZone) -> Result<Trust, SambaError> {
    let member = |name| member(text, name).ok_or_else(|| unexpected(name));
    let quoted = |name| member(name).map(|text| text.trim_matches('\'').to_string());
    Ok(Trust {
        account: quoted("account_name")?,
        // The names of the domain are counted strings, one structure deeper.
        netbios: string_in(text, "name").ok_or_else(|| unexpected("name"))?,
        domain: string_in(text, "dns_domain").ok_or_else(|| unexpected("dns_domain"))?,
        guid: last(text, "domain_guid")
            .and_then(|guid| guid.parse().ok())
            .ok_or_else(|| unexpected("domain_guid"))?,
        sid: last(text, "sid")
            .and_then(|sid| sid.parse().ok())
            .ok_or_else(|| unexpected("sid"))?,
        salt_principal: last(text, "salt_principal")
            .filter(|text| *text != "NULL")
            .map(|text| text.trim_matches('\'').to_string()),
        changed_at: member("password_last_change")
            .ok()
            .and_then(|text| seconds(text, zone)),
        changes: member("password_changes")
            .ok()
            .and_then(|text| text.rsplit_once('(')?.1.strip_suffix(')')?.parse().ok())
            .ok_or_else(|| unexpected("password_changes"))?,
        change_pending: member("next_change")? != "NULL",
    })
}

/// Reads the passwords in what `net primarytrust dumpinfo --force` prints.
///
/// # Errors
/// Where something is missing or in another form.
pub fn parse_passwords(text: &str) -> Result<Passwords, SambaError> {
    Ok(Passwords {
        current: password_in(text, "password")?.ok_or_else(|| unexpected("password"))?,
        old: password_in(text, "old_password")?,
        older: password_in(text, "older_password")?,
        next: password_in(text, "next_change")?,
    })
}

fn dump(
    host: &dyn Host,
    member: &Member,
    with_secrets: bool,
    deadline: Deadline,
) -> Result<Option<Zeroizing<String>>, SambaError> {
    let mut command = member.command("net").args(["primarytrust", "dumpinfo"]);
    if with_secrets {
        command = command.arg("--force");
    }
    match host.run(&command, deadline) {
        Ok(mut output) => {
            let text = Zeroizing::new(output.text());
            output.stdout.zeroize();
            Ok(Some(text))
        }
        Err(CommandError::Failed { stderr, .. })
            if stderr.contains("Unable to fetch the information") =>
        {
            Ok(None)
        }
        Err(CommandError::Failed { status, stderr, .. }) => Err(SambaError::Refused {
            program: PROGRAM,
            action: "tell what it knows of the domain",
            // With secrets asked for, they may be in it.
            said: if with_secrets { status } else { stderr },
        }),
        Err(error) => Err(error.into()),
    }
}

/// The lines of the structure of the domain itself that have `name`, with what follows the colon.
fn lines<'t>(text: &'t str, name: &str) -> impl Iterator<Item = (usize, &'t str)> {
    let mut at = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let start = at;
        at += line.len();
        let (found, value) = line.trim_end().split_once(": ")?;
        (found.trim() == name).then_some((start, value.trim()))
    })
}

/// How deep a member of the domain's structure is indented.
const INDENT: &str = "                ";

/// The value of the member `name` of the domain's structure.
fn member<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    lines(text, name)
        .find(|(start, _)| is_member(&text[*start..]))
        .map(|(_, value)| value)
}

fn is_member(line: &str) -> bool {
    line.strip_prefix(INDENT)
        .is_some_and(|rest| !rest.starts_with(' '))
}

/// The value behind a pointer to `name`: the name stands twice then.
fn last<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    lines(text, name).map(|(_, value)| value).last()
}

/// The text of the counted string `name`.
fn string_in(text: &str, name: &str) -> Option<String> {
    let mut rest = text
        .lines()
        .skip_while(|line| line.trim() != format!("{name}: struct lsa_StringLarge"))
        .skip(1)
        .take_while(|line| !line.contains(": struct"));
    rest.find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        let value = value.trim().strip_prefix('\'')?.strip_suffix('\'')?;
        (found.trim() == "string").then(|| value.to_string())
    })
}

/// The password in the structure that the member `name` points to.
fn password_in(text: &str, name: &'static str) -> Result<Option<Secret>, SambaError> {
    let wrong = || unexpected(name);
    let (start, value) = lines(text, name)
        .find(|(start, _)| is_member(&text[*start..]))
        .ok_or_else(wrong)?;
    if value == "NULL" {
        return Ok(None);
    }
    let rest = &text[start..];
    let mut structure = rest
        .lines()
        .skip(1)
        // The dump of bytes is not indented, and stands where the bytes are.
        .take_while(|line| line.starts_with('[') || !is_member(line));
    let length: usize = structure
        .find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            let length = value.trim().strip_prefix("DATA_BLOB length=")?;
            (found.trim() == "cleartext_blob").then(|| length.parse().ok())?
        })
        .filter(|length| *length <= LONGEST)
        .ok_or_else(wrong)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    for line in structure {
        if bytes.len() == length {
            break;
        }
        let (_, dump) = line
            .strip_prefix('[')
            .and_then(|line| line.split_once(']'))
            .ok_or_else(wrong)?;
        // Behind the numbers of the line, at most 16, stand the same bytes as characters.
        let here = (length - bytes.len()).min(16);
        for number in dump.split_ascii_whitespace().take(here) {
            bytes.push(u8::from_str_radix(number, 16).map_err(|_| wrong())?);
        }
    }
    if bytes.len() != length || !length.is_multiple_of(2) {
        return Err(wrong());
    }
    let units = bytes
        .chunks_exact(2)
        .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let mut password = Zeroizing::new(String::with_capacity(length * 2));
    for character in char::decode_utf16(units) {
        password.push(character.map_err(|_| wrong())?);
    }
    Ok(Some(Secret::from(password.as_bytes().to_vec())))
}

/// The longest password that is read, in bytes of UTF-16.
const LONGEST: usize = 2048;

/// `Mon Nov 23 08:57:48 2026 CET` in seconds since 1970.
fn seconds(text: &str, zone: &TimeZone) -> Option<i64> {
    // The abbreviation of a time zone says little; the zone itself is known.
    let (text, _) = text.rsplit_once(' ')?;
    let time = BrokenDownTime::parse("%a %b %d %H:%M:%S %Y", text).ok()?;
    let time: DateTime = time.to_datetime().ok()?;
    Some(zone.to_timestamp(time).ok()?.as_second())
}

fn unexpected(what: &'static str) -> SambaError {
    SambaError::Unexpected {
        program: PROGRAM,
        what,
    }
}

const PROGRAM: &str = "net primarytrust dumpinfo";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Printed by Samba 4.17 in a domain made for the purpose, after one change of the password.
    const RECORDED: &str = include_str!("../../tests/data/primarytrust-4.17.txt");

    #[test]
    fn what_samba_printed_is_read() {
        let trust = parse(RECORDED, &TimeZone::UTC).unwrap();
        assert_eq!(trust.account, "M1$");
        assert_eq!(trust.netbios, "AD");
        assert_eq!(trust.domain, "ad.test");
        assert_eq!(
            trust.sid.to_string(),
            "S-1-5-21-3147655622-30062185-2692201829"
        );
        assert_eq!(
            trust.guid.to_string(),
            "73fb0f0b-0c2d-4993-a607-b953013baa83"
        );
        assert_eq!(
            trust.salt_principal.as_deref(),
            Some("host/m1.ad.test@AD.TEST")
        );
        assert_eq!(trust.changes, 2);
        assert!(!trust.change_pending);
        let changed: jiff::Timestamp = "2026-11-23T08:58:09Z".parse().unwrap();
        assert_eq!(trust.changed_at, Some(changed.as_second()));
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let elsewhere = parse(RECORDED, &zone).unwrap();
        assert_eq!(elsewhere.changed_at, Some(changed.as_second() - 3600));
    }

    #[test]
    fn the_passwords_are_read() {
        let known = parse_passwords(RECORDED).unwrap();
        assert!(known.current.expose() == b"CCCCCCCCCCCCCCCCCCCCCCCCCCC3");
        assert!(known.old.unwrap().expose() == b"BBBBBBBBBBBBBBBBBBBBBBB2");
        assert_eq!(known.older.unwrap().expose().len(), 38);
        assert!(known.next.is_none());
    }

    #[test]
    fn characters_that_look_like_numbers_are_not_read_as_such() {
        let text = "                password                 : *\n\
                    \x20                       cleartext_blob           : DATA_BLOB length=6\n\
                    [0000] 20 00 41 00 42 00                                   .A.B.\n\
                    \x20               old_password             : NULL\n\
                    \x20               older_password           : NULL\n\
                    \x20               next_change              : NULL\n";
        assert!(parse_passwords(text).unwrap().current.expose() == b" AB");
        for (from, to) in [
            ("length=6", "length=8"),
            ("42 00", "4x 00"),
            ("length=6", "length=5"),
        ] {
            assert!(
                parse_passwords(&text.replacen(from, to, 1)).is_err(),
                "{to}"
            );
        }
    }

    #[test]
    fn a_member_that_is_missing_is_said() {
        for name in [
            "domain_guid",
            "account_name",
            "password_changes",
            "dns_domain",
        ] {
            let Err(error) = parse(&RECORDED.replace(name, "other"), &TimeZone::UTC) else {
                panic!("{name}");
            };
            assert!(error.to_string().ends_with(name), "{error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,200}", at in any::<usize>(), with in "[ :\\[\\]'a-z0-9\n]{0,8}") {
            let _ = parse(&text, &TimeZone::UTC);
            let _ = parse_passwords(&text);
            let at = at % RECORDED.len();
            let damaged = format!("{}{with}{}", &RECORDED[..at], &RECORDED[at..]);
            let _ = parse(&damaged, &TimeZone::UTC);
            let _ = parse_passwords(&damaged);
        }
    }
}
