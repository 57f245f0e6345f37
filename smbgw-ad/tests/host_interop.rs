//! Members that other programs joined, and other programs on members that we joined.

mod lab;

use std::path::Path;

use smbgw_ad::code::Code;
use smbgw_ad::leave::AccountFate;
use smbgw_ad::name::Principal;
use smbgw_ad::rotate::{RotateOptions, RotateReport, rotate};
use smbgw_ad::status::{Channel, JoinedBy, RotatedBy, State, Status};
use smbgw_ad::steps::keytab;
use smbgw_core::host::NamespaceHost;
use smbgw_testing::process::run_with;
use smbgw_testing::{Capability, Domain, LightHost, require, run};

use lab::{Lab, account, draft, is_done};

impl Lab {
    /// What a program says on the host; fails where it fails.
    #[track_caller]
    fn says(&self, program: &str, arguments: &[&str]) -> String {
        // Where tickets usually are is everybody's.
        let mut command = self.host.command(program);
        run(command
            .env("KRB5CCNAME", "FILE:/run/tickets")
            .args(arguments))
        .unwrap()
    }
}

/// The codes of what is told.
fn codes(status: &Status) -> Vec<&str> {
    status.findings.iter().map(|f| f.code.as_str()).collect()
}

#[test]
fn a_member_joined_by_net_is_understood_rotated_and_left() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::as_it_is(Domain::shared().member_joined_by_net("bynet1").unwrap());
    let _winbindd = lab.host.start_winbindd().unwrap();
    let status = lab.status();
    assert_eq!(status.state, State::Good, "{:#?}", status.findings);
    let member = status.member.unwrap();
    assert_eq!(member.joined_by, JoinedBy::Other);
    assert_eq!(member.computer.as_str(), "BYNET1");
    assert!(member.samba_knows && member.users_known);
    assert!(matches!(member.channel, Channel::Good { .. }));
    let by = RotatedBy::Winbind {
        every_seconds: 604_800,
    };
    assert_eq!(member.password.rotated_by, by);
    assert!(member.password.changed_at.is_some());
    let theirs = member.directory.unwrap().account.unwrap();
    assert_eq!(theirs.kvno, member.keytab.kvno);
    let before = theirs.kvno.unwrap();

    // Others may change the password, too.
    lab.says("net", &["ads", "changetrustpw"]);
    let status = lab.status();
    assert_eq!(status.state, State::Good, "{:#?}", status.findings);
    let rotated = lab.rotate().unwrap();
    assert_eq!(rotated.key_version, before + 2);
    lab.is_a_member();
    lab.says("kinit", &["-k", "BYNET1$@AD.TEST"]);
    let status = lab.status();
    assert_eq!(status.state, State::Good, "{:#?}", status.findings);
    assert_eq!(status.member.unwrap().keytab.kvno, Some(before + 2));

    is_done(lab.leave(AccountFate::Delete));
    assert!(account("bynet1").is_none());
    assert!(!lab.exists("/etc/krb5.keytab"));
    run(lab.host.command("net").args(["ads", "testjoin"])).unwrap_err();
    assert_eq!(lab.status().state, State::NotJoined);
}

#[test]
fn a_member_joined_by_adcli_is_understood_rotated_and_left() {
    require!(
        Capability::DomainController,
        Capability::Adcli,
        Capability::Winbind
    );
    let lab = Lab::as_it_is(Domain::shared().member_joined_by_adcli("bycli1").unwrap());
    let status = lab.status();
    assert_eq!(
        codes(&status),
        [Code::SambaUntold.as_str()],
        "{:#?}",
        status.findings
    );
    let member = status.member.unwrap();
    assert_eq!(member.joined_by, JoinedBy::Other);
    assert!(!member.samba_knows);
    assert_eq!(member.password.rotated_by, RotatedBy::Others);
    let by_timer = RotateOptions {
        if_older_than_days: Some(0),
    };
    let left = lab.with(|parts| rotate(parts, by_timer)).unwrap();
    assert_eq!(left, RotateReport::LeftToOthers);
    let theirs = member.directory.unwrap().account.unwrap();
    assert_eq!(theirs.kvno, member.keytab.kvno);
    let before = theirs.kvno.unwrap();

    // Keys of a rotation that was killed before the domain was told of them.
    let path = Path::new(keytab::DEFAULT);
    let mut keys = keytab::read(&lab.entered, path).unwrap();
    let principal = Principal::computer(&member.computer, member.realm.clone());
    let lost = keytab::keys(&lab::secret("lost"), &member.realm, &member.computer).unwrap();
    keytab::insert(&mut keys, &[principal], before + 1, &lost, 0);
    keytab::write(&lab.entered, path, &keys).unwrap();
    let told = [
        Code::RotationUnfinished.as_str(),
        Code::SambaUntold.as_str(),
    ];
    assert_eq!(codes(&lab.status()), told);

    let rotated = lab.rotate().unwrap();
    assert_eq!(rotated.key_version, before + 1);
    lab.logs_in_by_keytab();
    lab.says("adcli", &["testjoin", "--domain", Domain::NAME]);
    assert_eq!(codes(&lab.status()), [Code::SambaUntold.as_str()]);

    is_done(lab.leave(AccountFate::Delete));
    assert!(account("bycli1").is_none());
    assert!(!lab.exists("/etc/krb5.keytab"));
    assert_eq!(lab.status().state, State::NotJoined);
}

#[test]
fn other_programs_accept_what_we_joined() {
    require!(
        Capability::DomainController,
        Capability::Winbind,
        Capability::Adcli,
        Capability::KerberosTools
    );
    let lab = Lab::new("others1");
    is_done(lab.join(&draft(), Domain::PASSWORD));
    for _ in 0..2 {
        assert!(lab.says("net", &["ads", "testjoin"]).contains("Join is OK"));
        lab.says("adcli", &["testjoin", "--domain", Domain::NAME]);
        lab.says("wbinfo", &["-t"]);
        lab.says("kinit", &["-k", "OTHERS1$@AD.TEST"]);
        let keys = lab.says("klist", &["-k", "-e"]);
        for part in [
            "OTHERS1$@AD.TEST",
            "cifs/others1.ad.test@AD.TEST",
            "aes256-cts",
        ] {
            assert!(keys.contains(part), "{keys}");
        }
        let shown = show_computer(&lab.host, "OTHERS1");
        for part in ["OTHERS1$", "others1.ad.test", "HOST/others1.ad.test"] {
            assert!(shown.contains(part), "{shown}");
        }
        lab.rotate().unwrap();
    }
    let entered = NamespaceHost::of_process("others1", lab.host.pid()).unwrap();
    assert!(
        smbgw_ad::joined::joined(&entered, lab::soon())
            .unwrap()
            .is_some()
    );
}

/// What `adcli` shows of an account, to the administrator.
fn show_computer(host: &LightHost, name: &str) -> String {
    let mut adcli = host.command("adcli");
    adcli
        .args(["show-computer", "--verbose", "--stdin-password"])
        .args([
            "--domain",
            Domain::NAME,
            "--login-user",
            Domain::ADMINISTRATOR,
        ])
        .arg(name);
    run_with(&mut adcli, Domain::PASSWORD.as_bytes()).unwrap()
}
