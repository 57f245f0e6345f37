//! The schemas in `schema/` are those of the types, and tell right documents from wrong ones.
//!
//! `SMBGW_BLESS=1` writes them anew.

mod methods;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use methods::{method, schema};
use schemars::Schema;
use serde_json::{Value, json};
use smbgw::dispatch::{METHODS, Method};

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schema")
}

/// The text of each schema, by the name of its file.
fn schemas() -> BTreeMap<String, String> {
    let text = |schema: Schema| serde_json::to_string_pretty(schema.as_value()).unwrap() + "\n";
    let mut all = BTreeMap::from([("error.json".into(), text(Method::error_schema()))]);
    for method in METHODS {
        let name = method.name;
        all.insert(
            format!("{name}.request.json"),
            text(method.request_schema()),
        );
        all.insert(format!("{name}.reply.json"), text(method.reply_schema()));
    }
    all
}

#[test]
fn the_files_are_what_the_types_say() {
    let wanted = schemas();
    if std::env::var_os("SMBGW_BLESS").is_some_and(|value| value == "1") {
        let _ = fs::remove_dir_all(directory());
        fs::create_dir(directory()).unwrap();
        for (name, text) in &wanted {
            fs::write(directory().join(name), text).unwrap();
        }
    }
    let found: BTreeMap<String, String> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    let names = |all: &BTreeMap<String, String>| all.keys().cloned().collect::<Vec<_>>();
    let advice = "run this test with SMBGW_BLESS=1 and look at what changes";
    assert_eq!(names(&found), names(&wanted), "{advice}");
    for (name, text) in &wanted {
        assert!(found[name] == *text, "schema/{name} has drifted: {advice}");
    }
}

#[test]
fn requests_refuse_what_nobody_knows_and_say_what_each_field_is() {
    for method in METHODS {
        let schema = method.request_schema();
        let schema = schema.as_value();
        assert_eq!(schema["type"], "object", "{}", method.name);
        let unknown = json!({ "surely_no_field": 1 });
        assert!(schema::check(schema, &unknown).is_err(), "{}", method.name);
        let fields = schema["properties"].as_object().into_iter().flatten();
        for (name, field) in fields {
            let described = field["description"].as_str().unwrap_or_default();
            assert!(!described.is_empty(), "{} {name}", method.name);
        }
    }
}

#[test]
fn every_schema_is_understood_by_the_checker_to_the_last_keyword() {
    for (name, text) in schemas() {
        let schema: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            schema["$schema"], "https://json-schema.org/draft/2020-12/schema",
            "{name}"
        );
        // A document of each kind meets the keywords that are looked at for its kind only.
        for document in [
            json!(null),
            json!(1),
            json!("a"),
            json!([1]),
            json!({ "a": 1 }),
        ] {
            if let Err(why) = schema::check(&schema, &document) {
                assert!(!why.contains("nobody here knows"), "{name}: {why}");
                assert!(!why.contains("is no schema"), "{name}: {why}");
            }
        }
    }
}

#[test]
fn right_requests_are_told_from_wrong_ones() {
    let is_valid = |name: &str, request: Value| {
        let schema = method(name).request_schema();
        schema::check(schema.as_value(), &request).is_ok()
    };
    assert!(is_valid(
        "share.create",
        json!({ "name": "a", "quota": "1G", "force": true })
    ));
    assert!(is_valid(
        "share.create",
        json!({ "name": "a", "quota": 4096, "root": null })
    ));
    assert!(!is_valid("share.create", json!({ "name": 3 })));
    assert!(!is_valid(
        "share.create",
        json!({ "name": "a", "quota": [] })
    ));
    assert!(!is_valid(
        "share.create",
        json!({ "name": "a", "secret": "x" })
    ));
    assert!(is_valid(
        "quota.set",
        json!({ "path": "/a", "limit": "none" })
    ));
    assert!(!is_valid("quota.set", json!({ "path": "/a", "limit": -1 })));
    assert!(!is_valid("quota.set", json!({ "path": "/a" })));
    assert!(is_valid(
        "quota.history",
        json!({ "name": "a", "resolution": "daily" })
    ));
    assert!(!is_valid(
        "quota.history",
        json!({ "name": "a", "resolution": "weekly" })
    ));
    assert!(!is_valid(
        "alert.silence",
        json!({ "all": true, "until": "2h" })
    ));
}

#[test]
fn replies_that_lack_something_are_told_from_whole_ones() {
    let schema = method("share.list").reply_schema();
    let schema = schema.as_value();
    assert!(schema::check(schema, &json!([])).is_ok());
    assert!(schema::check(schema, &json!([{}])).is_err());
    assert!(schema::check(schema, &json!({})).is_err());
    let error = Method::error_schema();
    let document = json!({ "error": "invalid", "code": "a.b", "message": "c" });
    assert!(schema::check(error.as_value(), &document).is_ok());
    assert!(schema::check(error.as_value(), &json!({ "error": "invalid" })).is_err());
}
