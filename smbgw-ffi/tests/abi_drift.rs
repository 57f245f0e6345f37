//! Header, library and manual say the same.

mod c;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use c::{here, library};
use smbgw::abi::{Code, SMBGW_ABI_VERSION};
use smbgw_testing::run;

fn header() -> String {
    fs::read_to_string(here().join("include/smbgw.h")).unwrap()
}

/// The header without its comments.
fn declarations() -> String {
    let header = header();
    let mut plain = String::new();
    let mut rest = header.as_str();
    while let Some((before, comment)) = rest.split_once("/*") {
        plain.push_str(before);
        rest = comment.split_once("*/").expect("a comment ends").1;
    }
    plain + rest
}

/// The section of the manual under the title `title`.
fn section(title: &str) -> String {
    let manual = fs::read_to_string(here().join("../docs/abi.md")).unwrap();
    let (_, rest) = manual
        .split_once(&format!("\n## {title}\n"))
        .unwrap_or_else(|| panic!("no section {title}"));
    rest.split("\n## ").next().unwrap().into()
}

/// The cells of each row of the tables in `text`, without headings, and without code marks.
fn rows(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter(|line| line.starts_with('|'));
    let cells = lines.map(|line| {
        let cells = line.trim_matches('|').split('|');
        cells
            .map(|cell| cell.trim().replace('`', ""))
            .collect::<Vec<_>>()
    });
    let rows: Vec<_> = cells.collect();
    let rule = |row: &Vec<String>| row.iter().all(|cell| cell == "---");
    let start = rows.iter().position(rule).expect("a table") + 1;
    rows[start..].to_vec()
}

/// The numbers of `#define`s in the header.
fn constants() -> Vec<(String, String)> {
    let text = declarations();
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("#define "));
    let pairs = lines.filter_map(|line| line.split_once(' '));
    pairs
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

#[test]
fn functions_are_the_same_in_header_library_and_manual() {
    let text = declarations();
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '('));
    let in_header: BTreeSet<String> = words
        .filter_map(|word| {
            word.strip_suffix('(')
                .or(word.split_once('(').map(|(name, _)| name))
        })
        .filter(|name| name.starts_with("smbgw_"))
        .map(Into::into)
        .collect();
    assert!(in_header.contains("smbgw_call"), "{in_header:?}");

    let listed = run(Command::new("nm")
        .args(["-D", "--defined-only", "--format=posix"])
        .arg(library()))
    .unwrap();
    let exported: BTreeSet<String> = listed
        .lines()
        .map(|line| line.split(' ').next().unwrap().into())
        .collect();
    assert_eq!(exported, in_header, "exported, in the header");

    let described = rows(&section("Functions")).into_iter();
    let described: Vec<String> = described.map(|row| row[0].clone()).collect();
    let in_manual: BTreeSet<String> = described.iter().cloned().collect();
    assert_eq!(in_manual, in_header, "in the manual, in the header");
    assert_eq!(in_manual.len(), described.len(), "one of them twice");
}

#[test]
fn the_soname_is_that_of_the_manual() {
    let dynamic = run(Command::new("readelf").arg("-d").arg(library())).unwrap();
    let line = dynamic.lines().find(|line| line.contains("(SONAME)"));
    let line = line.expect("a soname");
    assert!(line.ends_with("[libsmbgw.so.0]"), "{line}");
    assert!(section("Versions").contains("The soname is `libsmbgw.so.0`."));
}

#[test]
fn the_version_is_the_same_in_header_library_and_manual() {
    let number = SMBGW_ABI_VERSION.to_string();
    assert!(constants().contains(&("SMBGW_ABI_VERSION".into(), number.clone())));
    let said = format!("`SMBGW_ABI_VERSION` is {number}.");
    assert!(section("Versions").contains(&said));
}

#[test]
fn codes_are_the_same_in_header_library_and_manual() {
    let text = |text: &std::ffi::CStr| text.to_str().unwrap().to_string();
    let codes = (-1000..1000).filter_map(|number| Some((number, Code::of(number)?)));
    let in_library: Vec<Vec<String>> = codes
        .map(|(number, code)| {
            let name = text(code.name());
            let constant = format!("SMBGW_{}", name.to_uppercase().replace('-', "_"));
            vec![number.to_string(), name, constant, text(code.message())]
        })
        .collect();
    assert_eq!(rows(&section("Codes")), in_library);
    let text = declarations();
    let (_, rest) = text.split_once("enum smbgw_code {").unwrap();
    let (in_header, _) = rest.split_once('}').unwrap();
    let in_header: Vec<String> = in_header
        .split(',')
        .map(|line| line.trim().to_string())
        .filter(|line| !line.is_empty())
        .collect();
    let expected: Vec<String> = in_library
        .iter()
        .map(|row| format!("{} = {}", row[2], row[0]))
        .collect();
    assert_eq!(in_header, expected);
}

#[test]
fn the_manual_has_every_field_of_an_error() {
    let schema = fs::read_to_string(here().join("schema/error.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let fields = schema["properties"].as_object().unwrap().keys();
    let fields: BTreeSet<String> = fields.cloned().collect();
    let described = rows(&section("Requests and replies")).into_iter();
    let described: BTreeSet<String> = described.map(|row| row[0].clone()).collect();
    assert_eq!(described, fields);
}

#[test]
fn limits_are_the_same_in_header_and_manual() {
    let is_limit = |name: &str| name.contains("LONGEST") || name.contains("MOST");
    let mut in_header = constants();
    in_header.retain(|(name, _)| is_limit(name));
    let mut in_manual: Vec<_> = rows(&section("Limits"))
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    in_header.sort();
    in_manual.sort();
    assert!(!in_header.is_empty());
    assert_eq!(in_manual, in_header);
}

#[test]
fn every_constant_is_checked_by_the_program_that_knows_them() {
    let known = fs::read_to_string(here().join("tests/c/layout.c")).unwrap();
    for (name, _) in constants() {
        assert!(known.contains(&name), "{name}");
    }
    for code in (0..1000).filter_map(Code::of) {
        let name = code.name().to_str().unwrap().to_uppercase();
        let name = name.replace('-', "_");
        assert!(
            known.contains(&format!("SMBGW_{name} == {}", code as i32)),
            "{name}"
        );
    }
}
