//! Files of this machine, or below a root, replaced whole or not at all.

#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::host::{FileKind, Host, LocalHost, LockError, create_dirs, missing_dirs};

fn image() -> (tempfile::TempDir, LocalHost) {
    let dir = tempfile::tempdir().unwrap();
    let host = LocalHost::with_root(dir.path());
    (dir, host)
}

#[test]
fn writing_says_what_it_did_and_keeps_the_mode() {
    let (root, host) = image();
    let path = Path::new("/file");
    assert_eq!(host.write(path, b"one", 0o640).unwrap(), Change::Created);
    assert_eq!(host.write(path, b"one", 0o600).unwrap(), Change::Unchanged);
    fs::set_permissions(root.path().join("file"), fs::Permissions::from_mode(0o604)).unwrap();
    assert_eq!(host.write(path, b"two", 0o600).unwrap(), Change::Updated);
    assert_eq!(host.read(path).unwrap().unwrap(), b"two");
    assert_eq!(
        fs::metadata(root.path().join("file")).unwrap().mode() & 0o7777,
        0o604
    );
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    assert_eq!(host.remove(path).unwrap(), Change::Removed);
    assert_eq!(host.remove(path).unwrap(), Change::Unchanged);
    assert_eq!(host.read(path).unwrap(), None);
}

#[test]
fn extended_attributes_stay() {
    let (root, host) = image();
    let path = Path::new("/file");
    host.write(path, b"one", 0o644).unwrap();
    match host.set_xattr(path, "user.note", Some(b"kept")) {
        Ok(change) => assert_eq!(change, Change::Updated),
        Err(error) if error.is_unsupported() => {
            eprintln!(
                "SKIPPED: no extended attributes in {}",
                root.path().display()
            );
            return;
        }
        Err(error) => panic!("{error}"),
    }
    host.write(path, b"two", 0o644).unwrap();
    assert_eq!(
        host.xattr(path, "user.note").unwrap().as_deref(),
        Some(&b"kept"[..])
    );
}

#[test]
fn links_lead_nowhere_but_inside_the_root() {
    let (root, host) = image();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "theirs").unwrap();
    symlink(outside.path(), root.path().join("way-out")).unwrap();
    assert_eq!(host.read(Path::new("/way-out/secret")).unwrap(), None);
    assert!(
        host.write(Path::new("/way-out/secret"), b"ours", 0o644)
            .is_err()
    );
    assert_eq!(
        fs::read_to_string(outside.path().join("secret")).unwrap(),
        "theirs"
    );
    assert!(host.read(Path::new("/../etc/passwd")).is_err());
}

#[test]
fn a_file_behind_a_link_is_replaced_and_the_link_stays() {
    let (root, host) = image();
    fs::create_dir(root.path().join("real")).unwrap();
    fs::write(root.path().join("real/smb.conf"), "one").unwrap();
    symlink("/real/smb.conf", root.path().join("smb.conf")).unwrap();
    assert_eq!(
        host.write(Path::new("/smb.conf"), b"two", 0o644).unwrap(),
        Change::Updated
    );
    assert_eq!(
        fs::read_to_string(root.path().join("real/smb.conf")).unwrap(),
        "two"
    );
    assert_eq!(
        host.status(Path::new("/smb.conf")).unwrap().unwrap().kind,
        FileKind::Symlink
    );
}

#[test]
fn what_a_crash_left_is_removed_by_the_next_write() {
    let (root, host) = image();
    fs::write(root.path().join(".file.smbgw-new"), "half").unwrap();
    host.write(Path::new("/file"), b"whole", 0o644).unwrap();
    assert_eq!(host.list(Path::new("/")).unwrap(), ["file"]);
    fs::write(root.path().join(".file.smbgw-new"), "half").unwrap();
    host.remove(Path::new("/file")).unwrap();
    assert!(host.list(Path::new("/")).unwrap().is_empty());
}

#[test]
fn lines_are_appended_whole() {
    let (_root, host) = image();
    let path = Path::new("/log");
    host.append(path, b"one", 0o600).unwrap();
    host.append(path, b"two", 0o600).unwrap();
    assert_eq!(host.read(path).unwrap().unwrap(), b"one\ntwo\n");
}

#[test]
fn directories_are_made_once_and_removed_when_empty() {
    let (_root, host) = image();
    let path = Path::new("/a/b/c");
    assert_eq!(missing_dirs(&host, path).unwrap().len(), 3);
    assert_eq!(create_dirs(&host, path, 0o755).unwrap().len(), 3);
    assert!(create_dirs(&host, path, 0o755).unwrap().is_empty());
    host.write(Path::new("/a/b/file"), b"", 0o644).unwrap();
    assert_eq!(
        host.remove_dir(Path::new("/a/b")).unwrap(),
        Change::Unchanged
    );
    assert_eq!(host.remove_dir(path).unwrap(), Change::Removed);
    assert_eq!(host.remove_dir(path).unwrap(), Change::Unchanged);
    assert!(host.create_dir(Path::new("/a/b/file"), 0o755).is_err());
}

#[test]
fn emptying_follows_no_link() {
    let (root, host) = image();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("theirs"), "").unwrap();
    create_dirs(&host, Path::new("/data/deep/deeper"), 0o755).unwrap();
    fs::write(root.path().join("data/deep/file"), "").unwrap();
    symlink(outside.path(), root.path().join("data/link")).unwrap();
    let deadline = Deadline::after(Duration::from_secs(60));
    assert_eq!(
        host.empty_dir(Path::new("/data"), deadline).unwrap(),
        Change::Removed
    );
    assert!(host.list(Path::new("/data")).unwrap().is_empty());
    assert!(outside.path().join("theirs").exists());
}

#[test]
fn a_lock_that_is_held_names_its_holder() {
    let (_root, host) = image();
    let soon = || Deadline::after(Duration::from_millis(50));
    let lock = host.lock("share-media", "create", soon()).unwrap();
    let error = host.lock("share-media", "delete", soon()).unwrap_err();
    let LockError::Held { holder, .. } = &error else {
        panic!("{error}")
    };
    assert!(holder.contains(&std::process::id().to_string()) && holder.contains("create"));
    assert_eq!(error.code(), "host.locked");
    drop(lock);
    host.lock("share-media", "delete", soon()).unwrap();
}
