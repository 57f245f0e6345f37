//! Whether a template is fit for new machines, found out without starting it.
//!
//! The disk is read by `debugfs` (debugfs(8)), which reads a file system without mounting it: one that is damaged
//! or was made to do harm never reaches the kernel.

mod boots;
mod contents;
mod system;
mod text;
mod updates;

use std::path::Path;

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, chain_text};
use smbgw_core::host::Host;

use super::error::TemplateError;
use super::manifest::PackageManifest;
use super::name::TemplateName;
use super::record::{Template, TemplateSource, sha256_of_file};
use super::store::TemplateStore;
use crate::code::Code;
use crate::image::QemuImg;
pub use boots::{boots, try_out};
use contents::Contents;

/// After this time a template is called old, in seconds: 90 days.
const OLD: i64 = 90 * 24 * 3600;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is as it should be.
    Good,
    /// The template can be used, and something should be done about it.
    Warning,
    /// The template should not be used.
    Bad,
    /// It could not be looked at.
    Unknown,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TemplateCheck {
    /// What was looked at, such as `cloud-init`.
    pub check: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found, as a lower-case sentence.
    pub message: String,
    /// The stable code, where something is wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// What usually is behind it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remedy: Option<String>,
}

/// All that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TemplateReport {
    /// The template.
    pub name: TemplateName,
    /// The checks, in order.
    pub checks: Vec<TemplateCheck>,
}

impl TemplateReport {
    /// Whether new machines can start from the template.
    pub fn is_usable(&self) -> bool {
        !self
            .checks
            .iter()
            .any(|check| check.verdict == Verdict::Bad)
    }
}

impl TemplateCheck {
    fn good(check: &str, message: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            verdict: Verdict::Good,
            message: message.into(),
            code: None,
            cause: None,
            remedy: None,
        }
    }

    fn found(check: &str, verdict: Verdict, code: Code, message: impl Into<String>) -> Self {
        Self {
            verdict,
            code: Some(code.as_str().into()),
            cause: Some(code.cause().into()),
            remedy: Some(code.fix().into()),
            ..Self::good(check, message)
        }
    }

    fn of_error(check: &str, error: &dyn Coded) -> Self {
        Self {
            verdict: Verdict::Bad,
            code: Some(error.code().into()),
            remedy: error.remedy(),
            ..Self::good(check, chain_text(error))
        }
    }
}

/// Looks a template over. Everything found is in the report, also where one check stops others.
///
/// # Errors
/// Where there is no such template, or the machine has not the room or the programs to look at it.
pub fn validate(
    store: &TemplateStore<'_>,
    name: &TemplateName,
    deadline: Deadline,
) -> Result<TemplateReport, TemplateError> {
    let _lock = store.lock(name, "validate a template", deadline)?;
    let template = store.show(name)?;
    let mut checks = vec![checksum(store, &template, deadline)?];
    let image = QemuImg::new(store.host(), deadline);
    let whole = image.expect(&template.disk(), None);
    let is_whole = whole.is_ok();
    checks.push(match whole {
        Ok(_) => TemplateCheck::good("backing-chain", "the disk is a whole qcow2 image"),
        Err(error) => TemplateCheck::of_error("backing-chain", &error),
    });
    if is_whole {
        checks.push(tables(&image, &template));
        checks.extend(inside(store, &template, deadline)?);
    }
    checks.push(age(store, &template));
    checks.push(updates::check(store.host(), &template, deadline)?);
    Ok(TemplateReport {
        name: name.clone(),
        checks,
    })
}

fn checksum(
    store: &TemplateStore<'_>,
    template: &Template,
    deadline: Deadline,
) -> Result<TemplateCheck, TemplateError> {
    let found = sha256_of_file(store.host(), &template.disk(), deadline)?;
    let is_same = found == template.record.disk_sha256;
    Ok(if is_same {
        TemplateCheck::good("checksum", "the disk is as it was made")
    } else {
        let message = "the disk is not the one that was made";
        TemplateCheck::found("checksum", Verdict::Bad, Code::TemplateChanged, message)
    })
}

fn tables(image: &QemuImg<'_>, template: &Template) -> TemplateCheck {
    match image.check(&template.disk()) {
        Ok(report) if report.is_sound() => {
            TemplateCheck::good("image", "the tables of the image agree with each other")
        }
        Ok(report) => {
            let message = format!(
                "the image is damaged: {} corruptions, {} errors",
                report.corruptions, report.errors
            );
            TemplateCheck::found("image", Verdict::Bad, Code::TemplateDamaged, message)
        }
        Err(error) => TemplateCheck::of_error("image", &error),
    }
}

/// What is on the disk. It is unpacked beside the store, as `debugfs` does not read qcow2.
fn inside(
    store: &TemplateStore<'_>,
    template: &Template,
    deadline: Deadline,
) -> Result<Vec<TemplateCheck>, TemplateError> {
    let name = &template.record.name;
    let work = store.begin(name)?;
    let looked = Contents::open(store.host(), &template.disk(), &work, deadline)
        .and_then(|contents| system::checks(&contents, template));
    store.clean(name)?;
    match looked {
        Err(TemplateError::Incomplete { what }) => Ok(vec![TemplateCheck::found(
            "packages",
            Verdict::Bad,
            Code::TemplateNotDebian,
            format!("the disk has no {what}"),
        )]),
        looked => looked,
    }
}

/// The packages on a whole disk, which is unpacked in the folder `work`.
pub(super) fn manifest_of_disk(
    host: &dyn Host,
    disk: &Path,
    work: &Path,
    deadline: Deadline,
) -> Result<PackageManifest, TemplateError> {
    let contents = Contents::open(host, disk, work, deadline)?;
    let status = contents.text("/var/lib/dpkg/status")?;
    Ok(PackageManifest::from_dpkg_status(&status))
}

fn age(store: &TemplateStore<'_>, template: &Template) -> TemplateCheck {
    let seconds = store.host().now() - template.record.made_at_seconds;
    let message = format!("the template was made {} days ago", seconds / (24 * 3600));
    if seconds > OLD {
        TemplateCheck::found("age", Verdict::Warning, Code::TemplateOld, message)
    } else {
        TemplateCheck::good("age", message)
    }
}

/// The release that a template was built of, where it was.
fn distro_of(template: &Template) -> Option<super::Distro> {
    match template.record.source {
        TemplateSource::Built { distro, .. } => Some(distro),
        TemplateSource::Fetched { .. } => None,
    }
}
