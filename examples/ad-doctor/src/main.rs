//! Finds out what is wrong between this machine and an Active Directory domain, and says what to do.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::{self, BufRead, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use comfy_table::{Table, presets};
use smbgw_ad::clock::Clock;
use smbgw_ad::diagnose::{Check, DiagnoseDraft, Diagnosis, Verdict, diagnose};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::LocalHost;
use smbgw_core::secret::Secret;

/// Finds out what is wrong between this machine and an Active Directory domain. Nothing is changed, and the
/// machine need not be a member.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The DNS name of the domain.
    domain: String,
    /// Log in as this user; the password is asked for, or read from standard input.
    #[arg(long)]
    user: Option<String>,
    /// Look at this domain controller, by name or address, instead of finding one.
    #[arg(long)]
    server: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Give up after so many seconds.
    #[arg(long, default_value_t = 60)]
    timeout: u64,
}

/// The password of `user`, typed or from standard input.
fn password(user: &str) -> io::Result<Secret> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(format!("Password of {user}: ")).map(Secret::from);
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(Secret::from(line))
}

fn print(found: &Diagnosis) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["CHECK", "OF", "RESULT", "MS", "WHAT WAS FOUND"]);
    for check in &found.checks {
        table.add_row([
            check.name.about(),
            check.of.as_deref().unwrap_or_default(),
            &check.verdict.to_string(),
            &check.milliseconds.to_string(),
            &check.message,
        ]);
    }
    println!("{table}");
    let mut told: Vec<&str> = Vec::new();
    for (check, problem) in found.checks.iter().filter_map(with_problem) {
        if told.contains(&problem.code.as_str()) {
            continue;
        }
        told.push(&problem.code);
        println!("\n{} ({}): {}", problem.code, check.verdict, check.message);
        for (word, text) in [("cause", &problem.cause), ("remedy", &problem.remedy)] {
            if let Some(text) = text {
                println!("  {word}: {text}");
            }
        }
    }
}

fn with_problem(check: &Check) -> Option<(&Check, &smbgw_ad::diagnose::Problem)> {
    check.problem.as_ref().map(|problem| (check, problem))
}

fn main() -> ExitCode {
    let Arguments {
        domain,
        user,
        server,
        json,
        timeout,
    } = Arguments::parse();
    let draft = DiagnoseDraft {
        domain,
        user,
        server,
    };
    let request = match draft.check() {
        Ok(request) => request,
        Err(problems) => {
            for problem in problems {
                eprintln!("ad-doctor: {problem}");
            }
            return ExitCode::from(2);
        }
    };
    let password = match draft.user.as_deref().map(password).transpose() {
        Ok(password) => password,
        Err(error) => {
            eprintln!("ad-doctor: the password cannot be read: {error}");
            return ExitCode::from(2);
        }
    };
    let deadline = Deadline::after(Duration::from_secs(timeout));
    let host = LocalHost::new();
    let clock = Clock::system();
    let found = diagnose(&host, &request, password.as_ref(), None, clock, deadline);
    if json {
        match serde_json::to_string_pretty(&found) {
            Ok(text) => println!("{text}"),
            Err(error) => eprintln!("ad-doctor: {error}"),
        }
    } else {
        print(&found);
    }
    match found.verdict() {
        Verdict::Fail => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
