//! A membership from its beginning to its end, in a real domain.

use std::time::Duration;

use smbgw_ad::clock::Clock;
use smbgw_ad::join::{JoinDraft, JoiningUser, Parts, join};
use smbgw_ad::join_error::JoinError;
use smbgw_ad::leave::{AccountFate, leave};
use smbgw_ad::outcome::Outcome;
use smbgw_ad::rotate::{RotateOptions, rotate};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::host::Host;
use smbgw_core::progress::Silent;
use smbgw_core::secret::Secret;
use smbgw_core::service;
use smbgw_core::testing::EnteredHost;
use smbgw_testing::{Capability, Domain, LightHost, require, run};

const STOCK: &str = "[global]\n\tworkgroup = WORKGROUP\n\tlog level = 1\n[data]\n\tpath = /srv\n";

/// A host of the lab that may join.
struct Lab {
    host: LightHost,
    entered: EnteredHost,
}

impl Lab {
    fn new(name: &str) -> Self {
        let host = Domain::shared().host(name).unwrap();
        host.write("/etc/samba/smb.conf", STOCK).unwrap();
        let entered = EnteredHost::new(name, host.pid());
        Self { host, entered }
    }

    /// Does `work` in the host's network.
    fn with<T: Send>(&self, work: impl FnOnce(&Parts<'_>) -> T + Send) -> T {
        self.host.on_its_network(|| {
            let service = service::detect(&self.entered);
            work(&Parts {
                host: &self.entered,
                service: &*service,
                progress: &Silent,
                resolver: None,
                clock: Clock::system(),
                deadline: Deadline::after(Duration::from_secs(120)),
            })
        })
    }

    fn join(&self, draft: &JoinDraft, password: &str) -> Result<Outcome, JoinError> {
        self.with(|parts| join(parts, draft, &Secret::from(password.to_string())))
    }

    fn leave(&self, fate: AccountFate) -> Result<Outcome, JoinError> {
        let user: JoiningUser = Domain::ADMINISTRATOR.parse().unwrap();
        let password = Secret::from(Domain::PASSWORD.to_string());
        self.with(|parts| leave(parts, fate, Some((&user, &password))))
    }

    fn exists(&self, path: &str) -> bool {
        let path = std::path::Path::new(path);
        self.entered.status(path).unwrap().is_some()
    }

    /// Fails unless nothing of a membership is on the host.
    #[track_caller]
    fn is_as_it_was(&self) {
        assert_eq!(self.host.read("/etc/samba/smb.conf").unwrap(), STOCK);
        for path in [
            "/etc/krb5.keytab",
            "/etc/smbgw",
            "/etc/samba/smbgw-domain.conf",
            "/var/lib/smbgw/domain",
        ] {
            assert!(!self.exists(path), "{path}");
        }
    }
}

fn draft() -> JoinDraft {
    JoinDraft {
        domain: Domain::NAME.into(),
        user: Some(Domain::ADMINISTRATOR.into()),
        ..JoinDraft::default()
    }
}

#[track_caller]
fn is_done(outcome: Result<Outcome, JoinError>) {
    match outcome {
        Ok(Outcome::Done(_)) => {}
        other => panic!("{other:#?}"),
    }
}

#[test]
fn a_membership_is_joined_rotated_and_left() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("whole1");
    is_done(lab.join(&draft(), Domain::PASSWORD));
    let account = Domain::shared().computer("whole1").unwrap().unwrap();
    assert_eq!(account["dnshostname"], ["whole1.ad.test"]);
    assert!(!account.contains_key("admindescription"));
    run(lab.host.command("net").args(["ads", "testjoin"])).unwrap();
    let keys = || run(lab.host.command("klist").args(["-k", "-e"])).unwrap();
    assert!(keys().contains("cifs/whole1.ad.test@AD.TEST"), "{}", keys());
    run(lab.host.command("kinit").args(["-k", "WHOLE1$@AD.TEST"])).unwrap();

    let again = lab.join(&draft(), Domain::PASSWORD).unwrap_err();
    assert_eq!(again.code(), "ad.already-joined");

    let rotated = lab.with(|parts| rotate(parts, RotateOptions::default()));
    let rotated = rotated.unwrap().unwrap();
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
    assert_eq!(lab.with(|parts| rotate(parts, not_due)).unwrap(), None);

    is_done(lab.leave(AccountFate::Delete));
    assert!(Domain::shared().computer("whole1").unwrap().is_none());
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
    assert!(Domain::shared().computer("wrong1").unwrap().is_none());
    lab.is_as_it_was();
}
