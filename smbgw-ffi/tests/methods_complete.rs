//! Every operation that the crates and the command line offer is a method, or it is said why not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use smbgw::dispatch::METHODS;

/// What an operation is here.
enum Here {
    /// This method.
    Is(&'static str),
    /// No method, for this reason.
    No(&'static str),
}
use Here::{Is, No};

const LIFECYCLE: &[(&str, Here)] = &[
    ("check", Is("share.check")),
    ("claim_name", No("it is a part of vm.create")),
    ("create", Is("share.create")),
    ("delete", Is("share.delete")),
    ("domain_access", Is("ad.status")),
    ("inspect", Is("quota.check")),
    ("list", Is("share.list")),
    ("name_problem", No("it is a part of vm.check")),
    ("recover", Is("share.recover")),
    ("resize", Is("share.resize")),
    ("set_auth", Is("share.auth")),
    ("status", Is("share.status")),
    ("usages", Is("quota.status")),
    ("verify", Is("quota.check")),
];

const ALERT_STORE: &[(&str, Here)] = &[
    ("acknowledge", Is("alert.acknowledge")),
    ("forget", No("it is a part of share.delete")),
    ("load", Is("alert.list")),
    ("new", No("it makes the store")),
    ("silence", Is("alert.silence")),
    ("unsilence", Is("alert.unsilence")),
    ("update", No("it is a part of monitor.look")),
];

const ALERT_TRIAL: &[(&str, Here)] = &[
    ("run", Is("alert.test")),
    ("succeeded", No("it looks at a result")),
];

const QUOTA: &[(&str, Here)] = &[
    ("directory_usage", Is("quota.usage")),
    ("set_directory_limit", Is("quota.set")),
    ("visible_space", No("smbgw-dfree tells it to Samba")),
];

const OWNERS: &[(&str, Here)] = &[
    ("apply", Is("quota.user.set")),
    ("check", Is("quota.group.set")),
    ("of_share", No("it opens the quotas for the others")),
    ("report_of", Is("quota.user.show")),
    ("whole_report", Is("quota.user.report")),
];

const MONITOR: &[(&str, Here)] = &[
    ("enforced_bytes", No("it is a part of a look")),
    ("host_name", No("it is a part of messages")),
    ("is_running", Is("monitor.status")),
    ("look_once", Is("monitor.look")),
    ("messages", No("it is a part of a delivery")),
    ("on_duty", No("it puts a monitor together")),
    (
        "run",
        No("it goes on for ever, which no call may: the daemon does it"),
    ),
    ("trend_points", No("it is a part of quota.history")),
    ("watch_once", Is("monitor.look")),
];

/// The modules of smbgw-ad: operations, and what they are made of.
const DOMAIN: &[(&str, Here)] = &[
    ("audit", PART),
    ("clock", PART),
    ("code", PART),
    ("diagnose", Is("ad.test")),
    ("discover", Is("ad.discover")),
    ("dns", PART),
    ("gateway", PART),
    ("gss", PART),
    ("join", Is("ad.join")),
    ("join_error", PART),
    ("joined", PART),
    ("keytab", Is("ad.keytab")),
    ("krb", PART),
    ("krb5conf", PART),
    ("ldap", PART),
    ("leave", Is("ad.leave")),
    ("membership", PART),
    ("name", PART),
    ("nsswitch", PART),
    ("outcome", PART),
    ("password", PART),
    ("plan", PART),
    ("reason", PART),
    ("recover", Is("ad.recover")),
    ("rotate", Is("ad.rotate")),
    ("samba", PART),
    ("session", PART),
    ("session_error", PART),
    ("spn", Is("ad.spn.add")),
    ("status", Is("ad.status")),
    ("steps", PART),
    ("winbind", PART),
];

const PART: Here = No("operations are made of it");

const COMMANDS: &[(&str, Here)] = &[
    ("ad-discover", Is("ad.discover")),
    ("ad-join", Is("ad.join")),
    ("ad-keytab", Is("ad.keytab")),
    ("ad-leave", Is("ad.leave")),
    ("ad-recover", Is("ad.recover")),
    ("ad-rotate", Is("ad.rotate")),
    ("ad-spn add", Is("ad.spn.add")),
    ("ad-spn list", Is("ad.spn.list")),
    ("ad-spn remove", Is("ad.spn.remove")),
    ("ad-status", Is("ad.status")),
    ("ad-test", Is("ad.test")),
    ("alert ack", Is("alert.acknowledge")),
    ("alert list", Is("alert.list")),
    ("alert silence", Is("alert.silence")),
    ("alert test", Is("alert.test")),
    ("alert unsilence", Is("alert.unsilence")),
    ("auth", Is("share.auth")),
    ("check", Is("share.check")),
    ("create", Is("share.create")),
    ("delete", Is("share.delete")),
    ("ha-add-node", Is("ha.node.add")),
    ("ha-adopt", Is("ha.adopt")),
    ("ha-drain", Is("ha.drain")),
    ("ha-events", Is("ha.events")),
    (
        "ha-notify",
        No("ctdb calls the program, and nothing else has a reason to"),
    ),
    ("ha-move", Is("ha.move")),
    ("ha-plan", Is("ha.plan")),
    ("ha-probe", Is("ha.probe")),
    ("ha-recover", Is("ha.recover")),
    ("ha-release", Is("ha.release")),
    ("ha-remove-node", Is("ha.node.remove")),
    ("ha-reserve", Is("ha.reserve")),
    ("ha-resume", Is("ha.resume")),
    ("ha-setup", Is("ha.setup")),
    ("ha-status", Is("ha.status")),
    ("ha-teardown", Is("ha.teardown")),
    ("ha-test", Is("ha.test")),
    ("list", Is("share.list")),
    ("monitor run", Is("monitor.look")),
    ("monitor status", Is("monitor.status")),
    ("quota check", Is("quota.check")),
    ("quota group report", Is("quota.group.report")),
    ("quota group set", Is("quota.group.set")),
    ("quota group show", Is("quota.group.show")),
    ("quota user report", Is("quota.user.report")),
    ("quota user set", Is("quota.user.set")),
    ("quota user show", Is("quota.user.show")),
    ("quota-history", Is("quota.history")),
    ("quota-status", Is("quota.status")),
    ("recover", Is("share.recover")),
    ("resize", Is("share.resize")),
    ("restart", Is("vm.restart")),
    ("start", Is("vm.start")),
    ("status", Is("share.status")),
    ("stop", Is("vm.stop")),
    ("template build", Is("template.build")),
    ("template delete", Is("template.delete")),
    ("template fetch", Is("template.fetch")),
    ("template list", Is("template.list")),
    ("template show", Is("template.show")),
    ("template validate", Is("template.validate")),
];

const GUESTS: &[(&str, Here)] = &[
    ("is_interrupted", No("it is a part of vm.recover")),
    ("list", Is("vm.list")),
    ("problems", Is("vm.check")),
    ("problems_but_passwords", Is("vm.check")),
    ("provision", Is("vm.create")),
    ("recover", Is("vm.recover")),
    ("remove", Is("vm.remove")),
    ("resize", Is("vm.resize")),
    ("restart", Is("vm.restart")),
    ("start", Is("vm.start")),
    ("status", Is("vm.status")),
    ("stop", Is("vm.stop")),
];

const TEMPLATES: &[(&str, Here)] = &[
    ("boots", Is("template.validate")),
    ("build", Is("template.build")),
    ("fetch", Is("template.fetch")),
    ("inputs_sha256", No("caches are keyed by it")),
    ("steps", No("it tells how far a build is")),
    ("try_out", Is("template.validate")),
    ("validate", Is("template.validate")),
];

#[test]
fn every_operation_of_a_share_is_a_method() {
    let found = exported_functions("smbgw-core/src/lifecycle/mod.rs");
    assert_mapped(&found, LIFECYCLE);
}

#[test]
fn everything_that_is_done_with_alerts_is_a_method() {
    assert_mapped(
        &public_functions("smbgw-core/src/alert/store.rs"),
        ALERT_STORE,
    );
    assert_mapped(
        &public_functions("smbgw-core/src/alert/trial.rs"),
        ALERT_TRIAL,
    );
}

#[test]
fn everything_that_is_done_with_quotas_is_a_method() {
    assert_mapped(&exported_functions("smbgw-quota/src/lib.rs"), QUOTA);
    assert_mapped(
        &public_functions("smbgw-quota/src/owner/request.rs"),
        OWNERS,
    );
}

#[test]
fn everything_that_is_done_by_the_monitor_is_a_method() {
    assert_mapped(
        &exported_functions("smbgw-quota/src/monitor/mod.rs"),
        MONITOR,
    );
}

#[test]
fn everything_that_is_done_with_a_domain_is_a_method() {
    assert_mapped(&public_modules("smbgw-ad/src/lib.rs"), DOMAIN);
    let joining = [
        ("check", Is("ad.check")),
        ("join", Is("ad.join")),
        ("join_with_blob", Is("ad.join.offline")),
        ("join_with_file", Is("ad.join.offline")),
        ("provision", Is("ad.provision")),
    ];
    let mut found = public_functions("smbgw-ad/src/join/mod.rs");
    found.extend(exported_functions("smbgw-ad/src/join/mod.rs"));
    assert_mapped(&found, &joining);
    let names = [("change", Is("ad.spn.remove")), ("list", Is("ad.spn.list"))];
    assert_mapped(&public_functions("smbgw-ad/src/spn.rs"), &names);
    let keys = [
        ("refresh", Is("ad.keytab.refresh")),
        ("show", Is("ad.keytab")),
    ];
    assert_mapped(&public_functions("smbgw-ad/src/keytab.rs"), &keys);
}

#[test]
fn everything_that_is_done_with_virtual_machines_is_a_method() {
    let guests = exported_functions("smbgw-vm/src/provisioning/mod.rs");
    assert_mapped(&guests, GUESTS);
    let templates = exported_functions("smbgw-vm/src/template/mod.rs");
    assert_mapped(&templates, TEMPLATES);
}

#[test]
fn every_command_is_a_method() {
    assert_mapped(&commands(), COMMANDS);
}

#[test]
fn the_crates_there_are_are_those_that_are_looked_at() {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(workspace()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.starts_with("smbgw-") && name != "smbgw-ffi" {
            found.insert(name);
        }
    }
    let known = [
        "smbgw-ad",
        "smbgw-core",
        "smbgw-ctdb",
        "smbgw-quota",
        "smbgw-vm",
    ]
    .map(String::from);
    assert_eq!(
        found,
        known.into(),
        "what a new crate offers has to be methods"
    );
}

#[test]
fn every_method_has_a_line_in_the_manual_and_no_line_is_about_another() {
    let text = read("docs/abi.md");
    let documented: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .filter(|name| name.contains('.') && !name.contains(['(', ' ', '/']))
        .collect();
    let wanted: BTreeSet<&str> = METHODS.iter().map(|method| method.name).collect();
    assert_eq!(documented, wanted);
}

/// Fails unless `map` says of each of `found`, and of nothing else, what it is here.
#[track_caller]
fn assert_mapped(found: &BTreeSet<String>, map: &[(&str, Here)]) {
    assert!(!found.is_empty());
    let mapped: BTreeSet<String> = map.iter().map(|(name, _)| (*name).into()).collect();
    assert_eq!(mapped.len(), map.len(), "something is named twice");
    assert_eq!(
        found, &mapped,
        "say of each which method it is, or why none"
    );
    for (name, here) in map {
        match here {
            Is(method) => assert!(
                METHODS.iter().any(|known| known.name == *method),
                "{name}: there is no method {method}"
            ),
            No(reason) => assert!(reason.len() > 10, "{name}"),
        }
    }
}

/// The functions that a module gives to others by `pub use`.
fn exported_functions(file: &str) -> BTreeSet<String> {
    let text = read(file);
    let uses = text.split("pub use ").skip(1);
    let names = uses.flat_map(|rest| {
        let list = rest.split(';').next().unwrap_or_default();
        let list = list.rsplit("::{").next().unwrap_or(list);
        let list = if list.contains('{') || list.contains('}') || list.contains(',') {
            list
        } else {
            list.rsplit("::").next().unwrap_or(list)
        };
        list.split([',', '{', '}'])
            .map(|name| name.trim().to_owned())
            .collect::<Vec<_>>()
    });
    names
        .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}

/// The public modules of a crate.
fn public_modules(file: &str) -> BTreeSet<String> {
    let text = read(file);
    let lines = text.lines();
    lines
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(Into::into)
        .collect()
}

/// The public functions that are written in a file.
fn public_functions(file: &str) -> BTreeSet<String> {
    let text = read(file);
    let lines = text.lines().map(str::trim);
    lines
        .filter_map(|line| line.strip_prefix("pub fn "))
        .filter_map(|rest| rest.split(['(', '<']).next())
        .map(Into::into)
        .collect()
}

/// All commands of the program, such as `quota user set`, from the source of its arguments.
fn commands() -> BTreeSet<String> {
    let mut enums = BTreeMap::new();
    let folder = "examples/pve-smbgateway/src";
    let mut files = vec![workspace().join(folder).join("args.rs")];
    for entry in fs::read_dir(workspace().join(folder).join("args")).unwrap() {
        files.push(entry.unwrap().path());
    }
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        for part in text.split("Subcommand)]\n").skip(1) {
            let (head, body) = part.split_once('{').unwrap();
            let name = head.trim().rsplit(' ').next().unwrap();
            enums.insert(name.to_owned(), variants(body));
        }
    }
    let mut found = BTreeSet::new();
    collect(&enums, "Command", "", &mut found);
    found
}

/// The variants in the body of an enum, each with the enum of its own subcommands.
fn variants(body: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    let (mut depth, mut has_subcommands) = (0, false);
    for line in body.lines() {
        let line = line.trim();
        if depth == 0 {
            if line.starts_with('}') {
                break;
            }
            has_subcommands |= line.starts_with("#[command(subcommand");
            if line.starts_with(|c: char| c.is_ascii_uppercase()) {
                let name = line.split(['(', '{', ',', ' ']).next().unwrap();
                let inner = line.split(['(', ')']).nth(1);
                let inner = inner.and_then(|inner| inner.rsplit("::").next());
                let inner = inner.filter(|_| has_subcommands).map(Into::into);
                found.push((kebab(name), inner));
                has_subcommands = false;
            }
        }
        if !line.starts_with("//") {
            depth += line.matches('{').count();
            depth -= line.matches('}').count();
        }
    }
    found
}

fn collect(
    enums: &BTreeMap<String, Vec<(String, Option<String>)>>,
    name: &str,
    before: &str,
    found: &mut BTreeSet<String>,
) {
    let variants = enums.get(name);
    for (variant, inner) in variants.unwrap_or_else(|| panic!("no enum {name}: {enums:#?}")) {
        let command = format!("{before} {variant}").trim().to_owned();
        match inner {
            Some(inner) => collect(enums, inner, &command, found),
            None => {
                found.insert(command);
            }
        }
    }
}

fn kebab(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> String {
    fs::read_to_string(workspace().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}
