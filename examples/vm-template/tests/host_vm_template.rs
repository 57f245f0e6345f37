//! What the program says of a real template, and of one that is none any more.

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../smbgw-vm/tests/template_cache/mod.rs"]
mod template_cache;

use std::path::Path;
use std::process::Command;

use smbgw_testing::{Capability, require, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_vm-template");

fn says(store: &Path, arguments: &[&str]) -> smbgw_testing::Result<String> {
    run(Command::new(PROGRAM)
        .arg("--store")
        .arg(store)
        .args(arguments))
}

#[test]
fn a_template_is_looked_over() {
    require!(Capability::Root, Capability::Qemu);
    let ready = template_cache::ready();
    let name = template_cache::name();
    let text = says(&ready.store(), &[name.as_str()]).unwrap();
    for part in [
        "good     checksum: ",
        "good     cloud-init: ",
        "New machines can start from the template lab.",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    // One of that name is there.
    let built = says(&ready.store(), &[name.as_str(), "--build", "bookworm"]);
    let built = built.unwrap_err().to_string();
    assert!(
        built.contains("there is a template `lab` already"),
        "{built}"
    );

    // The same one with a disk that is no image.
    let store = tempfile::tempdir().unwrap();
    let copy = store.path().join(name.as_str());
    std::fs::create_dir(&copy).unwrap();
    std::fs::write(copy.join("disk.qcow2"), "no image").unwrap();
    let record = ready.store().join(name.as_str()).join("template.json");
    std::fs::copy(record, copy.join("template.json")).unwrap();
    let wrong = says(store.path(), &[name.as_str(), "--boot", "--json"]).unwrap_err();
    let wrong = wrong.to_string();
    for part in ["vm.template-changed", "vm.image-format", "not tried"] {
        assert!(wrong.contains(part), "{part}:\n{wrong}");
    }
}

#[test]
fn what_cannot_be_looked_over_or_built_is_told() {
    let store = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str]| says(store.path(), arguments).unwrap_err().to_string();
    let text = refused(&["none"]);
    assert!(
        text.contains("vm-template: there is no template `none`"),
        "{text}"
    );
    assert!(refused(&["No Name"]).contains("not the name of a template"));
    let text = refused(&["No Name", "--build", "sid", "--size", "1M"]);
    for part in ["name: ", "distro: ", "size: "] {
        assert!(text.contains(&format!("vm-template: {part}")), "{text}");
    }
    let nothing = std::fs::read_dir(store.path()).unwrap().count();
    assert_eq!(nothing, 0);
}
