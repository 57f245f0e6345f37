//! A template built from the packages of a release of Debian.
//!
//! No file system is mounted from an image and no loop device is used: the packages are put together in a
//! folder by `mmdebstrap`, `mke2fs -d` makes a file system of the folder, and the boot loader is written
//! around it. The disk starts with a BIOS and with UEFI.

mod boot;
mod disk;
mod inputs;
mod packages;
mod preflight;
mod settle;

use std::path::Path;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, Host};
use smbgw_core::progress::{Event, Progress};
use smbgw_core::size::ByteSize;

use super::distro::Distro;
use super::error::TemplateError;
use super::manifest::PackageManifest;
use super::name::TemplateName;
use super::record::{
    DISK, MANIFEST, RECORD, SCHEMAS, Template, TemplateRecord, TemplateSource, VERSION,
    sha256_of_file,
};
use super::store::TemplateStore;
use crate::image::{ImageFormat, QemuImg};
use inputs::Inputs;
pub(in crate::template) use inputs::sha256_of;
pub use packages::DEFAULT_PACKAGES;

/// The disk before it is converted, in the folder of the work.
const RAW: &str = "disk.raw";

/// Where cloud-init has its schemas.
const SCHEMAS_OF_CLOUD_INIT: &str = "usr/lib/python3/dist-packages/cloudinit/config/schemas";

/// What template to build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BuildRequest {
    /// What it is called.
    pub name: TemplateName,
    /// The release.
    pub distro: Distro,
    /// The size of its disk; disks over it can be larger.
    pub size: ByteSize,
    /// Packages beside [`DEFAULT_PACKAGES`].
    pub packages: Vec<String>,
    /// Words by which it is found.
    pub tags: Vec<String>,
    /// The archive, or `None` for the one that the machine's own apt sources name.
    pub mirror: Option<String>,
    /// The archive of security updates, or `None` for the one that the machine's own apt sources name.
    pub security_mirror: Option<String>,
    /// The time that files are given which are newer, in seconds since 1970-01-01 00:00 UTC
    /// (`SOURCE_DATE_EPOCH`), or `None` for the time of the build.
    pub epoch_seconds: Option<i64>,
}

impl BuildRequest {
    /// The usual template of a release: 4 GiB.
    pub fn new(name: TemplateName, distro: Distro) -> Self {
        Self {
            name,
            distro,
            size: ByteSize::from_mib(4096),
            packages: Vec::new(),
            tags: Vec::new(),
            mirror: None,
            security_mirror: None,
            epoch_seconds: None,
        }
    }
}

/// What building a template consists of, in order; progress counts these.
pub fn steps() -> [&'static str; 5] {
    [
        "put the packages together",
        "remove what belongs to one machine, and set up its services",
        "write the disk and its boot loader",
        "convert the disk",
        "write the record",
    ]
}

/// Builds a template and puts it into the store.
///
/// A run that fails removes what it made; what one left that was killed, the next one of that name removes.
///
/// # Errors
/// [`TemplateError::Refused`] with all problems of the request and the machine, before anything is touched;
/// [`TemplateError::Exists`]; and where a step fails.
pub fn build(
    store: &TemplateStore<'_>,
    request: &BuildRequest,
    progress: &dyn Progress,
    deadline: Deadline,
) -> Result<Template, TemplateError> {
    preflight::check(store, request, deadline)?;
    let _lock = store.lock(&request.name, "build a template", deadline)?;
    if store.host().status(&store.folder(&request.name))?.is_some() {
        return Err(TemplateError::Exists(request.name.clone()));
    }
    let inputs = Inputs::of(store.host(), request, deadline)?;
    let work = store.begin(&request.name)?;
    let run = Run {
        host: store.host(),
        request,
        inputs: &inputs,
        work: &work,
        progress,
        deadline,
    };
    let made = run
        .all()
        .and_then(|()| store.finish(&request.name, &work.join("made"), deadline));
    // What was made is in its place by now, or is of no use. An error of the build says more than one of this.
    let cleaned = store.clean(&request.name);
    made.and(cleaned)?;
    progress.event(&Event::PlanDecided);
    store.show(&request.name)
}

/// The SHA-256 of all that decides how a template comes out, beside the state of the archive: a template that was
/// built with another one is out of date.
///
/// # Errors
/// Where the machine's own apt sources cannot be asked for the archive.
pub fn inputs_sha256(
    host: &dyn Host,
    request: &BuildRequest,
    deadline: Deadline,
) -> Result<String, TemplateError> {
    Ok(Inputs::of(host, request, deadline)?.sha256())
}

/// One build under way.
struct Run<'a> {
    host: &'a dyn Host,
    request: &'a BuildRequest,
    inputs: &'a Inputs,
    work: &'a Path,
    progress: &'a dyn Progress,
    deadline: Deadline,
}

impl Run<'_> {
    fn all(&self) -> Result<(), TemplateError> {
        let steps = steps().len();
        self.progress.event(&Event::PlanStarts { steps });
        let (root, raw, made) = (
            self.work.join("root"),
            self.work.join(RAW),
            self.work.join("made"),
        );
        self.step(0, || packages::install(self, &root))?;
        let manifest = self.step(1, || {
            boot::configure(self, &root)?;
            settle::settle(self, &root)?;
            self.host.create_dir(&made, 0o755)?;
            self.copy_schemas(&root, &made)?;
            self.manifest(&root, &made)
        })?;
        self.step(2, || {
            disk::write(self, &root, &raw)?;
            boot::write(self, &raw)
        })?;
        self.step(3, || {
            let image = QemuImg::new(self.host, self.deadline);
            let (from, to) = (ImageFormat::Raw, ImageFormat::Qcow2);
            image.convert((&raw, from), (&made.join(DISK), to), None, false)?;
            self.host.set_mode(&made.join(DISK), 0o444)?;
            Ok(())
        })?;
        self.step(4, || self.record(&made, &manifest))
    }

    fn step<T>(
        &self,
        index: usize,
        work: impl FnOnce() -> Result<T, TemplateError>,
    ) -> Result<T, TemplateError> {
        let title = steps()[index];
        self.progress.event(&Event::StepStarts { index, title });
        let made = work()?;
        let change = Change::Created;
        self.progress.event(&Event::StepDone {
            index,
            title,
            change,
        });
        Ok(made)
    }

    fn run(&self, command: Command) -> Result<String, TemplateError> {
        let command = command.timeout(self.deadline.remaining());
        Ok(self.host.run(&command, self.deadline)?.text())
    }

    /// Keeps the schemas where documents are checked before a guest has them.
    fn copy_schemas(&self, root: &Path, made: &Path) -> Result<(), TemplateError> {
        let from = root.join(SCHEMAS_OF_CLOUD_INIT);
        let to = made.join(SCHEMAS);
        self.host.create_dir(&to, 0o755)?;
        self.needed(
            &from.join("schema-cloud-config-v1.json"),
            "schema of cloud-init",
        )?;
        for (name, content) in self.host.read_files(&from, ".json")? {
            self.host.write(&to.join(name), &content, 0o644)?;
        }
        Ok(())
    }

    fn manifest(&self, root: &Path, made: &Path) -> Result<String, TemplateError> {
        let status = self.needed(&root.join("var/lib/dpkg/status"), "list of packages")?;
        let manifest = PackageManifest::from_dpkg_status(&String::from_utf8_lossy(&status));
        let text = manifest.to_text();
        self.host
            .write(&made.join(MANIFEST), text.as_bytes(), 0o644)?;
        Ok(text)
    }

    fn record(&self, made: &Path, manifest: &str) -> Result<(), TemplateError> {
        let mut tags = self.request.tags.clone();
        tags.sort();
        tags.dedup();
        let record = TemplateRecord {
            version: VERSION,
            name: self.request.name.clone(),
            tags,
            source: TemplateSource::Built {
                distro: self.request.distro,
                packages: self.inputs.packages.clone(),
                mirror: self.inputs.mirror.clone(),
                inputs_sha256: self.inputs.sha256(),
            },
            made_at_seconds: self.host.now(),
            format: ImageFormat::Qcow2,
            size_bytes: self.request.size.bytes(),
            disk_sha256: sha256_of_file(self.host, &made.join(DISK), self.deadline)?,
            manifest_sha256: Some(sha256_of(manifest.as_bytes())),
        };
        let text = record.to_text();
        let path = made.join(RECORD);
        self.host.write(&path, text.as_bytes(), 0o644)?;
        Ok(())
    }

    fn needed(&self, path: &Path, what: &str) -> Result<Vec<u8>, TemplateError> {
        let content = self.host.read(path)?;
        content.ok_or_else(|| TemplateError::Incomplete { what: what.into() })
    }
}
