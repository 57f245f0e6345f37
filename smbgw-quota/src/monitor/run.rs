//! Looking again and again, and at once where the kernel says that a limit was reached.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use smbgw_core::alert::{AlertError, Delivery};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind, chain_text};

use super::look::{Look, Monitor};
use super::status::{MonitorStatus, Watching};
use crate::watch::{Coalesce, Event, QuotaEvents, Targets, WatchError};

/// How long one look may take.
const LOOK: Duration = Duration::from_secs(120);

/// How long the state of alerts may be waited for.
const STATE: Duration = Duration::from_secs(10);

/// How long an announcement is not acted on again: XFS makes one for every refused write.
const NEWS: Duration = Duration::from_secs(5);

/// Why a monitor ended.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The threads that deliver messages could not be started.
    #[error(transparent)]
    Alerts(#[from] AlertError),
    /// It could not be waited for what happens next.
    #[error("cannot wait for events")]
    Wait(#[source] std::io::Error),
}

impl Coded for MonitorError {
    fn code(&self) -> &'static str {
        match self {
            Self::Alerts(error) => error.code(),
            Self::Wait(_) => "monitor.wait",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Alerts(error) => error.kind(),
            Self::Wait(_) => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Alerts(error) => error.remedy(),
            Self::Wait(_) => None,
        }
    }
}

/// Watches until `stop` is readable: looks at all shares as often as set, and at those of which the
/// kernel says something at once; tells people by `delivery`.
///
/// The time between two looks is measured by a clock that nobody sets.
///
/// # Errors
/// Where it cannot go on. A share that cannot be read, a history that cannot be written or a channel
/// that fails is no reason.
pub fn run(
    monitor: &mut Monitor<'_>,
    delivery: &Delivery<'_>,
    stop: BorrowedFd<'_>,
) -> Result<(), MonitorError> {
    let mut watcher = Watcher::new();
    let mut status = first_status(monitor, "it has just begun");
    std::thread::scope(|scope| {
        let _delivering = delivery.start(scope)?;
        let interval = Duration::from_secs(monitor.settings.pace.interval_seconds.into());
        loop {
            let next = Instant::now() + interval;
            let look = monitor.look(Deadline::after(LOOK));
            watcher.renew(monitor);
            status.watching = watcher.describe();
            tell(monitor, delivery, look, &mut status, Deadline::after(STATE));
            loop {
                let left = next.saturating_duration_since(Instant::now());
                match watcher.wait(stop, left)? {
                    Happened::Stop => return Ok(()),
                    Happened::Time | Happened::Lost => break,
                    Happened::Announced(shares) => {
                        let look = monitor.look_again(&shares, Deadline::after(LOOK));
                        tell(monitor, delivery, look, &mut status, Deadline::after(STATE));
                    }
                }
            }
        }
    })
}

/// Looks once, tells people by `delivery`, and returns when what is due was tried or `deadline` has
/// passed.
///
/// # Errors
/// As [`run`].
pub fn look_once(
    monitor: &mut Monitor<'_>,
    delivery: &Delivery<'_>,
    deadline: Deadline,
) -> Result<(), MonitorError> {
    let mut status = first_status(monitor, "it looks once");
    let look = monitor.look(deadline.at_most(LOOK));
    tell(
        monitor,
        delivery,
        look,
        &mut status,
        deadline.at_most(STATE),
    );
    delivery.deliver_due_once(deadline.at_most(LOOK))?;
    Ok(())
}

/// The status of a monitor that begins, which polls for this `reason`.
fn first_status(monitor: &Monitor<'_>, reason: &str) -> MonitorStatus {
    MonitorStatus {
        pid: std::process::id(),
        started_at: monitor.host.now(),
        interval_seconds: monitor.settings.pace.interval_seconds,
        watching: Watching::Polling {
            reason: reason.into(),
        },
        last_look: None,
        history_trouble: None,
        alerts_trouble: None,
        outbox_trouble: None,
    }
}

/// Judges what was seen, hands what is to be told to the delivery, and says how all that went.
fn tell(
    monitor: &Monitor<'_>,
    delivery: &Delivery<'_>,
    look: Look,
    status: &mut MonitorStatus,
    deadline: Deadline,
) {
    let host = host_name();
    let update = monitor.alerts().update(deadline, |state| {
        let notices: Vec<_> = monitor
            .judge_in(state, &look)
            .into_iter()
            .map(|transition| transition.notice(&host, look.at))
            .collect();
        // Also without any, which saves what could not be saved before. Where it cannot be saved,
        // the state is not either, and all is told again after a restart.
        delivery.enqueue(notices)
    });
    let text = |error: &AlertError, before: Option<String>| {
        let why = chain_text(error);
        if before.as_ref() != Some(&why) {
            tracing::warn!(error = %why, "alerts are in memory only");
        }
        why
    };
    let alerts = status.alerts_trouble.take();
    status.alerts_trouble = update.saved.as_ref().err().map(|error| text(error, alerts));
    let outbox = status.outbox_trouble.take();
    status.outbox_trouble = update.value.as_ref().err().map(|error| text(error, outbox));
    if let Some(damage) = &update.damage {
        tracing::error!(message = %damage.message, kept_as = ?damage.kept_as, "alerts begin anew");
    }
    status.history_trouble = monitor.history_trouble().map(Into::into);
    if look.is_whole() || status.last_look.is_none() {
        status.last_look = Some(look.summary);
    }
    if let Err(error) = status.save(monitor.host) {
        tracing::warn!(error = %chain_text(&error), "the status of the monitor is not saved");
    }
}

enum Happened {
    /// It is time for the next look.
    Time,
    /// The monitor is to end.
    Stop,
    /// The kernel said something of these shares, by key; `true`: a write was refused.
    Announced(HashMap<String, bool>),
    /// The kernel said more than was heard.
    Lost,
}

/// What the kernel announces, where it does.
struct Watcher {
    events: Result<QuotaEvents, WatchError>,
    targets: Targets<String>,
    coalesce: Coalesce,
}

impl Watcher {
    fn new() -> Self {
        Self {
            events: QuotaEvents::open(),
            targets: Targets::new(),
            coalesce: Coalesce::new(NEWS),
        }
    }

    /// Learns the volumes of the shares, whose devices may be others since the last time.
    fn renew(&mut self, monitor: &Monitor<'_>) {
        self.targets = Targets::new();
        for (share, volume) in monitor.volumes() {
            if let Err(error) = self.targets.insert(monitor.host, volume, share.key()) {
                tracing::debug!(%share, error = %chain_text(&error), "not listened for");
            }
        }
    }

    fn describe(&self) -> Watching {
        match &self.events {
            Ok(_) => Watching::Kernel {
                shares: self.targets.len(),
            },
            Err(error) => Watching::Polling {
                reason: chain_text(error),
            },
        }
    }

    /// Waits until something happens or `left` has passed.
    fn wait(&mut self, stop: BorrowedFd<'_>, left: Duration) -> Result<Happened, MonitorError> {
        let deadline = Deadline::after(left);
        loop {
            let mut sources = vec![PollFd::from_borrowed_fd(stop, PollFlags::IN)];
            if let Ok(events) = &self.events {
                sources.push(PollFd::from_borrowed_fd(events.as_fd(), PollFlags::IN));
            }
            let left = Timespec::try_from(deadline.remaining()).ok();
            match poll(&mut sources, left.as_ref()) {
                Ok(0) => return Ok(Happened::Time),
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(MonitorError::Wait(error.into())),
            }
            if !sources[0].revents().is_empty() {
                return Ok(Happened::Stop);
            }
            match self.heard() {
                Happened::Announced(shares) if shares.is_empty() => {}
                happened => return Ok(happened),
            }
            if deadline.has_passed() {
                return Ok(Happened::Time);
            }
        }
    }

    /// All that the kernel has said until now.
    fn heard(&mut self) -> Happened {
        let mut shares = HashMap::new();
        let Ok(events) = &mut self.events else {
            return Happened::Announced(shares);
        };
        loop {
            match events.next(Duration::ZERO) {
                Ok(Some(Event::Warning(event))) => {
                    if self.coalesce.is_news(&event, Instant::now())
                        && let Some(share) = self.targets.find(&event)
                    {
                        *shares.entry(share.clone()).or_default() |= event.warning.is_refusal();
                    }
                }
                Ok(Some(Event::Lost)) => return Happened::Lost,
                Ok(None) => return Happened::Announced(shares),
                Err(error) => {
                    tracing::warn!(error = %chain_text(&error), "no announcements any more");
                    self.events = Err(error);
                    return Happened::Lost;
                }
            }
        }
    }
}

/// The name of this machine, as messages have it.
pub fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
