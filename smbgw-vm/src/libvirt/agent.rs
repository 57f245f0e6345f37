//! Talks to the guest agent of a machine, and asks what addresses a machine has.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use smbgw_core::mac::Mac;

use super::call::About;
use super::{LibvirtError, Name, Virsh};
use crate::guest_interface::is_reachable;

/// Who knows the addresses of a machine (virsh(1), `domifaddr --source`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AddressSource {
    /// libvirt, of what it leased on its own networks.
    Lease,
    /// The guest agent.
    Agent,
    /// The neighbour table of the machine of libvirt.
    Arp,
}

/// An address of a network adapter of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AdapterAddress {
    /// The adapter.
    pub mac: Mac,
    /// The address.
    pub address: IpAddr,
    /// How many bits of it are those of its network.
    pub prefix: u8,
}

impl Virsh<'_> {
    /// Sends a request to the guest agent, such as `{"execute": "guest-ping"}`, and returns what is under `return`
    /// (QEMU's documentation: guest agent protocol reference).
    ///
    /// Other processes of the machine of libvirt see the request: for one with a secret there is
    /// [`agent_with_secret`](Self::agent_with_secret).
    ///
    /// # Errors
    /// [`LibvirtError::AgentSilent`] where nobody answers within `patience`, [`LibvirtError::NotRunning`],
    /// [`LibvirtError::AgentRefused`] with what the agent says.
    pub fn agent(
        &self,
        name: &Name,
        request: &Value,
        patience: Duration,
    ) -> Result<Value, LibvirtError> {
        let patience = patience.min(self.deadline.remaining()).as_secs().max(1);
        let timeout = format!("--timeout={patience}");
        let words = ["qemu-agent-command", "--domain", name.as_str(), &timeout];
        let request = request.to_string();
        let said = self
            .ask(
                About::domain(name.as_str()),
                words.into_iter().chain([request.as_str()]),
            )
            .map_err(|error| refused(error, name))?;
        let answer: Option<Value> = serde_json::from_str(&said).ok();
        let answer = answer.and_then(|mut answer| answer.get_mut("return").map(Value::take));
        answer.ok_or_else(|| self.unexpected("qemu-agent-command", &said))
    }

    /// The addresses of a machine that runs, loopback and link-local ones left out.
    ///
    /// # Errors
    /// Where it does not run, or who should know does not answer.
    pub fn addresses(
        &self,
        name: &Name,
        source: AddressSource,
    ) -> Result<Vec<AdapterAddress>, LibvirtError> {
        let source = match source {
            AddressSource::Lease => "--source=lease",
            AddressSource::Agent => "--source=agent",
            AddressSource::Arp => "--source=arp",
        };
        let said = self.of(name, "domifaddr", &[source, "--full"])?;
        Ok(said.lines().filter_map(address).collect())
    }
}

/// Reads ` vnet0  52:54:00:12:34:56  ipv4  10.77.0.17/24`.
fn address(line: &str) -> Option<AdapterAddress> {
    // The name may have blanks; nothing behind it has.
    let mut words = line.split_whitespace().rev();
    let (address, _, mac) = (words.next()?, words.next()?, words.next()?);
    let (address, prefix) = address.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    is_reachable(&address).then_some(AdapterAddress {
        mac: mac.parse().ok()?,
        address,
        prefix: prefix.parse().ok()?,
    })
}

/// A failure that is an answer of the agent's.
fn refused(error: LibvirtError, name: &Name) -> LibvirtError {
    let LibvirtError::Command(command) = &error else {
        return error;
    };
    let said = command.stderr().split_once("QEMU agent command");
    match said {
        Some((_, said)) => LibvirtError::AgentRefused {
            name: name.to_string(),
            said: said.trim().chars().take(400).collect(),
        },
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_others_can_reach_are_read() {
        let line = " vnet0      52:54:00:12:34:56    ipv4         10.77.0.17/24";
        let found = address(line).unwrap();
        assert_eq!(
            (found.address.to_string().as_str(), found.prefix),
            ("10.77.0.17", 24)
        );
        assert_eq!(found.mac.to_string(), "52:54:00:12:34:56");
        assert!(address(" Ethernet 2  52:54:00:12:34:56  ipv6  fd00::1/64").is_some());
        for other in [
            " lo         00:00:00:00:00:00    ipv4         127.0.0.1/8",
            " eth0       52:54:00:12:34:56    ipv6         fe80::1/64",
            " eth0       52:54:00:12:34:56    N/A          N/A",
            "",
        ] {
            assert_eq!(address(other), None, "{other}");
        }
    }
}
