//! `quota-history`: usage over time.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct History {
    /// The share.
    pub(crate) name: String,
    /// How far back, in days.
    #[arg(long, value_name = "NUMBER", default_value_t = 7, conflicts_with = "from",
          value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(crate) days: u32,
    /// From when on: 2026-01-31, 2026-01-31T12:00 (UTC), 2026-01-31T12:00+02:00.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Until when [default: now].
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// How finely.
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) resolution: Resolution,
    /// Print comma-separated values.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// Write a chart to FILE, in the form of SVG; `-` is standard output.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["csv", "json"])]
    pub(crate) svg: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Resolution {
    /// What fits the span and is still kept.
    Auto,
    /// Every sample.
    Raw,
    /// One value an hour.
    Hourly,
    /// One value a day.
    Daily,
}
