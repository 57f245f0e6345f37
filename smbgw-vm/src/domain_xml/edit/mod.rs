//! A machine that is there is changed, and what was not meant stays as it was.

#[cfg(test)]
mod tests;

use smbgw_core::error::{Coded, ErrorKind, Problem};
use smbgw_core::size::ByteSize;

use super::spec::{self, check_disk, is_text};
use super::tree::{Document, Element};
use super::{Disk, DiskSource, DiskSpec, Domain, Mark, SpecError, XmlError};
use crate::code::Code;
use crate::image::ImageFormat;

/// The XML of a machine while it is changed.
///
/// ```
/// use smbgw_core::size::ByteSize;
/// use smbgw_vm::domain_xml::DomainEditor;
///
/// let xml = "<domain type='kvm'>\n  <name>a</name><!-- mine -->\n  <memory>1024</memory>\n</domain>";
/// let mut editor = DomainEditor::parse(xml)?;
/// editor.set_memory(ByteSize::from_mib(2))?;
/// assert_eq!(
///     editor.to_xml(),
///     "<domain type='kvm'>\n  <name>a</name><!-- mine -->\n  <memory unit=\"KiB\">2048</memory>\n</domain>"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DomainEditor {
    document: Document,
}

/// A machine cannot be changed so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// It has no such disk.
    #[error("the virtual machine `{name}` has no disk `{target}`")]
    NoDisk {
        /// The machine.
        name: String,
        /// The disk.
        target: String,
    },
    /// All names of disks are taken.
    #[error("the virtual machine `{name}` has no place for another disk")]
    NoPlace {
        /// The machine.
        name: String,
    },
    /// Something else in the XML depends on what is to be changed, and only its administrator knows how.
    #[error(
        "the {what} of the virtual machine `{name}` cannot be changed here, as its `{because}` says more of it"
    )]
    Bound {
        /// The machine.
        name: String,
        /// What was to be changed.
        what: &'static str,
        /// The element that depends on it.
        because: &'static str,
    },
    /// What it is to have cannot be.
    #[error(transparent)]
    Spec(#[from] SpecError),
}

impl DomainEditor {
    /// Begins with what `virsh dumpxml --inactive --security-info` prints.
    ///
    /// # Errors
    /// Where it is not the XML of a machine.
    pub fn parse(xml: &str) -> Result<Self, XmlError> {
        let document = Document::parse(xml, "domain")?;
        Domain::of(&document.root)?;
        Ok(Self { document })
    }

    /// The machine as it is now.
    ///
    /// # Errors
    /// Never after an edit of this type; the XML was read when it came.
    pub fn domain(&self) -> Result<Domain, XmlError> {
        Domain::of(&self.document.root)
    }

    /// The XML, for `virsh define`.
    pub fn to_xml(&self) -> String {
        self.document.write()
    }

    /// Gives it so much memory, also from its start.
    ///
    /// # Errors
    /// Where the memory is divided among cells or slots, or is no whole number of KiB.
    pub fn set_memory(&mut self, memory: ByteSize) -> Result<(), EditError> {
        let kib = memory.bytes() / 1024;
        if !memory.bytes().is_multiple_of(1024) || kib < 1024 {
            return Err(wrong(
                "memory",
                "it is at least 1 MiB, and a whole number of KiB",
            ));
        }
        self.unbound(
            "memory",
            &[("maxMemory", &["maxMemory"]), ("numa", &["cpu", "numa"])],
        )?;
        for name in ["memory", "currentMemory"] {
            if let Some(element) = self.document.root.child_mut(name) {
                element.set_attribute("unit", "KiB");
                element.set_text(&kib.to_string());
            }
        }
        Ok(())
    }

    /// Gives it so many processors, also from its start.
    ///
    /// # Errors
    /// Where the processors are listed one by one or have a topology, or there are to be none.
    pub fn set_vcpus(&mut self, count: u32) -> Result<(), EditError> {
        if count == 0 {
            return Err(wrong("vcpus", "a machine has at least one processor"));
        }
        let topology = ("topology", ["cpu", "topology"]);
        let numa = ("numa", ["cpu", "numa"]);
        self.unbound(
            "processors",
            &[
                ("vcpus", &["vcpus"]),
                (topology.0, &topology.1),
                (numa.0, &numa.1),
            ],
        )?;
        let root = &mut self.document.root;
        let text = count.to_string();
        match root.child_mut("vcpu") {
            Some(vcpu) => {
                if vcpu.attribute("current").is_some() {
                    vcpu.set_attribute("current", &text);
                }
                vcpu.set_text(&text);
            }
            None => root.insert(Element::new("vcpu").with_text(&text), &["os", "devices"]),
        }
        Ok(())
    }

    /// Sets what people are told of it, or takes that away.
    ///
    /// # Errors
    /// Where the text has control characters.
    pub fn set_description(&mut self, description: Option<&str>) -> Result<(), EditError> {
        if description.is_some_and(|text| !is_text(text)) {
            return Err(wrong("description", "the text has a control character"));
        }
        let root = &mut self.document.root;
        match (description, root.child_mut("description")) {
            (Some(text), Some(element)) => element.set_text(text),
            (Some(text), None) => {
                let element = Element::new("description").with_text(text);
                root.insert(element, &["metadata", "memory"]);
            }
            (None, _) => {
                root.remove(|element| element.name() == "description");
            }
        }
        Ok(())
    }

    /// Sets or replaces our mark; what others have in `metadata` stays.
    ///
    /// # Errors
    /// Where a text of the mark has control characters.
    pub fn set_mark(&mut self, mark: &Mark) -> Result<(), EditError> {
        if !is_text(&mark.share) || !is_text(&mark.run) {
            return Err(wrong("mark", "the text has a control character"));
        }
        let root = &mut self.document.root;
        if let Some(old) = Mark::element_in(root) {
            old.set_attribute("share", &mark.share);
            old.set_attribute("run", &mark.run);
        } else if let Some(metadata) = root.child_mut("metadata") {
            metadata.insert(mark.element(), &[]);
        } else {
            let metadata = Element::new("metadata").with_child(mark.element());
            root.insert(metadata, &["memory"]);
        }
        Ok(())
    }

    /// Adds a disk, and returns the name by which the machine sees it.
    ///
    /// # Errors
    /// Where there cannot be such a disk, its serial number is taken, or all names are.
    pub fn attach_disk(&mut self, spec: &DiskSpec) -> Result<String, EditError> {
        self.possible(spec)?;
        let taken = self.disks();
        if let Some(serial) = &spec.serial
            && taken
                .iter()
                .any(|disk| disk.serial.as_ref() == Some(serial))
        {
            let why = format!("another disk has the serial number `{serial}`");
            return Err(wrong("disks", &why));
        }
        let free = |name: &String| taken.iter().all(|disk| disk.target != *name);
        let target = ('a'..='z').map(|letter| format!("vd{letter}")).find(free);
        let target = target.ok_or_else(|| EditError::NoPlace { name: self.name() })?;
        let element = spec::disk(&target, spec);
        let root = &mut self.document.root;
        match root.child_mut("devices") {
            Some(devices) => {
                // Behind the other disks, as disks are started from in their order.
                let later: Vec<String> = devices.after("disk");
                let later: Vec<&str> = later.iter().map(String::as_str).collect();
                devices.insert(element, &later);
            }
            None => root.insert(Element::new("devices").with_child(element), &[]),
        }
        Ok(target)
    }

    /// Takes a disk away, and returns what it was. Its content stays.
    ///
    /// # Errors
    /// Where there is no such disk.
    pub fn detach_disk(&mut self, target: &str) -> Result<Disk, EditError> {
        let disk = self.disk(target)?;
        if let Some(devices) = self.document.root.child_mut("devices") {
            devices.remove(|element| is_disk(element, target));
        }
        Ok(disk)
    }

    /// Gives a disk other content, and returns what it was. All else of the disk stays.
    ///
    /// # Errors
    /// Where there is no such disk, or there cannot be such content.
    pub fn replace_disk(
        &mut self,
        target: &str,
        source: &DiskSource,
        format: ImageFormat,
    ) -> Result<Disk, EditError> {
        self.possible(&DiskSpec {
            source: source.clone(),
            format,
            serial: None,
            read_only: false,
        })?;
        let disk = self.disk(target)?;
        let devices = self.document.root.child_mut("devices");
        let found = devices.and_then(|devices| {
            devices
                .elements_mut()
                .find(|element| is_disk(element, target))
        });
        if let Some(element) = found {
            let (kind, source) = spec::source(source);
            element.set_attribute("type", kind);
            match element.child_mut("driver") {
                Some(driver) => driver.set_attribute("type", format.as_str()),
                None => {
                    let driver = Element::new("driver").with("name", "qemu");
                    element.insert(driver.with("type", format.as_str()), &["source", "target"]);
                }
            }
            // What was known of the former content is not true of the new one.
            element.remove(|child| ["source", "backingStore", "mirror"].contains(&child.name()));
            element.insert(source, &["target"]);
        }
        Ok(disk)
    }

    fn possible(&self, disk: &DiskSpec) -> Result<(), EditError> {
        match check_disk(disk) {
            problems if problems.is_empty() => Ok(()),
            problems => Err(SpecError(problems).into()),
        }
    }

    fn unbound(
        &self,
        what: &'static str,
        others: &[(&'static str, &[&str])],
    ) -> Result<(), EditError> {
        let is_there = |path: &[&str]| self.document.root.at(path).is_some();
        match others.iter().find(|(_, path)| is_there(path)) {
            None => Ok(()),
            Some((because, _)) => Err(EditError::Bound {
                name: self.name(),
                what,
                because,
            }),
        }
    }

    fn name(&self) -> String {
        let name = self.document.root.text_at(&["name"]);
        name.unwrap_or_default()
    }

    fn disks(&self) -> Vec<Disk> {
        let devices = self.document.root.at(&["devices"]).into_iter();
        let disks = devices.flat_map(|devices| devices.all("disk"));
        disks.filter_map(Disk::of).collect()
    }

    fn disk(&self, target: &str) -> Result<Disk, EditError> {
        let found = self.disks().into_iter().find(|disk| disk.target == target);
        found.ok_or_else(|| EditError::NoDisk {
            name: self.name(),
            target: target.to_owned(),
        })
    }
}

impl Coded for EditError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoDisk { .. } => Code::DomainDiskMissing.as_str(),
            Self::NoPlace { .. } | Self::Bound { .. } => Code::DomainNotEditable.as_str(),
            Self::Spec(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoDisk { .. } => ErrorKind::NotFound,
            Self::NoPlace { .. } | Self::Bound { .. } => ErrorKind::Unsupported,
            Self::Spec(error) => error.kind(),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::NoDisk { .. } => Some(Code::DomainDiskMissing.fix().into()),
            Self::NoPlace { .. } | Self::Bound { .. } => Some(Code::DomainNotEditable.fix().into()),
            Self::Spec(error) => error.remedy(),
        }
    }
}

fn is_disk(element: &Element, target: &str) -> bool {
    element.name() == "disk" && element.attribute_at(&["target"], "dev").as_deref() == Some(target)
}

fn wrong(field: &str, why: &str) -> EditError {
    let code = Code::DomainSpecInvalid.as_str();
    SpecError(vec![Problem::invalid(field, code, why)]).into()
}
