//! Networks of libvirt's.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;

use super::call::{About, field, names};
use super::domains::changed;
use super::{LibvirtError, Name, Virsh};

/// A network of libvirt's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NetworkInfo {
    /// Its name.
    pub name: String,
    /// Whether it is there at this time.
    pub active: bool,
    /// Whether it starts with the machine of libvirt.
    pub autostart: bool,
    /// The bridge that it has on that machine.
    pub bridge: Option<String>,
}

impl Virsh<'_> {
    /// The names of all networks, whether they are active or not.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn networks(&self) -> Result<Vec<String>, LibvirtError> {
        self.ask(None, ["net-list", "--all", "--name"])
            .map(|said| names(&said))
    }

    /// What a network is like.
    ///
    /// # Errors
    /// [`LibvirtError::Missing`] where there is none of this name.
    pub fn network(&self, name: &Name) -> Result<NetworkInfo, LibvirtError> {
        let said = self.net(name, "net-info")?;
        let is = |key: &str| field(&said, key) == Some("yes");
        if field(&said, "Active").is_none() {
            return Err(self.unexpected("net-info", &said));
        }
        let bridge = field(&said, "Bridge").filter(|name| !matches!(*name, "" | "-"));
        Ok(NetworkInfo {
            name: name.to_string(),
            active: is("Active"),
            autostart: is("Autostart"),
            bridge: bridge.map(str::to_owned),
        })
    }

    /// Has a network be there; [`Change::Unchanged`] where it is.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start_network(&self, name: &Name) -> Result<Change, LibvirtError> {
        changed(self.net(name, "net-start"), |error| {
            matches!(error, LibvirtError::Running { .. })
        })
    }

    fn net(&self, name: &Name, word: &str) -> Result<String, LibvirtError> {
        let words = [word.to_owned(), format!("--network={name}")];
        self.ask(About::network(name), words)
    }
}
