//! A document held against a schema that was read.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

use super::Violation;
use super::read::type_names;

/// Everything that is wrong with `document`.
pub(super) fn check(
    root: &Value,
    patterns: &BTreeMap<String, Regex>,
    document: &Value,
) -> Vec<Violation> {
    let schemas = Schemas { root, patterns };
    let mut found = Vec::new();
    schemas.check(root, document, &Place::default(), &mut found);
    // Several schemas may say the same of one place.
    let mut told = Vec::new();
    found.retain(|violation| {
        let is_new = !told.contains(violation);
        told.push(violation.clone());
        is_new
    });
    found
}

/// How far references may lead; those of a schema that leads back to itself never end.
const DEEPEST: usize = 200;

#[derive(Clone, Copy)]
struct Schemas<'a> {
    root: &'a Value,
    patterns: &'a BTreeMap<String, Regex>,
}

/// Where in the document, and how many schemas led there.
#[derive(Clone, Default)]
struct Place {
    text: String,
    depth: usize,
}

impl Place {
    fn at(&self, part: impl std::fmt::Display) -> Self {
        let text = match self.text.as_str() {
            "" => part.to_string(),
            text => format!("{text}.{part}"),
        };
        Self { text, ..*self }.deeper()
    }

    fn deeper(&self) -> Self {
        Self {
            text: self.text.clone(),
            depth: self.depth + 1,
        }
    }

    fn wrong(&self, what: impl Into<String>) -> Violation {
        Violation {
            place: self.text.clone(),
            what: what.into(),
        }
    }
}

impl Schemas<'_> {
    fn check(self, schema: &Value, value: &Value, place: &Place, found: &mut Vec<Violation>) {
        if place.depth > DEEPEST {
            found.push(place.wrong("is described by a schema that leads back to itself"));
            return;
        }
        let Some(keywords) = schema.as_object() else {
            return;
        };
        for (keyword, wanted) in keywords {
            match keyword.as_str() {
                "$ref" => {
                    let pointer = wanted.as_str().and_then(|text| text.strip_prefix('#'));
                    if let Some(schema) = pointer.and_then(|text| self.root.pointer(text)) {
                        self.check(schema, value, &place.deeper(), found);
                    }
                }
                "allOf" => {
                    for schema in list(wanted) {
                        self.check(schema, value, &place.deeper(), found);
                    }
                }
                "anyOf" => self.choice(list(wanted), false, value, place, found),
                "oneOf" => self.choice(list(wanted), true, value, place, found),
                "not" if self.fits(wanted, value, place) => {
                    found.push(place.wrong("is what it must not be"));
                }
                _ => found.extend(
                    self.simple(keyword, wanted, value)
                        .map(|what| place.wrong(what)),
                ),
            }
        }
        match value {
            Value::Object(members) => self.members(keywords, members, place, found),
            Value::Array(items) => self.items(keywords, items, place, found),
            _ => {}
        }
    }

    fn fits(self, schema: &Value, value: &Value, place: &Place) -> bool {
        let mut found = Vec::new();
        self.check(schema, value, &place.deeper(), &mut found);
        found.is_empty()
    }

    /// One of several schemas has to fit, or exactly one. Where none does, what is wrong with the one that
    /// got farthest is told.
    fn choice(
        self,
        schemas: &[Value],
        exactly_one: bool,
        value: &Value,
        place: &Place,
        found: &mut Vec<Violation>,
    ) {
        let tries = schemas.iter().map(|schema| {
            let mut found = Vec::new();
            self.check(schema, value, &place.deeper(), &mut found);
            found
        });
        let mut tries: Vec<Vec<Violation>> = tries.collect();
        match tries.iter().filter(|found| found.is_empty()).count() {
            0 => {
                tries.retain(|found| found.iter().all(|one| one.place.len() > place.text.len()));
                match tries.into_iter().next() {
                    Some(inside) => found.extend(inside),
                    None => found.push(place.wrong("has none of the forms that it can have")),
                }
            }
            1 => {}
            _ if exactly_one => found.push(place.wrong("has several forms at once")),
            _ => {}
        }
    }

    fn members(
        self,
        keywords: &Map<String, Value>,
        members: &Map<String, Value>,
        place: &Place,
        found: &mut Vec<Violation>,
    ) {
        let table = |keyword| keywords.get(keyword).and_then(Value::as_object);
        for (name, value) in members {
            let place = place.at(name);
            let mut is_known = false;
            if let Some(schema) = table("properties").and_then(|known| known.get(name)) {
                is_known = true;
                self.check(schema, value, &place, found);
            }
            for (pattern, schema) in table("patternProperties").into_iter().flatten() {
                if self.matches(pattern, name) {
                    is_known = true;
                    self.check(schema, value, &place, found);
                }
            }
            match keywords.get("additionalProperties") {
                Some(Value::Bool(false)) if !is_known => {
                    found.push(place.wrong("is no setting that cloud-init has there"));
                }
                Some(schema @ Value::Object(_)) if !is_known => {
                    self.check(schema, value, &place, found);
                }
                _ => {}
            }
        }
    }

    fn items(
        self,
        keywords: &Map<String, Value>,
        items: &[Value],
        place: &Place,
        found: &mut Vec<Violation>,
    ) {
        let schemas = keywords.get("items");
        for (index, item) in items.iter().enumerate() {
            let place = place.at(index);
            let schema = match schemas {
                Some(Value::Array(schemas)) => {
                    let further = keywords.get("additionalItems");
                    if further == Some(&Value::Bool(false)) && index >= schemas.len() {
                        found.push(place.wrong("is one too many"));
                    }
                    schemas.get(index).or(further)
                }
                all => all,
            };
            if let Some(schema) = schema {
                self.check(schema, item, &place, found);
            }
        }
    }

    /// What is wrong by a keyword that has no schema in it.
    fn simple(self, keyword: &str, wanted: &Value, value: &Value) -> Option<String> {
        let bound = |is_least: bool, counted: Option<usize>, what: &str| {
            let (counted, bound) = (counted? as u64, wanted.as_u64()?);
            let is_kept = if is_least {
                counted >= bound
            } else {
                counted <= bound
            };
            let word = if is_least { "at least" } else { "at most" };
            (!is_kept).then(|| format!("has {counted} {what} where {word} {bound} are needed"))
        };
        let items = value.as_array().map(Vec::len);
        let members = value.as_object().map(Map::len);
        let characters = value.as_str().map(|text| text.chars().count());
        let number = value.as_f64().zip(wanted.as_f64());
        match keyword {
            "type" => {
                let names = type_names(wanted)?;
                let is_one = names.iter().any(|name| is_of_type(value, name));
                (!is_one).then(|| format!("is not of the type {}", names.join(" or ")))
            }
            "enum" => {
                let all = list(wanted);
                let shown: Vec<String> = all.iter().map(Value::to_string).collect();
                (!all.contains(value)).then(|| format!("is not one of {}", shown.join(", ")))
            }
            "pattern" => {
                let (text, pattern) = (value.as_str()?, wanted.as_str()?);
                (!self.matches(pattern, text)).then(|| format!("does not fit `{pattern}`"))
            }
            "format" if wanted == "date" => {
                let is_date = value.as_str().is_none_or(is_date);
                (!is_date).then(|| "is not a date like 2026-01-31".to_owned())
            }
            "required" => {
                let members = value.as_object()?;
                let mut names = list(wanted).iter().filter_map(Value::as_str);
                let missing = names.find(|name| !members.contains_key(*name))?;
                Some(format!("lacks the setting `{missing}`"))
            }
            "minItems" => bound(true, items, "entries"),
            "maxItems" => bound(false, items, "entries"),
            "minProperties" => bound(true, members, "settings"),
            "maxProperties" => bound(false, members, "settings"),
            "minLength" => bound(true, characters, "characters"),
            "maxLength" => bound(false, characters, "characters"),
            "minimum" => {
                let (number, least) = number?;
                (number < least).then(|| format!("is less than {wanted}"))
            }
            "maximum" => {
                let (number, most) = number?;
                (number > most).then(|| format!("is more than {wanted}"))
            }
            "uniqueItems" if wanted == &Value::Bool(true) => {
                let items = value.as_array()?;
                let mut twice = items.iter().enumerate();
                let (_, item) = twice.find(|(index, item)| items[..*index].contains(item))?;
                Some(format!("has {item} twice"))
            }
            _ => None,
        }
    }

    fn matches(self, pattern: &str, text: &str) -> bool {
        self.patterns
            .get(pattern)
            .is_some_and(|regex| regex.is_match(text))
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        _ => value.is_string(),
    }
}

/// Whether it is a day of the calendar, as RFC 3339 writes it.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else {
        return false;
    };
    let number = |part: &str, length: usize| {
        let digits = part.len() == length && part.bytes().all(|digit| digit.is_ascii_digit());
        digits.then(|| part.parse::<u32>().ok()).flatten()
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2))
    else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    (1..=last).contains(&day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use crate::cloudinit::schema::{Schema, Violation};

    fn check(schema: &Value, document: &Value) -> Vec<String> {
        let schema = Schema::parse(schema.to_string().as_bytes()).unwrap();
        schema
            .check(document)
            .iter()
            .map(Violation::to_string)
            .collect()
    }

    use serde_json::Value;

    #[test]
    fn each_keyword_holds() {
        let right_and_wrong = [
            (json!({"type": "integer"}), json!(1), json!(1.5)),
            (
                json!({"type": ["string", "null"]}),
                json!(null),
                json!(false),
            ),
            (json!({"enum": [true, "x"]}), json!("x"), json!("true")),
            (json!({"required": ["a"]}), json!({"a": 1}), json!({"b": 1})),
            (
                json!({"properties": {"a": {"type": "string"}}}),
                json!({"b": 1}),
                json!({"a": 1}),
            ),
            (
                json!({"additionalProperties": false}),
                json!({}),
                json!({"a": 1}),
            ),
            (
                json!({"additionalProperties": {"type": "null"}}),
                json!({"a": null}),
                json!({"a": 1}),
            ),
            (
                json!({"patternProperties": {"^x": {"type": "null"}}, "additionalProperties": false}),
                json!({"xy": null}),
                json!({"yx": null}),
            ),
            (
                json!({"items": {"type": "string"}}),
                json!(["a"]),
                json!(["a", 1]),
            ),
            (
                json!({"items": [{"type": "null"}], "additionalItems": false}),
                json!([null]),
                json!([null, 1]),
            ),
            (
                json!({"items": [{}], "additionalItems": {"type": "null"}}),
                json!([1, null]),
                json!([1, 1]),
            ),
            (
                json!({"allOf": [{"minimum": 2}, {"maximum": 3}]}),
                json!(2),
                json!(4),
            ),
            (
                json!({"anyOf": [{"minimum": 2}, {"type": "null"}]}),
                json!(null),
                json!(1),
            ),
            (
                json!({"oneOf": [{"minimum": 2}, {"maximum": 5}]}),
                json!(1),
                json!(3),
            ),
            (json!({"not": {"type": "null"}}), json!(1), json!(null)),
            (json!({"pattern": "^a+$"}), json!("aa"), json!("ab")),
            (
                json!({"format": "date"}),
                json!("2024-02-29"),
                json!("2026-02-29"),
            ),
            (json!({"minItems": 1}), json!([1]), json!([])),
            (json!({"maxItems": 1}), json!([1]), json!([1, 2])),
            (json!({"minProperties": 1}), json!({"a": 1}), json!({})),
            (json!({"maxProperties": 0}), json!({}), json!({"a": 1})),
            (json!({"minLength": 2}), json!("äö"), json!("ä")),
            (json!({"maxLength": 2}), json!("äö"), json!("äöü")),
            (
                json!({"uniqueItems": true}),
                json!([1, 2]),
                json!([1, 2, 1]),
            ),
            (
                json!({"$defs": {"a/b": {"type": "null"}}, "$ref": "#/$defs/a~1b"}),
                json!(null),
                json!(1),
            ),
            (
                json!({"$defs": {"a": {}}, "$ref": "#/$defs/a", "type": "null"}),
                json!(null),
                json!(1),
            ),
        ];
        for (schema, right, wrong) in right_and_wrong {
            assert_eq!(check(&schema, &right), [""; 0], "{schema} {right}");
            assert_ne!(check(&schema, &wrong), [""; 0], "{schema} {wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_where_it_is() {
        let schema = json!({"properties": {"users": {"items": {"oneOf": [
            {"type": "string"},
            {"type": "object", "properties": {"name": {"type": "string"}}},
        ]}}}});
        let told = check(&schema, &json!({"users": ["a", {"name": 7}]}));
        assert_eq!(told, ["`users.1.name` is not of the type string"]);
    }

    #[test]
    fn a_schema_that_is_not_understood_is_refused() {
        for (schema, place) in [
            (json!([]), ""),
            (
                json!({"unevaluatedProperties": false}),
                "/unevaluatedProperties",
            ),
            (json!({"properties": {"a": {"if": {}}}}), "/properties/a/if"),
            (json!({"$ref": "#/$defs/none"}), "/$ref"),
            (json!({"$ref": "https://example.org/x.json"}), "/$ref"),
            (json!({"pattern": "(?=a)"}), "/pattern"),
            (
                json!({"patternProperties": {"(": {}}}),
                "/patternProperties",
            ),
            (json!({"type": "text"}), "/type"),
            (json!({"items": true}), "/items"),
            (json!({"anyOf": []}), "/anyOf"),
            (json!({"minItems": -1}), "/minItems"),
        ] {
            let error = Schema::parse(schema.to_string().as_bytes()).unwrap_err();
            assert_eq!(error.place, place, "{schema}");
        }
        assert!(Schema::parse(b"{").is_err());
    }

    #[test]
    fn a_schema_that_leads_to_itself_ends() {
        let told = check(&json!({"$ref": "#"}), &json!(1));
        assert_eq!(told, ["is described by a schema that leads back to itself"]);
        let tree = json!({"properties": {"a": {"$ref": "#"}}, "additionalProperties": false});
        assert_eq!(check(&tree, &json!({"a": {"a": {}}})), [""; 0]);
        assert_ne!(check(&tree, &json!({"a": {"a": {"b": 1}}})), [""; 0]);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reading(bytes in any::<Vec<u8>>()) {
            let _ = Schema::parse(&bytes);
        }
    }
}
