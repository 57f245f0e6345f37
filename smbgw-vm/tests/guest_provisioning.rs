//! Shares of guests with the quotas of a kernel: the fake guests have their disks for data formatted, mounted and limited
//! by the real programs.

mod guest_node;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use guest_node::{GuestNode, PASSWORD, is_killed, of, on_a_node, play, request};
use smbgw_core::size::ByteSize;
use smbgw_core::testing::KillAt;
use smbgw_testing::{Capability, require, run};
use smbgw_vm::cloudinit::{DataDisk, DataFilesystem, Documents, GuestName, InstanceId};
use smbgw_vm::provisioning::{
    DataRequest, GuestRequest, Outcome, Provisioned, ProvisioningError, ShareRequest, ShareUsage,
    Stop, provision, recover, remove, resize, start, status, stop,
};

fn done(outcome: Result<Outcome, ProvisioningError>) -> Provisioned {
    match outcome {
        Ok(Outcome::Done(done)) => done,
        other => panic!("{other:#?}"),
    }
}

fn mib(count: u64) -> ByteSize {
    ByteSize::from_mib(count)
}

/// What a client says that does `what` in the share, and whether it could.
fn client(what: &str) -> (bool, String) {
    let user = format!("alice%{PASSWORD}");
    let words = ["-U", &user, "//192.0.2.10/Media", "-c", what];
    let output = Command::new("smbclient").args(words).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success() && !said.contains("NT_STATUS"), said)
}

/// How large the share is to a client, and how much of it is free, in MiB.
fn seen() -> (u64, u64) {
    let (_, said) = client("ls");
    let line = said.lines().find(|line| line.contains("blocks of size"));
    let numbers = line.unwrap_or_else(|| panic!("{said}")).split(' ');
    let numbers: Vec<u64> = numbers
        .filter_map(|word| word.trim().trim_end_matches('.').parse().ok())
        .collect();
    let [all, size, free] = numbers[..] else {
        panic!("{said}");
    };
    ((all * size) >> 20, (free * size) >> 20)
}

fn usage(node: &GuestNode<'_>) -> ShareUsage {
    let report = status(&node.world(), &of("vault")).unwrap();
    assert_eq!(report.findings, []);
    report.share.unwrap().usage.unwrap()
}

fn a_share_with_40_mib(filesystem: DataFilesystem) -> GuestRequest {
    let quota = mib(40);
    GuestRequest {
        data: Some(DataRequest::for_quota(of("local-lvm"), quota, filesystem)),
        share: Some(ShareRequest {
            name: of("Media"),
            quota,
            comment: None,
        }),
        highly_available: false,
        ..request()
    }
}

/// Resizes the share to 1 GiB in a process that is killed on the way, if this is it.
fn is_victim() -> bool {
    play(|node, number| {
        let kill = KillAt::new(number);
        done(resize(
            &node.world_with(&kill),
            &of("vault"),
            mib(1024),
            false,
        ));
    })
}

fn a_quota_holds(test: &str, filesystem: DataFilesystem) {
    on_a_node(test, |node| holds(node, test, filesystem));
}

fn holds(node: &GuestNode<'_>, test: &str, filesystem: DataFilesystem) {
    let world = node.world();
    let vault = of("vault");
    node.guests_are("without-quotas", false);
    fs::write("/srv/30", vec![7; 30 << 20]).unwrap();
    done(provision(&world, &a_share_with_40_mib(filesystem)));
    assert_eq!(seen().0, 40);
    assert_eq!(usage(node).limit, mib(40));

    // The quota is what stops a client, and it is told so.
    assert!(client("put /srv/30 one").0);
    let (all, free) = seen();
    assert!(all == 40 && (8..=10).contains(&free), "{free} MiB free");
    let (could, said) = client("put /srv/30 two");
    assert!(!could && said.contains("NT_STATUS_DISK_FULL"), "{said}");
    assert!(client("del two").0);
    let used = usage(node).used;
    assert!(used >= mib(30) && used < mib(40), "{used}");

    // A larger one, within the disk and beyond it, while a client is there.
    done(resize(&world, &vault, mib(80), false));
    assert_eq!(seen().0, 80);
    assert!(client("put /srv/30 two").0);
    // That it was killed when the disk had grown, and nothing in the guest, is made up for.
    assert!(is_killed(test, 4));
    assert_eq!(recover(&world).unwrap().len(), 1);
    assert_eq!((usage(node).limit, seen().0), (mib(80), 80));
    assert!(!is_killed(test, 100));
    let (all, free) = seen();
    assert!(all == 1024 && free > 950, "{free} MiB free");

    // A smaller one below what is there: reading and deleting go on.
    let error = resize(&world, &vault, mib(20), false).unwrap_err();
    assert!(error.to_string().contains("more than 20M"), "{error}");
    done(resize(&world, &vault, mib(20), true));
    assert_eq!(seen(), (20, 0));
    assert!(!client("put /srv/30 three").0);
    assert!(client("get one /srv/got").0);
    assert_eq!(fs::read("/srv/got").unwrap(), vec![7; 30 << 20]);
    assert!(usage(node).used >= mib(60));
    // XFS has no room for its inode, ext4 none for its content.
    client("del three");
    assert!(client("del two").0);

    // All of it is there after the guest was off.
    done(resize(&world, &vault, mib(50), false));
    done(stop(&world, &vault, Stop { forced: false }));
    done(start(&world, &vault));
    assert_eq!(seen().0, 50);
    assert!(client("get one /srv/got").0);
    done(remove(&world, &vault));
    assert!(node.standin.config(102).is_none());
    let of_it = |path: &PathBuf| path.to_string_lossy().contains("102");
    assert!(!node.files().iter().any(of_it));
}

#[test]
fn a_quota_on_xfs_holds() {
    if is_victim() {
        return;
    }
    require!(Capability::Root, Capability::Samba, Capability::XfsPquota);
    a_quota_holds("a_quota_on_xfs_holds", DataFilesystem::Xfs);
}

#[test]
fn a_quota_on_ext4_holds() {
    if is_victim() {
        return;
    }
    require!(
        Capability::Root,
        Capability::Samba,
        Capability::Ext4Prjquota
    );
    a_quota_holds("a_quota_on_ext4_holds", DataFilesystem::Ext4);
}

/// The filesystem as cloud-init is told to make it.
fn making(filesystem: DataFilesystem) -> Vec<String> {
    let name: GuestName = of("vault");
    let mut documents = Documents::new(InstanceId::random(&name).unwrap(), name);
    let disk = DataDisk::new(of("data"), filesystem, "data", of("/srv/smbgw"));
    documents.user_data.data_disks.push(disk.unwrap());
    let text = documents.render().user_data;
    let told: serde_json::Value = serde_json::from_str(text.split_once('\n').unwrap().1).unwrap();
    let options = told["fs_setup"][0]["extra_opts"].as_array();
    let options = options.into_iter().flatten();
    options
        .map(|word| word.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_disk_for_a_quota_has_room_for_it() {
    require!(
        Capability::Root,
        Capability::XfsPquota,
        Capability::Ext4Prjquota
    );
    let folder = tempfile::tempdir().unwrap();
    let (file, place) = (folder.path().join("disk"), folder.path().join("mounted"));
    fs::create_dir(&place).unwrap();
    for filesystem in [DataFilesystem::Xfs, DataFilesystem::Ext4] {
        for gib in [1_u64, 7, 30, 200] {
            let quota = mib(gib << 10);
            let disk = DataRequest::for_quota(of("data"), quota, filesystem);
            let image = fs::File::create(&file).unwrap();
            image.set_len(disk.size.bytes()).unwrap();
            drop(image);
            let program = format!("mkfs.{}", filesystem.name());
            run(Command::new(program)
                .arg("-q")
                .args(making(filesystem))
                .arg(&file))
            .unwrap();
            run(Command::new("mount")
                .args(["-o", "loop,prjquota"])
                .args([&file, &place]))
            .unwrap();
            // Of a user, who has not what is set aside for root.
            let output = Command::new("stat")
                .args(["-f", "-c", "%a %S"])
                .arg(&place)
                .output()
                .unwrap();
            run(Command::new("umount").arg(&place)).unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let (blocks, size) = text.trim().split_once(' ').unwrap();
            let free = blocks.parse::<u64>().unwrap() * size.parse::<u64>().unwrap();
            let spare = free.checked_sub(quota.bytes());
            let what = format!("{} of {gib} GiB on {}", filesystem.name(), disk.size);
            // Some is for the inodes and trees of files that are yet to come.
            let least = quota.bytes() / 100;
            assert!(
                spare.is_some_and(|spare| spare > least),
                "{what}: {free} bytes free"
            );
            fs::remove_file(&file).unwrap();
        }
    }
}
