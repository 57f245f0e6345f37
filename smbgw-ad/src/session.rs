//! A domain that is talked to: one of its controllers, and somebody who is logged in.
//!
//! One controller is used from beginning to end, as others learn of a change only later. Tickets and
//! the connection are got when they are first needed, kept for the session, and gone with it.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::Path;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::secret::Secret;

use crate::clock::Clock;
use crate::discover::Discovery;
use crate::join_error::JoinError;
use crate::krb::crypto::Key;
use crate::krb::error::KrbError;
use crate::krb::kdc::{KdcFinder, Known};
use crate::krb::keytab::Keytab;
use crate::krb::login::{Credential, Login, Options, aes, login, login_for};
use crate::krb::service::service_ticket;
use crate::krb::ticket::{ServiceTicket, Tgt};
use crate::ldap::account::{Computer, find};
use crate::ldap::{Connection, Dn, RootDse, Security, Server};
use crate::name::{ComputerName, Guid, HostName, NameError, Principal, Sid};
use crate::samba::Member;
use crate::session_error::SessionError;
use crate::steps::keytab;

/// Who talks to the domain.
pub enum Who {
    /// A user or computer with a password.
    Password(Principal, Secret),
    /// A computer with the keys of one version of its keytab.
    Keys(Principal, Vec<Key>),
}

impl Who {
    /// The principal.
    pub fn principal(&self) -> &Principal {
        match self {
            Self::Password(principal, _) | Self::Keys(principal, _) => principal,
        }
    }

    fn credential(&self) -> Credential<'_> {
        match self {
            Self::Password(_, password) => Credential::Password(password),
            Self::Keys(_, keys) => Credential::Keys(keys),
        }
    }
}

/// A session with one controller of a domain.
pub struct Session {
    discovery: Discovery,
    who: Who,
    kdcs: Known,
    options: Options,
    clock: Cell<Clock>,
    login: RefCell<Option<Login<Tgt>>>,
    directory: RefCell<Option<Directory>>,
}

/// The connection to a directory, with what the server says of itself.
pub struct Directory {
    /// The connection.
    pub connection: Connection,
    /// What it is connected to.
    pub root: RootDse,
}

/// What is to be known of a member's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its GUID.
    pub guid: Guid,
    /// Its SID.
    pub sid: Sid,
    /// The version of its keys.
    pub key_version: u32,
}

impl Session {
    /// A session of `who` with the controller that `discovery` has chosen; nothing is sent yet.
    pub fn new(discovery: Discovery, who: Who, clock: Clock) -> Self {
        let kdcs = Known::one(
            discovery.domain.realm.clone(),
            [discovery.controller.socket(KERBEROS)],
        );
        Self {
            discovery,
            who,
            kdcs,
            options: Options::default(),
            clock: Cell::new(clock),
            login: RefCell::new(None),
            directory: RefCell::new(None),
        }
    }

    /// A session of `member`, which logs in with `password`; nothing is sent yet.
    pub fn with_password(
        discovery: Discovery,
        member: &Member,
        password: &Secret,
        clock: Clock,
    ) -> Self {
        let who = Who::Password(member.principal(), password.clone());
        Self::new(discovery, who, clock)
    }

    /// A session of the machine itself, with the newest of its keys in `keytab`.
    ///
    /// # Errors
    /// Where the keytab cannot be read.
    pub fn of_machine(
        host: &dyn Host,
        member: &Member,
        keytab: &Path,
        discovery: Discovery,
        clock: Clock,
    ) -> Result<Self, JoinError> {
        let account = member.principal();
        let keytab = keytab::read(host, keytab)?;
        let newest = keytab.newest(&account).unwrap_or_default();
        let who = Who::Keys(account.clone(), keytab.keys(&account, newest));
        Ok(Self::new(discovery, who, clock))
    }

    /// A session of `account`, logged in with the newest of its keys in `keytab` that the domain takes: where a
    /// rotation was interrupted, these are not the newest there are. `None` where it has none.
    ///
    /// # Errors
    /// Where the domain takes none of them, or says no for another reason.
    pub fn by_keytab(
        discovery: &Discovery,
        keytab: &Keytab,
        account: &Principal,
        clock: Clock,
        deadline: Deadline,
    ) -> Result<Option<Self>, KrbError> {
        let mut refused = None;
        for version in keytab.versions(account).into_iter().take(GENERATIONS) {
            let who = Who::Keys(account.clone(), keytab.keys(account, version));
            let session = Self::new(discovery.clone(), who, clock);
            match session.log_in(deadline) {
                Ok(_) => return Ok(Some(session)),
                Err(error @ KrbError::WrongKey { .. }) => {
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        refused.map_or(Ok(None), Err)
    }

    /// The domain and its controllers.
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// Who talks.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// Who gives out tickets.
    pub fn kdcs(&self) -> &dyn KdcFinder {
        &self.kdcs
    }

    /// The clock that the domain agrees with, as far as that is known.
    pub fn clock(&self) -> Clock {
        self.clock.get()
    }

    /// Where the controller answers on `port`.
    pub fn socket(&self, port: u16) -> SocketAddr {
        self.discovery.controller.socket(port)
    }

    /// The name of the controller.
    pub fn controller(&self) -> &HostName {
        &self.discovery.controller.host
    }

    /// Logs in, unless that is done.
    ///
    /// # Errors
    /// Where the domain says no.
    pub fn log_in(&self, deadline: Deadline) -> Result<Login<Tgt>, KrbError> {
        if let Some(login) = &*self.login.borrow() {
            return Ok(login.clone());
        }
        let got = login(
            self.who.principal(),
            self.who.credential(),
            &self.options,
            &self.kdcs,
            self.clock.get(),
            deadline,
        )?;
        self.clock.set(got.clock);
        *self.login.borrow_mut() = Some(got.clone());
        Ok(got)
    }

    /// A ticket for `service`.
    ///
    /// # Errors
    /// Where the domain says no.
    pub fn ticket(
        &self,
        service: &Principal,
        deadline: Deadline,
    ) -> Result<ServiceTicket, KrbError> {
        let tgt = self.log_in(deadline)?.ticket;
        let clock = self.clock.get();
        service_ticket(&tgt, service, &aes(), &self.kdcs, clock, deadline)
    }

    /// A ticket for the service that changes passwords.
    ///
    /// # Errors
    /// Where the domain says no.
    pub fn ticket_for_password(&self, deadline: Deadline) -> Result<ServiceTicket, KrbError> {
        let got = login_for(
            self.who.principal(),
            ["kadmin", "changepw"],
            self.who.credential(),
            &self.options,
            &self.kdcs,
            self.clock.get(),
            deadline,
        )?;
        Ok(got.ticket)
    }

    /// Works with the directory, connecting to it first where that is not done or was cut.
    ///
    /// # Errors
    /// Where it cannot be reached, and those of `work`.
    pub fn directory<T, E: From<SessionError>>(
        &self,
        deadline: Deadline,
        work: impl FnOnce(&mut Directory) -> Result<T, E>,
    ) -> Result<T, E> {
        let known = self.directory.borrow_mut().take();
        let mut directory = match known.filter(|known| known.connection.is_usable()) {
            Some(known) => known,
            None => self.connect(deadline)?,
        };
        let done = work(&mut directory);
        *self.directory.borrow_mut() = Some(directory);
        done
    }

    /// The root of the domain in the directory.
    ///
    /// # Errors
    /// Where the name of the domain is none that a directory could have.
    pub fn root(&self) -> Result<Dn, NameError> {
        self.discovery.domain.name.root_dn().parse()
    }

    /// The account of `computer`.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    pub fn account(
        &self,
        computer: &ComputerName,
        deadline: Deadline,
    ) -> Result<Account, JoinError> {
        let found = self.computer(computer, deadline)?;
        Ok(Account {
            guid: found.guid,
            sid: found.sid,
            key_version: found.kvno.ok_or_else(|| JoinError::AccountUnreadable {
                computer: computer.clone(),
                attribute: "msDS-KeyVersionNumber",
            })?,
        })
    }

    /// The account of `computer` with all that the directory says of it.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    pub fn computer(
        &self,
        computer: &ComputerName,
        deadline: Deadline,
    ) -> Result<Computer, JoinError> {
        let found = self.directory(deadline, |directory| {
            let domain = &directory.root.domain;
            Ok::<_, JoinError>(find(&mut directory.connection, domain, computer, deadline)?)
        })?;
        found.ok_or_else(|| JoinError::NoAccount(computer.account()))
    }

    /// A further connection, to another service of the directory.
    ///
    /// # Errors
    /// Where it cannot be reached, or refuses the login.
    pub fn open(&self, server: &Server, deadline: Deadline) -> Result<Connection, SessionError> {
        let realm = self.discovery.domain.realm.clone();
        let service = Principal::service("ldap", &server.host, realm);
        let ticket = self.ticket(&service, deadline)?;
        let security = Security::Sealed {
            ticket: &ticket,
            clock: self.clock.get(),
        };
        Ok(Connection::open(server, security, deadline)?)
    }

    fn connect(&self, deadline: Deadline) -> Result<Directory, SessionError> {
        let controller = &self.discovery.controller;
        let server = Server::ldap(controller.host.clone(), controller.address);
        let mut connection = self.open(&server, deadline)?;
        let root = RootDse::read(&mut connection, deadline)?
            .ok_or_else(|| SessionError::NotActiveDirectory(controller.host.clone()))?;
        Ok(Directory { connection, root })
    }
}

/// So many versions of keys are tried, the newest first.
const GENERATIONS: usize = 3;

/// The port of Kerberos.
const KERBEROS: u16 = 88;
