//! Prints how much can still be written to a directory, and all project quotas of its filesystem.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::PathBuf;

use clap::Parser;
use smbgw_quota::{ProjectQuotas, QuotaError, visible_space};

/// Prints how much can still be written to a directory within its limit (ext4, XFS, ZFS, btrfs).
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Print every project quota of the filesystem too (ext4 and XFS, as root).
    #[arg(long)]
    all: bool,
    /// A directory.
    path: PathBuf,
}

fn report(arguments: &Arguments) -> Result<(), QuotaError> {
    let space = visible_space(&arguments.path)?;
    println!("{} of {} bytes free", space.available, space.total);
    if arguments.all {
        for project in &ProjectQuotas::open(&arguments.path)? {
            let project = project?;
            let (id, limit) = (project.id, project.limits.bytes.unwrap_or(0));
            println!("{id:>10} {:>18} of {limit:>18} bytes", project.bytes);
        }
    }
    Ok(())
}

fn main() {
    if let Err(error) = report(&Arguments::parse()) {
        eprintln!("quota-report: {error}");
        std::process::exit(1);
    }
}
