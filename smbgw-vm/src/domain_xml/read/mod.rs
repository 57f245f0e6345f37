//! A machine is read from its XML.

use super::tree::{Document, Element};
use super::unit::amount;
use super::{Channel, Disk, Domain, Filesystem, Interface, Mark, Virtualization, XmlError};

impl Domain {
    /// Reads what `virsh dumpxml` prints.
    ///
    /// # Errors
    /// Where it is not the XML of a machine, or lacks what every machine has.
    pub fn parse(xml: &str) -> Result<Self, XmlError> {
        Self::of(&Document::parse(xml, "domain")?.root)
    }

    /// What the element `domain` says.
    pub(crate) fn of(root: &Element) -> Result<Self, XmlError> {
        let missing = |what: &str| XmlError::Missing {
            of: "domain".to_owned(),
            what: what.to_owned(),
        };
        let memory = root.at(&["memory"]).ok_or_else(|| missing("memory"))?;
        let vcpus = root.text_at(&["vcpu"]).unwrap_or_else(|| "1".to_owned());
        let shared = root.attribute_at(&["memoryBacking", "access"], "mode");
        Ok(Self {
            virtualization: match root.attribute("type").ok_or_else(|| missing("@type"))? {
                word if word == "kvm" => Virtualization::Kvm,
                word if word == "qemu" => Virtualization::Qemu,
                word => Virtualization::Other(word),
            },
            name: root.text_at(&["name"]).ok_or_else(|| missing("name"))?,
            uuid: root.text_at(&["uuid"]),
            title: root.text_at(&["title"]),
            description: root.text_at(&["description"]),
            memory_bytes: amount(memory, "KiB")?,
            vcpus: vcpus.parse().map_err(|_| XmlError::value("vcpu", &vcpus))?,
            machine: root.attribute_at(&["os", "type"], "machine"),
            nvram: root.text_at(&["os", "nvram"]).map(Into::into),
            shared_memory: shared.as_deref() == Some("shared"),
            disks: devices(root, "disk").filter_map(Disk::of).collect(),
            interfaces: devices(root, "interface")
                .map(Interface::of)
                .collect::<Result<_, _>>()?,
            filesystems: devices(root, "filesystem").filter_map(filesystem).collect(),
            channels: devices(root, "channel").filter_map(channel).collect(),
            mark: Mark::of(root),
        })
    }
}

fn devices<'a>(root: &'a Element, name: &'a str) -> impl Iterator<Item = &'a Element> {
    let devices = root.at(&["devices"]);
    devices
        .into_iter()
        .flat_map(move |devices| devices.all(name))
}

fn filesystem(element: &Element) -> Option<Filesystem> {
    Some(Filesystem {
        driver: element.attribute_at(&["driver"], "type"),
        source: element.attribute_at(&["source"], "dir").map(Into::into),
        target: element.attribute_at(&["target"], "dir")?,
        read_only: element.at(&["readonly"]).is_some(),
    })
}

fn channel(element: &Element) -> Option<Channel> {
    let state = element.attribute_at(&["target"], "state");
    Some(Channel {
        name: element.attribute_at(&["target"], "name")?,
        connected: state.map(|state| state == "connected"),
    })
}

#[cfg(test)]
mod tests;
