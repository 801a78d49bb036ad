//! Blocks with named columns: what stands in views, CTEs and subqueries of a FROM clause. Their
//! rows are determined, ties included, because what surrounds them may look closely.

use super::draft::{Block, Draft, Source, expression};
use crate::feature::Feature;
use crate::schema::Column;

impl Draft<'_> {
    /// A block one level deeper, of any form.
    pub(crate) fn block(&mut self) -> Option<Block> {
        self.depth += 1;
        let block = match self.rng.u8(..16) {
            0 | 1 => self.distinct_block(),
            2..5 => self.group_block(),
            5 => self.compound_block(),
            6 | 7 => self.page_block(),
            8 => self.window_block(),
            _ => self.plain_block(),
        };
        self.depth -= 1;
        block
    }

    fn plain_block(&mut self) -> Option<Block> {
        let from = self.from()?;
        let (list, columns) = self.named_list(&from.sources);
        let tail = self.tail(&from);
        Some(Block { sql: format!("SELECT {list} FROM {}{tail}", from.sql), columns })
    }

    /// The WHERE clause of a FROM clause, with what the join demands.
    pub(crate) fn tail(&mut self, from: &super::join::From) -> String {
        let restriction = self.restriction(&from.sources);
        match (&from.link, restriction.is_empty()) {
            (None, _) => restriction,
            (Some(link), true) => format!(" WHERE {link}"),
            (Some(link), false) => format!("{restriction} AND {link}"),
        }
    }

    /// Two to four columns, with names of their own.
    fn named_list(&mut self, sources: &[Source]) -> (String, Vec<Column>) {
        let count = self.rng.usize(2..=4);
        let mut columns: Vec<Column> = Vec::new();
        let mut terms = Vec::new();
        for index in 0..count {
            let (name, mut column) = self.column(sources);
            if columns.iter().any(|known| known.name == column.name) {
                column.name = format!("x{index}");
            }
            if self.once_in(10) {
                let value = self.value(&column);
                self.note(Feature::Function);
                terms.push(format!("coalesce({name}, {value}) AS {}", column.name));
                column = expression(&column.name, false);
            } else {
                terms.push(format!("{name} AS {}", column.name));
            }
            columns.push(column);
        }
        (terms.join(", "), columns)
    }

    /// One or two columns whose equal values are alike.
    fn crisp_list(&mut self, sources: &[Source]) -> Option<(Vec<String>, Vec<Column>)> {
        let count = self.rng.usize(1..=2);
        let (mut names, mut columns) = (Vec::new(), Vec::<Column>::new());
        for _ in 0..count {
            let (name, column) = self.groupable(sources)?;
            if columns.iter().all(|known| known.name != column.name) {
                names.push(name);
                columns.push(column);
            }
        }
        Some((names, columns))
    }

    fn distinct_block(&mut self) -> Option<Block> {
        self.note(Feature::Distinct);
        let from = self.from()?;
        let (names, columns) = self.crisp_list(&from.sources)?;
        let tail = self.tail(&from);
        let sql = format!("SELECT DISTINCT {} FROM {}{tail}", aliased(&names, &columns), from.sql);
        Some(Block { sql, columns })
    }

    fn group_block(&mut self) -> Option<Block> {
        self.note(Feature::GroupBy);
        let from = self.from()?;
        let (names, mut columns) = self.crisp_list(&from.sources)?;
        let mut list = aliased(&names, &columns);
        list += ", count(*) AS n";
        columns.push(expression("n", true));
        if let Some((name, _)) = self.groupable(&from.sources) {
            let function = ["max", "min", "count"][self.rng.usize(..3)];
            list += &format!(", {function}({name}) AS m");
            columns.push(expression("m", true));
        }
        let tail = self.tail(&from);
        let having = self.having();
        let keys = names.join(", ");
        let sql = format!("SELECT {list} FROM {}{tail} GROUP BY {keys}{having}", from.sql);
        Some(Block { sql, columns })
    }

    pub(crate) fn having(&mut self) -> String {
        if !self.once_in(4) {
            return String::new();
        }
        self.note(Feature::Having);
        format!(" HAVING count(*) > {}", self.rng.u8(..3))
    }

    /// Two arms of one column each. Values of the two are only alike if both are of one kind.
    fn compound_block(&mut self) -> Option<Block> {
        let mut arms = Vec::new();
        for _ in 0..2 {
            let from = self.single()?;
            let (name, column) = self.groupable(&from.sources)?;
            let tail = self.tail(&from);
            arms.push((
                format!("SELECT {name} AS {} FROM {}{tail}", column.name, from.sql),
                column,
            ));
        }
        let (second, other) = arms.pop()?;
        let (first, mut column) = arms.pop()?;
        let is_alike = column.affinity == other.affinity;
        let operator = if is_alike { self.compound_operator() } else { "UNION ALL" };
        if operator == "UNION ALL" {
            self.note(Feature::UnionAll);
        }
        if !is_alike {
            column = expression(&column.name, false);
        }
        Some(Block { sql: format!("{first} {operator} {second}"), columns: vec![column] })
    }

    pub(crate) fn compound_operator(&mut self) -> &'static str {
        let (operator, feature) = [
            ("UNION ALL", Feature::UnionAll),
            ("UNION", Feature::Union),
            ("INTERSECT", Feature::Intersect),
            ("EXCEPT", Feature::Except),
        ][self.rng.usize(..4)];
        self.note(feature);
        operator
    }

    fn page_block(&mut self) -> Option<Block> {
        let from = self.from()?;
        let (list, columns) = self.named_list(&from.sources);
        let tail = self.tail(&from);
        let order = self.total_order(&from.sources);
        let page = self.page();
        let sql = format!("SELECT {list} FROM {}{tail}{order}{page}", from.sql);
        Some(Block { sql, columns })
    }

    fn window_block(&mut self) -> Option<Block> {
        self.note(Feature::Window);
        let from = self.single()?;
        let (list, mut columns) = self.named_list(&from.sources);
        let (partition, _) = self.column(&from.sources);
        let order = from.sources[0].order().join(", ");
        let tail = self.tail(&from);
        let window = format!("row_number() OVER (PARTITION BY {partition} ORDER BY {order}) AS w");
        columns.push(expression("w", true));
        Some(Block { sql: format!("SELECT {list}, {window} FROM {}{tail}", from.sql), columns })
    }
}

fn aliased(names: &[String], columns: &[Column]) -> String {
    let terms = names.iter().zip(columns);
    terms.map(|(name, column)| format!("{name} AS {}", column.name)).collect::<Vec<_>>().join(", ")
}
