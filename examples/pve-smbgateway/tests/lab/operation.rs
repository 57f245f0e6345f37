//! The operations that are interrupted, the state each begins in, and getting back to it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use smbgw_core::alert::{AlertStore, Scope, Silence, Subject};
use smbgw_core::host::LocalHost;
use smbgw_core::layout;
use smbgw_core::lifecycle::{
    CreateOptions, DeleteOptions, Outcome, Recovered, ShareError, create, delete, recover, resize,
    set_auth,
};
use smbgw_core::machine::Machine;
use smbgw_core::progress::{Progress, Silent};
use smbgw_core::secret::Secret;
use smbgw_core::service;
use smbgw_core::share::{Authentication, ShareDraft, ShareName};
use smbgw_core::testing::{Faults, FaultyHost, FaultyService, FaultyStorage};
use smbgw_quota::QuotaStorage;
use smbgw_quota::history::{Allowance, History, Sample, Source};
use smbgw_quota::monitor::{AlertTraces, HistoryTraces};
use smbgw_testing::{Filesystem, run};

use super::picture::HISTORY_LOGS;
use super::{Lab, soon};

/// What is done to the share `crash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// It is made, with an account and directories above it, where smbd does not run.
    Create,
    /// Its quota becomes another one.
    Resize,
    /// It lets in users of this machine alone from now on.
    Auth,
    /// It is taken away, its data stays, and its history is set apart.
    Delete,
    /// It is taken away with its data, its history, its account and the directories above it.
    Purge,
}

impl Operation {
    /// Does it with a machine that has these faults.
    pub(crate) fn run(
        self,
        lab: &Lab,
        faults: &Faults,
        progress: &dyn Progress,
    ) -> Result<Outcome, ShareError> {
        let name: ShareName = "crash".parse().unwrap();
        with_machine(faults, progress, |machine| match self {
            Self::Create => create(machine, &request(lab, "crash", &["alice", "carol"])),
            Self::Resize => resize(machine, &name, "96M".parse().unwrap(), false),
            Self::Auth => set_auth(machine, &name, Authentication::Local),
            Self::Delete => delete(machine, &name, KEEP),
            Self::Purge => delete(machine, &name, PURGE),
        })
    }

    /// Makes the state it begins in, from any state.
    pub(crate) fn prepare(self, lab: &Lab) {
        clear(lab);
        fs::write("/etc/samba/smb.conf", SMB_CONF).unwrap();
        if self == Self::Create {
            return;
        }
        done(&Self::Create.run(lab, &Faults::none(), &Silent));
        fs::write(lab.path("deep/er/crash/file"), "what a client wrote").unwrap();
        with_machine(&Faults::none(), &Silent, |machine| {
            done(&create(machine, &request(lab, "other", &["alice"])));
        });
        remember();
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl FromStr for Operation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [
            Self::Create,
            Self::Resize,
            Self::Auth,
            Self::Delete,
            Self::Purge,
        ]
        .into_iter()
        .find(|operation| operation.to_string() == text)
        .ok_or_else(|| text.into())
    }
}

/// Makes the account that is there from the beginning.
pub(crate) fn make_alice() {
    run(std::process::Command::new("useradd").args(["--no-create-home", "alice"])).unwrap();
}

/// Finishes or undoes what was interrupted, with a machine that works.
pub(crate) fn recover_all() -> Vec<Recovered> {
    with_machine(&Faults::none(), &Silent, recover).unwrap()
}

/// Fails unless the operation did all of its work.
#[track_caller]
pub(crate) fn done(result: &Result<Outcome, ShareError>) {
    assert!(matches!(result, Ok(Outcome::Done(_))), "{result:#?}");
}

const PURGE: DeleteOptions = DeleteOptions {
    purge: true,
    keep_history: false,
};

const KEEP: DeleteOptions = DeleteOptions {
    purge: false,
    keep_history: true,
};

/// The time on the clock of every machine.
const NOW: i64 = 1_700_000_000;

/// Puts the real machine together, with faults.
pub(crate) fn with_machine<T>(
    faults: &Faults,
    progress: &dyn Progress,
    call: impl FnOnce(&Machine<'_>) -> T,
) -> T {
    let local = LocalHost::new();
    let host = FaultyHost::new(&local, faults).at_time(NOW);
    let storage = QuotaStorage::new(&host);
    let storage = FaultyStorage::new(&storage, faults);
    let service = service::detect(&host);
    let service = FaultyService::new(service.as_ref(), faults);
    call(&Machine {
        host: &host,
        storage: &storage,
        service: &service,
        traces: &[&HistoryTraces { host: &host }, &AlertTraces { host: &host }],
        progress,
        passwords: BTreeMap::from([(
            "carol".to_string(),
            Secret::from("correct horse".to_string()),
        )]),
        free_space_command: Some(PathBuf::from(env!("CARGO_BIN_EXE_smbgw-dfree"))),
        deadline: soon(),
    })
}

/// Has a monitor remember the usage of both shares, and somebody silence both.
fn remember() {
    let mut history = History::open(layout::HISTORY).unwrap().history;
    let sample = |bytes| Sample {
        bytes,
        inodes: None,
        limit: Allowance {
            bytes: Some(64 << 20),
            inodes: None,
        },
        source: Source::Poll,
    };
    let samples = [("crash", sample(1000)), ("other", sample(2000))];
    history.record(NOW - 60, &samples).unwrap();
    let host = LocalHost::new();
    for name in ["crash", "other"] {
        let silence = Silence {
            scope: Scope::all_of(Subject::Share(name.parse().unwrap())),
            until: 4_000_000_000,
            by: "root".into(),
            note: None,
        };
        AlertStore::new(&host).silence(silence, soon()).unwrap();
    }
}

fn request(lab: &Lab, name: &str, users: &[&str]) -> CreateOptions {
    let path = lab.path("deep/er").join(name);
    CreateOptions {
        draft: ShareDraft {
            name: name.into(),
            path: Some(path.to_str().unwrap().into()),
            quota: Some("64M".into()),
            users: users.iter().map(ToString::to_string).collect(),
            create_users: true,
            ..ShareDraft::default()
        },
        force: false,
    }
}

/// Takes everything away that an operation may have made.
fn clear(lab: &Lab) {
    recover_all();
    for name in ["crash", "other"] {
        let name: ShareName = name.parse().unwrap();
        with_machine(&Faults::none(), &Silent, |machine| {
            match delete(machine, &name, PURGE) {
                Err(ShareError::NotFound(_)) => {}
                result => done(&result),
            }
        });
        // What a delete left on purpose.
        let path = lab.path("deep/er").join(name.as_str());
        if path.exists() {
            remove_kept(lab, &path);
        }
    }
    for dir in ["deep/er", "deep"] {
        let _ = fs::remove_dir(lab.path(dir));
    }
    // What was set apart.
    for file in [layout::HISTORY].iter().chain(&HISTORY_LOGS) {
        let _ = fs::remove_file(file);
    }
    if super::command("getent", &["passwd"]).contains("\ncarol:") {
        let _ = run(std::process::Command::new("smbpasswd").args(["-x", "carol"]));
        super::command("userdel", &["carol"]);
    }
    let host = LocalHost::new();
    service::detect(&host).stop(soon()).unwrap();
}

pub(crate) fn remove_kept(lab: &Lab, path: &std::path::Path) {
    let text = path.to_str().unwrap();
    match lab.filesystem {
        Filesystem::BtrfsQuota => {
            super::command("btrfs", &["subvolume", "delete", text]);
        }
        Filesystem::Zfs => {
            let name = super::command("zfs", &["list", "-H", "-o", "name", text]);
            super::command("zfs", &["destroy", "-r", name.trim()]);
            // What it was mounted on.
            fs::remove_dir(path).unwrap();
        }
        _ => fs::remove_dir_all(path).unwrap(),
    }
}

/// A configuration of an administrator's own.
const SMB_CONF: &str = "\
# Ours, and nobody else's.
[global]
\tworkgroup = LAB
\tload printers = no
\tdisable spoolss = yes
[theirs]
\tpath = /var/cache/samba
";
