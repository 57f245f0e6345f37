//! Whether security updates are out for what is on a template.
//!
//! The lists of packages are those that apt of this machine has, so that nothing is fetched for it.

use std::path::Path;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, Host};

use super::{TemplateCheck, Verdict, distro_of};
use crate::code::Code;
use crate::template::error::TemplateError;
use crate::template::manifest::PackageManifest;
use crate::template::record::Template;

/// Where apt keeps what it fetched (apt-get(8)).
const LISTS: &str = "/var/lib/apt/lists";

/// How many packages are named.
const NAMED: usize = 5;

pub(super) fn check(
    host: &dyn Host,
    template: &Template,
    deadline: Deadline,
) -> Result<TemplateCheck, TemplateError> {
    let name = "security-updates";
    let unknown = |message: &str| TemplateCheck {
        verdict: Verdict::Unknown,
        ..TemplateCheck::good(name, message)
    };
    let manifest = host.read(&template.manifest())?;
    let manifest: Option<PackageManifest> =
        manifest.and_then(|content| serde_json::from_slice(&content).ok());
    let (Some(distro), Some(manifest)) = (distro_of(template), manifest) else {
        return Ok(unknown("there is no list of the packages on the disk"));
    };
    let suffix = format!(
        "_dists_{}_main_binary-amd64_Packages",
        distro.security_suite()
    );
    let lists = host.read_files(Path::new(LISTS), &suffix)?;
    if lists.is_empty() {
        return Ok(unknown(
            "apt of this machine has no list of the release's updates",
        ));
    }
    let mut pending = Vec::new();
    for (_, list) in &lists {
        for (package, version) in offered(&String::from_utf8_lossy(list)) {
            let Some(has) = manifest.package(package) else {
                continue;
            };
            if has.version != version && is_newer(host, version, &has.version, deadline)? {
                pending.push(package.to_owned());
            }
        }
    }
    pending.sort();
    pending.dedup();
    Ok(if pending.is_empty() {
        TemplateCheck::good(
            name,
            "no security updates are pending, as far as apt's lists go",
        )
    } else {
        let named: Vec<&str> = pending.iter().take(NAMED).map(String::as_str).collect();
        let message = format!(
            "{} security updates are pending: {}{}",
            pending.len(),
            named.join(", "),
            if pending.len() > NAMED { ", …" } else { "" }
        );
        TemplateCheck::found(name, Verdict::Warning, Code::TemplateUpdates, message)
    })
}

/// The packages of a list with their versions (deb-control(5)).
fn offered(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.split("\n\n").filter_map(|paragraph| {
        let field = |name: &str| {
            let mut lines = paragraph.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        Some((field("Package")?, field("Version")?))
    })
}

fn is_newer(
    host: &dyn Host,
    one: &str,
    other: &str,
    deadline: Deadline,
) -> Result<bool, TemplateError> {
    let command = Command::new("dpkg")
        .args(["--compare-versions", one, "gt", other])
        .accept(&[1]);
    Ok(host.run(&command, deadline)?.status == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read() {
        let list = "Package: a\nSource: b\nVersion: 1:2-3\n\nPackage: c\nVersion: 4\nSHA256: 0\n";
        let found: Vec<(&str, &str)> = offered(list).collect();
        assert_eq!(found, [("a", "1:2-3"), ("c", "4")]);
    }
}
