//! Indexes that might help, from what a statement is after. Whether they do is found out by asking
//! the planner, and then by running.

use std::collections::BTreeSet;

use super::catalogue::{Catalogue, Table};
use super::need::{Need, Ordered};
use super::quote::{identifier, plain};
use super::term::{Sift, Term, cast_of_text, is_name};

/// Columns that are compared with `=` in one index at most.
const EQUAL_MAX: usize = 3;

/// Keys of an index at most.
const KEYS_MAX: usize = 5;

/// Sets of indexes for one use of a table at most.
const SETS_MAX: usize = 28;

/// A partial index is for few rows: a larger share is not worth another index.
const PARTIAL_SHARE_MAX: f64 = 0.25;

/// A condition on a column with more different values would need an index for each of them.
const PARTIAL_VALUES_MAX: f64 = 50.0;

/// A value that has more than this share of what the values of its column have on average is one
/// that happens to be asked for, and the next call asks for another.
const PARTIAL_MEAN_MAX: f64 = 0.5;

/// Bytes of columns that are put beside the keys.
const INCLUDED_BYTES_MAX: f64 = 64.0;

/// Columns that are put beside the keys.
const INCLUDED_MAX: usize = 4;

/// The longest name of an index that a server keeps whole, less room for a number.
const NAME_MAX: usize = 58;

/// An index that might help.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// Schema and name of the table.
    pub(super) table: (String, String),
    /// As it stands in SQL.
    pub(super) on: String,
    pub(super) method: &'static str,
    /// With operators and direction.
    pub(super) keys: Vec<String>,
    pub(super) included: Vec<String>,
    pub(super) filter: Option<String>,
}

/// Indexes that help only together, or one.
pub(super) type Set = BTreeSet<Candidate>;

/// What might help one use of a table.
///
/// `texts` are the statement and those that differ from it only in their values.
pub(super) fn candidates(need: &Need, catalogue: &Catalogue, texts: &[&str]) -> Vec<Set> {
    let Some(table) = catalogue.table(&need.table) else { return Vec::new() };
    let maker = Maker { need, table, texts, has_trigram: catalogue.has_trigram };
    let mut sets: Vec<Set> = Vec::new();
    let add = |candidates: Vec<Candidate>, sets: &mut Vec<Set>| {
        for candidate in candidates {
            let set = Set::from([candidate]);
            if !set.iter().any(|it| is_there(it, table)) && !sets.contains(&set) {
                sets.push(set);
            }
        }
    };
    add(maker.ordinary(), &mut sets);
    add(maker.inverted(), &mut sets);
    add(maker.partial(), &mut sets);
    for choice in &need.choices {
        let arms: Option<Set> = choice.iter().map(|arm| maker.arm(arm)).collect();
        let missing =
            arms.map(|arms| arms.into_iter().filter(|it| !is_there(it, table)).collect::<Set>());
        sets.extend(missing.filter(|set| !set.is_empty()));
    }
    // What is grouped by a count is no key of a row.
    let is_of_rows = |it: &Candidate| !it.keys.iter().any(|key| catalogue.calls_aggregate(key));
    sets.retain(|set| set.iter().all(is_of_rows));
    sets.truncate(SETS_MAX);
    sets
}

/// Whether an index that is there begins with the same keys.
fn is_there(candidate: &Candidate, table: &Table) -> bool {
    table.indexes.iter().any(|index| {
        let is_alike = index.is_valid
            && index.method == candidate.method
            && (index.filter.is_none() || index.filter == candidate.filter)
            && index.columns.len() >= candidate.keys.len();
        let named = |key: &String| key.trim_start_matches('(').trim_end_matches(')').to_owned();
        is_alike
            && candidate.included.is_empty()
            && candidate
                .keys
                .iter()
                .zip(&index.columns)
                .all(|(key, column)| key == column || named(key) == named(column))
    })
}

struct Maker<'a> {
    need: &'a Need,
    table: &'a Table,
    texts: &'a [&'a str],
    has_trigram: bool,
}

impl Maker<'_> {
    /// A key as it stands in CREATE INDEX.
    fn key(&self, key: &str) -> String {
        let plain_of = |name: &str| self.table.column(&plain(name)).is_some();
        match cast_of_text(key) {
            // A varchar is kept and compared as the text that it is.
            Some(name) if self.kind(name).starts_with("character varying") => name.to_owned(),
            _ if is_name(key) && plain_of(key) => key.to_owned(),
            _ => format!("({key})"),
        }
    }

    fn kind(&self, key: &str) -> &str {
        let name = cast_of_text(key).unwrap_or(key);
        self.table.column(&plain(name)).map_or("", |column| column.kind.as_str())
    }

    /// The share of rows that a term leaves.
    fn share(&self, term: &Term) -> f64 {
        let name = plain(cast_of_text(&term.key).unwrap_or(&term.key));
        let Some(column) = self.table.column(&name) else { return 0.005 };
        match term.sift {
            Sift::Null => column.nulls,
            Sift::NotNull => 1.0 - column.nulls,
            Sift::Equal => column.share(term.value.as_deref().and_then(inner).as_deref()),
            Sift::OneOf => (3.0 * column.share(None)).min(1.0),
            _ => 0.1,
        }
    }

    /// The keys that are compared with `=`, the most telling first.
    fn equal(&self, terms: &[Term]) -> Vec<String> {
        let is_equal = |term: &&Term| matches!(term.sift, Sift::Equal | Sift::OneOf | Sift::Null);
        let mut equal: Vec<&Term> = terms.iter().filter(is_equal).collect();
        equal.sort_by(|a, b| self.share(a).total_cmp(&self.share(b)));
        let mut keys: Vec<String> = Vec::new();
        for term in equal {
            let key = self.key(&term.key);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys.truncate(EQUAL_MAX);
        keys
    }

    fn ranges(&self, terms: &[Term]) -> Vec<String> {
        let mut keys = Vec::new();
        for term in terms {
            let key = match term.sift {
                Sift::Range { .. } => self.key(&term.key),
                Sift::Prefix => self.prefix(&term.key),
                _ => continue,
            };
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// A key that finds beginnings: only an order by bytes does.
    fn prefix(&self, key: &str) -> String {
        let name = plain(cast_of_text(key).unwrap_or(key));
        let operators = match self.table.column(&name) {
            Some(column) if column.is_bytewise => "",
            Some(column) if column.kind.starts_with("character varying") => " varchar_pattern_ops",
            _ => " text_pattern_ops",
        };
        format!("{}{operators}", self.key(key))
    }

    fn order(&self, order: &[Ordered]) -> Vec<String> {
        // An index is read backwards as well: only a mixture of directions needs them said.
        let first = order.first().is_some_and(|it| it.is_descending);
        let is_plain = order.iter().all(|it| it.is_descending == first && it.nulls.is_none());
        let key = |it: &Ordered| {
            let direction = if it.is_descending && !is_plain { " DESC" } else { "" };
            format!("{}{direction}{}", self.key(&it.key), it.nulls.unwrap_or(""))
        };
        order.iter().map(key).collect()
    }

    /// What orders would be of use: those of the statement, and that of an index that it reads now.
    fn orders(&self) -> Vec<Vec<String>> {
        let mut orders: Vec<Vec<String>> =
            self.need.orders.iter().map(|order| self.order(order)).collect();
        if let Some((name, _)) = &self.need.by_index
            && let Some(index) = self.table.indexes.iter().find(|index| index.name == *name)
        {
            orders.push(index.columns.clone());
        }
        if !self.need.groups.is_empty() {
            orders.push(self.need.groups.iter().map(|key| self.key(key)).collect());
        }
        orders
    }

    fn btree(&self, keys: Vec<String>) -> Option<Candidate> {
        let mut once: Vec<String> = Vec::new();
        for key in keys {
            if !once.contains(&key) {
                once.push(key);
            }
        }
        (!once.is_empty() && once.len() <= KEYS_MAX).then(|| Candidate {
            table: self.need.table.clone(),
            on: self.table.sql.clone(),
            method: "btree",
            keys: once,
            ..Candidate::default()
        })
    }

    /// Equalities, then a range or an order; and the same with what else the statement reads.
    fn ordinary(&self) -> Vec<Candidate> {
        let equal = self.equal(&self.need.terms);
        let mut all: Vec<Vec<String>> = Vec::new();
        let heads: Vec<Vec<String>> =
            (0..=equal.len()).rev().map(|count| equal[..count].to_vec()).collect();
        for head in &heads {
            for tail in self.orders() {
                all.push([head.clone(), tail].concat());
            }
            for range in self.ranges(&self.need.terms) {
                all.push([head.clone(), vec![range]].concat());
            }
            all.push(head.clone());
        }
        all.extend(equal.iter().map(|key| vec![key.clone()]));
        let mut candidates: Vec<Candidate> =
            all.into_iter().filter_map(|keys| self.btree(keys)).collect();
        let covering: Vec<Candidate> =
            candidates.iter().take(2).filter_map(|it| self.covering(it)).collect();
        candidates.extend(covering);
        candidates
    }

    /// The same index with the other columns that the statement reads, if they are few and small.
    fn covering(&self, of: &Candidate) -> Option<Candidate> {
        let is_key = |name: &&String| !of.keys.contains(name);
        let missing: Vec<String> = self.need.columns.iter().filter(is_key).cloned().collect();
        let width: f64 = missing
            .iter()
            .filter_map(|name| self.table.column(&plain(name)))
            .map(|column| column.width)
            .sum();
        let is_small =
            !missing.is_empty() && missing.len() <= INCLUDED_MAX && width <= INCLUDED_BYTES_MAX;
        is_small.then(|| Candidate { included: missing, ..of.clone() })
    }

    /// GIN, for what is within a value.
    fn inverted(&self) -> Vec<Candidate> {
        let gin = |key: String| Candidate {
            table: self.need.table.clone(),
            on: self.table.sql.clone(),
            method: "gin",
            keys: vec![key],
            ..Candidate::default()
        };
        let mut found = Vec::new();
        for term in &self.need.terms {
            let key = self.key(&term.key);
            match &term.sift {
                Sift::Contains(operator) => {
                    let kind = self.kind(&term.key);
                    let is_document = kind == "jsonb" && operator == "@>";
                    let is_known = kind == "jsonb"
                        || kind == "tsvector"
                        || kind.ends_with("[]")
                        || term.key.starts_with("to_tsvector(");
                    if is_document {
                        found.push(gin(format!("{key} jsonb_path_ops")));
                    }
                    if is_known {
                        found.push(gin(key));
                    }
                }
                Sift::Within if self.has_trigram => found.push(gin(format!("{key} gin_trgm_ops"))),
                _ => {}
            }
        }
        found
    }

    /// An index over few rows: those for which a condition is true that the text fixes.
    fn partial(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        for (at, term) in self.need.terms.iter().enumerate() {
            let Some(filter) = term.condition.as_ref().filter(|_| self.is_fixed(term)) else {
                continue;
            };
            let others: Vec<Term> = self
                .need
                .terms
                .iter()
                .enumerate()
                .filter(|(other, it)| *other != at && it.condition != term.condition)
                .map(|(_, it)| it.clone())
                .collect();
            let head: Vec<String> = self.equal(&others).into_iter().take(2).collect();
            let mut tails = self.orders();
            tails.extend(self.ranges(&others).into_iter().map(|key| vec![key]));
            if tails.is_empty() {
                tails.push(if head.is_empty() { self.primary() } else { Vec::new() });
            }
            let keys = tails.into_iter().map(|tail| [head.clone(), tail].concat());
            let of = |keys| Some(Candidate { filter: Some(filter.clone()), ..self.btree(keys)? });
            found.extend(keys.filter_map(of));
        }
        found
    }

    /// A key for an index whose condition says all: the one that rows are known by.
    fn primary(&self) -> Vec<String> {
        let key = self.table.indexes.iter().find(|index| index.is_unique && index.is_kept);
        let first = self.table.columns.first().map(|column| identifier(&column.name));
        key.map_or_else(|| first.into_iter().collect(), |index| index.columns.clone())
    }

    /// Whether a condition is the same in every call, and true of few rows.
    fn is_fixed(&self, term: &Term) -> bool {
        let name = plain(cast_of_text(&term.key).unwrap_or(&term.key));
        let Some(column) = self.table.column(&name) else { return false };
        let is_of_text = match term.sift {
            Sift::Null | Sift::NotNull => true,
            Sift::Equal => {
                let value = term.value.as_deref().unwrap_or_default();
                let literal = value.split("::").next().unwrap_or_default();
                let is_boolean = matches!(value, "true" | "false");
                column.distinct <= PARTIAL_VALUES_MAX
                    && self.share(term) * column.distinct <= PARTIAL_MEAN_MAX
                    && (is_boolean || self.texts.iter().all(|text| text.contains(literal)))
            }
            _ => false,
        };
        is_of_text && self.share(term) <= PARTIAL_SHARE_MAX
    }

    /// What finds the rows of one arm of an OR.
    fn arm(&self, arm: &[Term]) -> Option<Candidate> {
        let mut keys = self.equal(arm);
        keys.truncate(2);
        keys.extend(self.ranges(arm).into_iter().take(1));
        self.btree(keys)
    }
}

/// The text within a literal such as `'open'::text`.
fn inner(literal: &str) -> Option<String> {
    let Some(rest) = literal.strip_prefix('\'') else {
        return Some(literal.split("::").next().unwrap_or(literal).to_owned());
    };
    let end = rest.rfind('\'')?;
    Some(rest[..end].replace("''", "'"))
}

impl Candidate {
    /// What stands behind the name in CREATE INDEX.
    pub(super) fn body(&self) -> String {
        let using = if self.method == "btree" { "" } else { " USING gin" };
        let included = match self.included.is_empty() {
            true => String::new(),
            false => format!(" INCLUDE ({})", self.included.join(", ")),
        };
        let filter = self.filter.as_ref().map(|it| format!(" WHERE {it}")).unwrap_or_default();
        format!("ON {}{using} ({}){included}{filter}", self.on, self.keys.join(", "))
    }

    /// Whether it has an expression, of which the server has no numbers until it is there.
    pub(super) fn has_expression(&self) -> bool {
        self.keys.iter().any(|key| key.starts_with('('))
    }

    /// Whether an index that has the keys of `other` and more makes it needless.
    pub(super) fn covers(&self, other: &Candidate) -> bool {
        self != other
            && self.table == other.table
            && (self.method, "btree") == ("btree", other.method)
            && self.filter == other.filter
            && self.keys.starts_with(&other.keys)
            && other.included.iter().all(|it| self.included.contains(it) || self.keys.contains(it))
    }

    /// A name that says what it holds, none of `taken`.
    pub(super) fn name(&self, taken: &BTreeSet<String>) -> String {
        let mut words = vec![word(&self.table.1)];
        words.extend(self.keys.iter().map(|key| word(key)));
        if self.filter.is_some() {
            words.push("partial".into());
        }
        let mut name = words.join("_");
        let end = (0..=NAME_MAX.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
        name.truncate(end.unwrap_or(0));
        let name = name.trim_end_matches('_').to_owned();
        let numbered = (2u32..).map(|n| format!("{name}_{n}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        names.find(|name| !taken.contains(name)).unwrap_or(name)
    }
}

/// The letters and digits of a text, joined by `_`; without the names of operators.
fn word(text: &str) -> String {
    let text = text.split("_ops").next().unwrap_or(text);
    let mut word = String::new();
    for next in text.split("::").next().unwrap_or(text).chars() {
        if next.is_alphanumeric() {
            word.extend(next.to_lowercase());
        } else if !word.is_empty() && !word.ends_with('_') {
            word.push('_');
        }
    }
    word.trim_end_matches('_').to_owned()
}
