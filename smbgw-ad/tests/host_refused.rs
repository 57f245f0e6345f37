//! Joins that cannot be, in a real domain: each is refused with its reason before anything is touched.

mod lab;

use std::net::IpAddr;
use std::time::Duration;

use jiff::SignedDuration;
use lab::{Lab, account, draft, is_done, secret};
use smbgw_ad::clock::Clock;
use smbgw_ad::join::{JoinDraft, Parts, join};
use smbgw_ad::join_error::JoinError;
use smbgw_ad::leave::AccountFate;
use smbgw_ad::outcome::Outcome;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_testing::domain::Standing;
use smbgw_testing::{Capability, Domain, require, run};

/// What was refused: the code of the error, or of each problem with its field.
fn reasons(result: Result<Outcome, JoinError>) -> Vec<String> {
    match result {
        Err(JoinError::Refused(problems)) => problems
            .iter()
            .map(|problem| format!("{} {}", problem.field, problem.code))
            .collect(),
        Err(error) => vec![error.code().into()],
        Ok(outcome) => panic!("{outcome:#?}"),
    }
}

/// Fails unless a join is refused for these reasons, and the host is as it was.
#[track_caller]
fn is_refused(lab: &Lab, draft: &JoinDraft, password: &str, expected: &[&str]) {
    let result = lab.join(draft, password);
    let shown = format!("{result:?}");
    assert!(!shown.contains(Domain::PASSWORD), "{shown}");
    assert_eq!(reasons(result), expected, "{draft:?}: {shown}");
    lab.is_as_it_was();
}

#[test]
fn who_may_not_log_in_or_make_accounts_is_told_why() {
    require!(Capability::DomainController, Capability::Winbind);
    let domain = Domain::shared();
    let lab = Lab::new("refused1");
    let by = |user: &str| JoinDraft {
        user: Some(user.into()),
        ..draft()
    };
    is_refused(&lab, &draft(), "not it", &["user ad.password-wrong"]);
    is_refused(&lab, &draft(), "", &["user ad.password-wrong"]);
    let unknown = ["user ad.account-unknown"];
    is_refused(&lab, &by("nobody"), Domain::PASSWORD, &unknown);
    is_refused(&lab, &by("nobody@ad.test"), Domain::PASSWORD, &unknown);
    is_refused(&lab, &by(r"LAB\nobody"), Domain::PASSWORD, &unknown);

    domain.add_users(&["rfweak", "rfbad"]).unwrap();
    for (standing, code) in [
        (Standing::Disabled, "user ad.account-disabled"),
        (Standing::Expired, "user ad.account-expired"),
        (Standing::Locked, "user ad.account-locked"),
        (Standing::MustChange, "user ad.password-must-change"),
    ] {
        domain.set_standing("rfbad", standing).unwrap();
        is_refused(&lab, &by("rfbad"), Domain::PASSWORD, &[code]);
    }

    let quota = |number: u8| {
        let change = format!(
            "dn: {}\nchangetype: modify\nreplace: ms-DS-MachineAccountQuota\n\
             ms-DS-MachineAccountQuota: {number}\n",
            Domain::BASE
        );
        domain.controller().directory_modify(&change).unwrap();
    };
    quota(0);
    let missing = ["user ad.rights-missing"];
    is_refused(&lab, &by("rfweak"), Domain::PASSWORD, &missing);
    assert!(account("refused1").is_none());
    // Domains let everybody make a few accounts, but with less in them than members need.
    quota(10);
    let result = lab.join(&by("rfweak"), Domain::PASSWORD).unwrap();
    let Outcome::RolledBack { cause } = &result else {
        panic!("{result:#?}");
    };
    assert_eq!(cause.code, "ad.rights-missing", "{cause:?}");
    assert!(account("refused1").is_none());
    lab.is_as_it_was();
}

#[test]
fn what_is_wrong_with_a_request_is_told_all_at_once() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("refused2");
    for name in [
        "sixteencharacter",
        "1234567890",
        "SERVER",
        "under_score",
        "-dash",
    ] {
        let named = JoinDraft {
            computer_name: Some(name.into()),
            ..draft()
        };
        is_refused(
            &lab,
            &named,
            Domain::PASSWORD,
            &["computer-name ad.name-invalid"],
        );
    }
    let wrong = JoinDraft {
        domain: "not a domain".into(),
        user: Some("@".into()),
        ou: Some("no name".into()),
        computer_name: Some("SERVER".into()),
        aliases: vec!["good".into(), "1234".into(), "bad..name".into()],
        reuse: true,
        reset: true,
        no_dns: true,
        addresses: vec!["10.99.0.77".parse().unwrap()],
        ..draft()
    };
    let expected = [
        "domain ad.name-invalid",
        "computer-name ad.name-invalid",
        "user ad.name-invalid",
        "ou ad.name-invalid",
        "aliases ad.name-invalid",
        "aliases ad.name-invalid",
        "reset ad.request-invalid",
        "addresses ad.request-invalid",
    ];
    is_refused(&lab, &wrong, Domain::PASSWORD, &expected);
}

#[test]
fn what_does_not_fit_the_directory_and_the_host_is_told_all_at_once() {
    require!(Capability::DomainController, Capability::Winbind);
    let domain = Domain::shared();
    let mut lab = Lab::new("refused3");
    domain
        .controller()
        .directory_add(&format!(
            "dn: CN=rfother,CN=Computers,{base}\nobjectClass: computer\nsAMAccountName: rfother$\n\
             userAccountControl: 4096\ndNSHostName: rfother.ad.test\n\
             servicePrincipalName: cifs/rftaken.ad.test\n",
            base = Domain::BASE
        ))
        .unwrap();
    let before = account("rfother").unwrap();
    let taken = JoinDraft {
        aliases: vec!["rftaken".into()],
        ..draft()
    };
    is_refused(
        &lab,
        &taken,
        Domain::PASSWORD,
        &["services ad.spn-duplicate"],
    );
    let named = |name: &str| JoinDraft {
        computer_name: Some(name.into()),
        ..draft()
    };
    let in_use = ["computer-name ad.account-in-use"];
    is_refused(&lab, &named("rfother"), Domain::PASSWORD, &in_use);
    let reuse = JoinDraft {
        reuse: true,
        ..named("rfother")
    };
    is_refused(&lab, &reuse, Domain::PASSWORD, &in_use);
    let of_controller = [
        "host-name ad.dns-name-taken",
        "computer-name ad.account-in-use",
    ];
    is_refused(&lab, &named("dc"), Domain::PASSWORD, &of_controller);
    // Nobody takes over a domain controller.
    let controller = JoinDraft {
        reset: true,
        ..named("dc")
    };
    let result = lab.join(&controller, Domain::PASSWORD).unwrap_err();
    assert!(
        result.to_string().contains("no account of a member"),
        "{result}"
    );
    let outside = JoinDraft {
        ou: Some("OU=Unit,DC=other,DC=test".into()),
        ..draft()
    };
    is_refused(&lab, &outside, Domain::PASSWORD, &["ou ad.name-invalid"]);
    // One that was not made is nobody's.
    let prepared = JoinDraft {
        user: None,
        ..draft()
    };
    is_refused(
        &lab,
        &prepared,
        "One.time-1234",
        &["user ad.account-unknown"],
    );

    lab.host
        .write(
            "/etc/samba/smb.conf",
            "[global]\n\trealm = OTHER.TEST\n\tnetbios name = OTHER\n\
             \tidmap config * : range = 2000000-3000000\n\tidmap config * : backend = tdb\n",
        )
        .unwrap();
    lab.begin_here();
    let all = JoinDraft {
        ou: Some(format!("OU=Nowhere,{}", Domain::BASE)),
        aliases: vec!["rftaken".into()],
        ..draft()
    };
    let result = lab.join(&all, Domain::PASSWORD);
    let mut found = reasons(result);
    found.sort();
    let expected = [
        "idmap config * : range ad.samba-conflict",
        "netbios name ad.samba-conflict",
        "ou ad.object-missing",
        "realm ad.samba-conflict",
        "services ad.spn-duplicate",
    ];
    assert_eq!(found, expected);
    lab.is_as_it_was();
    assert!(account("refused3").is_none());
    assert_eq!(account("rfother").unwrap(), before);
}

#[test]
fn a_host_in_a_domain_does_not_join_again() {
    require!(Capability::DomainController, Capability::Winbind);
    let mut lab = Lab::new("refused4");
    is_done(lab.join(&draft(), Domain::PASSWORD));
    let member = account("refused4").unwrap();
    lab.begin_here();
    is_refused(&lab, &draft(), Domain::PASSWORD, &["ad.already-joined"]);
    let elsewhere = JoinDraft {
        computer_name: Some("refused4b".into()),
        ..draft()
    };
    is_refused(&lab, &elsewhere, Domain::PASSWORD, &["ad.already-joined"]);
    assert_eq!(
        account("refused4").unwrap()["msds-keyversionnumber"],
        member["msds-keyversionnumber"]
    );
    assert!(account("refused4b").is_none());
    is_done(lab.leave(AccountFate::Delete));

    // Neither does one that others have joined.
    let host = Domain::shared().member_joined_by_net("refused5").unwrap();
    let settings = host.read("/etc/samba/smb.conf").unwrap();
    let lab = Lab::as_it_is(host);
    let member = account("refused5").unwrap();
    let result = lab.join(&draft(), Domain::PASSWORD);
    let found = reasons(result);
    assert!(
        found.contains(&"samba ad.already-joined".into()),
        "{found:?}"
    );
    assert_eq!(lab.host.read("/etc/samba/smb.conf").unwrap(), settings);
    lab.is_as_it_was();
    assert_eq!(
        account("refused5").unwrap()["msds-keyversionnumber"],
        member["msds-keyversionnumber"]
    );
    run(lab.host.command("net").args(["ads", "testjoin"])).unwrap();
}

#[test]
fn a_wrong_clock_is_followed_as_far_as_the_domain_allows() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("refused6");
    let at = |offset: SignedDuration| {
        lab.with(|parts| {
            let parts = Parts {
                clock: Clock::system().shifted(offset),
                ..*parts
            };
            join(&parts, &draft(), &secret(Domain::PASSWORD))
        })
    };
    for wrong in [
        SignedDuration::from_mins(11),
        SignedDuration::from_hours(-20),
    ] {
        assert_eq!(reasons(at(wrong)), ["user ad.clock-skew"]);
        lab.is_as_it_was();
    }
    assert!(account("refused6").is_none());
    let Ok(Outcome::Done(report)) = at(SignedDuration::from_mins(-4)) else {
        panic!("four minutes are within what Kerberos takes");
    };
    let said = report
        .notes
        .iter()
        .any(|note| note.contains("seconds behind that of dc.ad.test"));
    assert!(said, "{:?}", report.notes);
    lab.is_a_member();
    is_done(lab.leave(AccountFate::Delete));
    lab.is_as_it_was();
}

#[test]
fn a_domain_that_cannot_be_found_or_reached_is_told_from_one_that_is_not_there() {
    require!(Capability::DomainController, Capability::Winbind);
    let domain = Domain::start().unwrap();
    let mut lab = Lab::of(domain.host("refused7").unwrap());
    let nobody = JoinDraft {
        domain: "nobody.test".into(),
        ..draft()
    };
    is_refused(&lab, &nobody, Domain::PASSWORD, &["ad.domain-unknown"]);
    let at = |server: &str| JoinDraft {
        server: Some(server.into()),
        ..draft()
    };
    let given = |server: &str| JoinDraft {
        domain: "nobody.test".into(),
        ..at(server)
    };
    let other = ["ad.controller-of-other-domain"];
    is_refused(&lab, &given("10.99.0.10"), Domain::PASSWORD, &other);
    is_refused(
        &lab,
        &at("10.99.0.99"),
        Domain::PASSWORD,
        &["ad.no-controller"],
    );

    // A firewall that lets through what finds a controller, and not all the rest.
    for (port, family) in [("445", "-4"), ("464", "-4"), ("445", "-6"), ("464", "-6")] {
        let rule = ["rule", "add", "ipproto", "tcp", "dport", port, "prohibit"];
        run(lab.host.command("ip").arg(family).args(rule)).unwrap();
    }
    let closed = [
        "ports ad.port-closed",
        "ports ad.port-closed",
        "user ad.password-wrong",
    ];
    is_refused(&lab, &draft(), "not it", &closed);
    for family in ["-4", "-6"] {
        for port in ["445", "464"] {
            let rule = ["rule", "del", "ipproto", "tcp", "dport", port, "prohibit"];
            run(lab.host.command("ip").arg(family).args(rule)).unwrap();
        }
    }

    domain.remove_srv_records().unwrap();
    let without = ["ad.dns-no-service-records"];
    is_refused(&lab, &draft(), Domain::PASSWORD, &without);
    // Whoever names a controller needs none.
    let named = JoinDraft {
        no_winbind: true,
        ..at("dc.ad.test")
    };
    is_done(lab.join(&named, Domain::PASSWORD));
    lab.logs_in_by_keytab();
    lab.rotate().unwrap();
    is_done(lab.leave(AccountFate::Delete));
    lab.is_as_it_was();

    let nowhere: IpAddr = "10.99.0.99".parse().unwrap();
    lab.host.resolve_by(&[nowhere], Domain::NAME).unwrap();
    lab.begin_here();
    is_refused(&lab, &draft(), Domain::PASSWORD, &["ad.dns-silent"]);
    lab.host.write("/etc/resolv.conf", "").unwrap();
    lab.begin_here();
    is_refused(&lab, &draft(), Domain::PASSWORD, &["ad.dns-no-servers"]);

    // Silence, and then a host without a domain controller.
    let server = domain.controller().addresses()[0];
    lab.host.resolve_by(&[server], Domain::NAME).unwrap();
    lab.begin_here();
    domain.controller().pull_cable().unwrap();
    let silent = lab.with(|parts| {
        let parts = Parts {
            deadline: Deadline::after(Duration::from_secs(5)),
            ..*parts
        };
        join(&parts, &at("10.99.0.10"), &secret(Domain::PASSWORD))
    });
    assert_eq!(reasons(silent), ["ad.no-controller"]);
    domain.controller().plug_cable().unwrap();
    domain.controller().stop().unwrap();
    is_refused(
        &lab,
        &at("10.99.0.10"),
        Domain::PASSWORD,
        &["ad.no-controller"],
    );
    assert!(domain.computer("refused7").unwrap().is_none());
}
