//! Alerts, silences and messages.

use std::fmt::Write as _;

use comfy_table::Cell;
use smbgw_core::alert::{Acknowledged, Alert, Overview, Silence, Silenced, Trial, Unsilenced};
use smbgw_core::share::ShareName;

use super::{Output, complain, table};
use crate::exit::Exit;
use crate::moment;

impl Output {
    /// What is raised and what is silenced.
    pub(crate) fn alerts(&self, overview: &Overview) -> Exit {
        let Overview { alerts, silences } = overview;
        if self.json {
            self.document(overview);
            return Exit::Done;
        }
        let mut text = String::new();
        if alerts.is_empty() {
            text.push_str("No alert is raised.\n");
        } else {
            let mut shown = table(&["SHARE", "KIND", "SEVERITY", "SINCE", "STATE", "WHAT"]);
            for alert in alerts {
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
    pub(crate) fn acknowledged(&self, alerts: &Acknowledged) -> Exit {
        if self.json {
            self.document(alerts);
            return Exit::Done;
        }
        let mut text = String::new();
        for alert in &alerts.acknowledged {
            let share = subject(alert.share.as_ref());
            let _ = writeln!(text, "Acknowledged: {share} ({})", alert.kind);
        }
        self.text(&text);
        Exit::Done
    }

    /// A silence that was set.
    pub(crate) fn silenced(&self, silenced: &Silenced) -> Exit {
        if self.json {
            self.document(silenced);
        } else {
            self.text(&format!("Silent: {}\n", silence_text(&silenced.silence)));
        }
        Exit::Done
    }

    /// Silences that were ended.
    pub(crate) fn unsilenced(&self, unsilenced: &Unsilenced) -> Exit {
        if self.json {
            self.document(unsilenced);
            return Exit::Done;
        }
        let mut text = String::new();
        for silence in &unsilenced.ended {
            let _ = writeln!(text, "No longer silent: {}", silence.scope);
        }
        self.text(&text);
        Exit::Done
    }

    /// How a test message went, by channel.
    pub(crate) fn tested(&self, trial: &Trial) -> Exit {
        if self.json {
            self.document(trial);
        } else if trial.channels.is_empty() {
            complain(
                "there is no channel by which a message could go",
                &Some("set one in /etc/smbgw/monitor.toml".into()),
            );
        } else {
            for tried in &trial.channels {
                let name = &tried.channel;
                match &tried.error {
                    None => self.text(&format!("{name}: delivered\n")),
                    Some(error) => complain(&format!("{name}: {error}"), &None),
                }
            }
        }
        match trial.succeeded() {
            true => Exit::Done,
            false => Exit::Failed,
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
