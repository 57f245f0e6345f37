//! Whether a machine of libvirt has what a new virtual machine needs.

use serde::Deserialize;
use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::host::{Command, CommandError};
use smbgw_core::mac::Mac;
use smbgw_core::size::ByteSize;

use super::{LibvirtError, Name, Virsh};
use crate::code::Code;
use crate::domain_xml::{Domain, NetworkSource};
use crate::resources::Policy;

/// What a new machine needs of a machine of libvirt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirements {
    /// Its name, which has to be free.
    pub name: Name,
    /// Its memory.
    pub memory: ByteSize,
    /// Volumes that are to be made.
    pub disks: Vec<DiskNeed>,
    /// The networks or bridges of its adapters.
    pub networks: Vec<NetworkSource>,
    /// The addresses of its adapters, which have to be free.
    pub macs: Vec<Mac>,
    /// The kind of computer that it is, such as `q35`.
    pub machine: String,
}

/// A volume that is to be made for a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskNeed {
    /// The pool.
    pub pool: Name,
    /// Its name, which has to be free.
    pub volume: Name,
    /// What it takes of the pool at most.
    pub size: ByteSize,
}

impl Virsh<'_> {
    /// All that stands against a new machine, each with what is to be done about it; nothing is changed. Of `policy`
    /// the memory counts: what machines that run may have at most is promised.
    ///
    /// Names and addresses may be taken between this look and the making of the machine. That is then an error
    /// of its own.
    ///
    /// # Errors
    /// Where libvirt cannot be asked.
    pub fn check(
        &self,
        needs: &Requirements,
        policy: &Policy,
    ) -> Result<Vec<Problem>, LibvirtError> {
        let mut problems = Vec::new();
        self.check_names(needs, &mut problems)?;
        self.check_memory(needs, policy, &mut problems)?;
        self.check_pools(&needs.disks, &mut problems)?;
        for network in &needs.networks {
            problems.extend(self.network_problem(network)?);
        }
        if !self.machine_types()?.has(&needs.machine) {
            let message = format!("libvirt has no machine type `{}`", needs.machine);
            problems.push(problem("machine", Code::LibvirtUnable, message));
        }
        Ok(problems)
    }

    fn check_names(
        &self,
        needs: &Requirements,
        problems: &mut Vec<Problem>,
    ) -> Result<(), LibvirtError> {
        for name in self.domains()? {
            if name == needs.name.as_str() {
                let message = format!("libvirt has a virtual machine `{name}` already");
                let found = problem("name", Code::LibvirtExists, message);
                problems.push(found.kind(ErrorKind::Conflict));
            }
            // One that cannot be named here, or has gone since, has no say in this.
            let Ok(other) = name.parse::<Name>() else {
                continue;
            };
            let domain = match self.xml(&other) {
                Ok(xml) => Domain::parse(&xml)?,
                Err(error) if error.is_missing() => continue,
                Err(error) => return Err(error),
            };
            for mac in domain.interfaces.iter().filter_map(|found| found.mac) {
                if needs.macs.contains(&mac) {
                    let message = format!("the virtual machine `{name}` has the address {mac}");
                    let found = problem("mac", Code::LibvirtExists, message);
                    problems.push(found.kind(ErrorKind::Conflict));
                }
            }
        }
        Ok(())
    }

    fn check_memory(
        &self,
        needs: &Requirements,
        policy: &Policy,
        problems: &mut Vec<Problem>,
    ) -> Result<(), LibvirtError> {
        let memory = self.memory()?;
        let usable = policy.usable_memory(memory.total_bytes).bytes();
        let free = usable.saturating_sub(memory.promised_bytes.bytes());
        // What others than machines use is not there either.
        let free = ByteSize::from_bytes(free.min(memory.available_bytes.bytes()));
        if needs.memory > free {
            let message = format!(
                "the virtual machine needs {} of memory, and {} has {free} to spare",
                needs.memory,
                self.host.name(),
            );
            problems.push(problem("memory", Code::LibvirtNoSpace, message));
        }
        Ok(())
    }

    fn check_pools(
        &self,
        disks: &[DiskNeed],
        problems: &mut Vec<Problem>,
    ) -> Result<(), LibvirtError> {
        let mut pools: Vec<&Name> = disks.iter().map(|disk| &disk.pool).collect();
        pools.sort();
        pools.dedup();
        for pool in pools {
            let info = match self.pool(pool) {
                Ok(info) => info,
                Err(error) if error.is_missing() => {
                    problems.push(Problem::from_error("storage", &error));
                    continue;
                }
                Err(error) => return Err(error),
            };
            if !info.active {
                let message = format!("the pool `{pool}` is not running");
                problems.push(problem("storage", Code::LibvirtNotRunning, message));
                continue;
            }
            match self.refresh_pool(pool) {
                // While something is written to it, what libvirt saw last has to do.
                Ok(()) | Err(LibvirtError::Busy { .. }) => {}
                Err(error) => return Err(error),
            }
            let free = self.pool(pool)?.available_bytes;
            let mine = || disks.iter().filter(|disk| disk.pool == *pool);
            let needed = mine().fold(0_u64, |sum, disk| sum.saturating_add(disk.size.bytes()));
            if needed > free.bytes() {
                let needed = ByteSize::from_bytes(needed);
                let message = format!("the pool `{pool}` has {free} free, and {needed} are needed");
                problems.push(problem("storage", Code::LibvirtNoSpace, message));
            }
            for disk in mine() {
                match self.volume(pool, &disk.volume) {
                    Ok(_) => {
                        let message =
                            format!("the pool `{pool}` has a volume `{}` already", disk.volume);
                        let found = problem("storage", Code::LibvirtExists, message);
                        problems.push(found.kind(ErrorKind::Conflict));
                    }
                    Err(error) if error.is_missing() => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn network_problem(&self, network: &NetworkSource) -> Result<Option<Problem>, LibvirtError> {
        let name = match network {
            NetworkSource::Network(name) => name,
            NetworkSource::Bridge(name) => return self.bridge_problem(name),
        };
        let name: Name = match name.parse() {
            Ok(name) => name,
            Err(error) => {
                let error: super::NameError = error;
                return Ok(Some(Problem::from_error("network", &error)));
            }
        };
        match self.network(&name) {
            Ok(info) if info.active => Ok(None),
            Ok(_) => {
                let message = format!("the network `{name}` is not running");
                Ok(Some(problem("network", Code::LibvirtNotRunning, message)))
            }
            Err(error) if error.is_missing() => Ok(Some(Problem::from_error("network", &error))),
            Err(error) => Err(error),
        }
    }

    fn bridge_problem(&self, name: &str) -> Result<Option<Problem>, LibvirtError> {
        let command = Command::new("ip").args(["-json", "link", "show", "type", "bridge"]);
        let output = self.host.run(&command, self.deadline)?;
        let bridges: Vec<Bridge> = match &output.stdout[..] {
            // Where there is none it prints nothing at all.
            [] => Vec::new(),
            said => serde_json::from_slice(said)
                .map_err(|error| CommandError::unexpected(&command, error.to_string()))?,
        };
        if bridges.iter().any(|bridge| bridge.ifname == name) {
            return Ok(None);
        }
        let message = format!("{} has no bridge `{name}`", self.host.name());
        Ok(Some(problem("network", Code::LibvirtMissing, message)))
    }
}

/// What `ip -json link` says of a bridge.
#[derive(Deserialize)]
struct Bridge {
    ifname: String,
}

fn problem(field: &str, code: Code, message: String) -> Problem {
    Problem::invalid(field, code.as_str(), message)
        .kind(ErrorKind::Unsupported)
        .remedy(code.fix())
}
