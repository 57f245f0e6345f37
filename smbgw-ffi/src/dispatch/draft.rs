//! Requests that are the draft of a library, and say where it is meant.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::{Map, Value};
use smbgw_core::lifecycle::CreateOptions;
use smbgw_core::share::ShareDraft;

use super::amount::Amount;

/// The fields of a draft `D`, and `root` beside them.
#[derive(Debug)]
pub(super) struct Rooted<D> {
    pub(super) root: Option<PathBuf>,
    pub(super) draft: D,
}

/// The fields of a draft `D`, with `root` and a `file` beside them.
#[derive(Debug)]
pub(super) struct Filed<D> {
    pub(super) root: Option<PathBuf>,
    pub(super) file: PathBuf,
    pub(super) draft: D,
}

/// The fields of a draft `D`, with `root` and the folder of a `store` beside them.
#[derive(Debug)]
pub(super) struct Stored<D> {
    pub(super) root: Option<PathBuf>,
    pub(super) store: Option<PathBuf>,
    pub(super) draft: D,
}

/// A share that is asked for.
#[derive(Debug)]
pub(super) struct DraftRequest {
    pub(super) root: Option<PathBuf>,
    force: bool,
    /// `None` where no field of it was given.
    draft: Option<ShareDraft>,
}

impl DraftRequest {
    /// What is asked for, with what was not given left empty.
    pub(super) fn options(self) -> CreateOptions {
        CreateOptions {
            draft: self.draft.unwrap_or_default(),
            force: self.force,
        }
    }

    /// The same, where anything was given.
    pub(super) fn options_if_any(self) -> Option<CreateOptions> {
        self.draft.is_some().then(|| self.options())
    }
}

/// `flatten` of serde would let fields pass that nobody knows; so the fields are set apart by hand.
impl<'de, D: DeserializeOwned> Deserialize<'de> for Rooted<D> {
    fn deserialize<R: Deserializer<'de>>(deserializer: R) -> Result<Self, R::Error> {
        let Fields(mut fields) = Fields::deserialize(deserializer)?;
        let root = taken(&mut fields, "root")?.flatten();
        let draft = drafted(fields)?;
        Ok(Self { root, draft })
    }
}

impl<'de, D: DeserializeOwned> Deserialize<'de> for Filed<D> {
    fn deserialize<R: Deserializer<'de>>(deserializer: R) -> Result<Self, R::Error> {
        let Fields(mut fields) = Fields::deserialize(deserializer)?;
        let root = taken(&mut fields, "root")?.flatten();
        let file = taken(&mut fields, "file")?.ok_or_else(|| R::Error::missing_field("file"))?;
        let draft = drafted(fields)?;
        Ok(Self { root, file, draft })
    }
}

impl<'de, D: DeserializeOwned> Deserialize<'de> for Stored<D> {
    fn deserialize<R: Deserializer<'de>>(deserializer: R) -> Result<Self, R::Error> {
        let Fields(mut fields) = Fields::deserialize(deserializer)?;
        let root = taken(&mut fields, "root")?.flatten();
        let store = taken(&mut fields, "store")?.flatten();
        let draft = drafted(fields)?;
        Ok(Self { root, store, draft })
    }
}

impl<'de> Deserialize<'de> for DraftRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Fields(mut fields) = Fields::deserialize(deserializer)?;
        let root = taken(&mut fields, "root")?.flatten();
        let force = taken(&mut fields, "force")?.unwrap_or(false);
        if let Some(quota) = taken::<Option<Amount>, D::Error>(&mut fields, "quota")?.flatten() {
            fields.insert("quota".into(), Value::String(quota.0));
        }
        let draft = match fields.is_empty() {
            true => None,
            false => Some(drafted(fields)?),
        };
        Ok(Self { root, force, draft })
    }
}

fn drafted<T: DeserializeOwned, E: de::Error>(fields: Map<String, Value>) -> Result<T, E> {
    serde_json::from_value(Value::Object(fields)).map_err(E::custom)
}

fn taken<T: DeserializeOwned, E: de::Error>(
    fields: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<T>, E> {
    let value = fields.remove(name);
    let read = |value| serde_json::from_value(value);
    value
        .map(read)
        .transpose()
        .map_err(|error| E::custom(format!("{name}: {error}")))
}

/// The fields of an object, each of them there once.
struct Fields(Map<String, Value>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Fields, A::Error> {
        let mut fields = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format!("duplicate field `{name}`")));
            }
            fields.insert(name, value);
        }
        Ok(Fields(fields))
    }
}

/// What is read beside the fields of every draft, for the schema.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is of use")]
struct BesideAll {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
}

/// The same with a file, for the schema.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is of use")]
struct BesideFiled {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The offline domain join blob (MS-ODJ).
    file: PathBuf,
}

/// The same with a store, for the schema.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is of use")]
struct BesideStored {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The folder with the templates; that of all programs if not given.
    store: Option<PathBuf>,
}

/// What is read beside the fields of [`ShareDraft`], for the schema.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is of use")]
struct BesideShare {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// Make it even if the directory holds more than the quota already.
    #[schemars(default)]
    force: bool,
    /// The quota, such as `10G`, or in bytes.
    quota: Option<Amount>,
}

impl<D: JsonSchema> JsonSchema for Rooted<D> {
    fn schema_name() -> Cow<'static, str> {
        D::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        beside::<D, BesideAll>(generator)
    }
}

impl<D: JsonSchema> JsonSchema for Filed<D> {
    fn schema_name() -> Cow<'static, str> {
        D::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = beside::<D, BesideFiled>(generator);
        schema.insert("required".into(), serde_json::json!(["file"]));
        schema
    }
}

impl<D: JsonSchema> JsonSchema for Stored<D> {
    fn schema_name() -> Cow<'static, str> {
        D::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        beside::<D, BesideStored>(generator)
    }
}

impl JsonSchema for DraftRequest {
    fn schema_name() -> Cow<'static, str> {
        "DraftRequest".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = beside::<ShareDraft, BesideShare>(generator);
        let description = "A share that is asked for, and where it is asked for.";
        schema.insert("description".into(), description.into());
        schema
    }
}

/// The schema of `D` with the fields of `B` beside its own.
fn beside<D: JsonSchema, B: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = D::json_schema(generator);
    let beside = B::json_schema(generator);
    if let (Some(Value::Object(fields)), Some(Value::Object(more))) =
        (schema.get_mut("properties"), beside.get("properties"))
    {
        fields.extend(more.clone());
    }
    schema
}
