//! Listening to the events of a scratch file system.
//!
//! That something is *not* announced is shown by making a known event after it: events come in
//! order, so what was not announced before that never is.

pub(crate) mod everywhere;
pub(crate) mod on_ext4;
pub(crate) mod on_xfs;
pub(crate) mod others;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::ports::{Handle, Limits, Storage, Volume};
use smbgw_quota::watch::{Device, Event, Owner, QuotaEvent, QuotaEvents, Targets, Warning};
use smbgw_testing::MIB;

use crate::contract::{Lab, fill_as_nobody, soon};

/// Waits until no other test of this program makes events, or listens to them.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One who hears only what is announced of the file system of a lab.
pub(crate) struct Listener {
    pub(crate) events: QuotaEvents,
    device: Device,
}

impl Listener {
    pub(crate) fn new(lab: &Lab) -> Self {
        Self {
            events: QuotaEvents::open().unwrap(),
            device: device(lab),
        }
    }

    /// All events up to the first that `is_last`, which has to come.
    pub(crate) fn until(&mut self, is_last: impl Fn(&QuotaEvent) -> bool) -> Vec<QuotaEvent> {
        let deadline = Deadline::after(Duration::from_secs(60));
        let mut heard = Vec::new();
        loop {
            match self.events.next(deadline.remaining()).unwrap() {
                Some(Event::Warning(event)) if event.device == self.device => {
                    heard.push(event);
                    if is_last(&event) {
                        return heard;
                    }
                }
                Some(Event::Warning(_)) => {}
                Some(Event::Lost) => panic!("events were lost after {heard:?}"),
                None => assert!(!deadline.has_passed(), "only {heard:?}"),
            }
        }
    }

    /// The warnings about `volume` up to the first that is `last`.
    pub(crate) fn warnings_until(&mut self, volume: &Volume, last: Warning) -> Vec<Warning> {
        let owner = project(volume);
        let events = self.until(|event| event.owner == owner && event.warning == last);
        of(&events, volume)
    }

    /// Everything that was announced so far.
    pub(crate) fn so_far(&mut self, lab: &Lab) -> Vec<QuotaEvent> {
        let sentinel = lab.volume("/srv/sentinel", MIB);
        let owner = project(&sentinel);
        let (_, error) = fill_as_nobody(&lab.local("/srv/sentinel/file"), 2 * MIB);
        assert!(error.is_some());
        let mut events = self.until(|event| event.owner == owner);
        events.retain(|event| event.owner != owner);
        // What follows of the sentinel's own is heard here and not later.
        while self.events.next(Duration::ZERO).unwrap().is_some() {}
        lab.destroy(&sentinel, smbgw_core::ports::storage::Data::Remove);
        while self.events.next(Duration::ZERO).unwrap().is_some() {}
        events
    }
}

/// The warnings of `events` that are about `volume`, in order.
pub(crate) fn of(events: &[QuotaEvent], volume: &Volume) -> Vec<Warning> {
    let owner = project(volume);
    events
        .iter()
        .filter(|event| event.owner == owner)
        .map(|event| event.warning)
        .collect()
}

pub(crate) fn device(lab: &Lab) -> Device {
    Device::of_stat(fs::metadata(lab.disk.path()).unwrap().dev())
}

pub(crate) fn project(volume: &Volume) -> Owner {
    match volume.handle {
        Handle::Project { id, .. } => Owner::Project(id),
        _ => panic!("not a project: {volume:?}"),
    }
}

pub(crate) fn target(lab: &Lab, volume: &Volume) -> Targets<&'static str> {
    let mut targets = Targets::new();
    assert!(targets.insert(&lab.host, volume, "the share").unwrap());
    targets
}

pub(crate) fn set(lab: &Lab, volume: &Volume, limits: Limits) {
    lab.storage().set_limits(volume, limits, soon()).unwrap();
}

/// Fills the volume at `path` until it is refused.
pub(crate) fn fill_up(lab: &Lab, path: &str) {
    let (_, error) = fill_as_nobody(&lab.local(path), 64 * MIB);
    assert!(error.is_some(), "{path} was not refused");
}

pub(crate) fn write(lab: &Lab, path: &str, bytes: u64) {
    assert_eq!(fill_as_nobody(&lab.local(path), bytes), (bytes, None));
}
