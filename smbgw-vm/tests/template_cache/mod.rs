//! The template that tests start guests from: built by the library itself, once, and kept in the cache folder.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;
use smbgw_core::host::LocalHost;
use smbgw_core::progress::Silent;
use smbgw_testing::{Error, FastBoot, guest_machine};
use smbgw_vm::template::{
    BuildRequest, Distro, Template, TemplateName, TemplateStore, build, inputs_sha256,
};

/// What decides about a template beside its inputs.
const SOURCES: [&str; 5] = [
    include_str!("../../src/template/build/boot.rs"),
    include_str!("../../src/template/build/disk.rs"),
    include_str!("../../src/template/build/mod.rs"),
    include_str!("../../src/template/build/packages.rs"),
    include_str!("../../src/template/build/settle.rs"),
];

/// The time that files of templates have which are newer (2025-06-15).
const EPOCH: i64 = 1_750_000_000;

/// How long a build may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(1800);

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

/// The template of Debian 12, built now where it is missing.
pub(crate) fn ready() -> Ready {
    ready_of(Distro::Bookworm)
}

/// The template of a release, built now where it is missing.
pub(crate) fn ready_of(distro: Distro) -> Ready {
    let make = |folder: &Path| build_in(&folder.join("store"), distro).map(drop);
    let key = key(distro);
    let folder = guest_machine::cached(&key, make).unwrap();
    let fast_boot = FastBoot::of(&disk_in(&folder), &key).unwrap();
    Ready { folder, fast_boot }
}

fn disk_in(folder: &Path) -> PathBuf {
    let template = folder.join("store").join(name().as_str());
    template.join("disk.qcow2")
}

/// Builds the template of a release once more, in the folder `store`.
pub(crate) fn build_in(store: &Path, distro: Distro) -> smbgw_testing::Result<Template> {
    let host = LocalHost::new();
    let store = TemplateStore::new(&host, store);
    let deadline = Deadline::after(PATIENCE);
    build(&store, &request(distro), &Silent, deadline)
        .map_err(|error| Error::new(chain_text(&error)))
}

/// What decides how the template of a release comes out, as the name of a folder.
pub(crate) fn key(distro: Distro) -> String {
    let deadline = Deadline::after(Duration::from_secs(60));
    let inputs = inputs_sha256(&LocalHost::new(), &request(distro), deadline).unwrap();
    let mut key = DefaultHasher::new();
    (SOURCES, inputs).hash(&mut key);
    format!("{distro}-{:016x}", key.finish())
}

fn request(distro: Distro) -> BuildRequest {
    BuildRequest {
        epoch_seconds: Some(EPOCH),
        ..BuildRequest::new(name(), distro)
    }
}
