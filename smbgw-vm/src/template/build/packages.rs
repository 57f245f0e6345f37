//! The packages of a template, put together in a folder by `mmdebstrap` (mmdebstrap(1)).

use std::path::Path;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, Host};

use super::Run;
use crate::template::error::TemplateError;

/// What is on the disk of every template, with what these depend on.
pub const DEFAULT_PACKAGES: &[&str] = &[
    // What starts the machine, and what knows which one it is.
    "linux-image-cloud-amd64",
    "initramfs-tools",
    "zstd",
    "systemd-sysv",
    "systemd-resolved",
    "libpam-systemd",
    "dbus",
    "udev",
    "cloud-init",
    "qemu-guest-agent",
    // Its network and disks, growing among others.
    "netbase",
    "iproute2",
    "ca-certificates",
    "cloud-guest-utils",
    "fdisk",
    "e2fsprogs",
    "xfsprogs",
    "quota",
    // What it is there for.
    "samba",
    "samba-vfs-modules",
    "winbind",
    "libnss-winbind",
    "ctdb",
    "acl",
    "attr",
    "procps",
];

/// The archive of Debian, where a machine has no source of its own.
pub(super) const ARCHIVE: &str = "http://deb.debian.org/debian";
/// The archive of its security updates.
pub(super) const SECURITY: &str = "http://deb.debian.org/debian-security";

/// The archive that the machine's own apt sources use for the suite, or `usual`.
pub(super) fn mirror(
    host: &dyn Host,
    suite: &str,
    usual: &str,
    deadline: Deadline,
) -> Result<String, TemplateError> {
    let command = Command::new("apt-get")
        .args(["indextargets", "--format", "$(REPO_URI)"])
        .arg(format!("Codename: {suite}"));
    let said = host.run(&command, deadline)?.text();
    let found = said.lines().map(str::trim).find(|line| !line.is_empty());
    Ok(found.unwrap_or(usual).trim_end_matches('/').to_owned())
}

/// Puts the packages together at `root`.
pub(super) fn install(run: &Run<'_>, root: &Path) -> Result<(), TemplateError> {
    let names: Vec<&str> = DEFAULT_PACKAGES
        .iter()
        .copied()
        .chain(run.inputs.packages.iter().map(String::as_str))
        .collect();
    // Its mounts and all processes are in namespaces that end with it, so that none is left when it is killed.
    let command = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["--", "env"])
        .arg(format!("SOURCE_DATE_EPOCH={}", run.inputs.epoch))
        .args(["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase"])
        .args(["--format=directory", "--architectures=amd64"])
        .args([
            "--aptopt=Acquire::Retries \"3\"",
            "--aptopt=APT::Install-Recommends \"false\"",
            "--aptopt=Acquire::Languages \"none\"",
            "--dpkgopt=path-exclude=/usr/share/man/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        ])
        .arg(format!("--include={}", names.join(",")))
        .arg(run.request.distro.as_str())
        .arg(root)
        .arg("-")
        .stdin(sources(run).into_bytes());
    run.run(command).map(drop)
}

/// The sources of packages (sources.list(5)), which remain those of the guest.
fn sources(run: &Run<'_>) -> String {
    let (suite, security) = (
        run.request.distro.as_str(),
        run.request.distro.security_suite(),
    );
    let (mirror, updates) = (&run.inputs.mirror, &run.inputs.security_mirror);
    format!(
        "deb {mirror} {suite} main\ndeb {mirror} {suite}-updates main\ndeb {updates} {security} main\n"
    )
}
