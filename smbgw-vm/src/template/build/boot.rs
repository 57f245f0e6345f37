//! The boot loader: GRUB in one piece for a BIOS and in one for UEFI, each with all modules that it needs.
//!
//! Both find the file system by its UUID and read `/boot/grub/grub.cfg` there, which starts the kernel that
//! `/vmlinuz` leads to. Debian's packages of kernels keep that link, so that the guest needs no GRUB of its
//! own for an update of its kernel.

use std::path::Path;

use smbgw_core::host::Command;

use super::Run;
use super::disk::{BIOS_SECTORS, BIOS_START, EFI_SECTORS, EFI_START, SECTOR};
use crate::template::error::TemplateError;

/// Where the two parts of GRUB are, each with its Debian package.
pub(super) const FOLDERS: [(&str, &str); 2] = [
    ("/usr/lib/grub/i386-pc", "grub-pc-bin"),
    ("/usr/lib/grub/x86_64-efi", "grub-efi-amd64-bin"),
];

/// The modules that both need.
const MODULES: &[&str] = &[
    "part_gpt",
    "ext2",
    "linux",
    "normal",
    "configfile",
    "search",
    "search_fs_uuid",
    "serial",
    "terminal",
    "echo",
];

/// Writes what GRUB reads into the new system.
pub(super) fn configure(run: &Run<'_>, root: &Path) -> Result<(), TemplateError> {
    for link in ["vmlinuz", "initrd.img"] {
        if run.host.status(&root.join(link))?.is_none() {
            return Err(TemplateError::Incomplete {
                what: format!("/{link}"),
            });
        }
    }
    let folder = root.join("boot/grub");
    run.host.create_dir(&folder, 0o755)?;
    let text = configuration(&run.inputs.uuid("root"));
    run.host
        .write(&folder.join("grub.cfg"), text.as_bytes(), 0o644)?;
    Ok(())
}

/// Writes the boot loaders to the disk.
pub(super) fn write(run: &Run<'_>, raw: &Path) -> Result<(), TemplateError> {
    let early = run.work.join("early.cfg");
    let uuid = run.inputs.uuid("root");
    let text = format!(
        "search --no-floppy --fs-uuid --set=root {uuid}\n\
         set prefix=($root)/boot/grub\n\
         configfile /boot/grub/grub.cfg\n"
    );
    run.host.write(&early, text.as_bytes(), 0o644)?;
    for_bios(run, raw, &early)?;
    for_uefi(run, raw, &early)
}

fn for_bios(run: &Run<'_>, raw: &Path, early: &Path) -> Result<(), TemplateError> {
    let core = make(run, "i386-pc", early, "core.img", &["biosdisk"])?;
    let core = linked_core(core)?;
    let folder = Path::new(FOLDERS[0].0);
    let boot = run.needed(&folder.join("boot.img"), "first sector of GRUB")?;
    let sector = run.work.join("sector");
    run.run(dd(raw, &sector).arg("count=1").arg(format!("bs={SECTOR}")))?;
    let table = run.needed(&sector, "first sector")?;
    run.host
        .write(&sector, &linked_boot(&boot, &table)?, 0o644)?;
    let whole = run.work.join("core.linked");
    run.host.write(&whole, &core, 0o644)?;
    put(run, &sector, raw, 0)?;
    put(run, &whole, raw, BIOS_START)
}

fn for_uefi(run: &Run<'_>, raw: &Path, early: &Path) -> Result<(), TemplateError> {
    make(run, "x86_64-efi", early, "bootx64.efi", &[])?;
    let image = run.work.join("efi.img");
    let size = (EFI_SECTORS * SECTOR).to_string();
    run.run(Command::new("truncate").args(["-s", &size]).arg(&image))?;
    // The first digits of a UUID: its serial number.
    let serial: String = run.inputs.uuid("fat").chars().take(8).collect();
    run.run(
        Command::new("mkfs.vfat")
            .args(["--invariant", "-i", &serial, "-n", "ESP"])
            .arg(&image),
    )?;
    let mtools = |program: &str| {
        Command::new("env")
            .arg(format!("SOURCE_DATE_EPOCH={}", run.inputs.epoch))
            .arg(program)
            .arg("-i")
            .arg(&image)
    };
    run.run(mtools("mmd").args(["::EFI", "::EFI/BOOT"]))?;
    run.run(
        mtools("mcopy")
            .arg(run.work.join("bootx64.efi"))
            .arg("::EFI/BOOT/BOOTX64.EFI"),
    )?;
    put(run, &image, raw, EFI_START)
}

/// Has GRUB make a boot loader of its modules, and reads it.
fn make(
    run: &Run<'_>,
    platform: &'static str,
    early: &Path,
    name: &str,
    own: &[&str],
) -> Result<Vec<u8>, TemplateError> {
    let out = run.work.join(name);
    run.run(
        Command::new("grub-mkimage")
            .args(["-O", platform, "-d"])
            .arg(format!("/usr/lib/grub/{platform}"))
            .arg("-c")
            .arg(early)
            .args(["-p", "/boot/grub", "-o"])
            .arg(&out)
            .args(own.iter().chain(MODULES).copied()),
    )?;
    run.needed(&out, "boot loader")
}

/// Writes the file `from` into the disk at `sector`, leaving what is around it.
fn put(run: &Run<'_>, from: &Path, raw: &Path, sector: u64) -> Result<(), TemplateError> {
    let seek = format!("seek={sector}");
    run.run(dd(from, raw).args(["conv=notrunc,sparse", &format!("bs={SECTOR}"), &seek]))
        .map(drop)
}

fn dd(from: &Path, to: &Path) -> Command {
    let operand = |name: &str, path: &Path| {
        let mut operand = std::ffi::OsString::from(name);
        operand.push(path);
        operand
    };
    Command::new("dd")
        .arg(operand("if=", from))
        .arg(operand("of=", to))
        .arg("status=none")
}

/// The menu, which shows itself on the screen and on the serial port. Where the newest kernel cannot be read,
/// the one before is taken.
fn configuration(uuid: &str) -> String {
    let entry = |title: &str, suffix: &str| {
        format!(
            "menuentry \"{title}\" {{\n    \
             linux /vmlinuz{suffix} root=UUID={uuid} ro console=tty0 console=ttyS0,115200 net.ifnames=0 quiet\n    \
             initrd /initrd.img{suffix}\n}}\n"
        )
    };
    format!(
        "set timeout=0\nset default=0\nset fallback=1\n\
         serial --unit=0 --speed=115200\n\
         terminal_input console serial\nterminal_output console serial\n{}{}",
        entry("Debian", ""),
        entry("Debian, the kernel before", ".old"),
    )
}

/// Where GRUB's first sector keeps the number of the sector that it loads (GRUB's `include/grub/i386/pc/boot.h`).
const KERNEL_SECTOR: usize = 0x5c;
/// Where its jump is past a check of the drive's number, which a hard disk is not to have.
const DRIVE_CHECK: usize = 0x66;
/// Where the partition table of the first sector begins, and with it what is not GRUB's.
const TABLE: usize = 0x1b8;
/// Where the first sector of the rest keeps the list of what to load after it: a number of a sector in 8 bytes,
/// a count in 2, and a segment in 2.
const BLOCK_LIST: usize = 0x1f4;
/// The segment that the list has as GRUB makes it.
const SEGMENT: [u8; 2] = 0x820_u16.to_le_bytes();

/// The first sector of the disk: GRUB's, with the partition table of the disk.
fn linked_boot(boot: &[u8], table: &[u8]) -> Result<Vec<u8>, TemplateError> {
    let wrong = TemplateError::BootLoader;
    if boot.len() != 512 || table.len() != 512 {
        return Err(wrong("its first sector has not 512 bytes"));
    }
    let mut sector = table.to_vec();
    sector[..TABLE].copy_from_slice(&boot[..TABLE]);
    sector[KERNEL_SECTOR..KERNEL_SECTOR + 8].copy_from_slice(&BIOS_START.to_le_bytes());
    // Two instructions that do nothing.
    sector[DRIVE_CHECK..DRIVE_CHECK + 2].copy_from_slice(&[0x90, 0x90]);
    Ok(sector)
}

/// The rest of GRUB, which knows where it lies itself.
fn linked_core(mut core: Vec<u8>) -> Result<Vec<u8>, TemplateError> {
    let wrong = TemplateError::BootLoader;
    if core.get(BLOCK_LIST + 10..BLOCK_LIST + 12) != Some(&SEGMENT[..]) {
        return Err(wrong("its list of sectors is elsewhere"));
    }
    let sectors = core.len().div_ceil(512);
    if sectors as u64 > BIOS_SECTORS {
        return Err(wrong("it is larger than its partition"));
    }
    core.resize(sectors * 512, 0);
    let rest = u16::try_from(sectors - 1).map_err(|_| wrong("it is too large"))?;
    core[BLOCK_LIST..BLOCK_LIST + 8].copy_from_slice(&(BIOS_START + 1).to_le_bytes());
    core[BLOCK_LIST + 8..BLOCK_LIST + 10].copy_from_slice(&rest.to_le_bytes());
    Ok(core)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sector_keeps_the_table_of_the_disk() {
        let sector = linked_boot(&[1; 512], &[2; 512]).unwrap();
        assert_eq!(sector[..KERNEL_SECTOR], [1; KERNEL_SECTOR]);
        assert_eq!(
            sector[KERNEL_SECTOR..KERNEL_SECTOR + 8],
            2048_u64.to_le_bytes()
        );
        assert_eq!(sector[TABLE..], [2; 512 - TABLE]);
        assert!(linked_boot(&[1; 511], &[2; 512]).is_err());
    }

    #[test]
    fn the_rest_knows_where_it_lies() {
        let mut core = vec![7; 1300];
        core[BLOCK_LIST + 10..BLOCK_LIST + 12].copy_from_slice(&SEGMENT);
        let linked = linked_core(core).unwrap();
        assert_eq!(linked.len(), 3 * 512);
        assert_eq!(linked[BLOCK_LIST..BLOCK_LIST + 8], 2049_u64.to_le_bytes());
        assert_eq!(linked[BLOCK_LIST + 8..BLOCK_LIST + 10], 2_u16.to_le_bytes());
        assert!(linked_core(vec![7; 1300]).is_err(), "another form");
        assert!(linked_core(vec![0; 20]).is_err(), "cut short");
    }
}
