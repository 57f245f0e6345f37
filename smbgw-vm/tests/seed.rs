//! The seed, as real tools read it.

use std::fs;
use std::path::Path;
use std::process::Command;

use smbgw_testing::{Capability, DebianPackages, require, run};
use smbgw_vm::seed;

use seed_documents::documents;

#[path = "support/seed_documents.rs"]
mod seed_documents;

fn written(folder: &Path) -> std::path::PathBuf {
    let image = folder.join("seed.iso");
    fs::write(&image, seed::image(&documents()).unwrap()).unwrap();
    image
}

#[test]
fn blkid_knows_it_by_the_label_that_cloud_init_looks_for() {
    let folder = tempfile::tempdir().unwrap();
    let image = written(folder.path());
    let told = run(Command::new("blkid")
        .args(["-p", "-o", "export"])
        .arg(&image))
    .unwrap();
    assert!(told.lines().any(|line| line == "LABEL=CIDATA"), "{told}");
    assert!(told.lines().any(|line| line == "TYPE=iso9660"), "{told}");
}

#[test]
fn isoinfo_reads_each_document() {
    require!(Capability::Isoinfo);
    let isoinfo = DebianPackages::ISOINFO
        .root()
        .unwrap()
        .join("usr/bin/isoinfo");
    let folder = tempfile::tempdir().unwrap();
    let image = written(folder.path());
    let on_image = |arguments: &[&str]| {
        let mut command = Command::new(&isoinfo);
        run(command.arg("-i").arg(&image).args(arguments)).unwrap()
    };
    let described = on_image(&["-d"]);
    assert!(described.contains("Volume id: CIDATA"), "{described}");
    assert!(
        described.contains("Rock Ridge signatures version 1 found"),
        "{described}"
    );
    let listed = on_image(&["-R", "-f"]);
    let documents = documents();
    let names: Vec<String> = documents
        .files()
        .iter()
        .map(|(name, _)| format!("/{name}"))
        .collect();
    let mut told: Vec<&str> = listed.lines().collect();
    told.sort_unstable();
    assert_eq!(told, names);
    for (name, content) in documents.files() {
        let text = on_image(&["-R", "-x", &format!("/{name}")]);
        assert_eq!(text.as_bytes(), content, "{name}");
    }
}
