//! Addresses for shares: taken from a pool, kept in the record of the cluster, and given back.
//!
//! More than half of the nodes have to be reached. So what one run wrote down is seen by the next one, whatever
//! nodes either reaches, and two runs at once meet at a lock of at least one node.

pub(crate) mod choice;
mod error;
mod kept;
mod serve;
mod wanted;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;

pub use error::AllocateError;
pub use serve::{reserve, withdraw};
pub use wanted::{AUTO, Wanted};

use crate::address::{AddressError, InterfaceName, Pool, Surroundings, VirtualAddress};
use crate::conflict::{Pace, check_free, interfaces};
use crate::node::Member;
use crate::on_each::on_each;
use crate::record::ClusterRecord;
use crate::recover::settle_earlier;
use crate::world::Cluster;
use choice::{Choice, in_common};
use kept::Kept;

/// An address that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Allocated {
    /// For whom.
    pub holder: String,
    /// The address.
    pub address: VirtualAddress,
    /// Whether it was kept before.
    pub change: Change,
    /// Whether the cluster serves under it.
    pub is_served: bool,
    /// Addresses that were passed over, with the reasons.
    pub notes: Vec<String>,
}

/// An address that is no longer kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Released {
    /// For whom it was kept.
    pub holder: String,
    /// The address, where there was one.
    pub address: Option<IpAddr>,
    /// Whether anything was kept.
    pub change: Change,
    /// Whether the cluster serves under it all the same.
    pub is_served: bool,
}

/// Keeps an address for `holder`, such as `share media`, and changes nothing about what the cluster serves; see
/// [`reserve`] for that. Whoever has one already has the same again.
///
/// An address that the cluster does not serve under so far is asked for on the link by all nodes that are
/// reached (see [`conflict`](crate::conflict)), and only taken where each of them could ask and heard nobody.
///
/// # Errors
/// Where there is no free address; where the address asked for is kept for somebody else or cannot be used;
/// where the holder has another one already; where too few nodes are reached, or a record cannot be written:
/// then nothing is kept.
pub fn allocate(
    cluster: &Cluster<'_>,
    holder: &str,
    wanted: &Wanted,
) -> Result<Allocated, AllocateError> {
    let _locks = cluster.lock("keeping an address")?;
    let notes = settle_earlier(cluster)?;
    let kept = Kept::load(cluster)?;
    let mut chosen = choose(cluster, &kept, holder, wanted, cluster.members)?;
    chosen.notes.splice(..0, notes);
    keep(cluster, kept, holder, chosen)
}

/// Gives back what is kept for `holder`. Whether the cluster serves under the address stays as it is; see [`withdraw`]
/// for that.
///
/// # Errors
/// Where too few nodes are reached, or a record cannot be written.
pub fn release(cluster: &Cluster<'_>, holder: &str) -> Result<Released, AllocateError> {
    let _locks = cluster.lock("giving an address back")?;
    settle_earlier(cluster)?;
    give_back(Kept::load(cluster)?, holder)
}

/// An address for somebody, and whether it is the one that was kept before.
struct Chosen {
    address: VirtualAddress,
    is_kept: bool,
    notes: Vec<String>,
}

/// The address that `holder` has, or else one to keep that `members` can all have.
fn choose(
    cluster: &Cluster<'_>,
    kept: &Kept<'_>,
    holder: &str,
    wanted: &Wanted,
    members: &[Member<'_>],
) -> Result<Chosen, AllocateError> {
    let surroundings = surroundings(cluster, kept.record(), members)?;
    if let Some(own) = kept.of(holder) {
        return match wanted {
            Wanted::Address(other) if other.address() != own => Err(AllocateError::HasAnother {
                holder: holder.to_owned(),
                address: own,
            }),
            _ => Ok(Chosen {
                address: whole(own, kept.record(), &surroundings)?,
                is_kept: true,
                notes: Vec::new(),
            }),
        };
    }
    let check = |addresses: &[VirtualAddress]| {
        check_free(members, addresses, Pace::Thorough, cluster.deadline)
    };
    let mut search = Search {
        record: kept.record(),
        choice: Choice {
            surroundings: &surroundings,
            check: &check,
            notes: Vec::new(),
        },
    };
    let address = search.find(wanted)?;
    Ok(Chosen {
        address,
        is_kept: false,
        notes: search.choice.notes,
    })
}

/// Has all nodes remember what was chosen.
fn keep(
    cluster: &Cluster<'_>,
    mut kept: Kept<'_>,
    holder: &str,
    chosen: Chosen,
) -> Result<Allocated, AllocateError> {
    let address = chosen.address.address();
    match chosen.is_kept {
        // A node that was away when it was written down has it from now on.
        true => kept.store()?,
        false => kept.add(address, holder, cluster.coordinator.now())?,
    }
    Ok(Allocated {
        holder: holder.to_owned(),
        change: match chosen.is_kept {
            true => Change::Unchanged,
            false => Change::Created,
        },
        is_served: kept.record().serving(address).is_some(),
        address: chosen.address,
        notes: chosen.notes,
    })
}

fn give_back(mut kept: Kept<'_>, holder: &str) -> Result<Released, AllocateError> {
    let address = kept.of(holder);
    if address.is_some() {
        kept.remove(holder)?;
    }
    Ok(Released {
        holder: holder.to_owned(),
        address,
        change: match address {
            Some(_) => Change::Updated,
            None => Change::Unchanged,
        },
        is_served: address.is_some_and(|address| kept.record().serving(address).is_some()),
    })
}

/// Looks for an address that can be kept.
struct Search<'a> {
    record: &'a ClusterRecord,
    choice: Choice<'a>,
}

impl Search<'_> {
    fn find(&mut self, wanted: &Wanted) -> Result<VirtualAddress, AllocateError> {
        let record = self.record;
        match wanted {
            Wanted::Address(address) => self.this(address),
            Wanted::Pool(pool) => self.of_pools(std::slice::from_ref(pool)),
            Wanted::Auto if record.pools.is_empty() => {
                let mut own = record.addresses.iter();
                let free = own.find(|address| self.holder(address.address()).is_none());
                free.cloned().ok_or(AllocateError::NoPool)
            }
            Wanted::Auto => self.of_pools(&record.pools),
        }
    }

    fn this(&self, address: &VirtualAddress) -> Result<VirtualAddress, AllocateError> {
        let of = address.address();
        if let Some(holder) = self.holder(of) {
            return Err(AllocateError::KeptFor {
                address: of,
                holder: holder.to_owned(),
            });
        }
        if let Some(served) = self.record.serving(of) {
            return Ok(served.clone());
        }
        if let Some(problem) = self.choice.surroundings.check(address).into_iter().next() {
            return Err(problem.into());
        }
        match (self.choice.check)(std::slice::from_ref(address))
            .into_iter()
            .next()
        {
            Some(conflict) => Err(conflict.into()),
            None => Ok(address.clone()),
        }
    }

    /// The lowest address that is free.
    fn of_pools(&mut self, pools: &[Pool]) -> Result<VirtualAddress, AllocateError> {
        let kept = self.record.reservations.iter().map(|one| one.address);
        let served = self.record.addresses.iter().map(VirtualAddress::address);
        let taken: Vec<IpAddr> = kept.chain(served).collect();
        let mut chosen = self.choice.of_pools(pools, &taken, 1)?;
        chosen.pop().ok_or(AllocateError::NoPool)
    }

    fn holder(&self, address: IpAddr) -> Option<&str> {
        let mut kept = self.record.reservations.iter();
        let found = kept.find(|one| one.address == address);
        found.map(|one| one.holder.as_str())
    }
}

/// What these nodes have in common, and their own addresses.
fn surroundings(
    cluster: &Cluster<'_>,
    record: &ClusterRecord,
    members: &[Member<'_>],
) -> Result<Surroundings, AllocateError> {
    let read = on_each(members, |_, member| {
        interfaces(member.host, cluster.deadline)
    });
    let nodes = read.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(in_common(&nodes, &record.addresses, &record.dhcp_ranges))
}

/// An address that is kept, with its network and interface.
fn whole(
    address: IpAddr,
    record: &ClusterRecord,
    surroundings: &Surroundings,
) -> Result<VirtualAddress, AddressError> {
    if let Some(served) = record.serving(address) {
        return Ok(served.clone());
    }
    if let Some(found) = record.pools.iter().find_map(|pool| pool.address(address)) {
        return found;
    }
    let networks = surroundings.interfaces.iter().flat_map(|interface| {
        let name: &InterfaceName = &interface.name;
        interface
            .networks
            .iter()
            .map(move |network| (name, network))
    });
    let found = networks
        .into_iter()
        .find(|(_, network)| network.contains(address));
    let (name, network) = found.ok_or(AddressError::NoNetwork { address })?;
    VirtualAddress::new(address, network.prefix(), Some(name.clone()))
}

#[cfg(test)]
mod tests;
