//! Disk images: made, looked at and changed by `qemu-img` (qemu-img(1)).
//!
//! An image that somebody else made is not to be trusted: one line in it names another file, which would be
//! read, or written, as a part of the disk. So the format is always given and never guessed, what an image
//! names is read from its own header before QEMU opens it, and a chain of images is refused that leads
//! anywhere else than was expected.

mod check;
mod error;
mod format;
mod header;
mod info;
mod tool;

pub use check::CheckReport;
pub use error::ImageError;
pub use format::ImageFormat;
pub use header::{HeaderError, Qcow2Header};
pub use info::ImageInfo;
pub use tool::QemuImg;
