//! A real ssh server: OpenSSH's, with keys that were made for it.
//!
//! It belongs inside a [`LightHost`](crate::LightHost), whose `/etc` and network are its own: a test
//! program [that runs there](crate::inside::is_inside) starts it. Root is let in with the one key in
//! [`SshServer::identity`], and nobody with a password.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Daemon, Error, Result, run, wait_until};

/// How long sshd may take to start, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where all of it is kept.
const FOLDER: &str = "/run/ssh-server";

/// A running ssh server. Dropping it ends it, with its connections.
#[derive(Debug)]
pub struct SshServer {
    port: u16,
    _daemon: Daemon,
}

impl SshServer {
    /// Starts a server on this port of all addresses of this host, and waits until it listens.
    pub fn start(port: u16) -> Result<SshServer> {
        let doing = || Error::doing("preparing the ssh server");
        // Where sshd locks itself up before somebody has logged in.
        fs::create_dir_all("/run/sshd").map_err(doing())?;
        fs::create_dir_all(FOLDER).map_err(doing())?;
        let folder = Path::new(FOLDER);
        for name in ["host_key", "identity"] {
            make_key(&folder.join(name))?;
        }
        let public = folder.join("identity.pub");
        fs::copy(public, folder.join("authorized_keys")).map_err(doing())?;
        // A locked account is let in with no key either.
        run(Command::new("usermod").args(["--password", "*", "root"]))?;
        let settings = format!(
            "HostKey {FOLDER}/host_key\n\
             AuthorizedKeysFile {FOLDER}/authorized_keys\n\
             PasswordAuthentication no\n\
             KbdInteractiveAuthentication no\n\
             UsePAM no\n\
             UseDNS no\n\
             PidFile none\n\
             MaxStartups 100\n"
        );
        fs::write(folder.join("sshd_config"), settings).map_err(doing())?;
        // It starts itself anew for each connection, by its full path.
        let mut command = Command::new("/usr/sbin/sshd");
        command
            .args(["-D", "-f", "/run/ssh-server/sshd_config"])
            .args(["-E", "/run/ssh-server/log", "-p", &port.to_string()]);
        let mut daemon = Daemon::start(command)?;
        let mut ended = None;
        wait_until(PATIENCE, "sshd to listen", || {
            ended = daemon.ended();
            let listens = std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
            (ended.is_some() || listens).then_some(())
        })?;
        let server = SshServer {
            port,
            _daemon: daemon,
        };
        server.make_known(&server.known_hosts(), Path::new("host_key.pub"))?;
        match ended {
            None => Ok(server),
            Some(status) => Err(Error::new(format!(
                "sshd ended at once ({status}): {}",
                server.log()
            ))),
        }
    }

    /// The key that root logs in with.
    pub fn identity(&self) -> PathBuf {
        Path::new(FOLDER).join("identity")
    }

    /// A file in which the server is known, by `127.0.0.1` and `localhost`.
    pub fn known_hosts(&self) -> PathBuf {
        Path::new(FOLDER).join("known_hosts")
    }

    /// A file in which the server is known by a key that it does not have.
    pub fn known_wrongly(&self) -> Result<PathBuf> {
        let file = Path::new(FOLDER).join("known_wrongly");
        self.make_known(&file, Path::new("identity.pub"))?;
        Ok(file)
    }

    /// A key that it lets nobody in with.
    pub fn strange_identity(&self) -> Result<PathBuf> {
        let file = Path::new(FOLDER).join("strange_identity");
        make_key(&file)?;
        Ok(file)
    }

    /// What the server wrote to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(Path::new(FOLDER).join("log")).unwrap_or_default()
    }

    fn make_known(&self, file: &Path, key: &Path) -> Result<()> {
        let doing = || Error::doing("writing which ssh servers are known");
        let key = fs::read_to_string(Path::new(FOLDER).join(key)).map_err(doing())?;
        let names = ["127.0.0.1", "localhost"].map(|name| format!("[{name}]:{}", self.port));
        // On its usual port a server is known by its bare name.
        let line = format!("{},127.0.0.1,localhost {key}", names.join(","));
        fs::write(file, line).map_err(doing())
    }
}

fn make_key(file: &Path) -> Result<()> {
    if !file.exists() {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]);
        run(keygen.arg(file))?;
    }
    Ok(())
}
