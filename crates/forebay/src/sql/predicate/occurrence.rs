//! The result of reading a query, and the way to it. It holds no text of the query but literals.

use std::collections::BTreeSet;

use super::build::Builder;
use super::parse::Arena;
use super::schema::Schema;
use super::settle;
use crate::value::Value;

/// One base table in one place of a query, views and CTEs expanded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Occurrence {
    /// As in the catalogue, in the main database.
    pub table: Box<str>,
    /// Only rows for which all of them are true can matter.
    pub conjuncts: Vec<Conjunct>,
    pub top: Option<Top>,
    pub partner: Option<Partner>,
}

impl Occurrence {
    /// Bytes on the heap, about.
    pub(crate) fn size(&self) -> usize {
        let of_conjuncts = self.conjuncts.iter().map(Conjunct::size).sum::<usize>();
        let of_partner = self.partner.as_ref().map_or(0, |partner| {
            let filters = partner.filters.iter().map(|(name, it)| name.len() + it.size());
            partner.table.len() + partner.value.len() + filters.sum::<usize>()
        });
        self.table.len() + of_conjuncts + of_partner
    }
}

impl Conjunct {
    fn size(&self) -> usize {
        let of_operand = |operand: &Operand| match operand {
            Operand::Literal(value) => size_of::<Operand>() + value.size(),
            Operand::Parameter(_) => size_of::<Operand>(),
        };
        let of_test = match &self.test {
            Test::OneOf(operands) => operands.iter().map(of_operand).sum(),
            Test::Null => 0,
            Test::Range { low, high } => {
                let bounds = low.iter().chain(high);
                bounds.map(|bound| of_operand(&bound.operand)).sum::<usize>()
            }
        };
        size_of::<Conjunct>() + of_test
    }
}

/// A comparison of a column with constants.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conjunct {
    /// The place in CREATE TABLE.
    pub column: u16,
    /// The affinity that is applied to the constants.
    pub affinity: Affinity,
    /// The collation of the comparison.
    pub collation: Collation,
    pub test: Test,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    /// Equal to one of these. A NULL among them equals nothing.
    OneOf(Vec<Operand>),
    /// `IS NULL`.
    Null,
    /// Within these bounds, and not NULL. Without bounds it says `IS NOT NULL`.
    Range { low: Option<Bound>, high: Option<Bound> },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bound {
    pub operand: Operand,
    pub inclusive: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Literal(Value),
    /// The number that SQLite gives to the parameter, beginning at 1.
    Parameter(usize),
}

/// Only rows can matter whose column equals the value of a row of another occurrence, as far as
/// that is limited by constants itself. Both columns have INTEGER affinity and compare as BINARY.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Partner {
    /// The place in CREATE TABLE.
    pub column: u16,
    /// The table of the other occurrence, and its column.
    pub table: Box<str>,
    pub value: Box<str>,
    /// The equations that limit the other occurrence, each with the name of its column; at least
    /// one. Each compares under the collation of its column.
    pub filters: Vec<(Box<str>, Conjunct)>,
}

/// The rows are ordered by a column of this table first, and cut off after `limit` rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Top {
    pub column: u16,
    pub affinity: Affinity,
    pub collation: Collation,
    pub descending: bool,
    /// Which result column holds exactly this column of the table.
    pub output: usize,
    pub limit: Operand,
}

/// SQLite's column affinities; `Blob` is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Affinity {
    Blob,
    Text,
    Numeric,
    Integer,
    Real,
}

/// SQLite's own collations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Collation {
    Binary,
    Nocase,
    Rtrim,
}

impl Collation {
    /// As it is written behind an expression.
    pub(crate) fn clause(self) -> &'static str {
        match self {
            Collation::Binary => "COLLATE BINARY",
            Collation::Nocase => "COLLATE NOCASE",
            Collation::Rtrim => "COLLATE RTRIM",
        }
    }

    /// The collation of this name, without quotes, in any case of letters.
    pub(crate) fn named(name: &str) -> Option<Collation> {
        let known = [
            ("BINARY", Collation::Binary),
            ("NOCASE", Collation::Nocase),
            ("RTRIM", Collation::Rtrim),
        ];
        known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, it)| it)
    }
}

/// What a query says.
#[derive(Clone, Debug)]
pub(crate) struct Understood {
    /// Every occurrence of every base table.
    pub occurrences: Vec<Occurrence>,
    /// There is a NATURAL join or USING, in the query or in a view that it uses: columns are
    /// used that are not written.
    pub is_natural: bool,
    /// Whatever could be an identifier in the query and in the views that it uses, but for those
    /// that are qualified, without quotes and in lower case.
    pub names: BTreeSet<String>,
}

/// Why a query was not understood: an answer may rest on any row of what it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotUnderstood(String);

impl NotUnderstood {
    pub(crate) fn because(reason: impl Into<String>) -> NotUnderstood {
        NotUnderstood(reason.into())
    }

    /// The reason, for people.
    pub(crate) fn reason(&self) -> &str {
        &self.0
    }
}

/// Reads one query. Cost: some microseconds per hundred bytes, views included.
pub(crate) fn occurrences(sql: &str, schema: &dyn Schema) -> Result<Understood, NotUnderstood> {
    let arena = Arena::default();
    let mut builder = Builder::new(schema, &arena);
    let query = builder.statement(sql)?;
    let occurrences = settle::occurrences(&query, builder.aggregates_may_escape());
    let (names, is_natural) = builder.into_mentions();
    Ok(Understood { occurrences, is_natural, names })
}
