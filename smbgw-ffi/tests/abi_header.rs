//! `include/smbgw.h` is what the source says. `SMBGW_BLESS=1` in the environment writes it anew.

use std::fs;
use std::path::{Path, PathBuf};

/// In the order in which a reader wants them.
const MODULES: [&str; 6] = ["version", "code", "call", "text", "usage", "secrets"];

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn module(name: &str) -> PathBuf {
    here().join(format!("src/abi/{name}.rs"))
}

fn generate() -> String {
    let config = cbindgen::Config::from_file(here().join("cbindgen.toml")).unwrap();
    let builder = cbindgen::Builder::new().with_config(config);
    let builder = MODULES
        .iter()
        .fold(builder, |builder, name| builder.with_src(module(name)));
    let mut header = Vec::new();
    builder.generate().unwrap().write(&mut header);
    for_c(&String::from_utf8(header).unwrap())
}

/// The generated `header` with what is written for readers of Rust put for those of C.
fn for_c(header: &str) -> String {
    let header = without_links(header)
        .replace(" * # Safety\n", " * Required of the caller:\n")
        .replace("SMBGW_CODE_", "SMBGW_");
    header.trim_start().to_string()
}

/// `text` with each link ``[`name`](target)`` or ``[`name`]`` become `name`.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("[`") {
        let (before, link) = rest.split_at(start);
        let (name, after) = link[2..].split_once("`]").expect("a link ends");
        plain.push_str(before);
        plain.push_str(name);
        rest = match after.strip_prefix('(') {
            Some(target) => target.split_once(')').expect("a target ends").1,
            None => after,
        };
    }
    plain + rest
}

#[test]
fn the_header_is_what_the_source_says() {
    let path = here().join("include/smbgw.h");
    let header = generate();
    if std::env::var_os("SMBGW_BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, &header).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == header,
        "{} is not what the source says: run this test with SMBGW_BLESS=1 and look at the change",
        path.display()
    );
}

#[test]
fn all_functions_are_in_a_module_that_is_looked_at() {
    let exported = "#[unsafe(no_mangle)]";
    for file in walk(&here().join("src")) {
        let is_looked_at = MODULES.iter().any(|name| module(name) == file);
        let exports = fs::read_to_string(&file).unwrap().contains(exported);
        assert!(is_looked_at || !exports, "{}", file.display());
    }
}

#[test]
fn nothing_in_the_header_is_for_readers_of_rust() {
    let header = generate();
    for word in ["# Safety", "[`", "](", "::", "Option", "&mut", "Code"] {
        assert!(!header.contains(word), "{word}");
    }
    assert!(header.contains("Required of the caller:\n"));
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}
