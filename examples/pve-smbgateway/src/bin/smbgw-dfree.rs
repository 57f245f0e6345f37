//! Tells Samba the size and free space of a directory, as `dfree command` of smb.conf(5) wants it.
//!
//! Samba runs it in the directory and gives the directory's path as the one argument. On file
//! systems whose own answer ignores the share's limit (btrfs), this program's answer is the limit.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is what the program is for"
)]

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1) else {
        eprintln!("usage: smbgw-dfree DIRECTORY");
        return ExitCode::from(2);
    };
    match smbgw_quota::visible_space(Path::new(&directory)) {
        Ok(space) => {
            // In blocks of 1 KiB, which keeps the numbers in the range that Samba reads.
            println!("{} {} 1024", space.total / 1024, space.available / 1024);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", smbgw_core::error::chain_text(&error));
            ExitCode::FAILURE
        }
    }
}
