//! Where on a host the files of this project and of Samba are.

use std::path::PathBuf;

/// Samba's own configuration, the administrator's.
pub const SMB_CONF: &str = "/etc/samba/smb.conf";

/// The file with the definitions of all our shares, which one line in [`SMB_CONF`] includes.
pub const SHARES_CONF: &str = "/etc/samba/smbgw.conf";

/// What is wanted: one file a share.
pub const CATALOG_DIR: &str = "/etc/smbgw/shares";

/// What is under way: one file for each share that is being changed.
pub const JOURNAL_DIR: &str = "/var/lib/smbgw/journal";

/// How the shares are watched, and who is told: the administrator's.
pub const MONITOR_CONF: &str = "/etc/smbgw/monitor.toml";

/// Alerts that are raised, acknowledged and silenced.
pub const ALERTS: &str = "/var/lib/smbgw/alerts.json";

/// Messages that wait for their delivery.
pub const OUTBOX: &str = "/var/lib/smbgw/outbox.json";

/// Templates of messages that take the place of those built in: the administrator's.
pub const TEMPLATES_DIR: &str = "/etc/smbgw/templates";

/// Messages for the notification system of Proxmox VE, until they are taken.
pub const EVENTS_DIR: &str = "/var/lib/smbgw/events";

/// Usage over time.
pub const HISTORY: &str = "/var/lib/smbgw/history.db";

/// Shares in virtual machines of their own: one file for each that is there or being made.
pub const GUESTS_DIR: &str = "/var/lib/smbgw/guests";

/// The file in [`CATALOG_DIR`] for the share with the folded name `key`.
pub fn catalog_file(key: &str) -> PathBuf {
    PathBuf::from(CATALOG_DIR).join(format!("{key}.json"))
}

/// The file in [`JOURNAL_DIR`] for the share with the folded name `key`.
pub fn journal_file(key: &str) -> PathBuf {
    PathBuf::from(JOURNAL_DIR).join(format!("{key}.jsonl"))
}

/// The file in [`GUESTS_DIR`] for the share with the folded name `key`.
pub fn guest_file(key: &str) -> PathBuf {
    PathBuf::from(GUESTS_DIR).join(format!("{key}.json"))
}
