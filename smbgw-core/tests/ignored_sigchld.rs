//! A program that ignores `SIGCHLD`, as Perl daemons do, still gets exit statuses. In a test binary
//! of its own, because the disposition is the whole process's.

#![allow(unsafe_code)]

use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, CommandError, Host, LocalHost};

#[test]
fn exit_statuses_arrive_where_sigchld_is_ignored() {
    // SAFETY: no handler is involved, and this is the only test of the process.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    let host = LocalHost::new();
    let deadline = || Deadline::after(Duration::from_secs(60));

    let output = host
        .run(&Command::new("printf").arg("fine"), deadline())
        .unwrap();
    assert_eq!((output.status, output.text().as_str()), (0, "fine"));

    let fails = Command::new("sh").args(["-c", "echo why >&2; exit 3"]);
    let error = host.run(&fails, deadline()).unwrap_err();
    assert!(error.to_string().contains("exit status: 3"), "{error}");
    assert_eq!(error.stderr(), "why");

    let killed = Command::new("sh").args(["-c", "kill -9 $$"]);
    assert!(
        host.run(&killed, deadline())
            .unwrap_err()
            .to_string()
            .contains("signal: 9")
    );

    let slow = Command::new("sleep")
        .arg("1000")
        .timeout(Duration::from_millis(200));
    let error = host.run(&slow, deadline()).unwrap_err();
    assert!(matches!(error, CommandError::TimedOut { .. }), "{error}");

    // SAFETY: asking changes nothing, and a zeroed `sigaction` is a valid one to write to.
    let still_ignored = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGCHLD, std::ptr::null(), &mut action);
        action.sa_sigaction == libc::SIG_IGN
    };
    assert!(still_ignored, "the disposition was changed");
}
