//! Shares watched, and the cluster that they are in.

use std::path::Path;

use smbgw_core::layout;
use smbgw_ctdb::health::round;
use smbgw_quota::monitor::{MonitorReport, Settings, WatchReport, look_once, on_duty};

use super::share::Everything;
use super::{Failure, Request};
use crate::wire::host;

pub(super) fn look(asked: Everything, request: &Request<'_>) -> Result<WatchReport, Failure> {
    let host = host(asked.root)?;
    let deadline = request.deadline();
    let look = on_duty(&host, deadline, |monitor, delivery| {
        // Settings that cannot be used, or a record, keep nobody from looking at the shares.
        if let Ok(settings) = Settings::load(&host, Path::new(layout::MONITOR_CONF)) {
            let _ = round(
                &host,
                &settings.cluster,
                &settings.rules,
                delivery,
                deadline,
            );
        }
        look_once(monitor, delivery, deadline)
    });
    look.and_then(|()| WatchReport::of(&host))
        .map_err(|error| Failure::of(&error))
}

pub(super) fn status(asked: Everything, _: &Request<'_>) -> Result<MonitorReport, Failure> {
    let host = host(asked.root)?;
    MonitorReport::of(&host).map_err(|error| Failure::of(&error))
}
