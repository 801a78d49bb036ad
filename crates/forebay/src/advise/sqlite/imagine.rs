//! Asking the planner before building: of a large table, an index that it would not use is not
//! built. What the planner believes of one that is not there comes from a sample.

use std::collections::BTreeSet;

use super::study::Study;
use super::usage::index_of;
use crate::advise::candidate::{Candidate, Part};
use crate::backend::sqlite::Imagined;
use crate::error::Result;

/// Rows from which on an index is imagined before it is built.
const LARGE: u64 = 20_000;

/// What the names of imagined indexes begin with.
const IMAGINED: &str = "forebay_imagined_";

impl Study<'_> {
    /// Leaves out candidates on large tables that the planner would not use, alone or together
    /// with others.
    pub(super) fn imagined_first(
        &mut self,
        wanted: Vec<Candidate>,
        together: &[Vec<Candidate>],
    ) -> Result<Vec<Candidate>> {
        let is_large = |it: &Candidate| {
            let table = self.trial.facts().table(&it.table);
            table.is_some_and(|table| table.rows > LARGE)
        };
        let large: Vec<Candidate> = wanted.iter().filter(|it| is_large(it)).cloned().collect();
        if large.is_empty() {
            return Ok(wanted);
        }
        let mut used: BTreeSet<Candidate> = together.iter().flatten().cloned().collect();
        let mut unknown: BTreeSet<Candidate> = BTreeSet::new();
        let max = self.trial.imaginable()?.max(1);
        for table in large.iter().map(|it| it.table.clone()).collect::<BTreeSet<_>>() {
            let own: Vec<&Candidate> = large.iter().filter(|it| it.table == table).collect();
            for some in own.chunks(max) {
                if self.is_over() {
                    return Ok(wanted);
                }
                self.imagine_some(some, &mut used, &mut unknown)?;
            }
        }
        let mut kept = Vec::new();
        for candidate in wanted {
            let is_small = !large.contains(&candidate);
            if is_small || used.contains(&candidate) || unknown.contains(&candidate) {
                kept.push(candidate);
            } else {
                let shown = candidate.create(&candidate.name(&BTreeSet::new()));
                self.refuse(shown, "the planner would not use it");
            }
        }
        Ok(kept)
    }

    /// Imagines some of one table, each alone and all together.
    fn imagine_some(
        &mut self,
        some: &[&Candidate],
        used: &mut BTreeSet<Candidate>,
        unknown: &mut BTreeSet<Candidate>,
    ) -> Result<()> {
        let mut names = Vec::new();
        for (number, candidate) in some.iter().enumerate() {
            let name = format!("{IMAGINED}{number}");
            let keys: Vec<String> =
                candidate.keys.iter().map(|part| self.collated(candidate, part)).collect();
            let imagined = Imagined {
                name: &name,
                table: &candidate.table,
                sql: &candidate.create(&name),
                keys: &keys,
                condition: candidate.condition.as_deref(),
            };
            match self.trial.imagine(&imagined) {
                Ok(()) => names.push(name),
                // What cannot be imagined may be built all the same.
                Err(_) => {
                    unknown.insert((*candidate).clone());
                }
            }
        }
        let all: BTreeSet<String> = names.iter().cloned().collect();
        let mut sets: Vec<BTreeSet<String>> =
            names.iter().map(|name| BTreeSet::from([name.clone()])).collect();
        sets.push(all.clone());
        for set in sets {
            self.trial.show(&all, &set)?;
            for name in self.in_plans(&some[0].table)? {
                let number = name.strip_prefix(IMAGINED).and_then(|it| it.parse::<usize>().ok());
                used.extend(number.and_then(|at| some.get(at)).map(|it| (*it).clone()));
            }
        }
        self.trial.show(&all, &BTreeSet::new())?;
        names.iter().for_each(|name| self.trial.forget(name));
        Ok(())
    }

    /// The indexes in the plans of all statements that a table concerns.
    fn in_plans(&self, table: &str) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for looked in self.queries.iter().filter(|it| it.touches(table)) {
            for sample in &looked.samples {
                for line in self.trial.plan(&looked.text, sample)? {
                    names.extend(index_of(&line).map(str::to_owned));
                }
            }
        }
        Ok(names)
    }

    /// A key with the collation that it has in its table, for a table that has lost them.
    fn collated(&self, candidate: &Candidate, part: &Part) -> String {
        let table = self.trial.facts().table(&candidate.table);
        let own = part.column.and_then(|at| table?.collations.get(usize::from(at)).copied()?);
        let collation = part.collation.or(own).map(|it| format!(" {}", it.clause()));
        format!("{}{}", part.sql, collation.unwrap_or_default())
    }
}
