//! What is kept of a template beside its disk.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, CommandError, Host};

use super::distro::Distro;
use super::name::TemplateName;
use crate::image::ImageFormat;

/// The newest form of the record that is known.
pub(super) const VERSION: u32 = 1;

/// The disk, in the folder of a template.
pub(super) const DISK: &str = "disk.qcow2";
/// The list of its packages.
pub(super) const MANIFEST: &str = "packages.json";
/// The record.
pub(super) const RECORD: &str = "template.json";
/// The folder with the schemas that its cloud-init checks documents by.
pub(super) const SCHEMAS: &str = "schemas";
/// The folder with a file for each user.
pub(super) const USERS: &str = "users";

/// Where the disk of a template comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum TemplateSource {
    /// It was built from the packages of a release.
    Built {
        /// The release.
        distro: Distro,
        /// The packages that were asked for beside the usual ones, sorted.
        packages: Vec<String>,
        /// The archive they come from.
        mirror: String,
        /// What all inputs of the build make: builds with the same one differ in nothing but the state of the
        /// archive.
        inputs_sha256: String,
    },
    /// It is an image that somebody else made.
    Fetched {
        /// The file or the address, without user and password.
        from: String,
        /// The checksum that it was compared with, such as `sha256:…`.
        checksum: String,
    },
}

/// The record of a template: `template.json` in its folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TemplateRecord {
    /// The form of the record, a number that grows.
    pub version: u32,
    /// The name of the template.
    pub name: TemplateName,
    /// Words by which it is found.
    pub tags: Vec<String>,
    /// Where the disk comes from.
    pub source: TemplateSource,
    /// When it was made, in seconds since 1970-01-01 00:00 UTC.
    pub made_at_seconds: i64,
    /// The format of the disk.
    pub format: ImageFormat,
    /// The size of the disk that a guest sees, in bytes.
    pub size_bytes: u64,
    /// The SHA-256 of the file of the disk.
    pub disk_sha256: String,
    /// The SHA-256 of the list of packages, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub manifest_sha256: Option<String>,
}

impl TemplateRecord {
    /// The text of the file that holds it.
    pub(super) fn to_text(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("it is plain text");
        format!("{text}\n")
    }
}

/// The SHA-256 of a file, in hexadecimal digits.
pub(super) fn sha256_of_file(
    host: &dyn Host,
    path: &Path,
    deadline: Deadline,
) -> Result<String, CommandError> {
    let command = Command::new("sha256sum")
        .arg("--")
        .arg(path)
        .timeout(deadline.remaining());
    let said = host.run(&command, deadline)?.text();
    match said.split_whitespace().next() {
        Some(sum) => Ok(sum.into()),
        None => Err(CommandError::unexpected(&command, "no checksum")),
    }
}

/// A template that is in a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Template {
    /// Its folder.
    pub folder: PathBuf,
    /// What is kept of it.
    #[serde(flatten)]
    pub record: TemplateRecord,
    /// Who uses it: the names of the machines whose disks are layers over it.
    pub users: Vec<String>,
}

impl Template {
    /// The file of the disk.
    pub fn disk(&self) -> PathBuf {
        self.folder.join(DISK)
    }

    /// The list of packages. A template that was fetched may have none.
    pub fn manifest(&self) -> PathBuf {
        self.folder.join(MANIFEST)
    }

    /// The folder with the schemas by which the cloud-init on the disk checks documents. A template that was
    /// fetched may have none.
    pub fn schemas(&self) -> PathBuf {
        self.folder.join(SCHEMAS)
    }
}
