//! Writes aimed at what some read looks at: rows that its condition takes in, barely misses, or
//! takes in under another collation or class only, and one column at a time.

use super::statement::{Writing, names};
use crate::domain::near;
use crate::read::Aim;
use crate::schema::Column;

impl Writing<'_> {
    /// A write of the table and the column that are aimed at; the draft's table is theirs.
    pub(super) fn aimed(&mut self, aim: &Aim) -> Option<String> {
        let column = self.aimed_column(&aim.column)?;
        // Rows that come or go show in any case; what a column is made of does only as it changes.
        let is_made_of = column.name != aim.column;
        let (table, name) = (self.target.name.clone(), column.name.clone());
        let new = self.close_to(aim, &column);
        let old = self.close_to(aim, &column);
        let one = self.one_row();
        Some(match self.draft.rng.u8(..if is_made_of { 8 } else { 16 }) {
            0..3 => {
                format!("UPDATE {table} SET {name} = {new} WHERE {name} IS {old} COLLATE BINARY")
            }
            3..8 => format!("UPDATE {table} SET {name} = {new} WHERE {one}"),
            8 | 9 => {
                let others = self.stored();
                let other = self.draft.pick(&others)?;
                let value = self.value(&other);
                let condition = format!("{name} IS {old} COLLATE BINARY");
                format!("UPDATE {table} SET {} = {value} WHERE {condition}", other.name)
            }
            10 => format!("DELETE FROM {table} WHERE {one}"),
            11 | 12 => {
                let tie = self.target.tie.join(", ");
                format!(
                    "DELETE FROM {table} WHERE ({tie}) IN (SELECT {tie} FROM {table} WHERE {name} \
                     IS {old} COLLATE BINARY ORDER BY {tie} LIMIT 1)"
                )
            }
            _ => {
                let columns: Vec<Column> =
                    self.stored().into_iter().filter(|it| it.name != "id").collect();
                let value = |writing: &mut Self, it: &Column| {
                    if it.name == name { new.clone() } else { writing.value(it) }
                };
                let row: Vec<String> = columns.iter().map(|it| value(self, it)).collect();
                let or = self.or();
                format!("INSERT {or}INTO {table} ({}) VALUES ({})", names(&columns), row.join(", "))
            }
        })
    }

    /// The column itself, or one that it is made of.
    fn aimed_column(&self, name: &str) -> Option<Column> {
        let columns = &self.target.columns;
        let at = columns.iter().position(|column| column.name == name)?;
        let at = if columns[at].is_generated { at.checked_sub(1)? } else { at };
        columns.get(at).filter(|column| !column.is_generated).cloned()
    }

    /// A value equal to the one that is sought, or so in one sense and not in another.
    fn close_to(&mut self, aim: &Aim, column: &Column) -> String {
        match &aim.value {
            Some(value) if !self.draft.once_in(5) => {
                let value = near(self.draft.rng, value);
                self.draft.put(value, column.affinity)
            }
            _ => self.value(column),
        }
    }

    /// A condition that holds for one row, whatever it holds.
    pub(super) fn one_row(&mut self) -> String {
        let (table, tie) = (&self.target.name, self.target.tie.join(", "));
        let place = self.draft.rng.u8(..12);
        format!(
            "({tie}) IN (SELECT {tie} FROM {table} ORDER BY {tie} LIMIT 1 OFFSET {place} % (SELECT \
             count(*) + 1 FROM {table}))"
        )
    }

    /// A row that takes the place of another one with the same value in a unique column: SQLite
    /// removes that one without a word.
    pub(super) fn replacement(&mut self) -> Option<String> {
        let unique: Vec<Vec<String>> = self.target.unique();
        let shared = self.draft.pick(&unique)?;
        let (table, tie) = (self.target.name.clone(), self.target.tie.join(", "));
        let place = self.draft.rng.u8(..12);
        let count = format!("SELECT max(count(*), 1) FROM {table}");
        let from = format!("FROM {table} ORDER BY {tie} LIMIT 1 OFFSET {place} % ({count})");
        if self.draft.once_in(3)
            && let [name] = shared.as_slice()
        {
            let one = self.one_row();
            return Some(format!(
                "UPDATE OR REPLACE {table} SET {name} = (SELECT {name} {from}) WHERE {one}"
            ));
        }
        let columns: Vec<Column> = self.stored().into_iter().filter(|it| it.name != "id").collect();
        let mut terms = Vec::new();
        for column in &columns {
            // What it refers to is there if it has it from the other row.
            let is_shared = shared.contains(&column.name) || self.draft.rng.bool();
            terms.push(if is_shared { column.name.clone() } else { self.value(column) });
        }
        let (names, terms) = (names(&columns), terms.join(", "));
        Some(format!("INSERT OR REPLACE INTO {table} ({names}) SELECT {terms} {from}"))
    }
}
