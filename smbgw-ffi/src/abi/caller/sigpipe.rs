//! `SIGPIPE`, which would end a process that did not ask for it.

use std::mem::zeroed;
use std::ptr;

use libc::{c_int, siginfo_t, sigset_t};

/// While it lives, writing to a pipe or socket that nobody reads is an error and no signal.
///
/// The disposition of the signal is the process's and is left alone: the signal is blocked in the
/// calling thread, and what was raised by this thread meanwhile is taken out of its queue.
pub(in crate::abi) struct Sigpipe {
    before: sigset_t,
    /// Whether one waited already, which is the caller's: the thread cannot get a second one.
    waited: bool,
}

impl Sigpipe {
    pub(in crate::abi) fn block() -> Self {
        let mut guard = Self {
            before: empty(),
            waited: false,
        };
        // SAFETY: both sets are live, and one of them only is written.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &sigpipe(), &mut guard.before) };
        // Where it was not blocked, it would have been delivered.
        guard.waited = has_sigpipe(&guard.before) && has_sigpipe(&pending());
        guard
    }
}

impl Drop for Sigpipe {
    fn drop(&mut self) {
        if !self.waited {
            take_own();
        }
        // SAFETY: the set is live; the former one is not asked for.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, ptr::null_mut()) };
    }
}

/// Takes a `SIGPIPE` that this thread raised by writing out of its queue.
fn take_own() {
    // SAFETY: an all-zero `siginfo_t` and `timespec` are valid values, and both live through the call.
    let (number, mut info) = unsafe {
        let mut info: siginfo_t = zeroed();
        let at_once: libc::timespec = zeroed();
        (libc::sigtimedwait(&sigpipe(), &mut info, &at_once), info)
    };
    if number != libc::SIGPIPE {
        return;
    }
    // SAFETY: the kernel filled it for a signal that has a sender (sigaction(2)).
    let is_own = unsafe { info.si_code == libc::SI_USER && info.si_pid() == libc::getpid() };
    if !is_own {
        put_back(&mut info);
    }
}

/// Queues for the process what somebody else sent to it, with all that it said.
fn put_back(info: &mut siginfo_t) {
    // SAFETY: the kernel only reads it; a process may send itself a signal with any content
    // (rt_sigqueueinfo(2)).
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigqueueinfo,
            libc::getpid(),
            libc::SIGPIPE,
            ptr::from_mut(info),
        )
    };
}

fn sigpipe() -> sigset_t {
    let mut set = empty();
    // SAFETY: the set is initialised.
    unsafe { libc::sigaddset(&mut set, libc::SIGPIPE) };
    set
}

fn empty() -> sigset_t {
    // SAFETY: an all-zero set is a valid value, and becomes the empty one.
    unsafe {
        let mut set = zeroed();
        libc::sigemptyset(&mut set);
        set
    }
}

fn pending() -> sigset_t {
    let mut set = empty();
    // SAFETY: it writes to a live local.
    unsafe { libc::sigpending(&mut set) };
    set
}

fn has_sigpipe(set: &sigset_t) -> bool {
    // SAFETY: the set is initialised.
    let is: c_int = unsafe { libc::sigismember(set, libc::SIGPIPE) };
    is == 1
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    static DELIVERED: AtomicUsize = AtomicUsize::new(0);

    extern "C" fn count(_: c_int) {
        DELIVERED.fetch_add(1, Ordering::SeqCst);
    }

    /// Writes to a pipe that nobody reads.
    fn break_a_pipe() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        drop(reader);
        assert!(writer.write_all(b"x").is_err());
    }

    fn set_mask(how: c_int, set: &sigset_t) {
        // SAFETY: the set is initialised.
        unsafe { libc::pthread_sigmask(how, set, ptr::null_mut()) };
    }

    // One test: the disposition is the process's.
    #[test]
    fn only_what_a_call_raised_is_taken_away() {
        // SAFETY: the handler only counts.
        unsafe { libc::signal(libc::SIGPIPE, count as *const () as libc::sighandler_t) };
        let delivered = || DELIVERED.load(Ordering::SeqCst);
        break_a_pipe();
        assert_eq!(delivered(), 1, "it is delivered without the guard");

        let guard = Sigpipe::block();
        break_a_pipe();
        assert!(has_sigpipe(&pending()));
        drop(guard);
        assert_eq!(delivered(), 1);
        break_a_pipe();
        assert_eq!(delivered(), 2, "the mask is as it was");

        set_mask(libc::SIG_BLOCK, &sigpipe());
        let guard = Sigpipe::block();
        break_a_pipe();
        drop(guard);
        assert!(!has_sigpipe(&pending()), "also where the caller blocks it");

        break_a_pipe();
        let guard = Sigpipe::block();
        break_a_pipe();
        drop(guard);
        assert!(has_sigpipe(&pending()), "the caller's own is left");
        set_mask(libc::SIG_UNBLOCK, &sigpipe());
        assert_eq!(delivered(), 3);

        // SAFETY: that is how Rust programs begin.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    }
}
