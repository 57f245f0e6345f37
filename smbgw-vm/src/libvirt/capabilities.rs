//! What the machine of libvirt can have.

use serde::{Deserialize, Serialize};
use smbgw_core::size::ByteSize;

use super::{LibvirtError, Virsh};
use crate::domain_xml::tree::Document;
use crate::domain_xml::{Accelerator, XmlError};

/// The kinds of computers that QEMU can be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MachineTypes {
    /// All names, such as `q35` and `pc-q35-7.2`.
    pub names: Vec<String>,
    /// Whether libvirt saw a device for KVM. That is no proof that the processor can run a kernel with it: see
    /// [`Virsh::try_kvm`].
    pub has_kvm_device: bool,
}

/// The memory of the machine of libvirt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeMemory {
    /// All of it.
    pub total_bytes: ByteSize,
    /// What nobody uses, with what the kernel gives back when asked.
    pub available_bytes: ByteSize,
    /// What machines that run may use at most.
    pub promised_bytes: ByteSize,
}

impl MachineTypes {
    /// Whether there is a type of this name.
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|found| found == name)
    }

    /// Reads what `virsh capabilities` prints.
    fn parse(xml: &str) -> Result<Self, XmlError> {
        let root = Document::parse(xml, "capabilities")?.root;
        let mut types = Self {
            names: Vec::new(),
            has_kvm_device: false,
        };
        let x86 = root.all("guest").filter_map(|guest| {
            let arch = guest.at(&["arch"])?;
            (arch.attribute("name")? == "x86_64").then_some(arch)
        });
        for arch in x86 {
            for machine in arch
                .all("machine")
                .chain(arch.all("domain").flat_map(|domain| {
                    // A type may have names for some ways to run it only.
                    domain.elements().filter(|child| child.name() == "machine")
                }))
            {
                let name = machine.text();
                if !types.has(&name) {
                    types.names.push(name);
                }
            }
            let kvm = Accelerator::Kvm.as_str();
            let is_kvm = |kind: Option<String>| kind.as_deref() == Some(kvm);
            types.has_kvm_device |= arch
                .all("domain")
                .any(|domain| is_kvm(domain.attribute("type")));
        }
        Ok(types)
    }
}

impl Virsh<'_> {
    /// The kinds of computers that the machine can run.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn machine_types(&self) -> Result<MachineTypes, LibvirtError> {
        Ok(MachineTypes::parse(&self.ask(None, ["capabilities"])?)?)
    }

    /// The memory of the machine.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn memory(&self) -> Result<NodeMemory, LibvirtError> {
        let said = self.ask(None, ["nodememstats"])?;
        let kib = |key: &str| {
            let value = super::call::field(&said, key)?;
            let count: u64 = value.strip_suffix("KiB")?.trim().parse().ok()?;
            Some(count.saturating_mul(1024))
        };
        let wrong = || self.unexpected("nodememstats", &said);
        let free = kib("free").ok_or_else(wrong)?;
        let given_back = kib("buffers").unwrap_or(0) + kib("cached").unwrap_or(0);
        let mut promised: u64 = 0;
        let running = self.ask(None, ["list", "--name"])?;
        for name in super::call::names(&running) {
            // One with a name that cannot be used here is somebody else's, but uses memory all the same.
            let said = self.ask(None, ["dominfo".to_owned(), format!("--domain={name}")]);
            if let Ok(said) = said
                && let Some(memory) = super::call::field(&said, "Max memory")
                && let Some(kib) = memory.strip_suffix("KiB")
            {
                let kib: u64 = kib.trim().parse().unwrap_or(0);
                promised = promised.saturating_add(kib.saturating_mul(1024));
            }
        }
        Ok(NodeMemory {
            total_bytes: ByteSize::from_bytes(kib("total").ok_or_else(wrong)?),
            available_bytes: ByteSize::from_bytes(free.saturating_add(given_back)),
            promised_bytes: ByteSize::from_bytes(promised),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_this_processor_are_read() {
        let xml = "<capabilities><host/>\
            <guest><arch name='i686'><machine>isapc</machine><domain type='kvm'/></arch></guest>\
            <guest><os_type>hvm</os_type><arch name='x86_64'>\
            <machine canonical='pc-q35-7.2' maxCpus='288'>q35</machine><machine>pc-q35-7.2</machine>\
            <domain type='qemu'/></arch></guest></capabilities>";
        let types = MachineTypes::parse(xml).unwrap();
        assert!(types.has("q35") && types.has("pc-q35-7.2"));
        assert!(!types.has("isapc") && !types.has_kvm_device);
        let with = xml.replace("type='qemu'", "type='kvm'");
        assert!(MachineTypes::parse(&with).unwrap().has_kvm_device);
    }
}
