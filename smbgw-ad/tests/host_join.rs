//! A membership from its beginning to its end, in a real domain.

mod lab;

use lab::{Lab, account, draft, is_done};
use smbgw_ad::join::JoinDraft;
use smbgw_ad::leave::AccountFate;
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
    run(lab.host.command("kinit").args(["-k", "WHOLE1$@AD.TEST"])).unwrap();

    let again = lab.join(&draft(), Domain::PASSWORD).unwrap_err();
    assert_eq!(again.code(), "ad.already-joined");

    let rotated = lab.rotate().unwrap();
    assert!(!rotated.finished_earlier);
    run(lab.host.command("net").args(["ads", "testjoin"])).unwrap();
    run(lab
        .host
        .command("kinit")
        .args(["-k", "cifs/whole1.ad.test@AD.TEST"]))
    .unwrap_err();
    run(lab.host.command("kinit").args(["-k", "WHOLE1$@AD.TEST"])).unwrap();
    let not_due = RotateOptions {
        if_older_than_days: Some(30),
    };
    let asked = lab.with(|parts| rotate(parts, not_due)).unwrap();
    assert!(
        matches!(
            asked,
            RotateReport::NotDue {
                age_seconds: 0..86_400
            }
        ),
        "{asked:?}"
    );

    is_done(lab.leave(AccountFate::Delete));
    assert!(account("whole1").is_none());
    lab.is_as_it_was();
}

#[test]
fn what_is_wrong_is_told_before_anything_is_touched() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("wrong1");
    let error = lab.join(&draft(), "not it").unwrap_err();
    assert_eq!(error.code(), "ad.request-invalid");
    assert!(error.to_string().contains("password"), "{error}");
    let nowhere = JoinDraft {
        ou: Some(format!("OU=Nowhere,{}", Domain::BASE)),
        ..draft()
    };
    let error = lab.join(&nowhere, Domain::PASSWORD).unwrap_err();
    assert!(error.to_string().contains("OU=Nowhere"), "{error}");
    assert!(account("wrong1").is_none());
    lab.is_as_it_was();
}
