//! What is wrong with a text that should be XML of libvirt's.

use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;

/// A text is not the XML that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlError {
    /// It is longer, deeper or made of more parts than anything that libvirt writes.
    #[error("the XML is larger than any of libvirt's: it has more than {limit} {what}")]
    TooLarge {
        /// What is counted.
        what: &'static str,
        /// How many may be there.
        limit: usize,
    },
    /// It has a document type, whose entities could make it say anything.
    #[error("the XML has a document type, which libvirt never writes")]
    DocumentType,
    /// It is not well-formed.
    #[error("the XML is broken at byte {at}: {why}")]
    Malformed {
        /// Where, from its beginning.
        at: u64,
        /// What the reader says.
        why: String,
    },
    /// It is about something else.
    #[error("the XML is about `{found}` and not about `{wanted}`")]
    WrongRoot {
        /// The outermost element.
        found: String,
        /// What that should be.
        wanted: &'static str,
    },
    /// An element or attribute is missing that libvirt always writes.
    #[error("the XML of `{of}` has no `{what}`")]
    Missing {
        /// The outermost element, with the name of the thing where that is known.
        of: String,
        /// The path to what is missing.
        what: String,
    },
    /// An element or attribute has a value that it cannot have.
    #[error("the XML has `{value}` as `{what}`")]
    Value {
        /// The path to it.
        what: String,
        /// What it has.
        value: String,
    },
}

impl XmlError {
    /// The error for a value that cannot be.
    pub(crate) fn value(what: &str, value: &str) -> Self {
        Self::Value {
            what: what.to_owned(),
            value: value.chars().take(200).collect(),
        }
    }
}

impl Coded for XmlError {
    fn code(&self) -> &'static str {
        Code::DomainXmlInvalid.as_str()
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn remedy(&self) -> Option<String> {
        Some(Code::DomainXmlInvalid.fix().into())
    }
}
