//! How a member stands with a real domain, and what is told when something is not as it should be.

mod lab;

use std::time::Duration;

use smbgw_ad::code::Code;
use smbgw_ad::status::{Channel, JoinedBy, MemberStatus, RotatedBy, State, Status};
use smbgw_ad::winbind;
use smbgw_core::layout::SMB_CONF;
use smbgw_testing::{Capability, Domain, require, run, wait_until};

use lab::{Lab, account, draft, is_done};

/// How long winbindd may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl Lab {
    /// The host as a member, joined by us.
    fn joined(self) -> Self {
        is_done(self.join(&draft(), Domain::PASSWORD));
        self
    }

    /// The text of a file of the host, changed.
    fn edit(&self, path: &str, change: impl FnOnce(String) -> String) {
        let text = self.host.read(path).unwrap();
        self.host.write(path, change(text)).unwrap();
    }
}

#[track_caller]
fn member(status: &Status) -> &MemberStatus {
    status.member.as_ref().expect("it is a member")
}

/// Fails unless `code` alone is told; the message.
#[track_caller]
fn tells(status: &Status, code: Code) -> String {
    tells_all(status, &[code])
}

/// Fails unless these codes are told and no others; the first message.
#[track_caller]
fn tells_all(status: &Status, wanted: &[Code]) -> String {
    let codes: Vec<&str> = status.findings.iter().map(|f| f.code.as_str()).collect();
    let wanted: Vec<&str> = wanted.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes, wanted, "{:#?}", status.findings);
    assert_eq!(status.state, State::Deviating);
    let finding = &status.findings[0];
    assert!(finding.cause.is_some() && finding.remedy.is_some());
    finding.message.clone()
}

#[test]
fn a_member_that_is_well() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("well1");
    let before = lab.status();
    assert_eq!(before.state, State::NotJoined);
    assert_eq!(before.member, None);

    let lab = lab.joined();
    let status = lab.status();
    assert_eq!(status.state, State::Good, "{:#?}", status.findings);
    assert_eq!(status.findings, []);
    let member = member(&status);
    assert_eq!(member.domain.as_str(), Domain::NAME);
    assert_eq!(member.netbios, Domain::NETBIOS);
    assert_eq!(member.joined_by, JoinedBy::Smbgw);
    assert_eq!(member.password.rotated_by, RotatedBy::Smbgw);
    assert_eq!(member.password.age_days(), Some(0));
    assert!(member.samba_knows);
    assert_eq!(
        member.channel,
        Channel::Good {
            controller: Some("dc.ad.test".into())
        }
    );
    let ranges: Vec<&str> = member
        .ids
        .iter()
        .map(|range| range.domain.as_str())
        .collect();
    assert_eq!(ranges, ["*", Domain::NETBIOS]);
    let directory = member.directory.as_ref().unwrap();
    assert_eq!(directory.controller.as_str(), "dc.ad.test");
    assert_eq!(directory.site.as_ref().unwrap().as_str(), Domain::SITE);
    assert!(directory.skew_milliseconds.unwrap().abs() < 60_000);
    let found = directory.account.as_ref().unwrap();
    assert!(found.enabled && found.missing_services.is_empty());
    assert_eq!(found.kvno, member.keytab.kvno);
    assert_eq!(found.encryption_types, member.keytab.encryption_types);
    let theirs = account("well1").unwrap();
    assert_eq!(found.guid.to_string(), theirs["objectguid"][0]);
    assert_eq!(found.sid.to_string(), theirs["objectsid"][0]);
}

#[test]
fn what_was_changed_on_the_host_is_told() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("edited1").joined();
    assert!(member(&lab.status()).users_known);
    let whole = lab.host.read(SMB_CONF).unwrap();

    lab.edit(SMB_CONF, |text| {
        let lines = text.lines().filter(|line| !line.starts_with("include"));
        lines.map(|line| format!("{line}\n")).collect()
    });
    let message = tells_all(&lab.status(), &[Code::SambaDrift, Code::IdmapRangeMissing]);
    assert!(message.contains("does not include"), "{message}");
    lab.edit(SMB_CONF, |_| format!("{whole}[global]\nsecurity = user\n"));
    let message = tells(&lab.status(), Code::SambaDrift);
    assert!(message.contains("security = user"), "{message}");
    lab.edit(SMB_CONF, |_| whole);

    let conf = "/etc/samba/smbgw-domain.conf";
    let ours = lab.host.read(conf).unwrap();
    lab.edit(conf, |text| text.replace("2000000", "2500000"));
    tells(&lab.status(), Code::SambaDrift);
    lab.edit(conf, |_| ours);

    let kerberos = lab.host.read("/etc/krb5.conf").unwrap();
    lab.edit("/etc/krb5.conf", |text| {
        text.replace("ad.test", "other.test")
    });
    tells(&lab.status(), Code::Krb5ConfDrift);
    lab.edit("/etc/krb5.conf", |_| kerberos);

    let switch = lab.host.read("/etc/nsswitch.conf").unwrap();
    lab.edit("/etc/nsswitch.conf", |text| text.replace(" winbind", ""));
    tells(&lab.status(), Code::NsswitchDrift);
    lab.edit("/etc/nsswitch.conf", |_| switch);

    let journal = "/var/lib/smbgw/domain/operation.jsonl";
    let begin = ["-D", "-m", "600", "/dev/null", journal];
    run(lab.host.command("install").args(begin)).unwrap();
    tells(&lab.status(), Code::Interrupted);
    run(lab.host.command("rm").arg(journal)).unwrap();

    let servers = lab.host.read("/etc/resolv.conf").unwrap();
    lab.edit("/etc/resolv.conf", |_| "nameserver 10.99.0.250\n".into());
    let status = lab.status();
    assert_eq!(status.state, State::NoController);
    assert!(status.findings[0].is(Code::DnsSilent), "{status:#?}");
    lab.edit("/etc/resolv.conf", |_| servers);

    let accounts = lab.host.read("/etc/passwd").unwrap();
    lab.edit("/etc/passwd", |text| {
        format!("{text}intruder:x:2000500:100::/:/bin/false\n")
    });
    let message = tells(&lab.status(), Code::IdmapCollision);
    assert!(message.contains("`intruder` in /etc/passwd"), "{message}");
    lab.edit("/etc/passwd", |_| accounts);

    run(lab
        .host
        .command("smbcontrol")
        .args(["winbindd", "shutdown"]))
    .unwrap();
    let status = lab.status();
    tells(&status, Code::WinbindDown);
    assert_eq!(member(&status).channel, Channel::WinbindDown);
}

#[test]
fn what_was_changed_in_the_directory_is_told() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("moved1").joined();
    let controller = Domain::shared().controller();
    let change = |what: &str| {
        let dn = &account("moved1").unwrap()["dn"][0];
        let change = format!("dn: {dn}\nchangetype: modify\n{what}");
        controller.directory_modify(&change).unwrap();
    };

    change("delete: servicePrincipalName\nservicePrincipalName: cifs/moved1.ad.test\n");
    let status = lab.status();
    let message = tells(&status, Code::SpnMissing);
    assert!(message.contains("cifs/moved1.ad.test"), "{message}");
    let thief = format!("CN=THIEF1,CN=Computers,{}", Domain::BASE);
    let stolen = format!(
        "dn: {thief}\nobjectClass: computer\nsAMAccountName: THIEF1$\n\
         servicePrincipalName: cifs/moved1.ad.test\n"
    );
    controller.directory_add(&stolen).unwrap();
    let status = lab.status();
    tells_all(&status, &[Code::SpnMissing, Code::SpnDuplicate]);
    assert!(status.findings[1].message.contains("THIEF1"));
    controller.directory_delete(&thief).unwrap();
    change("add: servicePrincipalName\nservicePrincipalName: cifs/moved1.ad.test\n");
    assert_eq!(lab.status().state, State::Good);

    change("replace: dNSHostName\ndNSHostName: other.ad.test\n");
    // A domain controller renames the services along with the host.
    tells_all(&lab.status(), &[Code::SpnMissing, Code::HostNameDiffers]);
    change("replace: dNSHostName\ndNSHostName: moved1.ad.test\n");

    change("replace: msDS-SupportedEncryptionTypes\nmsDS-SupportedEncryptionTypes: 4\n");
    tells(&lab.status(), Code::EncryptionNoneCommon);
    change("replace: msDS-SupportedEncryptionTypes\nmsDS-SupportedEncryptionTypes: 24\n");
    assert_eq!(lab.status().state, State::Good);
}

#[test]
fn a_keytab_that_is_out_of_date_is_told() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("stale1").joined();
    let aside = "/etc/krb5.keytab.aside";
    let keys = std::fs::read(lab.host.path("/etc/krb5.keytab")).unwrap();
    run(lab.host.command("mv").args(["/etc/krb5.keytab", aside])).unwrap();
    let status = lab.status();
    let message = tells(&status, Code::KeytabMissing);
    assert!(message.contains("/etc/krb5.keytab"), "{message}");
    assert!(
        member(&status)
            .directory
            .as_ref()
            .unwrap()
            .account
            .is_none()
    );
    lab.host.write("/etc/krb5.keytab", "no keytab").unwrap();
    let codes: Vec<String> = lab.status().findings.into_iter().map(|f| f.code).collect();
    assert!(codes.contains(&"ad.keytab-invalid".into()), "{codes:?}");
    lab.host.write("/etc/krb5.keytab", keys).unwrap();
    assert_eq!(lab.status().state, State::Good);

    Domain::shared()
        .samba_tool(&[
            "user",
            "setpassword",
            "STALE1$",
            "--newpassword=Other.pass-1",
        ])
        .unwrap();
    let status = lab.status();
    let first = &status.findings[0];
    assert!(first.is(Code::KeytabOutdated), "{:#?}", status.findings);
    assert!(first.message.contains("version 1"), "{first}");
    assert_eq!(status.state, State::Deviating);

    // winbindd finds out when it starts anew.
    let entered = &lab.entered;
    lab.host
        .on_its_network(|| winbind::restart(entered, lab::soon()).unwrap());
    let broken = wait_until(PATIENCE, "winbindd to see that its secret is wrong", || {
        let status = lab.status();
        let is_told = status
            .findings
            .iter()
            .any(|f| f.is(Code::SecureChannelBroken));
        is_told.then_some(status)
    });
    let broken = broken.unwrap();
    let channel = &member(&broken).channel;
    assert!(matches!(channel, Channel::Broken { .. }), "{channel:?}");
}

#[test]
fn of_two_controllers_one_is_enough_and_all_may_have_ipv6_only() {
    require!(Capability::DomainController, Capability::Winbind);
    let domain = Domain::start_with_two().unwrap();
    let lab = Lab::of(domain.host_on_v6("six1").unwrap()).joined();
    // Either may answer first, and only one has made the account.
    domain.replicate().unwrap();
    let status = lab.status();
    assert_eq!(status.state, State::Good, "{:#?}", status.findings);
    let used = &member(&status).directory.as_ref().unwrap().controller;
    let controllers = domain.controllers();
    let dead = controllers
        .iter()
        .find(|one| one.full_name() == used.as_str());
    dead.unwrap().pull_cable().unwrap();
    let status = lab.status();
    let directory = member(&status)
        .directory
        .as_ref()
        .expect("the other one answers");
    assert_ne!(directory.controller, *used);
    assert!(directory.address.is_ipv6());
    assert!(directory.account.is_some(), "{:#?}", status.findings);
}

#[test]
fn a_domain_that_cannot_be_reached_is_told() {
    require!(
        Capability::DomainController,
        Capability::Winbind,
        Capability::Faketime
    );
    let domain = Domain::start().unwrap();
    let lab = Lab::of(domain.host("alone1").unwrap()).joined();
    let controller = domain.controller();

    controller.pull_cable().unwrap();
    let status = lab.status();
    assert_eq!(status.state, State::NoController, "{status:#?}");
    assert_eq!(status.state.to_string(), "degraded: no domain controller");
    let seen = member(&status);
    assert!(seen.directory.is_none());
    // What the host alone knows is there all the same.
    assert_eq!(seen.keytab.kvno, Some(1));
    assert_eq!(seen.password.age_days(), Some(0));
    assert_eq!(seen.ids.len(), 2);
    assert!(!status.findings.is_empty());
    controller.plug_cable().unwrap();
    let again = wait_until(PATIENCE, "all to be well again by itself", || {
        (lab.status().state == State::Good).then_some(())
    });
    again.unwrap();

    controller.restart_with_clock(120).unwrap();
    let status = lab.status();
    let skew = status.findings.iter().find(|f| f.is(Code::ClockSkew));
    assert!(skew.is_some(), "{:#?}", status.findings);
    let directory = member(&status).directory.as_ref().unwrap();
    assert!(directory.account.is_some());
    assert!((60_000..180_000).contains(&directory.skew_milliseconds.unwrap()));

    controller.restart_with_clock(3600).unwrap();
    let status = lab.status();
    assert!(
        status.findings[0].is(Code::ClockSkew),
        "{:#?}",
        status.findings
    );
    let directory = member(&status).directory.as_ref().unwrap();
    assert!(directory.account.is_none());
    assert!(directory.skew_milliseconds.unwrap() > 3_000_000);
}
