//! Tickets, and the keys that go with them.

use std::fmt;

use jiff::Timestamp;

use super::crypto::Key;
use super::der::{DerError, application};
use super::message::{self, EncryptedData};
use crate::clock::Clock;
use crate::name::{Principal, Realm};

/// From when to when a ticket holds, as the clock of its domain shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When the client proved who it is.
    pub authenticated: Timestamp,
    /// From when on it holds.
    pub start: Timestamp,
    /// Until when it holds.
    pub end: Timestamp,
    /// Until when it can be renewed, if it can.
    pub renew_till: Option<Timestamp>,
}

/// What is true of a ticket (RFC 4120 section 5.3); the highest bit is the first flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Flags(pub u32);

impl Flags {
    /// Got with a password or key, not with another ticket.
    pub fn initial(self) -> bool {
        self.has(9)
    }

    /// Given after a proof of who asks.
    pub fn pre_authenticated(self) -> bool {
        self.has(10)
    }

    /// The service is trusted to act for its users.
    pub fn ok_as_delegate(self) -> bool {
        self.has(13)
    }

    fn has(self, bit: u32) -> bool {
        self.0 & (0x8000_0000 >> bit) != 0
    }
}

/// A ticket with which `client` can talk to `service`, and the key that both then share.
///
/// Its `Debug` form has no key.
#[derive(Clone)]
pub struct ServiceTicket {
    client: Principal,
    service: Principal,
    ticket: Vec<u8>,
    key: Key,
    times: Times,
    flags: Flags,
}

impl ServiceTicket {
    /// Puts together what a domain controller answered.
    ///
    /// `ticket` is the encoded message `Ticket`, as the service will be shown it.
    pub fn new(
        client: Principal,
        service: Principal,
        ticket: Vec<u8>,
        key: Key,
        times: Times,
        flags: Flags,
    ) -> Self {
        Self {
            client,
            service,
            ticket,
            key,
            times,
            flags,
        }
    }

    /// Whom it names.
    pub fn client(&self) -> &Principal {
        &self.client
    }

    /// For whom it is.
    pub fn service(&self) -> &Principal {
        &self.service
    }

    /// The ticket itself, encoded, just as it came.
    pub fn ticket(&self) -> &[u8] {
        &self.ticket
    }

    /// The key that goes with it.
    pub fn session_key(&self) -> &Key {
        &self.key
    }

    /// From when to when it holds.
    pub fn times(&self) -> Times {
        self.times
    }

    /// What is true of it.
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// Whether a service that has `keys` could read it: which of them is that of the ticket.
    ///
    /// # Errors
    /// Where its form is not that of a ticket.
    pub fn read_with<'k>(&self, keys: &'k [Key]) -> Result<Option<&'k Key>, DerError> {
        let data = message::read_all(&self.ticket, application(1), "Ticket", |fields| {
            fields.field(0, "tkt-vno", |it, part| it.constant(5, part))?;
            fields.field(1, "realm", message::read_realm)?;
            fields.field(2, "sname", message::read_name)?;
            fields.field(3, "enc-part", EncryptedData::read)
        })?;
        Ok(keys.iter().find(|key| data.open(key, TICKET).is_ok()))
    }

    /// Whether it has ended by `clock`.
    pub fn has_ended(&self, clock: Clock) -> bool {
        clock.now() >= self.times.end
    }
}

impl fmt::Debug for ServiceTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceTicket")
            .field("client", &self.client.to_string())
            .field("service", &self.service.to_string())
            .field("encryption", &self.key.etype())
            .field("times", &self.times)
            .field("flags", &self.flags)
            .finish_non_exhaustive()
    }
}

/// A ticket granting ticket: with it, tickets for services are got.
#[derive(Clone, Debug)]
pub struct Tgt(ServiceTicket);

impl Tgt {
    /// The ticket granting ticket that `ticket` is, or nothing where it is for another service.
    pub fn new(ticket: ServiceTicket) -> Option<Self> {
        let is_one = matches!(ticket.service.parts(), [name, realm]
            if name == "krbtgt" && realm.parse::<Realm>().is_ok());
        is_one.then_some(Self(ticket))
    }

    /// The realm whose domain controllers take it.
    pub fn realm(&self) -> Realm {
        // `new` has checked both.
        match self.0.service.parts().last().map(|part| part.parse()) {
            Some(Ok(realm)) => realm,
            _ => self.0.service.realm().clone(),
        }
    }

    /// Whom it names.
    pub fn client(&self) -> &Principal {
        self.0.client()
    }

    /// It as a ticket for the ticket granting service.
    pub fn as_ticket(&self) -> &ServiceTicket {
        &self.0
    }
}

/// Usage of keys for the encrypted part of a ticket (RFC 4120 section 7.5.1).
const TICKET: u32 = 2;
