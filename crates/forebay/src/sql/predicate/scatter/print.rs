//! Expressions written out again, every part in parentheses and every column with its table, for
//! another statement than the one they stood in. What is not listed here is refused: subqueries,
//! windows, whatever rests on time or chance, and names that stand for no column.

use std::fmt::Write as _;

use sqlite3_parser::ast::{Expr, LikeOperator, Literal, Operator, Type, TypeSize, UnaryOperator};

use super::super::aggregate::AGGREGATES;
use super::super::expression::bare;
use super::super::occurrence::NotUnderstood;
use super::super::place::{is_rowid, plain, unquoted};
use super::super::schema::Table;
use crate::sql::function::is_immutable;

/// Parts within one another: long chains of operators are not worth the stack.
const DEPTH_MAX: usize = 200;

pub(in crate::sql::predicate) type Printed = Result<String, NotUnderstood>;

/// What is written instead of an expression, if it is another thing than the expression itself.
pub(in crate::sql::predicate) type Instead<'f> =
    dyn Fn(&Expr<'_>) -> Result<Option<String>, NotUnderstood> + 'f;

/// Writes the expressions of a query over one table.
#[derive(Clone, Copy)]
pub(in crate::sql::predicate) struct Printer<'p> {
    pub(in crate::sql::predicate) table: &'p Table,
    /// The name that the table goes by in the query, in lower case.
    pub(in crate::sql::predicate) alias: &'p str,
}

/// A name in quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn refuse<T>(reason: impl Into<String>) -> Result<T, NotUnderstood> {
    Err(NotUnderstood::because(reason))
}

impl Printer<'_> {
    /// The expression as it is.
    pub(super) fn print(&self, expr: &Expr<'_>) -> Printed {
        self.print_with(expr, &|_| Ok(None))
    }

    /// The expression with parts of it replaced.
    pub(in crate::sql::predicate) fn print_with(
        &self,
        expr: &Expr<'_>,
        instead: &Instead<'_>,
    ) -> Printed {
        let mut text = String::new();
        self.write(expr, instead, 0, &mut text)?;
        Ok(text)
    }

    /// A column with its table.
    pub(super) fn column(&self, column: u16) -> String {
        let name = &self.table.columns[usize::from(column)].name;
        format!("{}.{}", quoted(self.alias), quoted(name))
    }

    /// The column that an expression is, in parentheses or not.
    pub(super) fn place(&self, expr: &Expr<'_>) -> Option<u16> {
        match bare(expr) {
            Expr::Id(name) => self.named(name.0),
            Expr::Qualified(table, name) if plain(table.0) == self.alias => self.named(name.0),
            _ => None,
        }
    }

    fn named(&self, name: &str) -> Option<u16> {
        let name = plain(name);
        let columns = &self.table.columns;
        let found = columns.iter().position(|column| column.name.eq_ignore_ascii_case(&name));
        match found {
            Some(column) => u16::try_from(column).ok(),
            None if is_rowid(&name) => self.table.rowid,
            None => None,
        }
    }

    fn write(
        &self,
        expr: &Expr<'_>,
        instead: &Instead<'_>,
        depth: usize,
        to: &mut String,
    ) -> Result<(), NotUnderstood> {
        if depth > DEPTH_MAX {
            return refuse("an expression is nested too deeply");
        }
        let expr = bare(expr);
        if let Some(text) = instead(expr)? {
            to.push_str(&text);
            return Ok(());
        }
        if let Some(column) = self.place(expr) {
            to.push_str(&self.column(column));
            return Ok(());
        }
        to.push('(');
        self.write_inner(expr, instead, depth + 1, to)?;
        to.push(')');
        Ok(())
    }

    fn write_inner(
        &self,
        expr: &Expr<'_>,
        instead: &Instead<'_>,
        depth: usize,
        to: &mut String,
    ) -> Result<(), NotUnderstood> {
        let mut parts = Parts { printer: self, instead, depth, to };
        match expr {
            Expr::Literal(value) => parts.word(&literal(value)?),
            Expr::Variable(number) => parts.word(&format!("?{number}")),
            Expr::Binary(left, operator, right) => {
                parts.expr(left)?.word(operator_text(*operator));
                parts.expr(right)?;
            }
            Expr::Unary(operator, inner) => {
                parts.word(unary_text(*operator));
                parts.expr(inner)?;
            }
            Expr::Between { lhs, not, start, end } => {
                parts.expr(lhs)?.word(if *not { "NOT BETWEEN" } else { "BETWEEN" });
                parts.expr(start)?.word("AND");
                parts.expr(end)?;
            }
            Expr::IsNull(inner) => parts.expr(inner)?.word("IS NULL"),
            Expr::NotNull(inner) => parts.expr(inner)?.word("IS NOT NULL"),
            Expr::Collate(inner, name) => {
                let Some(collation) = super::super::occurrence::Collation::named(&plain(name))
                else {
                    return refuse("it names a collation that is not SQLite's own");
                };
                parts.expr(inner)?.word(collation.clause());
            }
            Expr::Case { base, when_then_pairs, else_expr } => {
                parts.case(*base, when_then_pairs, *else_expr)?;
            }
            Expr::Cast { expr, type_name } => {
                parts.word("CAST(");
                parts.expr(expr)?.word("AS");
                parts.word(&type_text(type_name.as_ref())?);
                parts.word(")");
            }
            Expr::InList { lhs, not, rhs } => {
                parts.expr(lhs)?.word(if *not { "NOT IN (" } else { "IN (" });
                parts.list(rhs.unwrap_or_default())?.word(")");
            }
            Expr::Like { lhs, not, op, rhs, escape } => {
                parts.expr(lhs)?.word(like_text(*op, *not)?);
                parts.expr(rhs)?;
                if let Some(escape) = escape {
                    parts.word("ESCAPE");
                    parts.expr(escape)?;
                }
            }
            Expr::FunctionCall {
                name,
                distinctness: None,
                args,
                order_by: None,
                filter_over: None,
            } => parts.call(name.0, args.unwrap_or_default())?,
            other => return refuse(why_not(other)),
        }
        Ok(())
    }
}

/// The parts of one expression, one after another.
struct Parts<'p, 'f> {
    printer: &'p Printer<'p>,
    instead: &'p Instead<'f>,
    depth: usize,
    to: &'p mut String,
}

impl Parts<'_, '_> {
    fn expr(&mut self, expr: &Expr<'_>) -> Result<&mut Self, NotUnderstood> {
        self.printer.write(expr, self.instead, self.depth, self.to)?;
        Ok(self)
    }

    /// One blank stands on both sides, so that no two tokens run into one.
    fn word(&mut self, word: &str) {
        let _ = write!(self.to, " {word} ");
    }

    fn list(&mut self, list: &[Expr<'_>]) -> Result<&mut Self, NotUnderstood> {
        for (index, expr) in list.iter().enumerate() {
            if index > 0 {
                self.to.push_str(", ");
            }
            self.expr(expr)?;
        }
        Ok(self)
    }

    fn call(&mut self, name: &str, args: &[Expr<'_>]) -> Result<(), NotUnderstood> {
        let name = scalar_function(name, args)?;
        self.word(&name);
        self.word("(");
        self.list(args)?.word(")");
        Ok(())
    }

    fn case(
        &mut self,
        base: Option<&Expr<'_>>,
        pairs: &[(Expr<'_>, Expr<'_>)],
        otherwise: Option<&Expr<'_>>,
    ) -> Result<(), NotUnderstood> {
        self.word("CASE");
        if let Some(base) = base {
            self.expr(base)?;
        }
        for (when, then) in pairs {
            self.word("WHEN");
            self.expr(when)?.word("THEN");
            self.expr(then)?;
        }
        if let Some(otherwise) = otherwise {
            self.word("ELSE");
            self.expr(otherwise)?;
        }
        self.word("END");
        Ok(())
    }
}

fn literal(value: &Literal<'_>) -> Printed {
    Ok(match value {
        Literal::Null => "NULL".to_owned(),
        Literal::Numeric(digits) => (*digits).to_owned(),
        Literal::String(text) => format!("'{}'", unquoted(text).replace('\'', "''")),
        Literal::Blob(digits) => format!("X'{digits}'"),
        Literal::Keyword(_) => return refuse("it has a keyword for a value"),
        Literal::CurrentDate | Literal::CurrentTime | Literal::CurrentTimestamp => {
            return refuse("it asks for the time");
        }
    })
}

fn unary_text(operator: UnaryOperator) -> &'static str {
    match operator {
        UnaryOperator::BitwiseNot => "~",
        UnaryOperator::Negative => "-",
        UnaryOperator::Not => "NOT",
        UnaryOperator::Positive => "+",
    }
}

fn like_text(operator: LikeOperator, not: bool) -> Result<&'static str, NotUnderstood> {
    match (operator, not) {
        (LikeOperator::Like, false) => Ok("LIKE"),
        (LikeOperator::Like, true) => Ok("NOT LIKE"),
        (LikeOperator::Glob, false) => Ok("GLOB"),
        (LikeOperator::Glob, true) => Ok("NOT GLOB"),
        _ => refuse("it uses MATCH or REGEXP"),
    }
}

fn operator_text(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "+",
        Operator::And => "AND",
        Operator::ArrowRight => "->",
        Operator::ArrowRightShift => "->>",
        Operator::BitwiseAnd => "&",
        Operator::BitwiseOr => "|",
        Operator::Concat => "||",
        Operator::Equals => "=",
        Operator::Divide => "/",
        Operator::Greater => ">",
        Operator::GreaterEquals => ">=",
        Operator::Is => "IS",
        Operator::IsNot => "IS NOT",
        Operator::LeftShift => "<<",
        Operator::Less => "<",
        Operator::LessEquals => "<=",
        Operator::Modulus => "%",
        Operator::Multiply => "*",
        Operator::NotEquals => "<>",
        Operator::Or => "OR",
        Operator::RightShift => ">>",
        Operator::Subtract => "-",
    }
}

fn type_text(name: Option<&Type<'_>>) -> Printed {
    let Some(Type { name, size }) = name else { return refuse("it has a CAST to no type") };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ' ';
    if !name.chars().all(is_plain) {
        return refuse("it has a CAST to a type with an odd name");
    }
    let number = |expr: &Expr<'_>| match expr {
        Expr::Literal(Literal::Numeric(digits)) => Ok((*digits).to_owned()),
        _ => refuse("it has a CAST to a type with an odd size"),
    };
    Ok(match size {
        None => (*name).to_owned(),
        Some(TypeSize::MaxSize(size)) => format!("{name}({})", number(size)?),
        Some(TypeSize::TypeSize(size, scale)) => {
            format!("{name}({}, {})", number(size)?, number(scale)?)
        }
    })
}

/// Functions that count time from what they are given, and only then from the clock.
const CALENDAR: &[&str] =
    &["date", "datetime", "julianday", "strftime", "time", "timediff", "unixepoch"];

/// Whether a call of this function with so many arguments is that of an aggregate.
pub(super) fn is_aggregate(name: &str, arguments: usize) -> bool {
    AGGREGATES.contains(&name) || (matches!(name, "min" | "max") && arguments == 1)
}

/// The name of a function whose value rests on its arguments only.
fn scalar_function(name: &str, args: &[Expr<'_>]) -> Printed {
    let name = plain(name);
    if is_aggregate(&name, args.len()) {
        return refuse(format!("{name} stands where it cannot be taken apart"));
    }
    // These are nothing to a value, but something to names and collations.
    if matches!(name.as_str(), "likely" | "unlikely" | "likelihood") {
        return refuse("it has a hint for the planner");
    }
    if CALENDAR.contains(&name.as_str()) {
        let given = if name == "strftime" { args.len().saturating_sub(1) } else { args.len() };
        if given > 0 && args.iter().all(is_not_the_clock) {
            return Ok(name);
        }
        return refuse(format!("{name} asks for the time"));
    }
    if is_immutable(&name) && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') {
        return Ok(name);
    }
    refuse(format!("it calls {name}, which may rest on more than its arguments"))
}

/// An argument by which a calendar function does not ask for the time or the place.
fn is_not_the_clock(arg: &Expr<'_>) -> bool {
    match bare(arg) {
        Expr::Literal(Literal::String(text)) => {
            let text = plain(text);
            !matches!(text.trim(), "now" | "localtime" | "utc")
        }
        Expr::Literal(_) | Expr::Id(_) | Expr::Qualified(..) => true,
        _ => false,
    }
}

fn why_not(expr: &Expr<'_>) -> &'static str {
    match expr {
        Expr::Exists(_) | Expr::Subquery(_) | Expr::InSelect { .. } | Expr::InTable { .. } => {
            "it has a subquery"
        }
        Expr::FunctionCall { filter_over: Some(tail), .. }
        | Expr::FunctionCallStar { filter_over: Some(tail), .. }
            if tail.over_clause.is_some() =>
        {
            "it has a window function"
        }
        Expr::FunctionCall { .. } | Expr::FunctionCallStar { .. } => {
            "it calls a function in a way that cannot be taken apart"
        }
        Expr::Id(_) | Expr::Name(_) | Expr::Qualified(..) | Expr::DoublyQualified(..) => {
            "it has a name that is not a column of the table"
        }
        Expr::Parenthesized(_) => "it has a row value",
        _ => "it has an expression that cannot be taken apart",
    }
}
