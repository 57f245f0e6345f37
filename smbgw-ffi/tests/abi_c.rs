//! C and C++ programs that use the library: all functions and ways to fail, signals, threads, forks,
//! memory.

mod c;

use std::fs;
use std::process::Command;

use c::{Language, Workshop, ended, here, succeeds};
use smbgw_testing::{Capability, require, run};

const AS_EXPECTED: &str = "all as expected\n";

/// What makes the tests below fail where memory is lost or misused. All of the library's memory is
/// from the C library, so the tools see it too.
const VALGRIND: [&str; 5] = [
    "--quiet",
    "--leak-check=full",
    "--errors-for-leak-kinds=definite,possible",
    "--show-leak-kinds=definite,possible",
    "--error-exitcode=99",
];

#[test]
fn every_function_does_what_it_says() {
    let shop = Workshop::new();
    let client = shop.compile(Language::C99, &["client.c"], &[]);
    let root = shop.empty_folder("root");
    assert_eq!(succeeds(Command::new(client).arg(&root), ""), AS_EXPECTED);
    // Locks are taken, and nothing else is touched.
    let left = fs::read_dir(root).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty() || left == ["run"], "{left:?}");
}

#[test]
fn nothing_is_lost_or_misused_under_valgrind() {
    require!(Capability::Valgrind);
    let shop = Workshop::new();
    let client = shop.compile(Language::C99, &["client.c"], &[]);
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(VALGRIND)
        .arg(client)
        .arg(shop.empty_folder("root"));
    assert_eq!(succeeds(&mut valgrind, ""), AS_EXPECTED);

    // So it would have been seen.
    let loser = shop.path().join("loser.c");
    fs::write(
        &loser,
        "#include <smbgw.h>\nint main(void) { char *reply; \
         return smbgw_call(\"library.methods\", \"{}\", 0, &reply); }\n",
    )
    .unwrap();
    let loser = shop.compile_files(Language::C99, &[loser], &[]);
    let output = Command::new("valgrind")
        .args(VALGRIND)
        .arg(loser)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(99), "{output:?}");
}

#[test]
fn nothing_is_lost_or_misused_with_sanitizers() {
    let shop = Workshop::new();
    let sanitized = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    let client = shop.compile(Language::C99, &["client.c"], &sanitized);
    let root = shop.empty_folder("root");
    assert_eq!(succeeds(Command::new(client).arg(root), ""), AS_EXPECTED);
}

#[test]
fn signals_and_cancellation_wait_for_the_end_of_a_call() {
    let shop = Workshop::new();
    let signals = shop.compile(Language::C99, &["signals.c"], &[]);
    assert_eq!(succeeds(&mut Command::new(signals), ""), AS_EXPECTED);
}

#[test]
fn threads_call_at_once_and_with_small_stacks() {
    let shop = Workshop::new();
    let threads = shop.compile(Language::C99, &["threads.c"], &[]);
    let root = shop.empty_folder("root");
    assert_eq!(succeeds(Command::new(threads).arg(root), ""), AS_EXPECTED);
}

#[test]
fn the_library_can_be_unloaded_and_loaded_again() {
    let shop = Workshop::new();
    let loaded = shop.compile(Language::C99, &["loaded.c"], &[]);
    let library = shop.path().join("libsmbgw.so.0");
    let said = succeeds(Command::new(loaded).arg(library), "");
    assert_eq!(said, AS_EXPECTED);
}

#[test]
fn many_calls_need_no_more_memory_than_few() {
    let shop = Workshop::new();
    let memory = shop.compile(Language::C99, &["memory.c", "process.c"], &[]);
    let root = shop.empty_folder("root");
    let said = succeeds(Command::new(memory).arg(root), "");
    assert!(said.contains("after 100,000 calls"), "{said}");
}

#[test]
fn a_process_is_the_same_after_each_call() {
    let shop = Workshop::new();
    let drive = shop.compile(Language::C99, &["drive.c", "process.c", "password.c"], &[]);
    let root = shop.empty_folder("root");
    let root = root.display();
    let calls = format!(
        r#"call ok library.methods {{}}
says "share.create"
call ok share.list {{"root":"{root}"}}
call not-found share.status {{"root":"{root}","name":"media"}}
call not-found share.delete {{"root":"{root}","name":"media"}}
call invalid share.create {{"root":"{root}","name":"a/b"}}
call invalid share.status nonsense
call invalid no.such {{}}
"#
    );
    let script = format!(
        "{calls}\
         password alice\n{calls}forget\n\
         password-by-descriptor alice\n{calls}forget\n\
         # after calls before: in a child, in a child of that, and in this process\n\
         fork\n{calls}fork\n{calls}password alice\n{calls}forget\n\
         ignore-sigchld\n{calls}fork\n{calls}"
    );
    let said = succeeds(&mut Command::new(&drive), &script);
    assert_eq!(said, AS_EXPECTED);

    // So it would have been seen.
    let wrong = format!("{calls}call ok no.such {{}}\n");
    let output = ended(&mut Command::new(drive), &wrong);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("invalid, not ok"), "{told}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn numbers_sizes_and_offsets_are_those_programs_know() {
    let shop = Workshop::new();
    let layout = shop.compile(Language::C11, &["layout.c"], &[]);
    succeeds(&mut Command::new(layout), "");
}

#[test]
fn the_header_is_for_cxx_too() {
    require!(Capability::Cxx);
    let shop = Workshop::new();
    let program = shop.compile(Language::Cxx11, &["from_cxx.cpp"], &[]);
    succeeds(&mut Command::new(program), "");
}

#[test]
fn the_example_of_the_manual_works_with_pkg_config() {
    require!(Capability::PkgConfig);
    let shop = Workshop::new();
    let manual = fs::read_to_string(here().join("../docs/abi.md")).unwrap();
    let (_, rest) = manual.split_once("```c\n").expect("an example");
    let (example, _) = rest.split_once("```\n").expect("its end");
    let source = shop.path().join("example.c");
    fs::write(&source, example).unwrap();

    let template = fs::read_to_string(here().join("smbgw.pc.in")).unwrap();
    let folder = shop.path().to_str().unwrap();
    let include = here().join("include");
    let file = template
        .replace("@prefix@", folder)
        .replace("@libdir@", folder)
        .replace("@includedir@", include.to_str().unwrap())
        .replace("@version@", env!("CARGO_PKG_VERSION"));
    assert!(!file.contains('@'), "{file}");
    fs::write(shop.path().join("smbgw.pc"), file).unwrap();
    let pkg_config = |option: &str| {
        let mut command = Command::new("pkg-config");
        command
            .env("PKG_CONFIG_PATH", folder)
            .args([option, "smbgw"]);
        run(&mut command).unwrap().trim().to_string()
    };
    assert_eq!(pkg_config("--modversion"), env!("CARGO_PKG_VERSION"));

    let program = shop.path().join("example");
    let mut compiler = Command::new("gcc");
    compiler
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-o"])
        .arg(&program)
        .arg(source)
        .args(pkg_config("--cflags").split_whitespace())
        .args(pkg_config("--libs").split_whitespace());
    run(&mut compiler).unwrap();
    let mut command = Command::new(program);
    command.env("LD_LIBRARY_PATH", folder).arg("/");
    let said = succeeds(&mut command, "");
    assert!(
        said.contains("of /: ") && said.contains("\"methods\""),
        "{said}"
    );
}
