//! Network adapters of a machine.

use serde::{Deserialize, Serialize};
use smbgw_core::mac::Mac;

use super::XmlError;
use super::tree::Element;

/// A network adapter of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Interface {
    /// Its address. libvirt gives it one where nobody else did.
    pub mac: Option<Mac>,
    /// What it is connected to.
    pub source: InterfaceSource,
    /// What the machine sees, such as `virtio`.
    pub model: Option<String>,
    /// Its name on the machine of libvirt, which has one while it runs.
    pub target: Option<String>,
}

/// What a network adapter is connected to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum InterfaceSource {
    /// A network of libvirt's.
    Network(String),
    /// A bridge of the machine of libvirt.
    Bridge(String),
    /// An adapter of that machine, which it shares.
    Direct(String),
    /// Something else, by libvirt's word for it.
    Other(String),
}

impl Interface {
    /// What an element `interface` says.
    pub(crate) fn of(element: &Element) -> Result<Self, XmlError> {
        let kind = element.attribute("type").unwrap_or_default();
        let source = |name: &str| {
            let source = element.attribute_at(&["source"], name);
            source.unwrap_or_default()
        };
        let mac = element.attribute_at(&["mac"], "address");
        let read = |text: String| {
            text.parse()
                .map_err(|_| XmlError::value("interface/mac", &text))
        };
        Ok(Self {
            mac: mac.map(read).transpose()?,
            source: match kind.as_str() {
                "network" => InterfaceSource::Network(source("network")),
                "bridge" => InterfaceSource::Bridge(source("bridge")),
                "direct" => InterfaceSource::Direct(source("dev")),
                _ => InterfaceSource::Other(kind),
            },
            model: element.attribute_at(&["model"], "type"),
            target: element.attribute_at(&["target"], "dev"),
        })
    }
}
