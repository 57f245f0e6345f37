//! Logging in with a Kerberos ticket, and sealing everything after that (SASL GSSAPI, RFC 4752).

use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::gss::{Context, GssError, Initiator, Options};
use crate::krb::ticket::ServiceTicket;

use super::MessageError;
use super::layer::{Layer, LayerError, MOST_FRAME, Seal};
use super::link::{Fault, Link};
use super::message::{Answer, sasl_bind};

/// The server goes on with a login (RFC 4511 appendix A.1).
const IN_PROGRESS: u32 = 14;

/// Logs in; gives the last answer of the server, which may be a refusal.
pub(super) async fn log_in(
    link: &mut Link,
    ticket: &ServiceTicket,
    clock: Clock,
) -> Result<Answer, Fault> {
    let (initiator, token) = Initiator::begin(ticket, Options::default(), clock)?;
    let answer = step(link, &token).await?;
    if answer.code != IN_PROGRESS {
        return Ok(answer);
    }
    let mut context = initiator.finish(&answer.token.unwrap_or_default())?;
    let answer = step(link, &[]).await?;
    if answer.code != IN_PROGRESS {
        return Ok(answer);
    }
    let offered = context.unwrap(&answer.token.unwrap_or_default())?;
    let most = offer(&offered.data)?;
    let answer = step(link, &context.wrap(&choice(), false)?).await?;
    if answer.code == 0 {
        let most = context.limit(most, true);
        if most == 0 {
            return Err(MessageError("it takes no frames of a useful size").into());
        }
        link.layer = Layer::Sealed(Box::new(Sealed { context, most }));
    }
    Ok(answer)
}

async fn step(link: &mut Link, token: &[u8]) -> Result<Answer, Fault> {
    let request = sasl_bind(link.number(), "GSSAPI", Some(token));
    link.exchange(&request).await
}

/// Reads what the server offers (RFC 4752 section 3.1): how large its frames may be.
fn offer(bytes: &[u8]) -> Result<usize, MessageError> {
    let [layers, a, b, c] = bytes else {
        return Err(MessageError("its offer of protection has not four bytes"));
    };
    if layers & CONFIDENTIALITY == 0 {
        return Err(MessageError("it does not offer to encrypt the connection"));
    }
    let most = u32::from_be_bytes([0, *a, *b, *c]);
    Ok(usize::try_from(most).unwrap_or(MOST_FRAME).min(MOST_FRAME))
}

/// What is chosen of it: to encrypt, and how large frames may be that come here.
fn choice() -> [u8; 4] {
    let [_, a, b, c] = (MOST_FRAME as u32).to_be_bytes();
    [CONFIDENTIALITY, a, b, c]
}

const CONFIDENTIALITY: u8 = 4;

/// A context that encrypts.
struct Sealed {
    context: Context,
    most: usize,
}

impl Seal for Sealed {
    fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, LayerError> {
        Ok(self.context.wrap(plain, true)?)
    }

    fn open(&mut self, frame: &[u8]) -> Result<Zeroizing<Vec<u8>>, LayerError> {
        let opened = self.context.unwrap(frame)?;
        if !opened.sealed {
            return Err(MessageError("a frame is not encrypted").into());
        }
        Ok(opened.data)
    }

    fn most(&self) -> usize {
        self.most
    }
}

impl From<GssError> for LayerError {
    fn from(error: GssError) -> Self {
        Self::Kerberos(error)
    }
}

impl From<GssError> for Fault {
    fn from(error: GssError) -> Self {
        Self::Kerberos(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_offers_to_encrypt_are_taken() {
        assert_eq!(offer(&[7, 0xa0, 0, 0]), Ok(0xa0_0000));
        assert_eq!(offer(&[4, 0xff, 0xff, 0xff]), Ok(MOST_FRAME));
        for wrong in [&[3, 1, 0, 0][..], &[7, 1, 0], &[], &[7, 0, 0, 0, 0]] {
            assert!(offer(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(choice(), [4, 0xff, 0xff, 0xff]);
    }
}
