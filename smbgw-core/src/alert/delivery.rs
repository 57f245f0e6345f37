//! The delivery of messages by all channels, each at its own pace.
//!
//! Messages wait in [`layout::OUTBOX`](crate::layout::OUTBOX), so none is lost when the program
//! ends. One that was delivered just before the machine stopped may be delivered again: its
//! [`id`](Notice::id) tells.
//!
//! A program that goes on runs one thread for each channel; what a channel does then holds up
//! neither the program nor the other channels:
//!
//! ```
//! use std::time::Duration;
//! use smbgw_core::alert::{Channel, Delivery, Notice, Pace};
//! use smbgw_core::deadline::Deadline;
//! use smbgw_core::host::LocalHost;
//!
//! # let dir = tempfile::tempdir()?;
//! # let host = LocalHost::with_root(dir.path());
//! # let channels: Vec<Box<dyn Channel>> = Vec::new();
//! # let notices: Vec<Notice> = Vec::new();
//! let soon = Deadline::after(Duration::from_secs(5));
//! let delivery = Delivery::open(&host, &channels, Pace::default(), soon)?.value;
//! std::thread::scope(|scope| {
//!     let _running = delivery.start(scope)?;
//!     delivery.enqueue(notices)
//!     // Here `_running` is dropped, which ends the threads.
//! })?;
//! assert!(delivery.status().unsaved.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! One that runs now and then calls [`Delivery::deliver_due_once`] instead.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::channel::{Channel, ChannelError};
use super::error::AlertError;
use super::notice::Notice;
use super::outbox::{ChannelStatus, FILE, Next, Outbox, Pace};
use super::store::{Damage, Update};
use crate::deadline::Deadline;
use crate::error::chain_text;
use crate::host::{Host, Lock};

/// How long a thread sleeps at most before it looks at the clock, which may have been set.
const LONGEST_NAP: Duration = Duration::from_secs(60);

/// How long what was delivered may go unsaved while more is being delivered.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// The delivery of messages by all channels of a host; only one process at a time does it.
#[derive(Debug)]
pub struct Delivery<'a> {
    host: &'a dyn Host,
    channels: &'a [Box<dyn Channel + 'a>],
    pace: Pace,
    inner: Mutex<Inner>,
    /// There is something new to look at.
    wake: Condvar,
    _lock: Lock,
}

#[derive(Debug)]
struct Inner {
    outbox: Outbox,
    stopped: bool,
    /// The queues have changes that the file has not.
    is_ahead: bool,
    saved_at: Option<Instant>,
    /// Why they could not be saved.
    unsaved: Option<String>,
}

/// How the delivery goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryStatus {
    /// By channel.
    pub channels: Vec<ChannelStatus>,
    /// Why the waiting messages could not be saved, where that failed: they are in memory only.
    pub unsaved: Option<String>,
}

/// Threads that deliver; they end, after the attempts under way, when this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Running<'s, 'a> {
    delivery: &'s Delivery<'a>,
}

impl<'a> Delivery<'a> {
    /// Takes up what waits on `host` for `channels`; messages for others are forgotten.
    ///
    /// A damaged file is kept beside (`.damaged`), as [`Update::damage`] says, and nothing waits.
    ///
    /// # Errors
    /// Where another process delivers until the deadline, or the file cannot be read or is of a
    /// newer form.
    pub fn open(
        host: &'a dyn Host,
        channels: &'a [Box<dyn Channel + 'a>],
        pace: Pace,
        deadline: Deadline,
    ) -> Result<Update<Self>, AlertError> {
        let lock = host.lock("outbox", "delivering messages", deadline)?;
        let mut damage = None;
        let mut outbox = match FILE.read(host)? {
            None => Outbox::default(),
            Some(content) => match FILE.parse(&content) {
                Ok(outbox) => outbox,
                Err(error @ AlertError::Malformed { .. }) => {
                    damage = Some(Damage {
                        message: chain_text(&error),
                        kept_as: FILE.keep_aside(host, &content),
                    });
                    Outbox::default()
                }
                Err(error) => return Err(error),
            },
        };
        let names: Vec<_> = channels.iter().map(|channel| channel.name()).collect();
        outbox.keep_channels(&names);
        let mut inner = Inner {
            outbox,
            stopped: false,
            is_ahead: true,
            saved_at: None,
            unsaved: None,
        };
        let saved = inner.save(host);
        Ok(Update {
            value: Self {
                host,
                channels,
                pace,
                inner: Mutex::new(inner),
                wake: Condvar::new(),
                _lock: lock,
            },
            saved,
            damage,
        })
    }

    /// Puts `notices` into the queues of all channels, and wakes those that deliver.
    ///
    /// # Errors
    /// Where the queues cannot be saved. They are delivered all the same, unless the program ends
    /// before; a later call tries to save them again, even one without messages.
    pub fn enqueue(&self, notices: impl IntoIterator<Item = Notice>) -> Result<(), AlertError> {
        let now = self.host.now();
        let mut inner = self.inner();
        for mut notice in notices {
            notice.facts = notice.facts.finite();
            inner.outbox.enqueue(&notice, &self.pace, now);
            inner.is_ahead = true;
        }
        let saved = inner.save(self.host);
        drop(inner);
        self.wake.notify_all();
        saved
    }

    /// Starts one thread for each channel in `scope`.
    ///
    /// # Errors
    /// [`AlertError::Thread`] where one cannot be started; those already started end again.
    pub fn start<'scope>(
        &'scope self,
        scope: &'scope thread::Scope<'scope, '_>,
    ) -> Result<Running<'scope, 'a>, AlertError> {
        self.inner().stopped = false;
        let running = Running { delivery: self };
        for channel in self.channels {
            let channel = channel.as_ref();
            thread::Builder::new()
                .name(format!("to-{}", channel.name()))
                .spawn_scoped(scope, move || self.serve(channel))
                .map_err(|source| AlertError::Thread {
                    channel: channel.name().into(),
                    source,
                })?;
        }
        Ok(running)
    }

    /// Tries to deliver each message whose time has come, by all channels at once, and returns when
    /// that is done or `deadline` has passed. What fails waits for a later call.
    ///
    /// # Errors
    /// [`AlertError::Thread`]; else where the queues cannot be saved.
    pub fn deliver_due_once(&self, deadline: Deadline) -> Result<(), AlertError> {
        thread::scope(|scope| {
            let mut threads = Vec::with_capacity(self.channels.len());
            for channel in self.channels {
                let channel = channel.as_ref();
                let thread = thread::Builder::new()
                    .spawn_scoped(scope, move || {
                        while !deadline.has_passed()
                            && let Next::Now(notice) = self.next(channel)
                        {
                            self.attempt(channel, &notice, deadline.at_most(self.pace.attempt));
                        }
                    })
                    .map_err(|source| AlertError::Thread {
                        channel: channel.name().into(),
                        source,
                    })?;
                threads.push(thread);
            }
            // The scope alone waits for what threads do, not for their end: one would still be there
            // when a caller forks.
            for thread in threads {
                if let Err(panic) = thread.join() {
                    std::panic::resume_unwind(panic);
                }
            }
            Ok::<_, AlertError>(())
        })?;
        self.inner().save(self.host)
    }

    /// How the delivery goes.
    pub fn status(&self) -> DeliveryStatus {
        let inner = self.inner();
        DeliveryStatus {
            channels: inner.outbox.status(),
            unsaved: inner.unsaved.clone(),
        }
    }

    /// Delivers by `channel` until told to stop.
    fn serve(&self, channel: &dyn Channel) {
        while let Some(notice) = self.wait(channel) {
            self.attempt(channel, &notice, Deadline::after(self.pace.attempt));
        }
    }

    /// The next message for `channel`, when its time has come; `None` when told to stop.
    fn wait(&self, channel: &dyn Channel) -> Option<Notice> {
        let mut inner = self.inner();
        loop {
            let next = match inner.stopped {
                true => Next::Empty,
                false => inner
                    .outbox
                    .next(channel.name(), &self.pace, self.host.now()),
            };
            let nap = match next {
                Next::Now(notice) => return Some(*notice),
                Next::In(seconds) => Duration::from_secs(seconds.unsigned_abs()).min(LONGEST_NAP),
                Next::Empty => LONGEST_NAP,
            };
            // A failure is in the status, and the next call tries again.
            let _ = inner.save(self.host);
            if inner.stopped {
                return None;
            }
            inner = match self.wake.wait_timeout(inner, nap) {
                Ok((inner, _)) => inner,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    fn next(&self, channel: &dyn Channel) -> Next {
        let now = self.host.now();
        self.inner().outbox.next(channel.name(), &self.pace, now)
    }

    /// Tries once to deliver `notice`, without holding up anybody else, and notes how that went.
    fn attempt(&self, channel: &dyn Channel, notice: &Notice, deadline: Deadline) {
        // A panic would end the delivery by this channel, and nobody would know. What it left half
        // done is the channel's own.
        let delivery = catch_unwind(AssertUnwindSafe(|| channel.deliver(notice, deadline)));
        let result = delivery.unwrap_or_else(|_| {
            let message = "the delivery ended by a defect of this program";
            Err(ChannelError::transient(channel.name(), message))
        });
        match &result {
            Ok(()) => tracing::debug!(channel = channel.name(), id = %notice.id, "delivered"),
            Err(error) => {
                tracing::warn!(channel = channel.name(), id = %notice.id, %error, "not delivered");
            }
        }
        self.note(channel, notice, &result);
    }

    fn note(&self, channel: &dyn Channel, notice: &Notice, result: &Result<(), ChannelError>) {
        let now = self.host.now();
        let mut inner = self.inner();
        inner
            .outbox
            .settle(channel.name(), &notice.id, result, &self.pace, now);
        inner.is_ahead = true;
        if inner.saved_at.is_none_or(|at| at.elapsed() >= SAVE_EVERY) {
            let _ = inner.save(self.host);
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running<'_, '_> {
    fn drop(&mut self) {
        self.delivery.inner().stopped = true;
        self.delivery.wake.notify_all();
    }
}

impl Inner {
    /// Writes the queues to the file, if they are ahead of it.
    fn save(&mut self, host: &dyn Host) -> Result<(), AlertError> {
        if !self.is_ahead {
            return Ok(());
        }
        self.saved_at = Some(Instant::now());
        let written = FILE
            .text(&self.outbox)
            .and_then(|content| Ok(FILE.write(host, &content)?));
        match written {
            Ok(_) => {
                self.is_ahead = false;
                self.unsaved = None;
                Ok(())
            }
            Err(error) => {
                let message = chain_text(&error);
                if self.unsaved.is_none() {
                    tracing::warn!(%message, "waiting messages are not saved");
                }
                self.unsaved = Some(message);
                Err(error)
            }
        }
    }
}
