//! What tests of channels begin with.
#![allow(dead_code)]

use std::time::Duration;

use smbgw_core::alert::channel::{ChannelSettings, build};
use smbgw_core::alert::{Channel, Event, Facts, Kind, Messages, Notice, Severity};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Problem;
use smbgw_core::host::{Host, LocalHost};

/// A share that is nearly full.
pub(crate) fn notice() -> Notice {
    Notice {
        id: "0123456789abcdef0123456789abcdef".into(),
        at: 1_800_000_060,
        host: "gw".into(),
        share: Some("Médiathèque".parse().unwrap()),
        kind: Kind::Space,
        event: Event::Raised,
        severity: Severity::Warning,
        since: 1_800_000_000,
        facts: Facts {
            summary: "9G of 10G are used".into(),
            remedy: Some("delete <something>".into()),
            used: Some(9 << 30),
            limit: Some(10 << 30),
            percent: Some(90.0),
            ..Facts::default()
        },
    }
}

/// The channels that `settings` ask for.
pub(crate) fn channels<'a>(
    settings: &ChannelSettings,
    host: &'a dyn Host,
    messages: &'a Messages,
) -> Vec<Box<dyn Channel + 'a>> {
    build(settings, host, messages).unwrap()
}

/// What is wrong with the settings in `toml`.
pub(crate) fn problems_of(toml: &str) -> Vec<Problem> {
    let settings = toml::from_str(toml).unwrap();
    build(&settings, &LocalHost::new(), &Messages::built_in())
        .err()
        .unwrap_or_default()
}

/// Delivers `notice` by the first channel of `toml` beside the journal.
pub(crate) fn deliver(
    toml: &str,
    notice: &Notice,
    deadline: Deadline,
) -> Result<(), smbgw_core::alert::ChannelError> {
    let (host, messages) = (LocalHost::new(), Messages::built_in());
    let mut settings: ChannelSettings = toml::from_str(toml).unwrap();
    settings.journal.enabled = Some(false);
    channels(&settings, &host, &messages)[0].deliver(notice, deadline)
}

/// A deadline that a test on a busy machine does not meet by chance.
pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}
