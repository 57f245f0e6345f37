//! The Kerberos mechanism of GSS-API: proving who one is, and signed and sealed messages after that.
//!
//! This is RFC 4121, for what starts a connection: LDAP with SASL GSSAPI, and DNS with GSS-TSIG. Both
//! sides always prove themselves (mutual authentication). Keys of RC4 would need the older messages of
//! RFC 4757, which this does not speak; a ticket with such a key is refused with a clear error.
//!
//! ```no_run
//! use smbgw_ad::clock::Clock;
//! use smbgw_ad::gss::{GssError, Initiator, Options};
//! use smbgw_ad::krb::ticket::ServiceTicket;
//!
//! fn talk(
//!     ticket: &ServiceTicket,
//!     exchange: impl Fn(&[u8]) -> Vec<u8>,
//! ) -> Result<(), GssError> {
//!     let (initiator, token) = Initiator::begin(ticket, Options::default(), Clock::system())?;
//!     let mut context = initiator.finish(&exchange(&token))?;
//!     let answer = exchange(&context.wrap(b"question", true)?);
//!     let answer = context.unwrap(&answer)?;
//!     assert!(answer.sealed);
//!     Ok(())
//! }
//! ```

mod context;
mod initial;
mod initiator;
mod order;

use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;
use crate::krb::ap::ApError;
use crate::krb::crypto::{CryptoError, EncryptionType};

pub use context::{Context, Keys, Role, Unwrapped};
pub use initial::{InitialToken, parse_initial};
pub use initiator::{Initiator, Options};

/// Why a security context could not be made, or a message of it not be read.
#[derive(Debug, thiserror::Error)]
pub enum GssError {
    /// The service did not accept the ticket, or did not prove itself.
    #[error(transparent)]
    Exchange(ApError),
    /// A token has not the form that it should have.
    #[error("a security token of the server cannot be read: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A token of this side came back: somebody reflects messages.
    #[error("a security token of this side came back from the server")]
    Reflected,
    /// A message was lost, repeated or put elsewhere.
    #[error("a message of the server came out of order: number {got}, not {expected}")]
    OutOfOrder {
        /// The number that the next message has to have, or the newest so far.
        expected: u64,
        /// The number that it has.
        got: u64,
    },
    /// A key of a type that messages cannot be protected with here.
    #[error("messages cannot be signed and sealed with a key of type {etype} here")]
    Etype {
        /// The type.
        etype: EncryptionType,
    },
    /// A message cannot be decrypted, or its signature is wrong.
    #[error(transparent)]
    Crypto(CryptoError),
}

impl From<CryptoError> for GssError {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl Coded for GssError {
    fn code(&self) -> &'static str {
        match self {
            Self::Exchange(error) => error.code(),
            Self::Crypto(error) => error.code(),
            Self::Malformed { .. } | Self::Reflected | Self::OutOfOrder { .. } => {
                Code::SecurityToken.as_str()
            }
            Self::Etype { .. } => Code::SecurityKeyWeak.as_str(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Exchange(error) => error.kind(),
            Self::Crypto(error) => error.kind(),
            Self::Etype { .. } => ErrorKind::Unsupported,
            Self::Malformed { .. } | Self::Reflected | Self::OutOfOrder { .. } => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Exchange(error) => error.remedy(),
            Self::Crypto(error) => error.remedy(),
            Self::Etype { .. } => Some(Code::SecurityKeyWeak.fix().to_string()),
            Self::Malformed { .. } | Self::Reflected | Self::OutOfOrder { .. } => {
                Some(Code::SecurityToken.fix().to_string())
            }
        }
    }
}
