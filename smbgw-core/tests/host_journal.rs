//! Messages in the journal of a real systemd.
#![cfg(feature = "alert")]

mod alert;
mod inside;

use std::process::Command;
use std::time::Duration;

use alert::{channels, notice, soon};
use inside::in_container;
use smbgw_core::alert::channel::ChannelSettings;
use smbgw_core::alert::{Event, Facts, Messages, Notice};
use smbgw_core::host::LocalHost;
use smbgw_testing::{Capability, require, run, wait_until};

/// The entries of the journal that `field` picks, once there are `count`.
fn entries(field: &str, count: usize) -> Vec<serde_json::Value> {
    wait_until(Duration::from_secs(60), "entries of the journal", || {
        let text = run(Command::new("journalctl").args(["--output=json", "--all", field])).unwrap();
        let found: Vec<_> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        (found.len() >= count).then_some(found)
    })
    .unwrap()
}

#[test]
fn messages_are_found_by_their_fields() {
    require!(Capability::SystemdContainer);
    in_container("messages_are_found_by_their_fields", || {
        let (host, messages) = (LocalHost::new(), Messages::built_in());
        // Without any settings: the journal is there.
        let made = channels(&ChannelSettings::default(), &host, &messages);
        assert_eq!(made.len(), 1);
        assert_eq!(made[0].name(), "journal");
        let told = Notice {
            facts: Facts {
                remedy: Some("delete <something>,\nor raise the quota".into()),
                ..notice().facts
            },
            ..notice()
        };
        made[0].deliver(&told, soon()).unwrap();
        let over = Notice {
            event: Event::Cleared,
            ..told
        };
        made[0].deliver(&over, soon()).unwrap();

        let found = entries("SMBGW_SHARE=Médiathèque", 2);
        assert_eq!(found.len(), 2);
        for (name, value) in [
            (
                "MESSAGE",
                "[smbgw gw] warning: Médiathèque: 9G of 10G are used",
            ),
            ("PRIORITY", "4"),
            ("SYSLOG_IDENTIFIER", "smbgw"),
            ("SMBGW_ID", "0123456789abcdef0123456789abcdef"),
            ("SMBGW_KIND", "space"),
            ("SMBGW_EVENT", "raised"),
            ("SMBGW_SEVERITY", "warning"),
            ("SMBGW_REMEDY", "delete <something>,\nor raise the quota"),
            ("SMBGW_USED", "9663676416"),
            ("SMBGW_LIMIT", "10737418240"),
            ("SMBGW_PERCENT", "90"),
        ] {
            assert_eq!(found[0][name], value, "{name}");
        }
        assert_eq!(found[1]["SMBGW_EVENT"], "cleared");
        assert_eq!(found[1]["PRIORITY"], "6");
        let id = found[1]["MESSAGE_ID"].as_str().unwrap();
        assert_ne!(found[0]["MESSAGE_ID"], id);
        assert_eq!(entries(&format!("MESSAGE_ID={id}"), 1).len(), 1);
    });
}
