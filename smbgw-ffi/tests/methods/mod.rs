//! What tests of methods share: calls, and whether documents go with their schemas.
#![allow(dead_code, reason = "each test file uses a part of this")]

pub(crate) mod schema;

use serde_json::Value;
use smbgw::dispatch::{METHODS, Method, Request, call};

/// The method `name`.
pub(crate) fn method(name: &str) -> &'static Method {
    METHODS.iter().find(|method| method.name == name).unwrap()
}

/// What `name` answers to `request` where it succeeds; both go with their schemas.
#[track_caller]
pub(crate) fn done(name: &str, request: &Value) -> Value {
    answered(name, request, &Request::new(&request.to_string()))
}

/// The same with secrets or another deadline.
#[track_caller]
pub(crate) fn answered(name: &str, asked: &Value, request: &Request<'_>) -> Value {
    schema::assert_valid(method(name).request_schema().as_value(), asked);
    let reply = call(name, request);
    let reply = reply.unwrap_or_else(|failure| panic!("{name} {asked}: {failure:#?}"));
    schema::assert_valid(method(name).reply_schema().as_value(), &reply);
    reply
}

/// The name of the code and the document with which `name` refuses `json`.
#[track_caller]
pub(crate) fn refused(name: &str, json: &str) -> (String, Value) {
    let failure = match call(name, &Request::new(json)) {
        Err(failure) => failure,
        Ok(reply) => panic!("{name} {json}: {reply:#}"),
    };
    let document = failure.document().clone();
    schema::assert_valid(Method::error_schema().as_value(), &document);
    let code = failure.code().name().to_str().unwrap();
    assert_eq!(document["error"], code);
    (code.into(), document)
}

/// The fields that a refusal is about.
pub(crate) fn fields(document: &Value) -> Vec<&str> {
    let problems = document["problems"].as_array().unwrap();
    problems
        .iter()
        .map(|problem| problem["field"].as_str().unwrap())
        .collect()
}
