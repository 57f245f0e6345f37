//! The test lab of this workspace: real systems a test can throw away.
//!
//! ```no_run
//! use smbgw_testing::{Capability, Filesystem, LightHost, MIB, Scratch, require, run};
//!
//! // In a test: leave, saying so aloud, where the kernel cannot do this.
//! require!(Capability::Ext4Prjquota);
//!
//! // A filesystem with project quotas that are enforced, and a host of its own.
//! let disk = Scratch::new(Filesystem::Ext4Enforced, 64 * MIB).unwrap();
//! let host = LightHost::start().unwrap();
//! host.bind(disk.path(), "/srv/data").unwrap();
//! host.write("/etc/samba/smb.conf", "[data]\npath = /srv/data\n").unwrap();
//!
//! // A real smbd, on port 445 of a loopback nobody else sees.
//! let smbd = host.start_smbd().unwrap();
//! run(host.command("smbclient").args(["-N", "-L", "//127.0.0.1"])).unwrap();
//!
//! // Everything is gone when the values are dropped, also after a panic.
//! ```
//!
//! What is where:
//!
//! * [`light_host`]: a "host" made of namespaces over this machine's own root, up in 0.1 s;
//! * [`network`]: a switch for several of them, with addresses, and cables to pull;
//! * [`domain`]: a real Active Directory domain on it;
//! * [`cluster`]: a real CTDB cluster on it, with clustered smbd and virtual addresses;
//! * [`guest_machine`]: virtual machines under QEMU, over the disk of a template;
//! * [`scratch`]: filesystems on image files, with quotas on, half on or off;
//! * [`capability`]: what this kernel can do, found out by trying, and [`require!`];
//! * [`unprivileged`]: code and commands that quota limits bind;
//! * [`daemon`]: a helper process that ends with its value, and [`wait_until`];
//! * [`picture`]: what a machine is like, to be compared;
//! * [`proxmox`]: a node of Proxmox VE, as far as its commands go;
//! * [`overlay`]: programs of a test in the place of the system's;
//! * [`mail_server`]: a real mail server, and [`certificates`] for it;
//! * [`libvirt`]: a real libvirt with virtual machines of its own;
//! * [`ssh_server`]: a real sshd with keys of its own;
//! * [`systemd_container`]: a Debian with a real systemd and D-Bus;
//! * [`debian_packages`]: files of packages that are not installed;
//! * [`documentation`]: tables of the manual that are made from the code;
//! * [`process`]: [`run`], which turns a failed command into a readable error.
//!
//! Nearly everything here needs root. `KEEP=1` in the environment leaves what a test made for
//! inspection and prints where it is.

mod cache;
pub mod capability;
pub mod certificates;
pub mod cluster;
pub mod daemon;
pub mod debian_packages;
pub mod documentation;
pub mod domain;
pub mod error;
pub mod guest_machine;
pub mod inside;
pub mod libvirt;
pub mod light_host;
pub mod mail_server;
pub mod network;
pub mod overlay;
pub mod picture;
mod prefix;
pub mod process;
pub mod proxmox;
pub mod scratch;
pub mod ssh_server;
mod sys;
pub mod systemd_container;
pub mod unprivileged;

pub use capability::{Capabilities, Capability};
pub use certificates::Authority;
pub use cluster::Cluster;
pub use daemon::{Daemon, wait_until};
pub use debian_packages::DebianPackages;
pub use domain::{Domain, DomainController};
pub use error::{Error, Result};
pub use guest_machine::{FastBoot, GuestMachine, GuestSetup, Start};
pub use inside::Inside;
pub use libvirt::Libvirt;
pub use light_host::LightHost;
pub use mail_server::MailServer;
pub use network::Network;
pub use picture::Picture;
pub use process::run;
pub use proxmox::{ProxmoxNode, PveFault};
pub use scratch::{Filesystem, Scratch};
pub use ssh_server::SshServer;
pub use systemd_container::SystemdContainer;

/// One mebibyte, in bytes.
pub const MIB: u64 = 1024 * 1024;

/// Whether the environment asks to leave what tests made (`KEEP=1`).
pub fn keep() -> bool {
    std::env::var_os("KEEP").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Writes a line to the real standard error, past the capture of the test runner.
pub(crate) fn shout(line: &str) {
    use std::io::Write;
    // A closed standard error is no reason to fail a test.
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
