//! `monitor run` and `monitor status`.

mod cluster;

use std::io::PipeReader;
use std::os::fd::AsFd;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_quota::monitor::{MonitorReport, WatchReport, look_once, on_duty, run as watch};

use crate::exit::Exit;
use crate::output::Output;

/// How long another monitor may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches the shares of `host`, until a signal ends it or, with `once`, one time.
pub(crate) fn run(host: &dyn Host, output: &Output, once: bool, deadline: Deadline) -> Exit {
    let report = match once {
        true => on_duty(host, deadline, |monitor, delivery| {
            cluster::look(host, delivery, deadline);
            look_once(monitor, delivery, deadline)
        })
        .and_then(|()| WatchReport::of(host)),
        false => {
            let stop = match stop_signals() {
                Ok(stop) => stop,
                Err(error) => return output.unusable("signals", &error.to_string()),
            };
            on_duty(host, Deadline::after(PATIENCE), |monitor, delivery| {
                std::thread::scope(|scope| {
                    scope.spawn(|| cluster::look_until(host, delivery, stop.as_fd()));
                    watch(monitor, delivery, stop.as_fd())
                })
            })
            .and_then(|()| WatchReport::of(host))
        }
    };
    match report {
        Ok(report) => output.watched(once, &report, host.now()),
        Err(error) => output.failed(&error),
    }
}

/// How the monitor of `host` is.
pub(crate) fn status(host: &dyn Host, output: &Output) -> Exit {
    match MonitorReport::of(host) {
        Ok(report) => output.monitor(&report, host.now()),
        Err(error) => output.failed(&error),
    }
}

/// Becomes readable when somebody asks this process to end.
fn stop_signals() -> std::io::Result<PipeReader> {
    let (reader, writer) = std::io::pipe()?;
    for signal in [SIGTERM, SIGINT] {
        signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
    }
    Ok(reader)
}
