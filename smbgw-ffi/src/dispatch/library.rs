//! What the library itself is asked.

use schemars::JsonSchema;
use serde::Serialize;

use super::share::Everything;
use super::{Failure, METHODS, Method, Request};

#[derive(Serialize, JsonSchema)]
pub(super) struct Methods {
    /// The methods, by name.
    methods: &'static [Method],
}

pub(super) fn methods(_: Everything, _: &Request<'_>) -> Result<Methods, Failure> {
    Ok(Methods { methods: METHODS })
}
