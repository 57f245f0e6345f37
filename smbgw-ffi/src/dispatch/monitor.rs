//! Shares watched.

use smbgw_quota::monitor::{MonitorReport, WatchReport, watch_once};

use super::share::Everything;
use super::{Failure, Request};
use crate::wire::host;

pub(super) fn look(asked: Everything, request: &Request<'_>) -> Result<WatchReport, Failure> {
    let host = host(asked.root)?;
    watch_once(&host, request.deadline()).map_err(|error| Failure::of(&error))
}

pub(super) fn status(asked: Everything, _: &Request<'_>) -> Result<MonitorReport, Failure> {
    let host = host(asked.root)?;
    MonitorReport::of(&host).map_err(|error| Failure::of(&error))
}
