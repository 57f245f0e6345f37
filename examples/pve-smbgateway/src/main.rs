//! SMB shares with enforced quotas, from the command line.
//!
//! Everything is done by the library crates; this program reads arguments, puts the parts together
//! and prints what came out.

mod args;
mod ask;
mod commands;
mod exit;
mod moment;
mod output;
mod progress;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_env_var("SMBGW_LOG")
        .try_from_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    commands::run(arguments).into()
}
