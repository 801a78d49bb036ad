//! What the answers of a statement rest on: the conjuncts that its text gives for each occurrence
//! of a table, joined with the tables and columns that SQLite itself reports. Whatever the two
//! do not agree on rests on the whole table.

use super::observe::Observed;
use super::relations::Relations;
use crate::invalidate::{Basis, ColumnSet, left_out};
use crate::sql::{
    Bound, Conjunct, Determined, NotUnderstood, Occurrence, Operand, Partner, Relation, Schema,
    Table, Test, Top, Understood, determined, occurrences,
};

/// What a statement rests on, and the same in words, one line per occurrence.
pub(super) struct Reliance {
    pub(super) basis: Basis,
    pub(super) lines: Vec<String>,
    /// What two right answers must agree on.
    pub(super) determined: Option<Determined>,
}

impl Reliance {
    /// What the answers of `sql` rest on, which was observed to read these tables and columns.
    pub(super) fn of(sql: &str, observed: &Observed, relations: &Relations) -> Reliance {
        if !relations.is_utf8 {
            // Texts have another order there, and other lengths.
            return Reliance::new(observed, Err("the database is not in UTF-8"), relations);
        }
        let understood = occurrences(sql, relations);
        let understood = understood.as_ref().map_err(NotUnderstood::reason);
        let tops = understood.iter().flat_map(|it| &it.occurrences);
        let leading = tops.filter_map(|it| it.top.as_ref()).map(|top| top.output).next();
        let reliance = Reliance::new(observed, understood, relations);
        Reliance { determined: determined(sql, relations, leading), ..reliance }
    }

    /// `understood` is what the text says; an error says why that cannot be told.
    fn new(
        observed: &Observed,
        understood: Result<&Understood, &str>,
        schema: &dyn Schema,
    ) -> Reliance {
        let mut parts: Vec<(Occurrence, ColumnSet)> = Vec::new();
        let mut lines = Vec::new();
        for name in &observed.reads {
            match schema.relation(name) {
                // What a view reads is reported too.
                Some(Relation::View(_)) => {}
                Some(Relation::Table(table)) => {
                    for mut occurrence in in_text(name, understood) {
                        // What the partner rests on has to be noticed, too.
                        let is_read = |partner: &Partner| {
                            observed.reads.iter().any(|it| it.eq_ignore_ascii_case(&partner.table))
                        };
                        occurrence.partner = occurrence.partner.filter(is_read);
                        let columns = columns(table, observed, understood.ok());
                        lines.push(line(table, &occurrence, columns, understood.err()));
                        parts.push((occurrence, columns));
                    }
                }
                Some(Relation::Opaque) | None => {
                    lines.push(format!("{name}: every row"));
                    parts.push((whole(name), ColumnSet::ALL));
                }
            }
        }
        lines.dedup();
        Reliance { basis: Basis::new(parts), lines, determined: None }
    }
}

/// How a table occurs according to the text; as a whole if the text does not show where.
fn in_text(table: &str, understood: Result<&Understood, &str>) -> Vec<Occurrence> {
    let all = understood.map_or(&[][..], |understood| &understood.occurrences);
    let mine = all.iter().filter(|occurrence| occurrence.table.eq_ignore_ascii_case(table));
    let mine: Vec<Occurrence> = mine.cloned().collect();
    if mine.is_empty() { vec![whole(table)] } else { mine }
}

fn whole(table: &str) -> Occurrence {
    Occurrence { table: table.into(), conjuncts: Vec::new(), top: None, partner: None }
}

/// The columns of a table whose change can matter: those that SQLite reports, and those whose
/// name stands unqualified anywhere in the text. All of them when there are columns that neither
/// shows: those of NATURAL joins and `USING`, the rowid, and what generated columns are made of.
fn columns(table: &Table, observed: &Observed, understood: Option<&Understood>) -> ColumnSet {
    let Some(understood) = understood.filter(|understood| !understood.is_natural) else {
        return ColumnSet::ALL;
    };
    // To the authorizer, the empty name is that of the row itself.
    if table.columns.iter().any(|column| column.name.is_empty()) {
        return ColumnSet::ALL;
    }
    let mut used = ColumnSet::NONE;
    let reported = observed.columns.iter().filter(|(of, _)| of.eq_ignore_ascii_case(&table.name));
    for (_, column) in reported.filter(|(_, column)| !column.is_empty()) {
        if !table.columns.iter().any(|known| known.name.eq_ignore_ascii_case(column)) {
            return ColumnSet::ALL;
        }
        add(&mut used, table, |name| name.eq_ignore_ascii_case(column));
    }
    add(&mut used, table, |name| understood.names.contains(&name.to_ascii_lowercase()));
    used
}

fn add(used: &mut ColumnSet, table: &Table, is_meant: impl Fn(&str) -> bool) {
    for (number, column) in table.columns.iter().enumerate() {
        if is_meant(&column.name) {
            if column.is_generated {
                *used = ColumnSet::ALL;
            }
            used.insert(u16::try_from(number).unwrap_or(u16::MAX));
        }
    }
}

/// One occurrence in words.
fn line(table: &Table, occurrence: &Occurrence, columns: ColumnSet, why: Option<&str>) -> String {
    let name =
        |column: u16| table.columns.get(usize::from(column)).map_or("?", |column| &*column.name);
    let left = left_out(occurrence);
    let conjuncts = occurrence.conjuncts.iter().filter(|it| !left.contains(&it.column));
    let mut tests: Vec<String> =
        conjuncts.map(|conjunct| test(conjunct, name(conjunct.column))).collect();
    tests.extend(occurrence.top.as_ref().map(|top| page(top, name(top.column))));
    tests.extend(occurrence.partner.as_ref().map(|it| partner(it, name(it.column))));
    let rows = if tests.is_empty() {
        "every row".to_owned()
    } else {
        format!("rows with {}", tests.join(" and "))
    };
    let used: Vec<&str> = (0..table.columns.len() as u16)
        .filter(|column| columns.contains(*column))
        .map(name)
        .collect();
    let used = if columns == ColumnSet::ALL {
        "any column".to_owned()
    } else if used.is_empty() {
        "no column, only that they exist".to_owned()
    } else {
        used.join(", ")
    };
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    let left: Vec<&str> = left.iter().map(|column| name(*column)).collect();
    let left = match left.is_empty() {
        true => String::new(),
        false => format!(" (not used, because there are too many: {})", left.join(", ")),
    };
    format!("{}: {rows}; {used}{why}{left}", occurrence.table)
}

fn test(conjunct: &Conjunct, column: &str) -> String {
    let bound = |bound: &Option<Bound>, strict: &str| {
        bound.as_ref().map(|Bound { operand: value, inclusive }| {
            format!("{column} {strict}{} {}", if *inclusive { "=" } else { "" }, operand(value))
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

fn partner(partner: &Partner, column: &str) -> String {
    let Partner { column: _, table, value, filters } = partner;
    let filters: Vec<String> =
        filters.iter().map(|(name, conjunct)| test(conjunct, name)).collect();
    format!("{column} among the {value} of {table} with {}", filters.join(" and "))
}

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Literal(value) => format!("{value:?}"),
        Operand::Parameter(number) => format!("?{number}"),
    }
}
