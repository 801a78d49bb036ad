//! Building candidates on the copy, and finding out which of them the planner uses.

use std::collections::{BTreeMap, BTreeSet};

use super::study::{Study, Tried};
use crate::advise::candidate::{Candidate, Part};
use crate::advise::choose::{Choice, Limits, Set, Task, Weighed, Why, choose};
use crate::advise::generate::{About, Generated, Spread, generate};
use crate::backend::sqlite::{IndexFacts, KeyFacts, TableFacts};
use crate::error::Result;
use crate::sql::{Collation, Operand};
use crate::value::Value;

/// What the names of candidates on the copy begin with.
pub(super) const TRIAL: &str = "forebay_trial_";

/// How values are spread, as a statement sees it.
struct Seen<'s> {
    study: &'s Study<'s>,
    query: usize,
}

impl Spread for Seen<'_> {
    fn distinct(&self, table: &str, key: &str) -> f64 {
        self.study.trial.distinct(table, key).unwrap_or(1.0)
    }

    fn share(&self, table: &str, condition: &str) -> f64 {
        self.study.trial.share(table, condition).unwrap_or(1.0)
    }

    fn value(&self, operand: &Operand) -> Option<Value> {
        match operand {
            Operand::Literal(value) => Some(value.clone()),
            Operand::Parameter(number) => {
                let sample = self.study.queries[self.query].samples.first()?;
                sample.get(number.checked_sub(1)?).cloned()
            }
        }
    }
}

impl Study<'_> {
    /// Builds what might help. Sets of candidates that the planner uses, each worth trying.
    pub(super) fn build_and_use(&mut self) -> Result<Vec<Set>> {
        let (wanted, together) = self.wanted();
        let wanted = self.imagined_first(wanted, &together)?;
        let mut numbers: BTreeMap<Candidate, usize> = BTreeMap::new();
        for candidate in wanted {
            if self.is_over() {
                break;
            }
            let number = self.candidates.len();
            let name = format!("{TRIAL}{number}");
            match self.trial.build(&name, &candidate.create(&name)) {
                Ok(bytes) => {
                    let share = candidate.condition.as_ref().map_or(1.0, |condition| {
                        self.trial.share(&candidate.table, condition).unwrap_or(1.0)
                    });
                    numbers.insert(candidate.clone(), number);
                    self.candidates.push(Tried { candidate, name, bytes, share, is_used: false });
                }
                Err(error) => {
                    let shown = candidate.create(&candidate.name(&BTreeSet::new()));
                    self.refuse(shown, error.message().to_owned());
                }
            }
        }
        let mut moves = self.used_alone()?;
        for set in together {
            let missing = set.iter().filter(|it| !self.is_there(it));
            let set: Option<Set> = missing.map(|it| numbers.get(it).copied()).collect();
            moves.extend(set.filter(|set| set.len() > 1));
        }
        moves.extend(self.used_together()?);
        let unique: BTreeSet<Set> = moves.into_iter().collect();
        Ok(unique.into_iter().collect())
    }

    /// Every candidate once, the heaviest statements' first.
    fn wanted(&mut self) -> (Vec<Candidate>, Vec<Vec<Candidate>>) {
        let (mut seen, mut wanted) = (BTreeSet::new(), Vec::new());
        let mut together = Vec::new();
        let mut small = BTreeSet::new();
        let mut left_out = 0usize;
        for query in 0..self.queries.len() {
            for it in self.queries[query].sought.uses.clone() {
                let Some(table) = self.trial.facts().table(&it.table) else { continue };
                if table.rows < self.options.rows_min {
                    small.insert((table.name.clone(), table.rows));
                    continue;
                }
                let about = About {
                    columns: &table.columns,
                    collations: &table.collations,
                    rowid: table.rowid,
                };
                let spread = Seen { study: self, query };
                let Generated { single, together: sets } = generate(&it, about, &spread);
                let all = single.into_iter().chain(sets.iter().flatten().cloned());
                for candidate in all {
                    let is_new = !seen.contains(&candidate) && !self.is_there(&candidate);
                    if is_new && wanted.len() < self.options.candidates_max {
                        seen.insert(candidate.clone());
                        wanted.push(candidate);
                    } else if is_new {
                        left_out += 1;
                    }
                }
                together.extend(sets);
            }
        }
        for (table, rows) in small {
            let text = format!("the table has {rows} rows: reading them all takes no time");
            self.refuse(format!("indexes on {table}"), text);
        }
        if left_out > 0 {
            let max = self.options.candidates_max;
            self.refuse(format!("{left_out} indexes"), format!("no more than {max} are tried"));
        }
        (wanted, together)
    }

    /// Whether the database has an index that finds all that this one would.
    fn is_there(&self, candidate: &Candidate) -> bool {
        let facts = self.trial.facts();
        let Some(table) = facts.table(&candidate.table) else { return true };
        let of_table = |it: &&IndexFacts| it.table.eq_ignore_ascii_case(&candidate.table);
        facts.indexes.iter().filter(of_table).any(|index| {
            let is_whole = !index.is_partial && candidate.condition.is_none();
            is_whole && begins_with(index, candidate, table)
        })
    }

    /// Candidates that the planner uses where no other is.
    fn used_alone(&mut self) -> Result<Vec<Set>> {
        let mut moves = Vec::new();
        for number in 0..self.candidates.len() {
            if self.is_over() {
                break;
            }
            let set = Set::from([number]);
            self.show(&set)?;
            for query in 0..self.queries.len() {
                if self.concerns(query, number) && self.used(query)?.contains(&number) {
                    self.candidates[number].is_used = true;
                    moves.push(set);
                    break;
                }
            }
        }
        Ok(moves)
    }

    /// What the planner takes for each statement where all candidates are.
    fn used_together(&mut self) -> Result<Vec<Set>> {
        let mut moves = Vec::new();
        for query in 0..self.queries.len() {
            if self.is_over() {
                break;
            }
            let all = (0..self.candidates.len()).filter(|it| self.concerns(query, *it)).collect();
            self.show(&all)?;
            let used = self.used(query)?;
            for number in &used {
                self.candidates[*number].is_used = true;
            }
            if used.len() > 1 {
                moves.push(used);
            }
        }
        Ok(moves)
    }

    /// The candidates in the plan of a statement, with what is shown now.
    pub(super) fn used(&self, query: usize) -> Result<Set> {
        let looked = &self.queries[query];
        let mut used = Set::new();
        for sample in &looked.samples {
            for line in self.trial.plan(&looked.text, sample)? {
                used.extend(trial_of(&line));
            }
        }
        Ok(used)
    }

    /// Chooses among what the planner uses.
    pub(super) fn choose(&mut self, moves: Vec<Set>) -> Result<Set> {
        let count = self.candidates.len();
        let related = |is: &dyn Fn(&Candidate, &Candidate) -> bool, of: usize| -> Vec<usize> {
            let own = &self.candidates[of].candidate;
            (0..count).filter(|it| *it != of && is(own, &self.candidates[*it].candidate)).collect()
        };
        let mut narrower: Vec<Vec<usize>> =
            (0..count).map(|of| related(&|own, it| it.is_within(own), of)).collect();
        for list in &mut narrower {
            list.sort_by_key(|it| {
                let tried = &self.candidates[*it];
                (tried.candidate.keys.len(), tried.bytes)
            });
        }
        let queries = (0..self.queries.len()).map(|query| Weighed {
            calls: self.queries[query].calls as f64,
            is_read: self.queries[query].is_read,
            candidates: (0..count).filter(|it| self.concerns(query, *it)).collect(),
        });
        let task = Task {
            queries: queries.collect(),
            bytes: self.candidates.iter().map(|it| it.bytes).collect(),
            moves,
            narrower,
            covered: (0..count).map(|of| related(&|own, it| own.covers(it), of)).collect(),
            limits: Limits {
                count_max: self.options.indexes_max,
                bytes_max: self.options.bytes_max,
                gain_min: self.options.gain_min,
                loss_max: self.options.loss_max,
                ..Limits::default()
            },
        };
        let Choice { set, refused } = choose(&task, self)?;
        for (number, why) in refused {
            if !set.contains(&number) {
                self.refuse_candidate(number, why);
            }
        }
        Ok(set)
    }

    fn refuse_candidate(&mut self, number: usize, why: Why) {
        let candidate = &self.candidates[number].candidate;
        let shown = candidate.create(&candidate.name(&BTreeSet::new()));
        let reason = match why {
            Why::Little(gain) if gain < 0.01 => {
                "it spares nothing beside what is there or advised".to_owned()
            }
            Why::Little(gain) => format!(
                "it spares the statements that would use it {:.0} % at most beside what is there \
                 or advised",
                (gain * 100.0).max(0.0)
            ),
            Why::Worse { query, factor } => format!(
                "{} would take {factor:.1} times the work",
                super::admit::shown(&self.queries[query].text)
            ),
            Why::Writes => {
                "the writes take so much that too little is left of what reads save".to_owned()
            }
            Why::Budget => "it does not fit what all indexes may take".to_owned(),
        };
        self.refuse(shown, reason);
    }
}

/// The candidate that a line of a plan names.
pub(super) fn trial_of(line: &str) -> Option<usize> {
    index_of(line)?.strip_prefix(TRIAL)?.parse().ok()
}

/// The index that a line of a plan names.
pub(super) fn index_of(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(" INDEX ")?;
    // Behind the name stands what is looked for in it.
    Some(rest.split_once(" (").map_or(rest, |(name, _)| name))
}

/// Whether the keys of an index begin with those of a candidate.
fn begins_with(index: &IndexFacts, candidate: &Candidate, table: &TableFacts) -> bool {
    let is_same = |(key, part): (&KeyFacts, &Part)| {
        let column = part.column.and_then(|at| table.columns.get(usize::from(at)));
        let is_column = match (&key.column, column) {
            (Some(have), Some(want)) => have.eq_ignore_ascii_case(want),
            _ => false,
        };
        let own = part.column.and_then(|at| table.collations.get(usize::from(at)).copied()?);
        let wanted = part.collation.or(own);
        let is_collated = wanted.is_some() && wanted == Collation::named(&key.collation);
        is_column && is_collated
    };
    index.keys.len() >= candidate.keys.len()
        && index.keys.iter().zip(&candidate.keys).all(is_same)
        && has_same_direction(index, candidate)
}

/// Whether a candidate begins with all keys of an index.
pub(super) fn is_begun_by(candidate: &Candidate, index: &IndexFacts, table: &TableFacts) -> bool {
    let keys = candidate.keys.iter().take(index.keys.len()).cloned().collect();
    let head = Candidate { keys, ..candidate.clone() };
    head.keys.len() == index.keys.len() && begins_with(index, &head, table)
}

/// An index is read from both ends.
fn has_same_direction(index: &IndexFacts, candidate: &Candidate) -> bool {
    let pairs = || index.keys.iter().zip(&candidate.keys);
    pairs().all(|(key, part)| key.is_descending == part.is_descending)
        || pairs().all(|(key, part)| key.is_descending != part.is_descending)
}
