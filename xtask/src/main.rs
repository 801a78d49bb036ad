//! The gate of the workspace: `cargo xtask ci` runs every check in order, `cargo xtask tidy` only
//! the house rules that no other tool knows, `cargo xtask tools` installs what `ci` calls, `cargo
//! xtask book` builds the guide, and `cargo xtask dist` makes the archive of a release. It changes
//! nothing in the repository.

mod book;
mod ci;
mod deny;
mod dist;
mod prove;
mod tidy;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

const USAGE: &str = "\
usage: cargo xtask <task>

  ci     formatting, lints, tidy, dependencies, tests and docs, in this order
  tidy   the house rules of STYLE.md and the import table of ARCHITECTURE.md
  prove  random statements whose answers must be the bare database's; --help lists its options
  build  what ci runs, built and not run
  book   the guide as a book of HTML, in target/book
  dist   the archive of a release; --target TRIPLE (x86_64-unknown-linux-musl for a static binary),
         --binary PATH to pack one that is there
  tools  install the tools that ci needs beside the Rust toolchain
";

fn main() -> ExitCode {
    let task: Vec<String> = std::env::args().skip(1).collect();
    let done = match task.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["ci"] => ci::run(root()),
        ["build"] => ci::build(root()),
        ["tidy"] => tidy::run(root()),
        ["book"] => book::run(root()),
        ["dist", options @ ..] => dist::run(root(), options),
        ["prove", options @ ..] => prove::run(root(), options),
        ["tools"] => deny::install(root()),
        _ => usage(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> Result<()> {
    std::io::stderr().write_all(USAGE.as_bytes()).context("cannot write to standard error")?;
    bail!("name one task")
}

/// The workspace this program was built in, so that it works from any folder.
fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("xtask lies in a folder of the workspace")
}

/// The cargo that started this program, so that a chosen toolchain stays chosen.
fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
