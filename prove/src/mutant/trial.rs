//! Running the proof against each injected bug: it has to be found, with every seed.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::copy::{SELECT, build};
use super::injected::{READS, SEEDS, WRITES_MAX, all};
use crate::args::Args;
use crate::drive::{Ended, SEED, listen};

/// What stands for no bug at all: nothing may be found then.
const CONTROL: &str = "none";

/// One bug with one seed.
struct Trial {
    mutant: &'static str,
    seed: u64,
    /// The write at which it was found, if it was.
    found: Option<u64>,
}

/// Builds the copy and tries every bug; whether all were found, and nothing else.
pub(crate) fn try_all(args: &Args) -> Result<bool> {
    let began = Instant::now();
    let only = args.only.as_deref().unwrap_or("");
    let is_asked = |name: &&str| only.split(',').any(|part| name.contains(part));
    let names = all().into_iter().map(|mutant| mutant.name).chain(std::iter::once(CONTROL));
    let names: Vec<&str> = names.filter(is_asked).collect();
    say(&format!("building a copy with {} injected bugs", all().len()))?;
    let program = build(&all(), &args.profile)?;
    say(&format!("built after {:.0} s", began.elapsed().as_secs_f64()))?;
    let trials = run(&program, &names, args)?;
    let mut rows = Vec::new();
    let mut is_good = true;
    for name in &names {
        let row = Row::of(name, &trials);
        is_good &= row.is_good();
        rows.push(row);
    }
    let mut output = std::io::stdout().lock();
    writeln!(output, "{:<44}{:>7}{:>10}{:>10}", "injected bug", "found", "median", "worst")?;
    for row in &rows {
        writeln!(output, "{}", row.line())?;
    }
    let found = rows.iter().filter(|row| row.name != CONTROL && row.is_good()).count();
    writeln!(
        output,
        "\n{found} of {} found with all of {SEEDS} seeds from {} within {WRITES_MAX} writes, \
         {:.0} s",
        names.iter().filter(|name| **name != CONTROL).count(),
        args.seed,
        began.elapsed().as_secs_f64()
    )?;
    if let Some(path) = &args.json {
        let rows: Vec<Value> = rows.iter().map(Row::to_json).collect();
        let record = json!({ "seed": args.seed, "seeds": SEEDS, "mutants": rows,
            "seconds": began.elapsed().as_secs_f64() });
        std::fs::write(path, format!("{record:#}\n"))
            .with_context(|| format!("cannot write {path}"))?;
    }
    Ok(is_good)
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stderr(), "{line}").context("cannot write to standard error")
}

fn run(program: &Path, names: &[&'static str], args: &Args) -> Result<Vec<Trial>> {
    // Seed after seed, so that a run which is broken off has tried every bug.
    let asked: Vec<(&'static str, u64)> = (0..SEEDS)
        .flat_map(|seed| names.iter().map(move |name| (*name, args.seed.wrapping_add(seed))))
        .collect();
    let (next, trials) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || -> Result<()> {
        while let Some((mutant, seed)) = asked.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = try_one(program, mutant, *seed, args)?;
            let written = match &found {
                Some(write) => format!("found at write {write}"),
                None => "not found".to_owned(),
            };
            say(&format!("{mutant}, seed {seed}: {written}"))?;
            let trial = Trial { mutant, seed: *seed, found };
            trials.lock().unwrap_or_else(PoisonError::into_inner).push(trial);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..args.jobs).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("a worker has panicked"))??;
        }
        anyhow::Ok(())
    })?;
    Ok(trials.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn try_one(program: &Path, mutant: &str, seed: u64, args: &Args) -> Result<Option<u64>> {
    let mut command = Command::new(program);
    let numbers = [seed.to_string(), WRITES_MAX.to_string(), READS.to_string()];
    command.arg(SEED).args(numbers).arg("plain").args(args.for_seed()).env(SELECT, mutant);
    Ok(match listen(command, seed, |_, _| {})? {
        Ended::Done(_) => None,
        // A process that has broken off before it wrote has found nothing.
        Ended::Failed(failure) => failure["write"].as_u64().filter(|write| *write > 0),
    })
}

/// What came of one bug.
struct Row {
    name: String,
    /// The writes at which it was found, sorted.
    found: Vec<u64>,
    missed: Vec<u64>,
}

impl Row {
    fn of(name: &str, trials: &[Trial]) -> Row {
        let mine = || trials.iter().filter(|trial| trial.mutant == name);
        let mut found: Vec<u64> = mine().filter_map(|trial| trial.found).collect();
        found.sort_unstable();
        let missed = mine().filter(|trial| trial.found.is_none()).map(|trial| trial.seed).collect();
        Row { name: name.to_owned(), found, missed }
    }

    fn is_good(&self) -> bool {
        if self.name == CONTROL {
            self.found.is_empty()
        } else {
            self.missed.is_empty() && self.found.last().is_some_and(|worst| *worst <= WRITES_MAX)
        }
    }

    fn line(&self) -> String {
        let shown = |write: Option<&u64>| write.map_or_else(|| "-".to_owned(), u64::to_string);
        format!(
            "{:<44}{:>7}{:>10}{:>10}{}",
            self.name,
            format!("{}/{SEEDS}", self.found.len()),
            shown(self.found.get(self.found.len() / 2)),
            shown(self.found.last()),
            if self.is_good() { "" } else { "  <-" }
        )
    }

    fn to_json(&self) -> Value {
        json!({ "name": self.name, "found_at_write": self.found, "missed_with_seeds": self.missed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_is_found_with_every_seed_or_not_at_all() {
        let check = |name: &'static str, found: &[Option<u64>], expect: bool| {
            let trials: Vec<Trial> = (0..)
                .zip(found)
                .map(|(seed, found)| Trial { mutant: name, seed, found: *found })
                .collect();
            assert_eq!(Row::of(name, &trials).is_good(), expect, "{name} {found:?}");
        };
        check("a", &[Some(1), Some(WRITES_MAX)], true);
        check("a", &[Some(1), None], false);
        check("a", &[Some(WRITES_MAX + 1)], false);
        check(CONTROL, &[None, None], true);
        check(CONTROL, &[None, Some(1)], false);
    }
}
