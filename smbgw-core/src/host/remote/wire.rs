//! The messages between this program and the one that works on the other machine.
//!
//! A message is its length in four bytes (big-endian) and then its fields, each with its length before it.

use zeroize::Zeroizing;

/// What the program over there says first; anything before comes from the login there.
const GREETING: &[u8] = b"\nsmbgw-agent-1\n";

/// The longest message that is taken: both streams of a command at their limit.
const LONGEST: usize = 160 << 20;

/// The most that a login may print before.
const LONGEST_PRELUDE: usize = 64 << 10;

/// What a message consists of.
pub(super) type Fields = Vec<Vec<u8>>;

/// What came is no message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Garbled(pub(super) &'static str);

/// The message with these fields; it is wiped after use, as there may be secrets in it. `None` where it
/// is too long.
pub(super) fn message(fields: &[&[u8]]) -> Option<Zeroizing<Vec<u8>>> {
    let length: usize = fields.iter().map(|field| field.len() + 4).sum();
    if length > LONGEST {
        return None;
    }
    // With room for all of it, no copy is left behind by growing.
    let mut message = Zeroizing::new(Vec::with_capacity(length + 4));
    message.extend_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
    for field in fields {
        message.extend_from_slice(&u32::try_from(field.len()).ok()?.to_be_bytes());
        message.extend_from_slice(field);
    }
    Some(message)
}

/// Takes the greeting, and what comes before it, off the front of `received`; whether it was there.
pub(super) fn take_greeting(received: &mut Vec<u8>) -> Result<bool, Garbled> {
    let found = received
        .windows(GREETING.len())
        .position(|window| window == GREETING);
    match found {
        Some(at) => {
            received.drain(..at + GREETING.len());
            Ok(true)
        }
        None if received.len() > LONGEST_PRELUDE + GREETING.len() => {
            Err(Garbled("something else answered"))
        }
        None => Ok(false),
    }
}

/// Takes a message off the front of `received`, if it is there as a whole.
pub(super) fn take_message(received: &mut Vec<u8>) -> Result<Option<Fields>, Garbled> {
    let Some(length) = length_at(received) else {
        return Ok(None);
    };
    if length > LONGEST {
        return Err(Garbled("the answer is too long"));
    }
    let Some(body) = received.get(4..4 + length) else {
        return Ok(None);
    };
    let fields = fields_of(body).ok_or(Garbled("the fields of the answer are not whole"))?;
    received.drain(..4 + length);
    Ok(Some(fields))
}

/// The bytes that `text` says in hexadecimal digits, up to where they end.
pub(super) fn from_hexadecimal(text: &[u8]) -> Vec<u8> {
    let value = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = text.chunks_exact(2).map_while(|pair| {
        let byte = value(&pair[0])? << 4 | value(&pair[1])?;
        u8::try_from(byte).ok()
    });
    pairs.collect()
}

fn fields_of(mut body: &[u8]) -> Option<Fields> {
    let mut fields = Vec::new();
    while !body.is_empty() {
        let length = length_at(body)?;
        let field = body.get(4..)?.get(..length)?;
        fields.push(field.to_vec());
        body = &body[4 + length..];
    }
    Some(fields)
}

fn length_at(bytes: &[u8]) -> Option<usize> {
    let length = bytes.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn messages_arrive_as_they_were_in_any_pieces(
            fields in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
            prelude in "[a-z\n]{0,40}",
            cut in 0_usize..100,
        ) {
            let slices: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
            let mut whole = prelude.into_bytes();
            whole.extend_from_slice(GREETING);
            whole.extend_from_slice(&message(&slices).unwrap());
            let (first, second) = whole.split_at(cut.min(whole.len()));
            let mut received = first.to_vec();
            let mut greeted = take_greeting(&mut received).unwrap();
            let mut taken = if greeted { take_message(&mut received).unwrap() } else { None };
            received.extend_from_slice(second);
            if !greeted {
                greeted = take_greeting(&mut received).unwrap();
            }
            if taken.is_none() {
                taken = take_message(&mut received).unwrap();
            }
            prop_assert!(greeted && received.is_empty());
            prop_assert_eq!(taken.unwrap(), fields);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut received = bytes.clone();
            if take_message(&mut received) != Ok(None) {
                prop_assert!(bytes.len() >= 4);
            }
            prop_assert!(from_hexadecimal(&bytes).len() <= bytes.len() / 2);
        }

        #[test]
        fn hexadecimal_digits_are_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(from_hexadecimal(text.as_bytes()), bytes);
        }
    }

    #[test]
    fn who_talks_too_much_first_is_somebody_else() {
        let mut received = vec![b'x'; LONGEST_PRELUDE + 100];
        assert!(take_greeting(&mut received).is_err());
        let mut endless = u32::MAX.to_be_bytes().to_vec();
        assert!(take_message(&mut endless).is_err());
    }
}
