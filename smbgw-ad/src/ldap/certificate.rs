//! The names in a certificate (RFC 5280).

use super::MessageError;
use super::ber::{INTEGER, Reader, SEQUENCE, SET};

/// What a certificate says whose it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// The common names of its subject.
    pub(super) common: Vec<String>,
    /// Whether it has subject alternative names, which count alone then (RFC 6125 section 6.4.4).
    pub(super) alternative: bool,
}

/// Reads the names of a certificate in DER.
///
/// # Errors
/// Where the bytes are not a certificate.
pub(super) fn names(certificate: &[u8]) -> Result<Names, MessageError> {
    let mut body = Reader::new(certificate)
        .inside(SEQUENCE)?
        .inside(SEQUENCE)?;
    body.optional(VERSION)?;
    body.expect(INTEGER)?;
    for _signature_issuer_validity in 0..3 {
        body.expect(SEQUENCE)?;
    }
    let mut names = Names::default();
    let mut subject = body.inside(SEQUENCE)?;
    while !subject.is_empty() {
        let mut step = subject.inside(SET)?;
        while !step.is_empty() {
            let mut pair = step.inside(SEQUENCE)?;
            if pair.expect(OBJECT)? == COMMON_NAME {
                let (_, value) = pair.element()?;
                names
                    .common
                    .push(String::from_utf8_lossy(value).into_owned());
            }
        }
    }
    body.expect(SEQUENCE)?;
    while !body.is_empty() {
        if let (EXTENSIONS, content) = body.element()? {
            let mut extensions = Reader::new(content).inside(SEQUENCE)?;
            while !extensions.is_empty() {
                let mut extension = extensions.inside(SEQUENCE)?;
                names.alternative |= extension.expect(OBJECT)? == ALTERNATIVE_NAMES;
            }
        }
    }
    Ok(names)
}

const OBJECT: u8 = 0x06;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
/// 2.5.29.17
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ber::put;
    use super::*;

    fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let mut out = vec![];
        put(&mut out, tag, &parts.concat());
        out
    }

    fn certificate(alternative: bool) -> Vec<u8> {
        let name = wrap(
            SEQUENCE,
            &[&[OBJECT, 3, 0x55, 4, 3], &wrap(0x0c, &[b"dc.ad.test"])],
        );
        let other = wrap(
            SEQUENCE,
            &[&[OBJECT, 3, 0x55, 4, 10], &wrap(0x0c, &[b"Samba"])],
        );
        let subject = wrap(SEQUENCE, &[&wrap(SET, &[&other]), &wrap(SET, &[&name])]);
        let id: &[u8] = match alternative {
            true => &[OBJECT, 3, 0x55, 0x1d, 0x11],
            false => &[OBJECT, 3, 0x55, 0x1d, 0x13],
        };
        let extension = wrap(SEQUENCE, &[id, &[4, 0]]);
        let extensions = wrap(EXTENSIONS, &[&wrap(SEQUENCE, &[&extension])]);
        let empty: &[u8] = &[SEQUENCE, 0];
        let body = wrap(
            SEQUENCE,
            &[
                &[VERSION, 3, INTEGER, 1, 2],
                &[INTEGER, 1, 7],
                empty,
                empty,
                empty,
                &subject,
                empty,
                &extensions,
            ],
        );
        wrap(SEQUENCE, &[&body, empty, &[3, 1, 0]])
    }

    #[test]
    fn names_are_found() {
        let found = names(&certificate(false)).unwrap();
        assert_eq!(found.common, ["dc.ad.test"]);
        assert!(!found.alternative);
        assert!(names(&certificate(true)).unwrap().alternative);
        assert!(names(b"").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(at: prop::sample::Index, byte: u8, garbage: Vec<u8>) {
            let mut bytes = certificate(true);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(names) = names(&bytes) {
                prop_assert!(names.common.len() <= 2);
            }
            prop_assert!(names(&garbage).is_err());
        }
    }
}
