//! `alert`: what is wrong now, and who is told.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Alert {
    /// Show the alerts that are raised, and what is silenced.
    List,
    /// Send a message by every channel, to see whether messages arrive.
    Test {
        /// Only by this one: mail, command, webhook, journal or event.
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
    },
    /// Say that an alert is known: no reminders come until it becomes worse.
    Ack {
        #[command(flatten)]
        which: Which,
        /// What is done about it.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Tell nothing until a time; what is still wrong then is told then.
    Silence {
        #[command(flatten)]
        which: Which,
        /// Until when: 2026-01-31T12:00Z, or a span from now: 2h, 3d.
        #[arg(long, value_name = "TIME")]
        until: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// End silences.
    Unsilence {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The share, or `--all`.
    #[arg(required_unless_present = "all")]
    pub(crate) share: Option<String>,
    /// Every share, and the machine itself.
    #[arg(long, conflicts_with = "share")]
    pub(crate) all: bool,
    /// Only this kind: space, inodes, forecast, soft-limit, hard-limit, drift, unreadable or
    /// history.
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
}
