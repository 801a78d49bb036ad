//! Random tables with every kind of column, key and constraint, their rows, and indexes on them.
//! A statement may turn out to be refused; whoever runs it finds out.

use fastrand::Rng;

use super::change::{Change, Part};
use super::relation::{Collation, Column, Kind, Relation, Schema};
use crate::domain::{Affinity, draw, fitting, literal, variant};

/// Names are few, so that tables share them and NATURAL joins join.
const NAMES: &[&str] = &["a", "b", "c", "d", "e", "f"];

/// Names that are no words, or words that mean something: nothing, TRUE, what a column without a
/// name is called, and others within quotes of their own.
const ODD_NAMES: &[&str] = &["\"\"", "\"true\"", "column2", "\"[a]\"", "\"'b'\"", "\"\"\"c\"\"\""];

const TYPES: &[(&str, Affinity)] = &[
    ("INTEGER", Affinity::Integer),
    ("INTEGER", Affinity::Integer),
    ("INT", Affinity::Integer),
    ("TEXT", Affinity::Text),
    ("TEXT", Affinity::Text),
    ("VARCHAR(10)", Affinity::Text),
    ("REAL", Affinity::Real),
    ("DOUBLE", Affinity::Real),
    ("NUMERIC", Affinity::Numeric),
    ("DECIMAL(5,2)", Affinity::Numeric),
    ("BLOB", Affinity::None),
    ("", Affinity::None),
];

const STRICT_TYPES: &[(&str, Affinity)] = &[
    ("INTEGER", Affinity::Integer),
    ("INT", Affinity::Integer),
    ("TEXT", Affinity::Text),
    ("REAL", Affinity::Real),
    ("ANY", Affinity::None),
];

const CONFLICTS: &[&str] =
    &["", "", "", " ON CONFLICT REPLACE", " ON CONFLICT IGNORE", " ON CONFLICT FAIL"];

const ACTIONS: &[&str] = &["CASCADE", "CASCADE", "SET NULL", "SET DEFAULT", "NO ACTION"];

fn one<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.usize(..from.len())]
}

/// How the rows of a table are told apart.
enum Key {
    None,
    /// `id INTEGER PRIMARY KEY`.
    Rowid,
    Columns(usize),
}

struct Draft<'a> {
    rng: &'a mut Rng,
    schema: &'a Schema,
    relation: Relation,
    lines: Vec<String>,
}

/// A new table.
pub(crate) fn table(rng: &mut Rng, schema: &mut Schema) -> Part {
    let name = schema.fresh("t");
    let key = match rng.u8(..20) {
        0..9 => Key::Rowid,
        9..12 => Key::Columns(1),
        12..16 => Key::Columns(2),
        _ => Key::None,
    };
    let lacks_rowid = match key {
        Key::None | Key::Rowid => false,
        Key::Columns(1) => rng.bool(),
        Key::Columns(_) => rng.u8(..4) > 0,
    };
    let kind = if lacks_rowid { Kind::WithoutRowid } else { Kind::Table };
    let relation = Relation {
        name: name.clone(),
        kind,
        is_strict: rng.u8(..5) == 0,
        columns: Vec::new(),
        key: Vec::new(),
        tie: Vec::new(),
        single: Vec::new(),
        takes_writes: true,
    };
    let mut draft = Draft { rng, schema, relation, lines: Vec::new() };
    draft.columns(&key);
    draft.key(&key);
    let Draft { relation, lines, .. } = draft;
    let mut options = Vec::new();
    if relation.is_strict {
        options.push("STRICT");
    }
    if kind == Kind::WithoutRowid {
        options.push("WITHOUT ROWID");
    }
    let sql = format!("CREATE TABLE {name} ({}) {}", lines.join(", "), options.join(", "));
    Part { sql: sql.trim_end().to_owned(), change: Change::AddRelation(relation) }
}

impl Draft<'_> {
    fn columns(&mut self, key: &Key) {
        if matches!(key, Key::Rowid) {
            let more = if self.rng.u8(..3) == 0 { " AUTOINCREMENT" } else { "" };
            self.lines.push(format!("id INTEGER PRIMARY KEY{more}"));
            let column = Column::new("id", Affinity::Integer, Collation::Binary);
            self.relation.columns.push(column);
        }
        let count = self.rng.usize(2..=4);
        let mut names: Vec<&str> = NAMES.to_vec();
        self.rng.shuffle(&mut names);
        names.truncate(count);
        if self.rng.u8(..16) == 0 {
            names[0] = one(self.rng, ODD_NAMES);
        }
        names.sort_unstable();
        for name in names {
            self.column(name);
        }
        if self.rng.bool() {
            self.generated();
        }
        if self.schema.has_long_rows() && !self.relation.is_strict {
            // Nothing names it; it takes room.
            self.lines.push("pad BLOB GENERATED ALWAYS AS (zeroblob(90)) STORED".to_owned());
        }
    }

    fn column(&mut self, name: &str) {
        let (mut kind, mut affinity) = if self.relation.is_strict {
            STRICT_TYPES[self.rng.usize(..STRICT_TYPES.len())]
        } else {
            TYPES[self.rng.usize(..TYPES.len())]
        };
        let parent = if self.rng.u8(..5) == 0 { self.parent() } else { None };
        if let Some((_, _, parent)) = &parent {
            affinity = *parent;
            kind = type_of(affinity, self.relation.is_strict);
        }
        let collation = match self.rng.u8(..20) {
            0..5 => Collation::NoCase,
            5..9 => Collation::Rtrim,
            _ => Collation::Binary,
        };
        let collation = if affinity == Affinity::Integer { Collation::Binary } else { collation };
        let mut line = format!("{name} {kind}");
        if collation != Collation::Binary || self.rng.u8(..12) == 0 {
            line += &format!(" COLLATE {}", collation.name());
        }
        line += &self.constraints(name, affinity);
        if let Some((table, column, _)) = parent {
            line += &self.reference(&table, &column);
        }
        self.lines.push(line.replace("  ", " "));
        self.relation.columns.push(Column::new(name, affinity, collation));
    }

    fn constraints(&mut self, name: &str, affinity: Affinity) -> String {
        let rng = &mut *self.rng;
        let mut text = String::new();
        let default =
            if self.relation.is_strict { fitting(rng, affinity) } else { draw(rng, affinity) };
        if rng.u8(..5) == 0 {
            text += &format!(" DEFAULT ({})", literal(&default));
        }
        if rng.u8(..8) == 0 {
            text += &format!(" NOT NULL{}", one(rng, CONFLICTS));
        }
        if rng.u8(..7) == 0 {
            text += &format!(" UNIQUE{}", one(rng, CONFLICTS));
            self.relation.single.push(name.to_owned());
        }
        if rng.u8(..12) == 0 {
            text += &format!(" CHECK ({name} IS NOT {})", literal(&draw(rng, affinity)));
        }
        text
    }

    /// A table with a key of one column, and that column. Now and then the table itself.
    fn parent(&mut self) -> Option<(String, String, Affinity)> {
        if self.rng.u8(..3) == 0 && self.relation.columns.first().is_some_and(|c| c.name == "id") {
            return Some((self.relation.name.clone(), "id".to_owned(), Affinity::Integer));
        }
        let parent = self.schema.table(self.rng)?;
        let [key] = parent.key.as_slice() else { return None };
        let affinity = parent.column(key)?.affinity;
        Some((parent.name.clone(), key.clone(), affinity))
    }

    fn reference(&mut self, table: &str, column: &str) -> String {
        let delete = one(self.rng, ACTIONS);
        let update = one(self.rng, ACTIONS);
        let defer = if self.rng.u8(..4) == 0 { " DEFERRABLE INITIALLY DEFERRED" } else { "" };
        format!(" REFERENCES {table} ({column}) ON DELETE {delete} ON UPDATE {update}{defer}")
    }

    fn generated(&mut self) {
        let Some(of) = self.relation.columns.last().map(|column| column.name.clone()) else {
            return;
        };
        let (expression, affinity) = match self.rng.u8(..5) {
            0 => (format!("{of} || 'x'"), Affinity::Text),
            1 => (format!("lower({of})"), Affinity::Text),
            2 => (format!("length({of})"), Affinity::Integer),
            3 => (format!("coalesce({of}, 0)"), Affinity::None),
            _ => (format!("typeof({of})"), Affinity::Text),
        };
        let kind = if affinity == Affinity::None && !self.relation.is_strict {
            ""
        } else {
            type_of(affinity, self.relation.is_strict)
        };
        let form = if self.rng.u8(..3) > 0 { "VIRTUAL" } else { "STORED" };
        self.lines.push(format!("g {kind} GENERATED ALWAYS AS ({expression}) {form}"));
        let mut column = Column::new("g", affinity, Collation::Binary);
        column.is_generated = true;
        self.relation.columns.push(column);
    }

    fn key(&mut self, key: &Key) {
        let is_rowid_table = self.relation.kind == Kind::Table;
        match key {
            Key::None => {}
            Key::Rowid => self.relation.key = vec!["id".to_owned()],
            Key::Columns(count) => {
                let stored = self.relation.stored();
                let names: Vec<String> =
                    stored.iter().take(*count).map(|column| column.name.clone()).collect();
                // A single INTEGER column would be the rowid under another name.
                let conflict = one(self.rng, CONFLICTS);
                // A key of its own is stored with a column as often as its collations differ. One
                // of a single column stays as it is: others may refer to it. Rows that differ in
                // the key, but not to its columns, are lost by SQLite's automatic indexes.
                let mut key = stored.iter().take(*count);
                let is_binary = key.all(|column| column.collation == Collation::Binary);
                let is_own = !is_rowid_table && *count > 1;
                let is_long = self.rng.u8(..4) > 0 && is_own && is_binary;
                let collations: &[&str] =
                    if is_long { &[" COLLATE NOCASE", " COLLATE RTRIM", ""] } else { &[""] };
                let terms: Vec<String> = names
                    .iter()
                    .flat_map(|name| collations.iter().map(move |it| format!("{name}{it}")))
                    .collect();
                self.lines.push(format!("PRIMARY KEY ({}){conflict}", terms.join(", ")));
                self.relation.key = names;
            }
        }
        self.relation.tie =
            if is_rowid_table { vec!["rowid".to_owned()] } else { self.relation.key.clone() };
    }
}

/// A table whose key has a column as often as there are collations, so that the key as it is
/// stored is longer than the table has columns.
pub(crate) fn long_key(schema: &mut Schema) -> Part {
    let name = schema.fresh("t");
    let sql = format!(
        "CREATE TABLE {name} (a TEXT, b TEXT, c INTEGER, PRIMARY KEY (a COLLATE NOCASE, \
         a COLLATE RTRIM, a, b)) WITHOUT ROWID"
    );
    let columns = [("a", Affinity::Text), ("b", Affinity::Text), ("c", Affinity::Integer)];
    let key = vec!["a".to_owned(), "b".to_owned()];
    let relation = Relation {
        name,
        kind: Kind::WithoutRowid,
        is_strict: false,
        columns: columns.map(|(name, it)| Column::new(name, it, Collation::Binary)).to_vec(),
        key: key.clone(),
        tie: key,
        single: Vec::new(),
        takes_writes: true,
    };
    Part { sql, change: Change::AddRelation(relation) }
}

/// Two tables between which SQLite copies rows as they lie. Rows of the second lack all columns
/// but the first two, which were added later.
pub(crate) fn twins(rng: &mut Rng, schema: &mut Schema) -> Vec<Part> {
    let names = [schema.fresh("t"), schema.fresh("t")];
    let columns = [
        ("a", Affinity::Text),
        ("b", Affinity::Integer),
        ("c", Affinity::Integer),
        ("d", Affinity::Text),
        ("e", Affinity::Integer),
    ];
    let added = [
        format!("c INTEGER DEFAULT {}", rng.u8(1..4)),
        format!("d TEXT DEFAULT '{}'", ["a", "b"][rng.usize(..2)]),
        format!("e INTEGER DEFAULT {}", rng.u8(..3)),
    ];
    let [whole, lacking] = names.map(|name| Relation {
        name,
        kind: Kind::Table,
        is_strict: false,
        columns: columns.map(|(name, it)| Column::new(name, it, Collation::Binary)).to_vec(),
        key: Vec::new(),
        tie: vec!["rowid".to_owned()],
        single: Vec::new(),
        takes_writes: true,
    });
    let (one, other) = (whole.name.clone(), lacking.name.clone());
    let sql = format!("CREATE TABLE {one} (a TEXT, b INTEGER, {})", added.join(", "));
    let mut parts = vec![Part { sql, change: Change::AddRelation(whole) }];
    let mut run = |sql| parts.push(Part { sql, change: Change::Nothing });
    run(format!("CREATE TABLE {other} (a TEXT, b INTEGER)"));
    for _ in 0..12 {
        let values = [Affinity::Text, Affinity::Integer].map(|it| literal(&draw(rng, it)));
        run(format!("INSERT INTO {other} VALUES ({})", values.join(", ")));
    }
    for column in added {
        run(format!("ALTER TABLE {other} ADD COLUMN {column}"));
    }
    if let Some(last) = parts.last_mut() {
        last.change = Change::AddRelation(lacking);
    }
    parts
}

fn type_of(affinity: Affinity, is_strict: bool) -> &'static str {
    match affinity {
        Affinity::Integer => "INTEGER",
        Affinity::Text => "TEXT",
        Affinity::Real => "REAL",
        Affinity::Numeric if !is_strict => "NUMERIC",
        Affinity::Numeric | Affinity::None => "ANY",
    }
}

/// A row for `table`, written out.
pub(crate) fn row(rng: &mut Rng, table: &Relation) -> String {
    let stored = table.stored();
    let names: Vec<&str> = stored.iter().map(|column| column.name.as_str()).collect();
    let values: Vec<String> = stored
        .iter()
        .map(|column| {
            let value = if table.is_strict {
                fitting(rng, column.affinity)
            } else {
                draw(rng, column.affinity)
            };
            literal(&variant(rng, value, column.collation.name()))
        })
        .collect();
    format!("INSERT INTO {} ({}) VALUES ({})", table.name, names.join(", "), values.join(", "))
}

/// An index, sometimes unique, partial, over an expression, or with another collation.
pub(crate) fn index(rng: &mut Rng, schema: &mut Schema) -> Option<Part> {
    let table = schema.table(rng)?.clone();
    let name = schema.fresh("i");
    let column = |rng: &mut Rng| table.columns[rng.usize(..table.columns.len())].clone();
    let mut terms = Vec::new();
    for _ in 0..rng.usize(1..=3) {
        let column = column(rng);
        terms.push(match rng.u8(..10) {
            0 => format!("coalesce({}, 1)", column.name),
            1 => format!("{} COLLATE NOCASE", column.name),
            2 => format!("{} DESC", column.name),
            _ => column.name,
        });
    }
    terms.dedup();
    let unique = if rng.u8(..12) == 0 { "UNIQUE " } else { "" };
    let partial = match rng.u8(..5) {
        0 => format!(" WHERE {} IS NOT NULL", column(rng).name),
        1 => {
            let column = column(rng);
            format!(" WHERE {} > {}", column.name, literal(&draw(rng, column.affinity)))
        }
        _ => String::new(),
    };
    let sql =
        format!("CREATE {unique}INDEX {name} ON {} ({}){partial}", table.name, terms.join(", "));
    Some(Part { sql, change: Change::AddIndex(name) })
}
