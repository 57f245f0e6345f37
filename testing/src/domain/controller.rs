//! One domain controller: Samba in a light host.

use std::ops::Deref;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Domain;
use super::template::Template;
use crate::{Daemon, Error, LightHost, Network, Result, run, sys, wait_until};

/// How long a controller may take from start to serving, on a busy machine.
const START: Duration = Duration::from_secs(120);

/// What a controller listens on once it serves: DNS, Kerberos, RPC, LDAP, SMB, password changes,
/// LDAP with TLS, the global catalog.
const PORTS: [u16; 8] = [53, 88, 135, 389, 445, 464, 636, 3268];

/// What Kerberos needs to know of the domain.
pub(super) const KRB5_CONF: &str = "\
[libdefaults]
  default_realm = AD.TEST
  dns_lookup_kdc = true
  dns_lookup_realm = false
  rdns = false
  dns_canonicalize_hostname = false
";

/// A domain controller. Dropping it ends it. What can be done on it is in
/// [`Inside`](crate::Inside).
#[derive(Debug)]
pub struct DomainController {
    /// Ends before the host it runs in.
    samba: Mutex<Option<Daemon>>,
    host: LightHost,
    /// How far the clock is off, in seconds.
    clock: Mutex<i64>,
}

impl DomainController {
    /// Starts the controller `name` of a template, without waiting for it.
    pub(super) fn from_template(
        template: &Template,
        network: &Network,
        name: &str,
    ) -> Result<DomainController> {
        let controller = DomainController::empty(network, name)?;
        template.copy_to(&controller.host)?;
        controller.launch()?;
        Ok(controller)
    }

    /// A host for the controller `name`, on which nothing is set up or running.
    pub(super) fn empty(network: &Network, name: &str) -> Result<DomainController> {
        let number = if name == "dc" { 10 } else { 11 };
        let host = LightHost::on(network, name, Network::addresses(number))?;
        // The second finds itself, too, by what the first replicates to it.
        let own = Network::addresses(number).all();
        host.resolve_by(&own, Domain::NAME)?;
        host.write("/etc/krb5.conf", KRB5_CONF)?;
        Ok(DomainController {
            samba: Mutex::new(None),
            host,
            clock: Mutex::new(0),
        })
    }

    /// The full host name.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.host.name(), Domain::NAME)
    }

    /// Starts Samba again after [`stop`](Self::stop) or [`kill`](Self::kill), and waits until it
    /// serves.
    pub fn start(&self) -> Result<()> {
        self.launch()?;
        self.wait_until_it_serves()
    }

    /// Shuts Samba down. The host stays, and refuses connections.
    pub fn stop(&self) -> Result<()> {
        let Some(samba) = self.take() else {
            return Ok(());
        };
        // Its first process ends before the others, which it is to leave time to finish.
        let _ = sys::kill(samba.program_pid(), libc::SIGTERM);
        self.wait_for_silence()?;
        samba.stop()
    }

    /// Kills Samba at once, as a crash would.
    pub fn kill(&self) -> Result<()> {
        self.take().map_or(Ok(()), Daemon::kill)?;
        self.wait_for_silence()
    }

    fn wait_for_silence(&self) -> Result<()> {
        wait_until(START, "the domain controller to listen no more", || {
            let quiet = |port| !self.host.listens_on(port);
            PORTS.into_iter().all(quiet).then_some(())
        })
    }

    /// Starts Samba again with a clock that is `seconds` ahead of the machine's, or behind it.
    pub fn restart_with_clock(&self, seconds: i64) -> Result<()> {
        self.stop()?;
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = seconds;
        self.start()
    }

    fn take(&self) -> Option<Daemon> {
        let mut samba = self.samba.lock().unwrap_or_else(PoisonError::into_inner);
        samba.take()
    }

    pub(super) fn launch(&self) -> Result<()> {
        let clock = *self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let mut command = if clock == 0 {
            self.host.command("samba")
        } else {
            self.host.command_with_clock(clock, "samba")
        };
        command.args(["--foreground", "--no-process-group"]);
        let samba = Daemon::start(command)?;
        let mut place = self.samba.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(samba);
        Ok(())
    }

    /// Waits until everything listens.
    pub(super) fn wait_until_it_listens(&self) -> Result<()> {
        let mut ended = None;
        let waited = wait_until(START, "the domain controller to listen", || {
            let mut samba = self.samba.lock().unwrap_or_else(PoisonError::into_inner);
            ended = samba.as_mut().and_then(Daemon::ended);
            let listens = || PORTS.into_iter().all(|port| self.host.listens_on(port));
            (ended.is_some() || listens()).then_some(())
        });
        if waited.is_err() || ended.is_some() {
            return Err(self.error(match ended {
                Some(status) => format!("samba ended at once ({status})"),
                None => "the domain controller does not listen".into(),
            }));
        }
        Ok(())
    }

    /// Waits until everything listens, and a login and a search work.
    pub(super) fn wait_until_it_serves(&self) -> Result<()> {
        self.wait_until_it_listens()?;
        let mut last = String::new();
        wait_until(START, "the domain controller to answer", || {
            match self.search_as_administrator() {
                Ok(()) => Some(()),
                Err(error) => {
                    last = error.to_string();
                    None
                }
            }
        })
        .map_err(|error| self.error(format!("{error}: {last}")))
    }

    fn search_as_administrator(&self) -> Result<()> {
        let name = self.full_name();
        let mut kinit = self.client_command("kinit");
        kinit.arg(Domain::ADMINISTRATOR);
        crate::process::run_with(&mut kinit, Domain::PASSWORD.as_bytes())?;
        run(self
            .client_command("ldapsearch")
            .args(["-N", "-Q", "-Y", "GSSAPI", "-s", "base", "-b", Domain::BASE])
            .args(["-H", &format!("ldap://{name}"), "dn"]))
        .map(drop)
    }

    /// A command with a place for tickets of its own, on the controller's clock.
    fn client_command(&self, program: &str) -> Command {
        let clock = *self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let mut command = if clock == 0 {
            self.host.command(program)
        } else {
            self.host.command_with_clock(clock, program)
        };
        command
            .env("KRB5CCNAME", "/run/administrator.cc")
            .stderr(Stdio::piped());
        command
    }

    /// What Samba wrote to its logs.
    pub fn log(&self) -> String {
        let folder = self.host.path("/var/log/samba");
        let mut log = String::new();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let text = std::fs::read(entry.path()).unwrap_or_default();
            if !text.is_empty() {
                let name = entry.file_name();
                log.push_str(&format!("--- {}\n", name.to_string_lossy()));
                log.push_str(&String::from_utf8_lossy(&text));
            }
        }
        log
    }

    /// An error with the log.
    pub(super) fn error(&self, what: String) -> Error {
        Error::new(format!("{}: {what}\n{}", self.full_name(), self.log()))
    }
}

impl Deref for DomainController {
    type Target = LightHost;

    fn deref(&self) -> &LightHost {
        &self.host
    }
}
