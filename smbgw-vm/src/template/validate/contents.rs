//! The files on the disk of a template, read without mounting it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, CommandError, Host};

use crate::image::{ImageFormat, QemuImg};
use crate::template::error::TemplateError;

/// The largest file system of a disk, unpacked.
#[derive(Debug)]
pub(super) struct Contents<'a> {
    host: &'a dyn Host,
    /// The disk and where the file system begins, as `debugfs` takes it.
    image: PathBuf,
    deadline: Deadline,
}

#[derive(Deserialize)]
struct Disk {
    partitiontable: Table,
}

#[derive(Deserialize)]
struct Table {
    #[serde(default = "usual_sector")]
    sectorsize: u64,
    #[serde(default)]
    partitions: Vec<Partition>,
}

#[derive(Deserialize)]
struct Partition {
    start: u64,
    size: u64,
}

fn usual_sector() -> u64 {
    512
}

impl<'a> Contents<'a> {
    /// Unpacks `disk`, which is known to be a whole image, into the folder `work`.
    pub(super) fn open(
        host: &'a dyn Host,
        disk: &Path,
        work: &Path,
        deadline: Deadline,
    ) -> Result<Self, TemplateError> {
        let raw = work.join("disk.raw");
        let image = QemuImg::new(host, deadline);
        let (from, to) = (ImageFormat::Qcow2, ImageFormat::Raw);
        image.convert((disk, from), (&raw, to), None, false)?;
        let command = Command::new("sfdisk").arg("--json").arg(&raw).accept(&[1]);
        let said = host.run(&command, deadline)?;
        if said.status == 1 {
            // What it says of a disk without one.
            return Err(TemplateError::Incomplete {
                what: "partition table".into(),
            });
        }
        let table: Disk = serde_json::from_slice(&said.stdout)
            .map_err(|error| CommandError::unexpected(&command, error.to_string()))?;
        let Table {
            sectorsize,
            partitions,
        } = table.partitiontable;
        let largest = partitions.iter().max_by_key(|partition| partition.size);
        let Some(largest) = largest else {
            return Err(TemplateError::Incomplete {
                what: "partition".into(),
            });
        };
        let offset = largest.start.saturating_mul(sectorsize);
        let mut image = raw.into_os_string();
        image.push(format!("?offset={offset}"));
        Ok(Self {
            host,
            image: image.into(),
            deadline,
        })
    }

    /// The content of a file, or `None` where there is none. Links are not followed.
    pub(super) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TemplateError> {
        let (output, complaint) = self.ask(&format!("cat \"{path}\""))?;
        Ok(complaint.is_empty().then_some(output))
    }

    /// The same as text; empty where there is no such file.
    pub(super) fn text(&self, path: &str) -> Result<String, TemplateError> {
        let content = self.read(path)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&content).into_owned())
    }

    /// The names in a folder; none where there is no such folder.
    pub(super) fn list(&self, path: &str) -> Result<Vec<String>, TemplateError> {
        let (output, _) = self.ask(&format!("ls -p \"{path}\""))?;
        // Lines such as `/131/100644/0/0/name/12/`.
        let text = String::from_utf8_lossy(&output).into_owned();
        let names = text.lines().filter_map(|line| line.split('/').nth(5));
        Ok(names
            .filter(|name| !matches!(*name, "" | "." | ".."))
            .map(str::to_owned)
            .collect())
    }

    /// What is free, in bytes.
    pub(super) fn free_bytes(&self) -> Result<Option<u64>, TemplateError> {
        let (output, _) = self.ask("stats -h")?;
        let text = String::from_utf8_lossy(&output).into_owned();
        let number = |name: &str| {
            let mut lines = text.lines();
            let value = lines.find_map(|line| line.strip_prefix(name))?;
            value.trim().parse::<u64>().ok()
        };
        let (blocks, size) = (number("Free blocks:"), number("Block size:"));
        Ok(blocks
            .zip(size)
            .and_then(|(blocks, size)| blocks.checked_mul(size)))
    }

    /// What `debugfs` prints, and what it complains of. It ends well, whatever happens; its first line of
    /// complaint is its name.
    fn ask(&self, request: &str) -> Result<(Vec<u8>, String), TemplateError> {
        let command = Command::new("debugfs")
            .args(["-c", "-R", request])
            .arg(&self.image);
        let output = self.host.run(&command, self.deadline)?;
        let complaint: Vec<String> = output
            .error_text()
            .lines()
            .filter(|line| !line.starts_with("debugfs "))
            .map(str::to_owned)
            .collect();
        Ok((output.stdout, complaint.join("\n")))
    }
}
