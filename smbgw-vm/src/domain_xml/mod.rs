//! The XML in which libvirt keeps virtual machines: read, written and edited.
//!
//! [`Domain`] is what this crate needs to know of any machine (<https://libvirt.org/formatdomain.html>).
//! A new one is written from a [`DomainSpec`], and one that is there is changed by a [`DomainEditor`], which
//! leaves all that it was not told to change as it was, also what nobody here knows.
//!
//! A machine of ours has a [`Mark`] in it: the share that it is for, and the run that made it. Nothing but
//! that says that a machine may be removed.

mod disk;
mod domain;
mod edit;
mod error;
mod interface;
mod mark;
mod read;
mod spec;
pub(crate) mod tree;
pub(crate) mod unit;

pub use disk::{Backing, Disk, DiskSource};
pub use domain::{Channel, Domain, Filesystem, Virtualization};
pub use edit::{DomainEditor, EditError};
pub use error::XmlError;
pub use interface::{Interface, InterfaceSource};
pub use mark::{Mark, NAMESPACE};
pub use spec::{
    Accelerator, Boot, Chipset, DiskSpec, DomainSpec, FolderSpec, InterfaceSpec, NetworkSource,
    SpecError,
};
