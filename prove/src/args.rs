//! What is asked for on the command line.

use anyhow::{Context, Result, bail};

pub(crate) const USAGE: &str = "\
usage: cargo xtask prove [options]

  --steps N       transactions per seed (default 10000)
  --seed S        the first seed (default: a fresh one, which is printed)
  --seeds K       how many seeds, S, S + 1 and so on (default 1)
  --jobs J        processes at a time (default 1)
  --seconds T     begin no further seed after so many seconds
  --json FILE     write a record of the run
  --mutants       check that every injected bug is found, instead
  --only A,B      of the injected bugs, only those with A or B in their names
  --precision     measure hits and needless drops on two workloads, instead
  --interleave    try the interleavings of the parts that threads share, instead
  --profile P     the cargo profile to build with (default release)
";

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Prove,
    Mutants,
    Precision,
    Help,
}

/// The options, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) task: Task,
    pub(crate) steps: u64,
    pub(crate) seed: u64,
    pub(crate) seeds: u64,
    pub(crate) jobs: usize,
    pub(crate) seconds: Option<u64>,
    pub(crate) json: Option<String>,
    pub(crate) only: Option<String>,
    pub(crate) profile: String,
}

impl Args {
    /// What a process for one seed is told beside its numbers: nothing.
    pub(crate) fn for_seed(&self) -> Vec<String> {
        Vec::new()
    }

    /// What has to be said to have a seed again.
    pub(crate) fn replay(&self) -> String {
        "cargo xtask prove".to_owned()
    }
}

/// Reads the arguments after the program's name; `fresh` is the seed if none is given.
pub(crate) fn parse(args: impl IntoIterator<Item = String>, fresh: u64) -> Result<Args> {
    let mut found = Args {
        task: Task::Prove,
        steps: 10_000,
        seed: fresh,
        seeds: 1,
        jobs: 1,
        seconds: None,
        json: None,
        only: None,
        profile: "release".to_owned(),
    };
    let mut args = args.into_iter();
    while let Some(name) = args.next() {
        let mut value = || args.next().with_context(|| format!("{name} needs a value"));
        match name.as_str() {
            "--mutants" => found.task = Task::Mutants,
            "--precision" => found.task = Task::Precision,
            "--steps" => found.steps = number(&value()?)?,
            "--seed" => found.seed = number(&value()?)?,
            "--seeds" => found.seeds = number(&value()?)?,
            "--jobs" => found.jobs = usize::try_from(number(&value()?)?)?.max(1),
            "--seconds" => found.seconds = Some(number(&value()?)?),
            "--json" => found.json = Some(value()?),
            "--only" => found.only = Some(value()?),
            "--profile" => found.profile = value()?,
            "--help" => found.task = Task::Help,
            _ => bail!("unknown option {name}\n{USAGE}"),
        }
    }
    Ok(found)
}

/// A number, also as `1e6` or `1_000_000`.
fn number(text: &str) -> Result<u64> {
    let plain = text.replace('_', "");
    if let Some((digits, power)) = plain.split_once('e') {
        let factor = 10u64.checked_pow(power.parse()?).context("the number is too large")?;
        return digits.parse::<u64>()?.checked_mul(factor).context("the number is too large");
    }
    plain.parse().with_context(|| format!("{text:?} is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_numbers() {
        let parse = |line: &str| parse(line.split_whitespace().map(str::to_owned), 7);
        let args = parse("--steps 1e6 --seeds 1_00 --jobs 2 --mutants").unwrap();
        assert_eq!((args.steps, args.seeds, args.jobs), (1_000_000, 100, 2));
        assert_eq!((args.task, args.seed), (Task::Mutants, 7));
        for wrong in ["--steps", "--steps x", "--what", "--steps 1e30"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
