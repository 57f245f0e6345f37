//! What is to be said of the account of a member, its keys and its password.

use super::found::{AccountStatus, Channel, MemberStatus, RotatedBy};
use crate::code::Code;
use crate::krb::crypto::EncryptionType;
use crate::membership::Membership;
use crate::reason::Reason;

/// What is not as it should be between `member` and its account.
pub(super) fn findings(member: &MemberStatus, record: Option<&Membership>) -> Vec<Reason> {
    let mut findings = Vec::new();
    let directory = member.directory.as_ref();
    if let Some(account) = directory.and_then(|directory| directory.account.as_ref()) {
        if !account.enabled {
            let message = format!("the account `{}` is disabled", account.dn);
            findings.push(Reason::new(Code::AccountDisabled, message));
        }
        findings.extend(versions(member, account));
        findings.extend(names(account, record));
        findings.extend(encryption(member, account));
        findings.extend(differing(member, account));
    }
    findings.extend(age(member));
    findings
}

/// The version of the keys here and there.
fn versions(member: &MemberStatus, account: &AccountStatus) -> Option<Reason> {
    let (here, there) = (member.keytab.kvno?, account.kvno?);
    let message = format!(
        "{} has keys of version {here}, and the directory is at {there}",
        member.keytab.path.display()
    );
    match here.cmp(&there) {
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Less => Some(Reason::new(Code::KeytabOutdated, message)),
        std::cmp::Ordering::Greater => Some(Reason::new(Code::RotationUnfinished, message)),
    }
}

fn names(account: &AccountStatus, record: Option<&Membership>) -> Vec<Reason> {
    let mut findings = Vec::new();
    if !account.missing_services.is_empty() {
        let missing: Vec<&str> = account
            .missing_services
            .iter()
            .map(|s| s.as_str())
            .collect();
        findings.push(
            Reason::new(
                Code::SpnMissing,
                format!("`{}` lacks {}", account.dn, missing.join(", ")),
            )
            .remedy(format!(
                "Run `pve-smbgateway ad-spn add {}`.",
                missing.join(" ")
            )),
        );
    }
    for other in &account.shared_services {
        findings.push(Reason::new(
            Code::SpnDuplicate,
            format!("`{}` has {} as well", other.dn, other.names.join(", ")),
        ));
    }
    if let Some(record) = record
        && let Some(theirs) = &account.host_name
        && !theirs.eq_ignore_ascii_case(record.host_name.as_str())
    {
        findings.push(Reason::new(
            Code::HostNameDiffers,
            format!(
                "`{}` is the account of `{theirs}`, and this machine joined as `{}`",
                account.dn, record.host_name
            ),
        ));
    }
    findings
}

fn encryption(member: &MemberStatus, account: &AccountStatus) -> Option<Reason> {
    let is_strong = |types: &[String]| {
        let weak = EncryptionType::Rc4.as_str();
        types.iter().any(|etype| etype != weak)
    };
    let (here, there) = (&member.keytab.encryption_types, &account.encryption_types);
    // Where the account says nothing, the domain decides.
    if !there.is_empty() && !here.is_empty() && !there.iter().any(|etype| here.contains(etype)) {
        return Some(Reason::new(
            Code::EncryptionNoneCommon,
            format!(
                "`{}` takes {}, and the keytab has {}",
                account.dn,
                there.join(", "),
                here.join(", ")
            ),
        ));
    }
    let weak = match (is_strong(there), is_strong(here)) {
        (false, _) if !there.is_empty() => format!("`{}` takes RC4 only", account.dn),
        (_, false) if !here.is_empty() => {
            format!("{} has keys of RC4 only", member.keytab.path.display())
        }
        _ => return None,
    };
    Some(Reason::new(Code::EncryptionWeak, weak))
}

/// Whether Samba may have another password than the directory. Where winbindd uses its own, it has the right one.
fn differing(member: &MemberStatus, account: &AccountStatus) -> Option<Reason> {
    let (samba, there) = (member.password.changed_at?, account.password_set_at?);
    let is_off = there.saturating_sub(samba) > TOLERANCE;
    let is_proven = matches!(member.channel, Channel::Good { .. });
    (is_off && !is_proven).then(|| {
        Reason::new(
            Code::MachinePasswordDiffers,
            format!(
                "the password was set in the directory {} minutes after Samba was told of one",
                (there - samba) / 60
            ),
        )
    })
}

fn age(member: &MemberStatus) -> Option<Reason> {
    let age = member.password.age_seconds?;
    let most = match member.password.rotated_by {
        RotatedBy::Smbgw => OLDEST,
        // It is late where two changes in a row did not happen.
        RotatedBy::Winbind { every_seconds } => i64::try_from(every_seconds)
            .unwrap_or(i64::MAX)
            .saturating_mul(2)
            .saturating_add(DAY),
    };
    (age > most).then(|| {
        Reason::new(
            Code::MachinePasswordOld,
            format!("the password of the machine is {} days old", age / DAY),
        )
    })
}

const DAY: i64 = 86_400;

/// Twice what the timer takes for old.
const OLDEST: i64 = 60 * DAY;

/// The clocks of both may be that far apart, and the two are not told at the same moment.
const TOLERANCE: i64 = 600;
