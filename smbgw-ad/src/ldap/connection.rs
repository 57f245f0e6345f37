//! A connection to a directory.

use std::cell::Cell;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use ldap3::controls::{PagedResults, RawControl};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, ResultEntry, StdStream};
use smbgw_core::deadline::Deadline;
use smbgw_core::secret::Secret;
use tokio::runtime::{Builder, Runtime};

use crate::audit;
use crate::clock::Clock;
use crate::krb::ticket::ServiceTicket;
use crate::name::HostName;

use super::link::{Fault, Link, Near, carry};
use super::message::{self, Answer, Part, cookie};
use super::{
    Dn, Entry, Filter, LdapError, MessageError, Reason, Referral, Refusal, Target, TlsError, Trust,
    sasl, tls,
};

/// An LDAP server: its name, which tickets and certificates are for, and its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name.
    pub host: HostName,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// The LDAP service of `host`: port 389.
    pub fn ldap(host: HostName, address: IpAddr) -> Self {
        Self::at_port(host, address, 389)
    }

    /// The LDAP service of `host` that is under TLS from the first byte: port 636.
    pub fn ldaps(host: HostName, address: IpAddr) -> Self {
        Self::at_port(host, address, 636)
    }

    /// The global catalog of `host`, which has some attributes of all objects of a forest and takes
    /// no changes: port 3268.
    pub fn global_catalog(host: HostName, address: IpAddr) -> Self {
        Self::at_port(host, address, 3268)
    }

    fn at_port(host: HostName, address: IpAddr, port: u16) -> Self {
        Self {
            host,
            address: SocketAddr::new(address, port),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.host, self.address)
    }
}

/// How a connection is protected, and as whom it is opened.
#[derive(Clone)]
#[non_exhaustive]
pub enum Security<'a> {
    /// By Kerberos, which encrypts everything after the login (SASL GSSAPI on port 389).
    Sealed {
        /// The ticket for the service `ldap` of the server.
        ticket: &'a ServiceTicket,
        /// The time that the domain has.
        clock: Clock,
    },
    /// By TLS; a password is sent inside of it only.
    Tls {
        /// When TLS begins.
        start: TlsStart,
        /// Whose certificate is right.
        trust: &'a Trust,
        /// Who logs in; without, what the server tells everybody can be read.
        login: Option<Login<'a>>,
    },
    /// Not at all, and as nobody: for what the server tells everybody, its [`RootDse`](super::RootDse).
    Anonymous,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsStart {
    /// With the first byte, as on port 636.
    AtOnce,
    /// After the client asked for it (StartTLS), as on port 389.
    Asked,
}

/// A user with a password.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// The user: a distinguished name, `user@domain` or `DOMAIN\user`.
    pub user: &'a str,
    /// The password.
    pub password: &'a Secret,
}

/// How far below its base a search looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Right below it.
    Children,
    /// It and all below it.
    Subtree,
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The objects.
    pub entries: Vec<Entry>,
    /// Who else may have some: other domains and partitions. They are not asked.
    pub referrals: Vec<Referral>,
}

/// One change to an attribute.
#[derive(Clone, Debug)]
pub enum Edit<'a> {
    /// Adds values.
    Add(&'a str, Vec<&'a [u8]>),
    /// Removes values; all where none is given.
    Remove(&'a str, Vec<&'a [u8]>),
    /// Has these values and no others; where none is given the attribute may be missing before.
    Replace(&'a str, Vec<&'a [u8]>),
}

/// A connection to a directory, logged in.
///
/// It belongs to one thread of the caller, starts none, and is closed when it is dropped. It may not
/// be used inside a runtime of tokio. After a failure that is not an answer of the server, it is not
/// used any more ([`LdapError::Unusable`]).
pub struct Connection {
    server: Server,
    usable: bool,
    ldap: Ldap,
    driver: Pin<Box<dyn Future<Output = ldap3::result::Result<()>> + Send>>,
    near: Near,
    link: Link,
    runtime: Runtime,
}

impl Connection {
    /// Connects to `server` and logs in.
    ///
    /// # Errors
    /// Where the server cannot be reached in time, is not the right one, or refuses the login.
    pub fn open(
        server: &Server,
        security: Security<'_>,
        deadline: Deadline,
    ) -> Result<Self, LdapError> {
        let prepare = |source| LdapError::Prepare { source };
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(prepare)?;
        let doing = Cell::new(CONNECTING);
        let link = runtime
            .block_on(async {
                let opening = establish(server, &security, &doing);
                tokio::time::timeout(deadline.remaining(), opening).await
            })
            .map_err(|_| LdapError::Deadline {
                server: Box::new(server.clone()),
                doing: doing.get().to_string(),
            })??;
        let (near, far) = std::os::unix::net::UnixStream::pair().map_err(prepare)?;
        let (near, connection, ldap) = runtime.block_on(async {
            let near = Near::new(near).map_err(prepare)?;
            let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(far));
            let (connection, ldap) = LdapConnAsync::with_settings(settings, "ldapi:///")
                .await
                .map_err(|error| prepare(error.into()))?;
            Ok((near, connection, ldap))
        })?;
        Ok(Self {
            server: server.clone(),
            usable: true,
            ldap,
            driver: Box::pin(connection.drive()),
            near,
            link,
            runtime,
        })
    }

    /// Whether it can still be used: not after a failure that is not an answer of the server.
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// The server at the other end.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Reads one object; `None` where there is no such object.
    ///
    /// # Errors
    /// Where the server does not answer in time or refuses.
    pub fn read(
        &mut self,
        target: Target<'_>,
        attributes: &[&str],
        deadline: Deadline,
    ) -> Result<Option<Entry>, LdapError> {
        let doing = match target {
            Target::Root => "reading what the server is".to_string(),
            target => format!("reading `{target}`"),
        };
        let base = target.to_string();
        let page = self.page(
            &doing,
            &base,
            ldap3::Scope::Base,
            EVERYTHING,
            attributes,
            None,
            deadline,
        )?;
        match page.refusal(&[]) {
            Some(refusal) if refusal.reason() == Reason::Missing => return Ok(None),
            Some(refusal) => return Err(self.refused(doing, refusal)),
            None => {}
        }
        let mut found = self.found(&doing, page)?;
        Ok(found.entries.pop())
    }

    /// Finds the objects below `base` that `filter` describes: all of them, page by page, and
    /// `most` at most.
    ///
    /// # Errors
    /// Where the server does not answer in time or refuses, and where there are more than `most`.
    #[allow(clippy::too_many_arguments)]
    pub fn search(
        &mut self,
        base: Target<'_>,
        scope: Scope,
        filter: &Filter,
        attributes: &[&str],
        most: usize,
        deadline: Deadline,
    ) -> Result<Found, LdapError> {
        let doing = format!("searching `{base}` for {filter}");
        let (base, filter) = (base.to_string(), filter.to_string());
        let scope = match scope {
            Scope::Children => ldap3::Scope::OneLevel,
            Scope::Subtree => ldap3::Scope::Subtree,
        };
        let mut found = Found::default();
        let mut at = vec![];
        loop {
            let page = self.page(
                &doing,
                &base,
                scope,
                &filter,
                attributes,
                Some(at),
                deadline,
            )?;
            if let Some(refusal) = page.refusal(&[]) {
                return Err(self.refused(doing, refusal));
            }
            let next = page
                .next()
                .map_err(|source| self.unusable(&doing, source))?;
            let mut part = self.found(&doing, page)?;
            found.entries.append(&mut part.entries);
            found.referrals.append(&mut part.referrals);
            if found.entries.len() > most {
                return Err(LdapError::TooMany {
                    server: Box::new(self.server.clone()),
                    doing,
                    most,
                });
            }
            if next.is_empty() {
                return Ok(found);
            }
            at = next;
        }
    }

    /// Adds an object with the given attributes and values, which may be secret.
    ///
    /// # Errors
    /// Where the server does not answer in time or refuses.
    pub fn add(
        &mut self,
        dn: &Dn,
        attributes: Vec<(&str, Vec<&[u8]>)>,
        deadline: Deadline,
    ) -> Result<(), LdapError> {
        let parts: Vec<Part<'_>> = attributes
            .into_iter()
            .map(|(attribute, values)| Part {
                change: None,
                attribute,
                values,
            })
            .collect();
        let request = message::add(self.link.number(), &dn.to_string(), &parts);
        self.exchange(format!("adding `{dn}`"), &request, deadline)
    }

    /// Changes an object; values may be secret. All changes are made, or none.
    ///
    /// # Errors
    /// Where the server does not answer in time or refuses.
    pub fn modify(
        &mut self,
        target: Target<'_>,
        edits: Vec<Edit<'_>>,
        deadline: Deadline,
    ) -> Result<(), LdapError> {
        let parts: Vec<Part<'_>> = edits
            .into_iter()
            .map(|edit| {
                let (change, attribute, values) = match edit {
                    Edit::Add(attribute, values) => (0, attribute, values),
                    Edit::Remove(attribute, values) => (1, attribute, values),
                    Edit::Replace(attribute, values) => (2, attribute, values),
                };
                Part {
                    change: Some(change),
                    attribute,
                    values,
                }
            })
            .collect();
        let request = message::modify(self.link.number(), &target.to_string(), &parts);
        self.exchange(format!("changing `{target}`"), &request, deadline)
    }

    /// Deletes an object, with all that is below it where `tree`.
    ///
    /// # Errors
    /// Where the server does not answer in time or refuses; where there is no such object, the
    /// reason is [`Reason::Missing`].
    pub fn delete(
        &mut self,
        target: Target<'_>,
        tree: bool,
        deadline: Deadline,
    ) -> Result<(), LdapError> {
        let doing = format!("deleting `{target}`");
        let name = target.to_string();
        audit::asking(&self.server, &doing);
        let result = self.ask(&doing, deadline, async |ldap| {
            if tree {
                ldap.with_controls(RawControl {
                    ctype: TREE_DELETE.to_string(),
                    crit: true,
                    val: None,
                });
            }
            ldap.delete(&name).await
        });
        audit::answered(&self.server, &doing);
        let result = result?;
        match result.rc {
            0 => Ok(()),
            code => Err(self.refused(doing, Refusal::new(code, &result.text, &result.refs))),
        }
    }

    /// Sends a request that is written here, and waits for the result.
    fn exchange(
        &mut self,
        doing: String,
        request: &[u8],
        deadline: Deadline,
    ) -> Result<(), LdapError> {
        self.check_usable()?;
        self.usable = false;
        let (runtime, link) = (&self.runtime, &mut self.link);
        audit::asking(&self.server, &doing);
        let answer = runtime.block_on(async {
            tokio::time::timeout(deadline.remaining(), link.exchange(request)).await
        });
        audit::answered(&self.server, &doing);
        let answer = self.settled(
            &doing,
            answer.map_err(|_| None).and_then(|a| a.map_err(Some)),
        )?;
        match answer.code {
            0 => Ok(()),
            _ => Err(self.refused(doing, Refusal::of(&answer))),
        }
    }

    /// Has `ldap3` do something, and carries its messages meanwhile.
    fn ask<T>(
        &mut self,
        doing: &str,
        deadline: Deadline,
        request: impl AsyncFnOnce(&mut Ldap) -> ldap3::result::Result<T>,
    ) -> Result<T, LdapError> {
        self.check_usable()?;
        self.usable = false;
        let Self {
            runtime,
            ldap,
            driver,
            near,
            link,
            ..
        } = self;
        let odd = |error: ldap3::LdapError| Some(Fault::Io(error.into()));
        let done = runtime.block_on(async {
            tokio::select! {
                biased;
                done = request(ldap) => done.map_err(odd),
                fault = carry(link, near) => Err(Some(fault)),
                ended = driver.as_mut() => Err(ended.err().map_or(Some(Fault::Closed), odd)),
                () = tokio::time::sleep(deadline.remaining()) => Err(None),
            }
        });
        self.settled(doing, done)
    }

    /// One page of a search; `at` is where it begins, and nothing where there are no pages.
    #[allow(clippy::too_many_arguments)]
    fn page(
        &mut self,
        doing: &str,
        base: &str,
        scope: ldap3::Scope,
        filter: &str,
        attributes: &[&str],
        at: Option<Vec<u8>>,
        deadline: Deadline,
    ) -> Result<Page, LdapError> {
        self.ask(doing, deadline, async |ldap| {
            if let Some(cookie) = at {
                let mut paged = RawControl::from(PagedResults { size: PAGE, cookie });
                paged.crit = true;
                ldap.with_controls(paged);
            }
            let mut stream = ldap
                .streaming_search(base, scope, filter, attributes)
                .await?;
            let mut items = vec![];
            while let Some(item) = stream.next().await? {
                items.push(item);
            }
            Ok(Page {
                items,
                result: stream.finish().await,
            })
        })
    }

    fn found(&mut self, doing: &str, page: Page) -> Result<Found, LdapError> {
        let mut found = Found::default();
        for item in page.items {
            if item.is_ref() {
                let texts = ldap3::parse_refs(item.0);
                found
                    .referrals
                    .extend(texts.iter().filter_map(|text| text.parse().ok()));
            } else {
                let entry = Entry::of(item.0).map_err(|source| self.unusable(doing, source))?;
                found.entries.push(entry);
            }
        }
        Ok(found)
    }

    fn check_usable(&self) -> Result<(), LdapError> {
        match self.usable {
            true => Ok(()),
            false => Err(LdapError::Unusable {
                server: Box::new(self.server.clone()),
            }),
        }
    }

    /// Marks the connection usable again where all went well. No fault is the end of the time.
    fn settled<T>(&mut self, doing: &str, done: Result<T, Option<Fault>>) -> Result<T, LdapError> {
        match done {
            Ok(done) => {
                self.usable = true;
                Ok(done)
            }
            Err(Some(fault)) => Err(failure(&self.server, doing, fault)),
            Err(None) => Err(LdapError::Deadline {
                server: Box::new(self.server.clone()),
                doing: doing.to_string(),
            }),
        }
    }

    fn refused(&self, doing: String, refusal: Refusal) -> LdapError {
        LdapError::Refused {
            server: Box::new(self.server.clone()),
            doing,
            refusal,
        }
    }

    fn unusable(&mut self, doing: &str, source: MessageError) -> LdapError {
        self.usable = false;
        failure(&self.server, doing, Fault::Message(source))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.usable {
            // A server that does not hear it sees the end of the connection.
            let goodbye = message::unbind(self.link.number());
            let _ = self.link.send(&goodbye).and_then(|()| self.link.flush());
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("server", &self.server)
            .field("usable", &self.usable)
            .finish_non_exhaustive()
    }
}

/// What came for one page of a search.
struct Page {
    items: Vec<ResultEntry>,
    result: ldap3::LdapResult,
}

impl Page {
    /// What the server refused, unless the result is one of `fine`.
    fn refusal(&self, fine: &[u32]) -> Option<Refusal> {
        let result = &self.result;
        (result.rc != 0 && !fine.contains(&result.rc))
            .then(|| Refusal::new(result.rc, &result.text, &result.refs))
    }

    /// Where the next page begins; empty where there is none.
    fn next(&self) -> Result<Vec<u8>, MessageError> {
        self.result
            .ctrls
            .iter()
            .map(|control| &control.1)
            .find(|control| control.ctype == PAGED)
            .and_then(|control| control.val.as_deref())
            .map_or(Ok(vec![]), cookie)
    }
}

/// Connects, protects the connection and logs in.
async fn establish(
    server: &Server,
    security: &Security<'_>,
    doing: &Cell<&'static str>,
) -> Result<Link, LdapError> {
    let mut link = Link::connect(server.address)
        .await
        .map_err(|source| LdapError::Connect {
            server: Box::new(server.clone()),
            source,
        })?;
    let fault = |fault| failure(server, doing.get(), fault);
    match security {
        Security::Anonymous => {}
        Security::Sealed { ticket, clock } => {
            doing.set(LOGGING_IN);
            let answer = sasl::log_in(&mut link, ticket, *clock).await;
            bound(server, &answer.map_err(fault)?)?;
        }
        Security::Tls {
            start,
            trust,
            login,
        } => {
            doing.set("going over to TLS");
            let protect = |source| LdapError::Tls {
                server: Box::new(server.clone()),
                source,
            };
            if *start == TlsStart::Asked {
                let request = message::start_tls(link.number());
                let answer = link.exchange(&request).await.map_err(fault)?;
                if answer.code != 0 {
                    return Err(protect(TlsError::Start(Refusal::of(&answer))));
                }
            }
            let client = tls::client(&server.host, trust).map_err(protect)?;
            link.secure(client).await.map_err(fault)?;
            if let Some(login) = login {
                doing.set(LOGGING_IN);
                let password = login.password.expose();
                let request = message::simple_bind(link.number(), login.user, password);
                let answer = link.exchange(&request).await.map_err(fault)?;
                bound(server, &answer)?;
            }
        }
    }
    Ok(link)
}

/// Fails where a login was refused.
fn bound(server: &Server, answer: &Answer) -> Result<(), LdapError> {
    match answer.code {
        0 => Ok(()),
        _ => Err(LdapError::Refused {
            server: Box::new(server.clone()),
            doing: LOGGING_IN.to_string(),
            refusal: Refusal::of(answer),
        }),
    }
}

fn failure(server: &Server, doing: &str, fault: Fault) -> LdapError {
    let (server, doing) = (Box::new(server.clone()), doing.to_string());
    match fault {
        Fault::Io(source) => LdapError::Broken {
            server,
            doing,
            source,
        },
        Fault::Closed => LdapError::Closed { server, doing },
        Fault::Message(source) => LdapError::Message {
            server,
            doing,
            source,
        },
        Fault::Tls(source) => LdapError::Tls { server, source },
        Fault::Kerberos(source) => LdapError::Kerberos { server, source },
        Fault::Dismissed(refusal) => LdapError::Dismissed {
            server,
            doing,
            refusal,
        },
    }
}

const CONNECTING: &str = "connecting";
const LOGGING_IN: &str = "logging in";

/// So many objects come at once (the usual `MaxPageSize` is 1000).
const PAGE: i32 = 500;

const EVERYTHING: &str = "(objectClass=*)";

/// RFC 2696.
const PAGED: &str = "1.2.840.113556.1.4.319";

/// LDAP_SERVER_TREE_DELETE_OID (MS-ADTS 3.1.1.3.4.1.15).
const TREE_DELETE: &str = "1.2.840.113556.1.4.805";
