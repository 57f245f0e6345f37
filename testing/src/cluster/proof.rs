//! Whether ctdb works here, which takes ten seconds to find out and is remembered.
//!
//! The proof is the empty file `CACHE/ctdb/KEY`. The key holds what the answer depends on: the versions
//! of ctdb and of the kernel, and what sets a node up. That it does not work is never remembered.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::Command;

use super::{Cluster, Settings};
use crate::{Error, Result, cache, run};

/// Files in which all that decides about a node is said.
const SOURCES: [&str; 2] = [include_str!("../cluster.rs"), include_str!("node.rs")];

/// Starts a cluster of one node, unless one was healthy here before.
pub(crate) fn available() -> Result<()> {
    let proofs = cache::folder("ctdb")?;
    let proof = proofs.join(key()?);
    if proof.exists() {
        return Ok(());
    }
    let settings = Settings {
        addresses: 1,
        file_server: false,
        ..Settings::default()
    };
    Cluster::start(1, settings)?;
    // Those of other versions say nothing of this one.
    for entry in fs::read_dir(&proofs).into_iter().flatten().flatten() {
        if entry.path() != proof {
            let _ = fs::remove_file(entry.path());
        }
    }
    fs::create_dir_all(&proofs)
        .and_then(|()| fs::write(&proof, ""))
        .map_err(Error::doing(format!("writing {}", proof.display())))
}

fn key() -> Result<String> {
    let versions = run(Command::new("ctdb").arg("version"))?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_err(Error::doing("reading the kernel's version"))?;
    let mut hasher = DefaultHasher::new();
    (versions, kernel, SOURCES).hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}
