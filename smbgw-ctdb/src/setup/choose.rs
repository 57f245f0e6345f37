//! Addresses that a set-up takes from its pools.

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Problem;

use super::SetupRequest;
use crate::address::{Surroundings, VirtualAddress};
use crate::allocate::choice::{Choice, in_common};
use crate::cluster_error::ClusterError;
use crate::conflict::{ConflictError, Pace, check_free, interfaces};
use crate::node::Member;
use crate::on_each::on_each;

/// A request in which all addresses are known.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// The request.
    pub(crate) request: SetupRequest,
    /// Which addresses were taken, and which were passed over.
    pub(crate) notes: Vec<String>,
}

/// Takes the addresses that `request` leaves to the program from its pools: the lowest ones that nothing speaks
/// against, and that nobody has as all of `members` hear it. Nothing is asked where it leaves none.
///
/// # Errors
/// [`ClusterError::Refused`] where the pools have too few of them, and where the interfaces of a machine cannot be
/// read.
pub(crate) fn choose(
    request: &SetupRequest,
    members: &[Member<'_>],
    deadline: Deadline,
) -> Result<Chosen, ClusterError> {
    if request.automatic_addresses == 0 {
        let request = request.clone();
        let notes = Vec::new();
        return Ok(Chosen { request, notes });
    }
    let nodes = on_each(members, |_, member| interfaces(member.host, deadline));
    let nodes = nodes.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut surroundings = in_common(&nodes, &[], &request.dhcp_ranges);
    let private = request.nodes.iter().map(|node| node.address);
    surroundings.nodes.extend(private);
    let check =
        |addresses: &[VirtualAddress]| check_free(members, addresses, Pace::Thorough, deadline);
    chosen(request, &surroundings, &check)
}

fn chosen(
    request: &SetupRequest,
    surroundings: &Surroundings,
    check: &dyn Fn(&[VirtualAddress]) -> Vec<ConflictError>,
) -> Result<Chosen, ClusterError> {
    let mut choice = Choice {
        surroundings,
        check,
        notes: Vec::new(),
    };
    let given: Vec<_> = request
        .addresses
        .iter()
        .map(VirtualAddress::address)
        .collect();
    let taken = choice.of_pools(&request.pools, &given, request.automatic_addresses);
    let taken = taken
        .map_err(|error| ClusterError::Refused(vec![Problem::from_error("addresses", &error)]))?;
    let mut notes = choice.notes;
    notes.extend(
        taken
            .iter()
            .map(|address| format!("{address} was taken from the pools")),
    );
    let mut request = request.clone();
    request.automatic_addresses = 0;
    request.addresses.extend(taken);
    Ok(Chosen { request, notes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Interface;
    use crate::node::NodeSpec;

    fn request(automatic: usize) -> SetupRequest {
        let node = NodeSpec {
            name: "n1".parse().unwrap(),
            address: "10.0.0.1".parse().unwrap(),
            reach: "local".parse().unwrap(),
        };
        SetupRequest {
            addresses: vec!["10.0.0.101/24%eth0".parse().unwrap()],
            automatic_addresses: automatic,
            pools: vec!["10.0.0.100-10.0.0.105/24%eth0".parse().unwrap()],
            dhcp_ranges: vec!["10.0.0.102-10.0.0.102".parse().unwrap()],
            ..SetupRequest::new("FILES", vec![node], "/srv/shared")
        }
    }

    fn choose_among(request: &SetupRequest) -> Result<Chosen, ClusterError> {
        let surroundings = Surroundings {
            interfaces: vec![Interface {
                name: "eth0".parse().unwrap(),
                networks: vec!["10.0.0.0/24".parse().unwrap()],
            }],
            nodes: vec!["10.0.0.103".parse().unwrap()],
            dhcp: request.dhcp_ranges.clone(),
        };
        chosen(request, &surroundings, &|_| Vec::new())
    }

    #[test]
    fn addresses_that_are_left_to_the_program_come_after_those_that_are_given() {
        let chosen = choose_among(&request(2)).unwrap();
        let addresses = chosen.request.addresses.iter().map(ToString::to_string);
        assert_eq!(
            addresses.collect::<Vec<_>>(),
            [
                "10.0.0.101/24%eth0",
                "10.0.0.100/24%eth0",
                "10.0.0.104/24%eth0"
            ]
        );
        assert_eq!(chosen.request.automatic_addresses, 0);
        assert_eq!(chosen.notes.len(), 2, "{:?}", chosen.notes);
        assert_eq!(chosen.request.check(), []);
    }

    #[test]
    fn too_few_are_told() {
        let Err(ClusterError::Refused(problems)) = choose_among(&request(4)) else {
            panic!("there are three");
        };
        assert_eq!(problems[0].code, "ha.pool-exhausted");
        assert_eq!(problems[0].field, "addresses");
    }
}
