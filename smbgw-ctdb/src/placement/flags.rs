//! The state of a node as ctdb writes it: a word of flags (`NODE_FLAGS_…` of its protocol).

use std::ops::BitOr;

use serde::{Deserialize, Serialize};

/// What ctdb says of a node. No flag at all is a node that is healthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct NodeFlags(u32);

impl NodeFlags {
    /// Nothing is wrong.
    pub const HEALTHY: Self = Self(0);
    /// The others do not hear it.
    pub const DISCONNECTED: Self = Self(0x01);
    /// One of its event scripts fails.
    pub const UNHEALTHY: Self = Self(0x02);
    /// An administrator disabled it (`ctdb disable`).
    pub const DISABLED: Self = Self(0x04);
    /// It is banned.
    pub const BANNED: Self = Self(0x08);
    /// Its line in the `nodes` file is commented out.
    pub const DELETED: Self = Self(0x10);
    /// An administrator stopped it (`ctdb stop`).
    pub const STOPPED: Self = Self(0x20);

    const INACTIVE: Self =
        Self(Self::DISCONNECTED.0 | Self::BANNED.0 | Self::DELETED.0 | Self::STOPPED.0);
    const NOT_SERVING: Self = Self(Self::UNHEALTHY.0 | Self::DISABLED.0);

    /// The flags of ctdb's word.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// ctdb's word.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether any of `flags` is set.
    pub const fn any(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    /// Whether the others hear the node. One that they do not hear is not asked for its addresses.
    pub const fn is_connected(self) -> bool {
        !self.any(Self::DISCONNECTED)
    }

    /// Whether the node takes part in the cluster. One that does not gets no address.
    pub const fn is_active(self) -> bool {
        !self.any(Self::INACTIVE)
    }

    /// Whether the node is disabled or unhealthy, for which ctdb has one rule.
    pub const fn is_disabled(self) -> bool {
        self.any(Self::NOT_SERVING)
    }

    /// Whether the node is active and serves.
    pub const fn is_healthy(self) -> bool {
        self.is_active() && !self.is_disabled()
    }
}

impl BitOr for NodeFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_healthy_active_or_neither() {
        assert!(NodeFlags::HEALTHY.is_healthy());
        for flags in [NodeFlags::UNHEALTHY, NodeFlags::DISABLED] {
            assert!(flags.is_active() && flags.is_disabled() && !flags.is_healthy());
        }
        let inactive = [
            NodeFlags::DISCONNECTED,
            NodeFlags::BANNED,
            NodeFlags::DELETED,
            NodeFlags::STOPPED,
        ];
        for flags in inactive {
            assert!(!flags.is_active() && !flags.is_disabled() && !flags.is_healthy());
        }
        assert!(NodeFlags::BANNED.is_connected() && !NodeFlags::DISCONNECTED.is_connected());
        let both = NodeFlags::BANNED | NodeFlags::UNHEALTHY;
        assert_eq!(both.bits(), 0x0a);
        assert_eq!(NodeFlags::from_bits(0x0a), both);
    }
}
