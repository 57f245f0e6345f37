//! What one share means for all others on the same server.

use crate::catalog::ShareRecord;
use crate::definition::wanted_globals;
use crate::share::ShareSpec;

/// What changes for the whole server, or cannot change for one share alone, when a share like
/// `spec` joins `records`: protocol version, guests and anonymous sessions are matters of the
/// server.
pub(super) fn notes(records: &[ShareRecord], spec: &ShareSpec) -> Vec<String> {
    if records.is_empty() {
        return Vec::new();
    }
    let others = records.iter().map(|record| &record.spec);
    let before = wanted_globals(others.clone());
    let after = wanted_globals(others.chain([spec]));
    let alone = wanted_globals([spec].into_iter());
    let mut notes = Vec::new();
    for (((key, before), (_, after)), (_, alone)) in before.into_iter().zip(after).zip(alone) {
        if before != after {
            notes.push(format!(
                "`{key}` changes from `{before}` to `{after}` for all shares of this server"
            ));
        } else if key == "server min protocol" && after != alone {
            notes.push(format!(
                "`{key}` stays `{after}` for this share too, because another share asks for it"
            ));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{Filesystem, Handle, Origin, Volume};
    use crate::share::ShareDraft;

    fn spec(name: &str, protocol: &str, guest: bool) -> ShareSpec {
        let users = if guest {
            vec![]
        } else {
            vec!["alice".to_string()]
        };
        ShareDraft {
            name: name.into(),
            quota: Some("1G".into()),
            users,
            guest,
            min_protocol: Some(protocol.into()),
            ..ShareDraft::default()
        }
        .check()
        .unwrap()
    }

    fn record(spec: ShareSpec) -> ShareRecord {
        let volume = Volume {
            path: spec.path.as_path().into(),
            filesystem: Filesystem::Btrfs,
            handle: Handle::Subvolume,
            origin: Origin::Created,
        };
        ShareRecord::new(spec, volume, 0)
    }

    #[test]
    fn a_share_that_changes_nothing_for_others_is_silent() {
        assert!(notes(&[], &spec("a", "2.1", true)).is_empty());
        assert!(notes(&[record(spec("a", "3.0", false))], &spec("b", "3.0", false)).is_empty());
    }

    #[test]
    fn weakening_the_server_is_said() {
        let others = [record(spec("a", "3.0", false))];
        let said = notes(&others, &spec("b", "2.1", true));
        assert!(said[0].contains("`server min protocol` changes from `SMB3_00` to `SMB2_10`"));
        assert!(
            said.iter().any(|note| note.contains("map to guest")),
            "{said:?}"
        );
    }

    #[test]
    fn a_stricter_share_is_told_that_others_decide() {
        let others = [record(spec("a", "2.1", false))];
        let said = notes(&others, &spec("b", "3.1.1", false));
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("stays `SMB2_10`"));
    }
}
