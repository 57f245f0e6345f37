//! Limits as people write them: `500M`, `10G`, `2000`, or `none`.

use smbgw_core::error::Problem;
use smbgw_core::size::ByteSize;

/// The limit in bytes that `text` says; `None` for `none`. `field` is where it was given.
///
/// ```
/// use smbgw_quota::limit_text;
///
/// assert_eq!(limit_text::bytes("limit", "1K").unwrap(), Some(1024));
/// assert_eq!(limit_text::bytes("limit", "none").unwrap(), None);
/// assert_eq!(limit_text::bytes("limit", "0").unwrap_err().field, "limit");
/// ```
///
/// # Errors
/// Where it says none of that. 0 is refused: the kernel takes it for no limit.
pub fn bytes(field: &str, text: &str) -> Result<Option<u64>, Problem> {
    limit(field, text, |text| {
        text.parse::<ByteSize>()
            .map(ByteSize::bytes)
            .map_err(|error| error.to_string())
    })
}

/// The limit on files that `text` says; `None` for `none`. `field` is where it was given.
///
/// # Errors
/// As [`bytes`].
pub fn files(field: &str, text: &str) -> Result<Option<u64>, Problem> {
    limit(field, text, |text| {
        text.parse()
            .map_err(|_| format!("`{text}` is not a number"))
    })
}

fn limit(
    field: &str,
    text: &str,
    read: impl Fn(&str) -> Result<u64, String>,
) -> Result<Option<u64>, Problem> {
    let refused = |message| Problem::invalid(field, "quota.limit-invalid", message);
    if text == "none" {
        return Ok(None);
    }
    match read(text).map_err(refused)? {
        0 => Err(refused(
            "0 would mean no limit at all: write `none` for that".into(),
        )),
        value => Ok(Some(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_and_none_is_a_word() {
        assert_eq!(bytes("hard", "1.5M"), Ok(Some(3 << 19)));
        assert_eq!(files("files", "2000"), Ok(Some(2000)));
        assert_eq!(files("files", "none"), Ok(None));
        for wrong in ["", "0", "-1", "lots", "None"] {
            for problem in [bytes("hard", wrong), files("hard", wrong)] {
                let problem = problem.unwrap_err();
                assert_eq!(
                    (&*problem.field, &*problem.code),
                    ("hard", "quota.limit-invalid"),
                    "{wrong}"
                );
            }
        }
        assert!(files("files", "2K").is_err());
    }
}
