//! What the library itself is asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Failure, METHODS, Method, Request};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListMethods {}

#[derive(Serialize, JsonSchema)]
pub(super) struct Methods {
    /// The methods, by name.
    methods: &'static [Method],
}

pub(super) fn methods(_: ListMethods, _: &Request<'_>) -> Result<Methods, Failure> {
    Ok(Methods { methods: METHODS })
}
