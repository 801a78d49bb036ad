//! Texts that are looked for in the middle: no ordinary index finds them, one of trigrams does. The
//! statement has to be written anew for it; that is done here, and both ways have to give the same
//! rows.

use std::collections::BTreeSet;
use std::time::Duration;

use super::admit::Looked;
use super::numbers::saved;
use super::study::Study;
use crate::advise::advice::{Effect, Finding, FindingKind};
use crate::advise::choose::Set;
use crate::error::Result;
use crate::sql::{Operand, Sift, Use, in_trigrams, quoted};
use crate::value::Value;

/// Letters in a row that a trigram index needs.
const LETTERS_MIN: usize = 3;

/// Times that each way is run; the shortest counts.
const ROUNDS: usize = 3;

/// The share of a statement's time that has to be left at most. The index comes with triggers that
/// every write runs, and the statement has to be written anew.
const LEFT_MAX: f64 = 0.5;

/// A column in whose texts something is looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    table: String,
    column: String,
}

/// The SQL of one index of trigrams.
struct Trigrams {
    name: String,
    apply: Vec<String>,
    undo: Vec<String>,
}

impl Study<'_> {
    pub(super) fn look_for_texts(&mut self, chosen: &Set) -> Result<()> {
        self.show(chosen)?;
        let mut places: BTreeSet<Place> = BTreeSet::new();
        for looked in self.queries.iter().filter(|it| it.is_read) {
            for it in &looked.sought.uses {
                places.extend(self.sought_in_the_middle(looked, it));
            }
        }
        for place in places {
            if self.is_over() {
                break;
            }
            self.try_trigrams(&place)?;
        }
        Ok(())
    }

    fn sought_in_the_middle(&self, looked: &Looked, it: &Use) -> Vec<Place> {
        let Some(table) = self.trial.facts().table(&it.table) else { return Vec::new() };
        if table.rows < self.options.rows_min {
            return Vec::new();
        }
        let of = |term: &crate::sql::Term| {
            let Sift::Like { is_glob: false, pattern: Some(pattern) } = &term.sift else {
                return None;
            };
            let pattern = match pattern {
                Operand::Literal(value) => Some(value),
                Operand::Parameter(number) => looked.samples.first()?.get(number.checked_sub(1)?),
            };
            let column = table.columns.get(usize::from(term.key.as_ref()?.column?))?;
            is_in_the_middle(pattern?)
                .then(|| Place { table: table.name.clone(), column: column.clone() })
        };
        it.terms.iter().filter_map(of).collect()
    }

    fn try_trigrams(&mut self, place: &Place) -> Result<()> {
        let Some(table) = self.trial.facts().table(&place.table) else { return Ok(()) };
        let Some(key) = table.rowid.and_then(|at| table.columns.get(usize::from(at))) else {
            let text = "the table has no INTEGER PRIMARY KEY, and VACUUM may number its rows anew";
            self.refuse(format!("trigrams of {}.{}", place.table, place.column), text);
            return Ok(());
        };
        let trigrams = Trigrams::of(place, key, &self.trial.facts().names);
        let bytes = match self.trial.build_text_index(&trigrams.apply) {
            Ok(bytes) => bytes,
            Err(error) => {
                let shown = format!("trigrams of {}.{}", place.table, place.column);
                self.refuse(shown, error.message().to_owned());
                return Ok(());
            }
        };
        let mut effects = Vec::new();
        let mut texts = Vec::new();
        for looked in self.queries.iter().filter(|it| it.is_read && it.touches(&place.table)) {
            if let Some((effect, text)) = self.effect_of_trigrams(looked, place, &trigrams.name) {
                effects.push(effect);
                texts.push(format!("ask so: {text}"));
            }
        }
        self.trial.drop_text_index(&trigrams.undo)?;
        if effects.is_empty() {
            let shown = format!("trigrams of {}.{}", place.table, place.column);
            self.refuse(shown, "no statement gives the same rows by it in half of the time");
            return Ok(());
        }
        let column = &place.column;
        texts.push("SQLite has to be built with FTS5, and be version 3.34 or newer".to_owned());
        self.find(Finding {
            kind: FindingKind::FullTextIndex,
            table: place.table.clone(),
            message: format!("{column} is searched for a text anywhere in it"),
            apply: trigrams.apply,
            undo: trigrams.undo,
            advice: texts,
            saved: effects.iter().map(saved).sum(),
            effects,
            bytes,
            write_cost: None,
            is_proven: true,
        });
        Ok(())
    }

    /// What a statement gains, and how it has to be written.
    fn effect_of_trigrams(
        &self,
        looked: &Looked,
        place: &Place,
        name: &str,
    ) -> Option<(Effect, String)> {
        let text = in_trigrams(&looked.text, &place.column, name)?;
        for sample in &looked.samples {
            let before = self.trial.run(&looked.text, sample).ok()?;
            let after = self.trial.run(&text, sample).ok()?;
            if (before.rows, before.digest) != (after.rows, after.digest) || after.is_cut {
                return None;
            }
        }
        let mut best: Option<(Pair, Duration)> = None;
        for _ in 0..ROUNDS {
            let before = self.measured_as(&looked.text, &looked.samples).ok()?;
            let after = self.measured_as(&text, &looked.samples).ok()?;
            if best.as_ref().is_none_or(|(_, time)| after.time < *time) {
                best = Some(((before, after), after.time));
            }
        }
        let ((before, after), _) = best?;
        // What the index does inside is not among the instructions, so that time decides.
        if after.time > before.time.mul_f64(LEFT_MAX) {
            return None;
        }
        let sample = looked.samples.first()?;
        let effect = Effect {
            query: looked.number,
            text: looked.text.clone(),
            calls: looked.calls,
            before,
            after,
            plan_before: self.trial.plan(&looked.text, sample).ok()?,
            plan_after: self.trial.plan(&text, sample).ok()?,
        };
        Some((effect, text))
    }
}

type Pair = (crate::advise::advice::Measured, crate::advise::advice::Measured);

/// Whether a pattern begins with anything, and names enough letters in a row.
fn is_in_the_middle(pattern: &Value) -> bool {
    let Value::Text(pattern) = pattern else { return false };
    let runs = pattern.split(['%', '_']);
    pattern.starts_with('%') && runs.map(|run| run.chars().count()).max() >= Some(LETTERS_MIN)
}

impl Trigrams {
    fn of(place: &Place, key: &str, taken: &BTreeSet<String>) -> Trigrams {
        let word = |text: &str| {
            let plain = |c: char| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
            text.chars().map(plain).collect::<String>()
        };
        let mut name = format!("{}_{}_trigrams", word(&place.table), word(&place.column));
        while taken.contains(&name) {
            name.push('_');
        }
        let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let (index, table, column) = (quoted(&name), quoted(&place.table), quoted(&place.column));
        let id = quoted(key);
        let put = format!("INSERT INTO {index} (rowid, {column}) VALUES (new.{id}, new.{column});");
        let take = format!(
            "INSERT INTO {index} ({index}, rowid, {column}) VALUES ('delete', old.{id}, \
             old.{column});"
        );
        let trigger = |end: &str, event: &str, body: &str| {
            let trigger = quoted(&format!("{name}_{end}"));
            format!(
                "CREATE TRIGGER IF NOT EXISTS {trigger} AFTER {event} ON {table} BEGIN {body} END;"
            )
        };
        let apply = vec![
            format!(
                "CREATE VIRTUAL TABLE IF NOT EXISTS {index} USING fts5({column}, content={}, \
                 content_rowid={}, tokenize='trigram');",
                literal(&place.table),
                literal(key)
            ),
            format!("INSERT INTO {index} ({index}) VALUES ('rebuild');"),
            trigger("insert", "INSERT", &put),
            trigger("delete", "DELETE", &take),
            trigger("update", &format!("UPDATE OF {id}, {column}"), &format!("{take} {put}")),
        ];
        let drop =
            |end: &str| format!("DROP TRIGGER IF EXISTS {};", quoted(&format!("{name}_{end}")));
        let undo = vec![
            drop("insert"),
            drop("delete"),
            drop("update"),
            format!("DROP TABLE IF EXISTS {index};"),
        ];
        Trigrams { name, apply, undo }
    }
}
