//! Everything of a host that a membership can change, in a form that can be compared.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use smbgw_testing::{Domain, LightHost, run};

/// Folders whose whole content is compared.
const TREES: [&str; 2] = ["/etc", OURS];

/// Where journals and state are.
const OURS: &str = "/var/lib/smbgw";

/// Where Samba has its secrets.
const SECRETS: &str = "/var/lib/samba/private";

/// A host at one moment: what is compared, by a name that says what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture(BTreeMap<String, String>);

impl Picture {
    /// The host now.
    pub(crate) fn take(host: &LightHost) -> Self {
        let mut picture = BTreeMap::new();
        for tree in TREES {
            add_tree(host, Path::new(tree), &mut picture);
        }
        // An empty directory of ours is nothing.
        picture.retain(|path, _| path != OURS || !is_empty(host, path));
        add_secrets(host, &mut picture);
        Self(picture)
    }

    /// What is different in `other`, a line for each thing.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let keys = self.0.keys().chain(other.0.keys());
        let mut lines: Vec<String> = keys
            .filter(|key| self.0.get(*key) != other.0.get(*key))
            .map(|key| {
                let of = |picture: &Self| picture.0.get(key).cloned().unwrap_or("absent".into());
                format!("{key}:\n-{}\n+{}", of(self), of(other))
            })
            .collect();
        lines.sort();
        lines.dedup();
        lines
    }

    /// Fails unless the two are the same.
    #[track_caller]
    pub(crate) fn assert_same(&self, other: &Self, when: &str) {
        let differences = self.differences(other);
        assert!(
            differences.is_empty(),
            "{when}:\n{}",
            differences.join("\n")
        );
    }
}

fn add_tree(host: &LightHost, path: &Path, picture: &mut BTreeMap<String, String>) {
    let outside = host.path(path);
    let Ok(status) = fs::symlink_metadata(&outside) else {
        return;
    };
    let mut text = format!("{:o} {}:{}", status.mode(), status.uid(), status.gid());
    if status.is_file() {
        let content = fs::read(&outside).unwrap();
        text.push_str(&format!(" {:?}", String::from_utf8_lossy(&content)));
    } else if status.is_symlink() {
        text.push_str(&format!(
            " -> {}",
            fs::read_link(&outside).unwrap().display()
        ));
    }
    picture.insert(path.display().to_string(), text);
    if status.is_dir() {
        for entry in fs::read_dir(&outside).unwrap() {
            add_tree(host, &path.join(entry.unwrap().file_name()), picture);
        }
    }
}

fn is_empty(host: &LightHost, path: &str) -> bool {
    fs::read_dir(host.path(path)).is_ok_and(|mut entries| entries.next().is_none())
}

/// Which records of the domain Samba has, and which databases there are of ours.
fn add_secrets(host: &LightHost, picture: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(host.path(SECRETS)).into_iter().flatten() {
        let name = entry.unwrap().file_name();
        let name = name.to_string_lossy();
        if name.contains("smbgw") {
            picture.insert(format!("{SECRETS}/{name}"), "there".into());
        }
    }
    let database = format!("{SECRETS}/secrets.tdb");
    if !host.path(&database).exists() {
        return;
    }
    let dump = run(host.command("tdbdump").args([database.as_str()])).unwrap();
    let mut lines = dump.lines();
    while let Some(line) = lines.next() {
        let is_of_domain = [Domain::NETBIOS, Domain::REALM]
            .iter()
            .any(|name| line.contains(&format!("/{name}\"")));
        if line.starts_with("key") && is_of_domain {
            let value = lines.next().unwrap_or_default();
            picture.insert(format!("record {line}"), value.into());
        }
    }
}
