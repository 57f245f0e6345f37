//! The packages on the disk of a template.

use serde::{Deserialize, Serialize};

/// A package that is installed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The architecture it is for, or `all`.
    pub architecture: String,
}

/// All packages that are installed, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct PackageManifest(Vec<Package>);

impl PackageManifest {
    /// Reads what dpkg knows of a system: its file `/var/lib/dpkg/status`, one paragraph a package
    /// (deb-control(5)). Packages of which only the configuration remains are left out.
    pub fn from_dpkg_status(text: &str) -> Self {
        let mut packages: Vec<Package> = text.split("\n\n").filter_map(installed).collect();
        packages.sort();
        Self(packages)
    }

    /// The packages, sorted by name.
    pub fn packages(&self) -> &[Package] {
        &self.0
    }

    /// The package of this name, where it is installed.
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.0.iter().find(|package| package.name == name)
    }

    /// The text of the file that holds it: JSON, with a line for each package, so that two can be compared.
    pub fn to_text(&self) -> String {
        let lines: Vec<String> = self
            .0
            .iter()
            .map(|package| serde_json::to_string(package).expect("it is plain text"))
            .collect();
        format!("[\n{}\n]\n", lines.join(",\n"))
    }
}

fn installed(paragraph: &str) -> Option<Package> {
    let field = |name: &str| {
        let mut lines = paragraph.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    };
    let is_installed = field("Status")?.split_whitespace().nth(2) == Some("installed");
    is_installed.then_some(())?;
    Some(Package {
        name: field("Package")?.into(),
        version: field("Version")?.into(),
        architecture: field("Architecture")?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "\
Package: samba
Status: install ok installed
Priority: optional
Architecture: amd64
Version: 2:4.17.12+dfsg-0+deb12u1
Conffiles:
 /etc/samba/Version: 9

Package: adduser
Status: install ok installed
Architecture: all
Version: 3.134

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
";

    #[test]
    fn what_is_installed_is_listed_sorted() {
        let manifest = PackageManifest::from_dpkg_status(STATUS);
        let names: Vec<&str> = manifest
            .packages()
            .iter()
            .map(|p| p.name.as_str())
            .collect();
        assert_eq!(names, ["adduser", "samba"]);
        let samba = manifest.package("samba").unwrap();
        assert_eq!(samba.version, "2:4.17.12+dfsg-0+deb12u1");
        assert_eq!(manifest.package("gone"), None);
    }

    #[test]
    fn the_same_packages_are_the_same_text() {
        let mut turned: Vec<&str> = STATUS.trim_end().split("\n\n").collect();
        turned.reverse();
        let one = PackageManifest::from_dpkg_status(STATUS);
        let other = PackageManifest::from_dpkg_status(&turned.join("\n\n"));
        assert_eq!(one.to_text(), other.to_text());
        let read: PackageManifest = serde_json::from_str(&one.to_text()).unwrap();
        assert_eq!(read, one);
    }
}
