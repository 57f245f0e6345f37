//! Which methods there are.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Failure, Request, share};

/// A method: one line of the table.
#[derive(Clone, Copy, Serialize)]
pub struct Method {
    /// Its name, such as `share.create`.
    pub name: &'static str,
    /// What it does, as a sentence.
    pub summary: &'static str,
    /// Whether it may change something.
    pub changes: bool,
    #[serde(skip)]
    pub(super) call: fn(&Request<'_>) -> Result<Value, Failure>,
}

/// All methods.
pub const METHODS: &[Method] = &[
    Method {
        name: "library.methods",
        summary: "list the methods",
        changes: false,
        call: |_| Ok(json!({ "methods": METHODS })),
    },
    Method {
        name: "share.create",
        summary: "make a share",
        changes: true,
        call: share::create,
    },
    Method {
        name: "share.delete",
        summary: "take a share away",
        changes: true,
        call: share::delete,
    },
    Method {
        name: "share.list",
        summary: "list the shares",
        changes: false,
        call: share::list,
    },
    Method {
        name: "share.resize",
        summary: "give a share another limit",
        changes: true,
        call: share::resize,
    },
    Method {
        name: "share.status",
        summary: "look at a share",
        changes: false,
        call: share::status,
    },
    Method {
        name: "quota.status",
        summary: "show usage and limit of one share or of all",
        changes: false,
        call: share::usages,
    },
];
