//! Volumes of a pool.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::size::ByteSize;

use super::call::About;
use super::{LibvirtError, Name, ObjectKind, Virsh};
use crate::domain_xml::XmlError;
use crate::domain_xml::tree::{Document, Element};
use crate::domain_xml::unit::amount;
use crate::image::ImageFormat;

/// A volume that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVolume {
    /// Its name.
    pub name: Name,
    /// The size of the disk that it is.
    pub size: ByteSize,
    /// Its format.
    pub format: ImageFormat,
    /// The image that it is a layer over, with its format: a template. Nothing is ever written to that.
    pub backing: Option<(PathBuf, ImageFormat)>,
}

/// A volume of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VolumeInfo {
    /// Its name.
    pub name: String,
    /// Where it is on the machine of libvirt.
    pub path: PathBuf,
    /// Its format, such as `qcow2`.
    pub format: Option<String>,
    /// The size of the disk that it is.
    pub capacity_bytes: ByteSize,
    /// What it takes in the pool.
    pub allocation_bytes: ByteSize,
    /// The image that it is a layer over.
    pub backing: Option<PathBuf>,
}

impl NewVolume {
    fn xml(&self) -> String {
        let size = self.size.bytes().to_string();
        let format = |format: ImageFormat| Element::new("format").with("type", format.as_str());
        let target = Element::new("target").with_child(format(self.format));
        let backing = self.backing.as_ref().map(|(path, kind)| {
            Element::new("backingStore")
                .with_child(Element::new("path").with_text(&path.to_string_lossy()))
                .with_child(format(*kind))
        });
        Element::new("volume")
            .with_child(Element::new("name").with_text(self.name.as_str()))
            .with_child(
                Element::new("capacity")
                    .with("unit", "bytes")
                    .with_text(&size),
            )
            // What is not written takes no room.
            .with_child(
                Element::new("allocation")
                    .with("unit", "bytes")
                    .with_text("0"),
            )
            .with_child(target)
            .with_children(backing)
            .to_indented_text()
    }
}

impl VolumeInfo {
    /// Reads what `virsh vol-dumpxml` prints.
    fn parse(xml: &str) -> Result<Self, XmlError> {
        let root = Document::parse(xml, "volume")?.root;
        let missing = |what: &str| XmlError::Missing {
            of: "volume".to_owned(),
            what: what.to_owned(),
        };
        let text = |path: &[&str]| root.text_at(path).ok_or_else(|| missing(&path.join("/")));
        let size = |name: &str| {
            let element = root.at(&[name]).ok_or_else(|| missing(name))?;
            amount(element, "bytes")
        };
        Ok(Self {
            name: text(&["name"])?,
            path: text(&["target", "path"])?.into(),
            format: root.attribute_at(&["target", "format"], "type"),
            capacity_bytes: size("capacity")?,
            allocation_bytes: size("allocation")?,
            backing: root.text_at(&["backingStore", "path"]).map(Into::into),
        })
    }
}

impl Virsh<'_> {
    /// Makes a volume in a pool.
    ///
    /// # Errors
    /// [`LibvirtError::Exists`] where there is one of this name.
    pub fn create_volume(&self, pool: &Name, new: &NewVolume) -> Result<(), LibvirtError> {
        let pool = format!("--pool={pool}");
        let words = ["vol-create", &pool, "--file=/dev/stdin"];
        self.feed(About::volume(&new.name), words, new.xml().into_bytes())
            .map(drop)
    }

    /// What a volume is like.
    ///
    /// # Errors
    /// [`LibvirtError::Missing`] where there is no such volume or pool.
    pub fn volume(&self, pool: &Name, name: &Name) -> Result<VolumeInfo, LibvirtError> {
        Ok(VolumeInfo::parse(&self.vol(
            "vol-dumpxml",
            pool,
            name,
            &[],
        )?)?)
    }

    /// Fills a volume from its beginning with these bytes, such as a seed.
    ///
    /// # Errors
    /// Where there is no such volume, or it is too small.
    pub fn fill_volume(
        &self,
        pool: &Name,
        name: &Name,
        content: Vec<u8>,
    ) -> Result<(), LibvirtError> {
        let words = vol_words("vol-upload", pool, name);
        let words = words.into_iter().chain(["--file=/dev/stdin".to_owned()]);
        self.feed(About::volume(name), words, content).map(drop)
    }

    /// Fills a volume from its beginning with a file of the machine of libvirt, such as a template.
    ///
    /// # Errors
    /// Where there is no such volume or file, or the volume is too small.
    pub fn fill_volume_from(
        &self,
        pool: &Name,
        name: &Name,
        file: &Path,
    ) -> Result<(), LibvirtError> {
        let file = format!("--file={}", file.to_string_lossy());
        self.vol("vol-upload", pool, name, &[&file, "--sparse"])
            .map(drop)
    }

    /// Copies a volume as a whole to a new one of the same pool.
    ///
    /// # Errors
    /// [`LibvirtError::Exists`] where there is one of the new name.
    pub fn clone_volume(&self, pool: &Name, name: &Name, new: &Name) -> Result<(), LibvirtError> {
        let new = format!("--newname={new}");
        self.vol("vol-clone", pool, name, &[&new]).map(drop)
    }

    /// Makes a volume larger, which no running machine sees before it is started again.
    ///
    /// # Errors
    /// Where it would become smaller.
    pub fn grow_volume(
        &self,
        pool: &Name,
        name: &Name,
        size: ByteSize,
    ) -> Result<(), LibvirtError> {
        let size = format!("--capacity={}B", size.bytes());
        self.vol("vol-resize", pool, name, &[&size]).map(drop)
    }

    /// Removes a volume with all that is in it; [`Change::Unchanged`] where there is none.
    ///
    /// # Errors
    /// Where it is there and cannot be removed, or there is no such pool.
    pub fn delete_volume(&self, pool: &Name, name: &Name) -> Result<Change, LibvirtError> {
        match self.vol("vol-delete", pool, name, &[]) {
            Ok(_) => Ok(Change::Removed),
            Err(LibvirtError::Missing {
                kind: ObjectKind::Volume,
                ..
            }) => Ok(Change::Unchanged),
            Err(error) => Err(error),
        }
    }

    fn vol(
        &self,
        word: &str,
        pool: &Name,
        name: &Name,
        more: &[&str],
    ) -> Result<String, LibvirtError> {
        let more = more.iter().map(|word| (*word).to_owned());
        let words = vol_words(word, pool, name).into_iter().chain(more);
        self.ask(About::volume(name), words)
    }
}

fn vol_words(word: &str, pool: &Name, name: &Name) -> [String; 3] {
    [
        word.to_owned(),
        format!("--pool={pool}"),
        format!("--vol={name}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_read_as_it_was_asked_for() {
        let new = NewVolume {
            name: "v.qcow2".parse().unwrap(),
            size: ByteSize::from_mib(20),
            format: ImageFormat::Qcow2,
            backing: Some(("/srv/a & b".into(), ImageFormat::Raw)),
        };
        let path = "<format type=\"qcow2\"/>";
        let xml = new.xml();
        assert!(xml.contains("<path>/srv/a &amp; b</path>"), "{xml}");
        let xml = xml.replacen(path, &format!("<path>/pool/v</path>{path}"), 1);
        let info = VolumeInfo::parse(&xml).unwrap();
        assert_eq!(
            (info.name.as_str(), info.path),
            ("v.qcow2", "/pool/v".into())
        );
        assert_eq!(info.capacity_bytes, ByteSize::from_mib(20));
        assert_eq!(info.backing, Some("/srv/a & b".into()));
        assert_eq!(info.format.as_deref(), Some("qcow2"));
    }
}
