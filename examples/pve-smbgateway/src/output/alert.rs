//! Alerts, silences and messages.

use std::fmt::Write as _;

use comfy_table::Cell;
use serde_json::json;
use smbgw_core::alert::{Alert, ChannelError, Silence, State};
use smbgw_core::share::ShareName;

use super::{Output, complain, table};
use crate::exit::Exit;
use crate::moment;

impl Output {
    /// What is raised and what is silenced at `now`.
    pub(crate) fn alerts(&self, state: &State, now: i64) -> Exit {
        let alerts = state.alerts(now);
        let silences: Vec<&Silence> = state.silences(now).collect();
        if self.json {
            self.document(&json!({ "alerts": alerts, "silences": silences }));
            return Exit::Done;
        }
        let mut text = String::new();
        if alerts.is_empty() {
            text.push_str("No alert is raised.\n");
        } else {
            let mut shown = table(&["SHARE", "KIND", "SEVERITY", "SINCE", "STATE", "WHAT"]);
            for alert in &alerts {
                shown.add_row(vec![
                    Cell::new(subject(alert.share.as_ref())),
                    Cell::new(alert.kind.to_string()),
                    Cell::new(alert.severity.to_string()),
                    Cell::new(moment::shown(alert.since)),
                    Cell::new(standing(alert)),
                    Cell::new(&alert.facts.summary),
                ]);
            }
            let _ = writeln!(text, "{shown}");
        }
        for silence in silences {
            let _ = writeln!(text, "Silent: {}", silence_text(silence));
        }
        self.text(&text);
        Exit::Done
    }

    /// The alerts that somebody knows of now.
    pub(crate) fn acknowledged(&self, alerts: &[Alert]) -> Exit {
        if self.json {
            self.document(&json!({ "acknowledged": alerts }));
            return Exit::Done;
        }
        let mut text = String::new();
        for alert in alerts {
            let share = subject(alert.share.as_ref());
            let _ = writeln!(text, "Acknowledged: {share} ({})", alert.kind);
        }
        self.text(&text);
        Exit::Done
    }

    /// A silence that was set.
    pub(crate) fn silenced(&self, silence: &Silence) -> Exit {
        if self.json {
            self.document(&json!({ "silence": silence }));
        } else {
            self.text(&format!("Silent: {}\n", silence_text(silence)));
        }
        Exit::Done
    }

    /// Silences that were ended.
    pub(crate) fn unsilenced(&self, silences: &[Silence]) -> Exit {
        if self.json {
            self.document(&json!({ "ended": silences }));
            return Exit::Done;
        }
        let mut text = String::new();
        for silence in silences {
            let _ = writeln!(text, "No longer silent: {}", silence.scope);
        }
        self.text(&text);
        Exit::Done
    }

    /// How a test message went, by channel.
    pub(crate) fn tested(&self, results: &[(&str, Result<(), ChannelError>)]) -> Exit {
        let failed = results.iter().any(|(_, result)| result.is_err());
        if self.json {
            let channels: Vec<_> = results
                .iter()
                .map(|(name, result)| {
                    let error = result.as_ref().err().map(|error| error.message.as_str());
                    json!({ "channel": name, "delivered": result.is_ok(), "error": error })
                })
                .collect();
            self.document(&json!({ "channels": channels }));
        } else if results.is_empty() {
            complain(
                "there is no channel by which a message could go",
                &Some("set one in /etc/smbgw/monitor.toml".into()),
            );
        } else {
            for (name, result) in results {
                match result {
                    Ok(()) => self.text(&format!("{name}: delivered\n")),
                    Err(error) => complain(&error.to_string(), &None),
                }
            }
        }
        if failed || results.is_empty() {
            Exit::Failed
        } else {
            Exit::Done
        }
    }
}

fn subject(share: Option<&ShareName>) -> String {
    share.map_or("(the machine)".into(), ToString::to_string)
}

fn standing(alert: &Alert) -> String {
    if let Some(until) = alert.silenced_until {
        return format!("silent until {}", moment::shown(until));
    }
    if let Some(acknowledged) = &alert.acknowledged {
        return match &acknowledged.note {
            Some(note) => format!("known to {}: {note}", acknowledged.by),
            None => format!("known to {}", acknowledged.by),
        };
    }
    match alert.told_at {
        Some(at) => format!("told {}", moment::shown(at)),
        None => "not told yet".into(),
    }
}

fn silence_text(silence: &Silence) -> String {
    let mut text = format!(
        "{} until {}, by {}",
        silence.scope,
        moment::shown(silence.until),
        silence.by
    );
    if let Some(note) = &silence.note {
        let _ = write!(text, ": {note}");
    }
    text
}
