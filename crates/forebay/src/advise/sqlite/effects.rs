//! The proof: every statement that is concerned is run as things are and with all that is advised,
//! in turn, and what became slower by the clock is taken back. From that come the findings.

use std::collections::BTreeSet;
use std::time::Duration;

use super::admit::shown;
use super::study::Study;
use crate::advise::advice::{Effect, Finding, FindingKind, Measured};
use crate::advise::choose::{Bench as _, Limits, Set};
use crate::advise::worth::too_little;
use crate::error::Result;

/// Times that a statement is run each way, if it is short.
const ROUNDS: usize = 5;

/// One that takes longer is run once each way.
const LONG: Duration = Duration::from_millis(300);

/// Differences below this are not told from noise.
const NOISE: Duration = Duration::from_micros(300);

/// The share of the work from which on a statement is not said to be helped.
const HELPED: f64 = 0.95;

/// What by the clock takes longer by more than this share goes, whatever the instructions say. What
/// takes less is told, where no wider index mends it.
const SLOWER: f64 = 0.5;

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
            let Some((slow, better)) = self.relief(&chosen, &mut proven)? else {
                let worthy = self.worthy(&chosen, &proven)?;
                if worthy != chosen {
                    proven = self.measure(&worthy)?;
                }
                self.tell(&worthy, &proven)?;
                return Ok(worthy);
            };
            let text = format!("{} takes longer with it", shown(&slow));
            for number in chosen.difference(&better) {
                let candidate = self.candidates[*number].candidate.clone();
                self.refuse(candidate.create(&candidate.name(&BTreeSet::new())), text.clone());
            }
            chosen = better;
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

    /// A statement that takes longer by the clock, and a set with which it does not, or that lacks
    /// what has to go. `None` if what is chosen can stay.
    fn relief(&mut self, chosen: &Set, proven: &mut [Proven]) -> Result<Option<(String, Set)>> {
        for at in 0..proven.len() {
            self.run_longer_again(chosen, &mut proven[at])?;
            let slow = &proven[at];
            if !self.is_longer(slow, self.options.loss_max) {
                continue;
            }
            let must_go = self.is_longer(slow, SLOWER) || is_dear(slow, proven);
            let better = self.relieved(slow, chosen, must_go)?;
            if better != *chosen {
                return Ok(Some((slow.effect.text.clone(), better)));
            }
        }
        Ok(None)
    }

    /// Runs what seems to take longer until it does not, or often enough: on a busy machine a few
    /// runs tell little.
    fn run_longer_again(&mut self, chosen: &Set, it: &mut Proven) -> Result<()> {
        for _ in 0..AGAIN {
            if !self.is_longer(it, self.options.loss_max) {
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
        Ok(())
    }

    /// What is chosen, with a wider index in place of the one by which a statement takes longer. If
    /// there is none, the same without it where it has to go, and otherwise the same.
    fn relieved(&mut self, slow: &Proven, chosen: &Set, must_go: bool) -> Result<Set> {
        let blamed = self.blamed(slow, chosen)?;
        let mut left = chosen.clone();
        for number in &blamed {
            let mut others = left.clone();
            others.remove(number);
            if let Some(wider) = self.wider(slow, *number, &others)? {
                others.insert(wider);
                left = others;
            } else if must_go {
                left = others;
            }
        }
        Ok(left)
    }

    /// The one without which a statement is not slower; if there is no such, all that it uses.
    fn blamed(&mut self, slow: &Proven, chosen: &Set) -> Result<Vec<usize>> {
        let concerned: Vec<usize> =
            chosen.iter().copied().filter(|it| self.concerns(slow.query, *it)).collect();
        let suspects: Vec<usize> = match slow.used.is_empty() {
            true => concerned,
            false => slow.used.iter().copied().collect(),
        };
        let limit = longest(&slow.effect, self.options.loss_max);
        for suspect in &suspects {
            let mut others = chosen.clone();
            others.remove(suspect);
            self.show(&others)?;
            if self.quickest(slow.query)? <= limit {
                return Ok(vec![*suspect]);
            }
        }
        Ok(suspects)
    }

    /// The smallest candidate with all keys of one, and more, with which a statement takes no
    /// longer than with no candidate at all: mostly one in which it finds all that it reads.
    ///
    /// Rows that are found by an index come from all over the table. Instructions do not show that,
    /// and the planner does not know it.
    fn wider(&mut self, slow: &Proven, number: usize, others: &Set) -> Result<Option<usize>> {
        let narrow = self.candidates[number].candidate.clone();
        let mut wider: Vec<usize> = (0..self.candidates.len())
            .filter(|it| self.candidates[*it].candidate.covers(&narrow))
            .collect();
        wider.sort_by_key(|it| self.candidates[*it].bytes);
        let limit = longest(&slow.effect, self.options.loss_max);
        for it in wider {
            let mut set = others.clone();
            set.insert(it);
            if !self.is_saving(others, &set)? {
                continue;
            }
            self.show(&set)?;
            let time = self.quickest(slow.query)?;
            if time <= limit && time < slow.effect.after.time {
                return Ok(Some(it));
            }
        }
        Ok(None)
    }

    /// Whether a set saves work beside another, writes deducted, and no read has more than it may.
    fn is_saving(&mut self, first: &Set, second: &Set) -> Result<bool> {
        let mut saved = 0.0;
        for query in 0..self.queries.len() {
            let (cost, calls) = (self.cost(query, second)?, self.queries[query].calls as f64);
            saved += (self.cost(query, first)? - cost) * calls;
            let base = self.cost(query, &Set::new())?;
            let is_more = cost > base * (1.0 + self.options.loss_max)
                && cost - base >= Limits::default().work_min;
            if is_more && self.queries[query].is_read {
                return Ok(false);
            }
        }
        Ok(saved > 0.0)
    }

    /// The least time of a call in some runs, with what is shown now.
    fn quickest(&self, query: usize) -> Result<Duration> {
        let mut least = self.time(query)?;
        for _ in 1..ROUNDS {
            if least >= LONG {
                break;
            }
            least = self.time(query)?.min(least);
        }
        Ok(least)
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

    /// Whether a statement takes longer by more than such a share. Instructions are the measure;
    /// the clock has a say where it tells quite another thing.
    fn is_longer(&self, it: &Proven, share: f64) -> bool {
        let is_read = self.queries[it.query].is_read;
        // The same plan reads the same pages: what is longer is noise.
        let is_same_plan = it.used.is_empty() && it.effect.plan_before == it.effect.plan_after;
        is_read && !is_same_plan && it.effect.after.time > longest(&it.effect, share)
    }

    /// What is chosen, without what saves too little for what it takes.
    fn worthy(&mut self, chosen: &Set, proven: &[Proven]) -> Result<Set> {
        let total: f64 = proven.iter().map(|it| of_all_calls(&it.effect)).sum();
        let mut worthy = chosen.clone();
        for number in chosen {
            let (helped, longer) = self.users(*number, proven);
            let bytes = self.candidates[*number].bytes;
            let reason = too_little(saved(&helped, &longer), total, bytes);
            if let Some(reason) = reason.filter(|_| !helped.is_empty()) {
                let candidate = &self.candidates[*number].candidate;
                let shown = candidate.create(&candidate.name(&BTreeSet::new()));
                self.refuse(shown, reason);
                worthy.remove(number);
            }
        }
        Ok(worthy)
    }

    /// The statements that use a candidate: those that it helps, and those that take longer.
    fn users<'p>(&self, number: usize, proven: &'p [Proven]) -> (Vec<&'p Proven>, Vec<&'p Proven>) {
        let users = proven.iter().filter(|it| it.used.contains(&number));
        let (longer, rest): (Vec<&Proven>, Vec<&Proven>) =
            users.partition(|it| self.is_longer(it, self.options.loss_max));
        let helped = |it: &&Proven| it.effect.after.work < it.effect.before.work * HELPED;
        (rest.into_iter().filter(helped).collect(), longer)
    }

    /// One finding for each candidate.
    fn tell(&mut self, chosen: &Set, proven: &[Proven]) -> Result<()> {
        let names = self.names(chosen);
        for number in chosen {
            let tried = self.candidates[*number].clone();
            let (helped, longer) = self.users(*number, proven);
            let effects: Vec<Effect> = helped.iter().map(|it| it.effect.clone()).collect();
            if effects.is_empty() {
                let shown = tried.candidate.create(&tried.candidate.name(&BTreeSet::new()));
                self.refuse(shown, "beside all that is advised, no statement gains by it");
                continue;
            }
            let mut saved = saved(&helped, &longer);
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
                message: message(&effects, &longer, &table, rows),
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

/// The longest that a statement may take, if it may take longer by such a share.
fn longest(effect: &Effect, share: f64) -> Duration {
    effect.before.time.mul_f64(1.0 + share) + NOISE
}

/// Whether a statement that takes longer loses more than those gain that use the same indexes.
fn is_dear(slow: &Proven, proven: &[Proven]) -> bool {
    let users = proven.iter().filter(|it| !it.used.is_disjoint(&slow.used));
    users.map(|it| lost(&it.effect) * it.effect.calls as f64).sum::<f64>() >= 0.0
}

/// The seconds that an index saves those that it helps, less what the others take longer. How much
/// of it is each candidate's doing: the same for all.
fn saved(helped: &[&Proven], longer: &[&Proven]) -> f64 {
    let shared = |it: &Proven| it.effect.calls as f64 / it.used.len().max(1) as f64;
    let spared: f64 = helped.iter().map(|it| spared(&it.effect) * shared(it)).sum();
    spared - longer.iter().map(|it| lost(&it.effect) * shared(it)).sum::<f64>()
}

/// The seconds that all calls take as things are.
fn of_all_calls(effect: &Effect) -> f64 {
    effect.before.time.as_secs_f64() * effect.calls as f64
}

/// The seconds that one call takes longer; less than nothing where it is quicker.
fn lost(effect: &Effect) -> f64 {
    effect.after.time.as_secs_f64() - effect.before.time.as_secs_f64()
}

/// The seconds that one call is spared, by the share of the work where the clock shows none.
fn spared(effect: &Effect) -> f64 {
    let (before, after) = (effect.before, effect.after);
    if after.time < before.time || before.work <= 0.0 {
        return before.time.as_secs_f64() - after.time.as_secs_f64();
    }
    before.time.as_secs_f64() * (1.0 - after.work / before.work)
}

fn message(effects: &[Effect], longer: &[&Proven], table: &str, rows: u64) -> String {
    let count = effects.len();
    let statements = if count == 1 { "statement reads" } else { "statements read" };
    let scans = effects.iter().any(|effect| {
        effect.plan_before.iter().any(|line| line.starts_with("SCAN") && line.contains(table))
    });
    let what =
        if scans { format!("all of {table}") } else { format!("more of {table} than needed") };
    let mut message = format!("{count} {statements} {what}, which has {rows} rows");
    for Proven { effect, .. } in longer {
        let (before, after) = (effect.before.time, effect.after.time);
        let text = shown(&effect.text);
        message += &format!("; it takes longer ({before:.1?}, then {after:.1?}): {text}");
    }
    message
}
