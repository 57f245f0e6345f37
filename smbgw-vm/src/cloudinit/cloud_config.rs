//! What is to be done in a guest: the document `#cloud-config`.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Argv, DataDisk, GuestName, User, WriteFile, text};

/// The settings of a guest, as cloud-init's modules read them.
///
/// Nothing is installed or updated when it boots: the template has what is needed. Nobody logs in with
/// a password, and the user that the distribution makes is not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudConfig {
    /// What the guest calls itself.
    pub name: Option<GuestName>,
    /// Users, beside those of the template.
    pub users: Vec<User>,
    /// Files.
    pub write_files: Vec<WriteFile>,
    /// Disks for data.
    pub data_disks: Vec<DataDisk>,
    /// Commands of every boot, early: before disks are mounted. A failure holds up nothing.
    pub bootcmd: Vec<Argv>,
    /// Commands of the first boot, late: when all else was done. After one that fails none is run.
    pub runcmd: Vec<Argv>,
}

impl CloudConfig {
    /// The settings of a guest of this name.
    pub fn new(name: GuestName) -> Self {
        Self {
            name: Some(name),
            ..Self::nothing()
        }
    }

    /// No name, users, files, disks or commands: what vendor-data begins with.
    pub fn nothing() -> Self {
        Self {
            name: None,
            users: Vec::new(),
            write_files: Vec::new(),
            data_disks: Vec::new(),
            bootcmd: Vec::new(),
            runcmd: Vec::new(),
        }
    }

    /// The document, with the line that says what it is.
    pub fn render(&self) -> String {
        format!("{HEADER}\n{}", text::yaml(self))
    }
}

impl Serialize for CloudConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(name) = &self.name {
            map.serialize_entry("hostname", name.host())?;
            if name.domain().is_some() {
                map.serialize_entry("fqdn", name)?;
            }
            map.serialize_entry("preserve_hostname", &false)?;
            map.serialize_entry("manage_etc_hosts", "localhost")?;
            self.base(&mut map)?;
        }
        if !self.write_files.is_empty() {
            map.serialize_entry("write_files", &self.write_files)?;
        }
        if !self.data_disks.is_empty() {
            let setups: Vec<_> = self.data_disks.iter().map(DataDisk::fs_setup).collect();
            let mounts: Vec<_> = self.data_disks.iter().map(DataDisk::mount).collect();
            map.serialize_entry("fs_setup", &setups)?;
            map.serialize_entry("mounts", &mounts)?;
        }
        if !self.bootcmd.is_empty() {
            map.serialize_entry("bootcmd", &self.bootcmd)?;
        }
        if !self.runcmd.is_empty() {
            map.serialize_entry("runcmd", &RunCmd(&self.runcmd))?;
        }
        map.end()
    }
}

impl CloudConfig {
    /// What every gateway has.
    fn base<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("package_update", &false)?;
        map.serialize_entry("package_upgrade", &false)?;
        map.serialize_entry("ssh_pwauth", &false)?;
        // Without a list of users, the distribution's own is made; an empty one breaks older schemas.
        let root = User::root(Vec::new());
        let has_root = self.users.iter().any(User::is_root);
        let users: Vec<&User> = (!has_root)
            .then_some(&root)
            .into_iter()
            .chain(&self.users)
            .collect();
        let has_keys = |user: &&User| user.is_root() && !user.ssh_authorized_keys.is_empty();
        map.serialize_entry(
            "disable_root",
            &!self.users.iter().any(|user| has_keys(&user)),
        )?;
        map.serialize_entry("users", &users)?;
        // A data disk has no partition, and its filesystem grows when its share does.
        map.serialize_entry("growpart", &Growpart::ROOT)?;
        map.serialize_entry("resize_rootfs", &true)
    }
}

/// What cloud-init knows the document by.
pub(super) const HEADER: &str = "#cloud-config";

#[derive(Serialize)]
struct Growpart {
    mode: &'static str,
    devices: &'static [&'static str],
}

impl Growpart {
    const ROOT: Self = Self {
        mode: "auto",
        devices: &["/"],
    };
}

/// cloud-init makes one script of all commands, each quoted; a text is a line of it as it is.
struct RunCmd<'a>(&'a [Argv]);

impl Serialize for RunCmd<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Entry<'a> {
            Line(&'static str),
            Command(&'a Argv),
        }
        let first = Entry::Line("set -e");
        serializer.collect_seq(std::iter::once(first).chain(self.0.iter().map(Entry::Command)))
    }
}
