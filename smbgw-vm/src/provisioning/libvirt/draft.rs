//! The plan for a request.

use std::path::PathBuf;

use smbgw_core::size::ByteSize;

use super::check::Looked;
use super::request::GuestRequest;
use super::steps::autostart::StartWithHost;
use super::steps::bring::BringTemplate;
use super::steps::define::DefineDomain;
use super::steps::volume::{Content, MakeVolume};
use crate::domain_xml::{Chipset, DiskSource, DiskSpec, DomainSpec, InterfaceSpec};
use crate::image::ImageFormat;
use crate::libvirt::{Name, NameError};
use crate::provisioning;
use crate::provisioning::check::Chosen;
use crate::provisioning::guest::mark_of;
use crate::provisioning::place::{LibvirtPlace, Place, PoolVolume};
use crate::provisioning::plan::{Operation, Plan, Step};
use crate::provisioning::record::{GuestRecord, GuestState, key};
use crate::provisioning::steps::await_agent::AwaitAgent;
use crate::provisioning::steps::await_ready::AwaitReady;
use crate::provisioning::steps::await_smb::AwaitSmb;
use crate::provisioning::steps::passwords::SetPasswords;
use crate::provisioning::steps::record::{FinishRecord, WriteRecord};
use crate::provisioning::steps::share::{MakeShare, ProveShare};
use crate::provisioning::steps::start::StartGuest;

/// The kind of computer that guests are.
pub(super) const CHIPSET: Chipset = Chipset::Q35;

/// What a guest has, by its names.
pub(super) struct Names {
    /// Its virtual machine.
    pub(super) domain: Name,
    /// The volume of its first disk.
    pub(super) system: Name,
    /// The volume of its disk for data.
    pub(super) data: Name,
    /// The volume with its documents.
    pub(super) seed: Name,
    /// The volume of its template, where that has to be brought.
    pub(super) base: Name,
}

/// The names for `request`: those of volumes have the mark in them.
pub(super) fn volumes(request: &GuestRequest, chosen: &Chosen) -> Result<Names, NameError> {
    let mark = &chosen.mark;
    let volume = |what: &str| format!("{}-{mark}-{what}", key(&request.name)).parse();
    Ok(Names {
        domain: request.name.as_str().parse()?,
        system: volume("system.qcow2")?,
        data: volume("data.raw")?,
        seed: volume("seed.iso")?,
        base: format!("template-{}-{mark}.qcow2", request.template).parse()?,
    })
}

/// The virtual machine for `request`.
pub(super) fn domain(request: &GuestRequest, chosen: &Chosen, names: &Names) -> DomainSpec {
    let disk = |pool: &Name, volume: &Name, format, serial: &str| DiskSpec {
        source: DiskSource::Volume {
            pool: pool.to_string(),
            volume: volume.to_string(),
        },
        format,
        serial: Some(serial.to_owned()),
        read_only: false,
    };
    let pool = &request.pool;
    let mut disks = vec![disk(pool, &names.system, ImageFormat::Qcow2, "system")];
    if let Some(data) = &request.data {
        let serial = provisioning::DataRequest::serial().to_string();
        disks.push(disk(&data.pool, &names.data, ImageFormat::Raw, &serial));
    }
    disks.push(DiskSpec {
        read_only: true,
        ..disk(pool, &names.seed, ImageFormat::Raw, "seed")
    });
    DomainSpec {
        name: names.domain.to_string(),
        description: Some(format!("{} serves SMB.", request.name)),
        mark: mark_of(&request.name, &chosen.mark),
        accelerator: request.accelerator,
        chipset: CHIPSET,
        boot: request.boot.clone(),
        cpu_features_off: Vec::new(),
        memory_bytes: ByteSize::from_mib(request.memory_mib.into()),
        vcpus: request.cores,
        disks,
        interfaces: vec![InterfaceSpec {
            mac: chosen.mac,
            network: request.network.clone(),
        }],
        folders: Vec::new(),
        console_log: Some(console(&names.domain)),
    }
}

/// Where the console is written to: a folder that libvirt makes, and may write to.
fn console(domain: &Name) -> PathBuf {
    PathBuf::from(format!("/var/log/libvirt/qemu/{domain}.console"))
}

/// What is done for `request`.
pub(super) fn plan(
    request: &GuestRequest,
    chosen: &Chosen,
    looked: &Looked,
    names: &Names,
    now: i64,
) -> Plan {
    let guest = || request.name.clone();
    let volume = |pool: &Name, volume: &Name| PoolVolume {
        pool: pool.clone(),
        volume: volume.clone(),
    };
    let system = volume(&request.pool, &names.system);
    let seed = volume(&request.pool, &names.seed);
    let mut made = vec![(system, system_content(request))];
    if let Some(data) = &request.data {
        let empty = Content::Empty { size: data.size };
        made.push((volume(&data.pool, &names.data), empty));
    }
    let documents = Content::Seed {
        user: looked.texts.user_data.clone(),
        meta: looked.texts.meta_data.clone(),
        network: looked.texts.network_config.clone(),
    };
    made.push((seed, documents));
    let record = GuestRecord {
        version: GuestRecord::VERSION,
        name: guest(),
        state: GuestState::Making,
        mark: chosen.mark.clone(),
        place: Place::Libvirt(LibvirtPlace {
            domain: names.domain.clone(),
            volumes: made.iter().map(|(volume, _)| volume.clone()).collect(),
            template: request.linked.then(|| request.template.clone()),
            pool: request.pool.clone(),
            network: request.network.clone(),
            console: console(&names.domain),
        }),
        instance: chosen.instance.clone(),
        mac: chosen.mac,
        address: request.address,
        answered_at: None,
        users: request.users.clone(),
        filesystem: request.data.as_ref().map(|data| data.filesystem),
        share: request.share.clone(),
        since_seconds: now,
    };
    let mut steps: Vec<Step> = vec![WriteRecord { record }.into()];
    if looked.brings_template {
        let bring = BringTemplate {
            guest: guest(),
            template: request.template.clone(),
            volume: volume(&request.pool, &names.base),
            mark: chosen.mark.clone(),
        };
        steps.push(bring.into());
    }
    for (volume, content) in made {
        let guest = guest();
        let make = MakeVolume {
            guest,
            volume,
            content,
        };
        steps.push(make.into());
    }
    let define = DefineDomain {
        guest: guest(),
        domain: domain(request, chosen, names),
        mark: chosen.mark.clone(),
    };
    steps.push(define.into());
    if request.starts_with_host {
        steps.push(StartWithHost { guest: guest() }.into());
    }
    let ready = AwaitReady {
        guest: guest(),
        instance: chosen.instance.clone(),
    };
    steps.extend([
        Step::from(StartGuest { guest: guest() }),
        Step::from(AwaitAgent { guest: guest() }),
        Step::from(ready),
        Step::from(AwaitSmb { guest: guest() }),
    ]);
    if !request.users.is_empty() {
        let users = request.users.clone();
        let guest = guest();
        steps.push(SetPasswords { guest, users }.into());
    }
    if let (Some(share), Some(data)) = (&request.share, &request.data) {
        let users = || request.users.clone();
        let make = MakeShare {
            guest: guest(),
            share: share.clone(),
            users: users(),
            filesystem: data.filesystem,
        };
        let prove = ProveShare {
            guest: guest(),
            share: share.name.clone(),
            users: users(),
        };
        steps.extend([Step::from(make), Step::from(prove)]);
    }
    steps.push(FinishRecord { guest: guest() }.into());
    Plan {
        operation: Operation::Provision,
        name: guest(),
        steps,
        point_of_no_return: None,
    }
}

fn system_content(request: &GuestRequest) -> Content {
    let template = request.template.clone();
    match request.linked {
        true => Content::Layer { template },
        false => Content::Copy { template },
    }
}
