//! What the answers of a statement rest on and what it may write, in words, one line for each
//! occurrence of a table or each table: for `explain`. It decides nothing.

use super::analysis::Analysis;
use super::catalogue::{Catalogue, Relation};
use super::effect::Writes;
use super::settle::Reading;
use super::used::Used;
use crate::sql::{Bound, Conjunct, Occurrence, Operand, Partner, Test, Top};

impl Analysis {
    /// A line for each occurrence, by the names that the catalogue holds. `left_out` says which
    /// columns of an occurrence are not used because there are too many.
    pub(crate) fn words(
        &self,
        catalogue: &Catalogue,
        left_out: impl Fn(&Occurrence) -> Vec<u16>,
    ) -> Vec<String> {
        let line = |reading: &Reading| Teller::of(reading, catalogue).line(reading, &left_out);
        let mut lines: Vec<String> = self.readings.iter().map(line).collect();
        lines.dedup();
        lines
    }
}

impl Writes {
    /// A line for each table that it may change, or one for everything.
    pub(crate) fn words(&self, catalogue: &Catalogue) -> Vec<String> {
        let line = |oid: &u32| {
            let name = catalogue.name(*oid).map_or_else(|| oid.to_string(), str::to_owned);
            format!("{name}: what rests on the rows it changes")
        };
        match self {
            Writes::Nothing | Writes::Incomplete(_) => Vec::new(),
            Writes::Anything(why) => vec![format!("every answer: {why}")],
            Writes::Tables(oids) => oids.iter().map(line).collect(),
        }
    }
}

/// Tells of one table.
struct Teller<'c> {
    catalogue: &'c Catalogue,
    relation: Option<&'c Relation>,
}

impl<'c> Teller<'c> {
    fn of(reading: &Reading, catalogue: &'c Catalogue) -> Teller<'c> {
        let relation = relation(&reading.occurrence.table, catalogue);
        Teller { catalogue, relation }
    }

    fn line(&self, reading: &Reading, left_out: impl Fn(&Occurrence) -> Vec<u16>) -> String {
        let occurrence = &reading.occurrence;
        let left = left_out(occurrence);
        let conjuncts = occurrence.conjuncts.iter().filter(|it| !left.contains(&it.column));
        let mut tests: Vec<String> = conjuncts.map(|it| test(it, self.column(it.column))).collect();
        tests.extend(occurrence.top.as_ref().map(|top| page(top, self.column(top.column))));
        tests.extend(occurrence.partner.as_ref().map(|it| self.partner(it)));
        let rows = if tests.is_empty() {
            "every row".to_owned()
        } else {
            format!("rows with {}", tests.join(" and "))
        };
        let names = |columns: &mut dyn Iterator<Item = u16>| {
            columns.map(|column| self.column(column)).collect::<Vec<_>>().join(", ")
        };
        let used = match &reading.used {
            Used::All => "any column".to_owned(),
            Used::These(columns) if columns.is_empty() => {
                "no column, only that they exist".to_owned()
            }
            Used::These(columns) => names(&mut columns.iter().copied()),
        };
        let left = match left.is_empty() {
            true => String::new(),
            false => {
                let left = names(&mut left.iter().copied());
                format!(" (not used, because there are too many: {left})")
            }
        };
        let name = self.relation.map_or(&*occurrence.table, |relation| &*relation.name);
        format!("{name}: {rows}; {used}{left}")
    }

    fn column(&self, number: u16) -> &'c str {
        let column = self.relation.and_then(|relation| relation.column(usize::from(number)));
        column.map_or("?", |column| &*column.name)
    }

    fn partner(&self, partner: &Partner) -> String {
        let Partner { column, table, value, filters } = partner;
        let name = relation(table, self.catalogue).map_or(&**table, |relation| &*relation.name);
        let filters: Vec<String> =
            filters.iter().map(|(name, conjunct)| test(conjunct, name)).collect();
        let filters = filters.join(" and ");
        format!("{} among the {value} of {name} with {filters}", self.column(*column))
    }
}

/// The table that an occurrence names by its oid.
fn relation<'c>(name: &str, catalogue: &'c Catalogue) -> Option<&'c Relation> {
    catalogue.relations.get(&name.parse().ok()?)?.as_ref()
}

fn test(conjunct: &Conjunct, column: &str) -> String {
    let bound = |bound: &Option<Bound>, sign: &str| {
        bound.as_ref().map(|Bound { operand: value, inclusive }| {
            format!("{column} {sign}{} {}", if *inclusive { "=" } else { "" }, operand(value))
        })
    };
    match &conjunct.test {
        Test::Null => format!("{column} IS NULL"),
        Test::OneOf(operands) => match operands.as_slice() {
            [only] => format!("{column} = {}", operand(only)),
            several => {
                let list: Vec<String> = several.iter().map(operand).collect();
                format!("{column} IN ({})", list.join(", "))
            }
        },
        Test::Range { low, high } => {
            let ends: Vec<String> = bound(low, ">").into_iter().chain(bound(high, "<")).collect();
            if ends.is_empty() { format!("{column} IS NOT NULL") } else { ends.join(" and ") }
        }
    }
}

fn page(top: &Top, column: &str) -> String {
    let direction = if top.descending { " DESC" } else { "" };
    let limit = operand(&top.limit);
    format!("a place in the page of {limit} by {column}{direction}, once it is full")
}

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Literal(value) => format!("{value:?}"),
        Operand::Parameter(number) => format!("${number}"),
    }
}
