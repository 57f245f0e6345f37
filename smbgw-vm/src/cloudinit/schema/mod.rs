//! What cloud-init takes, by the JSON schemas that it publishes.
//!
//! The schemas are of the draft 4 that cloud-init's validator follows, with its two differences: what stands
//! beside `$ref` counts, and keywords of newer drafts (`prefixItems`) do not. No crate did this without a
//! licence or a number of dependencies that this project does not take, and the part of JSON Schema that is
//! used is small. **What is not understood is refused**, so a newer schema with another keyword is an error and
//! not a check that passes.

mod evaluate;
mod read;

use std::collections::BTreeMap;
use std::fmt;

use regex::Regex;
use serde_json::Value;
use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;

/// A JSON schema.
#[derive(Clone, Debug)]
pub struct Schema {
    root: Value,
    patterns: BTreeMap<String, Regex>,
}

/// A schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schema of cloud-init is not understood: {what} at `{place}`")]
pub struct SchemaError {
    /// Where in the schema: a JSON pointer.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

/// Something in a document that its schema does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where in the document: keys and indices with dots between, nothing for all of it.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

impl Schema {
    /// The schema in the JSON text `bytes`.
    ///
    /// # Errors
    /// Where it is no JSON, or has something that is not understood here.
    pub fn parse(bytes: &[u8]) -> Result<Self, SchemaError> {
        let root = serde_json::from_slice(bytes).map_err(|error| SchemaError {
            place: String::new(),
            what: error.to_string(),
        })?;
        let patterns = read::patterns(&root)?;
        Ok(Self { root, patterns })
    }

    /// Everything in `document` that the schema does not allow.
    pub fn check(&self, document: &Value) -> Vec<Violation> {
        evaluate::check(&self.root, &self.patterns, document)
    }
}

impl Coded for SchemaError {
    fn code(&self) -> &'static str {
        Code::SchemaNotUnderstood.as_str()
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Unsupported
    }

    fn remedy(&self) -> Option<String> {
        Some(Code::SchemaNotUnderstood.fix().into())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.what),
            place => write!(f, "`{place}` {}", self.what),
        }
    }
}
