//! The header of a qcow2 image, read without QEMU (QEMU's `docs/interop/qcow2.txt`).
//!
//! It says which other files the image is made of, before anything opens them.

/// How many bytes from the start of an image hold what is read here: header, extensions and the name of the
/// backing file lie in the first cluster, and none of them need more than this.
pub(super) const LENGTH: usize = 64 << 10;

/// What the header of a qcow2 image says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qcow2Header {
    /// The version of the form: 2 or 3.
    pub version: u32,
    /// The size of the disk in bytes.
    pub virtual_size_bytes: u64,
    /// The name of the image that this one is a layer over, as it stands in the header.
    pub backing_file: Option<String>,
    /// Whether the content lies in another file.
    pub external_data_file: bool,
    /// Whether the content is encrypted.
    pub encrypted: bool,
}

/// Why bytes are no header of a qcow2 image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// It begins with something else.
    #[error("it does not begin as a qcow2 image does")]
    Magic,
    /// The form is newer than is known.
    #[error("it is of version {0} of the format, and 2 and 3 are known")]
    Version(u32),
    /// It ends too early, or points to outside of itself.
    #[error("its header is cut short or damaged")]
    Damaged,
}

/// Bit 2 of the incompatible features: the content is in an external data file.
const EXTERNAL_DATA: u64 = 1 << 2;

/// The longest name of a backing file.
const LONGEST_NAME: u32 = 1023;

impl Qcow2Header {
    /// Reads the header from the first 64 KiB of an image, or all there is.
    ///
    /// # Errors
    /// Where these are no header that is understood.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        if bytes.get(..4) != Some(b"QFI\xfb") {
            return Err(HeaderError::Magic);
        }
        let version = number32(bytes, 4)?;
        if !(2..=3).contains(&version) {
            return Err(HeaderError::Version(version));
        }
        let name_offset = number64(bytes, 8)?;
        let name_length = number32(bytes, 16)?;
        let backing_file = match name_offset {
            0 => None,
            _ => Some(name(bytes, name_offset, name_length)?),
        };
        let incompatible = match version {
            2 => 0,
            _ => number64(bytes, 72)?,
        };
        Ok(Self {
            version,
            virtual_size_bytes: number64(bytes, 24)?,
            backing_file,
            external_data_file: incompatible & EXTERNAL_DATA != 0,
            encrypted: number32(bytes, 32)? != 0,
        })
    }
}

fn name(bytes: &[u8], offset: u64, length: u32) -> Result<String, HeaderError> {
    if length > LONGEST_NAME {
        return Err(HeaderError::Damaged);
    }
    let start = usize::try_from(offset).map_err(|_| HeaderError::Damaged)?;
    let rest = bytes.get(start..).ok_or(HeaderError::Damaged)?;
    let name = rest.get(..length as usize).ok_or(HeaderError::Damaged)?;
    Ok(String::from_utf8_lossy(name).into_owned())
}

fn number32(bytes: &[u8], at: usize) -> Result<u32, HeaderError> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    found
        .map(|bytes| u32::from_be_bytes(*bytes))
        .ok_or(HeaderError::Damaged)
}

fn number64(bytes: &[u8], at: usize) -> Result<u64, HeaderError> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
    found
        .map(|bytes| u64::from_be_bytes(*bytes))
        .ok_or(HeaderError::Damaged)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(version: u32, features: u64, name: &str) -> Vec<u8> {
        let mut bytes = vec![0; 104];
        bytes[..4].copy_from_slice(b"QFI\xfb");
        bytes[4..8].copy_from_slice(&version.to_be_bytes());
        if !name.is_empty() {
            bytes[8..16].copy_from_slice(&104_u64.to_be_bytes());
            bytes[16..20].copy_from_slice(&u32::try_from(name.len()).unwrap().to_be_bytes());
        }
        bytes[24..32].copy_from_slice(&(4_u64 << 30).to_be_bytes());
        bytes[72..80].copy_from_slice(&features.to_be_bytes());
        bytes.extend_from_slice(name.as_bytes());
        bytes
    }

    #[test]
    fn what_an_image_is_made_of_is_read() {
        let read = Qcow2Header::parse(&header(3, EXTERNAL_DATA, "/etc/shadow")).unwrap();
        assert_eq!(read.backing_file.as_deref(), Some("/etc/shadow"));
        assert!(read.external_data_file && !read.encrypted);
        assert_eq!(read.virtual_size_bytes, 4 << 30);
        let plain = Qcow2Header::parse(&header(3, 0, "")).unwrap();
        assert_eq!(plain.backing_file, None);
        assert!(!plain.external_data_file);
        // Version 2 ends before the features.
        let old = Qcow2Header::parse(&header(2, 0, "")[..72]).unwrap();
        assert_eq!(old.version, 2);
    }

    #[test]
    fn what_is_no_image_is_told() {
        assert_eq!(Qcow2Header::parse(b"junk"), Err(HeaderError::Magic));
        assert_eq!(
            Qcow2Header::parse(&header(4, 0, "")),
            Err(HeaderError::Version(4))
        );
        let mut outside = header(3, 0, "/base");
        outside[8..16].copy_from_slice(&u64::MAX.to_be_bytes());
        assert_eq!(Qcow2Header::parse(&outside), Err(HeaderError::Damaged));
        let mut long = header(3, 0, "/base");
        long[16..20].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(Qcow2Header::parse(&long), Err(HeaderError::Damaged));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(rest in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = b"QFI\xfb\0\0\0\x03".to_vec();
            bytes.extend(rest);
            if let Ok(header) = Qcow2Header::parse(&bytes) {
                prop_assert!(header.backing_file.is_none_or(|name| name.len() <= 3 * 1023));
            }
        }
    }
}
