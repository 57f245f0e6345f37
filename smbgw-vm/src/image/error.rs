//! Why an image could not be used.

use std::path::PathBuf;

use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::CommandError;

use super::header::HeaderError;
use crate::code::Code;

/// Why an image could not be made, read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A path is relative, so that a part of it could be taken for a protocol.
    #[error("`{}` is not an absolute path", .0.display())]
    NotAbsolute(PathBuf),
    /// The image is in another format than was said.
    #[error("`{}` is no image in the format qcow2: {why}", path.display())]
    WrongFormat {
        /// The image.
        path: PathBuf,
        /// What is wrong with its header.
        why: HeaderError,
    },
    /// The image names another file than the one expected, or names one where none was expected.
    #[error("`{}` is a layer over `{found}`, {}", path.display(), expected_text(expected))]
    UnexpectedBacking {
        /// The image.
        path: PathBuf,
        /// What it names.
        found: String,
        /// What it should name.
        expected: Option<PathBuf>,
    },
    /// The image is a whole one where a layer over another was expected.
    #[error("`{}` is not a layer over `{}`", path.display(), expected.display())]
    BackingMissing {
        /// The image.
        path: PathBuf,
        /// What it should be a layer over.
        expected: PathBuf,
    },
    /// The content of the image lies in another file, or is encrypted.
    #[error("`{}` {what}, which is not supported", path.display())]
    Foreign {
        /// The image.
        path: PathBuf,
        /// What it does, such as `keeps its content in another file`.
        what: &'static str,
    },
    /// The disk would become smaller, and lose what is at its end.
    #[error("the disk in `{}` has {has_bytes} bytes and would shrink to {wanted_bytes}", path.display())]
    WouldShrink {
        /// The image.
        path: PathBuf,
        /// Its size.
        has_bytes: u64,
        /// The size asked for.
        wanted_bytes: u64,
    },
    /// `qemu-img` failed, or could not be run.
    #[error(transparent)]
    Command(#[from] CommandError),
}

fn expected_text(expected: &Option<PathBuf>) -> String {
    match expected {
        Some(path) => format!("and should be one over `{}`", path.display()),
        None => "and should be a whole image".into(),
    }
}

impl Coded for ImageError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotAbsolute(_) => Code::ImagePath.as_str(),
            Self::WrongFormat { .. } => Code::ImageFormat.as_str(),
            Self::UnexpectedBacking { .. } | Self::BackingMissing { .. } => {
                Code::ImageBacking.as_str()
            }
            Self::Foreign { .. } => Code::ImageForeign.as_str(),
            Self::WouldShrink { .. } => Code::ImageWouldShrink.as_str(),
            Self::Command(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Command(error) => error.kind(),
            _ => ErrorKind::Invalid,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::NotAbsolute(_) => Some(Code::ImagePath.fix().into()),
            Self::WrongFormat { .. } => Some(Code::ImageFormat.fix().into()),
            Self::UnexpectedBacking { .. } | Self::BackingMissing { .. } => {
                Some(Code::ImageBacking.fix().into())
            }
            Self::Foreign { .. } => Some(Code::ImageForeign.fix().into()),
            Self::WouldShrink { .. } => Some(Code::ImageWouldShrink.fix().into()),
            Self::Command(CommandError::NotInstalled { .. }) => {
                Some("run `apt-get install qemu-utils`".into())
            }
            Self::Command(error) => error.remedy(),
        }
    }
}
