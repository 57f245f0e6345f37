//! The parts of the machine, put together for one call.

use std::path::{Path, PathBuf};

use smbgw_core::host::LocalHost;
use smbgw_core::machine::Machine;
use smbgw_core::progress::Silent;
use smbgw_core::service;
use smbgw_quota::QuotaStorage;
use smbgw_quota::monitor::{AlertTraces, HistoryTraces};

use crate::dispatch::Request;

/// Where Debian's package has the program for Samba's `dfree command`.
const FREE_SPACE_COMMAND: &str = "/usr/bin/smbgw-dfree";

/// Has `call` work on this machine, or on the tree at `root`.
pub(crate) fn on_machine<T>(
    root: Option<PathBuf>,
    request: &Request<'_>,
    call: impl FnOnce(&Machine<'_>) -> T,
) -> T {
    let host = match root {
        Some(root) => LocalHost::with_root(root),
        None => LocalHost::new(),
    };
    let storage = QuotaStorage::new(&host);
    let service = service::detect(&host);
    let free_space_command = Path::new(FREE_SPACE_COMMAND);
    call(&Machine {
        host: &host,
        storage: &storage,
        service: service.as_ref(),
        traces: &[&HistoryTraces { host: &host }, &AlertTraces { host: &host }],
        progress: &Silent,
        passwords: request.secrets.cloned().unwrap_or_default(),
        free_space_command: free_space_command
            .exists()
            .then(|| free_space_command.into()),
        deadline: request.deadline(),
    })
}
