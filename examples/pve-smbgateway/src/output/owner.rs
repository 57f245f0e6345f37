//! Users and groups with their limits.

use comfy_table::{Cell, CellAlignment};
use smbgw_core::ports::Limits;
use smbgw_core::size::ByteSize;
use smbgw_quota::owner::{OwnerChange, OwnerReport, OwnerUsage, Standing};

use super::{Output, table};
use crate::exit::Exit;
use crate::moment;

impl Output {
    /// What came of setting limits.
    pub(crate) fn owner_set(&self, set: &OwnerChange) -> Exit {
        if self.json {
            self.document(set);
            return Exit::Done;
        }
        match (set.change.happened(), &set.owner) {
            (false, _) => self.text("It was so already.\n"),
            (true, Some(owner)) => self.text(&format!(
                "The limits of {} are set: {}.\n",
                name(owner),
                in_words(&owner.limits)
            )),
            (true, None) => self.text("It is set.\n"),
        }
        Exit::Done
    }

    /// Usage and limits of users or groups.
    pub(crate) fn owners(&self, report: &OwnerReport) -> Exit {
        let OwnerReport { scope, owners } = report;
        if self.json {
            self.document(report);
            return Exit::Done;
        }
        let mut text = format!(
            "Quotas of {}s on {} ({}, mounted at {}){}\n",
            scope.kind,
            scope.source,
            scope.filesystem,
            scope.mount_point.display(),
            match scope.enforced {
                true => "",
                false => ": counted, but NOT enforced",
            }
        );
        let mut shown = table(&[
            "NAME", "ID", "USED", "SOFT", "HARD", "FILES", "SOFT", "HARD", "STATE",
        ]);
        for owner in owners {
            let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
            let size = |bytes: Option<u64>| {
                right(bytes.map_or("-".into(), |bytes| ByteSize::from_bytes(bytes).to_string()))
            };
            let count = |count: Option<u64>| right(count.map_or("-".into(), |n| n.to_string()));
            let Limits {
                bytes,
                soft_bytes,
                inodes,
                soft_inodes,
            } = owner.limits;
            shown.add_row(vec![
                Cell::new(owner.name.as_deref().unwrap_or("-")),
                right(owner.id.to_string()),
                size(Some(owner.bytes)),
                size(soft_bytes),
                size(bytes),
                count(owner.inodes),
                count(soft_inodes),
                count(inodes),
                Cell::new(standing(owner.standing())),
            ]);
        }
        if owners.is_empty() {
            text.push_str("Nobody has files or limits there.\n");
        } else {
            text.push_str(&format!("{shown}\n"));
        }
        self.text(&text);
        Exit::Done
    }
}

fn name(owner: &OwnerUsage) -> String {
    match &owner.name {
        Some(name) => format!("{name} ({})", owner.id),
        None => owner.id.to_string(),
    }
}

fn in_words(limits: &Limits) -> String {
    let size = |bytes: u64| ByteSize::from_bytes(bytes).to_string();
    let parts = [
        limits.bytes.map(|bytes| format!("at most {}", size(bytes))),
        limits
            .soft_bytes
            .map(|bytes| format!("{} soft", size(bytes))),
        limits.inodes.map(|count| format!("at most {count} files")),
        limits
            .soft_inodes
            .map(|count| format!("{count} files soft")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        true => "no limits".into(),
        false => parts.join(", "),
    }
}

fn standing(standing: Standing) -> String {
    match standing {
        Standing::Within => "ok".into(),
        Standing::Grace { ends: None } => "above the soft limit".into(),
        Standing::Grace { ends: Some(ends) } => {
            format!("above the soft limit until {}", shown(ends))
        }
        Standing::GraceOver { since } => format!("grace time over since {}", shown(since)),
        Standing::Full => "full".into(),
    }
}

fn shown(seconds: u64) -> String {
    moment::shown(i64::try_from(seconds).unwrap_or(i64::MAX))
}
