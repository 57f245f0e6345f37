//! The system calls the standard library has no safe way for. The only `unsafe` of this crate.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)
}

fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

/// Sends `signal` to one process.
pub(crate) fn kill(pid: u32, signal: libc::c_int) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    // 0 and negative numbers mean groups and everybody.
    assert!(pid > 1, "refusing to signal process {pid}");
    // SAFETY: kill(2) takes plain numbers and touches no memory of ours.
    checked(unsafe { libc::kill(pid, signal) }.into()).map(drop)
}

/// Whether the calling process is root.
pub(crate) fn is_root() -> bool {
    // SAFETY: geteuid(2) has no arguments and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// A detached copy of the mounts at and below `path`.
pub(crate) fn clone_tree(path: &Path) -> io::Result<OwnedFd> {
    const OPEN_TREE_CLONE: libc::c_uint = 1;
    let path = c_path(path)?;
    let flags =
        OPEN_TREE_CLONE | libc::O_CLOEXEC as libc::c_uint | libc::AT_RECURSIVE as libc::c_uint;
    // SAFETY: the path is a terminated string that lives through the call.
    let fd = checked(unsafe {
        libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags)
    })?;
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
}

/// Mounts the detached `tree` at `target` of the mount namespace that `namespace` is open on.
pub(crate) fn attach_tree(tree: &OwnedFd, namespace: &OwnedFd, target: &Path) -> io::Result<()> {
    const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;
    let target = c_path(target)?;
    let (tree, namespace) = (tree.as_raw_fd(), namespace.as_raw_fd());
    let mut child = Command::new("/bin/true");
    let enter = move || {
        // SAFETY: both calls get plain numbers and terminated strings that live through them.
        unsafe {
            checked(libc::setns(namespace, libc::CLONE_NEWNS).into())?;
            checked(libc::syscall(
                libc::SYS_move_mount,
                tree,
                c"".as_ptr(),
                libc::AT_FDCWD,
                target.as_ptr(),
                MOVE_MOUNT_F_EMPTY_PATH,
            ))?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes two system calls and nothing else: no
    // allocation, no lock. Both descriptors outlive `status()` below.
    unsafe { child.pre_exec(enter) };
    let status = child.status()?;
    if !status.success() {
        return Err(io::Error::other(format!("/bin/true: {status}")));
    }
    Ok(())
}

/// Takes CAP_SYS_RESOURCE from the calling thread, and from that thread only.
pub(crate) fn drop_sys_resource() -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    const CAP_SYS_RESOURCE: u32 = 24;
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Set {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    let mut header = Header {
        version: VERSION_3,
        pid: 0,
    };
    let mut sets = [Set::default(); 2];
    // SAFETY: header and sets have the layout of version 3 of this call (one header, two sets) and
    // live through it.
    checked(unsafe { libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) })?;
    for set in [
        &mut sets[0].effective,
        &mut sets[0].permitted,
        &mut sets[0].inheritable,
    ] {
        *set &= !(1 << CAP_SYS_RESOURCE);
    }
    // A child that executes a file as root would get it back from the bounding set.
    // SAFETY: PR_CAPBSET_DROP takes plain numbers.
    checked(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0) }.into())?;
    // SAFETY: as for capget above.
    checked(unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) }).map(drop)
}

/// Makes the calling thread, and that thread only, the user and group `id` without other groups.
pub(crate) fn become_user(id: u32) -> io::Result<()> {
    // The functions of the C library change every thread, the system calls only this one.
    // SAFETY: plain numbers; an empty list of groups is never read.
    unsafe {
        checked(libc::syscall(
            libc::SYS_setgroups,
            0_usize,
            std::ptr::null::<libc::gid_t>(),
        ))?;
        checked(libc::syscall(libc::SYS_setresgid, id, id, id))?;
        checked(libc::syscall(libc::SYS_setresuid, id, id, id))?;
    }
    Ok(())
}

/// Moves the calling thread, and that thread only, into the network that `namespace` is open on.
pub(crate) fn enter_network(namespace: &impl AsRawFd) -> io::Result<()> {
    // SAFETY: setns(2) takes plain numbers and touches no memory of ours.
    checked(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) }.into()).map(drop)
}
