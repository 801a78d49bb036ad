//! The `forebay` command: it reads arguments, sets up logging and the runtime, and leaves the
//! rest to the command that was asked for.

mod args;
mod cmd;
mod exit;
mod login;
mod output;
mod plan;
mod quantity;
mod signal;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, Command};
use crate::exit::Exit;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log(if matches!(cli.command, Command::Serve(_)) { "info" } else { "warn" });
    let exit = run(cli.command).unwrap_or_else(|error| {
        // Nothing is left to tell a standard error that cannot be written to.
        let _ = writeln!(std::io::stderr(), "forebay: {error:#}");
        Exit::of(&error)
    });
    exit.into()
}

fn run(command: Command) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let exit = match command {
        Command::Serve(args) => runtime.block_on(cmd::serve(&args)),
        Command::Explain(args) => runtime.block_on(cmd::explain(&args)),
        Command::Setup(args) => runtime.block_on(cmd::setup(&args)),
        Command::Demo(args) => runtime.block_on(cmd::demo(args)),
    };
    // After a second signal, what still runs is not waited for.
    runtime.shutdown_background();
    exit
}

/// Logs go to standard error, in colour only where that is a terminal.
fn log(level: &str) {
    let wanted = std::env::var("FOREBAY_LOG").or_else(|_| std::env::var("RUST_LOG"));
    let filter = EnvFilter::builder().parse_lossy(wanted.as_deref().unwrap_or(level));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .init();
}
