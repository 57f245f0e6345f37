//! Who hears events, and how they are waited for.

use std::os::fd::AsFd;
use std::process::Command;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{FdFlags, fcntl_getfd};
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_quota::watch::{Event, QuotaEvents, Warning};
use smbgw_testing::MIB;
use smbgw_testing::unprivileged::as_nobody;

use super::{fill_up, of, project};
use crate::contract::Lab;

pub(crate) fn anybody_may_listen(lab: &Lab) {
    let volume = lab.volume("/srv/open", MIB);
    let mut events = as_nobody(QuotaEvents::open).unwrap();
    fill_up(lab, "/srv/open/file");
    let heard = as_nobody(|| events.next(Duration::from_secs(60))).unwrap();
    assert!(matches!(
        heard,
        Some(Event::Warning(event)) if event.owner == project(&volume)
    ));
}

pub(crate) fn the_descriptor_is_polled_with_others(lab: &Lab) {
    let volume = lab.volume("/srv/polled", MIB);
    let mut events = QuotaEvents::open().unwrap();
    let flags = fcntl_getfd(&events).unwrap();
    assert!(flags.contains(FdFlags::CLOEXEC));
    let (other, _writer) = rustix::pipe::pipe().unwrap();
    let ready = |events: &QuotaEvents, seconds| {
        let mut all = [
            PollFd::new(&other, PollFlags::IN),
            PollFd::from_borrowed_fd(events.as_fd(), PollFlags::IN),
        ];
        let timeout = Timespec {
            tv_sec: seconds,
            tv_nsec: 0,
        };
        poll(&mut all, Some(&timeout)).unwrap();
        all[1].revents().contains(PollFlags::IN)
    };
    assert!(!ready(&events, 0));
    assert_eq!(events.next(Duration::ZERO).unwrap(), None);
    fill_up(lab, "/srv/polled/file");
    assert!(ready(&events, 60));
    let mut heard = Vec::new();
    while let Some(Event::Warning(event)) = events.next(Duration::ZERO).unwrap() {
        heard.push(event);
    }
    assert_eq!(of(&heard, &volume).first(), Some(&Warning::BytesHard));
    assert!(!ready(&events, 0));
}

/// Runs `test`, which calls this, once more in a network namespace of its own.
pub(crate) fn another_network_namespace_hears_nothing(test: &str) {
    const INSIDE: &str = "SMBGW_TEST_IN_NAMESPACE";
    if std::env::var_os(INSIDE).is_some() {
        let error = QuotaEvents::open().unwrap_err();
        assert_eq!(error.code(), "watch.unavailable");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.remedy().unwrap().contains("network namespace"));
        return;
    }
    let mut inside = Command::new("unshare");
    inside
        .arg("--net")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(INSIDE, "1");
    let output = smbgw_testing::run(&mut inside).unwrap();
    assert!(output.contains("1 passed"), "{output}");
}
