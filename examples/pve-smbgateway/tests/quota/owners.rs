//! Limits of users and groups on the file system of a share, felt by clients.

use std::time::Duration;

use serde_json::Value;
use smbgw_testing::{Filesystem, MIB, wait_until};

use super::{begin, create};
use crate::lab::cli::{gateway, local_file, smbclient};
use crate::lab::{Lab, command};

/// A limit of one user binds him alone, is shown, and goes again.
pub(crate) fn a_limit_binds_one_user(lab: &Lab) {
    begin(&["alice", "bob"]);
    create(lab, "media", "128M", &["alice", "bob"]);
    gateway("quota user set media alice --hard 8M")
        .ended(0)
        .said(&["alice", "at most 8M"]);
    gateway("quota user set media alice --hard 8M")
        .ended(0)
        .said(&["already"]);
    let set = gateway("quota user set media alice --hard 8M --json")
        .ended(0)
        .json();
    assert_eq!(set["change"], "unchanged", "{set:#}");
    assert_eq!(set["owner"]["limits"]["bytes"], 8 * MIB);

    local_file("twelve", 12 * MIB);
    fill_until_refused(lab, "alice");
    smbclient("media", "bob", "put twelve of-bob").succeeded();
    settle(lab);
    gateway("quota user show media alice")
        .ended(0)
        .said(&["alice", "8M", "full"]);
    let report = gateway("quota user report media --json").ended(0).json();
    assert_eq!(report["scope"]["enforced"], true, "{report:#}");
    let alice = of(&report, "alice");
    assert_eq!(alice["limits"]["bytes"], 8 * MIB);
    assert!(alice["bytes"].as_u64().unwrap() >= 7 * MIB, "{report:#}");
    let bob = of(&report, "bob");
    assert_eq!(bob["limits"]["bytes"], Value::Null);
    assert!(bob["bytes"].as_u64().unwrap() >= 12 * MIB, "{report:#}");
    let table = gateway("quota user report media").ended(0);
    table.said(&["alice", "bob", "full", "ok"]);

    gateway("quota user set media alice --hard none")
        .ended(0)
        .said(&["no limits"]);
    smbclient("media", "alice", "put twelve in-the-end").succeeded();
    // The limit of the share is another thing.
    gateway("quota check media").ended(0);
}

/// Groups, numbers of files, and what is no user.
pub(crate) fn groups_and_files_are_limited(lab: &Lab) {
    begin(&["alice"]);
    create(lab, "media", "64M", &["alice"]);
    command("groupadd", &["readers"]);
    gateway("quota group set media readers --hard 16M --files 100")
        .ended(0)
        .said(&["readers", "at most 16M", "at most 100 files"]);
    // What is not named stays.
    gateway("quota group set media readers --files 200")
        .ended(0)
        .said(&["16M", "200"]);
    let shown = gateway("quota group show media readers --json")
        .ended(0)
        .json();
    let limits = &of(&shown, "readers")["limits"];
    assert_eq!(limits["bytes"], 16 * MIB, "{shown:#}");
    assert_eq!(limits["inodes"], 200);
    gateway("quota group report media")
        .ended(0)
        .said(&["readers", "200"]);
    gateway("quota user set media +4242 --hard 1M")
        .ended(0)
        .said(&["4242"]);
    gateway("quota user show media +4242")
        .ended(0)
        .said(&["4242", "1M"]);

    gateway("quota user set media nobodyknows --hard 1M")
        .ended(3)
        .said(&["nobodyknows"]);
    gateway("quota user show media nobodyknows --json")
        .ended(3)
        .json();
    gateway("quota user set media root --hard 1M")
        .ended(2)
        .said(&["root"]);
    for (wrong, why) in [
        ("set nosuch alice --hard 1M", 3),
        ("show nosuch alice", 3),
        ("report nosuch", 3),
        ("report a/b", 2),
        ("set media alice", 2),
        ("set media --hard 1M", 2),
        ("set media alice --hard 0", 2),
        ("set media alice --hard lots", 2),
        ("set media alice --files -3", 2),
        ("set media alice --grace soon", 2),
        ("set media +4294967295 --hard 1M", 2),
    ] {
        gateway(&format!("quota user {wrong}")).ended(why);
        gateway(&format!("quota user {wrong} --json"))
            .ended(why)
            .json();
    }
}

/// Soft limits with their grace time, and limits for whoever has none, where there are such.
pub(crate) fn soft_limits_are_where_the_kernel_has_them(lab: &Lab) {
    begin(&["alice"]);
    create(lab, "media", "64M", &["alice"]);
    let soft = "quota user set media alice --soft 2M --hard 16M --grace 3d";
    if lab.filesystem == Filesystem::Zfs {
        gateway(soft).ended(5).said(&["grace"]);
        gateway("quota user set media alice --soft 2M")
            .ended(2)
            .said(&["zfs has no limit", "exceeded for a time"]);
        gateway("quota user set media --default --hard 4M").ended(5);
        let shown = gateway("quota user show media alice --json")
            .ended(0)
            .json();
        assert_eq!(
            of(&shown, "alice")["limits"]["bytes"],
            Value::Null,
            "{shown:#}"
        );
        return;
    }
    gateway(soft).ended(0).said(&["at most 16M", "2M soft"]);
    local_file("four", 4 * MIB);
    smbclient("media", "alice", "put four").succeeded();
    // XFS begins to count the time when the blocks are really taken.
    command("sync", &["--file-system", lab.place.to_str().unwrap()]);
    gateway("quota user show media alice")
        .ended(0)
        .said(&["above the soft limit until"]);
    let default = gateway("quota user set media --default --hard 4M");
    match lab.filesystem {
        Filesystem::XfsAllQuotas => {
            default.ended(0);
            command("useradd", &["--no-create-home", "newcomer"]);
        }
        _ => {
            default.ended(5).said(&["default"]);
        }
    }
}

/// A file system whose user quotas are off, or that has none, says what to do.
pub(crate) fn what_cannot_be_is_refused(lab: &Lab) {
    begin(&["alice"]);
    create(lab, "media", "32M", &["alice"]);
    for command in [
        "set media alice --hard 1M",
        "show media alice",
        "report media",
    ] {
        let refused = gateway(&format!("quota user {command} --json"))
            .ended(5)
            .json();
        assert!(refused["remedy"].is_string(), "{refused:#}");
        assert!(
            refused["code"].as_str().unwrap().starts_with("quota."),
            "{refused:#}"
        );
    }
}

/// Has a user write until he is refused: ZFS lets him go on for a moment.
fn fill_until_refused(lab: &Lab, user: &str) {
    let mut number = 0;
    wait_until(Duration::from_secs(60), "the limit to bind", || {
        number += 1;
        let put = smbclient("media", user, &format!("put twelve more-{number}"));
        settle(lab);
        assert!(
            put.succeeded == (lab.filesystem == Filesystem::Zfs && number == 1)
                || put.said.contains("NT_STATUS_DISK_FULL")
                || put.said.contains("NT_STATUS_QUOTA_EXCEEDED"),
            "{put:#?}"
        );
        (!put.succeeded).then_some(())
    })
    .unwrap();
}

fn settle(lab: &Lab) {
    if lab.filesystem == Filesystem::Zfs {
        command("zpool", &["sync"]);
    }
}

fn of<'a>(report: &'a Value, name: &str) -> &'a Value {
    let owners = report["owners"].as_array().unwrap();
    let found = owners.iter().find(|owner| owner["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is missing in {report:#}"))
}
