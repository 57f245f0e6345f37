//! The template that tests start guests from: built by the library itself, once, and kept in the cache folder.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;
use smbgw_core::host::LocalHost;
use smbgw_core::progress::Silent;
use smbgw_testing::{Error, FastBoot, guest_machine};
use smbgw_vm::template::{BuildRequest, Distro, TemplateName, TemplateStore, build, inputs_sha256};

/// What decides about a template beside its inputs.
const SOURCES: [&str; 5] = [
    include_str!("../../src/template/build/boot.rs"),
    include_str!("../../src/template/build/disk.rs"),
    include_str!("../../src/template/build/mod.rs"),
    include_str!("../../src/template/build/packages.rs"),
    include_str!("../../src/template/build/settle.rs"),
];

/// A template that is there, with what a quick start of it takes.
pub(crate) struct Ready {
    folder: PathBuf,
    fast_boot: FastBoot,
}

impl Ready {
    /// The folder of a store that has the template and nothing else.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// The disk of the template.
    pub(crate) fn disk(&self) -> PathBuf {
        disk_in(&self.folder)
    }

    /// What a quick start takes.
    pub(crate) fn fast_boot(&self) -> FastBoot {
        self.fast_boot.clone()
    }
}

/// The name of the template.
pub(crate) fn name() -> TemplateName {
    "lab".parse().expect("it is one")
}

/// The template, built now where it is missing.
pub(crate) fn ready() -> Ready {
    let host = LocalHost::new();
    let request = BuildRequest::new(name(), Distro::Bookworm);
    let inputs = inputs_sha256(&host, &request, Deadline::after(Duration::from_secs(60))).unwrap();
    let mut key = DefaultHasher::new();
    (SOURCES, inputs).hash(&mut key);
    let make = |folder: &Path| {
        let store = TemplateStore::new(&host, folder.join("store"));
        let deadline = Deadline::after(Duration::from_secs(1200));
        let built = build(&store, &request, &Silent, deadline);
        built
            .map(drop)
            .map_err(|error| Error::new(chain_text(&error)))
    };
    let key = format!("bookworm-{:016x}", key.finish());
    let folder = guest_machine::cached(&key, make).unwrap();
    let disk = disk_in(&folder);
    let fast_boot = FastBoot::of(&disk, &key).unwrap();
    Ready { folder, fast_boot }
}

fn disk_in(folder: &Path) -> PathBuf {
    let template = folder.join("store").join(name().as_str());
    template.join("disk.qcow2")
}
