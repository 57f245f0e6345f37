//! Machines of the lab as an operation reaches nodes.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{NamespaceHost, Reach};
use smbgw_ctdb::node::{Member, NodeSpec};
use smbgw_testing::LightHost;

/// A time in which anything is done, on a busy machine, too.
pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(180))
}

/// A machine that is reached.
pub(crate) struct Reached {
    pub(crate) host: NamespaceHost,
    pub(crate) spec: NodeSpec,
}

impl Reached {
    pub(crate) fn new(machine: &LightHost) -> Self {
        Self {
            host: NamespaceHost::of_process(machine.name(), machine.pid()).unwrap(),
            spec: NodeSpec {
                name: machine.name().parse().unwrap(),
                address: machine.addresses()[0],
                reach: Reach::Process(machine.pid()),
            },
        }
    }

    pub(crate) fn member(&self) -> Member<'_> {
        Member {
            spec: &self.spec,
            host: &self.host,
        }
    }
}

/// All of them as nodes.
pub(crate) fn members(reached: &[Reached]) -> Vec<Member<'_>> {
    reached.iter().map(Reached::member).collect()
}
