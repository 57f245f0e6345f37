//! Reading requests and writing replies, the same for all methods.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Failure, Request};

/// Has `method` answer `request`, with the text of a JSON document.
pub(super) fn answer<A: DeserializeOwned, R: Serialize>(
    method: fn(A, &Request<'_>) -> Result<R, Failure>,
    request: &Request<'_>,
) -> Result<String, Failure> {
    let reply = method(read(request.json)?, request)?;
    serde_json::to_string(&reply).map_err(|error| Failure::not_a_reply(&error))
}

/// The schema of what `method` takes.
pub(super) fn request_schema<A: JsonSchema, R>(
    _: fn(A, &Request<'_>) -> Result<R, Failure>,
) -> Schema {
    let settings = SchemaSettings::draft2020_12();
    settings.into_generator().into_root_schema_for::<A>()
}

/// The schema of what `method` answers.
pub(super) fn reply_schema<A, R: JsonSchema>(
    _: fn(A, &Request<'_>) -> Result<R, Failure>,
) -> Schema {
    reply_schema_of::<R>()
}

/// The schema of a document that is only written.
pub(super) fn reply_schema_of<R: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<R>()
}

fn read<A: DeserializeOwned>(json: &str) -> Result<A, Failure> {
    // A list of values in the right order would be taken for an object otherwise.
    let begins = json.trim_start_matches([' ', '\t', '\r', '\n']);
    if !begins.starts_with('{') {
        return Err(Failure::not_a_request("it is no JSON object"));
    }
    serde_json::from_str(json).map_err(|error| Failure::not_a_request(&error.to_string()))
}
