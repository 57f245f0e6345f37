//! Everything of a machine that shares can change, in a form that can be compared.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Host, LocalHost};
use smbgw_core::layout;
use smbgw_core::probe::{Login, SMB_PORT, ShareProbe};
use smbgw_core::service::{self, ServiceState};
use smbgw_core::share::ShareName;
use smbgw_quota::history::{History, Resolution};
use smbgw_testing::picture::shown;
use smbgw_testing::{Filesystem, Picture};

use super::{Lab, command, soon};

/// The shares that may be there; each is looked for over SMB.
const SHARES: [&str; 3] = ["crash", "other", "theirs"];

/// Folders whose whole content is compared, beside the file system of the shares.
const TREES: [&str; 3] = ["/etc/samba", "/etc/smbgw", "/var/lib/smbgw"];

/// Files that are compared.
const FILES: [&str; 8] = [
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
    "/etc/subuid",
    "/etc/subgid",
    "/etc/projects",
    "/etc/projid",
];

/// Attributes in which file systems and Samba keep rights.
const ATTRIBUTES: [&str; 4] = [
    "system.posix_acl_access",
    "system.posix_acl_default",
    "trusted.smbgw.volume",
    "user.DOSATTRIB",
];

/// Files that belong to the history.
pub(super) const HISTORY_LOGS: [&str; 2] = [
    "/var/lib/smbgw/history.db-wal",
    "/var/lib/smbgw/history.db-shm",
];

/// The machine now.
pub(crate) fn take_picture(lab: &Lab) -> Picture {
    let host = LocalHost::new();
    let mut picture = Picture::default();
    for tree in TREES
        .map(Path::new)
        .into_iter()
        .chain([lab.place.as_path()])
    {
        add_tree(&host, tree, &mut picture);
    }
    for file in FILES {
        let text = fs::read_to_string(file).map_or("absent".into(), |text| undated(&text));
        picture.note(format!("file {file}"), text);
    }
    picture.note("SMB users", smb_users());
    add_limits(lab, &mut picture);
    let running = service::detect(&host).state(soon()).unwrap() == ServiceState::Running;
    picture.note("smbd", format!("running: {running}"));
    if running {
        for name in SHARES {
            picture.note(format!("//localhost/{name}"), over_smb(&host, name));
        }
    }
    picture
}

fn add_tree(host: &LocalHost, path: &Path, picture: &mut Picture) {
    let Ok(status) = fs::symlink_metadata(path) else {
        return;
    };
    // What SQLite has beside the history is a part of it, and comes and goes with who reads it.
    if HISTORY_LOGS.iter().any(|log| path == Path::new(log)) {
        return;
    }
    let mut text = format!("{:o} {}:{}", status.mode(), status.uid(), status.gid());
    if path == Path::new(layout::HISTORY) {
        text.push_str(&format!(" {}", remembered(path)));
    } else if status.is_file() {
        text.push_str(&format!(" {}", shown(&fs::read(path).unwrap())));
    } else if status.is_symlink() {
        text.push_str(&format!(" -> {}", fs::read_link(path).unwrap().display()));
    }
    if !status.is_symlink() {
        for name in ATTRIBUTES {
            if let Ok(Some(value)) = host.xattr(path, name) {
                text.push_str(&format!(" {name}={}", hexadecimal(&value)));
            }
        }
    }
    picture.note(path.display().to_string(), text);
    if status.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            add_tree(host, &entry.unwrap().path(), picture);
        }
    }
}

/// What is remembered of the usage of shares, however it is laid out in the file.
fn remembered(path: &Path) -> String {
    let history = History::open_read_only(path).unwrap();
    let all = [history.series().unwrap(), history.archived().unwrap()].concat();
    let lines = all.iter().map(|series| {
        let points = history.points(series.id, 0, i64::MAX, Resolution::Raw);
        let points: Vec<(i64, u64)> = points
            .unwrap()
            .iter()
            .map(|point| (point.at, point.last))
            .collect();
        format!("{} ended {:?}: {points:?}", series.share, series.ended)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The lines of a file of accounts, without the day on which an operation made the one it makes.
fn undated(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| match line.strip_prefix("carol:!:") {
            Some(rest) => rest
                .split_once(':')
                .map_or(line.into(), |(_, rest)| format!("carol:!:day:{rest}")),
            None => line.to_string(),
        });
    lines.collect::<Vec<_>>().join("\n")
}

/// What Samba knows of users, without the time of the last change.
fn smb_users() -> String {
    let list = command(
        "pdbedit",
        &["--list", "--smbpasswd-style", "--debuglevel=0"],
    );
    let lines = list.lines().map(|line| {
        let fields = line.split(':').filter(|field| !field.starts_with("LCT-"));
        fields.collect::<Vec<_>>().join(":")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The limits of the file system, without what is used.
fn add_limits(lab: &Lab, picture: &mut Picture) {
    let place = lab.place.to_str().unwrap();
    match lab.filesystem {
        Filesystem::BtrfsQuota => {
            let groups = command("btrfs", &["qgroup", "show", "--raw", "-r", place]);
            let mut limits: BTreeMap<&str, &str> = groups
                .lines()
                .filter_map(|line| {
                    let mut fields = line.split_whitespace();
                    let id = fields.next()?.strip_prefix("0/")?;
                    Some((id, fields.nth(2)?))
                })
                .collect();
            limits.remove("5");
            for line in command("btrfs", &["subvolume", "list", place]).lines() {
                let fields: Vec<&str> = line.split_whitespace().collect();
                let limit = limits.remove(fields[1]).unwrap_or("no group");
                picture.note(format!("subvolume {}", fields[8]), limit);
            }
            // The kernel may still be at work on what was deleted.
            limits.retain(|_, limit| *limit != "none");
            picture.note("limits of nothing", format!("{limits:?}"));
        }
        Filesystem::Zfs => {
            let properties = "name,refquota,quota,mountpoint,mounted";
            let list = command("zfs", &["list", "-Hp", "-o", properties]);
            picture.note("datasets", list);
        }
        _ => {
            let report = command("repquota", &["-P", "-n", place]);
            let limits: Vec<String> = report
                .lines()
                .filter(|line| line.starts_with('#'))
                .filter_map(|line| {
                    let fields: Vec<&str> = line.split_whitespace().collect();
                    let limited = fields[3] != "0" || fields[4] != "0";
                    limited.then(|| format!("{} {} {}", fields[0], fields[3], fields[4]))
                })
                .collect();
            picture.note("limits", limits.join("; "));
            let marks = command("lsattr", &["-R", "-p", place]);
            let mut marks: Vec<&str> = marks.lines().filter(|line| !line.is_empty()).collect();
            marks.sort_unstable();
            picture.note("marks", marks.join("\n"));
        }
    }
}

/// Whether the share is there for clients, given time for smbd to hear of a change.
fn over_smb(host: &LocalHost, name: &str) -> String {
    let share: ShareName = name.parse().unwrap();
    let probe = ShareProbe {
        address: IpAddr::from([127, 0, 0, 1]),
        port: SMB_PORT,
        share: &share,
        login: Login::Anonymous,
    };
    let limit = Deadline::after(Duration::from_secs(5));
    let is_ours = Path::new(&format!("/etc/smbgw/shares/{name}.json")).exists();
    let is_meant = name == "theirs" || is_ours;
    let found = match is_meant {
        true => probe
            .wait_until_there(host, limit)
            .map(|found| format!("{found:?}")),
        false => match probe.wait_until_gone(host, limit) {
            Ok(()) => Ok("gone".into()),
            Err(_) => probe.once(host, soon()).map(|found| format!("{found:?}")),
        },
    };
    found.unwrap_or_else(|error| error.to_string())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
