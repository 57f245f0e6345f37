//! What `qemu-img check` says of an image.

use serde::{Deserialize, Serialize};
use smbgw_core::host::{Command, CommandError};

/// Whether the inner tables of an image agree with each other. All zero is a sound image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckReport {
    /// Clusters that are used twice or lost: content is damaged.
    pub corruptions: u64,
    /// Clusters that are marked as used and are not: space is lost, content is not.
    pub leaks: u64,
    /// What could not be looked at.
    pub errors: u64,
}

impl CheckReport {
    /// Whether the content is as it was written. Leaked space does not count against that.
    pub fn is_sound(&self) -> bool {
        self.corruptions == 0 && self.errors == 0
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Said {
    check_errors: u64,
    #[serde(default)]
    corruptions: u64,
    #[serde(default)]
    leaks: u64,
}

/// Exit statuses of `qemu-img check` beside 0 with which it prints a report: damage, and leaks.
pub(super) const FOUND_SOMETHING: [i32; 2] = [2, 3];

pub(super) fn parse(command: &Command, said: &[u8]) -> Result<CheckReport, CommandError> {
    let said: Said = serde_json::from_slice(said)
        .map_err(|error| CommandError::unexpected(command, error.to_string()))?;
    Ok(CheckReport {
        corruptions: said.corruptions,
        leaks: said.leaks,
        errors: said.check_errors,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read() {
        let command = Command::new("qemu-img");
        let sound = br#"{"image-end-offset": 262144, "total-clusters": 160, "check-errors": 0,
            "filename": "/srv/b.qcow2", "format": "qcow2"}"#;
        assert_eq!(parse(&command, sound).unwrap(), CheckReport::default());
        let damaged = br#"{"check-errors": 0, "corruptions": 3, "leaks": 2, "filename": "/b"}"#;
        let report = parse(&command, damaged).unwrap();
        assert_eq!((report.corruptions, report.leaks), (3, 2));
        assert!(!report.is_sound());
        assert!(
            CheckReport {
                leaks: 1,
                ..CheckReport::default()
            }
            .is_sound()
        );
        assert!(parse(&command, b"").is_err());
    }
}
