//! The version of the ctdbd that runs, which may be another one than that of the package.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A version of ctdb, which is one of Samba.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u16,
    /// The second one; what is sent may change with it.
    pub minor: u16,
    /// The third one.
    pub patch: u16,
}

impl Version {
    /// Whether what a daemon of this version sends is known. The questions and answers are the same in 4.17
    /// (Debian 12) and 4.22 (Debian 13); before 4.16 leaders were not announced.
    pub fn is_known(self) -> bool {
        self.major == 4 && (16..=22).contains(&self.minor)
    }

    /// The version of the program that the process at `process`, a folder in proc(5), runs. None where that
    /// cannot be said.
    pub(super) fn of_process(process: &Path) -> Option<Self> {
        let program = File::open(process.join("exe")).ok()?;
        let mut start = Vec::new();
        program.take(LOOKED_AT).read_to_end(&mut start).ok()?;
        Self::in_program(&start)
    }

    /// The version in the names that the linker finds Samba's own functions by, such as
    /// `SAMBA_4.17.12_DEBIAN_SAMBA4`: they are the same in a program and its libraries.
    fn in_program(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        loop {
            let at = rest.iter().position(|byte| *byte == MARK[0])?;
            rest = &rest[at + 1..];
            if let Some(found) = rest.strip_prefix(&MARK[1..])
                && let Some(version) = Self::parse(found)
            {
                return Some(version);
            }
        }
    }

    /// Reads three numbers with points between them, and anything that is no digit or point after them.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        let end = bytes.iter().take(20).position(|byte| !is_part(byte))?;
        let mut parts = std::str::from_utf8(&bytes[..end]).ok()?.split('.');
        let mut part = || parts.next()?.parse().ok();
        let version = Self {
            major: part()?,
            minor: part()?,
            patch: part()?,
        };
        parts.next().is_none().then_some(version)
    }
}

/// Where those names are; they are among the first things in a program.
const LOOKED_AT: u64 = 128 << 10;

/// What they begin with.
const MARK: &[u8] = b"SAMBA_";

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_a_program() {
        let version = |minor, patch| Version {
            major: 4,
            minor,
            patch,
        };
        for (program, expected) in [
            (
                &b"\x7fELF SAMBA_X\0SAMBA_4.17.12_DEBIAN_SAMBA4\0"[..],
                Some(version(17, 12)),
            ),
            (
                b"\0SAMBA_4.22.11_DEBIAN_4.22.11_DFSG\0",
                Some(version(22, 11)),
            ),
            (b"SAMBA_4.17\0SAMBA_4.18.0\0", Some(version(18, 0))),
            (b"SAMBA_4.17.12.1\0SAMBA_4.999999.1\0SSAMBA", None),
            (b"SAMBA_4.17.12", None),
            (b"", None),
        ] {
            assert_eq!(Version::in_program(program), expected);
        }
    }

    #[test]
    fn others_are_not_known() {
        let known = |major, minor| {
            let patch = 0;
            Version {
                major,
                minor,
                patch,
            }
            .is_known()
        };
        assert!(known(4, 17) && known(4, 22));
        assert!(!known(4, 15) && !known(4, 23) && !known(5, 17));
    }
}
