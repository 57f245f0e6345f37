//! Where the domain controllers of a realm are, and how one of them is asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind, chain_text};

use super::error::KrbError;
use super::message::{ErrorCode, ErrorMessage};
use super::transport::{self, Answer, Judgement, Protocol};
use crate::code::Code;
use crate::name::Realm;

/// The port of Kerberos.
pub const PORT: u16 = 88;

/// Who knows the domain controllers of realms.
pub trait KdcFinder {
    /// Where the domain controllers of `realm` listen for Kerberos, the best first.
    ///
    /// # Errors
    /// Where none is known.
    fn kdcs(&self, realm: &Realm, deadline: Deadline) -> Result<Vec<SocketAddr>, FindError>;
}

/// Why no domain controller of a realm is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct FindError {
    reason: String,
    code: &'static str,
    kind: ErrorKind,
    remedy: Option<String>,
}

impl FindError {
    /// That nothing is known of `realm`.
    pub fn unknown(realm: &Realm) -> Self {
        Self {
            reason: format!("no domain controller of the realm {realm} is known"),
            code: Code::RealmUnknown.as_str(),
            kind: ErrorKind::NotFound,
            remedy: Some(Code::RealmUnknown.fix().into()),
        }
    }

    /// What the search ended with.
    pub fn because(error: &dyn Coded) -> Self {
        Self {
            reason: chain_text(error),
            code: error.code(),
            kind: error.kind(),
            remedy: error.remedy(),
        }
    }
}

impl Coded for FindError {
    fn code(&self) -> &'static str {
        self.code
    }

    fn kind(&self) -> ErrorKind {
        self.kind
    }

    fn remedy(&self) -> Option<String> {
        self.remedy.clone()
    }
}

/// Domain controllers that are known from the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known(pub BTreeMap<Realm, Vec<SocketAddr>>);

impl Known {
    /// Those of one realm.
    pub fn one(realm: Realm, servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self(BTreeMap::from([(realm, servers.into_iter().collect())]))
    }
}

impl KdcFinder for Known {
    fn kdcs(&self, realm: &Realm, _: Deadline) -> Result<Vec<SocketAddr>, FindError> {
        match self.0.get(realm) {
            Some(servers) if !servers.is_empty() => Ok(servers.clone()),
            _ => Err(FindError::unknown(realm)),
        }
    }
}

/// The domain controllers of one realm during one operation: the one that answered is asked first
/// from then on, and the way it had to be asked is kept.
pub(crate) struct Kdcs {
    realm: Realm,
    servers: Vec<SocketAddr>,
    first: Protocol,
}

impl Kdcs {
    pub(crate) fn find(
        finder: &dyn KdcFinder,
        realm: &Realm,
        deadline: Deadline,
    ) -> Result<Self, KrbError> {
        let servers = finder
            .kdcs(realm, deadline)
            .map_err(|source| KrbError::Find {
                realm: realm.clone(),
                source,
            })?;
        Ok(Self {
            realm: realm.clone(),
            servers,
            first: Protocol::Udp,
        })
    }

    /// Asks one of them.
    pub(crate) fn ask(&mut self, request: &[u8], deadline: Deadline) -> Result<Answer, KrbError> {
        let first = match request.len() {
            ..=MOST_BY_UDP => self.first,
            _ => Protocol::Tcp,
        };
        let answer = transport::exchange(&self.servers, first, request, &judge, deadline).map_err(
            |source| KrbError::Unreachable {
                realm: self.realm.clone(),
                source,
            },
        )?;
        self.first = answer.protocol;
        self.servers.sort_by_key(|server| *server != answer.server);
        Ok(answer)
    }
}

/// What a domain controller sent.
fn judge(protocol: Protocol, bytes: &[u8]) -> Judgement {
    // AS-REP, TGS-REP and KRB-ERROR.
    if !matches!(bytes.first(), Some(0x6b | 0x6d | 0x7e)) {
        return Judgement::Refuse("it sent something that is not Kerberos");
    }
    if !ErrorMessage::is_one(bytes) {
        return Judgement::Take;
    }
    match ErrorMessage::decode(bytes).map(|message| message.error) {
        Ok(ErrorCode::RESPONSE_TOO_BIG) if protocol == Protocol::Udp => Judgement::AskByTcp,
        Ok(ErrorCode::SVC_UNAVAILABLE) => Judgement::Refuse("it is not available at the moment"),
        Ok(_) => Judgement::Take,
        Err(_) => Judgement::Refuse("it sent a malformed error"),
    }
}

/// Longer requests are sent by TCP at once: they would not fit into one packet.
const MOST_BY_UDP: usize = 1400;
