//! `alert`: what is wrong now, and who is told.

use clap::{ArgGroup, Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Alert {
    /// Show the alerts that are raised, and what is silenced.
    List,
    /// Send a message by every channel, to see whether messages arrive.
    ///
    /// Ends with status 1 where one could not be sent, or no channel is set in
    /// /etc/smbgw/monitor.toml.
    Test {
        /// Only by this one: mail, command, webhook, journal or event.
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
    },
    /// Say that an alert is known: no reminders come until it becomes worse.
    ///
    /// An alert that ends and is raised again later is a new one.
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
        #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
        until: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// End silences before their time.
    Unsilence {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whose").args(["share", "all"]).required(true)))]
pub(crate) struct Which {
    /// The share whose alerts are meant.
    pub(crate) share: Option<String>,
    /// Every share, and the machine itself.
    #[arg(long)]
    pub(crate) all: bool,
    /// Only this kind: space, inodes, forecast, soft-limit, hard-limit, drift, unreadable,
    /// history, or one of those of clusters, such as cluster-node.
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
}
