//! Starts the proof program of `prove/`, built with the profile that is asked for. It knows none of
//! its options but that one.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Optimised: the proof is as good as the number of answers it gets through.
const PROFILE: &str = "release";

/// Transactions, and the longest time to begin a further seed, of the proof in the gate. It runs
/// with a fresh seed each time, so that the gate goes on looking where it has not been.
const SHORT: &[&str] = &["--steps", "1000", "--seeds", "4", "--jobs", "2", "--seconds", "30"];

/// Tries interleavings of threads instead of random statements.
const INTERLEAVE: &str = "--interleave";

/// Proves on PostgreSQL instead of SQLite.
const POSTGRES: &str = "--postgres";

/// Runs the program with these options.
pub(crate) fn run(root: &Path, options: &[&str]) -> Result<()> {
    let at = options.iter().position(|option| *option == "--profile");
    let profile = at.and_then(|at| options.get(at + 1)).copied().unwrap_or(PROFILE);
    let (program, features) = match () {
        () if options.contains(&INTERLEAVE) => ("forebay-interleave", ""),
        () if options.contains(&POSTGRES) => ("forebay-prove-postgres", "servers"),
        () => ("forebay-prove", ""),
    };
    let status = Command::new(crate::cargo())
        .args(["run", "--quiet", "--locked", "--profile", profile])
        .args(["--package", "forebay-prove", "--features", features, "--bin", program, "--"])
        .args(options)
        .current_dir(root)
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("the proof has failed");
    }
    Ok(())
}

/// A short proof, for the gate: with the programs that were built for the tests, beside this one.
pub(crate) fn run_short(root: &Path) -> Result<()> {
    let own = std::env::current_exe().context("cannot find out where this program lies")?;
    for (program, options) in [("forebay-interleave", &[][..]), ("forebay-prove", SHORT)] {
        let path = own.with_file_name(program);
        let status = Command::new(&path)
            .args(options)
            .current_dir(root)
            .status()
            .with_context(|| format!("cannot run {}", path.display()))?;
        if !status.success() {
            bail!("the proof has failed");
        }
    }
    Ok(())
}
