//! The image by which a guest gets its documents: cloud-init's data source NoCloud.
//!
//! It is an ISO 9660 filesystem called `CIDATA`, which a guest can have as a CD or as a disk. It is not FAT,
//! since the kernel reads full names of FAT only with tables of characters that small kernels lack, and since
//! what a guest must not change is better on what cannot be changed. Linux takes the names from Rock
//! Ridge entries, and so does cloud-init, so there is no Joliet tree beside them.

mod iso9660;

use crate::cloudinit::Rendered;

pub use iso9660::SeedError;

/// The name of the filesystem, by which cloud-init finds it.
pub const LABEL: &str = "CIDATA";

/// The image of these documents: the same bytes for the same documents.
///
/// # Errors
/// Where a document is too large for the image.
///
/// ```
/// use smbgw_vm::cloudinit::Documents;
/// use smbgw_vm::seed;
///
/// let documents = Documents::new("vault-1".parse()?, "vault.example.org".parse()?);
/// let image = seed::image(&documents.render())?;
/// assert_eq!(image, seed::image(&documents.render())?);
/// assert_eq!(&image[0x8001..0x8006], b"CD001");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn image(documents: &Rendered) -> Result<Vec<u8>, SeedError> {
    iso9660::image(LABEL, &documents.files())
}
