use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// A machine of somebody else's, with much that nobody here knows.
const THEIRS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- keep me -->
<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' type='kvm'>
  <name>files</name>
  <uuid>9f63bd35-5b33-4a52-a5bd-1d1d2c5e6a01</uuid>
  <metadata>
    <them:app xmlns:them="urn:them" a='1'  b="it's"/>
  </metadata>
  <memory unit='MiB'>512</memory>
  <currentMemory unit='MiB'>256</currentMemory>
  <vcpu placement='static' current='1'>4</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
  <devices>
    <!-- the system -->
    <disk type='file' device='disk' snapshot='no'>
      <driver name='qemu' type='qcow2' cache='none'/>
      <source file='/srv/a &amp; b.qcow2'><seclabel model='dac' relabel='no'/></source>
      <backingStore type='file'><format type='raw'/><source file='/t'/></backingStore>
      <target dev='vda' bus='virtio'/>
      <iotune><total_iops_sec>100</total_iops_sec></iotune>
    </disk>
    <future-device x='1'><![CDATA[<a>]]></future-device>
  </devices>
  <qemu:commandline><qemu:arg value='-s'/></qemu:commandline>
</domain>
<!-- the end -->
"#;

fn edited(change: impl FnOnce(&mut DomainEditor)) -> String {
    let mut editor = DomainEditor::parse(THEIRS).unwrap();
    change(&mut editor);
    editor.to_xml()
}

fn file(path: &str) -> DiskSpec {
    DiskSpec {
        source: DiskSource::File(path.into()),
        format: ImageFormat::Qcow2,
        serial: Some("data".into()),
        read_only: false,
    }
}

/// The lines of which only one text has one.
fn difference<'a>(one: &'a str, other: &'a str) -> Vec<&'a str> {
    let lines = |text: &'a str| text.lines().map(str::trim).collect::<BTreeSet<_>>();
    lines(one)
        .symmetric_difference(&lines(other))
        .copied()
        .collect()
}

#[test]
fn without_a_change_every_byte_stays() {
    assert_eq!(edited(|_| ()), THEIRS);
}

#[test]
fn memory_and_processors_change_alone() {
    let after = edited(|editor| {
        editor.set_memory(ByteSize::from_mib(1024)).unwrap();
        editor.set_vcpus(2).unwrap();
    });
    assert_eq!(
        after,
        THEIRS
            .replace("<memory unit='MiB'>512", "<memory unit=\"KiB\">1048576")
            .replace(
                "<currentMemory unit='MiB'>256",
                "<currentMemory unit=\"KiB\">1048576"
            )
            .replace(
                "<vcpu placement='static' current='1'>4",
                "<vcpu placement=\"static\" current=\"2\">2"
            )
    );
}

#[test]
fn what_depends_on_memory_and_processors_forbids_the_change() {
    for (part, memory, vcpus) in [
        ("<maxMemory slots='2' unit='GiB'>4</maxMemory>", false, true),
        (
            "<cpu><topology sockets='1' cores='4' threads='1'/></cpu>",
            true,
            false,
        ),
        (
            "<cpu><numa><cell id='0' cpus='0-3' memory='512'/></numa></cpu>",
            false,
            false,
        ),
        ("<vcpus><vcpu id='0' enabled='yes'/></vcpus>", true, false),
    ] {
        let xml = THEIRS.replace("<os>", &format!("{part}<os>"));
        let mut editor = DomainEditor::parse(&xml).unwrap();
        assert_eq!(
            editor.set_memory(ByteSize::from_mib(64)).is_ok(),
            memory,
            "{part}"
        );
        assert_eq!(editor.set_vcpus(2).is_ok(), vcpus, "{part}");
    }
}

#[test]
fn a_description_comes_changes_and_goes() {
    let with = edited(|editor| editor.set_description(Some("a < b")).unwrap());
    assert_eq!(
        difference(THEIRS, &with),
        ["<description>a &lt; b</description>"]
    );
    let mut editor = DomainEditor::parse(&with).unwrap();
    editor.set_description(Some("c")).unwrap();
    assert_eq!(editor.domain().unwrap().description.as_deref(), Some("c"));
    editor.set_description(None).unwrap();
    assert_eq!(editor.to_xml(), THEIRS);
    assert!(editor.set_description(Some("\u{1b}[2J")).is_err());
}

#[test]
fn a_mark_is_set_beside_what_others_have() {
    let mark = |run: &str| Mark {
        share: "a \"b\" & c".into(),
        run: run.into(),
    };
    let mut editor = DomainEditor::parse(THEIRS).unwrap();
    editor.set_mark(&mark("1")).unwrap();
    editor.set_mark(&mark("2")).unwrap();
    assert_eq!(editor.domain().unwrap().mark, Some(mark("2")));
    assert_eq!(difference(THEIRS, &editor.to_xml()).len(), 1);
    let bare = "<domain type='kvm'><name>a</name><memory>1</memory></domain>";
    let mut editor = DomainEditor::parse(bare).unwrap();
    editor.set_mark(&mark("3")).unwrap();
    assert_eq!(editor.domain().unwrap().mark, Some(mark("3")));
}

#[test]
fn a_disk_comes_and_goes() {
    let mut editor = DomainEditor::parse(THEIRS).unwrap();
    assert_eq!(editor.attach_disk(&file("/srv/data")).unwrap(), "vdb");
    let xml = editor.to_xml();
    assert!(xml.find("/srv/data") < xml.find("<future-device"), "{xml}");
    let disks = editor.domain().unwrap().disks;
    assert_eq!(disks[1].serial.as_deref(), Some("data"));
    let twice = editor.attach_disk(&file("/srv/other")).unwrap_err();
    assert_eq!(twice.code(), "vm.domain-spec-invalid");
    assert_eq!(editor.detach_disk("vdb").unwrap(), disks[1]);
    assert_eq!(editor.to_xml(), THEIRS);
    let gone = editor.detach_disk("vdb").unwrap_err();
    assert_eq!(
        (gone.code(), gone.kind()),
        ("vm.domain-disk-missing", ErrorKind::NotFound)
    );
}

#[test]
fn there_are_so_many_disks_and_no_more() {
    let mut editor = DomainEditor::parse(THEIRS).unwrap();
    for _ in 1..26 {
        let spec = DiskSpec {
            serial: None,
            ..file("/srv/data")
        };
        editor.attach_disk(&spec).unwrap();
    }
    let full = editor.attach_disk(&file("/srv/data")).unwrap_err();
    assert!(matches!(full, EditError::NoPlace { .. }), "{full}");
}

#[test]
fn other_content_keeps_the_rest_of_a_disk() {
    let volume = DiskSource::Volume {
        pool: "default".into(),
        volume: "v".into(),
    };
    let mut editor = DomainEditor::parse(THEIRS).unwrap();
    let former = editor
        .replace_disk("vda", &volume, ImageFormat::Raw)
        .unwrap();
    assert_eq!(former.backing.len(), 1);
    let disk = editor.disk("vda").unwrap();
    assert_eq!((&disk.source, disk.backing.len()), (&Some(volume), 0));
    assert_eq!(disk.format.as_deref(), Some("raw"));
    let xml = editor.to_xml();
    for kept in [
        "<iotune>",
        "cache=\"none\"",
        "snapshot=\"no\"",
        "<![CDATA[<a>]]>",
    ] {
        assert!(xml.contains(kept), "{kept} in {xml}");
    }
    assert!(
        !xml.contains("seclabel") && !xml.contains("/srv/a"),
        "{xml}"
    );
    let relative = DiskSource::File("a".into());
    assert!(
        editor
            .replace_disk("vda", &relative, ImageFormat::Raw)
            .is_err()
    );
}

proptest! {
    #[test]
    fn what_is_read_is_written_as_it_was(
        name in "[a-z][a-z0-9.:-]{0,8}",
        value in "[^<&'\u{0}-\u{1f}]{0,20}",
        text in "[^<&>\u{0}-\u{1f}]{0,20}",
        comment in "[a-z <>&']{0,20}",
    ) {
        let part = format!("<{name} a='{value}'>{text}<!--{comment}--><{name}/></{name}>");
        let xml = THEIRS.replace("<os>", &format!("{part}<os>"));
        let editor = DomainEditor::parse(&xml).unwrap();
        prop_assert_eq!(editor.to_xml(), xml);
    }

    #[test]
    fn a_value_that_is_set_is_read_again(text in "[^\u{0}-\u{1f}\u{fffe}\u{ffff}]{1,40}") {
        prop_assume!(!text.trim().is_empty());
        let mut editor = DomainEditor::parse(THEIRS).unwrap();
        let mark = Mark { share: text.clone(), run: text.clone() };
        editor.set_mark(&mark).unwrap();
        editor.set_description(Some(&text)).unwrap();
        let domain = Domain::parse(&editor.to_xml()).unwrap();
        prop_assert_eq!(domain.mark, Some(mark));
        let description = domain.description.unwrap();
        prop_assert_eq!(description.as_str(), text.trim());
    }
}
