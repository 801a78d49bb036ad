//! Occurrences and their conjuncts, as lines of text.

use super::*;
use crate::value::Value;

mod grouping;
mod legality;
mod names;
mod scatter;
mod sound;

/// Tables and views from a short description, one per line: `t: id int pk, a text nocase, ...`.
pub(super) struct Described(Vec<(String, Kept)>);

enum Kept {
    Table(Table),
    View(String),
    Opaque,
}

impl Schema for Described {
    fn relation(&self, name: &str) -> Option<Relation<'_>> {
        let (_, kept) = self.0.iter().find(|(known, _)| known == name)?;
        Some(match kept {
            Kept::Table(table) => Relation::Table(table),
            Kept::View(text) => Relation::View(text),
            Kept::Opaque => Relation::Opaque,
        })
    }
}

pub(super) fn described(text: &str) -> Described {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Described(lines.map(relation).collect())
}

fn relation(line: &str) -> (String, Kept) {
    if line.starts_with("CREATE VIEW") {
        let name = line.split([' ', '(']).nth(2).unwrap();
        return (name.to_owned(), Kept::View(line.to_owned()));
    }
    let (name, columns) = line.split_once(':').unwrap();
    if columns.trim() == "opaque" {
        return (name.to_owned(), Kept::Opaque);
    }
    let mut table = Table { name: name.into(), columns: Vec::new(), rowid: None };
    for column in columns.split(',') {
        let mut words = column.split_whitespace();
        let name = words.next().unwrap().into();
        let (mut affinity, mut collation) = (Affinity::Blob, Some(Collation::Binary));
        let mut is_generated = false;
        for word in words {
            match word {
                "int" => affinity = Affinity::Integer,
                "text" => affinity = Affinity::Text,
                "real" => affinity = Affinity::Real,
                "num" => affinity = Affinity::Numeric,
                "pk" => table.rowid = Some(table.columns.len() as u16),
                "nocase" => collation = Some(Collation::Nocase),
                "rtrim" => collation = Some(Collation::Rtrim),
                "odd" => collation = None,
                "generated" => is_generated = true,
                _ => panic!("{word}"),
            }
        }
        table.columns.push(TableColumn { name, affinity, collation, is_generated });
    }
    (name.to_owned(), Kept::Table(table))
}

/// Occurrences as text: `t[a=1 b>=?2:nocase]`, joined by blanks.
pub(super) fn render(understood: &Understood, schema: &dyn Schema) -> String {
    let all = understood.occurrences.iter().map(|it| {
        let Some(Relation::Table(table)) = schema.relation(&it.table) else {
            panic!("{} is no table", it.table)
        };
        let mut parts: Vec<String> = it.conjuncts.iter().map(|c| conjunct(c, table)).collect();
        parts.extend(it.top.as_ref().map(|top| {
            let name = &table.columns[usize::from(top.column)].name;
            let direction = if top.descending { " desc" } else { "" };
            let collation = collation(top.collation);
            format!("top {} by {name}{collation}{direction} at {}", operand(&top.limit), top.output)
        }));
        parts.extend(it.partner.as_ref().map(|partner| {
            let name = &table.columns[usize::from(partner.column)].name;
            let filters: Vec<&str> = partner.filters.iter().map(|(name, _)| &**name).collect();
            format!("{name} of {}.{} by {}", partner.table, partner.value, filters.join(" "))
        }));
        if parts.is_empty() {
            it.table.to_string()
        } else {
            format!("{}[{}]", it.table, parts.join(", "))
        }
    });
    all.collect::<Vec<_>>().join(" ")
}

fn conjunct(conjunct: &Conjunct, table: &Table) -> String {
    let column = &table.columns[usize::from(conjunct.column)];
    assert_eq!(conjunct.affinity, column.affinity);
    let name = format!("{}{}", column.name, collation(conjunct.collation));
    let bound = |bound: &Option<Bound>, sign: &str| match bound {
        Some(Bound { operand: value, inclusive }) => {
            format!("{sign}{}{}", if *inclusive { "=" } else { "" }, operand(value))
        }
        None => String::new(),
    };
    match &conjunct.test {
        Test::Null => format!("{name} null"),
        Test::Range { low: None, high: None } => format!("{name} not null"),
        Test::Range { low, high } => format!("{name}{}{}", bound(low, ">"), bound(high, "<")),
        Test::OneOf(operands) => {
            let list: Vec<String> = operands.iter().map(operand).collect();
            match list.as_slice() {
                [only] => format!("{name}={only}"),
                list => format!("{name} in ({})", list.join(" ")),
            }
        }
    }
}

fn collation(collation: Collation) -> &'static str {
    match collation {
        Collation::Binary => "",
        Collation::Nocase => ":nocase",
        Collation::Rtrim => ":rtrim",
    }
}

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Literal(Value::Text(text)) => format!("'{text}'"),
        Operand::Literal(value) => format!("{value:?}"),
        Operand::Parameter(number) => format!("?{number}"),
    }
}

fn check_with(schema: &str, sql: &str, expect: &str) {
    let schema = described(schema);
    let found = match occurrences(sql, &schema) {
        Ok(understood) => render(&understood, &schema),
        Err(why) => format!("? {}", why.reason()),
    };
    assert_eq!(found, expect, "{sql}");
}
