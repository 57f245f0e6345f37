//! The whole life of a share on any file system, by the program and real clients.

use std::fs;
use std::path::Path;

use smbgw_testing::MIB;

use crate::lab::Lab;
use crate::lab::cli::{add_users, gateway, local_file, smbclient};
use crate::lab::picture::take_picture;

/// What an administrator has in smb.conf.
pub(crate) const SMB_CONF: &str = "\
[global]
\tworkgroup = LAB
\tload printers = no
\tdisable spoolss = yes
";

/// The share `media` of alice is made, used, filled, looked at, grown, taken away and made again.
pub(crate) fn whole_life(lab: &Lab) {
    fs::write("/etc/samba/smb.conf", SMB_CONF).unwrap();
    add_users(&["alice"]);
    let before = take_picture(lab);
    let path = lab.path("media");
    let create = format!(
        "create media --path {} --quota 32M --user alice",
        path.display()
    );
    gateway(&format!("check {}", &create["create ".len()..])).ended(0);
    gateway("list").ended(0).said(&["There are no shares."]);
    before.assert_same(&take_picture(lab), "looking changes nothing");
    gateway(&create)
        .ended(0)
        .said(&["The share media is there."]);
    gateway(&create).ended(4).said(&["already"]);

    // A client sees the quota as the size, and what is left of it as free.
    let (size, free) = smbclient("media", "alice", "ls").succeeded().space();
    assert!(
        near(size, 32 * MIB) && near(free, 32 * MIB),
        "{size} {free}"
    );
    local_file("eight", 8 * MIB);
    smbclient("media", "alice", "put eight").succeeded();
    gateway("quota-status media")
        .ended(0)
        .said(&["25.", "32M", "ok"]);
    let (_, free) = smbclient("media", "alice", "ls").succeeded().space();
    assert!(near(free, 24 * MIB), "{free}");

    // What is too much is refused, by the kernel, and what was there stays.
    local_file("forty", 40 * MIB);
    smbclient("media", "alice", "put forty").refused("NT_STATUS_DISK_FULL");
    smbclient("media", "alice", "del forty");
    smbclient("media", "alice", "get eight eight.back").succeeded();
    assert!(fs::read("/srv/eight").unwrap() == fs::read("/srv/eight.back").unwrap());

    shows_itself(&path);

    let path_text = path.display();
    gateway("resize media 4M")
        .ended(2)
        .said(&["quota", "--force"]);
    gateway("resize media 64M").ended(0).said(&["new quota"]);
    let (size, _) = smbclient("media", "alice", "ls").succeeded().space();
    assert!(near(size, 64 * MIB), "{size}");
    smbclient("media", "alice", "put forty").succeeded();
    smbclient("media", "alice", "put forty more").refused("NT_STATUS_DISK_FULL");

    // A full share can be given more, and taken away.
    gateway("resize media 80M").ended(0);
    smbclient("media", "alice", "put forty again").refused("NT_STATUS_DISK_FULL");

    // Without --purge the data stays, and nothing limits it any more.
    gateway("delete media")
        .ended(0)
        .said(&["is gone", &path_text.to_string()]);
    smbclient("media", "alice", "ls").refused("NT_STATUS_BAD_NETWORK_NAME");
    assert_eq!(fs::read_to_string("/etc/samba/smb.conf").unwrap(), SMB_CONF);
    assert_eq!(fs::metadata(path.join("forty")).unwrap().len(), 40 * MIB);
    fs::write(path.join("beyond"), vec![1; 30 * MIB as usize]).unwrap();
    fs::remove_file(path.join("beyond")).unwrap();

    // What is there is taken as it is, and never removed.
    gateway(&create).ended(2).said(&["quota", "below"]);
    let kept = rights_and_names(&path);
    gateway(&create.replace("32M", "160M"))
        .ended(0)
        .said(&["are left as they are"]);
    assert_eq!(rights_and_names(&path), kept);
    gateway("delete media --purge --yes")
        .ended(0)
        .said(&["was there before"]);
    assert_eq!(rights_and_names(&path), kept);

    // What the program made is gone to the last trace.
    crate::lab::operation::remove_kept(lab, &path);
    gateway(&create).ended(0);
    smbclient("media", "alice", "put forty").refused("NT_STATUS_DISK_FULL");
    gateway("delete media --purge").ended(2).said(&["--yes"]);
    gateway("delete media --purge --yes").ended(0);
    gateway("recover")
        .ended(0)
        .said(&["Nothing was interrupted."]);
    let now = take_picture(lab);
    let differences = before.differences(&now);
    // The file server, which the first create started, runs on.
    let others: Vec<_> = differences
        .iter()
        .filter(|line| !line.starts_with("smbd:") && !line.starts_with("//localhost/"))
        .collect();
    assert!(others.is_empty(), "{others:#?}");
}

/// The share as text and as JSON.
fn shows_itself(path: &Path) {
    let text = path.display().to_string();
    gateway("list")
        .ended(0)
        .said(&["media", "32M", "alice", &text]);
    gateway("status media")
        .ended(0)
        .said(&["answers", "32M", &text, "alice"]);
    gateway("quota-status").ended(0).said(&["media", "32M"]);
    let list = gateway("list --json").ended(0).json();
    assert_eq!(list[0]["spec"]["name"], "media");
    let status = gateway("status media --json").ended(0).json();
    assert_eq!(status["answers"], true);
    assert_eq!(
        status["findings"].as_array().map(Vec::len),
        Some(0),
        "{status}"
    );
    assert_eq!(status["usage"]["limits"]["bytes"], 32 * MIB);
    let used = status["usage"]["bytes"].as_u64().unwrap();
    assert!((8 * MIB..=33 * MIB).contains(&used), "{used}");
    let usage = gateway("quota-status --json").ended(0).json();
    assert_eq!(usage[0]["name"], "media");
    assert_eq!(usage[0]["usage"]["limits"]["bytes"], 32 * MIB);
}

/// Within two mebibytes, which file systems use for themselves.
fn near(bytes: u64, wanted: u64) -> bool {
    bytes.abs_diff(wanted) <= 2 * MIB
}

/// Names, owners, rights and lengths of what is at and below `path`.
fn rights_and_names(path: &Path) -> String {
    let path = path.to_str().unwrap();
    let rights = crate::lab::command("getfacl", &["-R", "-p", "-n", path]);
    rights + &crate::lab::command("find", &[path, "-printf", "%p %s %m %u %g\n"])
}
