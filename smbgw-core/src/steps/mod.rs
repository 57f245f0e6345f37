//! The steps that plans are made of, one kind of thing a file.

pub mod accounts;
pub mod announce;
pub mod definition;
pub mod limits;
pub mod parents;
pub mod permissions;
pub mod prove;
pub mod traces;
pub mod volume;
