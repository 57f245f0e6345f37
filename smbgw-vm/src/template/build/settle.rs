//! What is taken out of a new system that belongs to one machine alone, and how its services are set up.

use std::path::Path;

use smbgw_core::host::Command;

use super::Run;
use crate::template::error::TemplateError;

/// Services that every guest runs.
const ENABLED: &[&str] = &["systemd-networkd", "systemd-resolved", "smbd"];

/// Services that a guest runs where it was told to.
const DISABLED: &[&str] = &["nmbd", "winbind", "samba-ad-dc", "ctdb"];

/// Services that no guest has a use for: they look for snapshots of LVM, which a template is not made with, and take
/// seconds of a first start.
const MASKED: &[&str] = &["e2scrub_reap.service", "e2scrub_all.timer"];

/// What cloud-init is told: where its documents come from, which keys a machine with sshd makes itself (those for RSA
/// take long and are not needed any more), and the modules that it runs. Left out are those for other clouds,
/// other distributions and programs that a template does not have. Documents can still ask for a locale.
const CLOUD_INIT: &str = "\
datasource_list: [ NoCloud, None ]
ssh_genkeytypes: [ ed25519, ecdsa ]
locale: false
cloud_init_modules: [ seed_random, bootcmd, write-files, growpart, resizefs, disk_setup, mounts, set_hostname, \
  update_hostname, update_etc_hosts, ca-certs, users-groups, ssh ]
cloud_config_modules: [ ssh-import-id, locale, set-passwords, apt-configure, ntp, timezone, runcmd ]
cloud_final_modules: [ package-update-upgrade-install, write-files-deferred, scripts-vendor, scripts-per-once, \
  scripts-per-boot, scripts-per-instance, scripts-user, phone-home, final-message, power-state-change ]
";

/// Folders that are emptied.
const EMPTIED: &[&str] = &[
    "tmp",
    "var/tmp",
    "run",
    "var/cache/apt",
    "var/cache/debconf",
    "var/lib/apt/lists",
    "var/lib/cloud",
    "root",
];

/// Files that are removed: secrets, names and times of one machine.
const REMOVED: &[&str] = &[
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/credential.secret",
    "var/lib/dpkg/status-old",
    "var/lib/dpkg/available-old",
    "var/lib/dpkg/diversions-old",
    "var/lib/dpkg/statoverride-old",
    "var/cache/ldconfig/aux-cache",
    "etc/passwd-",
    "etc/shadow-",
    "etc/group-",
    "etc/gshadow-",
    "etc/subuid-",
    "etc/subgid-",
    "etc/.pwd.lock",
];

pub(super) fn settle(run: &Run<'_>, root: &Path) -> Result<(), TemplateError> {
    let host = run.host;
    for (path, content) in [
        ("etc/cloud/cloud.cfg.d/90_smbgw.cfg", CLOUD_INIT.to_owned()),
        ("etc/machine-id", String::new()),
        ("etc/hostname", "localhost\n".into()),
        ("etc/fstab", fstab(run)),
    ] {
        host.write(&root.join(path), content.as_bytes(), 0o644)?;
    }
    for path in REMOVED {
        host.remove(&root.join(path))?;
    }
    for folder in EMPTIED {
        host.empty_dir(&root.join(folder), run.deadline)?;
    }
    let ssh = root.join("etc/ssh");
    for name in host.list(&ssh)? {
        if name.starts_with("ssh_host_") {
            host.remove(&ssh.join(name))?;
        }
    }
    // Folders of logs belong to their packages; what was logged does not.
    let logs = Command::new("find").arg(root.join("var/log"));
    run.run(logs.args(["-type", "f", "-delete"]))?;
    run.run(
        Command::new("ln")
            .args(["-sfn", "../run/systemd/resolve/stub-resolv.conf"])
            .arg(root.join("etc/resolv.conf")),
    )?;
    services(run, root, "enable", ENABLED)?;
    services(run, root, "disable", DISABLED)?;
    for unit in MASKED {
        run.run(
            Command::new("ln")
                .args(["-sfn", "/dev/null"])
                .arg(root.join("etc/systemd/system").join(unit)),
        )?;
    }
    no_newer(run, root)
}

/// Has the services start with the machine, or not. One that the release does not have is left out.
fn services(run: &Run<'_>, root: &Path, verb: &str, names: &[&str]) -> Result<(), TemplateError> {
    for name in names {
        let unit = format!("{name}.service");
        if run
            .host
            .status(&root.join("usr/lib/systemd/system").join(&unit))?
            .is_some()
        {
            let chroot = Command::new("chroot").arg(root);
            run.run(chroot.args(["systemctl", "--quiet", verb, &unit]))?;
        }
    }
    Ok(())
}

/// No file is newer than the time of the build, so that two builds have the same times.
fn no_newer(run: &Run<'_>, root: &Path) -> Result<(), TemplateError> {
    let time = format!("@{}", run.inputs.epoch);
    let find = Command::new("find").arg(root).args(["-xdev", "-newermt"]);
    let touch = ["-exec", "touch", "-h", "-c", "-d", &time, "{}", "+"];
    run.run(find.arg(&time).args(touch)).map(drop)
}

fn fstab(run: &Run<'_>) -> String {
    format!(
        "UUID={} / ext4 defaults,noatime 0 1\n",
        run.inputs.uuid("root")
    )
}
