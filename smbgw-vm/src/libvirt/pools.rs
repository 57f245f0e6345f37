//! Pools of storage.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::size::ByteSize;

use super::call::{About, field, names};
use super::domains::changed;
use super::{LibvirtError, Name, Virsh};
use crate::domain_xml::XmlError;
use crate::domain_xml::tree::Document;
use crate::domain_xml::unit::amount;

/// A pool of storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PoolInfo {
    /// Its name.
    pub name: String,
    /// Its kind, such as `dir`, `logical` or `zfs`.
    pub kind: String,
    /// Whether it can be used at this time.
    pub active: bool,
    /// All that fits into it. What is not active has none.
    pub capacity_bytes: ByteSize,
    /// What still fits into it.
    pub available_bytes: ByteSize,
    /// Its folder or group of volumes on the machine of libvirt.
    pub path: Option<PathBuf>,
}

impl PoolInfo {
    /// Reads what `virsh pool-dumpxml` prints.
    fn parse(xml: &str, active: bool) -> Result<Self, XmlError> {
        let root = Document::parse(xml, "pool")?.root;
        let size = |name: &str| match root.at(&[name]) {
            Some(element) => amount(element, "bytes"),
            None => Ok(ByteSize::default()),
        };
        let missing = |what: &str| XmlError::Missing {
            of: "pool".to_owned(),
            what: what.to_owned(),
        };
        Ok(Self {
            name: root.text_at(&["name"]).ok_or_else(|| missing("name"))?,
            kind: root.attribute("type").ok_or_else(|| missing("@type"))?,
            active,
            capacity_bytes: size("capacity")?,
            available_bytes: size("available")?,
            path: root.text_at(&["target", "path"]).map(Into::into),
        })
    }
}

impl Virsh<'_> {
    /// The names of all pools, whether they are active or not.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn pools(&self) -> Result<Vec<String>, LibvirtError> {
        self.ask(None, ["pool-list", "--all", "--name"])
            .map(|said| names(&said))
    }

    /// What a pool is like, as libvirt saw it last; see [`refresh_pool`](Self::refresh_pool).
    ///
    /// # Errors
    /// [`LibvirtError::Missing`] where there is none of this name.
    pub fn pool(&self, name: &Name) -> Result<PoolInfo, LibvirtError> {
        let said = self.pool_command(name, "pool-info")?;
        let active = field(&said, "State") == Some("running");
        Ok(PoolInfo::parse(
            &self.pool_command(name, "pool-dumpxml")?,
            active,
        )?)
    }

    /// Has libvirt look anew at what is in a pool and how much still fits.
    ///
    /// # Errors
    /// [`LibvirtError::NotRunning`] where the pool is not active.
    pub fn refresh_pool(&self, name: &Name) -> Result<(), LibvirtError> {
        self.pool_command(name, "pool-refresh").map(drop)
    }

    /// Has a pool be usable; [`Change::Unchanged`] where it is.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start_pool(&self, name: &Name) -> Result<Change, LibvirtError> {
        changed(self.pool_command(name, "pool-start"), |error| {
            matches!(error, LibvirtError::Running { .. })
        })
    }

    fn pool_command(&self, name: &Name, word: &str) -> Result<String, LibvirtError> {
        let words = [word.to_owned(), format!("--pool={name}")];
        self.ask(About::pool(name), words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_read() {
        let xml = "<pool type='dir'><name>lab</name><capacity unit='bytes'>100</capacity>\
                   <available unit='KiB'>2</available><target><path>/srv/a</path></target></pool>";
        let pool = PoolInfo::parse(xml, true).unwrap();
        assert_eq!((pool.name.as_str(), pool.kind.as_str()), ("lab", "dir"));
        assert_eq!(pool.capacity_bytes, ByteSize::from_bytes(100));
        assert_eq!(pool.available_bytes, ByteSize::from_bytes(2048));
        assert_eq!(pool.path, Some("/srv/a".into()));
        assert!(PoolInfo::parse("<pool type='dir'/>", true).is_err());
        assert!(PoolInfo::parse("<volume/>", true).is_err());
    }
}
