//! Indexes that can go: those that no statement of a complete workload uses, and those that another
//! one makes needless. Each is hidden on the copy first, to see that nothing becomes slower.

use std::collections::BTreeSet;
use std::time::Duration;

use super::study::Study;
use crate::advise::advice::{Finding, FindingKind};
use crate::advise::choose::Set;
use crate::backend::sqlite::{IndexFacts, KeyFacts};
use crate::error::Result;
use crate::health::{Index, Key, is_needless};

impl Study<'_> {
    /// Looks for them, with what was chosen there.
    pub(super) fn spare(&mut self, chosen: &Set) -> Result<()> {
        let own: Vec<IndexFacts> =
            self.trial.facts().indexes.iter().filter(|it| may_go(it)).cloned().collect();
        if own.is_empty() {
            return Ok(());
        }
        self.show(chosen)?;
        let used = self.used_existing()?;
        for index in own {
            if self.is_over() {
                return Ok(());
            }
            let by = self.needless_by(&index, chosen);
            let is_unused = self.workload.is_complete
                && !self.queries.is_empty()
                && self.left_out == 0
                && !used.contains(&index.name)
                && !self.is_for_reference(&index);
            let (kind, message) = match by {
                Some((by, true)) => {
                    let text = format!("{} holds the same as {by}", index.name);
                    (FindingKind::DropDuplicate, text)
                }
                Some((by, false)) => {
                    let text = format!("{by} begins with all that is in {}", index.name);
                    (FindingKind::DropPrefix, text)
                }
                None if is_unused => {
                    let text = format!("no statement of the workload uses {}", index.name);
                    (FindingKind::DropUnused, text)
                }
                None => continue,
            };
            self.try_without(&index, kind, message, chosen)?;
        }
        Ok(())
    }

    /// Hides it, and finds it needless if nothing becomes slower.
    fn try_without(
        &mut self,
        index: &IndexFacts,
        kind: FindingKind,
        message: String,
        chosen: &Set,
    ) -> Result<()> {
        let mut before = Vec::new();
        self.show(chosen)?;
        let concerned: Vec<usize> = (0..self.queries.len())
            .filter(|query| self.queries[*query].touches(&index.table))
            .filter(|query| !self.queries[*query].is_only_counted)
            .collect();
        for query in &concerned {
            before.push(self.steps(*query)?);
        }
        let bytes = self.trial.index_bytes(&index.name);
        self.spared.insert(index.name.clone());
        self.show(chosen)?;
        for (query, before) in concerned.iter().zip(before) {
            let after = self.steps(*query)?;
            if self.queries[*query].is_read && after > before * (1.0 + self.options.loss_max) {
                self.spared.remove(&index.name);
                let text = super::admit::shown(&self.queries[*query].text);
                self.refuse(
                    format!("DROP INDEX {}", crate::sql::quoted(&index.name)),
                    format!("{text} would take {:.1} times the work", after / before.max(1.0)),
                );
                return Ok(());
            }
        }
        let create = index.sql.clone().unwrap_or_default();
        self.find(Finding {
            kind,
            table: index.table.clone(),
            message,
            apply: vec![format!("DROP INDEX IF EXISTS {};", crate::sql::quoted(&index.name))],
            undo: vec![format!("{create};")],
            advice: Vec::new(),
            effects: Vec::new(),
            bytes,
            write_cost: None,
            saved: Duration::ZERO,
            is_proven: true,
        });
        Ok(())
    }

    /// Indexes of the database in the plans of statements, with what is shown now.
    fn used_existing(&self) -> Result<BTreeSet<String>> {
        let mut used = BTreeSet::new();
        for looked in &self.queries {
            for sample in &looked.samples {
                for line in self.trial.plan(&looked.text, sample)? {
                    used.extend(super::usage::index_of(&line).map(str::to_owned));
                }
            }
        }
        Ok(used)
    }

    /// The index that makes this one needless, and whether it is the same.
    fn needless_by(&self, index: &IndexFacts, chosen: &Set) -> Option<(String, bool)> {
        let facts = self.trial.facts();
        let mut others = facts.indexes.iter().filter(|it| !self.spared.contains(&it.name));
        let found = others.find(|by| is_needless(&judged(index), &judged(by)));
        if let Some(by) = found {
            return Some((by.name.clone(), by.keys == index.keys));
        }
        let table = facts.table(&index.table)?;
        let names = self.names(chosen);
        let by = chosen.iter().find(|number| {
            let candidate = &self.candidates[**number].candidate;
            let is_of_table = candidate.table.eq_ignore_ascii_case(&index.table);
            is_of_table
                && candidate.condition.is_none()
                && !index.is_partial
                && super::usage::is_begun_by(candidate, index, table)
        })?;
        Some((names[by].clone(), false))
    }

    /// Whether it is by this that the rows which refer to another table's are found.
    fn is_for_reference(&self, index: &IndexFacts) -> bool {
        let table = self.trial.facts().table(&index.table);
        let references = table.map(|it| it.references.as_slice()).unwrap_or_default();
        references.iter().any(|columns| {
            let lead = index.keys.iter().take(columns.len());
            let is_in = |key: &KeyFacts| {
                let is = |name: &String| columns.iter().any(|it| it.eq_ignore_ascii_case(name));
                key.column.as_ref().is_some_and(is)
            };
            index.keys.len() >= columns.len()
                && lead.filter(|key| is_in(key)).count() == columns.len()
        })
    }
}

/// Whether an index is nothing but a way to find rows.
fn may_go(index: &IndexFacts) -> bool {
    index.is_own && !index.is_unique && index.sql.is_some()
}

/// The same as checks of a database's health have it.
fn judged(index: &IndexFacts) -> Index {
    let key = |key: &KeyFacts| Key {
        column: key.column.clone(),
        is_descending: key.is_descending,
        order: key.collation.clone(),
    };
    Index {
        table: index.table.clone(),
        name: index.name.clone(),
        sql: crate::sql::quoted(&index.name),
        is_unique: index.is_unique,
        is_own: index.is_own,
        is_partial: index.is_partial,
        keys: index.keys.iter().map(key).collect(),
    }
}
