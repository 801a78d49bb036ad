//! Pieces of SQL with parameters that have no number yet: they get one, and the type that the
//! server said they have, when the whole statement is there.

use crate::value::Value;

/// SQL in which parameters are known by the number that they had in the original text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(Vec<Chunk>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Chunk {
    Sql(String),
    /// The original number of a parameter, counted from 1.
    Given(usize),
    /// The name of a column of parts, and its type, by its place.
    Part(usize),
    Type(usize),
}

/// Gives parameters their numbers, each with its type, and collects what is bound to them.
#[derive(Debug)]
pub(crate) struct Binder<'t> {
    /// The types of the original parameters, as SQL.
    types: &'t [Box<str>],
    /// The types of the columns of parts, as SQL.
    parts: &'t [Box<str>],
    bound: Vec<Bound>,
}

/// What is bound to a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bound {
    /// What was bound to this one of the original text, counted from 1.
    Given(usize),
    Value(Value),
}

/// What columns of parts are called, with their place behind it.
pub(super) const PART: &str = "forebay_part";

/// The name of a column of parts.
pub(crate) fn part_name(part: usize) -> String {
    format!("{PART}{part}")
}

impl Text {
    pub(crate) fn sql(text: impl Into<String>) -> Text {
        Text(vec![Chunk::Sql(text.into())])
    }

    pub(crate) fn push(&mut self, sql: &str) {
        match self.0.last_mut() {
            Some(Chunk::Sql(last)) => last.push_str(sql),
            _ => self.0.push(Chunk::Sql(sql.to_owned())),
        }
    }

    /// A parameter of the original, by its number.
    pub(crate) fn given(number: usize) -> Text {
        Text(vec![Chunk::Given(number)])
    }

    pub(super) fn push_given(&mut self, number: usize) {
        self.0.push(Chunk::Given(number));
    }

    /// The name of a column of parts.
    pub(super) fn push_part(&mut self, part: usize) {
        self.0.push(Chunk::Part(part));
    }

    pub(super) fn push_type(&mut self, part: usize) {
        self.0.push(Chunk::Type(part));
    }

    /// The same with so many columns of parts before the first.
    pub(super) fn behind(mut self, first: usize) -> Text {
        for chunk in &mut self.0 {
            if let Chunk::Part(part) | Chunk::Type(part) = chunk {
                *part += first;
            }
        }
        self
    }

    pub(crate) fn append(&mut self, other: &Text) {
        for chunk in &other.0 {
            match chunk {
                Chunk::Sql(sql) => self.push(sql),
                other => self.0.push(other.clone()),
            }
        }
    }

    /// Several, with commas between them.
    pub(crate) fn list(texts: &[Text]) -> Text {
        let mut list = Text::default();
        for (index, text) in texts.iter().enumerate() {
            if index > 0 {
                list.push(", ");
            }
            list.append(text);
        }
        list
    }

    /// The SQL, with parameters numbered.
    pub(crate) fn written(&self, binder: &mut Binder<'_>) -> String {
        let mut sql = String::new();
        for chunk in &self.0 {
            match chunk {
                Chunk::Sql(text) => sql.push_str(text),
                Chunk::Given(number) => sql.push_str(&binder.given(*number)),
                Chunk::Part(part) => sql.push_str(&part_name(*part)),
                Chunk::Type(part) => sql.push_str(binder.parts.get(*part).map_or("", |it| it)),
            }
        }
        sql
    }
}

impl<'t> Binder<'t> {
    /// For a statement whose original has parameters of these types.
    pub(crate) fn new(types: &'t [Box<str>]) -> Binder<'t> {
        Binder { types, parts: &[], bound: Vec::new() }
    }

    /// The same for one that reads parts of these types.
    pub(crate) fn of_parts(types: &'t [Box<str>], parts: &'t [Box<str>]) -> Binder<'t> {
        Binder { types, parts, bound: Vec::new() }
    }

    fn given(&mut self, number: usize) -> String {
        let wanted = Bound::Given(number);
        let known = self.bound.iter().position(|bound| *bound == wanted);
        let at = known.unwrap_or_else(|| {
            self.bound.push(wanted);
            self.bound.len() - 1
        });
        let of = number.checked_sub(1).and_then(|at| self.types.get(at));
        // One that the text does not have has no type; the server refuses it.
        format!("(${}::{})", at + 1, of.map_or("pg_catalog.text", |name| name))
    }

    /// A parameter for a value of this type.
    pub(crate) fn value(&mut self, value: Value, type_name: &str) -> String {
        self.bound.push(Bound::Value(value));
        format!("(${}::{type_name})", self.bound.len())
    }

    /// What is bound, in the order of the numbers; `values` are those of the original.
    pub(crate) fn values(self, values: &[Value]) -> Vec<Value> {
        let value = |bound| match bound {
            Bound::Value(value) => value,
            Bound::Given(number) => {
                let given = number.checked_sub(1).and_then(|at: usize| values.get(at));
                given.cloned().unwrap_or(Value::Null)
            }
        };
        self.bound.into_iter().map(value).collect()
    }
}
