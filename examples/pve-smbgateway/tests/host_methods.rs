//! The methods of the C interface on a real host, and that they say what the program says (root).

mod lab;
#[path = "../../../smbgw-ffi/tests/methods/mod.rs"]
mod methods;

use std::collections::BTreeMap;
use std::fs;

use lab::cli::{PASSWORD, Ran, gateway, local_file, smbclient, smbclient_with};
use lab::{Lab, command, in_lab, soon};
use methods::{answered, done, refused};
use serde_json::{Value, json};
use smbgw::dispatch::{Request, call};
use smbgw_core::host::{Host, LocalHost};
use smbgw_core::secret::Secret;
use smbgw_testing::{Capability, Filesystem, MIB, require};

const SMB_CONF: &str = "[global]\n\tworkgroup = LAB\n\tload printers = no\n";

const MONITOR_CONF: &str = "[command]\nprogram = \"/usr/bin/true\"\n[journal]\nenabled = false\n";

#[test]
fn methods_say_what_the_program_says() {
    require!(Capability::Btrfs, Capability::Samba);
    let test = "methods_say_what_the_program_says";
    in_lab(test, Filesystem::BtrfsQuota, |lab| {
        fs::write("/etc/samba/smb.conf", SMB_CONF).unwrap();
        let before = threads_and_files();
        assert_eq!(done("share.check", &json!({})), said("check", 0));
        making(lab);
        looking(lab);
        growing();
        directories(lab);
        watching();
        telling();
        taking_away(lab);
        assert_eq!(threads_and_files(), before, "something was left");
    });
}

/// What the program prints for `arguments`.
#[track_caller]
fn said(arguments: &str, status: i32) -> Value {
    gateway(&format!("{arguments} --json")).ended(status).json()
}

/// Fails unless method and program refuse in the same way.
#[track_caller]
fn assert_refused_alike(name: &str, request: &Value, arguments: &str) -> Value {
    let (code, mut document) = refused(name, &request.to_string());
    let ran: Ran = gateway(&format!("{arguments} --json"));
    let mut program = ran.json();
    let names = [
        "ok",
        "failed",
        "invalid",
        "not-found",
        "conflict",
        "unsupported",
    ];
    assert_eq!(
        names.get(ran.status as usize),
        Some(&&*code),
        "{document:#}"
    );
    document.as_object_mut().unwrap().remove("error");
    program.as_object_mut().unwrap().remove("outcome");
    assert_eq!(document, program);
    document
}

fn making(lab: &Lab) {
    let asked = json!({
        "name": "media", "path": lab.path("media"), "quota": "32M",
        "users": ["carol"], "create_users": true,
    });
    let arguments = format!(
        "create media --path {} --quota 32M --user carol",
        lab.path("media").display()
    );
    let mut nobody = asked.clone();
    nobody["create_users"] = json!(false);
    assert_refused_alike("share.create", &nobody, &arguments);
    let (code, document) = refused("share.create", &asked.to_string());
    assert_eq!(code, "invalid", "a password is missing: {document:#}");
    assert!(!lab.path("media").exists());

    done("share.check", &asked);
    let secrets = BTreeMap::from([("carol".into(), Secret::from(PASSWORD.as_bytes().to_vec()))]);
    let text = asked.to_string();
    let request = Request {
        secrets: Some(&secrets),
        ..Request::new(&text)
    };
    let made = answered("share.create", &asked, &request);
    assert_eq!(
        (&made["outcome"], &made["share"]),
        (&json!("done"), &json!("media"))
    );
    assert!(!made.to_string().contains(PASSWORD));
    smbclient("media", "carol", "mkdir made").succeeded();
    let wrong = ["-U", "carol%not this one"];
    smbclient_with("media", &wrong, "ls").refused("NT_STATUS_LOGON_FAILURE");

    let document = assert_refused_alike("share.create", &nobody, &arguments);
    assert_eq!(document["problems"][0]["code"], "share.name-taken");
    assert_eq!(document["problems"][0]["kind"], "conflict");
}

fn looking(lab: &Lab) {
    local_file("eight", 8 * MIB);
    smbclient("media", "carol", "put eight").succeeded();
    assert_eq!(done("share.list", &json!({})), said("list", 0));
    let status = done("share.status", &json!({ "name": "media" }));
    assert_eq!(status, said("status media", 0));
    assert_eq!(status["answers"], true);
    let exact = done("quota.status", &json!({ "name": "MEDIA", "exact": true }));
    assert_eq!(exact, said("quota-status media", 0));
    assert_eq!(exact, done("quota.status", &json!({})));
    assert_eq!(exact[0]["usage"]["limits"]["bytes"], 32 * MIB);
    assert!(exact[0]["usage"]["bytes"].as_u64() >= Some(8 * MIB));
    for (request, arguments) in [
        (json!({}), "quota check"),
        (json!({ "name": "media" }), "quota check media"),
        (json!({ "quick": true }), "quota check --quick"),
        (json!({ "fix": true }), "quota check --fix"),
    ] {
        assert_eq!(
            done("quota.check", &request),
            said(arguments, 0),
            "{arguments}"
        );
    }
    for (name, command) in [
        ("share.status", "status"),
        ("quota.status", "quota-status"),
        ("quota.check", "quota check"),
        ("quota.history", "quota-history"),
        ("share.delete", "delete"),
    ] {
        let missing = json!({ "name": "other" });
        assert_refused_alike(name, &missing, &format!("{command} other"));
        let wrong = json!({ "name": "a/b" });
        assert_refused_alike(name, &wrong, &format!("{command} a/b"));
    }
    // btrfs has no quotas of users.
    let report = json!({ "share": "media" });
    let document = assert_refused_alike("quota.user.report", &report, "quota user report media");
    assert_eq!(document["code"], "quota.owner-unsupported");
    let show = json!({ "share": "other", "owner": "carol" });
    assert_refused_alike("quota.group.show", &show, "quota group show other carol");
    let set = json!({ "share": "media", "owner": "carol", "hard": "0" });
    assert_refused_alike(
        "quota.user.set",
        &set,
        "quota user set media carol --hard 0",
    );
    assert!(lab.path("media/eight").exists());
}

fn growing() {
    let small = json!({ "name": "media", "quota": "4M" });
    let document = assert_refused_alike("share.resize", &small, "resize media 4M");
    assert_eq!(document["problems"][0]["code"], "share.quota-below-usage");
    let bytes = json!({ "name": "media", "quota": 64 * MIB });
    assert_eq!(done("share.resize", &bytes)["outcome"], "done");
    let usage = done("quota.status", &json!({ "name": "media" }));
    assert_eq!(usage[0]["usage"]["limits"]["bytes"], 64 * MIB);
    assert_eq!(done("share.recover", &json!({})), said("recover", 0));
}

fn directories(lab: &Lab) {
    let at = |path: &str| json!({ "path": lab.path(path) });
    let limited = |path: &str, limit: Value| {
        let mut request = at(path);
        request["limit"] = limit;
        request
    };
    let share = done("quota.usage", &at("media"));
    assert_eq!(
        (&share["total"], &share["limits"]["bytes"]),
        (&json!(64 * MIB), &json!(64 * MIB))
    );
    let inside = done("quota.usage", &at("media/made"));
    assert_eq!(inside["limits"], share["limits"]);
    let (code, document) = refused("quota.set", &limited("media", json!("1G")).to_string());
    assert_eq!(
        (&*code, &document["code"]),
        ("conflict", &json!("quota.of-share"))
    );
    assert!(
        document["remedy"]
            .as_str()
            .unwrap()
            .contains("resize media")
    );
    let (code, document) = refused("quota.set", &limited("media/made", json!("1G")).to_string());
    assert_eq!(
        (&*code, &document["code"]),
        ("conflict", &json!("quota.no-limit-of-its-own"))
    );
    let (code, _) = refused("quota.set", &limited("nothing", json!("1G")).to_string());
    assert_eq!(code, "not-found");

    command(
        "btrfs",
        &["subvolume", "create", lab.path("theirs").to_str().unwrap()],
    );
    assert_eq!(
        done("quota.usage", &at("theirs"))["limits"]["bytes"],
        Value::Null
    );
    let set = done("quota.set", &limited("theirs", json!("16M")));
    assert_eq!(set["change"], "updated");
    assert_eq!(set["usage"]["limits"]["bytes"], 16 * MIB);
    let again = done("quota.set", &limited("theirs", json!(16 * MIB)));
    assert_eq!(again["change"], "unchanged");
    assert!(fs::write(lab.path("theirs/much"), vec![1; 20 * MIB as usize]).is_err());
    let none = done("quota.set", &limited("theirs", json!("none")));
    assert_eq!(none["usage"]["limits"]["bytes"], Value::Null);
    fs::write(lab.path("theirs/much"), vec![1; 20 * MIB as usize]).unwrap();
    command(
        "btrfs",
        &["subvolume", "delete", lab.path("theirs").to_str().unwrap()],
    );
}

fn watching() {
    assert_eq!(
        done("monitor.status", &json!({})),
        said("monitor status", 1)
    );
    fs::create_dir_all("/etc/smbgw").unwrap();
    fs::write("/etc/smbgw/monitor.toml", "[monitor]\nintervall = 1\n").unwrap();
    assert_refused_alike("monitor.look", &json!({}), "monitor run --once");
    assert_refused_alike("alert.test", &json!({}), "alert test");
    fs::write("/etc/smbgw/monitor.toml", MONITOR_CONF).unwrap();

    let looked = done("monitor.look", &json!({}));
    assert_eq!(looked["monitor"]["last_look"]["shares"], 1);
    assert_eq!(looked["channels"][0]["channel"], "command");
    let status = done("monitor.status", &json!({}));
    assert_eq!(status, said("monitor status", 1));
    assert_eq!(status["monitor"], looked["monitor"]);

    let span = json!({ "name": "media", "from": 0, "to": 4_000_000_000_i64, "resolution": "raw" });
    let past = done("quota.history", &span);
    assert_eq!(past["points"].as_array().map(Vec::len), Some(1));
    let arguments =
        "quota-history media --from 1970-01-01 --to 2096-10-02T07:06:40 --resolution raw";
    assert_eq!(past, said(arguments, 0));

    let host = LocalHost::new();
    let _lock = host.lock("monitor", "a test", soon()).unwrap();
    assert_eq!(done("monitor.status", &json!({}))["running"], true);
    let request = Request {
        timeout_ms: 50,
        ..Request::new("{}")
    };
    let failure = call("monitor.look", &request).unwrap_err();
    assert_eq!(failure.document()["error"], "conflict", "{failure:#?}");
}

fn telling() {
    let tested = done("alert.test", &json!({}));
    assert_eq!(tested, said("alert test", 0));
    assert_eq!(tested["channels"][0]["delivered"], true);
    let pager = json!({ "channel": "pager" });
    assert_refused_alike("alert.test", &pager, "alert test --channel pager");
    assert_refused_alike(
        "alert.acknowledge",
        &json!({ "share": "media" }),
        "alert ack media",
    );
    assert_refused_alike(
        "alert.unsilence",
        &json!({ "all": true }),
        "alert unsilence --all",
    );
    let kind = json!({ "share": "media", "kind": "weather" });
    assert_refused_alike("alert.acknowledge", &kind, "alert ack media --kind weather");
    let other = json!({ "share": "other", "until": 4_000_000_000_i64 });
    assert_refused_alike(
        "alert.silence",
        &other,
        "alert silence other --until 2096-10-02",
    );

    // More than is allowed is there now.
    let full = json!({ "name": "media", "quota": 8 * MIB, "force": true });
    done("share.resize", &full);
    done("monitor.look", &json!({}));
    let list = done("alert.list", &json!({}));
    assert_eq!(list, said("alert list", 0));
    let kinds: Vec<&Value> = list["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["kind"])
        .collect();
    assert!(kinds.contains(&&json!("hard-limit")), "{list:#}");
    let space =
        json!({ "share": "media", "kind": "hard-limit", "by": "alice", "note": "a disk comes" });
    let known = done("alert.acknowledge", &space);
    assert_eq!(known["acknowledged"][0]["acknowledged"]["by"], "alice");
    done(
        "alert.silence",
        &json!({ "share": "media", "until": 4_000_000_000_i64 }),
    );
    assert_eq!(done("alert.list", &json!({})), said("alert list", 0));
    let ended = done("alert.unsilence", &json!({ "share": "media" }));
    assert_eq!(ended["ended"][0]["until"], 4_000_000_000_i64);
}

fn taking_away(lab: &Lab) {
    let gone = done("share.delete", &json!({ "name": "media", "purge": true }));
    assert_eq!(gone["outcome"], "done");
    assert!(!lab.path("media").exists());
    assert_eq!(done("share.list", &json!({})), json!([]));
    assert_eq!(done("alert.list", &json!({}))["alerts"], json!([]));
    smbclient("media", "carol", "ls").refused("NT_STATUS_");
}

/// What a call must leave as it was: the threads and open files of this process.
fn threads_and_files() -> (usize, usize) {
    let count = |path: &str| fs::read_dir(path).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}
