//! Which guest it is.

use serde::Serialize;

use super::error::text_type;
use super::{CloudInitError, GuestName};

text_type! {
    /// Which instance a guest is: cloud-init does its work again where this is another one.
    InstanceId, "the name of an instance: up to 64 letters, digits, `.`, `_` and `-`, the first a letter or digit", |text| {
        (1..=64).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    }
}

/// The document `meta-data` of the data source NoCloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MetaData {
    /// Which instance it is.
    pub instance_id: InstanceId,
    /// What it calls itself where user-data does not say.
    pub local_hostname: GuestName,
}

impl MetaData {
    /// The document of the guest `name`.
    pub fn new(instance_id: InstanceId, name: GuestName) -> Self {
        Self {
            instance_id,
            local_hostname: name,
        }
    }
}

impl InstanceId {
    /// A new instance of the guest `name`: no other one has this id.
    ///
    /// # Errors
    /// Where the system gives no random bytes.
    pub fn random(name: &GuestName) -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes)?;
        let number = u64::from_le_bytes(bytes);
        let host: String = name.host().as_str().chars().take(40).collect();
        Ok(Self(format!("{host}-{number:016x}")))
    }

    /// The id whose text is `bytes`, as a file has it that ends with a line feed.
    ///
    /// # Errors
    /// Where it is none.
    pub fn from_file(bytes: &[u8]) -> Result<Self, CloudInitError> {
        let text = String::from_utf8_lossy(bytes);
        text.strip_suffix('\n').unwrap_or(&text).parse()
    }
}
