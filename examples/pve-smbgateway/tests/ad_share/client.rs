//! A computer of the domain whose users use shares of a gateway.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use smbgw_testing::process::run_with;
use smbgw_testing::{Domain, LightHost, wait_until};

use super::Gateway;

pub(crate) struct Client {
    host: LightHost,
    server: String,
}

impl Client {
    pub(crate) fn new(domain: &Domain, name: &str, gateway: &Gateway) -> Self {
        let host = domain.client(name).unwrap();
        let server = format!("{}.{}", gateway.host.name(), Domain::NAME);
        Self { host, server }
    }

    /// Gets `user` of the domain a ticket.
    pub(crate) fn log_in(&self, user: &str) {
        let mut kinit = self.host.command("kinit");
        kinit.env("KRB5CCNAME", tickets(user)).arg(user);
        run_with(&mut kinit, Domain::PASSWORD.as_bytes()).unwrap();
    }

    /// A session of a user of the domain who has logged in.
    pub(crate) fn by_kerberos(&self, user: &str, share: &str) -> Session {
        let mut command = self.smbclient(share);
        command
            .env("KRB5CCNAME", tickets(user))
            .arg("--use-kerberos=required");
        Session { command }
    }

    /// A session by NTLM; `user` is `DOMAIN\name` or `GATEWAY\name`.
    pub(crate) fn by_password(&self, user: &str, password: &str, share: &str) -> Session {
        Session {
            command: self.smbclient_as(user, password, share),
        }
    }

    fn smbclient_as(&self, user: &str, password: &str, share: &str) -> Command {
        let mut command = self.smbclient(share);
        command.args(["--use-kerberos=off", "-U", &format!("{user}%{password}")]);
        command
    }

    fn smbclient(&self, share: &str) -> Command {
        let mut command = self.host.command("smbclient");
        command.arg(format!("//{}/{share}", self.server));
        command
    }
}

/// Where the tickets of a user are.
fn tickets(user: &str) -> String {
    format!("FILE:/run/tickets.{user}")
}

/// Somebody who is about to use a share.
pub(crate) struct Session {
    command: Command,
}

impl Session {
    /// Does `commands`; what was said, and whether all went well.
    fn does(mut self, commands: &str) -> (bool, String) {
        let output = self.command.args(["-c", commands]).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (
            output.status.success() && !said.contains("NT_STATUS_"),
            said,
        )
    }

    /// Whether it is let in.
    pub(crate) fn entered(self) -> bool {
        self.does("ls").0
    }

    /// Fails unless it is let in and can put a file there.
    #[track_caller]
    pub(crate) fn writes(self, file: &str) {
        let (well, said) = self.does(&format!("put /etc/hostname {file}"));
        assert!(well, "{file}: {said}");
    }

    /// Fails unless it is refused, or nobody has answered after some seconds.
    #[track_caller]
    pub(crate) fn refused_within(mut self, seconds: u32) {
        self.command.arg(format!("--timeout={seconds}"));
        self.refused("NT_STATUS_");
    }

    /// Fails unless it is refused with this status.
    #[track_caller]
    pub(crate) fn refused(self, status: &str) {
        let (well, said) = self.does("ls");
        assert!(!well && said.contains(status), "{said}");
    }
}

/// Somebody who is connected to the share `media` and stays so.
pub(crate) struct HeldSession<'a> {
    smbclient: Child,
    gateway: &'a Gateway,
    user: String,
}

impl<'a> HeldSession<'a> {
    /// Connects, and returns when a first file was written.
    pub(crate) fn begin(client: &Client, gateway: &'a Gateway, user: &str, password: &str) -> Self {
        let smbclient = client
            .smbclient_as(user, password, "media")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut this = Self {
            smbclient,
            gateway,
            user: user.replace('\\', "-"),
        };
        this.puts("first");
        let there = || this.has("first").then_some(());
        wait_until(Duration::from_secs(60), "a session to begin", there).unwrap();
        this
    }

    fn puts(&mut self, file: &str) {
        let line = format!("put /etc/hostname {file}-{}\n", self.user);
        let stdin = self.smbclient.stdin.as_mut().unwrap();
        stdin.write_all(line.as_bytes()).unwrap();
    }

    fn has(&self, file: &str) -> bool {
        let path = format!("/srv/smb/media/{file}-{}", self.user);
        self.gateway.host.path(path).exists()
    }

    /// Fails unless it goes on in the connection it has.
    #[track_caller]
    pub(crate) fn goes_on(self) {
        let (is_there, said) = self.puts_another();
        assert!(is_there && !said.contains("NT_STATUS_"), "{said}");
    }

    /// Fails unless it was ended.
    #[track_caller]
    pub(crate) fn has_ended(self) {
        let (is_there, said) = self.puts_another();
        assert!(
            !is_there && said.contains("NT_STATUS_NETWORK_NAME_DELETED"),
            "{said}"
        );
    }

    /// Whether another file can be put, and what smbclient said in all.
    fn puts_another(mut self) -> (bool, String) {
        self.puts("later");
        drop(self.smbclient.stdin.take());
        let is_over = || self.smbclient.try_wait().unwrap();
        wait_until(Duration::from_secs(60), "smbclient to end", is_over).unwrap();
        let mut said = String::new();
        for pipe in [
            self.smbclient
                .stdout
                .take()
                .map(|pipe| Box::new(pipe) as Box<dyn std::io::Read>),
            self.smbclient
                .stderr
                .take()
                .map(|pipe| Box::new(pipe) as Box<dyn std::io::Read>),
        ] {
            pipe.unwrap().read_to_string(&mut said).unwrap();
        }
        (self.has("later"), said)
    }
}
