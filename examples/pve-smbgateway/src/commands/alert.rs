//! `alert`: what is wrong now, and who is told.

use std::path::Path;

use smbgw_core::alert::{
    AlertStore, Event, Facts, Kind, Notice, Scope, Severity, Silence, Subject,
};
use smbgw_core::catalog;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, Problem};
use smbgw_core::host::Host;
use smbgw_core::layout;
use smbgw_core::lifecycle::ShareError;
use smbgw_quota::monitor::Settings;

use super::monitor::{channels, messages};
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
            Ok(state) => output.alerts(&state, now),
            Err(error) => output.failed(&error),
        },
        Alert::Test { channel } => test(host, output, channel.as_deref(), deadline),
        Alert::Ack { which, note } => match scope(&which) {
            Ok(scope) => {
                let by = who();
                match store.acknowledge(&scope, &by, note.as_deref(), deadline) {
                    Ok(alerts) => output.acknowledged(&alerts),
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
            let silence = match scope(&which).and_then(|scope| known(host, scope)) {
                Ok(scope) => Silence {
                    scope,
                    until,
                    by: who(),
                    note,
                },
                Err(error) => return output.error(&error),
            };
            match store.silence(silence.clone(), deadline) {
                Ok(()) => output.silenced(&silence),
                Err(error) => output.failed(&error),
            }
        }
        Alert::Unsilence { which } => match scope(&which) {
            Ok(scope) => match store.unsilence(&scope, deadline) {
                Ok(ended) => output.unsilenced(&ended),
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
    let channels = match channels(host, &settings, &messages) {
        Ok(channels) => channels,
        Err(error) => return output.failed(&error),
    };
    let names: Vec<&str> = channels.iter().map(|channel| channel.name()).collect();
    if let Some(only) = only
        && !names.contains(&only)
    {
        let set = match names.is_empty() {
            true => "none is set".into(),
            false => format!("those set are {}", names.join(", ")),
        };
        let message = format!(
            "there is no channel `{only}` in {}: {set}",
            layout::MONITOR_CONF
        );
        return output.unusable("channel", &message);
    }
    let now = host.now();
    let notice = Notice {
        id: Notice::new_id(),
        at: now,
        host: smbgw_quota::monitor::host_name(),
        share: None,
        kind: Kind::Test,
        event: Event::Test,
        severity: Severity::Notice,
        since: now,
        facts: Facts {
            summary: "this is a test of the messages about shares".into(),
            remedy: Some("nothing is to be done".into()),
            ..Facts::default()
        },
    };
    let results: Vec<_> = channels
        .iter()
        .filter(|channel| only.is_none_or(|only| channel.name() == only))
        .map(|channel| (channel.name(), channel.deliver(&notice, deadline)))
        .collect();
    output.tested(&results)
}

/// Which alerts are meant.
fn scope(which: &Which) -> Result<Scope, ShareError> {
    let refuse = |problem| ShareError::Refused(vec![problem]);
    let of = match &which.share {
        Some(name) => Subject::Share(
            name.parse()
                .map_err(|error| refuse(Problem::from_error("share", &error as &dyn Coded)))?,
        ),
        None => Subject::Everything,
    };
    let kind = match &which.kind {
        Some(text) => Some(kind(text).ok_or_else(|| {
            let known: Vec<&str> = KINDS.iter().map(|kind| kind.as_str()).collect();
            let message = format!("`{text}` is no kind of alert: give {}", known.join(", "));
            refuse(Problem::invalid("kind", "cli.unusable", message))
        })?),
        None => None,
    };
    Ok(Scope { of, kind })
}

/// `scope`, unless there is no such share: a silence would be for nobody, and nobody would notice.
fn known(host: &dyn Host, scope: Scope) -> Result<Scope, ShareError> {
    if let Subject::Share(name) = &scope.of
        && let Ok(None) = catalog::load(host, name)
    {
        return Err(ShareError::NotFound(name.clone()));
    }
    Ok(scope)
}

const KINDS: [Kind; 8] = [
    Kind::Space,
    Kind::Inodes,
    Kind::Forecast,
    Kind::SoftLimit,
    Kind::HardLimit,
    Kind::Drift,
    Kind::Unreadable,
    Kind::History,
];

fn kind(text: &str) -> Option<Kind> {
    KINDS.into_iter().find(|kind| kind.as_str() == text)
}

/// Who types the command, as far as the environment tells.
fn who() -> String {
    ["SUDO_USER", "LOGNAME", "USER"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()))
        .unwrap_or_else(|| "root".into())
}
