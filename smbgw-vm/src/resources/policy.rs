//! How much of a node may be promised to guests.

use serde::{Deserialize, Serialize};
use smbgw_core::size::ByteSize;

/// What a guest is counted with where memory is added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CountedMemory {
    /// All its memory, as if none could be taken away again.
    #[default]
    Maximum,
    /// What ballooning leaves it with where the node is short of memory. Until it is taken away, a guest may use
    /// all it has.
    Minimum,
}

/// How much of a node may be promised to guests. Other guests are counted with all their memory while they run.
///
/// By default memory is promised once: all guests that run, and 1 GiB for the node itself, fit into it together.
/// Processors are promised four times, as a file server waits most of the time. A disk on a storage that gives room
/// when it is written has all its room at the beginning, and a guest linked to its template 1 GiB for what differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How much of the node's memory may be promised, in percent.
    pub memory_percent: u32,
    /// The memory that is the node's own, in bytes.
    pub reserved_memory_bytes: ByteSize,
    /// What the new guest is counted with.
    pub counted_memory: CountedMemory,
    /// How many processors of running guests there may be for those of the node, in percent.
    pub processors_percent: u32,
    /// How much of a disk has to be free where room is given when it is written, in percent of its size.
    pub thin_disk_percent: u32,
    /// What has to be free for what differs from a template, in bytes.
    pub linked_room_bytes: ByteSize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            memory_percent: 100,
            reserved_memory_bytes: ByteSize::from_mib(1024),
            counted_memory: CountedMemory::Maximum,
            processors_percent: 400,
            thin_disk_percent: 100,
            linked_room_bytes: ByteSize::from_mib(1024),
        }
    }
}

impl Policy {
    /// How much of so much memory may be promised to guests.
    pub fn usable_memory(&self, total: ByteSize) -> ByteSize {
        let all = part(total.bytes(), self.memory_percent);
        ByteSize::from_bytes(all.saturating_sub(self.reserved_memory_bytes.bytes()))
    }
}

impl Policy {
    /// What has to be free for a disk of this size where room is given when it is written.
    pub fn thin_disk(&self, size: ByteSize) -> ByteSize {
        ByteSize::from_bytes(part(size.bytes(), self.thin_disk_percent))
    }
}

/// `percent` of `amount`; as much as can be said where that is too much to count.
pub(super) fn part(amount: u64, percent: u32) -> u64 {
    let part = u128::from(amount) * u128::from(percent) / 100;
    u64::try_from(part).unwrap_or(u64::MAX)
}
