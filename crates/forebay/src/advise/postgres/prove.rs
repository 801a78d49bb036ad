//! The proof: the chosen indexes are built in a transaction, the statements are run beside them,
//! and everything is rolled back. What does not pay goes, one by one, until all that is left does.
//!
//! Meanwhile the tables are locked against writes, and while an index is taken away for a trial
//! against reads as well. So it is done only where somebody has asked for it.

use std::collections::{BTreeMap, BTreeSet};

use super::candidate::Candidate;
use super::entry::entry_ms;
use super::measure::{Fared, Taken, taken};
use super::quote::identifier;
use super::server::Server;
use super::weigh::Read;
use crate::advise::worth::too_little;
use crate::error::Result;

/// Rounds of taking away what does not pay.
const ROUNDS_MAX: usize = 8;

/// Times that a statement which became slower is given an index of its own, and indexes that are
/// tried each time.
const REPAIRS_MAX: usize = 3;

/// Times that a statement which seems slower, or not quicker, is run again: on a busy machine a few
/// runs tell little.
const AGAIN: usize = 5;

/// What an index has to spare some statement beside the others, as a share of what it took before
/// there was any: of three that do nearly the same, one is enough.
const SHARE_MIN: f64 = 0.05;

/// What is asked of an index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) gain_min: f64,
    pub(super) loss_max: f64,
}

/// An index that has been seen to pay.
#[derive(Clone, Debug)]
pub(super) struct Proven {
    pub(super) candidate: Candidate,
    pub(super) bytes: u64,
    /// The statements that it helps: their place among the reads, as they were, as they are with
    /// all that is proven.
    pub(super) effects: Vec<(usize, Taken, Taken)>,
    /// Milliseconds that it saves in all calls, writes deducted.
    pub(super) saved_ms: f64,
    /// Milliseconds that writing a row takes longer.
    pub(super) entry_ms: f64,
    /// What it is called in the plans.
    pub(super) name: String,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) proven: Vec<Proven>,
    pub(super) refused: Vec<(Candidate, String)>,
}

/// An index that was built.
#[derive(Clone, Debug)]
struct Built {
    candidate: Candidate,
    name: String,
    bytes: u64,
}

/// A proof under way.
pub(super) struct Prover<'a> {
    pub(super) server: &'a Server,
    pub(super) reads: &'a [Read],
    pub(super) writes: &'a BTreeMap<(String, String), f64>,
    pub(super) terms: Terms,
}

impl Prover<'_> {
    /// Builds, runs, and rolls back.
    pub(super) async fn prove(&self, chosen: Vec<Candidate>) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        if chosen.is_empty() {
            return Ok(outcome);
        }
        let tables: BTreeSet<_> = chosen.iter().map(|it| it.table.clone()).collect();
        let touches = |read: &Read| read.tables.iter().any(|table| tables.contains(table));
        let places: Vec<usize> =
            (0..self.reads.len()).filter(|at| touches(&self.reads[*at])).collect();
        let before = self
            .server
            .rolled_back("BEGIN READ ONLY", async || self.measure(&places).await)
            .await?;
        let left = self.server.until.saturating_duration_since(std::time::Instant::now());
        let begin = format!(
            "BEGIN READ WRITE; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}",
            super::server::LOCK_MS_MAX,
            left.as_millis().max(1_000)
        );
        self.server
            .rolled_back(&begin, async || {
                let built = self.build(chosen, &mut outcome).await?;
                self.sift(built, &before, &mut outcome).await
            })
            .await?;
        Ok(outcome)
    }

    /// Runs these statements. One that fails, such as one that locks rows, is left out.
    async fn measure(&self, places: &[usize]) -> Result<BTreeMap<usize, Taken>> {
        let mut all = BTreeMap::new();
        for at in places {
            match taken(self.server, &self.reads[*at]).await {
                Ok(taken) => drop(all.insert(*at, taken)),
                Err(error) if self.server.is_gone() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(all)
    }

    async fn build(&self, chosen: Vec<Candidate>, outcome: &mut Outcome) -> Result<Vec<Built>> {
        let mut built = Vec::new();
        let mut analysed = BTreeSet::new();
        for candidate in chosen {
            let name = format!("forebay_proof_{}", fastrand::u64(..));
            self.server.script("SAVEPOINT forebay_build").await?;
            let create = format!("CREATE INDEX {name} {}", candidate.body());
            if let Err(error) = self.server.script(&create).await {
                self.server.script("ROLLBACK TO SAVEPOINT forebay_build").await?;
                outcome.refused.push((candidate, format!("it could not be built: {error}")));
                continue;
            }
            self.server.script("RELEASE SAVEPOINT forebay_build").await?;
            if candidate.has_expression() {
                analysed.insert(candidate.on.clone());
            }
            let name = format!("{}.{name}", identifier(&candidate.table.0));
            let size = format!("SELECT pg_catalog.pg_relation_size('{name}')");
            let cells = self.server.ask(&size).await?;
            let bytes = cells.first().first().copied().flatten().and_then(|it| it.parse().ok());
            built.push(Built { candidate, name, bytes: bytes.unwrap_or(0) });
        }
        // Of an expression there are no numbers before.
        for table in analysed {
            self.server.script(&format!("ANALYZE {table}")).await?;
        }
        Ok(built)
    }

    async fn sift(
        &self,
        mut built: Vec<Built>,
        before: &BTreeMap<usize, Taken>,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let places: Vec<usize> = before.keys().copied().collect();
        let mut after = self.measure(&places).await?;
        for (name, reason) in self.unused(&built, &after) {
            self.take_away(&name, reason, &mut built, &mut after, outcome).await?;
        }
        // The largest first: where a smaller one does the same, it is the one to stay.
        built.sort_by_key(|it| std::cmp::Reverse(it.bytes));
        for it in built.clone() {
            match self.worth(&it, before, &after).await? {
                Ok(proven) => outcome.proven.push(proven),
                Err(reason) => {
                    self.take_away(&it.name, reason, &mut built, &mut after, outcome).await?;
                }
            }
        }
        for round in 0..ROUNDS_MAX {
            self.run_slower_again(before, &mut after).await?;
            let harmful = self.harmful(&built, before, &after, &outcome.proven);
            let Some((name, reason, at)) = harmful else { break };
            // An index of its own may spare it the harm, and leave the gain to the others.
            if round < REPAIRS_MAX && self.repair(at, before, &mut built, &mut after).await? {
                let Some(added) = built.last().cloned() else { break };
                if let Ok(proven) = self.worth(&added, before, &after).await? {
                    outcome.proven.push(proven);
                    continue;
                }
                let reason = "it does not pay".to_owned();
                self.take_away(&added.name, reason, &mut built, &mut after, outcome).await?;
            }
            self.take_away(&name, reason, &mut built, &mut after, outcome).await?;
        }
        let is_there = |it: &Proven| built.iter().any(|built| built.candidate == it.candidate);
        outcome.proven.retain(is_there);
        for (at, _, new) in outcome.proven.iter_mut().flat_map(|it| &mut it.effects) {
            new.clone_from(&after[at]);
        }
        Ok(())
    }

    /// Runs what seems slower until it does not, or often enough. The least time counts.
    async fn run_slower_again(
        &self,
        before: &BTreeMap<usize, Taken>,
        after: &mut BTreeMap<usize, Taken>,
    ) -> Result<()> {
        let (gain, loss) = (self.terms.gain_min, self.terms.loss_max);
        for (at, new) in after.iter_mut() {
            for _ in 0..AGAIN {
                if before[at].fared(new, gain, loss) != Fared::Worse {
                    break;
                }
                self.run_again(*at, new).await?;
            }
        }
        Ok(())
    }

    /// Runs a statement again, and keeps the quicker run.
    async fn run_again(&self, at: usize, best: &mut Taken) -> Result<()> {
        match taken(self.server, &self.reads[at]).await {
            Ok(again) if again.time_ms < best.time_ms => *best = again,
            Err(error) if self.server.is_gone() => return Err(error),
            _ => {}
        }
        Ok(())
    }

    /// Builds one of a statement's own indexes with which it is no slower than before.
    async fn repair(
        &self,
        at: usize,
        before: &BTreeMap<usize, Taken>,
        built: &mut Vec<Built>,
        after: &mut BTreeMap<usize, Taken>,
    ) -> Result<bool> {
        let mut own: Vec<Candidate> = Vec::new();
        for set in &self.reads[at].sets_of_indexes {
            own.extend(set.iter().filter(|it| set.len() == 1 && it.keys.len() > 1).cloned());
        }
        for candidate in own.iter().take(REPAIRS_MAX) {
            let mut none = Outcome::default();
            let added = self.build(vec![candidate.clone()], &mut none).await?;
            let Some(added) = added.into_iter().next() else { continue };
            let touched = |at: &usize| self.reads[*at].tables.contains(&candidate.table);
            let places: Vec<usize> = before.keys().copied().filter(touched).collect();
            let new = self.measure(&places).await?;
            let (gain, loss) = (self.terms.gain_min, self.terms.loss_max);
            let is_well = |at: &usize| match (before.get(at), new.get(at)) {
                (Some(old), Some(new)) => old.fared(new, gain, loss) != Fared::Worse,
                _ => true,
            };
            if is_well(&at) && new.get(&at).is_some_and(|taken| added.is_used_by(taken)) {
                after.extend(new);
                built.push(added);
                return Ok(true);
            }
            self.server.script(&format!("DROP INDEX {}", added.name)).await?;
        }
        Ok(false)
    }

    /// Drops an index, and runs the statements of its table again.
    async fn take_away(
        &self,
        name: &str,
        reason: String,
        built: &mut Vec<Built>,
        after: &mut BTreeMap<usize, Taken>,
        outcome: &mut Outcome,
    ) -> Result<()> {
        self.server.script(&format!("DROP INDEX {name}")).await?;
        let Some(place) = built.iter().position(|it| it.name == name) else { return Ok(()) };
        let it = built.remove(place);
        let users = after.iter().filter(|(_, taken)| it.is_used_by(taken));
        let users: Vec<usize> = users.map(|(at, _)| *at).collect();
        after.extend(self.measure(&users).await?);
        outcome.refused.push((it.candidate, reason));
        Ok(())
    }

    fn unused(&self, built: &[Built], after: &BTreeMap<usize, Taken>) -> Vec<(String, String)> {
        let is_unused = |it: &&Built| !after.values().any(|taken| it.is_used_by(taken));
        let reason = "the planner does not use it, or uses another one in its place";
        built.iter().filter(is_unused).map(|it| (it.name.clone(), reason.to_owned())).collect()
    }

    /// What an index is worth beside the others: the statements that use it are run without it.
    async fn worth(
        &self,
        it: &Built,
        before: &BTreeMap<usize, Taken>,
        after: &BTreeMap<usize, Taken>,
    ) -> Result<Result<Proven, String>> {
        let users: Vec<usize> =
            after.iter().filter(|(_, taken)| it.is_used_by(taken)).map(|(at, _)| *at).collect();
        let without = self
            .server
            .tried(async || {
                self.server.script(&format!("DROP INDEX {}", it.name)).await?;
                self.measure(&users).await
            })
            .await?;
        let (mut effects, mut saved, mut cost, mut share) = (Vec::new(), 0.0, 0.0, 0.0);
        for at in users {
            let (Some(old), Some(new)) = (without.get(&at), after.get(&at)) else { continue };
            let mut new = new.clone();
            let (gain, loss) = (self.terms.gain_min, self.terms.loss_max);
            for _ in 0..AGAIN {
                // Fewer pages and no less time: more likely noise than not.
                let is_doubtful = new.blocks < old.blocks;
                if !is_doubtful || old.fared(&new, gain, loss) == Fared::Better {
                    break;
                }
                self.run_again(at, &mut new).await?;
            }
            if old.fared(&new, gain, loss) != Fared::Better {
                continue;
            }
            saved += (old.time_ms - new.time_ms) * self.reads[at].calls;
            cost += old.time_ms * self.reads[at].calls;
            share = f64::max(share, (old.time_ms - new.time_ms) / before[&at].time_ms.max(0.001));
            effects.push((at, before[&at].clone(), new));
        }
        if effects.is_empty() {
            let percent = self.terms.gain_min * 100.0;
            return Ok(Err(format!("no statement gains {percent:.0} % by it when it is run")));
        }
        if share < SHARE_MIN {
            let percent = 100.0 * share;
            let text = format!(
                "another one that is advised does its work: it would spare {percent:.1} % more"
            );
            return Ok(Err(text));
        }
        if let Some(reason) = too_little(saved, self.total_ms(before), it.bytes) {
            return Ok(Err(reason));
        }
        let rows = self.writes.get(&it.candidate.table).copied().unwrap_or(0.0);
        let entry_ms = entry_ms(self.server, &it.candidate).await?;
        let saved_ms = saved - rows * entry_ms;
        if saved_ms < cost * self.terms.gain_min {
            let text = format!(
                "it saves {:.1} s and costs the writes {:.1} s",
                saved / 1_000.0,
                rows * entry_ms / 1_000.0
            );
            return Ok(Err(text));
        }
        Ok(Ok(Proven {
            candidate: it.candidate.clone(),
            bytes: it.bytes,
            effects,
            saved_ms,
            entry_ms,
            name: it.bare_name().to_owned(),
        }))
    }

    /// What all calls of these statements take.
    fn total_ms(&self, taken: &BTreeMap<usize, Taken>) -> f64 {
        taken.iter().map(|(at, it)| it.time_ms * self.reads[*at].calls).sum()
    }

    /// Of the indexes that a slower statement uses, the one that saves least.
    fn harmful(
        &self,
        built: &[Built],
        before: &BTreeMap<usize, Taken>,
        after: &BTreeMap<usize, Taken>,
        proven: &[Proven],
    ) -> Option<(String, String, usize)> {
        let (gain, loss) = (self.terms.gain_min, self.terms.loss_max);
        let worse =
            after.iter().filter(|(at, new)| before[*at].fared(new, gain, loss) == Fared::Worse);
        let saved = |it: &Built| {
            let found = proven.iter().find(|proven| proven.candidate == it.candidate);
            found.map_or(0.0, |proven| proven.saved_ms)
        };
        for (at, new) in worse {
            let users = built.iter().filter(|it| it.is_used_by(new));
            let least = users.min_by(|a, b| saved(a).total_cmp(&saved(b)));
            if let Some(it) = least {
                let text = format!(
                    "with it another statement becomes slower, from {:.2} to {:.2} ms: {}",
                    before[at].time_ms,
                    new.time_ms,
                    shortened(&self.reads[*at].text)
                );
                return Some((it.name.clone(), text, *at));
            }
        }
        None
    }
}

impl Built {
    fn is_used_by(&self, taken: &Taken) -> bool {
        taken.indexes.iter().any(|index| index == self.bare_name())
    }

    /// Its name without the schema.
    fn bare_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }
}

/// The beginning of a text, on one line.
pub(super) fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 120;
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("{}…", &words[..at]),
        None => words,
    }
}
