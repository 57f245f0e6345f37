//! `qemu-img` on one host.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, Host};
use smbgw_core::size::ByteSize;

use super::check::{self, CheckReport, FOUND_SOMETHING};
use super::error::ImageError;
use super::format::ImageFormat;
use super::header::{self, Qcow2Header};
use super::info::{self, ImageInfo};

/// `qemu-img` on one host.
#[derive(Clone, Copy, Debug)]
pub struct QemuImg<'a> {
    host: &'a dyn Host,
    deadline: Deadline,
}

impl<'a> QemuImg<'a> {
    /// `qemu-img` on `host`, all of it over by `deadline`.
    pub fn new(host: &'a dyn Host, deadline: Deadline) -> Self {
        Self { host, deadline }
    }

    /// Makes an empty image at `path`; what is there is overwritten.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn create(
        &self,
        path: &Path,
        format: ImageFormat,
        size: ByteSize,
    ) -> Result<(), ImageError> {
        let arguments = [
            "create".into(),
            "-q".into(),
            "-f".into(),
            format.as_str().into(),
            absolute(path)?,
            size.bytes().to_string().into(),
        ];
        self.run(arguments).map(drop)
    }

    /// Makes a layer at `path` over the image `backing`, which stays as it is. With a `size` the disk is made
    /// that large, at least as large as that of `backing`.
    ///
    /// # Errors
    /// [`ImageError::WouldShrink`] for a smaller size, and where it cannot be made.
    pub fn overlay(
        &self,
        path: &Path,
        backing: &Path,
        backing_format: ImageFormat,
        size: Option<ByteSize>,
    ) -> Result<(), ImageError> {
        let mut arguments: Vec<OsString> = ["create", "-q", "-f", "qcow2"].map(Into::into).into();
        arguments.extend(["-F".into(), backing_format.as_str().into(), "-b".into()]);
        arguments.extend([absolute(backing)?, absolute(path)?]);
        if let Some(size) = size {
            self.refuse_to_shrink(backing, backing_format, size)?;
            arguments.push(size.bytes().to_string().into());
        }
        self.run(arguments).map(drop)
    }

    /// Writes the disk of the image `from` to a new image `to` that stands for itself. A whole image is read:
    /// one that is a layer over another is refused, unless over `backing`.
    ///
    /// # Errors
    /// Where the image is not what was said, and where it cannot be read or written.
    pub fn convert(
        &self,
        from: (&Path, ImageFormat),
        to: (&Path, ImageFormat),
        backing: Option<&Path>,
        compress: bool,
    ) -> Result<(), ImageError> {
        if from.1 == ImageFormat::Qcow2 {
            self.expect(from.0, backing)?;
        }
        let mut arguments: Vec<OsString> = ["convert", "-q", "-f"].map(Into::into).into();
        arguments.extend([from.1.as_str().into(), "-O".into(), to.1.as_str().into()]);
        if compress && to.1 == ImageFormat::Qcow2 {
            arguments.push("-c".into());
        }
        arguments.extend([absolute(from.0)?, absolute(to.0)?]);
        self.run(arguments).map(drop)
    }

    /// Makes the disk in the image larger.
    ///
    /// # Errors
    /// [`ImageError::WouldShrink`] for a smaller size, and where it cannot be changed.
    pub fn resize(
        &self,
        path: &Path,
        format: ImageFormat,
        size: ByteSize,
    ) -> Result<(), ImageError> {
        self.refuse_to_shrink(path, format, size)?;
        let arguments = [
            "resize".into(),
            "-q".into(),
            "-f".into(),
            format.as_str().into(),
            absolute(path)?,
            size.bytes().to_string().into(),
        ];
        self.run(arguments).map(drop)
    }

    /// What is known of one image. The disk may be in use by a guest.
    ///
    /// # Errors
    /// Where it is not in this format, or cannot be read.
    pub fn info(&self, path: &Path, format: ImageFormat) -> Result<ImageInfo, ImageError> {
        let arguments = [
            "info".into(),
            "-U".into(),
            "--output=json".into(),
            "-f".into(),
            format.as_str().into(),
            absolute(path)?,
        ];
        let command = self.command(arguments);
        let output = self.host.run(&command, self.deadline)?;
        Ok(info::parse(&command, &output.stdout)?)
    }

    /// A qcow2 image with all those below it, the topmost first. The chain has to be exactly that of `path`
    /// over `backing`, in order; it is not opened otherwise.
    ///
    /// # Errors
    /// [`ImageError::UnexpectedBacking`] and [`ImageError::BackingMissing`] where the chain is another one.
    pub fn chain(&self, path: &Path, backing: &[PathBuf]) -> Result<Vec<ImageInfo>, ImageError> {
        let mut image = path;
        for below in backing {
            self.expect(image, Some(below))?;
            image = below;
        }
        self.expect(image, None)?;
        let arguments = [
            "info".into(),
            "-U".into(),
            "--backing-chain".into(),
            "--output=json".into(),
            "-f".into(),
            "qcow2".into(),
            absolute(path)?,
        ];
        let command = self.command(arguments);
        let output = self.host.run(&command, self.deadline)?;
        Ok(info::parse_chain(&command, &output.stdout)?)
    }

    /// Looks over the inner tables of a qcow2 image; nothing is repaired.
    ///
    /// # Errors
    /// Where it cannot be looked over: damage is in the report.
    pub fn check(&self, path: &Path) -> Result<CheckReport, ImageError> {
        let arguments = [
            "check".into(),
            "--output=json".into(),
            "-f".into(),
            "qcow2".into(),
            absolute(path)?,
        ];
        let command = self.command(arguments).accept(&FOUND_SOMETHING);
        let output = self.host.run(&command, self.deadline)?;
        Ok(check::parse(&command, &output.stdout)?)
    }

    /// The header of a qcow2 image, read without opening what it names.
    ///
    /// # Errors
    /// Where it is none, or cannot be read.
    pub fn header(&self, path: &Path) -> Result<Qcow2Header, ImageError> {
        let mut from = OsString::from("if=");
        from.push(absolute(path)?);
        let size = format!("bs={}", header::LENGTH);
        let command = Command::new("dd")
            .arg(from)
            .args([size.as_str(), "count=1", "status=none"])
            .timeout(self.deadline.remaining());
        let output = self.host.run(&command, self.deadline)?;
        Qcow2Header::parse(&output.stdout).map_err(|why| ImageError::WrongFormat {
            path: path.into(),
            why,
        })
    }

    /// Makes sure that a qcow2 image is a layer over `backing`, or a whole image for `None`, and that no other
    /// file belongs to it.
    ///
    /// # Errors
    /// Where it is anything else.
    pub fn expect(&self, path: &Path, backing: Option<&Path>) -> Result<Qcow2Header, ImageError> {
        let header = self.header(path)?;
        let foreign = |what| ImageError::Foreign {
            path: path.into(),
            what,
        };
        if header.external_data_file {
            return Err(foreign("keeps its content in another file"));
        }
        if header.encrypted {
            return Err(foreign("is encrypted"));
        }
        match (&header.backing_file, backing) {
            (None, None) => Ok(header),
            (None, Some(expected)) => Err(ImageError::BackingMissing {
                path: path.into(),
                expected: expected.into(),
            }),
            (Some(found), Some(expected)) if is_path(path, found, expected) => Ok(header),
            (Some(found), expected) => Err(ImageError::UnexpectedBacking {
                path: path.into(),
                found: found.clone(),
                expected: expected.map(Into::into),
            }),
        }
    }

    fn refuse_to_shrink(
        &self,
        path: &Path,
        format: ImageFormat,
        wanted: ByteSize,
    ) -> Result<(), ImageError> {
        let has_bytes = self.info(path, format)?.virtual_size_bytes;
        if wanted.bytes() < has_bytes {
            return Err(ImageError::WouldShrink {
                path: path.into(),
                has_bytes,
                wanted_bytes: wanted.bytes(),
            });
        }
        Ok(())
    }

    fn command(&self, arguments: impl IntoIterator<Item = OsString>) -> Command {
        Command::new("qemu-img")
            .args(arguments)
            .timeout(self.deadline.remaining())
    }

    fn run(&self, arguments: impl IntoIterator<Item = OsString>) -> Result<Vec<u8>, ImageError> {
        let output = self.host.run(&self.command(arguments), self.deadline)?;
        Ok(output.stdout)
    }
}

/// Whether `found`, as it stands in the header of `image`, is the file `expected`. A relative name is one
/// beside the image.
fn is_path(image: &Path, found: &str, expected: &Path) -> bool {
    let directory = image.parent().unwrap_or(Path::new("/"));
    // `join` takes an absolute name as it is; `nbd:…` and `json:…` become files that are not expected.
    directory.join(found) == expected
}

/// The path as an argument. An absolute one cannot be taken for an option, nor for a protocol.
fn absolute(path: &Path) -> Result<OsString, ImageError> {
    if path.is_absolute() {
        Ok(path.into())
    } else {
        Err(ImageError::NotAbsolute(path.into()))
    }
}
