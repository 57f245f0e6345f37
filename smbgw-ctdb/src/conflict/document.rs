//! What a machine that was asked by a command prints.

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, Host};

use super::local::all_unknown;
use super::{Pace, Probed, local};
use crate::address::VirtualAddress;

/// The program that is run there.
const PROGRAM: &str = "pve-smbgateway";

/// What `pve-smbgateway ha-probe … --json` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProbeDocument {
    /// The form of this document: 1.
    pub version: u32,
    /// One entry for each address, in the order in which they were given.
    pub probes: Vec<Probed>,
}

impl ProbeDocument {
    /// The form that this program writes and reads.
    pub const VERSION: u32 = 1;
}

/// Asks for addresses on this machine's own network; what `ha-probe` does and prints.
pub fn answer(addresses: &[VirtualAddress], pace: Pace, deadline: Deadline) -> ProbeDocument {
    ProbeDocument {
        version: ProbeDocument::VERSION,
        probes: local::probe(addresses, pace, deadline),
    }
}

/// Has the program on `host` ask. Where it cannot, nothing is known of the addresses.
pub(super) fn by_program(
    host: &dyn Host,
    addresses: &[VirtualAddress],
    pace: Pace,
    deadline: Deadline,
) -> Vec<Probed> {
    let command = Command::new(PROGRAM)
        .arg("ha-probe")
        .args(addresses.iter().map(ToString::to_string))
        .args(["--pace", pace.as_str(), "--json"])
        .timeout(deadline.remaining());
    let read = match host.run(&command, deadline) {
        Ok(output) => read(&output.stdout, addresses),
        Err(error) => Err(smbgw_core::error::chain_text(&error)),
    };
    read.unwrap_or_else(|why| all_unknown(addresses, &why))
}

/// Takes a document only if it tells of the addresses that were asked for.
fn read(document: &[u8], addresses: &[VirtualAddress]) -> Result<Vec<Probed>, String> {
    let document: ProbeDocument = serde_json::from_slice(document)
        .map_err(|error| format!("{PROGRAM} there printed what cannot be read: {error}"))?;
    let asked = addresses.iter().map(VirtualAddress::address);
    let told = document.probes.iter().map(|probed| probed.address);
    if document.version != ProbeDocument::VERSION || !asked.eq(told) {
        return Err(format!("{PROGRAM} there is of another version"));
    }
    Ok(document.probes)
}

#[cfg(test)]
mod tests {
    use super::super::{Mac, Sighting, Sign, Verdict};
    use super::*;

    #[test]
    fn a_document_is_of_the_addresses_that_were_asked_for() {
        let addresses = ["10.0.0.100/24%eth0", "fd00::7/64"].map(|text| text.parse().unwrap());
        let text = r#"{"version": 1, "probes": [
            {"address": "10.0.0.100", "interface": "eth0", "here": false,
             "verdict": {"is": "held", "by": [{"mac": "02:00:00:00:00:01", "sign": "speaks"}]}},
            {"address": "fd00::7", "interface": null, "here": true, "verdict": {"is": "free"}}]}"#;
        let probes = read(text.as_bytes(), &addresses).unwrap();
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        let by = vec![Sighting {
            mac,
            sign: Sign::Speaks,
        }];
        assert_eq!(probes[0].verdict, Verdict::Held { by });
        assert!(probes[1].here && probes[1].verdict == Verdict::Free);
        let again = ProbeDocument { version: 1, probes };
        let again = serde_json::to_vec(&again).unwrap();
        assert!(read(&again, &addresses).is_ok());

        for wrong in [
            text.replace("\"version\": 1", "\"version\": 2"),
            text.replace("10.0.0.100", "10.0.0.101"),
            text.replace("fd00::7", "fd00::8"),
            text.replace("02:00", "2:00"),
            text.replace("\"is\": \"free\"", "\"is\": \"fine\""),
            String::new(),
        ] {
            assert!(read(wrong.as_bytes(), &addresses).is_err(), "{wrong}");
        }
        assert!(read(text.as_bytes(), &addresses[..1]).is_err());
    }
}
