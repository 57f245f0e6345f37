//! Certificates for tests of TLS, made by `openssl` and good for a day.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Result, run};

/// An authority of its own that nobody trusts unless told to.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
}

/// A certificate of a server, with its key.
#[derive(Debug)]
pub struct ServerCertificate {
    /// The certificate (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM, PKCS #8), which only its owner can read.
    pub key: PathBuf,
}

impl Authority {
    /// Makes an authority whose files are in `folder`, which is made where it is missing.
    pub fn new(folder: impl Into<PathBuf>) -> Result<Authority> {
        let authority = Authority {
            folder: folder.into(),
        };
        fs::create_dir_all(&authority.folder)
            .map_err(Error::doing("making the folder of an authority"))?;
        run(request("Test authority", &authority.key())
            .args(["-x509", "-days", "1", "-addext", "keyUsage=keyCertSign"])
            .arg("-out")
            .arg(authority.certificate()))?;
        Ok(authority)
    }

    /// The file with the authority's own certificate (PEM), for those who are to trust it.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// A certificate for the server `name`, and for 127.0.0.1.
    pub fn issue(&self, name: &str) -> Result<ServerCertificate> {
        let at = |suffix: &str| self.folder.join(format!("{name}.{suffix}"));
        let issued = ServerCertificate {
            certificate: at("pem"),
            key: at("key"),
        };
        let (wish, extensions) = (at("csr"), at("ext"));
        run(request(name, &issued.key).arg("-out").arg(&wish))?;
        fs::write(
            &extensions,
            format!("subjectAltName=DNS:{name},IP:127.0.0.1\nextendedKeyUsage=serverAuth\n"),
        )
        .map_err(Error::doing("writing the extensions of a certificate"))?;
        run(Command::new("openssl")
            .args(["x509", "-req", "-days", "1", "-CAcreateserial", "-in"])
            .arg(&wish)
            .arg("-CA")
            .arg(self.certificate())
            .arg("-CAkey")
            .arg(self.key())
            .arg("-extfile")
            .arg(&extensions)
            .arg("-out")
            .arg(&issued.certificate))?;
        Ok(issued)
    }

    fn key(&self) -> PathBuf {
        self.folder.join("authority.key")
    }
}

/// The beginning of a command that makes a key and asks for its certificate.
fn request(name: &str, key: &Path) -> Command {
    let mut command = Command::new("openssl");
    command
        .args(["req", "-newkey", "ec", "-nodes"])
        .args(["-pkeyopt", "ec_paramgen_curve:P-256"])
        .arg("-subj")
        .arg(format!("/CN={name}"))
        .arg("-keyout")
        .arg(key);
    command
}
