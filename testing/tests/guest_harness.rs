//! Scratch filesystems: each kind does about quotas what its name says, and all are gone afterwards.

use std::fs;
use std::io::{ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use smbgw_testing::{
    Capabilities, Capability, Filesystem, LightHost, MIB, Scratch, require, run, unprivileged,
    wait_until,
};

const PROJECT: &str = "4711";

/// Writes `size` bytes as root without CAP_SYS_RESOURCE, all the way to the disk.
fn fill(path: PathBuf, size: u64) -> std::io::Result<()> {
    unprivileged::without_sys_resource(|| {
        let mut file = fs::File::create(path)?;
        for _ in 0..size / MIB {
            file.write_all(&vec![7; MIB as usize])?;
        }
        file.sync_all()
    })
}

fn refused(outcome: std::io::Result<()>) -> bool {
    outcome.is_err_and(|error| {
        matches!(
            error.kind(),
            ErrorKind::QuotaExceeded | ErrorKind::StorageFull
        )
    })
}

/// A folder in the project, limited to 4 MiB by the tools of the filesystem.
fn limited_folder(disk: &Scratch) -> PathBuf {
    let folder = disk.path().join("limited");
    fs::create_dir(&folder).unwrap();
    run(Command::new("chattr")
        .args(["+P", "-p", PROJECT])
        .arg(&folder))
    .unwrap();
    run(Command::new("setquota")
        .args(["-P", PROJECT, "0", "4096", "0", "0"])
        .arg(disk.path()))
    .unwrap();
    folder
}

fn loop_devices_of(image: &Path) -> String {
    run(Command::new("losetup").arg("-j").arg(image)).unwrap()
}

#[test]
fn ext4_enforces_counts_or_does_neither() {
    require!(Capability::Ext4Prjquota);
    let enforced = Scratch::new(Filesystem::Ext4Enforced, 64 * MIB).unwrap();
    let folder = limited_folder(&enforced);
    fill(folder.join("small"), 2 * MIB).unwrap();
    assert!(refused(fill(folder.join("large"), 8 * MIB)));
    fill(enforced.path().join("outside"), 8 * MIB).unwrap();

    let counting = Scratch::new(Filesystem::Ext4Accounting, 64 * MIB).unwrap();
    fill(limited_folder(&counting).join("large"), 8 * MIB).unwrap();
    let report = run(Command::new("repquota")
        .args(["-P", "-n"])
        .arg(counting.path()))
    .unwrap();
    assert!(report.contains(&format!("#{PROJECT}")), "{report}");

    let plain = Scratch::new(Filesystem::Ext4Plain, 64 * MIB).unwrap();
    let folder = plain.path().join("folder");
    fs::create_dir(&folder).unwrap();
    assert!(run(Command::new("chattr").args(["-p", PROJECT]).arg(&folder)).is_err());
    for disk in [enforced, counting, plain] {
        disk.remove().unwrap();
    }
}

#[test]
fn xfs_enforces_counts_or_does_neither() {
    require!(Capability::XfsPquota);
    let enforced = Scratch::new(Filesystem::XfsEnforced, 0).unwrap();
    assert!(refused(fill(
        limited_folder(&enforced).join("large"),
        8 * MIB
    )));
    enforced.remove().unwrap();

    let counting = Scratch::new(Filesystem::XfsAccounting, 0).unwrap();
    fill(limited_folder(&counting).join("large"), 8 * MIB).unwrap();
    counting.remove().unwrap();

    let plain = Scratch::new(Filesystem::XfsPlain, 0).unwrap();
    let state = run(Command::new("xfs_quota")
        .args(["-x", "-c", "state -p"])
        .arg(plain.path()));
    assert!(!state.is_ok_and(|state| state.contains("Accounting: ON")));
    plain.remove().unwrap();
}

#[test]
fn btrfs_has_quotas_or_not() {
    require!(Capability::Btrfs);
    let disk = Scratch::new(Filesystem::BtrfsQuota, 0).unwrap();
    let volume = disk.path().join("volume");
    run(Command::new("btrfs")
        .args(["subvolume", "create"])
        .arg(&volume))
    .unwrap();
    run(Command::new("btrfs")
        .args(["qgroup", "limit", "4M"])
        .arg(&volume))
    .unwrap();
    assert!(refused(fill(volume.join("large"), 8 * MIB)));
    disk.remove().unwrap();

    let plain = Scratch::new(Filesystem::BtrfsPlain, 0).unwrap();
    let shown = run(Command::new("btrfs")
        .args(["qgroup", "show"])
        .arg(plain.path()));
    assert!(shown.is_err());
}

#[test]
fn zfs_pools_enforce_refquota() {
    require!(Capability::Zfs);
    let disk = Scratch::new(Filesystem::Zfs, 256 * MIB).unwrap();
    let dataset = format!("{}/share", disk.source().display());
    run(Command::new("zfs").args(["create", "-o", "refquota=4M", &dataset])).unwrap();
    assert!(refused(fill(disk.path().join("share/large"), 16 * MIB)));
    let pool = disk.source().to_owned();
    // A dataset that is mounted elsewhere too, as in a host, does not keep the pool.
    let host = LightHost::start().unwrap();
    host.bind(disk.path(), "/srv/pool").unwrap();
    assert!(host.path("/srv/pool/share/large").exists());
    drop(host);
    disk.remove().unwrap();
    assert!(run(Command::new("zpool").arg("list").arg(pool)).is_err());
}

#[test]
fn a_disk_can_be_mounted_again_with_other_options() {
    require!(Capability::Ext4Prjquota);
    let mut disk = Scratch::new(Filesystem::Ext4Enforced, 64 * MIB).unwrap();
    let folder = limited_folder(&disk);
    disk.unmount().unwrap();
    assert!(!folder.exists());
    disk.mount("defaults").unwrap();
    fill(folder.join("large"), 8 * MIB).unwrap();
    disk.unmount().unwrap();
    disk.mount("prjquota").unwrap();
    assert!(refused(fill(folder.join("more"), 2 * MIB)));
}

#[test]
fn a_client_sees_the_quota_of_a_bound_disk() {
    require!(Capability::Ext4Prjquota, Capability::Samba);
    let disk = Scratch::new(Filesystem::Ext4Enforced, 64 * MIB).unwrap();
    let folder = limited_folder(&disk);
    let host = LightHost::start().unwrap();
    host.bind(&folder, "/srv/data").unwrap();
    host.write(
        "/etc/samba/smb.conf",
        "[global]\nload printers = no\n[data]\npath = /srv/data\nread only = no\n",
    )
    .unwrap();
    host.add_user("alice", "Secret.1").unwrap();
    run(host.command("chown").args(["alice", "/srv/data"])).unwrap();
    run(host
        .command("dd")
        .args(["if=/dev/zero", "of=/tmp/large", "bs=1M", "count=8"]))
    .unwrap();
    let smbd = host.start_smbd().unwrap();
    let client = |command: &str| {
        run(host.command("smbclient").args([
            "//127.0.0.1/data",
            "-U",
            "alice%Secret.1",
            "-c",
            command,
        ]))
    };
    client("put /etc/hostname small").unwrap();
    let error = client("put /tmp/large large").unwrap_err().to_string();
    assert!(
        error.contains("DISK_FULL") || error.contains("QUOTA"),
        "{error}"
    );
    // 4 MiB in blocks of 1 KiB, not the 64 MiB of the disk.
    let size = client("du").unwrap();
    assert!(size.contains("4096 blocks of size 1024"), "{size}");
    smbd.stop().unwrap();
    drop(host);
    disk.remove().unwrap();
}

#[test]
fn a_disk_is_gone_after_a_drop_and_after_a_panic() {
    require!(Capability::Btrfs);
    let seen = |disk: &Scratch| (disk.image(), disk.path().parent().unwrap().to_owned());
    let disk = Scratch::new(Filesystem::BtrfsPlain, 0).unwrap();
    let other = Scratch::new(Filesystem::BtrfsPlain, 0).unwrap();
    assert_ne!(disk.source(), other.source());
    let mut places = vec![seen(&disk), seen(&other)];
    assert!(!loop_devices_of(&disk.image()).is_empty());
    drop(disk);
    drop(other);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let disk = Scratch::new(Filesystem::BtrfsPlain, 0).unwrap();
        places.push(seen(&disk));
        panic!("as a failing test would");
    }));
    assert!(panicked.is_err());
    assert_eq!(places.len(), 3);
    for (image, folder) in places {
        assert!(!folder.exists());
        let mounts = fs::read_to_string("/proc/mounts").unwrap();
        assert!(!mounts.contains(folder.to_str().unwrap()));
        wait_until(
            Duration::from_secs(30),
            "the loop device to be free",
            || loop_devices_of(&image).is_empty().then_some(()),
        )
        .unwrap();
    }
}

#[test]
fn a_disk_in_use_is_waited_for() {
    require!(Capability::Btrfs);
    let disk = Scratch::new(Filesystem::BtrfsPlain, 0).unwrap();
    let folder = disk.path().parent().unwrap().to_owned();
    let mut user = Command::new("sleep")
        .arg("0.5")
        .current_dir(disk.path())
        .spawn()
        .unwrap();
    disk.remove().unwrap();
    assert!(!folder.exists());
    user.wait().unwrap();
}

#[expect(clippy::print_stderr, reason = "shown with --nocapture or on failure")]
#[test]
fn what_is_there_and_what_is_missing_is_told() {
    require!(Capability::Root);
    let found = Capabilities::probe();
    for capability in Capability::ALL {
        assert_eq!(found.has(capability), found.missing(capability).is_none());
    }
    assert!(found.has(Capability::Root));
    eprint!("{found}");
}
