//! Where an image is, and by what it is known to be the right one.

use std::fmt;
use std::path::PathBuf;

use ureq::http::Uri;

/// Where an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// A file of the machine.
    File(PathBuf),
    /// An address with http or https.
    Address(Uri),
}

impl ImageSource {
    /// Reads an absolute path or an address.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with('/') {
            return Some(Self::File(text.into()));
        }
        let address: Uri = text.parse().ok()?;
        let is_known = matches!(address.scheme_str(), Some("http" | "https"));
        (is_known && address.host().is_some()).then_some(Self::Address(address))
    }

    /// As it may be shown and kept: without a user, a password and a query, which can be secret.
    pub fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Address(address) => {
                let scheme = address.scheme_str().unwrap_or_default();
                let host = address.host().unwrap_or_default();
                let port = address.port().map(|port| format!(":{port}"));
                format!(
                    "{scheme}://{host}{}{}",
                    port.unwrap_or_default(),
                    address.path()
                )
            }
        }
    }
}

/// The checksum of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    kind: Kind,
    digits: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sha256,
    Sha512,
}

impl Checksum {
    /// Reads `sha256:` or `sha512:` with as many hexadecimal digits as it has.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, digits) = text.trim().split_once(':')?;
        let (kind, length) = match kind {
            "sha256" => (Kind::Sha256, 64),
            "sha512" => (Kind::Sha512, 128),
            _ => return None,
        };
        let is_hex = digits.len() == length && digits.chars().all(|c| c.is_ascii_hexdigit());
        is_hex.then(|| Self {
            kind,
            digits: digits.to_ascii_lowercase(),
        })
    }

    /// Its digits, the letters small.
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// The program that computes it.
    pub(super) fn tool(&self) -> &'static str {
        match self.kind {
            Kind::Sha256 => "sha256sum",
            Kind::Sha512 => "sha512sum",
        }
    }

    /// What a file is called that is not whole yet, in the folder of the store. It is the same for the same image.
    pub(super) fn partial_name(&self) -> String {
        format!(".partial-{}", &self.digits[..32])
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Sha256 => "sha256",
            Kind::Sha512 => "sha512",
        };
        write!(f, "{kind}:{}", self.digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_an_address_are_not_shown() {
        let source =
            ImageSource::parse("https://me:word@mirror.example:8443/a.qcow2?key=x").unwrap();
        assert_eq!(source.shown(), "https://mirror.example:8443/a.qcow2");
        assert!(matches!(
            ImageSource::parse("/srv/a.raw"),
            Some(ImageSource::File(_))
        ));
        for bad in ["a.raw", "ftp://x/a", "file:///a", "https://", ""] {
            assert_eq!(ImageSource::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_checksum_has_its_length() {
        let text = format!("sha256:{}", "AB".repeat(32));
        let sum = Checksum::parse(&text).unwrap();
        assert_eq!(sum.to_string(), text.to_ascii_lowercase());
        assert_eq!(sum.tool(), "sha256sum");
        let long = format!("sha512:{}", "0".repeat(128));
        assert_eq!(Checksum::parse(&long).unwrap().tool(), "sha512sum");
        let short = format!("sha256:{}", "a".repeat(63));
        let odd = format!("sha256:{}", "g".repeat(64));
        let weak = format!("md5:{}", "a".repeat(32));
        for bad in [&short, &odd, &weak, "sha256:", ""] {
            assert_eq!(Checksum::parse(bad), None, "{bad:?}");
        }
    }
}
