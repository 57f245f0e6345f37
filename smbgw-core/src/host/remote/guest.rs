//! What `qm guest exec` prints.

use serde::Deserialize;
use serde_json::Value;

/// The most that it passes on to the guest (qm(1), `--pass-stdin`).
pub const LARGEST_INPUT: usize = 1 << 20;

/// How a program that the guest agent started ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// It ended with this status and wrote this.
    Ended {
        /// Its exit status; -1 where a signal ended it.
        status: i32,
        /// What it wrote to its standard output.
        output: String,
        /// What it wrote to its standard error.
        errors: String,
    },
    /// It had not ended when the time was over.
    Running,
    /// It wrote more than the guest agent keeps.
    Truncated,
}

/// The reply as the QEMU guest agent gives it (`guest-exec-status`), with its data as text.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Printed {
    #[serde(default)]
    exited: Value,
    exitcode: Option<i32>,
    #[serde(default)]
    out_data: String,
    #[serde(default)]
    err_data: String,
    #[serde(default)]
    out_truncated: Value,
}

impl Reply {
    /// The reply in `printed`.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub fn read(printed: &[u8]) -> Result<Self, String> {
        let printed: Printed = serde_json::from_slice(printed)
            .map_err(|error| format!("`qm guest exec` printed no reply ({error})"))?;
        if !is_set(&printed.exited) {
            return Ok(Self::Running);
        }
        if is_set(&printed.out_truncated) {
            return Ok(Self::Truncated);
        }
        Ok(Self::Ended {
            // A signal ended it where there is no status.
            status: printed.exitcode.unwrap_or(-1),
            output: printed.out_data,
            errors: printed.err_data,
        })
    }
}

/// Truth as Perl writes it into JSON: a number, a text or a word.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Bool(set) => *set,
        Value::Number(number) => number.as_i64() != Some(0),
        Value::String(text) => !matches!(text.as_str(), "" | "0"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_as_proxmox_prints_them() {
        let ended = br#"{
   "err-data" : "no such user\n",
   "exitcode" : 2,
   "exited" : 1,
   "out-data" : "a\u00fcb"
}"#;
        let expected = Reply::Ended {
            status: 2,
            output: "a\u{fc}b".into(),
            errors: "no such user\n".into(),
        };
        assert_eq!(Reply::read(ended), Ok(expected));
        assert_eq!(Reply::read(br#"{"pid": 712}"#), Ok(Reply::Running));
        let cut = br#"{"exited": true, "exitcode": 0, "out-data": "x", "out-truncated": 1}"#;
        assert_eq!(Reply::read(cut), Ok(Reply::Truncated));
        let killed = Reply::read(br#"{"exited": 1, "signal": 9}"#);
        assert!(matches!(killed, Ok(Reply::Ended { status: -1, .. })));
        assert!(Reply::read(b"timeout reached").is_err());
    }
}
