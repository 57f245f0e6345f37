//! Prints the project quotas of a filesystem, or the usage of one directory.
#![allow(clippy::print_stdout)]

use std::path::PathBuf;

use clap::Parser;
use smbgw_quota::{ProjectQuotas, QuotaError, visible_space};

/// Prints how much of its limit a directory uses, or all project quotas of its filesystem.
#[derive(Parser)]
struct Arguments {
    /// Print every project of the filesystem (ext4 or XFS), as root.
    #[arg(long)]
    all: bool,
    /// A directory.
    path: PathBuf,
}

fn main() -> Result<(), QuotaError> {
    let arguments = Arguments::parse();
    if !arguments.all {
        let space = visible_space(&arguments.path)?;
        println!(
            "{} of {} bytes can still be written",
            space.available, space.total
        );
        return Ok(());
    }
    println!(
        "{:>10} {:>16} {:>16} {:>10}",
        "project", "bytes", "limit", "files"
    );
    for project in ProjectQuotas::open(&arguments.path)?.iter() {
        let project = project?;
        let limit = project
            .limits
            .bytes
            .map_or("none".into(), |bytes| bytes.to_string());
        println!(
            "{:>10} {:>16} {limit:>16} {:>10}",
            project.id, project.bytes, project.inodes
        );
    }
    Ok(())
}
