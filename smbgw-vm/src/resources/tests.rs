//! Requests that fit a node, and what is said of those that do not.

use std::fmt::Debug;
use std::str::FromStr;

use proptest::prelude::*;
use serde_json::json;
use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::size::ByteSize;

use super::*;
use crate::proxmox::{
    Bridge, CloneKind, DirectoryMapping, GuestConfig, GuestEntry, NodeResources, Release, Storage,
};

const GIB: u64 = 1 << 30;

fn of<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn request() -> GuestRequest {
    GuestRequest {
        vmid: Some(of("105")),
        memory_mib: 2048,
        balloon_mib: None,
        cores: 2,
        origin: Origin::Template {
            template: of("9000"),
            kind: CloneKind::Linked,
        },
        storage: of("thin"),
        data: Some((of("thin"), ByteSize::from_bytes(10 * GIB))),
        bridge: of("vmbr0"),
        vlan: Some(7),
        address: of("192.0.2.10/24,gw=192.0.2.1"),
        snippets: Some(of("files")),
        mapping: Some(of("vault-data")),
    }
}

fn storage(id: &str, kind: &str, content: &str, available: u64) -> Storage {
    Storage {
        id: of(id),
        kind: kind.into(),
        content: content.split(',').map(str::to_owned).collect(),
        is_usable: true,
        is_shared: false,
        available_bytes: available,
        total_bytes: 100 * GIB,
    }
}

fn guest(vmid: &str, node: &str, memory: u64, cores: u64) -> GuestEntry {
    GuestEntry {
        vmid: of(vmid),
        node: of(node),
        name: format!("g{vmid}"),
        is_container: false,
        is_template: false,
        is_running: true,
        memory_bytes: memory,
        cores,
    }
}

fn template(disk: &str) -> GuestConfig {
    let options =
        json!({"template": 1, "scsi0": disk, "ide2": "thin:vm-9000-cloudinit,media=cdrom,size=4M"});
    GuestConfig::read(&options).unwrap()
}

/// A node of 16 GiB and 8 processors, on which 4 GiB and 4 processors are promised.
fn facts() -> Facts {
    Facts {
        node: of("pve"),
        release: Release { major: 8, minor: 4 },
        resources: NodeResources {
            memory_bytes: 16 * GIB,
            available_memory_bytes: 12 * GIB,
            processors: 8,
        },
        storages: vec![
            storage("thin", "lvmthin", "images,rootdir", 20 * GIB),
            storage("thick", "lvm", "images", 20 * GIB),
            storage("files", "dir", "images,snippets", 20 * GIB),
        ],
        bridges: vec![
            Bridge {
                name: of("vmbr0"),
                is_active: true,
                knows_vlans: false,
            },
            Bridge {
                name: of("vmbr1"),
                is_active: false,
                knows_vlans: false,
            },
        ],
        guests: vec![
            guest("100", "pve", 4 * GIB, 4),
            guest("101", "n2", 64 * GIB, 64),
            GuestEntry {
                is_running: false,
                ..guest("102", "pve", 64 * GIB, 64)
            },
        ],
        addresses: vec![(of("100"), of("192.0.2.20"))],
        mappings: vec![DirectoryMapping {
            id: of("vault-data"),
            places: vec![(of("pve"), "/srv/vault".into())],
        }],
        template: Some(template("thin:base-9000-disk-0,size=4G")),
    }
}

fn told(request: &GuestRequest, facts: &Facts) -> Vec<Problem> {
    check(request, facts, &Policy::default())
}

/// The only problem with a request, by its field and code.
fn only(request: &GuestRequest, facts: &Facts) -> (String, String) {
    let mut problems = told(request, facts);
    assert_eq!(problems.len(), 1, "{problems:?}");
    let problem = problems.remove(0);
    assert!(problem.remedy.is_some());
    (problem.field, problem.code)
}

fn pair(field: &str, code: &str) -> (String, String) {
    (field.into(), code.into())
}

#[test]
fn a_request_that_fits_has_no_problems() {
    assert_eq!(told(&request(), &facts()), []);
    let full = GuestRequest {
        vmid: None,
        origin: Origin::Template {
            template: of("9000"),
            kind: CloneKind::Full { storage: None },
        },
        storage: of("thick"),
        address: of("dhcp"),
        snippets: None,
        mapping: None,
        data: None,
        vlan: None,
        ..request()
    };
    assert_eq!(told(&full, &facts()), []);
}

#[test]
fn all_that_is_wrong_is_told_together() {
    let wrong = GuestRequest {
        vmid: Some(of("101")),
        memory_mib: 64 << 10,
        cores: 9,
        origin: Origin::Template {
            template: of("9001"),
            kind: CloneKind::Linked,
        },
        storage: of("nowhere"),
        data: Some((of("thick"), ByteSize::from_bytes(21 * GIB))),
        bridge: of("vmbr9"),
        vlan: Some(4095),
        address: of("192.0.2.20/24"),
        snippets: Some(of("thin")),
        mapping: Some(of("elsewhere")),
        balloon_mib: None,
    };
    let facts = Facts {
        template: None,
        ..facts()
    };
    let problems = told(&wrong, &facts);
    let codes: Vec<(&str, &str)> = problems
        .iter()
        .map(|problem| (problem.field.as_str(), problem.code.as_str()))
        .collect();
    assert_eq!(
        codes,
        [
            ("vmid", "vm.vmid-taken"),
            ("vm-memory", "vm.memory-short"),
            ("vm-cores", "vm.cores-excessive"),
            ("vm-storage", "vm.storage-missing"),
            ("vm-template", "vm.template-missing"),
            ("vm-snippets", "vm.snippets-disabled"),
            ("vm-data-storage", "vm.storage-room-short"),
            ("bridge", "vm.bridge-missing"),
            ("vlan", "vm.vlan-invalid"),
            ("ip", "vm.address-taken"),
            ("mapping", "vm.mapping-missing"),
        ]
    );
    assert_eq!(problems[0].kind, ErrorKind::Conflict);
    assert!(problems[0].message.contains("`g101` on n2"));
}

#[test]
fn memory_is_promised_once_by_default() {
    // 16 GiB, less 1 for the node and 4 for a guest that runs here.
    let with = |memory_mib| GuestRequest {
        memory_mib,
        ..request()
    };
    assert_eq!(told(&with(11 << 10), &facts()), []);
    let short = pair("vm-memory", "vm.memory-short");
    assert_eq!(only(&with((11 << 10) + 1), &facts()), short);
    let generous = Policy {
        memory_percent: 150,
        ..Policy::default()
    };
    assert_eq!(check(&with(19 << 10), &facts(), &generous), []);
    let ballooned = GuestRequest {
        balloon_mib: Some(1024),
        ..with(15 << 10)
    };
    assert_eq!(only(&ballooned, &facts()), short);
    let least = Policy {
        counted_memory: CountedMemory::Minimum,
        ..Policy::default()
    };
    assert_eq!(check(&ballooned, &facts(), &least), []);
    // Ballooning that is switched off takes nothing away.
    let off = GuestRequest {
        balloon_mib: Some(0),
        ..with(15 << 10)
    };
    assert_eq!(check(&off, &facts(), &least).len(), 1);
    let invalid = pair("vm-memory", "vm.memory-invalid");
    assert_eq!(only(&with(64), &facts()), invalid);
    let above = GuestRequest {
        balloon_mib: Some(4096),
        ..request()
    };
    assert_eq!(only(&above, &facts()), invalid);
}

#[test]
fn processors_are_those_of_the_node_and_of_the_policy() {
    let with = |cores| GuestRequest { cores, ..request() };
    let excessive = pair("vm-cores", "vm.cores-excessive");
    assert_eq!(told(&with(8), &facts()), []);
    assert_eq!(only(&with(9), &facts()), excessive);
    assert_eq!(only(&with(0), &facts()), excessive);
    let once = Policy {
        processors_percent: 100,
        ..Policy::default()
    };
    assert_eq!(check(&with(4), &facts(), &once), []);
    assert_eq!(
        check(&with(5), &facts(), &once)[0].code,
        "vm.cores-excessive"
    );
}

#[test]
fn room_is_added_up_for_each_storage() {
    // 1 GiB for what differs, and the data.
    let with = |data, gib: u64| GuestRequest {
        data: Some((of(data), ByteSize::from_bytes(gib * GIB))),
        ..request()
    };
    let short = pair("vm-storage", "vm.storage-room-short");
    assert_eq!(told(&with("thin", 19), &facts()), []);
    assert_eq!(only(&with("thin", 20), &facts()), short);
    assert_eq!(told(&with("thick", 20), &facts()), []);
    let full = GuestRequest {
        origin: Origin::Template {
            template: of("9000"),
            kind: CloneKind::Full { storage: None },
        },
        ..with("thin", 17)
    };
    assert_eq!(only(&full, &facts()), short);
    let thin = Policy {
        thin_disk_percent: 50,
        ..Policy::default()
    };
    assert_eq!(check(&full, &facts(), &thin), []);
    let image = GuestRequest {
        origin: Origin::Image {
            size: ByteSize::from_bytes(21 * GIB),
        },
        storage: of("thick"),
        ..with("thin", 1)
    };
    assert_eq!(
        check(&image, &facts(), &thin)[0].code,
        "vm.storage-room-short"
    );
}

#[test]
fn linked_clones_need_the_storage_of_the_template_and_layers() {
    let unfit = pair("vm-storage", "vm.clone-kind-unfit");
    let on = |id: &str| GuestRequest {
        storage: of(id),
        ..request()
    };
    let from = |disk: &str| Facts {
        template: Some(template(disk)),
        ..facts()
    };
    assert_eq!(only(&on("files"), &facts()), unfit);
    assert_eq!(
        only(&on("thick"), &from("thick:base-9000-disk-0,size=4G")),
        unfit
    );
    let raw = from("files:9000/base-9000-disk-0.raw,size=4G");
    assert_eq!(only(&on("files"), &raw), unfit);
    let layered = from("files:9000/base-9000-disk-0.qcow2,size=4G");
    assert_eq!(told(&on("files"), &layered), []);
}

#[test]
fn a_template_has_to_be_one_and_be_here() {
    let missing = pair("vm-template", "vm.template-missing");
    let none = Facts {
        template: None,
        ..facts()
    };
    assert_eq!(only(&request(), &none), missing);
    let mut elsewhere = none.clone();
    elsewhere.guests.push(guest("9000", "n2", GIB, 1));
    assert!(told(&request(), &elsewhere)[0].message.contains("is on n2"));
    let plain = GuestConfig::read(&json!({"scsi0": "thin:vm-9000-disk-0,size=4G"}));
    let plain = Facts {
        template: plain,
        ..facts()
    };
    assert_eq!(only(&request(), &plain), missing);
    let locked = json!({"template": 1, "lock": "clone", "scsi0": "thin:base-9000-disk-0,size=4G"});
    let locked = Facts {
        template: GuestConfig::read(&locked),
        ..facts()
    };
    assert_eq!(
        only(&request(), &locked),
        pair("vm-template", "vm.guest-locked")
    );
}

#[test]
fn what_is_there_and_cannot_be_used_is_told() {
    let mut down = facts();
    down.storages[0].is_usable = false;
    let with_data_elsewhere = GuestRequest {
        data: None,
        ..request()
    };
    assert_eq!(
        only(&with_data_elsewhere, &down),
        pair("vm-storage", "vm.storage-unfit")
    );
    let bridge = GuestRequest {
        bridge: of("vmbr1"),
        ..request()
    };
    assert_eq!(only(&bridge, &facts()), pair("bridge", "vm.bridge-missing"));
    let old = Facts {
        release: Release { major: 8, minor: 3 },
        ..facts()
    };
    assert_eq!(
        only(&request(), &old),
        pair("mapping", "vm.virtiofs-missing")
    );
    // The guest that is being made again keeps its address.
    let own = Facts {
        addresses: vec![(of("105"), of("192.0.2.10"))],
        ..facts()
    };
    assert_eq!(told(&request(), &own), []);
}

proptest! {
    #[test]
    fn no_amount_overflows(memory in any::<u32>(), cores in any::<u32>(), data in any::<u64>(),
        percent in any::<u32>(), total in any::<u64>(), promised in any::<u64>()) {
        let request = GuestRequest {
            memory_mib: memory, cores, data: Some((of("thin"), ByteSize::from_bytes(data))), ..request()
        };
        let mut facts = facts();
        facts.resources.memory_bytes = total;
        facts.guests[0].memory_bytes = promised;
        let policy = Policy { memory_percent: percent, processors_percent: percent, thin_disk_percent: percent, ..Policy::default() };
        let problems = check(&request, &facts, &policy);
        prop_assert!(problems.iter().all(|problem| problem.code.starts_with("vm.")));
        let has_cores = (1..=8).contains(&cores);
        prop_assert!(has_cores || problems.iter().any(|problem| problem.field == "vm-cores"));
    }
}

#[test]
fn a_policy_is_read_with_defaults() {
    let policy: Policy = serde_json::from_value(json!({"memory_percent": 120})).unwrap();
    assert_eq!(
        (policy.memory_percent, policy.processors_percent),
        (120, 400)
    );
    assert!(serde_json::from_value::<Policy>(json!({"memory": 1})).is_err());
}
