//! How the monitor is.

use std::fmt::Write as _;

use serde_json::json;
use smbgw_core::alert::ChannelStatus;
use smbgw_quota::monitor::{MonitorStatus, Watching};

use super::Output;
use crate::exit::Exit;
use crate::moment;

impl Output {
    /// How the monitor is: `status` is what it last said, `channels` how its messages go.
    pub(crate) fn monitor(
        &self,
        running: bool,
        status: Option<&MonitorStatus>,
        channels: &[ChannelStatus],
        now: i64,
    ) -> Exit {
        if self.json {
            self.document(&json!({
                "running": running,
                "monitor": status,
                "channels": channels,
            }));
        } else {
            self.text(&text(running, status, channels, now));
        }
        match running {
            true => Exit::Done,
            false => Exit::Failed,
        }
    }
}

fn text(
    running: bool,
    status: Option<&MonitorStatus>,
    channels: &[ChannelStatus],
    now: i64,
) -> String {
    let mut text = String::new();
    let ago = |at: i64| format!("{} ago", moment::shown_span(now.saturating_sub(at)));
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
                "  last look   {}: {} shares in {:.3} s",
                ago(look.at),
                look.shares,
                look.seconds
            );
            for share in &look.unreadable {
                let _ = writeln!(text, "! {share} cannot be read");
            }
            if let Some(trouble) = &look.trouble {
                let _ = writeln!(text, "! {trouble}");
            }
        }
        let _ = match &status.watching {
            Watching::Kernel { shares } => {
                writeln!(
                    text,
                    "  events      the kernel announces limits of {shares} shares"
                )
            }
            Watching::Polling { reason } => writeln!(text, "  events      polling only: {reason}"),
        };
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
    for channel in channels {
        let success = match channel.last_success {
            Some(at) => format!("last message {}", ago(at)),
            None => "no message yet".into(),
        };
        let _ = writeln!(text, "  {:<11} {success}", channel.channel);
        if channel.waiting > 0 {
            let _ = writeln!(
                text,
                "! {}: {} messages wait",
                channel.channel, channel.waiting
            );
        }
        if let Some(failure) = channel
            .last_failure
            .as_ref()
            .filter(|_| channel.failures > 0)
        {
            let _ = writeln!(text, "  → {}: {}", ago(failure.at), failure.message);
        }
        if channel.dropped > 0 {
            let _ = writeln!(
                text,
                "! {}: {} messages were dropped",
                channel.channel, channel.dropped
            );
        }
        for given_up in &channel.given_up {
            let _ = writeln!(
                text,
                "! {}: gave up {:?} after {} attempts: {}",
                channel.channel, given_up.subject, given_up.attempts, given_up.reason
            );
        }
    }
    text
}
