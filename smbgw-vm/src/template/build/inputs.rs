//! All that decides how a template comes out, beside the state of the archive.

use std::fmt::Write;

use serde::Serialize;
use sha2::{Digest, Sha256};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;

use super::BuildRequest;
use super::packages;
use crate::template::distro::Distro;
use crate::template::error::TemplateError;

/// Grows with every change of what a build does.
const RECIPE: u32 = 2;

/// What goes into a build, in one order.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Inputs {
    recipe: u32,
    usual_packages: &'static [&'static str],
    distro: Distro,
    size_bytes: u64,
    /// What was asked for beside the usual packages, sorted and each once.
    pub(super) packages: Vec<String>,
    pub(super) mirror: String,
    pub(super) security_mirror: String,
    epoch_seconds: Option<i64>,
    /// The time that newer files are given. A build that was given none has its own.
    #[serde(skip)]
    pub(super) epoch: i64,
}

impl Inputs {
    pub(super) fn of(
        host: &dyn Host,
        request: &BuildRequest,
        deadline: Deadline,
    ) -> Result<Self, TemplateError> {
        let mirror = |given: &Option<String>, suite: &str, usual: &str| match given {
            Some(given) => Ok(given.clone()),
            None => packages::mirror(host, suite, usual, deadline),
        };
        let (suite, security) = (request.distro.as_str(), request.distro.security_suite());
        let mut wanted = request.packages.clone();
        wanted.sort();
        wanted.dedup();
        Ok(Self {
            recipe: RECIPE,
            usual_packages: packages::DEFAULT_PACKAGES,
            distro: request.distro,
            size_bytes: request.size.bytes(),
            packages: wanted,
            mirror: mirror(&request.mirror, suite, packages::ARCHIVE)?,
            security_mirror: mirror(&request.security_mirror, security, packages::SECURITY)?,
            epoch_seconds: request.epoch_seconds,
            epoch: request.epoch_seconds.unwrap_or_else(|| host.now()),
        })
    }

    /// The SHA-256 of all of them.
    pub(super) fn sha256(&self) -> String {
        sha256_of(&serde_json::to_vec(self).expect("it is plain text"))
    }

    /// A UUID that these inputs always give for the part `part` of the disk: version 8 (RFC 9562 section 5.8).
    pub(super) fn uuid(&self, part: &str) -> String {
        let hash = Sha256::digest(format!("{} {part}", self.sha256()));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        bytes[6] = (bytes[6] & 0x0f) | 0x80;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let hex = hex_of(&bytes);
        let parts = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ];
        parts.join("-")
    }
}

/// The SHA-256 of `bytes`, in hexadecimal digits.
pub(in crate::template) fn sha256_of(bytes: &[u8]) -> String {
    hex_of(&Sha256::digest(bytes))
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(packages: &[&str]) -> Inputs {
        let mut request = BuildRequest::new("one".parse().unwrap(), Distro::Bookworm);
        request.packages = packages.iter().map(|&name| name.to_owned()).collect();
        request.mirror = Some("http://mirror.example/debian".into());
        request.security_mirror = Some("http://mirror.example/security".into());
        let host = smbgw_core::host::LocalHost::with_root("/nonexistent");
        Inputs::of(
            &host,
            &request,
            Deadline::after(std::time::Duration::from_secs(5)),
        )
        .unwrap()
    }

    #[test]
    fn the_same_inputs_make_the_same_names() {
        let (one, other) = (inputs(&["vim", "less"]), inputs(&["less", "vim", "less"]));
        assert_eq!(one.sha256(), other.sha256());
        assert_eq!(one.uuid("root"), other.uuid("root"));
        assert_ne!(one.uuid("root"), one.uuid("disk"));
        assert_ne!(one.sha256(), inputs(&["less"]).sha256());
    }

    #[test]
    fn a_uuid_has_the_usual_form() {
        let uuid = inputs(&[]).uuid("root");
        let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(uuid.as_bytes()[14], b'8');
        assert_eq!(
            sha256_of(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
