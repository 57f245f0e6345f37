//! How it is known that cloud-init has done all of it.

use super::{Argv, CloudConfig, GuestPath, InstanceId, WriteFile};

/// A file with the id of the instance that is there when everything of its user-data was done.
///
/// That cloud-init says it is done proves nothing: it says so where it found no documents, and where a
/// command failed. So the id is written to a file of another name first, and gets its name by the last
/// command, which runs only where all before it succeeded. A file left by the instance that a disk was copied from has
/// another id in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentinel(InstanceId);

impl Sentinel {
    /// Where the file is, in the guest.
    pub const PATH: &str = "/var/lib/smbgw/instance-id";

    /// The file of this instance.
    pub fn new(instance: InstanceId) -> Self {
        Self(instance)
    }

    /// Whether `content` of the file says that this instance is ready.
    pub fn is_in(&self, content: &[u8]) -> bool {
        content
            .strip_suffix(b"\n")
            .is_some_and(|id| id == self.0.as_str().as_bytes())
    }

    /// The same settings with those that make the file.
    pub(super) fn added_to(&self, config: &CloudConfig) -> CloudConfig {
        let mut config = config.clone();
        let pending = format!("{}.pending", Self::PATH);
        let path: GuestPath = pending.parse().expect("it is a plain path");
        let file = WriteFile::new(path, format!("{}\n", self.0));
        config.write_files.push(file);
        config
            .runcmd
            .push(Argv::of(["mv", "-T", &pending, Self::PATH]));
        config
    }
}
