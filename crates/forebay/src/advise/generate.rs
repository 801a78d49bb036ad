//! From what a statement seeks in a table to indexes that might help: equal columns first, then one
//! range, or the order in which rows are wanted, and behind them what else is read. It is generous;
//! what does not help is found out by trying.

use std::collections::BTreeSet;

use super::candidate::{Candidate, Part};
use crate::sql::{Collation, Key, Operand, Ordered, Sift, Term, Use};
use crate::value::Value;

/// Keys of one index.
const KEYS_MAX: usize = 6;

/// Keys that an index is given only so that the table need not be read.
const COVERING_MAX: usize = 4;

/// Indexes for one use of a table.
const CANDIDATES_MAX: usize = 40;

/// The share of rows below which a condition is worth a partial index.
const RARE: f64 = 0.1;

/// Values of a column that are taken for states.
const STATES_MAX: f64 = 8.0;

/// The share of rows below which NULLs are so many that the others are worth one.
const SPARSE: f64 = 0.2;

/// How values are spread.
pub(super) trait Spread {
    /// About how many different values a key has.
    fn distinct(&self, table: &str, key: &str) -> f64;

    /// The share of rows that meet a condition.
    fn share(&self, table: &str, condition: &str) -> f64;

    /// The value that an operand has in a call that was seen.
    fn value(&self, operand: &Operand) -> Option<Value>;
}

/// What must be known of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    pub(super) columns: &'a [String],
    /// How each is compared; `None` for collations that are not SQLite's own.
    pub(super) collations: &'a [Option<Collation>],
    /// The column that is the rowid.
    pub(super) rowid: Option<u16>,
}

impl About<'_> {
    /// The key without a collation that its column has anyway.
    fn plain(&self, key: &Key) -> Key {
        let own = key.column.and_then(|at| self.collations.get(usize::from(at)).copied()?);
        let collation = key.collation.filter(|it| own != Some(*it));
        Key { collation, ..key.clone() }
    }
}

/// Indexes that might help, and sets of them that only help together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Generated {
    pub(super) single: Vec<Candidate>,
    pub(super) together: Vec<Vec<Candidate>>,
}

/// Indexes for one use of a table.
pub(super) fn generate(it: &Use, about: About<'_>, spread: &dyn Spread) -> Generated {
    let sorted = Sorted::of(&it.terms, it, about, spread);
    if sorted.is_by_rowid {
        return Generated::default();
    }
    let mut writer = Writer { it, about, out: Vec::new(), seen: BTreeSet::new() };
    writer.plain(&sorted);
    writer.covering(&sorted);
    writer.partial(&sorted, spread);
    let mut generated = Generated { single: writer.out, together: Vec::new() };
    for arms in &it.choices {
        let arms: Option<Vec<Option<Candidate>>> =
            arms.iter().map(|arm| best_of_arm(arm, it, about, spread)).collect();
        if let Some(arms) = arms {
            let arms: BTreeSet<Candidate> = arms.into_iter().flatten().collect();
            generated.together.push(arms.into_iter().collect());
        }
    }
    generated
}

/// The index for one arm of an OR; `None` within if it needs none, and `None` if there is none.
fn best_of_arm(
    arm: &[Term],
    it: &Use,
    about: About<'_>,
    spread: &dyn Spread,
) -> Option<Option<Candidate>> {
    let sorted = Sorted::of(arm, it, about, spread);
    if sorted.is_by_rowid {
        return Some(None);
    }
    let mut keys: Vec<Part> = sorted.equal.iter().chain(&sorted.one_of).map(part).collect();
    keys.extend(sorted.range.first().map(part));
    keys.truncate(KEYS_MAX);
    let candidate = Candidate { table: it.table.to_string(), keys, condition: None };
    (!candidate.keys.is_empty()).then_some(Some(candidate))
}

/// The terms of a use by what they are good for.
#[derive(Debug, Default)]
struct Sorted {
    /// The one that tells most first.
    equal: Vec<Key>,
    one_of: Vec<Key>,
    range: Vec<Key>,
    /// Wanted rows are found by their number.
    is_by_rowid: bool,
    /// The order, without what is equal anyway, up to the rowid.
    order: Vec<Ordered>,
    groups: Vec<Key>,
}

impl Sorted {
    fn of(terms: &[Term], it: &Use, about: About<'_>, spread: &dyn Spread) -> Sorted {
        let mut sorted = Sorted::default();
        for term in terms {
            let Some(key) = &term.key else { continue };
            if key.column.is_some() && key.column == about.rowid {
                let is_known = matches!(&term.sift, Sift::Equal(Some(_)));
                sorted.is_by_rowid |= is_known;
                continue;
            }
            let list = match &term.sift {
                Sift::Equal(_) | Sift::Null => &mut sorted.equal,
                Sift::OneOf => &mut sorted.one_of,
                Sift::Range(_) | Sift::NotNull => &mut sorted.range,
                Sift::Like { is_glob, pattern } => {
                    let pattern = pattern.as_ref().and_then(|it| spread.value(it));
                    if let Some(key) = prefix(key, *is_glob, pattern.as_ref()) {
                        put(&mut sorted.range, about.plain(&key));
                    }
                    continue;
                }
                Sift::Not => continue,
            };
            put(list, about.plain(key));
        }
        sorted.one_of.retain(|key| !sorted.equal.contains(key));
        let table = &it.table;
        let mut told: Vec<(f64, Key)> =
            sorted.equal.drain(..).map(|key| (spread.distinct(table, &key.sql), key)).collect();
        told.sort_by(|a, b| b.0.total_cmp(&a.0));
        sorted.equal = told.into_iter().map(|(_, key)| key).collect();
        sorted.order = order(it, about, &sorted.equal);
        for key in &it.groups {
            let is_rowid = key.column.is_some() && key.column == about.rowid;
            if !is_rowid && !sorted.equal.contains(key) {
                put(&mut sorted.groups, key.clone());
            }
        }
        sorted
    }
}

/// Whether a condition is one of the schema's, and no value that happens to be asked for: it names
/// one of a few states, or none.
fn is_lasting(term: &Term, table: &str, spread: &dyn Spread) -> bool {
    let has_states = |key: &Key| spread.distinct(table, &key.sql) <= STATES_MAX;
    match &term.sift {
        Sift::Null | Sift::NotNull | Sift::Not => true,
        Sift::Equal(_) | Sift::OneOf => term.key.as_ref().is_some_and(has_states),
        Sift::Range(_) | Sift::Like { .. } => false,
    }
}

/// The key by which SQLite finds texts that begin alike: LIKE looks past the case of letters, so
/// that its index has to do so too; GLOB does not.
fn prefix(key: &Key, is_glob: bool, pattern: Option<&Value>) -> Option<Key> {
    let Some(Value::Text(pattern)) = pattern else { return None };
    let first = pattern.chars().next()?;
    let is_wild = match is_glob {
        true => matches!(first, '*' | '?' | '['),
        false => matches!(first, '%' | '_'),
    };
    if is_wild || key.column.is_none() {
        return None;
    }
    let collation = if is_glob { Collation::Binary } else { Collation::Nocase };
    Some(Key { collation: Some(collation), ..key.clone() })
}

/// The order without what is equal in all rows. The rowid ends every index by itself, and behind it
/// nothing is left to be ordered.
fn order(it: &Use, about: About<'_>, equal: &[Key]) -> Vec<Ordered> {
    let mut order: Vec<Ordered> = Vec::new();
    for term in &it.order {
        if term.key.column.is_some() && term.key.column == about.rowid {
            // Only behind keys of the other direction does it matter.
            let is_last = order.iter().all(|it| it.is_descending == term.is_descending);
            if !is_last {
                order.push(term.clone());
            }
            break;
        }
        let is_known = equal.contains(&term.key) || order.iter().any(|it| it.key == term.key);
        if !is_known {
            order.push(term.clone());
        }
    }
    order
}

fn put(list: &mut Vec<Key>, key: Key) {
    if !list.contains(&key) {
        list.push(key);
    }
}

fn part(key: &Key) -> Part {
    Part {
        sql: key.sql.clone(),
        column: key.column,
        collation: key.collation,
        is_descending: false,
    }
}

/// An order as keys: one that goes down throughout is read backwards.
fn ordered(order: &[Ordered]) -> Vec<Part> {
    let is_mixed = order.iter().any(|it| it.is_descending != order[0].is_descending);
    let of = |it: &Ordered| Part { is_descending: is_mixed && it.is_descending, ..part(&it.key) };
    order.iter().map(of).collect()
}

fn parts<'k>(keys: impl IntoIterator<Item = &'k Key>) -> Vec<Part> {
    keys.into_iter().map(part).collect()
}

/// Puts candidates together, each once.
struct Writer<'a> {
    it: &'a Use,
    about: About<'a>,
    out: Vec<Candidate>,
    seen: BTreeSet<Candidate>,
}

impl Writer<'_> {
    fn put(&mut self, lists: &[&[Part]], condition: Option<&str>) {
        let mut keys: Vec<Part> = Vec::new();
        for part in lists.iter().copied().flatten() {
            let is_there =
                keys.iter().any(|it| it.sql == part.sql && it.collation == part.collation);
            if !is_there && keys.len() < KEYS_MAX {
                keys.push(part.clone());
            }
        }
        if keys.is_empty() || self.out.len() >= CANDIDATES_MAX {
            return;
        }
        let condition = condition.map(str::to_owned);
        let candidate = Candidate { table: self.it.table.to_string(), keys, condition };
        if self.seen.insert(candidate.clone()) {
            self.out.push(candidate);
        }
    }

    /// From keys alone.
    fn plain(&mut self, sorted: &Sorted) {
        let equal = parts(&sorted.equal);
        let order = ordered(&sorted.order);
        let groups = parts(&sorted.groups);
        let one_of = parts(&sorted.one_of);
        for key in sorted.equal.iter().chain(&sorted.one_of).chain(&sorted.range) {
            self.put(&[&[part(key)]], None);
        }
        self.put(&[&equal], None);
        self.put(&[&equal, &order], None);
        for key in &sorted.range {
            self.put(&[&equal, &[part(key)]], None);
        }
        self.put(&[&equal, &one_of], None);
        for key in &sorted.one_of {
            self.put(&[&equal, &[part(key)]], None);
            self.put(&[&equal, &[part(key)], &order], None);
            for range in &sorted.range {
                self.put(&[&equal, &[part(key)], &[part(range)]], None);
            }
        }
        self.put(&[&equal, &groups], None);
        self.put(&[&groups], None);
        self.put(&[&order], None);
        for key in sorted.equal.iter().take(3) {
            self.put(&[&[part(key)], &order], None);
            for other in sorted.equal.iter().chain(&sorted.range).take(4) {
                self.put(&[&[part(key)], &[part(other)]], None);
            }
        }
    }

    /// With whatever else is read behind them.
    fn covering(&mut self, sorted: &Sorted) {
        let Some(columns) = &self.it.columns else { return };
        let rest: Vec<Part> = columns
            .iter()
            .filter(|column| Some(**column) != self.about.rowid)
            .filter_map(|column| {
                let name = self.about.columns.get(usize::from(*column))?;
                let sql = crate::sql::quoted(name);
                let column = Some(*column);
                Some(Part { sql, column, collation: None, is_descending: false })
            })
            .collect();
        if rest.len() > KEYS_MAX {
            return;
        }
        let equal = parts(&sorted.equal);
        let order = ordered(&sorted.order);
        let groups = parts(&sorted.groups);
        let mut heads: Vec<Vec<Part>> = vec![[&equal[..], &order].concat()];
        heads.push([&equal[..], &groups].concat());
        heads.push([&equal[..], &parts(&sorted.one_of)].concat());
        heads.extend(sorted.range.iter().map(|key| [&equal[..], &[part(key)]].concat()));
        for head in heads.iter().filter(|head| !head.is_empty()) {
            let is_in = |it: &&Part| !head.iter().any(|key| key.sql == it.sql);
            let more: Vec<Part> = rest.iter().filter(is_in).cloned().collect();
            if !more.is_empty() && more.len() <= COVERING_MAX {
                self.put(&[head, &more], None);
            }
        }
    }

    /// Of the rows that meet a condition which few of them do.
    fn partial(&mut self, sorted: &Sorted, spread: &dyn Spread) {
        let table = self.it.table.to_string();
        for term in &self.it.terms {
            let Some(condition) = &term.condition else { continue };
            if !is_lasting(term, &table, spread) || spread.share(&table, condition) > RARE {
                continue;
            }
            let own = term.key.as_ref();
            let rest: Vec<&Key> = sorted.equal.iter().filter(|key| Some(*key) != own).collect();
            let rest = parts(rest);
            let order = ordered(&sorted.order);
            self.put(&[&rest, &order], Some(condition));
            self.put(&[&rest], Some(condition));
            for range in sorted.range.iter().filter(|key| Some(*key) != own) {
                self.put(&[&rest, &[part(range)]], Some(condition));
            }
            if rest.is_empty() && order.is_empty() {
                self.put(&[&parts(own)], Some(condition));
            }
        }
        for key in &sorted.equal {
            let is_known = self
                .it
                .terms
                .iter()
                .any(|term| term.key.as_ref() == Some(key) && term.sift != Sift::Null);
            let condition = format!("{} IS NOT NULL", key.sql);
            if is_known && key.column.is_some() && spread.share(&table, &condition) < SPARSE {
                self.put(&[&[part(key)]], Some(&condition));
            }
        }
    }
}

#[cfg(test)]
mod tests;
