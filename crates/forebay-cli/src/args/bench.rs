//! The arguments of `forebay bench`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cmd::Target;
use crate::quantity::Time;

/// Measure an application over HTTP: how fast its endpoints answer many users at once.
///
/// Each user has a connection of its own (HTTP/1.1), takes the URLs in turn, and asks again when it
/// has been answered; with --rate requests fall due at that rate instead, and their time counts
/// from then, so that an application that stalls is not spared what waited meanwhile. A time ends
/// with the last byte of the answer. An answer with status 400 or more is an error, and so is none.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// What to ask: http:// or https:// URLs.
    #[arg(required_unless_present = "suite", value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// How many ask at once.
    #[arg(long, value_name = "N", default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) users: u32,
    /// For how long.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(crate) duration: Time,
    /// Ask this long before, and do not count it.
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub(crate) warm_up: Time,
    /// Stop after so many requests, those of the warm-up not counted.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,
    /// So many requests each second from all users together, instead of as many as are answered.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: Option<u32>,
    /// What has to be reached (may be repeated): mean, min, max, p50, p90, p95, p99 or p99.9 with a
    /// time, as in p95=200ms, of every endpoint; errors with a share, as in errors=0.1%; rate with
    /// requests per second of all together. Where any is given and none for errors, errors=0%.
    #[arg(long = "target", value_name = "FIGURE=LIMIT")]
    pub(crate) targets: Vec<Target>,
    /// The method of all requests.
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    pub(crate) method: String,
    /// Send this header with all requests, as in "accept: text/html" (may be repeated).
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// Send the bearer token in this file with all requests.
    #[arg(long, value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,
    /// Send this file as the body of all requests.
    #[arg(long, value_name = "PATH")]
    pub(crate) body_file: Option<PathBuf>,
    /// An answer that takes longer is an error.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub(crate) timeout: Time,
    /// Instead of URLs: measure this on databases of its own, and print a report in Markdown.
    #[arg(long, value_name = "NAME", conflicts_with = "urls")]
    pub(crate) suite: Option<Suite>,
    /// With --suite: put the report into this folder too, as report.md and report.json, with plots
    /// as SVG.
    #[arg(long, value_name = "DIR", requires = "suite", conflicts_with = "urls")]
    pub(crate) out: Option<PathBuf>,
    /// With --suite: sizes and loads so small that a run takes seconds. It shows that a suite runs
    /// here; its figures say nothing.
    #[arg(long, requires = "suite", conflicts_with = "urls")]
    pub(crate) small: bool,
    /// With --suite peers: the checkout, where the working directory does not lie in one.
    #[arg(long, value_name = "DIR", requires = "suite", conflicts_with = "urls")]
    pub(crate) checkout: Option<PathBuf>,
    /// With --suite peers: only this program of bench/compare (may be repeated).
    #[arg(long, value_name = "PROGRAM", requires = "suite", conflicts_with = "urls")]
    pub(crate) only: Vec<String>,
    /// With --suite scale: the most rows of a table, from 10,000; 45 bytes of disk each.
    #[arg(long, value_name = "N", requires = "suite", conflicts_with = "urls",
        default_value_t = 10_000_000,
        value_parser = clap::value_parser!(u64).range(10_000..=1_000_000_000))]
    pub(crate) max_rows: u64,
    /// With --suite scale: the most answers in memory, from 1,000; 1.5 KB of memory each.
    #[arg(long, value_name = "N", requires = "suite", conflicts_with = "urls",
        default_value_t = 1_000_000,
        value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    pub(crate) max_entries: u64,
    /// With --suite scale: leave out sizes that would take longer than this, and say so.
    #[arg(
        long,
        value_name = "TIME",
        requires = "suite",
        conflicts_with = "urls",
        default_value = "10m"
    )]
    pub(crate) within: Time,
    /// Print one JSON object, with times in milliseconds.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Suite {
    /// What layers that applications write by hand advertise, before and after (about a minute).
    Layers,
    /// Other libraries and tools beside Forebay, by programs that are built from a checkout of the
    /// repository with cargo (many minutes at first).
    Peers,
    /// What size costs: answers in memory, rows, clients, writes, changed rows (some minutes).
    Scale,
}
