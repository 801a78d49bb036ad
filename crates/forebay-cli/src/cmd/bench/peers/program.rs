//! The programs that measure peers, and how each is built and run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::checkout::Checkout;
use super::outcome::Outcome;
use super::process::run;
use crate::exit::Usage;

/// One program of `bench/compare`.
pub(super) struct Program {
    /// Its folder.
    pub(super) name: &'static str,
    kind: Kind,
    /// Rounds in which the sides take turns.
    rounds: u32,
}

#[derive(Clone, Copy)]
enum Kind {
    /// A workspace of its own, whose program has the name of its package.
    Rust,
    /// A script with packages of its own, which is given the service's binary.
    Python,
}

/// In the order in which they run.
static ALL: [Program; 8] = [
    Program { name: "sqlx", kind: Kind::Rust, rounds: 11 },
    Program { name: "deadpool", kind: Kind::Rust, rounds: 11 },
    Program { name: "tokio-rusqlite", kind: Kind::Rust, rounds: 11 },
    Program { name: "keyed", kind: Kind::Rust, rounds: 7 },
    Program { name: "bulk", kind: Kind::Rust, rounds: 5 },
    Program { name: "redis", kind: Kind::Rust, rounds: 7 },
    Program { name: "postgres", kind: Kind::Rust, rounds: 7 },
    Program { name: "python", kind: Kind::Python, rounds: 5 },
];

/// Those of these names, or all if there are none; in the order in which they run.
pub(super) fn named(names: &[String]) -> Result<Vec<&'static Program>> {
    if let Some(name) = names.iter().find(|name| !ALL.iter().any(|one| one.name == **name)) {
        let known: Vec<_> = ALL.iter().map(|program| program.name).collect();
        return Err(Usage(format!("--only {name}: there are {}", known.join(", "))).into());
    }
    let is_named = |program: &&Program| names.is_empty() || names.iter().any(|n| n == program.name);
    Ok(ALL.iter().filter(is_named).collect())
}

/// The longest that one may take to be built, with all that it depends on, and to run.
const BUILD_MAX: Duration = Duration::from_secs(3_600);
const RUN_MAX: Duration = Duration::from_secs(600);

/// How a program begins a line about what it could not measure.
const LEFT_OUT: &str = "left out: ";

/// A program that is ready to run.
pub(super) struct Built {
    command: Command,
}

impl Program {
    /// Builds it, which takes minutes at first; nothing is built again that is up to date.
    pub(super) fn build(&self, checkout: &Checkout) -> Result<Built> {
        let folder = checkout.program(self.name);
        match self.kind {
            Kind::Rust => {
                let mut cargo = Command::new("cargo");
                cargo.args(["build", "--release", "--message-format=json-render-diagnostics"]);
                cargo.current_dir(&folder);
                let told = run(&mut cargo, BUILD_MAX)?.out;
                let name = format!("compare-{}", self.name);
                let program = executable(&told, &name)
                    .with_context(|| format!("cargo has built no {name}"))?;
                Ok(Built { command: Command::new(program) })
            }
            Kind::Python => {
                let python = environment(&folder, &checkout.made().join("python"))?;
                let service = std::env::current_exe().context("the own program has no path")?;
                let mut command = Command::new(python);
                command.arg(folder.join("run.py")).arg("--forebay").arg(service);
                Ok(Built { command })
            }
        }
    }

    /// Runs it; what it has measured, and what it left out.
    pub(super) fn measure(&self, built: Built, is_small: bool) -> Result<(Outcome, Vec<String>)> {
        let mut command = built.command;
        let rounds = if is_small { 1 } else { self.rounds };
        command.args(["--json", "--rounds", &rounds.to_string()]);
        let printed = run(&mut command, RUN_MAX)?;
        let left = printed.errors.lines().filter_map(|line| line.strip_prefix(LEFT_OUT));
        Ok((Outcome::parse(&printed.out)?, left.map(str::to_owned).collect()))
    }
}

/// The program of this name among cargo's messages, of which each is a line.
fn executable(told: &str, name: &str) -> Option<PathBuf> {
    told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let is_wanted = message["target"]["name"] == name;
        let path = message["executable"].as_str().filter(|_| is_wanted)?;
        Some(PathBuf::from(path))
    })
}

/// An environment with the packages that the script needs; gives its interpreter.
fn environment(folder: &Path, made: &Path) -> Result<OsString> {
    let python = made.join("bin/python");
    if !python.is_file() {
        let mut command = Command::new("python3");
        command.args(["-m", "venv"]).arg(made);
        run(&mut command, BUILD_MAX).context("python3 cannot make an environment")?;
    }
    let mut command = Command::new(&python);
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
    command.arg(folder.join("requirements.txt"));
    run(&mut command, BUILD_MAX).context("pip cannot install requirements.txt")?;
    Ok(python.into_os_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_known_by_their_names() {
        let check = |names: &[&str], expect: Option<&[&str]>| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let found = named(&names).ok();
            let found = found.map(|all| all.iter().map(|one| one.name).collect::<Vec<_>>());
            assert_eq!(found.as_deref(), expect, "{names:?}");
        };
        check(&["redis", "sqlx"], Some(&["sqlx", "redis"]));
        check(&["sqlx", "rusqlite"], None);
        assert_eq!(named(&[]).unwrap().len(), ALL.len());
    }

    #[test]
    fn the_program_is_found_among_the_messages() {
        let told = r#"{"reason":"compiler-artifact","target":{"name":"field"},"executable":null}
no message
{"reason":"compiler-artifact","target":{"name":"compare-sqlx"},"executable":"/t/compare-sqlx"}
{"reason":"build-finished","success":true}"#;
        let check = |name, expect: Option<&str>| {
            assert_eq!(executable(told, name), expect.map(PathBuf::from), "{name}");
        };
        check("compare-sqlx", Some("/t/compare-sqlx"));
        check("compare-redis", None);
        check("field", None);
    }
}
