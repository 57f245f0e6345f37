//! Whether the system on a disk is one that machines can be made of.

use super::contents::Contents;
use super::{TemplateCheck, Verdict};
use crate::code::Code;
use crate::template::error::TemplateError;
use crate::template::manifest::PackageManifest;
use crate::template::record::Template;

/// The least that is free for what a guest writes before it has grown its file system, in bytes.
const LEAST_FREE: u64 = 256 << 20;

/// Drivers without which a guest has no disk or no network.
const DRIVERS: [&str; 3] = ["virtio_pci", "virtio_blk", "virtio_net"];

pub(super) fn checks(
    contents: &Contents<'_>,
    template: &Template,
) -> Result<Vec<TemplateCheck>, TemplateError> {
    let status = contents.text("/var/lib/dpkg/status")?;
    let packages = PackageManifest::from_dpkg_status(&status);
    Ok(vec![
        manifest(&packages, template),
        cloud_init(contents, &packages)?,
        samba(contents, &packages)?,
        guest_agent(contents, &packages)?,
        drivers(contents)?,
        identity(contents)?,
        free_space(contents)?,
    ])
}

fn bad(check: &str, code: Code, message: impl Into<String>) -> TemplateCheck {
    TemplateCheck::found(check, Verdict::Bad, code, message)
}

fn manifest(packages: &PackageManifest, template: &Template) -> TemplateCheck {
    let name = "packages";
    if packages.packages().is_empty() {
        return bad(
            name,
            Code::TemplateNotDebian,
            "no packages are installed on the disk",
        );
    }
    let sum = crate::template::build::sha256_of(packages.to_text().as_bytes());
    match &template.record.manifest_sha256 {
        Some(known) if *known != sum => bad(
            name,
            Code::TemplateChanged,
            "the packages on the disk are not those in the list",
        ),
        _ => TemplateCheck::good(
            name,
            format!("{} packages are installed", packages.packages().len()),
        ),
    }
}

fn cloud_init(
    contents: &Contents<'_>,
    packages: &PackageManifest,
) -> Result<TemplateCheck, TemplateError> {
    let name = "cloud-init";
    let Some(package) = packages.package("cloud-init") else {
        return Ok(bad(
            name,
            Code::TemplateLacks,
            "cloud-init is not installed",
        ));
    };
    // Later files win, in the order of their names.
    let folder = "/etc/cloud/cloud.cfg.d";
    let mut files = contents.list(folder)?;
    files.retain(|file| file.ends_with(".cfg"));
    files.sort();
    let mut sources = None;
    let paths = files.iter().map(|file| format!("{folder}/{file}"));
    for path in std::iter::once("/etc/cloud/cloud.cfg".to_owned()).chain(paths) {
        sources = datasources(&contents.text(&path)?).or(sources);
    }
    Ok(match sources {
        Some(sources) if !sources.iter().any(|source| source == "NoCloud") => bad(
            name,
            Code::TemplateNoCloud,
            format!("cloud-init asks {} and not NoCloud", sources.join(", ")),
        ),
        _ => TemplateCheck::good(
            name,
            format!("cloud-init {} takes NoCloud", package.version),
        ),
    })
}

/// The list `datasource_list` of a file in YAML: in one line, or an item a line.
fn datasources(text: &str) -> Option<Vec<String>> {
    let mut lines = text
        .lines()
        .skip_while(|line| !line.starts_with("datasource_list:"));
    let rest = lines.next()?.split_once(':')?.1.trim();
    let clean = |word: &str| {
        word.trim_matches(|c: char| " \t'\"[]".contains(c))
            .to_owned()
    };
    if rest.starts_with('[') {
        return Some(rest.split(',').map(clean).collect());
    }
    let items = lines.map_while(|line| line.trim().strip_prefix("- "));
    Some(items.map(clean).collect())
}

fn samba(
    contents: &Contents<'_>,
    packages: &PackageManifest,
) -> Result<TemplateCheck, TemplateError> {
    let name = "samba";
    let Some(package) = packages.package("samba") else {
        return Ok(bad(name, Code::TemplateLacks, "samba is not installed"));
    };
    let started = contents.list("/etc/systemd/system/multi-user.target.wants")?;
    Ok(if started.iter().any(|unit| unit == "smbd.service") {
        TemplateCheck::good(
            name,
            format!("samba {} starts with the machine", package.version),
        )
    } else {
        bad(
            name,
            Code::TemplateLacks,
            "smbd does not start with the machine",
        )
    })
}

/// The agent is started by udev where the machine has its port, so that it need not be enabled.
fn guest_agent(
    contents: &Contents<'_>,
    packages: &PackageManifest,
) -> Result<TemplateCheck, TemplateError> {
    let name = "guest-agent";
    let Some(package) = packages.package("qemu-guest-agent") else {
        return Ok(bad(
            name,
            Code::TemplateLacks,
            "qemu-guest-agent is not installed",
        ));
    };
    let masked = contents.list("/etc/systemd/system")?;
    Ok(
        if masked.iter().any(|unit| unit == "qemu-guest-agent.service") {
            let message = "the service of qemu-guest-agent is replaced or masked";
            TemplateCheck::found(name, Verdict::Warning, Code::TemplateLacks, message)
        } else {
            TemplateCheck::good(
                name,
                format!("qemu-guest-agent {} is installed", package.version),
            )
        },
    )
}

fn drivers(contents: &Contents<'_>) -> Result<TemplateCheck, TemplateError> {
    let name = "drivers";
    let kernels = contents.list("/usr/lib/modules")?;
    if kernels.is_empty() {
        return Ok(bad(name, Code::TemplateLacks, "no kernel is installed"));
    }
    for kernel in &kernels {
        let folder = format!("/usr/lib/modules/{kernel}");
        let mut known = contents.text(&format!("{folder}/modules.dep"))?;
        known.push_str(&contents.text(&format!("{folder}/modules.builtin"))?);
        let has = |driver: &&str| known.contains(&format!("/{driver}.ko"));
        if let Some(missing) = DRIVERS.iter().find(|driver| !has(driver)) {
            let message = format!("the kernel {kernel} has no driver {missing}");
            return Ok(bad(name, Code::TemplateLacks, message));
        }
    }
    let message = format!(
        "the kernel {} has the drivers of virtio",
        kernels.join(", ")
    );
    Ok(TemplateCheck::good(name, message))
}

fn identity(contents: &Contents<'_>) -> Result<TemplateCheck, TemplateError> {
    let name = "identity";
    let machine = contents.text("/etc/machine-id")?;
    if !matches!(machine.trim(), "" | "uninitialized") {
        let message = "the disk has the machine-id of one machine";
        return Ok(bad(name, Code::TemplateIdentity, message));
    }
    let keys = contents.list("/etc/ssh")?;
    if let Some(key) = keys.iter().find(|file| file.starts_with("ssh_host_")) {
        let message = format!("the disk has a host key, `/etc/ssh/{key}`");
        return Ok(bad(name, Code::TemplateIdentity, message));
    }
    let message = "no machine-id and no host key is on the disk";
    Ok(TemplateCheck::good(name, message))
}

fn free_space(contents: &Contents<'_>) -> Result<TemplateCheck, TemplateError> {
    let name = "free-space";
    Ok(match contents.free_bytes()? {
        None => TemplateCheck {
            verdict: Verdict::Unknown,
            ..TemplateCheck::good(name, "the file system does not say what is free")
        },
        Some(free) => {
            let message = format!("{} MiB are free on the disk", free >> 20);
            if free < LEAST_FREE {
                TemplateCheck::found(name, Verdict::Warning, Code::TemplateFull, message)
            } else {
                TemplateCheck::good(name, message)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_list_are_read() {
        let one = datasources("# x\ndatasource_list: [ NoCloud, 'None' ]\nusers: []\n");
        assert_eq!(one, Some(vec!["NoCloud".into(), "None".into()]));
        let lines = datasources("datasource_list:\n  - Ec2\n  - \"NoCloud\"\nother: 1\n");
        assert_eq!(lines, Some(vec!["Ec2".into(), "NoCloud".into()]));
        assert_eq!(datasources("users: []\n"), None);
        assert_eq!(datasources(" datasource_list: [ a ]\n"), None);
    }
}
