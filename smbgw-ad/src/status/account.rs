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
        RotatedBy::Smbgw | RotatedBy::Others => OLDEST,
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

#[cfg(test)]
mod tests {
    use super::super::found::{
        DirectoryStatus, JoinedBy, KeytabStatus, PasswordStatus, SharedService,
    };
    use super::*;

    const AES: &str = "aes256-cts-hmac-sha1-96";
    const RC4: &str = "arcfour-hmac";

    fn account() -> AccountStatus {
        AccountStatus {
            dn: "CN=GW1,CN=Computers,DC=ad,DC=test".into(),
            guid: crate::name::Guid::from_bytes([1; 16]),
            sid: "S-1-5-21-1-2-3-1103".parse().unwrap(),
            enabled: true,
            host_name: Some("gw1.ad.test".into()),
            kvno: Some(3),
            encryption_types: vec![AES.into()],
            password_set_at: Some(1_000_000),
            services: Vec::new(),
            missing_services: Vec::new(),
            shared_services: Vec::new(),
        }
    }

    fn member(account: AccountStatus) -> MemberStatus {
        MemberStatus {
            domain: "ad.test".parse().unwrap(),
            realm: "AD.TEST".parse().unwrap(),
            netbios: "AD".into(),
            computer: "GW1".parse().unwrap(),
            joined_by: JoinedBy::Other,
            joined_at: None,
            keytab: KeytabStatus {
                path: "/etc/krb5.keytab".into(),
                kvno: Some(3),
                encryption_types: vec![AES.into()],
            },
            password: PasswordStatus {
                changed_at: Some(1_000_000),
                age_seconds: Some(DAY),
                rotated_by: RotatedBy::Smbgw,
            },
            samba_knows: true,
            channel: Channel::WinbindDown,
            ids: Vec::new(),
            users_known: true,
            directory: Some(DirectoryStatus {
                controller: "dc.ad.test".parse().unwrap(),
                address: [192, 0, 2, 1].into(),
                controller_site: None,
                site: None,
                skew_milliseconds: Some(0),
                account: Some(account),
            }),
        }
    }

    /// The codes of what is told of a member that was changed.
    fn told(change: impl FnOnce(&mut MemberStatus)) -> Vec<String> {
        let mut member = member(account());
        change(&mut member);
        let findings = findings(&member, None);
        findings.into_iter().map(|finding| finding.code).collect()
    }

    /// The same of one whose account was changed.
    fn told_of(change: impl FnOnce(&mut AccountStatus)) -> Vec<String> {
        told(|member| {
            let directory = member.directory.as_mut();
            change(directory.and_then(|found| found.account.as_mut()).unwrap());
        })
    }

    #[test]
    fn a_member_that_is_well_has_no_findings() {
        assert!(told(|_| {}).is_empty());
        assert!(told(|member| member.directory = None).is_empty());
        // The domain decides where the account says nothing.
        assert!(told_of(|account| account.encryption_types.clear()).is_empty());
    }

    #[test]
    fn each_deviation_has_its_code() {
        assert_eq!(told_of(|a| a.enabled = false), ["ad.account-disabled"]);
        assert_eq!(told_of(|a| a.kvno = Some(4)), ["ad.keytab-outdated"]);
        assert_eq!(told_of(|a| a.kvno = Some(2)), ["ad.rotation-unfinished"]);
        let spn = || "cifs/gw1".parse().unwrap();
        assert_eq!(
            told_of(|a| a.missing_services = vec![spn()]),
            ["ad.spn-missing"]
        );
        let shared = SharedService {
            dn: "CN=OTHER,DC=ad,DC=test".into(),
            names: vec!["cifs/gw1".into()],
        };
        assert_eq!(
            told_of(|a| a.shared_services = vec![shared]),
            ["ad.spn-duplicate"]
        );
        assert_eq!(
            told_of(|a| a.encryption_types = vec![RC4.into()]),
            ["ad.encryption-none-common"]
        );
        let weak = |member: &mut MemberStatus| {
            member.keytab.encryption_types = vec![RC4.into()];
            let directory = member.directory.as_mut().unwrap();
            directory.account.as_mut().unwrap().encryption_types = vec![RC4.into()];
        };
        assert_eq!(told(weak), ["ad.encryption-weak"]);
        let mixed = |member: &mut MemberStatus| {
            weak(member);
            let directory = member.directory.as_mut().unwrap();
            directory
                .account
                .as_mut()
                .unwrap()
                .encryption_types
                .push(AES.into());
        };
        assert_eq!(told(mixed), ["ad.encryption-weak"]);
    }

    #[test]
    fn a_password_is_old_by_who_changes_it() {
        let aged = |days: i64, by: RotatedBy| {
            told(|member| {
                member.password.age_seconds = Some(days * DAY + 1);
                member.password.rotated_by = by;
            })
        };
        let winbind = RotatedBy::Winbind {
            every_seconds: 604_800,
        };
        assert!(aged(59, RotatedBy::Smbgw).is_empty());
        assert_eq!(aged(60, RotatedBy::Smbgw), ["ad.machine-password-old"]);
        assert!(aged(14, winbind).is_empty());
        assert_eq!(aged(15, winbind), ["ad.machine-password-old"]);
        let never = RotatedBy::Winbind {
            every_seconds: u64::MAX,
        };
        assert!(aged(10_000, never).is_empty());
    }

    #[test]
    fn a_later_password_in_the_directory_is_told_unless_winbindd_uses_its_own() {
        assert!(told_of(|a| a.password_set_at = Some(1_000_500)).is_empty());
        // A rotation that was finished late had Samba's first.
        assert!(told_of(|a| a.password_set_at = Some(900_000)).is_empty());
        assert_eq!(
            told_of(|a| a.password_set_at = Some(1_001_000)),
            ["ad.machine-password-differs"]
        );
        let proven = |member: &mut MemberStatus| {
            member.channel = Channel::Good { controller: None };
            let directory = member.directory.as_mut().unwrap();
            directory.account.as_mut().unwrap().password_set_at = Some(1_001_000);
        };
        assert!(told(proven).is_empty());
    }
}
