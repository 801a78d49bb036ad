//! Which virtual tables keep all that they hold in ordinary tables, and write these with statements
//! that the preupdate hook sees. Only modules that SQLite brings along are known.

use rusqlite::{Connection, OptionalExtension as _};

use crate::sql::module_of;

/// They write nothing but their shadow tables. Each deletes all rows of one only by statements
/// that it prepares while it runs, under the hook, and so row by row.
const KEEPING: &[&str] = &["fts3", "fts4", "fts5", "rtree", "rtree_i32", "geopoly"];

/// They write nothing, and need no CREATE.
const ASKING: &[&str] =
    &["json_each", "json_tree", "jsonb_each", "jsonb_tree", "dbstat", "fts3tokenize", "rtreecheck"];

/// Whether the hook sees whatever is written through those of `tables` that are virtual.
pub(super) fn is_seen<'a>(
    connection: &Connection,
    tables: impl IntoIterator<Item = &'a str>,
) -> rusqlite::Result<bool> {
    let mut creating = connection.prepare_cached(
        "SELECT sql FROM main.sqlite_schema WHERE name = ?1 COLLATE NOCASE AND sql IS NOT NULL",
    )?;
    let is_listed =
        |list: &[&str], name: &str| list.iter().any(|known| known.eq_ignore_ascii_case(name));
    for table in tables {
        let created: Option<String> = creating.query_row([table], |row| row.get(0)).optional()?;
        let is_seen = match &created {
            Some(sql) => module_of(sql).is_none_or(|module| is_listed(KEEPING, module)),
            None => {
                let is_pragma =
                    table.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("pragma_"));
                is_pragma || is_listed(ASKING, table) || is_system(table)
            }
        };
        if !is_seen {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Tables of SQLite's own have no CREATE.
fn is_system(table: &str) -> bool {
    table.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("sqlite_"))
        && !table.eq_ignore_ascii_case("sqlite_dbpage")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE plain (a); CREATE VIEW view AS SELECT 1;
                 CREATE VIRTUAL TABLE words USING fts5 (body);
                 CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, row);",
            )
            .unwrap();
        let check = |tables: &[&str], expect| {
            assert_eq!(is_seen(&connection, tables.iter().copied()).unwrap(), expect, "{tables:?}");
        };
        check(&[], true);
        check(&["plain", "VIEW", "words", "words_data"], true);
        check(&["plain", "json_each", "pragma_table_info", "sqlite_schema"], true);
        check(&["plain", "vocabulary"], false);
        check(&["of_an_extension"], false);
        check(&["sqlite_dbpage"], false);
    }
}
