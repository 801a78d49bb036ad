//! The `forebay` command: it reads arguments, sets up logging and the runtime, and leaves the
//! rest to the command that was asked for.

mod args;
mod cmd;
mod config;
mod edition;
mod exit;
mod listening;
mod live;
mod log;
mod login;
mod notify;
mod output;
mod plan;
mod quantity;
mod signal;
mod telemetry;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::args::{Cli, Command};
use crate::config::LogFormat;
use crate::exit::Exit;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    if let Some(level) = level(&command) {
        let level = log::wanted().unwrap_or_else(|| level.to_owned());
        let _ = log::begin(&level, LogFormat::Text, None);
    }
    let exit = run(command).unwrap_or_else(|error| {
        // Nothing is left to tell a standard error that cannot be written to.
        let _ = writeln!(std::io::stderr(), "forebay: {}", exit::told(&error));
        Exit::of(&error)
    });
    exit.into()
}

/// What a command logs unless the environment says otherwise.
fn level(command: &Command) -> Option<&'static str> {
    match command {
        // Its configuration says it.
        Command::Serve(_) => None,
        // They say themselves what they find, and why nothing would be cached is no concern of
        // theirs.
        Command::Health(_) | Command::Stats(_) | Command::Load(_) | Command::Advise(_) => {
            Some("error")
        }
        // Lines between those that it draws would spoil them.
        Command::Top(_) => Some("off"),
        // Slow statements and repeated ones are what a service tells its operator; here somebody
        // waits for one answer, and sees that it takes its time.
        _ => Some("warn,forebay::slow=off,forebay::repeat=off"),
    }
}

fn run(command: Command) -> Result<Exit> {
    match command {
        Command::Serve(args) => {
            let sources = args.sources();
            let loaded = cmd::load_config(&sources)?;
            runtime(cmd::serve(loaded, sources))
        }
        Command::Config(args) => cmd::config(&args),
        Command::Ready(args) => cmd::ready(&args),
        Command::Completions(args) => cmd::completions(&args),
        Command::Man(args) => cmd::man(&args),
        Command::Explain(args) => runtime(cmd::explain(&args)),
        Command::Health(args) => runtime(cmd::health(&args)),
        Command::Stats(args) => runtime(cmd::stats(&args)),
        Command::Top(args) => runtime(cmd::top(&args)),
        Command::Advise(args) => runtime(cmd::advise(&args)),
        Command::Setup(args) => runtime(cmd::setup(&args)),
        Command::Load(args) => runtime(cmd::load(&args)),
        Command::Archive(args) => runtime(cmd::archive(&args)),
        Command::Maintain(args) => runtime(cmd::maintain(&args)),
        Command::Migrate(args) => runtime(cmd::migrate(&args)),
        Command::Index(args) => runtime(cmd::index(&args)),
        Command::Bench(args) => runtime(cmd::bench(&args)),
        Command::Demo(args) => runtime(cmd::demo(args)),
    }
}

fn runtime(work: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let exit = runtime.block_on(work);
    // After a second signal, what still runs is not waited for.
    runtime.shutdown_background();
    exit
}
