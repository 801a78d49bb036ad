//! The gate: its steps in order, stopping at the first that fails, with the time each took.
//! A step is a command or a check of this crate; what a command checks is configured in its own
//! file at the root of the workspace.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

struct Step {
    name: &'static str,
    action: Action,
}

enum Action {
    Cargo { args: &'static [&'static str], env: Option<(&'static str, &'static str)> },
    Check(fn(&Path) -> Result<()>),
}

const fn cargo(name: &'static str, args: &'static [&'static str]) -> Step {
    Step { name, action: Action::Cargo { args, env: None } }
}

const fn check(name: &'static str, check: fn(&Path) -> Result<()>) -> Step {
    Step { name, action: Action::Check(check) }
}

/// The proof on PostgreSQL is built too, though it is not run, and the tiers are tested.
const FEATURES: &str = "--features=forebay-prove/servers,forebay/disk,forebay/redis";

const CLIPPY: &[&str] =
    &["clippy", "--workspace", "--all-targets", FEATURES, "--locked", "--", "-D", "warnings"];
/// What a crate gets that depends on the library and sets no flags for SQLite.
const PLAIN: &[&str] =
    &["test", "-p", "forebay", "--lib", "--locked", "--target-dir", "target/plain", "capture"];
const DOC: &[&str] = &["doc", "--workspace", "--no-deps", FEATURES, "--locked"];

const STEPS: &[Step] = &[
    cargo("fmt", &["fmt", "--all", "--", "--check"]),
    cargo("clippy", CLIPPY),
    check("tidy", crate::tidy::run),
    check("deny is installed", crate::deny::require),
    cargo("deny", &["deny", "--locked", "check", "bans", "licenses", "sources"]),
    cargo("test", &["test", "--workspace", FEATURES, "--locked"]),
    Step {
        name: "test without the preupdate hook",
        action: Action::Cargo { args: PLAIN, env: Some(("LIBSQLITE3_FLAGS", "")) },
    },
    check("prove", crate::prove::run_short),
    Step {
        name: "doc",
        action: Action::Cargo { args: DOC, env: Some(("RUSTDOCFLAGS", "-D warnings")) },
    },
];

/// Runs every step in `root`; the error names the first that failed.
pub(crate) fn run(root: &Path) -> Result<()> {
    run_steps(root, STEPS, &mut std::io::stderr())
}

fn run_steps(root: &Path, steps: &[Step], out: &mut dyn Write) -> Result<()> {
    let mut times = Vec::with_capacity(steps.len());
    let mut outcome = Ok(());
    for step in steps {
        writeln!(out, "\n== {}", step.name)?;
        let start = Instant::now();
        outcome = step.run(root).with_context(|| format!("ci stopped at step `{}`", step.name));
        times.push((step.name, start.elapsed()));
        if outcome.is_err() {
            break;
        }
    }
    print_times(&times, out)?;
    outcome
}

fn print_times(times: &[(&str, Duration)], out: &mut dyn Write) -> Result<()> {
    writeln!(out)?;
    for (name, time) in times {
        writeln!(out, "{:>8.1} s  {name}", time.as_secs_f64())?;
    }
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    writeln!(out, "{:>8.1} s  in all", total.as_secs_f64())?;
    Ok(())
}

impl Step {
    fn run(&self, root: &Path) -> Result<()> {
        let (args, env) = match self.action {
            Action::Check(check) => return check(root),
            Action::Cargo { args, env } => (args, env),
        };
        let status = Command::new(crate::cargo())
            .args(args)
            .envs(env)
            .current_dir(root)
            .status()
            .with_context(|| format!("cannot run cargo {}", args.join(" ")))?;
        if !status.success() {
            bail!("`cargo {}` failed", args.join(" "));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(_: &Path) -> Result<()> {
        Ok(())
    }

    fn fails(_: &Path) -> Result<()> {
        bail!("the reason")
    }

    /// Runs the steps and answers the error and the names of the steps that were run.
    fn outcome(steps: &[Step]) -> (Option<String>, Vec<String>) {
        let mut out = Vec::new();
        let error = run_steps(crate::root(), steps, &mut out).err();
        let text = String::from_utf8(out).unwrap();
        let ran = text.lines().filter_map(|line| line.strip_prefix("== ")).map(str::to_owned);
        (error.map(|error| format!("{error:#}")), ran.collect())
    }

    #[test]
    fn every_step_runs_when_all_pass() {
        let (error, ran) = outcome(&[check("first", passes), cargo("second", &["--version"])]);
        assert_eq!(error, None);
        assert_eq!(ran, ["first", "second"]);
    }

    #[test]
    fn the_first_failure_stops_and_is_named() {
        let steps = [check("first", passes), check("second", fails), check("third", passes)];
        let (error, ran) = outcome(&steps);
        assert_eq!(error.unwrap(), "ci stopped at step `second`: the reason");
        assert_eq!(ran, ["first", "second"]);
    }

    #[test]
    fn a_failing_command_is_a_failing_step() {
        let (error, _) = outcome(&[cargo("bad", &["no-such-subcommand"])]);
        assert!(error.unwrap().contains("`cargo no-such-subcommand` failed"));
    }
}
