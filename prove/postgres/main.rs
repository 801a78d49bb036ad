//! The proof on PostgreSQL: random schemas, reads and writes on a private server, every answer
//! through Forebay compared with a bare session's, while streams stall, commits are told before
//! they are seen, and connections are lost. It uses nothing of Forebay but its public face. Run it
//! with `cargo xtask prove --postgres`.

mod answer;
mod args;
mod bare;
mod domain;
#[path = "../src/drive.rs"]
mod drive;
mod mutant;
mod place;
mod read;
mod recency;
mod report;
mod run;
mod schema;
mod write;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::args::Task;
use crate::run::Plan;

fn main() -> ExitCode {
    match start() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "prove: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Plays the part that the first argument names; without one, the whole proof.
fn start() -> Result<bool> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        [drive::SEED, seed, steps, reads, how, rest @ ..] => {
            let (seed, steps) = (number(seed)?, number(steps)?);
            let reads = usize::try_from(number(reads)?)?;
            let version = rest.first().map(|version| number(version)).transpose()?;
            let version = version.map(u32::try_from).transpose()?;
            run::one_seed(Plan { seed, steps, reads, shrinks: *how == "shrink", version })
        }
        _ => {
            let args = args::parse(args, fastrand::u64(..1 << 32))?;
            match args.task {
                Task::Prove => drive::drive(&args),
                Task::Recency => recency::prove(&args),
                Task::Mutants => mutant::try_all(&args),
                Task::MutantsByTests => mutant::try_tests(&args),
                Task::Help => {
                    std::io::stdout().write_all(args::USAGE.as_bytes())?;
                    Ok(true)
                }
            }
        }
    }
}

fn number(text: &str) -> Result<u64> {
    text.parse().with_context(|| format!("{text:?} is no number"))
}
