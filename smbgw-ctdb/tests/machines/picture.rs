//! Everything of a machine that a cluster can change, in a form that can be compared.

use std::path::Path;

use smbgw_testing::{LightHost, Picture, run};

/// Folders whose whole content is compared.
const TREES: [&str; 3] = ["/etc", OURS, "/var/lib/ctdb"];

/// Where journals and state are.
const OURS: &str = "/var/lib/smbgw";

/// Daemons that run or do not.
const DAEMONS: [&str; 3] = ["ctdbd", "smbd", "winbindd"];

/// The machine now.
pub(crate) fn take_picture(host: &LightHost) -> Picture {
    let mut picture = Picture::default();
    for tree in TREES {
        picture.add_tree(host, Path::new(tree));
    }
    // An empty directory of ours is nothing.
    picture.forget_empty(host, OURS);
    for daemon in DAEMONS {
        let found = run(host.command("pgrep").args(["--exact", daemon])).is_ok();
        picture.note(format!("daemon {daemon}"), found.to_string());
    }
    let addresses = run(host
        .command("ip")
        .args(["-oneline", "-4", "address", "show", "eth0"]));
    let own: Vec<String> = addresses
        .unwrap()
        .lines()
        .filter_map(|line| line.split_whitespace().nth(3).map(str::to_owned))
        .collect();
    picture.note("addresses", own.join(" "));
    picture
}
