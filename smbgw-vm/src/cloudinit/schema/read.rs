//! A look at a whole schema before it is used.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::SchemaError;

/// Every regular expression of the schema, after everything in it was found to be understood.
pub(super) fn patterns(root: &Value) -> Result<BTreeMap<String, Regex>, SchemaError> {
    let mut reader = Reader {
        root,
        patterns: BTreeMap::new(),
    };
    reader.schema(root, "", 0)?;
    Ok(reader.patterns)
}

/// How deep a schema may be nested.
const DEEPEST: usize = 64;

struct Reader<'a> {
    root: &'a Value,
    patterns: BTreeMap<String, Regex>,
}

impl Reader<'_> {
    fn schema(&mut self, schema: &Value, place: &str, depth: usize) -> Result<(), SchemaError> {
        let Some(keywords) = schema.as_object().filter(|_| depth < DEEPEST) else {
            return Err(wrong(place, "no schema, or one that is nested too deeply"));
        };
        for (keyword, value) in keywords {
            let place = format!("{place}/{keyword}");
            self.keyword(keyword, value, &place, depth + 1)?;
        }
        Ok(())
    }

    fn keyword(
        &mut self,
        keyword: &str,
        value: &Value,
        place: &str,
        depth: usize,
    ) -> Result<(), SchemaError> {
        let is_right = match keyword {
            "properties" | "patternProperties" | "$defs" | "definitions" => {
                return self.named(keyword, value, place, depth);
            }
            "additionalProperties" | "additionalItems" if value.is_boolean() => true,
            "items" if value.is_array() => return self.list(value, place, depth),
            "additionalProperties" | "additionalItems" | "items" | "not" => {
                return self.schema(value, place, depth);
            }
            "allOf" | "anyOf" | "oneOf" => return self.list(value, place, depth),
            "$ref" => value
                .as_str()
                .and_then(|text| self.root.pointer(text.strip_prefix('#')?))
                .is_some_and(Value::is_object),
            "pattern" => return self.pattern(value, place),
            "type" => type_names(value).is_some(),
            "enum" => value.as_array().is_some_and(|all| !all.is_empty()),
            "required" => value
                .as_array()
                .is_some_and(|all| all.iter().all(Value::is_string)),
            "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties"
            | "maxProperties" => value.is_u64(),
            "minimum" | "maximum" => value.is_number(),
            "uniqueItems" => value.is_boolean(),
            _ => {
                return allowed(
                    NOTES.contains(&keyword),
                    place,
                    "a keyword that is not known",
                );
            }
        };
        allowed(is_right, place, "a value that the keyword cannot have")
    }

    fn named(
        &mut self,
        keyword: &str,
        value: &Value,
        place: &str,
        depth: usize,
    ) -> Result<(), SchemaError> {
        let named = value.as_object();
        for (name, schema) in named.ok_or_else(|| wrong(place, "no table of schemas"))? {
            if keyword == "patternProperties" {
                self.pattern(&name.as_str().into(), place)?;
            }
            self.schema(schema, &format!("{place}/{name}"), depth)?;
        }
        Ok(())
    }

    fn list(&mut self, value: &Value, place: &str, depth: usize) -> Result<(), SchemaError> {
        let list = value.as_array().filter(|list| !list.is_empty());
        for (index, schema) in list
            .ok_or_else(|| wrong(place, "no list of schemas"))?
            .iter()
            .enumerate()
        {
            self.schema(schema, &format!("{place}/{index}"), depth)?;
        }
        Ok(())
    }

    /// The expressions are those of Python; where the two differ, the other notation is refused here.
    fn pattern(&mut self, value: &Value, place: &str) -> Result<(), SchemaError> {
        let pattern = value.as_str().unwrap_or_default();
        let regex = Regex::new(pattern).map_err(|error| wrong(place, error.to_string()))?;
        self.patterns.insert(pattern.to_owned(), regex);
        Ok(())
    }
}

/// The names of types that `type` has.
pub(super) fn type_names(value: &Value) -> Option<Vec<&str>> {
    let names: Option<Vec<&str>> = match value {
        Value::String(name) => Some(vec![name]),
        Value::Array(names) => names.iter().map(Value::as_str).collect(),
        _ => None,
    };
    names.filter(|names| names.iter().all(|name| TYPES.contains(name)))
}

const TYPES: &[&str] = &[
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// Keywords that say nothing of what is allowed, in draft 4 or to cloud-init. Of formats, a date is looked at.
const NOTES: &[&str] = &[
    "$schema",
    "changed",
    "changed_description",
    "changed_version",
    "default",
    "deprecated",
    "deprecated_description",
    "deprecated_version",
    "description",
    "examples",
    "format",
    "hidden",
    "id",
    "$id",
    "label",
    "prefixItems",
    "title",
];

fn allowed(is_right: bool, place: &str, what: &str) -> Result<(), SchemaError> {
    if is_right {
        Ok(())
    } else {
        Err(wrong(place, what))
    }
}

fn wrong(place: &str, what: impl Into<String>) -> SchemaError {
    SchemaError {
        place: place.to_owned(),
        what: what.into(),
    }
}
