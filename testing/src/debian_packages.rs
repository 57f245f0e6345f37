//! Files of Debian packages that are not installed.
//!
//! They are taken apart below the cache folder: nothing is configured, and no service is there. Debian's
//! archive is needed the first time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Result, cache, run};

/// Packages that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DebianPackages {
    /// What the folder is called: another one where the list changes.
    name: &'static str,
    packages: &'static [&'static str],
}

impl DebianPackages {
    /// cloud-init with the modules of Python that its `schema` needs: run it as `python3 -m
    /// cloudinit.cmd.main` with `usr/lib/python3/dist-packages` for a `PYTHONPATH`.
    pub const CLOUD_INIT: Self = Self {
        name: "cloud-init-1",
        packages: &[
            "cloud-init",
            "python3-attr",
            "python3-certifi",
            "python3-chardet",
            "python3-charset-normalizer",
            "python3-configobj",
            "python3-idna",
            "python3-jinja2",
            "python3-json-pointer",
            "python3-jsonpatch",
            "python3-jsonschema",
            "python3-markupsafe",
            "python3-netifaces",
            "python3-oauthlib",
            "python3-pyrsistent",
            "python3-requests",
            "python3-serial",
            "python3-six",
            "python3-urllib3",
            "python3-yaml",
        ],
    };

    /// The agent of QEMU's guests: `usr/sbin/qemu-ga`.
    pub const QEMU_GUEST_AGENT: Self = Self {
        name: "qemu-guest-agent-1",
        packages: &["qemu-guest-agent"],
    };

    /// What looks into images of CDs: `usr/bin/isoinfo`.
    pub const ISOINFO: Self = Self {
        name: "isoinfo-1",
        packages: &["genisoimage"],
    };

    /// The folder with the files of all the packages.
    ///
    /// # Errors
    /// Where they are not there yet and cannot be had.
    pub fn root(self) -> Result<PathBuf> {
        let doing = || Error::doing(format!("taking apart the packages of {}", self.name));
        let all = cache::folder("packages")?;
        fs::create_dir_all(&all).map_err(doing())?;
        // Without `..`, which hosts do not take.
        let all = all.canonicalize().map_err(doing())?;
        let root = all.join(self.name);
        if root.exists() {
            return Ok(root);
        }
        // Several processes may do this at the same time; the first one's is kept.
        let folder = all.join(format!(".{}-{}", self.name, std::process::id()));
        fs::create_dir(&folder).map_err(doing())?;
        let made = self.take_apart(&folder);
        let kept = made.and_then(|made| match fs::rename(made, &root) {
            Err(error) if !root.exists() => Err(doing()(error)),
            _ => Ok(root),
        });
        fs::remove_dir_all(&folder).map_err(doing())?;
        kept
    }

    /// The folder of their files, below `folder`.
    fn take_apart(self, folder: &Path) -> Result<PathBuf> {
        let mut download = Command::new("apt-get");
        download.args(["download", "-q"]).args(self.packages);
        run(download.current_dir(folder))?;
        let made = folder.join("root");
        let listing = || Error::doing("listing packages");
        for entry in fs::read_dir(folder).map_err(listing())? {
            let package = entry.map_err(listing())?.path();
            run(Command::new("dpkg-deb").arg("-x").arg(package).arg(&made))?;
        }
        Ok(made)
    }
}
