//! What can be wrong with a new machine, seen from its specification alone.

use std::collections::BTreeSet;
use std::path::Path;

use smbgw_core::error::Problem;

use super::{Boot, DiskSpec, DomainSpec, NetworkSource};
use crate::code::Code;
use crate::domain_xml::DiskSource;

/// What fits into the names of libvirt's files and sockets for a machine, with much to spare.
const LONGEST_NAME: usize = 63;

/// What the machine type `pc` can have.
const MOST_VCPUS: u32 = 255;

/// What `vda` to `vdz` name.
const MOST_DISKS: usize = 26;

/// The longest serial number of a disk (virtio specification, `VIRTIO_BLK_T_GET_ID`).
const LONGEST_SERIAL: usize = 20;

/// The longest tag of a folder (virtio specification, `virtio_fs_config`).
const LONGEST_TAG: usize = 36;

impl DomainSpec {
    /// All that is wrong with it, whatever the machine it is for.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Found(Vec::new());
        found.name("name", &self.name, LONGEST_NAME);
        found.text(
            "description",
            self.description.as_deref().unwrap_or_default(),
        );
        found.text("share", &self.mark.share);
        found.text("run", &self.mark.run);
        if self.memory_bytes.bytes() < 1 << 20 {
            found.add("memory", "a machine needs at least 1 MiB of memory");
        }
        if !self.memory_bytes.bytes().is_multiple_of(1024) {
            found.add("memory", "the memory is no whole number of KiB");
        }
        if !(1..=MOST_VCPUS).contains(&self.vcpus) {
            let why = format!("a machine has 1 to {MOST_VCPUS} processors");
            found.add("vcpus", &why);
        }
        for feature in &self.cpu_features_off {
            found.name("cpu_features_off", feature, LONGEST_NAME);
        }
        if let Boot::Kernel {
            kernel,
            initrd,
            command_line,
        } = &self.boot
        {
            found.path("boot.kernel", kernel);
            if let Some(initrd) = initrd {
                found.path("boot.initrd", initrd);
            }
            found.text("boot.command_line", command_line);
        }
        if let Some(log) = &self.console_log {
            found.path("console_log", log);
        }
        found.disks(&self.disks);
        found.interfaces(self);
        found.folders(self);
        found.0
    }
}

/// What is wrong with one disk.
pub(in crate::domain_xml) fn check_disk(disk: &DiskSpec) -> Vec<Problem> {
    let mut found = Found(Vec::new());
    found.disk(disk);
    found.0
}

/// Whether XML can hold a text (XML 1.0, production `Char`).
pub(in crate::domain_xml) fn is_text(text: &str) -> bool {
    text.chars().all(|c| match c {
        '\t' | '\n' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        // A carriage return becomes a line feed.
        c => c >= ' ',
    })
}

struct Found(Vec<Problem>);

impl Found {
    fn add(&mut self, field: &str, why: &str) {
        let code = Code::DomainSpecInvalid.as_str();
        self.0.push(Problem::invalid(field, code, why));
    }

    fn name(&mut self, field: &str, name: &str, longest: usize) {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !starts || name.len() > longest || !name.chars().all(plain) {
            let why = format!(
                "`{name}` is no name: it is 1 to {longest} letters, digits, `-`, `_` and `.`, the first a \
                 letter or digit"
            );
            self.add(field, &why);
        }
    }

    fn text(&mut self, field: &str, text: &str) {
        if !is_text(text) {
            self.add(field, "the text has a control character");
        }
    }

    fn path(&mut self, field: &str, path: &Path) {
        match path.to_str() {
            Some(text) if text.starts_with('/') => self.text(field, text),
            Some(text) => {
                let why = format!("`{text}` is not an absolute path");
                self.add(field, &why);
            }
            None => self.add(
                field,
                "the path is not UTF-8, which libvirt's XML has to be",
            ),
        }
    }

    fn disks(&mut self, disks: &[DiskSpec]) {
        if disks.len() > MOST_DISKS {
            let why = format!("a machine has {MOST_DISKS} disks at most");
            self.add("disks", &why);
        }
        let mut serials = BTreeSet::new();
        for disk in disks {
            self.disk(disk);
            if let Some(serial) = &disk.serial
                && !serials.insert(serial)
            {
                let why = format!("two disks have the serial number `{serial}`");
                self.add("disks", &why);
            }
        }
    }

    fn disk(&mut self, disk: &DiskSpec) {
        match &disk.source {
            DiskSource::File(path) | DiskSource::Block(path) => self.path("disks", path),
            DiskSource::Volume { pool, volume } => {
                for name in [pool, volume] {
                    self.text("disks", name);
                    if name.is_empty() || name.contains('/') {
                        let why = format!("`{name}` is not the name of a pool or volume");
                        self.add("disks", &why);
                    }
                }
            }
            DiskSource::Network { .. } | DiskSource::Other(_) => {
                let why = "a new disk is a file, a block device or a volume of a pool";
                self.add("disks", why);
            }
        }
        if let Some(serial) = &disk.serial {
            self.name("disks", serial, LONGEST_SERIAL);
        }
    }

    fn interfaces(&mut self, spec: &DomainSpec) {
        let mut addresses = BTreeSet::new();
        for interface in &spec.interfaces {
            let mac = interface.mac;
            if !mac.is_of_one() {
                let why = format!("{mac} is not the address of one adapter");
                self.add("interfaces", &why);
            }
            if !addresses.insert(mac) {
                let why = format!("two network adapters have the address {mac}");
                self.add("interfaces", &why);
            }
            let (NetworkSource::Network(name) | NetworkSource::Bridge(name)) = &interface.network;
            self.text("interfaces", name);
            if name.is_empty() || name.contains('/') {
                let why = format!("`{name}` is not the name of a network or bridge");
                self.add("interfaces", &why);
            }
        }
    }

    fn folders(&mut self, spec: &DomainSpec) {
        let mut tags = BTreeSet::new();
        for folder in &spec.folders {
            self.path("folders", &folder.source);
            self.name("folders", &folder.tag, LONGEST_TAG);
            if !tags.insert(&folder.tag) {
                let why = format!("two folders have the tag `{}`", folder.tag);
                self.add("folders", &why);
            }
        }
    }
}
