//! Everything of a host that a membership can change, in a form that can be compared.

use std::fs;
use std::path::Path;

use smbgw_testing::{Domain, LightHost, Picture, run};

/// Folders whose whole content is compared.
const TREES: [&str; 2] = ["/etc", OURS];

/// Where journals and state are.
const OURS: &str = "/var/lib/smbgw";

/// Where Samba has its secrets.
const SECRETS: &str = "/var/lib/samba/private";

/// The host now.
pub(crate) fn take_picture(host: &LightHost) -> Picture {
    let mut picture = Picture::default();
    for tree in TREES {
        picture.add_tree(host, Path::new(tree));
    }
    // An empty directory of ours is nothing.
    picture.forget_empty(host, OURS);
    add_secrets(host, &mut picture);
    picture
}

/// Which records of the domain Samba has, and which databases there are of ours.
fn add_secrets(host: &LightHost, picture: &mut Picture) {
    for entry in fs::read_dir(host.path(SECRETS)).into_iter().flatten() {
        let name = entry.unwrap().file_name();
        let name = name.to_string_lossy();
        if name.contains("smbgw") {
            picture.note(format!("{SECRETS}/{name}"), "there");
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
            picture.note(format!("record {line}"), value);
        }
    }
}
