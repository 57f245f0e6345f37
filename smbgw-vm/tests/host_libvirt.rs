//! A real libvirt is told and asked what machines, pools, volumes and networks need.
//!
//! No guest has an operating system here: that the daemon takes what is written, and that a machine runs, needs
//! none.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::{Host, NamespaceHost};
use smbgw_core::mac::Mac;
use smbgw_core::secret::Secret;
use smbgw_core::size::ByteSize;
use smbgw_testing::{Capability, Libvirt, require};
use smbgw_vm::domain_xml::{
    Accelerator, Boot, Chipset, DiskSource, DiskSpec, Domain, DomainEditor, DomainSpec, FolderSpec,
    InterfaceSpec, Mark, NetworkSource,
};
use smbgw_vm::image::ImageFormat;
use smbgw_vm::libvirt::{
    AddressSource, DiskNeed, DomainState, KvmProbe, KvmVerdict, LibvirtError, Name, NewVolume,
    ObjectKind, Requirements, Virsh,
};
use smbgw_vm::resources::Policy;

const PATIENCE: Duration = Duration::from_secs(300);

struct Lab {
    // Ends last.
    host: NamespaceHost,
    _libvirt: Libvirt,
}

impl Lab {
    /// A libvirt with the pool `pool` and the network `net`.
    fn start() -> Self {
        let libvirt = Libvirt::start().unwrap();
        libvirt.make_pool("pool").unwrap();
        libvirt.make_network("net").unwrap();
        Self {
            host: NamespaceHost::of_process(libvirt.name(), libvirt.pid()).unwrap(),
            _libvirt: libvirt,
        }
    }

    fn virsh(&self) -> Virsh<'_> {
        Virsh::new(&self.host, Deadline::after(PATIENCE))
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn mark() -> Mark {
    Mark {
        share: "vault & \"more\"".into(),
        run: "4f1c".into(),
    }
}

fn address() -> Mac {
    "52:54:00:01:02:03".parse().unwrap()
}

fn volume_disk(volume: &str) -> DiskSpec {
    DiskSpec {
        source: DiskSource::Volume {
            pool: "pool".into(),
            volume: volume.into(),
        },
        format: ImageFormat::Qcow2,
        serial: None,
        read_only: false,
    }
}

fn spec(machine: &str) -> DomainSpec {
    let file = |path: &str, read_only: bool| DiskSpec {
        source: DiskSource::File(path.into()),
        format: ImageFormat::Raw,
        serial: read_only.then(|| "seed".to_owned()),
        read_only,
    };
    DomainSpec {
        name: machine.into(),
        description: Some("a < b".into()),
        mark: mark(),
        accelerator: Accelerator::Qemu,
        chipset: Chipset::Q35,
        boot: Boot::Bios,
        cpu_features_off: vec!["cx16".into()],
        memory_bytes: ByteSize::from_mib(16),
        vcpus: 1,
        disks: vec![volume_disk("system"), file("/srv/vm/pool/seed", true)],
        interfaces: vec![InterfaceSpec {
            mac: address(),
            network: NetworkSource::Network("net".into()),
        }],
        folders: Vec::new(),
        console_log: Some("/srv/vm/console".into()),
    }
}

fn new_volume(volume: &str, format: ImageFormat, mib: u64) -> NewVolume {
    NewVolume {
        name: name(volume),
        size: ByteSize::from_mib(mib),
        format,
        backing: None,
    }
}

#[test]
fn volumes_are_made_filled_grown_and_removed() {
    require!(Capability::Root, Capability::Libvirt);
    let lab = Lab::start();
    let (virsh, pool) = (lab.virsh(), name("pool"));
    assert_eq!(virsh.pools().unwrap(), ["pool"]);
    let info = virsh.pool(&pool).unwrap();
    assert!(info.active && info.kind == "dir", "{info:?}");
    assert!(
        info.available_bytes.bytes() > 1 << 20 && info.path.is_some(),
        "{info:?}"
    );

    virsh
        .create_volume(&pool, &new_volume("base", ImageFormat::Qcow2, 8))
        .unwrap();
    let again = virsh.create_volume(&pool, &new_volume("base", ImageFormat::Qcow2, 8));
    assert!(
        matches!(again, Err(LibvirtError::Exists { .. })),
        "{again:?}"
    );
    let base = virsh.volume(&pool, &name("base")).unwrap();
    let layer = NewVolume {
        backing: Some((base.path.clone(), ImageFormat::Qcow2)),
        ..new_volume("layer", ImageFormat::Qcow2, 16)
    };
    virsh.create_volume(&pool, &layer).unwrap();
    let found = virsh.volume(&pool, &name("layer")).unwrap();
    assert_eq!(found.backing.as_ref(), Some(&base.path));
    assert_eq!(found.capacity_bytes, ByteSize::from_mib(16));
    virsh
        .grow_volume(&pool, &name("layer"), ByteSize::from_mib(32))
        .unwrap();
    assert!(
        virsh
            .grow_volume(&pool, &name("layer"), ByteSize::from_mib(4))
            .is_err()
    );
    let grown = virsh.volume(&pool, &name("layer")).unwrap();
    assert_eq!(grown.capacity_bytes, ByteSize::from_mib(32));

    let content: Vec<u8> = (0..=255_u8).cycle().take(300_000).collect();
    virsh
        .create_volume(&pool, &new_volume("seed", ImageFormat::Raw, 1))
        .unwrap();
    virsh
        .fill_volume(&pool, &name("seed"), content.clone())
        .unwrap();
    let seed = virsh.volume(&pool, &name("seed")).unwrap();
    let bytes = lab.host.read(&seed.path).unwrap().unwrap();
    assert!(bytes.starts_with(&content));
    virsh
        .create_volume(&pool, &new_volume("copy", ImageFormat::Raw, 1))
        .unwrap();
    virsh
        .fill_volume_from(&pool, &name("copy"), &seed.path)
        .unwrap();
    let copy = virsh.volume(&pool, &name("copy")).unwrap();
    assert_eq!(lab.host.read(&copy.path).unwrap(), Some(bytes));
    virsh
        .clone_volume(&pool, &name("layer"), &name("whole"))
        .unwrap();
    virsh.volume(&pool, &name("whole")).unwrap();

    for volume in ["base", "layer", "seed", "copy", "whole"] {
        assert!(
            virsh
                .delete_volume(&pool, &name(volume))
                .unwrap()
                .happened(),
            "{volume}"
        );
        assert!(
            !virsh
                .delete_volume(&pool, &name(volume))
                .unwrap()
                .happened(),
            "{volume}"
        );
    }
    assert_eq!(lab.host.list(Path::new("/srv/vm/pool")).unwrap(), [""; 0]);
    let nowhere = virsh
        .delete_volume(&name("nowhere"), &name("seed"))
        .unwrap_err();
    assert_eq!(
        (nowhere.code(), nowhere.kind()),
        ("vm.libvirt-missing", ErrorKind::NotFound)
    );
}

#[test]
fn a_machine_is_defined_run_changed_and_taken_away() {
    require!(Capability::Root, Capability::Libvirt);
    let lab = Lab::start();
    let (virsh, pool, machine) = (lab.virsh(), name("pool"), name("smb-vault"));
    virsh
        .create_volume(&pool, &new_volume("system", ImageFormat::Qcow2, 8))
        .unwrap();
    virsh
        .create_volume(&pool, &new_volume("seed", ImageFormat::Raw, 1))
        .unwrap();
    virsh.define(&spec("smb-vault").to_xml().unwrap()).unwrap();
    let again = virsh.define(&spec("smb-vault").to_xml().unwrap());
    assert!(
        matches!(again, Err(LibvirtError::Exists { .. })),
        "{again:?}"
    );

    let defined = virsh.domain(&machine).unwrap();
    assert_eq!(defined.mark, Some(mark()));
    assert_eq!(defined.description.as_deref(), Some("a < b"));
    assert_eq!(defined.interfaces[0].mac, Some(address()));
    let serials: Vec<_> = defined
        .disks
        .iter()
        .map(|disk| disk.serial.as_deref())
        .collect();
    assert_eq!(serials, [None, Some("seed")]);

    assert_eq!(virsh.state(&machine).unwrap(), DomainState::Off);
    let off = virsh.agent(&machine, &json!({"execute": "guest-ping"}), PATIENCE);
    assert!(
        matches!(off, Err(LibvirtError::NotRunning { .. })),
        "{off:?}"
    );
    assert!(!virsh.power_off(&machine).unwrap().happened());
    assert!(virsh.start(&machine).unwrap().happened());
    assert!(!virsh.start(&machine).unwrap().happened());
    assert_eq!(virsh.state(&machine).unwrap(), DomainState::Running);
    let running = virsh.domain(&machine).unwrap();
    assert_eq!(running.channels[0].connected, Some(false));
    let silent = virsh.agent(&machine, &json!({"execute": "guest-ping"}), PATIENCE);
    assert!(
        matches!(silent, Err(LibvirtError::AgentSilent { .. })),
        "{silent:?}"
    );
    // The same by the way that hides the request, which leaves no trace of it.
    let request = json!({"execute": "guest-ping", "secret": "pässword 'x' \\ \"y\""});
    let request = Secret::from(request.to_string().into_bytes());
    let silent = virsh.agent_with_secret(&machine, &request, PATIENCE);
    assert!(
        matches!(silent, Err(LibvirtError::AgentSilent { .. })),
        "{silent:?}"
    );
    let typed = Path::new("/run/libvirt/virsh/history");
    assert_eq!(lab.host.read(typed).unwrap(), Some(Vec::new()));
    assert_eq!(virsh.addresses(&machine, AddressSource::Lease).unwrap(), []);
    virsh.set_autostart(&machine, true).unwrap();
    virsh.set_autostart(&machine, false).unwrap();

    // Not a machine of another run, and none that runs.
    let other = Mark {
        run: "other".into(),
        ..mark()
    };
    let not_ours = virsh.prove(&machine, &other).unwrap_err();
    assert_eq!(
        (not_ours.code(), not_ours.kind()),
        ("vm.libvirt-not-ours", ErrorKind::Conflict)
    );
    let runs = virsh.undefine(virsh.prove(&machine, &mark()).unwrap());
    assert!(
        matches!(runs, Err(LibvirtError::Running { .. })),
        "{runs:?}"
    );
    virsh.shut_down(&machine).unwrap();
    assert!(virsh.power_off(&machine).unwrap().happened());
    virsh
        .undefine(virsh.prove(&machine, &mark()).unwrap())
        .unwrap();
    let gone = virsh.state(&machine).unwrap_err();
    assert!(gone.is_missing(), "{gone}");
    assert_eq!(virsh.domains().unwrap(), [""; 0]);
    // Its disks are not its own to remove.
    virsh.volume(&pool, &name("system")).unwrap();
}

#[test]
fn an_edit_keeps_what_nobody_here_knows() {
    require!(Capability::Root, Capability::Libvirt);
    let lab = Lab::start();
    let (virsh, machine) = (lab.virsh(), name("edited"));
    let xml = spec("edited").to_xml().unwrap();
    let xml = xml
        .replace("<vcpu>", "<cputune><shares>7</shares></cputune><vcpu>")
        .replace(
            "<metadata>",
            "<metadata><them:app xmlns:them=\"urn:them\"><them:a b=\"1\"/></them:app>",
        )
        .replace(
            "</devices>",
            "<watchdog model=\"i6300esb\" action=\"reset\"/></devices>",
        );
    virsh.define(&xml).unwrap();
    let ours = virsh.prove(&machine, &mark()).unwrap();
    let edit = |change: &dyn Fn(&mut DomainEditor)| {
        let mut editor = DomainEditor::parse(&virsh.xml(&machine).unwrap()).unwrap();
        change(&mut editor);
        virsh.redefine(&ours, &editor.to_xml()).unwrap();
        virsh.xml(&machine).unwrap()
    };
    // Reading its own XML, libvirt puts the controllers that it added into another order once.
    let before = edit(&|_| ());
    let after = edit(&|editor| {
        editor.set_memory(ByteSize::from_mib(32)).unwrap();
        editor.set_vcpus(2).unwrap();
        editor.set_description(None).unwrap();
    });
    let domain = Domain::parse(&after).unwrap();
    let size = (domain.memory_bytes, domain.vcpus);
    assert_eq!(size, (ByteSize::from_mib(32), 2));
    assert_eq!(domain.description, None);
    for kept in [
        "<shares>7</shares>",
        "<them:a b=\"1\"/>",
        "i6300esb",
        ours.uuid(),
    ] {
        assert!(after.contains(kept), "{kept} is not in {after}");
    }
    let back = edit(&|editor| {
        editor.set_memory(ByteSize::from_mib(16)).unwrap();
        editor.set_vcpus(1).unwrap();
        editor.set_description(Some("a < b")).unwrap();
    });
    assert_eq!(back, before, "taken back, it is what it was to the byte");

    let after = edit(&|editor| {
        let target = editor.attach_disk(&volume_disk("data")).unwrap();
        assert_eq!(target, "vdc");
    });
    assert_eq!(Domain::parse(&after).unwrap().disks.len(), 3);
    // Of itself libvirt only adds what the disk is plugged into.
    let lost: Vec<_> = before
        .lines()
        .filter(|line| !after.contains(line.trim()))
        .collect();
    assert_eq!(lost, [""; 0]);
    let after = edit(&|editor| {
        editor.detach_disk("vdc").unwrap();
    });
    assert_eq!(
        Domain::parse(&after).unwrap().disks,
        Domain::parse(&before).unwrap().disks
    );

    let mut editor = DomainEditor::parse(&before).unwrap();
    let lost = Mark {
        run: "other".into(),
        ..mark()
    };
    editor.set_mark(&lost).unwrap();
    let refused = virsh.redefine(&ours, &editor.to_xml());
    assert!(
        matches!(refused, Err(LibvirtError::NotOurs { .. })),
        "{refused:?}"
    );
    let named = virsh.define(&before);
    assert!(
        named.is_err(),
        "by its UUID it would replace the machine that has it"
    );
}

#[test]
fn every_kind_of_machine_is_in_the_schema() {
    require!(Capability::Root, Capability::Libvirt);
    let lab = Lab::start();
    let virsh = lab.virsh();
    let kernel = Boot::Kernel {
        kernel: "/srv/vm/vmlinuz".into(),
        initrd: Some("/srv/vm/initrd & more".into()),
        command_line: "root=/dev/vda console=ttyS0 'a b'".into(),
    };
    let folder = FolderSpec {
        source: "/srv/vm/share".into(),
        tag: "share".into(),
    };
    for (number, (chipset, boot, folders, console_log)) in [
        (Chipset::Pc, kernel, Vec::new(), None),
        (Chipset::Q35, Boot::Bios, vec![folder], None),
    ]
    .into_iter()
    .enumerate()
    {
        let machine = format!("kind-{number}");
        let spec = DomainSpec {
            chipset,
            boot,
            folders,
            console_log,
            interfaces: vec![InterfaceSpec {
                mac: Mac([0x52, 0x54, 0, 0, 0, u8::try_from(number).unwrap()]),
                network: NetworkSource::Bridge("net0".into()),
            }],
            ..spec(&machine)
        };
        virsh.define(&spec.to_xml().unwrap()).unwrap();
        let domain = virsh.domain(&name(&machine)).unwrap();
        assert_eq!(domain.shared_memory, domain.has_virtiofs());
        assert_eq!(domain.filesystems.len(), spec.folders.len());
    }
    let wrong = spec("wrong")
        .to_xml()
        .unwrap()
        .replace("<vcpu>", "<nonsense/><vcpu>");
    let error = virsh.define(&wrong).unwrap_err();
    assert_eq!(error.code(), "host.command-failed");
    assert_eq!(virsh.domains().unwrap(), ["kind-0", "kind-1"]);
}

#[test]
fn all_that_a_machine_lacks_is_told_at_once() {
    require!(Capability::Root, Capability::Libvirt);
    let lab = Lab::start();
    let (virsh, pool) = (lab.virsh(), name("pool"));
    let need = |pool: &Name, volume: &str, mib| DiskNeed {
        pool: pool.clone(),
        volume: name(volume),
        size: ByteSize::from_mib(mib),
    };
    let good = Requirements {
        name: name("smb-vault"),
        memory: ByteSize::from_mib(16),
        disks: vec![need(&pool, "system", 1)],
        networks: vec![
            NetworkSource::Network("net".into()),
            NetworkSource::Bridge("net0".into()),
        ],
        macs: vec![address()],
        machine: "q35".into(),
    };
    assert_eq!(virsh.check(&good, &Policy::default()).unwrap(), []);

    virsh.define(&spec("smb-vault").to_xml().unwrap()).unwrap();
    virsh
        .create_volume(&pool, &new_volume("system", ImageFormat::Qcow2, 1))
        .unwrap();
    let bad = Requirements {
        memory: ByteSize::from_mib(1 << 30),
        disks: vec![
            need(&pool, "system", 1 << 30),
            need(&name("nowhere"), "data", 1),
        ],
        networks: vec![
            NetworkSource::Network("no-net".into()),
            NetworkSource::Bridge("lo".into()),
        ],
        machine: "pc-9.9-none".into(),
        ..good
    };
    let problems = virsh.check(&bad, &Policy::default()).unwrap();
    let mut found: Vec<_> = problems
        .iter()
        .map(|problem| (problem.field.as_str(), problem.code.as_str()))
        .collect();
    found.sort_unstable();
    let expected = [
        ("mac", "vm.libvirt-exists"),
        ("machine", "vm.libvirt-unable"),
        ("memory", "vm.libvirt-no-space"),
        ("name", "vm.libvirt-exists"),
        ("network", "vm.libvirt-missing"),
        ("network", "vm.libvirt-missing"),
        ("storage", "vm.libvirt-exists"),
        ("storage", "vm.libvirt-missing"),
        ("storage", "vm.libvirt-no-space"),
    ];
    assert_eq!(found, expected, "{problems:#?}");
    assert!(problems.iter().all(|problem| problem.remedy.is_some()));
    assert_eq!(virsh.networks().unwrap(), ["net"]);
    let info = virsh.network(&name("net")).unwrap();
    assert_eq!((info.active, info.bridge.as_deref()), (true, Some("net0")));
    assert!(!virsh.start_network(&name("net")).unwrap().happened());
    assert!(!virsh.start_pool(&pool).unwrap().happened());
}

#[test]
fn kvm_is_not_believed_without_a_kernel_that_ran() {
    require!(Capability::Root, Capability::Libvirt);
    let lab = Lab::start();
    let virsh = lab.virsh();
    // Whatever the machine can: this is no kernel.
    lab.host
        .write(Path::new("/srv/vm/vmlinuz"), &[0; 4096], 0o644)
        .unwrap();
    let probe = KvmProbe {
        name: name("kvm-probe"),
        kernel: "/srv/vm/vmlinuz".into(),
        console: "/srv/vm/probe".into(),
        patience: Duration::from_secs(1),
    };
    let verdict = virsh.try_kvm(&probe).unwrap();
    assert!(
        matches!(&verdict, KvmVerdict::Unusable { why } if !why.is_empty()),
        "{verdict:?}"
    );
    assert_eq!(virsh.domains().unwrap(), [""; 0]);
    assert!(lab.host.status(&probe.console).unwrap().is_none());
    let missing = virsh.state(&probe.name).unwrap_err();
    assert!(
        matches!(
            missing,
            LibvirtError::Missing {
                kind: ObjectKind::Domain,
                ..
            }
        ),
        "{missing}"
    );
}

#[test]
fn a_machine_without_libvirt_says_so() {
    require!(Capability::Root, Capability::Libvirt);
    let lab = Lab::start();
    let nobody = lab.virsh().at("qemu+unix:///system?socket=/srv/vm/nobody");
    let error = nobody.domains().unwrap_err();
    assert_eq!(error.code(), "vm.libvirt-unreachable", "{error}");
    assert!(error.remedy().is_some());
}
