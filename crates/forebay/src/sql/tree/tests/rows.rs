//! Small tables that are held here as well as by the server, and random changes of their rows.

use fastrand::Rng;

use super::super::kind::Kind;
use crate::value::Value;

/// The tables. `u` has lost a column, so numbers of attributes have a gap; `p` is partitioned by
/// `a`, and its partitions have their columns in other orders.
pub(super) const SCHEMA: &str = "
    SET statement_timeout = '30s';
    CREATE TABLE t(id int PRIMARY KEY, a int, b text, c varchar(8), f bool, n bigint NOT NULL);
    CREATE TABLE u(id bigint PRIMARY KEY, t_id int, gone int, a smallint, x text COLLATE \"C\",
        y uuid, d numeric);
    ALTER TABLE u DROP COLUMN gone;
    CREATE TABLE s(id int PRIMARY KEY, a int, z char(3), b text,
        g int GENERATED ALWAYS AS (a + 1) STORED);
    CREATE TABLE p(id int, a int, b text) PARTITION BY LIST (a);
    CREATE TABLE p0 PARTITION OF p FOR VALUES IN (0, 1);
    CREATE TABLE p1(b text, a int, id int);
    ALTER TABLE p ATTACH PARTITION p1 FOR VALUES IN (2, 3);
    CREATE TABLE p2 PARTITION OF p DEFAULT;
    CREATE VIEW v_plain AS SELECT id, a, b FROM t WHERE a > 0;
    CREATE VIEW v_left AS SELECT t.id, u.a, u.x FROM t LEFT JOIN u ON u.t_id = t.id AND u.a < 3;
    CREATE VIEW v_group AS SELECT a, count(*) AS n, max(b) AS b FROM t GROUP BY a;
    CREATE VIEW v_union AS SELECT id, a FROM t WHERE f UNION ALL SELECT t_id, a FROM u;
    CREATE VIEW v_deep AS SELECT v.id, v.a, s.b FROM v_plain v FULL JOIN s ON s.a = v.a
";

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ty {
    Int2,
    Int4,
    Int8,
    Text,
    /// Text under the collation C.
    TextC,
    Varchar,
    Char,
    Bool,
    Uuid,
    Numeric,
}

pub(super) struct TableOf {
    pub(super) name: &'static str,
    /// By attribute number minus one; `None` was dropped.
    pub(super) columns: &'static [Option<(&'static str, Ty, bool)>],
}

/// Name, type, and whether it may be NULL.
pub(super) const TABLES: [TableOf; 4] = [
    TableOf {
        name: "t",
        columns: &[
            Some(("id", Ty::Int4, false)),
            Some(("a", Ty::Int4, true)),
            Some(("b", Ty::Text, true)),
            Some(("c", Ty::Varchar, true)),
            Some(("f", Ty::Bool, true)),
            Some(("n", Ty::Int8, false)),
        ],
    },
    TableOf {
        name: "u",
        columns: &[
            Some(("id", Ty::Int8, false)),
            Some(("t_id", Ty::Int4, true)),
            None,
            Some(("a", Ty::Int2, true)),
            Some(("x", Ty::TextC, true)),
            Some(("y", Ty::Uuid, true)),
            Some(("d", Ty::Numeric, true)),
        ],
    },
    TableOf {
        name: "s",
        columns: &[
            Some(("id", Ty::Int4, false)),
            Some(("a", Ty::Int4, true)),
            Some(("z", Ty::Char, true)),
            Some(("b", Ty::Text, true)),
        ],
    },
    TableOf {
        name: "p",
        columns: &[
            Some(("id", Ty::Int4, false)),
            Some(("a", Ty::Int4, true)),
            Some(("b", Ty::Text, true)),
        ],
    },
];

/// Ids of rows.
const IDS: i64 = 9;

const TEXTS: [&str; 4] = ["a", "b", "A", "ab"];

const UUIDS: [&str; 3] = [
    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12",
    "00000000-0000-0000-0000-00000000000a",
];

impl Ty {
    /// The type as SQL has it.
    pub(super) fn sql(self) -> &'static str {
        match self {
            Ty::Int2 => "smallint",
            Ty::Int4 => "int",
            Ty::Int8 => "bigint",
            Ty::Text | Ty::TextC => "text",
            Ty::Varchar => "varchar",
            Ty::Char => "char(3)",
            Ty::Bool => "bool",
            Ty::Uuid => "uuid",
            Ty::Numeric => "numeric",
        }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Ty::Int2 | Ty::Int4 | Ty::Int8)
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self, Ty::Text | Ty::TextC | Ty::Varchar)
    }

    pub(super) fn value(self, rng: &mut Rng) -> Value {
        match self {
            Ty::Int2 | Ty::Int4 | Ty::Int8 => Value::Integer(rng.i64(0..3)),
            Ty::Text | Ty::TextC | Ty::Varchar => Value::from(TEXTS[rng.usize(..TEXTS.len())]),
            Ty::Char => Value::from(["a  ", "b  ", "ab "][rng.usize(..3)]),
            Ty::Bool => Value::Integer(rng.bool().into()),
            Ty::Uuid => Value::from(UUIDS[rng.usize(..UUIDS.len())]),
            // Of equal ones DISTINCT may show any, so each number is stored in one way.
            Ty::Numeric => Value::from(["1.0", "2.0"][rng.usize(..2)]),
        }
    }

    /// A value as SQL has it.
    pub(super) fn literal(self, value: &Value) -> String {
        match (self, value) {
            (_, Value::Null) => format!("NULL::{}", self.sql()),
            (Ty::Bool, Value::Integer(n)) => (*n == 1).to_string(),
            (Ty::Int8, Value::Integer(n)) => format!("{n}::bigint"),
            (Ty::Int2, Value::Integer(n)) => format!("{n}::smallint"),
            (_, Value::Integer(n)) => n.to_string(),
            (_, Value::Text(text)) => format!("'{text}'::{}", self.sql()),
            (_, value) => panic!("{value:?}"),
        }
    }
}

/// A row by attribute number minus one.
pub(super) type Image = Vec<Value>;

#[derive(Clone, Debug)]
pub(super) struct Change {
    /// Its place among [`TABLES`].
    pub(super) table: usize,
    pub(super) old: Option<Image>,
    pub(super) new: Option<Image>,
    pub(super) sql: String,
}

/// What all tables hold.
pub(super) struct Rows(pub(super) [Vec<Image>; 4]);

impl Rows {
    pub(super) fn random(rng: &mut Rng) -> Rows {
        let mut rows = Rows(Default::default());
        for table in 0..TABLES.len() {
            for _ in 0..rng.usize(2..9) {
                if let Some(image) = rows.fresh(table, rng) {
                    rows.0[table].push(image);
                }
            }
        }
        rows
    }

    /// The statements that make the tables hold this.
    pub(super) fn sql(&self) -> String {
        let mut sql = String::new();
        for (table, rows) in TABLES.iter().zip(&self.0) {
            sql.push_str(&format!("DELETE FROM {};\n", table.name));
            for image in rows {
                sql.push_str(&format!("{};\n", insert(table, image)));
            }
        }
        sql
    }

    /// A row whose id is not there yet.
    fn fresh(&self, table: usize, rng: &mut Rng) -> Option<Image> {
        let id = Value::Integer(rng.i64(0..IDS));
        if self.0[table].iter().any(|image| image[0] == id) {
            return None;
        }
        let value = |column: &Option<(&str, Ty, bool)>| match column {
            Some((_, _, true)) | None if rng.u8(..4) == 0 => Value::Null,
            Some((_, ty, _)) => ty.value(rng),
            None => Value::Null,
        };
        let mut image: Image = TABLES[table].columns.iter().map(value).collect();
        image[0] = id;
        Some(image)
    }

    /// A random change of one row of a table.
    pub(super) fn change(&self, table: usize, rng: &mut Rng) -> Option<Change> {
        let of = &TABLES[table];
        let rows = &self.0[table];
        if rows.is_empty() || rng.u8(..5) == 0 {
            let new = self.fresh(table, rng)?;
            let sql = insert(of, &new);
            return Some(Change { table, old: None, new: Some(new), sql });
        }
        let old = rows[rng.usize(..rows.len())].clone();
        let key = of.columns[0].unwrap().1.literal(&old[0]);
        if rng.u8(..5) == 0 {
            let sql = format!("DELETE FROM {} WHERE id = {key}", of.name);
            return Some(Change { table, old: Some(old), new: None, sql });
        }
        let other = self.fresh(table, rng)?;
        let mut new = old.clone();
        for _ in 0..rng.usize(1..3) {
            let column = rng.usize(..new.len());
            new[column] = other[column].clone();
        }
        let sets = of.columns.iter().zip(&new).filter_map(|(column, value)| {
            let (name, ty, _) = column.as_ref()?;
            Some(format!("{name} = {}", ty.literal(value)))
        });
        let sets = sets.collect::<Vec<_>>().join(", ");
        let sql = format!("UPDATE {} SET {sets} WHERE id = {key}", of.name);
        Some(Change { table, old: Some(old), new: Some(new), sql })
    }
}

fn insert(table: &TableOf, image: &Image) -> String {
    let known = table.columns.iter().zip(image);
    let known = known.filter_map(|(column, value)| Some((column.as_ref()?, value)));
    let (names, values): (Vec<&str>, Vec<String>) =
        known.map(|((name, ty, _), value)| (*name, ty.literal(value))).unzip();
    format!("INSERT INTO {}({}) VALUES ({})", table.name, names.join(", "), values.join(", "))
}

/// The forms that values have here are those that the dependency index is to be given.
#[test]
fn forms() {
    let check = |oid, expect| assert_eq!(Kind::of(oid), expect, "{oid}");
    check(23, Some(Kind::Integer));
    check(16, Some(Kind::Integer));
    check(1043, Some(Kind::Text));
    check(2950, Some(Kind::Uuid));
    check(1042, None);
    check(1700, None);
    check(1082, None);
}
