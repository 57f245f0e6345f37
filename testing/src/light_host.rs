//! A "host" of its own for a test, in a tenth of a second.
//!
//! A [`LightHost`] is a set of namespaces (mount, network, uts, ipc, process) over this machine's own
//! root filesystem, with
//!
//! * `/etc` and `/var/lib` private: as on the machine, but changes stay in the host;
//! * `/etc/samba` (an empty `smb.conf`), `/var/lib/samba`, `/var/cache/samba`, `/var/log/samba`,
//!   `/var/lib/smbgw`, `/srv` and `/run` private and fresh;
//! * a network of its own with nothing but loopback, and its own host name;
//! * everything else, `/tmp` and programs included, shared with the machine.
//!
//! The private folders are in memory. When the value is dropped, or the test process dies in any
//! way, the kernel ends every process of the host, and the mounts go with them. Nothing is left on
//! the disk.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::process::descendants;
use crate::{Daemon, Error, Result, keep, prefix, run, shout, sys, wait_until};

/// How long smbd may take from start to answering, on a busy machine.
const SMBD_START: Duration = Duration::from_secs(60);

/// A running light host. Dropping it ends it.
#[derive(Debug)]
pub struct LightHost {
    name: String,
    /// The outer half, `unshare`, which ends when process 1 of the host has ended.
    outer: Child,
    /// Process 1 of the host, as numbered out here.
    init: u32,
}

impl LightHost {
    /// Starts a host called `gw`.
    pub fn start() -> Result<LightHost> {
        LightHost::named("gw")
    }

    /// Starts a host with the given host name.
    pub fn named(name: &str) -> Result<LightHost> {
        let unique = prefix::unique("host");
        let mut outer = Command::new("unshare")
            .args(["--mount", "--net", "--uts", "--ipc", "--pid"])
            .args(["--fork", "--kill-child", "--mount-proc", "--"])
            .args(["bash", "-c", include_str!("light_host/init.sh"), &unique])
            .args([name, if keep() { "1" } else { "0" }])
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::doing("starting a light host (unshare)"))?;
        let said = read_until_ready(&mut outer);
        let mut host = LightHost {
            name: name.to_owned(),
            init: 0,
            outer,
        };
        if said.ends_with("ready\n") {
            host.init = descendants(host.outer.id())
                .first()
                .map(|seen| seen.pid)
                .ok_or_else(|| Error::new("a light host ended right after its start"))?;
            return Ok(host);
        }
        let mut more = String::new();
        if let Some(mut stderr) = host.outer.stderr.take() {
            let _ = stderr.read_to_string(&mut more);
        }
        Err(Error::new(format!(
            "a light host did not start: {said}{more}"
        )))
    }

    /// Its host name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Process 1 of the host, as numbered out here.
    pub fn pid(&self) -> u32 {
        self.init
    }

    /// A command that runs `program` in the host, in its `/`.
    ///
    /// A current directory set on the command does not take effect; use [`LightHost::command_in`].
    /// The program leads a session of its own: what it sends to its process group, as smbd does at
    /// its end, does not reach the test.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.command_in("/", program)
    }

    /// A command that runs `program` in the folder `directory` of the host.
    pub fn command_in(&self, directory: impl AsRef<Path>, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--mount", "--net", "--uts", "--ipc", "--pid", "--target"])
            .arg(self.init.to_string())
            .arg(with_value("--wdns=", directory.as_ref()))
            .args(["--", "setsid"])
            .arg(program);
        command
    }

    /// Where a file of the host, named by its absolute path there, can be reached from out here.
    pub fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        let inside = inside.as_ref();
        let root = PathBuf::from(format!("/proc/{}/root", self.init));
        root.join(inside.strip_prefix("/").unwrap_or(inside))
    }

    /// Reads a file of the host as text.
    pub fn read(&self, inside: impl AsRef<Path>) -> Result<String> {
        let inside = inside.as_ref();
        fs::read_to_string(self.path(inside)).map_err(Error::doing(format!(
            "reading {} in {}",
            inside.display(),
            self.name
        )))
    }

    /// Writes a file of the host, making its folder where that is missing.
    pub fn write(&self, inside: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> Result<()> {
        let inside = inside.as_ref();
        let outside = self.path(inside);
        let folder = outside.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&outside, contents))
            .map_err(Error::doing(format!(
                "writing {} in {}",
                inside.display(),
                self.name
            )))
    }

    /// Shows the folder `outside` of this machine, with all mounted below it, at `inside` of the
    /// host, whose folder is made where it is missing.
    pub fn bind(&self, outside: impl AsRef<Path>, inside: impl AsRef<Path>) -> Result<()> {
        let (outside, inside) = (outside.as_ref(), inside.as_ref());
        run(self.command("mkdir").arg("-p").arg(inside))?;
        let attach = || {
            let tree = sys::clone_tree(outside)?;
            let namespace: OwnedFd = fs::File::open(format!("/proc/{}/ns/mnt", self.init))?.into();
            sys::attach_tree(&tree, &namespace, inside)
        };
        attach().map_err(Error::doing(format!(
            "showing {} at {} in {}",
            outside.display(),
            inside.display(),
            self.name
        )))
    }

    /// Whether something in the host listens on a TCP port.
    pub fn listens_on(&self, port: u16) -> bool {
        ["tcp", "tcp6"].iter().any(|table| {
            let table = format!("/proc/{}/net/{table}", self.init);
            has_listener(&fs::read_to_string(table).unwrap_or_default(), port)
        })
    }

    /// Starts smbd with the host's `/etc/samba/smb.conf` and waits until it listens on port 445.
    ///
    /// Its log is `/var/log/samba/log.smbd` of the host and is part of the error if it does not
    /// start.
    pub fn start_smbd(&self) -> Result<Daemon> {
        self.start_smbd_with(&[])
    }

    /// Like [`LightHost::start_smbd`], with more arguments for smbd.
    pub fn start_smbd_with(&self, arguments: &[&str]) -> Result<Daemon> {
        let mut command = self.command("smbd");
        command
            .args(["--foreground", "--no-process-group"])
            .args(arguments);
        let mut smbd = Daemon::start(command)?;
        let mut ended = None;
        let waited = wait_until(SMBD_START, "smbd to listen on port 445", || {
            ended = smbd.ended();
            (ended.is_some() || self.listens_on(445)).then_some(())
        });
        if waited.is_ok() && ended.is_none() {
            return Ok(smbd);
        }
        let log = self.read("/var/log/samba/log.smbd").unwrap_or_default();
        Err(Error::new(match ended {
            Some(status) => format!("smbd ended at once ({status}): {log}"),
            None => format!("smbd does not listen on port 445: {log}"),
        }))
    }

    /// Adds a user, known to the system and to Samba with the same password.
    pub fn add_user(&self, name: &str, password: &str) -> Result<()> {
        run(self.command("useradd").args([
            "--no-create-home",
            "--shell",
            "/usr/sbin/nologin",
            name,
        ]))?;
        let mut smbpasswd = self
            .command("smbpasswd")
            .args(["-s", "-a", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::doing("starting smbpasswd"))?;
        let mut stdin = smbpasswd.stdin.take().expect("it is a pipe");
        std::io::Write::write_all(&mut stdin, format!("{password}\n{password}\n").as_bytes())
            .map_err(Error::doing("giving smbpasswd the password"))?;
        drop(stdin);
        let output = smbpasswd
            .wait_with_output()
            .map_err(Error::doing("waiting for smbpasswd"))?;
        if output.status.success() {
            return Ok(());
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(Error::new(format!("smbpasswd failed: {stderr}")))
    }

    fn end(&mut self) -> Result<()> {
        // Process 1 ends by the closing of its input at the latest; the kernel takes the others.
        drop(self.outer.stdin.take());
        if self.init != 0 {
            let _ = sys::kill(self.init, libc::SIGKILL);
        }
        let mut over = || self.outer.try_wait().ok().flatten();
        wait_until(Duration::from_secs(20), "a light host to end", &mut over).map(drop)
    }
}

impl Drop for LightHost {
    fn drop(&mut self) {
        if keep() && self.init != 0 {
            shout(&format!(
                "KEPT host {}: nsenter -m -n -u -i -p -t {} (end it: kill -9 {1})",
                self.name, self.init
            ));
        } else if let Err(error) = self.end() {
            shout(&format!("smbgw-testing: {error}"));
        }
    }
}

/// Reads what process 1 says, up to the line that ends its start or to its end.
fn read_until_ready(outer: &mut Child) -> String {
    let mut said = Vec::new();
    let mut byte = [0];
    if let Some(stdout) = &mut outer.stdout {
        // Byte by byte: a buffer could swallow nothing here, but this runs once and is 6 bytes.
        while !said.ends_with(b"ready\n") && stdout.read(&mut byte).is_ok_and(|count| count == 1) {
            said.push(byte[0]);
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}

fn with_value(option: &str, value: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from(option);
    argument.push(value);
    argument
}

/// Whether a table of `/proc/net` has a socket that listens on `port`.
fn has_listener(table: &str, port: u16) -> bool {
    const LISTEN: &str = "0A";
    let wanted = format!(":{port:04X}");
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().unwrap_or_default();
        local.ends_with(&wanted) && fields.nth(1) == Some(LISTEN)
    })
}

#[cfg(test)]
mod tests {
    use super::has_listener;

    #[test]
    fn listeners_are_told_from_connections() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n   \
            0: 00000000:01BD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n   \
            1: 0100007F:008B 0100007F:B04A 01 00000000:00000000 00:00000000 00000000     0\n";
        assert!(has_listener(table, 445));
        assert!(!has_listener(table, 139));
        assert!(!has_listener(table, 22));
    }
}
