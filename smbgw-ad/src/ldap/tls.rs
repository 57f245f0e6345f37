//! LDAP under TLS: whom to trust.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, OtherError,
    RootCertStore, SignatureScheme,
};
use sha2::{Digest, Sha256};

use crate::code::Code;
use crate::name::HostName;

use super::certificate::names;
use super::{MessageError, Refusal};

/// Which certificate of a server is the right one.
#[derive(Clone, Debug)]
pub struct Trust(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Authority(Arc<RootCertStore>),
    Pin(Fingerprint),
}

impl Trust {
    /// Certificates signed by one of the authorities in `pem`, with the name of the server.
    ///
    /// The name is looked for among the subject alternative names. A certificate without any, such
    /// as the one that Samba makes for itself, must have it as the common name of its subject.
    ///
    /// # Errors
    /// Where `pem` has no certificate, or one that cannot be read.
    pub fn authority(pem: &[u8]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| TlsError::Authority)?;
            roots.add(certificate).map_err(|_| TlsError::Authority)?;
        }
        match roots.is_empty() {
            true => Err(TlsError::Authority),
            false => Ok(Self(Kind::Authority(Arc::new(roots)))),
        }
    }

    /// The one certificate with that fingerprint, whatever its names and dates are.
    pub fn pin(fingerprint: Fingerprint) -> Self {
        Self(Kind::Pin(fingerprint))
    }
}

/// The SHA-256 of a certificate, as `openssl x509 -fingerprint -sha256` shows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// That of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl FromStr for Fingerprint {
    type Err = TlsError;

    /// Reads 64 hexadecimal digits, with or without colons.
    fn from_str(text: &str) -> Result<Self, TlsError> {
        let digits: Vec<u32> = text
            .trim()
            .chars()
            .filter(|character| *character != ':')
            .map(|character| character.to_digit(16))
            .collect::<Option<_>>()
            .ok_or(TlsError::Fingerprint)?;
        let bytes: Vec<u8> = digits
            .chunks_exact(2)
            .filter_map(|two| u8::try_from(two[0] << 4 | two[1]).ok())
            .collect();
        match bytes.try_into() {
            Ok(bytes) if digits.len() == 64 => Ok(Self(bytes)),
            _ => Err(TlsError::Fingerprint),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a connection is not protected by TLS.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A CA file has no certificate.
    #[error("the CA file has no certificate, or one that cannot be read (PEM is expected)")]
    Authority,
    /// A text is not a fingerprint.
    #[error("a SHA-256 fingerprint has 64 hexadecimal digits, with or without colons")]
    Fingerprint,
    /// The server does not go over to TLS.
    #[error("it does not go over to TLS: {0}")]
    Start(Refusal),
    /// The server shows another certificate than the pinned one.
    #[error("its certificate has the SHA-256 fingerprint {found}, not {wanted}")]
    OtherCertificate {
        /// The one it has.
        found: Fingerprint,
        /// The one that was pinned.
        wanted: Fingerprint,
    },
    /// The certificate is not one of the given authority, or not valid now.
    #[error("its certificate (SHA-256 fingerprint {found}) is not to be trusted: {reason}")]
    Untrusted {
        /// Its fingerprint.
        found: Fingerprint,
        /// What the check found.
        reason: String,
    },
    /// The certificate is that of another host.
    #[error("its certificate (SHA-256 fingerprint {found}) has not the name `{wanted}`{}", beside(.names))]
    OtherName {
        /// Its fingerprint.
        found: Fingerprint,
        /// The name of the server.
        wanted: String,
        /// The common names that it has, where it has no alternative names.
        names: Vec<String>,
    },
    /// The certificate cannot be read.
    #[error("its certificate (SHA-256 fingerprint {found}) cannot be read")]
    Certificate {
        /// Its fingerprint.
        found: Fingerprint,
        /// What is wrong.
        source: MessageError,
    },
    /// TLS itself failed.
    #[error("TLS failed: {0}")]
    Protocol(String),
}

impl TlsError {
    pub(super) fn of(error: rustls::Error) -> Self {
        if let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) =
            &error
            && let Some(own) = inner.downcast_ref::<Self>()
        {
            return own.clone();
        }
        Self::Protocol(error.to_string())
    }

    pub(super) fn reason_code(&self) -> Code {
        match self {
            Self::Start(refusal) => refusal.reason().code(),
            Self::Protocol(_) => Code::LdapBroken,
            _ => Code::LdapCertificate,
        }
    }
}

fn beside(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!(" but `{}`", names.join("`, `")),
    }
}

/// The client's side of a connection to `host`.
pub(super) fn client(host: &HostName, trust: &Trust) -> Result<ClientConnection, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier {
        trust: trust.0.clone(),
        host: host.clone(),
        provider: Arc::clone(&provider),
    };
    let mut settings = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::of)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // Nothing of a connection outlives it.
    settings.resumption = rustls::client::Resumption::disabled();
    let name = ServerName::try_from(host.as_str().to_string())
        .map_err(|error| TlsError::Protocol(error.to_string()))?;
    ClientConnection::new(Arc::new(settings), name).map_err(TlsError::of)
}

/// Decides on the certificate of one server.
#[derive(Debug)]
struct Verifier {
    trust: Kind,
    host: HostName,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn check(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), TlsError> {
        let found = Fingerprint::of(certificate);
        let roots = match &self.trust {
            Kind::Pin(wanted) if *wanted == found => return Ok(()),
            Kind::Pin(wanted) => {
                return Err(TlsError::OtherCertificate {
                    found,
                    wanted: *wanted,
                });
            }
            Kind::Authority(roots) => roots,
        };
        let untrusted = |error: rustls::Error| TlsError::Untrusted {
            found,
            reason: error.to_string(),
        };
        let parsed = ParsedCertificate::try_from(certificate).map_err(untrusted)?;
        rustls::client::verify_server_cert_signed_by_trust_anchor(
            &parsed,
            roots,
            chain,
            now,
            self.provider.signature_verification_algorithms.all,
        )
        .map_err(untrusted)?;
        let names = names(certificate).map_err(|source| TlsError::Certificate { found, source })?;
        let right = match names.alternative {
            true => ServerName::try_from(self.host.as_str())
                .is_ok_and(|name| rustls::client::verify_server_name(&parsed, &name).is_ok()),
            false => names
                .common
                .iter()
                .any(|name| name.eq_ignore_ascii_case(self.host.as_str())),
        };
        match right {
            true => Ok(()),
            false => Err(TlsError::OtherName {
                found,
                wanted: self.host.to_string(),
                names: match names.alternative {
                    true => vec![],
                    false => names.common,
                },
            }),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.check(certificate, chain, now) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(own) => Err(rustls::Error::InvalidCertificate(CertificateError::Other(
                OtherError(Arc::new(own)),
            ))),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read() {
        let found = Fingerprint::of(b"");
        let text = "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55";
        assert_eq!(found.to_string(), text);
        assert_eq!(text.parse::<Fingerprint>().unwrap(), found);
        let plain = text.replace(':', "").to_lowercase();
        assert_eq!(plain.parse::<Fingerprint>().unwrap(), found);
        for wrong in [
            "",
            "zz",
            &text[3..],
            &format!("{plain}0"),
            &format!("{plain}00"),
        ] {
            assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_no_authority() {
        assert!(matches!(Trust::authority(b""), Err(TlsError::Authority)));
        assert!(
            Trust::authority(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
                .is_err()
        );
    }
}
