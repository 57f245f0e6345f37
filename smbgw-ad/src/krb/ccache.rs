//! Tickets in the form in which Kerberos programs read them from a file, for the one program that is
//! handed ours: a client that proves that our own services take them.
//!
//! The format is version 4 of MIT's credential cache (MIT Kerberos documentation, "Credential cache file
//! format"). It holds session keys.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::ticket::ServiceTicket;
use crate::name::Principal;

/// The cache of `tickets`, all of one client.
pub fn render(client: &Principal, tickets: &[&ServiceTicket]) -> Zeroizing<Vec<u8>> {
    // A buffer that grows leaves copies behind.
    let size: usize = tickets.iter().map(|ticket| ticket.ticket().len()).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(size + 1024 * (tickets.len() + 1)));
    out.extend_from_slice(&[5, 4, 0, 0]);
    principal(&mut out, client);
    for ticket in tickets {
        principal(&mut out, ticket.client());
        principal(&mut out, ticket.service());
        let key = ticket.session_key();
        let etype = u16::try_from(key.etype().number()).unwrap_or_default();
        out.extend_from_slice(&etype.to_be_bytes());
        data(&mut out, key.expose());
        let times = ticket.times();
        for time in [
            Some(times.authenticated),
            Some(times.start),
            Some(times.end),
            times.renew_till,
        ] {
            out.extend_from_slice(&seconds(time).to_be_bytes());
        }
        // Not for a session key of somebody else's.
        out.push(0);
        out.extend_from_slice(&ticket.flags().0.to_be_bytes());
        // Neither addresses nor further data.
        out.extend_from_slice(&[0; 8]);
        data(&mut out, ticket.ticket());
        data(&mut out, &[]);
    }
    out
}

fn principal(out: &mut Vec<u8>, principal: &Principal) {
    let parts = principal.parts();
    out.extend_from_slice(&principal.kind().number().to_be_bytes());
    out.extend_from_slice(&length(parts.len()));
    data(out, principal.realm().as_str().as_bytes());
    for part in parts {
        data(out, part.as_bytes());
    }
}

fn data(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&length(bytes.len()));
    out.extend_from_slice(bytes);
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

fn seconds(time: Option<Timestamp>) -> u32 {
    let seconds = time.map_or(0, Timestamp::as_second);
    u32::try_from(seconds).unwrap_or_default()
}
