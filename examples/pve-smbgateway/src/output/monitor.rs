//! How the monitor is.

use std::fmt::Write as _;

use smbgw_core::alert::ChannelStatus;
use smbgw_quota::monitor::{MonitorReport, MonitorStatus, WatchReport, Watching};

use super::Output;
use crate::exit::Exit;
use crate::moment;

impl Output {
    /// How the monitor is.
    pub(crate) fn monitor(&self, report: &MonitorReport, now: i64) -> Exit {
        let MonitorReport { running, last } = report;
        if self.json {
            self.document(report);
        } else {
            let status = last.monitor.as_ref();
            self.text(&text(*running, status, &last.channels, now));
        }
        match running {
            true => Exit::Done,
            false => Exit::Failed,
        }
    }

    /// What a monitor that has ended did; as text only for one that looked once.
    pub(crate) fn watched(&self, once: bool, report: &WatchReport, now: i64) -> Exit {
        if self.json {
            self.document(report);
        } else if once {
            let mut text = String::new();
            if let Some(status) = &report.monitor {
                if let Some(look) = &status.last_look {
                    let shares = counted(look.shares as u64, "share");
                    let _ = writeln!(text, "Looked at {shares} in {:.3} s.", look.seconds);
                }
                trouble_text(&mut text, status);
            }
            // How it is otherwise is for `monitor status`.
            for channel in report.channels.iter().filter(|channel| channel.waiting > 0) {
                channel_text(&mut text, channel, now);
            }
            self.text(&text);
        }
        Exit::Done
    }
}

fn text(
    running: bool,
    status: Option<&MonitorStatus>,
    channels: &[ChannelStatus],
    now: i64,
) -> String {
    let mut text = String::new();
    match (running, status) {
        (true, Some(status)) => {
            let _ = writeln!(
                text,
                "The monitor runs since {} (process {}), and looks every {}.",
                moment::shown(status.started_at),
                status.pid,
                moment::shown_span(status.interval_seconds.into()),
            );
        }
        (true, None) => text.push_str("The monitor runs, and has not looked yet.\n"),
        (false, _) => {
            text.push_str("The monitor does not run: `systemctl start smbgw-monitor` starts it.\n");
        }
    }
    if let Some(status) = status {
        if let Some(look) = &status.last_look {
            let _ = writeln!(
                text,
                "  last look   {}: {} in {:.3} s",
                ago(look.at, now),
                counted(look.shares as u64, "share"),
                look.seconds
            );
        }
        if running {
            let _ = match &status.watching {
                Watching::Kernel { shares } => writeln!(
                    text,
                    "  events      the kernel announces limits of {}",
                    counted(*shares as u64, "share")
                ),
                Watching::Polling { reason } => {
                    writeln!(text, "  events      polling only: {reason}")
                }
            };
        }
        trouble_text(&mut text, status);
    }
    for channel in channels {
        channel_text(&mut text, channel, now);
    }
    text
}

/// What the monitor could not do.
fn trouble_text(text: &mut String, status: &MonitorStatus) {
    if let Some(look) = &status.last_look {
        for share in &look.unreadable {
            let _ = writeln!(text, "! {share} cannot be read");
        }
        if let Some(trouble) = &look.trouble {
            let _ = writeln!(text, "! {trouble}");
        }
    }
    let troubles = [
        ("the history", &status.history_trouble),
        ("the state of alerts", &status.alerts_trouble),
        ("the queue of messages", &status.outbox_trouble),
    ];
    for (what, trouble) in troubles {
        if let Some(trouble) = trouble {
            let _ = writeln!(text, "! {what}: {trouble}");
        }
    }
}

/// How messages go by one channel.
fn channel_text(text: &mut String, channel: &ChannelStatus, now: i64) {
    let name = &channel.channel;
    let success = match channel.last_success {
        Some(at) => format!("last message {}", ago(at, now)),
        None => "no message yet".into(),
    };
    let _ = writeln!(text, "  {name:<11} {success}");
    if channel.waiting > 0 {
        let wait = if channel.waiting == 1 {
            "waits"
        } else {
            "wait"
        };
        let messages = counted(channel.waiting as u64, "message");
        let _ = writeln!(text, "! {name}: {messages} {wait}");
    }
    let failing = channel.failures > 0;
    if let Some(failure) = channel.last_failure.as_ref().filter(|_| failing) {
        let _ = writeln!(
            text,
            "  → failed {}: {}",
            ago(failure.at, now),
            failure.message
        );
    }
    if channel.dropped > 0 {
        let messages = counted(channel.dropped, "message");
        let _ = writeln!(text, "! {name}: {messages} dropped, as too many waited");
    }
    for given_up in &channel.given_up {
        let _ = writeln!(
            text,
            "! {name}: gave up \"{}\" after {}: {}",
            given_up.subject,
            counted(given_up.attempts.into(), "attempt"),
            given_up.reason
        );
    }
}

fn ago(at: i64, now: i64) -> String {
    format!("{} ago", moment::shown_span(now.saturating_sub(at)))
}

/// So many of something: `1 share`, `2 shares`.
fn counted(count: u64, of: &str) -> String {
    match count {
        1 => format!("1 {of}"),
        _ => format!("{count} {of}s"),
    }
}
