//! Random queries over the schema below: every construct of the table of legal places, and values
//! from so small a domain that rows meet and answers change. Not all of them are valid.

use fastrand::Rng;

/// Tables of every kind, and views that may be looked through and that may not.
pub(super) const SCHEMA: &str = "
    CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c TEXT COLLATE NOCASE, d);
    CREATE TABLE u(id INTEGER PRIMARY KEY, t_id INTEGER, a INTEGER, b TEXT COLLATE RTRIM, e REAL);
    CREATE TABLE w(k TEXT PRIMARY KEY, a INTEGER, n NUMERIC, g INTEGER AS (a + 1)) WITHOUT ROWID;
    CREATE TABLE x(rowid TEXT, a INTEGER COLLATE NOCASE, s INTEGER);
    CREATE VIEW v1 AS SELECT id, a AS p, b, c FROM t WHERE a > 0;
    CREATE VIEW v2(q, r, a) AS SELECT u.a, t.b, t.a FROM u LEFT JOIN t ON t.id = u.t_id;
    CREATE VIEW v3 AS SELECT a, count(*) AS p FROM u GROUP BY a;
    CREATE VIEW v4 AS SELECT a, b FROM t UNION ALL SELECT a, b FROM u;
    CREATE VIEW v5 AS SELECT * FROM v1 ORDER BY id LIMIT 3;
    CREATE VIEW v6 AS SELECT DISTINCT a, c FROM t;
    CREATE VIEW v7 AS SELECT * FROM t JOIN x USING (a);
    CREATE VIEW v8 AS SELECT a, c, row_number() OVER (ORDER BY a, id) AS p FROM t;
";

/// The base tables: name, what finds a row, and the columns that can be written.
pub(super) const TABLES: [(&str, &str, &[&str]); 4] = [
    ("t", "id", &["id", "a", "b", "c", "d"]),
    ("u", "id", &["id", "t_id", "a", "b", "e"]),
    ("w", "k", &["k", "a", "n"]),
    ("x", "_rowid_", &["rowid", "a", "s"]),
];

const RELATIONS: [(&str, &[&str]); 12] = [
    ("t", &["id", "a", "b", "c", "d", "rowid"]),
    ("u", &["id", "t_id", "a", "b", "e", "oid"]),
    ("w", &["k", "a", "n", "g"]),
    ("x", &["rowid", "a", "s"]),
    ("v1", &["id", "p", "b", "c"]),
    ("v2", &["q", "r", "a"]),
    ("v3", &["a", "p"]),
    ("v4", &["a", "b"]),
    ("v5", &["id", "p", "b", "c"]),
    ("v6", &["a", "c"]),
    ("v7", &["id", "a", "b", "s"]),
    ("v8", &["a", "c", "p"]),
];

/// Values as literals; the same are stored and bound.
pub(super) const VALUES: [&str; 20] = [
    "0", "1", "2", "2", "1", "3", "1.0", "1.5", "'1'", "'a'", "'A'", "'a '", "''", "NULL", "x'61'",
    "'b'", "'a'", "1", "2", "0",
];

/// Something that stands in FROM, with the names of its columns.
#[derive(Clone)]
struct Item {
    alias: String,
    columns: Vec<String>,
}

pub(super) struct Queries<'r> {
    rng: &'r mut Rng,
    aliases: usize,
    /// CTEs in sight.
    ctes: Vec<Item>,
}

impl<'r> Queries<'r> {
    pub(super) fn new(rng: &'r mut Rng) -> Queries<'r> {
        Queries { rng, aliases: 0, ctes: Vec::new() }
    }

    /// A whole query, and whether its rows have an order. One with LIMIT is ordered by all that it
    /// shows, so that its rows are certain.
    pub(super) fn query(&mut self) -> (String, bool) {
        if self.rng.u8(..5) == 0 {
            return (self.page(), true);
        }
        let columns = self.rng.usize(1..4);
        let text = self.select(2, columns, &[]);
        if self.rng.u8(..4) == 0 {
            return (format!("{text} ORDER BY {} LIMIT {}", all(columns), self.limit()), true);
        }
        (text, false)
    }

    /// A query in the form that has a bound on its last row.
    fn page(&mut self) -> String {
        let (from, items) = self.from(1);
        let item = self.rng.choice(&items).unwrap().clone();
        let key = self.rng.choice(&item.columns).unwrap().clone();
        let other = self.column(&items);
        let filter = if self.rng.bool() {
            format!(" WHERE {}", self.condition(&items, 1))
        } else {
            String::new()
        };
        let list = match self.rng.u8(..5) {
            0 => format!("{}.{key}, {other}", item.alias),
            1 => format!("{other}, {key}"),
            2 => format!("{other} AS {key}, {}.{key} AS z", item.alias),
            3 => format!("{}.{key} AS {other}, 1", item.alias)
                .replace('.', "_")
                .replacen('_', ".", 1),
            _ => format!("{}.*, {other}", item.alias),
        };
        let term = match self.rng.u8(..6) {
            0 => "1".to_owned(),
            1 | 2 => key.clone(),
            3 => "z".to_owned(),
            _ => format!("{}.{key}", item.alias),
        };
        let collate = if self.rng.u8(..6) == 0 { " COLLATE NOCASE" } else { "" };
        let direction = *self.rng.choice(&["", " DESC", " ASC", " NULLS LAST"]).unwrap();
        // What follows is a total order over what is shown.
        let width = if list.contains('*') { item.columns.len() } else { 2 };
        let distinct = if self.rng.u8(..8) == 0 { "DISTINCT " } else { "" };
        format!(
            "SELECT {distinct}{list} FROM {from}{filter} ORDER BY {term}{collate}{direction}, {} \
             LIMIT {}",
            all(width),
            self.limit()
        )
    }

    fn limit(&mut self) -> String {
        let text = *self
            .rng
            .choice(&["1", "2", "3", "2 OFFSET 1", "1, 2", "2, 4", "2, 5", ":n", ":n OFFSET 1"])
            .unwrap();
        text.to_owned()
    }

    /// A SELECT with so many result columns; `outer` is what it may refer to.
    fn select(&mut self, depth: usize, columns: usize, outer: &[Item]) -> String {
        let known = self.ctes.len();
        let with =
            if depth > 0 && self.rng.u8(..6) == 0 { self.with(depth - 1) } else { String::new() };
        let mut text = self.block(depth, columns, outer);
        if depth > 0 && self.rng.u8(..7) == 0 {
            let operator =
                *self.rng.choice(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]).unwrap();
            text = format!("{text} {operator} {}", self.block(depth - 1, columns, outer));
        }
        self.ctes.truncate(known);
        with + &text
    }

    fn with(&mut self, depth: usize) -> String {
        let alias = self.alias("c");
        let columns: Vec<String> = vec!["a".into(), "p".into()];
        let item = Item { alias: alias.clone(), columns };
        if self.rng.u8(..3) == 0 {
            // A walk along t_id, which ends because UNION keeps no duplicates.
            let (first, next) = (self.condition(&[own("t")], 0), self.condition(&[own("u")], 0));
            self.ctes.push(item);
            return format!(
                "WITH RECURSIVE {alias}(a, p) AS (SELECT id, a FROM t WHERE {first} UNION \
                 SELECT u.t_id, u.a FROM {alias} JOIN u ON u.id = {alias}.a WHERE {next}) "
            );
        }
        let body = self.select(depth, 2, &[]);
        self.ctes.push(item);
        let hint = *self.rng.choice(&["", "", "MATERIALIZED ", "NOT MATERIALIZED "]).unwrap();
        format!("WITH {alias}(a, p) AS {hint}({body}) ")
    }

    fn alias(&mut self, prefix: &str) -> String {
        self.aliases += 1;
        format!("{prefix}{}", self.aliases)
    }

    fn block(&mut self, depth: usize, columns: usize, outer: &[Item]) -> String {
        let (from, items) = self.from(depth);
        let mut sight = items.clone();
        sight.extend_from_slice(outer);
        let mut list = Vec::new();
        let is_aggregate = self.rng.u8(..5) == 0;
        for _ in 0..columns {
            list.push(self.result(&items, outer, is_aggregate, depth));
        }
        let distinct = if self.rng.u8(..8) == 0 { "DISTINCT " } else { "" };
        let mut text = format!("SELECT {distinct}{} FROM {from}", list.join(", "));
        if self.rng.u8(..5) > 0 {
            text += &format!(" WHERE {}", self.condition(&sight, depth));
        }
        if is_aggregate && self.rng.bool() {
            text += &format!(" GROUP BY {}", self.column(&items));
            if self.rng.bool() {
                text += &format!(" HAVING {}", self.condition(&items, 0));
            }
        }
        text
    }

    fn result(&mut self, items: &[Item], outer: &[Item], aggregate: bool, depth: usize) -> String {
        let column = self.column(items);
        if aggregate {
            let function =
                *self.rng.choice(&["count(*)", "max", "min", "sum", "count", "total"]).unwrap();
            return if function.ends_with(')') {
                function.to_owned()
            } else if outer.is_empty() || self.rng.bool() {
                format!("{function}({column})")
            } else {
                // It may belong to the query around.
                let other = self.column(outer);
                format!("{function}({other})")
            };
        }
        match self.rng.u8(..12) {
            0 => format!("{column} || 'x'"),
            1 if depth > 0 => {
                let inner = self.select(depth - 1, 1, items);
                format!("(SELECT max(q1) FROM ({inner}) AS n(q1))")
                    .replace(" AS n(q1)", " n")
                    .replace("max(q1)", "count(*)")
            }
            2 if depth > 0 => {
                let inner = self.block(0, 1, items);
                format!("EXISTS ({inner})")
            }
            3 => format!("count(*) OVER (PARTITION BY {column})"),
            4 if !outer.is_empty() => self.column(outer),
            _ => column,
        }
    }

    /// FROM, and what can be referred to.
    fn from(&mut self, depth: usize) -> (String, Vec<Item>) {
        let (mut text, item) = self.item(depth);
        let mut items = vec![item];
        for _ in 0..*self.rng.choice(&[0, 0, 1, 1, 2]).unwrap() {
            let (right, item) = if depth > 0 && self.rng.u8(..8) == 0 {
                let (inner, mut found) = self.from(0);
                let last = found.pop().unwrap();
                items.extend(found);
                (format!("({inner})"), last)
            } else {
                self.item(depth)
            };
            items.push(item);
            const JOINS: &[&str] = &[
                ",",
                "JOIN",
                "JOIN",
                "INNER JOIN",
                "CROSS JOIN",
                "LEFT JOIN",
                "LEFT JOIN",
                "LEFT OUTER JOIN",
                "LEFT JOIN",
                "RIGHT JOIN",
                "FULL JOIN",
                "NATURAL JOIN",
                "NATURAL LEFT JOIN",
            ];
            let join = *self.rng.choice(JOINS).unwrap();
            text = format!("{text} {join} {right}");
            if join == "," || join == "CROSS JOIN" || join.starts_with("NATURAL") {
                continue;
            }
            text += &match self.rng.u8(..8) {
                0 => " USING (a)".to_owned(),
                1 => String::new(),
                2 | 3 => {
                    let (left, right) = (self.column(&items), self.column(&items));
                    format!(" ON {left} = {right}")
                }
                _ => format!(" ON {}", self.condition(&items, 0)),
            };
        }
        (text, items)
    }

    fn item(&mut self, depth: usize) -> (String, Item) {
        if !self.ctes.is_empty() && self.rng.bool() {
            let cte = self.rng.choice(&self.ctes).unwrap().clone();
            let alias = self.alias("r");
            return (format!("{} {alias}", cte.alias), Item { alias, ..cte });
        }
        let alias = self.alias("i");
        if depth > 0 && self.rng.u8(..4) == 0 {
            let count = self.rng.usize(1..4);
            let (text, columns) = self.derived(depth - 1, count);
            return (format!("({text}) AS {alias}"), Item { alias, columns });
        }
        if self.rng.u8(..24) == 0 {
            let columns = vec!["column1".to_owned(), "column2".to_owned()];
            return (format!("(VALUES (1, 'a'), (2, NULL)) {alias}"), Item { alias, columns });
        }
        let relations = if self.rng.u8(..3) == 0 { &RELATIONS[..] } else { &RELATIONS[..4] };
        let (name, columns) = *self.rng.choice(relations).unwrap();
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        match self.rng.u8(..4) {
            0 => (name.to_owned(), Item { alias: name.to_owned(), columns }),
            1 => (format!("main.{name} AS {alias}"), Item { alias, columns }),
            _ => (format!("{name} {alias}"), Item { alias, columns }),
        }
    }

    /// A subquery whose columns have names that also tables have.
    fn derived(&mut self, depth: usize, count: usize) -> (String, Vec<String>) {
        let names: Vec<String> = ["a", "p", "b"][..count].iter().map(|it| (*it).into()).collect();
        if self.rng.u8(..3) == 0 {
            return (self.select(depth, count, &[]), names);
        }
        let (from, items) = self.from(depth);
        let column =
            |queries: &mut Queries<'_>, name| format!("{} AS {name}", queries.column(&items));
        let mut list: Vec<String> = names.iter().map(|name| column(self, name)).collect();
        if count > 1 && self.rng.u8(..6) == 0 {
            // It is an aggregate of this query, though it stands in another.
            let outer = self.column(&items);
            list[count - 1] = format!("(SELECT max({outer}) FROM u) AS {}", names[count - 1]);
        }
        let filter = if self.rng.bool() {
            format!(" WHERE {}", self.condition(&items, 0))
        } else {
            String::new()
        };
        let tail = match self.rng.u8(..6) {
            0 => format!(" ORDER BY {} LIMIT 2", all(count)),
            1 => format!(" GROUP BY {}", self.column(&items)),
            _ => String::new(),
        };
        (format!("SELECT {} FROM {from}{filter}{tail}", list.join(", ")), names)
    }

    /// A column of one of these, with the name of its table or without.
    fn column(&mut self, items: &[Item]) -> String {
        let item = self.rng.choice(items).unwrap();
        let column = self.rng.choice(&item.columns).unwrap();
        let quoted = match self.rng.u8(..12) {
            0 => format!("\"{column}\""),
            1 => format!("[{}]", column.to_uppercase()),
            _ => column.clone(),
        };
        if self.rng.u8(..5) == 0 { quoted } else { format!("{}.{quoted}", item.alias) }
    }

    fn constant(&mut self) -> String {
        match self.rng.u8(..8) {
            0 => "?".to_owned(),
            1 => "?2".to_owned(),
            2 => ":a".to_owned(),
            3 => "-1".to_owned(),
            _ => (*self.rng.choice(&VALUES).unwrap()).to_owned(),
        }
    }

    /// A condition, mostly of the kind that can be used.
    fn condition(&mut self, items: &[Item], depth: usize) -> String {
        let count = *self.rng.choice(&[1, 1, 1, 2, 2, 3]).unwrap();
        let parts: Vec<String> = (0..count).map(|_| self.part(items, depth)).collect();
        let operator = if self.rng.u8(..6) == 0 { " OR " } else { " AND " };
        parts.join(operator)
    }

    fn part(&mut self, items: &[Item], depth: usize) -> String {
        let (x, y) = (self.column(items), self.column(items));
        let (m, n) = (self.constant(), self.constant());
        let sign = *self
            .rng
            .choice(&["=", "=", "=", "==", "<", "<=", ">", ">=", "<>", "IS", "IS NOT"])
            .unwrap();
        let collate =
            *self.rng.choice(&["COLLATE NOCASE", "COLLATE BINARY", "COLLATE rtrim"]).unwrap();
        match self.rng.u8(..30) {
            0..=4 => format!("{x} {sign} {m}"),
            5 | 6 => format!("{x} IS NULL"),
            7 | 8 => format!("{m} {sign} {x}"),
            9 => format!("{x} {collate} {sign} {m}"),
            10 => format!("{x} {sign} {m} {collate}"),
            11 => format!("+{x} {sign} {m}"),
            12 | 13 => format!("{x} IN ({m}, {n})"),
            14 => format!("{x} IN ({m})"),
            15 => format!("{x} BETWEEN {m} AND {n}"),
            16 => format!("{x} ISNULL"),
            17 => format!("{x} NOT NULL"),
            18 => format!("({x} = {m} OR {x} = {n})"),
            19 => format!("({x} = {m} OR {y} = {n})"),
            20 => format!("({x} = {m} OR {x} IS NULL)"),
            21..=23 => format!("{x} = {y}"),
            24 => format!("({x}, {y}) {sign} ({m}, {n})"),
            25 => format!("NOT ({x} {sign} {m})"),
            26 => format!("coalesce({x}, {m}) = {n}"),
            27 if depth > 0 => {
                let not = if self.rng.bool() { "NOT " } else { "" };
                format!("{not}EXISTS ({})", self.block(depth - 1, 1, items))
            }
            28 if depth > 0 => {
                let not = if self.rng.bool() { "NOT " } else { "" };
                format!("{x} {not}IN ({})", self.select(depth - 1, 1, items))
            }
            29 if depth > 0 => format!("({x}, {y}) IN (({m}, {n}), (1, {m}))"),
            _ => format!("{x} NOT IN ({m}, {n})"),
        }
    }
}

fn own(table: &str) -> Item {
    let (_, columns) = RELATIONS.iter().find(|(name, _)| *name == table).unwrap();
    Item { alias: table.to_owned(), columns: columns.iter().map(|it| (*it).to_owned()).collect() }
}

/// The numbers of so many result columns, as terms of ORDER BY.
fn all(columns: usize) -> String {
    (1..=columns).map(|n| n.to_string()).collect::<Vec<_>>().join(", ")
}
