//! Joining with a file that was made elsewhere, in both directions with Samba's own programs.

mod lab;

use std::path::Path;

use lab::{Lab, account, draft, is_done, secret};
use smbgw_ad::join::{JoinDraft, join_with_blob, provision};
use smbgw_ad::leave::AccountFate;
use smbgw_core::error::Coded;
use smbgw_core::host::Host;
use smbgw_core::host::NamespaceHost;
use smbgw_core::secret::Secret;
use smbgw_testing::{Capability, Domain, require, run};

const FILE: &str = "/srv/join.blob";

/// Samba 4.17 crashes where it is to write a keytab offline.
const SECRETS_ONLY: &str = "--option=kerberos method=secrets only";

fn blob(lab: &Lab) -> Secret {
    Secret::from(lab.entered.read(Path::new(FILE)).unwrap().unwrap())
}

#[test]
fn a_file_that_was_made_here_joins_there() {
    require!(Capability::DomainController, Capability::Winbind);
    let maker = Lab::new("maker1");
    let for_other = JoinDraft {
        computer_name: Some("other1".into()),
        ..draft()
    };
    let make = |draft: &JoinDraft| {
        maker.with(|parts| provision(parts, draft, &secret(Domain::PASSWORD), Path::new(FILE)))
    };
    let unnamed = make(&draft()).unwrap_err();
    assert!(unnamed.to_string().contains("name of the computer"));
    is_done(make(&for_other));
    assert_eq!(
        maker.entered.status(Path::new(FILE)).unwrap().unwrap().mode & 0o777,
        0o600
    );
    let again = make(&for_other).unwrap_err();
    assert_eq!(again.code(), "ad.file-exists");
    let made = account("other1").unwrap();
    assert_eq!(made["dnshostname"], ["other1.ad.test"]);
    assert!(!made.contains_key("admindescription"));

    let other = Lab::new("other1");
    let file = blob(&maker);
    let wrong = JoinDraft {
        domain: "else.test".into(),
        ..JoinDraft::default()
    };
    let wrong = other.with(|parts| join_with_blob(parts, &wrong, &file));
    assert!(wrong.unwrap_err().to_string().contains("else.test"));
    is_done(other.with(|parts| join_with_blob(parts, &JoinDraft::default(), &file)));
    other.is_a_member();
    // What is in the file is good for nothing any more.
    is_done(other.leave(AccountFate::Keep));
    let again = other.with(|parts| join_with_blob(parts, &JoinDraft::default(), &file));
    assert!(again.unwrap_err().to_string().contains("password"));
    let reset = JoinDraft {
        reset: true,
        ..draft()
    };
    is_done(other.join(&reset, Domain::PASSWORD));
    is_done(other.leave(AccountFate::Delete));
    other.is_as_it_was();

    run(maker.host.command("rm").arg(FILE)).unwrap();
    maker.is_as_it_was();
}

#[test]
fn samba_takes_our_file_and_we_take_sambas() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("maker2");
    let for_samba = JoinDraft {
        computer_name: Some("taker2".into()),
        ..draft()
    };
    let made = lab.with(|parts| {
        provision(
            parts,
            &for_samba,
            &secret(Domain::PASSWORD),
            Path::new(FILE),
        )
    });
    is_done(made);
    let taker = Domain::shared().prepared_member("taker2").unwrap();
    let inside = NamespaceHost::of_process("taker2", taker.pid()).unwrap();
    inside
        .write(Path::new(FILE), blob(&lab).expose(), 0o600)
        .unwrap();
    let request = format!("loadfile={FILE}");
    run(taker
        .command("net")
        .args(["offlinejoin", "requestodj", &request, SECRETS_ONLY]))
    .unwrap();
    run(taker.command("net").args(["ads", "testjoin"])).unwrap();

    let theirs = Lab::new("theirs2");
    run(lab.host.command("rm").arg(FILE)).unwrap();
    run(lab.host.command("net").args([
        "offlinejoin",
        "provision",
        "domain=ad.test",
        "machine_name=theirs2",
        &format!("savefile={FILE}"),
        &format!("-U{}%{}", Domain::ADMINISTRATOR, Domain::PASSWORD),
    ]))
    .unwrap();
    let file = blob(&lab);
    is_done(theirs.with(|parts| join_with_blob(parts, &JoinDraft::default(), &file)));
    theirs.is_a_member();
    is_done(theirs.leave(AccountFate::Delete));
    theirs.is_as_it_was();
}
