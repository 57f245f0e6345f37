//! A new machine becomes XML.

use std::path::Path;

use super::{
    Accelerator, Boot, DiskSpec, DomainSpec, FolderSpec, InterfaceSpec, NetworkSource, SpecError,
};
use crate::domain_xml::tree::Element;
use crate::domain_xml::{Channel, DiskSource};

impl DomainSpec {
    /// The XML that `virsh define` takes.
    ///
    /// # Errors
    /// With all [`problems`](Self::problems) where there are any.
    pub fn to_xml(&self) -> Result<String, SpecError> {
        match self.problems() {
            problems if problems.is_empty() => Ok(self.element().to_indented_text()),
            problems => Err(SpecError(problems)),
        }
    }

    fn element(&self) -> Element {
        let memory = (self.memory_bytes.bytes() / 1024).to_string();
        let memory = Element::new("memory")
            .with("unit", "KiB")
            .with_text(&memory);
        let description = self.description.as_deref();
        Element::new("domain")
            .with("type", self.accelerator.as_str())
            .with_child(Element::new("name").with_text(&self.name))
            .with_children(description.map(|text| Element::new("description").with_text(text)))
            .with_child(Element::new("metadata").with_child(self.mark.element()))
            .with_child(memory)
            .with_children(shared_memory(&self.folders))
            .with_child(Element::new("vcpu").with_text(&self.vcpus.to_string()))
            .with_child(self.os())
            .with_child(
                Element::new("features")
                    .with_children([Element::new("acpi"), Element::new("apic")]),
            )
            .with_child(self.cpu())
            .with_child(Element::new("on_poweroff").with_text("destroy"))
            .with_child(Element::new("on_reboot").with_text("restart"))
            .with_child(Element::new("on_crash").with_text("destroy"))
            .with_child(self.devices())
    }

    fn os(&self) -> Element {
        let kind = Element::new("type")
            .with("arch", "x86_64")
            .with("machine", self.chipset.as_str())
            .with_text("hvm");
        let os = Element::new("os").with_child(kind);
        let from_disk = Element::new("boot").with("dev", "hd");
        match &self.boot {
            Boot::Bios => os.with_child(from_disk),
            Boot::Uefi => os.with("firmware", "efi").with_child(from_disk),
            Boot::Kernel {
                kernel,
                initrd,
                command_line,
            } => {
                let initrd = initrd.as_deref();
                os.with_child(Element::new("kernel").with_text(text(kernel)))
                    .with_children(initrd.map(|path| Element::new("initrd").with_text(text(path))))
                    .with_child(Element::new("cmdline").with_text(command_line))
            }
        }
    }

    fn cpu(&self) -> Element {
        let cpu = match self.accelerator {
            Accelerator::Kvm => Element::new("cpu").with("mode", "host-model"),
            Accelerator::Qemu => Element::new("cpu")
                .with("mode", "custom")
                .with("match", "exact")
                .with("check", "none")
                .with_child(Element::new("model").with_text("qemu64")),
        };
        cpu.with_children(self.cpu_features_off.iter().map(|name| {
            Element::new("feature")
                .with("policy", "disable")
                .with("name", name)
        }))
    }

    fn devices(&self) -> Element {
        let names = ('a'..='z').map(|letter| format!("vd{letter}"));
        let disks = names.zip(&self.disks);
        let agent = Element::new("target")
            .with("type", "virtio")
            .with("name", Channel::GUEST_AGENT);
        let random = Element::new("backend")
            .with("model", "random")
            .with_text("/dev/urandom");
        Element::new("devices")
            .with_children(disks.map(|(target, spec)| disk(&target, spec)))
            .with_children(self.interfaces.iter().map(interface))
            .with_children(self.folders.iter().map(folder))
            .with_child(self.console())
            .with_child(
                Element::new("channel")
                    .with("type", "unix")
                    .with_child(agent),
            )
            .with_child(
                Element::new("rng")
                    .with("model", "virtio")
                    .with_child(random),
            )
            .with_child(Element::new("memballoon").with("model", "virtio"))
    }

    fn console(&self) -> Element {
        let port = Element::new("target").with("port", "0");
        let log = self.console_log.as_deref().map(|log| {
            Element::new("log")
                .with("file", text(log))
                .with("append", "off")
        });
        Element::new("serial")
            .with("type", "pty")
            .with_children(log)
            .with_child(port)
    }
}

/// The element of a disk that the machine sees by this name.
pub(in crate::domain_xml) fn disk(target: &str, spec: &DiskSpec) -> Element {
    let (kind, source) = source(&spec.source);
    let driver = Element::new("driver")
        .with("name", "qemu")
        .with("type", spec.format.as_str());
    let driver = match spec.read_only {
        true => driver,
        // What the machine frees is given back.
        false => driver.with("discard", "unmap"),
    };
    let target = Element::new("target")
        .with("dev", target)
        .with("bus", "virtio");
    let serial = spec.serial.as_deref();
    Element::new("disk")
        .with("type", kind)
        .with("device", "disk")
        .with_children([driver, source, target])
        .with_children(spec.read_only.then(|| Element::new("readonly")))
        .with_children(serial.map(|serial| Element::new("serial").with_text(serial)))
}

/// The type of a disk, and its element `source`.
pub(in crate::domain_xml) fn source(source: &DiskSource) -> (&str, Element) {
    let element = Element::new("source");
    match source {
        DiskSource::File(path) => ("file", element.with("file", text(path))),
        DiskSource::Block(path) => ("block", element.with("dev", text(path))),
        DiskSource::Volume { pool, volume } => {
            ("volume", element.with("pool", pool).with("volume", volume))
        }
        DiskSource::Network { protocol, name } => {
            let element = element.with("protocol", protocol);
            let name = name.as_deref().unwrap_or_default();
            ("network", element.with("name", name))
        }
        DiskSource::Other(kind) => (kind, element),
    }
}

fn interface(spec: &InterfaceSpec) -> Element {
    let (kind, name) = match &spec.network {
        NetworkSource::Network(name) => ("network", name),
        NetworkSource::Bridge(name) => ("bridge", name),
    };
    Element::new("interface")
        .with("type", kind)
        .with_child(Element::new("mac").with("address", &spec.mac.to_string()))
        .with_child(Element::new("source").with(kind, name))
        .with_child(Element::new("model").with("type", "virtio"))
}

fn folder(spec: &FolderSpec) -> Element {
    Element::new("filesystem")
        .with("type", "mount")
        .with("accessmode", "passthrough")
        .with_child(Element::new("driver").with("type", "virtiofs"))
        .with_child(Element::new("source").with("dir", text(&spec.source)))
        .with_child(Element::new("target").with("dir", &spec.tag))
}

/// virtiofsd works in the memory of the machine. Without a folder nobody else shall.
fn shared_memory(folders: &[FolderSpec]) -> Option<Element> {
    (!folders.is_empty()).then(|| {
        Element::new("memoryBacking")
            .with_child(Element::new("source").with("type", "memfd"))
            .with_child(Element::new("access").with("mode", "shared"))
    })
}

/// A path, which was checked to be text.
fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}
