//! Templates: the disks that new virtual machines start from.
//!
//! A template is a folder of a [`TemplateStore`]: the disk, a list of the packages on it, the schema that its
//! own cloud-init checks documents by, and a record of where all that comes from. It is made beside its place
//! and moved there when it is whole, so that what is in a store can be used.

mod build;
mod claims;
mod distro;
mod draft;
mod error;
mod fetch;
mod manifest;
mod name;
mod record;
mod request;
mod store;
mod validate;

pub use build::{BuildRequest, DEFAULT_PACKAGES, build, inputs_sha256, steps};
pub use distro::{Distro, UnknownDistro};
pub use draft::{BuildDraft, FetchDraft};
pub use error::TemplateError;
pub(crate) use error::listed;
pub use fetch::{Checksum, FetchRequest, ImageSource, fetch};
pub use manifest::{Package, PackageManifest};
pub use name::{TemplateName, TemplateNameError};
pub use record::{Template, TemplateRecord, TemplateSource};
pub use store::TemplateStore;
pub use validate::{TemplateCheck, TemplateReport, Verdict, boots, try_out, validate};
