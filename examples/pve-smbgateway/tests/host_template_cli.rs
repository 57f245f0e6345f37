//! Templates by the program, as an administrator has them (root).

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "lab/cli.rs"]
mod cli;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../smbgw-vm/tests/template_cache/mod.rs"]
mod template_cache;

use std::path::Path;
use std::process::Command;

use cli::{Ran, gateway};
use serde_json::Value;
use smbgw_testing::{Capability, require, run};

fn template(store: &Path, arguments: &str) -> Ran {
    gateway(&format!("template {arguments} --store {}", store.display()))
}

#[test]
fn a_template_is_shown_and_looked_over() {
    require!(Capability::Root, Capability::Qemu);
    let store = template_cache::ready().store();
    template(&store, "list")
        .ended(0)
        .said(&["NAME", "lab", "bookworm", "4G"]);
    let list = template(&store, "list --json").ended(0).json();
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list:#}");
    let shown = template(&store, "show lab --json").ended(0).json();
    assert_eq!(shown, list[0]);
    assert_eq!(shown["source"]["distro"], "bookworm");
    let checksum = shown["disk_sha256"].as_str().unwrap();
    template(&store, "show lab").ended(0).said(&[
        "bookworm, from ",
        "used by     nobody",
        checksum,
    ]);
    // From the outside of its machine it is the same.
    let way = format!("--host pid:{}", std::process::id());
    let there = template(&store, &format!("show lab --json {way}")).ended(0);
    assert_eq!(there.json(), shown);

    let report = template(&store, "validate lab --json").ended(0).json();
    let checks = report["checks"].as_array().unwrap();
    let good = checks.iter().filter(|check| check["verdict"] == "good");
    assert!(good.count() >= 10, "{report:#}");
    template(&store, "build lab")
        .ended(4)
        .said(&["there is a template `lab` already"]);
}

#[test]
fn a_template_is_fetched_found_wanting_and_deleted() {
    require!(Capability::Root, Capability::Qemu);
    let folder = tempfile::tempdir().unwrap();
    let (image, store) = (folder.path().join("image"), folder.path().join("store"));
    let create = ["create", "-q", "-f", "qcow2"];
    run(Command::new("qemu-img").args(create).arg(&image).arg("8M")).unwrap();
    let sum = run(Command::new("sha256sum").arg(&image)).unwrap();
    let sum = sum.split_whitespace().next().unwrap();
    let fetch = format!("fetch empty --from {} --tag mine --sha256", image.display());

    let other = format!("{fetch} {} --json", "0".repeat(64));
    let refused = template(&store, &other).ended(1).json();
    assert_eq!(refused["code"], "vm.template-checksum");
    template(&store, "list")
        .ended(0)
        .said(&["There are no templates."]);
    template(&store, &format!("{fetch} {sum}"))
        .ended(0)
        .said(&["The template empty is in"]);
    template(&store, &format!("{fetch} {sum}"))
        .ended(4)
        .said(&["already"]);
    template(&store, "list")
        .ended(0)
        .said(&["empty", "image", "8M", "mine"]);
    template(&store, "show empty")
        .ended(0)
        .said(&[&format!("sha256:{sum}"), "image"]);

    // No machine is started from what has nothing on it.
    let report = template(&store, "validate empty --boot --json").ended(7);
    let report = report.json();
    let checks: &Vec<Value> = report["checks"].as_array().unwrap();
    let bad: Vec<&Value> = checks
        .iter()
        .filter(|one| one["verdict"] == "bad")
        .collect();
    assert_eq!(bad.len(), 1, "{report:#}");
    assert_eq!(bad[0]["code"], "vm.template-not-debian");
    assert!(bad.iter().all(|one| one["remedy"].is_string()), "{bad:#?}");
    let boots = checks.last().unwrap();
    assert_eq!(
        (&boots["check"], &boots["verdict"]),
        (&"boots".into(), &"unknown".into())
    );
    template(&store, "validate empty")
        .ended(7)
        .said(&["bad ", "→ ", "should not be used"]);

    template(&store, "delete empty")
        .ended(2)
        .said(&["nobody is there to ask: give --yes"]);
    let users = store.join("empty/users");
    std::fs::create_dir_all(&users).unwrap();
    std::fs::write(users.join("vault"), "").unwrap();
    for command in ["delete empty", "delete empty --yes"] {
        template(&store, command)
            .ended(4)
            .said(&["`empty` is in use by vault"]);
    }
    template(&store, "show empty")
        .ended(0)
        .said(&["used by     vault"]);
    std::fs::remove_file(users.join("vault")).unwrap();
    let gone = template(&store, "delete empty --yes --json").ended(0);
    assert_eq!(gone.json()["outcome"], "done");
    template(&store, "delete empty --yes").ended(3);
    assert_eq!(std::fs::read_dir(&store).unwrap().count(), 0);
}
