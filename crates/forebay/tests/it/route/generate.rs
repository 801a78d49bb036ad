//! Random queries over the two logical tables, and how far two right answers of each agree.

use fastrand::Rng;
use forebay::Value;

/// A query, and what is determined of its answer.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) is_flights: bool,
    pub(super) sql: String,
    pub(super) params: Vec<Value>,
    /// The rows are in this order, and no two are tied.
    pub(super) is_ordered: bool,
    /// Without its LIMIT, if that takes any rows, as many as there are.
    pub(super) unlimited: Option<String>,
}

struct Table {
    name: &'static str,
    split: &'static str,
    columns: &'static [&'static str],
    numbers: &'static [&'static str],
}

const FLIGHTS: Table = Table {
    name: "flights",
    split: "day",
    columns: &["id", "day", "carrier", "origin", "dist", "delay", "note", "twice"],
    numbers: &["dist", "delay", "note", "twice", "id"],
};

const EVENTS: Table = Table {
    name: "events",
    split: "at",
    columns: &["id", "at", "kind", "size", "what", "tag"],
    numbers: &["at", "size", "what", "id"],
};

pub(super) fn query(rng: &mut Rng) -> Query {
    let is_flights = rng.bool();
    let mut making =
        Making { table: if is_flights { &FLIGHTS } else { &EVENTS }, rng, params: vec![] };
    let (sql, is_ordered, unlimited) = match making.rng.u8(0..12) {
        0..=3 => making.rows(),
        4..=8 => making.groups(),
        9 => making.distinct(),
        _ => making.anything(),
    };
    // Some values were made for nothing; a number that the text skips takes one all the same.
    let number = |text: &str| {
        text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
    };
    let last = sql.split('?').skip(1).map(number).max().unwrap_or(0);
    let mut params = making.params;
    params.truncate(last);
    Query { is_flights, sql, params, is_ordered, unlimited }
}

struct Making<'r> {
    table: &'static Table,
    rng: &'r mut Rng,
    params: Vec<Value>,
}

type Made = (String, bool, Option<String>);

impl Making<'_> {
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.usize(0..of.len())]
    }

    fn column(&mut self) -> &'static str {
        self.pick(self.table.columns)
    }

    fn number(&mut self) -> &'static str {
        self.pick(self.table.numbers)
    }

    /// A value as a literal or a parameter.
    fn constant(&mut self, value: Value) -> String {
        if self.rng.bool() {
            self.params.push(value);
            return format!("?{}", self.params.len());
        }
        match value {
            Value::Integer(n) => n.to_string(),
            Value::Real(x) => format!("{x:?}"),
            Value::Text(text) => format!("'{text}'"),
            _ => "NULL".to_owned(),
        }
    }

    fn split_value(&mut self) -> String {
        let value = match (self.table.split, self.rng.u8(0..12)) {
            (_, 0) => Value::Null,
            ("day", 1) => Value::from("2023-01-01"),
            ("day", 2) => Value::from("2024"),
            ("day", _) => {
                let (year, month) = (self.rng.u8(2..5), self.rng.u8(1..13));
                Value::from(format!("202{year}-{month:02}-02"))
            }
            (_, 1) => Value::from("z"),
            (_, 2) => Value::from("15"),
            (_, 3) => Value::from(self.rng.i64(0..300) as f64 / 10.0),
            _ => Value::from(self.rng.i64(-1..31)),
        };
        self.constant(value)
    }

    fn split_condition(&mut self) -> String {
        let split = self.table.split;
        let value = self.split_value();
        match self.rng.u8(0..12) {
            0 => format!("{split} = {value}"),
            1 => format!("{split} IN ({value}, {})", self.split_value()),
            2 => format!("{split} BETWEEN {value} AND {}", self.split_value()),
            3 => format!("{split} IS NULL"),
            4 => format!("{split} IS NOT NULL"),
            5 => format!("({split} = {value} OR {split} = {})", self.split_value()),
            6 => format!("NOT {split} < {value}"),
            7 => format!("{value} <= {split}"),
            8 => format!("{split} COLLATE NOCASE <= {value}"),
            9 => format!("{split} >= {value} AND {split} < {}", self.split_value()),
            10 => format!("{split} > {value}"),
            _ => format!("{split} < {value}"),
        }
    }

    fn condition(&mut self) -> String {
        let column = self.column();
        match self.rng.u8(0..10) {
            0..=4 => self.split_condition(),
            5 => format!("{column} IS NOT NULL"),
            6 => format!("{} > {}", self.number(), self.rng.i32(-2..500)),
            7 => format!("{column} LIKE '%a%'"),
            8 => format!("typeof({column}) <> 'text'"),
            _ => {
                let n = self.rng.i64(-3..4);
                let value = self.constant(Value::from(n));
                format!("{column} <> {value}")
            }
        }
    }

    fn filter(&mut self) -> String {
        let count = self.pick(&[0, 1, 1, 1, 2, 2, 3]);
        let mut filter = String::new();
        for index in 0..count {
            let word = match index {
                0 => "WHERE",
                _ => self.pick(&["AND", "AND", "AND", "OR"]),
            };
            filter.push_str(&format!(" {word} {}", self.condition()));
        }
        filter
    }

    fn limit(&mut self) -> String {
        let count = self.rng.i64(-1..12);
        let count = self.constant(Value::from(count));
        match self.rng.u8(0..3) {
            0 => {
                let skip = self.rng.i64(-1..9);
                format!(" LIMIT {count} OFFSET {}", self.constant(Value::from(skip)))
            }
            1 => {
                // The first is the offset here.
                format!(" LIMIT {count}, {}", self.rng.i64(0..20))
            }
            _ => format!(" LIMIT {count}"),
        }
    }

    fn scalar(&mut self) -> String {
        let column = self.column();
        match self.rng.u8(0..9) {
            0 => format!("{} + 1", self.number()),
            1 => format!("coalesce({column}, 'none')"),
            2 => format!("CASE WHEN {} > 1 THEN 'big' ELSE {column} END", self.number()),
            3 => format!("typeof({column})"),
            4 => format!("substr({column}, 1, 7)"),
            5 => format!("{column} || '-' || {}", self.column()),
            _ => column.to_owned(),
        }
    }

    fn direction(&mut self) -> &'static str {
        self.pick(&["", "", " DESC", " ASC", " DESC NULLS FIRST", " NULLS LAST"])
    }

    fn rows(&mut self) -> Made {
        let table = self.table.name;
        let list = match self.rng.u8(0..4) {
            0 => "*".to_owned(),
            1 => format!("x.*, {}", self.scalar()),
            _ => {
                let count = self.rng.usize(1..4);
                (0..count).map(|_| self.scalar()).collect::<Vec<_>>().join(", ")
            }
        };
        let list = if list == "*" { list } else { format!("{list}, x.id") };
        let base = format!("SELECT {list} FROM {table} AS x{}", self.filter());
        let mut order = Vec::new();
        for _ in 0..self.pick(&[0, 1, 1, 2]) {
            let key = match self.rng.u8(0..5) {
                0 | 1 => self.table.split.to_owned(),
                2 => self.column().to_owned(),
                3 => format!("-{}", self.number()),
                _ => format!("{} COLLATE NOCASE", self.column()),
            };
            order.push(format!("{key}{}", self.direction()));
        }
        self.paged(&base, order, "id")
    }

    /// A query with or without an order, and a limit perhaps.
    fn paged(&mut self, base: &str, mut order: Vec<String>, last: &str) -> Made {
        let is_limited = self.rng.bool();
        if order.is_empty() {
            let limit = if is_limited { self.limit() } else { String::new() };
            let whole = base.to_owned();
            return (format!("{base}{limit}"), false, is_limited.then_some(whole));
        }
        if !last.is_empty() {
            order.push(last.to_owned());
        }
        let limit = if is_limited { self.limit() } else { String::new() };
        (format!("{base} ORDER BY {}{limit}", order.join(", ")), true, None)
    }

    fn aggregate(&mut self) -> String {
        let (column, number) = (self.column(), self.number());
        match self.rng.u8(0..14) {
            0 | 1 => "count(*)".to_owned(),
            2 => format!("count({column})"),
            3 => format!("sum({number})"),
            4 => format!("min({})", self.scalar()),
            5 => format!("max({number})"),
            6 => format!("avg({number})"),
            7 => format!("total({number})"),
            8 => format!("count(DISTINCT {column})"),
            9 => format!("count(*) FILTER (WHERE {})", self.condition()),
            10 => format!("sum({number}) * 2 + count(*)"),
            11 => format!("max(max({number}), 3)"),
            12 => format!("total(DISTINCT {number})"),
            _ => format!("sum({number} > 1)"),
        }
    }

    /// An aggregate of integers, so that it can be sorted by.
    fn sure(&mut self) -> String {
        match self.rng.u8(0..3) {
            0 => "count(*)".to_owned(),
            1 => "max(id)".to_owned(),
            _ => format!("count(DISTINCT {})", self.table.split),
        }
    }

    fn groups(&mut self) -> Made {
        let table = self.table.name;
        let count = self.pick(&[0, 0, 1, 1, 1, 2]);
        let plain: &[&str] = match self.table.name {
            "flights" => &["origin", "substr(day, 1, 7)", "day", "strftime('%m', day)", "dist % 7"],
            _ => &["kind", "length(kind)", "id % 5", "at IS NULL", "typeof(what)"],
        };
        let keys: Vec<&str> = (0..count).map(|_| self.pick(plain)).collect();
        let aggregates: Vec<String> = (0..self.rng.usize(1..4)).map(|_| self.aggregate()).collect();
        let named: Vec<String> =
            keys.iter().enumerate().map(|(n, key)| format!("{key} AS g{n}")).collect();
        let list = [named, aggregates].concat().join(", ");
        let mut sql = format!("SELECT {list} FROM {table}{}", self.filter());
        if !keys.is_empty() {
            let by: Vec<String> = match self.rng.u8(0..3) {
                0 => (1..=count).map(|n| n.to_string()).collect(),
                1 => (0..count).map(|n| format!("g{n}")).collect(),
                _ => keys.iter().map(|key| (*key).to_owned()).collect(),
            };
            sql.push_str(&format!(" GROUP BY {}", by.join(", ")));
        }
        if self.rng.u8(0..3) == 0 {
            sql.push_str(&format!(" HAVING {} > {}", self.sure(), self.rng.i32(0..4)));
        }
        let mut order = Vec::new();
        if self.rng.bool() {
            if self.rng.bool() {
                order.push(format!("{}{}", self.sure(), self.direction()));
            }
            let by_alias = self.rng.bool();
            for (n, key) in keys.iter().enumerate() {
                let key = if by_alias { format!("g{n}") } else { (*key).to_owned() };
                order.push(format!("{key}{}", self.direction()));
            }
        }
        self.paged(&sql, order, "")
    }

    fn distinct(&mut self) -> Made {
        let count = self.rng.usize(1..3);
        let plain: &[&str] = match self.table.name {
            "flights" => &["origin", "day", "substr(day, 1, 4)", "dist % 5", "typeof(note)"],
            _ => &["kind", "id % 7", "typeof(size)", "at IS NULL"],
        };
        let list: Vec<&str> = (0..count).map(|_| self.pick(plain)).collect();
        let base = format!(
            "SELECT DISTINCT {} FROM {}{}",
            list.join(", "),
            self.table.name,
            self.filter()
        );
        let order = match self.rng.bool() {
            true => (1..=count).map(|n| format!("{n}{}", self.direction())).collect(),
            false => Vec::new(),
        };
        self.paged(&base, order, "")
    }

    /// What cannot be taken apart.
    fn anything(&mut self) -> Made {
        let (table, split) = (self.table.name, self.table.split);
        let (filter, column) = (self.filter(), self.column());
        let sql = match self.rng.u8(0..10) {
            0 => {
                format!("SELECT id, row_number() OVER (ORDER BY {split}, id) FROM {table}{filter}")
            }
            1 => format!("SELECT count(*) FROM (SELECT id FROM {table}{filter})"),
            2 => format!("WITH c AS (SELECT * FROM {table}{filter}) SELECT id, {column} FROM c"),
            3 => {
                let other = self.filter();
                format!(
                    "SELECT id FROM {table}{filter} UNION ALL SELECT {column} FROM {table}{other}"
                )
            }
            4 => {
                let value = self.split_value();
                format!(
                    "SELECT a.id, b.id FROM {table} a JOIN {table} b ON a.id = b.id + 1 \
                     WHERE a.{split} > {value}"
                )
            }
            5 if table == "flights" => {
                let value = self.split_value();
                format!(
                    "SELECT f.id, c.name FROM flights f LEFT JOIN carriers c ON c.code = f.carrier \
                     WHERE f.day >= {value}"
                )
            }
            6 if table == "flights" => {
                let value = self.split_value();
                format!("SELECT count(*), min(day) FROM late WHERE day < {value}")
            }
            7 => {
                format!("SELECT id FROM {table} WHERE id IN (SELECT max(id) FROM {table}{filter})")
            }
            8 => {
                format!("SELECT group_concat(id) FROM (SELECT id FROM {table}{filter} ORDER BY id)")
            }
            _ => format!("SELECT {column}, max(id) FROM {table}{filter}"),
        };
        (sql, false, None)
    }
}
