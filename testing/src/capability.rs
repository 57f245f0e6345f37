//! What this machine and its kernel can do, found out by really trying.
//!
//! A test that needs something says so in its first line:
//!
//! ```no_run
//! use smbgw_testing::{Capability, require};
//!
//! // #[test]
//! fn xfs_refuses_the_write() {
//!     require!(Capability::XfsPquota);
//!     // ...
//! }
//! ```
//!
//! Where that is missing, the test returns at once and the line
//! `SKIPPED xfs_refuses_the_write: xfs-pquota missing: ...` goes to standard error, past the capture
//! of the test runner, and to the file named by `SMBGW_SKIP_LOG`, so that a skip is never silent.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::inside::{FAKETIME, is_inside};
use crate::scratch::mounted_at;
use crate::{
    DebianPackages, Filesystem, Scratch, cluster, domain, libvirt, mail_server, run, shout, sys,
    systemd_container,
};

/// Something a test may need from the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capability {
    /// To be root.
    Root,
    /// Mounting ext4 with enforced project quotas.
    Ext4Prjquota,
    /// Mounting XFS with enforced project quotas.
    XfsPquota,
    /// Mounting btrfs and enabling its quotas.
    Btrfs,
    /// Making a ZFS pool.
    Zfs,
    /// A Samba file server and client.
    Samba,
    /// A Debian with systemd in a container.
    SystemdContainer,
    /// `openssl`, which makes certificates.
    Openssl,
    /// The mail server exim.
    Exim,
    /// A clock that may be set: that of a guest, which is thrown away.
    OwnClock,
    /// `valgrind`, which sees memory that is lost or misused.
    Valgrind,
    /// A compiler for C++.
    Cxx,
    /// `pkg-config`.
    PkgConfig,
    /// An Active Directory domain controller on a network of its own.
    DomainController,
    /// Samba's part that makes a host a member of a domain.
    Winbind,
    /// `adcli`, which joins domains by itself.
    Adcli,
    /// The programs of MIT Kerberos.
    KerberosTools,
    /// The library that lies to a program about the time of day.
    Faketime,
    /// A CTDB cluster of light hosts.
    Ctdb,
    /// OpenSSH's server and client.
    Sshd,
    /// QEMU, and what makes disks for its guests.
    Qemu,
    /// cloud-init's programs, which are not installed.
    CloudInit,
    /// The agent of QEMU's guests, which is not installed.
    QemuGuestAgent,
    /// What looks into images of CDs.
    Isoinfo,
    /// Mounting images of CDs.
    Isofs,
    /// libvirt with QEMU, in a host of its own.
    Libvirt,
}

impl Capability {
    /// Every capability there is.
    pub const ALL: [Capability; 26] = [
        Capability::Root,
        Capability::Ext4Prjquota,
        Capability::XfsPquota,
        Capability::Btrfs,
        Capability::Zfs,
        Capability::Samba,
        Capability::SystemdContainer,
        Capability::Openssl,
        Capability::Exim,
        Capability::OwnClock,
        Capability::Valgrind,
        Capability::Cxx,
        Capability::PkgConfig,
        Capability::DomainController,
        Capability::Winbind,
        Capability::Adcli,
        Capability::KerberosTools,
        Capability::Faketime,
        Capability::Ctdb,
        Capability::Sshd,
        Capability::Qemu,
        Capability::CloudInit,
        Capability::QemuGuestAgent,
        Capability::Isoinfo,
        Capability::Isofs,
        Capability::Libvirt,
    ];

    /// The short name used in messages and in `SMBGW_NEED`.
    pub fn name(self) -> &'static str {
        match self {
            Capability::Root => "root",
            Capability::Ext4Prjquota => "ext4-prjquota",
            Capability::XfsPquota => "xfs-pquota",
            Capability::Btrfs => "btrfs",
            Capability::Zfs => "zfs",
            Capability::Samba => "samba",
            Capability::SystemdContainer => "systemd-container",
            Capability::Openssl => "openssl",
            Capability::Exim => "exim",
            Capability::OwnClock => "own-clock",
            Capability::Valgrind => "valgrind",
            Capability::Cxx => "c++",
            Capability::PkgConfig => "pkg-config",
            Capability::DomainController => "domain-controller",
            Capability::Winbind => "winbind",
            Capability::Adcli => "adcli",
            Capability::KerberosTools => "krb5-user",
            Capability::Faketime => "faketime",
            Capability::Ctdb => "ctdb",
            Capability::Sshd => "sshd",
            Capability::Libvirt => "libvirt",
            Capability::CloudInit => "cloud-init",
            Capability::QemuGuestAgent => "qemu-guest-agent",
            Capability::Isoinfo => "isoinfo",
            Capability::Isofs => "isofs",
            Capability::Qemu => "qemu",
        }
    }

    fn cell(self) -> &'static OnceLock<Result<(), String>> {
        static CELLS: [OnceLock<Result<(), String>>; Capability::ALL.len()] =
            [const { OnceLock::new() }; Capability::ALL.len()];
        &CELLS[self as usize]
    }

    /// Tries it, the first time it is asked for in this process; `Err` says why it is missing.
    pub fn available(self) -> Result<(), &'static str> {
        self.cell()
            .get_or_init(|| self.attempt())
            .as_ref()
            .copied()
            .map_err(String::as_str)
    }

    fn needs_root(self) -> bool {
        let free = [
            Capability::Valgrind,
            Capability::Cxx,
            Capability::PkgConfig,
            Capability::Adcli,
            Capability::KerberosTools,
            Capability::Faketime,
            Capability::Qemu,
            Capability::CloudInit,
            Capability::QemuGuestAgent,
            Capability::Isoinfo,
        ];
        !free.contains(&self)
    }

    fn attempt(self) -> Result<(), String> {
        if self.needs_root() && !sys::is_root() {
            return Err("not root".into());
        }
        match self {
            Capability::Valgrind => tools(&["valgrind"]),
            Capability::Cxx => tools(&["g++"]),
            Capability::PkgConfig => tools(&["pkg-config"]),
            Capability::Adcli => tools(&["adcli"]),
            Capability::KerberosTools => tools(&["kinit", "klist", "kvno", "ktutil"]),
            Capability::Winbind => winbind(),
            Capability::Faketime => faketime(),
            Capability::DomainController => tools(&[
                "samba",
                "samba-tool",
                "ldbadd",
                "ldapsearch",
                "kinit",
                "host",
            ])
            .and_then(|()| domain::available().map_err(|error| error.to_string())),
            // The script that puts addresses on interfaces asks ethtool about them.
            Capability::Ctdb => tools(&["ctdbd", "ctdb", "ethtool"])
                .and_then(|()| cluster::available().map_err(|error| error.to_string())),
            Capability::CloudInit => unpacked(DebianPackages::CLOUD_INIT),
            Capability::QemuGuestAgent => unpacked(DebianPackages::QEMU_GUEST_AGENT),
            Capability::Isoinfo => unpacked(DebianPackages::ISOINFO),
            Capability::Isofs => isofs(),
            Capability::Sshd => tools(&["sshd", "ssh", "ssh-keygen"]),
            Capability::Libvirt => tools(&["libvirtd", "virsh", "qemu-system-x86_64", "qemu-img"])
                .and_then(|()| libvirt::available().map_err(|error| error.to_string())),
            Capability::Qemu => tools(&[
                "qemu-system-x86_64",
                "qemu-img",
                "debugfs",
                "busybox",
                "mmdebstrap",
            ])
            .and_then(|()| tools(&["sfdisk", "mkfs.vfat", "mcopy", "grub-mkimage"])),
            Capability::Root => Ok(()),
            Capability::Ext4Prjquota => mounts(Filesystem::Ext4Enforced, "prjquota"),
            Capability::XfsPquota => mounts(Filesystem::XfsEnforced, "prjquota"),
            Capability::Btrfs => mounts(Filesystem::BtrfsQuota, ""),
            Capability::Zfs => {
                // Without the module the tools wait for it for ten seconds.
                if !Path::new("/sys/module/zfs").exists() {
                    return Err("the kernel module zfs is not loaded".into());
                }
                mounts(Filesystem::Zfs, "")
            }
            Capability::Samba => tools(&["smbd", "smbclient", "testparm"]),
            Capability::Openssl => tools(&["openssl"]),
            Capability::OwnClock => match std::env::var_os("SMBGW_IN_GUEST") {
                Some(_) => Ok(()),
                None => Err("the clock is that of the machine".into()),
            },
            Capability::Exim => mail_server::available().map_err(|error| error.to_string()),
            Capability::SystemdContainer => tools(&["systemd-nspawn"]).and_then(|()| {
                systemd_container::root()
                    .map(drop)
                    .map_err(|e| e.to_string())
            }),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Makes and mounts a small filesystem, and looks whether the kernel took the option `wanted`.
fn mounts(filesystem: Filesystem, wanted: &str) -> Result<(), String> {
    let scratch =
        Scratch::new(filesystem, filesystem.minimum()).map_err(|error| error.to_string())?;
    let (_, options) = mounted_at(scratch.path()).ok_or("not mounted after mount")?;
    if options.contains(wanted) {
        scratch.remove().map_err(|error| error.to_string())
    } else {
        Err(format!("mounted without {wanted}: {options}"))
    }
}

fn isofs() -> Result<(), String> {
    // It may be built in, or be there already.
    let _ = run(Command::new("modprobe").arg("isofs"));
    let known = std::fs::read_to_string("/proc/filesystems").map_err(|error| error.to_string())?;
    if known.contains("iso9660") {
        Ok(())
    } else {
        Err("the kernel has no iso9660".into())
    }
}

fn unpacked(packages: DebianPackages) -> Result<(), String> {
    packages.root().map(drop).map_err(|error| error.to_string())
}

fn winbind() -> Result<(), String> {
    tools(&["winbindd", "wbinfo", "net"])?;
    let module = Path::new("/usr/lib/x86_64-linux-gnu/libnss_winbind.so.2");
    if !module.exists() {
        return Err(format!("{} is missing", module.display()));
    }
    Ok(())
}

/// Has a program tell the time, an hour ahead.
fn faketime() -> Result<(), String> {
    let mut date = Command::new("date");
    date.arg("+%s")
        .env("LD_PRELOAD", FAKETIME)
        .env("FAKETIME", "+3600");
    let ahead = run(&mut date).map_err(|error| error.to_string())?;
    let now = run(Command::new("date").arg("+%s")).map_err(|error| error.to_string())?;
    match (ahead.trim().parse::<i64>(), now.trim().parse::<i64>()) {
        (Ok(ahead), Ok(now)) if (ahead - now - 3600).abs() < 600 => Ok(()),
        _ => Err(format!(
            "with {FAKETIME}, an hour ahead of {now} is {ahead}"
        )),
    }
}

fn tools(names: &[&str]) -> Result<(), String> {
    for name in names {
        run(Command::new("sh").args(["-c", "command -v \"$0\"", name]))
            .map_err(|_| format!("{name} is not installed"))?;
    }
    Ok(())
}

/// Everything this machine can and cannot do.
#[derive(Clone, Debug)]
pub struct Capabilities {
    found: Vec<(Capability, Result<(), &'static str>)>,
}

impl Capabilities {
    /// Tries every capability (some seconds the first time; answers are kept for the process).
    pub fn probe() -> Capabilities {
        Capabilities {
            found: Capability::ALL
                .into_iter()
                .map(|capability| (capability, capability.available()))
                .collect(),
        }
    }

    /// Whether the machine has it.
    pub fn has(&self, capability: Capability) -> bool {
        self.missing(capability).is_none()
    }

    /// Why the machine does not have it, or nothing if it has.
    pub fn missing(&self, capability: Capability) -> Option<&'static str> {
        self.found
            .iter()
            .find(|(found, _)| *found == capability)
            .and_then(|(_, answer)| answer.err())
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (capability, answer) in &self.found {
            match answer {
                Ok(()) => writeln!(formatter, "{capability}: yes")?,
                Err(why) => writeln!(formatter, "{capability}: no: {why}")?,
            }
        }
        Ok(())
    }
}

/// Leaves the calling test, with a loud line and a count, unless the machine has every given
/// [`Capability`].
///
/// The environment variable `SMBGW_NEED` names capabilities, separated by blanks, that may not be
/// missing: a test that needs one of these fails instead of being skipped. That is how a tier which
/// promises a capability finds out that it lost it.
#[macro_export]
macro_rules! require {
    ($($capability:expr),+ $(,)?) => {
        $(
            if !$crate::capability::require($capability, {
                fn here() {}
                std::any::type_name_of_val(&here)
            }) {
                return;
            }
        )+
    };
}

/// What [`require!`] calls: whether `capability` is there; if not, says and counts the skip of
/// `test`, given as the path of a function inside it.
///
/// # Panics
/// When the capability is missing and `SMBGW_NEED` names it.
pub fn require(capability: Capability, test: &str) -> bool {
    if is_inside() {
        return true;
    }
    let Err(why) = capability.available() else {
        return true;
    };
    let test = test.strip_suffix("::here").unwrap_or(test);
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    let needed = std::env::var("SMBGW_NEED").unwrap_or_default();
    assert!(
        !needed
            .split_whitespace()
            .any(|name| name == capability.name()),
        "{test} needs {capability}, which this tier promises but is missing: {why}"
    );
    let line = format!("SKIPPED {test}: {capability} missing: {why}");
    shout(&line);
    if let Some(log) = std::env::var_os("SMBGW_SKIP_LOG") {
        let written = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .and_then(|mut log| writeln!(log, "{line}"));
        if let Err(error) = written {
            shout(&format!("smbgw-testing: SMBGW_SKIP_LOG: {error}"));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_has_its_own_name_and_cell() {
        for (index, capability) in Capability::ALL.into_iter().enumerate() {
            assert_eq!(capability as usize, index);
            let same = |other: &&Capability| other.name() == capability.name();
            assert_eq!(Capability::ALL.iter().filter(same).count(), 1);
        }
    }
}
