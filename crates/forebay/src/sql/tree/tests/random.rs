//! Random queries with one right answer: whatever has a LIMIT has a total order, and nothing rests
//! on the order of rows.

use fastrand::Rng;

use super::rows::{TABLES, Ty};
use crate::value::Value;

/// A column in sight.
#[derive(Clone)]
struct Col {
    name: String,
    ty: Ty,
}

/// A query, and the values of its parameters.
pub(super) struct Query {
    pub(super) sql: String,
    pub(super) parameters: Vec<(Ty, Value)>,
}

pub(super) fn query(rng: &mut Rng) -> Query {
    let mut generator =
        Generator { rng, parameters: Vec::new(), named: 0, leaves: 0, ctes: Vec::new() };
    let sql = match generator.rng.u32(..12) {
        0..=2 => generator.pair(),
        3..=4 => generator.above(),
        5..=6 => generator.short_page(),
        7 => generator.correlated(),
        8 => generator.twice(),
        _ => generator.statement(),
    };
    Query { sql, parameters: generator.parameters }
}

struct Generator<'r> {
    rng: &'r mut Rng,
    parameters: Vec<(Ty, Value)>,
    named: usize,
    leaves: usize,
    ctes: Vec<(String, Vec<Ty>)>,
}

/// Leaves of one statement: a product of more takes too long.
const LEAVES_MAX: usize = 4;

impl Generator<'_> {
    fn one_in(&mut self, n: u32) -> bool {
        self.rng.u32(..n) == 0
    }

    fn fresh(&mut self, letter: &str) -> String {
        self.named += 1;
        format!("{letter}{}", self.named)
    }

    fn statement(&mut self) -> String {
        let mut with = String::new();
        if self.one_in(5) {
            for _ in 0..self.rng.usize(1..3) {
                let name = self.fresh("c");
                let (body, tys) = self.select(1, &[]);
                let kind = ["", "MATERIALIZED ", "NOT MATERIALIZED "][self.rng.usize(..3)];
                let start = if with.is_empty() { "WITH" } else { "," };
                with.push_str(&format!(
                    "{start} {name}({}) AS {kind}({body}) ",
                    numbered(tys.len())
                ));
                self.ctes.push((name, tys));
            }
        }
        let (body, _) = if self.one_in(3) { self.page(&[]) } else { self.select(2, &[]) };
        with + &body
    }

    /// Two tables joined by an equation, and little else: what is said of one side at a time.
    fn pair(&mut self) -> String {
        let (names, tables) = (["r1", "r2"], [self.rng.usize(..4), self.rng.usize(..4)]);
        let [left, right] = [0, 1].map(|at| of_table(tables[at], names[at]));
        let both = [&left[..], &right[..]].concat();
        let kind = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"][self.rng.usize(..4)];
        let mut on = self.equation(&left, &right).unwrap_or("r1.id = r2.id".to_owned());
        if kind != "FULL JOIN" && self.one_in(2) {
            let col = self.pick(&both);
            on = format!("{on} AND {}", self.simple(&col));
        }
        let filter = match self.rng.u32(..4) {
            0 => String::new(),
            1 => format!(" WHERE {}", self.predicate(&both, &[], 0)),
            _ => {
                let col = self.pick(&both);
                format!(" WHERE {}", self.simple(&col))
            }
        };
        let shown = self.shown(&both);
        let [one, other] = tables.map(|table| match table {
            3 => ["p", "p0", "p1"][self.rng.usize(..3)],
            table => TABLES[table].name,
        });
        let from = format!("{one} AS r1 {kind} {other} AS r2 ON {on}{filter}");
        match self.rng.u32(..4) {
            0 => format!("SELECT count(*) FROM {from}"),
            1 => format!("SELECT * FROM {from}"),
            _ => format!("SELECT {} FROM {from}", names_of(&shown)),
        }
    }

    /// A condition on what a subquery answers that is not its FROM and WHERE, row for row.
    fn above(&mut self) -> String {
        let table = self.rng.usize(..4);
        let cols = of_table(table, "r1");
        let filter = match self.one_in(3) {
            true => {
                let col = self.pick(&cols);
                format!(" WHERE {}", self.simple(&col))
            }
            false => String::new(),
        };
        let from = format!("{} AS r1{filter}", TABLES[table].name);
        let [a, b] = [0, 1].map(|_| self.pick(&cols));
        let (inner, tys) = match self.rng.u32(..8) {
            0 => {
                let limit = self.rng.u32(1..4);
                let sql = format!(
                    "SELECT {}, {} FROM {from} ORDER BY 1, 2 LIMIT {limit}",
                    a.name, b.name
                );
                (sql, vec![a.ty, b.ty])
            }
            1 => {
                let sql =
                    format!("SELECT {}, {} FROM {from} ORDER BY 1, 2 OFFSET 1", a.name, b.name);
                (sql, vec![a.ty, b.ty])
            }
            2 => {
                let sql = format!(
                    "SELECT DISTINCT ON ({0}) {0}, {1} FROM {from} ORDER BY 1, 2",
                    a.name, b.name
                );
                (sql, vec![a.ty, b.ty])
            }
            3 => {
                let sql = format!(
                    "SELECT {}, count(*) OVER (PARTITION BY {}) FROM {from}",
                    a.name, b.name
                );
                (sql, vec![a.ty, Ty::Int8])
            }
            4 => {
                let sql =
                    format!("SELECT {}, rank() OVER (ORDER BY {}) FROM {from}", a.name, b.name);
                (sql, vec![a.ty, Ty::Int8])
            }
            5 => {
                let sql =
                    format!("SELECT {0}, count({1}) FROM {from} GROUP BY {0}", a.name, b.name);
                (sql, vec![a.ty, Ty::Int8])
            }
            6 => {
                let sql = format!("SELECT count({}), count(*) FROM {from}", a.name);
                (sql, vec![Ty::Int8, Ty::Int8])
            }
            _ => {
                let sql = format!(
                    "SELECT {0}, {1} FROM {from} EXCEPT SELECT {1}, {0} FROM {from}",
                    "r1.id", "r1.a"
                );
                (sql, vec![Ty::Int4, Ty::Int4])
            }
        };
        let outer = columns("q", &tys);
        let col = self.pick(&outer);
        let test = self.simple(&col);
        format!("SELECT * FROM ({inner}) AS q({}) WHERE {test}", numbered(tys.len()))
    }

    /// A subquery that refers to the query around it.
    fn correlated(&mut self) -> String {
        let [outer, inner] = [0, 1].map(|_| self.rng.usize(..4));
        let (around, within) = (of_table(outer, "r1"), of_table(inner, "r2"));
        let equation = self.equation(&around, &within).unwrap_or("r1.a = r2.a".to_owned());
        let both = [&around[..], &within[..]].concat();
        let col = self.pick(&both);
        let test = self.simple(&col);
        let from = format!("{} AS r2 WHERE {equation} AND {test}", TABLES[inner].name);
        let shown = self.pick(&around).name;
        let table = TABLES[outer].name;
        let not = if self.one_in(2) { "NOT " } else { "" };
        match self.rng.u32(..3) {
            0 => format!("SELECT {shown}, (SELECT count(*) FROM {from}) FROM {table} AS r1"),
            1 => {
                format!("SELECT {shown} FROM {table} AS r1 WHERE {not}EXISTS (SELECT FROM {from})")
            }
            _ => format!(
                "SELECT {shown}, q.n FROM {table} AS r1, \
                 LATERAL (SELECT r2.id AS n FROM {from}) AS q"
            ),
        }
    }

    /// A CTE that is named twice.
    fn twice(&mut self) -> String {
        let table = self.rng.usize(..4);
        let cols = of_table(table, "r1");
        let [a, b, col] = [0, 1, 2].map(|_| self.pick(&cols));
        let filter = match self.one_in(2) {
            true => format!(" WHERE {}", self.simple(&col)),
            false => String::new(),
        };
        let kind = ["", "MATERIALIZED "][self.rng.usize(..2)];
        let [x, y] = ["x", "y"].map(|name| {
            let cols = columns(name, &[a.ty, b.ty]);
            let col = self.pick(&cols);
            self.simple(&col)
        });
        let join = match self.rng.u32(..3) {
            0 => format!("c AS x LEFT JOIN c AS y ON {y}"),
            1 => format!("c AS x, c AS y WHERE {x} AND {y}"),
            _ => format!("c AS x WHERE {x} OR EXISTS (SELECT FROM c AS y WHERE {y})"),
        };
        let body =
            format!("SELECT {}, {} FROM {} AS r1{filter}", a.name, b.name, TABLES[table].name);
        format!("WITH c(c0, c1) AS {kind}({body}) SELECT x.c0 FROM {join}")
    }

    /// The first rows of a table, or of two.
    fn short_page(&mut self) -> String {
        let table = self.rng.usize(..3);
        let cols = of_table(table, "r1");
        let mut from = format!("{} AS r1", TABLES[table].name);
        let is_joined = self.one_in(2);
        if is_joined {
            let kind = ["LEFT JOIN", "RIGHT JOIN", "JOIN"][self.rng.usize(..3)];
            from = format!("{from} {kind} u AS r2 ON r2.a = r1.a");
        }
        if self.one_in(3) {
            let col = self.pick(&cols);
            from = format!("{from} WHERE {}", self.simple(&col));
        }
        let leads = ["r1.a", "r1.a", "r1.id", "r2.id"];
        let by = leads[self.rng.usize(..if is_joined { 4 } else { 3 })];
        let way = ["", " DESC", " NULLS FIRST", " DESC NULLS LAST"][self.rng.usize(..4)];
        let ends = ["1", "2", "3", "1 OFFSET 1", "2 OFFSET 2"];
        let end = ends[self.rng.usize(..ends.len())];
        let select = ["SELECT", "SELECT", "SELECT DISTINCT"][self.rng.usize(..3)];
        let id = if is_joined { "r2.id" } else { "r1.id" };
        let rest = match self.one_in(4) {
            true => "count(*) OVER ()".to_owned(),
            false => self.pick(&cols).name,
        };
        let list = format!("r1.a, r1.id, {id}, {rest}");
        format!("{select} {list} FROM {from} ORDER BY {by}{way}, 1, 2, 3, 4 LIMIT {end}")
    }

    /// A query and the types of its columns.
    fn select(&mut self, depth: usize, outer: &[Col]) -> (String, Vec<Ty>) {
        match self.rng.u32(..12) {
            0 if depth > 0 => self.set_operation(depth, outer),
            1 => self.grouped(depth, outer),
            2 => self.distinct(depth, outer),
            3 => self.windowed(depth, outer),
            4 => {
                let (sql, tys) = self.plain(depth, outer);
                let order = (1..=tys.len()).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
                let limit = self.rng.usize(1..5);
                let offset = if self.one_in(3) { " OFFSET 1" } else { "" };
                (format!("{sql} ORDER BY {order} LIMIT {limit}{offset}"), tys)
            }
            5 => self.aggregate(depth, outer),
            _ => self.plain(depth, outer),
        }
    }

    /// A page of the outermost query, ordered by a column first.
    fn page(&mut self, outer: &[Col]) -> (String, Vec<Ty>) {
        let (from, cols) = self.from(1, outer);
        let filter = self.filter(&cols, outer, 1);
        let shown = self.shown(&cols);
        let numbers: Vec<&Col> = shown.iter().filter(|col| col.ty.is_number()).collect();
        let lead = match numbers.as_slice() {
            [] => "1".to_owned(),
            numbers => numbers[self.rng.usize(..numbers.len())].name.clone(),
        };
        let way = ["", " DESC", " NULLS FIRST", " DESC NULLS LAST"][self.rng.usize(..4)];
        let rest = (1..=shown.len()).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
        let limit = self.rng.i64(1..5);
        let limit = if self.one_in(3) {
            self.parameter(Ty::Int8, Value::Integer(limit))
        } else {
            limit.to_string()
        };
        let offset = if self.one_in(4) { " OFFSET 1" } else { "" };
        let list = names_of(&shown);
        let sql = format!(
            "SELECT {list} FROM {from}{filter} ORDER BY {lead}{way}, {rest} LIMIT {limit}{offset}"
        );
        (sql, tys(&shown))
    }

    fn plain(&mut self, depth: usize, outer: &[Col]) -> (String, Vec<Ty>) {
        let (from, cols) = self.from(depth, outer);
        let filter = self.filter(&cols, outer, depth);
        let shown = self.shown(&cols);
        let mut list: Vec<String> = shown.iter().map(|col| col.name.clone()).collect();
        let mut tys = tys(&shown);
        if self.one_in(6) && depth > 0 && self.leaves < LEAVES_MAX {
            let all = [&cols[..], outer].concat();
            let (sub, _) = self.scalar(depth - 1, &all);
            list.push(sub);
            tys.push(Ty::Int4);
        }
        (format!("SELECT {} FROM {from}{filter}", list.join(", ")), tys)
    }

    fn set_operation(&mut self, depth: usize, outer: &[Col]) -> (String, Vec<Ty>) {
        let branch = |of: &mut Self| {
            let (from, cols) = of.from(depth - 1, outer);
            let filter = of.filter(&cols, outer, depth - 1);
            let number = cols.iter().find(|col| col.ty.is_number()).map(|col| col.name.clone());
            format!("SELECT {} AS c0 FROM {from}{filter}", number.unwrap_or("7".to_owned()))
        };
        let (left, right) = (branch(self), branch(self));
        let op = ["UNION", "UNION ALL", "EXCEPT", "INTERSECT", "EXCEPT ALL"][self.rng.usize(..5)];
        (format!("{left} {op} {right}"), vec![Ty::Int8])
    }

    fn grouped(&mut self, depth: usize, outer: &[Col]) -> (String, Vec<Ty>) {
        let (from, cols) = self.from(depth, outer);
        let filter = self.filter(&cols, outer, depth);
        let key = self.pick(&cols);
        let over = self.pick(&cols);
        let having = match self.rng.u32(..3) {
            0 => format!(" HAVING count(*) > {}", self.rng.u32(0..3)),
            1 => {
                let (predicate, _) = (self.simple(&key), ());
                format!(" HAVING {predicate}")
            }
            _ => String::new(),
        };
        let sql = format!(
            "SELECT {0}, count(*), count({1}) FROM {from}{filter} GROUP BY {0}{having}",
            key.name, over.name
        );
        (sql, vec![key.ty, Ty::Int8, Ty::Int8])
    }

    fn aggregate(&mut self, depth: usize, outer: &[Col]) -> (String, Vec<Ty>) {
        let (from, cols) = self.from(depth, outer);
        let filter = self.filter(&cols, outer, depth);
        let (one, other) = (self.pick(&cols), self.pick(&cols));
        let test = self.simple(&other);
        let sql = format!(
            "SELECT count({}), count(*) FILTER (WHERE {test}) FROM {from}{filter}",
            one.name
        );
        (sql, vec![Ty::Int8, Ty::Int8])
    }

    fn distinct(&mut self, depth: usize, outer: &[Col]) -> (String, Vec<Ty>) {
        let (from, cols) = self.from(depth, outer);
        let filter = self.filter(&cols, outer, depth);
        let shown = self.shown(&cols);
        let list = names_of(&shown);
        let sql = if self.one_in(2) {
            let order = (1..=shown.len()).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
            format!(
                "SELECT DISTINCT ON ({}) {list} FROM {from}{filter} ORDER BY {order}",
                shown[0].name
            )
        } else {
            format!("SELECT DISTINCT {list} FROM {from}{filter}")
        };
        (sql, tys(&shown))
    }

    fn windowed(&mut self, depth: usize, outer: &[Col]) -> (String, Vec<Ty>) {
        let (from, cols) = self.from(depth, outer);
        let filter = self.filter(&cols, outer, depth);
        let (shown, by, of) = (self.pick(&cols), self.pick(&cols), self.pick(&cols));
        let window = match self.rng.u32(..3) {
            0 => format!("count({}) OVER (PARTITION BY {})", of.name, by.name),
            1 => format!("rank() OVER (ORDER BY {})", by.name),
            _ => format!("count({}) OVER (ORDER BY {})", of.name, by.name),
        };
        (format!("SELECT {}, {window} FROM {from}{filter}", shown.name), vec![shown.ty, Ty::Int8])
    }

    /// One to three leaves, joined somehow.
    fn from(&mut self, depth: usize, outer: &[Col]) -> (String, Vec<Col>) {
        let (mut sql, mut cols) = self.leaf(depth, outer);
        for _ in 0..self.rng.usize(..3) {
            if self.leaves >= LEAVES_MAX {
                break;
            }
            let is_lateral = depth > 0 && self.one_in(6);
            let (right, more) = if is_lateral {
                let sight = [&cols[..], outer].concat();
                let (sub, tys) = self.select(depth - 1, &sight);
                let name = self.fresh("l");
                let sql = format!("LATERAL ({sub}) AS {name}({})", numbered(tys.len()));
                (sql, columns(&name, &tys))
            } else {
                self.leaf(depth, outer)
            };
            let both = [&cols[..], &more[..]].concat();
            let kind = if is_lateral { self.rng.u32(..4) } else { self.rng.u32(..7) };
            sql = match kind {
                0 => format!("{sql} CROSS JOIN {right}"),
                1 => {
                    let on = self.on(&cols, &more, &both, depth);
                    format!("{sql} JOIN {right} ON {on}")
                }
                2..=4 => {
                    let on = self.on(&cols, &more, &both, depth);
                    format!("{sql} LEFT JOIN {right} ON {on}")
                }
                5 => {
                    let on = self.on(&cols, &more, &both, depth);
                    format!("{sql} RIGHT JOIN {right} ON {on}")
                }
                _ => match self.equation(&cols, &more) {
                    Some(on) => format!("{sql} FULL JOIN {right} ON {on}"),
                    None => format!("{sql} CROSS JOIN {right}"),
                },
            };
            cols = both;
            if self.one_in(6) {
                let name = self.fresh("j");
                let tys = tys(&cols);
                sql = format!("({sql}) AS {name}({})", numbered(tys.len()));
                cols = columns(&name, &tys);
            } else if self.one_in(6) {
                sql = format!("({sql})");
            }
        }
        (sql, cols)
    }

    fn leaf(&mut self, depth: usize, outer: &[Col]) -> (String, Vec<Col>) {
        self.leaves += 1;
        let name = self.fresh("r");
        match self.rng.u32(..14) {
            0..=2 if depth > 0 => {
                // The query may not see the outer columns: it is not LATERAL, but those of a query
                // around this one.
                let (sub, tys) = self.select(depth - 1, outer);
                (format!("({sub}) AS {name}({})", numbered(tys.len())), columns(&name, &tys))
            }
            3 | 4 => {
                let (view, list): (&str, &[(&str, Ty)]) = [
                    ("v_plain", &[("id", Ty::Int4), ("a", Ty::Int4), ("b", Ty::Text)][..]),
                    ("v_left", &[("id", Ty::Int4), ("a", Ty::Int2), ("x", Ty::TextC)][..]),
                    ("v_group", &[("a", Ty::Int4), ("n", Ty::Int8), ("b", Ty::Text)][..]),
                    ("v_union", &[("id", Ty::Int4), ("a", Ty::Int4)][..]),
                    ("v_deep", &[("id", Ty::Int4), ("a", Ty::Int4), ("b", Ty::Text)][..]),
                ][self.rng.usize(..5)];
                let col =
                    |(column, ty): &(&str, Ty)| Col { name: format!("{name}.{column}"), ty: *ty };
                (format!("{view} AS {name}"), list.iter().map(col).collect())
            }
            5 if !self.ctes.is_empty() => {
                let (cte, tys) = self.ctes[self.rng.usize(..self.ctes.len())].clone();
                (format!("{cte} AS {name}"), columns(&name, &tys))
            }
            6 if self.one_in(2) => (
                format!("(VALUES (1, 'a'), (2, NULL)) AS {name}(c0, c1)"),
                columns(&name, &[Ty::Int4, Ty::Text]),
            ),
            7 if self.one_in(2) => {
                let part = ["p0", "p1"][self.rng.usize(..2)];
                (format!("{part} AS {name}"), of_table(3, &name))
            }
            _ => {
                let table = self.rng.usize(..TABLES.len());
                let mut cols = of_table(table, &name);
                if table == 2 {
                    cols.push(Col { name: format!("{name}.g"), ty: Ty::Int4 });
                }
                (format!("{} AS {name}", TABLES[table].name), cols)
            }
        }
    }

    fn on(&mut self, left: &[Col], right: &[Col], both: &[Col], depth: usize) -> String {
        let mut parts = Vec::new();
        if !self.one_in(4) {
            parts.extend(self.equation(left, right));
        }
        for _ in 0..[0, 0, 1][self.rng.usize(..3)] {
            parts.push(self.predicate(both, &[], depth.min(1)));
        }
        if parts.is_empty() { "true".to_owned() } else { parts.join(" AND ") }
    }

    fn equation(&mut self, left: &[Col], right: &[Col]) -> Option<String> {
        let left = self.pick(left);
        let like = |col: &&Col| (left.ty.is_number() && col.ty.is_number()) || left.ty == col.ty;
        let right: Vec<&Col> = right.iter().filter(like).collect();
        let right = (!right.is_empty()).then(|| right[self.rng.usize(..right.len())])?;
        Some(format!("{} = {}", left.name, right.name))
    }

    fn filter(&mut self, cols: &[Col], outer: &[Col], depth: usize) -> String {
        let count = [0, 1, 1, 1, 2][self.rng.usize(..5)];
        let parts: Vec<String> = (0..count).map(|_| self.predicate(cols, outer, depth)).collect();
        if parts.is_empty() { String::new() } else { format!(" WHERE {}", parts.join(" AND ")) }
    }

    fn predicate(&mut self, cols: &[Col], outer: &[Col], depth: usize) -> String {
        let col = self.pick(cols);
        match self.rng.u32(..24) {
            0 => {
                let (left, right) =
                    (self.predicate(cols, outer, 0), self.predicate(cols, outer, 0));
                format!("({left} OR {right})")
            }
            1 => {
                let (left, right) = (self.simple(&col), self.simple(&col));
                format!("({left} OR {right})")
            }
            2 => format!("NOT ({})", self.predicate(cols, outer, 0)),
            3 | 4 => {
                let other = self.pick(&[cols, outer].concat());
                match (col.ty.is_number() && other.ty.is_number()) || col.ty == other.ty {
                    true => format!("{} {} {}", col.name, self.sign(), other.name),
                    false => self.simple(&col),
                }
            }
            5 if depth > 0 && self.leaves < LEAVES_MAX => {
                let all = [cols, outer].concat();
                let (sub, _) = self.select(depth - 1, &all);
                let not = if self.one_in(2) { "NOT " } else { "" };
                format!("{not}EXISTS ({sub})")
            }
            6 if depth > 0 && col.ty.is_number() && self.leaves < LEAVES_MAX => {
                let all = [cols, outer].concat();
                let (from, inner) = self.from(depth - 1, &all);
                let filter = self.filter(&inner, &all, 0);
                let number = inner.iter().find(|col| col.ty.is_number()).map(|it| it.name.clone());
                let not = if self.one_in(2) { "NOT " } else { "" };
                let shown = number.unwrap_or("1".to_owned());
                format!("{} {not}IN (SELECT {shown} FROM {from}{filter})", col.name)
            }
            7 if depth > 0 && col.ty.is_number() && self.leaves < LEAVES_MAX => {
                let all = [cols, outer].concat();
                let (sub, _) = self.scalar(depth - 1, &all);
                format!("{} {} {sub}", col.name, self.sign())
            }
            8 => {
                let value = self.constant(col.ty);
                format!("coalesce({}, {value}) = {value}", col.name)
            }
            9 => {
                let value = self.constant(col.ty);
                let not = if self.one_in(2) { "NOT " } else { "" };
                format!("{} IS {not}DISTINCT FROM {value}", col.name)
            }
            10 if col.ty.is_number() => format!("{} + 1 {} 2", col.name, self.sign()),
            11 | 14 | 15 => {
                let other = self.pick(cols);
                if !col.ty.is_number() || !other.ty.is_number() {
                    return self.simple(&col);
                }
                let sign = ["<", "<=", ">", ">=", "=", "<>"][self.rng.usize(..6)];
                let (a, b) = (self.constant(col.ty), self.constant(other.ty));
                format!("({}, {}) {sign} ({a}, {b})", col.name, other.name)
            }
            12 => {
                let test = self.simple(&col);
                format!("CASE WHEN {test} THEN true ELSE {} END", self.rng.bool())
            }
            13 => {
                let test = self.simple(&col);
                format!(
                    "({test}) IS {}",
                    ["NOT TRUE", "TRUE", "UNKNOWN", "NOT FALSE"][self.rng.usize(..4)]
                )
            }
            _ => self.simple(&col),
        }
    }

    /// A condition on one column.
    fn simple(&mut self, col: &Col) -> String {
        let name = &col.name;
        if col.ty == Ty::Bool && self.one_in(2) {
            let forms =
                ["", " IS TRUE", " IS NOT TRUE", " IS FALSE", " IS UNKNOWN", " IS NOT UNKNOWN"];
            let not = if self.one_in(3) { "NOT " } else { "" };
            return format!("{not}{name}{}", forms[self.rng.usize(..6)]);
        }
        match self.rng.u32(..12) {
            0 | 9 => format!("{name} IS NULL"),
            1 => format!("{name} IS NOT NULL"),
            2 => {
                let list: Vec<String> =
                    (0..self.rng.usize(1..4)).map(|_| self.constant(col.ty)).collect();
                let not = if self.one_in(4) { "NOT " } else { "" };
                format!("{name} {not}IN ({})", list.join(", "))
            }
            3 if col.ty.is_number() => {
                let list = ["{1,2}", "{NULL,0}", "{}", "{2}"][self.rng.usize(..4)];
                let any = if self.one_in(4) { "ALL" } else { "ANY" };
                format!("{name} = {any} ('{list}'::{}[])", col.ty.sql())
            }
            4 if col.ty.is_text() => {
                let list = ["{a,b}", "{NULL,ab}", "{}", "{\"\"}"][self.rng.usize(..4)];
                format!("{name} = ANY ('{list}'::text[])")
            }
            5 => {
                let (a, b) = (self.constant(col.ty), self.constant(col.ty));
                if col.ty == Ty::Bool {
                    format!("{name} = {a}")
                } else {
                    format!("{name} BETWEEN {a} AND {b}")
                }
            }
            6 if col.ty.is_text() => {
                let value = self.constant(col.ty);
                format!("{name} {} {value} COLLATE \"C\"", self.sign())
            }
            7 if col.ty.is_number() => {
                let ty = [Ty::Int2, Ty::Int4, Ty::Int8][self.rng.usize(..3)];
                let value = self.constant(ty);
                format!("{value} {} {name}", self.sign())
            }
            8 if col.ty.is_number() => format!("{name} = {}.0", self.rng.u32(..4)),
            _ => {
                let value = self.constant(col.ty);
                let sign = if self.one_in(2) { "=" } else { self.sign() };
                format!("{name} {sign} {value}")
            }
        }
    }

    /// A subquery of one value, a number.
    fn scalar(&mut self, depth: usize, outer: &[Col]) -> (String, Ty) {
        let (from, cols) = self.from(depth, outer);
        let filter = self.filter(&cols, outer, 0);
        let number = cols.iter().find(|col| col.ty.is_number()).map(|col| col.name.clone());
        let of = number.unwrap_or("1".to_owned());
        let function = ["max", "min", "count"][self.rng.usize(..3)];
        (format!("(SELECT {function}({of})::int FROM {from}{filter})"), Ty::Int4)
    }

    fn sign(&mut self) -> &'static str {
        ["=", "<", "<=", ">", ">=", "<>"][self.rng.usize(..6)]
    }

    /// A literal or a parameter.
    fn constant(&mut self, ty: Ty) -> String {
        let value = match ty {
            _ if self.one_in(30) => Value::Null,
            Ty::Numeric => Value::from(["1", "1.00", "2.0"][self.rng.usize(..3)]),
            ty => ty.value(self.rng),
        };
        if self.one_in(3) { self.parameter(ty, value) } else { ty.literal(&value) }
    }

    fn parameter(&mut self, ty: Ty, value: Value) -> String {
        self.parameters.push((ty, value));
        format!("${}", self.parameters.len())
    }

    fn pick(&mut self, cols: &[Col]) -> Col {
        cols[self.rng.usize(..cols.len())].clone()
    }

    /// Some columns of all.
    fn shown(&mut self, cols: &[Col]) -> Vec<Col> {
        (0..self.rng.usize(1..4)).map(|_| self.pick(cols)).collect()
    }
}

fn of_table(table: usize, name: &str) -> Vec<Col> {
    let columns = TABLES[table].columns.iter().flatten();
    columns.map(|(column, ty, _)| Col { name: format!("{name}.{column}"), ty: *ty }).collect()
}

fn columns(name: &str, tys: &[Ty]) -> Vec<Col> {
    let col = |(n, ty): (usize, &Ty)| Col { name: format!("{name}.c{n}"), ty: *ty };
    tys.iter().enumerate().map(col).collect()
}

fn numbered(count: usize) -> String {
    (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>().join(", ")
}

fn names_of(cols: &[Col]) -> String {
    cols.iter().map(|col| col.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn tys(cols: &[Col]) -> Vec<Ty> {
    cols.iter().map(|col| col.ty).collect()
}
