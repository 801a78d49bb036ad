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
    /// Where it runs every other day only: on those with an even number (0), or on the others
    /// (1). See [`TURN`].
    days: Option<u64>,
}

enum Action {
    Cargo {
        args: &'static [&'static str],
        env: Option<(&'static str, &'static str)>,
    },
    /// A program that was built for the tests, beside this one.
    Built {
        program: &'static str,
        args: &'static [&'static str],
    },
    Check(fn(&Path) -> Result<()>),
}

/// Steps one after the other, beside other lanes.
#[derive(Clone, Copy)]
struct Lane<'s> {
    steps: &'s [Step],
    /// It gives way to the others: nothing in it waits, and nothing in it is measured by the clock.
    is_patient: bool,
}

const fn cargo(name: &'static str, args: &'static [&'static str]) -> Step {
    Step { name, action: Action::Cargo { args, env: None }, days: None }
}

const fn built(name: &'static str, program: &'static str, args: &'static [&'static str]) -> Step {
    Step { name, action: Action::Built { program, args }, days: None }
}

const fn check(name: &'static str, check: fn(&Path) -> Result<()>) -> Step {
    Step { name, action: Action::Check(check), days: None }
}

/// The proof on PostgreSQL is built too, though it is not run; the tiers, the extractor and the
/// bridge to other metrics are tested.
const FEATURES: &str = "--features=forebay-prove/servers,forebay-cli/otel,forebay/disk,\
                        forebay/http,forebay/metrics,forebay/redis";

const CLIPPY: &[&str] =
    &["clippy", "--workspace", "--all-targets", FEATURES, "--locked", "--", "-D", "warnings"];
const BUILD: &[&str] = &["test", "--workspace", FEATURES, "--locked", "--no-run"];
/// All tests but those that wait for servers most of their time, which have a lane of their own; in
/// cargo's words these are all other kinds of target.
const TEST: &[&str] =
    &["test", "--workspace", FEATURES, "--locked", "--lib", "--bins", "--test=it"];
const TEST_SERVERS: &[&str] =
    &["test", "--workspace", FEATURES, "--locked", "--test=postgres", "--test=redis"];
const TEST_DOC: &[&str] = &["test", "--workspace", FEATURES, "--locked", "--doc"];
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
/// Transactions, and the longest time to begin a further seed, of the proof in the gate. It runs
/// with a fresh seed each time, so that the gate goes on looking where it has not been.
const PROVE: &[&str] = &["--steps", "150", "--seeds", "2", "--jobs", "2", "--seconds", "30"];
const DOC: &[&str] = &["doc", "--quiet", "--workspace", "--no-deps", FEATURES, "--locked"];

const FIRST: &[Step] = &[
    cargo("fmt", &["fmt", "--all", "--", "--check"]),
    check("tidy", crate::tidy::run),
    check("deny is installed", crate::deny::require),
    cargo("deny", &["deny", "--locked", "check", "bans", "licenses", "sources"]),
    BUILD_TESTS,
];

const BUILD_TESTS: Step = cargo("build the tests", BUILD);

/// Beside each other: tests, many of which wait for a server, and what keeps a processor busy.
const LANES: &[Lane<'_>] = &[
    Lane { steps: &[cargo("test", TEST)], is_patient: false },
    Lane {
        steps: &[cargo("test on servers", TEST_SERVERS), cargo("test the examples", TEST_DOC)],
        is_patient: false,
    },
    Lane {
        steps: &[
            built("interleave", "forebay-interleave", &[]),
            built("prove", "forebay-prove", PROVE),
            Step {
                name: "test without the preupdate hook",
                action: Action::Cargo { args: PLAIN, env: Some(("LIBSQLITE3_FLAGS", "")) },
                days: Some(1),
            },
            cargo("clippy", CLIPPY),
            Step {
                name: "doc",
                action: Action::Cargo { args: DOC, env: Some(("RUSTDOCFLAGS", "-D warnings")) },
                days: Some(0),
            },
        ],
        is_patient: true,
    },
];

/// Whose day it is: of two things that take long the one is done today, and the other tomorrow. It
/// is which PostgreSQL server each test takes, and which of the steps that have days. A number; set
/// to nothing, all is done.
const TURN: &str = "FOREBAY_POSTGRES_TURN";

/// What it is set to, or the number of this day.
fn turn() -> String {
    std::env::var(TURN).unwrap_or_else(|_| {
        let today = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        (today.unwrap_or_default().as_secs() / 86_400).to_string()
    })
}

/// Runs every step in `root`; the error names the first that failed.
pub(crate) fn run(root: &Path) -> Result<()> {
    run_all(root, FIRST, LANES)
}

/// Builds what the gate runs, so that it need not: while something else is being prepared.
pub(crate) fn build(root: &Path) -> Result<()> {
    BUILD_TESTS.run(root, false)
}

/// Runs the steps, and then the lanes; those that are under way when one fails go on to their ends.
fn run_all(root: &Path, first: &[Step], lanes: &[Lane<'_>]) -> Result<()> {
    let began = Instant::now();
    let mut ran = vec![Ran::of(root, first, false)];
    if ran[0].outcome.is_ok() {
        std::thread::scope(|scope| {
            let begin = |&lane: &_| scope.spawn(move || Ran::in_lane(root, lane));
            let lanes: Vec<_> = lanes.iter().map(begin).collect();
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
    fn in_lane(root: &Path, lane: Lane<'_>) -> Ran {
        Ran::of(root, lane.steps, lane.is_patient)
    }

    fn of(root: &Path, steps: &[Step], is_patient: bool) -> Ran {
        let mut times = Vec::with_capacity(steps.len());
        let turn = turn();
        for step in steps.iter().filter(|step| step.is_due(&turn)) {
            // Nobody who cannot read this reads the outcome.
            let _ = writeln!(std::io::stderr(), "\n== {}", step.name);
            let start = Instant::now();
            let outcome = step
                .run(root, is_patient)
                .with_context(|| format!("ci stopped at step `{}`", step.name));
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
    fn is_due(&self, turn: &str) -> bool {
        let today = turn.parse::<u64>().ok();
        self.days.is_none_or(|days| today.is_none_or(|today| today % 2 == days))
    }

    fn run(&self, root: &Path, is_patient: bool) -> Result<()> {
        let (program, args, env) = match self.action {
            Action::Check(check) => return check(root),
            Action::Cargo { args, env } => (crate::cargo(), args, env),
            Action::Built { program, args } => {
                let own = std::env::current_exe();
                let own = own.context("cannot find out where this program lies")?;
                (own.with_file_name(program), args, None)
            }
        };
        let mut command = match is_patient {
            true => {
                let mut command = Command::new("nice");
                command.arg("-n10").arg(&program);
                command
            }
            false => Command::new(&program),
        };
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let words = || format!("{name} {}", args.join(" "));
        let status = command
            .env(TURN, turn())
            .args(args)
            .envs(env)
            .current_dir(root)
            .status()
            .with_context(|| format!("cannot run {}", words()))?;
        if !status.success() {
            bail!("`{}` failed", words());
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
        let ran = Ran::of(crate::root(), steps, false);
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
    fn steps_have_their_days() {
        let check = |days: Option<u64>, turn: &str, expect: bool| {
            let step = Step { days, ..check("it", passes) };
            assert_eq!(step.is_due(turn), expect, "{days:?} on {turn:?}");
        };
        check(None, "7", true);
        check(Some(0), "20", true);
        check(Some(1), "20", false);
        check(Some(1), "21", true);
        check(Some(0), "21", false);
        // All of them.
        check(Some(0), "", true);
        check(Some(1), "", true);
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
        let error = |first: &[Step], lanes: [&[Step]; 2]| {
            let lanes = lanes.map(|steps| Lane { steps, is_patient: false });
            run_all(crate::root(), first, &lanes).err().map(|error| format!("{error:#}"))
        };
        let (good, bad) = ([check("good", passes)], [check("bad", fails)]);
        let said = Some("ci stopped at step `bad`: the reason".to_owned());
        assert_eq!(error(&good, [&good, &good]), None);
        assert_eq!(error(&good, [&bad, &good]), said);
        assert_eq!(error(&good, [&good, &bad]), said);
        assert_eq!(error(&bad, [&[check("third", |_| bail!("is not run"))], &good]), said);
    }

    #[test]
    fn a_patient_step_is_run_and_its_failure_told() {
        let run = |step: &Step| step.run(crate::root(), true).err().map(|it| it.to_string());
        assert_eq!(run(&cargo("good", &["--version"])), None);
        let error = run(&cargo("bad", &["no-such-subcommand"])).unwrap();
        assert!(error.contains("`cargo no-such-subcommand` failed"), "{error}");
    }
}
