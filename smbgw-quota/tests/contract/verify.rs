//! Shares verified against their records.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use smbgw_core::catalog::{self, ShareRecord};
use smbgw_core::error::Coded;
use smbgw_core::host::Host;
use smbgw_core::lifecycle::{self, Verification};
use smbgw_core::machine::Machine;
use smbgw_core::ports::storage::Data;
use smbgw_core::ports::{Depth, Limits, Storage, Volume};
use smbgw_core::progress::Silent;
use smbgw_core::service::DirectService;
use smbgw_core::share::{ShareDraft, ShareName};
use smbgw_quota::tree;
use smbgw_testing::MIB;

use super::inspect::{LIMIT, codes, filled};
use super::marks::id_of;
use super::{Lab, soon};

fn with_machine<T>(lab: &Lab, work: impl FnOnce(&Machine<'_>) -> T) -> T {
    let (storage, service) = (lab.storage(), DirectService::new(&lab.host));
    work(&Machine {
        host: &lab.host,
        storage: &storage,
        service: &service,
        traces: &[],
        progress: &Silent,
        passwords: BTreeMap::new(),
        free_space_command: None,
        deadline: soon(),
    })
}

fn verify(lab: &Lab, fix: bool) -> Verification {
    with_machine(lab, |machine| lifecycle::verify(machine, None, fix)).unwrap()
}

fn name(text: &str) -> ShareName {
    text.parse().unwrap()
}

/// A volume with a record, as if a share had been made of it.
fn share(lab: &Lab, name: &str) -> Volume {
    let path = format!("/srv/{name}");
    let volume = filled(lab, &path);
    let draft = ShareDraft {
        name: name.into(),
        path: Some(path),
        quota: Some(LIMIT.to_string()),
        guest: true,
        ..ShareDraft::default()
    };
    let record = ShareRecord::new(draft.check().unwrap(), volume.clone(), 0);
    catalog::store(&lab.host, &record).unwrap();
    volume
}

pub(crate) fn shares_are_verified_and_put_right(lab: &Lab) {
    share(lab, "good");
    let changed = share(lab, "changed");
    share(lab, "gone");
    let sound = verify(lab, true);
    assert!(sound.is_sound(), "{sound:?}");
    assert_eq!((sound.shares.len(), sound.strays.len()), (3, 0));

    lab.limit(&changed, MIB * 4);
    let local = lab.local("/srv/gone");
    fs::rename(&local, lab.local("/srv/aside")).unwrap_or_else(|_| {
        super::command("umount", &[super::text(&local)]);
    });
    for fix in [false, true] {
        let found = verify(lab, fix);
        assert!(!found.is_sound());
        let names: Vec<&str> = found
            .shares
            .iter()
            .map(|found| found.name.as_str())
            .collect();
        assert_eq!(names, ["changed", "gone", "good"]);
        let [changed, gone, good] = &found.shares[..] else {
            panic!("{found:?}");
        };
        assert!(good.is_sound() && good.fixed.is_empty());
        assert_eq!(codes(&changed.deviations), ["quota.limit-differs"]);
        assert_eq!(changed.is_sound(), fix, "{changed:?}");
        assert_eq!(changed.fixed.len(), usize::from(fix));
        assert!(!gone.is_sound() && gone.fixed.is_empty());
        assert_eq!(gone.remaining, gone.deviations);
        assert!(
            found
                .shares
                .iter()
                .all(|found| found.problem.is_none() && !found.under_way)
        );
    }
    assert_eq!(lab.usage(&changed).limits, Limits::of_bytes(LIMIT));

    // One share by its name, and one that is none.
    with_machine(lab, |machine| {
        let verify = |share| lifecycle::verify(machine, Some(&name(share)), true);
        assert_eq!(verify("Good").unwrap().shares.len(), 1);
        assert_eq!(verify("nobody").unwrap_err().code(), "share.not-found");
        let quick = lifecycle::inspect(machine, None, Depth::Quick).unwrap();
        let sound = quick.iter().filter(|found| found.is_sound()).count();
        assert_eq!(sound, 2);
    });
}

pub(crate) fn a_share_that_is_worked_on_is_not_put_right(lab: &Lab) {
    let volume = share(lab, "busy");
    lab.limit(&volume, MIB * 4);
    let _lock = lab.host.lock("share-busy", "test", soon()).unwrap();
    with_machine(lab, |machine| {
        let machine = Machine {
            deadline: machine.deadline.at_most(Duration::from_secs(5)),
            passwords: BTreeMap::new(),
            free_space_command: None,
            ..*machine
        };
        let busy = lifecycle::verify(&machine, Some(&name("busy")), true).unwrap();
        let problem = busy.shares[0].problem.as_ref().unwrap();
        assert_eq!(problem.code, "host.locked");
        assert_eq!(codes(&busy.shares[0].remaining), ["quota.limit-differs"]);
    });
    assert_eq!(lab.usage(&volume).limits, Limits::of_bytes(MIB * 4));
}

/// For projects.
pub(crate) fn what_shares_left_is_removed_with_the_rest(lab: &Lab) {
    let kept = share(lab, "kept");
    let gone = share(lab, "left");
    catalog::remove(&lab.host, &name("left")).unwrap();
    // A file of the deleted share is in the tree of the other one.
    let strayed = lab.local("/srv/kept/a/b c");
    tree::unmark(&strayed, id_of(&kept), soon()).unwrap();
    tree::mark(&strayed, id_of(&gone), soon()).unwrap();

    let found = verify(lab, false);
    assert_eq!(codes(&found.shares[0].remaining), ["quota.foreign-project"]);
    assert_eq!(found.strays.len(), 1, "{found:?}");
    assert!(found.strays[0].stray.repairable && !found.strays[0].removed);
    let fixed = verify(lab, true);
    assert!(fixed.is_sound(), "{fixed:?}");
    assert!(fixed.strays[0].removed);
    let after = verify(lab, false);
    assert!(after.is_sound() && after.strays.is_empty(), "{after:?}");
    assert_eq!(lab.text("/etc/projid").unwrap().lines().count(), 1);
    let limits = lab.storage().limits(&gone, soon()).unwrap();
    assert_eq!(limits, Limits::default());
    lab.destroy(&gone, Data::Remove);
}
