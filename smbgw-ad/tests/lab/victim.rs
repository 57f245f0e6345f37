//! Processes that are killed in the middle of an operation.
//!
//! The test program runs the calling test once more inside the host, where it does one operation and
//! nothing else, and is killed on the way.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use smbgw_ad::audit;
use smbgw_ad::clock::Clock;
use smbgw_ad::join::{JoinDraft, Parts, join};
use smbgw_ad::leave::{AccountFate, leave};
use smbgw_ad::rotate::{RotateOptions, rotate};
use smbgw_core::host::LocalHost;
use smbgw_core::progress::{Event, Progress, Silent};
use smbgw_core::service;
use smbgw_core::testing::{Counted, Fault, Faults, FaultyHost, FaultyService, KillAt};
use tracing::span;

use super::{Lab, administrator, draft, soon};

/// Says what the process is to do.
const ROLE: &str = "SMBGW_LAB_VICTIM";

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Join,
    /// Join, taking over an account that is there.
    TakeOver,
    Leave,
    Rotate,
}

/// Where a process is killed, each at its n-th occasion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before something changes on the host. A step is journalled by such a change, so that this is
    /// between any two steps, too.
    Change,
    /// When a file, or a line of the journal, is half written.
    HalfWritten,
    /// Before the domain is asked for a change, or when it has answered.
    Request,
}

impl Deed {
    const ALL: [Self; 4] = [Self::Join, Self::TakeOver, Self::Leave, Self::Rotate];

    /// Does it, and fails unless it succeeds.
    fn run(self, parts: &Parts<'_>) {
        let (user, password) = administrator();
        match self {
            Self::Join => super::is_done(join(parts, &draft(), &password)),
            Self::TakeOver => {
                let reset = JoinDraft {
                    reset: true,
                    ..draft()
                };
                super::is_done(join(parts, &reset, &password));
            }
            Self::Leave => {
                super::is_done(leave(parts, AccountFate::Delete, Some((&user, &password))));
            }
            Self::Rotate => {
                rotate(parts, RotateOptions::default()).unwrap();
            }
        }
    }
}

impl Place {
    const ALL: [Self; 3] = [Self::Change, Self::HalfWritten, Self::Request];
}

/// Starts `deed` in a process of the host that is killed at the `number`-th occasion; whether it was.
pub(crate) fn kill(lab: &Lab, test: &str, deed: Deed, place: Place, number: usize) -> bool {
    let role = format!("{deed:?} {place:?} {number}");
    let output = lab
        .host
        .command(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ROLE, &role)
        .output()
        .unwrap();
    let killed = output.status.signal() == Some(9);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        killed || output.status.success() && said.contains("1 passed"),
        "{role}: {}: {said}",
        output.status
    );
    killed
}

/// Does what this process was started for, if it was started by [`kill`].
pub(crate) fn play() -> bool {
    let Ok(role) = std::env::var(ROLE) else {
        return false;
    };
    let words: Vec<&str> = role.split(' ').collect();
    let deed = Deed::ALL
        .into_iter()
        .find(|deed| format!("{deed:?}") == words[0]);
    let place = Place::ALL
        .into_iter()
        .find(|place| format!("{place:?}") == words[1]);
    let number = words[2].parse().unwrap();
    let (deed, place) = (deed.unwrap(), place.unwrap());
    let faults = match place {
        Place::Change => Faults::at(number, Fault::KillBefore).counting(Counted::Changes),
        Place::HalfWritten => Faults::at(number, Fault::KillWithin).counting(Counted::Writes),
        Place::Request => Faults::none(),
    };
    let here = LocalHost::new();
    let smbd = service::detect(&here);
    let host = FaultyHost::new(&here, &faults);
    let smbd = FaultyService::new(&*smbd, &faults);
    let parts = Parts {
        host: &host,
        service: &smbd,
        progress: &Silent,
        resolver: None,
        clock: Clock::system(),
        deadline: soon(),
    };
    match place {
        Place::Request => {
            let at = KillAt::new(number);
            let requests = Requests::new(move || at.event(&Event::PlanDecided));
            tracing::subscriber::with_default(requests, || deed.run(&parts));
        }
        _ => deed.run(&parts),
    }
    true
}

/// Hears of what the domain is asked to change, before and after.
pub(crate) struct Requests<F> {
    heard: F,
    spans: AtomicUsize,
}

impl<F: Fn() + Send + Sync + 'static> Requests<F> {
    pub(crate) fn new(heard: F) -> Self {
        Self {
            heard,
            spans: AtomicUsize::new(0),
        }
    }
}

impl<F: Fn() + Send + Sync + 'static> tracing::Subscriber for Requests<F> {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == audit::TARGET
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        let number = self.spans.fetch_add(1, Ordering::Relaxed);
        span::Id::from_u64(number as u64 + 1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        (self.heard)();
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Change => "before change",
            Self::HalfWritten => "half way through write",
            Self::Request => "at request",
        })
    }
}
