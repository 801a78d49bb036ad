//! Starts the proof program of `prove/`, built with the profile that is asked for. It knows none of
//! its options but that one.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Optimised: the proof is as good as the number of answers it gets through.
const PROFILE: &str = "release";

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
