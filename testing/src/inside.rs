//! What every place with namespaces of its own can do: run commands, show files, bind folders.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Result, run, sys, unprivileged};

/// Set for every program that runs inside.
const MARK: &str = "SMBGW_INSIDE";

/// The library that lies about the time of day, for programs with threads.
pub(crate) const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// Whether this process was started inside by [`Inside::command`], for instance a test program that
/// a test runs once more, inside a host. There, [`require!`](crate::require) lets everything pass: it
/// was checked outside.
pub fn is_inside() -> bool {
    std::env::var_os(MARK).is_some()
}

/// The inside of a [`LightHost`](crate::LightHost) or a
/// [`SystemdContainer`](crate::SystemdContainer), which both lead to it by themselves.
#[derive(Debug)]
pub struct Inside {
    pub(crate) name: String,
    /// Process 1 of the place, as numbered out here.
    pub(crate) init: u32,
}

impl Inside {
    /// The host name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Process 1 of the place, as numbered out here.
    pub fn pid(&self) -> u32 {
        self.init
    }

    /// A command that runs `program` inside, in `/`.
    ///
    /// A current directory set on the command does not take effect; use [`Inside::command_in`].
    /// The program leads a session of its own: what it sends to its process group, as smbd does at
    /// its end, does not reach the test.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.command_in("/", program)
    }

    /// A command that runs `program` in the folder `directory` of the inside.
    pub fn command_in(&self, directory: impl AsRef<Path>, program: impl AsRef<OsStr>) -> Command {
        let mut wdns = OsString::from("--wdns=");
        wdns.push(directory.as_ref());
        let mut command = Command::new("nsenter");
        command
            .env(MARK, "1")
            .args(["--mount", "--net", "--uts", "--ipc", "--pid", "--target"])
            .arg(self.init.to_string())
            .arg(wdns)
            .args(["--", "setsid"])
            .arg(program);
        command
    }

    /// Runs the test `test` of the calling test program once more, inside, with these variables in
    /// its environment, and waits for its end. There, [`is_inside`] is true and all namespaces are
    /// those of the host, so that code under test finds files, commands and network as it always
    /// does.
    ///
    /// The program has to be visible inside by its path, as it is in a light host.
    ///
    /// ```no_run
    /// use smbgw_testing::{Domain, inside::is_inside};
    ///
    /// // #[test]
    /// fn a_ticket_is_given() {
    ///     if is_inside() {
    ///         // ... the host is this machine ...
    ///         return;
    ///     }
    ///     let host = Domain::shared().host("m1").unwrap();
    ///     host.run_test("a_ticket_is_given", &[("USER", "alice")]).unwrap();
    /// }
    /// ```
    pub fn run_test(&self, test: &str, environment: &[(&str, &str)]) -> Result<String> {
        let program =
            std::env::current_exe().map_err(Error::doing("finding the program that runs"))?;
        let mut command = self.command(program);
        command
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .envs(environment.iter().copied());
        let output = run(&mut command)?;
        if output.contains("test result: ok. 1 passed;") {
            return Ok(output);
        }
        Err(Error::new(format!("there is no test {test}: {output}")))
    }

    /// Like [`Inside::command`], with a clock that is `seconds` ahead of the machine's, or behind it:
    /// what the program is told of the time of day is off by that much.
    ///
    /// The library that does this is that of [`Capability::Faketime`](crate::Capability::Faketime).
    pub fn command_with_clock(&self, seconds: i64, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.command("env");
        command
            .arg(format!("LD_PRELOAD={FAKETIME}"))
            .arg(format!("FAKETIME={seconds:+}"))
            // Only the time of day: waiting is as long as ever.
            .arg("FAKETIME_DONT_FAKE_MONOTONIC=1")
            .arg(program);
        command
    }

    /// Where a file of the inside, named by its absolute path there, can be reached from out here.
    pub fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        let inside = inside.as_ref();
        let root = PathBuf::from(format!("/proc/{}/root", self.init));
        root.join(inside.strip_prefix("/").unwrap_or(inside))
    }

    /// Reads a file of the inside as text.
    pub fn read(&self, inside: impl AsRef<Path>) -> Result<String> {
        let inside = inside.as_ref();
        fs::read_to_string(self.path(inside)).map_err(Error::doing(format!(
            "reading {} in {}",
            inside.display(),
            self.name
        )))
    }

    /// Writes a file of the inside, making its folder where that is missing.
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

    /// Shows the folder `outside` of this machine, with all mounted below it, at `inside`, whose
    /// folder is made where it is missing.
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

    /// Runs `work` on a thread of its own that is on the network of the inside: the sockets it makes
    /// are those of the host, while files and processes are still those of the test.
    ///
    /// A panic in `work` goes on in the caller. Threads that `work` starts are on that network too.
    ///
    /// ```no_run
    /// # let host = smbgw_testing::LightHost::start().unwrap();
    /// let port = host.on_its_network(|| {
    ///     let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    ///     socket.local_addr().unwrap().port()
    /// });
    /// ```
    ///
    /// # Panics
    /// When the network cannot be entered: the caller is not root, or the host is gone.
    pub fn on_its_network<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = fs::File::open(format!("/proc/{}/ns/net", self.init))
            .expect("opening the network of a host");
        unprivileged::on_a_thread(|| {
            sys::enter_network(&namespace).expect("entering the network of a host");
            work()
        })
    }

    /// Whether something inside listens on a TCP port.
    pub fn listens_on(&self, port: u16) -> bool {
        ["tcp", "tcp6"].iter().any(|table| {
            let table = format!("/proc/{}/net/{table}", self.init);
            has_listener(&fs::read_to_string(table).unwrap_or_default(), port)
        })
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
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
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
