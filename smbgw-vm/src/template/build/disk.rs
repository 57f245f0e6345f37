//! The disk: a partition table, and a file system made of a folder, without mounting either.

use std::fmt::Write;
use std::path::Path;

use smbgw_core::host::Command;

use super::Run;
use crate::template::error::TemplateError;

/// The size of a sector in bytes.
pub(super) const SECTOR: u64 = 512;
/// Where the boot loader for a BIOS begins, in sectors.
pub(super) const BIOS_START: u64 = 2048;
/// How many sectors it has.
pub(super) const BIOS_SECTORS: u64 = 2048;
/// Where the partition for UEFI begins.
pub(super) const EFI_START: u64 = BIOS_START + BIOS_SECTORS;
/// How many sectors it has: 16 MiB.
pub(super) const EFI_SECTORS: u64 = 32768;
/// Where the file system begins. Its partition is the last, so that it can grow.
const ROOT_START: u64 = EFI_START + EFI_SECTORS;
/// What remains free at the end, for the second copy of the table.
const END_SECTORS: u64 = 2048;

/// Writes the disk `raw` with the content of the folder `root`.
pub(super) fn write(run: &Run<'_>, root: &Path, raw: &Path) -> Result<(), TemplateError> {
    let size = run.request.size.bytes();
    let sectors = size / SECTOR - ROOT_START - END_SECTORS;
    run.run(
        Command::new("truncate")
            .args(["-s", &size.to_string()])
            .arg(raw),
    )?;
    run.run(
        Command::new("sfdisk")
            .arg("-q")
            .arg(raw)
            .stdin(table(run, sectors).into_bytes()),
    )?;
    // GRUB reads neither of the two features that are turned off. Its hash seed decides the order of names.
    let options = format!(
        "offset={},hash_seed={},lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0",
        ROOT_START * SECTOR,
        run.inputs.uuid("hash"),
    );
    run.run(
        Command::new("env")
            .arg(format!("E2FSPROGS_FAKE_TIME={}", run.inputs.epoch))
            .args(["mke2fs", "-q", "-F", "-t", "ext4", "-L", "root", "-U"])
            .arg(run.inputs.uuid("root"))
            .args([
                "-O",
                "^metadata_csum_seed,^orphan_file",
                "-E",
                &options,
                "-d",
            ])
            .arg(root)
            .arg(raw)
            .arg(format!("{}k", sectors * SECTOR / 1024)),
    )?;
    set_times(run)
}

/// Has all files be read and changed last at the time of the build: mke2fs takes these times from the folder, where
/// nobody can set them.
fn set_times(run: &Run<'_>) -> Result<(), TemplateError> {
    let tool = |program: &str| {
        Command::new("env")
            .arg("-C")
            .arg(run.work)
            .arg(format!("E2FSPROGS_FAKE_TIME={}", run.inputs.epoch))
            .arg(program)
    };
    let system = format!("{}?offset={}", super::RAW, ROOT_START * SECTOR);
    let said = run.run(tool("dumpe2fs").arg("-h").arg(&system))?;
    let used = used_inodes(&said).ok_or_else(|| TemplateError::Incomplete {
        what: "number of inodes".into(),
    })?;
    let mut script = String::new();
    for inode in 1..=used {
        for field in ["atime", "ctime"] {
            let time = run.inputs.epoch;
            let _ = writeln!(script, "set_inode_field <{inode}> {field} @{time}");
        }
    }
    let write = tool("debugfs").args(["-w", "-f", "-"]).arg(&system);
    run.run(write.stdin(script.into_bytes())).map(drop)
}

/// How many inodes a new file system has used, by what dumpe2fs(8) says: they are the first ones.
fn used_inodes(said: &str) -> Option<u64> {
    let number = |name: &str| {
        let mut lines = said.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        value.trim().parse::<u64>().ok()
    };
    number("Inode count")?.checked_sub(number("Free inodes")?)
}

/// The partition table as sfdisk(8) reads it. The types are those of the UEFI specification and of GRUB.
fn table(run: &Run<'_>, root_sectors: u64) -> String {
    let uuid = |part: &str| run.inputs.uuid(part).to_uppercase();
    format!(
        "label: gpt\nlabel-id: {}\n\
         start={BIOS_START}, size={BIOS_SECTORS}, type=21686148-6449-6E6F-744E-656564454649, uuid={}\n\
         start={EFI_START}, size={EFI_SECTORS}, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid={}\n\
         start={ROOT_START}, size={root_sectors}, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid={}\n",
        uuid("table"),
        uuid("bios"),
        uuid("efi"),
        uuid("partition"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inodes_that_are_used_are_counted() {
        // As e2fsprogs 1.47 says it, shortened.
        let said = "Inode count:              261120\nBlock count:              1043712\n\
                    Free blocks:              816204\nFree inodes:              245125\n";
        assert_eq!(used_inodes(said), Some(15995));
        assert_eq!(used_inodes("Inode count: many\n"), None);
    }
}
