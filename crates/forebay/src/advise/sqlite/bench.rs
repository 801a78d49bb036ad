//! What statements cost with a set of candidates shown: measured once for each plan, since the same
//! plan over the same rows takes the same instructions.

use std::collections::{BTreeSet, HashMap};

use super::study::{Study, Tried};
use super::usage::trial_of;
use crate::advise::choose::{Bench, Set};
use crate::error::Result;
use crate::sql::Change;

/// Instructions for which one that was ended counts, however far it had come: more than any other
/// takes in that time.
const CUT: f64 = 4e9;

/// Instructions for which one changed entry of an index counts, where the write itself has a few:
/// by what random rows take, logged.
pub(super) const ENTRY: f64 = 550.0;

/// What has been measured.
#[derive(Debug, Default)]
pub(super) struct Costs {
    by_set: HashMap<(usize, Vec<usize>), f64>,
    by_plan: HashMap<(usize, Vec<String>), f64>,
}

impl Costs {
    /// Forgets all: the numbers by which is planned have changed.
    pub(super) fn clear(&mut self) {
        *self = Costs::default();
    }
}

impl Bench for Study<'_> {
    fn cost(&mut self, query: usize, set: &Set) -> Result<f64> {
        let own: Vec<usize> = set.iter().copied().filter(|it| self.concerns(query, *it)).collect();
        if let Some(cost) = self.costs.by_set.get(&(query, own.clone())) {
            return Ok(*cost);
        }
        let steps = match self.queries[query].is_only_counted {
            true => 0.0,
            false => self.steps_with(query, &own.iter().copied().collect())?,
        };
        let entries: f64 = own.iter().map(|it| self.entries(query, *it)).sum();
        let cost = steps + entries * ENTRY;
        self.costs.by_set.insert((query, own), cost);
        Ok(cost)
    }

    fn is_over(&self) -> bool {
        Study::is_over(self)
    }
}

impl Study<'_> {
    /// Whether a candidate may change what a statement costs.
    pub(super) fn concerns(&self, query: usize, candidate: usize) -> bool {
        self.queries[query].touches(&self.candidates[candidate].candidate.table)
    }

    /// Shows exactly these candidates, beside the indexes that the database has and needs.
    pub(super) fn show(&mut self, set: &Set) -> Result<()> {
        let mut all: BTreeSet<String> = self.candidates.iter().map(|it| it.name.clone()).collect();
        let mut shown: BTreeSet<String> =
            set.iter().map(|it| self.candidates[*it].name.clone()).collect();
        for index in &self.trial.facts().indexes {
            all.insert(index.name.clone());
            if !self.spared.contains(&index.name) {
                shown.insert(index.name.clone());
            }
        }
        self.trial.show(&all, &shown)
    }

    /// The mean cost of a call with these. An index of which the planner skips the first column
    /// brings nothing: it does so only as long as ANALYZE has counted few values there, and
    /// not for every value that is asked for.
    fn steps_with(&mut self, query: usize, set: &Set) -> Result<f64> {
        self.show(set)?;
        let plan = self.whole_plan(query)?;
        let steps = self.steps_of(query, &plan)?;
        let skipped = plan.iter().filter(|line| line.contains("(ANY("));
        let skipped: Set = skipped.filter_map(|line| trial_of(line)).collect();
        let rest: Set = set.difference(&skipped).copied().collect();
        match rest == *set {
            true => Ok(steps),
            false => Ok(self.steps_with(query, &rest)?.max(steps)),
        }
    }

    /// The plans for all values that are tried, with what is shown now.
    fn whole_plan(&self, query: usize) -> Result<Vec<String>> {
        let looked = &self.queries[query];
        let mut plan = Vec::new();
        for sample in &looked.samples {
            plan.extend(self.trial.plan(&looked.text, sample)?);
            plan.push(String::new());
        }
        Ok(plan)
    }

    /// The mean cost of a call with what is shown now.
    pub(super) fn steps(&mut self, query: usize) -> Result<f64> {
        let plan = self.whole_plan(query)?;
        self.steps_of(query, &plan)
    }

    /// The same, by the plan.
    fn steps_of(&mut self, query: usize, plan: &[String]) -> Result<f64> {
        let key = (query, plan.to_vec());
        if let Some(steps) = self.costs.by_plan.get(&key) {
            return Ok(*steps);
        }
        let looked = &self.queries[query];
        let mut sum = 0.0;
        for sample in &looked.samples {
            let ran = self.trial.run(&looked.text, sample)?;
            sum += if ran.is_cut { CUT } else { ran.steps as f64 };
        }
        let steps = sum / looked.samples.len().max(1) as f64;
        self.costs.by_plan.insert(key, steps);
        Ok(steps)
    }

    /// Entries of a candidate that one call of a statement changes.
    pub(super) fn entries(&self, query: usize, candidate: usize) -> f64 {
        let looked = &self.queries[query];
        let Tried { candidate, share, .. } = &self.candidates[candidate];
        let Some(change) = &looked.sought.change else { return 0.0 };
        if !change.table().eq_ignore_ascii_case(&candidate.table) {
            return 0.0;
        }
        match change {
            Change::Insert { .. } | Change::Delete { .. } => looked.rows * share,
            Change::Update { columns, .. } => {
                let is_set = |sql: &str| {
                    let table = self.trial.facts().table(&candidate.table);
                    let names = table.map(|it| it.columns.as_slice()).unwrap_or_default();
                    let mut set = columns.iter().filter_map(|at| names.get(usize::from(*at)));
                    set.any(|name| sql.contains(&crate::sql::quoted(name)))
                };
                let parts = candidate.keys.iter().map(|key| key.sql.as_str());
                let is_changed = parts.chain(candidate.condition.as_deref()).any(is_set);
                // The old entry goes, and a new one comes.
                if is_changed { 2.0 * looked.rows * share } else { 0.0 }
            }
        }
    }
}
