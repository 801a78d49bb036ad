//! The forms of whole reads, and how often each is drawn: those that an application asks most
//! come most.

use fastrand::Rng;
use forebay::Value;

use super::draft::{Draft, Read, Source};
use super::join::From;
use crate::domain::Affinity;
use crate::feature::Feature;
use crate::schema::Schema;

/// A read of some form; `None` when the schema has not what it takes.
pub(crate) fn read(rng: &mut Rng, schema: &Schema) -> Option<Read> {
    let kind = rng.u8(..124);
    let mut draft = Draft::new(rng, schema);
    let sql = match kind {
        0..12 => draft.point(),
        12..28 | 104..124 => draft.trap(),
        28..38 => draft.rows(),
        38..46 => draft.partners(),
        46..56 => draft.top(),
        56..62 => draft.aggregate(),
        62..70 => draft.group(),
        70..75 => draft.distinct(),
        75..80 => draft.window(),
        80..87 => draft.compound(),
        87..92 => draft.cte(),
        92..95 => draft.recursive(),
        95..99 => draft.filtered_block(),
        99 => draft.json(),
        100 => draft.volatile(),
        101 => draft.system(),
        _ => draft.without_table(),
    }?;
    Some(draft.finish(sql))
}

impl Draft<'_> {
    /// A row by its key, or by its rowid.
    fn point(&mut self) -> Option<String> {
        let relation = self.schema.table(self.rng)?.clone();
        let (from, source) = self.source_of(&relation);
        let list = self.list(std::slice::from_ref(&source));
        let condition = if !relation.key.is_empty() {
            let mut terms = Vec::new();
            for key in &relation.key {
                let column = relation.column(key)?;
                terms.push(self.equal(&format!("{}.{key}", source.alias), column));
            }
            if terms.len() > 1 {
                self.note(Feature::CompositeKey);
            }
            terms.join(" AND ")
        } else if source.tie.iter().any(|tie| tie.ends_with(".rowid")) {
            self.note(Feature::Rowid);
            let value = Value::from(self.rng.i64(1..20));
            format!("{}.rowid = {}", source.alias, self.put(value, Affinity::Integer))
        } else {
            self.condition(std::slice::from_ref(&source))
        };
        let more = if self.once_in(6) {
            format!(" AND {}", self.condition(std::slice::from_ref(&source)))
        } else {
            String::new()
        };
        Some(format!("SELECT {list} FROM {from} WHERE {condition}{more}"))
    }

    /// Rows of a join or a table, in order or not, as a page or not.
    fn rows(&mut self) -> Option<String> {
        let from = self.from()?;
        let list = self.list(&from.sources);
        let tail = self.tail(&from);
        let end = match self.rng.u8(..4) {
            0 => {
                self.compare.ordered = true;
                self.total_order(&from.sources)
            }
            1 => {
                self.compare.ordered = true;
                self.total_order(&from.sources) + &self.page()
            }
            _ => String::new(),
        };
        Some(format!("SELECT {list} FROM {}{tail}{end}", from.sql))
    }

    /// A page of one table under an order that leads with a column of it.
    fn top(&mut self) -> Option<String> {
        self.note(Feature::TopK);
        self.note(Feature::OrderBy);
        self.compare.ordered = true;
        let (sql, source) = self.table_source()?;
        let mut from = From { sql, sources: vec![source], link: None };
        if self.once_in(4) {
            let (text, other) = self.table_source()?;
            let ((a, _), (b, _)) = (self.column(&from.sources), self.column_of(&other));
            let kind = ["JOIN", "LEFT JOIN"][self.rng.usize(..2)];
            from.sql = format!("{} {kind} {text} ON {a} = {b}", from.sql);
            from.sources.push(other);
        }
        let list = self.list(&from.sources);
        let tail = match self.rng.u8(..4) {
            0 | 1 => String::new(),
            2 => {
                let (name, column) = self.column_of(&from.sources[0].clone());
                format!(" WHERE {}", self.equal(&name, &column))
            }
            _ => self.tail(&from),
        };
        let (lead, _) = self.column_of(&from.sources[0].clone());
        let direction = self.direction();
        self.look_at(&lead);
        let mut terms = vec![lead + &direction];
        terms.extend(from.sources.iter().flat_map(Source::order));
        let page = self.page();
        Some(format!("SELECT {list} FROM {}{tail} ORDER BY {}{page}", from.sql, terms.join(", ")))
    }

    /// Aggregates over everything: one row, whatever there is.
    fn aggregate(&mut self) -> Option<String> {
        if self.once_in(3) {
            // Of these tables no column is named but those that join them.
            let from = self.joined(2)?;
            let link = from.link.map(|link| format!(" WHERE {link}")).unwrap_or_default();
            return Some(format!("SELECT count(*) FROM {}{link}", from.sql));
        }
        let from = self.from()?;
        let mut terms = vec!["count(*)".to_owned()];
        for _ in 0..self.rng.usize(1..4) {
            terms.push(self.aggregated(&from)?);
        }
        let tail = self.tail(&from);
        let having = self.having();
        Some(format!("SELECT {} FROM {}{tail}{having}", terms.join(", "), from.sql))
    }

    fn aggregated(&mut self, from: &From) -> Option<String> {
        self.note(Feature::Aggregate);
        let (name, column) = self.column(&from.sources);
        Some(match self.rng.u8(..9) {
            0 => format!("count({name})"),
            1 => format!("count(DISTINCT {name})"),
            2 => {
                self.compare.rounded = true;
                format!("{}({name})", ["sum", "total", "avg"][self.rng.usize(..3)])
            }
            3 => {
                self.note(Feature::Aggregated);
                format!("count(*) FILTER (WHERE {})", self.equal(&name, &column))
            }
            4 => {
                self.note(Feature::Aggregated);
                let order: Vec<String> = from.sources.iter().flat_map(Source::order).collect();
                format!("group_concat(hex({name}), '|' ORDER BY {})", order.join(", "))
            }
            5 => {
                self.note(Feature::Case);
                format!("count(CASE WHEN {} THEN 1 END)", self.equal(&name, &column))
            }
            _ => {
                let function = ["max", "min"][self.rng.usize(..2)];
                let (name, _) = self.groupable(&from.sources)?;
                format!("{function}({name})")
            }
        })
    }

    fn group(&mut self) -> Option<String> {
        self.note(Feature::GroupBy);
        let from = self.from()?;
        let mut keys = Vec::new();
        for _ in 0..self.rng.usize(1..=2) {
            keys.push(self.groupable(&from.sources)?.0);
        }
        let mut terms = keys.clone();
        terms.push("count(*)".to_owned());
        if self.rng.bool() {
            terms.push(self.aggregated(&from)?);
        }
        let tail = self.tail(&from);
        let having = self.having();
        let end = if self.once_in(3) {
            self.note(Feature::OrderBy);
            self.compare.ordered = true;
            let lead = if self.rng.bool() { "count(*) DESC, " } else { "" };
            let page = if self.rng.bool() { self.page() } else { String::new() };
            format!(" ORDER BY {lead}{}{page}", keys.join(", "))
        } else {
            String::new()
        };
        let (list, keys) = (terms.join(", "), keys.join(", "));
        Some(format!("SELECT {list} FROM {}{tail} GROUP BY {keys}{having}{end}", from.sql))
    }

    fn distinct(&mut self) -> Option<String> {
        self.note(Feature::Distinct);
        let from = self.from()?;
        let (name, _) = self.groupable(&from.sources)?;
        let tail = self.tail(&from);
        if self.rng.bool() {
            self.note(Feature::OrderBy);
            self.compare.ordered = true;
            let page = self.page();
            return Some(format!(
                "SELECT DISTINCT {name} FROM {}{tail} ORDER BY {name}{page}",
                from.sql
            ));
        }
        let (other, _) = self.groupable(&from.sources)?;
        Some(format!("SELECT DISTINCT {name}, {other} FROM {}{tail}", from.sql))
    }

    fn window(&mut self) -> Option<String> {
        self.note(Feature::Window);
        let from = self.single()?;
        let (name, _) = self.column(&from.sources);
        let (partition, _) = self.column(&from.sources);
        let total = from.sources[0].order().join(", ");
        let term = match self.rng.u8(..6) {
            0 => format!("row_number() OVER (ORDER BY {name}, {total})"),
            1 => format!("rank() OVER (PARTITION BY {partition} ORDER BY {name})"),
            2 => format!("lag({name}) OVER (PARTITION BY {partition} ORDER BY {total})"),
            3 => format!("count(*) OVER (PARTITION BY {partition})"),
            4 => format!("dense_rank() OVER w, count({name}) OVER w"),
            _ => format!(
                "first_value({name}) OVER (ORDER BY {total} ROWS BETWEEN 2 PRECEDING AND CURRENT \
                 ROW)"
            ),
        };
        let list = self.list(&from.sources);
        let tail = self.tail(&from);
        let window = if term.contains("OVER w") {
            format!(" WINDOW w AS (PARTITION BY {partition} ORDER BY {name})")
        } else {
            String::new()
        };
        Some(format!("SELECT {list}, {term} FROM {}{tail}{window}", from.sql))
    }

    /// Two or three arms of two columns each.
    fn compound(&mut self) -> Option<String> {
        let arms = self.rng.usize(2..=3);
        let mut sql = String::new();
        for arm in 0..arms {
            if arm > 0 {
                let operator = self.compound_operator();
                self.compare.folded |= operator != "UNION ALL";
                sql += &format!(" {operator} ");
            }
            if self.once_in(8) {
                self.note(Feature::Values);
                let (_, source) = self.source()?;
                let ((_, first), (_, second)) = (self.column_of(&source), self.column_of(&source));
                sql += &format!("VALUES ({}, {})", self.value(&first), self.value(&second));
                continue;
            }
            let from = self.from()?;
            let ((a, _), (b, _)) = (self.column(&from.sources), self.column(&from.sources));
            let tail = self.tail(&from);
            sql += &format!("SELECT {a}, {b} FROM {}{tail}", from.sql);
        }
        Some(sql)
    }

    fn cte(&mut self) -> Option<String> {
        self.note(Feature::Cte);
        let block = self.block()?;
        let hint = ["", "", "MATERIALIZED ", "NOT MATERIALIZED "][self.rng.usize(..4)];
        let source = |alias: &str| Source {
            alias: alias.to_owned(),
            columns: block.columns.clone(),
            tie: Vec::new(),
        };
        let mut from = From { sql: "q AS q1".to_owned(), sources: vec![source("q1")], link: None };
        if self.once_in(3) {
            self.note(Feature::CteTwice);
            let other = source("q2");
            let ((a, _), (b, _)) = (self.column(&from.sources), self.column_of(&other));
            from.sql = format!("q AS q1 JOIN q AS q2 ON {a} = {b}");
            from.sources.push(other);
        }
        let list = self.list(&from.sources);
        let tail = self.tail(&from);
        Some(format!("WITH q AS {hint}({}) SELECT {list} FROM {}{tail}", block.sql, from.sql))
    }

    fn recursive(&mut self) -> Option<String> {
        self.note(Feature::Recursive);
        let (table, source) = self.table_source()?;
        let ((a, first), (b, _)) = (self.column_of(&source), self.column_of(&source));
        if self.rng.bool() {
            let start = self.rng.u8(..4);
            let all = ["UNION", "UNION ALL"][self.rng.usize(..2)];
            let tail = self.restriction(std::slice::from_ref(&source));
            let word = if tail.is_empty() { " WHERE" } else { " AND" };
            return Some(format!(
                "WITH RECURSIVE r(n) AS (SELECT {start} {all} SELECT n + 1 FROM r WHERE n < 7) \
                 SELECT n, (SELECT count(*) FROM {table}{tail}{word} {a} = n) FROM r"
            ));
        }
        self.note(Feature::Aggregate);
        let seed = self.equal(&a, &first);
        let (alias, name) = (&source.alias, a.split('.').nth(1)?);
        Some(format!(
            "WITH RECURSIVE r(x, level) AS (SELECT {b}, 0 FROM {table} WHERE {seed} UNION ALL \
             SELECT {b}, level + 1 FROM {table} JOIN r ON {alias}.{name} = r.x WHERE level < 2) \
             SELECT level, count(*), count(x) FROM r GROUP BY level"
        ))
    }

    /// A subquery in FROM, filtered from outside.
    fn filtered_block(&mut self) -> Option<String> {
        let (sql, source) = self.derived()?;
        let from = From { sql, sources: vec![source], link: None };
        let list = self.list(&from.sources);
        let tail = self.tail(&from);
        Some(format!("SELECT {list} FROM {}{tail}", from.sql))
    }

    fn json(&mut self) -> Option<String> {
        self.note(Feature::JsonEach);
        let (table, source) = self.table_source()?;
        let (name, _) = self.column_of(&source);
        self.params.push(Value::from("[1, 2, \"a\", null]"));
        let list = format!("?{}", self.params.len());
        Some(if self.rng.bool() {
            format!(
                "SELECT {name} FROM {table} WHERE {name} IN (SELECT value FROM json_each({list}))"
            )
        } else {
            format!(
                "SELECT {name}, j.key FROM {table} JOIN json_each({list}) AS j ON j.value = {name}"
            )
        })
    }

    fn volatile(&mut self) -> Option<String> {
        self.note(Feature::Volatile);
        self.compare.volatile = true;
        let from = self.single()?;
        let function = [
            "random()",
            "datetime('now')",
            "hex(randomblob(4))",
            "CURRENT_TIMESTAMP",
            "julianday('now')",
            "date()",
        ][self.rng.usize(..6)];
        let tail = self.tail(&from);
        Some(format!("SELECT count(*), max({function}) FROM {}{tail}", from.sql))
    }

    fn system(&mut self) -> Option<String> {
        self.note(Feature::System);
        let table = self.schema.table(self.rng)?.name.clone();
        Some(match self.rng.u8(..4) {
            0 => "SELECT count(*), count(sql) FROM sqlite_schema".to_owned(),
            1 => format!("SELECT name, type FROM pragma_table_info('{table}')"),
            2 => "SELECT count(*) FROM sqlite_temp_schema".to_owned(),
            _ => format!("SELECT sql FROM sqlite_master WHERE name = '{table}'"),
        })
    }

    fn without_table(&mut self) -> Option<String> {
        self.note(Feature::NoTable);
        let (_, source) = self.source()?;
        let ((_, first), (_, second)) = (self.column_of(&source), self.column_of(&source));
        let (v, w) = (self.value(&first), self.value(&second));
        Some(match self.rng.u8(..3) {
            0 => {
                self.note(Feature::Values);
                format!("VALUES ({v}, 1), ({w}, 2)")
            }
            1 => {
                let outer = [source];
                self.scalar(&outer).filter(|text| !text.contains(&outer[0].alias)).map_or_else(
                    || format!("SELECT {v}, {w}"),
                    |scalar| format!("SELECT {v}, {scalar}"),
                )
            }
            _ => format!("SELECT {v} = {w}, typeof({v}), {w} IS NULL"),
        })
    }

    /// A select list: everything, or some columns and expressions over them.
    pub(crate) fn list(&mut self, sources: &[Source]) -> String {
        if self.once_in(4) {
            self.note(Feature::Star);
            if sources.len() > 1 && self.once_in(3) {
                return format!("{}.*", sources[self.rng.usize(..sources.len())].alias);
            }
            return "*".to_owned();
        }
        let mut terms = Vec::new();
        for _ in 0..self.rng.usize(1..=3) {
            let term = self.term(sources);
            terms.push(term);
        }
        terms.join(", ")
    }

    fn term(&mut self, sources: &[Source]) -> String {
        let (name, column) = self.column(sources);
        match self.rng.u8(..24) {
            0 => {
                self.note(Feature::Case);
                format!("CASE WHEN {} THEN 'yes' ELSE {name} END", self.equal(&name, &column))
            }
            1 => {
                self.note(Feature::Function);
                let call = ["typeof", "hex", "quote", "length", "upper"][self.rng.usize(..5)];
                format!("{call}({name})")
            }
            2 => {
                self.note(Feature::Function);
                format!("ifnull({name}, {})", self.value(&column))
            }
            3 if self.depth == 0 => self.scalar(sources).unwrap_or(name),
            4 => {
                self.note(Feature::Rowid);
                let mut ties = sources.iter().flat_map(|source| &source.tie);
                ties.find(|tie| tie.ends_with(".rowid")).cloned().unwrap_or(name)
            }
            _ => name,
        }
    }
}
