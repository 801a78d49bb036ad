//! Expressions as something that an index could hold: a column, or what is made of columns of one
//! table and of nothing else.

use std::collections::BTreeSet;

use sqlite3_parser::ast::{Expr, Operator};

use super::super::block::{Block, Source};
use super::super::expression::{bare, walk};
use super::super::occurrence::Collation;
use super::super::place::{Place, plain};
use super::super::scatter::{Printer, quoted};
use super::super::schema::Table;
use super::sought::Key;
use crate::sql::function::is_immutable;
use crate::sql::lex::{Kind, Token, tokens};

/// A key and where it belongs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) leaf: usize,
    /// `None` for an expression.
    pub(super) column: Option<usize>,
    pub(super) key: Key,
}

/// Reads the expressions of one block.
pub(super) struct Reader<'e, 'b> {
    pub(super) block: &'e Block<'b>,
}

impl<'b> Reader<'_, 'b> {
    /// The column that an expression is. A name that USING makes stand for two columns is taken for
    /// the first.
    pub(super) fn place(&self, expr: &Expr<'_>) -> Option<Place> {
        self.block.place(expr).or_else(|| match bare(expr) {
            Expr::Id(name) if self.block.has_using => self.named(&plain(name.0)).next(),
            _ => None,
        })
    }

    /// Every column of this name.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = Place> {
        let leaves = self.block.leaves.iter().enumerate();
        leaves.filter_map(move |(leaf, it)| {
            let names = it.names.as_ref()?;
            let column = names.iter().position(|it| it.as_deref() == Some(name))?;
            Some(Place { leaf, column })
        })
    }

    /// The leaves whose columns stand in an expression.
    pub(super) fn leaves(&self, expr: &'b Expr<'b>) -> BTreeSet<usize> {
        let mut leaves = BTreeSet::new();
        walk(expr, |part| leaves.extend(self.place(part).map(|place| place.leaf)));
        leaves
    }

    /// The key that an expression is, and its collation, if it is given one.
    pub(super) fn key(&self, expr: &'b Expr<'b>) -> Option<Placed> {
        let mut expr = bare(expr);
        let mut collation = None;
        while let Expr::Collate(inner, name) = expr {
            if collation.is_none() {
                collation = Some(Collation::named(&plain(name))?);
            }
            expr = bare(inner);
        }
        if let Some(place) = self.place(expr) {
            return Some(self.column(place, collation));
        }
        if !may_be_indexed(expr) {
            return None;
        }
        let (leaf, sql) = self.over_one_table(expr)?;
        Some(Placed { leaf, column: None, key: Key { column: None, sql, collation } })
    }

    /// A column as a key. Of a subquery its SQL is not known here.
    pub(super) fn column(&self, place: Place, collation: Option<Collation>) -> Placed {
        let sql = match self.table(place.leaf) {
            Some(table) => quoted(&table.columns[place.column].name),
            None => String::new(),
        };
        let column = u16::try_from(place.column).ok();
        Placed { leaf: place.leaf, column: Some(place.column), key: Key { column, sql, collation } }
    }

    /// An expression over columns of one table and literals, as SQL without the table's name.
    pub(super) fn over_one_table(&self, expr: &'b Expr<'b>) -> Option<(usize, String)> {
        let mut has_parameter = false;
        walk(expr, |part| has_parameter |= matches!(part, Expr::Variable(_)));
        let leaves = self.leaves(expr);
        let (Some(leaf), 1, false) = (leaves.first().copied(), leaves.len(), has_parameter) else {
            return None;
        };
        let table = self.table(leaf)?;
        let printer = Printer { table, alias: &self.block.leaves[leaf].alias };
        let bare_name = |part: &Expr<'_>| {
            let place = self.place(part);
            Ok(place.map(|place| quoted(&table.columns[place.column].name)))
        };
        Some((leaf, tidied(&printer.print_with(expr, &bare_name).ok()?)))
    }

    pub(super) fn table(&self, leaf: usize) -> Option<&'b Table> {
        match self.block.leaves[leaf].source {
            Source::Table(table) => Some(table),
            Source::Query(_) | Source::Recursion => None,
        }
    }
}

/// Expressions that may be worth an index. A comparison is none: it has two values.
fn may_be_indexed(expr: &Expr<'_>) -> bool {
    match expr {
        Expr::FunctionCall { filter_over: None, distinctness: None, .. }
        | Expr::Cast { .. }
        | Expr::Case { .. } => true,
        Expr::Binary(_, operator, _) => matches!(
            operator,
            Operator::Add
                | Operator::ArrowRight
                | Operator::ArrowRightShift
                | Operator::BitwiseAnd
                | Operator::Concat
                | Operator::Divide
                | Operator::Modulus
                | Operator::Multiply
                | Operator::Subtract
        ),
        _ => false,
    }
}

/// The SQL without the blanks that printing has put in, and without parentheses around single words
/// and around the whole.
fn tidied(sql: &str) -> String {
    let all: Vec<Token> = tokens(sql).filter(|token| token.kind.is_significant()).collect();
    let word = |at: usize| all.get(at).map_or("", |it| &sql[it.start..it.end]);
    let is_needed =
        |at: usize| at > 0 && all[at - 1].kind == Kind::Word && !OPERATORS.contains(&word(at - 1));
    let mut text = String::with_capacity(sql.len());
    let mut at = 0;
    while at < all.len() {
        let is_alone = word(at) == "(" && word(at + 2) == ")" && !is_needed(at);
        let word = word(if is_alone { at + 1 } else { at });
        let is_call = word == "(" && ends_with_function(&text);
        let is_tight = text.is_empty() || text.ends_with('(') || matches!(word, ")" | ",");
        if !is_tight && !is_call {
            text.push(' ');
        }
        text.push_str(word);
        at += if is_alone { 3 } else { 1 };
    }
    match text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        Some(inner) if is_balanced(inner) => inner.to_owned(),
        _ => text,
    }
}

/// Words as they are printed behind which parentheses do not belong to a call or a list.
const OPERATORS: &[&str] =
    &["AND", "BETWEEN", "ELSE", "GLOB", "IS", "LIKE", "NOT", "OR", "THEN", "WHEN"];

/// Whether the text ends with the name of a function, as printing writes it.
fn ends_with_function(text: &str) -> bool {
    let word = text.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next();
    word.is_some_and(|word| !word.is_empty() && is_immutable(&word.to_ascii_lowercase()))
}

fn is_balanced(text: &str) -> bool {
    let mut depth = 0i32;
    for token in tokens(text) {
        match &text[token.start..token.end] {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}
