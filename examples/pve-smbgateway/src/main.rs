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
use crate::exit::Exit;
use crate::output::Output;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return unusable(&error).into(),
    };
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

/// Says why the arguments cannot be used, or prints the help that was asked for.
fn unusable(error: &clap::Error) -> Exit {
    let wants_json = std::env::args_os().any(|argument| argument == "--json");
    if wants_json && error.use_stderr() {
        let text = error.to_string();
        // What follows the first empty line is advice on how to call it.
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .take_while(|line| !line.is_empty())
            .collect();
        let message = lines.join(" ");
        let message = message.strip_prefix("error: ").unwrap_or(&message);
        return Output::new(true).unusable("arguments", message);
    }
    error.exit()
}
