//! File systems where users and groups have no limits: what is said, and that the advice helps.

use smbgw_core::error::Coded;
use smbgw_quota::QuotaError;
use smbgw_quota::owner::{OwnerKind, OwnerStorage};
use smbgw_testing::{Filesystem, MIB, Scratch};

use super::{EDQUOT, fill_as, limit, mib, open_folder, quotas, refusal, usage};
use crate::contract::{Lab, command, soon, text};

fn lab(filesystem: Filesystem) -> Lab {
    Lab::on(Scratch::new(filesystem, 320 * MIB).unwrap())
}

fn open(lab: &Lab, kind: OwnerKind) -> Result<OwnerStorage<'_>, QuotaError> {
    OwnerStorage::open(&lab.host, "/srv".as_ref(), kind)
}

/// Quotas are off, the error says so, and after the commands of its remedy they are on.
pub(crate) fn the_remedy_switches_them_on(filesystem: Filesystem) {
    let mut lab = lab(filesystem);
    for (kind, ext4, xfs) in [
        (OwnerKind::User, "usrquota", "uquota"),
        (OwnerKind::Group, "grpquota", "gquota"),
    ] {
        let error = open(&lab, kind).unwrap_err();
        assert_eq!(error.code(), "quota.off");
        assert!(
            error.to_string().contains(&format!("{kind} quotas")),
            "{error}"
        );
        let remedy = error.remedy().unwrap();
        let option = match filesystem {
            Filesystem::Ext4Plain => ext4,
            _ => xfs,
        };
        assert!(remedy.contains(&format!("`{option}`")), "{remedy}");
        lab.disk.unmount().unwrap();
        if filesystem == Filesystem::Ext4Plain {
            let arguments = ["-O", "quota", "-Q", option];
            let source = text(lab.disk.source());
            let line = format!("`tune2fs {} {source}`", arguments.join(" "));
            assert!(remedy.contains(&line), "{remedy}");
            let image = lab.disk.image();
            command("tune2fs", &[&arguments[..], &[text(&image)]].concat());
        }
        lab.disk.mount(option).unwrap();
        they_work(&lab, kind);
        // As it was, for the other kind.
        if filesystem == Filesystem::Ext4Plain {
            lab.disk.unmount().unwrap();
            command("tune2fs", &["-O", "^quota", text(&lab.disk.image())]);
            lab.disk.mount("defaults").unwrap();
        }
    }
}

/// Usage can be read where it is only counted, limits are refused until the remedy is followed.
pub(crate) fn what_only_counts_can_be_read(filesystem: Filesystem) {
    let mut lab = lab(filesystem);
    if filesystem == Filesystem::XfsPlain {
        lab.disk.unmount().unwrap();
        lab.disk.mount("uqnoenforce").unwrap();
    }
    let folder = open_folder(&lab, "counted");
    assert_eq!(fill_as(5, folder.join("file"), MIB), (MIB, None));
    let remedy = {
        let users = quotas(&lab, OwnerKind::User);
        assert!(!users.scope().enforced);
        assert_eq!(usage(&users, 5).bytes, MIB);
        assert!(
            users
                .report(soon())
                .unwrap()
                .iter()
                .any(|user| user.id == 5)
        );
        let error = users.set_limits(5, mib(4), soon()).unwrap_err();
        assert_eq!(error.code(), "quota.off");
        error.remedy().unwrap()
    };
    if filesystem == Filesystem::XfsPlain {
        assert!(remedy.contains("`uquota`"), "{remedy}");
        lab.disk.unmount().unwrap();
        lab.disk.mount("uquota").unwrap();
    } else {
        let mount_point = text(lab.disk.path());
        let line = format!("`quotaon -u {mount_point}`");
        assert!(remedy.contains(&line), "{remedy}");
        command("quotaon", &["-u", mount_point]);
    }
    they_work(&lab, OwnerKind::User);
}

pub(crate) fn a_file_system_without_them(filesystem: Filesystem) {
    let lab = lab(filesystem);
    let error = open(&lab, OwnerKind::User).unwrap_err();
    assert!(error.remedy().is_some(), "{error}");
    assert_eq!(refusal::<()>(Err(error)), "quota.owner-unsupported");
}

fn they_work(lab: &Lab, kind: OwnerKind) {
    let quotas = quotas(lab, kind);
    assert!(quotas.scope().enforced);
    limit(&quotas, 9, mib(4));
    let folder = open_folder(lab, "works");
    let (taken, error) = fill_as(9, folder.join(kind.to_string()), 8 * MIB);
    assert!(
        taken <= 4 * MIB && error == Some(EDQUOT),
        "{taken} {error:?}"
    );
    quotas
        .set_limits(9, smbgw_quota::Limits::default(), soon())
        .unwrap();
}
