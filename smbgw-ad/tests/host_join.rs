//! A membership from its beginning to its end, in a real domain.

mod lab;

use lab::{Lab, STOCK, account, draft, is_done, kinit, with_tickets};
use smbgw_ad::join::JoinDraft;
use smbgw_ad::ldap::Dn;
use smbgw_ad::leave::AccountFate;
use smbgw_ad::outcome::Outcome;
use smbgw_ad::rotate::{RotateOptions, RotateReport, rotate};
use smbgw_core::error::Coded;
use smbgw_testing::{Capability, Domain, require, run};

#[test]
fn a_membership_is_joined_rotated_and_left() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("whole1");
    is_done(lab.join(&draft(), Domain::PASSWORD));
    let made = account("whole1").unwrap();
    assert_eq!(made["dnshostname"], ["whole1.ad.test"]);
    assert!(!made.contains_key("admindescription"));
    run(lab.host.command("net").args(["ads", "testjoin"])).unwrap();
    let keys = || run(lab.host.command("klist").args(["-k", "-e"])).unwrap();
    assert!(keys().contains("cifs/whole1.ad.test@AD.TEST"), "{}", keys());
    run(with_tickets(&lab.host, "kinit").args(["-k", "WHOLE1$@AD.TEST"])).unwrap();

    let again = lab.join(&draft(), Domain::PASSWORD).unwrap_err();
    assert_eq!(again.code(), "ad.already-joined");

    let rotated = lab.rotate().unwrap();
    assert!(!rotated.finished_earlier);
    run(lab.host.command("net").args(["ads", "testjoin"])).unwrap();
    run(with_tickets(&lab.host, "kinit").args(["-k", "cifs/whole1.ad.test@AD.TEST"])).unwrap_err();
    run(with_tickets(&lab.host, "kinit").args(["-k", "WHOLE1$@AD.TEST"])).unwrap();
    let not_due = RotateOptions {
        if_older_than_days: Some(30),
    };
    let report = lab.with(|parts| rotate(parts, not_due)).unwrap();
    assert!(matches!(report, RotateReport::NotDue { .. }), "{report:?}");

    is_done(lab.leave(AccountFate::Delete));
    assert!(account("whole1").is_none());
    lab.is_as_it_was();
}

#[test]
fn an_account_is_made_where_it_is_wanted_and_taken_over_again() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("abcdefghijklmno");
    let written = Domain::shared().add_ou(HOSTILE).unwrap();
    let unit: Dn = written.parse().unwrap();
    let draft = JoinDraft {
        ou: Some(written),
        aliases: vec!["files9".into(), "Nas9.other.test".into()],
        ..draft()
    };
    is_done(lab.join(&draft, Domain::PASSWORD));
    lab.is_a_member();
    let made = account("abcdefghijklmno").unwrap();
    let place: Dn = made["dn"][0].parse().unwrap();
    assert_eq!(place, unit.child("CN", "ABCDEFGHIJKLMNO").unwrap());
    let has = |name: &str| {
        let names = &made["serviceprincipalname"];
        assert!(
            names.iter().any(|other| other.eq_ignore_ascii_case(name)),
            "{name}: {names:?}"
        );
    };
    let keys = run(lab.host.command("klist").args(["-k", "-e"])).unwrap();
    for class in ["HOST", "RestrictedKrbHost", "cifs"] {
        for host in [
            "abcdefghijklmno",
            "abcdefghijklmno.ad.test",
            "files9",
            "files9.ad.test",
            "nas9.other.test",
        ] {
            let name = format!("{class}/{host}");
            has(&name);
            assert!(
                keys.to_lowercase()
                    .contains(&format!("{name}@").to_lowercase()),
                "{name}: {keys}"
            );
        }
    }

    is_done(lab.leave(AccountFate::Disable));
    lab.is_as_it_was();
    let left = account("abcdefghijklmno").unwrap();
    assert_eq!(left["objectguid"], made["objectguid"]);
    assert_eq!(control(&left) & DISABLED, DISABLED);

    // A disabled account is nobody's, so that it may be used again.
    let again = JoinDraft {
        reuse: true,
        ..draft.clone()
    };
    is_done(lab.join(&again, Domain::PASSWORD));
    lab.is_a_member();
    let taken = account("abcdefghijklmno").unwrap();
    assert_eq!(taken["objectguid"], made["objectguid"]);
    assert_eq!(control(&taken) & DISABLED, 0);

    is_done(lab.leave(AccountFate::Keep));
    lab.is_as_it_was();
    let kept = account("abcdefghijklmno").unwrap();
    assert_eq!(control(&kept) & DISABLED, 0);

    // It looks as if somebody used it: only who says so takes it.
    let refused = lab.join(&again, Domain::PASSWORD).unwrap_err();
    assert!(
        refused.to_string().contains("a computer uses it"),
        "{refused}"
    );
    let reset = JoinDraft {
        reset: true,
        ..draft
    };
    is_done(lab.join(&reset, Domain::PASSWORD));
    lab.is_a_member();
    is_done(lab.leave(AccountFate::Delete));
    assert!(account("abcdefghijklmno").is_none());
    lab.is_as_it_was();

    // A new account of that name: what is left in the DNS is that of the former one.
    is_done(lab.join(&reset, Domain::PASSWORD));
    lab.is_a_member();
    let new = account("abcdefghijklmno").unwrap();
    assert_ne!(new["objectguid"], made["objectguid"]);
    let address = lab.host.addresses()[0].to_string();
    let found = run(lab.host.command("host").arg("abcdefghijklmno.ad.test")).unwrap();
    assert!(found.contains(&address), "{found}");
}

#[test]
fn an_account_made_beforehand_is_taken_over_with_its_password() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("before1");
    let domain = Domain::shared();
    domain
        .samba_tool(&["computer", "create", "before1"])
        .unwrap();
    domain
        .samba_tool(&[
            "user",
            "setpassword",
            "before1$",
            "--newpassword=One.time-1234",
        ])
        .unwrap();
    let draft = JoinDraft {
        user: None,
        ..draft()
    };
    let refused = lab.join(&draft, "Other.time-1234").unwrap_err();
    assert!(refused.to_string().contains("password"), "{refused}");
    lab.is_as_it_was();
    is_done(lab.join(&draft, "One.time-1234"));
    lab.is_a_member();
    // It was good once.
    kinit(&lab.host, "BEFORE1$@AD.TEST", "One.time-1234").unwrap_err();
    lab.rotate().unwrap();
    lab.is_a_member();
    is_done(lab.leave(AccountFate::Delete));
    lab.is_as_it_was();
}

#[test]
fn a_host_with_ipv6_only_joins() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::of(Domain::shared().host_on_v6("onlyv6").unwrap());
    is_done(lab.join(&draft(), Domain::PASSWORD));
    lab.is_a_member();
    lab.rotate().unwrap();
    lab.is_a_member();
    is_done(lab.leave(AccountFate::Delete));
    assert!(account("onlyv6").is_none());
    lab.is_as_it_was();
}

#[test]
fn a_dead_controller_of_two_is_not_in_the_way() {
    require!(Capability::DomainController, Capability::Winbind);
    let domain = Domain::start_with_two().unwrap();
    // winbindd finds the other controller as well, but takes a quarter of a minute for that.
    let draft = JoinDraft {
        no_winbind: true,
        ..draft()
    };
    let [first, second] = domain.controllers() else {
        panic!("there are two");
    };
    for (name, dead, alive) in [("onlydc2", first, second), ("onlydc1", second, first)] {
        let lab = Lab::of(domain.host(name).unwrap());
        dead.pull_cable().unwrap();
        let named = format!("(sAMAccountName={name}$)");
        let accounts = || alive.directory_search(&named, &["dn"]).unwrap().len();
        is_done(lab.join(&draft, Domain::PASSWORD));
        assert_eq!(accounts(), 1);
        lab.rotate().unwrap();
        is_done(lab.leave(AccountFate::Delete));
        assert_eq!(accounts(), 0);
        lab.is_as_it_was();
        dead.plug_cable().unwrap();
    }
}

#[test]
fn users_of_the_domain_open_a_share_from_join_to_leave() {
    require!(Capability::DomainController, Capability::Winbind);
    Domain::shared().add_users(&["johanna"]).unwrap();
    let lab = Lab::new("serves1");
    run(lab.host.command("chmod").args(["1777", "/srv"])).unwrap();
    let smbd = lab.host.start_smbd().unwrap();
    is_done(lab.join(&draft(), Domain::PASSWORD));
    let client = Domain::shared().client("serves1cl").unwrap();
    let opens = |what: &str| {
        for (user, kerberos) in [("johanna@AD.TEST", "required"), (r"LAB\johanna", "off")] {
            let login = format!("{user}%{}", Domain::PASSWORD);
            let put = format!("put /etc/hostname {what}-{kerberos}");
            run(client
                .command("smbclient")
                .args(["//serves1.ad.test/data", "-U", &login, "-c", &put])
                .arg(format!("--use-kerberos={kerberos}")))
            .unwrap();
            let written = lab.host.read(format!("/srv/{what}-{kerberos}")).unwrap();
            assert_eq!(written, "serves1cl\n");
        }
    };
    opens("joined");
    // A ticket from before is good after, too: clients keep theirs for hours.
    kinit(&client, "johanna", Domain::PASSWORD).unwrap();
    run(with_tickets(&client, "kvno").arg("cifs/serves1.ad.test")).unwrap();
    lab.rotate().unwrap();
    let list = [
        "//serves1.ad.test/data",
        "--use-kerberos=required",
        "-c",
        "ls",
    ];
    run(with_tickets(&client, "smbclient").args(list)).unwrap();
    opens("rotated");
    run(lab.host.command("wbinfo").arg("--check-secret")).unwrap();

    is_done(lab.leave(AccountFate::Delete));
    drop(smbd);
    lab.is_as_it_was();
}

#[test]
fn a_join_that_smbd_knows_nothing_of_is_taken_back() {
    require!(Capability::DomainController, Capability::Winbind);
    let mut lab = Lab::new("deaf1");
    lab.host.write("/etc/samba/other.conf", STOCK).unwrap();
    let smbd = lab
        .host
        .start_smbd_with(&["--configfile=/etc/samba/other.conf"]);
    let smbd = smbd.unwrap();
    lab.begin_here();
    match lab.join(&draft(), Domain::PASSWORD) {
        Ok(Outcome::RolledBack { cause }) => {
            assert_eq!(cause.code, "ad.access-refused", "{cause}");
        }
        other => panic!("{other:#?}"),
    }
    drop(smbd);
    assert!(account("deaf1").is_none());
    lab.is_as_it_was();
}

#[test]
fn a_record_that_is_gone_is_not_needed_to_leave() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("forgot1");
    is_done(lab.join(&draft(), Domain::PASSWORD));
    Domain::shared()
        .controller()
        .directory_delete(&account("forgot1").unwrap()["dn"][0])
        .unwrap();
    let rotated = lab.rotate().unwrap_err();
    assert!(rotated.to_string().contains("FORGOT1$"), "{rotated}");
    is_done(lab.leave(AccountFate::Delete));
    lab.is_as_it_was();
    assert_eq!(
        lab.leave(AccountFate::Delete).unwrap_err().code(),
        "ad.not-joined"
    );
    assert_eq!(lab.rotate().unwrap_err().code(), "ad.not-joined");
}

/// A name with everything in it that means something in a distinguished name.
const HOSTILE: &str = "# Gate, \"ways\" + 1; <x> = \\ é/* ";

/// ADS_UF_ACCOUNT_DISABLE.
const DISABLED: u32 = 2;

fn control(account: &smbgw_testing::domain::Entry) -> u32 {
    account["useraccountcontrol"][0].parse().unwrap()
}
