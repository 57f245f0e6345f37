//! The plan for a request.

use super::check::{Chosen, Looked};
use super::place::{NodePlace, Place};
use super::plan::{Operation, Plan, Step};
use super::record::{GuestRecord, GuestState};
use super::request::{DataRequest, GuestRequest};
use super::steps::availability::KeepAvailable;
use super::steps::await_agent::AwaitAgent;
use super::steps::await_ready::AwaitReady;
use super::steps::await_smb::AwaitSmb;
use super::steps::clone::CloneGuest;
use super::steps::data_disk::AddDataDisk;
use super::steps::import::ImportTemplate;
use super::steps::passwords::SetPasswords;
use super::steps::record::{FinishRecord, WriteRecord};
use super::steps::settings::ChangeSettings;
use super::steps::share::{MakeShare, ProveShare};
use super::steps::snippets::{WriteSnippets, volumes};
use super::steps::start::StartGuest;
use crate::proxmox::{GuestSettings, Mark, NameError, NetworkCard};

/// What is done for `request`. A template that is brought to the node carries `template_mark`.
pub(super) fn plan(
    request: &GuestRequest,
    chosen: &Chosen,
    template_mark: Mark,
    looked: &Looked,
    now: i64,
) -> Result<Plan, NameError> {
    let guest = || request.name.clone();
    let mark = || chosen.mark.clone();
    let storage = || request.storage.clone();
    let record = GuestRecord {
        version: GuestRecord::VERSION,
        name: guest(),
        state: GuestState::Making,
        mark: mark(),
        place: Place::Proxmox(NodePlace {
            vmid: None,
            template: None,
            snippets: request.snippets.clone(),
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
    if let Some(import) = &looked.import {
        steps.push(
            ImportTemplate {
                guest: guest(),
                template: import.template.clone(),
                storage: storage(),
                as_qcow2: import.as_qcow2,
                mark: template_mark,
            }
            .into(),
        );
    }
    steps.extend([
        Step::from(CloneGuest {
            guest: guest(),
            vmid: request.vmid,
            template: request.template.clone(),
            storage: storage(),
            kind: request.clone_kind(),
            mark: mark(),
        }),
        Step::from(WriteSnippets {
            storage: request.snippets.clone(),
            mark: mark(),
            user: looked.texts.user_data.clone(),
            meta: looked.texts.meta_data.clone(),
            network: looked.texts.network_config.clone().unwrap_or_default(),
        }),
        Step::from(ChangeSettings {
            guest: guest(),
            settings: settings(request, chosen)?,
            cloud_init: storage(),
        }),
    ]);
    if let Some(data) = &request.data {
        steps.push(
            AddDataDisk {
                guest: guest(),
                storage: data.storage.clone(),
                size_gib: data.size_gib().unwrap_or_default(),
                serial: DataRequest::serial(),
            }
            .into(),
        );
    }
    steps.extend([
        Step::from(StartGuest { guest: guest() }),
        Step::from(AwaitAgent { guest: guest() }),
        Step::from(AwaitReady {
            guest: guest(),
            instance: chosen.instance.clone(),
        }),
        Step::from(AwaitSmb { guest: guest() }),
    ]);
    if !request.users.is_empty() {
        let users = request.users.clone();
        steps.push(
            SetPasswords {
                guest: guest(),
                users,
            }
            .into(),
        );
    }
    if let (Some(share), Some(data)) = (&request.share, &request.data) {
        steps.push(
            MakeShare {
                guest: guest(),
                share: share.clone(),
                users: request.users.clone(),
                filesystem: data.filesystem,
            }
            .into(),
        );
        steps.push(
            ProveShare {
                guest: guest(),
                share: share.name.clone(),
                users: request.users.clone(),
            }
            .into(),
        );
    }
    if request.highly_available {
        steps.push(KeepAvailable { guest: guest() }.into());
    }
    steps.push(FinishRecord { guest: guest() }.into());
    Ok(Plan {
        operation: Operation::Provision,
        name: guest(),
        steps,
        point_of_no_return: None,
    })
}

/// What the guest has that its template has not.
fn settings(request: &GuestRequest, chosen: &Chosen) -> Result<GuestSettings, NameError> {
    let card = NetworkCard {
        bridge: request.bridge.clone(),
        vlan: request.vlan,
        mac: Some(chosen.mac),
        firewall: false,
    };
    Ok(GuestSettings {
        tags: vec!["smbgw".parse()?],
        memory_mib: Some(request.memory_mib),
        balloon_mib: Some(request.balloon_mib.unwrap_or(0)),
        cores: Some(request.cores),
        cards: vec![(0, card)],
        // cloud-init is told by documents; here the address is seen by whoever looks for one that is free.
        addresses: vec![(0, request.address)],
        documents: volumes(&request.snippets, &chosen.mark)?,
        agent: Some(true),
        serial_console: true,
        starts_with_node: Some(request.starts_with_node),
        ..GuestSettings::default()
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::str::FromStr;

    use smbgw_core::size::ByteSize;

    use super::*;
    use crate::cloudinit::{DataFilesystem, GuestName, InstanceId};
    use crate::provisioning::check::Import;
    use crate::provisioning::documents::documents;
    use crate::provisioning::request::TemplateOrigin;
    use crate::provisioning::share_request::ShareRequest;

    fn of<T: FromStr<Err: Debug>>(text: &str) -> T {
        text.parse().unwrap()
    }

    fn request() -> GuestRequest {
        GuestRequest {
            name: of("vault"),
            vmid: None,
            memory_mib: 1024,
            balloon_mib: None,
            cores: 2,
            template: TemplateOrigin::InStore(of("lab")),
            linked: true,
            storage: of("local-lvm"),
            bridge: of("vmbr0"),
            vlan: Some(7),
            address: of("192.0.2.10/24"),
            name_servers: vec![],
            data: Some(DataRequest {
                storage: of("data"),
                size: ByteSize::from_mib(1500),
                filesystem: DataFilesystem::Xfs,
            }),
            share: Some(ShareRequest {
                name: of("Media"),
                quota: ByteSize::from_mib(100),
                comment: None,
            }),
            snippets: of("local"),
            ssh_keys: vec![],
            users: vec![of("alice")],
            starts_with_node: true,
            highly_available: true,
        }
    }

    fn planned(request: &GuestRequest, import: Option<Import>) -> Plan {
        let chosen = Chosen {
            mark: of("00112233445566778899aabbccddeeff"),
            instance: InstanceId::random(&GuestName::from(request.name.clone())).unwrap(),
            mac: of("52:54:00:00:00:01"),
        };
        let documents = documents(request, chosen.instance.clone(), chosen.mac).unwrap();
        assert!(documents.contradictions().is_empty());
        let looked = Looked {
            problems: vec![],
            notes: vec![],
            texts: documents.render(),
            import,
        };
        let other = of("ffeeddccbbaa99887766554433221100");
        plan(request, &chosen, other, &looked, 7).unwrap()
    }

    #[test]
    fn a_plan_has_what_was_asked_for_and_no_more() {
        let titles = |plan: &Plan| plan.steps.iter().map(Step::title).collect::<Vec<_>>();
        let import = Import {
            template: of("lab"),
            as_qcow2: false,
        };
        let whole = planned(&request(), Some(import));
        assert_eq!(
            titles(&whole),
            [
                "write down the virtual machine vault",
                "bring the template lab to local-lvm",
                "make the virtual machine vault",
                "write the documents for cloud-init to local",
                "give vault its memory, processors and network",
                "give vault a disk of 2 GiB for data",
                "start vault",
                "wait until the agent of vault answers",
                "wait until vault has done what it was told",
                "wait until vault answers to SMB",
                "hand the passwords of its users over to vault",
                "make the share Media in vault",
                "connect to the share Media of vault",
                "keep vault available",
                "write down that vault is ready",
            ]
        );
        let small = GuestRequest {
            template: TemplateOrigin::OnNode(of("9000")),
            data: None,
            share: None,
            users: vec![],
            highly_available: false,
            ..request()
        };
        assert_eq!(planned(&small, None).steps.len(), 9);
    }

    #[test]
    fn a_plan_comes_back_from_its_journal() {
        let plan = planned(&request(), None);
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        assert!(text.contains("cicustom") || text.contains("snippets/smbgw-0011"));
    }

    #[test]
    fn what_is_wrong_by_itself_is_told_together() {
        assert!(request().check().is_empty());
        let wrong = GuestRequest {
            users: vec![of("root")],
            data: Some(DataRequest {
                storage: of("data"),
                size: ByteSize::from_bytes(0),
                filesystem: DataFilesystem::Ext4,
            }),
            ..request()
        };
        let problems = wrong.check();
        let fields: Vec<&str> = problems.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["data-size", "users"]);
        let bare = GuestRequest {
            data: None,
            users: vec![],
            ..request()
        };
        let problems = bare.check();
        let fields: Vec<&str> = problems.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["users", "data-size"]);
    }

    #[test]
    fn a_disk_has_room_for_its_quota() {
        let of_quota = |quota: u64| {
            let quota = ByteSize::from_mib(quota << 10);
            let data = DataRequest::for_quota(of("data"), quota, DataFilesystem::Xfs);
            let share = Some(ShareRequest {
                quota,
                ..request().share.unwrap()
            });
            let fits = GuestRequest {
                data: Some(data.clone()),
                share,
                ..request()
            };
            assert!(fits.check().is_empty());
            let gib = data.size.bytes() >> 30;
            let small = DataRequest {
                size: ByteSize::from_mib((gib - 1) << 10),
                ..data
            };
            let problems = GuestRequest {
                data: Some(small),
                ..fits
            }
            .check();
            assert!(problems[0].message.contains("too small"), "{problems:?}");
            gib
        };
        assert_eq!([1, 10, 1000].map(of_quota), [2, 12, 1063]);
    }
}
