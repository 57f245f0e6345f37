//! The cluster that this machine is a node of, watched beside its shares.

use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use smbgw_core::alert::Delivery;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;
use smbgw_core::host::Host;
use smbgw_core::layout;
use smbgw_ctdb::health::round;
use smbgw_quota::monitor::Settings;

/// How long one look may take.
const LOOK: Duration = Duration::from_secs(60);

/// Looks at the cluster once, and hands what is to be told to `delivery`.
pub(super) fn look(host: &dyn Host, delivery: &Delivery<'_>, deadline: Deadline) {
    let Some(settings) = settings(host) else {
        return;
    };
    let deadline = deadline.at_most(LOOK);
    match round(host, &settings.cluster, &settings.rules, delivery, deadline) {
        Ok(None) => {}
        Ok(Some(duty)) => {
            for problem in &duty.problems {
                tracing::warn!(problem, "watching the cluster");
            }
        }
        Err(error) => tracing::error!(error = %chain_text(&error), "the cluster is not watched"),
    }
}

/// Looks at the cluster as often as is set, until `stop` is readable. A machine may become a node
/// meanwhile.
pub(super) fn look_until(host: &dyn Host, delivery: &Delivery<'_>, stop: BorrowedFd<'_>) {
    loop {
        let began = Instant::now();
        look(host, delivery, Deadline::after(LOOK));
        let cluster = settings(host).unwrap_or_default().cluster;
        let interval = Duration::from_secs(cluster.interval().into());
        if is_readable(stop, interval.saturating_sub(began.elapsed())) {
            return;
        }
    }
}

/// What the administrator has set, where that can be used; the monitor says what is wrong with it.
fn settings(host: &dyn Host) -> Option<Settings> {
    Settings::load(host, Path::new(layout::MONITOR_CONF)).ok()
}

/// Waits until `stop` is readable; `false` where the time has passed first.
fn is_readable(stop: BorrowedFd<'_>, within: Duration) -> bool {
    let until = Instant::now() + within;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        // A day at most, which is the longest interval.
        let left = Timespec::try_from(left).unwrap_or_default();
        match poll(&mut [PollFd::new(&stop, PollFlags::IN)], Some(&left)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(rustix::io::Errno::INTR) => {}
            // Nobody could end it any more.
            Err(_) => return true,
        }
    }
}
