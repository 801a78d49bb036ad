//! What members are asked, and the statements by which the live server makes one answer of theirs.
//! It runs nothing.

use super::super::ask;
use super::super::member::Part;
use super::bring::Arrays;
use super::plan::{Gathering, Groups, Held, Plan, Single, Wanted};
use super::table::{Column, Shape};
use crate::params::Params;
use crate::sql::clauses::{Binder, Text, part_name, with_table};
use crate::sql::tree::Kind;
use crate::sql::{Conjunct, Operand, Test, quoted};
use crate::value::Value;

/// Arrays of texts.
const ARRAY: &str = "pg_catalog.text[]";

/// Days and microseconds beyond which a date is written in no text.
const DAYS_MAX: i64 = 2_000_000;
const MICROSECONDS_MAX: i64 = DAYS_MAX * 86_400_000_000;

/// What is asked of one statement with its values.
pub(super) struct Writer<'w> {
    pub(super) plan: &'w Plan,
    pub(super) values: &'w [Value],
}

impl Writer<'_> {
    fn binder(&self) -> Binder<'_> {
        Binder::new(&self.plan.types)
    }

    fn shape(&self, single: &Single) -> &Shape {
        &self.plan.shapes[single.table]
    }

    fn finish(&self, text: &Text, binder: Binder<'_>) -> ask::Part {
        finished(text, binder, self.values)
    }

    /// The statement itself for the rows of a range, with its own LIMIT and OFFSET, or with others.
    pub(super) fn fenced(
        &self,
        single: &Single,
        part: &Part,
        own_limit: bool,
        count: Option<u64>,
    ) -> ask::Part {
        let mut binder = self.binder();
        let fence = fence(part, &single.clauses.alias, self.shape(single), &mut binder);
        self.finish(&single.clauses.under(&fence, own_limit, count), binder)
    }

    /// Parts of groups, as texts.
    pub(super) fn parts(&self, single: &Single, groups: &Groups, part: &Part) -> ask::Part {
        let mut binder = self.binder();
        let fence = fence(part, &single.clauses.alias, self.shape(single), &mut binder);
        let columns = groups.columns.iter().enumerate();
        let columns: Vec<String> =
            columns.map(|(at, held)| as_text(&part_name(at), held.type_oid)).collect();
        let mut text = Text::sql(format!("SELECT {} FROM (", columns.join(", ")));
        text.append(&groups.regrouped.parts(&single.clauses, &fence));
        text.push("\n) AS forebay_parts");
        self.finish(&text, binder)
    }

    /// The statement that makes groups of their parts.
    pub(super) fn merged(&self, groups: &Groups, arrays: &Arrays) -> ask::Part {
        let types = groups.types();
        let mut binder = Binder::of_parts(&self.plan.types, &types);
        let from = parts_of(&groups.columns, Some(arrays), &mut binder);
        let text = groups.regrouped.merged(&from);
        finished(&text, binder, self.values)
    }

    /// The rows of a table that can matter, as texts.
    pub(super) fn rows(&self, wanted: &Wanted, part: &Part) -> ask::Part {
        let shape = &self.plan.shapes[wanted.table];
        let mut binder = self.binder();
        let alias = quoted(&shape.name);
        let mut text = texts(shape, &wanted.used, &alias);
        text.push(&format!(" FROM {alias} WHERE "));
        if let Some(condition) = condition(shape, &wanted.conjuncts, &alias) {
            text.push("(");
            text.append(&condition);
            text.push(") AND ");
        }
        text.append(&fence(part, &alias, shape, &mut binder));
        self.finish(&text, binder)
    }

    /// The same of a query of one table: those that meet its whole condition, and no more in its
    /// order than are enough.
    pub(super) fn candidates(
        &self,
        single: &Single,
        wanted: &Wanted,
        part: &Part,
        top: Option<u64>,
    ) -> ask::Part {
        let shape = self.shape(single);
        let mut binder = self.binder();
        let alias = &single.clauses.alias;
        let fence = fence(part, alias, shape, &mut binder);
        let mut text = texts(shape, &wanted.used, alias);
        text.append(&single.clauses.source(&fence));
        let is_column = |name: &str| shape.columns.iter().any(|column| *column.name == *name);
        if let Some((top, order)) = top.zip(single.clauses.order(&is_column)) {
            text.push("\nORDER BY ");
            text.append(&order);
            text.push(&format!("\nLIMIT {top}"));
        }
        self.finish(&text, binder)
    }

    /// The original over rows that were brought together, and over those of the live member's range
    /// where that is asked; the arrays are those of each table.
    pub(super) fn gathered(
        &self,
        sql: &str,
        gathering: &Gathering,
        arrays: &[Arrays],
        live: Option<&Part>,
    ) -> ask::Part {
        let mut binder = self.binder();
        let mut tables = Vec::new();
        for (wanted, arrays) in gathering.tables.iter().zip(arrays) {
            let shape = &self.plan.shapes[wanted.table];
            tables.push(arms(shape, wanted, Some(arrays), live, &mut binder));
        }
        let text = with_table(sql, &Text::list(&tables)).unwrap_or_default();
        self.finish(&text, binder)
    }
}

/// A text with its parameters numbered, and what is bound to them.
pub(super) fn finished(text: &Text, mut binder: Binder<'_>, values: &[Value]) -> ask::Part {
    let sql = text.written(&mut binder);
    let mut params = Params::default();
    binder.values(values).into_iter().for_each(|value| params.push(value));
    ask::Part { sql, params }
}

/// The condition by which a member answers the rows of its range only.
pub(super) fn fence(part: &Part, alias: &str, shape: &Shape, binder: &mut Binder<'_>) -> Text {
    let column = format!("{alias}.{}", shape.split_sql());
    let mut terms = Vec::new();
    for (operator, bound) in [(">=", &part.low), ("<", &part.high)] {
        if let Some(bound) = bound {
            let value = binder.value(bound.clone(), shape.split_type());
            terms.push(format!("{column} {operator} {value}"));
        }
    }
    let range = terms.join(" AND ");
    Text::sql(match (part.has_null && !part.is_not_null, range.is_empty()) {
        (true, true) => "true".to_owned(),
        (true, false) => format!("({column} IS NULL OR ({range}))"),
        (false, true) => format!("({column} IS NOT NULL)"),
        (false, false) => format!("({range})"),
    })
}

/// SELECT with these columns as texts.
fn texts(shape: &Shape, used: &[usize], alias: &str) -> Text {
    let column =
        |place: &usize| format!("{alias}.{}::pg_catalog.text", quoted(&shape.columns[*place].name));
    Text::sql(format!("SELECT {}", used.iter().map(column).collect::<Vec<_>>().join(", ")))
}

/// A value as the text that the server writes for it. A cast does that for these types; of others
/// it makes something else, as of a char, which it takes the blanks from.
pub(in crate::route) fn as_text(name: &str, type_oid: u32) -> String {
    const CAST: [u32; 16] =
        [16, 17, 20, 21, 23, 25, 700, 701, 1043, 1082, 1083, 1114, 1184, 1186, 1700, 2950];
    match CAST.contains(&type_oid) {
        true => format!("{name}::pg_catalog.text"),
        false => format!("CASE WHEN {name} IS NOT NULL THEN pg_catalog.concat({name}) END"),
    }
}

/// Rows that meet all conditions of one of these; `None` for every row.
fn condition(shape: &Shape, conjuncts: &[Vec<Conjunct>], alias: &str) -> Option<Text> {
    let mut any = Text::default();
    for (index, all) in conjuncts.iter().enumerate() {
        let terms: Vec<Text> = all.iter().filter_map(|it| term(shape, it, alias)).collect();
        if terms.is_empty() {
            return None;
        }
        any.push(if index > 0 { " OR (" } else { "(" });
        for (index, term) in terms.iter().enumerate() {
            any.push(if index > 0 { " AND " } else { "" });
            any.append(term);
        }
        any.push(")");
    }
    (!conjuncts.is_empty()).then_some(any)
}

/// A condition on one column; nothing where it would say less than it does at the server.
fn term(shape: &Shape, conjunct: &Conjunct, alias: &str) -> Option<Text> {
    const BOOL: u32 = 16;
    const OID: u32 = 26;
    let column = shape.columns.iter().find(|column| column.number == conjunct.column)?;
    let name = format!("{alias}.{}", quoted(&column.name));
    if conjunct.test == Test::Null {
        return Some(Text::sql(format!("{name} IS NULL")));
    }
    let kind = Kind::ranged(column.type_oid).filter(|_| ![BOOL, OID].contains(&column.type_oid))?;
    let mut text = Text::sql(name.clone());
    match &conjunct.test {
        Test::Null => {}
        Test::OneOf(operands) if operands.is_empty() => return Some(Text::sql("false")),
        Test::OneOf(operands) => {
            let operands: Option<Vec<Text>> = operands.iter().map(|it| operand(it, kind)).collect();
            text.push(" IN (");
            text.append(&Text::list(&operands?));
            text.push(")");
        }
        Test::Range { low, high } => {
            text.push(" IS NOT NULL");
            let bytewise = if kind == Kind::Text { " COLLATE \"C\"" } else { "" };
            for (bound, strict, inclusive) in [(low, ">", ">="), (high, "<", "<=")] {
                if let Some(bound) = bound {
                    let operator = if bound.inclusive { inclusive } else { strict };
                    text.push(&format!(" AND {name}{bytewise} {operator} "));
                    text.append(&operand(&bound.operand, kind)?);
                }
            }
        }
    }
    Some(text)
}

/// A constant in the form that the tree has it in, as SQL.
fn operand(operand: &Operand, kind: Kind) -> Option<Text> {
    let value = match operand {
        Operand::Parameter(number) => return Some(Text::given(*number)),
        Operand::Literal(value) => value,
    };
    let sql = match (kind, value) {
        (Kind::Integer, Value::Integer(n)) => format!("'{n}'::pg_catalog.int8"),
        (Kind::Text, Value::Text(text)) => {
            format!("'{}'::pg_catalog.text", text.replace('\'', "''"))
        }
        (Kind::Uuid, Value::Text(text)) => format!("'{text}'::pg_catalog.uuid"),
        (Kind::Date, Value::Integer(n)) if n.abs() < DAYS_MAX => {
            format!("('2000-01-01'::pg_catalog.date + '{n}'::pg_catalog.int4)")
        }
        (Kind::Timestamp, Value::Integer(n)) if n.abs() < MICROSECONDS_MAX => {
            since("2000-01-01", "timestamp", *n)
        }
        (Kind::Timestamptz, Value::Integer(n)) if n.abs() < MICROSECONDS_MAX => {
            since("2000-01-01 00:00:00+00", "timestamptz", *n)
        }
        _ => return None,
    };
    Some(Text::sql(sql))
}

fn since(beginning: &str, of: &str, microseconds: i64) -> String {
    format!("('{beginning}'::pg_catalog.{of} + '{microseconds} microseconds'::pg_catalog.interval)")
}

/// A value that came as a text, as what it was.
pub(in crate::route) fn restored(name: &str, type_name: &str, collation: Option<&str>) -> String {
    let collation = collation.map(|it| format!(" COLLATE {it}")).unwrap_or_default();
    format!("({name}::{type_name}){collation}")
}

/// What stands behind FROM for columns of texts, which are called c0, c1 and so on. Of several
/// arrays at once the server knows the word without its schema only.
pub(in crate::route) fn unnested(arrays: &Arrays, binder: &mut Binder<'_>) -> String {
    let bound: Vec<String> = arrays.values().map(|value| binder.value(value, ARRAY)).collect();
    let names: Vec<String> = (0..bound.len()).map(|at| format!("c{at}")).collect();
    format!("unnest({}) AS forebay_texts({})", bound.join(", "), names.join(", "))
}

/// A table of parts, whose columns have the types and collations of what they are parts of. Without
/// arrays it is one of no rows, for the server to judge: a text that is read as a time might be
/// `now` for all it knows.
pub(super) fn parts_of(columns: &[Held], arrays: Option<&Arrays>, binder: &mut Binder<'_>) -> Text {
    let column = |(at, held): (usize, &Held)| {
        let name = arrays.map_or("NULL".to_owned(), |_| format!("forebay_texts.c{at}"));
        let value = restored(&name, &held.type_name, held.collation.as_deref());
        format!("{value} AS {}", part_name(at))
    };
    let columns: Vec<String> = columns.iter().enumerate().map(column).collect();
    let from = source(arrays, binder);
    Text::sql(format!("(SELECT {}{from}) AS forebay_parts", columns.join(", ")))
}

fn source(arrays: Option<&Arrays>, binder: &mut Binder<'_>) -> String {
    match arrays {
        Some(arrays) => format!(" FROM {}", unnested(arrays, binder)),
        None => " WHERE false".to_owned(),
    }
}

/// A table under its own name for WITH: rows that were brought, and those of the live member's
/// range where that is asked. Without arrays, see [`parts_of`].
pub(super) fn arms(
    shape: &Shape,
    wanted: &Wanted,
    arrays: Option<&Arrays>,
    live: Option<&Part>,
    binder: &mut Binder<'_>,
) -> Text {
    let brought = |(place, column): (usize, &Column)| {
        let at = wanted.used.iter().position(|used| *used == place).filter(|_| arrays.is_some());
        // Nobody uses what was not brought.
        let name = at.map_or("NULL".to_owned(), |at| format!("forebay_texts.c{at}"));
        let value = restored(&name, &column.declared, column.collation.as_deref());
        format!("{value} AS {}", quoted(&column.name))
    };
    let columns: Vec<String> = shape.columns.iter().enumerate().map(brought).collect();
    let name = quoted(&shape.name);
    let mut text = Text::sql(format!("{name} AS NOT MATERIALIZED ("));
    if let Some(part) = live {
        let own: Vec<String> =
            shape.columns.iter().map(|column| format!("{name}.{}", quoted(&column.name))).collect();
        let fence = fence(part, &name, shape, binder);
        text.push(&format!("SELECT {} FROM {} AS {name} WHERE ", own.join(", "), shape.qualified));
        text.append(&fence);
        text.push("\nUNION ALL ");
    }
    let from = source(arrays, binder);
    text.push(&format!("SELECT {}{from})", columns.join(", ")));
    text
}
