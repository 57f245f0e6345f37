//! The cryptography of Kerberos: encryption types, keys, encryption with integrity, checksums.
//!
//! The framework is RFC 3961; the types are those of RFC 3962 (AES with SHA-1), RFC 8009 (AES with
//! SHA-2) and RFC 4757 (RC4). DES is not there, nor is Camellia.
//!
//! ```
//! use smbgw_ad::krb::crypto::{EncryptionType, Key};
//! use smbgw_core::secret::Secret;
//!
//! let password = Secret::from("correct horse".to_string());
//! let etype = EncryptionType::Aes256Sha1;
//! let key = Key::from_password(etype, &password, b"AD.EXAMPLEalice", None)?;
//! let message = key.encrypt(7, b"hello")?;
//! assert_eq!(key.decrypt(7, &message)?.as_slice(), b"hello");
//! assert!(key.decrypt(8, &message).is_err());
//! # Ok::<(), smbgw_ad::krb::crypto::CryptoError>(())
//! ```

mod aes_sha1;
mod aes_sha2;
mod cts;
mod nfold;
mod rc4_hmac;
mod salt;

use std::fmt;
use std::str::FromStr;

use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::secret::Secret;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::code::Code;

pub use salt::{computer_salt, user_salt};

/// How messages are encrypted and signed with a key (RFC 3961 section 3).
///
/// The order is that of strength: a later one is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EncryptionType {
    /// `arcfour-hmac`, 23 (RFC 4757): broken, only for what has nothing else.
    Rc4,
    /// `aes128-cts-hmac-sha1-96`, 17 (RFC 3962).
    Aes128Sha1,
    /// `aes256-cts-hmac-sha1-96`, 18 (RFC 3962).
    Aes256Sha1,
    /// `aes128-cts-hmac-sha256-128`, 19 (RFC 8009).
    Aes128Sha256,
    /// `aes256-cts-hmac-sha384-192`, 20 (RFC 8009).
    Aes256Sha384,
}

impl EncryptionType {
    /// All of them, the best first.
    pub const ALL: &'static [Self] = &[
        Self::Aes256Sha384,
        Self::Aes128Sha256,
        Self::Aes256Sha1,
        Self::Aes128Sha1,
        Self::Rc4,
    ];

    /// Its number in messages and keytabs.
    pub fn number(self) -> i32 {
        match self {
            Self::Aes128Sha1 => 17,
            Self::Aes256Sha1 => 18,
            Self::Aes128Sha256 => 19,
            Self::Aes256Sha384 => 20,
            Self::Rc4 => 23,
        }
    }

    /// The type with that number.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|etype| etype.number() == number)
    }

    /// Its name, as MIT Kerberos shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aes128Sha1 => "aes128-cts-hmac-sha1-96",
            Self::Aes256Sha1 => "aes256-cts-hmac-sha1-96",
            Self::Aes128Sha256 => "aes128-cts-hmac-sha256-128",
            Self::Aes256Sha384 => "aes256-cts-hmac-sha384-192",
            Self::Rc4 => "arcfour-hmac",
        }
    }

    /// Bytes in one of its keys.
    pub fn key_len(self) -> usize {
        match self {
            Self::Aes128Sha1 | Self::Aes128Sha256 | Self::Rc4 => 16,
            Self::Aes256Sha1 | Self::Aes256Sha384 => 32,
        }
    }

    /// The number of the checksum that goes with it (RFC 3961 section 8 and those of the types).
    pub fn checksum_type(self) -> i32 {
        match self {
            Self::Aes128Sha1 => 15,
            Self::Aes256Sha1 => 16,
            Self::Aes128Sha256 => 19,
            Self::Aes256Sha384 => 20,
            Self::Rc4 => -138,
        }
    }

    /// Bytes in one of its checksums.
    pub fn checksum_len(self) -> usize {
        match self {
            Self::Aes128Sha1 | Self::Aes256Sha1 => 12,
            Self::Aes128Sha256 | Self::Rc4 => 16,
            Self::Aes256Sha384 => 24,
        }
    }

    /// By how many bytes an encrypted message is longer than its text.
    pub fn overhead(self) -> usize {
        match self {
            Self::Aes128Sha1 | Self::Aes256Sha1 => 28,
            Self::Aes128Sha256 => 32,
            Self::Aes256Sha384 => 40,
            Self::Rc4 => 24,
        }
    }

    /// Its bit in `msDS-SupportedEncryptionTypes` (MS-KILE 2.2.7).
    pub fn directory_bit(self) -> u32 {
        match self {
            Self::Rc4 => 0x4,
            Self::Aes128Sha1 => 0x8,
            Self::Aes256Sha1 => 0x10,
            Self::Aes128Sha256 => 0x40,
            Self::Aes256Sha384 => 0x80,
        }
    }
}

impl fmt::Display for EncryptionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for EncryptionType {
    type Err = CryptoError;

    /// Reads the name, or one of the other names that MIT Kerberos takes for it.
    fn from_str(text: &str) -> Result<Self, CryptoError> {
        let name = text.to_ascii_lowercase();
        let etype = match name.as_str() {
            "aes128-cts-hmac-sha1-96" | "aes128-cts" | "aes128-sha1" => Self::Aes128Sha1,
            "aes256-cts-hmac-sha1-96" | "aes256-cts" | "aes256-sha1" => Self::Aes256Sha1,
            "aes128-cts-hmac-sha256-128" | "aes128-sha2" => Self::Aes128Sha256,
            "aes256-cts-hmac-sha384-192" | "aes256-sha2" => Self::Aes256Sha384,
            "arcfour-hmac" | "arcfour-hmac-md5" | "rc4-hmac" => Self::Rc4,
            _ => {
                return Err(CryptoError::UnknownName {
                    name: text.chars().take(80).collect(),
                });
            }
        };
        Ok(etype)
    }
}

/// A key of one encryption type. Its bytes are overwritten when it is dropped.
///
/// Like [`Secret`] it cannot be shown:
/// ```compile_fail
/// use smbgw_ad::krb::crypto::{EncryptionType, Key};
/// println!("{:?}", Key::random(EncryptionType::Aes256Sha1));
/// ```
#[derive(Clone)]
pub struct Key {
    etype: EncryptionType,
    bytes: Zeroizing<Vec<u8>>,
}

impl Key {
    /// The key with those bytes.
    ///
    /// # Errors
    /// Where they are not as many as a key of that type has.
    pub fn new(etype: EncryptionType, bytes: &[u8]) -> Result<Self, CryptoError> {
        if bytes.len() != etype.key_len() {
            return Err(CryptoError::KeyLength {
                etype,
                length: bytes.len(),
            });
        }
        Ok(Self {
            etype,
            bytes: Zeroizing::new(bytes.to_vec()),
        })
    }

    /// The key that a password makes (string-to-key, RFC 3961 section 3).
    ///
    /// The salt is what the domain controller tells (ETYPE-INFO2), or for the own computer account
    /// [`computer_salt`]. `parameters` are those of ETYPE-INFO2; without them the type's own hold.
    ///
    /// # Errors
    /// Where the parameters are malformed or ask for more work than this is ready to do, and for
    /// RC4 where the password is not UTF-8.
    pub fn from_password(
        etype: EncryptionType,
        password: &Secret,
        salt: &[u8],
        parameters: Option<&[u8]>,
    ) -> Result<Self, CryptoError> {
        let bytes = match etype {
            EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1 => {
                let rounds = rounds(etype, parameters, aes_sha1::ROUNDS)?;
                aes_sha1::string_to_key(etype, password.expose(), salt, rounds)
            }
            EncryptionType::Aes128Sha256 | EncryptionType::Aes256Sha384 => {
                let rounds = rounds(etype, parameters, aes_sha2::ROUNDS)?;
                aes_sha2::string_to_key(etype, password.expose(), salt, rounds)
            }
            EncryptionType::Rc4 => rc4_hmac::string_to_key(password.expose())?,
        };
        Ok(Self { etype, bytes })
    }

    /// A fresh key.
    ///
    /// # Errors
    /// Where the kernel gives no random bytes.
    pub fn random(etype: EncryptionType) -> Result<Self, CryptoError> {
        let mut bytes = Zeroizing::new(vec![0; etype.key_len()]);
        getrandom::fill(&mut bytes).map_err(CryptoError::Random)?;
        Ok(Self { etype, bytes })
    }

    /// Its type.
    pub fn etype(&self) -> EncryptionType {
        self.etype
    }

    /// Its bytes, for the one message or file that they go into.
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of the checksum that [`checksum`](Self::checksum) makes.
    pub fn checksum_type(&self) -> i32 {
        self.etype.checksum_type()
    }

    /// Encrypts and protects `plain` for the purpose `usage` (RFC 4120 section 7.5.1).
    ///
    /// # Errors
    /// Where the kernel gives no random bytes for the confounder.
    pub fn encrypt(&self, usage: u32, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut confounder = [0; 16];
        getrandom::fill(&mut confounder).map_err(CryptoError::Random)?;
        Ok(self.encrypt_with(usage, &confounder, plain))
    }

    /// Decrypts what [`encrypt`](Self::encrypt) made with the same key and `usage`.
    ///
    /// # Errors
    /// Where it was made with another key or usage, or changed since.
    pub fn decrypt(&self, usage: u32, cipher: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        if cipher.len() < self.etype.overhead() {
            return Err(CryptoError::TooShort {
                etype: self.etype,
                length: cipher.len(),
            });
        }
        let plain = match self.etype {
            EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1 => {
                aes_sha1::decrypt(&self.bytes, usage, cipher)
            }
            EncryptionType::Aes128Sha256 | EncryptionType::Aes256Sha384 => {
                aes_sha2::decrypt(self.etype, &self.bytes, usage, cipher)
            }
            EncryptionType::Rc4 => rc4_hmac::decrypt(&self.bytes, usage, cipher),
        };
        plain.ok_or(CryptoError::Integrity { etype: self.etype })
    }

    /// The checksum of `data` for the purpose `usage`.
    pub fn checksum(&self, usage: u32, data: &[u8]) -> Vec<u8> {
        match self.etype {
            EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1 => {
                aes_sha1::checksum(&self.bytes, usage, data)
            }
            EncryptionType::Aes128Sha256 | EncryptionType::Aes256Sha384 => {
                aes_sha2::checksum(self.etype, &self.bytes, usage, data)
            }
            EncryptionType::Rc4 => rc4_hmac::checksum(&self.bytes, usage, data),
        }
    }

    /// Whether `checksum` is that of `data`; how long it takes says nothing about it.
    ///
    /// # Errors
    /// Where it is not.
    pub fn verify(&self, usage: u32, data: &[u8], checksum: &[u8]) -> Result<(), CryptoError> {
        match same(&self.checksum(usage, data), checksum) {
            true => Ok(()),
            false => Err(CryptoError::Integrity { etype: self.etype }),
        }
    }

    /// Whether both are the same key; how long it takes says nothing about it.
    pub fn is(&self, other: &Self) -> bool {
        self.etype == other.etype && same(&self.bytes, &other.bytes)
    }

    /// Encrypts with a given confounder, of which RC4 takes the first half.
    fn encrypt_with(&self, usage: u32, confounder: &[u8; 16], plain: &[u8]) -> Vec<u8> {
        match self.etype {
            EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1 => {
                aes_sha1::encrypt(&self.bytes, usage, confounder, plain)
            }
            EncryptionType::Aes128Sha256 | EncryptionType::Aes256Sha384 => {
                aes_sha2::encrypt(self.etype, &self.bytes, usage, confounder, plain)
            }
            EncryptionType::Rc4 => rc4_hmac::encrypt(&self.bytes, usage, confounder, plain),
        }
    }
}

/// Why something could not be encrypted, decrypted, signed or made a key of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// A name that is not that of a type.
    #[error("`{name}` is not the name of a Kerberos encryption type that is supported here")]
    UnknownName {
        /// The name, shortened where it is long.
        name: String,
    },
    /// A number that is not that of a type.
    #[error("the Kerberos encryption type {number} is not supported here")]
    UnknownType {
        /// The number.
        number: i32,
    },
    /// A key that is too long or too short.
    #[error("a key of type {etype} has {} bytes, this one has {length}", .etype.key_len())]
    KeyLength {
        /// Its type.
        etype: EncryptionType,
        /// The bytes that it has.
        length: usize,
    },
    /// Parameters of string-to-key that are malformed or ask for too much.
    #[error("a key of type {etype} cannot be made of the password: {reason}")]
    Parameters {
        /// The type.
        etype: EncryptionType,
        /// What is wrong with them.
        reason: &'static str,
    },
    /// A password that RC4 cannot be used with.
    #[error("a key of type arcfour-hmac cannot be made of a password that is not UTF-8")]
    PasswordNotText,
    /// A message that is too short to have been encrypted.
    #[error("a message of {length} bytes is too short to be encrypted with {etype}")]
    TooShort {
        /// The type.
        etype: EncryptionType,
        /// The bytes that it has.
        length: usize,
    },
    /// A message that was made with another key, or changed on its way.
    #[error("a message protected with {etype} was changed on its way, or made with another key")]
    Integrity {
        /// The type.
        etype: EncryptionType,
    },
    /// The kernel gives no random bytes.
    #[error("the kernel gives no random bytes: {0}")]
    Random(getrandom::Error),
}

impl Coded for CryptoError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownName { .. } | Self::UnknownType { .. } => Code::EncryptionTypeUnknown,
            Self::Integrity { .. } => Code::KeyMismatch,
            Self::KeyLength { .. }
            | Self::Parameters { .. }
            | Self::PasswordNotText
            | Self::TooShort { .. }
            | Self::Random(_) => Code::CryptoFailed,
        }
        .as_str()
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownName { .. } => ErrorKind::Invalid,
            Self::UnknownType { .. } => ErrorKind::Unsupported,
            _ => ErrorKind::Failed,
        }
    }
}

/// Rounds of PBKDF2 that a peer may ask for: about a second of work.
const MOST_ROUNDS: u32 = 1 << 20;

/// The rounds of PBKDF2 in `parameters`: four bytes, the highest first (RFC 3962 section 4, RFC 8009
/// section 4), or `usual`.
fn rounds(
    etype: EncryptionType,
    parameters: Option<&[u8]>,
    usual: u32,
) -> Result<u32, CryptoError> {
    let Some(parameters) = parameters else {
        return Ok(usual);
    };
    let wrong = |reason| Err(CryptoError::Parameters { etype, reason });
    let Ok(bytes) = <[u8; 4]>::try_from(parameters) else {
        return wrong("the parameters of the domain controller are not four bytes");
    };
    // 0 stands for 2^32.
    match u32::from_be_bytes(bytes) {
        0 | MOST_ROUNDS.. => wrong("the domain controller asks for too many rounds"),
        rounds => Ok(rounds),
    }
}

/// Whether both are the same, in a time that depends on their lengths alone.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
mod vectors;
