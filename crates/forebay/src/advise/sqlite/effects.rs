//! The proof: every statement that is concerned is run as things are and with all that is advised,
//! in turn, and what became slower by the clock is taken back. From that come the findings.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::admit::shown;
use super::study::Study;
use crate::advise::advice::{Effect, Finding, FindingKind, Measured};
use crate::advise::choose::{Bench as _, Set};
use crate::error::Result;

/// Times that a statement is run each way, if it is short.
const ROUNDS: usize = 5;

/// One that takes longer is run once each way.
const LONG: Duration = Duration::from_millis(300);

/// Differences below this are not told from noise.
const NOISE: Duration = Duration::from_micros(300);

/// The share of the work from which on a statement is not said to be helped.
const HELPED: f64 = 0.95;

/// So many times as long is slower, whatever the instructions say.
const SLOWER: f64 = 1.5;

/// Times that a statement that seems slower is run again, each way.
const AGAIN: usize = 12;

/// Times that something is taken back.
const RETRIES: usize = 8;

/// What a set means to one statement.
#[derive(Clone, Debug)]
pub(super) struct Proven {
    pub(super) query: usize,
    pub(super) effect: Effect,
    /// Candidates in the plan with all of them.
    pub(super) used: Set,
}

impl Study<'_> {
    /// Measures what was chosen, and makes the findings. What of it stands.
    pub(super) fn prove(&mut self, mut chosen: Set) -> Result<Set> {
        for _ in 0..RETRIES {
            let mut proven = self.measure(&chosen)?;
            let Some(at) = self.slower(&chosen, &mut proven)? else {
                self.tell(&chosen, &proven)?;
                return Ok(chosen);
            };
            let slow = &proven[at];
            let (query, limit) = (slow.query, self.slowest(&slow.effect));
            let text = format!("{} takes longer with it", shown(&slow.effect.text));
            for number in self.blamed(query, limit, &slow.used, &chosen)? {
                chosen.remove(&number);
                chosen.extend(self.wider(query, number, &chosen)?);
                let candidate = self.candidates[number].candidate.clone();
                self.refuse(candidate.create(&candidate.name(&BTreeSet::new())), text.clone());
            }
        }
        let reason = format!(
            "the statements were not told apart by the clock in {RETRIES} rounds: something was \
             slower each time; try again where less is going on"
        );
        for number in &chosen {
            let candidate = self.candidates[*number].candidate.clone();
            self.refuse(candidate.create(&candidate.name(&BTreeSet::new())), reason.clone());
        }
        Ok(Set::new())
    }

    /// A statement that became slower by the clock, even when it is run again and again: on a busy
    /// machine a few runs tell little.
    fn slower(&mut self, chosen: &Set, proven: &mut [Proven]) -> Result<Option<usize>> {
        for (at, it) in proven.iter_mut().enumerate() {
            for _ in 0..AGAIN {
                if !self.is_slower(it) {
                    break;
                }
                for (set, is_after) in [(&Set::new(), false), (chosen, true)] {
                    self.show(set)?;
                    let time = self.time(it.query)?;
                    let of = &mut it.effect;
                    let best = if is_after { &mut of.after.time } else { &mut of.before.time };
                    *best = time.min(*best);
                }
            }
            if self.is_slower(it) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// The one without which a statement is not slower; if there is no such, all that it uses.
    fn blamed(
        &mut self,
        query: usize,
        limit: Duration,
        used: &Set,
        chosen: &Set,
    ) -> Result<Vec<usize>> {
        let concerned: Vec<usize> =
            chosen.iter().copied().filter(|it| self.concerns(query, *it)).collect();
        let suspects: Vec<usize> = match used.is_empty() {
            true => concerned,
            false => used.iter().copied().collect(),
        };
        for suspect in &suspects {
            let mut others = chosen.clone();
            others.remove(suspect);
            self.show(&others)?;
            if self.time(query)?.min(self.time(query)?) <= limit {
                return Ok(vec![*suspect]);
            }
        }
        Ok(suspects)
    }

    /// The smallest candidate with all keys of one that is taken back, and more, by which a slower
    /// statement finds its rows without the table.
    fn wider(&mut self, query: usize, number: usize, chosen: &Set) -> Result<Option<usize>> {
        let narrow = self.candidates[number].candidate.clone();
        let mut wider: Vec<usize> = (0..self.candidates.len())
            .filter(|it| self.candidates[*it].candidate.covers(&narrow))
            .collect();
        wider.sort_by_key(|it| self.candidates[*it].bytes);
        let base = self.cost(query, chosen)?;
        for it in wider {
            let mut set = chosen.clone();
            set.insert(it);
            if self.cost(query, &set)? < base * HELPED {
                return Ok(Some(it));
            }
        }
        Ok(None)
    }

    /// Runs what the set concerns both ways.
    pub(super) fn measure(&mut self, chosen: &Set) -> Result<Vec<Proven>> {
        let none = Set::new();
        let mut proven = Vec::new();
        for query in 0..self.queries.len() {
            let is_concerned = chosen.iter().any(|it| self.concerns(query, *it));
            if !is_concerned || self.queries[query].is_only_counted {
                continue;
            }
            let (before, plan_before) = self.measured(query, &none)?;
            let (after, plan_after) = self.measured(query, chosen)?;
            let used = self.used(query)?;
            let looked = &self.queries[query];
            let effect = Effect {
                query: looked.number,
                text: looked.text.clone(),
                calls: looked.calls,
                before,
                after,
                plan_before,
                plan_after,
            };
            proven.push(Proven { query, effect, used });
        }
        for _ in 1..ROUNDS {
            for (set, is_after) in [(&none, false), (chosen, true)] {
                self.show(set)?;
                for it in &mut proven {
                    let longest = it.effect.before.time.max(it.effect.after.time);
                    if longest < LONG {
                        let time = self.time(it.query)?;
                        let of = &mut it.effect;
                        let best = if is_after { &mut of.after.time } else { &mut of.before.time };
                        *best = time.min(*best);
                    }
                }
            }
        }
        self.rename_plans(chosen, &mut proven);
        Ok(proven)
    }

    fn measured(&mut self, query: usize, set: &Set) -> Result<(Measured, Vec<String>)> {
        self.show(set)?;
        let looked = &self.queries[query];
        let plan = self.trial.plan(&looked.text, looked.samples.first().map_or(&[], |it| it))?;
        let (mut steps, mut time, mut is_more) = (0u64, Duration::ZERO, false);
        for sample in &looked.samples {
            let ran = self.trial.run(&looked.text, sample)?;
            steps += ran.steps;
            time += ran.time;
            is_more |= ran.is_cut;
        }
        let calls = u32::try_from(looked.samples.len().max(1)).unwrap_or(1);
        let work = steps as f64 / f64::from(calls);
        Ok((Measured { work, time: time / calls, is_more }, plan))
    }

    /// The mean time of a call with what is shown now.
    fn time(&self, query: usize) -> Result<Duration> {
        let looked = &self.queries[query];
        let mut time = Duration::ZERO;
        for sample in &looked.samples {
            time += self.trial.run(&looked.text, sample)?.time;
        }
        Ok(time / u32::try_from(looked.samples.len().max(1)).unwrap_or(1))
    }

    /// Instructions are the measure; the clock has a say where it tells quite another thing.
    fn is_slower(&self, it: &Proven) -> bool {
        let (before, after) = (it.effect.before, it.effect.after);
        let is_read = self.queries[it.query].is_read;
        // As many instructions are the same plan over the same pages: what is longer is noise.
        let is_same_plan = it.used.is_empty() && it.effect.plan_before == it.effect.plan_after;
        let is_other = !is_same_plan && (after.work - before.work).abs() > before.work * 0.01;
        is_read && is_other && after.time > self.slowest(&it.effect)
    }

    fn slowest(&self, effect: &Effect) -> Duration {
        effect.before.time.mul_f64(SLOWER) + NOISE
    }

    /// Puts the names under which candidates are advised into the plans.
    fn rename_plans(&self, chosen: &Set, proven: &mut [Proven]) {
        let names = self.names(chosen);
        for line in proven.iter_mut().flat_map(|it| &mut it.effect.plan_after) {
            for (number, name) in &names {
                let trial = &self.candidates[*number].name;
                if super::usage::index_of(line) == Some(trial.as_str()) {
                    *line = line.replacen(trial, name, 1);
                }
            }
        }
    }

    /// One finding for each candidate.
    fn tell(&mut self, chosen: &Set, proven: &[Proven]) -> Result<()> {
        let names = self.names(chosen);
        let shares = shares(proven);
        for number in chosen {
            let tried = self.candidates[*number].clone();
            let mut effects = Vec::new();
            let mut saved = 0.0;
            let helped = |it: &&Proven| it.effect.after.work < it.effect.before.work * HELPED;
            for it in proven.iter().filter(|it| it.used.contains(number)).filter(helped) {
                let share = shares.get(&it.query).copied().unwrap_or(1.0);
                saved += spared(&it.effect) * it.effect.calls as f64 * share;
                effects.push(it.effect.clone());
            }
            if effects.is_empty() {
                let shown = tried.candidate.create(&tried.candidate.name(&BTreeSet::new()));
                self.refuse(shown, "beside all that is advised, no statement gains by it");
                continue;
            }
            let write_cost = self.write_cost(*number)?;
            saved -= write_cost.per_row.as_secs_f64() * write_cost.rows as f64;
            let name = &names[number];
            let table = tried.candidate.table.clone();
            let rows = self.trial.facts().table(&table).map_or(0, |it| it.rows);
            let mut apply = vec![format!("{};", tried.candidate.create_if_missing(name))];
            if self.trial.facts().has_statistics {
                apply.push(format!("ANALYZE {};", crate::sql::quoted(name)));
            }
            self.find(Finding {
                kind: FindingKind::AddIndex,
                message: message(&effects, &table, rows),
                table,
                apply,
                undo: vec![format!("DROP INDEX IF EXISTS {};", crate::sql::quoted(name))],
                advice: Vec::new(),
                effects,
                bytes: tried.bytes,
                write_cost: Some(write_cost),
                saved: Duration::try_from_secs_f64(saved).unwrap_or_default(),
                is_proven: true,
            });
        }
        Ok(())
    }
}

/// The seconds that one call is spared, by the share of the work where the clock shows none.
fn spared(effect: &Effect) -> f64 {
    let (before, after) = (effect.before, effect.after);
    if after.time < before.time || before.work <= 0.0 {
        return before.time.as_secs_f64() - after.time.as_secs_f64();
    }
    before.time.as_secs_f64() * (1.0 - after.work / before.work)
}

/// How much of what a statement gains is each of its candidates' doing: the same for all.
fn shares(proven: &[Proven]) -> BTreeMap<usize, f64> {
    proven.iter().map(|it| (it.query, 1.0 / it.used.len().max(1) as f64)).collect()
}

fn message(effects: &[Effect], table: &str, rows: u64) -> String {
    let count = effects.len();
    let statements = if count == 1 { "statement reads" } else { "statements read" };
    let scans = effects.iter().any(|effect| {
        effect.plan_before.iter().any(|line| line.starts_with("SCAN") && line.contains(table))
    });
    let what =
        if scans { format!("all of {table}") } else { format!("more of {table} than needed") };
    format!("{count} {statements} {what}, which has {rows} rows")
}
