//! Which of the indexes that might help are worth having together: greedily, the one that saves
//! most first, each as narrow as will do, and then without those that the others make needless or
//! that make some statement slower. What a statement costs with a set of indexes is asked for; how
//! that is found out is not known here.

use std::collections::BTreeSet;

use crate::error::Result;

/// Candidates by number.
pub(super) type Set = BTreeSet<usize>;

/// Whoever knows what statements cost.
pub(super) trait Bench {
    /// The cost of one call of a statement when these candidates are there.
    fn cost(&mut self, query: usize, set: &Set) -> Result<f64>;

    /// Whether there is no more time to try things.
    fn is_over(&self) -> bool;
}

/// What there is to choose from.
#[derive(Clone, Debug, Default)]
pub(super) struct Task {
    pub(super) queries: Vec<Weighed>,
    /// Per candidate the bytes that it takes.
    pub(super) bytes: Vec<u64>,
    /// Sets of candidates that may be added at once.
    pub(super) moves: Vec<Set>,
    /// Per candidate those that would do in its place with less, the least first.
    pub(super) narrower: Vec<Vec<usize>>,
    /// Per candidate those that it makes needless.
    pub(super) covered: Vec<Vec<usize>>,
    pub(super) limits: Limits,
}

/// A statement as far as choosing needs it.
#[derive(Clone, Debug, Default)]
pub(super) struct Weighed {
    pub(super) calls: f64,
    /// It may not become slower. One that writes always does.
    pub(super) is_read: bool,
    /// Candidates that may change what it costs.
    pub(super) candidates: Set,
}

/// What is enough, and what is too much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limits {
    pub(super) count_max: usize,
    pub(super) bytes_max: u64,
    pub(super) gain_min: f64,
    pub(super) loss_max: f64,
    /// Work that one call has to be spared at least.
    pub(super) work_min: f64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { count_max: 50, bytes_max: u64::MAX, gain_min: 0.2, loss_max: 0.1, work_min: 200.0 }
    }
}

/// What was chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Choice {
    pub(super) set: Set,
    pub(super) refused: Vec<(usize, Why)>,
}

/// Why a candidate was not chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Why {
    /// No statement gains enough: the best share.
    Little(f64),
    /// A statement would cost so many times as much.
    Worse { query: usize, factor: f64 },
    /// Writes leave too little of what reads save.
    Writes,
    /// The number or the bytes of all are used up.
    Budget,
}

/// How much less wide an index has to be worth, as a share of what its statement cost at first.
const WIDE_MIN: f64 = 0.01;

/// An index that takes so many times the bytes of a narrower one is a second table, almost: it has
/// to spare a statement more than that.
const FAT: u64 = 2;

/// What one has to spare by being fat.
const FAT_GAIN_MIN: f64 = 0.5;

/// Chooses.
pub(super) fn choose(task: &Task, bench: &mut dyn Bench) -> Result<Choice> {
    let mut chooser = Chooser { task, bench, choice: Choice::default() };
    chooser.grow()?;
    chooser.settle()?;
    Ok(chooser.choice)
}

struct Chooser<'a> {
    task: &'a Task,
    bench: &'a mut dyn Bench,
    choice: Choice,
}

/// What one set saves beside another.
#[derive(Clone, Copy, Debug, Default)]
struct Gain {
    /// Work in all calls, writes deducted.
    total: f64,
    /// The best share that a read gains.
    best: f64,
    /// What the statements that gain enough cost before, in all calls.
    cost: f64,
}

impl Gain {
    /// Whether some read gains enough, and all that do gain enough beside what writes cost.
    fn is_enough(&self, limits: Limits) -> bool {
        self.best >= limits.gain_min && self.is_net(limits)
    }

    fn is_net(&self, limits: Limits) -> bool {
        self.total > 0.0 && self.total >= self.cost * limits.gain_min
    }
}

impl Chooser<'_> {
    /// Adds the best move again and again. What a move was last seen to save is taken for the most
    /// that it can save now.
    fn grow(&mut self) -> Result<()> {
        let mut waiting: Vec<(f64, usize)> = Vec::new();
        for (number, set) in self.task.moves.iter().enumerate() {
            if self.bench.is_over() {
                break;
            }
            let gain = self.gain(&Set::new(), set)?;
            if gain.is_enough(self.task.limits) {
                waiting.push((gain.total, number));
            } else if set.len() == 1 {
                let is_net = gain.is_net(self.task.limits);
                let why = if gain.best >= self.task.limits.gain_min && !is_net {
                    Why::Writes
                } else {
                    Why::Little(gain.best)
                };
                self.choice.refused.extend(set.iter().map(|it| (*it, why)));
            }
        }
        while !waiting.is_empty() && !self.bench.is_over() {
            waiting.sort_by(|a, b| a.0.total_cmp(&b.0));
            let Some((_, number)) = waiting.pop() else { break };
            let next = self.with(&self.task.moves[number]);
            if next == self.choice.set {
                continue;
            }
            let gain = self.gain(&self.choice.set.clone(), &next)?;
            if !gain.is_enough(self.task.limits) {
                continue;
            }
            let rival = waiting.last().map_or(0.0, |(total, _)| *total);
            if gain.total < rival {
                waiting.push((gain.total, number));
                continue;
            }
            let next = self.narrowed(next)?;
            if self.is_within_budget(&next) {
                self.choice.set = next;
            } else {
                let over = next.difference(&self.choice.set);
                self.choice.refused.extend(over.map(|it| (*it, Why::Budget)));
            }
        }
        Ok(())
    }

    /// What is chosen, with these, and without those that they make needless.
    fn with(&self, more: &Set) -> Set {
        let mut next: Set = self.choice.set.union(more).copied().collect();
        for candidate in next.clone() {
            for covered in &self.task.covered[candidate] {
                next.remove(covered);
            }
        }
        next
    }

    /// The same with less in place of each that was added, where that does.
    fn narrowed(&mut self, mut next: Set) -> Result<Set> {
        for candidate in next.clone() {
            if self.choice.set.contains(&candidate) {
                continue;
            }
            for less in &self.task.narrower[candidate] {
                let mut other = next.clone();
                other.remove(&candidate);
                other.insert(*less);
                let gain = self.gain(&other, &next)?;
                let is_worth = self.is_worth(&other, &next, self.wide_gain(*less, candidate))?;
                if !is_worth || gain.total <= 0.0 {
                    next = other;
                    break;
                }
            }
        }
        Ok(next)
    }

    /// What a statement has to gain for an index to be as wide as it is.
    fn wide_gain(&self, less: usize, more: usize) -> f64 {
        let bytes = |it: usize| self.task.bytes[it];
        let is_of_fewer_rows = !self.task.covered[more].contains(&less);
        let is_fat = !is_of_fewer_rows && bytes(more) > bytes(less).saturating_mul(FAT);
        let gain_min = self.task.limits.gain_min;
        if is_fat { gain_min.max(FAT_GAIN_MIN) } else { gain_min }
    }

    /// Whether a read gains such a share by the second set beside the first.
    fn is_worth(&mut self, first: &Set, second: &Set, share: f64) -> Result<bool> {
        let limits = self.task.limits;
        for query in self.changed(first, second) {
            if !self.task.queries[query].is_read {
                continue;
            }
            let base = self.bench.cost(query, &Set::new())?;
            let before = self.bench.cost(query, first)?;
            let saved = before - self.bench.cost(query, second)?;
            let is_enough = saved >= before * share && saved >= limits.work_min;
            if is_enough && saved >= base * WIDE_MIN {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn gain(&mut self, before: &Set, after: &Set) -> Result<Gain> {
        let mut gain = Gain::default();
        for query in self.changed(before, after) {
            let Weighed { calls, is_read, .. } = self.task.queries[query];
            let cost = self.bench.cost(query, before)?;
            let saved = cost - self.bench.cost(query, after)?;
            gain.total += saved * calls;
            let is_measurable = saved >= self.task.limits.work_min;
            if is_measurable && cost > 0.0 && (is_read || saved > 0.0) {
                gain.best = gain.best.max(saved / cost);
            }
            if is_measurable && saved >= cost * self.task.limits.gain_min {
                gain.cost += cost * calls;
            }
        }
        Ok(gain)
    }

    /// Statements whose cost may be different.
    fn changed(&self, first: &Set, second: &Set) -> Vec<usize> {
        let different: Set = first.symmetric_difference(second).copied().collect();
        let is_changed = |query: &Weighed| !query.candidates.is_disjoint(&different);
        let queries = self.task.queries.iter().enumerate();
        queries.filter(|(_, query)| is_changed(query)).map(|(number, _)| number).collect()
    }

    fn is_within_budget(&self, set: &Set) -> bool {
        let bytes = set.iter().fold(0u64, |sum, it| sum.saturating_add(self.task.bytes[*it]));
        set.len() <= self.task.limits.count_max && bytes <= self.task.limits.bytes_max
    }

    /// Takes out what does harm or no good, until nothing is left to be taken out.
    fn settle(&mut self) -> Result<()> {
        loop {
            let before = self.choice.set.clone();
            self.drop_needless()?;
            self.drop_harmful()?;
            if self.choice.set == before {
                return Ok(());
            }
        }
    }

    /// Each has to be worth having beside all others.
    fn drop_needless(&mut self) -> Result<()> {
        let mut members = Vec::new();
        for member in self.choice.set.clone() {
            let gain = self.gain(&self.without(member), &self.choice.set.clone())?;
            members.push((gain.total, member));
        }
        members.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, member) in members {
            let (without, set) = (self.without(member), self.choice.set.clone());
            let gain = self.gain(&without, &set)?;
            let gain_min = self.task.limits.gain_min;
            let is_worth =
                self.is_worth(&without, &set, gain_min)? || self.helps_a_write(&without, &set)?;
            if is_worth && gain.is_net(self.task.limits) {
                continue;
            }
            let why = if is_worth { Why::Writes } else { Why::Little(gain.best) };
            self.choice.refused.push((member, why));
            self.choice.set = without;
        }
        Ok(())
    }

    /// Whether a statement that writes finds its rows so much better.
    fn helps_a_write(&mut self, first: &Set, second: &Set) -> Result<bool> {
        for query in self.changed(first, second) {
            let before = self.bench.cost(query, first)?;
            let saved = before - self.bench.cost(query, second)?;
            let limits = self.task.limits;
            let is_write = !self.task.queries[query].is_read;
            if is_write && saved >= before * limits.gain_min && saved >= limits.work_min {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Of those that make a read slower, the one that is missed least goes.
    fn drop_harmful(&mut self) -> Result<()> {
        for query in 0..self.task.queries.len() {
            if !self.task.queries[query].is_read {
                continue;
            }
            while let Some((member, factor)) = self.culprit(query)? {
                if let Some(better) = self.widened(member)? {
                    self.choice.set = better;
                    continue;
                }
                self.choice.refused.push((member, Why::Worse { query, factor }));
                self.choice.set = self.without(member);
            }
        }
        Ok(())
    }

    fn culprit(&mut self, query: usize) -> Result<Option<(usize, f64)>> {
        let set = self.choice.set.clone();
        if !self.is_harmed(query, &set)? {
            return Ok(None);
        }
        let base = self.bench.cost(query, &Set::new())?;
        let cost = self.bench.cost(query, &set)?;
        let concerned: Set =
            set.intersection(&self.task.queries[query].candidates).copied().collect();
        let mut best: Option<(f64, usize)> = None;
        for member in &concerned {
            let without = self.without(*member);
            if self.bench.cost(query, &without)? >= cost {
                continue;
            }
            let missed = self.gain(&without, &set)?.total;
            if best.is_none_or(|(least, _)| missed < least) {
                best = Some((missed, *member));
            }
        }
        // No single one is to blame: any of them goes, and the rest is looked at again.
        let member = best.map(|(_, member)| member).or_else(|| concerned.first().copied());
        Ok(member.map(|member| (member, cost / base.max(1.0))))
    }

    /// What is chosen with an index in place of one that does harm: the smallest that has all its
    /// keys and more, with which no read is slower and some gain enough.
    fn widened(&mut self, member: usize) -> Result<Option<Set>> {
        let without = self.without(member);
        let covered = &self.task.covered;
        let mut wider: Vec<usize> =
            (0..covered.len()).filter(|it| covered[*it].contains(&member)).collect();
        wider.sort_by_key(|it| self.task.bytes[*it]);
        for wider in wider {
            if self.choice.set.contains(&wider) {
                continue;
            }
            let mut next = without.clone();
            next.insert(wider);
            let gain = self.gain(&without, &next)?;
            let is_gain = gain.is_enough(self.task.limits);
            if is_gain && self.is_within_budget(&next) && !self.harms_any(&without, &next)? {
                return Ok(Some(next));
            }
        }
        Ok(None)
    }

    /// Whether a read costs more than it may with what the second set has beside the first.
    fn harms_any(&mut self, first: &Set, second: &Set) -> Result<bool> {
        for query in self.changed(first, second) {
            if self.is_harmed(query, second)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a read costs more with a set than it may.
    fn is_harmed(&mut self, query: usize, set: &Set) -> Result<bool> {
        let base = self.bench.cost(query, &Set::new())?;
        let cost = self.bench.cost(query, set)?;
        let limits = self.task.limits;
        let is_more = cost > base * (1.0 + limits.loss_max) && cost - base >= limits.work_min;
        Ok(is_more && self.task.queries[query].is_read)
    }

    fn without(&self, member: usize) -> Set {
        let mut set = self.choice.set.clone();
        set.remove(&member);
        set
    }
}

#[cfg(test)]
mod tests;
