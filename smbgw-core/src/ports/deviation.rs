//! What a file system enforces against what is meant, and what volumes that are gone left.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::ports::{Handle, Limits, Volume};

/// A volume with the limits that it is meant to have.
#[derive(Clone, Copy, Debug)]
pub struct Meant<'v> {
    /// The volume.
    pub volume: &'v Volume,
    /// Its limits; a field that is `None` may be anything, as an administrator may have set more
    /// limits than those asked for.
    pub limits: Limits,
}

/// How much of a volume is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// That it is there, that limits are enforced on its file system, that its own limit is as meant
    /// and its first directory counted: a few system calls, whatever it holds.
    Quick,
    /// Everything in it too.
    Thorough,
}

/// One thing that is not as it is meant to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Deviation {
    /// Stable code, such as `quota.limit-differs`.
    pub code: String,
    /// What is not as it is meant to be, as a lower-case sentence.
    pub message: String,
    /// Where; of several places, the first that was met.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<PathBuf>,
    /// In how many places.
    pub count: u64,
    /// Whether [`Storage::repair`](crate::ports::Storage::repair) puts it right.
    pub repairable: bool,
    /// What an administrator does about it, where it cannot be repaired and that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remedy: Option<String>,
}

impl Deviation {
    /// A deviation in one place, which cannot be repaired.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            path: None,
            count: 1,
            repairable: false,
            remedy: None,
        }
    }

    /// The same, met at `path` first.
    #[must_use]
    pub fn at(self, path: impl Into<PathBuf>) -> Self {
        Self {
            path: Some(path.into()),
            ..self
        }
    }

    /// The same in `count` places.
    #[must_use]
    pub fn in_places(self, count: u64) -> Self {
        Self { count, ..self }
    }

    /// The same, which can be repaired.
    #[must_use]
    pub fn repairable(self) -> Self {
        Self {
            repairable: true,
            ..self
        }
    }

    /// The same with what an administrator does about it.
    #[must_use]
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self {
            remedy: Some(remedy.into()),
            ..self
        }
    }
}

/// One thing that was put right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Repair {
    /// The code of the [`Deviation`] or [`Stray`] that it was.
    pub code: String,
    /// What was done, as a lower-case sentence.
    pub message: String,
    /// In how many places.
    pub count: u64,
}

impl Repair {
    /// What was done in `count` places.
    pub fn new(code: impl Into<String>, message: impl Into<String>, count: u64) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            count,
        }
    }
}

/// Something that a volume which is nobody's any more left on the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stray {
    /// Stable code, such as `quota.stray-project`.
    pub code: String,
    /// What it is, as a lower-case sentence.
    pub message: String,
    /// What the file system knows it by.
    pub handle: Handle,
    /// The directories that it is, or was, about, and the mount points of file systems that still
    /// have a limit or usage for it.
    pub paths: Vec<PathBuf>,
    /// Bytes that still count for it.
    pub bytes: u64,
    /// Whether [`Storage::remove_stray`](crate::ports::Storage::remove_stray) takes it away.
    pub repairable: bool,
    /// What an administrator does about it otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remedy: Option<String>,
}
