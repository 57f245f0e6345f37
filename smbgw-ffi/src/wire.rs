//! The parts of the machine, put together for one call.

use std::collections::BTreeMap;
use std::path::PathBuf;

use smbgw_core::error::Problem;
use smbgw_core::host::LocalHost;
use smbgw_core::machine::Machine;
use smbgw_core::progress::Silent;
use smbgw_core::secret::Secret;
use smbgw_core::service::{self, DirectService, SmbService};
use smbgw_quota::QuotaStorage;
use smbgw_quota::monitor::{AlertTraces, HistoryTraces};

use crate::dispatch::{Failure, Request};

/// Where the program for Samba's `dfree command` is: by Debian's package, or by `make install`.
const FREE_SPACE_COMMANDS: [&str; 2] = ["/usr/bin/smbgw-dfree", "/usr/local/bin/smbgw-dfree"];

/// This machine, or the tree of files below `root`.
pub(crate) fn host(root: Option<PathBuf>) -> Result<LocalHost, Failure> {
    let Some(root) = root else {
        return Ok(LocalHost::new());
    };
    let shown = root.display();
    let message = match (root.is_absolute(), root.is_dir()) {
        (false, _) => format!("`{shown}` is not an absolute path"),
        (true, false) => format!("there is no directory `{shown}`"),
        (true, true) => return Ok(LocalHost::with_root(root)),
    };
    Err(Failure::refused(Problem::invalid(
        "root",
        "call.no-root",
        message,
    )))
}

/// This machine, for what is done by programs that would not work on a tree of files.
pub(crate) fn running(root: Option<PathBuf>) -> Result<LocalHost, Failure> {
    match root {
        None => host(None),
        Some(_) => Err(Failure::refused(Problem::invalid(
            "root",
            "call.no-root",
            "this is done on a machine that runs, and not on a tree of files",
        ))),
    }
}

/// Has `call` work on this machine, or on the tree at `root`, with the passwords of `request`.
pub(crate) fn on_machine<T>(
    root: Option<PathBuf>,
    request: &Request<'_>,
    call: impl FnOnce(&Machine<'_>) -> T,
) -> Result<T, Failure> {
    let passwords = request.secrets.cloned().unwrap_or_default();
    on_machine_with(root, request, passwords, call)
}

/// The same with other passwords.
pub(crate) fn on_machine_with<T>(
    root: Option<PathBuf>,
    request: &Request<'_>,
    passwords: BTreeMap<String, Secret>,
    call: impl FnOnce(&Machine<'_>) -> T,
) -> Result<T, Failure> {
    let host = host(root)?;
    let storage = QuotaStorage::new(&host);
    let free_space_command = FREE_SPACE_COMMANDS
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.exists());
    // Nothing is opened here, until an operation needs to.
    let service = service::detect(&host);
    let parts = (service.as_ref(), passwords, free_space_command);
    Ok(assembled(&host, &storage, request, parts, call))
}

/// The same for a look at usages that has to be over at once: they are as of the last commit, and
/// nothing is looked for that only changes need.
pub(crate) fn on_machine_at_once<T>(
    root: Option<PathBuf>,
    request: &Request<'_>,
    call: impl FnOnce(&Machine<'_>) -> T,
) -> Result<T, Failure> {
    let host = host(root)?;
    let storage = QuotaStorage::new(&host).without_sync();
    // Whether systemd is in charge of smbd is not for usages to find out.
    let service = DirectService::new(&host);
    let parts = (&service as &dyn SmbService, BTreeMap::new(), None);
    Ok(assembled(&host, &storage, request, parts, call))
}

/// What differs: the service, passwords, and the program for Samba's `dfree command`.
type Parts<'p> = (
    &'p dyn SmbService,
    BTreeMap<String, Secret>,
    Option<PathBuf>,
);

fn assembled<T>(
    host: &LocalHost,
    storage: &QuotaStorage<'_>,
    request: &Request<'_>,
    (service, passwords, free_space_command): Parts<'_>,
    call: impl FnOnce(&Machine<'_>) -> T,
) -> T {
    call(&Machine {
        host,
        storage,
        service,
        traces: &[&HistoryTraces { host }, &AlertTraces { host }],
        progress: &Silent,
        passwords,
        free_space_command,
        deadline: request.deadline(),
    })
}
