//! A copy of tables that is kept up from the messages alone, row by row, by their replica
//! identities. It knows what each row was, so it can judge what is said of it.

use std::collections::HashMap;

use super::super::message::{Message, Old};
use super::super::tuple::{Datum, Tuple};

/// A value: a text, or NULL.
pub(super) type Cell = Option<String>;

#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) name: String,
    identity: u8,
    keys: Vec<bool>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// The tables of a stream, by number.
#[derive(Debug, Default)]
pub(super) struct Model(pub(super) HashMap<u32, Table>);

/// What really happened to a row.
#[derive(Debug)]
pub(super) struct Truth {
    pub(super) relation: u32,
    pub(super) old: Option<Vec<Cell>>,
    pub(super) new: Option<Vec<Cell>>,
}

impl Model {
    /// Replays a message; what it did to a row, if it is about one.
    pub(super) fn replay(&mut self, message: &Message<'_>) -> Option<Truth> {
        match message {
            Message::Relation(described) => {
                let table = self.0.entry(described.oid).or_default();
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                table.name =
                    format!("\"{}\".\"{}\"", text(described.namespace), text(described.name));
                table.identity = described.identity;
                table.keys = described.columns.iter().map(|column| column.is_key).collect();
                None
            }
            Message::Insert { relation, new } => {
                let new = filled(new, None);
                self.0.get_mut(relation).unwrap().rows.push(new.clone());
                Some(Truth { relation: *relation, old: None, new: Some(new) })
            }
            Message::Update { relation, old, new } => {
                let table = self.0.get_mut(relation).unwrap();
                let at = match old {
                    Old::None => table.find(new, false),
                    Old::Key(old) => table.find(old, false),
                    Old::Full(old) => table.find(old, true),
                };
                let old = table.rows.swap_remove(at);
                let new = filled(new, Some(&old));
                table.rows.push(new.clone());
                Some(Truth { relation: *relation, old: Some(old), new: Some(new) })
            }
            Message::Delete { relation, old } => {
                let table = self.0.get_mut(relation).unwrap();
                let at = match old {
                    Old::None => panic!("a delete has an image"),
                    Old::Key(old) => table.find(old, false),
                    Old::Full(old) => table.find(old, true),
                };
                let old = table.rows.swap_remove(at);
                Some(Truth { relation: *relation, old: Some(old), new: None })
            }
            Message::Truncate { relations, .. } => {
                for relation in relations {
                    self.0.get_mut(relation).unwrap().rows.clear();
                }
                None
            }
            _ => None,
        }
    }
}

impl Table {
    /// The place of the row with these values, in the columns of the key or in all of them.
    fn find(&self, image: &Tuple<'_>, is_full: bool) -> usize {
        assert_eq!(is_full, self.identity == b'f', "{}", self.name);
        let is_it = |row: &Vec<Cell>| {
            row.iter().zip(&image.0).zip(&self.keys).all(|((cell, datum), is_key)| match datum {
                _ if !is_full && !is_key => true,
                Datum::Null => cell.is_none(),
                Datum::Text(text) => cell.as_ref().is_some_and(|it| it.as_bytes() == *text),
                Datum::UnchangedToast | Datum::Binary(_) => panic!("an image has {datum:?}"),
            })
        };
        let found: Vec<usize> = (0..self.rows.len()).filter(|at| is_it(&self.rows[*at])).collect();
        assert!(!found.is_empty() && (is_full || found.len() == 1), "{}: {image:?}", self.name);
        found[0]
    }
}

fn filled(tuple: &Tuple<'_>, old: Option<&Vec<Cell>>) -> Vec<Cell> {
    let cell = |(at, datum): (usize, &Datum<'_>)| match datum {
        Datum::Null => None,
        Datum::Text(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
        Datum::UnchangedToast => old.unwrap()[at].clone(),
        Datum::Binary(_) => panic!("binary was not asked for"),
    };
    tuple.0.iter().enumerate().map(cell).collect()
}
