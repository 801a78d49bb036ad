//! Statements that write one table: which rows an UPDATE or DELETE is after, and what an INSERT
//! puts into which column. It does not decide where they go.

use sqlite3_parser::ast::{
    Expr, InsertBody, Name, OneSelect, QualifiedName, ResolveType, Set, Stmt, UpsertDo,
};

use super::super::bind::{Mentions, bind};
use super::super::literal::operand;
use super::super::occurrence::{NotUnderstood, Operand};
use super::super::parse::{Arena, parse};
use super::super::place::plain;
use super::super::schema::{Relation, Schema, Table};
use super::cut::Cut;
use super::print::{Printer, quoted, refuse};

/// A statement that writes.
#[derive(Clone, Debug)]
pub(crate) enum Written {
    Insert(Inserted),
    /// UPDATE or DELETE.
    Target(Targeted),
}

/// The rows of an INSERT.
#[derive(Clone, Debug)]
pub(crate) struct Inserted {
    /// As in the catalogue.
    pub(crate) table: Box<str>,
    /// Up to the columns.
    pub(crate) head: String,
    /// The places of the columns that are given.
    pub(crate) columns: Vec<u16>,
    /// The values, `None` for what is neither a literal nor a parameter. Nothing for rows that are
    /// not written down, as those of a query.
    pub(crate) rows: Option<Vec<Vec<Option<Operand>>>>,
    /// The columns that its ON CONFLICT gives another value than the row has that is inserted.
    pub(crate) altered: Vec<u16>,
    /// It has no RETURNING, no ON CONFLICT, and no WITH.
    pub(crate) is_plain: bool,
}

/// The rows that an UPDATE or DELETE is after.
#[derive(Clone, Debug)]
pub(crate) struct Targeted {
    /// As in the catalogue.
    pub(crate) table: Box<str>,
    /// A query for these rows that says no more than its conditions; nothing if they cannot be
    /// told.
    pub(crate) query: Option<String>,
    /// The name that the table goes by, in quotes.
    pub(crate) alias: String,
    pub(crate) cut: Cut,
    /// The columns that are set, with their values where these are literals or parameters.
    pub(crate) sets: Vec<(u16, Option<Operand>)>,
    /// It has no RETURNING, FROM, WITH, ORDER BY or LIMIT, and no subquery.
    pub(crate) is_plain: bool,
}

/// Reads a statement that writes an ordinary table of this schema.
pub(crate) fn written(sql: &str, schema: &dyn Schema) -> Result<Written, NotUnderstood> {
    let arena = Arena::default();
    let parsed = parse(sql, &arena, &mut Mentions::default())?;
    match parsed.statement {
        Stmt::Insert { with, or_conflict, tbl_name, columns, body, returning } => {
            let table = table(&tbl_name, schema)?;
            let columns = match &columns {
                Some(names) => {
                    let places: Option<Vec<u16>> =
                        names.iter().map(|name| place(table, name)).collect();
                    places.ok_or_else(|| NotUnderstood::because("it names an unknown column"))?
                }
                None => ordinary(table),
            };
            let (rows, has_upsert) = rows(&body);
            let verb = or_conflict.map_or("INSERT", resolved);
            let names: Vec<String> =
                columns.iter().map(|it| quoted(&table.columns[usize::from(*it)].name)).collect();
            Ok(Written::Insert(Inserted {
                table: table.name.clone(),
                head: format!("{verb} INTO {} ({})", quoted(&table.name), names.join(", ")),
                columns,
                rows,
                altered: altered(table, &body)?,
                is_plain: with.is_none() && returning.is_none() && !has_upsert,
            }))
        }
        Stmt::Delete { with, tbl_name, where_clause, returning, order_by, limit, .. } => {
            let table = table(&tbl_name, schema)?;
            let is_plain = with.is_none() && returning.is_none();
            let is_plain = is_plain && order_by.is_none() && limit.is_none();
            let filter = where_clause.as_ref();
            Ok(Written::Target(targeted(sql, table, &tbl_name, filter, Vec::new(), is_plain)?))
        }
        Stmt::Update {
            with,
            tbl_name,
            sets,
            from,
            where_clause,
            returning,
            order_by,
            limit,
            ..
        } => {
            let table = table(&tbl_name, schema)?;
            let is_plain = with.is_none() && returning.is_none() && from.is_none();
            let is_plain = is_plain && order_by.is_none() && limit.is_none();
            let sets = assigned(table, sets)?;
            let is_plain = is_plain && sets.1;
            let filter = where_clause.as_ref();
            Ok(Written::Target(targeted(sql, table, &tbl_name, filter, sets.0, is_plain)?))
        }
        _ => refuse("it is neither INSERT, UPDATE nor DELETE"),
    }
}

fn table<'s>(name: &QualifiedName<'_>, schema: &'s dyn Schema) -> Result<&'s Table, NotUnderstood> {
    if name.db_name.as_ref().is_some_and(|schema| plain(schema.0) != "main") {
        return refuse("it writes a table of another schema");
    }
    match schema.relation(&plain(name.name.0)) {
        Some(Relation::Table(table)) => Ok(table),
        _ => refuse("it writes something else than an ordinary table"),
    }
}

fn place(table: &Table, name: &Name<'_>) -> Option<u16> {
    let name = plain(name.0);
    let found = table.columns.iter().position(|it| it.name.eq_ignore_ascii_case(&name));
    found.and_then(|place| u16::try_from(place).ok())
}

/// The columns that an INSERT without a list of columns fills.
fn ordinary(table: &Table) -> Vec<u16> {
    let all = (0u16..).zip(&table.columns);
    all.filter(|(_, column)| !column.is_generated).map(|(place, _)| place).collect()
}

/// The values of every row that is written down, and whether there is an ON CONFLICT.
fn rows(body: &InsertBody<'_>) -> (Option<Vec<Vec<Option<Operand>>>>, bool) {
    let InsertBody::Select(select, upsert) = body else { return (None, false) };
    let is_whole = select.with.is_none() && select.order_by.is_none() && select.limit.is_none();
    let is_single = select.body.compounds.as_ref().is_none_or(|compounds| compounds.is_empty());
    let rows = match &select.body.select {
        OneSelect::Values(rows) if is_whole && is_single => {
            Some(rows.iter().map(|row| row.iter().map(operand).collect()).collect())
        }
        _ => None,
    };
    (rows, upsert.is_some())
}

/// The columns that an ON CONFLICT sets to anything but what the row has that is inserted.
fn altered(table: &Table, body: &InsertBody<'_>) -> Result<Vec<u16>, NotUnderstood> {
    let InsertBody::Select(_, first) = body else { return Ok(Vec::new()) };
    let (mut next, mut altered) = (*first, Vec::new());
    while let Some(upsert) = next {
        if let UpsertDo::Set { sets, .. } = &upsert.do_clause {
            for set in sets.iter() {
                for name in set.col_names.iter() {
                    let Some(column) = place(table, name) else {
                        return refuse("it sets an unknown column");
                    };
                    if set.col_names.len() != 1 || !is_inserted(&set.expr, table, column) {
                        altered.push(column);
                    }
                }
            }
        }
        next = upsert.next;
    }
    Ok(altered)
}

/// Whether it is the value that this column has in the row that is inserted.
fn is_inserted(expr: &Expr<'_>, table: &Table, column: u16) -> bool {
    let Expr::Qualified(row, name) = expr else { return false };
    plain(row.0).eq_ignore_ascii_case("excluded") && place(table, name) == Some(column)
}

fn resolved(resolve: ResolveType) -> &'static str {
    match resolve {
        ResolveType::Abort => "INSERT OR ABORT",
        ResolveType::Fail => "INSERT OR FAIL",
        ResolveType::Ignore => "INSERT OR IGNORE",
        ResolveType::Replace => "INSERT OR REPLACE",
        ResolveType::Rollback => "INSERT OR ROLLBACK",
    }
}

type Assigned = (Vec<(u16, Option<Operand>)>, bool);

/// What an UPDATE sets, and whether every value is of the row itself.
fn assigned(table: &Table, sets: &[Set<'_>]) -> Result<Assigned, NotUnderstood> {
    let (mut assigned, mut is_plain) = (Vec::new(), true);
    for set in sets {
        let value = match set.col_names.len() {
            1 => operand(&set.expr),
            _ => None,
        };
        super::super::expression::walk(&set.expr, |part| is_plain &= !is_query(part));
        for name in set.col_names.iter() {
            match place(table, name) {
                Some(place) => assigned.push((place, value.clone())),
                None => return refuse("it sets an unknown column"),
            }
        }
    }
    Ok((assigned, is_plain))
}

fn is_query(expr: &Expr<'_>) -> bool {
    matches!(
        expr,
        Expr::Exists(_) | Expr::Subquery(_) | Expr::InSelect { .. } | Expr::InTable { .. }
    )
}

fn targeted(
    sql: &str,
    table: &Table,
    name: &QualifiedName<'_>,
    filter: Option<&Expr<'_>>,
    sets: Vec<(u16, Option<Operand>)>,
    is_plain: bool,
) -> Result<Targeted, NotUnderstood> {
    let alias = name.alias.as_ref().map_or_else(|| plain(name.name.0), |alias| plain(alias.0));
    let printer = Printer { table, alias: &alias };
    let printed = filter.map(|filter| printer.print(filter)).transpose();
    let from = format!("SELECT 1 FROM {} AS {}", quoted(&table.name), quoted(&alias));
    let query = match &printed {
        Ok(Some(filter)) => Some(format!("{from} WHERE {filter}")),
        Ok(None) => Some(from),
        Err(_) => None,
    };
    let mut has_query = false;
    if let Some(filter) = filter {
        super::super::expression::walk(filter, |part| has_query |= is_query(part));
    }
    Ok(Targeted {
        table: table.name.clone(),
        query,
        alias: quoted(&alias),
        cut: Cut::of(&bind(sql, &mut Mentions::default())?.text),
        sets,
        is_plain: is_plain && !has_query,
    })
}
