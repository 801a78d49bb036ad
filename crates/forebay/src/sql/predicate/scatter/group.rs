//! Queries whose rows are groups: each database answers parts of them, from which an SQLite
//! statement makes the answer. Only aggregates whose parts can be put together, and only columns
//! that are the same in the whole group.

use std::cell::RefCell;

use sqlite3_parser::ast::{Distinctness, Expr, FunctionTail, ResultColumn};

use super::super::expression::bare;
use super::super::literal::operand;
use super::super::occurrence::{Affinity, Collation, NotUnderstood};
use super::super::place::plain;
use super::print::{Printed, Printer, is_aggregate, refuse};
use super::rows::direction;
use super::single::{Parts, is_aggregate_call};

/// Parts of groups, and the statement that puts them together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Groups {
    /// What each database is to answer: a list of expressions, one for each of `columns`.
    pub(crate) select: String,
    /// GROUP BY; nothing for one group, which is answered even if there is no row.
    pub(crate) group: String,
    /// The table of the parts.
    pub(crate) columns: Vec<PartColumn>,
    /// The statement over that table, which is called [`Groups::TABLE`], but for its LIMIT.
    pub(crate) merge: String,
}

/// A column of the table of parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartColumn {
    pub(crate) name: String,
    pub(crate) held: Held,
}

/// How a column holds values, and compares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) affinity: Affinity,
    pub(crate) collation: Collation,
}

impl Held {
    /// Values as they are.
    const PLAIN: Held = Held { affinity: Affinity::Blob, collation: Collation::Binary };
}

impl Groups {
    /// The name of the table of parts.
    pub(crate) const TABLE: &'static str = "forebay_parts";

    pub(super) fn of(parts: &Parts<'_>) -> Result<Groups, NotUnderstood> {
        let outputs = outputs(parts)?;
        let mut keys = Vec::new();
        for term in group_terms(parts, &outputs)? {
            let printed = parts.printer.print(term)?;
            let key = Key { column: held(&parts.printer, term)?, printed };
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let split = Split { parts, keys, rest: RefCell::default() };
        split.check_constant_keys()?;
        let mut select = Vec::new();
        for output in &outputs {
            select.push(split.output(output)?);
        }
        let having = parts.having.map(|having| split.merged(having)).transpose()?;
        let mut order = Vec::new();
        for term in parts.order_by {
            order.push(format!("{}{}", split.sorted(&term.expr, &outputs)?, direction(term)));
        }
        if split.is_empty() {
            return refuse("it answers constants only");
        }
        Ok(split.finish(&select, having.as_deref(), &order))
    }
}

/// One expression that is grouped by.
#[derive(PartialEq, Eq)]
struct Key {
    printed: String,
    column: Held,
}

/// What else the parts have.
#[derive(Default)]
struct Rest {
    /// Arguments of DISTINCT, which are grouped by, too.
    distinct: Vec<Key>,
    /// Aggregates as they are asked for.
    partial: Vec<Key>,
}

struct Split<'p, 'b> {
    parts: &'p Parts<'b>,
    keys: Vec<Key>,
    rest: RefCell<Rest>,
}

/// A result column: an expression, or a column that a star stands for.
enum Output<'b> {
    Expr(&'b Expr<'b>),
    Column(u16),
}

fn outputs<'b>(parts: &Parts<'b>) -> Result<Vec<Output<'b>>, NotUnderstood> {
    let mut outputs = Vec::new();
    for column in parts.columns {
        match column {
            ResultColumn::Expr(expr, _) => outputs.push(Output::Expr(expr)),
            ResultColumn::TableStar(table) if plain(table.0) != parts.printer.alias => {
                return refuse("it has a star of another table");
            }
            ResultColumn::Star | ResultColumn::TableStar(_) => {
                let all = 0..u16::try_from(parts.printer.table.columns.len()).unwrap_or(0);
                outputs.extend(all.map(Output::Column));
            }
        }
    }
    if parts.has_star() && !parts.is_distinct {
        return refuse("it has a star beside an aggregate");
    }
    Ok(outputs)
}

/// What the rows are grouped by. DISTINCT without groups groups by all there is.
fn group_terms<'b>(
    parts: &Parts<'b>,
    outputs: &[Output<'b>],
) -> Result<Vec<&'b Expr<'b>>, NotUnderstood> {
    if parts.group_by.is_empty() {
        return Ok(match parts.is_distinct && !has_aggregates(parts, outputs) {
            // A constant is the same in every row, and a number would mean a column.
            true => {
                let exprs = outputs.iter().filter_map(Output::expr);
                exprs.filter(|expr| operand(expr).is_none()).collect()
            }
            false => Vec::new(),
        });
    }
    let mut terms = Vec::new();
    for term in parts.group_by {
        // A column goes before an alias here.
        let is_column = parts.printer.place(term).is_some();
        let output = parts.output(term).filter(|_| !is_column);
        terms.push(match (output, operand(term)) {
            (Some(index), _) => match &parts.columns[index] {
                ResultColumn::Expr(expr, _) => expr,
                _ => return refuse("it groups by the number of a column behind a star"),
            },
            (None, Some(_)) => return refuse("it groups by a constant"),
            (None, None) => term,
        });
    }
    Ok(terms)
}

fn has_aggregates(parts: &Parts<'_>, outputs: &[Output<'_>]) -> bool {
    let mut has = parts.having.is_some();
    let sorted = parts.order_by.iter().map(|term| &term.expr);
    for expr in outputs.iter().filter_map(Output::expr).chain(sorted) {
        super::super::expression::walk(expr, |part| has |= is_aggregate_call(part));
    }
    has
}

impl<'b> Output<'b> {
    fn expr(&self) -> Option<&'b Expr<'b>> {
        match self {
            Output::Expr(expr) => Some(expr),
            Output::Column(_) => None,
        }
    }
}

/// How a column must be made to hold the values of an expression so that they compare and sort as
/// the expression itself does.
fn held(printer: &Printer<'_>, expr: &Expr<'_>) -> Result<Held, NotUnderstood> {
    let (expr, collation) = match bare(expr) {
        Expr::Collate(inner, name) => (bare(inner), Some(Collation::named(&plain(name)))),
        other => (other, None),
    };
    let named = match collation {
        Some(None) => return refuse("it names a collation that is not SQLite's own"),
        Some(named) => named,
        None => None,
    };
    if let Some(column) = printer.place(expr) {
        return of_column(printer, column, named);
    }
    let mut is_odd = named.is_some() || matches!(expr, Expr::Cast { .. } | Expr::Unary(..));
    super::super::expression::walk(expr, |part| is_odd |= has_more_than_a_value(part));
    if is_odd {
        return refuse("it groups or compares by an expression whose values say too little");
    }
    Ok(Held::PLAIN)
}

fn of_column(
    printer: &Printer<'_>,
    column: u16,
    named: Option<Collation>,
) -> Result<Held, NotUnderstood> {
    let column = &printer.table.columns[usize::from(column)];
    match named.or(column.collation) {
        Some(collation) => Ok(Held { affinity: column.affinity, collation }),
        None => refuse("a column has a collation that is not SQLite's own"),
    }
}

/// Whether an expression passes on a collation, or that its text is JSON.
fn has_more_than_a_value(expr: &Expr<'_>) -> bool {
    use sqlite3_parser::ast::Operator;
    match expr {
        Expr::Collate(..) | Expr::Binary(_, Operator::ArrowRight, _) => true,
        Expr::FunctionCall { name, .. } => plain(name.0).starts_with("json"),
        _ => false,
    }
}

impl Split<'_, '_> {
    /// What is grouped by a constant is one group that is not there without a row.
    fn check_constant_keys(&self) -> Result<(), NotUnderstood> {
        match self.keys.is_empty() && !self.parts.group_by.is_empty() {
            true => refuse("it groups by nothing"),
            false => Ok(()),
        }
    }

    /// Whether the databases would be asked for nothing.
    fn is_empty(&self) -> bool {
        let rest = self.rest.borrow();
        self.keys.is_empty() && rest.distinct.is_empty() && rest.partial.is_empty()
    }

    fn output(&self, output: &Output<'_>) -> Printed {
        match output {
            Output::Expr(expr) => self.merged(expr),
            Output::Column(column) => {
                let printed = self.parts.printer.column(*column);
                // A star is a column of the group only where all of it is.
                let held = of_column(&self.parts.printer, *column, None)?;
                let known = self.keys.iter().position(|key| key.printed == printed);
                match known {
                    Some(index) => Ok(key_name(index)),
                    None if self.parts.group_by.is_empty() => {
                        Ok(self.add_distinct(Key { printed, column: held }))
                    }
                    None => refuse("it has a star beside GROUP BY"),
                }
            }
        }
    }

    /// A term of ORDER BY. An alias and a number mean a result column.
    fn sorted(&self, term: &Expr<'_>, outputs: &[Output<'_>]) -> Printed {
        let (expr, collation) = match bare(term) {
            Expr::Collate(inner, name) => (bare(inner), Some(plain(name))),
            other => (other, None),
        };
        let clause = match collation.as_deref().map(Collation::named) {
            None => String::new(),
            Some(Some(named)) => format!(" {}", named.clause()),
            Some(None) => return refuse("it names a collation that is not SQLite's own"),
        };
        if let Some(index) = self.parts.output(expr) {
            if self.parts.has_star() {
                return refuse("it is ordered by a result column beside a star");
            }
            return Ok(format!("{}{clause}", index + 1));
        }
        if operand(expr).is_some() {
            return refuse("it is ordered by a constant");
        }
        if self.parts.is_distinct {
            // SQLite orders by what the answer does not have, too, but then it is not determined.
            let printed = self.parts.printer.print(expr)?;
            let has = |output: &Output<'_>| match output {
                Output::Expr(expr) => self.parts.printer.print(expr).is_ok_and(|it| it == printed),
                Output::Column(column) => self.parts.printer.column(*column) == printed,
            };
            if !outputs.iter().any(has) {
                return refuse("it is ordered by something that DISTINCT does not leave");
            }
        }
        Ok(format!("{}{clause}", self.merged(expr)?))
    }

    /// The expression over the table of parts.
    fn merged(&self, expr: &Expr<'_>) -> Printed {
        self.parts.printer.print_with(expr, &|part| {
            if operand(part).is_some() {
                return Ok(None);
            }
            if is_aggregate_call(part) {
                return self.aggregate(part).map(Some);
            }
            if let Ok(printed) = self.parts.printer.print(part)
                && let Some(index) = self.keys.iter().position(|key| key.printed == printed)
            {
                return Ok(Some(key_name(index)));
            }
            match self.parts.printer.place(part) {
                None => self.alias(part),
                Some(_) => refuse("it has a column that is neither grouped by nor in an aggregate"),
            }
        })
    }

    /// A name that is no column but an alias stands for a result column.
    fn alias(&self, part: &Expr<'_>) -> Result<Option<String>, NotUnderstood> {
        match part {
            Expr::Id(_) => match self.parts.output(part).map(|index| &self.parts.columns[index]) {
                Some(ResultColumn::Expr(Expr::Id(_), _)) | None => Ok(None),
                Some(ResultColumn::Expr(expr, _)) => self.merged(expr).map(Some),
                Some(_) => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// An aggregate over the table of parts; its parts are added to it.
    fn aggregate(&self, call: &Expr<'_>) -> Printed {
        let printer = &self.parts.printer;
        let (name, distinct, args, tail) = match call {
            Expr::FunctionCall { name, distinctness, args, order_by: None, filter_over } => {
                let distinct = *distinctness == Some(Distinctness::Distinct);
                (plain(name.0), distinct, args.unwrap_or_default(), filter_over.as_ref())
            }
            Expr::FunctionCallStar { name, filter_over } => {
                (plain(name.0), false, &[][..], filter_over.as_ref())
            }
            _ => return refuse("it has an aggregate with an order"),
        };
        let filter = filter(printer, tail)?;
        let is_distinct = distinct && !matches!(name.as_str(), "min" | "max");
        match (name.as_str(), args) {
            ("count", []) => Ok(self.count(&format!("count(*){filter}"))),
            ("count" | "sum" | "total" | "avg", [arg]) if is_distinct => {
                if !filter.is_empty() {
                    return refuse("it has DISTINCT and FILTER in one aggregate");
                }
                let key = Key { printed: printer.print(arg)?, column: held(printer, arg)? };
                let column = self.add_distinct(key);
                Ok(format!("{name}(DISTINCT {column})"))
            }
            ("count", [arg]) => Ok(self.count(&format!("count({}){filter}", printer.print(arg)?))),
            ("sum" | "total" | "avg", [arg]) => self.sum(&name, &printer.print(arg)?, &filter),
            ("min" | "max", [arg]) => {
                let collation = held(printer, arg)?.collation;
                let column = Held { collation, ..Held::PLAIN };
                let printed = format!("{name}({}){filter}", printer.print(arg)?);
                Ok(format!("{name}({})", self.add_partial(Key { printed, column })))
            }
            _ if is_aggregate(&name, args.len()) => {
                refuse(format!("the parts of {name} cannot be put together"))
            }
            _ => refuse(format!("it calls {name}, which is not known")),
        }
    }

    fn count(&self, printed: &str) -> String {
        let part = self.add_plain(printed);
        format!("coalesce(sum({part}), 0)")
    }

    /// Sums of sums. A sum that is NULL although there were values is that of infinities, and
    /// makes the whole NULL.
    fn sum(&self, name: &str, arg: &str, filter: &str) -> Printed {
        let count = self.add_plain(&format!("count({arg}){filter}"));
        let partial = if name == "total" { "total" } else { "sum" };
        let part = self.add_plain(&format!("{partial}({arg}){filter}"));
        let is_odd = format!("max({count} > 0 AND {part} IS NULL)");
        let whole = match name {
            "avg" => format!("CAST(sum({part}) AS REAL) / sum({count})"),
            name => format!("{name}({part})"),
        };
        Ok(format!("(CASE WHEN {is_odd} THEN NULL ELSE {whole} END)"))
    }

    fn add_plain(&self, printed: &str) -> String {
        self.add_partial(Key { printed: printed.to_owned(), column: Held::PLAIN })
    }

    fn add_partial(&self, key: Key) -> String {
        let partial = &mut self.rest.borrow_mut().partial;
        format!("\"p{}\"", place_of(partial, key))
    }

    fn add_distinct(&self, key: Key) -> String {
        let distinct = &mut self.rest.borrow_mut().distinct;
        format!("\"d{}\"", place_of(distinct, key))
    }

    fn finish(self, select: &[String], having: Option<&str>, order: &[String]) -> Groups {
        let Rest { distinct, partial } = self.rest.into_inner();
        let all: Vec<&Key> = self.keys.iter().chain(&distinct).chain(&partial).collect();
        let names = [("k", self.keys.len()), ("d", distinct.len()), ("p", partial.len())];
        let names = names.into_iter().flat_map(|(of, n)| (0..n).map(move |n| format!("{of}{n}")));
        let grouped: Vec<&str> =
            all[..self.keys.len() + distinct.len()].iter().map(|key| &*key.printed).collect();
        let mut merge = format!(
            "SELECT {}{} FROM {}",
            if self.parts.is_distinct { "DISTINCT " } else { "" },
            select.join(", "),
            Groups::TABLE,
        );
        if !self.keys.is_empty() && !self.parts.group_by.is_empty() {
            let names: Vec<String> = (0..self.keys.len()).map(key_name).collect();
            merge.push_str(&format!(" GROUP BY {}", names.join(", ")));
        }
        if let Some(having) = having {
            merge.push_str(&format!(" HAVING {having}"));
        }
        if !order.is_empty() {
            merge.push_str(&format!(" ORDER BY {}", order.join(", ")));
        }
        Groups {
            select: all.iter().map(|key| &*key.printed).collect::<Vec<_>>().join(", "),
            group: match grouped.is_empty() {
                true => String::new(),
                false => format!(" GROUP BY {}", grouped.join(", ")),
            },
            columns: names
                .zip(&all)
                .map(|(name, key)| PartColumn { name, held: key.column })
                .collect(),
            merge,
        }
    }
}

fn filter(printer: &Printer<'_>, tail: Option<&FunctionTail<'_>>) -> Printed {
    match tail {
        None => Ok(String::new()),
        Some(FunctionTail { over_clause: Some(_), .. }) => refuse("it has a window function"),
        Some(FunctionTail { filter_clause: Some(filter), .. }) => {
            Ok(format!(" FILTER (WHERE {})", printer.print(filter)?))
        }
        Some(_) => Ok(String::new()),
    }
}

fn key_name(index: usize) -> String {
    format!("\"k{index}\"")
}

/// Where a key stands in a list, to which it is added if it is new.
fn place_of(list: &mut Vec<Key>, key: Key) -> usize {
    match list.iter().position(|known| *known == key) {
        Some(index) => index,
        None => {
            list.push(key);
            list.len() - 1
        }
    }
}
