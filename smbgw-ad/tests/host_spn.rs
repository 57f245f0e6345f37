//! Names of services, and the keytab, of a member.

mod lab;

use lab::{Lab, account, administrator, draft, is_done, with_tickets};
use smbgw_ad::keytab::{refresh, show};
use smbgw_ad::leave::AccountFate;
use smbgw_ad::spn::{SpnChange, change, list};
use smbgw_core::change::Change;
use smbgw_core::error::Coded;
use smbgw_testing::{Capability, Domain, require, run};

fn adding(names: &[&str]) -> SpnChange {
    SpnChange {
        add: names.iter().map(ToString::to_string).collect(),
        ..SpnChange::default()
    }
}

fn in_directory(computer: &str) -> Vec<String> {
    account(computer).unwrap()["serviceprincipalname"].clone()
}

#[test]
fn names_of_services_are_added_and_taken_away() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("spn1");
    is_done(lab.join(&draft(), Domain::PASSWORD));
    let before = lab.with(list).unwrap();
    assert!(before.len() >= 6, "{before:?}");
    assert!(
        before
            .iter()
            .all(|service| service.in_directory && service.in_keytab)
    );

    let (user, password) = administrator();
    let names = adding(&["files9", "HTTP/spn1.ad.test"]);
    is_done(lab.with(|parts| change(parts, &names, Some((&user, &password)))));
    let there = in_directory("spn1");
    for name in ["cifs/files9.ad.test", "HOST/files9", "HTTP/spn1.ad.test"] {
        let is_it = |spn: &String| spn.eq_ignore_ascii_case(name);
        assert!(there.iter().any(is_it), "{name}: {there:?}");
    }
    let keys = run(lab.host.command("klist").arg("-k")).unwrap();
    assert!(keys.contains("HTTP/spn1.ad.test@AD.TEST"), "{keys}");
    // A client gets a ticket for it, and the machine can read it.
    lab.logs_in_by_keytab();
    let service = "cifs/files9.ad.test@AD.TEST";
    let ticket = run(with_tickets(&lab.host, "kvno").args(["-k", "/etc/krb5.keytab", service]));
    assert!(ticket.unwrap().contains("keytab entry valid"));

    let taken = adding(&["cifs/dc.ad.test"]);
    let taken = lab.with(|parts| change(parts, &taken, Some((&user, &password))));
    assert_eq!(taken.unwrap_err().code(), "ad.request-invalid");
    let none = lab
        .with(|parts| change(parts, &adding(&[]), None))
        .unwrap_err();
    assert!(none.to_string().contains("no name"), "{none}");

    let away = SpnChange {
        remove: vec!["files9".into(), "HTTP/spn1.ad.test".into()],
        ..SpnChange::default()
    };
    is_done(lab.with(|parts| change(parts, &away, Some((&user, &password)))));
    assert_eq!(lab.with(list).unwrap(), before);
    is_done(lab.leave(AccountFate::Delete));
    lab.is_as_it_was();
}

#[test]
fn a_lost_keytab_is_written_anew() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("keytab1");
    is_done(lab.join(&draft(), Domain::PASSWORD));
    let before = lab.with(show).unwrap();
    assert_eq!(before.account, "KEYTAB1$@AD.TEST");
    assert_eq!(lab.with(refresh).unwrap().change, Change::Unchanged);

    run(lab.host.command("rm").arg("/etc/krb5.keytab")).unwrap();
    let refreshed = lab.with(refresh).unwrap();
    assert_eq!(refreshed.change, Change::Created);
    lab.is_a_member();
    let after = lab.with(show).unwrap();
    let names = |keytab: &smbgw_ad::keytab::MachineKeytab| {
        let mut names: Vec<_> = keytab
            .entries
            .iter()
            .map(|entry| {
                (
                    entry.principal.to_lowercase(),
                    entry.version,
                    entry.encryption_type.clone(),
                )
            })
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&after), names(&before));
    is_done(lab.leave(AccountFate::Delete));
    lab.is_as_it_was();
}
