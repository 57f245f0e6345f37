//! `alert`: what is wrong now, and who is told.

use std::path::Path;

use smbgw_core::alert::{Acknowledged, AlertStore, Scope, Silence, Silenced, Trial, Unsilenced};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::layout;
use smbgw_core::lifecycle::ShareError;
use smbgw_quota::monitor::{Settings, host_name, messages};

use crate::args::alert::{Alert, Which};
use crate::exit::Exit;
use crate::moment;
use crate::output::Output;

/// Does what `command` asks for.
pub(crate) fn run(host: &dyn Host, output: &Output, command: Alert, deadline: Deadline) -> Exit {
    let store = AlertStore::new(host);
    let now = host.now();
    match command {
        Alert::List => match store.load() {
            Ok(state) => output.alerts(&state.overview(now)),
            Err(error) => output.failed(&error),
        },
        Alert::Test { channel } => test(host, output, channel.as_deref(), deadline),
        Alert::Ack { which, note } => match scope(&which) {
            Ok(scope) => {
                let by = who();
                match store.acknowledge(&scope, &by, note.as_deref(), deadline) {
                    Ok(acknowledged) => output.acknowledged(&Acknowledged { acknowledged }),
                    Err(error) => output.failed(&error),
                }
            }
            Err(error) => output.error(&error),
        },
        Alert::Silence { which, until, note } => {
            let until = match moment::moment_or_span(&until, now) {
                Ok(until) => until,
                Err(error) => return output.unusable("until", &error),
            };
            let silence = match known(host, &which) {
                Ok(scope) => Silence {
                    scope,
                    until,
                    by: who(),
                    note,
                },
                Err(error) => return output.error(&error),
            };
            match store.silence(silence.clone(), deadline) {
                Ok(()) => output.silenced(&Silenced { silence }),
                Err(error) => output.failed(&error),
            }
        }
        Alert::Unsilence { which } => match scope(&which) {
            Ok(scope) => match store.unsilence(&scope, deadline) {
                Ok(ended) => output.unsilenced(&Unsilenced { ended }),
                Err(error) => output.failed(&error),
            },
            Err(error) => output.error(&error),
        },
    }
}

/// Sends a message by every channel, or by one.
fn test(host: &dyn Host, output: &Output, only: Option<&str>, deadline: Deadline) -> Exit {
    let settings = match Settings::load(host, Path::new(layout::MONITOR_CONF)) {
        Ok(settings) => settings,
        Err(error) => return output.failed(&error),
    };
    let messages = messages(host);
    let channels = match settings.channels(host, &messages) {
        Ok(channels) => channels,
        Err(error) => return output.failed(&error),
    };
    match Trial::run(&channels, only, &host_name(), host.now(), deadline) {
        Ok(trial) => output.tested(&trial),
        Err(problem) => output.error(&ShareError::Refused(vec![problem])),
    }
}

/// Which alerts are meant.
fn scope(which: &Which) -> Result<Scope, ShareError> {
    Scope::parse(which.share.as_deref(), which.kind.as_deref()).map_err(ShareError::Refused)
}

/// The same of a share that is there.
fn known(host: &dyn Host, which: &Which) -> Result<Scope, ShareError> {
    let scope = scope(which)?;
    scope.check_share(host)?;
    Ok(scope)
}

/// Who types the command, as far as the environment tells.
fn who() -> String {
    ["SUDO_USER", "LOGNAME", "USER"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()))
        .unwrap_or_else(|| "root".into())
}
