//! File systems that could enforce limits and do not: what is said, and that the advice helps.

use std::path::Path;

use smbgw_core::error::Coded;
use smbgw_core::ports::{QuotaState, Storage};
use smbgw_testing::{Filesystem, MIB, Scratch};

use super::{Lab, command, soon, text};

/// Quotas are off, the error says so, and after the commands of its remedy they are on.
pub(crate) fn the_remedy_switches_limits_on(filesystem: Filesystem) {
    let mut lab = Lab::on(Scratch::new(filesystem, 320 * MIB).unwrap());
    let remedy = remedy(&lab);
    let mount_point = text(lab.disk.path()).to_owned();
    let source = text(lab.disk.source()).to_owned();
    match filesystem {
        Filesystem::BtrfsPlain => {
            for words in [["quota", "enable", ""], ["quota", "rescan", "-w"]] {
                let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
                let arguments = [&words[..], &[&mount_point]].concat();
                assert!(remedy.contains(&format!("`btrfs {}`", arguments.join(" "))));
                command("btrfs", &arguments);
            }
        }
        Filesystem::Ext4Plain => {
            let arguments = ["-O", "quota,project", "-Q", "prjquota"];
            let line = format!("`tune2fs {} {source}`", arguments.join(" "));
            assert!(remedy.contains(&line), "{remedy}");
            assert!(remedy.contains("`prjquota`"), "{remedy}");
            lab.disk.unmount().unwrap();
            let image = lab.disk.image();
            command("tune2fs", &[&arguments[..], &[text(&image)]].concat());
            lab.disk.mount("prjquota").unwrap();
        }
        Filesystem::Ext4Accounting => {
            assert!(!remedy.contains("tune2fs"), "{remedy}");
            assert!(remedy.contains("`quotaon -P "), "{remedy}");
            command("quotaon", &["-P", &mount_point]);
        }
        _ => {
            assert!(remedy.contains("`pquota`"), "{remedy}");
            lab.disk.unmount().unwrap();
            lab.disk.mount("pquota").unwrap();
        }
    }
    let survey = lab.storage().survey(Path::new("/srv"), soon()).unwrap();
    assert!(
        matches!(survey.quota, QuotaState::Enforced(_)),
        "{survey:?}"
    );
    lab.volume("/srv/share", 8 * MIB);
}

fn remedy(lab: &Lab) -> String {
    let survey = lab.storage().survey(Path::new("/srv/x"), soon()).unwrap();
    let QuotaState::Off { remedy, .. } = survey.quota else {
        panic!("{survey:?}");
    };
    let error = lab.try_choose("/srv/x").unwrap_err();
    assert_eq!(error.code(), "quota.off");
    assert_eq!(error.remedy().as_deref(), Some(&*remedy));
    remedy
}

/// A file system without limits of any kind.
pub(crate) fn a_kind_without_limits_is_told() {
    let host = smbgw_core::host::LocalHost::new();
    let storage = smbgw_quota::QuotaStorage::new(&host);
    let path = Path::new("/proc/self");
    let share = "x".parse().unwrap();
    let error = storage.choose(&share, Path::new("/proc"), &[], soon());
    assert_eq!(error.unwrap_err().code(), "quota.unsupported-filesystem");
    let survey = storage.survey(Path::new("/proc"), soon()).unwrap();
    assert!(matches!(survey.quota, QuotaState::Unsupported { .. }));
    // A symbolic link is not followed.
    assert_eq!(
        storage.survey(path, soon()).unwrap_err().code(),
        "quota.not-a-directory"
    );
}
