//! Reads at the edges of the rules: each is one that a rule a little too bold would get wrong.

use forebay::Value;

use super::draft::{Draft, Source};
use crate::domain::Affinity;
use crate::feature::Feature;
use crate::schema::{Collation, Column, Relation};

impl<'a> Draft<'a> {
    pub(crate) fn trap(&mut self) -> Option<String> {
        self.is_trap = true;
        match self.rng.u8(..92) {
            0 | 1 => self.without_partner(),
            2 => self.filtered_page(),
            3 => self.filtered_window(),
            4..18 => self.by_joined_name(),
            18 => self.counted_page(),
            19..26 => self.converted(),
            26 => self.told_by_class(),
            27 => self.missing(),
            28..36 => self.of_generated(),
            36..42 => self.beyond(),
            42..48 => self.named_twice(),
            48..56 => self.by_last_column(),
            56..62 => self.chain(),
            62..70 => self.told_by_partner(),
            70..77 => self.kept_side(),
            77..85 => self.told_across_classes(),
            85..88 => self.page_with_nulls(),
            _ => self.collated(),
        }
    }

    /// Rows that have no partner: what is NULL need not be NULL in the table.
    fn without_partner(&mut self) -> Option<String> {
        self.note(Feature::IsNull);
        let ((left, one), (right, two)) = (self.table_source()?, self.table_source()?);
        let ((a, _), (b, _)) = (self.column_of(&one), self.column_of(&two));
        let (kind, feature, filled) = match self.rng.u8(..4) {
            0 | 1 => ("LEFT JOIN", Feature::LeftJoin, &two),
            2 => ("RIGHT JOIN", Feature::RightJoin, &one),
            _ => ("FULL JOIN", Feature::FullJoin, &two),
        };
        self.note(feature);
        let (name, _) = self.column_of(filled);
        let list = self.list(&[one, two]);
        Some(format!("SELECT {list} FROM {left} {kind} {right} ON {a} = {b} WHERE {name} IS NULL"))
    }

    /// A condition outside a page does not choose which rows the page has.
    fn filtered_page(&mut self) -> Option<String> {
        self.note(Feature::Derived);
        let (table, source) = self.table_source()?;
        let (name, column) = self.column_of(&source);
        let order = self.total_order(std::slice::from_ref(&source));
        let page = self.page();
        let condition = self.equal(&format!("q.{}", column.name), &column);
        Some(format!(
            "SELECT * FROM (SELECT {name} AS {} FROM {table}{order}{page}) AS q WHERE {condition}",
            column.name
        ))
    }

    /// Nor does one outside a window choose which rows are numbered.
    fn filtered_window(&mut self) -> Option<String> {
        self.note(Feature::Window);
        let (table, source) = self.table_source()?;
        let (name, column) = self.column_of(&source);
        let order = source.order().join(", ");
        let condition = self.equal(&format!("q.{}", column.name), &column);
        Some(format!(
            "SELECT * FROM (SELECT {name} AS {}, row_number() OVER (ORDER BY {order}) AS w \
             FROM {table}) AS q WHERE {condition}",
            column.name
        ))
    }

    /// A name that USING or NATURAL has joined stands for the one column or the other. That shows
    /// where the two differ in class or collation.
    fn by_joined_name(&mut self) -> Option<String> {
        let wider = self.two_columns(|a, b| a.name == b.name && is_wider(a, b));
        let unlike = self.two_columns(|a, b| a.name == b.name && is_unlike(a, b));
        let unlike = wider.filter(|_| !self.once_in(4)).or(unlike);
        let two = match unlike.filter(|_| !self.once_in(5)) {
            Some(two) => two,
            None => self.two_columns(|a, b| a.name == b.name)?,
        };
        let [(left, column), (right, other)] = two;
        let ((left, one), (right, two)) = (self.source_of(left), self.source_of(right));
        let (kind, feature) = [
            ("JOIN", Feature::InnerJoin),
            ("LEFT JOIN", Feature::LeftJoin),
            ("FULL JOIN", Feature::FullJoin),
            ("RIGHT JOIN", Feature::RightJoin),
        ][self.rng.usize(..4)];
        self.note(feature);
        let name = &column.name;
        let condition = if self.once_in(5) {
            format!("{name} IS NULL")
        } else {
            let value = self.between(column, other);
            self.seek(&format!("{}.{name}", two.alias));
            self.seek(&format!("{}.{name}", one.alias));
            self.seek(&format!("{}.{name}", two.alias));
            format!("{name} = {value}")
        };
        if self.once_in(6) {
            self.note(Feature::NaturalJoin);
            return Some(format!(
                "SELECT count(*), count({name}) FROM {left} NATURAL {kind} {right} \
                 WHERE {condition}"
            ));
        }
        self.note(Feature::Using);
        Some(format!(
            "SELECT count(*), count({name}) FROM {left} {kind} {right} USING ({name}) \
             WHERE {condition}"
        ))
    }

    /// A generated column, of whose making the text says nothing, under its whole name or not.
    fn of_generated(&mut self) -> Option<String> {
        let has_generated =
            |table: &&Relation| table.columns.iter().any(|column| column.is_generated);
        let tables = self.schema.tables().into_iter();
        let tables: Vec<Relation> = tables.filter(has_generated).cloned().collect();
        let relation = self.pick(&tables)?;
        let generated = relation.columns.iter().find(|column| column.is_generated)?.clone();
        let (table, source) = self.source_of(&relation);
        let qualified = format!("{}.{}", source.alias, generated.name);
        self.look_at(&qualified);
        let name = if self.rng.bool() { generated.name.clone() } else { qualified };
        let condition = self.equal(&name, &generated);
        Some(match self.rng.u8(..4) {
            0 | 1 => format!("SELECT {name} FROM {table}"),
            2 => format!("SELECT count(*) FROM {table} WHERE {condition}"),
            _ => {
                self.compare.folded |= !generated.is_crisp;
                format!("SELECT {name}, count(*) FROM {table} GROUP BY {name}")
            }
        })
    }

    /// A page whose rows tell of others beyond it.
    fn counted_page(&mut self) -> Option<String> {
        self.note(Feature::Window);
        self.compare.ordered = true;
        let (table, source) = self.table_source()?;
        let (name, _) = self.column_of(&source);
        self.look_at(&name);
        let (direction, order) = (self.direction(), source.order().join(", "));
        let page = self.page();
        Some(format!(
            "SELECT {name}, count(*) OVER () FROM {table} ORDER BY {name}{direction}, {order}{page}"
        ))
    }

    /// A value that the column's affinity or collation makes into another.
    fn converted(&mut self) -> Option<String> {
        self.note(Feature::OtherClass);
        let (table, source) = self.table_source()?;
        let is_odd = |column: &&Column| {
            column.collation != Collation::Binary || column.affinity == Affinity::Text
        };
        let columns = source.columns.iter().filter(|column| column.affinity != Affinity::None);
        let columns: Vec<Column> = columns.cloned().collect();
        let odd: Vec<Column> = columns.iter().filter(is_odd).cloned().collect();
        let column = match self.pick(&odd).filter(|_| self.once_in(2)) {
            Some(column) => column,
            None => self.pick(&columns)?,
        };
        let n = self.rng.i64(0..4);
        let value = match (column.collation, column.affinity) {
            (Collation::Rtrim, _) => ["a ", "a", "b  ", "b"][self.rng.usize(..4)].into(),
            (Collation::NoCase, _) => ["A", "b", "Ab"][self.rng.usize(..3)].into(),
            (Collation::Binary, Affinity::Text) => Value::Integer(n),
            (Collation::Binary, _) => [format!("{n}"), format!("{n}.0"), format!("0{n}")]
                [self.rng.usize(..3)]
            .clone()
            .into(),
        };
        let value = self.put(value, column.affinity);
        let name = format!("{}.{}", source.alias, column.name);
        self.seek(&name);
        let list = self.list(std::slice::from_ref(&source));
        let operator = ["=", "=", "=", "<=", ">="][self.rng.usize(..5)];
        Some(format!("SELECT {list} FROM {table} WHERE {name} {operator} {value}"))
    }

    /// An answer that tells 1 from 1.0.
    fn told_by_class(&mut self) -> Option<String> {
        self.note(Feature::Parameter);
        let (table, _) = self.table_source()?;
        self.params.push(Value::Integer(self.rng.i64(0..3)));
        let mark = self.params.len();
        Some(format!("SELECT ?{mark}, typeof(?{mark}), count(*) FROM {table}"))
    }

    /// Rows that lack something, counted.
    fn missing(&mut self) -> Option<String> {
        self.note(Feature::IsNull);
        let (table, source) = self.table_source()?;
        let (name, _) = self.column_of(&source);
        let list = self.list(std::slice::from_ref(&source));
        let list = if self.rng.bool() { list } else { "count(*)".to_owned() };
        Some(format!("SELECT {list} FROM {table} WHERE {name} IS NULL"))
    }

    /// Rows by the last column that is stored, which is the first to be lost. What is lost looks
    /// like NULL, which lies in no range.
    fn by_last_column(&mut self) -> Option<String> {
        let relation = self.schema.table(self.rng)?.clone();
        let last = (*relation.stored().last()?).clone();
        let (table, source) = self.source_of(&relation);
        let name = format!("{}.{}", source.alias, last.name);
        let condition = if self.rng.bool() {
            self.equal(&name, &last)
        } else {
            let operator = ["<", "<=", ">", ">="][self.rng.usize(..4)];
            let value = self.sought(&last);
            self.seek(&name);
            format!("{name} {operator} {value}")
        };
        Some(format!("SELECT count(*), count({name}) FROM {table} WHERE {condition}"))
    }

    /// Two result columns of one name, of which the first is called so without being told to.
    fn named_twice(&mut self) -> Option<String> {
        self.note(Feature::Derived);
        let (table, source) = self.table_source()?;
        let ((a, first), (b, second)) = (self.column_of(&source), self.column_of(&source));
        let collation = [Collation::NoCase, Collation::Rtrim][self.rng.usize(..2)];
        let (made, name) = match self.rng.u8(..6) {
            0 | 1 => (format!("{a} COLLATE {}", collation.name()), first.name.as_str()),
            2 => (format!("likely({a})"), first.name.as_str()),
            _ => ("TRUE".to_owned(), "column1"),
        };
        // A row counts by what stands first: TRUE is 1.
        let value = match made.as_str() {
            "TRUE" if !self.once_in(4) => self.put(1.into(), Affinity::Integer),
            _ => self.between(&second, &first),
        };
        self.look_at(&b);
        self.seek(&a);
        Some(format!(
            "SELECT count(*) FROM (SELECT {made}, {b} AS {name} FROM {table}) AS q \
             WHERE q.{name} = {value}"
        ))
    }

    /// The rows before or after one that two columns tell, as the next page is asked for.
    fn beyond(&mut self) -> Option<String> {
        self.note(Feature::RowValue);
        let (table, source) = self.table_source()?;
        let ((a, first), (b, second)) = (self.column_of(&source), self.column_of(&source));
        let v = self.sought(&first);
        self.seek(&a);
        self.seek(&a);
        let w = self.sought(&second);
        self.seek(&b);
        let list = self.list(std::slice::from_ref(&source));
        let operator = ["<", "<=", "<", "<=", ">", ">="][self.rng.usize(..6)];
        Some(format!("SELECT {list} FROM {table} WHERE ({a}, {b}) {operator} ({v}, {w})"))
    }

    /// Equality from one column to the next, which does not always reach the constant: not where
    /// the columns differ in class or collation.
    fn chain(&mut self) -> Option<String> {
        self.note(Feature::ColumnPair);
        let unlike = self.two_columns(is_unlike);
        let two = match unlike.filter(|_| !self.once_in(4)) {
            Some(two) => two,
            None => self.two_columns(|_, _| true)?,
        };
        let [(left, first), (right, second)] = two;
        let ((left, one), (right, two)) = (self.source_of(left), self.source_of(right));
        let a = format!("{}.{}", one.alias, first.name);
        let b = format!("{}.{}", two.alias, second.name);
        let value = self.between(second, first);
        self.seek(&b);
        self.seek(&a);
        let list = self.list(&[one, two] as &[Source]);
        let link = if self.rng.bool() { format!("{a} = {b}") } else { format!("{b} = {a}") };
        Some(match self.rng.u8(..3) {
            0 => format!("SELECT {list} FROM {left}, {right} WHERE {b} = {value} AND {link}"),
            1 => format!("SELECT {list} FROM {left} JOIN {right} ON {link} AND {b} = {value}"),
            _ => format!("SELECT {list} FROM {left} JOIN {right} ON {link} WHERE {b} = {value}"),
        })
    }

    /// Two columns of tables that `fits`; the first tables, which are written most, come most.
    fn two_columns(
        &mut self,
        fits: impl Fn(&Column, &Column) -> bool,
    ) -> Option<[(&'a Relation, &'a Column); 2]> {
        let schema = self.schema;
        let tables = schema.tables();
        let columns: Vec<_> = (0..)
            .zip(&tables)
            .flat_map(|(at, table)| table.columns.iter().map(move |column| (at, *table, column)))
            .collect();
        let mut pairs = Vec::new();
        for (i, left, a) in &columns {
            let others = columns.iter().filter(|(_, _, b)| fits(a, b));
            pairs.extend(others.map(|(j, right, b)| (i + j, [(*left, *a), (*right, *b)])));
        }
        pairs.sort_by_key(|(at, _): &(usize, _)| *at);
        let at = (self.rng.f64() * self.rng.f64() * pairs.len() as f64) as usize;
        pairs.get(at).map(|(_, pair)| *pair)
    }

    /// A constant for `column`, of those that `other` may take for another.
    fn between(&mut self, column: &Column, other: &Column) -> String {
        if !is_unlike(column, other) && !self.once_in(4) {
            return self.sought(column);
        }
        let n = self.rng.u8(..4);
        let is_text = column.affinity == Affinity::Text && other.affinity == Affinity::Text;
        let letters = if is_text { 5 } else { 1 };
        let value = match self.rng.u8(..6) {
            at if at < letters => ["a", "A", "a ", "b", "B"][self.rng.usize(..5)].into(),
            1 | 2 => Value::from(n),
            3 => Value::from(f64::from(n)),
            4 => Value::from(format!("0{n}")),
            _ => Value::from(format!("{n}")),
        };
        self.put(value, column.affinity)
    }
}

fn is_number(column: &Column) -> bool {
    matches!(column.affinity, Affinity::Integer | Affinity::Real | Affinity::Numeric)
}

/// Whether values that differ in the second column can equal the same one in the first.
fn is_wider(a: &Column, b: &Column) -> bool {
    let is_folded = a.collation != Collation::Binary && a.collation != b.collation;
    let are_texts = a.affinity == Affinity::Text && b.affinity == Affinity::Text;
    (is_folded && are_texts) || (is_number(a) && !is_number(b))
}

/// Whether a value can be equal to another in one of the columns and not in the other.
fn is_unlike(a: &Column, b: &Column) -> bool {
    let are_numbers = is_number(a) && is_number(b);
    a.collation != b.collation || (a.affinity != b.affinity && !are_numbers)
}
