//! What a domain controller tells about the keys of an account before it is proved who asks.

use super::super::crypto::EncryptionType;
use super::super::der::{DerError, GENERAL_STRING, OCTET_STRING, Reader, SEQUENCE};

/// How a key of an account is made of its password: an entry of ETYPE-INFO2 (RFC 4120 section
/// 5.2.7.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The type of the key.
    pub etype: EncryptionType,
    /// The salt; none where the type has none, or the name of the account makes it.
    pub salt: Option<Vec<u8>>,
    /// The parameters of string-to-key, if they are not the usual ones.
    pub parameters: Option<Vec<u8>>,
}

impl Hint {
    /// The entries of ETYPE-INFO2 of types that are known, the controller's favourite first.
    ///
    /// # Errors
    /// Where the bytes are something else.
    pub fn decode_info2(bytes: &[u8]) -> Result<Vec<Self>, DerError> {
        let mut reader = Reader::new(bytes);
        let entries = reader.list("ETYPE-INFO2", MOST, |it, part| {
            let mut fields = it.enter(SEQUENCE, part)?;
            let number = fields.field(0, "etype", Reader::int32)?;
            let salt = fields.field_if(1, "salt", read_salt)?;
            let parameters = fields.field_if(2, "s2kparams", Reader::octets)?;
            fields.finish(part)?;
            Ok(Self::of(number, salt, parameters))
        })?;
        reader.finish("ETYPE-INFO2")?;
        Ok(entries.into_iter().flatten().collect())
    }

    fn of(number: i32, salt: Option<&[u8]>, parameters: Option<&[u8]>) -> Option<Self> {
        Some(Self {
            etype: EncryptionType::from_number(number)?,
            salt: salt.map(<[u8]>::to_vec),
            parameters: parameters.map(<[u8]>::to_vec),
        })
    }
}

/// A salt is a KerberosString; some servers send it as an OCTET STRING.
fn read_salt<'a>(reader: &mut Reader<'a>, part: &'static str) -> Result<&'a [u8], DerError> {
    let mut ahead = *reader;
    match ahead.element(GENERAL_STRING, part) {
        Ok(salt) => {
            *reader = ahead;
            Ok(salt)
        }
        Err(_) => reader.element(OCTET_STRING, part),
    }
}

/// So many types of keys no server has.
const MOST: usize = 64;
