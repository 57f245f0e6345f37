//! The frame of the tokens that set up a context (RFC 2743 section 3.1, RFC 4121 section 4.1).

use super::GssError;

/// 1.2.840.113554.1.2.2, the Kerberos mechanism, with tag and length.
const MECHANISM: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";

/// What is in a token that sets up a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialToken<'a> {
    /// AP-REQ, by which the initiator proves itself.
    Request(&'a [u8]),
    /// AP-REP, by which the acceptor does.
    Reply(&'a [u8]),
    /// KRB-ERROR: the acceptor says no.
    Error(&'a [u8]),
}

/// Reads the frame of a token that sets up a context.
///
/// # Errors
/// Where it is of another mechanism, of none, or not whole.
pub fn parse_initial(token: &[u8]) -> Result<InitialToken<'_>, GssError> {
    let malformed = |reason| GssError::Malformed { reason };
    let [0x60, rest @ ..] = token else {
        return Err(malformed("it does not begin as those of GSS-API do"));
    };
    let content = sized(rest).ok_or_else(|| malformed("its length is wrong"))?;
    let content = content
        .strip_prefix(MECHANISM)
        .ok_or_else(|| malformed("it is of another mechanism than Kerberos"))?;
    match content {
        [1, 0, message @ ..] => Ok(InitialToken::Request(message)),
        [2, 0, message @ ..] => Ok(InitialToken::Reply(message)),
        [3, 0, message @ ..] => Ok(InitialToken::Error(message)),
        _ => Err(malformed("it holds none of AP-REQ, AP-REP and KRB-ERROR")),
    }
}

/// The token with which an initiator begins.
pub(super) fn request(message: &[u8]) -> Vec<u8> {
    let length = MECHANISM.len() + 2 + message.len();
    let mut token = vec![0x60];
    match length {
        0..=0x7f => token.push(length as u8),
        _ => {
            let bytes = length.to_be_bytes();
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            token.push(0x80 | (bytes.len() - zeros) as u8);
            token.extend_from_slice(&bytes[zeros..]);
        }
    }
    token.extend_from_slice(MECHANISM);
    token.extend_from_slice(&[1, 0]);
    token.extend_from_slice(message);
    token
}

/// What follows a DER length that says exactly how much that is.
fn sized(bytes: &[u8]) -> Option<&[u8]> {
    let (first, rest) = bytes.split_first()?;
    let (length, content) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (length, content) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = length
                .iter()
                .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
            (usize::try_from(length).ok()?, content)
        }
        _ => return None,
    };
    (content.len() == length).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_go_there_and_back() {
        for length in [0, 1, 0x72, 0x73, 0x74, 0xf2, 0xf3, 0x100, 0x10000] {
            let message = vec![7; length];
            let token = request(&message);
            assert_eq!(
                parse_initial(&token).unwrap(),
                InitialToken::Request(&message)
            );
            assert!(parse_initial(&token[..token.len() - 1]).is_err());
        }
    }

    #[test]
    fn other_tokens_are_refused() {
        // SPNEGO, and a length that says more than there is.
        let spnego = b"\x60\x08\x06\x06\x2b\x06\x01\x05\x05\x02";
        for wrong in [
            &b""[..],
            b"\x60",
            b"\x61\x00",
            b"\x60\x84\xff\xff\xff\xff",
            b"\x60\x80",
            spnego,
        ] {
            assert!(parse_initial(wrong).is_err(), "{wrong:x?}");
        }
    }
}
