//! What members are asked, as SQL, and the tables and statements by which SQLite makes one answer
//! of theirs. It runs nothing.

use super::ask::Part;
use super::member::{Fence, Part as Range};
use super::plan::{Source, Sources};
use crate::params::Params;
use crate::sql::{
    Affinity, Conjunct, Groups, Limited, Operand, PlainRows, Single, Table, Test, quoted,
};
use crate::value::Value;

/// What members are asked of one statement with its values.
pub(super) struct Writer<'v> {
    values: &'v [Value],
}

impl<'v> Writer<'v> {
    pub(super) fn new(values: &'v [Value]) -> Writer<'v> {
        Writer { values }
    }

    /// The condition for the rows of a range.
    fn fence(&self, alias: &str, column: &str, range: &Range) -> Fence {
        range.fence(&format!("{alias}.{column}"), self.values.len() + 1)
    }

    fn params(&self, fence: &Fence) -> Params {
        let mut params = Params::default();
        self.values.iter().chain(&fence.values).for_each(|value| params.push(value.clone()));
        params
    }

    /// A condition that is always true and names these parameters, since a statement takes as many
    /// as it names.
    fn naming(numbers: impl Iterator<Item = usize>) -> String {
        numbers.map(|number| format!(" AND ?{number} IS ?{number}")).collect()
    }

    fn naming_all(&self) -> String {
        Writer::naming(1..=self.values.len())
    }

    /// The statement itself, under one more condition, and with another LIMIT perhaps.
    pub(super) fn fenced(
        &self,
        single: &Single,
        column: &str,
        range: &Range,
        rows: Option<u64>,
    ) -> Part {
        let mut fence = self.fence(&single.alias, column, range);
        if rows.is_some() {
            fence.condition.push_str(&Writer::naming(limits(single.limited.as_ref())));
        }
        Part { sql: single.cut.under(Some(&fence.condition), rows), params: self.params(&fence) }
    }

    /// Parts of groups.
    pub(super) fn groups(
        &self,
        single: &Single,
        groups: &Groups,
        column: &str,
        range: &Range,
    ) -> Part {
        let select = format!("SELECT {} FROM {}", groups.select, single.from);
        let fence = self.fence(&single.alias, column, range);
        let filter = self.filter(single.filter.as_deref(), &fence);
        Part { sql: format!("{select}{filter}{}", groups.group), params: self.params(&fence) }
    }

    fn filter(&self, filter: Option<&str>, fence: &Fence) -> String {
        let own = filter.map(|filter| format!("({filter}) AND ")).unwrap_or_default();
        format!(" WHERE {own}{}{}", fence.condition, self.naming_all())
    }

    /// Rows of the table of a query of one table: as many in order as are enough.
    pub(super) fn candidates(
        &self,
        (single, rows): (&Single, &PlainRows),
        source: &Source,
        column: &str,
        range: &Range,
        top: Option<u64>,
    ) -> Part {
        let fence = self.fence(&single.alias, column, range);
        let select = columns(&source.table, &single.alias, Some(&rows.used));
        let filter = self.filter(single.filter.as_deref(), &fence);
        // Without a limit they are put in order where they are together.
        let top = top.map(|top| format!("{} LIMIT {top}", rows.order)).unwrap_or_default();
        let sql = format!("SELECT {select} FROM {}{filter}{top}", single.from);
        Part { sql, params: self.params(&fence) }
    }

    /// All rows of a table that can matter.
    pub(super) fn rows(&self, source: &Source, column: &str, range: Option<&Range>) -> Part {
        let table = quoted(&source.table.name);
        let fence = match range {
            Some(range) => self.fence(&table, column, range),
            None => Fence { condition: "1".to_owned(), values: Vec::new() },
        };
        let wanted = wanted(&source.table, &source.wanted);
        let filter = self.filter(wanted.as_deref(), &fence);
        let select = columns(&source.table, &table, None);
        Part { sql: format!("SELECT {select} FROM {table}{filter}"), params: self.params(&fence) }
    }
}

/// The numbers of the parameters in a LIMIT.
fn limits(limited: Option<&Limited>) -> impl Iterator<Item = usize> {
    let operands = limited.into_iter().flat_map(|it| [Some(&it.count), it.offset.as_ref()]);
    operands.flatten().filter_map(|operand| match operand {
        Operand::Parameter(number) => Some(*number),
        Operand::Literal(_) => None,
    })
}

/// Every column in order, but NULL for those that nobody uses.
fn columns(table: &Table, alias: &str, used: Option<&[u16]>) -> String {
    let column = |(place, column): (usize, &crate::sql::TableColumn)| {
        let is_used =
            used.is_none_or(|used| u16::try_from(place).is_ok_and(|place| used.contains(&place)));
        if is_used { format!("{alias}.{}", quoted(&column.name)) } else { "NULL".to_owned() }
    };
    table.columns.iter().enumerate().map(column).collect::<Vec<_>>().join(", ")
}

/// Rows that meet all conditions of one of these; `None` for every row.
fn wanted(table: &Table, wanted: &[Vec<Conjunct>]) -> Option<String> {
    let all = |conjuncts: &Vec<Conjunct>| -> Option<String> {
        let terms: Vec<String> = conjuncts.iter().map(|it| term(table, it)).collect();
        (!terms.is_empty()).then(|| format!("({})", terms.join(" AND ")))
    };
    let any: Option<Vec<String>> = wanted.iter().map(all).collect();
    any.filter(|any| !any.is_empty()).map(|any| any.join(" OR "))
}

fn term(table: &Table, conjunct: &Conjunct) -> String {
    let name = &table.columns[usize::from(conjunct.column)].name;
    let column = format!("{}.{}", quoted(&table.name), quoted(name));
    let compared = format!("{column} {}", conjunct.collation.clause());
    match &conjunct.test {
        Test::Null => format!("{column} IS NULL"),
        Test::OneOf(operands) => {
            let list: Vec<String> = operands.iter().map(operand).collect();
            format!("{compared} IN ({})", list.join(", "))
        }
        Test::Range { low, high } => {
            let mut terms = vec![format!("{column} IS NOT NULL")];
            for (bound, strict, inclusive) in [(low, ">", ">="), (high, "<", "<=")] {
                if let Some(bound) = bound {
                    let operator = if bound.inclusive { inclusive } else { strict };
                    terms.push(format!("{compared} {operator} {}", operand(&bound.operand)));
                }
            }
            terms.join(" AND ")
        }
    }
}

/// A literal or a parameter as SQL.
pub(super) fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Parameter(number) => format!("?{number}"),
        Operand::Literal(Value::Null) => "NULL".to_owned(),
        // The smallest integer has no digits of its own.
        Operand::Literal(Value::Integer(i64::MIN)) => "(-9223372036854775807 - 1)".to_owned(),
        Operand::Literal(Value::Integer(n)) => n.to_string(),
        Operand::Literal(Value::Real(x)) if x.is_finite() => format!("{x:?}"),
        Operand::Literal(Value::Real(x)) if *x > 0.0 => "9e999".to_owned(),
        Operand::Literal(Value::Real(_)) => "-9e999".to_owned(),
        Operand::Literal(Value::Text(text)) => format!("'{}'", text.replace('\'', "''")),
        Operand::Literal(Value::Blob(bytes)) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{digits}'")
        }
    }
}

fn typed(affinity: Affinity) -> &'static str {
    match affinity {
        Affinity::Blob => "",
        Affinity::Text => " TEXT",
        Affinity::Numeric => " NUMERIC",
        // INTEGER would make a primary key the rowid; there is none, but let nothing depend on it.
        Affinity::Integer => " INT",
        Affinity::Real => " REAL",
    }
}

/// Makes the table of parts of groups.
pub(super) fn create_parts(groups: &Groups) -> String {
    let column = |column: &crate::sql::PartColumn| {
        let held = column.held;
        format!("{}{} {}", quoted(&column.name), typed(held.affinity), held.collation.clause())
    };
    let columns: Vec<String> = groups.columns.iter().map(column).collect();
    format!("CREATE TABLE {} ({});", Groups::TABLE, columns.join(", "))
}

/// The statement over the table of parts.
pub(super) fn merged(single: &Single, groups: &Groups) -> String {
    let mut sql = groups.merge.clone();
    if let Some(Limited { count, offset }) = &single.limited {
        sql.push_str(&format!(" LIMIT {}", operand(count)));
        if let Some(offset) = offset {
            sql.push_str(&format!(" OFFSET {}", operand(offset)));
        }
    }
    sql
}

/// Makes the tables and views of a statement: columns that hold and compare values as the original
/// ones do, and no constraints.
pub(super) fn create_sources(sources: &Sources) -> String {
    let mut script = String::new();
    for Source { table, .. } in &sources.tables {
        let column = |column: &crate::sql::TableColumn| {
            let collation = column.collation.map_or("", |collation| collation.clause());
            format!("{}{} {collation}", quoted(&column.name), typed(column.affinity))
        };
        let columns: Vec<String> = table.columns.iter().map(column).collect();
        script.push_str(&format!("CREATE TABLE {} ({});", quoted(&table.name), columns.join(", ")));
    }
    for view in &sources.views {
        script.push_str(view);
        script.push_str("\n;");
    }
    script
}
