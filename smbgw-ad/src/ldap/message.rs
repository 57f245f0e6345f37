//! LDAP messages (RFC 4511): the check that every message of a server passes before anything else
//! reads it, and the few that are written here rather than by `ldap3`.
//!
//! `ldap3` takes the shape of a message for granted and panics where it is another one. So what
//! [`check`] lets through has exactly the shape that it expects. Requests that hold a password are
//! written here because buffers here are wiped.

use zeroize::Zeroizing;

use super::ber::{
    BOOLEAN, ENUMERATED, INTEGER, OCTETS, Reader, SEQUENCE, SET, Size, put, put_number, size, text,
};

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MessageError(pub(super) &'static str);

/// Larger messages are not read, in bytes.
pub const MOST_MESSAGE: usize = 16 * 1024 * 1024;

/// The operation of a message, by the tag it has (RFC 4511 section 4.2 and following).
pub(super) mod operation {
    pub(in crate::ldap) const BIND: u8 = 0x60;
    pub(in crate::ldap) const BIND_ANSWER: u8 = 0x61;
    pub(in crate::ldap) const UNBIND: u8 = 0x42;
    pub(in crate::ldap) const SEARCH: u8 = 0x63;
    pub(in crate::ldap) const ENTRY: u8 = 0x64;
    pub(in crate::ldap) const SEARCH_DONE: u8 = 0x65;
    pub(in crate::ldap) const REFERENCE: u8 = 0x73;
    pub(in crate::ldap) const MODIFY: u8 = 0x66;
    pub(in crate::ldap) const MODIFY_ANSWER: u8 = 0x67;
    pub(in crate::ldap) const ADD: u8 = 0x68;
    pub(in crate::ldap) const ADD_ANSWER: u8 = 0x69;
    pub(in crate::ldap) const DELETE: u8 = 0x4a;
    pub(in crate::ldap) const DELETE_ANSWER: u8 = 0x6b;
    pub(in crate::ldap) const EXTENDED: u8 = 0x77;
    pub(in crate::ldap) const EXTENDED_ANSWER: u8 = 0x78;

    /// Whether a message of the kind `answer` can answer one of the kind `request`.
    pub(in crate::ldap) fn answers(request: u8, answer: u8) -> bool {
        match request {
            SEARCH => matches!(answer, ENTRY | REFERENCE | SEARCH_DONE),
            BIND => answer == BIND_ANSWER,
            MODIFY => answer == MODIFY_ANSWER,
            ADD => answer == ADD_ANSWER,
            DELETE => answer == DELETE_ANSWER,
            EXTENDED => answer == EXTENDED_ANSWER,
            _ => false,
        }
    }
}

/// Which message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The number of the request that it answers; 0 where it answers none.
    pub id: u32,
    /// The tag of its operation.
    pub operation: u8,
}

/// How an operation went, as the server says (`LDAPResult`, RFC 4511 section 4.1.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) code: u32,
    pub(super) text: String,
    pub(super) referrals: Vec<String>,
    /// The token of a bind.
    pub(super) token: Option<Vec<u8>>,
}

/// How long the first message in `bytes` is; `None` where that cannot be told yet.
///
/// # Errors
/// Where they do not begin with a message, or with one of more than [`MOST_MESSAGE`] bytes.
pub fn length(bytes: &[u8]) -> Result<Option<usize>, MessageError> {
    if bytes.first().is_some_and(|first| *first != SEQUENCE) {
        return Err(MessageError("it does not begin as an LDAP message"));
    }
    match size(bytes)?.map(Size::whole) {
        Some(length) if length > MOST_MESSAGE => Err(MessageError("it is too large")),
        length => Ok(length),
    }
}

/// Checks one whole message of a server, and tells which it is.
///
/// # Errors
/// Where it is not a message that a server sends, or a text in it is not UTF-8.
pub fn check(message: &[u8]) -> Result<Header, MessageError> {
    read(message).map(|(header, _)| header)
}

/// Reads a message that says how an operation went.
///
/// # Errors
/// As [`check`], and where it is another message.
pub(super) fn answer(message: &[u8]) -> Result<(Header, Answer), MessageError> {
    match read(message)? {
        (header, Some(answer)) => Ok((header, answer)),
        _ => Err(MessageError("it is not the result of an operation")),
    }
}

/// The number and the operation of a message that a client sends.
pub(super) fn request(message: &[u8]) -> Result<Header, MessageError> {
    let mut message = Reader::new(message).inside(SEQUENCE)?;
    Ok(Header {
        id: message.number(INTEGER)?,
        operation: message.element()?.0,
    })
}

fn read(message: &[u8]) -> Result<(Header, Option<Answer>), MessageError> {
    let mut whole = Reader::new(message);
    let mut message = whole.inside(SEQUENCE)?;
    whole.end()?;
    let id = message.number(INTEGER)?;
    let (operation, content) = message.element()?;
    let content = Reader::new(content);
    let answer = match operation {
        operation::ENTRY => {
            entry(content)?;
            None
        }
        operation::REFERENCE => {
            texts(content)?;
            None
        }
        operation::BIND_ANSWER
        | operation::SEARCH_DONE
        | operation::MODIFY_ANSWER
        | operation::ADD_ANSWER
        | operation::DELETE_ANSWER
        | operation::EXTENDED_ANSWER => Some(result(content)?),
        _ => return Err(MessageError("it has an operation that was not asked for")),
    };
    match message.tag() {
        Some(CONTROLS) => controls(message.inside(CONTROLS)?)?,
        // Active Directory has the name of the notice of disconnection outside of it.
        Some(EXTENDED_NAME) if operation == operation::EXTENDED_ANSWER => {
            message.text(EXTENDED_NAME)?;
        }
        _ => {}
    }
    message.end()?;
    Ok((Header { id, operation }, answer))
}

fn entry(mut entry: Reader<'_>) -> Result<(), MessageError> {
    entry.text(OCTETS)?;
    let mut attributes = entry.inside(SEQUENCE)?;
    entry.end()?;
    while !attributes.is_empty() {
        let mut attribute = attributes.inside(SEQUENCE)?;
        attribute.text(OCTETS)?;
        let mut values = attribute.inside(SET)?;
        attribute.end()?;
        while !values.is_empty() {
            values.expect(OCTETS)?;
        }
    }
    Ok(())
}

fn texts(mut texts: Reader<'_>) -> Result<Vec<String>, MessageError> {
    let mut found = vec![];
    while !texts.is_empty() {
        found.push(texts.text(OCTETS)?.to_string());
    }
    Ok(found)
}

fn result(mut result: Reader<'_>) -> Result<Answer, MessageError> {
    let mut answer = Answer {
        code: result.number(ENUMERATED)?,
        ..Answer::default()
    };
    result.text(OCTETS)?;
    answer.text = result.text(OCTETS)?.to_string();
    while !result.is_empty() {
        match result.element()? {
            (REFERRALS, content) => answer.referrals.extend(texts(Reader::new(content))?),
            (TOKEN, content) => answer.token = Some(content.to_vec()),
            (EXTENDED_NAME, content) => {
                text(content)?;
            }
            (EXTENDED_VALUE, _) => {}
            _ => {
                return Err(MessageError(
                    "the result of an operation has an unknown part",
                ));
            }
        }
    }
    Ok(answer)
}

fn controls(mut controls: Reader<'_>) -> Result<(), MessageError> {
    while !controls.is_empty() {
        let mut control = controls.inside(SEQUENCE)?;
        control.text(OCTETS)?;
        if control
            .optional(BOOLEAN)?
            .is_some_and(|content| content.len() != 1)
        {
            return Err(MessageError("a truth value is not one byte"));
        }
        control.optional(OCTETS)?;
        control.end()?;
    }
    Ok(())
}

const CONTROLS: u8 = 0xa0;
const REFERRALS: u8 = 0xa3;
const TOKEN: u8 = 0x87;
const EXTENDED_NAME: u8 = 0x8a;
const EXTENDED_VALUE: u8 = 0x8b;

/// The cookie in the value of the control for paged results (RFC 2696); empty at the end.
pub(super) fn cookie(value: &[u8]) -> Result<Vec<u8>, MessageError> {
    let mut value = Reader::new(value).inside(SEQUENCE)?;
    // The estimated size, which some servers do not know.
    value.expect(INTEGER)?;
    Ok(value.expect(OCTETS)?.to_vec())
}

/// Bytes of a message that may hold a password.
pub(super) type Wiped = Zeroizing<Vec<u8>>;

/// A change to an attribute, with all its values.
pub(super) struct Part<'a> {
    /// How it changes (RFC 4511 section 4.6); nothing where an object is added.
    pub(super) change: Option<u32>,
    pub(super) attribute: &'a str,
    pub(super) values: Vec<&'a [u8]>,
}

/// A bind with name and password (RFC 4511 section 4.2).
pub(super) fn simple_bind(id: u32, name: &str, password: &[u8]) -> Wiped {
    let simple = element(0x80, &[password]);
    let name = element(OCTETS, &[name.as_bytes()]);
    whole(id, &element(operation::BIND, &[&VERSION, &name, &simple]))
}

/// One step of a bind by SASL.
pub(super) fn sasl_bind(id: u32, mechanism: &str, token: Option<&[u8]>) -> Wiped {
    let mechanism = element(OCTETS, &[mechanism.as_bytes()]);
    let token = token.map(|token| element(OCTETS, &[token]));
    let token = token.as_ref().map_or(&[][..], |token| token.as_slice());
    let sasl = element(0xa3, &[&mechanism, token]);
    let name = element(OCTETS, &[]);
    whole(id, &element(operation::BIND, &[&VERSION, &name, &sasl]))
}

/// The wish to go on under TLS (RFC 4511 section 4.14).
pub(super) fn start_tls(id: u32) -> Wiped {
    let name = element(0x80, &[b"1.3.6.1.4.1.1466.20037"]);
    whole(id, &element(operation::EXTENDED, &[&name]))
}

/// The end of a connection.
pub(super) fn unbind(id: u32) -> Wiped {
    whole(id, &element(operation::UNBIND, &[]))
}

/// The wish to add an object.
pub(super) fn add(id: u32, target: &str, parts: &[Part<'_>]) -> Wiped {
    let target = element(OCTETS, &[target.as_bytes()]);
    let parts = list(parts);
    whole(id, &element(operation::ADD, &[&target, &parts]))
}

/// The wish to change an object.
pub(super) fn modify(id: u32, target: &str, parts: &[Part<'_>]) -> Wiped {
    let target = element(OCTETS, &[target.as_bytes()]);
    let parts = list(parts);
    whole(id, &element(operation::MODIFY, &[&target, &parts]))
}

fn list(parts: &[Part<'_>]) -> Wiped {
    let parts: Vec<Wiped> = parts
        .iter()
        .map(|part| {
            let values: Vec<Wiped> = part
                .values
                .iter()
                .map(|value| element(OCTETS, &[value]))
                .collect();
            let values: Vec<&[u8]> = values.iter().map(|value| value.as_slice()).collect();
            let attribute = element(OCTETS, &[part.attribute.as_bytes()]);
            let attribute = element(SEQUENCE, &[&attribute, &element(SET, &values)]);
            match part.change {
                Some(change) => {
                    let mut number = vec![];
                    put_number(&mut number, ENUMERATED, change);
                    element(SEQUENCE, &[&number, &attribute])
                }
                None => attribute,
            }
        })
        .collect();
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_slice()).collect();
    element(SEQUENCE, &parts)
}

fn whole(id: u32, operation: &[u8]) -> Wiped {
    let mut number = vec![];
    put_number(&mut number, INTEGER, id);
    element(SEQUENCE, &[&number, operation])
}

/// An element with the given parts inside, in a buffer that never moves.
fn element(tag: u8, parts: &[&[u8]]) -> Wiped {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut content = Zeroizing::new(Vec::with_capacity(length));
    parts
        .iter()
        .for_each(|part| content.extend_from_slice(part));
    let mut out = Zeroizing::new(Vec::with_capacity(length + 10));
    put(&mut out, tag, &content);
    out
}

/// LDAP version 3, encoded.
const VERSION: [u8; 3] = [INTEGER, 1, 3];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn server(id: u32, operation: u8, parts: &[&[u8]]) -> Vec<u8> {
        whole(id, &element(operation, parts)).to_vec()
    }

    fn done(code: u8, diagnostic: &str) -> Vec<u8> {
        let diagnostic = element(OCTETS, &[diagnostic.as_bytes()]);
        server(
            7,
            operation::SEARCH_DONE,
            &[&[ENUMERATED, 1, code, OCTETS, 0], &diagnostic],
        )
    }

    fn one_entry() -> Vec<u8> {
        let values = element(SET, &[&[OCTETS, 2, 0xff, 0], &[OCTETS, 0]]);
        let attribute = element(SEQUENCE, &[&[OCTETS, 2, b'c', b'n'], &values]);
        let attributes = element(SEQUENCE, &[&attribute, &attribute]);
        server(
            3,
            operation::ENTRY,
            &[&[OCTETS, 4, b'D', b'C', b'=', b'a'], &attributes],
        )
    }

    #[test]
    fn messages_of_a_server_are_told_apart() {
        let (header, found) = answer(&done(32, "0000208D: NameErr")).unwrap();
        assert_eq!((header.id, header.operation), (7, operation::SEARCH_DONE));
        assert_eq!((found.code, found.text.as_str()), (32, "0000208D: NameErr"));
        assert_eq!(check(&one_entry()).unwrap().operation, operation::ENTRY);
        assert!(answer(&one_entry()).is_err());
        let referral = server(1, operation::REFERENCE, &[&[OCTETS, 1, b'x']]);
        assert_eq!(check(&referral).unwrap().operation, operation::REFERENCE);
        let bound = server(
            1,
            operation::BIND_ANSWER,
            &[&[ENUMERATED, 1, 14, OCTETS, 0, OCTETS, 0, TOKEN, 2, 8, 9]],
        );
        let (_, found) = answer(&bound).unwrap();
        assert_eq!((found.code, found.token), (14, Some(vec![8, 9])));
    }

    #[test]
    fn a_notice_of_active_directory_is_read() {
        let operation = element(
            operation::EXTENDED_ANSWER,
            &[&[ENUMERATED, 1, 52, OCTETS, 0, OCTETS, 0]],
        );
        let notice = element(
            SEQUENCE,
            &[&[INTEGER, 1, 0], &operation, &[EXTENDED_NAME, 1, b'1']],
        );
        let (header, found) = answer(&notice).unwrap();
        assert_eq!((header.id, found.code), (0, 52));
    }

    #[test]
    fn wrong_messages_are_refused() {
        let mut late = done(0, "");
        late.push(0);
        assert!(check(&late).is_err());
        for wrong in [
            vec![],
            vec![SEQUENCE, 0],
            server(1, operation::BIND, &[]),
            server(1, operation::SEARCH_DONE, &[]),
            server(1, operation::SEARCH_DONE, &[&[ENUMERATED, 1, 0, OCTETS, 0]]),
            server(
                1,
                operation::SEARCH_DONE,
                &[&[ENUMERATED, 1, 0, OCTETS, 1, 0xff, OCTETS, 0]],
            ),
            server(1, operation::ENTRY, &[&[OCTETS, 1, 0xff], &[SEQUENCE, 0]]),
            server(
                1,
                operation::ENTRY,
                &[&[OCTETS, 0], &[SEQUENCE, 2, OCTETS, 0]],
            ),
            server(1, 0x79, &[]),
        ] {
            assert!(check(&wrong).is_err(), "{wrong:?}");
        }
        assert!(length(&[SEQUENCE, 0x84, 2, 0, 0, 0]).is_err());
        assert!(length(&[0x04]).is_err());
        assert_eq!(length(&[SEQUENCE, 0x82, 1]), Ok(None));
        assert_eq!(length(&[SEQUENCE, 5]), Ok(Some(7)));
    }

    #[test]
    fn requests_have_the_bytes_of_the_rfc() {
        assert_eq!(
            *simple_bind(1, "u", b"p"),
            [
                0x30, 14, 2, 1, 1, 0x60, 9, 2, 1, 3, 4, 1, b'u', 0x80, 1, b'p'
            ]
        );
        assert_eq!(*unbind(5), [0x30, 5, 2, 1, 5, 0x42, 0]);
        assert_eq!(
            request(&start_tls(9)).unwrap().operation,
            operation::EXTENDED
        );
        let change = Part {
            change: Some(2),
            attribute: "cn",
            values: vec![b"x"],
        };
        assert_eq!(
            *modify(2, "d", &[change]),
            [
                0x30, 26, 2, 1, 2, 0x66, 21, 4, 1, b'd', 0x30, 16, 0x30, 14, 0x0a, 1, 2, 0x30, 9,
                4, 2, b'c', b'n', 0x31, 3, 4, 1, b'x'
            ]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_checked(bytes: Vec<u8>) {
            prop_assert_eq!(check(&bytes).is_ok(), read(&bytes).is_ok());
            let _ = (length(&bytes), cookie(&bytes), request(&bytes));
        }

        #[test]
        fn changed_messages_can_be_checked(
            which in 0..3usize,
            at: prop::sample::Index,
            byte: u8,
        ) {
            let mut message = match which {
                0 => done(10, "text"),
                1 => one_entry(),
                _ => server(1, operation::REFERENCE, &[&[OCTETS, 1, b'x']]),
            };
            let at = at.index(message.len());
            message[at] = byte;
            if let Ok(header) = check(&message) {
                prop_assert!(operation::answers(operation::SEARCH, header.operation)
                    || answer(&message).is_ok());
            }
        }
    }
}
