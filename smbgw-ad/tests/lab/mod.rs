//! A host that may join the domain of the lab, and what to do with it.

// Each test file uses a part of this.
#![allow(dead_code)]

pub(crate) mod picture;
pub(crate) mod victim;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use smbgw_ad::clock::Clock;
use smbgw_ad::join::{JoinDraft, JoiningUser, Parts, join};
use smbgw_ad::join_error::JoinError;
use smbgw_ad::leave::{AccountFate, leave};
use smbgw_ad::outcome::Outcome;
use smbgw_ad::recover::{Recovered, recover};
use smbgw_ad::rotate::{RotateOptions, Rotated, rotate};
use smbgw_ad::status::{Status, status};
use smbgw_ad::winbind;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::host::NamespaceHost;
use smbgw_core::progress::Silent;
use smbgw_core::secret::Secret;
use smbgw_core::service;
use smbgw_testing::Picture;
use smbgw_testing::domain::Entry;
use smbgw_testing::process::run_with;
use smbgw_testing::{Domain, LightHost, run};

use picture::take_picture;

/// What an administrator's `smb.conf` may look like before.
pub(crate) const STOCK: &str =
    "[global]\n\tworkgroup = WORKGROUP\n\tlog level = 1\n[data]\n\tpath = /srv\n\tread only = no\n";

/// A host of the lab that may join.
pub(crate) struct Lab {
    pub(crate) host: LightHost,
    pub(crate) entered: NamespaceHost,
    /// What it was like when it was new.
    before: Picture,
}

impl Lab {
    /// A new host in the domain that all tests of the file share.
    pub(crate) fn new(name: &str) -> Self {
        Self::of(Domain::shared().host(name).unwrap())
    }

    /// `host`, which the test has started itself.
    pub(crate) fn of(host: LightHost) -> Self {
        host.write("/etc/samba/smb.conf", STOCK).unwrap();
        Self::as_it_is(host)
    }

    /// `host` with the settings of Samba that it has, such as one that another program has joined.
    pub(crate) fn as_it_is(host: LightHost) -> Self {
        let entered = NamespaceHost::of_process(host.name(), host.pid()).unwrap();
        let before = take_picture(&host);
        Self {
            host,
            entered,
            before,
        }
    }

    /// Has what the test has prepared count as what was there before.
    pub(crate) fn begin_here(&mut self) {
        self.before = take_picture(&self.host);
    }

    /// Does `work` in the host's network.
    pub(crate) fn with<T: Send>(&self, work: impl FnOnce(&Parts<'_>) -> T + Send) -> T {
        self.host.on_its_network(|| {
            let service = service::detect(&self.entered);
            work(&Parts {
                host: &self.entered,
                service: &*service,
                progress: &Silent,
                resolver: None,
                clock: Clock::system(),
                deadline: soon(),
            })
        })
    }

    pub(crate) fn join(&self, draft: &JoinDraft, password: &str) -> Result<Outcome, JoinError> {
        self.with(|parts| join(parts, draft, &secret(password)))
    }

    pub(crate) fn leave(&self, fate: AccountFate) -> Result<Outcome, JoinError> {
        let (user, password) = administrator();
        self.with(|parts| leave(parts, fate, Some((&user, &password))))
    }

    pub(crate) fn rotate(&self) -> Result<Rotated, JoinError> {
        let rotated = self.with(|parts| rotate(parts, RotateOptions::default()));
        rotated.map(|report| report.rotated().expect("it is due"))
    }

    /// How it stands with the domain.
    #[track_caller]
    pub(crate) fn status(&self) -> Status {
        self.with(status).unwrap()
    }

    pub(crate) fn recover(&self) -> Result<Option<Recovered>, JoinError> {
        let (user, password) = administrator();
        self.with(|parts| recover(parts, Some((&user, &password))))
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.entered.status(Path::new(path)).unwrap().is_some()
    }

    /// Fails unless nothing of a membership is on the host.
    #[track_caller]
    pub(crate) fn is_as_it_was(&self) {
        self.before
            .assert_same(&take_picture(&self.host), self.host.name());
    }

    /// Has what was interrupted be settled, and fails unless the host is a whole member then, or none;
    /// whether it is one.
    #[track_caller]
    pub(crate) fn is_all_or_nothing(&self, domain: &Domain, what: &str) -> bool {
        let recovered = self.recover().unwrap();
        let settled = recovered
            .as_ref()
            .is_none_or(|recovered| !matches!(recovered.outcome, Outcome::NeedsAttention { .. }));
        assert!(settled, "{what}: {recovered:#?}");
        assert!(self.recover().unwrap().is_none(), "{what}: {recovered:#?}");
        if domain.computer(self.host.name()).unwrap().is_some() {
            self.is_a_member();
            assert!(self.exists("/etc/smbgw/domain.json"), "{what}");
            return true;
        }
        let name = format!("{}.{}", self.host.name(), Domain::NAME);
        let address = run(self.host.command("host").arg(name));
        assert!(address.is_err(), "{what}: {address:?}");
        self.stop_winbindd();
        self.is_as_it_was();
        false
    }

    /// Ends winbindd, which goes on where a host has left its domain.
    pub(crate) fn stop_winbindd(&self) {
        winbind::stop(&self.entered, soon()).unwrap();
    }

    /// Fails unless the host is a member: for Samba, and by its keytab.
    #[track_caller]
    pub(crate) fn is_a_member(&self) {
        self.forget_silence();
        run(self.host.command("net").args(["ads", "testjoin"])).unwrap();
        self.logs_in_by_keytab();
    }

    /// Has Samba forget that a controller did not answer, which it remembers for a minute.
    pub(crate) fn forget_silence(&self) {
        run(self.host.command("net").args(["cache", "flush"])).unwrap();
    }

    /// Fails unless the keys in the keytab are those that the domain has.
    #[track_caller]
    pub(crate) fn logs_in_by_keytab(&self) {
        let principal = format!("{}$@{}", self.host.name().to_uppercase(), Domain::REALM);
        run(with_tickets(&self.host, "kinit").args(["-k", &principal])).unwrap();
    }
}

/// A command of `host` that keeps its tickets there: `/tmp`, where they usually are, is everybody's.
pub(crate) fn with_tickets(host: &LightHost, program: &str) -> Command {
    let mut command = host.command(program);
    command.env("KRB5CCNAME", "FILE:/run/tickets");
    command
}

/// Gets a ticket with a password, on `host`, as MIT Kerberos does.
pub(crate) fn kinit(host: &LightHost, user: &str, password: &str) -> smbgw_testing::Result<String> {
    run_with(with_tickets(host, "kinit").arg(user), password.as_bytes())
}

/// The account of the computer `name` in the shared domain.
pub(crate) fn account(name: &str) -> Option<Entry> {
    Domain::shared().computer(name).unwrap()
}

/// A join of the domain by its administrator.
pub(crate) fn draft() -> JoinDraft {
    JoinDraft {
        domain: Domain::NAME.into(),
        user: Some(Domain::ADMINISTRATOR.into()),
        ..JoinDraft::default()
    }
}

/// The domain's administrator.
pub(crate) fn administrator() -> (JoiningUser, Secret) {
    let user = Domain::ADMINISTRATOR.parse().unwrap();
    (user, secret(Domain::PASSWORD))
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::from(text.to_string())
}

/// A deadline that only a hanging test reaches.
pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(120))
}

#[track_caller]
pub(crate) fn is_done(outcome: Result<Outcome, JoinError>) {
    match outcome {
        Ok(Outcome::Done(_)) => {}
        other => panic!("{other:#?}"),
    }
}
