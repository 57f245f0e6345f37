//! A host of the domain with a file system that has quotas, and the program as it is run there.

use std::time::Duration;

use serde_json::Value;
use smbgw_ad::clock::Clock;
use smbgw_ad::join::{JoinDraft, Parts, join};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::NamespaceHost;
use smbgw_core::progress::Silent;
use smbgw_core::secret::Secret;
use smbgw_core::service;
use smbgw_testing::{Domain, Filesystem, LightHost, MIB, Scratch, run, wait_until};

use super::LOCAL;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pve-smbgateway");

const SMB_CONF: &str =
    "[global]\n\tworkgroup = WORKGROUP\n\tload printers = no\n\tdisable spoolss = yes\n";

pub(crate) struct Gateway {
    pub(crate) host: LightHost,
    pub(crate) entered: NamespaceHost,
    _disk: Scratch,
}

impl Gateway {
    /// A host that has joined nothing and shares nothing.
    pub(crate) fn new(domain: &Domain, name: &str) -> Self {
        let disk = Scratch::new(Filesystem::BtrfsQuota, 512 * MIB).unwrap();
        let host = domain.host(name).unwrap();
        host.bind(disk.path(), "/srv/smb").unwrap();
        host.write("/etc/samba/smb.conf", SMB_CONF).unwrap();
        let entered = NamespaceHost::of_process(name, host.pid()).unwrap();
        Self {
            host,
            entered,
            _disk: disk,
        }
    }

    /// Joins the domain; with `nsswitch`, the system asks winbindd for users.
    pub(crate) fn join(&self, nsswitch: bool) {
        let draft = JoinDraft {
            domain: Domain::NAME.into(),
            user: Some(Domain::ADMINISTRATOR.into()),
            no_nsswitch: !nsswitch,
            ..JoinDraft::default()
        };
        let password = Secret::from(Domain::PASSWORD.to_string());
        let outcome = self.host.on_its_network(|| {
            let service = service::detect(&self.entered);
            let parts = Parts {
                host: &self.entered,
                service: &*service,
                progress: &Silent,
                resolver: None,
                clock: Clock::system(),
                deadline: Deadline::after(Duration::from_secs(120)),
            };
            join(&parts, &draft, &password)
        });
        assert!(
            outcome.as_ref().is_ok_and(|done| done.is_done()),
            "{outcome:#?}"
        );
        let proven = || run(self.host.command("wbinfo").arg("--check-secret")).ok();
        wait_until(
            Duration::from_secs(60),
            "winbindd to reach its domain",
            proven,
        )
        .unwrap();
    }

    /// Has the system ask winbindd for users, as an administrator does it.
    pub(crate) fn ask_winbind(&self) {
        let text = self.host.read("/etc/nsswitch.conf").unwrap();
        let text: String = text
            .lines()
            .map(
                |line| match line.starts_with("passwd:") || line.starts_with("group:") {
                    true => format!("{line} winbind\n"),
                    false => format!("{line}\n"),
                },
            )
            .collect();
        self.host.write("/etc/nsswitch.conf", text).unwrap();
    }

    /// Has winbindd read its configuration.
    pub(crate) fn reload_winbindd(&self) {
        let mut reload = self.host.command("smbcontrol");
        run(reload.args(["winbindd", "reload-config"])).unwrap();
    }

    /// Makes users of the machine, with SMB passwords.
    pub(crate) fn add_local_users(&self, names: &[&str]) {
        for name in names {
            self.host.add_user(name, LOCAL).unwrap();
        }
    }

    /// Runs the program, which has to end with `status`, and gives all that it printed.
    #[track_caller]
    pub(crate) fn runs(&self, arguments: &[&str], status: i32) -> String {
        let output = self.host.command(PROGRAM).args(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        said
    }

    /// The record of a share.
    pub(crate) fn record(&self, name: &str) -> Value {
        let text = self.host.read(format!("/etc/smbgw/shares/{name}.json"));
        serde_json::from_str(&text.unwrap()).unwrap()
    }

    /// The codes of what `status` found.
    pub(crate) fn findings(&self, status: &str) -> Vec<String> {
        codes(status, "findings")
    }

    /// The codes of the problems of a request.
    pub(crate) fn problems(&self, refusal: &str) -> Vec<String> {
        codes(refusal, "problems")
    }
}

fn codes(json: &str, list: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(json).unwrap_or_else(|_| panic!("{json}"));
    let each = document[list]
        .as_array()
        .unwrap_or_else(|| panic!("{json}"));
    each.iter()
        .map(|one| one["code"].as_str().unwrap().to_string())
        .collect()
}
