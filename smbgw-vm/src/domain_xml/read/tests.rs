use proptest::prelude::*;
use smbgw_core::size::ByteSize;

use super::super::{Backing, DiskSource, InterfaceSource};
use super::*;

/// As libvirt 9.0 shows a machine that runs, shortened.
const RUNNING: &str = r#"<?xml version='1.0'?>
<!-- made by hand -->
<domain type='kvm' id='3'>
  <name>smb-vault</name>
  <uuid>9f63bd35-5b33-4a52-a5bd-1d1d2c5e6a01</uuid>
  <description>files &lt;of&gt; &#x41;ll</description>
  <metadata>
    <smbgw:machine xmlns:smbgw="urn:smbgw:vm:1" share="vault" run="r1"/>
  </metadata>
  <memory unit='KiB'>393216</memory>
  <vcpu placement='static'>2</vcpu>
  <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <nvram>/var/lib/libvirt/qemu/nvram/smb-vault_VARS.fd</nvram>
  </os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='/srv/a &amp; b.qcow2' index='2'/>
      <backingStore type='file' index='3'>
        <format type='qcow2'/>
        <source file='/srv/template.qcow2'/>
        <backingStore/>
      </backingStore>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='volume' device='disk'>
      <driver name='qemu' type='raw'/>
      <source pool='default' volume='seed'/>
      <target dev='vdb' bus='virtio'/>
      <readonly/>
      <serial>seed</serial>
    </disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
    <interface type='network'>
      <mac address='52:54:00:12:34:56'/>
      <source network='default' portid='x' bridge='virbr0'/>
      <target dev='vnet2'/>
      <model type='virtio'/>
    </interface>
    <interface type='user'/>
    <filesystem type='mount' accessmode='passthrough'>
      <driver type='virtiofs'/>
      <source dir='/srv/share'/>
      <target dir='share'/>
    </filesystem>
    <channel type='unix'>
      <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>
    </channel>
  </devices>
</domain>
"#;

#[test]
fn a_machine_that_runs_is_read() {
    let domain = Domain::parse(RUNNING).unwrap();
    assert_eq!(domain.virtualization, Virtualization::Kvm);
    assert_eq!(domain.name, "smb-vault");
    assert_eq!(domain.description.as_deref(), Some("files <of> All"));
    assert_eq!(domain.memory_bytes, ByteSize::from_mib(384));
    assert_eq!((domain.vcpus, domain.shared_memory), (2, true));
    assert_eq!(domain.machine.as_deref(), Some("pc-q35-7.2"));
    assert!(domain.nvram.is_some() && domain.has_virtiofs() && domain.has_agent_channel());
    assert_eq!(domain.channels[0].connected, Some(true));
    let mark = domain.mark.unwrap();
    assert_eq!((mark.share.as_str(), mark.run.as_str()), ("vault", "r1"));
}

#[test]
fn disks_and_adapters_are_read() {
    let domain = Domain::parse(RUNNING).unwrap();
    let [system, seed, drive] = &domain.disks[..] else {
        panic!("{:?}", domain.disks);
    };
    let path = system.source.as_ref().and_then(DiskSource::path).unwrap();
    assert_eq!(path.to_str(), Some("/srv/a & b.qcow2"));
    let template = Backing {
        source: DiskSource::File("/srv/template.qcow2".into()),
        format: Some("qcow2".into()),
    };
    assert_eq!(system.backing, [template]);
    let volume = DiskSource::Volume {
        pool: "default".into(),
        volume: "seed".into(),
    };
    assert_eq!((&seed.source, seed.read_only), (&Some(volume), true));
    assert_eq!(seed.serial.as_deref(), Some("seed"));
    assert_eq!((drive.device.as_str(), &drive.source), ("cdrom", &None));
    let [first, second] = &domain.interfaces[..] else {
        panic!("{:?}", domain.interfaces);
    };
    assert_eq!(first.mac.unwrap().to_string(), "52:54:00:12:34:56");
    assert_eq!(first.source, InterfaceSource::Network("default".into()));
    assert_eq!(second.source, InterfaceSource::Other("user".into()));
}

#[test]
fn what_every_machine_has_is_asked_for() {
    let whole = "<domain type='qemu'><name>a</name><memory>1</memory></domain>";
    assert_eq!(Domain::parse(whole).unwrap().vcpus, 1);
    for (part, instead) in [
        (" type='qemu'", ""),
        ("<name>a</name>", ""),
        ("<name>a</name>", "<name> </name>"),
        ("<memory>1</memory>", ""),
        ("<memory>1</memory>", "<memory>x</memory>"),
        ("<memory>1</memory>", "<memory>1</memory><vcpu>many</vcpu>"),
    ] {
        assert!(
            Domain::parse(&whole.replace(part, instead)).is_err(),
            "{part}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_brings_it_down(text in ".{0,200}") {
        let _ = Domain::parse(&text);
    }

    #[test]
    fn no_damage_brings_it_down(
        from in 0..RUNNING.len(),
        length in 0..40_usize,
        instead in "[<>/&;'\"!a-c \\[\\]-]{0,8}",
    ) {
        let to = (from + length).min(RUNNING.len());
        let mut bytes = RUNNING.as_bytes().to_vec();
        bytes.splice(from..to, instead.into_bytes());
        let text = String::from_utf8(bytes).unwrap();
        if let Ok(domain) = Domain::parse(&text) {
            prop_assert!(!domain.name.is_empty());
        }
    }
}
