//! Whether the library's own tests find the injected bugs. They go where the proof comes seldom:
//! every order of the steps, every form of a condition, every kind of message. Which tests, the
//! tables say.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::copy::{QUIETLY, SELECT, cargo, make};
use super::injected::{Suite, TABLES, all};
use crate::args::Args;

/// Package and features that are tested.
const TESTED: &[&str] =
    &["--package", "forebay", "--lib", "--test", "postgres", "--features", "postgres"];

/// The programs by their names.
type Programs = BTreeMap<String, PathBuf>;

/// What one bug was found by.
struct Trial {
    mutant: &'static str,
    tests: Vec<String>,
    seconds: f64,
}

/// Builds the copy's tests and runs those of each table with each of its bugs, and with none;
/// whether they failed with each bug, and with none did not.
pub(crate) fn try_tests(args: &Args) -> Result<bool> {
    let copy = make(&all())?;
    let programs = build(&copy)?;
    let only = args.only.as_deref().unwrap_or("");
    let (mut trials, mut is_good) = (Vec::new(), true);
    for (suites, mutants) in TABLES {
        let names = std::iter::once("none").chain(mutants.iter().map(|mutant| mutant.name));
        for mutant in names {
            if mutant != "none" && !only.split(',').any(|part| mutant.contains(part)) {
                continue;
            }
            let began = Instant::now();
            let mut tests = Vec::new();
            for suite in *suites {
                if tests.is_empty() {
                    tests = failed(&programs, &copy, suite, mutant)?;
                }
            }
            is_good &= tests.is_empty() == (mutant == "none");
            let trial = Trial { mutant, tests, seconds: began.elapsed().as_secs_f64() };
            writeln!(std::io::stderr(), "{}", trial.line())?;
            trials.push(trial);
        }
    }
    if let Some(path) = &args.json {
        let record: Vec<Value> = trials.iter().map(Trial::to_json).collect();
        std::fs::write(path, format!("{:#}\n", Value::from(record)))
            .with_context(|| format!("cannot write {path}"))?;
    }
    Ok(is_good)
}

/// Builds the tests.
fn build(copy: &Path) -> Result<Programs> {
    let output = cargo(copy)
        .args(["test", "--no-run", "--message-format", "json"])
        .args(TESTED)
        .args(QUIETLY)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("the tests of the copy with the injected bugs do not build");
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    let messages = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program = |it: Value| {
        let (name, path) = (it["target"]["name"].as_str()?, it["executable"].as_str()?);
        Some((name.to_owned(), PathBuf::from(path)))
    };
    Ok(messages.filter_map(program).collect())
}

/// The tests that fail.
fn failed(programs: &Programs, copy: &Path, suite: &Suite, mutant: &str) -> Result<Vec<String>> {
    let Suite { program, filters } = suite;
    let path = programs.get(*program).with_context(|| format!("{program} was not built"))?;
    let output = Command::new(path)
        .args(*filters)
        .env(SELECT, mutant)
        .env("RUST_BACKTRACE", "0")
        .current_dir(copy.join("crates/forebay"))
        .output()
        .with_context(|| format!("cannot run {}", path.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let failed: Vec<String> = text.lines().filter_map(failure).map(str::to_owned).collect();
    if failed.is_empty() != output.status.success() {
        bail!("the tests ended oddly with the bug {mutant:?}: {}", output.status);
    }
    Ok(failed)
}

/// The test that a line says has failed.
fn failure(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

impl Trial {
    fn line(&self) -> String {
        let found = self.tests.first().map_or("-", String::as_str);
        format!("{:<50}{:>3}  {found}  {:.0} s", self.mutant, self.tests.len(), self.seconds)
    }

    fn to_json(&self) -> Value {
        json!({ "name": self.mutant, "tests": self.tests, "seconds": self.seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_read() {
        let check = |line: &str, expect: Option<&str>| assert_eq!(failure(line), expect, "{line}");
        check(
            "test sql::tree::tests::legality::places ... FAILED",
            Some("sql::tree::tests::legality::places"),
        );
        check("test sql::tree::tests::legality::places ... ok", None);
        check("test result: FAILED. 1 passed; 1 failed", None);
    }
}
