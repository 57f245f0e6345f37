//! Code and commands that quota limits bind.
//!
//! ext4 lets a writer with CAP_SYS_RESOURCE, which root has, go past every limit. A test that wants
//! to see the kernel refuse a write therefore writes without it.

use std::ffi::OsStr;
use std::panic::resume_unwind;
use std::process::Command;

use crate::sys;

/// The user and group number of `nobody` and `nogroup` on Debian.
pub const NOBODY: u32 = 65534;

/// Runs `work` as root without CAP_SYS_RESOURCE, on a thread of its own.
///
/// A panic in `work` goes on in the caller.
///
/// # Panics
/// When the caller may not give up the capability, that is when it is not root.
pub fn without_sys_resource<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    on_a_thread(|| {
        sys::drop_sys_resource().expect("dropping CAP_SYS_RESOURCE");
        work()
    })
}

/// Runs `work` as the user and group `id` with no other groups and no capabilities, on a thread of
/// its own.
///
/// # Panics
/// When the caller is not root.
pub fn as_user<T: Send>(id: u32, work: impl FnOnce() -> T + Send) -> T {
    on_a_thread(|| {
        sys::become_user(id).expect("becoming another user");
        work()
    })
}

/// Runs `work` as nobody; see [`as_user`].
///
/// # Panics
/// When the caller is not root.
pub fn as_nobody<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    as_user(NOBODY, work)
}

/// Runs `work` on a thread of its own; its panic goes on in the caller.
pub(crate) fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        scope
            .spawn(work)
            .join()
            .unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// A command that runs `program` as root without CAP_SYS_RESOURCE.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--bounding-set=-sys_resource", "--"])
        .arg(program);
    command
}

/// A command that runs `program` as nobody.
pub fn nobody(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(program);
    command
}
