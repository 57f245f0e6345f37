//! smbd without a service manager: its pid file, its process, its signals.
//!
//! smbd holds a POSIX lock on its pid file for as long as it lives (`pidfile_create` in Samba's
//! `lib/util/pidfile.c`), so the kernel itself names the process. Nothing is signalled that is not
//! that process, is not called `smbd`, or is in another pid namespace than this process.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{
    Flock, FlockType, Pid, PidfdFlags, Signal, fcntl_getlk, pidfd_open, pidfd_send_signal,
};

use super::{ServiceError, ServiceState, SmbService, close_share, shares_processes};
use crate::change::Change;
use crate::deadline::Deadline;
use crate::host::{Command, FileError, Host};

/// smbd as a daemon that nothing but its pid file accounts for.
#[derive(Debug)]
pub struct DirectService<'a> {
    host: &'a dyn Host,
    pid_file: PathBuf,
    log_file: PathBuf,
}

impl<'a> DirectService<'a> {
    /// The smbd of `host`, with its files where Debian's Samba has them.
    pub fn new(host: &'a dyn Host) -> Self {
        Self {
            host,
            pid_file: "/run/samba/smbd.pid".into(),
            log_file: "/var/log/samba/log.smbd".into(),
        }
    }

    /// Another pid file: `smbd.pid` in the `pid directory` of smb.conf.
    #[must_use]
    pub fn pid_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.pid_file = path.into();
        self
    }

    /// Another log file, from which the reason of a failed start is shown.
    #[must_use]
    pub fn log_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.log_file = path.into();
        self
    }

    /// The running smbd, if there is one.
    fn process(&self) -> Result<Option<Smbd>, ServiceError> {
        let not_local = || ServiceError::NotLocal {
            host: self.host.name().into(),
        };
        if !shares_processes(self.host) {
            return Err(not_local());
        }
        let path = self.host.local_path(&self.pid_file).ok_or_else(not_local)?;
        let fail = |error: std::io::Error| FileError::new("read", &self.pid_file, error);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail(error).into()),
        };
        let Some(Flock { pid: Some(pid), .. }) =
            fcntl_getlk(&file, &Flock::from(FlockType::WriteLock))
                .map_err(|error| fail(error.into()))?
        else {
            return Ok(None);
        };
        Smbd::open(pid, fs::read_link("/proc/self/ns/pid").ok())
    }

    /// The running smbd, or one that was started a moment ago and has no pid file yet.
    fn process_coming_up(&self, deadline: Deadline) -> Result<Option<Smbd>, ServiceError> {
        let limit = deadline.at_most(LONGEST_COMING_UP);
        loop {
            match self.process()? {
                None if any_smbd() && !limit.has_passed() => {
                    std::thread::sleep(PAUSE.min(limit.remaining()));
                }
                found => return Ok(found),
            }
        }
    }

    fn running(&self) -> Result<Smbd, ServiceError> {
        self.process()?.ok_or_else(|| ServiceError::NotRunning {
            service: self.describe().into(),
        })
    }

    /// What smbd wrote to its log since the log had `length` bytes.
    fn log_since(&self, length: u64) -> String {
        let content = self.host.read(&self.log_file).ok().flatten();
        let content = content.unwrap_or_default();
        let start = usize::try_from(length).unwrap_or(0);
        // Shorter than before: it was rotated.
        let added = content.get(start..).unwrap_or(&content);
        let added = &added[added.len().saturating_sub(4000)..];
        let text = String::from_utf8_lossy(added);
        let lines: Vec<_> = text
            .lines()
            .map(str::trim)
            // Each message has a line with time and place before it.
            .filter(|line| !line.is_empty() && !line.starts_with('['))
            .collect();
        lines[lines.len().saturating_sub(6)..].join("; ")
    }

    fn start_failed(&self, why: &str, log_length: u64) -> ServiceError {
        let log = self.log_since(log_length);
        let why = match log.as_str() {
            "" => why.to_string(),
            log => format!("{why}; its log says: {log}"),
        };
        ServiceError::StartFailed {
            service: self.describe().into(),
            why,
        }
    }
}

impl SmbService for DirectService<'_> {
    fn state(&self, _: Deadline) -> Result<ServiceState, ServiceError> {
        Ok(match self.process()? {
            Some(_) => ServiceState::Running,
            None => ServiceState::Stopped,
        })
    }

    fn start(&self, deadline: Deadline) -> Result<Change, ServiceError> {
        if self.process()?.is_some() {
            return Ok(Change::Unchanged);
        }
        let log_length = self
            .host
            .status(&self.log_file)?
            .map_or(0, |status| status.size);
        // Returns when the daemon was forked, which then has all of its start before it.
        self.host.run(&Command::new("smbd").arg("-D"), deadline)?;
        let limit = deadline.at_most(LONGEST_START);
        let mut came_up = false;
        loop {
            match self.process()? {
                Some(smbd) if smbd.is_ready() => return Ok(Change::Updated),
                Some(_) => came_up = true,
                None if came_up || !any_smbd() => {
                    // It may have ended between the two looks only because it was done.
                    return Err(self.start_failed("it ended again at once", log_length));
                }
                None => {}
            }
            if limit.has_passed() {
                return Err(self.start_failed("it does not take connections", log_length));
            }
            std::thread::sleep(PAUSE.min(limit.remaining()));
        }
    }

    fn stop(&self, deadline: Deadline) -> Result<Change, ServiceError> {
        let Some(smbd) = self.process_coming_up(deadline)? else {
            return Ok(Change::Unchanged);
        };
        smbd.signal(Signal::TERM)?;
        if !smbd.ends_before(deadline)? {
            return Err(ServiceError::TimedOut {
                service: self.describe().into(),
                action: "stop",
            });
        }
        Ok(Change::Updated)
    }

    fn reload(&self, deadline: Deadline) -> Result<(), ServiceError> {
        let smbd = self.running()?;
        while !smbd.is_ready() {
            // One that has ended in the meantime is never ready.
            self.running()?;
            if deadline.has_passed() {
                return Err(ServiceError::TimedOut {
                    service: self.describe().into(),
                    action: "reload",
                });
            }
            std::thread::sleep(PAUSE.min(deadline.remaining()));
        }
        smbd.signal(Signal::HUP)
    }

    fn close_share(&self, name: &str, deadline: Deadline) -> Result<(), ServiceError> {
        if self.process()?.is_none() {
            return Ok(());
        }
        close_share(self.host, name, deadline)
    }

    fn describe(&self) -> &str {
        "smbd"
    }
}

/// The longest a start may take: it is done in some 50 ms.
pub(super) const LONGEST_START: Duration = Duration::from_secs(30);

/// How long a process may be there that could become smbd; it may also be what is left of one.
const LONGEST_COMING_UP: Duration = Duration::from_secs(5);

/// How long to wait between two looks at a starting smbd.
pub(super) const PAUSE: Duration = Duration::from_millis(2);

/// A process that was verified to be smbd, and stays the same one whatever its number is given to.
#[derive(Debug)]
pub(super) struct Smbd {
    pid: Pid,
    handle: OwnedFd,
}

/// What a process turned out to be.
#[cfg(feature = "systemd")]
#[derive(Debug)]
pub(super) enum Found {
    Smbd(Smbd),
    Other,
    Gone,
}

impl Smbd {
    /// What the process `pid` of this machine is.
    #[cfg(feature = "systemd")]
    pub(super) fn find(pid: u32) -> Result<Found, ServiceError> {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let Some(number) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return Ok(Found::Other);
        };
        let own_namespace = fs::read_link("/proc/self/ns/pid").ok();
        Ok(match Self::open(number, own_namespace)? {
            Some(smbd) => Found::Smbd(smbd),
            // One that has ended and was not yet waited for is in no namespace any more.
            None if fs::read_link(process.join("ns/pid")).is_err() => Found::Gone,
            None => Found::Other,
        })
    }

    /// The process `pid`, if it is an smbd in the pid namespace `namespace`.
    fn open(pid: Pid, namespace: Option<PathBuf>) -> Result<Option<Self>, ServiceError> {
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            Err(Errno::SRCH) => return Ok(None),
            Err(error) => return Err(process_error(pid, "watched", error)),
        };
        // After the handle was taken, so that this is about the process it is for, or the process
        // is gone and signals go nowhere.
        Ok(is_smbd(pid.as_raw_nonzero().get(), namespace.as_deref())
            .then_some(Self { pid, handle }))
    }

    fn signal(&self, signal: Signal) -> Result<(), ServiceError> {
        match pidfd_send_signal(&self.handle, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(process_error(self.pid, "signalled", error)),
        }
    }

    fn ends_before(&self, deadline: Deadline) -> Result<bool, ServiceError> {
        loop {
            let mut fds = [PollFd::new(&self.handle, PollFlags::IN)];
            let timeout = deadline.remaining().try_into().unwrap_or_default();
            match poll(&mut fds, Some(&timeout)) {
                Ok(0) if deadline.has_passed() => return Ok(false),
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(process_error(self.pid, "watched", error)),
            }
        }
    }

    /// Whether it takes connections and can be told to reload: a hangup signal that comes before
    /// smbd has a handler for it ends it.
    pub(super) fn is_ready(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid.as_raw_nonzero()));
        status.is_ok_and(|status| catches_hangup(&status)) && self.listens()
    }

    /// Whether it has a TCP socket that listens.
    fn listens(&self) -> bool {
        let process = PathBuf::from(format!("/proc/{}", self.pid.as_raw_nonzero()));
        let sockets: Vec<String> = fs::read_dir(process.join("fd"))
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let target = fs::read_link(entry.ok()?.path()).ok()?;
                let inode = target
                    .to_str()?
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?;
                Some(inode.to_string())
            })
            .collect();
        ["net/tcp", "net/tcp6"].iter().any(|table| {
            let table = fs::read_to_string(process.join(table)).unwrap_or_default();
            listening_inodes(&table).any(|inode| sockets.iter().any(|socket| socket == inode))
        })
    }
}

/// Whether the process `pid` is an smbd in the pid namespace `namespace`.
fn is_smbd(pid: i32, namespace: Option<&Path>) -> bool {
    let process = PathBuf::from(format!("/proc/{pid}"));
    fs::read(process.join("comm")).is_ok_and(|name| name.starts_with(b"smbd"))
        && fs::read_link(process.join("ns/pid")).ok().as_deref() == namespace
        && namespace.is_some()
}

/// Whether there is any smbd in the pid namespace of this process.
fn any_smbd() -> bool {
    let namespace = fs::read_link("/proc/self/ns/pid").ok();
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .any(|pid| is_smbd(pid, namespace.as_deref()))
}

/// Whether the process with this `/proc/PID/status` (proc(5)) has a handler for SIGHUP.
fn catches_hangup(status: &str) -> bool {
    let caught = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signal 1 is the lowest bit.
    caught.is_some_and(|mask| mask & 1 != 0)
}

/// The inodes of the listening sockets in a table of `/proc/net/tcp` (proc(5)).
fn listening_inodes(table: &str) -> impl Iterator<Item = &str> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        (fields.nth(3) == Some(LISTEN)).then(|| fields.nth(5))?
    })
}

fn process_error(pid: Pid, action: &'static str, error: Errno) -> ServiceError {
    ServiceError::Process {
        pid: pid.as_raw_nonzero().get().unsigned_abs(),
        action,
        source: error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_for_hangups_is_seen() {
        let status = "Name:\tsmbd\nSigIgn:\t0000000000001000\nSigCgt:\t0000000180014";
        assert!(catches_hangup(&format!("{status}003\n")));
        assert!(!catches_hangup(&format!("{status}002\n")));
        assert!(!catches_hangup(""));
    }

    #[test]
    fn listening_sockets_are_told_from_connections() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:01BD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31337 1 0 100 0 0 10 0
   1: 0100007F:01BD 0100007F:B04A 01 00000000:00000000 00:00000000 00000000     0        0 31338 1 0 20 4 30 10 -1
";
        assert_eq!(listening_inodes(table).collect::<Vec<_>>(), ["31337"]);
    }
}
