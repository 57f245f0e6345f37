//! What the C interface adds to a call: calls from C side by side with the same ones from Rust, medians
//! of one run on one machine (`make bench`; no root).

#![allow(clippy::print_stdout)]

#[path = "../tests/c/mod.rs"]
mod c;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use c::{Language, Workshop, here, succeeds};
use smbgw::dispatch::{Request, call};

/// Short ones, so that another process is seldom scheduled in the middle.
const ROUNDS: usize = 501;

fn main() {
    let shop = Workshop::new();
    let source = here().join("benches/loop.c");
    let program = shop.compile_files(Language::C99, &[source], &["-O2"]);
    let root = shop.empty_folder("root");
    let said = succeeds(Command::new(program).arg(&root), "");
    let from_c: BTreeMap<&str, f64> = said
        .lines()
        .map(|line| line.split_once(' ').expect("a name and a number"))
        .map(|(name, number)| (name, number.parse().expect("a number")))
        .collect();

    println!(
        "{:<20} {:>10} {:>10} {:>10}",
        "", "from C", "from Rust", "more"
    );
    for name in ["smbgw_abi_version", "boundary", "smbgw_quota_usage"] {
        println!("{name:<20} {:>7.0} ns", from_c[name]);
    }
    let tree = format!(r#"{{"root":"{}"}}"#, root.display());
    for (method, request, times) in [
        ("no.such", "{}", 50),
        ("library.methods", "{}", 5),
        ("share.list", tree.as_str(), 50),
    ] {
        let from_rust = median(times, || answer(method, request).len());
        let from_c = from_c[method];
        println!(
            "{method:<20} {from_c:>7.0} ns {from_rust:>7.0} ns {:>7.0} ns",
            from_c - from_rust
        );
    }
}

/// What a caller from Rust does to get the same text.
fn answer(method: &str, request: &str) -> String {
    match call(method, &Request::new(request)) {
        Ok(reply) => reply.to_string(),
        Err(failure) => failure.document().to_string(),
    }
}

/// Nanoseconds of one `call`, the median of many rounds.
fn median(times: u32, mut call: impl FnMut() -> usize) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..times {
                black_box(call());
            }
            start.elapsed().as_nanos() as f64 / f64::from(times)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}
