//! What is known of a statement before its parameters are: which tables it reads, what its
//! conditions say of each, and the ways in which it can be taken apart. It belongs to one text and
//! one schema of the live database.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::backend::Effect;
use crate::backend::sqlite::{Analysis, Relations};
use crate::engine::Template;
use crate::error::{Error, Result};
use crate::params::Params;
use crate::sql::{
    Affinity, Conjunct, NotUnderstood, Occurrence, Relation, Schema, Single, Table, Written,
    identifiers, occurrences, parameters, quoted, take_apart, written,
};
use crate::value::Value;

/// What is known of one text.
pub(super) struct Plan {
    /// It is another one when the schema of the live database has changed.
    pub(super) template: Arc<Template>,
    pub(super) known: Arc<Analysis>,
    /// How many parameters it takes, and the numbers of those with a name.
    parameters: usize,
    names: Vec<(Box<str>, usize)>,
    pub(super) reading: Reading,
}

/// What it reads.
pub(super) enum Reading {
    /// Nothing that is split: it is the live member's.
    Elsewhere,
    Split(Box<SplitReading>),
}

/// A statement that reads what is split.
pub(super) struct SplitReading {
    /// Every occurrence of what is split, with the place of the column it is split by; the reason
    /// if that cannot be told.
    pub(super) occurrences: Result<Vec<(Occurrence, u16)>, String>,
    /// It reads other tables, too.
    pub(super) has_others: bool,
    /// It uses views, which are those of the live member.
    pub(super) has_views: bool,
    /// How it is taken apart if it is a query of one table; else why it cannot be.
    pub(super) single: Result<Single, String>,
    /// The place of the column that the table of `single` is split by.
    pub(super) column: u16,
    /// How its rows are brought together; else why they cannot be.
    pub(super) sources: Result<Sources, String>,
    /// What it writes; else why that cannot be told.
    pub(super) writing: Result<SplitWriting, String>,
}

/// A statement that writes a table that is split.
pub(super) struct SplitWriting {
    pub(super) written: Written,
    /// The place of the column that the table is split by.
    pub(super) column: u16,
    pub(super) affinity: Affinity,
    /// What the conditions of an UPDATE or DELETE say, if that can be told.
    pub(super) target: Option<Occurrence>,
}

/// The tables and views of a statement.
pub(super) struct Sources {
    pub(super) tables: Vec<Source>,
    /// The texts of their CREATE VIEW.
    pub(super) views: Vec<String>,
}

pub(super) struct Source {
    pub(super) table: Table,
    /// The place of the column that it is split by, if it is.
    pub(super) split: Option<u16>,
    /// Only rows can matter that meet all conditions of one of these.
    pub(super) wanted: Vec<Vec<Conjunct>>,
}

/// The names of what is split.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// The tables.
    pub(super) tables: Vec<Box<str>>,
    pub(super) column: Box<str>,
}

/// A statement that names a table and can be prepared where there is none: the relations that it
/// names are those wanted.
pub(super) fn probe(table: &str) -> String {
    format!("SELECT NULL AS {}", quoted(table))
}

impl Names {
    pub(super) fn has(&self, table: &str) -> bool {
        self.tables.iter().any(|known| known.eq_ignore_ascii_case(table))
    }

    /// The place of the column that a table is split by.
    pub(super) fn split(&self, table: &Table) -> Option<u16> {
        if !self.has(&table.name) {
            return None;
        }
        let is_it = |column: &str| column.eq_ignore_ascii_case(&self.column);
        let found = table.columns.iter().position(|column| is_it(&column.name));
        found.and_then(|place| u16::try_from(place).ok())
    }
}

impl Plan {
    /// Reads a text, which the live database has understood as `template` says.
    pub(super) fn of(
        sql: &str,
        template: Arc<Template>,
        known: Arc<Analysis>,
        relations: &Relations,
        names: &Names,
    ) -> Plan {
        let (count, named) = parameters(sql).unwrap_or_default();
        let named = named.into_iter().map(|(name, number)| (name.into(), number)).collect();
        let touched = known.read_tables.iter().chain(&known.write_tables);
        let reading = match touched.into_iter().any(|table| names.has(table)) {
            true => Reading::Split(Box::new(SplitReading::of(sql, &known, relations, names))),
            false => Reading::Elsewhere,
        };
        Plan { template, known, parameters: count, names: named, reading }
    }

    /// The values by the number of their parameter.
    pub(super) fn values(&self, params: &Params) -> Result<Vec<Value>> {
        let mut values: Vec<Option<Value>> = params.positional().cloned().map(Some).collect();
        if values.len() > self.parameters {
            return Err(Error::usage(format!(
                "the statement takes {} parameters, but {} were bound",
                self.parameters,
                values.len()
            )));
        }
        values.resize(self.parameters, None);
        for (name, value) in params.named() {
            let number = self.number(name).ok_or_else(|| {
                Error::usage(format!("the statement has no parameter called {name:?}"))
            })?;
            values[number - 1] = Some(value.clone());
        }
        let missing = values.iter().position(Option::is_none);
        match missing {
            // A number that the text skips takes no value.
            Some(index) => {
                Err(Error::usage(format!("no value is bound to parameter {}", index + 1)))
            }
            None => Ok(values.into_iter().flatten().collect()),
        }
    }

    fn number(&self, name: &str) -> Option<usize> {
        let find = |wanted: &str| {
            let found = self.names.iter().find(|(known, _)| **known == *wanted);
            found.map(|(_, number)| *number)
        };
        if let Some(digits) = name.strip_prefix('?') {
            return digits.parse().ok().filter(|number| (1..=self.parameters).contains(number));
        }
        if name.starts_with([':', '@', '$']) {
            return find(name);
        }
        [":", "@", "$"].iter().find_map(|prefix| find(&format!("{prefix}{name}")))
    }
}

impl SplitReading {
    fn of(sql: &str, known: &Analysis, relations: &Relations, names: &Names) -> SplitReading {
        let recorder = Recorder { relations, seen: RefCell::default() };
        let understood = match relations.is_utf8 {
            true => occurrences(sql, &recorder),
            false => Err(NotUnderstood::because("the database is not in UTF-8")),
        };
        let seen = recorder.seen.into_inner();
        let is_view = |name: &String| matches!(relations.relation(name), Some(Relation::View(_)));
        let has_views = seen.iter().any(is_view);
        let single = take_apart(sql, relations);
        let read = &known.read_tables;
        let mut found = Ok(Vec::new());
        let mut has_others = false;
        let mut sources = Err(String::new());
        match understood {
            Err(why) => {
                found = Err(why.reason().to_owned());
                sources = Err(why.reason().to_owned());
                has_others = true;
            }
            Ok(understood) => {
                let is_missed = |table: &str| {
                    let mut all = understood.occurrences.iter();
                    names.has(table) && !all.any(|it| it.table.eq_ignore_ascii_case(table))
                };
                for occurrence in &understood.occurrences {
                    match split_of(relations, names, &occurrence.table) {
                        Some(column) => push(&mut found, (occurrence.clone(), column)),
                        None => has_others = true,
                    }
                }
                if let Some(missed) = read.iter().find(|table| is_missed(table)) {
                    found = Err(format!("it reads {missed} in a way that its text does not show"));
                } else {
                    sources = Sources::of(sql, &seen, &understood.occurrences, relations, names);
                }
            }
        }
        let table = single.as_ref().map(|single| split_of(relations, names, &single.table));
        let column = table.ok().flatten();
        let single = match (single, column) {
            (Err(why), _) => Err(why.reason().to_owned()),
            (Ok(_), None) => Err("it is a query of another table".to_owned()),
            (Ok(_), Some(_)) if found.is_err() => {
                Err("its text does not show what it reads".into())
            }
            (Ok(single), Some(_)) => Ok(single),
        };
        let column = column.unwrap_or_default();
        let writing = match known.effect {
            Effect::Write => SplitWriting::of(sql, relations, names),
            _ => Err("it does not write".to_owned()),
        };
        SplitReading { occurrences: found, has_others, has_views, single, column, sources, writing }
    }
}

impl SplitWriting {
    fn of(sql: &str, relations: &Relations, names: &Names) -> Result<SplitWriting, String> {
        let written = written(sql, relations).map_err(|why| why.reason().to_owned())?;
        let (table, query) = match &written {
            Written::Insert(insert) => (&insert.table, None),
            Written::Target(target) => (&target.table, target.query.as_ref()),
        };
        let Some(Relation::Table(found)) = relations.relation(table) else {
            return Err(format!("{table} is not an ordinary table"));
        };
        let Some(column) = names.split(found) else {
            return Err(format!(
                "it writes {table}, which is not split, and rests on or changes a table that is: \
                 read what it needs first, and write that"
            ));
        };
        let affinity = found.columns[usize::from(column)].affinity;
        let target = query.and_then(|query| occurrences(query, relations).ok());
        let target = target.and_then(|it| it.occurrences.into_iter().next());
        Ok(SplitWriting { written, column, affinity, target })
    }
}

fn push<T>(list: &mut Result<Vec<T>, String>, item: T) {
    if let Ok(list) = list {
        list.push(item);
    }
}

fn split_of(relations: &Relations, names: &Names, table: &str) -> Option<u16> {
    match relations.relation(table) {
        Some(Relation::Table(table)) => names.split(table),
        _ => None,
    }
}

/// Notes which relations are asked for.
struct Recorder<'r> {
    relations: &'r Relations,
    seen: RefCell<BTreeSet<String>>,
}

impl Schema for Recorder<'_> {
    fn relation(&self, name: &str) -> Option<Relation<'_>> {
        self.seen.borrow_mut().insert(name.to_ascii_lowercase());
        self.relations.relation(name)
    }
}

impl Sources {
    fn of(
        sql: &str,
        seen: &BTreeSet<String>,
        occurrences: &[Occurrence],
        relations: &Relations,
        names: &Names,
    ) -> Result<Sources, String> {
        let (mut tables, mut views): (Vec<Source>, _) = (Vec::new(), Vec::new());
        let mut words = identifiers(sql);
        for name in seen {
            match relations.relation(name) {
                Some(Relation::View(text)) => {
                    words.extend(identifiers(text));
                    views.push(text.to_owned());
                }
                Some(Relation::Table(table)) => {
                    let of_it = occurrences.iter().filter(|it| it.table == table.name);
                    tables.push(Source {
                        table: table.clone(),
                        split: names.split(table),
                        wanted: of_it.map(|it| it.conjuncts.clone()).collect(),
                    });
                }
                _ => return Err(format!("{name} is not an ordinary table")),
            }
        }
        for source in &tables {
            if source.table.columns.iter().any(|column| column.collation.is_none()) {
                return Err(format!(
                    "{} has a column with a collation that is not SQLite's own",
                    source.table.name
                ));
            }
            let is_column = |word: &str| {
                source.table.columns.iter().any(|column| column.name.eq_ignore_ascii_case(word))
            };
            let rowid = ["rowid", "oid", "_rowid_"].into_iter().find(|word| words.contains(*word));
            if let Some(word) = rowid.filter(|word| !is_column(word)) {
                return Err(format!("it uses {word}, which each member counts for itself"));
            }
        }
        Ok(Sources { tables, views })
    }
}
