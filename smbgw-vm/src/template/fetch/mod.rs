//! A template of an image that somebody else made, such as a cloud image of Debian.
//!
//! Nothing is done with an image before its checksum was compared, and nothing without one.

mod download;
mod source;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Problem;
use smbgw_core::host::{Command, Host};

use super::error::TemplateError;
use super::name::TemplateName;
use super::record::{
    DISK, MANIFEST, RECORD, Template, TemplateRecord, TemplateSource, VERSION, sha256_of_file,
};
use super::request::{invalid, of_tags};
use super::store::TemplateStore;
use super::validate::manifest_of_disk;
use crate::code::Code;
use crate::image::{HeaderError, ImageError, ImageFormat, QemuImg};
pub use source::{Checksum, ImageSource};

/// What image to make a template of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FetchRequest {
    /// What the template is called.
    pub name: TemplateName,
    /// Words by which it is found.
    pub tags: Vec<String>,
    /// The absolute path of a file, or an address with http or https.
    pub from: String,
    /// `sha256:` or `sha512:` with the checksum in hexadecimal digits. Without it nothing is fetched.
    pub checksum: Option<String>,
}

/// Makes a template of an image and puts it into the store. A download that was broken off goes on where it was.
///
/// # Errors
/// [`TemplateError::Refused`] with all problems of the request, [`TemplateError::Checksum`] where the image is
/// another one, and where it cannot be fetched or is made of other files.
pub fn fetch(
    store: &TemplateStore<'_>,
    request: &FetchRequest,
    deadline: Deadline,
) -> Result<Template, TemplateError> {
    let (source, checksum) = read(request)?;
    let _lock = store.lock(&request.name, "fetch a template", deadline)?;
    if store.host().status(&store.folder(&request.name))?.is_some() {
        return Err(TemplateError::Exists(request.name.clone()));
    }
    let work = store.begin(&request.name)?;
    let made = work.join("made");
    let run = Run {
        store,
        request,
        source: &source,
        checksum: &checksum,
        deadline,
    };
    let done = run
        .all(&work, &made)
        .and_then(|()| store.finish(&request.name, &made, deadline));
    let cleaned = store.clean(&request.name);
    done.and(cleaned)?;
    store.show(&request.name)
}

/// What was asked for, all that is wrong with it together.
fn read(request: &FetchRequest) -> Result<(ImageSource, Checksum), TemplateError> {
    let tags: Vec<Problem> = of_tags(&request.tags).collect();
    match image(&request.from, request.checksum.as_deref()) {
        Ok(image) if tags.is_empty() => Ok(image),
        image => {
            let problems = image.err().unwrap_or_default();
            Err(TemplateError::Refused([problems, tags].concat()))
        }
    }
}

/// Where an image is, and its checksum, or all that is wrong with them.
pub(super) fn image(
    from: &str,
    checksum: Option<&str>,
) -> Result<(ImageSource, Checksum), Vec<Problem>> {
    let mut problems = Vec::new();
    let source = ImageSource::parse(from);
    if source.is_none() {
        let message = "the image is neither an absolute path nor an address with http or https";
        problems.push(invalid("from", Code::TemplateFrom, message));
    }
    let parsed = checksum.and_then(Checksum::parse);
    if parsed.is_none() {
        let message = match checksum {
            None => "an image is not taken without a checksum".to_owned(),
            Some(given) => format!("`{given}` is not `sha256:` or `sha512:` with a checksum"),
        };
        problems.push(invalid("checksum", Code::TemplateNoChecksum, message));
    }
    match (source, parsed) {
        (Some(source), Some(checksum)) => Ok((source, checksum)),
        _ => Err(problems),
    }
}

struct Run<'a> {
    store: &'a TemplateStore<'a>,
    request: &'a FetchRequest,
    source: &'a ImageSource,
    checksum: &'a Checksum,
    deadline: Deadline,
}

impl Run<'_> {
    fn all(&self, work: &Path, made: &Path) -> Result<(), TemplateError> {
        let host = self.host();
        let image = self.image(work)?;
        let tool = QemuImg::new(host, self.deadline);
        let format = format_of(&tool, &image)?;
        host.create_dir(made, 0o755)?;
        let disk = made.join(DISK);
        tool.convert((&image, format), (&disk, ImageFormat::Qcow2), None, false)?;
        host.set_mode(&disk, 0o444)?;
        // Not needed any more, and large.
        host.remove(&image)?;
        // One that is no Debian has none; looking the template over tells.
        let manifest = manifest_of_disk(host, &disk, work, self.deadline)
            .ok()
            .filter(|manifest| !manifest.packages().is_empty())
            .map(|manifest| manifest.to_text());
        if let Some(text) = &manifest {
            host.write(&made.join(MANIFEST), text.as_bytes(), 0o644)?;
        }
        let size_bytes = tool.info(&disk, ImageFormat::Qcow2)?.virtual_size_bytes;
        let record = TemplateRecord {
            version: VERSION,
            name: self.request.name.clone(),
            tags: self.request.tags.clone(),
            source: TemplateSource::Fetched {
                from: self.source.shown(),
                checksum: self.checksum.to_string(),
            },
            made_at_seconds: host.now(),
            format: ImageFormat::Qcow2,
            size_bytes,
            disk_sha256: sha256_of_file(host, &disk, self.deadline)?,
            manifest_sha256: manifest.map(|text| super::build::sha256_of(text.as_bytes())),
        };
        host.write(&made.join(RECORD), record.to_text().as_bytes(), 0o644)?;
        Ok(())
    }

    fn host(&self) -> &dyn Host {
        self.store.host()
    }

    /// The image in the folder `work`, its checksum compared. It is a copy that nobody else changes.
    fn image(&self, work: &Path) -> Result<PathBuf, TemplateError> {
        let image = work.join("image");
        match self.source {
            ImageSource::File(path) => {
                let command = Command::new("cp")
                    .args(["--sparse=auto", "--"])
                    .arg(path)
                    .arg(&image);
                self.run(command)?;
                self.compare(&image)?;
            }
            ImageSource::Address(address) => {
                let partial = self.store.path().join(self.checksum.partial_name());
                download::download(self.host(), address, &partial, self.deadline)?;
                if let Err(error) = self.compare(&partial) {
                    // Going on with it would not make it right.
                    self.host().remove(&partial)?;
                    return Err(error);
                }
                self.run(
                    Command::new("mv")
                        .args(["-T", "--"])
                        .arg(&partial)
                        .arg(&image),
                )?;
            }
        }
        Ok(image)
    }

    fn compare(&self, image: &Path) -> Result<(), TemplateError> {
        let said = self.run(Command::new(self.checksum.tool()).arg("--").arg(image))?;
        let found = said.split_whitespace().next().unwrap_or_default();
        if found == self.checksum.digits() {
            return Ok(());
        }
        Err(TemplateError::Checksum {
            from: self.source.shown(),
            found: found.into(),
            expected: self.checksum.digits().into(),
        })
    }

    fn run(&self, command: Command) -> Result<String, TemplateError> {
        let command = command.timeout(self.deadline.remaining());
        Ok(self.host().run(&command, self.deadline)?.text())
    }
}

/// The format of an image that can be trusted to be the one that was asked for: qcow2, or else raw.
fn format_of(tool: &QemuImg<'_>, image: &Path) -> Result<ImageFormat, TemplateError> {
    match tool.expect(image, None) {
        Ok(_) => Ok(ImageFormat::Qcow2),
        Err(ImageError::WrongFormat {
            why: HeaderError::Magic,
            ..
        }) => Ok(ImageFormat::Raw),
        Err(error) => Err(error.into()),
    }
}
