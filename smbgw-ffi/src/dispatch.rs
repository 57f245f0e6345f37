//! The table of methods: a name, what it takes, what it gives.

mod ad;
mod alert;
mod amount;
mod draft;
mod failure;
mod ha;
mod library;
mod monitor;
mod owner;
mod quota;
mod reader;
mod share;
mod table;
mod template;
mod vm;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use smbgw_core::deadline::Deadline;
use smbgw_core::secret::Secret;

pub use failure::{ErrorReply, Failure};
pub use table::{METHODS, Method};

/// What a method is called with.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// A JSON object.
    pub json: &'a str,
    /// The time there is, in milliseconds; 0 stands for a minute. More than a day is a day.
    pub timeout_ms: u64,
    /// Passwords by name.
    pub secrets: Option<&'a BTreeMap<String, Secret>>,
}

impl<'a> Request<'a> {
    /// A request without secrets that has a minute.
    pub fn new(json: &'a str) -> Self {
        Self {
            json,
            timeout_ms: 0,
            secrets: None,
        }
    }

    pub(crate) fn deadline(&self) -> Deadline {
        let time = match self.timeout_ms {
            0 => DEFAULT_TIME,
            ms => Duration::from_millis(ms).min(LONGEST_TIME),
        };
        Deadline::after(time)
    }
}

/// Calls the method `name`.
///
/// # Errors
/// Where there is no such method, the request is not one of its, or what was asked for failed.
pub fn call(name: &str, request: &Request<'_>) -> Result<Value, Failure> {
    let reply = reply(name, request)?;
    serde_json::from_str(&reply).map_err(|error| Failure::not_a_reply(&error))
}

/// What the method `name` answers, as the text of a JSON document.
pub(crate) fn reply(name: &str, request: &Request<'_>) -> Result<String, Failure> {
    let found = METHODS.binary_search_by(|method| method.name.cmp(name));
    let method = found.ok().and_then(|index| METHODS.get(index));
    let method = method.ok_or_else(|| Failure::unknown_method(name))?;
    (method.call)(request)
}

const DEFAULT_TIME: Duration = Duration::from_secs(60);

const LONGEST_TIME: Duration = Duration::from_secs(86_400);
