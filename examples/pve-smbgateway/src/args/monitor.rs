//! `monitor`: shares watched.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Monitor {
    /// Watch the shares, remember their usage, and tell people in time.
    ///
    /// Runs until it is ended; systemd's unit `smbgw-monitor.service` does that. What is watched how
    /// often and who is told is set in /etc/smbgw/monitor.toml.
    #[command(after_help = SETTINGS)]
    Run {
        /// Look once, tell what is to be told, and end: for a timer, or to try the settings.
        #[arg(long)]
        once: bool,
    },
    /// Show whether the monitor runs, what it does, and which messages could not be delivered.
    ///
    /// Ends with status 1 where it does not run.
    Status,
}

const SETTINGS: &str = "\
Settings (/etc/smbgw/monitor.toml), all of them optional:
  [monitor]
  interval_seconds = 60            # how often usage is looked at

  [history]
  raw_days = 7                     # every sample; then one value an hour, then one a day
  hourly_days = 90
  daily_days = 1827

  [cluster]                        # of a node of a cluster
  interval_seconds = 60            # how often it is looked at

  [alerts]                         # see docs/monitoring.md
  [alerts.share.media]             # what is different for one share
  [mail]                           # who is told, and how: mail, command, webhook, journal, event";
