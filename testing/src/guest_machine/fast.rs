//! What a quick start takes: the template's own kernel, and a first file system with the few modules it needs.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cpio::Archive;
use super::store::cached;
use crate::{Error, Result, run};

/// Drivers that a guest loads, with what they need. Those that are built in are left out.
const MODULES: &[&str] = &[
    "virtio_pci",
    "virtio_blk",
    "virtio_net",
    "virtio_console",
    "virtio_rng",
    "isofs",
    "vfat",
    "nls_cp437",
    "nls_ascii",
    "button",
    "evdev",
];

/// What decides about what is taken out of a disk.
const SOURCES: [&str; 4] = [
    include_str!("fast.rs"),
    include_str!("init"),
    include_str!("fastinit"),
    include_str!("apply.py"),
];

/// A kernel and a first file system for the disk of a template.
#[derive(Clone, Debug)]
pub struct FastBoot {
    folder: PathBuf,
}

impl FastBoot {
    /// What the kernel is told.
    pub const ARGUMENTS: &str =
        "console=ttyS0 net.ifnames=0 quiet loglevel=3 mitigations=off nokaslr";

    /// Takes them out of `disk`, a qcow2 image of a Debian, or out of the cache folder: `key` has to change with the
    /// disk.
    pub fn of(disk: &Path, key: &str) -> Result<FastBoot> {
        let mut own = DefaultHasher::new();
        SOURCES.hash(&mut own);
        let key = format!("{key}-fast-{:016x}", own.finish());
        let folder = cached(&key, |folder| {
            let raw = folder.join("disk.raw");
            run(Command::new("qemu-img")
                .args(["convert", "-f", "qcow2", "-O", "raw"])
                .args([disk, &raw]))?;
            let made = unpack(&raw, folder);
            let _ = fs::remove_file(&raw);
            made
        })?;
        Ok(FastBoot { folder })
    }

    /// The kernel.
    pub fn kernel(&self) -> PathBuf {
        self.folder.join("kernel")
    }

    /// The first file system, which goes on to the first disk.
    pub fn initrd(&self) -> PathBuf {
        self.folder.join("initrd")
    }
}

fn unpack(raw: &Path, folder: &Path) -> Result<()> {
    let (number, offset) = root_partition(raw)?;
    let image = format!("{}?offset={offset}", raw.display());
    let version = run(&mut debugfs(&image, "ls -p /lib/modules"))?;
    // Lines such as `/131/040755/0/0/6.1.0-1-cloud-amd64//`.
    let names = version.lines().filter_map(|line| line.split('/').nth(5));
    let version = names
        .filter(|name| name.starts_with(|c: char| c.is_ascii_digit()))
        .max()
        .ok_or_else(|| Error::new("the template has no kernel"))?
        .to_owned();
    dump(
        &image,
        &format!("/boot/vmlinuz-{version}"),
        &folder.join("kernel"),
    )?;
    let dependencies = run(&mut debugfs(
        &image,
        &format!("cat /lib/modules/{version}/modules.dep"),
    ))?;
    let mut archive = Archive::default();
    for name in ["bin", "dev", "proc", "sys", "new", "modules"] {
        archive.directory(name);
    }
    let busybox = fs::read("/bin/busybox").map_err(Error::doing("reading /bin/busybox"))?;
    archive.file("bin/busybox", &busybox);
    let init = include_str!("init").replace("@ROOT@", &format!("vda{number}"));
    archive.file("init", init.as_bytes());
    archive.file("fastinit", include_bytes!("fastinit"));
    archive.file("apply.py", include_bytes!("apply.py"));
    let module = folder.join("module");
    for (index, path) in in_order(&dependencies).into_iter().enumerate() {
        dump(&image, &format!("/lib/modules/{version}/{path}"), &module)?;
        let mut content = fs::read(&module).map_err(Error::doing("reading a module"))?;
        if path.ends_with(".xz") {
            content = crate::process::run_bytes(Command::new("xz").arg("-dc").arg(&module))?;
        }
        archive.file(&format!("modules/{index:02}"), &content);
    }
    let _ = fs::remove_file(&module);
    fs::write(folder.join("initrd"), archive.finish()).map_err(Error::doing("writing an initrd"))
}

/// The files of all modules wanted, each after those that it needs (modules.dep(5)).
fn in_order(dependencies: &str) -> Vec<&str> {
    let name = |path: &str| -> String {
        let file = path.rsplit('/').next().unwrap_or(path);
        file.split(".ko").next().unwrap_or(file).replace('-', "_")
    };
    let mut order: Vec<&str> = Vec::new();
    for wanted in MODULES {
        let line = dependencies.lines().find_map(|line| {
            let (path, needed) = line.split_once(':')?;
            (name(path) == *wanted).then_some((path, needed))
        });
        let Some((path, needed)) = line else { continue };
        // The line has all that are needed, also indirectly, the first to load last.
        for path in needed.split_whitespace().rev().chain([path]) {
            if !order.contains(&path) {
                order.push(path);
            }
        }
    }
    order
}

fn debugfs(image: &str, request: &str) -> Command {
    let mut command = Command::new("debugfs");
    command.args(["-c", "-R", request, image]);
    command
}

fn dump(image: &str, path: &str, to: &Path) -> Result<()> {
    let _ = fs::remove_file(to);
    run(&mut debugfs(
        image,
        &format!("dump {path} {}", to.display()),
    ))?;
    // It ends well, whatever happens.
    match fs::metadata(to) {
        Ok(file) if file.len() > 0 => Ok(()),
        _ => Err(Error::new(format!("the template has no `{path}`"))),
    }
}

/// The number of the largest partition of a disk, and where it begins in bytes (UEFI specification, section 5.3).
fn root_partition(raw: &Path) -> Result<(usize, u64)> {
    const ENTRY: usize = 128;
    let mut table = vec![0; ENTRY * 128];
    let mut disk = File::open(raw).map_err(Error::doing("opening a disk"))?;
    disk.seek(SeekFrom::Start(1024))
        .and_then(|_| disk.read_exact(&mut table))
        .map_err(Error::doing("reading a partition table"))?;
    let number = |entry: &[u8], at: usize| {
        let bytes = entry[at..at + 8]
            .first_chunk::<8>()
            .expect("these are eight");
        u64::from_le_bytes(*bytes)
    };
    table
        .chunks(ENTRY)
        .enumerate()
        .map(|(index, entry)| (index + 1, number(entry, 32), number(entry, 40)))
        .filter(|(_, first, last)| *first != 0 && last >= first)
        .max_by_key(|(_, first, last)| last - first)
        .map(|(index, first, _)| (index, first * 512))
        .ok_or_else(|| Error::new("the disk has no partition"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_after_what_they_need() {
        let dependencies = "\
kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko
kernel/drivers/virtio/virtio.ko:
kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
kernel/drivers/char/hw_random/virtio-rng.ko.xz: kernel/drivers/virtio/virtio.ko
";
        let names: Vec<&str> = in_order(dependencies)
            .into_iter()
            .map(|path| path.rsplit('/').next().unwrap())
            .collect();
        let expected = [
            "virtio.ko",
            "virtio_ring.ko",
            "virtio_pci.ko",
            "virtio-rng.ko.xz",
        ];
        assert_eq!(names, expected);
    }
}
