//! What the commands of templates say of wrong arguments, before anything is looked at.

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "lab/cli.rs"]
mod cli;

use cli::gateway;

#[test]
fn wrong_arguments_are_told() {
    for (wrong, why) in [
        ("template", "build"),
        ("template make", "make"),
        ("template build", "NAME"),
        ("template build A", "name: "),
        ("template build one --distro sid", "bookworm and trixie"),
        ("template build one --size large", "size: "),
        ("template build one --size 1M", "whole mebibytes"),
        ("template build one --package a/b", "packages: "),
        ("template build one --tag a,b", "tags: "),
        ("template build one --mirror cdrom:x", "mirror: "),
        (
            "template build one --security-mirror cdrom:x",
            "security_mirror: ",
        ),
        ("template build one --epoch soon", "soon"),
        ("template build one --epoch=-1", "-1"),
        ("template build one --store here", "not absolute"),
        ("template build one --host n1", "no way to a machine"),
        ("template build one --root /", "--host"),
        ("template fetch one", "--from"),
        ("template fetch one --from /a", "checksum: "),
        ("template fetch one --from a.raw", "from: "),
        ("template fetch one --from /a --sha256 12", "sha256:12"),
        ("template fetch one --from /a --sha512 12", "sha512:12"),
        (
            "template fetch one --from /a --sha256 12 --sha512 12",
            "--sha512",
        ),
        ("template fetch one --from /a --tag a,b", "tags: "),
        ("template validate", "NAME"),
        ("template validate ../a", "../a"),
        ("template list --store here", "not absolute"),
        ("template list --root /", "--store"),
        ("template show ../a", "../a"),
        ("template delete -a", "-a"),
        ("template delete A --yes", "not the name of a template"),
    ] {
        gateway(wrong).ended(2).said(&[why]);
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let build = "template build A --distro sid --size 1M --package a/b --tag a,b --mirror x \
                 --security-mirror y --json";
    let document = gateway(build).ended(2).json();
    assert_eq!(document["outcome"], "refused");
    assert_eq!(document["code"], "vm.template-refused");
    let problems = document["problems"].as_array().unwrap();
    let fields: Vec<&str> = problems
        .iter()
        .filter_map(|one| one["field"].as_str())
        .collect();
    let wanted = [
        "name",
        "distro",
        "size",
        "packages",
        "tags",
        "mirror",
        "security_mirror",
    ];
    assert_eq!(fields, wanted);
    assert!(
        problems.iter().all(|one| one["remedy"].is_string()),
        "{document:#}"
    );
    gateway("template fetch A --from here --sha256 1 --tag a,b")
        .ended(2)
        .said(&["name: ", "from: ", "checksum: ", "tags: "]);
}

#[test]
fn every_command_has_an_example() {
    for command in ["build", "fetch", "validate", "list", "show", "delete"] {
        let example = format!("pve-smbgateway template {command}");
        gateway(&format!("template {command} --help"))
            .ended(0)
            .said(&["Example", &example, "--store", "--host"]);
    }
}

#[test]
fn what_is_not_there_is_told() {
    let store = "--store /nonexistent/templates";
    gateway(&format!("template list {store}"))
        .ended(0)
        .said(&["There are no templates."]);
    let list = gateway(&format!("template list {store} --json")).ended(0);
    assert_eq!(list.json(), serde_json::json!([]));
    gateway(&format!("template show one {store}"))
        .ended(3)
        .said(&["there is no template `one`"]);
    // Nobody is asked about what is not there.
    let missing = gateway(&format!("template delete one {store} --json")).ended(3);
    assert_eq!(missing.json()["code"], "vm.template-not-found");
    let lost = gateway("template list --host pid:4294967294 --json");
    assert_eq!(lost.ended(3).json()["code"], "host.unreachable");
}
