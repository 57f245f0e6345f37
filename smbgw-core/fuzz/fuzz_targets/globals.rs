//! Reading a configuration ends, whatever its files include, and finds again what it lists.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use smbgw_core::smbconf::{effective, globals, shares};

fuzz_target!(|texts: (&[u8], &[u8], &[u8])| {
    let (text, first, second) = texts;
    let read = |path: &Path| match path.as_os_str().len() {
        0 => None,
        1 => Some(first.to_vec()),
        _ => Some(second.to_vec()),
    };
    let globals = globals::explicit_globals_following(text, &read);
    for setting in globals.settings() {
        if setting.name.contains('\u{fffd}') {
            continue;
        }
        assert_eq!(globals.get(&setting.name), Some(setting.value.as_slice()));
    }
    for share in &shares::shares(text, &read) {
        share.path();
    }
    effective::parse(text);
});
