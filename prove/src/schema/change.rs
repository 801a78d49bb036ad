//! What a statement on the schema does to the picture the generators have of it. It is applied
//! when the statement has succeeded, and only then.

use super::relation::{Column, Relation, Schema};

/// A statement on the schema.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) sql: String,
    pub(crate) change: Change,
}

/// What it brings about.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Nothing,
    AddRelation(Relation),
    /// In place of the one with its name.
    ReplaceRelation(Relation),
    AddIndex(String),
    /// A trigger, and the view it makes writable.
    AddTrigger(String, Option<String>),
    DropRelation(String),
    DropIndex(String),
    DropTrigger(String),
    AddColumn(String, Column),
    DropColumn(String, String),
    RenameColumn(String, String, String),
    RenameRelation(String, String),
}

impl Schema {
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Nothing => {}
            Change::AddRelation(relation) => self.relations.push(relation.clone()),
            Change::ReplaceRelation(relation) => {
                if let Some(known) = self.find_mut(&relation.name) {
                    *known = relation.clone();
                }
            }
            Change::AddIndex(name) => self.indexes.push(name.clone()),
            Change::AddTrigger(name, view) => {
                self.triggers.push(name.clone());
                if let Some(view) = view
                    && let Some(view) = self.find_mut(view)
                {
                    view.takes_writes = true;
                }
            }
            Change::DropRelation(name) => self.relations.retain(|known| known.name != *name),
            Change::DropIndex(name) => self.indexes.retain(|known| known != name),
            Change::DropTrigger(name) => self.triggers.retain(|known| known != name),
            Change::AddColumn(table, column) => {
                self.change_columns(table, |columns| columns.push(column.clone()));
            }
            Change::DropColumn(table, name) => {
                self.change_columns(table, |columns| columns.retain(|column| column.name != *name));
            }
            Change::RenameColumn(table, old, new) => self.rename_column(table, old, new),
            Change::RenameRelation(old, new) => {
                if let Some(relation) = self.find_mut(old) {
                    relation.name.clone_from(new);
                }
            }
        }
    }

    fn change_columns(&mut self, table: &str, change: impl FnOnce(&mut Vec<Column>)) {
        if let Some(relation) = self.find_mut(table) {
            change(&mut relation.columns);
        }
    }

    fn rename_column(&mut self, table: &str, old: &str, new: &str) {
        let Some(relation) = self.find_mut(table) else { return };
        let names = relation.columns.iter_mut().map(|column| &mut column.name);
        let sets = [&mut relation.key, &mut relation.tie, &mut relation.single];
        for name in names.chain(sets.into_iter().flatten()) {
            if name == old {
                new.clone_into(name);
            }
        }
    }
}
