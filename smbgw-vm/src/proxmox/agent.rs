//! The guest agent, by `qm guest`.
//!
//! A machine on which commands are to run and files are to be written is a
//! [`RemoteHost`](smbgw_core::host::RemoteHost) behind the agent; here is what comes before that.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use smbgw_core::host::Command;
use smbgw_core::host::remote::guest::{LARGEST_INPUT, Reply};
use smbgw_core::secret::Secret;

use super::Proxmox;
use super::call::unexpected;
use super::error::ProxmoxError;
use crate::vmid::Vmid;

/// How a program ended that the agent ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Its exit status; -1 where a signal ended it.
    pub status: i32,
    /// What it wrote to its standard output.
    pub output: String,
    /// What it wrote to its standard error.
    pub errors: String,
}

/// A network interface as a guest sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GuestInterface {
    /// Its name in the guest.
    pub name: String,
    /// Its address on the link, as the guest tells it.
    pub mac: Option<String>,
    /// Its addresses, those of the host itself and of the link left out.
    pub addresses: Vec<IpAddr>,
}

impl Proxmox<'_> {
    /// Asks the agent of a guest whether it is there.
    ///
    /// # Errors
    /// [`ProxmoxError::AgentSilent`] where it does not answer, [`ProxmoxError::NoAgent`] and
    /// [`ProxmoxError::NotRunning`] where it cannot.
    pub fn ping_agent(&self, vmid: Vmid) -> Result<(), ProxmoxError> {
        let command = Command::new("qm").args(["guest", "cmd", &vmid.to_string(), "ping"]);
        self.qm(vmid, command).map(drop)
    }

    /// The network interfaces of a guest that others can reach it by.
    ///
    /// # Errors
    /// As [`ping_agent`](Self::ping_agent) has them.
    pub fn interfaces(&self, vmid: Vmid) -> Result<Vec<GuestInterface>, ProxmoxError> {
        let number = vmid.to_string();
        let command = Command::new("qm").args(["guest", "cmd", &number, "network-get-interfaces"]);
        let output = self.qm(vmid, command.clone())?;
        read_interfaces(&output.stdout).ok_or_else(|| unexpected(&command, &output.text()))
    }

    /// Has the agent run a program with `input` on its standard input, and waits for its end for so many seconds.
    /// The input is never shown.
    ///
    /// # Errors
    /// As [`ping_agent`](Self::ping_agent) has them; [`ProxmoxError::Unexpected`] where the program had not ended,
    /// wrote more than the agent keeps, or more than 1 MiB of input was given.
    pub fn execute(
        &self,
        vmid: Vmid,
        words: &[&str],
        input: Option<Secret>,
        within_seconds: u32,
    ) -> Result<Executed, ProxmoxError> {
        let mut command = Command::new("qm").args(["guest", "exec", &vmid.to_string()]);
        let seconds = within_seconds.max(1).to_string();
        command = command.args(["--timeout", &seconds]);
        if let Some(input) = input {
            if input.expose().len() > LARGEST_INPUT {
                return Err(unexpected(&command, "more input than the agent takes"));
            }
            command = command.args(["--pass-stdin", "1"]).stdin_secret(input);
        }
        let command = command.arg("--").args(words.iter().copied());
        let output = self.qm(vmid, command.clone())?;
        match Reply::read(&output.stdout) {
            Ok(Reply::Ended {
                status,
                output,
                errors,
            }) => Ok(Executed {
                status,
                output,
                errors,
            }),
            Ok(Reply::Running) => Err(unexpected(&command, "it had not ended in time")),
            Ok(Reply::Truncated) => Err(unexpected(&command, "more than the agent keeps")),
            Err(what) => Err(unexpected(&command, &what)),
        }
    }
}

/// Reads the list of interfaces, with those that nobody else can reach left out.
pub(crate) fn read_interfaces(printed: &[u8]) -> Option<Vec<GuestInterface>> {
    let value: Value = serde_json::from_slice(printed).ok()?;
    let interface = |entry: &Value| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let addresses = entry.get("ip-addresses").and_then(Value::as_array);
        let address = |entry: &Value| entry.get("ip-address")?.as_str()?.parse().ok();
        let addresses = addresses.into_iter().flatten().filter_map(address);
        Some(GuestInterface {
            name: text("name")?.to_owned(),
            mac: text("hardware-address").map(str::to_owned),
            addresses: addresses.filter(is_reachable).collect(),
        })
    };
    let is_other = |interface: &GuestInterface| interface.name != "lo";
    let all = value.as_array()?.iter().filter_map(interface);
    Some(all.filter(is_other).collect())
}

/// Whether others can reach the address: it is none of the host itself, and not one of its link alone.
fn is_reachable(address: &IpAddr) -> bool {
    let of_link = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !of_link && !address.is_loopback() && !address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_read_as_qm_prints_them() {
        let printed = br#"[
   {
      "hardware-address" : "00:00:00:00:00:00",
      "ip-addresses" : [
         { "ip-address" : "127.0.0.1", "ip-address-type" : "ipv4", "prefix" : 8 },
         { "ip-address" : "::1", "ip-address-type" : "ipv6", "prefix" : 128 }
      ],
      "name" : "lo"
   },
   {
      "hardware-address" : "bc:24:11:2e:c1:12",
      "ip-addresses" : [
         { "ip-address" : "192.0.2.10", "ip-address-type" : "ipv4", "prefix" : 24 },
         { "ip-address" : "169.254.3.4", "ip-address-type" : "ipv4", "prefix" : 16 },
         { "ip-address" : "2001:db8::5", "ip-address-type" : "ipv6", "prefix" : 64 },
         { "ip-address" : "fe80::be24:11ff:fe2e:c112", "ip-address-type" : "ipv6", "prefix" : 64 }
      ],
      "name" : "eth0"
   },
   { "hardware-address" : "bc:24:11:2e:c1:13", "name" : "eth1" }
]"#;
        let interfaces = read_interfaces(printed).unwrap();
        assert_eq!(interfaces.len(), 2);
        let texts: Vec<String> = interfaces[0]
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(texts, ["192.0.2.10", "2001:db8::5"]);
        assert_eq!(interfaces[0].mac.as_deref(), Some("bc:24:11:2e:c1:12"));
        assert_eq!(
            (interfaces[1].name.as_str(), interfaces[1].addresses.len()),
            ("eth1", 0)
        );
    }

    #[test]
    fn what_is_no_list_is_none() {
        assert_eq!(read_interfaces(b"[]"), Some(Vec::new()));
        for bad in [
            b"".as_slice(),
            b"{}",
            b"QEMU guest agent is not running",
            b"[[[",
        ] {
            assert_eq!(read_interfaces(bad), None);
        }
    }
}
