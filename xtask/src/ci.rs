//! The gate: its steps in order, stopping at the first that fails, with the time each took. The
//! last ones are lanes beside each other. A step is a command or a check of this crate; what a
//! command checks is configured in its own file at the root of the workspace.

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
const BUILD: &[&str] = &["test", "--workspace", FEATURES, "--locked", "--no-run"];
const TEST: &[&str] = &["test", "--workspace", FEATURES, "--locked"];
/// What a crate gets that depends on the library and sets no flags for SQLite, which nothing here
/// needs to be fast.
const PLAIN: &[&str] = &[
    "test",
    "--quiet",
    "--config=profile.dev.package.libsqlite3-sys.opt-level=0",
    "--package=forebay",
    "--lib",
    "--locked",
    "--target-dir=target/plain",
    "capture",
];
const DOC: &[&str] = &["doc", "--quiet", "--workspace", "--no-deps", FEATURES, "--locked"];

const FIRST: &[Step] = &[
    cargo("fmt", &["fmt", "--all", "--", "--check"]),
    cargo("clippy", CLIPPY),
    check("tidy", crate::tidy::run),
    check("deny is installed", crate::deny::require),
    cargo("deny", &["deny", "--locked", "check", "bans", "licenses", "sources"]),
    cargo("build the tests", BUILD),
];

/// Beside each other: tests, many of which wait for a server, and what keeps a processor busy.
const LANES: &[&[Step]] = &[
    &[cargo("test", TEST)],
    &[
        check("prove", crate::prove::run_short),
        Step {
            name: "test without the preupdate hook",
            action: Action::Cargo { args: PLAIN, env: Some(("LIBSQLITE3_FLAGS", "")) },
        },
        Step {
            name: "doc",
            action: Action::Cargo { args: DOC, env: Some(("RUSTDOCFLAGS", "-D warnings")) },
        },
    ],
];

/// Runs every step in `root`; the error names the first that failed.
pub(crate) fn run(root: &Path) -> Result<()> {
    run_all(root, FIRST, LANES)
}

/// Runs the steps, and then the lanes; those that are under way when one fails go on to their ends.
fn run_all(root: &Path, first: &[Step], lanes: &[&[Step]]) -> Result<()> {
    let began = Instant::now();
    let mut ran = vec![Ran::of(root, first)];
    if ran[0].outcome.is_ok() {
        std::thread::scope(|scope| {
            let lanes: Vec<_> =
                lanes.iter().map(|lane| scope.spawn(move || Ran::of(root, lane))).collect();
            ran.extend(lanes.into_iter().map(|lane| lane.join().expect("a lane has panicked")));
        });
    }
    print_times(&ran, began.elapsed(), &mut std::io::stderr())?;
    ran.into_iter().try_for_each(|ran| ran.outcome)
}

/// Steps that were run one after the other, with the time of each, and how that ended.
struct Ran {
    times: Vec<(&'static str, Duration)>,
    outcome: Result<()>,
}

impl Ran {
    fn of(root: &Path, steps: &[Step]) -> Ran {
        let mut times = Vec::with_capacity(steps.len());
        for step in steps {
            // Nobody who cannot read this reads the outcome.
            let _ = writeln!(std::io::stderr(), "\n== {}", step.name);
            let start = Instant::now();
            let outcome =
                step.run(root).with_context(|| format!("ci stopped at step `{}`", step.name));
            times.push((step.name, start.elapsed()));
            if outcome.is_err() {
                return Ran { times, outcome };
            }
        }
        Ran { times, outcome: Ok(()) }
    }
}

fn print_times(ran: &[Ran], total: Duration, out: &mut dyn Write) -> Result<()> {
    writeln!(out)?;
    for (name, time) in ran.iter().flat_map(|ran| &ran.times) {
        writeln!(out, "{:>8.1} s  {name}", time.as_secs_f64())?;
    }
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

    /// Runs the steps; the error, and the names of the steps that were run.
    fn outcome(steps: &[Step]) -> (Option<String>, Vec<&'static str>) {
        let ran = Ran::of(crate::root(), steps);
        let error = ran.outcome.err().map(|error| format!("{error:#}"));
        (error, ran.times.into_iter().map(|(name, _)| name).collect())
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

    #[test]
    fn a_failure_in_any_lane_fails_the_gate() {
        let error = |first: &[Step], lanes: &[&[Step]]| {
            run_all(crate::root(), first, lanes).err().map(|error| format!("{error:#}"))
        };
        let (good, bad) = ([check("good", passes)], [check("bad", fails)]);
        let said = Some("ci stopped at step `bad`: the reason".to_owned());
        assert_eq!(error(&good, &[&good, &good]), None);
        assert_eq!(error(&good, &[&bad, &good]), said);
        assert_eq!(error(&good, &[&good, &bad]), said);
        assert_eq!(error(&bad, &[&[check("third", |_| bail!("is not run"))]]), said);
    }
}
