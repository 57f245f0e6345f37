//! What methods make of requests that are wrong, and of the tree of an image.

mod methods;

use std::fs;
use std::time::Duration;

use methods::{done, fields, refused};
use serde_json::{Value, json};
use smbgw::dispatch::{METHODS, Request, call};
use smbgw_core::catalog::{self, ShareRecord};
use smbgw_core::host::LocalHost;
use smbgw_core::ports::{Filesystem, Handle, Origin, Volume};
use smbgw_core::share::ShareDraft;
use tempfile::TempDir;

#[test]
fn the_table_is_sorted_and_names_each_method_once() {
    assert!(METHODS.is_sorted_by(|one, next| one.name < next.name));
    for method in METHODS {
        assert!(method.name.contains('.') && method.name.is_ascii());
        assert!(!method.summary.ends_with('.'), "{}", method.summary);
    }
}

#[test]
fn every_method_is_found_and_lists_itself() {
    let listed = done("library.methods", &json!({}));
    let names: Vec<&str> = listed["methods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|method| method["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), METHODS.len());
    for name in names {
        // Found, and not to be called so.
        let (_, document) = refused(name, "[]");
        assert_eq!(document["code"], "call.not-a-request", "{name}");
    }
}

#[test]
fn unknown_methods_are_refused() {
    for name in [
        "",
        "share",
        "share.",
        "share.lists",
        "Share.list",
        "zzz",
        "\u{1f980}",
    ] {
        let (code, document) = refused(name, "{}");
        assert_eq!(
            (&*code, &document["code"]),
            ("invalid", &json!("call.unknown-method"))
        );
    }
}

#[test]
fn what_is_no_request_is_refused_by_every_method() {
    let deep = |begin: &str, end: &str| {
        format!(
            "{{\"x\":{}1{}}}",
            begin.repeat(100_000),
            end.repeat(100_000)
        )
    };
    let requests = [
        String::new(),
        " ".into(),
        "null".into(),
        "1".into(),
        "\"{}\"".into(),
        "[]".into(),
        "[null]".into(),
        "[\"media\"]".into(),
        "{".into(),
        "{}{}".into(),
        "{} x".into(),
        "{\"surely_no_field\": 1}".into(),
        "{\"surely_no_field\": 1e400}".into(),
        "{\"root\": 1, \"root\": 1}".into(),
        "\u{feff}{}".into(),
        "{\"\\ud800\": 1}".into(),
        deep("[", "]"),
        deep("{\"x\":", "}"),
    ];
    for method in METHODS {
        for request in &requests {
            let (code, document) = refused(method.name, request);
            assert_eq!(code, "invalid", "{} {document}", method.name);
            assert_eq!(document["code"], "call.not-a-request");
            assert!(document["remedy"].is_string());
        }
    }
}

#[test]
fn fields_of_the_wrong_kind_are_refused_and_named() {
    let cases = [
        ("share.create", r#"{"name": 1}"#),
        ("share.create", r#"{"name": "a", "users": "alice"}"#),
        ("share.create", r#"{"name": "a", "force": "yes"}"#),
        ("share.create", r#"{"name": "a", "quota": -1}"#),
        ("share.create", r#"{"name": "a", "quota": 1.5}"#),
        (
            "share.create",
            r#"{"name": "a", "quota": 99999999999999999999999}"#,
        ),
        ("share.create", r#"{"name": "a", "name": "b"}"#),
        ("share.create", r#"{"name": "a", "password": "secret"}"#),
        ("share.delete", r#"{"name": "a", "purge": 1}"#),
        (
            "share.delete",
            r#"{"name": "a", "purge": true, "purge": false}"#,
        ),
        ("share.resize", r#"{"name": "a"}"#),
        ("share.status", r#"{"name": null}"#),
        ("share.status", r#"{"name": ["a"]}"#),
        ("quota.set", r#"{"path": "/a", "limit": true}"#),
        (
            "quota.history",
            r#"{"name": "a", "from": 99999999999999999999}"#,
        ),
        ("quota.history", r#"{"name": "a", "resolution": "weekly"}"#),
        (
            "quota.user.set",
            r#"{"share": "a", "owner": "b", "grace_seconds": -1}"#,
        ),
        ("alert.silence", r#"{"all": true}"#),
        ("alert.silence", r#"{"all": true, "until": "2h"}"#),
    ];
    for (name, request) in cases {
        let (code, document) = refused(name, request);
        assert_eq!(code, "invalid", "{name} {request}");
        assert_eq!(
            document["code"], "call.not-a-request",
            "{name} {request} {document}"
        );
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let tree = Tree::new();
    let request = json!({
        "root": tree.root(),
        "name": "a/b", "path": "relative", "quota": "lots", "users": ["a:b"],
        "min_protocol": "1", "mode": "cloud",
    });
    let (code, document) = refused("share.create", &request.to_string());
    assert_eq!(code, "invalid");
    for field in ["name", "path", "quota", "user", "min-protocol", "mode"] {
        assert!(fields(&document).contains(&field), "{field}: {document:#}");
    }
    let (_, document) = refused("share.resize", r#"{"name": "a/b", "quota": "lots"}"#);
    assert_eq!(fields(&document), ["name", "quota"]);
    let (_, document) = refused("alert.acknowledge", r#"{"share": "a/b", "kind": "x"}"#);
    assert_eq!(fields(&document), ["share", "kind"]);
    let set = r#"{"share": "media", "owner": "a:b", "hard": "lots", "files": 0}"#;
    let (_, document) = refused("quota.group.set", set);
    assert_eq!(fields(&document), ["hard", "files", "owner"]);
}

#[test]
fn what_contradicts_itself_is_refused() {
    let field = |name: &str, request: Value| {
        let (code, document) = refused(name, &request.to_string());
        assert_eq!(code, "invalid");
        fields(&document).join(" ")
    };
    assert_eq!(
        field("quota.check", json!({ "fix": true, "quick": true })),
        "quick"
    );
    assert_eq!(
        field("quota.history", json!({ "name": "a", "from": 5, "to": 5 })),
        "from"
    );
    assert_eq!(field("quota.usage", json!({ "path": "srv" })), "path");
    assert_eq!(
        field("quota.set", json!({ "path": "srv", "limit": 1 })),
        "path"
    );
    assert_eq!(
        field("quota.set", json!({ "path": "/srv", "limit": 0 })),
        "limit"
    );
    for neither in [json!({}), json!({ "share": "a", "all": true })] {
        assert_eq!(field("alert.unsilence", neither), "share");
    }
    for root in ["", "srv", "/surely/nothing", "/etc/passwd"] {
        assert_eq!(
            field("share.list", json!({ "root": root })),
            "root",
            "{root}"
        );
    }
}

/// The tree of an image with one share.
struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn root(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    fn with_share() -> Self {
        let tree = Self::new();
        let host = LocalHost::with_root(tree.0.path());
        let draft = ShareDraft {
            name: "Media".into(),
            path: Some("/srv/media".into()),
            quota: Some("1G".into()),
            users: vec!["alice".into()],
            ..ShareDraft::default()
        };
        let volume = Volume {
            path: "/srv/media".into(),
            filesystem: Filesystem::Ext4,
            handle: Handle::Project {
                id: 100_000,
                name: "smbgw-media".into(),
            },
            origin: Origin::Created,
        };
        let record = ShareRecord::new(draft.check().unwrap(), volume, 1_800_000_000);
        catalog::store(&host, &record).unwrap();
        fs::create_dir_all(tree.0.path().join("srv/media")).unwrap();
        tree
    }
}

#[test]
fn the_tree_of_an_image_is_looked_at_instead_of_the_machine() {
    let tree = Tree::with_share();
    let at = || json!({ "root": tree.root() });
    let with = |name: &str, value: Value| {
        let mut request = at();
        request[name] = value;
        request
    };
    let list = done("share.list", &at());
    assert_eq!(list[0]["spec"]["name"], "Media");
    assert_eq!(list[0]["spec"]["quota"], 1 << 30);
    let status = done("share.status", &with("name", json!("media")));
    assert_eq!(status["record"], list[0]);
    assert_eq!(status["answers"], Value::Null);
    let usages = done("quota.status", &at());
    assert_eq!(usages[0]["name"], "Media");
    assert_eq!(usages, done("quota.status", &with("name", json!("MEDIA"))));
    let check = done("quota.check", &with("quick", json!(true)));
    assert_eq!(check["shares"][0]["name"], "Media");
    let past = done("quota.history", &with("name", json!("media")));
    assert_eq!(
        (&past["points"], &past["forecast"]),
        (&json!([]), &Value::Null)
    );
    assert_eq!(
        done("alert.list", &at()),
        json!({ "alerts": [], "silences": [] })
    );
    assert_eq!(done("alert.test", &at()), json!({ "channels": [] }));
    let monitor = done("monitor.status", &at());
    assert_eq!(
        monitor,
        json!({ "running": false, "monitor": null, "channels": [] })
    );
    let usage = done("quota.usage", &with("path", json!("/srv/media")));
    assert!(usage["total"].as_u64() > Some(0));
    // Nothing of the machine itself was met.
    let other = Tree::new();
    for name in ["share.list", "share.recover", "quota.status"] {
        assert_eq!(done(name, &json!({ "root": other.root() })), json!([]));
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let tree = Tree::with_share();
    let cases = [
        ("share.status", json!({ "name": "other" })),
        ("share.resize", json!({ "name": "other", "quota": "1G" })),
        ("share.delete", json!({ "name": "other" })),
        ("quota.status", json!({ "name": "other" })),
        ("quota.check", json!({ "name": "other" })),
        ("quota.history", json!({ "name": "other" })),
        ("quota.usage", json!({ "path": "/srv/other" })),
        ("quota.user.report", json!({ "share": "other" })),
        (
            "quota.group.show",
            json!({ "share": "other", "owner": "users" }),
        ),
        (
            "quota.user.set",
            json!({ "share": "other", "owner": "alice", "hard": 1 }),
        ),
        ("alert.acknowledge", json!({ "share": "media" })),
        (
            "alert.silence",
            json!({ "share": "other", "until": i64::MAX }),
        ),
        ("alert.unsilence", json!({ "all": true })),
    ];
    for (name, mut request) in cases {
        request["root"] = json!(tree.root());
        let (code, document) = refused(name, &request.to_string());
        assert_eq!(code, "not-found", "{name}: {document:#}");
        assert!(document["message"].is_string());
    }
}

#[test]
fn alerts_of_an_image_are_silenced_by_whom_one_says() {
    let tree = Tree::with_share();
    let until = 4_000_000_000_i64;
    let request = json!({
        "root": tree.root(), "share": "media", "kind": "space", "until": until,
        "by": "alice", "note": "a disk comes",
    });
    let silenced = done("alert.silence", &request);
    assert_eq!(silenced["silence"]["by"], "alice");
    let list = done("alert.list", &json!({ "root": tree.root() }));
    assert_eq!(list["silences"], json!([silenced["silence"]]));
    let all = json!({ "root": tree.root(), "all": true, "until": until });
    assert_eq!(done("alert.silence", &all)["silence"]["by"], "root");
    let mut over = all.clone();
    over["until"] = json!(1);
    let (code, document) = refused("alert.silence", &over.to_string());
    assert_eq!(
        (&*code, &document["code"]),
        ("invalid", &json!("alert.silence-over"))
    );
    let ended = done(
        "alert.unsilence",
        &json!({ "root": tree.root(), "all": true }),
    );
    assert_eq!(ended["ended"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_deadline_that_has_passed_is_no_reason_to_wait() {
    let tree = Tree::with_share();
    let host = LocalHost::with_root(tree.0.path());
    use smbgw_core::deadline::Deadline;
    use smbgw_core::host::Host;
    let soon = Deadline::after(Duration::from_secs(5));
    let _lock = host.lock("alerts", "a test", soon).unwrap();
    let json = json!({ "root": tree.root(), "all": true, "until": 4_000_000_000_i64 });
    let json = json.to_string();
    let request = Request {
        timeout_ms: 1,
        ..Request::new(&json)
    };
    let failure = call("alert.silence", &request).unwrap_err();
    assert_eq!(failure.document()["error"], "conflict", "{failure:#?}");
}
