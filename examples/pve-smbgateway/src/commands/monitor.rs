//! `monitor run` and `monitor status`.

use std::io::PipeReader;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use smbgw_core::alert::channel::build;
use smbgw_core::alert::message::Messages;
use smbgw_core::alert::{Channel, ChannelStatus, Delivery, Pace, outbox};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;
use smbgw_core::host::{Host, LockError};
use smbgw_core::layout;
use smbgw_quota::QuotaStorage;
use smbgw_quota::monitor::{Monitor, MonitorStatus, Settings, SettingsError, run as watch};

use crate::exit::Exit;
use crate::output::Output;

/// How long another monitor may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches the shares of `host`, until a signal ends it or, with `once`, one time.
pub(crate) fn run(host: &dyn Host, output: &Output, once: bool) -> Exit {
    let _lock = match host.lock("monitor", "watching the shares", Deadline::after(PATIENCE)) {
        Ok(lock) => lock,
        Err(error) => return output.failed(&error),
    };
    let settings = match Settings::load(host, Path::new(layout::MONITOR_CONF)) {
        Ok(settings) => settings,
        Err(error) => return output.failed(&error),
    };
    let messages = messages(host);
    let channels = match channels(host, &settings, &messages) {
        Ok(channels) => channels,
        Err(error) => return output.failed(&error),
    };
    let soon = Deadline::after(PATIENCE);
    let delivery = match Delivery::open(host, &channels, Pace::default(), soon) {
        Ok(opened) => {
            if let Some(damage) = &opened.damage {
                tracing::error!(message = %damage.message, kept_as = ?damage.kept_as,
                    "messages that waited are lost");
            }
            opened.value
        }
        Err(error) => return output.failed(&error),
    };
    let stop = match stop_signals() {
        Ok(stop) => stop,
        Err(error) => return output.unusable("signals", &error.to_string()),
    };
    let storage = QuotaStorage::new(host).without_sync();
    let mut monitor = Monitor::new(host, &storage, settings);
    match watch(&mut monitor, &delivery, once, stop.as_fd()) {
        Ok(()) => shown(host, output, |status, channels| {
            output.watched(once, status, channels, host.now())
        }),
        Err(error) => output.failed(&error),
    }
}

/// How the monitor of `host` is.
pub(crate) fn status(host: &dyn Host, output: &Output) -> Exit {
    let running = match host.lock(
        "monitor",
        "asking for the monitor",
        Deadline::after(Duration::ZERO),
    ) {
        Err(LockError::Held { .. }) => true,
        Ok(_) => false,
        Err(error) => return output.failed(&error),
    };
    shown(host, output, |status, channels| {
        output.monitor(running, status, channels, host.now())
    })
}

/// Has `show` say what the monitor last said, and how its messages go.
fn shown(
    host: &dyn Host,
    output: &Output,
    show: impl FnOnce(Option<&MonitorStatus>, &[ChannelStatus]) -> Exit,
) -> Exit {
    let status = match MonitorStatus::load(host) {
        Ok(status) => status,
        Err(error) => return output.failed(&error),
    };
    match outbox::status(host) {
        Ok(channels) => show(status.as_ref(), &channels),
        Err(error) => output.failed(&error),
    }
}

/// The texts of messages, the administrator's where they can be used.
pub(crate) fn messages(host: &dyn Host) -> Messages {
    let (messages, problems) = Messages::load(host, Path::new(layout::TEMPLATES_DIR));
    for problem in problems {
        tracing::error!(error = %chain_text(&problem), "the template is not used");
    }
    messages
}

/// The channels that are set.
pub(crate) fn channels<'a>(
    host: &'a dyn Host,
    settings: &Settings,
    messages: &'a Messages,
) -> Result<Vec<Box<dyn Channel + 'a>>, SettingsError> {
    build(&settings.channels, host, messages).map_err(|problems| SettingsError::Invalid {
        path: layout::MONITOR_CONF.into(),
        problems,
    })
}

/// Becomes readable when somebody asks this process to end.
fn stop_signals() -> std::io::Result<PipeReader> {
    let (reader, writer) = std::io::pipe()?;
    for signal in [SIGTERM, SIGINT] {
        signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
    }
    Ok(reader)
}
