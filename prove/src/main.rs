//! The proof that answers through Forebay are the database's own: random schemas, reads and
//! writes, every answer compared with the bare database. It uses nothing of Forebay but its
//! public face. Run it with `cargo xtask prove`.

mod args;
mod domain;
mod drive;
mod feature;
mod mutant;
mod precision;
mod read;
mod report;
mod run;
mod schema;
mod write;

use std::io::Write;
use std::path::Path;
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
        [run::SECOND, path] => run::second_process(Path::new(path)).map(|()| true),
        [run::RACER, path] => run::race_writer(Path::new(path)).map(|()| true),
        [drive::SEED, seed, steps, reads, how] => {
            let (seed, steps) = (number(seed)?, number(steps)?);
            let reads = usize::try_from(number(reads)?)?;
            run::one_seed(Plan { seed, steps, reads, shrinks: *how == "shrink" })
        }
        _ => {
            let args = args::parse(args, fastrand::u64(..1 << 32))?;
            run::remove_abandoned();
            match args.task {
                Task::Prove => drive::drive(&args),
                Task::Mutants => mutant::try_all(&args),
                Task::Help => {
                    std::io::stdout().write_all(args::USAGE.as_bytes())?;
                    Ok(true)
                }
                Task::Precision => precision::measure(&args),
            }
        }
    }
}

fn number(text: &str) -> Result<u64> {
    text.parse().with_context(|| format!("{text:?} is no number"))
}
