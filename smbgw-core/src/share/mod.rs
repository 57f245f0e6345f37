//! What a share is: its name, its place, its quota and who may use it.

pub mod authentication;
pub mod name;
pub mod path;
pub mod spec;

pub use authentication::Authentication;
pub use name::{NameError, ShareName};
pub use path::{PathError, SharePath};
pub use spec::{Access, Encryption, Mode, Protocol, ShareDraft, ShareSpec};
