//! Passwords and keys that are wiped after use and never shown.

use zeroize::Zeroize;

/// A password or key.
///
/// It has no `Debug`, no `Display` and no `serde` form, so that it cannot slip into a log, an error
/// or a journal; its memory is overwritten when it is dropped.
///
/// ```compile_fail
/// let secret = smbgw_core::secret::Secret::from("hunter2".to_string());
/// println!("{secret:?}");
/// ```
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The secret bytes, for the one call that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
