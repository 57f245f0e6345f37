//! The seed, as a kernel reads it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use smbgw_testing::{Capability, require, run};
use smbgw_vm::seed;

use seed_documents::documents;

#[path = "support/seed_documents.rs"]
mod seed_documents;

#[test]
fn the_kernel_mounts_it() {
    require!(Capability::Isofs);
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("seed.iso");
    fs::write(&image, seed::image(&documents()).unwrap()).unwrap();
    let place = folder.path().join("mounted");
    fs::create_dir(&place).unwrap();
    let mut mount = Command::new("mount");
    run(mount
        .args(["-o", "loop,ro", "-t", "iso9660"])
        .arg(&image)
        .arg(&place))
    .unwrap();
    let documents = documents();
    let read = fs::read_dir(&place).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()), entry.metadata().unwrap())
    });
    let mut read: Vec<_> = read.collect();
    // The loop device goes with the mount.
    run(Command::new("umount").arg(&place)).unwrap();
    read.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    let names: Vec<&str> = read.iter().map(|(name, ..)| name.as_str()).collect();
    let wanted = documents.files();
    assert_eq!(
        names,
        wanted.iter().map(|(name, _)| *name).collect::<Vec<_>>()
    );
    for ((name, content, status), (_, wanted)) in read.iter().zip(&wanted) {
        assert_eq!(content.as_ref().unwrap(), wanted, "{name}");
        assert_eq!((status.mode() & 0o7777, status.uid()), (0o444, 0), "{name}");
    }
}
