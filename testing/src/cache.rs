//! The folder in which what takes long to make or to find out is kept.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The folder `name` of the cache: below `SMBGW_CACHE`, or below `.cache` of the workspace.
pub(crate) fn folder(name: &str) -> Result<PathBuf> {
    let cache = match std::env::var_os("SMBGW_CACHE") {
        Some(cache) => PathBuf::from(cache),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache"),
    };
    std::path::absolute(cache.join(name)).map_err(Error::doing("finding the cache folder"))
}
