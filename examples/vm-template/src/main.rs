//! Builds a template for virtual machines, or looks one over that is there, and says what is wrong with it.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::{self, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, Problem, chain_text};
use smbgw_core::host::LocalHost;
use smbgw_core::progress::{Event, Progress};
use smbgw_vm::template::{
    BuildDraft, TemplateError, TemplateName, TemplateStore, build, try_out, validate,
};

/// Builds a template for virtual machines, or looks one over that is there, and says what is wrong with it.
///
/// Ends with status 1 where no machine should start from it.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The template.
    name: String,
    /// Build it first, from the packages of this release of Debian: bookworm or trixie.
    #[arg(long, value_name = "RELEASE")]
    build: Option<String>,
    /// The size of its disk [default: 4G].
    #[arg(long, value_name = "SIZE", requires = "build")]
    size: Option<String>,
    /// A package that it has beside the usual ones; may be given several times.
    #[arg(long = "package", value_name = "NAME", requires = "build")]
    packages: Vec<String>,
    /// The folder that templates are kept in.
    #[arg(long, value_name = "DIR", default_value = TemplateStore::DEFAULT)]
    store: PathBuf,
    /// Start a machine from it, too, where nothing else is wrong.
    #[arg(long)]
    boot: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Give up after so many seconds.
    #[arg(long, default_value_t = 1200)]
    timeout: u64,
}

/// Says on standard error what is begun.
struct Steps;

impl Progress for Steps {
    fn event(&self, event: &Event<'_>) {
        if let Event::StepStarts { title, .. } = event {
            eprintln!("vm-template: {title}");
        }
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(messages) => {
            for message in messages {
                eprintln!("vm-template: {message}");
            }
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Vec<String>> {
    let host = LocalHost::new();
    let store = path::absolute(&arguments.store).map_err(|error| vec![chain_text(&error)])?;
    let store = TemplateStore::new(&host, store);
    let deadline = Deadline::after(Duration::from_secs(arguments.timeout));
    let name = match arguments.build {
        None => {
            let name = arguments.name.parse::<TemplateName>();
            name.map_err(|error| vec![chain_text(&error)])?
        }
        Some(distro) => {
            let draft = BuildDraft {
                name: arguments.name,
                distro: Some(distro),
                size: arguments.size,
                packages: arguments.packages,
                ..BuildDraft::default()
            };
            let request = draft.check().map_err(|problems| listed(&problems))?;
            let template = build(&store, &request, &Steps, deadline);
            template.map_err(|error| told(&error))?.record.name
        }
    };
    let report = match arguments.boot {
        true => try_out(&store, &name, deadline),
        false => validate(&store, &name, deadline),
    };
    let report = report.map_err(|error| told(&error))?;
    match arguments.json {
        true => match serde_json::to_string_pretty(&report) {
            Ok(text) => println!("{text}"),
            Err(error) => return Err(vec![chain_text(&error)]),
        },
        false => print!("{}", report.text()),
    }
    Ok(match report.is_usable() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn told(error: &TemplateError) -> Vec<String> {
    if let TemplateError::Refused(problems) = error {
        return listed(problems);
    }
    let remedy = error.remedy();
    [chain_text(error)].into_iter().chain(remedy).collect()
}

fn listed(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}
