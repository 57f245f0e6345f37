//! Gives the shared library its soname.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The number grows with a change that breaks callers; docs/abi.md says which do.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libsmbgw.so.0");
}
