//! The log of one node: lines that are only ever added.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::{FileError, Host, create_dirs};

use super::event::ClusterEvent;
use crate::code::Code;

/// The log of a node. When it is large enough it is put aside beside it, and a new one begins.
pub const LOG: &str = "/var/lib/smbgw/cluster-events.jsonl";

/// The log before [`LOG`].
pub(super) const FORMER: &str = "/var/lib/smbgw/cluster-events.1.jsonl";

/// A log this large is put aside, in bytes: some five thousand events.
pub(super) const LARGEST: u64 = 1 << 20;

/// How long another writer is waited for. One that takes longer has died or hangs, and an event that is
/// written beside it is better than none, or than ctdb kept waiting.
const PATIENCE: Duration = Duration::from_millis(300);

/// How long to wait before the log is asked for again.
const PAUSE: Duration = Duration::from_millis(2);

/// Root alone reads it, as what scripts print is in it.
const MODE: u32 = 0o600;

/// As open(2) has it.
const NOFOLLOW: i32 = OFlags::NOFOLLOW.bits().cast_signed();

/// Why an event is not in the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log cannot be written.
    #[error("cannot write down what happened in the cluster in {LOG}")]
    Write(#[source] io::Error),
    /// The folder of the log cannot be made, or the log of another machine not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Coded for LogError {
    fn code(&self) -> &'static str {
        match self {
            Self::Write(_) => Code::EventsUnwritable.as_str(),
            Self::File(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Write(_) => ErrorKind::Failed,
            Self::File(error) => error.kind(),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Write(_) => Some(Code::EventsUnwritable.fix().into()),
            Self::File(error) => error.remedy(),
        }
    }
}

/// Adds `events` to the log of `host`, all of them in one go. A crash may lose the last ones, and leaves the
/// others whole: nothing waits for a disk here, as ctdb may be waiting.
///
/// Other processes may write at the same time. A large log is put aside.
///
/// # Errors
/// Where the log cannot be written.
pub fn append(host: &dyn Host, events: &[ClusterEvent]) -> Result<(), LogError> {
    let lines: Vec<u8> = events.iter().flat_map(ClusterEvent::line).collect();
    if lines.is_empty() {
        return Ok(());
    }
    let path = Path::new(LOG);
    if let Some(folder) = path.parent()
        && host.status(folder)?.is_none()
    {
        create_dirs(host, folder, 0o755)?;
    }
    match (host.local_path(path), host.local_path(Path::new(FORMER))) {
        (Some(path), Some(former)) => write(&path, &former, &lines).map_err(LogError::Write),
        _ => {
            let line = lines.strip_suffix(b"\n").unwrap_or(&lines);
            Ok(host.append(path, line, MODE)?)
        }
    }
}

/// Adds `lines` to the log at `path`, which becomes `former` if it is large.
fn write(path: &Path, former: &Path, lines: &[u8]) -> io::Result<()> {
    let deadline = Deadline::after(PATIENCE);
    loop {
        let mut log = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(MODE)
            .custom_flags(NOFOLLOW)
            .open(path)?;
        if lock(&log, deadline) {
            let known = log.metadata()?;
            // Another one may have put it aside while this one waited.
            let is_still_there = std::fs::symlink_metadata(path)
                .is_ok_and(|there| (there.dev(), there.ino()) == (known.dev(), known.ino()));
            if !is_still_there {
                continue;
            }
            if known.len() >= LARGEST {
                std::fs::rename(path, former)?;
                continue;
            }
        }
        return add(&mut log, lines);
    }
}

/// Adds `lines` after a line feed if the last line has none, as its writer was killed or the disk full.
fn add(log: &mut File, lines: &[u8]) -> io::Result<()> {
    let length = log.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 {
        log.seek(SeekFrom::Start(length - 1))?;
        log.read_exact(&mut last)?;
    }
    if last == [b'\n'] {
        return log.write_all(lines);
    }
    // In one go, so that nobody's line comes in between.
    log.write_all(&[b"\n", lines].concat())
}

/// Takes the lock of the log, which ends with the file; `false` where that is not to be had.
fn lock(log: &File, deadline: Deadline) -> bool {
    loop {
        match log.try_lock() {
            Ok(()) => return true,
            Err(TryLockError::WouldBlock) if !deadline.has_passed() => {
                std::thread::sleep(PAUSE);
            }
            Err(_) => return false,
        }
    }
}
