//! Whether a document goes with a JSON schema: as much of the standard as the schemas here use.

use serde_json::{Map, Value};

/// Fails unless `document` is what `schema` describes.
#[track_caller]
pub(crate) fn assert_valid(schema: &Value, document: &Value) {
    if let Err(why) = check(schema, document) {
        panic!("{why}: {document:#} against {schema:#}");
    }
}

/// Says why `document` is not what `schema` describes.
pub(crate) fn check(schema: &Value, document: &Value) -> Result<(), String> {
    Checker { root: schema }.check(schema, document, "")
}

struct Checker<'a> {
    root: &'a Value,
}

/// What says nothing about whether a document is valid.
const REMARKS: [&str; 7] = [
    "$schema",
    "$defs",
    "title",
    "description",
    "default",
    "format",
    "examples",
];

impl Checker<'_> {
    fn check(&self, schema: &Value, document: &Value, at: &str) -> Result<(), String> {
        let schema = match schema {
            Value::Bool(true) => return Ok(()),
            Value::Object(schema) => schema,
            other => return Err(format!("{at}: {other} is no schema")),
        };
        for (keyword, value) in schema {
            self.keyword(schema, keyword, value, document, at)?;
        }
        Ok(())
    }

    fn keyword(
        &self,
        schema: &Map<String, Value>,
        keyword: &str,
        value: &Value,
        document: &Value,
        at: &str,
    ) -> Result<(), String> {
        let holds = match keyword {
            _ if REMARKS.contains(&keyword) => true,
            "$ref" => {
                let pointer = value.as_str().and_then(|text| text.strip_prefix('#'));
                let found = pointer.and_then(|pointer| self.root.pointer(pointer));
                let found = found.ok_or_else(|| format!("{at}: {value} leads nowhere"))?;
                return self.check(found, document, at);
            }
            "type" => match value {
                Value::Array(types) => types.iter().any(|name| is_a(document, name)),
                name => is_a(document, name),
            },
            "enum" => value.as_array().is_some_and(|all| all.contains(document)),
            "const" => value == document,
            "minimum" => document.as_f64() >= value.as_f64() || !document.is_number(),
            "maximum" => document.as_f64() <= value.as_f64() || !document.is_number(),
            "minLength" => characters(document).is_none_or(|length| Some(length) >= value.as_u64()),
            "maxLength" => characters(document).is_none_or(|length| Some(length) <= value.as_u64()),
            "minItems" => length(document).is_none_or(|length| Some(length) >= value.as_u64()),
            "maxItems" => length(document).is_none_or(|length| Some(length) <= value.as_u64()),
            "required" => {
                let names = value.as_array().into_iter().flatten();
                let is_there =
                    |name: &Value| name.as_str().is_some_and(|n| document.get(n).is_some());
                !document.is_object() || names.into_iter().all(is_there)
            }
            "properties" => {
                for (name, schema) in value.as_object().into_iter().flatten() {
                    if let Some(field) = document.get(name) {
                        self.check(schema, field, &format!("{at}/{name}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                let is_known = |name: &String| known.is_some_and(|known| known.contains_key(name));
                let all = document.as_object().into_iter().flatten();
                let mut others = all.filter(|(name, _)| !is_known(name));
                match value {
                    Value::Bool(false) => others.next().is_none(),
                    _ => others.all(|(_, field)| self.check(value, field, at).is_ok()),
                }
            }
            "prefixItems" => {
                let schemas = value.as_array().into_iter().flatten();
                let items = document.as_array().into_iter().flatten();
                schemas
                    .zip(items)
                    .all(|(schema, item)| self.check(schema, item, at).is_ok())
            }
            "items" => {
                for (index, item) in document.as_array().into_iter().flatten().enumerate() {
                    self.check(value, item, &format!("{at}/{index}"))?;
                }
                true
            }
            "allOf" => {
                for schema in value.as_array().into_iter().flatten() {
                    self.check(schema, document, at)?;
                }
                true
            }
            "anyOf" => self.matching(value, document, at) > 0,
            "oneOf" => self.matching(value, document, at) == 1,
            other => return Err(format!("{at}: nobody here knows the keyword `{other}`")),
        };
        match holds {
            true => Ok(()),
            false => Err(format!("{at}: {document} against `{keyword}`: {value}")),
        }
    }

    fn matching(&self, schemas: &Value, document: &Value, at: &str) -> usize {
        let schemas = schemas.as_array().into_iter().flatten();
        schemas
            .filter(|schema| self.check(schema, document, at).is_ok())
            .count()
    }
}

fn length(document: &Value) -> Option<u64> {
    document.as_array().map(|items| items.len() as u64)
}

fn characters(document: &Value) -> Option<u64> {
    document.as_str().map(|text| text.chars().count() as u64)
}

fn is_a(document: &Value, name: &Value) -> bool {
    match name.as_str() {
        Some("null") => document.is_null(),
        Some("boolean") => document.is_boolean(),
        Some("integer") => document.is_i64() || document.is_u64(),
        Some("number") => document.is_number(),
        Some("string") => document.is_string(),
        Some("array") => document.is_array(),
        Some("object") => document.is_object(),
        _ => false,
    }
}
