//! What protects the bytes of a connection.

use std::io::{Read, Write};

use rustls::ClientConnection;
use zeroize::Zeroizing;

use crate::gss::GssError;

use super::message::MOST_MESSAGE;
use super::{MessageError, TlsError};

/// Turns bytes of LDAP into bytes on the wire and back.
pub(super) enum Layer {
    /// As they are.
    Plain,
    /// In frames of a Kerberos context (RFC 4752 section 3.1).
    Sealed(Box<dyn Seal + Send>),
    /// In TLS.
    Tls(Box<ClientConnection>),
}

/// A Kerberos context with all that was agreed on.
pub(super) trait Seal {
    /// Encrypts bytes that make one frame.
    fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, LayerError>;
    /// Decrypts what is in one frame.
    fn open(&mut self, frame: &[u8]) -> Result<Zeroizing<Vec<u8>>, LayerError>;
    /// So many bytes at most go into one frame.
    fn most(&self) -> usize;
}

/// Why bytes cannot go through.
#[derive(Debug)]
pub(super) enum LayerError {
    Message(MessageError),
    Tls(TlsError),
    Kerberos(GssError),
}

impl From<MessageError> for LayerError {
    fn from(error: MessageError) -> Self {
        Self::Message(error)
    }
}

impl Layer {
    /// Appends to `wire` what carries `plain`, and whatever the layer itself has to say.
    pub(super) fn outgoing(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<(), LayerError> {
        match self {
            Self::Plain => wire.extend_from_slice(plain),
            Self::Sealed(seal) => {
                for part in plain.chunks(seal.most().max(1)) {
                    let frame = seal.seal(part)?;
                    let length = u32::try_from(frame.len())
                        .map_err(|_| MessageError("a frame is too large"))?;
                    wire.extend_from_slice(&length.to_be_bytes());
                    wire.extend_from_slice(&frame);
                }
            }
            Self::Tls(tls) => {
                let broken = |_| LayerError::Tls(TlsError::Protocol("it takes no more".into()));
                let mut rest = plain;
                loop {
                    // Its buffers are bounded: what does not fit has to go out first.
                    let taken = tls.writer().write(rest).map_err(broken)?;
                    rest = &rest[taken..];
                    while tls.wants_write() {
                        tls.write_tls(wire).map_err(broken)?;
                    }
                    if rest.is_empty() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes what can be taken off the begin of `wire`, and appends what it carries to `plain`.
    pub(super) fn incoming(
        &mut self,
        wire: &mut Vec<u8>,
        plain: &mut Vec<u8>,
    ) -> Result<(), LayerError> {
        match self {
            Self::Plain => plain.append(wire),
            Self::Sealed(seal) => {
                let mut at = 0;
                while let Some(frame) = frame(&wire[at..])? {
                    plain.extend_from_slice(&seal.open(frame)?);
                    at += 4 + frame.len();
                }
                wire.drain(..at);
            }
            Self::Tls(tls) => {
                let mut rest = wire.as_slice();
                while !rest.is_empty() {
                    let broken = |_| LayerError::Tls(TlsError::Protocol("it sent too much".into()));
                    let taken = tls.read_tls(&mut rest).map_err(broken)?;
                    let state = tls
                        .process_new_packets()
                        .map_err(|error| LayerError::Tls(TlsError::of(error)))?;
                    let mut part = vec![0; state.plaintext_bytes_to_read()];
                    tls.reader().read_exact(&mut part).map_err(broken)?;
                    plain.append(&mut part);
                    if taken == 0 {
                        break;
                    }
                }
                wire.clear();
            }
        }
        Ok(())
    }
}

/// What is in the frame that `bytes` begin with; `None` where it is not whole.
pub(super) fn frame(bytes: &[u8]) -> Result<Option<&[u8]>, MessageError> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > MOST_FRAME {
        return Err(MessageError("a frame is too large"));
    }
    Ok(rest.get(..length))
}

/// Larger frames are not read; the server is told so when the layer is agreed on.
pub(super) const MOST_FRAME: usize = MOST_MESSAGE - 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Turns bits round.
    struct Turn;

    impl Seal for Turn {
        fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, LayerError> {
            Ok(plain.iter().map(|byte| !byte).collect())
        }

        fn open(&mut self, frame: &[u8]) -> Result<Zeroizing<Vec<u8>>, LayerError> {
            self.seal(frame).map(Zeroizing::new)
        }

        fn most(&self) -> usize {
            3
        }
    }

    #[test]
    fn frames_may_come_in_any_pieces() {
        let mut layer = Layer::Sealed(Box::new(Turn));
        let mut wire = vec![];
        layer.outgoing(b"abcdefg", &mut wire).unwrap();
        assert_eq!(wire.len(), 7 + 3 * 4);
        let (mut received, mut plain) = (vec![], vec![]);
        for byte in wire {
            received.push(byte);
            layer.incoming(&mut received, &mut plain).unwrap();
        }
        assert_eq!(plain, b"abcdefg");
        assert!(received.is_empty());
    }

    #[test]
    fn large_frames_are_refused() {
        assert!(frame(&[1, 0, 0, 0]).is_err());
        assert_eq!(frame(&[0, 0, 0, 2, 7]), Ok(None));
        assert_eq!(frame(&[0, 0, 0, 1, 7, 8]), Ok(Some(&[7][..])));
    }

    proptest! {
        #[test]
        fn any_bytes_can_come(bytes: Vec<u8>) {
            let mut plain = vec![];
            let mut wire = bytes.clone();
            if Layer::Sealed(Box::new(Turn)).incoming(&mut wire, &mut plain).is_ok() {
                prop_assert!(plain.len() + wire.len() <= bytes.len());
            }
        }
    }
}
