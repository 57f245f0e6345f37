//! All that speaks against a request, told before anything is touched.

use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::lifecycle::name_problem;
use smbgw_core::size::ByteSize;

use super::draft::{self, volumes};
use super::pool_template::PoolTemplate;
use super::request::GuestRequest;
use crate::cloudinit::{Rendered, Schemas, SchemasError};
use crate::code::Code;
use crate::domain_xml::Accelerator;
use crate::libvirt::{DiskNeed, Name, Requirements, Virsh};
use crate::provisioning::check::{Chosen, conflict, passwords_missing, refused};
use crate::provisioning::documents::Told;
use crate::provisioning::error::ProvisioningError;
use crate::provisioning::record::GuestRecord;
use crate::provisioning::world::Provisioning;
use crate::resources::Policy;
use crate::seed;
use crate::template::Template;

/// Kinds of pools that keep files, in which an image can be a layer over another (libvirt's documentation, "Storage
/// pool types").
const POOLS_OF_FILES: [&str; 3] = ["dir", "fs", "netfs"];

/// What was seen of a request on its machine.
pub(super) struct Looked {
    /// All that speaks against it.
    pub(super) problems: Vec<Problem>,
    /// What an administrator should know.
    pub(super) notes: Vec<String>,
    /// What the guest is told.
    pub(super) texts: Rendered,
    /// Its virtual machine and its volumes, where it has names that can be.
    pub(super) names: Option<draft::Names>,
    /// Whether the template has to be brought to the pool.
    pub(super) brings_template: bool,
}

/// Looks at the machine for what `request` needs.
pub(super) fn look(
    world: &Provisioning<'_>,
    request: &GuestRequest,
    chosen: &Chosen,
) -> Result<Looked, ProvisioningError> {
    let virsh = world.virsh()?;
    let mut problems = request.check();
    let mut notes = Vec::new();
    problems.extend(of_other_guests(world, request)?);
    problems.extend(passwords_missing(world, &request.users));
    if let Some(share) = &request.share {
        problems.extend(name_problem(world.machine(), &share.name)?);
    }
    let brought = PoolTemplate::load(world.machine(), &request.template, &request.pool)?;
    let usable = brought
        .map(|template| template.usable(virsh))
        .transpose()
        // The pool is looked at with everything else.
        .unwrap_or(None)
        .flatten();
    let in_store = world.store().show(&request.template);
    let brings_template = request.linked && usable.is_none();
    let template = match in_store {
        Ok(template) => Some(template),
        // One that was deleted from the store since can still be used.
        Err(_) if request.linked && usable.is_some() => None,
        Err(error) => {
            problems.push(Problem::from_error("vm-template", &error));
            None
        }
    };
    let told = Told {
        name: &request.name,
        ssh_keys: &request.ssh_keys,
        users: &request.users,
        data: request.data.as_ref().map(|data| data.filesystem),
        address: request.address,
        name_servers: &request.name_servers,
    };
    let documents = told.documents(chosen.instance.clone(), chosen.mac);
    let documents = documents.map_err(|error| refused("data", &error))?;
    problems.extend(documents.contradictions());
    let texts = documents.render();
    problems.extend(schema_problems(
        world,
        template.as_ref(),
        &texts,
        &mut notes,
    )?);
    let names = match volumes(request, chosen) {
        Ok(names) => Some(names),
        Err(error) => {
            problems.push(Problem::from_error("name", &error));
            None
        }
    };
    if let Some(names) = &names {
        problems.extend(draft::domain(request, chosen, names).problems());
        let needs = Requirements {
            name: names.domain.clone(),
            memory: ByteSize::from_mib(request.memory_mib.into()),
            disks: disks(
                world,
                request,
                names,
                template.as_ref(),
                brings_template,
                &texts,
            )?,
            networks: vec![request.network.clone()],
            macs: vec![chosen.mac],
            machine: draft::CHIPSET.as_str().into(),
        };
        problems.extend(virsh.check(&needs, &world.policy)?);
    }
    problems.extend(of_other_kind(virsh, request)?);
    if request.accelerator == Accelerator::Kvm && !virsh.machine_types()?.has_kvm_device {
        let message = format!("libvirt on {} has no device for KVM", virsh.host.name());
        problems.push(unable("accelerator", message));
    }
    Ok(Looked {
        problems,
        notes,
        texts,
        names,
        brings_template,
    })
}

/// What other guests of ours have.
fn of_other_guests(
    world: &Provisioning<'_>,
    request: &GuestRequest,
) -> Result<Vec<Problem>, ProvisioningError> {
    let mut problems = Vec::new();
    if GuestRecord::load(world.machine(), &request.name)?.is_some() {
        let message = format!("a virtual machine `{}` was made here", request.name);
        problems.push(conflict("name", Code::GuestExists, message));
        return Ok(problems);
    }
    let wanted = request.address.address();
    for other in GuestRecord::all(world.machine())? {
        if wanted.is_some() && other.address.address() == wanted {
            let message = format!(
                "the virtual machine `{}` has the address {}",
                other.name, request.address
            );
            problems.push(conflict("ip", Code::AddressTaken, message));
        }
    }
    Ok(problems)
}

/// What the cloud-init of the template would not take.
fn schema_problems(
    world: &Provisioning<'_>,
    template: Option<&Template>,
    texts: &Rendered,
    notes: &mut Vec<String>,
) -> Result<Vec<Problem>, ProvisioningError> {
    let Some(template) = template else {
        return Ok(Vec::new());
    };
    match Schemas::read(world.machine(), &template.schemas()) {
        Ok(schemas) => Ok(schemas.check(texts)),
        Err(SchemasError::Missing(_)) => {
            notes.push(
                "the template has no schemas, so that the documents for cloud-init were not held against them"
                    .into(),
            );
            Ok(Vec::new())
        }
        Err(error) => Err(error.into()),
    }
}

/// The volumes that are made, with the room that each takes.
fn disks(
    world: &Provisioning<'_>,
    request: &GuestRequest,
    names: &draft::Names,
    template: Option<&Template>,
    brings_template: bool,
    texts: &Rendered,
) -> Result<Vec<DiskNeed>, ProvisioningError> {
    let policy: &Policy = &world.policy;
    let whole = template.map_or(0, |template| template.record.size_bytes);
    let whole = policy.thin_disk(ByteSize::from_bytes(whole));
    let system = match request.linked {
        true => whole.min(policy.linked_room_bytes),
        false => whole,
    };
    let need = |pool: &Name, volume: &Name, size: ByteSize| DiskNeed {
        pool: pool.clone(),
        volume: volume.clone(),
        size,
    };
    let seed = seed::image(texts).map_err(|error| refused("data", &error))?;
    let seed = ByteSize::from_bytes(seed.len() as u64);
    let mut disks = vec![
        need(&request.pool, &names.system, system),
        need(&request.pool, &names.seed, seed),
    ];
    if let Some(data) = &request.data {
        disks.push(need(&data.pool, &names.data, policy.thin_disk(data.size)));
    }
    if let Some(template) = template.filter(|_| brings_template) {
        let file = world.machine().status(&template.disk())?;
        let size = ByteSize::from_bytes(file.map_or(0, |file| file.size));
        disks.push(need(&request.pool, &names.base, size));
    }
    Ok(disks)
}

/// What speaks against pools that keep no files. Whether they are there is looked at elsewhere.
fn of_other_kind(
    virsh: &Virsh<'_>,
    request: &GuestRequest,
) -> Result<Vec<Problem>, ProvisioningError> {
    let mut pools = vec![&request.pool];
    pools.extend(request.data.as_ref().map(|data| &data.pool));
    pools.sort();
    pools.dedup();
    let mut problems = Vec::new();
    for pool in pools {
        let info = match virsh.pool(pool) {
            Ok(info) => info,
            Err(error) if error.is_missing() => continue,
            Err(error) => return Err(error.into()),
        };
        if !POOLS_OF_FILES.contains(&info.kind.as_str()) {
            let message = format!(
                "the pool `{pool}` is of the kind {}, which keeps no files",
                info.kind
            );
            let code = Code::PoolUnfit;
            let problem = Problem::invalid("vm-storage", code.as_str(), message);
            problems.push(problem.kind(ErrorKind::Unsupported).remedy(code.fix()));
        }
    }
    Ok(problems)
}

fn unable(field: &str, message: String) -> Problem {
    let code = Code::LibvirtUnable;
    Problem::invalid(field, code.as_str(), message)
        .kind(ErrorKind::Unsupported)
        .remedy(code.fix())
}
