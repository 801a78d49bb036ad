//! The tables with the counters: what they are called, who writes them, and how they are made.

use anyhow::Result;

use crate::bare::Bare;

/// Counters of a table.
pub(super) const ROWS: usize = 32;

/// Handles of Forebay on the database.
pub(super) const SIDES: usize = 2;

/// How much a view adds to a counter with every generation of it.
pub(super) const GENERATION: i64 = 1_000_000_000_000;

/// Tables of each handle: two of one name in two schemas, and two whose counters are raised
/// together.
pub(super) const SIDE_TABLES: usize = 4;

/// Those that are written past Forebay: one, and two whose counters are raised together.
pub(super) const OTHERS: usize = SIDES * SIDE_TABLES;
pub(super) const OTHERS_PAIR: [usize; 2] = [OTHERS + 1, OTHERS + 2];

pub(super) const TABLES: usize = OTHERS + 3;

/// A row that nobody writes.
pub(super) const QUIET: &str = "SELECT n FROM public.race_quiet WHERE id = 1";

/// The two tables of one name; the second is in the schema `race_alt`.
pub(super) fn singles(side: usize) -> [usize; 2] {
    [side * SIDE_TABLES, side * SIDE_TABLES + 1]
}

/// The two tables whose counters are raised together.
pub(super) fn pair(side: usize) -> [usize; 2] {
    [side * SIDE_TABLES + 2, side * SIDE_TABLES + 3]
}

/// The name of a table without its schema.
pub(super) fn short(table: usize) -> String {
    let is_second = table < OTHERS && table % SIDE_TABLES == 1;
    format!("race_{}", if is_second { table - 1 } else { table })
}

/// Its whole name.
pub(super) fn name(table: usize) -> String {
    let is_second = table < OTHERS && table % SIDE_TABLES == 1;
    format!("{}.{}", if is_second { "race_alt" } else { "public" }, short(table))
}

/// The table that a view shows in a generation.
pub(super) fn shown(side: usize, generation: i64) -> usize {
    singles(side)[usize::from(generation % 2 != 0)]
}

/// The statement that makes a generation of a handle's view.
pub(super) fn view(side: usize, generation: i64) -> String {
    let table = name(shown(side, generation));
    format!(
        "CREATE OR REPLACE VIEW public.race_v{side} AS \
         SELECT id, n + {} AS n FROM {table}",
        generation * GENERATION
    )
}

/// Makes them anew.
pub(super) fn prepare(bare: &mut Bare) -> Result<()> {
    bare.run("DROP SCHEMA IF EXISTS race_alt CASCADE; CREATE SCHEMA race_alt")?;
    for table in (0..TABLES).map(name).chain(["public.race_quiet".to_owned()]) {
        bare.run(&format!(
            "DROP TABLE IF EXISTS {table} CASCADE; \
             CREATE TABLE {table} (id int PRIMARY KEY, n bigint NOT NULL); \
             INSERT INTO {table} SELECT i, 0 FROM generate_series(0, {}) i",
            ROWS - 1
        ))?;
    }
    for side in 0..SIDES {
        bare.run(&view(side, 0))?;
    }
    bare.run(
        "CREATE OR REPLACE PROCEDURE public.race_slowly(of int, text) LANGUAGE plpgsql AS \
         'BEGIN EXECUTE $2; COMMIT; PERFORM pg_sleep(0.012); END'",
    )
    .map(drop)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_tables_have_one_name_and_some_have_one_in_two_schemas() {
        let whole: BTreeSet<String> = (0..TABLES).map(name).collect();
        let short: BTreeSet<String> = (0..TABLES).map(short).collect();
        assert_eq!((whole.len(), short.len()), (TABLES, TABLES - SIDES));
        assert_eq!(singles(1).map(name), ["public.race_4", "race_alt.race_4"]);
    }
}
