//! Where the result columns of a query come from, and which columns its operands are compared with:
//! what connects one query with another that is asked with its values. For advice only.

use super::build::Builder;
use super::occurrence::{NotUnderstood, Operand, Test};
use super::parse::Arena;
use super::schema::Schema;
use super::settle;

/// A column of a table, by its place in CREATE TABLE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    /// As in the catalogue.
    pub table: Box<str>,
    pub column: u16,
}

/// What a query gives and takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lineage {
    /// The column that each result column is; `None` for what is computed.
    pub outputs: Vec<Option<Source>>,
    /// Columns that must equal a single operand.
    pub equals: Vec<(Operand, Source)>,
    /// Its rows are those of its tables, one for one, and all of them.
    pub is_plain: bool,
}

/// Reads one query. Cost: some microseconds per hundred bytes, views included.
pub(crate) fn lineage(sql: &str, schema: &dyn Schema) -> Result<Lineage, NotUnderstood> {
    let arena = Arena::default();
    let mut builder = Builder::new(schema, &arena);
    let query = builder.statement(sql)?;
    let mut equals = Vec::new();
    for occurrence in settle::occurrences(&query, builder.aggregates_may_escape()) {
        for conjunct in &occurrence.conjuncts {
            let Test::OneOf(operands) = &conjunct.test else { continue };
            let [operand] = operands.as_slice() else { continue };
            let source = Source { table: occurrence.table.clone(), column: conjunct.column };
            equals.push((operand.clone(), source));
        }
    }
    let outputs = match query.blocks.as_slice() {
        [block] => block.outputs.as_ref().map(|outputs| {
            let source = |place| {
                let (table, column) = block.origin(place)?;
                Some(Source { table: table.name.clone(), column: u16::try_from(column).ok()? })
            };
            outputs.iter().map(|output| output.place.and_then(source)).collect()
        }),
        _ => None,
    };
    let is_plain = query.plain().is_some();
    Ok(Lineage { outputs: outputs.unwrap_or_default(), equals, is_plain })
}

#[cfg(test)]
mod tests {
    use super::super::tests::described;
    use super::*;

    #[test]
    fn columns_of_results_and_operands() {
        let schema = described(
            "users: id int pk, team int, name text
             orders: id int pk, user_id int, total real
             CREATE VIEW mine AS SELECT user_id AS owner, total FROM orders",
        );
        let check = |sql: &str, expect: &str| {
            let source = |it: &Source| format!("{}.{}", it.table, it.column);
            let found = match lineage(sql, &schema) {
                Err(_) => "not understood".to_owned(),
                Ok(found) => {
                    let output = |it: &Option<Source>| it.as_ref().map_or("-".to_owned(), source);
                    let outputs: Vec<_> = found.outputs.iter().map(output).collect();
                    let equal = |(operand, it): &(Operand, Source)| match operand {
                        Operand::Parameter(number) => format!("?{number}={}", source(it)),
                        Operand::Literal(_) => format!("lit={}", source(it)),
                    };
                    let equals: Vec<_> = found.equals.iter().map(equal).collect();
                    let plain = if found.is_plain { "" } else { " not plain" };
                    format!("{} | {}{plain}", outputs.join(" "), equals.join(" "))
                }
            };
            assert_eq!(found, expect, "{sql}");
        };
        check("SELECT id, name FROM users WHERE id = ?", "users.0 users.2 | ?1=users.0");
        check("SELECT * FROM users AS u WHERE u.team = 5", "users.0 users.1 users.2 | lit=users.1");
        check(
            "SELECT o.id, u.team FROM orders o JOIN users u ON u.id = o.user_id WHERE o.total > ?",
            "orders.0 users.1 | ",
        );
        check("SELECT owner FROM mine WHERE owner = ?", "orders.1 | ?1=orders.1");
        check(
            "SELECT count(*) FROM orders WHERE user_id = ?2 AND ?1 = total",
            "- | ?2=orders.1 ?1=orders.2 not plain",
        );
        check("SELECT DISTINCT team FROM users", "users.1 |  not plain");
        check("SELECT id FROM users UNION SELECT id FROM orders", " |  not plain");
        check("SELECT id FROM users WHERE id IN (?, ?)", "users.0 | ");
        check("SELECT id FROM users WHERE id IN (?)", "users.0 | ?1=users.0");
        check("SELECT id FROM nobody", "not understood");
        check("UPDATE users SET id = 1", "not understood");
    }
}
