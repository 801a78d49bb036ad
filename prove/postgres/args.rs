//! What is asked for on the command line.

use anyhow::{Context, Result, bail};

pub(crate) const USAGE: &str = "\
usage: cargo xtask prove --postgres [options]

  --steps N       turns per seed (default 2000)
  --seed S        the first seed (default: a fresh one, which is printed)
  --seeds K       how many seeds, S, S + 1 and so on (default 1)
  --jobs J        processes at a time, each with a server of its own (default 1)
  --seconds T     begin no further seed after so many seconds
  --version V     the major version of the server (default: the newest that is installed)
  --json FILE     write a record of the run
  --mutants       check that every injected bug is found, instead
  --tests         with --mutants: by the library's own tests
  --recency       counters that only grow, written and read by many for --seconds (default 60),
                  instead
  --clients N     clients of that (default 50)
  --only A,B      of the injected bugs, only those with A or B in their names
  --profile P     the cargo profile to build with (default release)
";

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Prove,
    Recency,
    Mutants,
    MutantsByTests,
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
    pub(crate) clients: usize,
    pub(crate) version: Option<u32>,
    pub(crate) json: Option<String>,
    pub(crate) only: Option<String>,
    pub(crate) profile: String,
}

impl Args {
    /// What a process for one seed is told beside its numbers.
    pub(crate) fn for_seed(&self) -> Vec<String> {
        self.version.map(|version| version.to_string()).into_iter().collect()
    }

    /// What has to be said to have a seed again.
    pub(crate) fn replay(&self) -> String {
        let version = self.version.map(|version| format!(" --version {version}"));
        format!("cargo xtask prove --postgres{}", version.unwrap_or_default())
    }
}

/// Reads the arguments after the program's name; `fresh` is the seed if none is given.
pub(crate) fn parse(args: impl IntoIterator<Item = String>, fresh: u64) -> Result<Args> {
    let mut found = Args {
        task: Task::Prove,
        steps: 2_000,
        seed: fresh,
        seeds: 1,
        jobs: 1,
        seconds: None,
        clients: 50,
        version: None,
        json: None,
        only: None,
        profile: "release".to_owned(),
    };
    let mut args = args.into_iter();
    while let Some(name) = args.next() {
        let mut value = || args.next().with_context(|| format!("{name} needs a value"));
        match name.as_str() {
            "--postgres" => {}
            "--mutants" if found.task == Task::MutantsByTests => {}
            "--mutants" => found.task = Task::Mutants,
            "--tests" => found.task = Task::MutantsByTests,
            "--recency" => found.task = Task::Recency,
            "--clients" => found.clients = usize::try_from(number(&value()?)?)?.max(2),
            "--steps" => found.steps = number(&value()?)?,
            "--seed" => found.seed = number(&value()?)?,
            "--seeds" => found.seeds = number(&value()?)?,
            "--jobs" => found.jobs = usize::try_from(number(&value()?)?)?.max(1),
            "--seconds" => found.seconds = Some(number(&value()?)?),
            "--version" => found.version = Some(u32::try_from(number(&value()?)?)?),
            "--json" => found.json = Some(value()?),
            "--only" => found.only = Some(value()?),
            "--profile" => found.profile = value()?,
            "--help" => found.task = Task::Help,
            _ => bail!("unknown option {name}\n{USAGE}"),
        }
    }
    Ok(found)
}

/// A number, also as `1_000`.
fn number(text: &str) -> Result<u64> {
    text.replace('_', "").parse().with_context(|| format!("{text:?} is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_numbers() {
        let parse = |line: &str| parse(line.split_whitespace().map(str::to_owned), 7);
        let args = parse("--postgres --steps 1_000 --version 15 --jobs 0").unwrap();
        assert_eq!((args.steps, args.version, args.jobs, args.seed), (1_000, Some(15), 1, 7));
        assert_eq!(args.for_seed(), ["15"]);
        for wrong in ["--steps", "--steps x", "--what", "--version new"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
