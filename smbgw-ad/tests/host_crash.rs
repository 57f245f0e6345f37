//! `kill -9` at every point of joining, leaving and rotating in a real domain: what `recover` leaves is
//! no membership at all, on the host and in the domain, or a whole one, and nothing between.

#![allow(clippy::print_stdout, reason = "a test that fails shows what it did")]

mod lab;

use lab::victim::{self, Deed, Place};
use lab::{Lab, account, administrator, draft, is_done, kinit, with_tickets};
use smbgw_ad::join::JoinDraft;
use smbgw_ad::leave::AccountFate;
use smbgw_ad::outcome::Outcome;
use smbgw_ad::recover::recover;
use smbgw_testing::{Capability, Domain, require, run};

/// More points than any operation has.
const MOST: usize = 300;

/// Kills `deed` at each point of `places`, and has `look` say what is there then.
fn at_every_point(lab: &Lab, test: &str, deed: Deed, places: &[Place], look: impl Fn(&str)) {
    for &place in places {
        let mut number = 1;
        loop {
            let killed = victim::kill(lab, test, deed, place, number);
            look(&format!("{deed:?} killed {place} {number}"));
            if !killed {
                break;
            }
            number += 1;
            assert!(number < MOST, "{deed:?} never gets to its end");
        }
        println!("{deed:?} was killed {} times {place}", number - 1);
        assert!(number > 2, "{deed:?} was hardly killed {place}");
    }
}

#[test]
fn joining_survives_kills() {
    if victim::play() {
        return;
    }
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("crash1");
    at_every_point(
        &lab,
        "joining_survives_kills",
        Deed::Join,
        &[Place::Request, Place::Change, Place::HalfWritten],
        |what| {
            println!("{what}");
            if lab.is_all_or_nothing(Domain::shared(), what) {
                is_done(lab.leave(AccountFate::Delete));
                assert!(!lab.is_all_or_nothing(Domain::shared(), what));
            }
        },
    );
}

#[test]
fn taking_an_account_over_survives_kills() {
    if victim::play() {
        return;
    }
    require!(Capability::DomainController, Capability::Winbind);
    let controller = Domain::shared().controller();
    let lab = Lab::new("crash5");
    let begin = || {
        controller
            .directory_add(&format!(
                "dn: CN=crash5,CN=Computers,{}\nobjectClass: computer\nsAMAccountName: crash5$\n\
                 userAccountControl: 4098\ndNSHostName: old.ad.test\ndescription: theirs\n\
                 servicePrincipalName: HOST/old.ad.test\noperatingSystem: Old\n",
                Domain::BASE
            ))
            .unwrap();
        account("crash5").unwrap()
    };
    let mut number = 1;
    loop {
        let before = begin();
        let what = format!("taking over, killed at request {number}");
        let test = "taking_an_account_over_survives_kills";
        let killed = victim::kill(&lab, test, Deed::TakeOver, Place::Request, number);
        let settled = lab.recover().unwrap();
        println!("{what}: {settled:?}");
        let now = account("crash5").unwrap();
        assert_eq!(now["objectguid"], before["objectguid"], "{what}");
        if lab.exists("/etc/smbgw/domain.json") {
            lab.is_a_member();
            is_done(lab.leave(AccountFate::Keep));
            lab.stop_winbindd();
        } else {
            for (attribute, values) in &before {
                let is_counted = MOVING.contains(&attribute.as_str());
                let there = now.get(attribute);
                let same = there == Some(values);
                assert!(
                    is_counted || same,
                    "{what}: {attribute}: {values:?}, {there:?}"
                );
            }
            let new: Vec<&String> = now
                .keys()
                .filter(|name| !before.contains_key(*name) && !MOVING.contains(&name.as_str()))
                .collect();
            assert!(new.is_empty(), "{what}: {new:?}");
        }
        lab.is_as_it_was();
        controller.directory_delete(&now["dn"][0]).unwrap();
        if !killed {
            break;
        }
        number += 1;
    }
    assert!(number > 6, "it was hardly killed");
}

/// Attributes that move with any change, or with the password, which cannot be brought back.
const MOVING: [&str; 10] = [
    "badpasswordtime",
    "badpwdcount",
    "lastlogon",
    "lastlogontimestamp",
    "logoncount",
    "msds-keyversionnumber",
    "pwdlastset",
    "replpropertymetadata",
    "usnchanged",
    "whenchanged",
];

#[test]
fn leaving_survives_kills() {
    if victim::play() {
        return;
    }
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("crash2");
    let test = "leaving_survives_kills";
    // There are many changes, and each needs a new membership: without winbindd it is quick.
    for (place, no_winbind) in [(Place::Request, false), (Place::Change, true)] {
        let join = JoinDraft {
            no_winbind,
            ..draft()
        };
        is_done(lab.join(&join, Domain::PASSWORD));
        at_every_point(&lab, test, Deed::Leave, &[place], |what| {
            println!("{what}");
            if !lab.is_all_or_nothing(Domain::shared(), what) {
                is_done(lab.join(&join, Domain::PASSWORD));
            }
        });
        is_done(lab.leave(AccountFate::Delete));
        lab.stop_winbindd();
    }
}

#[test]
fn rotating_survives_kills() {
    if victim::play() {
        return;
    }
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("crash3");
    is_done(lab.join(&draft(), Domain::PASSWORD));
    kinit(&lab.host, Domain::ADMINISTRATOR, Domain::PASSWORD).unwrap();
    at_every_point(
        &lab,
        "rotating_survives_kills",
        Deed::Rotate,
        &[Place::Request, Place::Change, Place::HalfWritten],
        |what| {
            println!("{what}");
            // It is a member all the time: to the domain, and to clients who come with tickets. winbindd
            // and smbd try the former password as well, which `net ads testjoin` does not.
            run(lab.host.command("wbinfo").arg("--check-secret")).unwrap();
            run(with_tickets(&lab.host, "kvno").args([
                "-q",
                "-k",
                "/etc/krb5.keytab",
                "cifs/crash3.ad.test",
            ]))
            .unwrap();
            lab.rotate().unwrap();
            lab.is_a_member();
        },
    );
}

#[test]
fn recovering_without_credentials_undoes_the_host_and_says_what_is_left() {
    if victim::play() {
        return;
    }
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("crash4");
    let test = "recovering_without_credentials_undoes_the_host_and_says_what_is_left";
    // The keys are not written yet, so that nothing can be done in the domain.
    assert!(victim::kill(&lab, test, Deed::Join, Place::Request, 2));
    assert!(account("crash4").is_some());
    let recovered = lab.with(|parts| recover(parts, None)).unwrap().unwrap();
    let Outcome::NeedsAttention { cause, left_behind } = recovered.outcome else {
        panic!("{recovered:#?}");
    };
    assert_eq!(cause.code, "ad.interrupted");
    assert!(cause.message.contains("logged in"), "{cause:?}");
    assert_eq!(left_behind.len(), 1, "{left_behind:?}");
    assert!(left_behind[0].what.contains("CRASH4$"), "{left_behind:?}");
    let (user, password) = administrator();
    let recovered = lab.with(|parts| recover(parts, Some((&user, &password))));
    let recovered = recovered.unwrap().unwrap();
    assert!(
        matches!(recovered.outcome, Outcome::RolledBack { .. }),
        "{recovered:#?}"
    );
    assert!(account("crash4").is_none());
    lab.is_as_it_was();
}
