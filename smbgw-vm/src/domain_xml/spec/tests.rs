use super::*;
use crate::domain_xml::{Disk, Domain, InterfaceSource};

fn spec() -> DomainSpec {
    let file = |path: &str| DiskSource::File(path.into());
    DomainSpec {
        name: "smb-vault".into(),
        description: Some("files & more".into()),
        mark: Mark {
            share: "vault".into(),
            run: "r1".into(),
        },
        accelerator: Accelerator::Qemu,
        chipset: Chipset::Q35,
        boot: Boot::Bios,
        cpu_features_off: vec!["cx16".into()],
        memory_bytes: ByteSize::from_mib(384),
        vcpus: 2,
        disks: vec![
            DiskSpec {
                source: file("/srv/system.qcow2"),
                format: ImageFormat::Qcow2,
                serial: None,
                read_only: false,
            },
            DiskSpec {
                source: DiskSource::Volume {
                    pool: "default".into(),
                    volume: "data".into(),
                },
                format: ImageFormat::Raw,
                serial: Some("data".into()),
                read_only: false,
            },
            DiskSpec {
                source: file("/srv/seed.iso"),
                format: ImageFormat::Raw,
                serial: None,
                read_only: true,
            },
        ],
        interfaces: vec![InterfaceSpec {
            mac: "52:54:00:01:02:03".parse().unwrap(),
            network: NetworkSource::Bridge("vmbr0".into()),
        }],
        folders: Vec::new(),
        console_log: Some("/var/log/vault.log".into()),
    }
}

#[test]
fn what_is_written_is_read_again() {
    let spec = spec();
    let domain = Domain::parse(&spec.to_xml().unwrap()).unwrap();
    assert_eq!(
        (domain.name, domain.description),
        (spec.name, spec.description)
    );
    assert_eq!((domain.memory_bytes, domain.vcpus), (spec.memory_bytes, 2));
    assert_eq!(domain.mark, Some(spec.mark));
    assert_eq!(domain.machine.as_deref(), Some("q35"));
    assert!(!domain.shared_memory && domain.channels.len() == 1);
    let bus = |disk: &Disk| disk.bus.clone();
    assert!(
        domain
            .disks
            .iter()
            .all(|disk| bus(disk).as_deref() == Some("virtio"))
    );
    let targets: Vec<_> = domain
        .disks
        .iter()
        .map(|disk| disk.target.as_str())
        .collect();
    assert_eq!(targets, ["vda", "vdb", "vdc"]);
    for (read, asked) in domain.disks.iter().zip(&spec.disks) {
        assert_eq!(read.source.as_ref(), Some(&asked.source));
        assert_eq!(
            (&read.serial, read.read_only),
            (&asked.serial, asked.read_only)
        );
        assert_eq!(read.format.as_deref(), Some(asked.format.as_str()));
    }
    assert_eq!(domain.interfaces[0].mac, Some(spec.interfaces[0].mac));
    assert_eq!(
        domain.interfaces[0].source,
        InterfaceSource::Bridge("vmbr0".into())
    );
}

#[test]
fn memory_is_shared_only_for_a_folder() {
    let with = DomainSpec {
        folders: vec![FolderSpec {
            source: "/srv/share".into(),
            tag: "share".into(),
        }],
        ..spec()
    };
    assert!(!spec().to_xml().unwrap().contains("memfd"));
    let domain = Domain::parse(&with.to_xml().unwrap()).unwrap();
    assert!(domain.shared_memory && domain.has_virtiofs());
}

#[test]
fn all_problems_are_told_at_once() {
    let good = spec();
    assert_eq!(good.problems(), []);
    let bad = DomainSpec {
        name: "../etc".into(),
        description: Some("\0".into()),
        memory_bytes: ByteSize::from_bytes(1),
        vcpus: 0,
        boot: Boot::Kernel {
            kernel: "vmlinuz".into(),
            initrd: None,
            command_line: String::new(),
        },
        disks: vec![
            DiskSpec {
                source: DiskSource::Other("nvme".into()),
                serial: Some("longer than twenty characters".into()),
                ..good.disks[0].clone()
            },
            good.disks[1].clone(),
            good.disks[1].clone(),
        ],
        interfaces: vec![good.interfaces[0].clone(), good.interfaces[0].clone()],
        folders: vec![FolderSpec {
            source: "share".into(),
            tag: String::new(),
        }],
        console_log: Some("log".into()),
        ..good
    };
    let problems = bad.problems();
    let count = |field: &str| problems.iter().filter(|found| found.field == field).count();
    for (field, expected) in [
        ("name", 1),
        ("description", 1),
        ("memory", 2),
        ("vcpus", 1),
        ("boot.kernel", 1),
        ("disks", 3),
        ("interfaces", 1),
        ("folders", 2),
        ("console_log", 1),
    ] {
        assert_eq!(count(field), expected, "{field}: {problems:#?}");
    }
    let error = bad.to_xml().unwrap_err();
    assert_eq!(error.0, problems);
    assert_eq!(
        (error.code(), error.kind()),
        ("vm.domain-spec-invalid", ErrorKind::Invalid)
    );
}
