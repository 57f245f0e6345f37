//! Limits in force against those that are meant.

use smbgw_core::ports::{Deviation, Limits, Repair};
use smbgw_core::size::ByteSize;

const CODE: &str = "quota.limit-differs";

/// Where the limits `found` are not those `meant`, whose missing fields may be anything.
pub(super) fn differing(meant: Limits, found: Limits) -> Option<Deviation> {
    let mut messages = Vec::new();
    for kind in KINDS {
        let (meant, found) = ((kind.of)(&meant), (kind.of)(&found));
        if let Some(meant) = meant
            && found != Some(meant)
        {
            let meant = (kind.shown)(meant);
            let what = kind.name;
            messages.push(match found {
                Some(found) => format!(
                    "the {what} in force is {}, not {meant}",
                    (kind.shown)(found)
                ),
                None => format!("no {what} is in force, where {meant} is meant"),
            });
        }
    }
    let count = messages.len() as u64;
    (count > 0).then(|| {
        Deviation::new(CODE, messages.join("; "))
            .in_places(count)
            .repairable()
    })
}

/// `found` with what is `meant` put in its place. Soft limits that nobody asked for, and that the
/// hard ones would be below, are dropped.
pub(super) fn corrected(meant: Limits, found: Limits) -> Limits {
    let below = |soft: Option<u64>, hard: Option<u64>| {
        soft.filter(|&soft| hard.is_none_or(|hard| soft <= hard))
    };
    let bytes = meant.bytes.or(found.bytes);
    let inodes = meant.inodes.or(found.inodes);
    Limits {
        bytes,
        soft_bytes: meant.soft_bytes.or(below(found.soft_bytes, bytes)),
        inodes,
        soft_inodes: meant.soft_inodes.or(below(found.soft_inodes, inodes)),
    }
}

/// What to say of limits that were `found`, differing from `meant`, and are put right.
pub(super) fn repaired(deviation: &Deviation) -> Repair {
    let message = format!("the limit was set again: {}", deviation.message);
    Repair::new(CODE, message, deviation.count)
}

struct Kind {
    name: &'static str,
    of: fn(&Limits) -> Option<u64>,
    shown: fn(u64) -> String,
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "limit",
        of: |limits| limits.bytes,
        shown: size,
    },
    Kind {
        name: "soft limit",
        of: |limits| limits.soft_bytes,
        shown: size,
    },
    Kind {
        name: "limit of files",
        of: |limits| limits.inodes,
        shown: number,
    },
    Kind {
        name: "soft limit of files",
        of: |limits| limits.soft_inodes,
        shown: number,
    },
];

fn size(bytes: u64) -> String {
    ByteSize::from_bytes(bytes).to_string()
}

fn number(count: u64) -> String {
    count.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asked_for_may_be_anything() {
        let theirs = Limits {
            soft_bytes: Some(5),
            inodes: Some(7),
            ..Limits::of_bytes(10)
        };
        assert_eq!(differing(Limits::of_bytes(10), theirs), None);
        let meant = Limits {
            inodes: Some(8),
            ..Limits::of_bytes(4)
        };
        let found = differing(meant, theirs).unwrap();
        assert_eq!((found.count, found.repairable), (2, true));
        assert_eq!(
            found.message,
            "the limit in force is 10, not 4; the limit of files in force is 7, not 8"
        );
    }

    #[test]
    fn a_correction_keeps_what_nobody_asked_for() {
        let theirs = Limits {
            soft_bytes: Some(5),
            soft_inodes: Some(3),
            ..Limits::of_bytes(10)
        };
        let corrected = |bytes| corrected(Limits::of_bytes(bytes), theirs);
        assert_eq!(
            corrected(8),
            Limits {
                bytes: Some(8),
                ..theirs
            }
        );
        assert_eq!(corrected(4).soft_bytes, None);
        assert_eq!(corrected(4).soft_inodes, Some(3));
    }
}
