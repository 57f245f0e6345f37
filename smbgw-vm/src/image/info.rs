//! What `qemu-img info` says of an image.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::host::{Command, CommandError};

/// One image of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImageInfo {
    /// The file.
    pub path: PathBuf,
    /// The name of its format, as `qemu-img` has it.
    pub format: String,
    /// The size of the disk that a guest sees, in bytes.
    pub virtual_size_bytes: u64,
    /// What the file takes on its storage, in bytes.
    pub actual_size_bytes: u64,
    /// The image that it is a layer over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub backing_file: Option<PathBuf>,
    /// The format that it says the other has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub backing_format: Option<String>,
    /// The file that holds the content, where that is not the image itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub data_file: Option<PathBuf>,
    /// Whether the image says of itself that it is damaged.
    pub corrupt: bool,
}

/// As `qemu-img info --output=json` names things (QEMU's QAPI schema, `ImageInfo`).
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Said {
    filename: PathBuf,
    format: String,
    virtual_size: u64,
    #[serde(default)]
    actual_size: u64,
    full_backing_filename: Option<PathBuf>,
    backing_filename: Option<PathBuf>,
    backing_filename_format: Option<String>,
    format_specific: Option<Specific>,
}

#[derive(Deserialize)]
struct Specific {
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Data {
    corrupt: bool,
    data_file: Option<PathBuf>,
}

/// Reads what `command` printed: one image.
pub(super) fn parse(command: &Command, said: &[u8]) -> Result<ImageInfo, CommandError> {
    serde_json::from_slice(said)
        .map(of)
        .map_err(|error| CommandError::unexpected(command, error.to_string()))
}

/// Reads what `command` printed with `--backing-chain`: the topmost image first.
pub(super) fn parse_chain(command: &Command, said: &[u8]) -> Result<Vec<ImageInfo>, CommandError> {
    let chain: Vec<Said> = serde_json::from_slice(said)
        .map_err(|error| CommandError::unexpected(command, error.to_string()))?;
    Ok(chain.into_iter().map(of).collect())
}

fn of(said: Said) -> ImageInfo {
    let data = said.format_specific.map(|specific| specific.data);
    let data = data.unwrap_or_default();
    ImageInfo {
        path: said.filename,
        format: said.format,
        virtual_size_bytes: said.virtual_size,
        actual_size_bytes: said.actual_size,
        backing_file: said.full_backing_filename.or(said.backing_filename),
        backing_format: said.backing_filename_format,
        data_file: data.data_file,
        corrupt: data.corrupt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As qemu-img 10.0 wrote it, shortened.
    const OVERLAY: &str = r#"{
        "children": [{"name": "file", "info": {"children": [], "virtual-size": 197120,
            "filename": "/srv/b.qcow2", "format": "file", "actual-size": 200704, "dirty-flag": false}}],
        "backing-filename-format": "qcow2", "virtual-size": 10485760, "filename": "/srv/b.qcow2",
        "cluster-size": 65536, "format": "qcow2", "actual-size": 200704,
        "format-specific": {"type": "qcow2", "data": {"compat": "1.1", "compression-type": "zlib",
            "lazy-refcounts": false, "refcount-bits": 16, "corrupt": true, "extended-l2": false,
            "data-file": "/srv/d.raw", "data-file-raw": true}},
        "full-backing-filename": "/srv/a.qcow2", "backing-filename": "a.qcow2", "dirty-flag": false}"#;

    #[test]
    fn an_overlay_tells_its_backing_file() {
        let command = Command::new("qemu-img");
        let info = parse(&command, OVERLAY.as_bytes()).unwrap();
        assert_eq!(info.backing_file, Some("/srv/a.qcow2".into()));
        assert_eq!(info.backing_format.as_deref(), Some("qcow2"));
        assert_eq!(info.data_file, Some("/srv/d.raw".into()));
        assert!(info.corrupt);
        assert_eq!(info.virtual_size_bytes, 10 << 20);
        let chain = parse_chain(&command, format!("[{OVERLAY}]").as_bytes()).unwrap();
        assert_eq!(chain, [info]);
    }

    #[test]
    fn something_else_is_an_error_that_names_the_command() {
        let error = parse(&Command::new("qemu-img").arg("info"), b"{}").unwrap_err();
        assert!(error.to_string().contains("qemu-img info"), "{error}");
    }
}
