//! The order of things: which statements can be looked at, whether fresh numbers help, which
//! indexes the planner would use, which of them are worth having together, and what else there is
//! to say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::admit::Looked;
use super::bench::Costs;
use super::usage::index_of;
use crate::advise::advice::{Advice, Finding, Refusal};
use crate::advise::candidate::Candidate;
use crate::advise::options::AdviseOptions;
use crate::advise::workload::Workload;
use crate::backend::sqlite::{Trial, TrialBounds};
use crate::error::Result;
use crate::guard::Stop;

/// What is not advised and told all the same.
const REFUSED_MAX: usize = 200;

/// One look at a workload.
pub(super) struct Study<'a> {
    pub(super) workload: &'a Workload,
    pub(super) options: &'a AdviseOptions,
    pub(super) stop: Arc<Stop>,
    pub(super) began: Instant,
    pub(super) trial: Trial,
    pub(super) queries: Vec<Looked>,
    pub(super) candidates: Vec<Tried>,
    pub(super) costs: Costs,
    /// Names of indexes of the database that are hidden, since they are not needed.
    pub(super) spared: BTreeSet<String>,
    /// Statements of the workload that are not looked at.
    pub(super) left_out: usize,
    pub(super) advice: Advice,
}

/// A candidate on the copy.
#[derive(Clone, Debug)]
pub(super) struct Tried {
    pub(super) candidate: Candidate,
    /// What it is called on the copy.
    pub(super) name: String,
    pub(super) bytes: u64,
    /// The share of the table's rows that are in it.
    pub(super) share: f64,
    /// The planner has used it for some statement.
    pub(super) is_used: bool,
}

/// Looks at the database at `path`, which is only read. Blocks for as long as the options allow.
pub(in crate::advise) fn study(
    path: &Path,
    workload: &Workload,
    options: &AdviseOptions,
    stop: Arc<Stop>,
) -> Result<Advice> {
    let bounds = TrialBounds {
        bytes_max: options.copy_bytes_max,
        folder: options.folder.clone(),
        run_max: options.statement_max,
        stop: stop.clone(),
    };
    let began = Instant::now();
    let trial = Trial::copy(path, &bounds)?;
    let mut study = Study {
        workload,
        options,
        stop,
        began,
        trial,
        queries: Vec::new(),
        candidates: Vec::new(),
        costs: Costs::default(),
        spared: BTreeSet::new(),
        left_out: 0,
        advice: Advice { period: workload.period, ..Advice::default() },
    };
    study.admit();
    study.refresh_numbers()?;
    let moves = study.build_and_use()?;
    let chosen = study.choose(moves)?;
    let chosen = study.prove(chosen)?;
    study.spare(&chosen)?;
    study.look_for_offsets(&chosen)?;
    study.look_for_texts(&chosen)?;
    study.rename_plans(&chosen);
    Ok(study.finish())
}

impl Study<'_> {
    pub(super) fn is_over(&self) -> bool {
        self.began.elapsed() >= self.options.time_max || self.stop.is_cancelled()
    }

    pub(super) fn refuse(&mut self, candidate: impl Into<String>, reason: impl Into<String>) {
        let refusal = Refusal { candidate: candidate.into(), reason: reason.into() };
        let refused = &mut self.advice.refused;
        if refused.len() < REFUSED_MAX && !refused.contains(&refusal) {
            refused.push(refusal);
        }
    }

    pub(super) fn find(&mut self, finding: Finding) {
        self.advice.findings.push(finding);
    }

    /// Names by which the findings are applied: that of each candidate is free in the database, and
    /// no other has it.
    pub(super) fn names(&self, chosen: &BTreeSet<usize>) -> BTreeMap<usize, String> {
        let mut taken = self.trial.facts().names.clone();
        let mut names = BTreeMap::new();
        for number in chosen {
            let name = self.candidates[*number].candidate.name(&taken);
            taken.insert(name.to_ascii_lowercase());
            names.insert(*number, name);
        }
        names
    }

    /// Puts the names under which candidates are advised into all plans.
    fn rename_plans(&mut self, chosen: &BTreeSet<usize>) {
        let names = self.names(chosen);
        let effects = self.advice.findings.iter_mut().flat_map(|it| &mut it.effects);
        for line in effects.flat_map(|it| it.plan_before.iter_mut().chain(&mut it.plan_after)) {
            for (number, name) in &names {
                let trial = &self.candidates[*number].name;
                if index_of(line) == Some(trial.as_str()) {
                    *line = line.replacen(trial, name, 1);
                }
            }
        }
    }

    fn finish(mut self) -> Advice {
        self.advice.queries = self.queries.len();
        self.advice.candidates = self.candidates.len();
        if self.is_over() {
            let time = self.options.time_max;
            self.refuse("everything else", format!("there was no more time than {time:?}"));
        }
        self.advice.findings.sort_by_key(|it| std::cmp::Reverse(it.saved));
        self.advice
    }
}
