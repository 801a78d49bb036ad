//! What a statement is after in each of its tables, by its plan: conditions, order, groups and
//! columns. It asks nothing; the plan may be that of any parameters.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::Node;
use super::term::{Term, arms, columns_in, key, parts, tables_in, term};

/// Conditions on one table; more would cost more than they could bring.
const TERMS_MAX: usize = 24;

/// Arms of one OR.
const ARMS_MAX: usize = 6;

/// A key of ORDER BY.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ordered {
    pub(super) key: String,
    pub(super) is_descending: bool,
    /// NULLS, where they do not come as they do by default.
    pub(super) nulls: Option<&'static str>,
}

/// One use of a table in a statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Need {
    /// Schema and name, as they are, without quotes.
    pub(super) table: (String, String),
    pub(super) terms: Vec<Term>,
    /// ORs: per arm its terms.
    pub(super) choices: Vec<Vec<Vec<Term>>>,
    /// Each a complete order: of ORDER BY, of DISTINCT, of min and max.
    pub(super) orders: Vec<Vec<Ordered>>,
    pub(super) groups: Vec<String>,
    /// Columns that the statement uses anywhere, as they stand in SQL.
    pub(super) columns: BTreeSet<String>,
    /// An index that it reads now in order to have an order, with its direction.
    pub(super) by_index: Option<(String, bool)>,
}

/// Every use of a table in a plan.
pub(super) fn needs(root: &Node) -> Vec<Need> {
    let all = root.all();
    let mut needs: BTreeMap<String, Need> = BTreeMap::new();
    for node in &all {
        if node.relation.is_empty() || node.kind == "ModifyTable" {
            continue;
        }
        let need = needs.entry(quoted_alias(node)).or_default();
        need.table = (node.schema.clone(), node.relation.clone());
        let is_ordered = node.kind.starts_with("Index") && !node.filters.is_empty();
        need.by_index = is_ordered.then(|| (node.index.clone(), node.is_backward));
    }
    for node in &all {
        for (alias, need) in &mut needs {
            // What HAVING asks of a group is no condition on rows.
            let filters = (node.kind != "Aggregate").then_some(&node.filters);
            for condition in filters.into_iter().flatten().chain(&node.conditions) {
                add_condition(condition, alias, need);
            }
            add_order(node, alias, need);
            add_columns(node, std::ptr::eq(*node, root), alias, need);
        }
    }
    needs.into_values().collect()
}

/// The alias as it stands before a column.
fn quoted_alias(node: &Node) -> String {
    let alias = if node.alias.is_empty() { &node.relation } else { &node.alias };
    super::quote::identifier(alias)
}

fn add_condition(condition: &str, alias: &str, need: &mut Need) {
    for part in parts(condition) {
        if need.terms.len() >= TERMS_MAX {
            return;
        }
        let either = arms(part);
        if either.len() > 1 {
            add_choice(&either, alias, need);
            continue;
        }
        let found = term(part, alias);
        need.terms.extend(found.filter(|found| !need.terms.contains(found)));
    }
}

fn add_choice(either: &[&str], alias: &str, need: &mut Need) {
    if either.len() > ARMS_MAX {
        return;
    }
    let terms = |arm: &&str| -> Vec<Term> {
        parts(arm).into_iter().filter_map(|part| term(part, alias)).collect()
    };
    let choice: Vec<Vec<Term>> = either.iter().map(terms).collect();
    if choice.iter().all(|arm| !arm.is_empty()) && !need.choices.contains(&choice) {
        need.choices.push(choice);
    }
}

fn add_order(node: &Node, alias: &str, need: &mut Need) {
    let order: Option<Vec<Ordered>> = node.order.iter().map(|text| ordered(text, alias)).collect();
    if let Some(order) = order.filter(|order| !order.is_empty() && !need.orders.contains(order)) {
        need.orders.push(order);
    }
    let groups: Option<Vec<String>> = node.groups.iter().map(|text| key(text, alias)).collect();
    if let Some(groups) = groups.filter(|groups| !groups.is_empty()) {
        need.groups = groups;
    }
    if node.kind == "Aggregate" && node.groups.is_empty() {
        let extremes = node.output.iter().filter_map(|text| extreme(text, alias));
        for order in extremes {
            if !need.orders.contains(&order) {
                need.orders.push(order);
            }
        }
    }
}

/// `min(o.at)` is the first row by `at`.
fn extreme(text: &str, alias: &str) -> Option<Vec<Ordered>> {
    let inner = text.strip_prefix("max(").or_else(|| text.strip_prefix("min("))?;
    let key = key(inner.strip_suffix(')')?, alias)?;
    Some(vec![Ordered { key, is_descending: false, nulls: None }])
}

fn ordered(text: &str, alias: &str) -> Option<Ordered> {
    let mut rest = text.trim();
    let mut nulls = None;
    for (ending, word) in [(" NULLS FIRST", " NULLS FIRST"), (" NULLS LAST", " NULLS LAST")] {
        if let Some(before) = rest.strip_suffix(ending) {
            (rest, nulls) = (before, Some(word));
        }
    }
    let descending = rest.strip_suffix(" DESC");
    let key = key(descending.unwrap_or(rest), alias)?;
    Some(Ordered { key, is_descending: descending.is_some(), nulls })
}

/// What a scan puts out may be whole rows although fewer columns are wanted.
fn add_columns(node: &Node, is_root: bool, alias: &str, need: &mut Need) {
    let output = (node.relation.is_empty() || is_root).then_some(&node.output);
    let texts = output.into_iter().flatten().chain(&node.filters).chain(&node.conditions);
    for text in texts.chain(&node.order).chain(&node.groups) {
        if tables_in(text).contains(alias) {
            let columns = columns_in(text).into_iter().filter(|(table, _)| table == alias);
            need.columns.extend(columns.map(|(_, column)| column));
        }
    }
}
