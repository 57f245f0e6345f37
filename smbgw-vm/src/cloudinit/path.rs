//! Paths in the guest.

use super::error::text_type;

text_type! {
    /// An absolute path in the guest, without `.`, `..` and empty parts.
    GuestPath, "an absolute path without `.`, `..` and empty parts, of 4095 bytes at most", |text| {
        text.len() < 4096
            && !text.contains(char::is_control)
            && text.strip_prefix('/').is_some_and(|rest| {
                rest.split('/').all(|part| !matches!(part, "" | "." | "..") && part.len() <= 255)
            })
    }
}
