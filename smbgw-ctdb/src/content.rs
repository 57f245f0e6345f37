//! What a file has, as it is kept in journals: text as text, and anything else as numbers.

use serde::{Deserialize, Serialize};

/// The bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub struct Content(Vec<u8>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Kept {
    Text(String),
    Bytes(Vec<u8>),
}

impl Content {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<Kept> for Content {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Text(text) => Self(text.into_bytes()),
            Kept::Bytes(bytes) => Self(bytes),
        }
    }
}

impl From<Content> for Kept {
    fn from(content: Content) -> Self {
        match String::from_utf8(content.0) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Bytes(error.into_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_kept_as_text_and_bytes_as_bytes() {
        for (bytes, json) in [(&b"a\n"[..], r#""a\n""#), (&[0xff, 1][..], "[255,1]")] {
            let content = Content::from(bytes.to_vec());
            assert_eq!(serde_json::to_string(&content).unwrap(), json);
            let again: Content = serde_json::from_str(json).unwrap();
            assert_eq!(again.as_bytes(), bytes);
        }
    }
}
