//! Random schemas and transactions. What was recorded must turn the old content into the new one;
//! where something was undone on the way, it must at least name every row that differs.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::{Bed, Content, Means, Recorded, all_means};

const SEEDS: u64 = 30;
const TRANSACTIONS: usize = 30;

/// What the generator knows of a table.
struct Table {
    name: String,
    /// Those that may be set.
    columns: Vec<String>,
    has_rowid: bool,
}

#[test]
fn recorded_changes_are_what_has_changed() {
    for means in all_means() {
        let mut seen = Seen::default();
        for seed in 0..SEEDS {
            run(seed, means, &mut seen);
        }
        println!("{means:?}: {seen:?}");
        // The generator has to reach what this is about.
        assert!(seen.exact > 300 && seen.undone > 100, "{means:?}: {seen:?}");
        assert!(seen.rows > 1_000 && seen.whole > 10, "{means:?}: {seen:?}");
        assert!(seen.failed * 2 < seen.statements, "{means:?}: {seen:?}");
    }
}

#[derive(Debug, Default)]
struct Seen {
    statements: usize,
    failed: usize,
    /// Transactions after which old and new content were compared row by row.
    exact: usize,
    /// Transactions in which something was undone.
    undone: usize,
    rows: usize,
    whole: usize,
}

fn run(seed: u64, means: Means, seen: &mut Seen) {
    let mut rng = Rng::with_seed(seed);
    let mut bed = Bed::new(means);
    let mut tables = schema(&mut rng, &mut bed);
    if means == Means::Hook && seed.is_multiple_of(3) {
        // Where rows are read again, a write to a virtual table changes everything.
        bed.run("CREATE VIRTUAL TABLE ft USING fts5 (k, c0, prefix = 2)").unwrap();
        bed.run("CREATE VIRTUAL TABLE rt USING rtree (k, c0, c1)").unwrap();
        for (name, columns) in [("ft", &["k", "c0"][..]), ("rt", &["k", "c0", "c1"])] {
            let columns = columns.iter().map(|column| (*column).to_owned()).collect();
            tables.push(Table { name: name.to_owned(), columns, has_rowid: true });
        }
    }
    let with_virtual = means == Means::Reread;
    bed.tap();
    for _ in 0..TRANSACTIONS {
        let old = bed.content(with_virtual);
        bed.take();
        let (script, is_undone) = transaction(&mut rng, &tables, &mut bed, seen);
        let recorded = bed.take();
        let new = bed.content(with_virtual);
        let place = || {
            let list: Vec<_> = recorded.iter().map(ToString::to_string).collect();
            format!("{means:?} seed {seed}\n{}\n{}", script.join("\n"), list.join("\n"))
        };
        seen.rows += recorded.len();
        seen.whole += recorded.iter().filter(|change| matches!(change, Recorded::Whole(_))).count();
        if is_undone {
            seen.undone += 1;
            check_names_all(&old, &new, &recorded, &place);
        } else {
            seen.exact += 1;
            check_exact(&old, &new, &recorded, &place);
        }
        assert_eq!((bed.gaps)(), 0, "{}", place());
    }
}

/// Rows by how often they are there.
fn counts(rows: &[Vec<String>]) -> BTreeMap<&[String], i64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row.as_slice()).or_insert(0) += 1;
    }
    counts
}

fn is_whole(table: &str, recorded: &[Recorded]) -> bool {
    recorded.iter().any(|change| matches!(change, Recorded::Whole(whole) if whole == table))
}

fn images<'r>(
    table: &'r str,
    recorded: &'r [Recorded],
) -> impl Iterator<Item = (Option<&'r [String]>, Option<&'r [String]>)> {
    recorded.iter().filter_map(move |change| match change {
        Recorded::Row { table: changed, old, new, .. } if changed == table => {
            Some((old.as_deref(), new.as_deref()))
        }
        _ => None,
    })
}

fn check_exact(old: &Content, new: &Content, recorded: &[Recorded], place: &dyn Fn() -> String) {
    for (table, rows) in new {
        if is_whole(table, recorded) {
            continue;
        }
        let mut model = counts(&old[table]);
        for (before, after) in images(table, recorded) {
            if let Some(before) = before {
                *model.entry(before).or_insert(0) -= 1;
            }
            if let Some(after) = after {
                *model.entry(after).or_insert(0) += 1;
            }
        }
        model.retain(|_, count| *count != 0);
        assert_eq!(model, counts(rows), "{table}: {}", place());
    }
}

fn check_names_all(
    old: &Content,
    new: &Content,
    recorded: &[Recorded],
    place: &dyn Fn() -> String,
) {
    for (table, rows) in new {
        if is_whole(table, recorded) {
            continue;
        }
        let (before, after) = (counts(&old[table]), counts(rows));
        for row in before.keys().chain(after.keys()) {
            let (was, is) = (before.get(row).unwrap_or(&0), after.get(row).unwrap_or(&0));
            let named = |gone: bool| {
                images(table, recorded).any(|(o, n)| if gone { o } else { n } == Some(*row))
            };
            assert!(was <= is || named(true), "{table}: {row:?} is gone: {}", place());
            assert!(was >= is || named(false), "{table}: {row:?} is new: {}", place());
        }
    }
}

const TYPES: &[&str] = &["", "INTEGER", "TEXT", "REAL", "NUMERIC", "BLOB", "INT", "VARCHAR(9)"];
const STRICT_TYPES: &[&str] = &["INTEGER", "TEXT", "REAL", "ANY", "BLOB", "INT"];

fn schema(rng: &mut Rng, bed: &mut Bed) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for number in 0..rng.usize(2..5) {
        let table = table(rng, &format!("t{number}"), &tables, bed);
        tables.push(table);
    }
    for number in 0..rng.usize(0..4) {
        let _ = bed.run(&trigger(rng, number, &tables));
    }
    let on = &tables[0];
    if rng.bool() {
        let into = rng.choice(&tables).unwrap();
        let column = rng.choice(&into.columns).unwrap();
        bed.run(&format!("CREATE VIEW v AS SELECT * FROM {}", on.name)).unwrap();
        let body = format!("INSERT OR IGNORE INTO {} ({column}) VALUES (1)", into.name);
        bed.run(&format!("CREATE TRIGGER v_t INSTEAD OF INSERT ON v BEGIN {body}; END")).unwrap();
    }
    if rng.u8(..4) == 0 {
        bed.run("PRAGMA recursive_triggers = ON").unwrap();
    }
    tables
}

fn table(rng: &mut Rng, name: &str, others: &[Table], bed: &mut Bed) -> Table {
    // Twins, so that all rows of one can be copied to the other at once.
    if let Some(other) = rng.choice(others).filter(|_| rng.u8(..5) == 0) {
        let sql: String = bed
            .bare
            .query_row(
                "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1",
                [&other.name],
                |row| row.get(0),
            )
            .unwrap();
        bed.run(&sql.replacen(&other.name, name, 1)).unwrap();
        let (columns, has_rowid) = (other.columns.clone(), other.has_rowid);
        return Table { name: name.to_owned(), columns, has_rowid };
    }
    let is_strict = rng.u8(..4) == 0;
    let types = if is_strict { STRICT_TYPES } else { TYPES };
    let conflict = |rng: &mut Rng| match rng.u8(..6) {
        0 => " ON CONFLICT REPLACE",
        1 => " ON CONFLICT IGNORE",
        2 => " ON CONFLICT FAIL",
        _ => "",
    };
    let mut parts = Vec::new();
    let mut columns = Vec::new();
    let mut tail = Vec::new();
    let key = rng.u8(..6);
    match key {
        0 | 1 => parts.push("k INTEGER PRIMARY KEY".to_owned()),
        2 => parts.push(format!("k TEXT PRIMARY KEY{}", conflict(rng))),
        3 => parts.push("k INTEGER PRIMARY KEY AUTOINCREMENT".to_owned()),
        4 => {
            parts.push("k TEXT NOT NULL DEFAULT 'd' PRIMARY KEY".to_owned());
            tail.push("WITHOUT ROWID");
        }
        _ => parts.push(format!("k {}", types[0])),
    }
    columns.push("k".to_owned());
    for column in 0..rng.usize(1..5) {
        let kind = rng.choice(types).unwrap();
        let extra = match rng.u8(..8) {
            0 => format!("UNIQUE{}", conflict(rng)),
            1 => "DEFAULT 5".to_owned(),
            2 => "NOT NULL ON CONFLICT REPLACE DEFAULT 1".to_owned(),
            _ => String::new(),
        };
        parts.push(format!("c{column} {kind} {extra}"));
        columns.push(format!("c{column}"));
    }
    let generated_type = if is_strict { "ANY" } else { "" };
    if rng.bool() {
        parts.push(format!("v {generated_type} AS (c0 || 'v')"));
    }
    if rng.bool() {
        parts.push(format!("s {generated_type} AS (coalesce(c0, 0) + 1) STORED"));
    }
    let parent = rng.choice(others).filter(|_| rng.bool());
    if let Some(parent) = parent {
        let action = ["CASCADE", "SET NULL", "SET DEFAULT"][rng.usize(..3)];
        let column = &columns[rng.usize(..columns.len())];
        let parent = &parent.name;
        parts.push(format!(
            "FOREIGN KEY ({column}) REFERENCES {parent} (k) ON DELETE {action} ON UPDATE {action} \
             DEFERRABLE INITIALLY DEFERRED"
        ));
    }
    if is_strict {
        tail.push("STRICT");
    }
    let sql = format!("CREATE TABLE {name} ({}) {}", parts.join(", "), tail.join(", "));
    if bed.run(&sql).is_err() {
        return table(rng, name, others, bed);
    }
    let columns_of_index = format!("{name} (c0)");
    let index = match rng.u8(..6) {
        0 => format!("CREATE INDEX i_{name} ON {columns_of_index}"),
        1 => format!("CREATE UNIQUE INDEX i_{name} ON {columns_of_index} WHERE c0 > 2"),
        2 => format!("CREATE UNIQUE INDEX i_{name} ON {name} (k, abs(c0))"),
        // A parent key has to be unique.
        _ => format!("CREATE UNIQUE INDEX i_{name} ON {name} (k)"),
    };
    let _ = bed.run(&index);
    Table { name: name.to_owned(), columns, has_rowid: key != 4 }
}

fn trigger(rng: &mut Rng, number: usize, tables: &[Table]) -> String {
    let on = rng.choice(tables).unwrap();
    let when = ["BEFORE", "AFTER"][rng.usize(..2)];
    let event = ["INSERT", "UPDATE", "DELETE"][rng.usize(..3)];
    let into = rng.choice(tables).unwrap();
    let column = rng.choice(&into.columns).unwrap();
    let name = &into.name;
    let value = value(rng);
    let body = match rng.u8(..8) {
        0 => format!("INSERT OR REPLACE INTO {name} ({column}) VALUES ({value})"),
        1 | 2 => format!("INSERT OR IGNORE INTO {name} ({column}) VALUES ({value})"),
        3 => format!("UPDATE OR IGNORE {name} SET {column} = {value} WHERE c0 = 2"),
        4 => format!("DELETE FROM {name} WHERE c0 = {value}"),
        5 => {
            format!("DELETE FROM {name} WHERE k = {value}; SELECT RAISE(IGNORE) WHERE {value} > 3")
        }
        6 => "SELECT RAISE(FAIL, 'no') WHERE abs(random()) % 4 = 0".to_owned(),
        _ => format!("UPDATE OR REPLACE {name} SET {column} = {value} WHERE c0 = 3"),
    };
    format!("CREATE TRIGGER g{number} {when} {event} ON {} BEGIN {body}; END", on.name)
}

fn value(rng: &mut Rng) -> String {
    match rng.u8(..10) {
        0 => "NULL".to_owned(),
        1 => format!("'{}'", rng.u8(..6)),
        2 => format!("{}.0", rng.u8(..6)),
        3 => "'text'".to_owned(),
        4 => "x'00ff'".to_owned(),
        5 => "'3.5'".to_owned(),
        _ => rng.u8(..8).to_string(),
    }
}

/// Runs a random transaction; its statements, and whether anything was undone.
fn transaction(
    rng: &mut Rng,
    tables: &[Table],
    bed: &mut Bed,
    seen: &mut Seen,
) -> (Vec<String>, bool) {
    let is_explicit = rng.bool();
    let mut script = Vec::new();
    let mut is_undone = false;
    let mut run = |bed: &mut Bed, sql: String| {
        let done = bed.run(&sql);
        seen.statements += 1;
        seen.failed += usize::from(done.is_err());
        script.push(sql);
        done.is_err()
    };
    if is_explicit {
        run(bed, "BEGIN".to_owned());
    }
    for _ in 0..if is_explicit { rng.usize(1..6) } else { 1 } {
        if is_explicit && rng.u8(..8) == 0 {
            is_undone |= run(bed, "SAVEPOINT s".to_owned());
            is_undone |= run(bed, statement(rng, tables));
            is_undone |= bed.connection.is_autocommit();
            if !bed.connection.is_autocommit() && rng.bool() {
                run(bed, "ROLLBACK TO s".to_owned());
                is_undone = true;
            }
        }
        is_undone |= run(bed, statement(rng, tables));
    }
    if is_explicit && !bed.connection.is_autocommit() {
        let ends = if rng.u8(..6) == 0 { "ROLLBACK" } else { "COMMIT" };
        is_undone |= run(bed, ends.to_owned()) || ends == "ROLLBACK";
    }
    if !bed.connection.is_autocommit() {
        // A deferred constraint has kept it from being committed.
        run(bed, "ROLLBACK".to_owned());
        is_undone = true;
    }
    (script, is_undone)
}

fn statement(rng: &mut Rng, tables: &[Table]) -> String {
    let table = rng.choice(tables).unwrap();
    let name = &table.name;
    let or = ["", "", "", " OR REPLACE", " OR IGNORE", " OR FAIL", " OR ROLLBACK"][rng.usize(..7)];
    let column = rng.choice(&table.columns).unwrap();
    let filter = format!("{} = {}", rng.choice(&table.columns).unwrap(), value(rng));
    let columns = table.columns.join(", ");
    match rng.u8(..16) {
        0..4 => {
            let rows: Vec<_> = (0..rng.usize(1..4)).map(|_| row(rng, table)).collect();
            format!("INSERT{or} INTO {name} ({columns}) VALUES {}", rows.join(", "))
        }
        4 => format!("REPLACE INTO {name} ({columns}) VALUES {}", row(rng, table)),
        5 => {
            let row = row(rng, table);
            let set = format!("{column} = {}", value(rng));
            format!("INSERT INTO {name} ({columns}) VALUES {row} ON CONFLICT DO UPDATE SET {set}")
        }
        6 => {
            let from = &rng.choice(tables).unwrap();
            format!("INSERT{or} INTO {name} SELECT * FROM {}", from.name)
        }
        7 => {
            let from = rng.choice(tables).unwrap();
            let taken: Vec<_> =
                table.columns.iter().map(|_| rng.choice(&from.columns).unwrap().as_str()).collect();
            let (taken, from) = (taken.join(", "), &from.name);
            format!("INSERT{or} INTO {name} ({columns}) SELECT {taken} FROM {from} LIMIT 3")
        }
        8 => format!("UPDATE{or} {name} SET {column} = {}", value(rng)),
        9 => format!("UPDATE{or} {name} SET {column} = {} WHERE {filter} RETURNING *", value(rng)),
        10 if table.has_rowid => format!("UPDATE{or} {name} SET rowid = rowid + 1 WHERE {filter}"),
        11 => {
            let from = &rng.choice(tables).unwrap().name;
            let set = value(rng);
            format!("UPDATE {name} SET {column} = {set} FROM {from} AS f WHERE f.k = {name}.k")
        }
        12 if rng.bool() => format!("DELETE FROM {name}"),
        13 => "INSERT INTO v (k) VALUES (3)".to_owned(),
        14 => format!("UPDATE{or} {name} SET {column} = {} WHERE {filter}", value(rng)),
        _ => format!("DELETE FROM {name} WHERE {filter}"),
    }
}

fn row(rng: &mut Rng, table: &Table) -> String {
    let values: Vec<_> = table.columns.iter().map(|_| value(rng)).collect();
    format!("({})", values.join(", "))
}
