//! What was changed behind the back of the program is found, and put right.

use std::fs;

use smbgw_testing::{Filesystem, MIB};

use super::{begin, create};
use crate::lab::cli::gateway;
use crate::lab::{Lab, command};

/// A limit that somebody changed, and one that somebody took away.
pub(crate) fn a_limit_is_put_right(lab: &Lab) {
    begin(&["alice"]);
    create(lab, "media", "32M", &["alice"]);
    create(lab, "other", "32M", &["alice"]);
    let sound = "is as it is meant to be";
    gateway("quota check")
        .ended(0)
        .said(&[&format!("media {sound}"), &format!("other {sound}")]);

    limit_behind_its_back(lab, "media", Some(100));
    gateway("quota check media")
        .ended(7)
        .said(&["media is NOT as", "100M, not 32M", "--fix"]);
    gateway("quota check media --quick").ended(7);
    gateway("quota check other").ended(0);
    gateway("quota-status").ended(0).said(&["100M, not 32M"]);
    gateway("status media")
        .ended(0)
        .said(&["quota check media --fix"]);
    let found = gateway("quota check --json").ended(7).json();
    assert_eq!(found["shares"][0]["name"], "media");
    let deviation = &found["shares"][0]["remaining"][0];
    assert_eq!(deviation["code"], "quota.limit-differs", "{found:#}");
    assert_eq!(deviation["repairable"], true);
    assert_eq!(
        found["shares"][1]["deviations"].as_array().unwrap().len(),
        0
    );
    // Looking changes nothing.
    assert_eq!(limit_of("media"), 100 * MIB);

    gateway("quota check --fix")
        .ended(0)
        .said(&["media was put right", &format!("other {sound}")]);
    assert_eq!(limit_of("media"), 32 * MIB);
    gateway("quota check")
        .ended(0)
        .said(&[&format!("media {sound}")]);

    limit_behind_its_back(lab, "media", None);
    gateway("quota check media")
        .ended(7)
        .said(&["no limit", "32M"]);
    let fixed = gateway("quota check media --fix --json").ended(0).json();
    let share = &fixed["shares"][0];
    assert_eq!(
        share["fixed"][0]["code"], "quota.limit-differs",
        "{fixed:#}"
    );
    assert_eq!(share["remaining"].as_array().unwrap().len(), 0);
    assert_eq!(limit_of("media"), 32 * MIB);

    gateway("quota check nosuch")
        .ended(3)
        .said(&["no share `nosuch`"]);
    gateway("quota check a/b --json").ended(2).json();
    gateway("quota check --fix --quick").ended(2);
    gateway("--root /nowhere quota check")
        .ended(2)
        .said(&["/nowhere"]);
}

/// Files that came in without being counted, on a file system that counts each file by itself.
pub(crate) fn uncounted_files_are_counted_again(lab: &Lab) {
    begin(&["alice"]);
    create(lab, "media", "32M", &["alice"]);
    let file = lab.path("media/deep/moved");
    fs::create_dir(lab.path("media/deep")).unwrap();
    fs::write(&file, vec![7; 4 * MIB as usize]).unwrap();
    command("sync", &["--file-system", lab.place.to_str().unwrap()]);
    let text = file.to_str().unwrap();
    let counted = used("media");
    assert!(counted >= 4 * MIB, "{counted}");
    command("chattr", &["-p", "0", text]);
    assert!(used("media") <= counted - 4 * MIB);

    // Only a thorough look comes to every file.
    gateway("quota check media --quick").ended(0);
    gateway("quota check media")
        .ended(7)
        .said(&["media is NOT as", text, "--fix"]);
    let found = gateway("quota check --json").ended(7).json();
    let deviation = &found["shares"][0]["remaining"][0];
    assert_eq!(deviation["code"], "quota.unmarked", "{found:#}");
    assert_eq!(deviation["count"], 1);
    assert_eq!(deviation["path"], text);
    gateway("quota check media --fix")
        .ended(0)
        .said(&["put right"]);
    assert_eq!(used("media"), counted);
    gateway("quota check").ended(0);
}

/// What a share left whose record is gone: an old list that was put back, say.
pub(crate) fn what_a_share_left_is_found(lab: &Lab) {
    begin(&["alice"]);
    create(lab, "media", "32M", &["alice"]);
    create(lab, "gone", "32M", &["alice"]);
    fs::remove_file("/etc/smbgw/shares/gone.json").unwrap();
    // While Samba still shares it, the record is what is missing, and the limit stays.
    gateway("quota check --fix")
        .ended(7)
        .said(&["still shared by", "restore /etc/smbgw/shares"]);
    let lists = fs::read_to_string("/etc/projects").unwrap_or_default();
    assert!(lab.filesystem == Filesystem::Zfs || lists.contains("/gone"));
    gateway("recover").ended(0);
    // It is none of the business of another share.
    gateway("quota check media").ended(0);
    gateway("quota check")
        .ended(7)
        .said(&["left by a share that is gone", "  → "]);
    let found = gateway("quota check --json").ended(7).json();
    let stray = &found["strays"][0];
    assert_eq!(stray["removed"], false, "{found:#}");
    if lab.filesystem == Filesystem::Zfs {
        // It may have come with its pool from another machine.
        assert_eq!(stray["code"], "quota.stray-dataset");
        gateway("quota check --fix").ended(7).said(&["zfs destroy"]);
        assert!(lab.path("gone").exists());
        return;
    }
    assert_eq!(stray["code"], "quota.stray-project");
    let listed = || fs::read_to_string("/etc/projects").unwrap();
    assert!(listed().contains("/gone"), "{}", listed());
    gateway("quota check --fix")
        .ended(0)
        .said(&["removed:", "/etc/projects"]);
    assert!(!listed().contains("/gone") && listed().contains("/media"));
    gateway("quota check").ended(0);
    // Its data is nobody's to remove.
    assert!(lab.path("gone").exists());
}

/// Gives the share another limit, in MiB, as its administrator could.
fn limit_behind_its_back(lab: &Lab, name: &str, mebibytes: Option<u64>) {
    let path = lab.path(name);
    let path = path.to_str().unwrap();
    let size = mebibytes.map_or("none".into(), |count| format!("{count}M"));
    match lab.filesystem {
        Filesystem::BtrfsQuota => {
            command("btrfs", &["qgroup", "limit", &size, path]);
        }
        Filesystem::Zfs => {
            let dataset = command("zfs", &["list", "-H", "-o", "name", path]);
            command("zfs", &["set", &format!("refquota={size}"), dataset.trim()]);
        }
        _ => {
            let marks = command("lsattr", &["-dp", path]);
            let project = marks.split_whitespace().next().unwrap();
            let kibibytes = (mebibytes.unwrap_or(0) * 1024).to_string();
            let place = lab.place.to_str().unwrap();
            let limits = ["-P", project, "0", &kibibytes, "0", "0", place];
            command("setquota", &limits);
        }
    }
}

fn limit_of(name: &str) -> u64 {
    usage(name)["limits"]["bytes"].as_u64().unwrap()
}

fn used(name: &str) -> u64 {
    usage(name)["bytes"].as_u64().unwrap()
}

fn usage(name: &str) -> serde_json::Value {
    let usages = gateway(&format!("quota-status {name} --json"))
        .ended(0)
        .json();
    usages[0]["usage"].clone()
}
